"""Take anything that holds a stream's bytes, and take it apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from nbstream.anatomy.body import Anatomy
from nbstream.anatomy.reads import even
from nbstream.errors import UsageError
from nbstream.record.exchange import Exchange
from nbstream.reply import Reply
from nbstream.reply.answer import Answer
from nbstream.reply.wire import Read, Wire

__all__ = ["Source", "anatomy"]

#: A body, what each read gave of it, or an exchange of a recording.
Source: TypeAlias = (
    bytes | bytearray | memoryview | str | Iterable[bytes] | Exchange | Answer
)
_EXPECTED = (
    "expected the bytes of a text/event-stream body, the bytes of each read in a list, "
    "one exchange of nbstream.record.load(...), or a reply that has kept its bytes"
)


def anatomy(source: Source, api: str = "", *, cut: int | None = None) -> Anatomy:
    r"""Take a stream apart, to walk through it byte by byte and event by event.

    >>> found = anatomy([b'data: {"cho', b'ices":[]}\n\n'], api="openai.chat")
    >>> found[0].cuts[0].offset
    11

    Args:
        source: The bytes of a ``text/event-stream`` body (or its text, pasted); a
            list of what each read from the network gave; an ``Exchange`` of
            ``nbstream.record.load``; or a ``Reply`` that has kept its bytes.
        api: One of ``nbstream.providers.APIS``, such as ``"openai.chat"``. If it is
            left out, the first event (or the recording) tells.
        cut: Look at it as if each read had given so many bytes.

    Raises:
        UnknownNameError: there is no such API.
        UsageError: that holds no stream, or its first event does not tell the API.
    """
    if isinstance(source, Exchange):
        return _of_exchange(source, api, cut)
    if isinstance(source, Reply):
        return _of_reply(source, api, cut)
    wire = Wire((None, piece) for piece in _pieces(source))
    return Anatomy(wire.data, _reads(wire, cut), api=api)


def _reads(wire: Wire, cut: int | None) -> Sequence[Read]:
    return wire.reads if cut is None else even(wire.data, cut, wire.reads)


def _of_reply(reply: Reply, api: str, cut: int | None) -> Anatomy:
    if reply.wire is None:
        msg = (
            "this reply has no bytes: an SDK read them and kept them to itself. Ask "
            "again with nbstream.show(lambda: client...create(..., stream=True), "
            "keep_wire=True), or record the call, `with nbstream.record('x.rec'): "
            "...`, and take nbstream.anatomy(nbstream.record.load('x.rec')[0])"
        )
        raise UsageError(msg)
    return Anatomy(
        reply.wire.data,
        _reads(reply.wire, cut),
        api=api or reply.api,
        stopped=reply.outcome == "stopped",
        exception=reply.exception,
        running=reply.outcome == "running",
        steady=reply.wire.recorded,
    )


def _pieces(source: object) -> Iterator[bytes]:
    if isinstance(source, str):
        source = source.encode("utf-8", "surrogateescape")
    if isinstance(source, bytes | bytearray | memoryview):
        source = [bytes(source)]
    if not isinstance(source, Iterable) or isinstance(source, dict):
        raise UsageError(f"no stream in {_short(source)}: {_EXPECTED}")
    for piece in source:
        if isinstance(piece, Exchange):
            which = f"got the exchanges of a recording, the first being {piece!r}"
            raise UsageError(f"{which}; pass one of them, such as the first: [0]")
        if not isinstance(piece, bytes):
            raise UsageError(f"a read gives bytes, not {_short(piece)}: {_EXPECTED}")
        yield piece


def _of_exchange(exchange: Exchange, api: str, cut: int | None) -> Anatomy:
    if not exchange.is_stream:
        what = exchange.response_headers.get("content-type", "no content type")
        msg = (
            f"exchange {exchange.number} has no stream to take apart ({what}, status "
            f"{exchange.status}); look at .body or .json()"
        )
        raise UsageError(msg)
    wire = Wire(exchange.reads)
    broken = ConnectionError("the connection was cut")
    return Anatomy(
        wire.data,
        _reads(wire, cut),
        api=api or exchange.api,
        stopped=exchange.ended == "closed",
        exception=broken if exchange.ended == "cut" else None,
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
