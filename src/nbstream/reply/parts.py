"""The parts of an answer, in the order of the wire, and the tool calls among them."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nbstream.types import (
    ArgumentDelta,
    Event,
    Hop,
    Ignored,
    Json,
    Start,
    TextDelta,
    TextDone,
    ToolResult,
    Usage,
)

if TYPE_CHECKING:
    from nbstream.reply.partial_json import Leaves

# -- A text that grows by small pieces, and costs little more than its characters.

#: So many pieces are kept apart; a piece of its own costs about 60 bytes.
LOOSE = 256


class Growing:
    """A text to which one thread adds, while others may read it.

    Strategy: loose pieces are joined into a run from time to time, and a run with
    those before it that are not much longer. So there are few runs, of growing
    length, and each character is copied a logarithm of times. Runs are a tuple and a
    list of pieces is left alone once they are in a run: what a reader has taken hold
    of stays as it is.
    """

    __slots__ = ("_joined", "_state")

    def __init__(self) -> None:
        self._state: tuple[tuple[str, ...], list[str]] = ((), [])
        self._joined: tuple[tuple[str, ...], int, str] = ((), 0, "")

    def push(self, text: str) -> None:
        """Add the next piece."""
        runs, pieces = self._state
        pieces.append(text)
        if len(pieces) >= LOOSE:
            self._state = (_with_run(runs, "".join(pieces)), [])

    def __str__(self) -> str:
        runs, pieces = self._state
        count = len(pieces)
        known, seen, text = self._joined
        if known is not runs or seen != count:
            text = "".join([*runs, *pieces[:count]])
            self._joined = (runs, count, text)
        return text


def _with_run(runs: tuple[str, ...], last: str) -> tuple[str, ...]:
    at = len(runs)
    size = len(last)
    while at and len(runs[at - 1]) <= 2 * size:
        at -= 1
        size += len(runs[at])
    return (*runs[:at], "".join([*runs[at:], last]))


PartKind: TypeAlias = Literal["text", "reasoning", "refusal", "tool_call", "other"]
CallState: TypeAlias = Literal["open", "valid", "invalid", "unfinished"]


@dataclass(slots=True, eq=False, repr=False)
class Part:
    """One part of an answer as it grows: a run of text, a tool call, something else.

    Attributes:
        kind: What it is; ``other`` is what only the provider can read.
        index: The wire's number, or None where it has none.
        choice: Which of several answers it belongs to.
        hop: Which exchange of the stream it came in.
        type: The provider's own name of an ``other`` part, else "".
        id: A tool call's id, "" until it is known.
        name: A tool call's name, "" until it is known.
        data: The provider's own whole form, or empty.
        signature: The provider's opaque proof, or "".
        citations: The sources named for this part.
        done: Whether the API said that this part is whole.
    """

    kind: PartKind
    index: int | None
    choice: int
    hop: int
    type: str = ""
    id: str = ""
    name: str = ""
    data: Json = field(default_factory=dict)
    signature: str = ""
    citations: list[Json] = field(default_factory=list)
    done: bool = False
    _cited: set[str] = field(default_factory=set)
    _text: Growing = field(default_factory=Growing)
    _leaves: "Leaves | None" = None
    _object: Json | None = None
    _settled: int = 0
    _sections: dict[str, tuple[int, int]] = field(default_factory=dict)

    def push(self, text: str) -> None:
        """Add the next fragment of the text or of the arguments."""
        self._text.push(text)

    def complete(self, text: str, section: str = "", gap: str = "") -> str:
        """Let this be the whole of the text, or of a section; return what was missing.

        What has come of a section is all since the one before. If that begins with
        the text, the rest is a later section's; if not, it was begun anew, and goes.
        """
        so_far = self.text
        start, end = self._place(section, gap, text)
        came, whole = so_far[start:end], gap + text if start else text
        missing = whole.removeprefix(came) if whole.startswith(came) else ""
        if not text or (came != whole and end < len(so_far)):
            return ""  # sections follow it: only the whole text can mend it
        if missing:
            self.push(missing)
        elif not came.startswith(whole):
            self._text = Growing()
            self.push(so_far[:start] + whole)
        self._settled = start + len(whole)
        self._sections[section] = (start, self._settled)
        return missing

    def _place(self, section: str, gap: str, text: str) -> tuple[int, int]:
        """Return where a section begins and ends."""
        so_far, size = self.text, len(self.text)
        if not section:
            return 0, size
        start, end = self._sections.get(section, (self._settled, size))
        if self._settled < size and so_far[start:end].removeprefix(gap) != text:
            start, end = self._settled, size
        follows = gap and so_far[start:end].endswith(gap + text)
        return (end - len(gap + text) if follows else start), end

    def push_argument(self, delta: ArgumentDelta) -> None:
        """Add a fragment that is addressed by JSONPath."""
        if self._leaves is None:
            from nbstream.reply.partial_json import Leaves  # only Gemini's calls do

            self._leaves = Leaves()
        self._leaves.push(delta.json_path, delta.value, delta.will_continue)

    def set_object(self, data: Json) -> None:
        """Keep the arguments that hold unless fragments come."""
        self._object = data

    def replace(self, text: str) -> None:
        """Let this be the whole text, and no other arguments of it beside it."""
        self._text, self._leaves = Growing(), None
        self._text.push(text)
        if not self.data.keys().isdisjoint({"arguments", "input"}):
            self.data = {}

    def cite(self, source: Json) -> None:
        """Keep a source, once."""
        key = json.dumps(source, sort_keys=True, default=repr)
        if key not in self._cited:
            self._cited.add(key)
            self.citations.append(source)

    @property
    def text(self) -> str:
        """Everything pushed so far, joined."""
        return str(self._text)

    @property
    def arguments(self) -> str:
        """The call's arguments as JSON text: as it came, or made of what came.

        The object a call opened with counts once the call is closed without fragments.
        """
        if text := self.text:
            return text
        if self._leaves is not None:
            return self._leaves.to_json()
        if self._object is not None and self.done:
            return json.dumps(self._object, ensure_ascii=False)
        return ""

    @property
    def size(self) -> int:
        """How much has come of it: 0 is a part that was opened, and no more."""
        leaves = self._leaves.to_json() if self._leaves is not None else ""
        named = len(self.id) + len(self.name) + (self.kind == "other")
        return len(self.text) + len(leaves) + named

    @property
    def in_leaves(self) -> bool:
        """Whether the arguments came leaf by leaf."""
        return self._leaves is not None

    def __repr__(self) -> str:
        return f"Part({self.kind!r}, {self.text!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that the model wants made.

    Attributes:
        id: The provider's id, to be sent back with the result.
        name: The tool's name.
        arguments: The JSON text exactly as it came; ``{}`` where a whole call has none.
        parsed: The arguments as an object; None unless ``state`` is ``"valid"``.
        state: ``open`` while it streams; then ``valid``, ``invalid`` (the JSON is
            wrong) or ``unfinished`` (the stream or the token limit cut it off).
        error: What is wrong with the JSON, or "".
        index: The wire's number of the call, or None.
        run: What came of running it, where ``ask`` or ``Chat`` did; else None.
    """

    id: str
    name: str
    arguments: str
    parsed: dict[str, object] | None
    state: CallState
    error: str
    index: int | None
    run: ToolResult | None = None


