"""How an answer grows: each event adds to it, until the end says how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self, assert_never

from nbstream._failures import failure_event
from nbstream.reply.answer import Answer, add_hop, merge
from nbstream.reply.choice import Choice
from nbstream.reply.rounds import taken
from nbstream.types import (
    ArgumentDelta,
    Arguments,
    Citation,
    End,
    Event,
    Failure,
    Finish,
    Hop,
    Ignored,
    OtherPart,
    PartDone,
    Round,
    Signature,
    Start,
    TextDelta,
    TextDone,
    ToolCallDelta,
    ToolResult,
    Usage,
)

__all__ = ["Arriving"]


class Arriving(Answer):
    """What of a ``Reply`` grows; its attributes are named there."""

    def __init__(self, api: str = "") -> None:
        super().__init__()
        self.api = api
        self.id = ""
        self.model = ""
        self.error: Failure | None = None
        self.exception: BaseException | None = None
        self.ignored: dict[str, int] = {}
        self._hopped = False
        self._earlier: list[Self] = []

    def apply(self, event: Event) -> None:
        """Add one event."""
        match event:
            case TextDelta():
                self._choice(event.choice).add_text(event)
            case TextDone():
                self._choice(event.choice).complete_text(event)
            case ToolCallDelta():
                self._choice(event.choice).add_call(event)
            case ArgumentDelta():
                self._choice(event.choice).add_argument(event)
            case Arguments():
                self._choice(event.choice).add_arguments(event)
            case Signature():
                self._choice(event.choice).add_signature(event)
            case Citation():
                self._choice(event.choice).add_citation(event)
            case OtherPart():
                self._choice(event.choice).add_other(event)
            case PartDone():
                self._choice(event.choice).close_part(event)
            case Finish():
                self._choice(event.choice).finish = event
            case End():
                self._choice(event.choice).ended = True
            case Usage():
                self._usage = merge(self._usage, event)
            case ToolResult():
                self._choice(min(self._choices, default=0)).add_result(event)
            case Start() | Hop() | Round() | Failure() | Ignored():
                self._apply_rest(event)
            case _:
                assert_never(event)

    def _apply_rest(self: Self, event: Start | Hop | Round | Failure | Ignored) -> None:
        match event:
            case Start(id=id_, model=model):
                # Each exchange has an id; what follows refers to the last one.
                self.id = id_ if id_ and self._hopped else self.id or id_
                self._hopped = self._hopped and not id_
                self.model = self.model or model
            case Hop():
                self._usage_before = add_hop(self._usage_before, self._usage)
                self._usage = None
                self._hopped = True
                for choice in self.choices:
                    choice.next_hop()
            case Round():
                self._earlier.append(taken(self))
            case Failure():
                self.error = self.error or event
            case Ignored(type=type_):
                self.ignored[type_] = self.ignored.get(type_, 0) + 1
            case _:
                assert_never(event)

    def extend(self, events: Iterable[Event]) -> None:
        """Add several events."""
        for event in events:
            self.apply(event)

    def end(
        self, *, stopped: bool = False, exception: BaseException | None = None
    ) -> None:
        """Say that nothing more comes, and why; a second call changes nothing.

        A stream that ends is not an answer that is complete: only the API's own
        terminal marker makes it so, and then neither a stop nor a lost connection
        after it takes that back.
        """
        if self._outcome != "running":
            return
        self.exception = exception
        self._first.end_runs()
        if self.error is not None:
            self._outcome = "failed"
        elif stopped and self._first.runs:
            self._outcome = "stopped"  # its answer is whole, but not its calls'
        elif self._ended:
            self._outcome = "complete"
        elif stopped:
            self._outcome = "stopped"
        elif exception is not None:
            self._outcome = "failed"
            self.error = failure_event(exception)
        else:
            self._outcome = "truncated"
        self._read_document()

    def _read_document(self) -> None:
        """Read what was asked for, once; of a part of an answer no object is made."""
        if self.expected is None or not self.answered:
            return
        try:
            self.parsed = self.expected.read(self.document)
        except ValueError as error:
            self.misfit = error

    def _choice(self, index: int) -> Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = Choice(index)
        return choice
