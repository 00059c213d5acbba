"""Take a stream apart: its bytes, the events they hold, what has been added up.

    nbstream.anatomy(data, api="openai.chat")     # pasted bytes
    nbstream.anatomy(nbstream.record.load("lesson.rec")[0])
    reply.anatomy()

The output is a table, and nothing else is ever in the file. Where there are widgets
and a person, a model without a view of its own goes with it: the page puts the walk in
the table's place (static/anatomy.js) for as long as the kernel lives.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from nbstream.errors import UsageError
from nbstream.lab.anatomy.growth import Change, Section
from nbstream.lab.anatomy.steps import Cut, Step, Walk, even_reads
from nbstream.lab.anatomy.table import markdown
from nbstream.lab.recording.exchange import Exchange
from nbstream.markdown import to_html
from nbstream.reply import Reply
from nbstream.reply.answer import Answer
from nbstream.reply.timing import Read, Wire
from nbstream.screens import place

__all__ = ["Anatomy", "Change", "Cut", "Read", "Section", "Step", "anatomy"]


class Anatomy(Walk):
    """A stream's steps: look at them by number, or display it to walk through them.

    The last line of a cell shows it: a slider over the steps where widgets work, else
    (and in the saved notebook) a table. `Walk` has its attributes.
    """

    def markdown(self, rows: int | None = 24) -> str:
        """Return all of it as a table in Markdown, of at most so many steps.

        ``None`` is all of them. What is left out is said.
        """
        return markdown(self, rows)

    def widget(self) -> object:
        """Return the walk as a widget, to put where you like (an anywidget)."""
        from nbstream.lab.anatomy.widget import AnatomyModel  # it needs anywidget

        return AnatomyModel(self)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Return the table, and offer the walk if there is a page.

        With and without a page it is the same, and so it is from run to run.
        """
        table, own = self.markdown(), place_of(self)
        # Without it a long run of signs makes the table wider than the page.
        breaking = '<code style="overflow-wrap: anywhere">'
        inner = to_html(table).replace("<code>", breaking)
        _offer(self, own)
        return {
            "text/html": f'<div class="nbstream-anatomy {own}">\n{inner}</div>\n',
            "text/markdown": table,
            "text/plain": table,
        }

    def __repr__(self) -> str:
        return (
            f"<Anatomy of {self.api or 'a stream'}: {len(self.data)} bytes in "
            f"{len(self.reads)} reads, {len(self)} steps, {self.reply.outcome}>"
        )


def place_of(body: Walk) -> str:
    """Return a class for an anatomy's output: the same for the same bytes and cuts."""
    cuts = [read.offset for read in body.reads]
    said = repr((body.api, cuts, body.reply.outcome)).encode()
    return f"nbstream-anatomy-{hashlib.sha256(said + body.data).hexdigest()[:12]}"


def _offer(body: Walk, own: str) -> None:
    view = os.environ.get("NBSTREAM_VIEW") or "auto"
    if view != "live" and (view != "auto" or place() != "live"):
        return
    try:
        from nbstream.lab.anatomy.widget import offer
    except ImportError:  # no anywidget, or one that its surroundings cannot load
        return
    offer(body, own)


#: A body, what each read gave of it, or an exchange of a recording.
Source: TypeAlias = (
    bytes | bytearray | memoryview | str | Iterable[bytes] | Exchange | Answer
)
_EXPECTED = (
    "expected the bytes of a text/event-stream body, the bytes of each read in a list, "
    "one exchange of nbstream.record.load(...), or a reply that has kept its bytes"
)


def anatomy(
    source: Source, api: str = "", *, cut: int | None = None, step: int = 0
) -> Anatomy:
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
        step: At which step the walk begins, counted from 1, or from the end if it is
            negative; 0 is before the first.

    Raises:
        UnknownNameError: there is no such API.
        UsageError: that holds no stream, or its first event does not tell the API; or
            there is no such step.
    """
    found = _anatomy(source, api, cut)
    if abs(step) > len(found):
        raise UsageError(f"there is no step {step}: {len(found)} were found")
    found.opened = step if step >= 0 else len(found) + 1 + step
    return found


def _anatomy(source: Source, api: str, cut: int | None) -> Anatomy:
    if isinstance(source, Exchange):
        return _of_exchange(source, api, cut)
    if isinstance(source, Reply):
        return _of_reply(source, api, cut)
    wire = Wire((None, piece) for piece in _pieces(source))
    return Anatomy(wire.data, _reads(wire, cut), api=api)


def _reads(wire: Wire, cut: int | None) -> Sequence[Read]:
    return wire.reads if cut is None else even_reads(wire.data, cut, wire.reads)


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
