"""Events in, one ``Reply`` out: the same for every provider.

``answer`` has what is read of it; here is how it grows, event by event, what can be
done with it, and how a turn of several answers is kept.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, assert_never

from nbstream import types
from nbstream._failures import failure_event, is_told
from nbstream._windows import Elements, Limits, Picture, Walk, window
from nbstream.reply.answer import Answer, Waiting, add_hop, merge
from nbstream.reply.choice import Choice, answers
from nbstream.reply.parts import Part, ToolCall

#: Under this key goes back what a model wrote as arguments and is no JSON object
#: (https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming).
INVALID = "INVALID_JSON"
#: The APIs in which all that belongs to one response has the same id.
_NAMED_ONCE = {"anthropic.messages", "google.generate_content"}
#: The events that are not of one choice only.
_OfAll: TypeAlias = (
    types.Start | types.Extra | types.Hop | types.Round | types.Failure | types.Ignored
)


class Reply(Answer):
    """What a model answered, and how that ended. It may still be growing.

    Attributes:
        text (str): The answer, exactly as the model wrote it.
        tool_calls (tuple[ToolCall, ...]): The calls that the model wants made, in the
            order they began.
        usage (Usage | None): Token counts, over all exchanges and rounds; None: none
            were sent.
        outcome (str): ``"running"``, ``"complete"``, ``"stopped"``, ``"truncated"`` or
            ``"failed"``.
        parsed (Any): The answer as the object that was asked for, checked; else None.
        timing (Timing | None): When things happened; None: ``from_sse`` has no clock.
        reasoning (str): What the model let us see of its thinking, or "".
        refusal (str): Why the model would not answer, or "".
        finish_reason (str | None): Why the model stopped, in OpenAI Chat's words.
        raw_finish_reason (str | None): The same in the provider's own words.
        error (Failure | None): What the provider, or the exception, said went wrong.
        exception (BaseException | None): The SDK's own exception, where there was one.
        parts (tuple[Part, ...]): The parts of the answer, in the order of the wire.
        citations (tuple[Mapping, ...]): The sources named for the answer, in the
            provider's own form.
        choices (tuple[Choice, ...]): Every answer, where several were asked for.
        api (str): The wire API it came over, such as ``"anthropic.messages"``, or "".
        id (str): The provider's id of the response, or "".
        model (str): The model's name as the provider gave it, or "".
        wire (Wire | None): The bytes it was made of, where they were kept.
        ignored (dict[str, int]): How often each kind of event came that is not ours to
            show.
        extra (dict[str, object]): What the provider said of the answer besides, in its
            own words.
        waiting (Waiting | None): The wait before a retry, while there is one.
    """

    # For nbstream itself: `_position` is how far the provider's own numbering of
    # events has come, or None; `_resumable` is whether the provider keeps the answer
    # to be read on from there; `_shown_in` is the cell whose output already shows it,
    # so that it is not shown twice there; `_late` is what came with the whole of a
    # part, and by no delta; `_known_tools` are those that `ask` runs.

    def __init__(self, api: str = "") -> None:
        super().__init__()
        self.api = api
        self.id = ""
        self.model = ""
        self.error: types.Failure | None = None
        self.exception: BaseException | None = None
        self.ignored: dict[str, int] = {}
        self.extra: dict[str, object] = {}
        self.waiting: Waiting | None = None
        self._position: int | str | None = None
        self._resumable = False
        self._shown_in: object = None
        self._late: list[types.Event] = []
        self._known_tools: frozenset[str] = frozenset()
        self._hopped = False
        self._earlier: list[Reply] = []

    def __getstate__(self) -> dict[str, object]:
        """Leave an SDK's exception out of copies and files: it holds the key."""
        return {**vars(self), "exception": None}

    @classmethod
    def from_sse(cls, data: bytes, api: str) -> Reply:
        """Return the reply of a response body as it came over the wire.

        Args:
            data: The bytes of one ``text/event-stream`` body.
            api: One of ``nbstream.providers.APIS``, such as ``"openai.chat"``.

        Raises:
            UnknownNameError: there is no such API.
            UsageError: ``data`` is not bytes.
        """
        reply = cls(api)
        window("from_sse")(reply, data)
        return reply

    @classmethod
    def from_stream(
        cls, stream: types.Stream, *, timeout: float | Limits | None = None
    ) -> Reply:
        """Read a stream to its end, with no display, and return the reply.

        A failure is not raised: it is in ``outcome`` and ``error``.

        Args:
            stream: All that ``nbstream.show`` takes.
            timeout: The longest silence, in seconds, or a ``Timeout``.

        Raises:
            UsageError: that is no stream.
        """
        reply = cls()
        window("from_stream")(reply, stream, timeout)
        return reply

    @property
    def rounds(self) -> tuple[Reply, ...]:
        """The answers of the turn: those whose tool calls were run, then this one.

        ``text`` and all else are of the last one; ``usage`` is of all of them.
        """
        return (*self._earlier, self)

    def anatomy(self, *, cut: int | None = None) -> Walk:
        """Walk through the stream: its bytes, each event, what has been accumulated.

        For a reply that has kept its bytes: ``show(..., keep_wire=True)``, a stream
        of raw server-sent-event bytes, a recording, or ``from_sse``.

        Args:
            cut: Look at it as if each read from the network had given so many bytes.

        Raises:
            UsageError: the bytes were not kept; the message says how to keep them.
        """
        found: Walk = window("anatomy")(self, cut=cut)
        return found

    def plot(self, *, stall_s: float = 1.0) -> Picture:
        """Draw when it came: the wait, each kind of delta, gaps, the end.

        The wait without streaming is beside it. Several replies on one axis are
        ``nbstream.plot({"name": reply, ...})``.

        Args:
            stall_s: A pause this long is drawn as a gap, in seconds.

        Raises:
            UsageError: it has no times, or runs still, or matplotlib is missing.
        """
        found: Picture = window("plot")(self, stall_s=stall_s)
        return found

    @property
    def resume_hint(self) -> str | None:
        """The SDK's call that goes on where this broke off; None where none can.

        It gives what follows; ``show(<that call>, resume=reply)`` joins the two.
        OpenAI Responses can if the response was made with ``background=True``, and
        Gemini Interactions if its events came with ids.
        """
        found: str | None = window("resume_hint")(self)
        return found

    def items(self) -> Elements:
        """Go through the list in the answer: each element as soon as it is whole.

        The list is the answer itself or, in an object, the first property that is
        one. Each element is checked where its type is known (``ask(..., schema=X)``).
        While the answer grows in the background, ``for`` waits for the next element,
        and so does ``async for``; Stop and interrupt work meanwhile.

        Raises:
            SchemaFailure: an element, or at the end the answer, does not fit.
            ProviderFailure: the service failed, as of ``live.result()``.
            UsageError: there is no list.
        """
        found: Elements = window("items")(self, self._live)
        return found

    def partial(self) -> Any:
        """Return the JSON of an answer that is still arriving, FOR SHOW ONLY.

        What is open is closed, so a number or a list may be only a part of itself,
        and nothing is checked: act on ``parsed``, or on ``items()``. None: there is
        nothing yet, or it is no JSON.
        """
        return window("partial")(self)

    def to_message(self, note: str = "") -> Any:
        """Return the answer as the same API takes it back in the next request.

        A dict for OpenAI Chat, Anthropic and Gemini; a list of items for OpenAI
        Responses and Gemini Interactions, and of contents where Google's SDK has run
        functions in between. Calls that are invalid or unfinished are
        left out: the API would refuse them.

        Args:
            note: What is said behind its text, such as that it was stopped.

        Raises:
            UsageError: nothing came, so that the API is not known.
        """
        return window("to_message")(self, note)

    def to_ui_message(self, id: str | None = None) -> dict[str, Any]:  # noqa: A002
        """Return the answer as a message of ``useChat`` and its like (AI SDK 5 to 7).

        Args:
            id: The message's id. None: the provider's of the response.
        """
        found: dict[str, Any] = window("to_ui_message")(self, id)
        return found

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else f"{self.text[:57]}..."
        return f"Reply({text!r}, outcome={self.outcome!r}, api={self.api!r})"

    def _ipython_display_(self) -> None:
        window("display")(self)

    def _display_(self) -> object:
        return window("marimo")(self)

    def _repr_markdown_(self) -> str:
        return str(window("markdown")(self))

    # -- how it grows -----------------------------------------------------------

    def _apply(self, event: types.Event) -> None:
        """Add one event."""
        match event:
            case types.TextDelta():
                self._choice(event.choice).add_text(event)
            case types.Usage():  # Gemini has one with each delta
                self._usage = merge(self._usage, event)
            case types.TextDone():
                self._late += self._choice(event.choice).complete_text(event)
            case types.ToolCallDelta():
                self._choice(event.choice).add_call(event)
            case types.ArgumentDelta():
                self._choice(event.choice).add_argument(event)
            case types.Arguments():
                self._late += self._choice(event.choice).add_arguments(event)
            case types.Signature():
                self._choice(event.choice).add_signature(event)
            case types.Citation():
                self._choice(event.choice).add_citation(event)
            case types.OtherPart():
                self._choice(event.choice).add_other(event)
            case types.Extra() if event.index is not None:
                self._choice(event.choice).add_extra(event)
            case types.PartDone():
                self._late += self._choice(event.choice).close_part(event)
            case types.Output():
                self._late += self._choice(event.choice).add_output(event)
            case types.Finish():
                self._choice(event.choice).finish = event
            case types.End():
                self._end_choice(event.choice)
            case types.ToolResult():
                self._choice(min(self._choices, default=0)).add_result(event)
            case _:
                self._apply_rest(event)

    def _apply_rest(self, event: _OfAll) -> None:
        match event:
            case types.Start(id=id_, model=model, tools=tools):
                if id_ and self.id and id_ != self.id:
                    self._begin_another()
                if tools is not None:
                    known = self._choice(0).offered or self._known_tools
                    self._choice(0).offered = tools | known
                # Each exchange has an id; what follows refers to the last one.
                renamed = self._hopped or not id_
                self.id = id_ if id_ and self._hopped else self.id or id_
                self._hopped = self._hopped and not id_
                self.model = model if model and renamed else self.model or model
            case types.Extra(data=data):
                self.extra.update(data)
            case types.Hop(number=int(number)) if number <= self._first.hop:
                pass  # it is in there
            case types.Hop():
                self._usage_before = add_hop(self._usage_before, self._usage)
                self._usage = None
                self._hopped = True
                for choice in self.choices:
                    choice.next_hop()
            case types.Round():
                self._earlier.append(_taken(self))
            case types.Failure():
                if self.error is None or not self.error.message:  # a bare word
                    self.error = event
            case types.Ignored(type=type_):
                self.ignored[type_] = self.ignored.get(type_, 0) + 1
            case _:
                assert_never(event)

    def _begin_another(self) -> None:
        """Go on with another response in the same stream.

        After one that has ended it is a further exchange. Anthropic's streams name
        each but once, so a name before the end says that somebody on the way has lost
        the first one and asked again: that one is void.
        """
        if self._hopped or self.api not in _NAMED_ONCE:
            return
        if self._ended:
            self._apply_rest(types.Hop())
        elif self.api == "anthropic.messages":
            self._hopped = True
            self._apply_rest(types.Ignored(type="message_start"))
            for choice in self.choices:
                choice.next_hop(void=True)

    def _extend(self, events: Iterable[types.Event]) -> None:
        """Add several events."""
        for event in events:
            self._apply(event)

    def _end(
        self, *, stopped: bool = False, exception: BaseException | None = None
    ) -> None:
        """Say that nothing more comes, and why; a second call changes nothing.

        A stream that ends is not an answer that is complete: only the API's own
        terminal marker makes it so, and then neither a stop nor a lost connection
        after it takes that back. What the provider itself says went wrong does.
        """
        if self._outcome != "running":
            return
        for held in self._thoughts.rest():
            self._choice(held.choice).add_text(held)
        for choice in self.choices:
            choice.settle_thought()
        self.exception = exception
        self._first.end_runs()
        lost = exception is not None and (is_told(exception) or not self._ended)
        if self.error is None and exception is not None and lost and not stopped:
            self.error = failure_event(exception)
        if self.error is not None:
            self._outcome = "failed"
        elif stopped and self._first.runs:
            self._outcome = "stopped"  # its answer is whole, but not its calls'
        elif self._ended:
            self._outcome = "complete"
        else:
            self._outcome = "stopped" if stopped else "truncated"
        self._read_document()

    def _read_document(self) -> None:
        """Read what was asked for, once; of a part of an answer no object is made."""
        if self._expected is None or not self._answered:
            return
        try:
            self.parsed = self._expected.read(self._document)
        except ValueError as error:
            self._misfit = error

    def _end_choice(self, index: int | None) -> None:
        for choice in self.choices if index is None else (self._choice(index),):
            choice.end()

    def _choice(self, index: int) -> Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = Choice(index)
        return choice


