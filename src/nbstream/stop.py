"""One flag that ends a stream, and the hands that may raise it."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import Literal, Protocol, TypeAlias

__all__ = ["Grip", "Hand", "Stop"]

Hand: TypeAlias = Literal["interrupt", "call", "button"]


#: How long the click that explains an interrupt may take to arrive, in seconds, and
#: how often it is looked for.
GRACE_S = 0.02
GRACE_LOOKS = 5


class Grip(Protocol):
    """How a button is reached while a cell blocks; see ``nbstream.screens.hands``."""

    @property
    def step_s(self) -> float:
        """How long to wait between two looks at most, in seconds."""
        ...

    def look(self) -> None:
        """Look for a click that a busy kernel has not delivered; main thread."""
        ...

    def over(self) -> None:
        """Tell the front end that there is nothing left to stop; any thread, once."""
        ...

    def release(self) -> float:
        """Tell the front end that the cell blocks no more; main thread.

        Returns how long the cell must still wait for a late interrupt, in seconds.
        """
        ...


class Stop:
    """A flag that is raised once; and the bell that wakes whoever waits for it.

    The bell is a ``SimpleQueue``: its ``put`` may be called from a signal handler,
    and inside another ``put``, which ``Event.set`` and ``Queue.put`` may not.
    """

    def __init__(self) -> None:
        self.by: Hand | None = None
        self.looking = False
        self.deaf = False
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._grip: Grip | None = None

    def set(self, by: Hand) -> None:
        """Raise the flag. The first hand counts; any thread; never blocks.

        A button explains an interrupt: its click may have sent it (see ``Grip``).
        """
        if self.by is None or (by == "button" and self.by == "interrupt"):
            self.by = by
        self.ring()

    def is_set(self) -> bool:
        """Tell whether any hand has raised the flag."""
        return self.by is not None

    def ring(self) -> None:
        """Wake the one who waits."""
        self._bell.put(None)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the bell; True if it rang. Each wait is also a look.

        It may be shorter than asked, so that the next look comes in time.
        """
        self.look()
        try:
            self._bell.get(timeout=max(self.step_s(timeout_s), 0.0005))
        except Empty:
            return False
        return True

    def attach(self, grip: Grip) -> None:
        """Let the button of a screen be a hand."""
        self._grip = grip

    def step_s(self, longest_s: float) -> float:
        """Return how long to wait at most until the next look, in seconds."""
        return longest_s if self._grip is None else min(longest_s, self._grip.step_s)

    def look(self) -> None:
        """Look for a click; does something in a blocked main thread only."""
        in_main = threading.current_thread() is threading.main_thread()
        if self._grip is None or not in_main:
            return
        self.looking = True
        try:
            self._grip.look()
        finally:
            self.looking = False

    def over(self) -> None:
        """Say that there is nothing left to stop; a click that waits still counts."""
        if self._grip is not None:
            self.look()
            for _ in range(GRACE_LOOKS):  # a click may come just behind its interrupt
                if self.by != "interrupt":
                    break
                self.wait(GRACE_S)
            self._grip.over()
            self.release()

    def release(self) -> float:
        """Say that the cell blocks no more; return how long it must still wait.

        An interrupt that the button sent too late must not hit the next cell: it may
        be under way, and it means nothing any more.
        """
        linger_s = self._grip.release() if self._grip is not None else 0.0
        self.deaf = linger_s > 0
        return linger_s
