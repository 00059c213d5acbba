"""Record what a provider really sent, and read the file again.

    with nbstream.record("lesson.rec"):
        ...  # any calls of the OpenAI, Anthropic and Google SDKs, as they are

    nbstream.record.load("lesson.rec")[0].reply().text

What the file says is in FORMAT.md beside this module.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from nbstream.errors import UsageError
from nbstream.lab.recording.exchange import Exchange, Read
from nbstream.lab.recording.format import (
    FORMAT,
    RecordingError,
    dumps,
    end_block,
    head_block,
    load,
    loads,
    read_block,
    request_block,
    response_block,
)
from nbstream.lab.recording.redaction import Cleaner, allowed_headers, request_secrets
from nbstream.streams import transports

__all__ = [
    "Exchange",
    "Read",
    "Recorder",
    "RecordingError",
    "dumps",
    "load",
    "loads",
    "record",
]

#: Headers by which an SDK's call is known, wherever it goes.
_MARKS = ("x-stainless-lang", "anthropic-version", "x-goog-api-client")
_lock = threading.Lock()
#: What runs, and what wrote last into each file.
_running: list[_File] = []
_latest: dict[tuple[int, int], _File] = {}


class Recorder:
    """Write what the SDKs send and get into a file, as long as the block runs.

        with nbstream.record("lesson.rec"):
            nbstream.show(client.responses.create(..., stream=True))

    Sync and async, streamed and plain calls of this process are recorded, on all
    threads, with no change to the code. Keys are left out. A recording of the same
    name is replaced, no other file is. Streams that outlive the block are recorded
    to their end. A client with a transport of its own is not seen.

    Args:
        path: The file to write.

    Raises:
        UsageError: another file has this name, it is being written already, it cannot
            be written, or no SDK is installed.
    """

    load = staticmethod(load)
    loads = staticmethod(loads)
    dumps = staticmethod(dumps)

    def __init__(self, path: str | PathLike[str]) -> None:
        self._file = _File(path)

    @property
    def path(self) -> Path:
        """Where the recording is."""
        return self._file.path

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What has been recorded until now."""
        return load(self.path)

    def __enter__(self) -> Self:
        self._file.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._file.stop()
        failed = self._file.error
        if failed is not None and error is None:
            msg = f"the recording could not be written: {failed}"
            raise UsageError(msg) from failed

    def __repr__(self) -> str:
        return f"<nbstream.record {self.path.name!r}>"


record = Recorder


class _File:
    """The file of one recording, which listens to requests while that runs.

    It is opened for each block only: nothing stays open for streams that outlive
    the recording, and what is written is there even if the process is killed.
    """

    name = "nbstream.record"

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self.error: OSError | None = None
        self._lock = threading.Lock()
        self._started_s = time.monotonic()
        self._count = 0
        self._real, self._inode = self.path, (0, 0)
        self._ours = True

    def start(self) -> None:
        """Begin the file, and write into it all that is sent from now on.

        Raises:
            UsageError: another file has this name, or this one is being written.
        """
        with _lock:
            name = self.path.name
            try:
                if any(self._is_the_file_of(other) for other in _running):
                    msg = f"{name!r} is being recorded already; end that one first"
                    raise UsageError(msg)
                self._create()
            except (OSError, ValueError) as error:
                raise UsageError(f"{name!r} cannot be written: {error}") from error
            if before := _latest.get(self._inode):
                before.give_up()  # streams of an earlier recording may still run
            _latest[self._inode] = self
            if not transports.http_libraries():
                missing = "no SDK is installed (no httpx2 or httpx)"
                raise UsageError(f"there is nothing to record: {missing}")
            transports.listen(self)
            _running.append(self)

    def stop(self) -> None:
        """Record no further request; streams that run are recorded to their end."""
        with _lock:
            _running.remove(self)
            transports.unlisten(self)

    def _is_the_file_of(self, other: _File) -> bool:
        """Tell whether both write one file, also by two names."""
        there = self.path.exists()
        return self.path == other.path or (there and other._inode == _inode(self.path))

    def _create(self) -> None:
        """Begin the file anew; only a recording is ever replaced."""
        if self.path.exists():
            with self.path.open("rb") as old:
                begin = old.read(len(FORMAT))
            if begin and begin != FORMAT.encode():
                msg = (
                    f"{self.path.name!r} is there already and is no recording; it is "
                    "left as it is: choose another name"
                )
                raise UsageError(msg)
        day = datetime.now(UTC).date().isoformat()
        said = f"Recorded {day} by nbstream {version('nbstream')}."
        how = "How to read it: FORMAT.md in nbstream/lab/recording."
        self.path.write_bytes(head_block(f"{said} {how}").encode())
        self._real, self._inode = self.path.resolve(), _inode(self.path)
        self._started_s = time.monotonic()

    def wants(self, path: str, headers: Mapping[str, str]) -> bool:
        """Tell whether a request is one of an SDK's calls.

        All else that a program sends is not recorded: a login, for one, holds secrets.
        """
        return bool(transports.api_of(path)) or any(mark in headers for mark in _MARKS)

    def open(self, http: ModuleType, request: Any) -> _Exchange:
        """Write what is asked, and return who writes what comes."""
        try:
            content = request.content
        except http.RequestNotRead:
            content = None  # an upload that is read as it is sent
        return _Exchange(self, request, content)

    def begin(self, now_s: float) -> tuple[int, float]:
        """Return the number of the next exchange, and when it began."""
        with self._lock:
            self._count += 1
            return self._count, max(0.0, now_s - self._started_s)

    def append(self, block: str) -> None:
        """Write a block. A full disk must not break the stream: it is told later."""
        data = block.encode("utf-8", "replace")
        with self._lock:
            if not self._ours or self.error is not None:
                return
            try:
                with open(self._real, "ab", opener=_existing) as file:
                    if _inode(file.fileno()) != self._inode:
                        raise FileNotFoundError("another file has its name now")
                    file.write(data)
            except OSError as error:
                self.error = error

    def give_up(self) -> None:
        """Write nothing more: another recording has this file now."""
        with self._lock:
            self._ours = False


