"""Only the normalising: a stream as an iterable of events, sync or async."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, suppress
from queue import Empty, SimpleQueue

from nbstream._player import GIVE_UP_S, RETRY_S
from nbstream._reader import Reader
from nbstream._timeout import RAW, Timeout, Watchdog, timeout_of
from nbstream._workers import THREADS, pause, wait_until, worker
from nbstream.errors import UsageError, failure_of
from nbstream.reply import Reply
from nbstream.streams import open_source
from nbstream.types import Event, Failure, Stream, is_visible

#: A signal that comes just before a lock is waited for is seen after the wait only.
_STEP_S = 0.1


def events(stream: Stream, *, timeout: float | Timeout | None = None) -> Events:
    """Iterate over a stream's events, with ``for`` or ``async for``; no display.

    Takes what ``show`` takes, and its ``timeout``. Leaving the loop, by ``break`` or
    an exception, closes the connection. If the service fails, the last event is a
    ``Failure``, and then ``ProviderFailure`` is raised with ``.reply``, what had
    arrived.
    """
    return Events(stream, timeout_of(timeout))


class _End:
    """What follows the last batch of events."""

    def __init__(self, exception: BaseException | None) -> None:
        self.exception = exception


class Events:
    """A stream's events. ``reply`` adds them up on the way."""

    def __init__(
        self, stream: object, timeout: Timeout, reply: Reply | None = None
    ) -> None:
        self.reply = Reply() if reply is None else reply
        self._timeout = timeout
        self._source = open_source(stream)
        self._reader = Reader(self.reply)
        self._ended = False

    def _start(self, put: Callable[[Sequence[Event] | _End], None]) -> None:
        def on_end(exception: BaseException | None) -> None:
            self._ended = True
            put(_End(exception))

        watch = self._watchdog = Watchdog(self._timeout)

        def on_payload(payload: object) -> None:
            if self.reply.outcome == "running":  # else the loop was left
                found = self._reader.push(payload)
                if found or type(payload) not in RAW:
                    watch.heard()
                if any(is_visible(event) for event in found):
                    watch.token()
                put(found)

        self._source.start(on_payload, on_end)

    def _last(self, end: _End) -> Sequence[Event]:
        """End the reply and return the events that this makes."""
        try:
            if isinstance(end.exception, UsageError):
                raise end.exception
            found = list(self._reader.finish()) if end.exception is None else []
        except UsageError as problem:
            self.reply._end(exception=problem)
            raise
        told = self.reply.error
        self.reply._end(exception=end.exception)
        if self.reply.outcome == "failed" and self.reply.error is not told:
            found.append(self.reply.error or Failure(type="unknown", message=""))
        return found

    def _raise_failure(self, end: _End) -> None:
        if self.reply.outcome == "failed":
            raise failure_of(self.reply) from end.exception

    def __iter__(self) -> Iterator[Event]:
        if self._source.needs_await:
            msg = "this async stream lives in the running event loop: use `async for`"
            raise UsageError(msg)
        queue: SimpleQueue[Sequence[Event] | _End] = SimpleQueue()
        self._start(queue.put)
        try:
            while not isinstance(batch := self._next(queue), _End):
                yield from batch
            yield from self._last(batch)
            self._raise_failure(batch)
        finally:
            self.reply._end(stopped=True)
            self._close()

    async def __aiter__(self) -> AsyncIterator[Event]:
        async with aclosing(self.batches()) as batches:
            async for batch in batches:
                for event in batch:
                    yield event

    async def batches(self) -> AsyncGenerator[Sequence[Event]]:
        """Give the events as they came, several at a time; leave it by ``aclose``."""
        self._source.awaited = "users"
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Sequence[Event] | _End] = asyncio.Queue()

        def put(batch: Sequence[Event] | _End) -> None:
            with suppress(RuntimeError):  # the loop was left, and is closed by now
                loop.call_soon_threadsafe(queue.put_nowait, batch)

        self._start(put)
        try:
            while not isinstance(batch := await self._anext(queue), _End):
                yield batch
            yield self._last(batch)
            self._raise_failure(batch)
        finally:
            self.reply._end(stopped=True)
            await self._close_async()

    def _next(
        self, queue: SimpleQueue[Sequence[Event] | _End]
    ) -> Sequence[Event] | _End:
        """Return what comes next, or the timeout that has passed."""
        while (late := self._watchdog.overdue()) is None:
            left_s = max(self._watchdog.left_s(), 0.0)  # it may have passed just now
            left_s = min(left_s, _STEP_S)
            if not THREADS:
                wait_until(lambda: not queue.empty(), left_s)
            with suppress(Empty):
                return queue.get(THREADS, left_s)
        return _End(late)

    async def _anext(
        self, queue: asyncio.Queue[Sequence[Event] | _End]
    ) -> Sequence[Event] | _End:
        while (late := self._watchdog.overdue()) is None:
            left_s = self._watchdog.left_s()
            # `wait_for` of Python 3.11 forgets a cancellation if something has come.
            limit_s = None if left_s == math.inf else max(left_s, 0.001)
            with suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    return await queue.get()
        return _End(late)

    def _close(self) -> None:
        deadline = time.monotonic() + GIVE_UP_S
        while not self._ended and time.monotonic() < deadline:
            self._source.interrupt()
            pause(RETRY_S)

    async def _close_async(self) -> None:
        # After a plain `break` asyncio closes us later, in a task that it may cancel
        # while the loop ends: a thread sees it through.
        if not self._ended:
            closing = worker(self._close, "nbstream-close")
            closing.start()
            while closing.is_alive():
                await asyncio.sleep(RETRY_S)
