"""One answer of a stream, put together from its parts."""

from collections.abc import Iterator

from nbstream.reply import calls
from nbstream.reply.numbered import Numbered
from nbstream.reply.parts import Part, ToolCall
from nbstream.types import (
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

__all__ = ["Choice"]


class Choice:
    """One of the answers of a stream; nearly always the only one."""

    def __init__(self, index: int) -> None:
        self.index = index
        self._numbered = Numbered(index)
        self.parts = self._numbered.parts
        self.finish: Finish | None = None
        self.ended = False
        self.runs: dict[int, ToolResult] = {}

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
    def hop(self) -> int:
        """Which exchange of the stream it is in, from 0."""
        return self._numbered.hop

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
        has_calls = any(part.kind == "tool_call" for part in self.parts)
        return "tool_calls" if stopped and has_calls else self.finish.reason

    @property
    def raw_finish_reason(self) -> str | None:
        """Why the model stopped, in the provider's own word."""
        return self.finish.raw_reason if self.finish else None

    def tool_calls(self, *, running: bool) -> tuple[ToolCall, ...]:
        """Return the calls in the order in which they began."""
        parts = [part for part in self.parts if part.kind == "tool_call"]
        at_limit = self.finish is not None and self.finish.reason == "length"
        return tuple(
            calls.call_of(
                each,
                self.runs.get(at),
                running=running,
                ended=self.ended,
                at_limit=at_limit,
            )
            for at, each in enumerate(parts)
        )

    # -- what comes ----------------------------------------------------------

    def add_text(self, delta: TextDelta) -> None:
        """Append text to its part."""
        part = self._numbered.find(delta.index, delta.kind)
        if part is None:
            part = self._numbered.new(delta.kind, delta.index)
        part.push(delta.text)

    def complete_text(self, event: TextDone) -> None:
        """Append what has not come of a text that should be whole."""
        part = self._numbered.find(event.index, event.kind)
        sent = part.text if part is not None else ""
        missing = event.text.removeprefix(sent)
        if missing and event.text.startswith(sent):
            part = part or self._numbered.new(event.kind, event.index)
            part.push(missing)

    def add_call(self, delta: ToolCallDelta) -> None:
        """Append to a call, or begin one."""
        calls.add_call(self._numbered, delta)

    def add_argument(self, delta: ArgumentDelta) -> None:
        """Add to one argument of the newest call."""
        calls.add_argument(self._numbered, delta)

    def add_arguments(self, event: Arguments) -> None:
        """Keep a call's arguments as an object."""
        calls.add_arguments(self._numbered, event)

    def add_other(self, event: OtherPart) -> None:
        """Keep a part that only the provider can read."""
        part = self._numbered.new("other", event.index)
        part.type = event.type
        part.data = event.data

    def add_signature(self, event: Signature) -> None:
        """Sign a part. A part without a number ends with its signature.

        Gemini: parts with and without one must not be merged
        (https://ai.google.dev/gemini-api/docs/thought-signatures).
        """
        for part in self._numbered.at(event.index):
            part.signature += event.signature
            # A streamed call goes on: its signature comes with its first fragment.
            ends = event.index is None and part.kind != "tool_call"
            part.done = part.done or ends

    def add_citation(self, event: Citation) -> None:
        """Name a source, once."""
        parts = self._numbered.at(event.index)
        for part in parts or [self._numbered.new("text", event.index)]:
            if event.data not in part.citations:
                part.citations.append(event.data)

    def close_part(self, event: PartDone) -> None:
        """Mark a part as whole and keep the provider's own form of it."""
        for part in self._numbered.at(event.index):
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
        self._numbered.next_hop()

    def __iter__(self) -> Iterator[Part]:
        return iter(self.parts)
