"""The live view of a race: one widget with a column for each, then a static output."""

from __future__ import annotations

from collections.abc import Sequence

from nbstream._stop import Stop
from nbstream.reply import Reply
from nbstream.screens.base import cell
from nbstream.screens.bundle import Replies, bundle, metadata
from nbstream.screens.widget import LiveDisplay, LiveModel, WidgetScreen, script
from nbstream.static import style

#: What is shown, and saved, where there are no widgets: the end replaces it.
FALLBACK = "The answers are being written. They will be here when they are complete."


class RaceModel(LiveModel):
    """A race's model: that of one answer, with the columns around it."""

    _esm = script("raceView", "race.js")
    _css = style("answer.css", "race.css")


class WidgetRace:
    """One display: a widget while the answers grow, the static bundle at the end.

    Attributes:
        lanes: The screens of those who take part; each one's thread paints its own.
    """

    def __init__(self, names: Sequence[str], *, images: bool, stop: Stop) -> None:
        self._names = names
        self._images = images
        self._stop = stop
        self._display = LiveDisplay()
        self.lanes = [
            LaneScreen(number, len(names), self._display, images=images)
            for number in range(len(names))
        ]

    def open(self, replies: Replies) -> None:
        """Make the display, in the cell that runs now."""
        replies._shown_in = cell()
        self._display.open(
            RaceModel(self._whole, self._on_answer),
            FALLBACK,
            metadata(replies, timed=False),
            stop=self._stop,
        )

    def close(self, replies: Replies) -> None:
        """Replace the widget by what stays. Its model goes once a page has seen it."""
        data = bundle(replies, images=self._images)
        self._display.close(data, metadata(replies, timed=True))

    def _whole(self) -> dict[str, object]:
        """Return everything so far, for a page that is new."""
        with self._display.lock:
            named = zip(self._names, self.lanes, strict=True)
            lanes = [{"name": name, **lane.whole()} for name, lane in named]
            return {"lanes": lanes, **self._display.final}

    def _on_answer(self, kind: str) -> None:
        if kind == "resync":
            with self._display.lock:
                self._display.send({"kind": "whole", "whole": self._whole()})
        elif kind == "seen":
            self._display.seen()


class LaneScreen(WidgetScreen):
    """One column: the view of one answer, whose display and model are the race's."""

    def __init__(
        self, number: int, count: int, display: LiveDisplay, *, images: bool
    ) -> None:
        super().__init__(images=images)
        self._number = number
        self._count = count
        self._race = display

    def open(self, reply: Reply) -> None:
        """Begin: the display is the race's."""
        self._began = self._clock()

    def interval_s(self) -> float:
        """Return the wait after the last frame, in seconds; all share the page."""
        return super().interval_s() * self._count

    def close(self, reply: Reply) -> None:
        """Send the last frame, with how it ended."""
        self.update(reply)

    def _send(self, message: object) -> None:
        self._race.send({"lane": self._number, "said": message})
