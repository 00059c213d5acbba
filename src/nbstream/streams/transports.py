"""Hear what HTTP libraries send and get: stand in the way of every request.

The SDKs read their streams themselves, so the bytes are heard where the libraries
under them (httpx2, httpx) hand them up: each response's stream is read through a tee.
Nothing is patched while nobody listens.
"""

from __future__ import annotations

import re
import sys
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

from nbstream.errors import UsageError

#: complete: the body came to its end; closed: the program stopped reading; cut: the
#: connection broke; interrupted: the file does not say, its writer was ended.
Ending: TypeAlias = Literal["complete", "closed", "cut", "interrupted"]


class RequestListener(Protocol):
    """Who wants to hear requests."""

    #: What asks for it, for messages.
    name: str

    def wants(self, path: str, headers: Mapping[str, str]) -> bool:
        """Tell whether this request is to be heard; any thread."""

    def open(self, http: ModuleType, request: Any) -> ResponseListener:
        """Return who hears its response."""


class ResponseListener(Protocol):
    """Who hears one response, as it comes."""

    def respond(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Note its head."""

    def read(self, data: bytes) -> None:
        """Note what one read gave."""

    def end(self, how: Ending, error: Exception | None = None) -> None:
        """Note the end, and what broke it; only the first one counts."""


class Answerer(Protocol):
    """Who answers for a host in place of the network."""

    def answer(self, http: ModuleType, request: Any) -> Any:
        """Return the response to a sync client's request."""

    async def answer_async(self, http: ModuleType, request: Any) -> Any:
        """Return the response to an async client's request."""


_lock = threading.Lock()
_listeners: tuple[RequestListener, ...] = ()
_answerers: dict[str, Answerer] = {}
#: (class, name, what was there, what we put there)
_patches: list[tuple[Any, str, Any, Any]] = []


def listen(listener: RequestListener) -> None:
    """Let it hear the requests that are sent from now on."""
    global _listeners
    with _lock:
        _install()
        _listeners = (*_listeners, listener)


def unlisten(listener: RequestListener) -> None:
    """Let it hear no further request; responses that are under way go on."""
    global _listeners
    with _lock:
        _listeners = tuple(each for each in _listeners if each is not listener)
        _restore()


def answer_for(host: str, answerer: Answerer) -> None:
    """Let it answer, from now on, what is asked of this host."""
    with _lock:
        _install()
        _answerers[host] = answerer


def answer_no_more(host: str) -> None:
    """Leave the host to the network again."""
    with _lock:
        _answerers.pop(host, None)
        _restore()


def http_libraries() -> list[ModuleType]:
    """Return those that the SDKs use: httpx2, or the older one where it is in use."""
    found = [import_module("httpx2")] if _is_there("httpx2") else []
    if "httpx" in sys.modules or (not found and _is_there("httpx")):
        found.append(import_module("httpx"))
    return found


def _is_there(name: str) -> bool:
    return name in sys.modules or find_spec(name) is not None


# -- the libraries' methods, while somebody listens ---------------------------------


def _install() -> None:
    if _listeners or _answerers:
        return
    for http in http_libraries():
        _patch(http.HTTPTransport, "handle_request", partial(_sync, http))
        _patch(http.AsyncHTTPTransport, "handle_async_request", partial(_async, http))
    if _is_there("aiohttp"):
        _patch(import_module("aiohttp").ClientSession, "request", _refusing)


def _patch(owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    """Wrap a method. One of ours that others have wrapped since is still in place."""
    if not any(owner is o and name == n for o, n, _, _ in _patches):
        before = getattr(owner, name)
        ours = wrap(before)
        setattr(owner, name, ours)
        _patches.append((owner, name, before, ours))


def _restore() -> None:
    if _listeners or _answerers:
        return
    for patch in list(_patches):
        owner, name, before, ours = patch
        if getattr(owner, name) is ours:
            setattr(owner, name, before)
            _patches.remove(patch)


def _sync(http: ModuleType, send: Any) -> Any:
    def handle_request(self: Any, request: Any) -> Any:
        with _opened(http, request) as listeners:
            answerer = _answerers.get(request.url.host)
            if answerer is not None:
                response = answerer.answer(http, request)
            else:
                response = send(self, request)
        return _heard(response, listeners, sync_tee(http))

    return handle_request


def _async(http: ModuleType, send: Any) -> Any:
    async def handle_async_request(self: Any, request: Any) -> Any:
        with _opened(http, request) as listeners:
            answerer = _answerers.get(request.url.host)
            if answerer is not None:
                response = await answerer.answer_async(http, request)
            else:
                response = await send(self, request)
        return _heard(response, listeners, async_tee(http))

    return handle_async_request


def _refusing(send: Any) -> Any:
    """Refuse what goes past us: google-genai's async client, where aiohttp is there."""

    def request(self: Any, method: str, url: Any, **options: Any) -> Any:
        headers = {str(name).lower(): "" for name in options.get("headers") or ()}
        asked = urlsplit(str(url))
        if asked.hostname in _answerers:
            raise UsageError(_AIOHTTP.format('offline.use(transport="memory")'))
        wanting = _wanting(asked.path, headers)
        if wanting:
            raise UsageError(_AIOHTTP.format(wanting[0].name))
        return send(self, method, url, **options)

    return request


_AIOHTTP = (
    "this call goes through aiohttp, which {} cannot hear; for google-genai make the "
    "client with http_options={{'async_client_args': {{'transport': "
    "httpx2.AsyncHTTPTransport()}}}}, or use the sync client, or uninstall aiohttp"
)


def _wanting(path: str, headers: Mapping[str, str]) -> list[RequestListener]:
    return [listener for listener in _listeners if listener.wants(path, headers)]


@contextmanager
def _opened(http: ModuleType, request: Any) -> Iterator[list[ResponseListener]]:
    """Give who hears the response; they hear of it, too, if none comes."""
    wanting = _wanting(request.url.path, request.headers)
    if wanting:
        # What comes compressed cannot be read in a file; no provider minds.
        request.headers["accept-encoding"] = "identity"
    listeners = [listener.open(http, request) for listener in wanting]
    try:
        yield listeners
    except BaseException as error:
        for listener in listeners:
            _end_by(listener, error)
        raise


def _heard(
    response: Any, listeners: list[ResponseListener], tee: Callable[..., object]
) -> Any:
    """Return the response, whose head and stream they all hear."""
    for listener in listeners:
        listener.respond(response.status_code, response.headers.multi_items())
        response.stream = tee(response.stream, listener)
    return response


# -- a response's stream ------------------------------------------------------------


def _end_by(listener: ResponseListener, error: BaseException) -> None:
    """Note that an exception ended it: the network's, or who stopped reading."""
    if isinstance(error, Exception):
        listener.end("cut", error)
    else:  # GeneratorExit, CancelledError, Interrupted, KeyboardInterrupt
        listener.end("closed")


class _Tee:
    """A stream that is heard; what it does not know is the inner stream's."""

    def __init__(self, inner: Any, listener: ResponseListener) -> None:
        self._inner = inner
        self._listener = listener

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_inner"), name)


class SyncTee(_Tee):
    """The stream of a sync client."""

    def __iter__(self) -> Iterator[bytes]:
        try:
            for data in self._inner:
                self._listener.read(data)
                yield data
        except BaseException as error:
            _end_by(self._listener, error)
            raise
        self._listener.end("complete")

    def close(self) -> None:
        """Close the inner stream."""
        try:
            self._inner.close()
        finally:
            self._listener.end("closed")


class AsyncTee(_Tee):
    """The stream of an async client."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._inner)
        try:
            async for data in chunks:
                self._listener.read(data)
                yield data
        except BaseException as error:
            _end_by(self._listener, error)
            raise
        finally:
            # In this task, while its loop runs: left to the garbage collector it
            # would be closed in another.
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()
        self._listener.end("complete")

    async def aclose(self) -> None:
        """Close the inner stream."""
        try:
            await self._inner.aclose()
        finally:
            self._listener.end("closed")


@cache
def sync_tee(http: ModuleType) -> type[SyncTee]:
    """Return the tee that this HTTP library takes for one of its own streams."""
    return type("SyncTee", (SyncTee, http.SyncByteStream), {})


@cache
def async_tee(http: ModuleType) -> type[AsyncTee]:
    """Return the same for its async clients."""
    return type("AsyncTee", (AsyncTee, http.AsyncByteStream), {})


class Decompressor:
    """Undoes the compression of a response, read by read.

    Attributes:
        encoding: The ``content-encoding`` that it was told.
        works: Whether it knows how, and the bytes have not turned out to be damaged.
    """

    def __init__(self, encoding: str = "") -> None:
        self.encoding = encoding.strip().lower()
        self.works = True
        self._decompress: Callable[[bytes], bytes] = bytes
        if self.encoding == "gzip":
            self._decompress = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress
        elif self.encoding == "deflate":
            self._decompress = self._deflate
        elif self.encoding not in {"", "identity"}:
            self.works = False

    def feed(self, data: bytes) -> bytes:
        """Return what these bytes add; nothing once it does not work."""
        try:
            return self._decompress(data) if self.works else b""
        except zlib.error:
            self.works = False
            return b""

    def _deflate(self, data: bytes) -> bytes:
        """Find out with the first bytes whether there is a zlib header."""
        for bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
            decompress = zlib.decompressobj(bits).decompress
            try:
                out = decompress(data)
            except zlib.error:
                continue
            self._decompress = decompress
            return out
        raise zlib.error


# -- which wire API a request speaks ------------------------------------------------

#: The ends of paths: before them stands what a gateway or Azure puts there.
_PATHS = {
    r"/chat/completions": "openai.chat",
    r"/responses(?:/[^/]+)?": "openai.responses",
    r"/messages": "anthropic.messages",
    r"/interactions(?:/[^/]+)?": "google.interactions",
    r"/(?:models|tunedModels|endpoints)/[^/]+:(?:streamG|g)enerateContent": (
        "google.generate_content"
    ),
}


def api_of(path: str) -> str:
    """Return the API of a path, or ""."""
    found = (a for ending, a in _PATHS.items() if re.search(rf"{ending}\Z", path))
    return next(found, "")


def tail_of(path: str) -> str:
    """Return the part of a path that is the API's own, without what is before it."""
    found = (re.search(rf"{ending}\Z", path) for ending in _PATHS)
    return next((match[0] for match in found if match), path)
