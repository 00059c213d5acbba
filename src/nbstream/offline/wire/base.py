"""What a request asks and what an answer holds, the same for every wire API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

__all__ = [
    "CREATED",
    "SIGNATURE",
    "Answer",
    "AnswerPart",
    "Ask",
    "Choice",
    "Counts",
    "FinishWord",
    "Frame",
    "Json",
    "PartKind",
    "Request",
    "RequestError",
    "Said",
    "Step",
    "Tool",
    "allowed_tools",
    "dumps",
    "estimate_tokens",
    "event",
    "first",
    "flag",
    "items",
    "join_texts",
    "joined",
    "json_of",
    "limit",
    "mapping",
    "required_text",
    "schema_of",
    "text",
    "texts",
    "tools",
]

Json: TypeAlias = Mapping[str, object]
PartKind: TypeAlias = Literal["text", "reasoning", "refusal", "tool_call"]
FinishWord: TypeAlias = Literal["stop", "length", "tool_calls", "refusal"]


class RequestError(Exception):
    """The request cannot be answered: an HTTP status and what to change."""

    def __init__(self, status: int, message: str, parameter: str | None = None) -> None:
        self.status = status
        self.message = message
        self.parameter = parameter
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def keep_alive(self) -> bool:
        """Say whether the connection is to stay open."""
        return "close" not in self.headers.get("connection", "").lower()


def json_of(request: Request) -> Json:
    """Parse the body, which must be a JSON object."""
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"The body is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise RequestError(400, "The body must be a JSON object.")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function the caller offers; ``parameters`` is its JSON Schema."""

    name: str
    description: str = ""
    parameters: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The facts of one request that decide its answer.

    ``prompt`` is the last user text; ``tool_results`` came after it. ``tools`` are
    those that may be called now: none where the request forbids calling.
    ``rounds`` is how often results have come since then, and ``earlier`` what the
    user asked before. ``previous`` is the id of the answer that this request goes on
    from, where it names one instead of sending the conversation again.
    """

    model: str
    prompt: str
    system: str = ""
    stream: bool = False
    tools: tuple[Tool, ...] = ()
    tool_results: tuple[str, ...] = ()
    input_tokens: int = 0
    max_tokens: int | None = None
    reasoning: bool = False
    choices: int = 1
    include_usage: bool = False
    schema: Json | None = None
    previous: str = ""
    rounds: int = 0
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPart:
    """One part of an answer, already cut into tokens.

    A tool call's tokens are its JSON arguments. ``whole`` is false where the length
    limit fell into this part.
    """

    kind: PartKind
    tokens: tuple[str, ...]
    id: str = ""
    name: str = ""
    arguments: Json = field(default_factory=dict)
    whole: bool = True

    @property
    def text(self) -> str:
        """All tokens together."""
        return "".join(self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the answers asked for, and why it ends."""

    parts: tuple[AnswerPart, ...]
    finish: FinishWord


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Tokens used: ``output`` counts ``reasoning`` too, ``input`` the cached ones."""

    input: int
    output: int
    reasoning: int
    cached: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server says to one request; ``id`` is made from the request alone."""

    id: str
    model: str
    scenario: str
    choices: tuple[Choice, ...]
    usage: Counts

    @property
    def first(self) -> Choice:
        """The only choice, on every API but Chat Completions with ``n`` > 1."""
        return self.choices[0]


class Frame(NamedTuple):
    """The bytes of one SSE event and how many tokens it carries, for the pacing."""

    data: bytes
    tokens: int = 0


# -- Read JSON that anyone may have sent, without trusting its shape.


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


# -- Write JSON and server-sent events the way the providers do.

#: 2026-01-01T00:00:00Z: no clock gets into the bytes.
CREATED = 1767225600
#: Base64 of "scripted: no real signature".
SIGNATURE = "c2NyaXB0ZWQ6IG5vIHJlYWwgc2lnbmF0dXJl"

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
#: Some SDKs split lines as ``str.splitlines`` does, which also splits at these.
_LINE_ENDS = str.maketrans({c: f"\\u{ord(c):04x}" for c in "\x85\u2028\u2029"})


def dumps(value: object) -> str:
    """Write compact JSON on one line, in UTF-8 as the providers do."""
    written = _ENCODER.encode(value)
    return written if written.isascii() else written.translate(_LINE_ENDS)


def event(data: Json, name: str = "", newline: str = "\n") -> bytes:
    """Write one event; without a name it has no ``event:`` line."""
    head = f"event: {name}{newline}" if name else ""
    text = f"{head}data: {dumps(data)}{newline}{newline}"
    return text.encode("utf-8", "replace")


def joined(tokens: tuple[str, ...], size: int) -> list[tuple[str, int]]:
    """Put tokens together by groups of ``size``: each text and its token count."""
    groups = [tokens[at : at + size] for at in range(0, len(tokens), size)]
    return [("".join(group), len(group)) for group in groups]


class Step(NamedTuple):
    """Wait so long, then send these bytes."""

    delay_s: float
    data: bytes
