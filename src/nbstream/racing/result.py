"""What a race gives: its replies, by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from nbstream.errors import Stopped
from nbstream.reply import Reply
from nbstream.screens.base import cell, place

__all__ = ["Race", "RaceStopped", "last_race", "racing", "said"]


class Race(dict[str, Reply]):
    """The replies of a race, by the names of who took part, in their order.

    ``str(race)`` says who was how fast, and ``nbstream.plot(race)`` draws it.

    Attributes:
        shown_in: The cell whose output already shows it; it is not shown twice there.
    """

    def __init__(self, replies: Mapping[str, Reply]) -> None:
        super().__init__(replies)
        self.shown_in: object = None

    def __str__(self) -> str:
        return "\n".join(said(name, reply) for name, reply in self.items())

    def _ipython_display_(self) -> None:
        """Show it, unless this very cell has shown it as it ran."""
        here = cell()
        if place() == "terminal":  # it has written `Out[1]: ` already
            sys.stdout.write(f"{self}\n")
        elif here is None or self.shown_in != here:
            from nbstream.screens.race_bundle import show_again

            show_again(self)


class RaceStopped(Stopped):
    """The reader pressed interrupt. ``replies`` is the race, as far as it had come."""

    def __init__(self, message: str, replies: Race) -> None:
        self.replies = replies
        super().__init__(message, next(iter(replies.values())))


def said(name: str, reply: Reply) -> str:
    """Return one line: how fast it was, how long the answer, how it ended."""
    timing = reply.timing
    first_s = timing.time_to_first_token_s if timing is not None else None
    first = "no token" if first_s is None else f"first token after {first_s:.2f} s"
    line = f"{name}: {first}, {len(reply.text):,} characters, {reply.outcome}"
    if timing is None or timing.end_s is None:
        return line
    return f"{line} after {timing.end_s - (timing.request_sent_s or 0.0):.2f} s"


_last: Race | None = None


def last_race() -> Race | None:
    """Return the race that ended last, also a stopped one; None at first."""
    return _last


@contextmanager
def racing(replies: Race) -> Iterator[None]:
    """Let ``last_race`` find this one, however it ends."""
    global _last
    try:
        yield
    finally:
        _last = replies
