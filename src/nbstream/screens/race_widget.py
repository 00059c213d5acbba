"""The live view of a race: one widget with a column for each, then a static output."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from IPython.display import DisplayHandle, display

from nbstream.screens import cell
from nbstream.screens.hands import Hands
from nbstream.screens.live_model import LiveModel, mime_bundle, script, style
from nbstream.screens.race_bundle import race_bundle, race_metadata
from nbstream.screens.race_lane import LaneScreen
from nbstream.stop import Stop

if TYPE_CHECKING:
    from nbstream.player import Screen
    from nbstream.racing import Race

__all__ = ["FALLBACK", "RaceModel", "WidgetRace"]

#: What is shown, and saved, where there are no widgets: the end replaces it.
FALLBACK = "The answers are being written. They will be here when they are complete."


class RaceModel(LiveModel):
    """A race's model: that of one answer, with the columns around it."""

    _esm = script("raceView", "race.js")
    _css = style("view.css", "race.css")


class WidgetRace:
    """One display: a widget while the answers grow, the static bundle at the end."""

    def __init__(self, names: Sequence[str], *, images: bool, stop: Stop) -> None:
        self._images = images
        self._stop = stop
        self._lock = threading.RLock()
        self._lanes = {
            name: LaneScreen(number, len(names), self._send, images=images)
            for number, name in enumerate(names)
        }
        self._final: dict[str, object] | None = None
        self._model: RaceModel | None = None
        self._hands: Hands | None = None
        self._handle: DisplayHandle | None = None

    def open(self, replies: Race) -> None:
        """Make the display, in the cell that runs now."""
        replies.shown_in = cell()
        self._model = RaceModel(self._whole, self._on_answer)
        self._hands = Hands(self._model, self._stop)
        self._handle = display(
            mime_bundle(self._model, FALLBACK),
            raw=True,
            metadata=race_metadata(replies, timed=False),
            display_id=True,
        )

    def lane(self, number: int) -> Screen:
        """Return the screen of one of them."""
        return list(self._lanes.values())[number]

    def close(self, replies: Race) -> None:
        """Replace the widget by what stays. Its model goes once a page has seen it."""
        data = race_bundle(replies, images=self._images)
        beside = race_metadata(replies, timed=True)
        with self._lock:
            self._final = {"data": data, "metadata": beside}
            self._send({"kind": "swap"})
        if self._handle is not None:
            self._handle.update(data, raw=True, metadata=beside)
        self._send({"kind": "swapped"})
        if self._hands is not None:
            self._hands.close()
        if self._model is not None:
            self._model.keep()

    def _whole(self) -> dict[str, object]:
        """Return everything so far, for a page that is new."""
        lanes = [{"name": name, **lane.whole()} for name, lane in self._lanes.items()]
        whole: dict[str, object] = {"lanes": lanes}
        if self._final is not None and self._model is not None:
            whole["final"] = {"model_id": self._model.model_id, **self._final}
        return whole

    def _send(self, message: Mapping[str, object]) -> None:
        if self._model is not None:
            self._model.send(message)

    def _on_answer(self, kind: str) -> None:
        if kind == "resync":
            self._send({"kind": "whole", "whole": self._whole()})
        elif kind == "seen" and self._final is not None and self._model is not None:
            self._model.close()
