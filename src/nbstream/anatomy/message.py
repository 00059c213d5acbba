"""Put an anatomy into plain lists for the page, which crosses the wire once.

What has been accumulated goes as changes, never as snapshots, so that it all grows
with the stream and not with its square. The bytes go beside it as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from nbstream.anatomy.body import Anatomy
from nbstream.anatomy.growth import Change
from nbstream.anatomy.steps import Step
from nbstream.anatomy.words import event_fields

__all__ = ["message"]

Plain: TypeAlias = list[object]
#: Half a character: JSON may hold one, the bytes of a message not.
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def message(body: Anatomy) -> dict[str, object]:
    """Return all that the page needs besides ``body.data``."""
    at = {section.key: number for number, section in enumerate(body.sections)}
    return {
        "api": body.api,
        "outcome": body.reply.outcome,
        "reads": [[read.end, read.time_s] for read in body.reads],
        "steps": [_step(step, at) for step in body],
        "last": _changes(body.last, at),
        "sections": [[section.title, section.kind] for section in body.sections],
        "marks": [[_whole(name), number] for name, number in body.landmarks.items()],
    }


def _step(step: Step, at: Mapping[str, int]) -> Plain:
    events = [
        [type(event).__name__, [[name, _whole(said)] for name, said in fields]]
        for event, fields in ((each, event_fields(each)) for each in step.events)
    ]
    sse = step.event
    head = [_whole(sse.event), _whole(sse.id), sse.retry] if sse else None
    notes = [["cut", _whole(str(cut))] for cut in step.cuts]
    notes += [["breaks", _whole(each)] for each in step.breaks]
    ready = -1 if step.ready is None else step.ready
    changes = _changes(step.changes, at)
    return [step.start, step.end, ready, head, events, changes, notes]


def _changes(changes: Iterable[Change], at: Mapping[str, int]) -> Plain:
    return [
        [at[each.key], _units(each.dropped), _whole(each.added)] for each in changes
    ]


def _units(text: str) -> int:
    """Return the length of a text as JavaScript counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _whole(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)
