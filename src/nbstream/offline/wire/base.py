"""What all wire APIs have in common: what is asked, answered, read and written.

`Api` is what the module of a provider fills in. Requests are read without trust in
their shape, for anyone may have sent them.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from nbstream.offline.manners import MANNERS, OPENAI, Manner

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

    def json(self) -> Json:
        """Parse the body, which must be a JSON object."""
        try:
            value = json.loads(self.body)
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


class Entry(NamedTuple):
    """One thing in the conversation; ``at`` is the place of its message.

    ``name`` pairs a call with its result: the id, or what the API has in its place.
    """

    kind: Literal["user", "model", "call", "result"]
    at: int
    name: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The facts of one request that decide its answer.

    ``provider`` is whose API it came to: its models write in their own manner.
    ``prompt`` is the last user text; ``tool_results`` came after it. ``tools`` are
    those that may be called now: none where the request forbids calling.
    ``rounds`` is how often results have come since then, and ``earlier`` what the
    user asked before. ``previous`` is the id of the answer that this request goes on
    from, where it names one instead of sending the conversation again.
    """

    model: str
    provider: str = "openai"
    prompt: str = ""
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

    def at_the_end_of(self, entries: list[Entry]) -> Ask:
        """Return the same with what the conversation says."""
        users = [entry for entry in entries if entry.kind == "user"]
        last = users[-1].at if users else 0
        rounds, prior = 0, "user"
        for entry in entries:
            if entry.kind == "user":
                rounds = 0
            elif entry.kind == "result" and prior != "result":
                rounds += 1
            prior = entry.kind
        return replace(
            self,
            prompt="\n".join(entry.text for entry in users if entry.at == last),
            tool_results=tuple(
                entry.text
                for entry in entries
                if entry.kind == "result" and entry.at >= last
            ),
            rounds=rounds,
            earlier=tuple(entry.text for entry in users[:-1]),
        )


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
    def parts(self) -> tuple[AnswerPart, ...]:
        """The parts of the only choice, on every API but Chat Completions."""
        return self.choices[0].parts

    @property
    def finish(self) -> FinishWord:
        """Why the only choice ends."""
        return self.choices[0].finish


class Frame(NamedTuple):
    """The bytes of one SSE event, and how many tokens it carries, for the pacing.

    ``delay_s`` is how long to wait before it is sent.
    """

    data: bytes
    tokens: int = 0
    delay_s: float = 0.0


