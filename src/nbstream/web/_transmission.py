"""A stream on its way to whoever is at the other end, who may leave at any time.

One task reads the stream into a reply. Each reader looks at the reply and is sent what
is new (``_chunks``), so there may be several, and one may come late. When
the last has left, the task is cancelled, and with it the provider's connection is
closed: also that of a synchronous client.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from types import FrameType

from nbstream import sse
from nbstream._events import Events
from nbstream._live import Live
from nbstream._timeout import Timeout, timeout_of
from nbstream.errors import ProviderFailure, UsageError
from nbstream.reply import Reply
from nbstream.types import Stream
from nbstream.web._chunks import Chunk, Chunks, is_ours

#: A comment, which every client passes over; proxies cut what is silent for a minute.
KEEP_ALIVE = b": keep-alive\n\n"
#: So long it is held back at most how an answer begins, in seconds.
HOLD_S = 10.0
#: How often one looks at a stream that somebody else began, in seconds.
LOOK_S = 0.02
#: A reader who takes nothing for so long has left without a word, in seconds.
STALL_S = 60.0
DONE = b"data: [DONE]\n\n"
#: The protocol's own header, and what keeps proxies from holding the stream back.
HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-content-type-options": "nosniff",
    "x-accel-buffering": "no",
    "x-vercel-ai-ui-message-stream": "v1",
}
_log = logging.getLogger("nbstream.web")


class _Endings:
    """Ends the streams of the main thread when the process is told to end.

    A server waits for its requests after SIGTERM; ours would go on and on paying.
    """

    def __init__(self) -> None:
        self._running: dict[Transmission, asyncio.AbstractEventLoop] = {}
        self._before: dict[int, Callable[[int, FrameType | None], object]] = {}

    def add(self, run: Transmission) -> None:
        """End this one too, until it has ended."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._running[run] = asyncio.get_running_loop()
        run.on_end(lambda: self._drop(run))
        for number in (signal.SIGTERM, signal.SIGINT):
            handler = signal.getsignal(number)
            if callable(handler) and handler != self._end:
                self._before[number] = handler
                signal.signal(number, self._end)

    def _drop(self, run: Transmission) -> None:
        del self._running[run]
        if self._running or threading.current_thread() is not threading.main_thread():
            return
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._end:
                signal.signal(number, handler)
        self._before.clear()

    def _end(self, number: int, frame: FrameType | None) -> None:
        for run, loop in list(self._running.items()):
            with suppress(RuntimeError):  # its loop is closed
                loop.call_soon_threadsafe(run.stop)
        self._before[number](number, frame)


_ENDINGS = _Endings()


