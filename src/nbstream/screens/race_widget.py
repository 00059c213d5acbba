"""The live view of a race: one widget with a column for each, then a static output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbstream._stop import Stop
from nbstream.screens.base import cell
from nbstream.screens.race_bundle import race_bundle, race_metadata
from nbstream.screens.race_lane import LaneScreen
from nbstream.screens.widget import LiveDisplay, LiveModel, script
from nbstream.static import style

if TYPE_CHECKING:
    from nbstream._player import Screen
    from nbstream.racing import Race

#: What is shown, and saved, where there are no widgets: the end replaces it.
FALLBACK = "The answers are being written. They will be here when they are complete."


class RaceModel(LiveModel):
    """A race's model: that of one answer, with the columns around it."""

    _esm = script("raceView", "race.js")
    _css = style("answer.css", "race.css")


class WidgetRace:
    """One display: a widget while the answers grow, the static bundle at the end."""

    def __init__(self, names: Sequence[str], *, images: bool, stop: Stop) -> None:
        self._images = images
        self._stop = stop
        self._display = LiveDisplay()
        self._lanes = {
            name: LaneScreen(number, len(names), self._display.send, images=images)
            for number, name in enumerate(names)
        }

    def open(self, replies: Race) -> None:
        """Make the display, in the cell that runs now."""
        replies.shown_in = cell()
        self._display.open(
            RaceModel(self._whole, self._on_answer),
            FALLBACK,
            race_metadata(replies, timed=False),
            stop=self._stop,
        )

    def lane(self, number: int) -> Screen:
        """Return the screen of one of them."""
        return list(self._lanes.values())[number]

    def close(self, replies: Race) -> None:
        """Replace the widget by what stays. Its model goes once a page has seen it."""
        data = race_bundle(replies, images=self._images)
        self._display.close(data, race_metadata(replies, timed=True))

    def _whole(self) -> dict[str, object]:
        """Return everything so far, for a page that is new."""
        with self._display.lock:
            lanes = [{"name": name, **one.whole()} for name, one in self._lanes.items()]
            return {"lanes": lanes, **self._display.final}

    def _on_answer(self, kind: str) -> None:
        if kind == "resync":
            with self._display.lock:
                self._display.send({"kind": "whole", "whole": self._whole()})
        elif kind == "seen":
            self._display.seen()
