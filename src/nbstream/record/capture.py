"""Stand in the way of every request of this process while a recording runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from nbstream.errors import UsageError
from nbstream.record.apis import is_ours
from nbstream.record.file import File
from nbstream.record.sink import Sink
from nbstream.record.tee import async_tee, sync_tee

__all__ = ["start", "stop"]

_lock = threading.Lock()
_files: tuple[File, ...] = ()
_latest: dict[str, File] = {}
#: (class, name, what was there, what we put there)
_patches: list[tuple[Any, str, Any, Any]] = []


def start(file: File, version: str) -> None:
    """Begin the file, and write into it all that is sent from now on."""
    global _files
    with _lock:
        if any(file.path == other.path for other in _files):
            msg = f"{file.path.name!r} is being recorded already; end that one first"
            raise UsageError(msg)
        file.create(version)
        if before := _latest.get(str(file.path)):
            before.give_up()  # streams of an earlier recording may still run
        _latest[str(file.path)] = file
        if not _files:
            _install()
        _files = (*_files, file)


def stop(file: File) -> None:
    """Record no further request; streams that run are recorded to their end."""
    global _files
    with _lock:
        _files = tuple(other for other in _files if other is not file)
        if not _files:
            _restore()


def _install() -> None:
    for http in _http_libraries():
        _patch(http.HTTPTransport, "handle_request", _sync(http))
        _patch(http.AsyncHTTPTransport, "handle_async_request", _async(http))
    if _is_there("aiohttp"):
        _patch(import_module("aiohttp").ClientSession, "request", _refusing)


def _http_libraries() -> list[ModuleType]:
    """Return those that the SDKs use: httpx2, or the older one where it is in use."""
    found = [import_module("httpx2")] if _is_there("httpx2") else []
    if "httpx" in sys.modules or (not found and _is_there("httpx")):
        found.append(import_module("httpx"))
    if not found:
        msg = "there is nothing to record: no SDK is installed (no httpx2, no httpx)"
        raise UsageError(msg)
    return found


def _is_there(name: str) -> bool:
    return name in sys.modules or find_spec(name) is not None


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
            sink = _open(http, request)
            if sink is None:
                return send(self, request)
            try:
                response = send(self, request)
            except BaseException as error:
                sink.broke(error)
                raise
            sink.respond(response.status_code, response.headers.multi_items())
            response.stream = sync_tee(http)(response.stream, sink)
            return response

        return handle_request

    return wrap


def _async(http: ModuleType) -> Callable[[Any], Any]:
    def wrap(send: Any) -> Any:
        async def handle_async_request(self: Any, request: Any) -> Any:
            sink = _open(http, request)
            if sink is None:
                return await send(self, request)
            try:
                response = await send(self, request)
            except BaseException as error:
                sink.broke(error)
                raise
            sink.respond(response.status_code, response.headers.multi_items())
            response.stream = async_tee(http)(response.stream, sink)
            return response

        return handle_async_request

    return wrap


def _open(http: ModuleType, request: Any) -> Sink | None:
    """Begin to record a request, if it is one of an SDK's."""
    files = _files
    if not (files and is_ours(request.url.path, request.headers)):
        return None
    # What comes compressed cannot be read in the file; no provider minds.
    request.headers["accept-encoding"] = "identity"
    try:
        content = request.content
    except http.RequestNotRead:
        content = None  # an upload that is read as it is sent
    return Sink(
        files,
        method=request.method,
        url=str(request.url),
        headers=request.headers,
        content=content,
    )


def _refusing(send: Any) -> Any:
    """Refuse what goes past us: google-genai's async client, where aiohttp is there."""

    def request(self: Any, method: str, url: Any, **options: Any) -> Any:
        headers = {str(name).lower(): "" for name in options.get("headers") or ()}
        if _files and is_ours(urlsplit(str(url)).path, headers):
            raise UsageError(_AIOHTTP)
        return send(self, method, url, **options)

    return request


_AIOHTTP = (
    "this call goes through aiohttp, which nbstream.record cannot hear; for "
    "google-genai make the client with http_options={'async_client_args': "
    "{'transport': httpx2.AsyncHTTPTransport()}}, or use the sync client, or uninstall "
    "aiohttp"
)
