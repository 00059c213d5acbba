"""One answer: its parts, found again by the wire's numbers."""

from collections.abc import Iterator

from nbstream.events import (
    ArgumentDelta,
    Arguments,
    Citation,
    Finish,
    FinishReason,
    OtherPart,
    PartDone,
    Signature,
    TextDelta,
    TextDone,
    TextKind,
    ToolCallDelta,
    ToolResult,
)
from nbstream.reply.parts import CallState, Part, PartKind, ToolCall, parse_arguments

__all__ = ["Choice"]


class Choice:
    """One of the answers of a stream; nearly always the only one.

    Parts are keyed by the wire's own number, never by their place in a list: two
    calls may grow at once, and numbers may start anywhere.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self.parts: list[Part] = []
        self.finish: Finish | None = None
        self.ended = False
        self.hop = 0
        self.runs: dict[int, ToolResult] = {}
        self._by_index: dict[tuple[int, int, PartKind], Part] = {}

    # -- what came -----------------------------------------------------------

    def text_of(self, kind: TextKind) -> str:
        """Return all text of that kind, joined."""
        found = [part.text for part in self.parts if part.kind == kind]
        return found[0] if len(found) == 1 else "".join(found)

    @property
    def text(self) -> str:
        """The answer."""
        return self.text_of("text")

    @property
    def document(self) -> str:
        """The text of the last exchange: what is read where JSON was asked for."""
        return self.document_of(self.hop)

    def document_of(self, hop: int) -> str:
        """Return the text of one exchange."""
        found = (each for each in self.parts if each.hop == hop)
        return "".join(part.text for part in found if part.kind == "text")

    @property
    def reasoning(self) -> str:
        """What the model let us see of its thinking."""
        return self.text_of("reasoning")

    @property
    def refusal(self) -> str:
        """Why the model would not answer, where it said so."""
        return self.text_of("refusal")

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the model stopped, in OpenAI Chat's words; None if it did not say.

        Gemini and some others say ``stop`` when they want a tool called.
        """
        if self.finish is None:
            return None
        stopped = self.finish.reason == "stop"
        calls = any(part.kind == "tool_call" for part in self.parts)
        return "tool_calls" if stopped and calls else self.finish.reason

    @property
    def raw_finish_reason(self) -> str | None:
        """Why the model stopped, in the provider's own word."""
        return self.finish.raw_reason if self.finish else None

    def tool_calls(self, *, running: bool) -> tuple[ToolCall, ...]:
        """Return the calls in the order in which they began."""
        calls = [part for part in self.parts if part.kind == "tool_call"]
        return tuple(self._call(at, each, running) for at, each in enumerate(calls))

    def _call(self, at: int, part: Part, running: bool) -> ToolCall:
        state: CallState = "open"
        parsed, error = None, ""
        cut = not part.done and (not self.ended or self._at_limit)
        if part.in_leaves and cut and (self.ended or not running):
            # Leaves always parse: only the API can say that there are no more.
            state, error = "unfinished", "the stream ended before the call did"
        elif part.done or self.ended or not running:
            parsed, error = parse_arguments(part.arguments)
            state = "valid" if parsed is not None else self._why(part)
        return ToolCall(
            id=part.id,
            name=part.name,
            arguments=part.arguments,
            parsed=parsed,
            state=state,
            error=error,
            index=part.index,
            run=self.runs.get(at),
        )

    def _why(self, part: Part) -> CallState:
        # Anthropic closes the block that the token limit cut, so `done` is no proof.
        cut = self._at_limit or not (part.done or self.ended)
        return "unfinished" if cut else "invalid"

    @property
    def _at_limit(self) -> bool:
        return self.finish is not None and self.finish.reason == "length"

    # -- what comes ----------------------------------------------------------

    def add_text(self, delta: TextDelta) -> None:
        """Append text to its part."""
        part = self._find(delta.index, delta.kind)
        if part is None:
            part = self._new(delta.kind, delta.index)
        part.push(delta.text)

    def complete_text(self, event: TextDone) -> None:
        """Append what has not come of a text that should be whole."""
        part = self._find(event.index, event.kind)
        sent = part.text if part is not None else ""
        missing = event.text.removeprefix(sent)
        if missing and event.text.startswith(sent):
            part = part or self._new(event.kind, event.index)
            part.push(missing)

    def add_call(self, delta: ToolCallDelta) -> None:
        """Append to a call, or begin one.

        A fragment with no number and no id belongs to the newest call (Mistral). A
        number used again under another id and a name is another call: some servers
        number every parallel call 0.
        """
        part = self._find(delta.index, "tool_call")
        if part is None and not delta.name:
            part = self._find(delta.index, "other")
        if part is None or self._is_another(part, delta):
            part = self._new("tool_call", delta.index)
        part.id = part.id or delta.id
        part.name = part.name or delta.name
        part.push(delta.arguments)

    def _is_another(self, part: Part, delta: ToolCallDelta) -> bool:
        if not delta.name or not part.name:
            return False
        if delta.id and part.id:
            return delta.id != part.id
        return delta.index is None and not delta.id

    def add_argument(self, delta: ArgumentDelta) -> None:
        """Add to one argument of the newest call."""
        part = self._newest_call() or self._new("tool_call", None)
        part.push_argument(delta)

    def add_arguments(self, event: Arguments) -> None:
        """Keep a call's arguments as an object."""
        part = self._find(event.index, "tool_call") or self._newest_call()
        if part is not None:
            part.set_object(event.data)

    def _newest_call(self) -> Part | None:
        newest = self.parts[-1] if self.parts else None
        is_call = newest is not None and newest.kind == "tool_call"
        return newest if is_call else None

    def add_other(self, event: OtherPart) -> None:
        """Keep a part that only the provider can read."""
        part = self._new("other", event.index)
        part.type = event.type
        part.data = event.data

    def add_signature(self, event: Signature) -> None:
        """Sign a part. A part without a number ends with its signature.

        Gemini: parts with and without one must not be merged
        (https://ai.google.dev/gemini-api/docs/thought-signatures).
        """
        for part in self._parts_at(event.index):
            part.signature += event.signature
            # A streamed call goes on: its signature comes with its first fragment.
            ends = event.index is None and part.kind != "tool_call"
            part.done = part.done or ends

    def add_citation(self, event: Citation) -> None:
        """Name a source, once."""
        for part in self._parts_at(event.index) or [self._new("text", event.index)]:
            if event.data not in part.citations:
                part.citations.append(event.data)

    def close_part(self, event: PartDone) -> None:
        """Mark a part as whole and keep the provider's own form of it."""
        for part in self._parts_at(event.index):
            part.done = True
            part.data = event.data or part.data

    def add_result(self, event: ToolResult) -> None:
        """Note how a call stands that the caller runs."""
        self.runs[event.call] = event

    def end_runs(self) -> None:
        """Say of what is still being run that it was stopped."""
        for call, run in self.runs.items():
            if not run.ended:
                self.runs[call] = ToolResult(call=call, state="stopped")

    def next_hop(self) -> None:
        """Begin a new exchange: numbers start again."""
        self.hop += 1
        if self.parts:
            self.parts[-1].done = True

    # -- finding parts -------------------------------------------------------

    def _find(self, index: int | None, kind: PartKind) -> Part | None:
        if index is not None:
            return self._by_index.get((self.hop, index, kind))
        newest = self.parts[-1] if self.parts else None
        if newest is None or newest.kind != kind or newest.done:
            return None
        return newest

    def _parts_at(self, index: int | None) -> list[Part]:
        if index is None:
            return self.parts[-1:]
        found = (self._by_index.get((self.hop, index, kind)) for kind in _KINDS)
        return [part for part in found if part is not None]

    def _new(self, kind: PartKind, index: int | None) -> Part:
        part = Part(kind, index, self.index, self.hop)
        self.parts.append(part)
        if index is not None:
            self._by_index[self.hop, index, kind] = part
        return part

    def __iter__(self) -> Iterator[Part]:
        return iter(self.parts)


_KINDS: tuple[PartKind, ...] = ("text", "reasoning", "refusal", "tool_call", "other")
