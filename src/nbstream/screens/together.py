"""Several screens that show one reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbstream.reply import Reply

if TYPE_CHECKING:
    from nbstream._player import Screen

__all__ = ["Together"]


class Together:
    """Shows on each of them; the one that wants to be asked least sets the pace."""

    def __init__(self, screens: Sequence[Screen]) -> None:
        self._screens = screens
        self.in_the_cell = any(each.in_the_cell for each in screens)

    def open(self, reply: Reply) -> None:
        """Begin on each."""
        for each in self._screens:
            each.open(reply)

    def interval_s(self) -> float:
        """Return the longest wait that one of them wants, in seconds."""
        return max(each.interval_s() for each in self._screens)

    def update(self, reply: Reply) -> None:
        """Show the reply as it is now."""
        for each in self._screens:
            each.update(reply)

    def wait(self, reply: Reply, seconds_left: int, why: str) -> None:
        """Count down on those that can."""
        for each in self._screens:
            wait = getattr(each, "wait", None)
            if wait is not None:
                wait(reply, seconds_left, why)

    def close(self, reply: Reply) -> None:
        """Show the reply as it stays."""
        for each in self._screens:
            each.close(reply)
