"""One column of a race's live view: the view of one answer, on the race's model."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nbstream.reply import Reply
from nbstream.screens.sections import Facts
from nbstream.screens.widget import WidgetScreen


class LaneScreen(WidgetScreen):
    """The view of one answer, as a part of the race's."""

    def __init__(
        self,
        number: int,
        count: int,
        send: Callable[[Mapping[str, object]], None],
        *,
        images: bool,
    ) -> None:
        super().__init__(images=images)
        self._facts = _Moments()
        self._number = number
        self._count = count
        self._send_on = send

    def open(self, reply: Reply) -> None:
        """Begin: the display is the race's."""
        self._began = self._clock()

    def interval_s(self) -> float:
        """Return the wait after the last frame, in seconds; all share the page."""
        return super().interval_s() * self._count

    def close(self, reply: Reply) -> None:
        """Send the last frame, with how it ended."""
        self.update(reply)

    def whole(self) -> dict[str, object]:
        """Return everything so far."""
        return self._whole()

    def _send(self, message: object) -> None:
        self._send_on({"lane": self._number, "said": message})


class _Moments(Facts):
    """The facts of one of them, with the moments as they were and not as painted."""

    def new(self, reply: Reply, elapsed_s: float) -> Mapping[str, object]:
        """Return what has changed; ``first_s`` and ``end_s`` are the reply's own."""
        found = dict(super().new(reply, elapsed_s))
        timing = reply.timing
        if timing is None:
            return found
        first_s, sent_s = timing.time_to_first_token_s, timing.request_sent_s or 0.0
        if "first_s" in found and first_s is not None:
            found["first_s"] = round(first_s + sent_s, 3)
        if "end_s" in found and timing.end_s is not None:
            found["end_s"] = round(timing.end_s, 3)
        self.all |= found
        return found
