"""Answer in memory: the SDKs' HTTP library is given its response where it would send.

For a Python without sockets (in a page), and for tests that want no port. What the
library would say of a broken connection is said here in its own words (httpcore2 2.16).
"""

from __future__ import annotations

import asyncio
import io
import math
import os
import time
import urllib.request
import warnings
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from functools import cache
from threading import Event, Lock
from types import ModuleType
from typing import Any
from urllib.response import addinfourl

from nbstream._workers import THREADS, wait_for
from nbstream.offline.exchange import Exchange, Log, sending
from nbstream.offline.wire.base import Request, Response, phrase
from nbstream.streams.session import carried
from nbstream.streams.transports import answer_for, answer_no_more

__all__ = ["Memory"]

_SERVER = "nbstream-offline (scripted answers)"
Respond = Callable[[Request, Exchange], Response]


class BrokenError(Exception):
    """The connection would have broken: ``kind`` is the library's name for how."""

    def __init__(self, kind: str, words: str) -> None:
        self.kind = kind
        super().__init__(words)

    def of(self, http: ModuleType) -> Exception:
        """Return it as this library's own error."""
        error: Exception = getattr(http, self.kind)(str(self))
        return error


_ENDS = {
    ("fin", False): "peer closed connection without sending complete message body "
    "(incomplete chunked read)",
    ("fin", True): "Server disconnected without sending a response.",
    ("rst", False): "[Errno 104] Connection reset by peer",
    ("rst", True): "[Errno 104] Connection reset by peer",
}
_KINDS = {"fin": "RemoteProtocolError", "rst": "ReadError"}


class Answer:
    """One answer on its way; also the socket that it would have come by."""

    def __init__(
        self, request: Request, respond: Respond, log: Log, read_s: float
    ) -> None:
        self._log = log
        self._read_s = read_s
        self._over = False  # it has gone, or we have
        self._aborted = Event()
        self._lock = Lock()  # held by its reader, or by who looks at the log
        self._sent: deque[bytes] = deque()  # and not read yet
        self.exchange = log.open(request.method, request.target)
        self.response = respond(request, self.exchange)
        self.exchange.status = self.response.status
        self._bodiless = request.method == "HEAD"
        self._heard_s = time.monotonic()
        self._steps = iter([(self._heard_s + self.response.head_delay_s, b"")])
        self._next = next(self._steps, None)
        self._begun = False  # the head is sent, and what follows it

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The head, as the loopback server writes it."""
        fields = {"Server": _SERVER, **self.response.fields}
        if "Content-Length" not in fields:
            fields["Transfer-Encoding"] = "chunked"
        return list(fields.items())

    def head(self) -> Iterator[float]:
        """Yield the waits before the head, in seconds; it may never come."""
        yield from self._waits()
        self._steps, self._begun = sending(self.response), True
        self._next = next(self._steps, None)
        if self.response.silent:
            yield from self._waits()
            self._break(silent=True)

    def body(self) -> Iterator[float | bytes]:
        """Yield the waits, in seconds, and what is sent."""
        for wait_s in self._waits():
            yield from self._taken()
            yield wait_s
        yield from self._taken()
        self._break(silent=False)

    def _taken(self) -> Iterator[bytes]:
        while self._sent:
            yield self._sent.popleft()

    def _waits(self) -> Iterator[float]:
        """Yield how long to wait for what is due next, until nothing is."""
        while (due_s := self.catch_up()) is not None or self._aborted.is_set():
            if due_s is None or self._aborted.is_set():
                raise BrokenError("ReadError", "[Errno 9] Bad file descriptor")
            now_s, until_s = time.monotonic(), self._heard_s + self._read_s
            if until_s <= now_s:
                raise BrokenError("ReadTimeout", "The read operation timed out")
            yield min(max(0.0, min(due_s, until_s) - now_s), _LOOK_S)

    def catch_up(self) -> float | None:
        """Send what is due by now, read or not; return when the next is, if any."""
        with self._lock:
            if self._over:
                return None
            while self._next is not None and self._next[0] <= time.monotonic():
                if self._next[1]:
                    self.exchange.events_sent += 1
                    self._send(self._next[1])
                self._next = next(self._steps, None)
            if self._next is None and self._begun and not self.exchange.finished:
                self._finish()
            return None if self._next is None else self._next[0]

    def _finish(self) -> None:
        if self.response.end == "whole":
            self.exchange.finished = True
            self._send(self.response.body or b"")

    def _send(self, data: bytes) -> None:
        self._heard_s = time.monotonic()
        self.exchange.bytes_sent += len(data)
        if data and not self._bodiless:
            self._sent.append(data)

    def _break(self, *, silent: bool) -> None:
        end = self.response.end
        if end in _KINDS:
            self._over = True
            raise BrokenError(_KINDS[end], _ENDS[end, silent])

    def pause(self, seconds: float) -> None:
        """Wait, unless it is aborted meanwhile."""
        wait_for(self._aborted, seconds)

    def closed(self) -> None:
        """Note that the client has gone."""
        self.catch_up()
        if not (self._over or self.exchange.finished):
            self._over = True
            self.exchange.disconnected_at = time.monotonic()
            self._log.changed()

    def abort(self) -> None:
        """End it from outside; any thread."""
        self._aborted.set()
        self.closed()

    def shutdown(self, how: int, /) -> None:
        """Do what a socket would: see ``streams.sockets``."""
        self.abort()

    def get_extra_info(self, name: str) -> object:
        """Be found as a response's ``network_stream`` is (httpx's extensions)."""
        return self if name == "socket" else None


#: How often is looked whether it was aborted, in seconds.
_LOOK_S = 0.1


class Memory:
    """The server of one name, while it is open."""

    _names = iter(range(1, 1 << 62))

    def __init__(self, respond: Respond, log: Log) -> None:
        self._respond, self._log = respond, log
        self.host = f"offline-{next(self._names)}.nbstream.invalid"
        self.url = f"http://{self.host}"
        self._open: set[Answer] = set()
        log.catch_up = self._catch_up
        answer_for(self.host, self)
        if not THREADS:
            _hear_urlopen(self)
            # google-genai looks for certificates, of which a page has none.
            os.environ.setdefault("SSL_CERT_DIR", "/")
            # httpx2-jsfetch says of each client which settings it has no use for.
            said = "The following transport option"
            warnings.filterwarnings("ignore", said, UserWarning)

    def close(self) -> None:
        """Answer no more, and break off what is under way."""
        answer_no_more(self.host)
        self._log.catch_up = None
        for each in list(self._open):
            each.abort()

    def _catch_up(self) -> None:
        for each in list(self._open):
            each.catch_up()

    def begin(self, request: Request, read_s: float | None) -> Answer:
        """Begin an answer."""
        given = Answer(request, self._respond, self._log, read_s or math.inf)
        self._open.add(given)
        return given

    def answer(self, http: ModuleType, request: Any) -> Any:
        """Return the response to a sync client's request."""
        given = self.begin(*_read(request, request.read()))
        with self._heading(http, given):
            for wait_s in given.head():
                given.pause(wait_s)
        return _response(http, given, _sync_stream(http)(self, http, given))

    async def answer_async(self, http: ModuleType, request: Any) -> Any:
        """Return the response to an async client's request."""
        given = self.begin(*_read(request, await request.aread()))
        with self._heading(http, given):
            for wait_s in given.head():
                await asyncio.sleep(wait_s)
        return _response(http, given, _async_stream(http)(self, http, given))

    @contextmanager
    def _heading(self, http: ModuleType, given: Answer) -> Iterator[None]:
        """While its head is waited for: without one there is nothing to close."""
        try:
            carried(given)
            yield
        except BaseException as error:
            self.end(given)
            if isinstance(error, BrokenError):
                raise error.of(http) from None
            raise

    def end(self, given: Answer) -> None:
        """Let go of an answer."""
        given.closed()
        self._open.discard(given)


