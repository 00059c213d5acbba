"""Find where each event lies in the bytes: from its first line to its empty line.

https://html.spec.whatwg.org/multipage/server-sent-events.html (9.2.5 and 9.2.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nbstream.sse import Decoder, ServerSentEvent

__all__ = ["Block", "blocks"]

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)")
_BOM = b"\xef\xbb\xbf"
_ENDS = (b"\n", b"\r", b"\r\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    r"""The lines up to an empty line, or what is left where there is none.

    Attributes:
        start: Where it begins, in bytes from the beginning of the body.
        end: Where the next one begins.
        ready: After how many bytes of the body the event is there: at the ``\r`` of
            a CRLF. None: no empty line ended it, so it never is.
        event: What the lines say; None for a comment, or lines without data.
    """

    start: int
    end: int
    ready: int | None
    event: ServerSentEvent | None


def blocks(data: bytes) -> Iterator[Block]:
    """Give the blocks of a body, in order and without a gap.

    Empty lines that follow one another belong to the block before them.
    """
    decoder = Decoder()
    found: Block | None = None
    start = at = 0
    for match in _LINE.finditer(data):
        line, end = match[0], match.end()
        if _is_empty(line, at):
            if found is not None and start == at:
                found = _longer(found, end)
            else:
                if found is not None:
                    yield found
                found = _whole(decoder, data, start, end)
            start = end
        at = end
    if found is not None:
        yield found
    if start < len(data):
        yield Block(start=start, end=len(data), ready=None, event=None)


def _is_empty(line: bytes, at: int) -> bool:
    return (line if at else line.removeprefix(_BOM)) in _ENDS


def _whole(decoder: Decoder, data: bytes, start: int, end: int) -> Block:
    events = decoder.feed(data[start:end])
    ready = end - 1 if data.endswith(b"\r\n", start, end) else end
    event = events[0] if events else None
    return Block(start=start, end=end, ready=ready, event=event)


def _longer(block: Block, end: int) -> Block:
    return Block(start=block.start, end=end, ready=block.ready, event=block.event)
