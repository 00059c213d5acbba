"""Run the offline server on a thread and an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from os import PathLike
from types import TracebackType
from typing import Self

from nbstream.errors import UnknownNameError, UsageError
from nbstream.offline.exchange import (
    Exchange,
    Log,
    Response,
    check_speed,
    failed,
    respond,
    speed_from_env,
)
from nbstream.offline.faults import Fault, Faults
from nbstream.offline.replay import Tape
from nbstream.offline.wire import WRITERS
from nbstream.offline.wire.base import Request, RequestError

__all__ = [
    "Connection",
    "Server",
    "chunk",
    "head",
    "read_request",
]


# -- Speak as much HTTP/1.1 as the SDKs do.

# Understood: keep-alive, Content-Length, ``Expect: 100-continue``, chunked answers.
# Not understood, and said so: chunked request bodies (411), more than 64 MB (413).

#: Also the buffer of the reader: one line of a head may be this long.
HEAD_LIMIT_BYTES = 64 * 1024
_BODY_LIMIT_BYTES = 64 * 1024 * 1024
_SERVER = "nbstream-offline (scripted answers)"


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, early: bytes = b""
) -> Request | None:
    """Read the next request; ``None`` when the client has closed.

    ``early`` is what of it was read before.
    """
    try:
        raw = early + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise RequestError(431, "The head of the request is too long.") from None
    request = _parse_head(raw.decode("latin-1").lstrip("\r\n"))
    length = _body_length(request.headers)
    if request.headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        body = await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        return None
    return Request(
        method=request.method, target=request.target, headers=request.headers, body=body
    )


def _parse_head(text: str) -> Request:
    first, *lines = text.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise RequestError(400, f"Not an HTTP/1.1 request: {first[:80]!r}.")
    pairs = (line.partition(":") for line in lines if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if words[2] == "HTTP/1.0":
        headers["connection"] = "close"
    return Request(method=words[0], target=words[1], headers=headers)


def _body_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise RequestError(411, "Send a Content-Length: no chunked requests here.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise RequestError(400, f"Content-Length {length[:40]!r} is not a number.")
    if int(length) > _BODY_LIMIT_BYTES:
        raise RequestError(413, "The body is larger than 64 MB.")
    return int(length)


def head(status: int, fields: Mapping[str, str]) -> bytes:
    """Write a status line and headers; no date, so that the bytes never change."""
    # 529 is Anthropic's own.
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Overloaded"
    lines = [f"HTTP/1.1 {status} {phrase}"]
    named = {"Server": _SERVER, **fields}
    lines += [f"{name}: {value}" for name, value in named.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Write one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


# -- Answer the requests of one connection, and notice at once when the client goes.

#: How many unpaced events may be sent before others get their turn.
_BURST = 32


class Connection:
    """One client's connection: requests one after the other until either is gone."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        log: Log,
        speed: Callable[[], float],
        faults: Faults | None = None,
        tape: Callable[[], Tape | None] = lambda: None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._log = log
        self._speed = speed
        self._faults = faults or Faults()
        self._tape = tape
        self._early = b""
        # Then ``drain`` waits until the system has all bytes, and a client that
        # does not read is not taken for one that got its answer.
        writer.transport.set_write_buffer_limits(0)

    async def serve(self) -> None:
        """Serve until the client closes; a request we cannot read ends it."""
        while True:
            try:
                early, self._early = self._early, b""
                request = await read_request(self._reader, self._writer, early)
            except RequestError as error:
                exchange = self._log.open("?", "?")
                await self._send(failed("openai.chat", error), exchange)
                return
            if request is None:
                return
            exchange = self._log.open(request.method, request.target)
            response = respond(
                request, exchange, self._log, self._speed, self._faults, self._tape()
            )
            stays = await self._watched(response, exchange)
            if stays and response.end == "rst":
                self._reset()
            if not stays or response.end != "whole" or not request.keep_alive:
                return

    async def _watched(self, response: Response, exchange: Exchange) -> bool:
        """Send a response while listening; say whether the client is still there."""
        sending = asyncio.ensure_future(self._send(response, exchange))
        hearing = asyncio.ensure_future(self._reader.read(1))
        both = {sending, hearing}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            gone = hearing.done() and not self._keep(hearing)
            if not gone:
                gone = await _has_failed(sending)
            if gone and not exchange.finished:
                exchange.disconnected_at = time.monotonic()
                self._log.changed()
            return not gone
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    def _keep(self, hearing: asyncio.Future[bytes]) -> bool:
        """Keep the first byte of a request that comes early; ``False`` at the end."""
        if hearing.exception() is None:
            self._early = hearing.result()
        return bool(self._early)

    async def _send(self, response: Response, exchange: Exchange) -> None:
        exchange.status = response.status
        await asyncio.sleep(response.head_delay_s)
        if not response.silent:
            self._write(head(response.status, response.fields), exchange)
        due = time.monotonic()
        for number, step in enumerate(response.steps, 1):
            due += step.delay_s
            if step.delay_s or number % _BURST == 0:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            if step.data:
                exchange.events_sent += 1
                self._write(chunk(step.data), exchange)
                await self._writer.drain()
        if response.end == "stall":
            await asyncio.Event().wait()
        if response.end != "whole":
            return
        exchange.finished = True  # before the client can know it
        self._write(response.tail, exchange)
        await self._writer.drain()

    def _reset(self) -> None:
        """Close so that the client gets a reset: unsent data is given up."""
        link = self._writer.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def _write(self, data: bytes, exchange: Exchange) -> None:
        """Hand bytes to the system at once, so that events are not put together."""
        self._writer.write(data)
        exchange.bytes_sent += len(data)
        self._log.changed()


