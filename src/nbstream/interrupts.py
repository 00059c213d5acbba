"""What the interrupt key (■, ``I I``, Ctrl-C) does while a stream is shown."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias

from nbstream.stop import Stop

__all__ = ["interrupts_pass", "interrupts_raise"]

Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | None


@contextmanager
def interrupts_raise(stop: Stop) -> Iterator[None]:
    """Let the interrupt key (■, ``I I``, Ctrl-C) raise the flag while we block.

    The first press raises the flag and no exception, so that the text can be kept and
    shown. A second one is a plain ``KeyboardInterrupt``, in case we hang. Outside the
    main thread no handler can be set, and none is; nor in a process that was started
    to ignore the key (``nohup``, a job in the background).
    """
    if not _may_set_handler():
        yield
        return

    pressed = False

    def handle(_signum: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed and not stop.looking:  # a look must put back what it took
            raise KeyboardInterrupt
        pressed = True
        if not stop.deaf:
            stop.set("interrupt")

    before = signal.signal(signal.SIGINT, handle)
    try:
        try:
            yield
        finally:
            time.sleep(stop.release())
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
