"""Scenarios, and the answer that one of them gives to a request.

A scenario is a readable file; the one that fits is filled in, cut into pieces that
look like a model's tokens, and counted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import cycle
from pathlib import Path
from typing import cast, get_args

from nbstream.errors import UsageError
from nbstream.offline.arguments import (
    asked_about,
    best_tools,
    make_arguments,
    names_in,
    value_for,
)
from nbstream.offline.manners import MANNERS, cut
from nbstream.offline.wire.base import (
    Answer,
    AnswerPart,
    Ask,
    Choice,
    Counts,
    FinishWord,
    Json,
    PartKind,
    RequestError,
    mapping,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """What a request must be like; everything that is given must hold.

    ``any`` and ``all`` are words or phrases in the last user text, whole words,
    whatever the case. The others are facts of the request; ``None`` is *either*.
    """

    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    tools: bool | None = None
    tool_result: bool | None = None
    reasoning: bool | None = None
    schema: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptPart:
    """One part of the script; ``repeat`` writes its text so many times.

    ``by`` is what single providers say in place of ``text``.
    """

    kind: PartKind
    text: str = ""
    by: Mapping[str, str] = field(default_factory=dict)
    repeat: int = 1
    tool: str = ""
    arguments: Json = field(default_factory=dict)

    def said_by(self, provider: str) -> str:
        """Return the provider's own text, or else everybody's."""
        return self.by.get(provider, self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scripted answer. Scenarios are tried by ``order``, then by name.

    ``rounds`` is how many rounds of tool calls it makes before it leaves the answer
    to others. ``thoughts`` is what is thought first where reasoning is asked for.
    ``facts`` are names that a prompt may hold, and what is to be said of each, and
    ``values`` what the fields of a schema get. ``otherwise`` is said instead of tool
    calls to a request without tools, and to a prompt that holds none of the names.
    """

    name: str
    title: str
    description: str
    order: int
    when: tuple[When, ...]
    parts: tuple[ScriptPart, ...]
    finish: FinishWord = "stop"
    otherwise: str = ""
    rounds: int = 1
    thoughts: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    values: Json = field(default_factory=dict)
    usage: Mapping[str, int] = field(default_factory=dict)


def load() -> dict[str, Scenario]:
    """Return every scenario by name, in the order in which they are tried.

    Files in the folder ``NBSTREAM_SCENARIOS`` are read anew each time, so that one
    can be edited while the server runs; they replace ours of the same name.
    """
    found = dict(_packaged())
    folder = os.environ.get("NBSTREAM_SCENARIOS")
    if folder:
        found |= _read(sorted(Path(folder).glob("*.toml")))
    ordered = sorted(found.values(), key=lambda entry: (entry.order, entry.name))
    return {scenario.name: scenario for scenario in ordered}


@cache
def _packaged() -> dict[str, Scenario]:
    folder = resources.files("nbstream.offline") / "scenarios"
    return _read([file for file in folder.iterdir() if file.name.endswith(".toml")])


def _read(files: list[Path] | list[Traversable]) -> dict[str, Scenario]:
    loaded = [parse(f.name[:-5], f.read_text(encoding="utf-8")) for f in files]
    return {scenario.name: scenario for scenario in loaded}


def parse(name: str, source: str) -> Scenario:
    """Read one scenario file; ``UsageError`` names the file and what is wrong."""
    try:
        return _scenario(name, tomllib.loads(source))
    except (tomllib.TOMLDecodeError, TypeError, ValueError, KeyError) as error:
        raise UsageError(f"scenario {name}.toml: {error}") from error


def _scenario(name: str, table: dict[str, object]) -> Scenario:
    if not re.fullmatch(r"[a-z0-9_-]+", name):
        raise ValueError("the file name may hold a-z, 0-9, - and _ only")
    if table.pop("origin", None) != "scripted":
        raise ValueError('it must say origin = "scripted"')
    whens = cast("list[dict[str, object]]", table.pop("when", []))
    parts = cast("list[dict[str, object]]", table.pop("part", []))
    if not parts:
        raise ValueError("it has no [[part]]")
    scenario = Scenario(
        name=name,
        when=tuple(When(**_tupled(when)) for when in whens),  # type: ignore[arg-type]
        parts=tuple(_part(part) for part in parts),
        **table,  # type: ignore[arg-type] # a wrong field or type is a TypeError
    )
    _check_word(scenario.finish, get_args(FinishWord))
    return scenario


