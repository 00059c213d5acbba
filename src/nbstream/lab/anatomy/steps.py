"""Take a stream in steps: its bytes, what they say, and what that changes."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import overload

from nbstream._reader import Reader
from nbstream.errors import UsageError
from nbstream.lab.anatomy.growth import Change, Growth, Section, apply
from nbstream.reply import Reply
from nbstream.reply.timing import Read, Wire
from nbstream.sse import Decoder, ServerSentEvent
from nbstream.types import Event, Failure, Finish, TextDelta, TextDone

# -- where each event lies in the bytes: from its first line to its empty line ------
# https://html.spec.whatwg.org/multipage/server-sent-events.html (9.2.5 and 9.2.6).

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


def blocks(data: bytes) -> list[Block]:
    """Return the blocks of a body, in order and without a gap.

    Empty lines that follow one another belong to the block before them.
    """
    decoder = Decoder()
    found: list[Block] = []
    start = at = 0
    for match in _LINE.finditer(data):
        line, end = match[0], match.end()
        if (line if at else line.removeprefix(_BOM)) in _ENDS:
            if found and start == at:
                found[-1] = replace(found[-1], end=end)
            else:
                event = next(iter(decoder.feed(data[start:end])), None)
                ready = end - line.endswith(b"\r\n")
                found.append(Block(start=start, end=end, ready=ready, event=event))
            start = end
        at = end
    if start < len(data):
        found.append(Block(start=start, end=len(data), ready=None, event=None))
    return found


# -- where reads from the network began, and what they cut in two ------------------


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


def even_reads(data: bytes, size: int, reads: Sequence[Read] = ()) -> list[Read]:
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


def whole_reads(data: bytes, reads: Sequence[Read]) -> tuple[Read, ...]:
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


# -- where the usual few lines of code would have gone wrong -----------------------

# They are what one writes first, and what many a tutorial shows::
#
#     for chunk in reads:
#         for line in chunk.decode().splitlines():
#             if line.startswith("data: "):
#                 payload = json.loads(line[6:])
#
# They are run here, on the very bytes of each event, cut as the network cut them.

#: Where ``str.splitlines`` ends a line, and the format of event streams does not.
_SPLITTERS = re.compile("[\v\f\x1c\x1d\x1e\x85\u2028\u2029]")


def breaks(data: bytes, block: Block, cuts: Sequence[Cut]) -> tuple[str, ...]:
    """Return what goes wrong at this event, in words; nothing if it goes well."""
    if block.event is None and not cuts:
        return ()
    places = [block.start, *(cut.offset for cut in cuts), block.end]
    pieces = [data[a:b] for a, b in pairwise(places)]
    found: list[str] = []
    texts: list[str] = []
    for piece, cut in zip(pieces, [*cuts, None], strict=True):
        try:
            texts.append(piece.decode())
        except UnicodeDecodeError as error:
            if not cut or not cut.character:
                if not found:
                    found.append(f".decode() raises UnicodeDecodeError: {error.reason}")
                continue
            said = f".decode() of read {cut.read - 1} raises UnicodeDecodeError: "
            found.append(f"{said}it ends inside {cut.character}")
    if found or block.event is None:
        return tuple(found)
    return tuple(_misread(texts, block.event.data))


def _misread(texts: list[str], data: str) -> list[str]:
    lines = [line for text in texts for line in text.splitlines()]
    payloads = [line[6:] for line in lines if line.startswith("data: ")]
    if payloads == [data]:
        return _not_json(data)
    found = [each for payload in payloads for each in _not_json(payload)]
    splitters = sorted({f"U+{ord(each):04X}" for each in _SPLITTERS.findall(data)})
    if splitters:
        found.insert(0, f"splitlines() ends a line at {', '.join(splitters)}")
    if len(texts) > 1:
        rest = "the rest, in another read, does not begin with 'data: ' and is lost"
        found.append(rest)
    elif not payloads:
        found.append("no line begins with 'data: ', so the event is not seen")
    elif not found:
        found.append(f"{len(payloads)} lines of data are taken for as many events")
    return found


def _not_json(payload: str) -> list[str]:
    try:
        json.loads(payload)
    except ValueError as error:
        short = payload if len(payload) <= 24 else f"{payload[:12]}…{payload[-10:]}"
        return [f"json.loads({short!r}) fails: {error}"]
    except RecursionError:
        return ["json.loads fails: the data is nested too deeply"]
    return []


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


# -- all of them, and what had been accumulated at each ----------------------------

#: After so many steps a snapshot is kept.
STRIDE = 128


class Walk(Sequence[Step]):
    """A stream's steps: look at them by number.

    Attributes:
        api: The wire API, such as ``"openai.chat"``; "" if nothing told it.
        data: The body of the response, as it came.
        reads: What each read from the network gave, one after the other.
        reply: What it all adds up to, ended as the stream ended, or still running.
        steady: Whether the times are those of a recording. Others differ from run to
            run, and so are not in the table.
        sections: What is accumulated, in the order in which it is shown.
        opened: At which step it begins, counted from 1; 0 is before the first.
    """

    opened = 0

    def __init__(
        self,
        data: bytes,
        reads: Sequence[Read] = (),
        *,
        api: str = "",
        stopped: bool = False,
        exception: BaseException | None = None,
        running: bool = False,
        steady: bool = True,
    ) -> None:
        self.data = data
        self.steady = steady
        self.reads = whole_reads(data, reads)
        self.reply = Reply(api)
        reader, growth = Reader(self.reply), Growth(self.reply)
        self._steps = tuple(steps(data, self.reads, reader, growth))
        pieces = ((each.time_s, data[each.offset : each.end]) for each in self.reads)
        self.reply.wire = Wire(pieces)  # not step by step, as it was read here
        if not running:
            if not stopped and exception is None:
                reader.finish()
            self.reply._end(stopped=stopped, exception=exception)
        #: What the end of the stream changed: the outcome, calls left unfinished.
        self.last = growth.finish()
        self.api = self.reply.api
        self.sections: tuple[Section, ...] = tuple(growth.sections())
        self._snapshots: list[dict[str, str]] = [{}]

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, index: int | slice) -> Step | tuple[Step, ...]:
        return self._steps[index]

    def raw(self, step: Step) -> bytes:
        """Return the bytes of a step."""
        return self.data[step.start : step.end]

    def at(self, count: int) -> dict[str, str]:
        """Return what has been accumulated after so many steps, by section's key.

        ``at(0)`` is before anything came; ``at(len(anatomy) + 1)`` is after the
        stream had ended.

        Raises:
            IndexError: there are not so many steps.
        """
        if not 0 <= count <= len(self) + 1:
            msg = f"there are {len(self)} steps, so count is 0 to {len(self) + 1}, "
            raise IndexError(f"{msg}not {count!r}")
        steps = min(count, len(self))
        while len(self._snapshots) <= steps // STRIDE:
            self._snapshots.append(self._replayed(len(self._snapshots) * STRIDE))
        texts = self._replayed(steps)
        return apply(texts, self.last) if count > len(self) else texts

    def _replayed(self, count: int) -> dict[str, str]:
        nearest = min(count // STRIDE, len(self._snapshots) - 1)
        texts = self._snapshots[nearest]
        changes = (c for s in self._steps[nearest * STRIDE : count] for c in s.changes)
        return apply(texts, changes)

    def after_bytes(self, count: int) -> int:
        """Return how many steps are whole after so many bytes."""
        return bisect_right(self._steps, count, key=self._ready)

    def _ready(self, step: Step) -> int:
        return len(self.data) + 1 if step.ready is None else step.ready

    @property
    def landmarks(self) -> dict[str, int]:
        """The steps to jump to, by name; their numbers, from 1."""
        found: dict[str, int] = {}
        for step in self:
            for event in step.events:
                match event:
                    case TextDelta() | TextDone() if event.text:
                        is_thought = event.kind == "reasoning"
                        name = "first reasoning" if is_thought else "first token"
                        found.setdefault(name, step.number)
                    case Finish():
                        found["finish"] = step.number
                    case Failure():
                        found.setdefault("failure", step.number)
                    case _:
                        pass
            for change in step.changes:
                key = change.key.split("/")
                if key[1:2] == ["call"] and len(key) == 3 and not change.dropped:
                    name = change.added.partition(" · ")[0]
                    found.setdefault(
                        f"tool call {int(key[2]) + 1}: {name}", step.number
                    )
        return found
