"""Append to a recording's file: each block is in it as soon as it has happened."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

from nbstream.errors import UsageError
from nbstream.record.writer import FORMAT, head

__all__ = ["File"]


class File:
    """The file of one recording.

    It is opened for each block only: nothing stays open for streams that outlive
    the recording, and what is written is there even if the process is killed.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self.error: OSError | None = None
        self._lock = threading.Lock()
        self._started_s = time.monotonic()
        self._count = 0
        self._ours = True

    def create(self, version: str) -> None:
        """Begin the file anew; only a recording is ever replaced.

        Raises:
            UsageError: another file has this name.
        """
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
        said = f"Recorded {day} by nbstream {version}. How to read it: FORMAT.md"
        self.path.write_bytes(head(f"{said} in nbstream/record.").encode())
        self._started_s = time.monotonic()

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
                with open(self.path, "ab", opener=_existing) as file:
                    file.write(data)
            except OSError as error:
                self.error = error

    def give_up(self) -> None:
        """Write nothing more: another recording has this file now."""
        with self._lock:
            self._ours = False


def _existing(path: str, flags: int) -> int:
    """Open a file that must be there: one that was moved away is not begun again."""
    return os.open(path, flags & ~os.O_CREAT)
