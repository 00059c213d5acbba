"""The walk through a stream as a widget: its model, and what the page is sent.

It crosses the wire once. What has been accumulated goes as changes, never as snapshots,
so that it all grows with the stream and not with its square; the bytes go beside it as
they are.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import traitlets

from nbstream.lab.anatomy.growth import Change
from nbstream.lab.anatomy.steps import Step, Walk
from nbstream.lab.anatomy.table import event_fields
from nbstream.markdown.rendering import units
from nbstream.screens.widget import OneWay
from nbstream.static import module, style

#: How many of them stay alive; the table stands in the place of older ones.
MOST_MODELS = 8
_FILES = ("blocks.js", "anatomy_stream.js", "anatomy_slider.js", "anatomy.js")
_models: deque[AnatomyModel] = deque()


class AnatomyModel(OneWay):
    """All of one anatomy, sent once.

    With a ``place``, the name of a class, the page shows it where an output has that
    class. Without, it is a widget like any other.
    """

    _esm = module("anatomyView", *_FILES)
    _css = style("anatomy.css")
    told = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)
    place = traitlets.Unicode().tag(sync=True)

    def __init__(self, body: Walk, place: str = "") -> None:
        super().__init__(told=message(body), data=body.data, place=place)


def offer(body: Walk, place: str) -> None:
    """Make a model for the outputs of that class; it takes over from one before it."""
    for old in [each for each in _models if each.place == place]:
        _models.remove(old)
        old.close()
    _models.append(AnatomyModel(body, place))
    while len(_models) > MOST_MODELS:
        _models.popleft().close()


Plain: TypeAlias = list[object]
#: Half a character: JSON may hold one, the bytes of a message not.
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def message(body: Walk) -> dict[str, object]:
    """Return all that the page needs besides ``body.data``."""
    at = {section.key: number for number, section in enumerate(body.sections)}
    return {
        "api": body.api,
        "outcome": body.reply.outcome,
        "opened": body.opened,
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
    return [[at[each.key], units(each.dropped), _whole(each.added)] for each in changes]


def _whole(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)
