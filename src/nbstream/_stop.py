"""One flag that ends a stream, and the hands that may raise it."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import Literal, Protocol, TypeAlias

from nbstream._workers import LOOK_S, THREADS, pause, wait_until
from nbstream.errors import Stopped

Hand: TypeAlias = Literal["interrupt", "call", "button"]


#: How long the click that explains an interrupt may take to arrive, in seconds, and
#: how often it is looked for.
GRACE_S = 0.02
GRACE_LOOKS = 5


class Grip(Protocol):
    """How a button is reached while a cell blocks; see ``screens.stop_button``."""

    @property
    def step_s(self) -> float:
        """How long to wait between two looks at most, in seconds."""

    def look(self) -> None:
        """Look for a click that a busy kernel has not delivered; main thread."""

    def over(self) -> None:
        """Tell the front end that there is nothing left to stop; any thread, once."""

    def release(self) -> float:
        """Tell the front end that the cell blocks no more; main thread.

        Returns how long the cell must still wait for a late interrupt, in seconds.
        """


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
        self._cells = threading.main_thread()

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
        longest_s = max(self.step_s(timeout_s), 0.0005)
        if not THREADS:
            wait_until(lambda: not self._bell.empty(), longest_s)
        try:
            self._bell.get(THREADS, longest_s)
        except Empty:
            return False
        return True

    async def blocked(self, timeout_s: float) -> None:
        """Wait as ``wait`` does: who runs this does not let go of it (``finish``)."""
        self.wait(timeout_s)

    async def awaited(self, timeout_s: float) -> None:
        """Wait in a worker: block its thread, or let the other tasks run."""
        if THREADS:
            self.wait(timeout_s)
            return
        self.look()
        until_s = time.monotonic() + self.step_s(timeout_s)
        while self._bell.empty() and time.monotonic() < until_s:
            await asyncio.sleep(LOOK_S)
        with suppress(Empty):
            self._bell.get_nowait()

    def attach(self, grip: Grip, cells: threading.Thread | None = None) -> None:
        """Let the button of a screen be a hand; ``cells``: the thread that runs them.

        By itself that is the main thread.
        """
        self._grip = grip
        self._cells = cells or threading.main_thread()

    def step_s(self, longest_s: float) -> float:
        """Return how long to wait at most until the next look, in seconds."""
        return longest_s if self._grip is None else min(longest_s, self._grip.step_s)

    def look(self) -> None:
        """Look for a click; does something in the thread of a blocked cell only."""
        if self._grip is None or threading.current_thread() is not self._cells:
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


# -- What the interrupt key (■, ``I I``, Ctrl-C) does while a stream is shown.

Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | None


#: So long the first press has, in seconds, to close the stream, and to keep and show
#: what came; impatient ones until then must not break that off.
PATIENCE_S = 1.0


@contextmanager
def interrupts_raise(
    stop: Stop, clock: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Let the interrupt key (■, ``I I``, Ctrl-C) raise the flag while we block.

    The first press raises the flag and no exception, so that the text can be kept and
    shown. One that comes a second later is a plain ``KeyboardInterrupt``, in case we
    hang. Outside the main thread no handler can be set, and none is; nor in a process
    that was started to ignore the key (``nohup``, a job in the background).
    """
    if not _may_set_handler():
        yield
        return

    until_s: float | None = None

    def handle(_signum: int, _frame: FrameType | None) -> None:
        nonlocal until_s
        if until_s is None:
            until_s = clock() + PATIENCE_S
        elif clock() >= until_s and not stop.looking:  # a look must put back its take
            raise KeyboardInterrupt
        if not stop.deaf:
            stop.set("interrupt")

    before = signal.signal(signal.SIGINT, handle)
    try:
        try:
            yield
        finally:
            pause(stop.release())
    finally:
        stop.deaf = False
        # None: the handler was not set from Python, and cannot be put back from it.
        signal.signal(signal.SIGINT, before or signal.default_int_handler)


class _Awaiting:
    """One handler for all stops that are awaited: they end in no certain order."""

    def __init__(self) -> None:
        self.stops: set[Stop] = set()
        self._before: Handler = None
        self._handler = self._press  # one object, to be known again

    def add(self, stop: Stop) -> None:
        self.stops.add(stop)
        if signal.getsignal(signal.SIGINT) is not self._handler:
            self._before = signal.signal(signal.SIGINT, self._handler)

    def remove(self, stop: Stop) -> None:
        self.stops.discard(stop)
        # What somebody has set since is theirs, and may lead back to us.
        if not self.stops and signal.getsignal(signal.SIGINT) is self._handler:
            signal.signal(signal.SIGINT, self._before or signal.default_int_handler)

    def _press(self, signum: int, frame: FrameType | None) -> None:
        heard = [stop for stop in tuple(self.stops) if not stop.deaf]
        if self.stops and not heard:
            return  # a late one, sent by a button that has been answered
        for stop in heard:
            stop.set("interrupt")
        before = self._before if callable(self._before) else signal.default_int_handler
        before(signum, frame)


_awaiting = _Awaiting()


@contextmanager
def interrupts_pass(stop: Stop) -> Iterator[None]:
    """Let the interrupt key raise the flag while we await, and go on as it would.

    What it does to a running event loop is the loop's owner's business: asyncio and
    ipykernel cancel a task, IPython's terminal leaves the loop.
    """
    if not _may_set_handler():
        yield
        return
    _awaiting.add(stop)
    try:
        yield
    finally:
        _awaiting.remove(stop)


def _may_set_handler() -> bool:
    in_main = threading.current_thread() is threading.main_thread()
    return in_main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


# -- End a script that was interrupted as a shell expects it: one line, status 130.

#: 128 + SIGINT: what shells say of a program that Ctrl-C has ended.
INTERRUPTED = 130


def end_script_in_one_line() -> None:
    """Let a ``Stopped`` that nobody catches end a script without a traceback.

    Python knows only ``KeyboardInterrupt`` itself as Ctrl-C, not what is one by
    inheritance: it would exit with 1. Nothing is changed at a prompt, in IPython, or
    where somebody has a hook of their own; and nothing before a stop.
    """
    if sys.excepthook is sys.__excepthook__ and not hasattr(sys, "ps1"):
        sys.excepthook = _report


def _report(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not isinstance(error, Stopped):
        sys.__excepthook__(kind, error, trace)
        return
    sys.stderr.write("KeyboardInterrupt\n")
    raise SystemExit(INTERRUPTED)
