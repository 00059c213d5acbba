"""Set environment variables for a while, and put back what was there."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["Borrowed"]


class Borrowed:
    """Variables we have set, with what they were before.

    A variable that somebody has changed since is theirs again: its new value is what
    counts as real, and it is not put back.
    """

    def __init__(self) -> None:
        self._was: dict[str, str | None] = {}
        self._ours: dict[str, str | None] = {}

    def set(self, values: Mapping[str, str | None]) -> None:
        """Set variables; ``None`` unsets one."""
        for name, value in values.items():
            self._was[name] = self.real(name)
            self._ours[name] = value
            _put(name, value)

    def real(self, name: str) -> str | None:
        """Return a variable as it is without us."""
        current = os.environ.get(name)
        if name in self._ours and current == self._ours[name]:
            return self._was[name]
        return current

    def give_back(self) -> None:
        """Put back every variable that still has our value."""
        for name in list(self._ours):
            real = self.real(name)
            if real != os.environ.get(name):
                _put(name, real)
        self._was.clear()
        self._ours.clear()


def _put(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
