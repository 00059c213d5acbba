"""The bytes of a response as they came over the network."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass


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
        # Streams have many reads: 16 bytes for each beside its own, and no object.
        self._data = bytearray()
        self._lengths = array("Q")
        self._times = array("d")
        for time_s, data in pieces:
            self.add(data, time_s)

    def add(self, data: bytes, time_s: float | None = None) -> None:
        """Keep what one read gave, and when, in seconds; nothing is no read."""
        if data:
            self._data += data
            self._times.append(math.nan if time_s is None else time_s)
            self._lengths.append(len(data))  # last: what has a length is all there

    @property
    def data(self) -> bytes:
        """The whole body so far."""
        return bytes(self._data[: sum(self._lengths)])

    @property
    def reads(self) -> tuple[Read, ...]:
        """The reads, one after the other."""
        found, offset = [], 0
        for length, time_s in zip(list(self._lengths), self._times, strict=False):
            known = None if math.isnan(time_s) else time_s
            found.append(Read(offset=offset, length=length, time_s=known))
            offset += length
        return tuple(found)

    def __repr__(self) -> str:
        return f"<Wire: {sum(self._lengths)} bytes in {len(self._lengths)} reads>"
