"""What a request asks and what an answer holds, the same for every wire API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

__all__ = [
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
    "Tool",
    "json_of",
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
