"""Hold a response's reads back until their lines are whole, and clean them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from nbstream.record.exchange import Read
from nbstream.record.redaction import Secrets

__all__ = ["Cleaner", "Unpacked"]


class Cleaner:
    """Takes keys out of reads, whatever the cuts: a key never spans two lines.

    A read is given back when the line in which it ends is whole, so that a key whose
    beginning came in one read and whose end in the next is found.
    """

    def __init__(self, secrets: Secrets) -> None:
        self.removed = 0
        self._secrets = secrets
        self._held: list[Read] = []

    def feed(self, read: Read) -> Iterator[Read]:
        """Add a read; give those that are clean."""
        self._held.append(read)
        at = max(read.data.rfind(b"\n"), read.data.rfind(b"\r"))
        if at < 0:
            return
        sizes = [len(held.data) for held in self._held]
        yield from self._cleaned(sum(sizes[:-1]) + at + 1)

    def finish(self) -> Iterator[Read]:
        """Give what is left: the body has ended, so its last line is whole."""
        yield from self._cleaned(sum(len(held.data) for held in self._held))

    def _cleaned(self, whole: int) -> Iterator[Read]:
        joined = b"".join(held.data for held in self._held)
        clean, found = self._secrets.body(joined[:whole])
        self.removed += found
        joined = clean + joined[whole:]
        held, self._held, at = self._held, [], 0
        for time_s, data in held:
            stop = at + len(data)
            read = Read(time_s, joined[at:stop])
            if stop <= whole:
                yield read
            else:
                self._held.append(read)
            at = stop


class Unpacked:
    """Undoes the compression of a response, read by read."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding.strip().lower()
        self._unpack: Callable[[bytes], bytes] | None = None
        self.known = True
        if self.encoding == "gzip":
            self._unpack = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress
        elif self.encoding == "deflate":
            self._unpack = self._deflate
        elif self.encoding not in {"", "identity"}:
            self.known = False

    def feed(self, data: bytes) -> bytes:
        """Return what these bytes add; nothing once they turn out to be damaged."""
        if self._unpack is None:
            return data
        try:
            return self._unpack(data)
        except zlib.error:
            self._unpack, self.known = _nothing, False
            return b""

    def _deflate(self, data: bytes) -> bytes:
        """Find out with the first bytes whether there is a zlib header."""
        for bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
            unpack = zlib.decompressobj(bits).decompress
            try:
                out = unpack(data)
            except zlib.error:
                continue
            self._unpack = unpack
            return out
        raise zlib.error


def _nothing(data: bytes) -> bytes:
    del data
    return b""
