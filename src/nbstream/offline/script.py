"""Scenarios: read from their files, and the one that fits a request.

A scenario is a readable file; ``scenarios/README.md`` says what may be in it.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import cast, get_args

from nbstream.errors import UsageError
from nbstream.offline.manners import MANNERS
from nbstream.offline.wire.base import Ask, FinishWord, Json, PartKind, RequestError


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
        if any(holds(when, ask) for when in scenario.when)
        and (scenario.rounds == 1 or ask.rounds < scenario.rounds)
    )
    return next(fitting, known[_DEFAULT])


def _named(name: str, known: Mapping[str, Scenario]) -> Scenario:
    if name not in known:
        listed = ", ".join(sorted(known))
        message = f"The offline server has no scenario {name!r}; it has: {listed}."
        raise RequestError(400, message)
    return known[name]


def holds(when: When, ask: Ask) -> bool:
    """Tell whether a request is like this."""
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
    # A prompt may be megabytes long, and most phrases are not in it.
    may = phrase.split()[0].casefold() in _folded(prompt)
    return may and any_of([phrase]).search(prompt) is not None


@lru_cache(maxsize=2)
def _folded(prompt: str) -> str:
    return prompt.casefold()


def any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    """Find any of these, the longer first: whole words, whatever case and spaces."""
    longest_first = sorted(phrases, key=len, reverse=True)
    escaped = (map(re.escape, phrase.split()) for phrase in longest_first)
    either = "|".join(r"\s+".join(words) for words in escaped)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)
