"""What of an answer can be read, whether or not it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from nbstream.reply.choice import Choice
from nbstream.reply.parts import Part, Thoughts, ToolCall
from nbstream.reply.timing import Timing, Wire
from nbstream.types import FinishReason, Usage

Outcome: TypeAlias = Literal["running", "complete", "stopped", "truncated", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A wait before the same request is sent again.

    Attributes:
        until_s: When it ends, in seconds of ``time.monotonic()``.
        why: What went wrong, in one line.
        attempt: Which retry this will be, from 1.
        attempts: How many there may be.
    """

    until_s: float
    why: str
    attempt: int
    attempts: int


#: How the text of an answer is to be read by people.
Form: TypeAlias = Literal["markdown", "text", "json"]


class Expected(Protocol):
    """What the text of a whole answer has to be: see ``nbstream.structured``."""

    @property
    def key(self) -> str | None:
        """The property of the root object that holds the value; None: the root is it.

        A list or a number is asked for in an object, because APIs want one.
        """

    def read(self, text: str) -> object:
        """Return what the whole text says, checked.

        Raises:
            ValueError: it does not fit; the message says which fields, on one line.
        """


# -- Token counts, added up as each provider means them.


def merge(old: Usage | None, new: Usage) -> Usage:
    """Take the later counts, and keep the earlier ones where it says nothing.

    Anthropic tells the input once and the output as a running total; Gemini tells
    both again and again; OpenAI once. So the last word on each count holds.
    """
    if old is None:
        old = new
    input_tokens = _later(old.input_tokens, new.input_tokens)
    output_tokens = _later(old.output_tokens, new.output_tokens)
    total_tokens = new.total_tokens or None
    if total_tokens is None and input_tokens is not None and output_tokens is not None:
        total_tokens = input_tokens + output_tokens
    told = {key: value for key, value in new.data.items() if value is not None}
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=total_tokens,
        reasoning_tokens=_later(old.reasoning_tokens, new.reasoning_tokens),
        cached_tokens=_later(old.cached_tokens, new.cached_tokens),
        data={**old.data, **told},
    )


def add_hop(before: Usage | None, now: Usage | None) -> Usage | None:
    """Add the counts of one exchange to those of the exchanges before it."""
    if before is None or now is None:
        return now or before
    return Usage(
        input_tokens=_sum(before.input_tokens, now.input_tokens),
        output_tokens=_sum(before.output_tokens, now.output_tokens),
        total_tokens=_sum(before.total_tokens, now.total_tokens),
        reasoning_tokens=_sum(before.reasoning_tokens, now.reasoning_tokens),
        cached_tokens=_sum(before.cached_tokens, now.cached_tokens),
        data=now.data,
    )


def _later(old: int | None, new: int | None) -> int | None:
    return new if new or old is None else old  # a zero behind a count is none


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


class Answer:
    """What of a ``Reply`` is read: the first choice, and all of them.

    Attributes:
        wire: The bytes it was made of and the reads that brought them. None: an SDK
            read them and kept them to itself; ``keep_wire=True`` asks for them.
        timing: When things happened, or None (``from_sse`` has no clock).
        parsed: The answer as the object that was asked for, checked. None: nothing
            was asked for, or the answer is not whole, or it does not fit.
    """

    # For nbstream itself: `_form` is how the text is shown; `_expected` is what the
    # answer has to be besides text, or None; `_misfit` is why a whole answer is not
    # that, or None; `_live` is the `Live` that plays it in the background, or None.

    def __init__(self) -> None:
        self._choices: dict[int, Choice] = {}
        self._thoughts = Thoughts()
        self._usage: Usage | None = None
        self._usage_before: Usage | None = None
        self._usage_rounds: Usage | None = None
        self._outcome: Outcome = "running"
        self.wire: Wire | None = None
        self.timing: Timing | None = None
        self._form: Form = "markdown"
        self._expected: Expected | None = None
        self.parsed: Any = None
        self._misfit: ValueError | None = None
        self._live: Any = None

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Every answer, in the order of the wire's numbers (``n`` > 1)."""
        return tuple(one for _, one in sorted(self._choices.items()))

    @property
    def _first(self) -> Choice:
        return self._choices[min(self._choices)] if self._choices else Choice(0)

    @property
    def _ended(self) -> bool:
        return bool(self._choices) and all(one.ended for one in self._choices.values())

    @property
    def outcome(self) -> Outcome:
        """How it ended: running, complete, stopped, truncated or failed."""
        return self._outcome

    @property
    def _document(self) -> str:
        """The text of the last exchange: what ``parsed`` is made of."""
        return self._first.document

    @property
    def _answered(self) -> bool:
        """Whether the model gave its answer to the end, without a refusal or a call."""
        unforced = self.finish_reason in {None, "stop", "other"} and not self.tool_calls
        return self._outcome == "complete" and unforced and not self.refusal

    @property
    def text(self) -> str:
        """The answer, exactly as the model wrote it."""
        return self._first.text

    @property
    def reasoning(self) -> str:
        """What the model let us see of its thinking, or ""."""
        return self._first.reasoning

    @property
    def refusal(self) -> str:
        """Why the model would not answer, or ""."""
        return self._first.refusal

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of the answer, in the order of the wire."""
        return tuple(self._first.parts)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls that the model wants made, in the order in which they began.

        Those that the provider, or its SDK, has run already are not among them.
        """
        return self._first.tool_calls(running=self._outcome == "running", own=True)

    @property
    def citations(self) -> tuple[Mapping[str, object], ...]:
        """The sources named for the answer, in the provider's own form."""
        return tuple(each for part in self._first for each in part.citations)

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the model stopped, in OpenAI Chat's words; None: it did not say."""
        return self._first.finish_reason

    @property
    def raw_finish_reason(self) -> str | None:
        """Why the model stopped, in the provider's own word."""
        return self._first.raw_finish_reason

    @property
    def usage(self) -> Usage | None:
        """Token counts, over all exchanges and rounds; None: none were sent."""
        return add_hop(self._usage_rounds, add_hop(self._usage_before, self._usage))

    @property
    def whole(self) -> bool:
        """Whether the API's own terminal marker came; it may run still."""
        return self._ended

    @property
    def _calling(self) -> bool:
        """Whether calls of this answer are being run, or wait for consent."""
        return any(not run.ended for run in tuple(self._first.runs.values()))

    @property
    def _asking(self) -> bool:
        """Whether a call of this answer waits for a person's consent."""
        runs = tuple(self._first.runs.values())
        return any(run.state == "asking" for run in runs)
