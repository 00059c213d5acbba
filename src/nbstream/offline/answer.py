"""The answer that a scenario gives to a request.

The scenario that fits is filled in, cut into tokens and counted.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import cycle

from nbstream.offline.arguments import (
    asked_about,
    best_tools,
    make_arguments,
    names_in,
    value_for,
)
from nbstream.offline.manners import MANNERS, cut
from nbstream.offline.script import (
    TAG,
    Scenario,
    ScriptPart,
    any_of,
    choose,
    holds,
    load,
)
from nbstream.offline.wire.base import (
    Answer,
    AnswerPart,
    Ask,
    Choice,
    Counts,
    Json,
    PartKind,
    mapping,
)

_HOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_ACTIVE = re.compile(r"[\"\\`*_<>\[\]~$&|#]|https?:|www\.")
_LONGEST_QUOTE = 400
_DEGREES = (
    "temperature temp degrees celsius temperature_c temp_c fahrenheit temperature_f "
    "temp_f"
)


def answer(ask: Ask, request: Json) -> Answer:
    """Answer a request: the same request always gets the same answer."""
    known = load()
    scenario = choose(ask, known)
    thinks = bool(scenario.thoughts) and _wants_thoughts(ask, known)
    key = {name: value for name, value in request.items() if name != "stream"}
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
    choices = tuple(
        _choice(scenario, ask, name, at, thinks=thinks) for at in range(ask.choices)
    )
    usage = _count(scenario, ask, choices)
    return Answer(
        id=name, model=ask.model, scenario=scenario.name, choices=choices, usage=usage
    )


def _choice(
    scenario: Scenario, ask: Ask, name: str, at: int, *, thinks: bool
) -> Choice:
    calls = [part for part in scenario.parts if part.kind == "tool_call"]
    finish, fill = scenario.finish, _Filler(scenario, ask)
    if (calls and not ask.tools) or (scenario.facts and not fill.fact):
        parts = [_written("text", fill(scenario.otherwise), ask)]
        finish = "stop"
    elif scenario.values and ask.schema is not None:
        parts = [_written("text", fill("{{json}}"), ask)]
    else:
        parts = [
            _written(part.kind, fill(part.said_by(ask.provider)) * part.repeat, ask)
            for part in scenario.parts
            if part not in calls
        ]
        parts += _called(calls, ask, name)
    if thinks:
        parts.insert(0, _written("reasoning", fill(scenario.thoughts), ask))
    whole = tuple(_merged(parts))
    if ask.choices > 1:
        label = f"Answer {at + 1} of {ask.choices}. "
        whole = tuple(
            replace(part, tokens=_cut(label, ask) + part.tokens)
            if part.kind == "text"
            else part
            for part in whole
        )
    kept = whole if ask.max_tokens is None else tuple(_within(whole, ask.max_tokens))
    return Choice(parts=kept, finish=finish if kept == whole else "length")


def _wants_thoughts(ask: Ask, known: Mapping[str, Scenario]) -> bool:
    """Tell whether the general scenario for reasoning would fit, too."""
    return any(holds(when, ask) for when in known["reasoning"].when)


def _cut(text: str, ask: Ask) -> tuple[str, ...]:
    return cut(text, MANNERS[ask.provider])


def _written(kind: PartKind, text: str, ask: Ask) -> AnswerPart:
    return AnswerPart(kind=kind, tokens=_cut(text, ask))


def _called(calls: list[ScriptPart], ask: Ask, name: str) -> Iterator[AnswerPart]:
    if not calls:
        return
    hint = " ".join(call.tool for call in calls)
    # A later round goes on with the next tool, and with the next of the names.
    tools = best_tools(ask.tools, ask.prompt, hint, ask.rounds + len(calls))
    prompt = TAG.sub("", ask.prompt)
    turns = enumerate(zip(calls, tools[ask.rounds :], strict=True), ask.rounds)
    for turn, (call, tool) in turns:
        arguments = make_arguments(tool, call.arguments, prompt, turn)
        yield AnswerPart(
            kind="tool_call",
            tokens=_cut(json.dumps(arguments, ensure_ascii=False), ask),
            id=f"{name[:20]}{turn}",
            name=tool.name,
            arguments=arguments,
        )


def _merged(parts: Iterable[AnswerPart]) -> list[AnswerPart]:
    """Put texts that follow one another together: no wire has two in a row."""
    merged: list[AnswerPart] = []
    for part in parts:
        if merged and part.kind == merged[-1].kind == "text":
            merged[-1] = replace(part, tokens=merged[-1].tokens + part.tokens)
        else:
            merged.append(part)
    return merged


def _within(parts: Iterable[AnswerPart], max_tokens: int) -> Iterator[AnswerPart]:
    """Keep so many tokens, as a real length limit does: even inside a tool call."""
    left = max_tokens
    for part in parts:
        tokens = part.tokens[:left]
        left -= len(tokens)
        if tokens == part.tokens:
            yield part
        elif tokens:
            yield replace(part, tokens=tokens, arguments={}, whole=False)


def _count(scenario: Scenario, ask: Ask, choices: tuple[Choice, ...]) -> Counts:
    parts = [part for choice in choices for part in choice.parts]
    thought = sum(len(part.tokens) for part in parts if part.kind == "reasoning")
    given = scenario.usage
    return Counts(
        input=given.get("input_tokens", ask.input_tokens),
        output=given.get("output_tokens", sum(len(part.tokens) for part in parts)),
        reasoning=given.get("reasoning_tokens", thought),
        cached=given.get("cached_tokens", 0),
    )


class _Filler:
    """Fills the holes of a script, such as ``{{prompt}}``.

    ``scenarios/README.md`` lists them. ``fact`` is what the scenario knows of the
    prompt: the name that is in it, and what is to be said.
    """

    def __init__(self, scenario: Scenario, ask: Ask) -> None:
        self._scenario = scenario
        self._ask = ask
        self._prompt = TAG.sub("", ask.prompt)
        self.fact = self._known()

    def __call__(self, script: str) -> str:
        return _HOLE.sub(self._value, script)

    def _known(self) -> tuple[str, str] | None:
        """Find the scenario's facts in the prompt, but for the words that chose it.

        Each name counts for its value, and the value with the most is taken: of two
        with as many, none.
        """
        facts, asked = self._scenario.facts, self._prompt
        if not facts:
            return None
        for phrase in (each for when in self._scenario.when for each in when.any):
            asked = any_of([phrase]).sub(" . ", asked)
        spelled = {name.casefold(): name for name in facts}
        found = [" ".join(each.split()) for each in any_of(facts).findall(asked)]
        named = [spelled[each.casefold()] for each in found]
        ranked = Counter(facts[name] for name in named).most_common(2)
        if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
            return None
        value = ranked[0][0]
        return next(name for name in named if facts[name] == value), value

    def _value(self, hole: re.Match[str]) -> str:
        ask = self._ask
        match hole.group(1):
            case "prompt":
                return _quote(self._prompt)
            case "tool_result":
                return "; ".join(_quote(result) for result in ask.tool_results)
            case "weather":
                places = cycle(names_in(self._prompt) or [""])
                return " ".join(map(_weather, ask.tool_results, places))
            case "details":
                return "; ".join(map(_details, ask.tool_results))
            case "subject":
                return _quote(asked_about(self._prompt) or "it")
            case "model":
                return _quote(ask.model)
            case "earlier":
                said = [_quote(TAG.sub("", text)) for text in ask.earlier]
                return "; ".join(said) or "nothing"
            case "round":
                return str(ask.rounds + 1)
            case "name" | "fact" if self.fact:
                return self.fact[hole.group(1) == "fact"]
            case "known":
                return ", ".join(self._scenario.facts)
            case "json":
                return self._json()
            case _:
                return hole.group()

    def _json(self) -> str:
        schema, values = self._ask.schema or {}, self._scenario.values
        values = {
            name: self(value) if isinstance(value, str) else value
            for name, value in values.items()
        }
        made = value_for(schema, self._prompt, {}, several=3, values=values)
        return json.dumps(made, ensure_ascii=False)


def _weather(result: str, place: str) -> str:
    """Say a tool's weather in a sentence; what is no weather in JSON is quoted."""
    told = _object(result)

    def first_of(names: str) -> str:
        found = (name for name in names.split() if told.get(name) not in (None, ""))
        return str(told.get(next(found, ""), ""))

    place = first_of("city location place town") or place
    degrees = first_of(_DEGREES)
    sky = first_of("sky condition conditions weather summary description forecast")
    if re.fullmatch(r"-?[\d.]+", degrees):
        fahrenheit = first_of("unit units").lower().startswith("f") or any(
            name.endswith(("_f", "fahrenheit")) for name in told
        )
        degrees += " °F" if fahrenheit else " °C"
    said = " and ".join(words for words in (degrees, sky.lower().rstrip(".")) if words)
    if not said or _ACTIVE.search(place + said):
        return f"The tool said: {_quote(result)}."
    return f"In {place} it is {said}." if place else f"It is {said}."


def _details(result: str) -> str:
    """Say a tool's JSON object field by field; anything else is quoted."""
    fields = (f"{name} {_plain(value)}" for name, value in _object(result).items())
    said = "; ".join(fields)
    return _quote(result) if not said or _ACTIVE.search(said) else said


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return value if isinstance(value, str) else json.dumps(value)


def _object(result: str) -> Json:
    try:
        return mapping(json.loads(result))
    except (ValueError, RecursionError):
        return {}


def _quote(words: str) -> str:
    """Quote words so that they are only words: no Markdown, no HTML, no link."""
    words = " ".join(words.split())
    if len(words) > _LONGEST_QUOTE:
        words = words[:_LONGEST_QUOTE].rsplit(" ", 1)[0] + " …"
    if not _ACTIVE.search(words):
        return f'"{words}"'
    longest = max((len(run) for run in re.findall("`+", words)), default=0)
    fence = "`" * (longest + 1)
    space = " " if "`" in words else ""
    return f"{fence}{space}{words}{space}{fence}"
