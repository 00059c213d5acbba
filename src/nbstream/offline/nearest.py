"""Say why no recording answers a request, and what the nearest one is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import islice
from typing import TYPE_CHECKING

from nbstream._keys import redact

if TYPE_CHECKING:
    from nbstream.offline.replay import Question, Recorded

__all__ = ["differences", "no_match"]

_LONGEST = 60
_MOST = 4
_COMPARED = 4000
_MISSING = object()


def no_match(asked: Question, recorded: Sequence[Recorded]) -> str:
    """Write the message of the error."""
    what = f"No recording matches this {asked.api or 'request'} ({asked.path})."
    near = [one for one in recorded if one.question.api == asked.api]
    if not near:
        held = Counter(one.question.api or "other" for one in recorded)
        listed = ", ".join(f"{api} ({n})" for api, n in sorted(held.items()))
        return f"{what} There are recordings of: {listed or 'nothing'}."
    nearest = max(near, key=lambda one: _likeness(asked, one.question))
    listed = "; ".join(differences(asked, nearest.question))
    return redact(
        f"{what} The nearest is {nearest}, line {nearest.exchange.line}. "
        f"What differs: {listed}. Ask what was asked, or record this."
    )


def _likeness(asked: Question, other: Question) -> tuple[bool, bool, float]:
    a, b = (json.dumps(q.body, sort_keys=True)[:_COMPARED] for q in (asked, other))
    said = [q.ask.prompt if q.ask else "" for q in (asked, other)]
    ratio = SequenceMatcher(None, a, b).quick_ratio()
    return said[0] == said[1], asked.path == other.path, ratio


def differences(asked: Question, other: Question) -> list[str]:
    """List what is not the same, with both values."""
    sides = [
        {"method": q.method, "path": q.path, "body": q.body} for q in (asked, other)
    ]
    found = list(islice(_unlike("", *sides), _MOST + 1))
    more = ["and more"] if len(found) > _MOST else []
    return [*found[:_MOST], *more]


def _unlike(where: str, a: object, b: object) -> Iterator[str]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for name in dict.fromkeys([*a, *b]):
            inside = f"{where}.{name}" if where else str(name)
            yield from _unlike(inside, a.get(name, _MISSING), b.get(name, _MISSING))
    elif isinstance(a, list) and isinstance(b, list):
        for at in range(max(len(a), len(b))):
            pair = [side[at] if at < len(side) else _MISSING for side in (a, b)]
            yield from _unlike(f"{where}[{at}]", *pair)
    elif a != b:
        yield f"{where}: {_short(a)} asked, {_short(b)} recorded"


def _short(value: object) -> str:
    if value is _MISSING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
