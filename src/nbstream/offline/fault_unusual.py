"""Streams that are right but unusual: a client must take them as they are."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import chain

from nbstream.offline.damage import DONE, Damage, Frames, struck, with_text
from nbstream.offline.fault_cuts import AFTER
from nbstream.offline.talk import Frame

__all__ = ["UNUSUAL"]

_BATCH = 500


def comments(api: str, frames: Frames) -> Damage:
    """Keep-alive comments between the events, as proxies send them."""
    del api

    def with_comments() -> Iterator[Frame]:
        for each in frames:
            yield Frame(b": keep-alive\n\n" + each.data, each.tokens)

    return Damage(frames=with_comments())


def gzip(api: str, frames: Frames) -> Damage:
    """The events are compressed; nothing is wrong."""
    del api

    def pressed() -> Iterator[Frame]:
        writer = zlib.compressobj(wbits=31)
        for each in frames:
            data = writer.compress(each.data) + writer.flush(zlib.Z_SYNC_FLUSH)
            yield Frame(data, each.tokens)
        yield Frame(writer.flush())

    return Damage(frames=pressed(), fields={"Content-Encoding": "gzip"})


def crlf(api: str, frames: Frames) -> Damage:
    """Lines end in CR LF; nothing is wrong."""
    del api

    def ended() -> Iterator[Frame]:
        for each in frames:
            lines = each.data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            yield Frame(lines, each.tokens)

    return Damage(frames=ended())


def split(api: str, frames: Frames, *, size: int = 1) -> Damage:
    """The body comes in pieces of so many bytes; nothing is wrong."""
    del api
    return Damage(
        frames=(
            Frame(each.data[at : at + size])
            for each in frames
            for at in range(0, len(each.data), size)
        )
    )


def giant_event(
    api: str, frames: Frames, *, after: int = AFTER, size: int = 16 * 2**20
) -> Damage:
    """One event whose text has 16 MB, among the others."""
    before, rest = struck(frames, after)
    giant = with_text(api, next(rest, DONE), "x" * size)
    return Damage(frames=chain(before, [giant], rest))


def tiny_events(
    api: str, frames: Frames, *, after: int = AFTER, count: int = 1_000_000
) -> Damage:
    """A million events of one character, at once, among the others."""
    before, rest = struck(frames, after)
    first = next(rest, DONE)
    tiny = with_text(api, first, "x").data
    batches, over = divmod(count, _BATCH)
    many = (Frame(tiny * _BATCH) for _ in range(batches))
    return Damage(frames=chain(before, many, [Frame(tiny * over), first], rest))


UNUSUAL = (
    comments,
    gzip,
    crlf,
    split,
    giant_event,
    tiny_events,
)