def _read(request: Any, body: bytes) -> tuple[Request, float | None]:
    """Return a library's request as ours, and how long it waits for a read."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    target = request.url.raw_path.decode("ascii")
    ours = Request(method=request.method, target=target, headers=headers, body=body)
    return ours, (request.extensions.get("timeout") or {}).get("read")


def _response(http: ModuleType, given: Answer, stream: object) -> Any:
    extensions = {"http_version": b"HTTP/1.1", "network_stream": given}
    return http.Response(
        given.response.status,
        headers=given.headers,
        stream=stream,
        extensions=extensions,
    )


class _Stream:
    def __init__(self, memory: Memory, http: ModuleType, given: Answer) -> None:
        self._memory, self._http, self._given = memory, http, given


class _Sync(_Stream):
    def __iter__(self) -> Iterator[bytes]:
        try:
            for step in self._given.body():
                if isinstance(step, bytes):
                    yield step
                else:
                    self._given.pause(step)
        except BrokenError as broken:
            raise broken.of(self._http) from None

    def close(self) -> None:
        self._memory.end(self._given)


class _Async(_Stream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            for step in self._given.body():
                if isinstance(step, bytes):
                    yield step
                else:
                    await asyncio.sleep(step)
        except BrokenError as broken:
            raise broken.of(self._http) from None

    async def aclose(self) -> None:
        self._memory.end(self._given)


@cache
def _sync_stream(http: ModuleType) -> type[_Sync]:
    return type("Sync", (_Sync, http.SyncByteStream), {})


@cache
def _async_stream(http: ModuleType) -> type[_Async]:
    return type("Async", (_Async, http.AsyncByteStream), {})


# -- urllib, where there is no network beneath it ------------------------------------


class _Body(io.RawIOBase):
    """What is sent, to be read as a file is."""

    def __init__(self, memory: Memory, given: Answer) -> None:
        self._memory, self._given = memory, given
        self._steps, self._left = given.body(), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._left and (step := next(self._steps, None)) is not None:
            if isinstance(step, bytes):
                self._left = step
            else:
                self._given.pause(step)
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        self._memory.end(self._given)
        super().close()


class Handler(urllib.request.BaseHandler):
    """Answers what ``urlopen`` asks of one host; urllib goes on for the others."""

    handler_order = 100  # before the one that opens a connection: 500

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def http_open(self, request: urllib.request.Request) -> object:
        if request.host != self._memory.host:
            return None
        body = request.data if isinstance(request.data, bytes) else b""
        headers = {name.lower(): value for name, value in request.header_items()}
        method, target = request.get_method(), request.selector
        ours = Request(method=method, target=target, headers=headers, body=body)
        given = self._memory.begin(ours, _seconds(request.timeout))
        for wait_s in given.head():
            given.pause(wait_s)
        head = Message()
        for name, value in given.headers:
            head[name] = value
        sent = io.BufferedReader(_Body(self._memory, given))
        made: Any = addinfourl(sent, head, request.full_url, given.response.status)
        made.msg = phrase(given.response.status)
        return made


def _seconds(timeout: object) -> float | None:
    """Return urllib's timeout; by default it is an object that is no number."""
    return timeout if isinstance(timeout, int | float) else None


def _hear_urlopen(memory: Memory) -> None:
    """Let ``urlopen`` find it. An opener that somebody has installed is gone then."""
    urllib.request.install_opener(urllib.request.build_opener(Handler(memory)))
