"""Choose the recorded exchange that answers a request.

1. The same method, API, path and body: as JSON, in any order of names, without nulls,
   and with keys taken out as the recorder does.
2. Else the same method, API, model and streaming, the same last user text and the same
   number of tool results after it; other options may differ.

Of several that fit, the one that was played least often is played, the first first.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice
from os import PathLike
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from nbstream._keys import redact
from nbstream.lab.recording.exchange import Exchange
from nbstream.lab.recording.format import load
from nbstream.lab.recording.redaction import Secrets
from nbstream.offline.wire import WRITERS
from nbstream.offline.wire.base import Ask, Frame, Json, Request, RequestError
from nbstream.streams.transports import api_of, tail_of

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


_MODEL = re.compile(r"/(?:models|tunedModels|endpoints)/([^/]+):(streamG|g)enerate")
#: Only what has the shape of a key is taken out of a request that is to be matched.
_SHAPES = Secrets(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What decides which recording answers: the same for both sides."""

    api: str
    method: str
    path: str
    body: object
    ask: Ask | None

    @classmethod
    def of(cls, method: str, target: str, body: object) -> Question:
        """Read a request, as it came or as it was recorded."""
        parts = urlsplit(_SHAPES.url(f"http://any{target}"))
        api = api_of(parts.path)
        query = sorted(p for p in parse_qsl(parts.query) if p[1] != "[removed]")
        shown = "&".join(f"{name}={value}" for name, value in query)
        path = f"{tail_of(parts.path)}?{shown}".rstrip("?")
        if isinstance(body, dict):
            body = {name: v for name, v in body.items() if v is not None}
        clean = _SHAPES.json(body)
        ask = _ask(api, parts.path, clean)
        return cls(api=api, method=method, path=path, body=clean, ask=ask)


def _exact(question: Question) -> str:
    return json.dumps([question.method, question.path, question.body], sort_keys=True)


def _loose(question: Question) -> str:
    """Return what the second rule compares; "" where there is nothing to compare."""
    ask = question.ask
    if ask is None or not (ask.prompt.strip() or ask.tool_results):
        return ""
    facts = [question.method, question.api, ask.model, ask.stream, ask.prompt.strip()]
    return json.dumps([*facts, len(ask.tool_results)])


def _ask(api: str, path: str, body: object) -> Ask | None:
    if not (api and isinstance(body, dict)):
        return None
    found = _MODEL.search(path)
    model, stream = (unquote(found[1]), found[2] == "streamG") if found else ("", False)
    try:
        return WRITERS[api].read(body, model, stream=stream)
    except RequestError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An exchange, and where it is from."""

    name: str
    exchange: Exchange
    question: Question

    def __str__(self) -> str:
        return f"exchange {self.exchange.number} of {self.name}"


class Tape:
    """The exchanges of some recordings, and how often each has been played."""

    def __init__(self, recordings: Iterable[str | PathLike[str]]) -> None:
        self.recorded = [each for path in recordings for each in _recorded(Path(path))]
        self._lock = threading.Lock()
        self._played: Counter[int] = Counter()

    def pick(self, request: Request) -> Recorded:
        """Return the exchange to play.

        Raises:
            RequestError: none fits; the message shows the nearest.
        """
        body: Json | None = request.json() if request.body else None
        asked = Question.of(request.method, request.target, body)
        for rule in (_exact, _loose):
            key = rule(asked)
            fits = [
                number
                for number, each in enumerate(self.recorded)
                if key and rule(each.question) == key
            ]
            if fits:
                return self._next(fits)
        raise RequestError(404, no_match(asked, self.recorded))

    def _next(self, fits: list[int]) -> Recorded:
        with self._lock:
            number = min(fits, key=self._played.__getitem__)
            self._played[number] += 1
        return self.recorded[number]


def _recorded(path: Path) -> Iterator[Recorded]:
    for each in load(path):
        if each.status is not None:
            question = Question.of(each.method, each.target, each.request)
            yield Recorded(name=path.name, exchange=each, question=question)


def frames_of(exchange: Exchange, speed: float) -> Iterator[Frame]:
    """Give the reads at their own pace, so many times faster; 0 is no waiting."""
    before_s = exchange.response_s
    for time_s, data in exchange.reads:
        delay_s = max(0.0, time_s - before_s) / speed if speed else 0.0
        yield Frame(data, delay_s=delay_s)
        before_s = time_s