def _refuse(constant: str) -> object:
    msg = f"{constant} is not JSON"
    raise ValueError(msg)


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):  # it is no number in JSON, and would be sent on as one
        msg = f"{number} is too large for a number"
        raise ValueError(msg)
    return value


def parse_arguments(arguments: str) -> tuple[dict[str, object] | None, str]:
    """Parse the JSON text of a call strictly: an object, or what is wrong with it."""
    try:
        parsed = json.loads(arguments, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        return None, str(error)
    if not isinstance(parsed, dict):
        return None, f"expected a JSON object, got {type(parsed).__name__}"
    return parsed, ""


def says_nothing(arguments: str) -> bool:
    """Tell whether that is how servers write that a call has no arguments."""
    return arguments.strip() in {"", "null"}


def whole_form(part: Part, name: str) -> dict[str, Any] | None:
    """Return the provider's own form of a part, with what it was called with.

    That came in fragments and belongs under ``name``; None: it is no JSON object.
    """
    if not part.arguments:
        return dict(part.data)
    parsed, _ = parse_arguments(part.arguments)
    return None if parsed is None else {**part.data, name: parsed}


# -- The thought with which a text may begin, where the server leaves it in the text.

#: The second is of Gemini's endpoint for OpenAI's SDK.
_OPEN = ("<think>", "<thought>")
_HALF = re.compile(r"<(?:/[a-z]{0,7})?\Z")


class Thought:
    """Takes the text of one answer; tells what of it is a thought at its beginning.

    The rules are those of Ollama's own reader: white space before the thought, at its
    beginning and behind it belongs to neither
    (https://github.com/ollama/ollama/blob/main/thinking/parser.go).

    Attributes:
        over: Whether all that comes is the answer.
    """

    def __init__(self) -> None:
        self.over = False
        self._tag = "<"  # what is waited for; "": the beginning of the answer
        self._held = ""  # what may be a part of it
        self._said = 0  # how much of the thought has been told
        self._first: TextDelta | None = None

    def feed(self, delta: TextDelta) -> Iterator[TextDelta]:
        """Give what the next piece says, as far as it is known."""
        self._first = self._first or delta
        if self.over or delta.index != self._first.index:  # only a part's beginning
            yield from self.rest()
            self.over = True
            yield delta
            return
        text, self._held = self._held + delta.text, ""
        if self._tag == "<":
            begun = text.lstrip()
            if begun.startswith(_OPEN):
                tag, _, text = begun.partition(">")
                self._tag = f"</{tag[1:]}>"
            elif any(tag.startswith(begun) for tag in _OPEN):
                self._held, text = text, ""
        if self._tag.startswith("</"):
            thought, closed, text = text.partition(self._tag)
            if closed:
                self._tag = ""
            elif half := _HALF.search(thought):
                self._held, thought = half[0], thought[: half.start()]
            yield from self._tell(thought)
        text = text if self._tag else text.lstrip()
        if text:
            self.over = True
            yield replace(delta, text=text)

    def _tell(self, thought: str) -> Iterator[TextDelta]:
        thought = thought if self._said else thought.lstrip()
        self._said += len(thought)
        if thought and self._first:
            choice = self._first.choice
            yield TextDelta(text=thought, kind="reasoning", choice=choice)

    def rest(self) -> Iterator[TextDelta]:
        """Give what was held, now that something else comes, or nothing more."""
        held, self._held = self._held, ""
        if self._tag.startswith("</"):
            yield from self._tell(held)
        elif held and self._first:
            self.over = True
            yield replace(self._first, text=held)

    def done(self, event: TextDone) -> Iterator[Event]:
        """Give the whole of a text that is said to have been sent."""
        self._first = self._first or TextDelta(
            text="", index=event.index, choice=event.choice
        )
        whole = Thought()
        told = [*whole.feed(replace(self._first, text=event.text)), *whole.rest()]
        if whole._tag == "<" or event.index != self._first.index:
            yield from self.rest()
            yield event
        else:
            thought, answer = (
                "".join(each.text for each in told if each.kind == kind)
                for kind in ("reasoning", "text")
            )
            yield from self._tell(thought[self._said :])
            yield replace(event, text=answer)
        self.over, self._held = True, ""


class Thoughts:
    """The thoughts with which the texts of one exchange begin, by their choices."""

    def __init__(self) -> None:
        self._thoughts: dict[int, Thought] = {}
        self._over: set[int] = set()

    def read(self, events: Sequence[Event]) -> Sequence[Event]:
        """Return the events with the thoughts told as reasoning.

        An answer that has begun is only looked up: this is asked of each delta.
        """
        if len(self._over) == len(self._thoughts):
            for event in events:
                if type(event) is TextDelta:
                    if event.choice not in self._over:
                        break
                elif type(event) is TextDone or type(event) is Hop:
                    break
            else:
                return events
        return [said for event in events for said in self._read(event)]

    def _read(self, event: Event) -> Iterator[Event]:
        match event:
            case TextDelta(kind="text") if event.text:
                yield from self._thought(event.choice).feed(event)
            case TextDone(kind="text"):
                yield from self._thought(event.choice).done(event)
            case Start() | Ignored() | Usage():
                yield event
            case _:
                yield from self.rest()
                yield event
                if isinstance(event, Hop):
                    self._thoughts.clear()
        over = (choice for choice, each in self._thoughts.items() if each.over)
        self._over = set(over)

    def _thought(self, choice: int) -> Thought:
        return self._thoughts.setdefault(choice, Thought())

    def rest(self) -> Iterator[TextDelta]:
        """Give what was held, now that something else comes, or nothing more."""
        for thought in self._thoughts.values():
            yield from thought.rest()


def without_thought(text: str) -> tuple[str, str]:
    """Return the thought with which a whole text begins, and the answer behind it."""
    thought = Thought()
    told = [*thought.feed(TextDelta(text=text)), *thought.rest()]
    words = (
        "".join(e.text for e in told if e.kind == k) for k in ("reasoning", "text")
    )
    return next(words), next(words)


#: The end of a thought whose beginning stands in the prompt (DeepSeek-R1, Qwen3).
_ENDED = re.compile(
    r"(?:^[ \t]*</think>|</think>[ \t]*(?=\n[ \t]*\n))[ \t]*(?:\n|\Z)\s*", re.M
)


def ended_thought(text: str) -> tuple[str, str] | None:
    """Return the thought whose end alone a text says, and the answer; or None.

    The tag stands at the end of a line or paragraph, and in no code.
    """
    closed = _ENDED.search(text) if "</think>" in text else None
    before = text[: closed.start()] if closed else "<think>"
    if closed is None or "<think>" in before or before.count("```") % 2:
        return None
    return before.strip(), text[closed.end() :]
