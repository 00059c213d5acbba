"""Stand in the way of every request of this process while somebody listens."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Protocol
from urllib.parse import urlsplit

from nbstream.errors import UsageError
from nbstream.record.tee import Hearer, async_tee, sync_tee

__all__ = ["Listener", "http_libraries", "listen", "unlisten"]


class Listener(Protocol):
    """Who wants to hear requests."""

    #: What asks for it, for messages.
    name: str

    def wants(self, path: str, headers: Mapping[str, str]) -> bool:
        """Tell whether this request is to be heard; any thread."""
        ...

    def open(self, http: ModuleType, request: Any) -> Hearer:
        """Return who hears its response."""
        ...


_lock = threading.Lock()
#: One that listens twice has to leave twice.
_listeners: tuple[Listener, ...] = ()
#: (class, name, what was there, what we put there)
_patches: list[tuple[Any, str, Any, Any]] = []


def listen(listener: Listener) -> None:
    """Let it hear the requests that are sent from now on."""
    global _listeners
    with _lock:
        if not _listeners:
            _install()
        _listeners = (*_listeners, listener)


def unlisten(listener: Listener) -> None:
    """Let it hear no further request; responses that are under way go on."""
    global _listeners
    with _lock:
        rest = list(_listeners)
        rest.remove(listener)
        _listeners = tuple(rest)
        if not _listeners:
            _restore()


def http_libraries() -> list[ModuleType]:
    """Return those that the SDKs use: httpx2, or the older one where it is in use."""
    found = [import_module("httpx2")] if _is_there("httpx2") else []
    if "httpx" in sys.modules or (not found and _is_there("httpx")):
        found.append(import_module("httpx"))
    return found


def _is_there(name: str) -> bool:
    return name in sys.modules or find_spec(name) is not None


def _install() -> None:
    for http in http_libraries():
        _patch(http.HTTPTransport, "handle_request", _sync(http))
        _patch(http.AsyncHTTPTransport, "handle_async_request", _async(http))
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
    for patch in list(_patches):
        owner, name, before, ours = patch
        if getattr(owner, name) is ours:
            setattr(owner, name, before)
            _patches.remove(patch)


def _sync(http: ModuleType) -> Callable[[Any], Any]:
    def wrap(send: Any) -> Any:
        def handle_request(self: Any, request: Any) -> Any:
            hearers = _open(http, request)
            with _told_of_a_failure(hearers):
                response = send(self, request)
            return _heard(response, hearers, sync_tee(http))

        return handle_request

    return wrap


def _async(http: ModuleType) -> Callable[[Any], Any]:
    def wrap(send: Any) -> Any:
        async def handle_async_request(self: Any, request: Any) -> Any:
            hearers = _open(http, request)
            with _told_of_a_failure(hearers):
                response = await send(self, request)
            return _heard(response, hearers, async_tee(http))

        return handle_async_request

    return wrap


@contextmanager
def _told_of_a_failure(hearers: list[Hearer]) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        for hearer in hearers:
            hearer.broke(error)
        raise


def _heard(response: Any, hearers: list[Hearer], tee: Callable[..., object]) -> Any:
    """Return the response, whose head and stream they all hear."""
    for hearer in hearers:
        hearer.respond(response.status_code, response.headers.multi_items())
        response.stream = tee(response.stream, hearer)
    return response


def _wanting(path: str, headers: Mapping[str, str]) -> list[Listener]:
    each = dict.fromkeys(_listeners)
    return [listener for listener in each if listener.wants(path, headers)]


def _open(http: ModuleType, request: Any) -> list[Hearer]:
    wanting = _wanting(request.url.path, request.headers)
    if wanting:
        # What comes compressed cannot be read in a file; no provider minds.
        request.headers["accept-encoding"] = "identity"
    return [listener.open(http, request) for listener in wanting]


def _refusing(send: Any) -> Any:
    """Refuse what goes past us: google-genai's async client, where aiohttp is there."""

    def request(self: Any, method: str, url: Any, **options: Any) -> Any:
        headers = {str(name).lower(): "" for name in options.get("headers") or ()}
        wanting = _wanting(urlsplit(str(url)).path, headers)
        if wanting:
            raise UsageError(_AIOHTTP.format(wanting[0].name))
        return send(self, method, url, **options)

    return request


_AIOHTTP = (
    "this call goes through aiohttp, which {} cannot hear; for google-genai make the "
    "client with http_options={{'async_client_args': {{'transport': "
    "httpx2.AsyncHTTPTransport()}}}}, or use the sync client, or uninstall aiohttp"
)
