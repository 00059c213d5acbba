"""Say where reads from the network began, and what they cut in two."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from nbstream.errors import UsageError
from nbstream.reply.wire import Read

__all__ = ["Cut", "checked", "cuts", "even", "number_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A place within an event where one read ended and the next began.

    Attributes:
        offset: Where, in bytes from the beginning of the body.
        read: The number of the read that begins there, from 1.
        character: The character that was cut, or "".
        before: The bytes of that character that came with the read before.
        after: Those that came later.
    """

    offset: int
    read: int
    character: str = ""
    before: bytes = b""
    after: bytes = b""

    def __str__(self) -> str:
        if not self.character:
            return f"read {self.read} begins at byte {self.offset:,}"
        halves = f"{self.before.hex(' ').upper()} | {self.after.hex(' ').upper()}"
        return (
            f"read {self.read} begins at byte {self.offset:,}, inside the character "
            f"{self.character} ({halves})"
        )


def even(data: bytes, size: int, reads: Sequence[Read] = ()) -> list[Read]:
    """Give reads of ``size`` bytes each; a byte keeps the time at which it came.

    Raises:
        UsageError: ``size`` is less than 1.
    """
    if size < 1:
        raise UsageError(f"a read gives at least 1 byte, not {size!r}")
    found = []
    for offset in range(0, len(data), size):
        length = min(size, len(data) - offset)
        last = number_at(reads, offset + length - 1)
        time_s = reads[last - 1].time_s if reads else None
        found.append(Read(offset=offset, length=length, time_s=time_s))
    return found


def checked(data: bytes, reads: Sequence[Read]) -> tuple[Read, ...]:
    """Return the reads, one if there are none; they must make up the data.

    Raises:
        UsageError: there is a gap, or they are longer or shorter than the data.
    """
    if not reads and data:
        return (Read(offset=0, length=len(data)),)
    at = 0
    for read in reads:
        if read.offset != at or read.length < 1:
            msg = (
                f"{read!r} does not go on at byte {at}; expected reads that make up "
                "the data, one after the other, none of them empty"
            )
            raise UsageError(msg)
        at = read.end
    if at != len(data):
        raise UsageError(f"the reads give {at} bytes, but there are {len(data)}")
    return tuple(reads)


def number_at(reads: Sequence[Read], offset: int) -> int:
    """Return the number, from 1, of the read that holds the byte."""
    return bisect_right(reads, offset, key=lambda read: read.offset)


def cuts(data: bytes, reads: Sequence[Read], start: int, end: int) -> tuple[Cut, ...]:
    """Return where reads begin between the two places, these not included."""
    first = number_at(reads, start)
    found = []
    for number in range(first + 1, len(reads) + 1):
        offset = reads[number - 1].offset
        if offset >= end:
            break
        found.append(_cut(data, offset, number))
    return tuple(found)


def _cut(data: bytes, offset: int, number: int) -> Cut:
    """Look three bytes back for a character that goes on beyond the place."""
    for begin in range(offset - 1, max(offset - 4, -1), -1):
        for end in range(offset + 1, min(begin + 5, len(data) + 1)):
            character = _decoded(data[begin:end])
            if character:
                return Cut(
                    offset=offset,
                    read=number,
                    character=character,
                    before=data[begin:offset],
                    after=data[offset:end],
                )
    return Cut(offset=offset, read=number)


def _decoded(data: bytes) -> str:
    """Return the one character that these bytes are, or ""."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ""
    return text if len(text) == 1 else ""
