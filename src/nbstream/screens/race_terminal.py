"""A race on a terminal: one after the other, whoever is faster."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nbstream.reply import Reply
from nbstream.screens.terminal import TerminalScreen

if TYPE_CHECKING:
    from nbstream._player import Screen
    from nbstream.racing import Race


class TerminalRace:
    """One after the other: the first is written as it comes, then the next so far.

    What stands there in the end does not depend on who was faster, but for the last
    lines, which say that.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._lock = threading.RLock()
        self._names = names
        self._lanes = [_Turn(self, number) for number in range(len(names))]
        self._at = -1
        self._replies: Mapping[str, Reply] = {}

    def open(self, replies: Race) -> None:
        """Begin with the first one."""
        self._replies = replies
        self._next()

    def lane(self, number: int) -> Screen:
        """Return the screen of one of them, which waits for its turn."""
        return self._lanes[number]

    def close(self, replies: Race) -> None:
        """Say who was how fast."""
        sys.stdout.write(f"{replies}\n")

    def update(self, number: int, reply: Reply) -> None:
        """Write what is new of one of them, if it has its turn."""
        with self._lock:
            if number == self._at:
                self._lanes[number].own.update(reply)

    def ended(self, number: int) -> None:
        """Write the rest of one of them, and of those behind it that have ended."""
        with self._lock:
            self._lanes[number].ended = True
            while self._at < len(self._lanes) and self._lanes[self._at].ended:
                reply = self._replies[self._names[self._at]]
                self._lanes[self._at].own.close(reply)
                sys.stdout.write("\n")
                self._next()

    def _next(self) -> None:
        self._at += 1
        if self._at < len(self._lanes):
            name = self._names[self._at]
            sys.stdout.write(f"== {name} ==\n")
            self._lanes[self._at].own.update(self._replies[name])


class _Turn:
    """The screen of one of them on a terminal."""

    in_the_cell = False

    def __init__(self, race: TerminalRace, number: int) -> None:
        self.own = TerminalScreen()
        self.ended = False
        self._race = race
        self._number = number

    def open(self, reply: Reply) -> None:
        """Show nothing yet."""
        self.own.open(reply)

    def interval_s(self) -> float:
        """Return the wait between two looks, in seconds."""
        return self.own.interval_s()

    def update(self, reply: Reply) -> None:
        """Write what is new, in its turn."""
        self._race.update(self._number, reply)

    def close(self, reply: Reply) -> None:
        """Write the rest, in its turn."""
        self._race.ended(self._number)
