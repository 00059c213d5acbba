"""Load scenarios: readable files that say what the offline server answers."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import cast, get_args

from nbstream.errors import UsageError
from nbstream.offline.talk import FinishWord, Json, PartKind

__all__ = ["Scenario", "ScriptPart", "When", "load", "parse"]


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
    """One part of the script; ``repeat`` writes its text so many times."""

    kind: PartKind
    text: str = ""
    repeat: int = 1
    tool: str = ""
    arguments: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scripted answer. Scenarios are tried by ``order``, then by name.

    ``rounds`` is how many rounds of tool calls it makes before it leaves the answer
    to others, and ``otherwise`` is the text said instead of tool calls to a
    request without tools.
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
    return part


def _tupled(when: dict[str, object]) -> dict[str, object]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in when.items()}


def _check_word(word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise ValueError(f"{word!r} is not one of {', '.join(known)}")