async def _has_failed(sending: asyncio.Future[None]) -> bool:
    """Wait until all is sent; ``True`` if the connection broke meanwhile."""
    try:
        await sending
    except OSError:
        return True
    return False


_HOST = "127.0.0.1"


class Server:
    """A loopback server that speaks five wire APIs and answers from scenarios.

    ``speed`` 1 is a model's pace, 0 no waiting; ``None`` reads ``NBSTREAM_SPEED`` at
    each request. The system chooses the port. A daemon thread runs it: it never
    keeps the process alive, and a busy kernel never keeps it from seeing a client go.

    With ``recordings`` it plays these files and no scenarios: see `play`.
    """

    def __init__(
        self,
        speed: float | None = None,
        recordings: Iterable[str | PathLike[str]] = (),
    ) -> None:
        self.speed = None if speed is None else check_speed(speed)
        self._tape: Tape | None = None
        self.play(*recordings)
        self._log = Log()
        self._faults = Faults()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._url = ""

    def play(self, *recordings: str | PathLike[str]) -> None:
        """Answer from these recordings from now on; with none, from scenarios.

        `nbstream.offline.replay` says how a request finds its recording. None that
        fits is an error of the API, which shows the nearest one.

        Raises:
            RecordingError: a file is no recording, or damaged.
        """
        self._tape = Tape(recordings) if recordings else None

    def start(self) -> Self:
        """Start serving; on a server that runs it does nothing."""
        if self._thread is None:
            listener = socket.create_server((_HOST, 0), backlog=128)
            self._url = f"http://{_HOST}:{listener.getsockname()[1]}"
            ready = threading.Event()
            self._thread = threading.Thread(
                target=lambda: asyncio.run(self._serve(listener, ready)),
                name="nbstream-offline",
                daemon=True,
            )
            self._thread.start()
            ready.wait()
        return self

    def stop(self) -> None:
        """Cut every connection, close the port, end the thread; any number of times."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stopping is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Say whether the server serves."""
        return self._thread is not None

    @property
    def url(self) -> str:
        """The server's address, such as ``http://127.0.0.1:41234``."""
        if self._thread is None:
            raise UsageError("the offline server is not running; call start() first")
        return self._url

    def base_url(self, api: str) -> str:
        """Return the base URL as the SDK of this API wants it."""
        if api not in WRITERS:
            raise UnknownNameError("API", api, WRITERS)
        return f"{self.url}/v1" if api.startswith("openai.") else self.url

    @property
    def log(self) -> list[Exchange]:
        """The exchanges so far, oldest first; they go on changing while they run."""
        return self._log.exchanges()

    def wait_for(
        self, predicate: Callable[[Exchange], object], timeout_s: float = 5.0
    ) -> Exchange:
        """Return the first exchange for which the predicate holds, when one does.

        Raises:
            TimeoutError: None did in time.
        """
        return self._log.wait_for(predicate, timeout_s)

    def fault(
        self,
        kind: str | int,
        *,
        times: int | None = None,
        api: str | None = None,
        **options: object,
    ) -> Fault:
        """Let answers go wrong; see ``nbstream.offline.fault``."""
        return self._faults.add(kind, times=times, api=api, **options)

    def clear_faults(self) -> None:
        """Let all answers be right again."""
        self._faults.clear()

    def _speed(self) -> float:
        return speed_from_env() if self.speed is None else self.speed

    def _playing(self) -> Tape | None:
        """Return what is played now: a connection outlives a change of it."""
        return self._tape

    def _ipython_display_(self) -> None:
        """Show nothing: ``use`` has said it in one line, and an address varies."""

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        connections: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._connected(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await asyncio.start_server(
            accept, sock=listener, limit=HEAD_LIMIT_BYTES
        )
        ready.set()
        await self._stopping.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            connection = Connection(
                reader, writer, self._log, self._speed, self._faults, self._playing
            )
            await connection.serve()
            writer.close()
        except OSError:
            pass  # the client went while we read: that is its right
        finally:
            if not writer.is_closing():
                writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
