"""When things happened in one stream, and what follows from that."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import Literal, NamedTuple, TypeAlias, get_args

from nbstream import types

DeltaKind: TypeAlias = Literal["text", "reasoning", "refusal", "tool"]
_KINDS: tuple[DeltaKind, ...] = get_args(DeltaKind)
_NUMBER = {kind: number for number, kind in enumerate(_KINDS)}
_TEXT = _NUMBER["text"]
_TOOL = _NUMBER["tool"]


class Delta(NamedTuple):
    """One piece of the answer: when, of what kind, how long (characters, bytes).

    The bytes are those of its text in UTF-8, not those of the wire around it.
    """

    time_s: float
    kind: DeltaKind
    length: int
    bytes: int


class Spread(NamedTuple):
    """How long the pauses between deltas were, in seconds (nearest rank)."""

    p50_s: float
    p95_s: float
    max_s: float


class Stall(NamedTuple):
    """A pause: when it began, and how long it was, in seconds."""

    start_s: float
    length_s: float


@dataclass(slots=True, kw_only=True)
class Timing:
    """When things happened, in seconds on one monotonic clock.

    Zero is when nbstream was handed the stream, or in a recording when the request
    was sent. While the stream runs this grows; 17 bytes are kept of each delta.

    Attributes:
        zero_s: The reading of ``time.monotonic()`` at zero; None in a recording.
        request_sent_s: When the request was sent. None: an SDK's stream object has
            connected before we see it, and a generator does not tell; give a
            function, ``show(lambda: client...create(..., stream=True))``.
        headers_s: When the response's headers were there. None as above, and where an
            async call does not tell.
        first_byte_s: When the first bytes of the body came. None: an SDK read them
            and kept the time to itself; ``keep_wire=True``, a stream of bytes and a
            recording tell.
        first_event_s: When the first event was there; None: none came.
        first_text_s: The first piece of the answer's text; None: none came.
        last_text_s: The last piece of it; None: none came.
        end_s: The end, whatever it was; None: it runs still.
    """

    zero_s: float | None = None
    request_sent_s: float | None = None
    headers_s: float | None = None
    first_byte_s: float | None = None
    first_event_s: float | None = None
    first_text_s: float | None = None
    last_text_s: float | None = None
    end_s: float | None = None
    _times: array[float] = field(default_factory=lambda: array("d"), repr=False)
    _kinds: array[int] = field(default_factory=lambda: array("B"), repr=False)
    _lengths: array[int] = field(default_factory=lambda: array("I"), repr=False)
    _bytes: array[int] = field(default_factory=lambda: array("I"), repr=False)

    def elapsed_s(self, now_s: float) -> float:
        """Return the seconds from zero to this reading of the clock."""
        return 0.0 if self.zero_s is None else max(0.0, now_s - self.zero_s)

    # -- noted as it happens -------------------------------------------------------

    def note(self, events: Sequence[types.Event], at_s: float) -> bool:
        """Note the events of one payload; tell whether the first delta is in them."""
        before = len(self._times)
        if events and self.first_event_s is None:
            self.first_event_s = at_s
        for event in events:
            match event:
                case types.TextDelta(text=text, kind=kind):
                    if text:
                        self._add(at_s, _NUMBER[kind], text)
                case types.ToolCallDelta(arguments=arguments):
                    self._add(at_s, _TOOL, arguments)
                case types.ArgumentDelta(value=value):
                    self._add(at_s, _TOOL, str(value))
                case types.Arguments(data=data, text=""):
                    self._add(at_s, _TOOL, str(data))
                case _:
                    pass
        return before == 0 < len(self._times)

    def _add(self, at_s: float, kind: int, text: str) -> None:
        self._times.append(at_s)
        self._kinds.append(kind)
        self._lengths.append(len(text))
        size = len(text) if text.isascii() else len(text.encode(errors="replace"))
        self._bytes.append(size)
        if kind == _TEXT:
            self.last_text_s = at_s
            if self.first_text_s is None:
                self.first_text_s = at_s

    # -- what follows from it ------------------------------------------------------

    @property
    def deltas(self) -> tuple[Delta, ...]:
        """The pieces of the answer, in the order in which they came."""
        return tuple(self._deltas())

    def _deltas(self) -> Iterator[Delta]:
        columns = (self._times, self._kinds, self._lengths, self._bytes)
        for time_s, kind, length, size in zip(*columns, strict=True):
            yield Delta(time_s, _KINDS[int(kind)], int(length), int(size))

    @property
    def time_to_first_token_s(self) -> float | None:
        """From the request to the first delta of any kind, also of reasoning.

        From when we were handed the stream, if it had been sent before; None: none
        came.
        """
        if not self._times:
            return None
        return self._times[0] - (self.request_sent_s or 0.0)

    @property
    def inter_delta(self) -> Spread | None:
        """The pauses between deltas; None if there are fewer than two deltas."""
        gaps = sorted(stall.length_s for stall in self._gaps())
        if not gaps:
            return None
        return Spread(_rank(gaps, 0.5), _rank(gaps, 0.95), gaps[-1])

    @property
    def text_rate(self) -> float | None:
        """Characters of text a second after its first delta; None: it cannot be told.

        The first delta is not counted: it came at no time after itself.
        """
        if self.first_text_s is None or self.last_text_s == self.first_text_s:
            return None
        lengths = [each.length for each in self._deltas() if each.kind == "text"]
        assert self.last_text_s is not None
        return sum(lengths[1:]) / (self.last_text_s - self.first_text_s)

    def stalls(self, threshold_s: float = 1.0) -> tuple[Stall, ...]:
        """Return the pauses after the first delta that were at least so long.

        The one between the last delta and the end is among them: a connection that
        falls silent is the usual one.
        """
        found = list(self._gaps())
        if self._times and self.end_s is not None:
            found.append(Stall(self._times[-1], self.end_s - self._times[-1]))
        return tuple(each for each in found if each.length_s >= threshold_s)

    def _gaps(self) -> Iterator[Stall]:
        for before, after in pairwise(self._times):
            yield Stall(before, after - before)


def _rank(ordered: Sequence[float], share: float) -> float:
    return ordered[ceil(share * len(ordered)) - 1]


# -- The bytes of a response as they came over the network.


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
