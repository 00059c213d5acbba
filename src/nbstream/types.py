"""What a provider said, as typed events that are the same for every wire API.

A provider module turns one payload into a few of these; ``Reply`` adds them up.
They are values: no methods that do work, no field that is void for its type.

Three words that every event uses:

* ``index`` is the wire's own number of the part the event belongs to (a content
  block, an output item, a tool call). ``None`` means that the wire has no number:
  the event belongs to the newest part of its kind, or begins a new one.
* ``choice`` tells the answers apart when more than one was asked for (``n`` > 1).
* ``data`` is the provider's own JSON, kept as it came, to be sent back or read.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = [
    "ArgumentDelta",
    "Arguments",
    "Citation",
    "End",
    "Event",
    "Extra",
    "Failure",
    "Finish",
    "FinishReason",
    "Hop",
    "Ignored",
    "Json",
    "OtherPart",
    "Output",
    "PartDone",
    "Round",
    "Signature",
    "Start",
    "Stream",
    "TextDelta",
    "TextDone",
    "TextKind",
    "ToolCallDelta",
    "ToolResult",
    "ToolState",
    "Usage",
    "is_visible",
]

Json: TypeAlias = Mapping[str, object]
#: What ``show`` and its like take: what an SDK's streaming call gives (a stream, an
#: un-entered manager, a generator, a coroutine; sync or async), an iterable of strings,
#: dicts or raw bytes, or a function without arguments that makes one of these.
Stream: TypeAlias = (
    Iterable[Any]
    | AsyncIterable[Any]
    | Awaitable[Any]
    | AbstractContextManager[Any]
    | AbstractAsyncContextManager[Any]
    | Callable[[], Any]
)
TextKind: TypeAlias = Literal["text", "reasoning", "refusal"]
#: OpenAI Chat's words, and ``pause``, ``error``, ``other`` where those have none.
FinishReason: TypeAlias = Literal[
    "stop", "length", "tool_calls", "content_filter", "pause", "error", "other"
]
#: How a call of the caller's own function stands: the last five are its end.
ToolState: TypeAlias = Literal[
    "waiting", "asking", "running", "done", "failed", "invalid", "refused", "stopped"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The provider named this response; an empty string is a name not given.

    Without an id it tells who goes on with it: the model that a fallback led to.
    ``tools`` names what the caller offered to run, where the provider may run tools of
    its own under like calls; None: it does not, so every call is the caller's.
    """

    id: str
    model: str
    tools: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """More text: of the answer, of the reasoning before it, or of a refusal."""

    text: str
    index: int | None = None
    kind: TextKind = "text"
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDone:
    """The whole of a text that is said to have been sent: it is the last word on it.

    Servers that hold text back to check it send it here first, and one that begins a
    text anew sends here what holds. ``section`` names which of the part's texts it is,
    ``""`` all of them; ``gap`` stands between it and the section before.
    """

    text: str
    index: int | None = None
    kind: TextKind = "text"
    choice: int = 0
    section: str = ""
    gap: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """A piece of a tool call that the caller is to run.

    ``id`` and ``name`` are whole or ``""`` (some providers repeat them, so they are
    set and never concatenated); ``arguments`` is the next fragment of a JSON text, or
    of a ``whole`` call all of it: what of that is missing counts.
    """

    index: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""
    choice: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentDelta:
    """A piece of one argument, addressed by JSONPath (Gemini's ``partialArgs``).

    ``value`` is appended where it is a string that goes on, else set.
    """

    json_path: str
    value: str | float | bool | None
    will_continue: bool
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """A call's arguments as an object: they hold unless fragments come for it.

    Gemini sends them whole; Anthropic and Interactions open every call with ``{}``,
    which is the answer if the call is closed with no fragment between. Where the
    provider repeats the JSON text itself, that is ``text``, and the last word.
    """

    index: int | None
    data: Json
    choice: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The provider's opaque proof for a part, to be sent back with it untouched."""

    signature: str
    index: int | None = None
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A source the provider names for its answer, in the provider's own form."""

    data: Json
    index: int | None = None
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPart:
    """A part that is not ours to read: a server tool, a redacted thought, an image.

    Kept in its place as ``data``, to be sent back. ``ToolCallDelta`` fragments that
    carry its ``index`` are its input: the provider runs it, the caller must not.
    ``goes_on``: it says more of the part with this index and type, if there is one;
    its fields are set, and its lists added to. An ``index`` below 0 is no number of
    the wire's: what comes again under it is more of the same part.
    """

    type: str
    data: Json
    index: int | None = None
    choice: int = 0
    goes_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """What is said besides: of the part with that number, else of the answer itself.

    Of a part it goes back with it, such as who called a tool; of the answer it is kept
    in ``reply.extra``, such as the container in which code was run.
    """

    data: Json
    index: int | None = None
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDone:
    """A part is whole. ``data`` is the provider's own full form of it, or empty.

    ``said`` is what that form says, as events: whatever has not come counts now.
    """

    index: int | None
    data: Json
    choice: int = 0
    said: "tuple[Event, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """All parts of the answer, which the provider repeats at its end.

    They are known by their ids, by what they say, or by their order, because the
    numbers need not be those of the stream; what never came counts now.
    """

    parts: tuple[PartDone, ...]
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts so far in this exchange, in tokens; ``None`` is *not said*.

    ``output_tokens`` counts reasoning too, on every provider. ``input_tokens`` is
    the provider's own: Anthropic's leaves out what came from its cache.
    """

    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    data: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Why the model stopped: our word, and the provider's own in ``raw_reason``."""

    reason: FinishReason
    raw_reason: str
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The API's own terminal marker: without one an answer is not complete.

    What follows it takes it back. ``choice`` is None where it is said of all choices.
    """

    choice: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """The same stream goes on with a new exchange: numbers start again at 0.

    Nothing of it has ended yet, and calls before it are not the caller's to run.
    ``number`` counts the exchanges from 0, where each payload says in which it is;
    None: this is the next one.
    """

    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """How a call stands that the caller runs; ``call`` counts the calls from 0.

    ``result`` is what the model is told, "" until it is known; ``seconds`` is how long
    the function ran, or None: it did not, or runs still.
    """

    call: int
    state: ToolState
    result: str = ""
    seconds: float | None = None

    @property
    def ended(self) -> bool:
        """Whether ``result`` is the last word."""
        return self.state not in {"waiting", "asking", "running"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The calls of this answer are answered; what follows is the model's next answer.

    It is the caller's own event, between two requests; no wire has it.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The provider says in band that it failed: ``type`` is its word for how."""

    type: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Something that is not ours to show; counted under its ``type``."""

    type: str


Event: TypeAlias = (
    Start
    | TextDelta
    | TextDone
    | ToolCallDelta
    | ArgumentDelta
    | Arguments
    | Signature
    | Citation
    | OtherPart
    | Extra
    | PartDone
    | Output
    | Usage
    | Finish
    | End
    | Hop
    | ToolResult
    | Round
    | Failure
    | Ignored
)


# -- Tell the events that can be seen from those that only prepare them.


def is_visible(event: Event) -> bool:
    """Tell whether there is something to show: some parts open with an empty text."""
    match event:
        case TextDelta(text=text) | TextDone(text=text):
            return text != ""
        case ToolCallDelta() | OtherPart():
            return True
        case _:
            return False
