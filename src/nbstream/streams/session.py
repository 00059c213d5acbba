"""Pass what a driver reads to its owner: in order, until an end that comes once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Protocol

from nbstream._workers import THREADS, breathe, wait_until


class Interrupted(BaseException):
    """Raised inside a worker thread to make it stop.

    Not an ``Exception``: an SDK that retries after errors must not retry this.
    """


class Abandoned(BaseException):
    """Given to ``on_end`` when the reader could not be woken in time.

    It sleeps in code that nothing can interrupt. It sends no further request and
    delivers nothing more: it is stopped as soon as it wakes.
    """


class Abortable(Protocol):
    """A request that no socket carries: a page's ``fetch``, or one in memory."""

    def abort(self) -> object:
        """End it: who reads its answer gets an error. Any thread; may be repeated."""


#: The session of the reader that runs in this context.
reading: ContextVar[Session | None] = ContextVar("nbstream-reading", default=None)


def carried(request: Abortable) -> None:
    """Let the stop of the stream that is read here abort this request.

    Raises:
        Interrupted: it has been stopped; an SDK that tries again may not.
    """
    session = reading.get()
    if session is not None:
        session.requests.append(request)
        if session.stopping:
            raise Interrupted


#: As many bytes are read between two looks at the flag: a compressed kilobyte may
#: hold a megabyte of lines without a word.
MOST_AT_ONCE = 1 << 17


class Session:
    """The two callbacks of one run, and the flags its driver and stopper share."""

    def __init__(
        self,
        on_payload: Callable[[object], None],
        on_end: Callable[[BaseException | None], None],
    ) -> None:
        self._on_payload = on_payload
        self._on_end = on_end
        self._gate = threading.Lock()
        # A plain lock, held until the end. `Event.set` takes a lock of its own and
        # can deadlock in a signal handler, which is where stops come from.
        self._running = threading.Lock()
        self._running.acquire()
        self.requests: list[Abortable] = []
        self.stopping = False
        self.over = False

    @property
    def alive(self) -> bool:
        """Whether ``on_end`` has still to return."""
        return self._running.locked()

    def offer(self, item: object) -> bool:
        """Deliver one item; tell whether to go on reading."""
        if type(item) is bytes and len(item) > MOST_AT_ONCE:
            return all(
                self.offer(item[start : start + MOST_AT_ONCE])
                for start in range(0, len(item), MOST_AT_ONCE)
            )
        with self._gate:
            if self.over:
                return False
            self._on_payload(item)
        if not THREADS:
            breathe()
        return not self.stopping

    def finish(self, error: BaseException | None) -> None:
        """Report the end, unless the run was abandoned before."""
        with self._gate:
            if self.over:
                return
            self.over = True
        self._end(error)

    def abandon(self, reason: str) -> bool:
        """Report the end although the reader lives; never blocks."""
        with self.not_delivering() as quiet:
            if not quiet or self.over:
                return False  # if it delivers just now, the next attempt decides
            self.over = True
        self._end(Abandoned(reason))
        return True

    def abort_requests(self) -> None:
        """End those of its requests that no socket carries."""
        for request in self.requests:
            request.abort()

    @contextmanager
    def not_delivering(self) -> Iterator[bool]:
        """Keep items back for a moment; false if one is being delivered just now.

        A stopper must not touch a thread while it runs its owner's callback.
        """
        quiet = self._gate.acquire(blocking=False)
        try:
            yield quiet
        finally:
            if quiet:
                self._gate.release()

    def undisturbed(self) -> AbstractContextManager[bool]:
        """Keep stoppers away for a moment: see ``not_delivering``."""
        return self._gate

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end; tell whether it came."""
        if not THREADS:
            return wait_until(lambda: not self.alive, timeout_s)
        if not self._running.acquire(timeout=max(0.0, timeout_s)):
            return False
        self._running.release()
        return True

    def _end(self, error: BaseException | None) -> None:
        try:
            self._on_end(error)
        finally:
            self._running.release()