def _taken(reply: Reply) -> Reply:
    """Take the answer that has come out of the reply, which begins the next one.

    The times stay with the reply: they are the whole turn's.
    """
    done, blank = type(reply)(), type(reply)(reply.api)
    stays = ("_earlier", "timing", "_shown_in", "_form", "_expected", "_live")
    kept = {name: vars(reply)[name] for name in stays}
    kept["_usage_rounds"] = reply.usage
    vars(done).update(vars(reply), _earlier=[], _usage_rounds=None, timing=None)
    vars(reply).update(vars(blank), **kept)
    done._end()
    return done


def answerable(reply: Reply) -> Reply:
    """Return a copy in which a call with invalid arguments can be sent back.

    The model has to read what was wrong with a call, so the call must be there; but
    an API takes an object and no other text.
    """
    return _copied(reply, _mend)


def with_note(reply: Reply, note: str) -> Reply:
    """Return a copy that says something more behind its text."""

    def add(choice: Choice) -> None:
        choice.add_text(types.TextDelta(text=note))

    return _copied(reply, add)


def _copied(reply: Reply, change: Callable[[Choice], None]) -> Reply:
    made = type(reply)()
    vars(made).update(vars(reply), _choices=copy.deepcopy(reply._choices))
    choice = made._choice(min(made._choices, default=0))
    has_ended = choice.ended
    change(choice)
    if has_ended:
        choice.end()
    return made


def _mend(choice: Choice) -> None:
    calls = [part for part in choice.parts if part.kind == "tool_call"]
    for part, call in zip(calls, choice.tool_calls(running=False), strict=True):
        if call.state == "invalid":
            part.replace(json.dumps({INVALID: call.arguments}, ensure_ascii=False))


def parts_and_calls(reply: Reply) -> Iterator[tuple[Part, ToolCall | None]]:
    """Go through the parts in order; beside the part of a tool call, the call.

    None: it is no call, or one that somebody else has run, whose result is not here.
    """
    choice = reply._first
    own, results = choice.own_calls(), {*map(answers, choice.parts)} - {""}
    calls = iter(choice.tool_calls(running=reply.outcome == "running"))
    for part in reply.parts:
        call = next(calls) if part.kind == "tool_call" else None
        yield part, call if part in own or results & {part.id, part.name} else None