def _inode(path: Path | int) -> tuple[int, int]:
    """Return what a file is the same by, whatever it is called."""
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _existing(path: str, flags: int) -> int:
    """Open a file that must be there: one that was moved away is not begun again."""
    return os.open(path, flags & ~os.O_CREAT | getattr(os, "O_NOFOLLOW", 0))


class _Exchange:
    """One exchange as it happens: what it hears it writes, with no secret in it."""

    def __init__(self, file: _File, request: Any, content: bytes | None) -> None:
        self._file = file
        self._began_s = time.monotonic()
        self._ended = False
        self._body = transports.Decompressor()
        asked, self._notes = _json(content)
        url = str(request.url)
        self._secrets = request_secrets(url, request.headers, asked)
        self._cleaner = Cleaner(self._secrets)
        headers = self._headers(request.headers.items())
        url, asked = self._secrets.url(url), self._secrets.json(asked)
        self._number, at_s = file.begin(self._began_s)
        file.append(
            request_block(self._number, at_s, request.method, url, headers, asked)
        )

    def respond(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Write the head of the response."""
        at_s, fields = self._elapsed_s(), dict(headers)
        packed = fields.get("content-encoding", "")
        self._body = transports.Decompressor(packed)
        notes, self._notes = self._notes, []
        if fields.get("server", "").startswith("nbstream-offline (scripted"):
            notes.append("scripted: no provider sent this")
        if packed:
            notes.append(f"it came compressed ({packed}) and is to be read unpacked")
        kept = self._headers(headers)
        self._file.append(response_block(self._number, at_s, status, kept, notes))

    def read(self, data: bytes) -> None:
        """Write what one read gave, when its lines are whole."""
        at_s = self._elapsed_s()
        if data := self._body.feed(data):
            self._write(self._cleaner.feed(Read(at_s, data)))

    def end(self, how: transports.Ending, error: Exception | None = None) -> None:
        """Write the end; only the first one counts."""
        if self._ended:
            return
        self._ended = True
        at_s = self._elapsed_s()
        self._write(self._cleaner.finish())
        notes = self._notes
        if not self._body.works:
            coding = self._body.encoding
            notes.append(f"the body, or its end, is left out: no readable {coding}")
        if self._cleaner.removed:
            times = self._cleaner.removed
            notes.append(f"changed: {times} key(s) replaced by as many characters")
        if error is not None:
            notes.append(self._secrets.text(f"{type(error).__name__}: {error}"))
        self._file.append(end_block(self._number, at_s, how, notes))

    def _write(self, reads: Iterable[Read]) -> None:
        for read in reads:
            self._file.append(read_block(self._number, read))

    def _headers(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        allowed = allowed_headers(headers)
        return [(name, self._secrets.text(value)) for name, value in allowed]

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began_s


def _json(content: bytes | None) -> tuple[object, list[str]]:
    """Parse a request's body, and say so where it is no JSON."""
    if content == b"":
        return None, []
    try:
        if content is not None:
            return json.loads(content), []
    except (ValueError, RecursionError):
        pass
    return None, ["the body of the request is left out: it is not JSON"]
