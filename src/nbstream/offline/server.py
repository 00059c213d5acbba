"""The offline server: a loopback port, a thread and an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from os import PathLike
from typing import TYPE_CHECKING, Literal, Self, TypeAlias, cast, get_args

from nbstream._workers import THREADS
from nbstream.errors import UnknownNameError, UsageError
from nbstream.offline.exchange import (
    Exchange,
    Log,
    check_speed,
    failed,
    respond,
    sending,
)
from nbstream.offline.faults import Fault, Faults
from nbstream.offline.replay import Tape
from nbstream.offline.wire import WRITERS
from nbstream.offline.wire.base import Request, RequestError, Response, phrase

if TYPE_CHECKING:
    from nbstream.offline.memory import Memory

_HOST = "127.0.0.1"
#: The names under which it answers, with a port or none.
_OWN = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])\.?(?::\d+)?|")
_HEAD_LIMIT_BYTES = 64 * 1024
_BODY_LIMIT_BYTES = 64 * 1024 * 1024
#: How many unpaced events may be sent before others get their turn.
_BURST = 32
_SERVER = "nbstream-offline (scripted answers)"


class Http:
    """The HTTP/1.1 of one connection; `h11` frames it, and we send it when we like.

    Not taken, and said so: chunked request bodies (411), more than 64 MB (413).
    `h11` comes with the HTTP library of every SDK, and is loaded where one is served.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        import h11

        self._reader = reader
        self._writer = writer
        self._state = h11.Connection(h11.SERVER, _HEAD_LIMIT_BYTES)
        self._bodiless = False

    async def read(self) -> Request | None:
        """Read the next request; ``None`` when the client has closed."""
        import h11

        try:
            head = await self._next()
            if not isinstance(head, h11.Request):
                return None
            self._bodiless = head.method == b"HEAD"
            headers = {k.decode(): v.decode("latin-1") for k, v in head.headers}
            if "transfer-encoding" in headers:
                message = "Send a Content-Length: no chunked requests here."
                raise RequestError(411, message)
            if int(headers.get("content-length", "0")) > _BODY_LIMIT_BYTES:
                raise RequestError(413, "The body is larger than 64 MB.")
            body: list[bytes] = []
            while isinstance(data := await self._next(), h11.Data):
                body.append(data.data)
        except h11.RemoteProtocolError as error:
            if error.error_status_hint == 431:
                message = "The head of the request is too long."
                raise RequestError(431, message) from error
            raise RequestError(400, f"Not an HTTP/1.1 request: {error}.") from error
        if not isinstance(data, h11.EndOfMessage):
            return None
        _check_caller(headers)
        return Request(
            method=head.method.decode(),
            target=head.target.decode("latin-1"),
            headers=headers,
            body=b"".join(body),
        )

    async def _next(self) -> object:
        """Return the next event of the client; ``None`` when it has closed."""
        import h11

        while (event := self._state.next_event()) is h11.NEED_DATA:
            if self._state.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(
                    status_code=100, headers=[], reason=b"Continue"
                )
                self._writer.write(self._state.send(go_on) or b"")
            if not await self.listen():
                return None
        return event

    async def listen(self) -> bool:
        """Take what the client sends, at once or early; ``False`` when it has gone."""
        data = await self._reader.read(_HEAD_LIMIT_BYTES)
        if data:
            self._state.receive_data(data)
        return bool(data)

    def head(self, status: int, fields: Mapping[str, str]) -> bytes:
        """Write a status line and headers; no date, so the bytes never change."""
        import h11

        named = {"Server": _SERVER, **fields}
        headers = [(k.encode(), v.encode("latin-1")) for k, v in named.items()]
        reason = phrase(status).encode()
        head = h11.Response(status_code=status, headers=headers, reason=reason)
        return self._state.send(head) or b""

    def data(self, data: bytes) -> bytes:
        """Write a piece of the body: a chunk, where no length was named."""
        import h11

        return b"" if self._bodiless else self._state.send(h11.Data(data=data)) or b""

    def end(self) -> bytes:
        """Write the end of the body."""
        import h11

        return self._state.send(h11.EndOfMessage()) or b""

    def next_cycle(self) -> bool:
        """Get ready for another request; ``False`` if the connection is to close."""
        import h11

        stays = self._state.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}
        if stays:
            self._state.start_next_cycle()
        return stays


def _check_caller(headers: Mapping[str, str]) -> None:
    """Refuse what a browser brings from another site, or under that site's own name.

    A page may send its reader's browser to this machine, and by DNS rebinding under a
    name that is the page's: the answer would be its own to read.
    """
    host = headers.get("host", "").lower()
    if not _OWN.fullmatch(host):
        raise RequestError(421, f"This server does not answer as {host!r:.80}.")
    origin = headers.get("origin", "").lower()
    site = headers.get("sec-fetch-site", "none")
    if origin not in {"", f"http://{host}"} or site not in {"none", "same-origin"}:
        raise RequestError(403, "Another site's page may not ask here.")


