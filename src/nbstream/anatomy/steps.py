"""Take a stream in steps: its bytes, what they say, and what that changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbstream._reader import Reader
from nbstream.anatomy.blocks import blocks
from nbstream.anatomy.growth import Change, Growth
from nbstream.anatomy.naive import breaks
from nbstream.anatomy.reads import Cut, cuts, number_at
from nbstream.reply.wire import Read
from nbstream.sse import ServerSentEvent
from nbstream.types import Event

__all__ = ["Step", "steps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event on the wire, from its first line to its empty line.

    Attributes:
        number: Its number, from 1.
        start: Where it begins, in bytes from the beginning of the body.
        end: Where the next one begins.
        ready: After how many bytes it was there to be read; None: it never was,
            because no empty line ended it.
        event: The server-sent event; None for a comment, or what is unfinished.
        events: What it means, in nbstream's words; often several, sometimes none.
        changes: What it changed of what has been accumulated.
        reads: The numbers, from 1, of the reads that brought it.
        cuts: Where a read ended inside it.
        breaks: How the usual ``for line in chunk.decode().splitlines()`` fails here.
    """

    number: int
    start: int
    end: int
    ready: int | None
    event: ServerSentEvent | None
    events: tuple[Event, ...]
    changes: tuple[Change, ...]
    reads: range
    cuts: tuple[Cut, ...]
    breaks: tuple[str, ...]


def steps(
    data: bytes, reads: Sequence[Read], reader: Reader, growth: Growth
) -> Iterator[Step]:
    """Read the body with ``reader`` and give its steps.

    Raises:
        UsageError: ``reader`` was told no API, and the first payload is of none.
    """
    for number, block in enumerate(blocks(data), 1):
        events = tuple(reader.push(data[block.start : block.end]))
        found = cuts(data, reads, block.start, block.end)
        first = number_at(reads, block.start)
        yield Step(
            number=number,
            start=block.start,
            end=block.end,
            ready=block.ready,
            event=block.event,
            events=events,
            changes=growth.after(events),
            reads=range(first, first + len(found) + 1),
            cuts=found,
            breaks=breaks(data, block, found),
        )
