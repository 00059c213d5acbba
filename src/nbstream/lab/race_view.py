"""The live view of a race: one widget with a column for each, then a static output."""

from __future__ import annotations

from collections.abc import Sequence

from nbstream._stop import Stop
from nbstream.reply import Reply
from nbstream.screens.bundle import Replies
from nbstream.screens.widget import LiveModel, LiveScreen, WidgetScreen, script
from nbstream.static import style

#: What is shown, and saved, where there are no widgets: the end replaces it.
FALLBACK = "The answers were still being written."


class RaceModel(LiveModel):
    """A race's model: that of one answer, with the columns around it."""

    _esm = script("raceView", "race.js")
    _css = style("answer.css", "race.css")


class WidgetRace(LiveScreen[Replies]):
    """The live view of a race.

    Attributes:
        lanes: The screens of those who take part; each one's thread paints its own.
    """

    fallback = FALLBACK
    model_class = RaceModel

    def __init__(self, names: Sequence[str], *, images: bool, stop: Stop) -> None:
        super().__init__(images=images, stop=stop)
        self._names = names
        self.lanes = [
            LaneScreen(number, self, images=images) for number in range(len(names))
        ]

    def whole(self) -> dict[str, object]:
        """Return everything so far, for a page that is new."""
        with self._lock:
            named = zip(self._names, self.lanes, strict=True)
            lanes = [{"name": name, **lane.whole()} for name, lane in named]
            return {"lanes": lanes, **super().whole()}


class LaneScreen(WidgetScreen):
    """One column: the view of one answer, whose display and model are the race's."""

    def __init__(self, number: int, race: WidgetRace, *, images: bool) -> None:
        super().__init__(images=images)
        self._number = number
        self._race = race

    def open(self, reply: Reply) -> None:
        """Begin: the display is the race's."""
        self._began = self._clock()

    def interval_s(self) -> float:
        """Return the wait after the last frame, in seconds; all share the page."""
        return super().interval_s() * len(self._race.lanes)

    def follow(self, shown: Reply) -> float:
        """Update the race's display where no page has the widget."""
        race = self._race
        return 0.0 if race._shown is None else race.follow(race._shown)

    def close(self, reply: Reply) -> None:
        """Send the last frame, with how it ended."""
        self.update(reply)

    def send(self, message: object) -> None:
        """Send a custom message as that of this lane."""
        self._race.send({"lane": self._number, "said": message})
