"""Choose a tool that fits the prompt and make arguments that fit its schema."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace

from nbstream.offline.wire.base import Json, Tool, items, mapping, text

#: Limits may stand at the end of a description, where an API takes them only there.
_NOTE = re.compile(r"(?:^|\n\n)(\{[^\n]*\})\Z")
#: What a text of each format looks like.
_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def with_noted(schema: Json) -> Json:
    """Add the limits that are noted in the description, as a model would read them."""
    note = _NOTE.search(text(schema.get("description")))
    try:
        return {**schema, **mapping(json.loads(note[1]))} if note else schema
    except ValueError:
        return schema


def count_within(schema: Json, usual: int) -> int:
    """Return how many elements a list gets."""
    least, most = schema.get("minItems"), schema.get("maxItems")
    count = max(usual, least) if isinstance(least, int) else usual
    return min(count, most) if isinstance(most, int) else count


def number_within(value: float, schema: Json, *, whole: bool) -> float:
    """Return the number that is nearest to it within the limits."""
    given = {name: v for name, v in schema.items() if isinstance(v, int | float)}
    step = given.get("multipleOf") or (1 if whole else 0)
    apart = step or 0.5
    low = given.get("exclusiveMinimum", -math.inf) + apart
    high = given.get("exclusiveMaximum", math.inf) - apart
    value = max(value, given.get("minimum", low), low)
    value = min(value, given.get("maximum", high), high)
    if step:
        value = step * (value // step if value % step == 0 else value // step + 1)
    return int(value) if whole else value


def text_within(words: str, schema: Json) -> str:
    """Return a text of the format and the length that the schema wants."""
    words = _FORMATS.get(text(schema.get("format")), words)
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int):
        words = words.ljust(least, ".")
    return words[:most] if isinstance(most, int) else words


_SUM = re.compile(r"\(?-?\d[\d.]*(?:\s*[-+*/^%()]+\s*\(?\d[\d.]*\)?)+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_QUOTED = re.compile(r"[\"“«]([^\"”»]+)[\"”»]")
_NAME = re.compile(r"(?<=[a-z,;:(] )[A-Z][\w'-]*(?: [A-Z][\w'-]*)*")
_INSIDE = re.compile(
    r"\bwhat(?:'s| is) (?:in|inside) (?:the |my )?(?:file |folder |table |variable )?"
    r"[`\"]?(\w[\w./-]*\w|\w)",
    re.IGNORECASE,
)
_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_COUNT = re.compile(rf"\b({'|'.join(_COUNTS)}|[1-9])\b", re.IGNORECASE)
_DATE = "2026-01-01"
_DEEPEST = 8
_DEEP = 3


def best_tools(
    tools: tuple[Tool, ...], prompt: str, hint: str, count: int
) -> list[Tool]:
    """Return as many tools as there are calls, those first that fit the prompt best.

    A tool fits by the words that its name, its description and its arguments share
    with the prompt and with the scenario's hint; of equals, the earlier is taken.
    """
    wanted = _stems(f"{prompt} {hint}")

    def misfit(tool: Tool) -> int:
        properties = " ".join(mapping(tool.parameters.get("properties")))
        name = len(_stems(tool.name) & wanted)
        return -(3 * name + len(_stems(f"{tool.description} {properties}") & wanted))

    ranked = sorted(tools, key=misfit)
    fitting = [tool for tool in ranked if misfit(tool)] or ranked[:1]
    return [fitting[at % len(fitting)] for at in range(count)]


def make_arguments(
    tool: Tool, scripted: Json, prompt: str, turn: int
) -> dict[str, object]:
    """Make the arguments of one call: from the prompt, the script, or the schema.

    ``turn`` tells parallel calls apart: the second takes the second city.
    """
    value = value_for(tool.parameters, prompt, scripted, turn)
    return dict(value) if isinstance(value, dict) else {}


def names_in(prompt: str) -> list[str]:
    """Return what the prompt quotes, or else names with a capital letter."""
    return _QUOTED.findall(prompt) or _NAME.findall(prompt)


def asked_about(prompt: str) -> str:
    """Return what the prompt asks the contents of, or else the first name in it."""
    inside = _INSIDE.search(prompt)
    return inside[1] if inside else next(iter(names_in(prompt)), "")


def value_for(
    schema: Json,
    prompt: str,
    scripted: Json,
    turn: int = 0,
    several: int = 1,
    values: Json | None = None,
) -> object:
    """Make a value that fits a JSON Schema, with words of the prompt where it can.

    ``several`` is how many elements a list gets where the schema leaves it open.
    ``values`` come before the words of the prompt; a list of them gives each element
    its own, and a list gets as many as the prompt says.
    """
    if values and (said := _COUNT.search(prompt)):
        word = said[1].lower()
        several = int(word) if word.isdigit() else _COUNTS.index(word) + 1
    maker = _Maker(schema, prompt, scripted, turn, several, values or {})
    return maker.make(schema, "", 0)


@dataclass
class _Maker:
    """Walks one schema; ``$ref`` is looked up in its root."""

    root: Json
    prompt: str
    scripted: Json
    turn: int
    several: int
    values: Json = field(default_factory=dict)

    def make(self, schema: Json, name: str, depth: int) -> object:
        if self._is_deep(depth) and _may_be_null(schema):
            return None
        schema = with_noted(self._resolved(schema))
        choices, given = schema.get("enum"), self._given(name)
        if isinstance(choices, list) and choices:
            return given if given in choices else self._mentioned(choices)
        if "const" in schema:
            return schema["const"]
        kind = _kind(schema)
        if kind == "boolean" and isinstance(given, bool):
            return given
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind in {"integer", "number"}:
            return self._number(schema, name, whole=kind == "integer")
        said = text_within(self._text(schema, name), schema)
        return {"boolean": True, "null": None}.get(kind, said)

    def _given(self, name: str) -> object:
        """Return the value of a field's name, or else of the last word in it."""
        words = re.findall(r"[A-Z]?[a-z]+", name)
        for known in (name, *(word.lower() for word in words[::-1])):
            value = self.values.get(known)
            if isinstance(value, list) and value:
                value = value[self.turn % len(value)]
            if value is not None:
                return value
        return None

    def _resolved(self, schema: Json) -> Json:
        """Follow references, and take the first real one of several choices."""
        for _ in range(_DEEPEST):
            reference = text(schema.get("$ref"))
            options = items(schema.get("anyOf")) or items(schema.get("oneOf"))
            real = [option for option in options if _kind(option) != "null"]
            if reference.startswith("#"):
                schema = self.root
                for step in reference.split("/")[1:]:
                    schema = mapping(schema.get(step))
            elif real:
                schema = real[0]
        return schema

    def _object(self, schema: Json, depth: int) -> dict[str, object]:
        properties = mapping(schema.get("properties"))
        required = schema.get("required")
        some = self.several == 1 or self._is_deep(depth)
        wanted = required if some and isinstance(required, list) else list(properties)
        if depth >= _DEEPEST:
            return {}
        return {
            name: self.make(mapping(inner), name, depth + 1)
            for name, inner in properties.items()
            if name in wanted
        }

    def _is_deep(self, depth: int) -> bool:
        """Tell whether a schema that holds itself had better come to an end."""
        return self.several > 1 and depth > _DEEP

    def _array(self, schema: Json, name: str, depth: int) -> list[object]:
        if depth >= _DEEPEST:
            return []
        fixed = [mapping(each) for each in items(schema.get("prefixItems"))]
        each, before = mapping(schema.get("items")), self.turn
        given = self._given(name)
        if isinstance(given, list) and given and not fixed:
            wanted = range(count_within(schema, len(given)))
            kept = [given[at % len(given)] for at in wanted]
            return [self._element(each, name, value, depth) for value in kept]
        usual = 0 if self._is_deep(depth) else self.several
        count = len(fixed) or count_within(schema, usual)
        made: list[object] = []
        for at in range(count):
            self.turn = before + at
            inner = fixed[at] if fixed else each
            made.append(self.make(inner, name, depth + 1))
        self.turn = before
        return made

    def _element(self, schema: Json, name: str, value: object, depth: int) -> object:
        """Make an element of a given value; of an object, its first text gets it."""
        inner = mapping(self._resolved(schema).get("properties"))
        texts = (key for key in inner if _kind(mapping(inner[key])) == "string")
        values = {next(texts, name): value}
        alone = replace(self, prompt="", values=values, several=1)
        return alone.make(schema, name, depth + 1)

    def _mentioned(self, choices: list[object]) -> object:
        said = [c for c in choices if str(c).casefold() in self.prompt.casefold()]
        return (said or choices)[0]

    def _number(self, schema: Json, name: str, *, whole: bool) -> float:
        found, given = _NUMBER.findall(self.prompt), self._given(name)
        if isinstance(given, int | float):
            value = float(given)
        elif found:
            value = float(found[self.turn % len(found)])
        else:
            given = self.scripted.get(name, schema.get("minimum", 1))
            value = float(given) if isinstance(given, int | float) else 1.0
        return number_within(value, schema, whole=whole)

    def _text(self, schema: Json, name: str) -> str:
        if schema.get("format") == "date":
            return _DATE
        if isinstance(valued := self._given(name), str | int | float):
            return str(valued)
        inside = _INSIDE.search(self.prompt)
        if inside and not self.values:
            return inside[1]
        wants_sum = re.search(r"expr|formula|calc|equation", name)
        patterns = [_SUM] if wants_sum else [_QUOTED, _NAME]
        for pattern in patterns:
            found = pattern.findall(self.prompt)
            if found:
                return str(found[self.turn % len(found)]).strip()
        given = self.scripted.get(name, schema.get("default"))
        if isinstance(given, list) and given:
            given = given[self.turn % len(given)]
        if not given and self.turn and self.several > 1:
            given = f"{name.rstrip('s')} {self.turn + 1}"
        return text(given) or " ".join(self.prompt.split())[:80]


def _may_be_null(schema: Json) -> bool:
    return any(_kind(option) == "null" for option in items(schema.get("anyOf")))


def _kind(schema: Json) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((word for word in kind if word != "null"), None)
    if not isinstance(kind, str):
        return "object" if "properties" in schema else "string"
    return kind.lower()  # Gemini's schemas write types in capitals


def _stems(words: str) -> set[str]:
    split = re.sub(r"([a-z])([A-Z])", r"\1 \2", words)
    found = (word.casefold() for word in re.findall(r"[^\W_]{3,}", split))
    return {word.rstrip("s") for word in found} - {"the", "and", "for", "get"}
