"""Record every call of the SDKs for as long as a ``with`` block runs."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self

from nbstream.errors import UsageError
from nbstream.record import capture
from nbstream.record.exchange import Exchange
from nbstream.record.file import File
from nbstream.record.reader import load, loads
from nbstream.record.writer import dumps

__all__ = ["Recorder", "record"]


class Recorder:
    """Write what the SDKs send and get into a file, as long as the block runs.

        with nbstream.record("lesson.rec"):
            nbstream.show(client.responses.create(..., stream=True))

    Sync and async, streamed and plain calls of this process are recorded, on all
    threads, with no change to the code. Keys are left out. A recording of the same
    name is replaced, no other file is. Streams that outlive the block are recorded
    to their end. A client with a transport of its own is not seen.
    """

    load = staticmethod(load)
    loads = staticmethod(loads)
    dumps = staticmethod(dumps)

    def __init__(self, path: str | PathLike[str]) -> None:
        self._file = File(path)

    @property
    def path(self) -> Path:
        """Where the recording is."""
        return self._file.path

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What has been recorded until now."""
        return load(self.path)

    def __enter__(self) -> Self:
        from nbstream import __version__  # the package may be still being imported

        capture.start(self._file, __version__)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        capture.stop(self._file)
        failed = self._file.error
        if failed is not None and error is None:
            msg = f"the recording could not be written: {failed}"
            raise UsageError(msg) from failed

    def __repr__(self) -> str:
        return f"<nbstream.record {self.path.name!r}>"


record = Recorder
