"""Write into recordings all that the SDKs send and get, while recordings run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from nbstream.errors import UsageError
from nbstream.record.apis import is_ours
from nbstream.record.file import File
from nbstream.record.sink import Sink
from nbstream.record.transports import http_libraries, listen, unlisten

__all__ = ["start", "stop"]

_lock = threading.Lock()
_files: tuple[File, ...] = ()
_latest: dict[str, File] = {}


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
        if not http_libraries():
            msg = "there is nothing to record: no SDK is installed (no httpx2 or httpx)"
            raise UsageError(msg)
        listen(_RECORDINGS)
        _files = (*_files, file)


def stop(file: File) -> None:
    """Record no further request; streams that run are recorded to their end."""
    global _files
    with _lock:
        _files = tuple(other for other in _files if other is not file)
        unlisten(_RECORDINGS)


class _Recordings:
    """All recordings that run, as one listener."""

    name = "nbstream.record"

    def wants(self, path: str, headers: Mapping[str, str]) -> bool:
        return bool(_files) and is_ours(path, headers)

    def open(self, http: ModuleType, request: Any) -> Sink:
        try:
            content = request.content
        except http.RequestNotRead:
            content = None  # an upload that is read as it is sent
        return Sink(
            _files,
            method=request.method,
            url=str(request.url),
            headers=request.headers,
            content=content,
        )


_RECORDINGS = _Recordings()
