"""Read an asynchronous stream as a task of an event loop."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import inspect
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from typing import Any, Self, cast

from nbstream._failures import FirstBytes
from nbstream._workers import THREADS
from nbstream.streams import referents, shapes, sockets
from nbstream.streams.session import Abandoned, Session, reading

# -- Keep one event loop of our own, in one daemon thread, for all streams.


class _Background:
    """A loop that runs until the interpreter ends."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(
            target=self._run, name="nbstream-loop", daemon=True
        )
        try:
            self.thread.start()
        except RuntimeError:  # no thread is to be had
            self.loop.close()
            raise
        atexit.register(self.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def stop(self) -> None:
        """End the loop and its thread, unless other code blocks them."""
        if not self.loop.is_closed() and self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(1.0)


_guard = threading.Lock()
_current: list[_Background] = []


def background_loop() -> asyncio.AbstractEventLoop:
    """Return the shared loop; start it if need be (also anew after a fork).

    Where there are no threads, it is the one that runs.
    """
    if not THREADS:
        return asyncio.get_running_loop()
    with _guard:
        if not (_current and _current[0].thread.is_alive()):
            _current[:] = [_Background()]
        return _current[0].loop


def retire(loop: asyncio.AbstractEventLoop) -> None:
    """Use a fresh loop from now on, as ``loop`` is blocked. Never blocks."""
    if _current and _current[0].loop is loop:
        _current.clear()


# -- Keep connections of one event loop away from another.

# An HTTP client keeps idle connections, each bound to the loop that opened it. Used on
# another loop such a connection fails or hangs *after* the request was sent. So the
# clients of a stream are cleared of foreign idle connections before it runs on our
# loop, and of ours after it. (google-genai keeps a pool per loop itself.)


class Pools:
    """The connection pools that a stream's call can reach."""

    def __init__(self, pools: list[object]) -> None:
        self._pools = pools

    @classmethod
    def of(cls, stream: object) -> Self:
        """Find the pools behind a call that has not been sent yet."""
        met = referents.walk(stream, names=lambda _: True)
        return cls([found for found in met if referents.is_pool(found)])

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[None]:
        """Use them on the running loop, and leave nothing of it behind."""
        self._release_foreign()
        try:
            yield
        finally:
            await self._release_own()

    def _release_foreign(self) -> None:
        here = asyncio.get_running_loop()
        for connection, loop in self._idle():
            if loop is here:
                continue
            self._forget(connection)
            for found in referents.walk(connection):
                abort = getattr(type(found), "abort", None)  # of asyncio's transports
                if abort is not None and hasattr(type(found), "is_closing"):
                    with contextlib.suppress(RuntimeError):  # its loop is closed
                        loop.call_soon_threadsafe(abort, found)
                    break

    async def _release_own(self) -> None:
        """Close idle connections of the running loop."""
        here = asyncio.get_running_loop()
        for connection, loop in self._idle():
            if loop is here:
                self._forget(connection)
                await connection.aclose()

    def _idle(self) -> Iterator[tuple[Any, asyncio.AbstractEventLoop]]:
        for pool in self._pools:
            for connection in list(_connections(pool)):
                if hasattr(connection, "is_idle") and connection.is_idle():
                    loop = referents.nearest_loop(connection)
                    if loop is not None:
                        yield connection, loop

    def _forget(self, connection: object) -> None:
        for pool in self._pools:
            with contextlib.suppress(ValueError):
                _connections(pool).remove(connection)


def _connections(pool: object) -> list[Any]:
    held = getattr(pool, referents.POOLS[type(pool).__name__][0], None)
    return held if isinstance(held, list) else []


#: A loop that has not acted on the cancellation for this long is blocked by other
#: code: the socket is then shut down from outside.
SHUT_DOWN_AFTER_S = 0.05
CANCEL_AGAIN_S = 0.25
ABANDON_AFTER_S = 0.4


class LoopDriver:
    """Opens, reads and closes one asynchronous stream in one task."""

    def __init__(
        self,
        session: Session,
        stream: object,
        hand_over: Callable[[object], None],
        loop: asyncio.AbstractEventLoop,
        *,
        bound: bool,
    ) -> None:
        self._session = session
        self._stream: object = stream
        self._hand_over = hand_over
        self._loop = loop
        self._bound = bound  # opened on this loop, so with this loop's connections
        self._context = contextvars.copy_context()
        self._task: asyncio.Task[None] | None = None
        self._reading = False
        self._held: list[object] = []
        self._stop_at_s: float | None = None
        self._cancelled_at_s = float("-inf")

    def start(self) -> None:
        """Start the task, on its own loop's thread."""
        if not THREADS:
            from nbstream.streams.fetches import hear_fetches

            hear_fetches()
        self._loop.call_soon_threadsafe(self._begin)

    def interrupt(self) -> None:
        """Cancel the task, once; then try harder."""
        if self._session.over or self._loop.is_closed():
            self._session.abandon(_LOST)
            return
        now_s = time.monotonic()
        if self._stop_at_s is None:
            self._stop_at_s = now_s
        waited_s = now_s - self._stop_at_s
        self._session.abort_requests()
        if not THREADS:
            from nbstream.streams.fetches import abort_fetches

            abort_fetches(self._stream)
        if now_s - self._cancelled_at_s > CANCEL_AGAIN_S:
            self._cancelled_at_s = now_s
            with contextlib.suppress(RuntimeError):  # it closed just now
                self._loop.call_soon_threadsafe(self._cancel)
        if waited_s > SHUT_DOWN_AFTER_S:
            found = sockets.of_stream(self._stream)
            if found is not None:
                sockets.shut_down(found)
        if waited_s > ABANDON_AFTER_S and self._session.abandon(_STUCK):
            retire(self._loop)

    def join(self, timeout_s: float) -> bool:
        """Tell whether it has ended; waiting is done by the session."""
        return not self._session.alive

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._work(), context=self._context)

    def _cancel(self) -> None:
        # Not before its first step, which would then not even close the stream.
        if self._task is not None and self._reading:
            # A generator that ends by it forgets them; the error's traceback, which a
            # tracer may keep, does not.
            self._held += referents.open_responses(self._stream)
            self._task.cancel()

    async def _work(self) -> None:
        error: BaseException | None = None
        rest: object | None = None
        reading.set(self._session)
        try:
            async with Pools.of(None if self._bound else self._stream).borrowed():
                rest = await self._open_and_read()
        except BaseException as exc:  # noqa: BLE001 - it is reported
            error = exc
        self._stream = None
        if isinstance(error, asyncio.CancelledError) and not self._session.stopping:
            error = _named(error)
        if rest is not None and error is None:
            self._hand_over(rest)
        else:
            self._session.finish(error)
        del error  # its traceback holds this frame

    async def _open_and_read(self) -> object | None:
        async with AsyncExitStack() as stack:
            try:
                self._reading = True
                return await self._read(stack)
            finally:
                self._reading = False
                for response in self._held:
                    stack.push_async_callback(_close, response)

    async def _read(self, stack: AsyncExitStack) -> object | None:
        """Read to the end; return what has to be read in a thread."""
        if self._session.stopping:
            for unsent in [self._stream, *referents.unsent_calls(self._stream)]:
                stack.push_async_callback(_close, unsent)
            return None
        met = [stream := self._stream]
        while not shapes.is_async_iterable(stream):
            part = shapes.part_of(stream)
            if part is not None and part.is_async:
                stack.push_async_callback(_called, part.end)
                stream = part.make()
            elif isinstance(shapes.told(stream), Awaitable):
                stream = await cast("Awaitable[object]", stream)
            elif shapes.is_async_manager(stream):
                stream = shapes.below(await _entered(stream, stack))
            elif shapes.is_parsable(stream):
                stream = stream.parse()
            else:
                return stream
            shapes.check_made(stream, met)
        self._stream = stream
        refused = next(filter(shapes.status_of, met), None)
        await self._pass_on(stream, stack, refused)
        return None

    async def _pass_on(
        self, stream: AsyncIterable[object], stack: AsyncExitStack, refused: object
    ) -> None:
        stack.push_async_callback(_close, stream)
        first = stack.enter_context(FirstBytes())
        first.hear(shapes.response_of(stream))
        iterator = aiter(stream)
        if iterator is not stream:
            stack.push_async_callback(_close, iterator)
        if self._session.stopping:
            return
        stack.push_async_callback(_close_responses, stream)
        if refused is not None:
            raise shapes.StatusError(refused, await _some(iterator))
        offer = self._session.offer
        item = _NOTHING
        try:
            async for item in iterator:
                if not offer(item):
                    break
        finally:
            for reader in reversed(referents.open_readers(stream)):
                stack.push_async_callback(reader.aclose)
        if item is _NOTHING:
            shapes.check_answer(first)


def _named(cancelled: asyncio.CancelledError) -> BaseException:
    """Say what a cancellation, which has no words of its own, may be."""
    named = Abandoned(_CANCELLED)
    named.__cause__ = cancelled
    return named


async def _close_responses(stream: object) -> None:
    for response in referents.open_responses(stream):
        await _close(response)


async def _entered(
    manager: AbstractAsyncContextManager[object], stack: AsyncExitStack
) -> object:
    """Enter it, to be left at the end; not a client, which that would close."""
    made = await manager.__aenter__()
    if made is not manager:
        stack.push_async_exit(manager)
    return made


async def _some(items: AsyncIterator[object]) -> list[object]:
    found: list[object] = []
    async for item in items:
        found.append(item)
        if len(found) == shapes.ENOUGH:
            break
    return found


async def _close(stream: object) -> None:
    await _called(getattr(stream, "aclose", None) or getattr(stream, "close", None))


async def _called(close: object) -> None:
    closing = close() if callable(close) else None
    if inspect.isawaitable(closing):
        await closing


_NOTHING: object = object()
_STUCK = "the stream did not stop: its event loop is blocked by other code"
_LOST = "the stream's event loop is closed"
_CANCELLED = "the stream was cancelled: with its event loop, or by its own code"