class Connection:
    """One client's connection: requests one after the other until either is gone."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        log: Log,
        respond: Callable[[Request, Exchange], Response],
    ) -> None:
        self._http = Http(reader, writer)
        self._writer = writer
        self._log = log
        self._respond = respond
        # Then ``drain`` waits until the system has all bytes, and a client that
        # does not read is not taken for one that got its answer.
        writer.transport.set_write_buffer_limits(0)

    async def serve(self) -> None:
        """Serve until the client closes; a request we cannot read ends it."""
        stays = True
        while stays:
            try:
                request = await self._http.read()
            except RequestError as error:
                exchange = self._log.open("?", "?")
                await self._send(failed("openai.chat", error), exchange)
                return
            if request is None:
                return
            exchange = self._log.open(request.method, request.target)
            response = self._respond(request, exchange)
            stays = await self._watched(response, exchange)
            if stays and response.end == "rst":
                self._reset()
            stays = stays and self._http.next_cycle()

    async def _watched(self, response: Response, exchange: Exchange) -> bool:
        """Send a response while listening; say whether the client is still there."""
        sending = asyncio.ensure_future(self._send(response, exchange))
        listening = asyncio.ensure_future(self._http.listen())
        both = {sending, listening}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            try:
                there = not listening.done() or listening.result()
                if there:
                    await sending
            except OSError:
                there = False
            if not there and not exchange.finished:
                exchange.disconnected_at = time.monotonic()
                self._log.changed()
            return there
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _send(self, response: Response, exchange: Exchange) -> None:
        exchange.status = response.status
        await asyncio.sleep(response.head_delay_s)
        if not response.silent:
            self._write(self._http.head(response.status, response.fields), exchange)
        for number, (due_s, data) in enumerate(sending(response), 1):
            if due_s == math.inf:
                await asyncio.Event().wait()
            left_s = due_s - time.monotonic()
            if left_s > 0 or number % _BURST == 0:
                await asyncio.sleep(max(0.0, left_s))
            if data:
                exchange.events_sent += 1
                self._write(self._http.data(data), exchange)
                await self._writer.drain()
        if response.end != "whole":
            return
        exchange.finished = True  # before the client can know it
        self._write(self._http.data(response.body or b"") + self._http.end(), exchange)
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


#: How requests reach it: by a port of this machine, or in the process's own memory.
Transport: TypeAlias = Literal["socket", "memory"]


def check_transport(transport: str | None) -> Transport:
    """Return the transport that is meant, by itself the one that the place has.

    Raises:
        UnknownNameError: there is no such transport.
        UsageError: there are no sockets here.
    """
    if transport is None:
        return "socket" if THREADS else "memory"
    if transport not in get_args(Transport):
        raise UnknownNameError("transport", transport, get_args(Transport))
    if transport == "socket" and not THREADS:
        raise UsageError('Python has no sockets in a page: use transport="memory"')
    return cast("Transport", transport)


class Server:
    """A loopback server that speaks five wire APIs and answers from scenarios.

    ``speed`` 1 is a model's pace, 0 no waiting; ``None`` reads ``NBSTREAM_SPEED`` at
    each request. The system chooses the port. A daemon thread runs it: it never
    keeps the process alive, and a busy kernel never keeps it from seeing a client go.

    With ``recordings`` it plays these files and no scenarios: see `play`.

    With ``transport="memory"`` there is no port and no thread: the SDKs' HTTP library
    is answered where it would send, in this process only, under a name that is nowhere
    (``.invalid``, RFC 6761). Answers, pace, faults and log are the same. A page, where
    Python has no sockets, has nothing else.
    """

    def __init__(
        self,
        speed: float | None = None,
        recordings: Iterable[str | PathLike[str]] = (),
        *,
        transport: Transport | None = None,
    ) -> None:
        self.transport: Transport = check_transport(transport)
        self.speed = None if speed is None else check_speed(speed)
        self._tape: Tape | None = None
        self.play(*recordings)
        self._log = Log()
        self._faults = Faults()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._url = ""
        self._memory: Memory | None = None

    def play(self, *recordings: str | PathLike[str]) -> None:
        """Answer from these recordings from now on; with none, from scenarios.

        `nbstream.offline.replay` says how a request finds its recording. None that
        fits is an error of the API, which shows the nearest one.

        Raises:
            RecordingError: a file is no recording, or damaged.
        """
        self._tape = Tape(recordings) if recordings else None

    def start(self) -> Self:
        """Start serving; on a server that runs it does nothing.

        Raises:
            UsageError: there is no h11, which comes with every SDK.
        """
        if self.transport == "memory":
            if self._memory is None:
                from nbstream.offline.memory import Memory

                self._memory = Memory(self._respond, self._log)
                self._url = self._memory.url
            return self
        if find_spec("h11") is None:
            raise UsageError(
                "the offline server needs a package that is not installed: "
                "%pip install h11, or any of the SDKs, which bring it"
            )
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
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stopping is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Say whether the server serves."""
        return self._thread is not None or self._memory is not None

    @property
    def url(self) -> str:
        """The server's address, such as ``http://127.0.0.1:41234``."""
        if not self.running:
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
        """Let answers go wrong from now on.

            with offline.fault("cut", after=20):
                nbstream.show(...)

        It is over when the ``with`` ends, by its ``clear()`` or by ``clear_faults()``;
        a plain call leaves it in force. Of several the newest that fits a request
        strikes.

        Args:
            kind: A name of ``offline.faults()``, or an HTTP status such as 429.
            times: How many requests it strikes; None: all. An SDK may retry by itself,
                and each attempt is a request.
            api: The only wire API that it strikes, such as ``"openai.chat"``.
            options: The fault's own, such as ``after`` (how many tokens come before).

        Raises:
            UnknownNameError: there is no such fault or option; the message lists them.
        """
        return self._faults.add(kind, times=times, api=api, **options)

    def clear_faults(self) -> None:
        """Let all answers be right again."""
        self._faults.clear()

    def _respond(self, request: Request, exchange: Exchange) -> Response:
        """Answer with what is in force now: a connection outlives a change of it."""
        return respond(
            request, exchange, self._log, self.speed, self._faults, self._tape
        )

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

        server = await asyncio.start_server(accept, sock=listener)
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
            await Connection(reader, writer, self._log, self._respond).serve()
            writer.close()
        except OSError:
            pass  # the client went while we read: that is its right
        finally:
            if not writer.is_closing():
                writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
