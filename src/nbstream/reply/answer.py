"""What of an answer can be read, whether or not it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbstream.reply.choice import Choice
from nbstream.reply.expected import Expected, Form
from nbstream.reply.outcome import Outcome
from nbstream.reply.parts import Part, ToolCall
from nbstream.reply.timing import Timing
from nbstream.reply.usage import add_hop
from nbstream.reply.wire import Wire
from nbstream.types import FinishReason, Usage

if TYPE_CHECKING:
    from nbstream.anatomy import Anatomy
    from nbstream.live import Live
    from nbstream.timeline import Timeline

__all__ = ["Answer"]


class Answer:
    """What of a ``Reply`` is read: the first choice, and all of them.

    Attributes:
        wire: The bytes it was made of and the reads that brought them. None: an SDK
            read them and kept them to itself; ``keep_wire=True`` asks for them.
        timing: When things happened, or None (``from_sse`` has no clock).
        form: How the text is shown: ``"markdown"``, ``"text"`` or ``"json"``.
        expected: What the answer has to be besides text, or None.
        parsed: The answer as the object that was asked for, checked. None: nothing
            was asked for, or the answer is not whole, or it does not fit.
        misfit: Why a whole answer is not what was asked for, or None.
        live: The ``Live`` that plays it in the background, or None.
    """

    def __init__(self) -> None:
        self._choices: dict[int, Choice] = {}
        self._usage: Usage | None = None
        self._usage_before: Usage | None = None
        self._usage_rounds: Usage | None = None
        self._outcome: Outcome = "running"
        self.wire: Wire | None = None
        self.timing: Timing | None = None
        self.form: Form = "markdown"
        self.expected: Expected | None = None
        self.parsed: Any = None
        self.misfit: ValueError | None = None
        self.live: Live | None = None

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
    def document(self) -> str:
        """The text of the last exchange: what ``parsed`` is made of."""
        return self._first.document

    @property
    def answered(self) -> bool:
        """Whether the model gave its answer to the end, without a refusal or a call."""
        unforced = self.finish_reason in {None, "stop", "other"}
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
        """The calls that the model wants made, in the order in which they began."""
        return self._first.tool_calls(running=self._outcome == "running")

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
    def calling(self) -> bool:
        """Whether calls of this answer are being run, or wait for consent."""
        return any(not run.ended for run in tuple(self._first.runs.values()))

    @property
    def asking(self) -> bool:
        """Whether a call of this answer waits for a person's consent."""
        runs = tuple(self._first.runs.values())
        return any(run.state == "asking" for run in runs)

    def anatomy(self, *, cut: int | None = None) -> Anatomy:
        """Walk through the stream: its bytes, each event, what has been accumulated.

        For a reply that has kept its bytes: ``show(..., keep_wire=True)``, a stream
        of raw server-sent-event bytes, a recording, or ``from_sse``. ``cut``: as if
        each read from the network had given so many bytes.

        Raises:
            UsageError: the bytes were not kept; the message says how to keep them.
        """
        from nbstream.anatomy import anatomy  # not the core's business

        return anatomy(self, cut=cut)

    def plot(self, *, stall_s: float = 1.0) -> Timeline:
        """Draw when it came: the wait, each kind of delta, gaps, the end.

        The wait without streaming is beside it. Several replies on one axis are
        ``nbstream.plot({"name": reply, ...})``. A pause of ``stall_s`` seconds is
        drawn as a gap.

        Raises:
            UsageError: it has no times, or runs still, or matplotlib is missing.
        """
        from nbstream.timeline import plot  # not the core's business

        return plot(self, stall_s=stall_s)
