"""The parts of an answer, in the order of the wire, and the tool calls among them."""

import json
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nbstream.reply.growing import Growing
from nbstream.reply.jsonpath import Leaves
from nbstream.types import ArgumentDelta, Json, ToolResult

__all__ = ["CallState", "Part", "PartKind", "ToolCall", "parse_arguments"]

PartKind: TypeAlias = Literal["text", "reasoning", "refusal", "tool_call", "other"]
CallState: TypeAlias = Literal["open", "valid", "invalid", "unfinished"]


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

    __slots__ = (
        "_leaves",
        "_object",
        "_text",
        "choice",
        "citations",
        "data",
        "done",
        "hop",
        "id",
        "index",
        "kind",
        "name",
        "signature",
        "type",
    )

    def __init__(
        self, kind: PartKind, index: int | None, choice: int, hop: int
    ) -> None:
        self.kind: PartKind = kind
        self.index = index
        self.choice = choice
        self.hop = hop
        self.type = ""
        self.id = ""
        self.name = ""
        self.data: Json = {}
        self.signature = ""
        self.citations: list[Json] = []
        self.done = False
        self._text = Growing()
        self._leaves: Leaves | None = None
        self._object: Json | None = None

    def push(self, text: str) -> None:
        """Add the next fragment of the text or of the arguments."""
        self._text.push(text)

    def push_argument(self, delta: ArgumentDelta) -> None:
        """Add a fragment that is addressed by JSONPath."""
        if self._leaves is None:
            self._leaves = Leaves()
        self._leaves.push(delta.json_path, delta.value, delta.will_continue)

    def set_object(self, data: Json) -> None:
        """Keep the arguments that hold unless fragments come."""
        self._object = data

    def replace(self, text: str) -> None:
        """Let this be the whole text, and no form of the provider's beside it."""
        self._text, self._leaves, self.data = Growing(), None, {}
        self._text.push(text)

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
        arguments: The JSON text exactly as it came.
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


def parse_arguments(arguments: str) -> tuple[dict[str, object] | None, str]:
    """Parse the JSON text of a call strictly: an object, or what is wrong with it."""
    try:
        parsed = json.loads(arguments, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return None, str(error)
    if not isinstance(parsed, dict):
        return None, f"expected a JSON object, got {type(parsed).__name__}"
    return parsed, ""
