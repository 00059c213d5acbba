"""Divide the time of one reply: waiting, each kind of delta, gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from nbstream.reply.timing import Delta, DeltaKind, Timing

__all__ = ["Span", "SpanKind", "spans", "totals"]

SpanKind: TypeAlias = DeltaKind | Literal["waiting", "gap"]


class Span(NamedTuple):
    """A stretch of time and what it was spent on, in seconds since the request."""

    kind: SpanKind
    start_s: float
    end_s: float


def spans(timing: Timing, stall_s: float = 1.0) -> list[Span]:
    """Return what the time was spent on, from the request to the end.

    A delta takes the time since the one before it, unless that is a gap: a pause of
    ``stall_s`` or more.
    """
    found: list[Span] = []
    for kind, start_s, end_s in _steps(timing, stall_s):
        last = found[-1] if found else None
        if last is not None and last.kind == kind:
            found[-1] = Span(kind, last.start_s, end_s)
        else:
            found.append(Span(kind, start_s, end_s))
    return found


def _steps(timing: Timing, stall_s: float) -> Iterator[Span]:
    zero_s = timing.request_sent_s or 0.0
    at_s, kind = 0.0, None
    for delta in timing.deltas:
        now_s = delta.time_s - zero_s
        if kind is None:
            yield Span("waiting", 0.0, now_s)
            at_s = now_s
        yield from _step(delta.kind, at_s, now_s, stall_s)
        at_s, kind = now_s, delta.kind
    if timing.end_s is not None:
        end_s = timing.end_s - zero_s
        if kind is None:
            yield Span("waiting", 0.0, end_s)
        else:
            yield from _step(kind, at_s, end_s, stall_s)


def _step(kind: DeltaKind, start_s: float, end_s: float, stall_s: float) -> list[Span]:
    if end_s - start_s >= stall_s:
        return [Span("gap", start_s, end_s), Span(kind, end_s, end_s)]
    return [Span(kind, start_s, end_s)]


def totals(deltas: Sequence[Delta], zero_s: float) -> tuple[list[float], list[int]]:
    """Return the times of the deltas and how many characters there were after each."""
    times, sums, total = [], [], 0
    for delta in deltas:
        total += delta.length
        times.append(delta.time_s - zero_s)
        sums.append(total)
    return times, sums