#: How a response ends: as it should, cut (orderly or by a reset), or never.
End: TypeAlias = Literal["whole", "fin", "rst", "stall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What is sent: a head, the frames of a stream, or a body that is sent at once.

    A fault makes another of it: it changes the frames, the head (late, or ``silent``:
    none at all) or the end.
    """

    status: int = 200
    fields: Mapping[str, str] = field(default_factory=dict)
    frames: Iterable[Frame] = ()
    body: bytes | None = None
    end: End = "whole"
    head_delay_s: float = 0.0
    silent: bool = False


class Api(ABC):
    """One wire API: how its requests are read, and its answers and errors written."""

    name: ClassVar[str]
    #: What it says of a call without its result, and of a result without its call.
    unanswered: ClassVar[str]
    uncalled: ClassVar[str]
    #: Whether a result may come anywhere after its call; the others want it at once.
    anywhere: ClassVar[bool] = False

    def read(self, request: Json, model: str, *, stream: bool) -> Ask:
        """Read a request, or raise ``RequestError``.

        ``model`` and ``stream`` are what the path says, for the API where it does.
        """
        settings = self.settings(request, model, stream=stream)
        asked = settings.at_the_end_of(list(self.history(request)))
        return replace(asked, provider=self.provider)

    @property
    def provider(self) -> str:
        """Whose API it is: the first word of its name."""
        return self.name.partition(".")[0]

    @property
    def manner(self) -> Manner:
        """How the provider's models write."""
        return MANNERS[self.provider]

    @abstractmethod
    def settings(self, request: Json, model: str, *, stream: bool) -> Ask:
        """Read everything but the conversation."""

    @abstractmethod
    def history(self, request: Json) -> Iterator[Entry]:
        """Give what was said, called and answered, in order."""

    def check(self, request: Json, previous: str) -> None:
        """Refuse a conversation that the real API would refuse, in its own words.

        ``previous`` names an answer that is gone on from: its calls are not in here.

        Raises:
            RequestError: 400, a message is empty or a call has no result.
        """
        calls: list[Entry] = []
        for entry in self.history(request):
            if entry.kind == "call":
                calls.append(entry)
            elif entry.kind == "result":
                found = next((call for call in calls if call.name == entry.name), None)
                if found is not None:
                    calls.remove(found)
                elif not previous:
                    raise _wrong(self.uncalled, entry)
            elif calls and not self.anywhere and entry.at > calls[0].at:
                break
        if calls:
            raise _wrong(self.unanswered, *calls)

    @abstractmethod
    def frames(self, ask: Ask, answer: Answer) -> Iterator[Frame]:
        """Write the answer as a stream of events."""

    @abstractmethod
    def body(self, ask: Ask, answer: Answer) -> Json:
        """Write the answer at once."""

    @abstractmethod
    def error(self, status: int, message: str, parameter: str | None = None) -> Json:
        """Write an error."""

    def failure(self, status: int, message: str) -> Json:
        """Write the error of a fault, where it is not the same."""
        return self.error(status, message)

    @abstractmethod
    def failed(self, message: str, number: int) -> Frame:
        """Write the event that says in mid-stream that the service is overloaded."""

    @abstractmethod
    def unknown(self) -> Frame:
        """Write an event of a type that nobody knows."""

    @abstractmethod
    def ends(self, data: dict[str, Any]) -> bool:
        """Tell whether an event is the end of the answer."""

    @abstractmethod
    def text_place(self, data: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Return what holds an event's text, and its name there; or ``LookupError``."""


def _wrong(message: str, *entries: Entry) -> RequestError:
    names = ", ".join(entry.name for entry in entries)
    return RequestError(400, message.format(name=names, at=entries[0].at))


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


def schema_of(form: object) -> Json | None:
    """Return the JSON Schema in the description of an output format."""
    return mapping(mapping(form)["schema"]) if "schema" in mapping(form) else None


def estimate_tokens(*contents: object, manner: Manner = OPENAI) -> int:
    """Estimate the tokens of all texts in some contents: so many characters each.

    An estimate, because a prompt may be megabytes long, and cutting it into tokens
    would keep everybody else waiting.
    """
    characters = sum(len(found) for content in contents for found in texts(content))
    return math.ceil(characters / manner.characters)


def callable_tools(
    functions: list[Json], choice: object, *schemas: str
) -> tuple[Tool, ...]:
    """Return the functions that may be called: none, those the choice names, or all.

    Their schema is in one of these fields. Every API spells its choice differently,
    and all of them name tools by name: so a choice is read by the words in it.
    """
    tools = [
        Tool(
            name=text(function["name"]),
            description=text(function.get("description")),
            parameters=mapping(first(function, *schemas)),
        )
        for function in functions
        if text(function.get("name"))
    ]
    words = set(_words(choice))
    if words & {"none", "NONE"}:
        return ()
    return tuple(tool for tool in tools if tool.name in words) or tuple(tools)


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _words(inner)


#: 2026-01-01T00:00:00Z: no clock gets into the bytes.
CREATED = 1767225600
CREATED_DATE = "2026-01-01T00:00:00Z"
#: Base64 of "scripted: no real signature".
SIGNATURE = "c2NyaXB0ZWQ6IG5vIHJlYWwgc2lnbmF0dXJl"
DONE = Frame(b"data: [DONE]\n\n")

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
#: Some SDKs split lines as ``str.splitlines`` does, which also splits at these.
_LINE_ENDS = str.maketrans({c: f"\\u{ord(c):04x}" for c in "\x85\u2028\u2029"})


def phrase(status: int) -> str:
    """Return the words of an HTTP status; 529 is Anthropic's own."""
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Overloaded"


def dumps(value: object) -> str:
    """Write compact JSON on one line, in UTF-8 as the providers do."""
    written = _ENCODER.encode(value)
    return written if written.isascii() else written.translate(_LINE_ENDS)


def event(data: Json, name: str = "", newline: str = "\n") -> bytes:
    """Write one event; without a name it has no ``event:`` line."""
    head = f"event: {name}{newline}" if name else ""
    text = f"{head}data: {dumps(data)}{newline}{newline}"
    return text.encode("utf-8", "replace")
