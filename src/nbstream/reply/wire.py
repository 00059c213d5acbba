"""The bytes of a response as they came over the network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Read", "Wire"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What one read from the network gave.

    Attributes:
        offset: Where its bytes begin in the body.
        length: How many there are, in bytes.
        time_s: When it came, in seconds since the beginning; None: not known.
    """

    offset: int
    length: int
    time_s: float | None = None

    @property
    def end(self) -> int:
        """Where the next read begins."""
        return self.offset + self.length


class Wire:
    """The body of a response, and how reads from the network cut it.

    Attributes:
        recorded: Whether the times are a recording's, the same at every look.
    """

    def __init__(
        self,
        pieces: Iterable[tuple[float | None, bytes]] = (),
        *,
        recorded: bool = False,
    ) -> None:
        self.recorded = recorded
        self._chunks: list[bytes] = []
        self._reads: list[Read] = []
        self._size = 0
        for time_s, data in pieces:
            self.add(data, time_s)

    def add(self, data: bytes, time_s: float | None = None) -> None:
        """Keep what one read gave, and when, in seconds; nothing is no read."""
        if data:
            read = Read(offset=self._size, length=len(data), time_s=time_s)
            self._chunks.append(data)
            self._reads.append(read)
            self._size = read.end

    @property
    def data(self) -> bytes:
        """The whole body so far."""
        return b"".join(self._chunks[: len(self._reads)])

    @property
    def reads(self) -> tuple[Read, ...]:
        """The reads, one after the other."""
        return tuple(self._reads)

    def __repr__(self) -> str:
        return f"<Wire: {self._size} bytes in {len(self._reads)} reads>"