def _part(table: dict[str, object]) -> ScriptPart:
    part = ScriptPart(**table)  # type: ignore[arg-type] # see above
    _check_word(part.kind, get_args(PartKind))
    for provider in part.by:
        _check_word(provider, tuple(MANNERS))
    silent = [each for each in MANNERS if not part.said_by(each)]
    if silent and part.kind != "tool_call":
        raise ValueError(f"a part says nothing by {', '.join(silent)}")
    return part


def _tupled(when: dict[str, object]) -> dict[str, object]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in when.items()}


def _check_word(word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise ValueError(f"{word!r} is not one of {', '.join(known)}")


#: ``[scenario: name]``, in the last user text or the system text, picks one.
TAG = re.compile(r"\[\s*scenario\s*:\s*([^\]\s]*)\s*\]", re.IGNORECASE)
_AFTER_TOOLS = "tool_result"
_REASONING = "reasoning"
_DEFAULT = "default"


def choose(ask: Ask, known: Mapping[str, Scenario]) -> Scenario:
    """Return the scenario named by a tag, else the first that fits, else the default.

    A tag that picks tool calls is done with once their results are there: the same
    text is sent again with them, and would call for ever.
    """
    tag = TAG.search(ask.prompt) or TAG.search(ask.system)
    if tag:
        picked = _named(tag.group(1).lower(), known)
        if picked.finish != "tool_calls" or ask.rounds < picked.rounds:
            return picked
        return known[_AFTER_TOOLS]
    fitting = (
        scenario
        for scenario in known.values()
        if any(_holds(when, ask) for when in scenario.when)
        and (scenario.rounds == 1 or ask.rounds < scenario.rounds)
    )
    return next(fitting, known[_DEFAULT])


def _named(name: str, known: Mapping[str, Scenario]) -> Scenario:
    if name not in known:
        listed = ", ".join(sorted(known))
        message = f"The offline server has no scenario {name!r}; it has: {listed}."
        raise RequestError(400, message)
    return known[name]


def _holds(when: When, ask: Ask) -> bool:
    facts = (
        (when.tools, bool(ask.tools)),
        (when.tool_result, bool(ask.tool_results)),
        (when.reasoning, ask.reasoning),
        (when.schema, ask.schema is not None),
    )
    return (
        all(wanted is None or wanted == is_so for wanted, is_so in facts)
        and all(_says(phrase, ask.prompt) for phrase in when.all)
        and (not when.any or any(_says(phrase, ask.prompt) for phrase in when.any))
    )


def _says(phrase: str, prompt: str) -> bool:
    return _phrases([phrase]).search(prompt) is not None


def _phrases(phrases: Iterable[str]) -> re.Pattern[str]:
    """Find any of these, the longer first: whole words, whatever case and spaces."""
    longest_first = sorted(phrases, key=len, reverse=True)
    escaped = (map(re.escape, phrase.split()) for phrase in longest_first)
    either = "|".join(r"\s+".join(words) for words in escaped)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)


_HOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_ACTIVE = re.compile(r"[\"\\`*_<>\[\]~$&|#]|https?:|www\.")
_LONGEST_QUOTE = 400
_DEGREES = (
    "temperature temp degrees celsius temperature_c temp_c fahrenheit temperature_f "
    "temp_f"
)


def answer(ask: Ask, request: Json) -> Answer:
    """Answer a request: the same request always gets the same answer."""
    scenario = choose(ask, load())
    key = {name: value for name, value in request.items() if name != "stream"}
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
    choices = tuple(_choice(scenario, ask, name, at) for at in range(ask.choices))
    usage = _count(scenario, ask, choices)
    return Answer(
        id=name, model=ask.model, scenario=scenario.name, choices=choices, usage=usage
    )


def _choice(scenario: Scenario, ask: Ask, name: str, at: int) -> Choice:
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
    if scenario.thoughts and _wants_thoughts(ask):
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


def _wants_thoughts(ask: Ask) -> bool:
    """Tell whether the general scenario for reasoning would fit, too."""
    return any(_holds(when, ask) for when in load()[_REASONING].when)


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
            asked = _phrases([phrase]).sub(" . ", asked)
        spelled = {name.casefold(): name for name in facts}
        found = [" ".join(each.split()) for each in _phrases(facts).findall(asked)]
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
    told = _object(result)
    fields = [
        f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in told.items()
    ]
    said = "; ".join(fields)
    return _quote(result) if not said or _ACTIVE.search(said) else said


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
