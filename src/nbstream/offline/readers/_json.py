"""Read JSON that anyone may have sent, without trusting its shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from nbstream.offline.talk import Json, RequestError, Tool

__all__ = [
    "Said",
    "allowed_tools",
    "estimate_tokens",
    "first",
    "flag",
    "items",
    "join_texts",
    "limit",
    "mapping",
    "required_text",
    "schema_of",
    "text",
    "texts",
    "tools",
]


class Said(NamedTuple):
    """What was said: the last user text, the system text, the tools' results since."""

    prompt: str
    system: str
    results: tuple[str, ...]


def mapping(value: object) -> Json:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Json]:
    """Return the objects in a list; anything else is an empty list."""
    values = value if isinstance(value, list) else []
    return [entry for entry in values if isinstance(entry, dict)]


def text(value: object) -> str:
    """Return the value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def first(source: Json, *names: str) -> object:
    """Return the first of these fields that is there (Gemini takes two spellings)."""
    return next((source[name] for name in names if name in source), None)


def texts(content: object) -> Iterator[str]:
    """Give the texts in a string, a content part or a list of content parts."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        yield from texts(first(content, "text", "content", "parts", "output", "result"))
    elif isinstance(content, list):
        for part in content:
            yield from texts(part)


def join_texts(content: object) -> str:
    """Return the texts of some content, one under the other; else its JSON."""
    found = "\n".join(texts(content))
    if found or content is None or isinstance(content, str | list):
        return found
    return json.dumps(content, ensure_ascii=False)


def required_text(request: Json, name: str) -> str:
    """Return a string the request must have."""
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise RequestError(400, f"Missing required parameter: '{name}'.", name)
    return value


def limit(value: object, name: str) -> int | None:
    """Return a number of tokens, checked; ``None`` is no limit."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        message = f"'{name}' must be a whole number from 1, not {value!r}."
        raise RequestError(400, message, name)
    return value


def flag(value: object) -> bool:
    """Say whether the value is ``true`` itself."""
    return value is True


def schema_of(form: object) -> Json | None:
    """Return the JSON Schema in the description of an output format."""
    return mapping(mapping(form)["schema"]) if "schema" in mapping(form) else None


def estimate_tokens(*contents: object) -> int:
    """Estimate the tokens of all texts in some contents: four characters each.

    An estimate, because a prompt may be megabytes long, and cutting it into tokens
    would keep everybody else waiting.
    """
    characters = sum(len(found) for content in contents for found in texts(content))
    return -(-characters // 4)


def tools(functions: list[Json], *schemas: str) -> list[Tool]:
    """Return the functions that have a name, with the schema in one of these fields."""
    return [
        Tool(
            name=text(function["name"]),
            description=text(function.get("description")),
            parameters=mapping(first(function, *schemas)),
        )
        for function in functions
        if text(function.get("name"))
    ]


def allowed_tools(tools: list[Tool], choice: object) -> tuple[Tool, ...]:
    """Return the tools that may be called: none, those the choice names, or all.

    Every API spells its choice differently, and all of them name tools by name: so
    a choice is read by the words in it.
    """
    words = set(_words(choice))
    if words & {"none", "NONE"}:
        return ()
    return tuple(tool for tool in tools if tool.name in words) or tuple(tools)


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