class Transmission:
    """One stream that is being read, and all that waits for news of it.

    Args:
        stream: What ``nbstream.show`` takes, ``chat.turn(messages)``, or what
            ``nbstream.start``, ``chat.start`` and ``ask(wait=False)`` give.
        timeout: The longest silence of the provider, in seconds, or a ``Timeout``.
        prelude: Gives chunks that come before those of the reply; it is read first.

    Attributes:
        reply: What has come so far.
        name: The client's name of the conversation, or "".
        message_id: The id of the message that it makes; None: the client's own.
        mark: What tells its questions for consent from those of other answers.
        linger_s: How long it goes on when its last reader has left, in seconds.
        before: What the prelude has given so far.
        heard: Whether anything has come.
        told: Whether a reader was given its end.
        readers: How many read it just now.
    """

    def __init__(
        self,
        stream: Stream | Live,
        *,
        timeout: float | Timeout | None = None,
        prelude: Callable[[], AsyncIterator[Chunk]] | None = None,
    ) -> None:
        self.reply = stream.reply if isinstance(stream, Live) else Reply()
        self._live = stream if isinstance(stream, Live) else None
        self.before: list[Chunk] = []
        self.heard = False
        self.told = False
        source = () if isinstance(stream, Live) else stream
        self._events = Events(source, timeout_of(timeout), self.reply)
        self.name = ""
        self.mark = ""
        self.message_id: str | None = None
        self.linger_s = 0.0
        self._prelude = prelude
        self.readers = 0
        self._unread: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more comes, and the connection is closed."""
        return self._task is not None and self._task.done()

    @property
    def news(self) -> asyncio.Event:
        """What is set at the next change; take hold of it before you look."""
        return self._news

    @property
    def failed_at_once(self) -> bool:
        """Whether it has failed before anything had come."""
        failed = self.ended and self.reply.outcome == "failed"
        return failed and not self.reply.parts and not self.before

    async def begun(self, limit_s: float) -> None:
        """Wait for the first event that is no failure, for the end, or so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while not self.ended and (not self.heard or self.reply.error):
                    await self.news.wait()

    def start(self) -> None:
        """Begin to read, once; in the running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="nbstream-web")
            self._task.add_done_callback(lambda _: self._end())
            _ENDINGS.add(self)

    def on_end(self, call: Callable[[], None]) -> None:
        """Call a function when it has ended; it has been started."""
        if self._task is not None:
            self._task.add_done_callback(lambda _: call())

    def stop(self) -> None:
        """Close the provider's connection; what had come is kept. It does not wait."""
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Stop, and wait until the connection is closed."""
        self.stop()
        if self._task is not None:
            await asyncio.wait([self._task])

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[None]:
        """Be one of the readers. When the last leaves, the stream is closed.

        With ``linger_s`` it goes on for so long without a reader.
        """
        self.readers += 1
        if self._unread is not None:
            self._unread.cancel()
        self.start()
        try:
            yield
        finally:
            self.readers -= 1
            if not self.readers and not self.linger_s:
                await self.close()
            elif not self.readers:
                loop = asyncio.get_running_loop()
                self._unread = loop.call_later(self.linger_s, self.stop)

    async def _run(self) -> None:
        try:
            if self._prelude is not None:
                async for chunk in self._prelude():
                    self.before.append(chunk)
                    self._tell()
            if self._live is not None:
                await self._live.until(self._looked, LOOK_S)
                return
            async with aclosing(self._events.batches()) as batches:
                async for _ in batches:
                    self._tell()
        except ProviderFailure:
            if is_ours(self.reply):
                _log.exception("a stream broke")
            else:
                _log.warning("a stream failed: %s", self.reply.error)
        except UsageError as error:
            self.reply._end(exception=error)
            _log.error("a stream could not be read: %s", error)
        except Exception as error:  # noqa: BLE001 - it is logged, and told
            self.reply._end(exception=error)
            _log.exception("a stream broke")

    def _looked(self) -> bool:
        self._tell()
        return False

    def _tell(self) -> None:
        self.heard = True
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _end(self) -> None:
        self.reply._end(stopped=True)
        self._tell()


def encoded(chunks: Iterable[Chunk]) -> bytes:
    """Return chunks as server-sent events."""
    events = (sse.ServerSentEvent(data=json.dumps(each)) for each in chunks)
    return b"".join(map(sse.encode, events))


async def pieces(
    run: Transmission, sent: Chunks, heartbeat_s: float, interval_s: float = 0.0
) -> AsyncGenerator[list[Chunk]]:
    """Give what is new to one reader, until the end; nothing in it is a heartbeat.

    Args:
        run: What is read.
        sent: What this reader has been sent.
        heartbeat_s: The longest silence, in seconds.
        interval_s: The shortest time between two pieces, in seconds.
    """
    before = 0
    while True:
        news = run.news
        first = run.before[before:]
        found = [*sent.begin(), *first] if first else []
        before += len(first)
        if run.heard or run.ended:
            found += sent.due()
        if found:
            yield found
        if sent.closed:
            run.told = True
            return
        try:  # `wait_for` of Python 3.11 forgets a cancellation if there is news
            async with asyncio.timeout(heartbeat_s):
                await news.wait()
        except TimeoutError:
            yield []
        else:
            await asyncio.sleep(interval_s)


async def chunks(
    stream: Stream | Live,
    *,
    timeout: float | Timeout | None = None,
    message_id: str | None = None,
) -> AsyncGenerator[Chunk]:
    """Give a stream as chunks of the UI message stream protocol: dicts.

    Leaving the loop closes the provider's connection. A failure is the last chunk.

    Args:
        stream: What ``nbstream.show`` takes, ``chat.turn(messages)``, or what
            ``nbstream.start``, ``chat.start`` and ``ask(wait=False)`` give.
        timeout: The longest silence of the provider, in seconds, or a ``Timeout``.
        message_id: The id of the message; None: the client's own.

    Raises:
        UsageError: that is no stream.
    """
    run = Transmission(stream, timeout=timeout)
    async with aclosing(_read(run, message_id, 3600.0)) as found:
        async for piece in found:
            for chunk in piece:
                yield chunk


async def encode(
    stream: Stream | Live,
    *,
    heartbeat_s: float = 15,
    timeout: float | Timeout | None = None,
    message_id: str | None = None,
) -> AsyncGenerator[bytes]:
    """Give a stream as the bytes of a response: server-sent events and heartbeats.

    Send ``nbstream.web.HEADERS`` with it. Leaving the loop closes the provider's
    connection; so does a framework that closes the iterator when the client leaves.

    Args:
        stream: What ``nbstream.show`` takes, ``chat.turn(messages)``, or what
            ``nbstream.start``, ``chat.start`` and ``ask(wait=False)`` give.
        heartbeat_s: After so many seconds of silence a comment is sent.
        timeout: The longest silence of the provider, in seconds, or a ``Timeout``.
        message_id: The id of the message; None: the client's own.

    Raises:
        UsageError: that is no stream.
    """
    run = Transmission(stream, timeout=timeout)
    async with aclosing(_read(run, message_id, heartbeat_s)) as found:
        async for piece in found:
            yield encoded(piece) or KEEP_ALIVE
    yield DONE


async def _read(
    run: Transmission, message_id: str | None, heartbeat_s: float
) -> AsyncGenerator[list[Chunk]]:
    async with run.reading():
        sent = Chunks(run.reply, message_id=message_id)
        async with aclosing(pieces(run, sent, heartbeat_s)) as found:
            async for piece in found:
                yield piece
