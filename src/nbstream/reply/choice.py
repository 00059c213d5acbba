"""One answer of a stream, put together from its parts."""

from collections.abc import Collection, Iterator

from nbstream import types
from nbstream.reply.items import (
    Numbered,
    add_argument,
    add_arguments,
    add_call,
    call_of,
    grown,
    is_object,
    matched,
)
from nbstream.reply.parts import (
    Part,
    PartKind,
    ToolCall,
    ended_thought,
    without_thought,
)


def answers(part: Part) -> str:
    """Return the id, or else the name, of the call whose result a part is, or ""."""
    if part.kind != "other":
        return ""
    response = part.data.get("functionResponse")
    named = response if isinstance(response, dict) else part.data
    ids = ("tool_use_id", "call_id") if named is part.data else ("id", "name")
    found = (named.get(name) for name in ids)
    return next((each for each in found if isinstance(each, str) and each), "")


#: Why an answer may have ended in the middle of a call.
_CUT = frozenset({"length", "content_filter", "error"})


def _is_own(part: Part, offered: frozenset[str]) -> bool:
    """Tell whether a call is the caller's to run, whatever follows it."""
    data = part.data  # OpenAI's own: a tool found by a search, a call that may wait
    return part.name in offered or bool(data.get("namespace") or data.get("async"))


def _begins(
    said: types.TextDone | types.ToolCallDelta | types.OtherPart,
) -> PartKind | None:
    match said:
        case types.TextDone(text=text, kind=kind):  # a thought goes back without words
            return kind if text or kind == "reasoning" else None
        case types.ToolCallDelta():
            return "tool_call"
        case _:
            return "other"


class Choice:
    """One of the answers of a stream; nearly always the only one."""

    def __init__(self, index: int) -> None:
        self.index = index
        self._numbered = Numbered(index)
        self.parts = self._numbered.parts
        self.finish: types.Finish | None = None
        self._at_end: tuple[int, ...] | None = None
        #: The tools that the caller runs; None: every call is the caller's.
        self.offered: frozenset[str] | None = None
        self._ends: set[int] = set()  # how many parts there were when it ended
        self.runs: dict[int, types.ToolResult] = {}

    # -- what came -----------------------------------------------------------

    def text_of(self, kind: types.TextKind) -> str:
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

    def document_of(self, hop: int, kind: types.TextKind = "text") -> str:
        """Return the text of one exchange."""
        found = (each for each in self.parts if each.hop == hop)
        return "".join(part.text for part in found if part.kind == kind)

    @property
    def reasoning(self) -> str:
        """What the model let us see of its thinking."""
        return self.text_of("reasoning")

    @property
    def refusal(self) -> str:
        """Why the model would not answer, where it said so."""
        return self.text_of("refusal")

    @property
    def finish_reason(self) -> types.FinishReason | None:
        """Why the model stopped, in OpenAI Chat's words; None if it did not say.

        Gemini and some others say ``stop`` when they want a tool called.
        """
        if self.finish is None or self._went_on:
            return None
        stopped = self.finish.reason == "stop"
        return "tool_calls" if stopped and self.own_calls() else self.finish.reason

    @property
    def raw_finish_reason(self) -> str | None:
        """Why the model stopped, in the provider's own word."""
        return self.finish.raw_reason if self.finish and not self._went_on else None

    # -- how it ends ---------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the API said that it is whole, and nothing of it has come since.

        Some servers finish with the last thought, or the first of two calls. How much
        had come is compared, so that no delta pays for it.
        """
        return self._at_end is not None and self._at_end == self._sizes()

    @property
    def _went_on(self) -> bool:
        return self._at_end is not None and not self.ended

    def _sizes(self) -> tuple[int, ...]:
        return tuple(size for part in self.parts if (size := part.size))

    def end(self) -> None:
        """Note that the API says that it is whole."""
        self.settle_thought()
        self._at_end = self._sizes()
        self._ends.add(len(self.parts))

    def settle_thought(self) -> None:
        """Take the thought off a text that says only where it ends."""
        here = self._numbered.here()
        part = next((p for p in here if p.kind == "text" and p.text.strip()), None)
        found = ended_thought(part.text) if part is not None else None
        if part is None or found is None:
            return
        thought, text = found
        if thought:
            if any(each.kind == "reasoning" and each.text for each in here):
                return
            told = self._numbered.new("reasoning", None)
            told.push(thought)
            told.done = True
            self.parts.insert(self.parts.index(part), self.parts.pop())
        part.replace(text)

    def own_calls(self) -> list[Part]:
        """Return the calls that are the caller's to run.

        Not so are those before a further exchange, those that a result follows, or an
        answer after an end (who sent it ran them), and those of a model that declined
        and was replaced.
        """
        found: list[Part] = []
        before: list[Part] = []
        for at, part in enumerate(self.parts):
            if at in self._ends:
                before = list(found)
            if part.type == "fallback":
                found = []
            elif before and part.kind == "text" and part.text.strip():
                found = [call for call in found if call not in before]
            elif part.kind == "tool_call" and part.hop == self.hop:
                found.append(part)
            elif found and (answered := answers(part)):
                found = [call for call in found if answered not in (call.id, call.name)]
        return found

    def tool_calls(self, *, running: bool, own: bool = False) -> tuple[ToolCall, ...]:
        """Return the calls in the order in which they began; ``own``: the caller's."""
        callers = self.own_calls()
        runs = {id(part): self.runs.get(at) for at, part in enumerate(callers)}
        every = (part for part in self.parts if part.kind == "tool_call")
        at_limit = self.finish is not None and self.finish.reason in _CUT
        return tuple(
            call_of(
                each,
                runs.get(id(each)),
                running=running,
                ended=self.ended,
                at_limit=at_limit,
            )
            for each in (callers if own else every)
        )

    # -- what comes ----------------------------------------------------------

    def add_text(self, delta: types.TextDelta) -> None:
        """Append text to its part."""
        part = self._numbered.find(delta.index, delta.kind)
        if part is None:
            part = self._numbered.new(delta.kind, delta.index)
            if self.offered is not None and delta.kind == "text":
                part.push(delta.text)
                self._settle_calls()
                return
        part.push(delta.text)

    def complete_text(self, event: types.TextDone) -> list[types.Event]:
        """Let a text be what it should be; return what of it no delta has brought."""
        if event.index is None:  # it is all of them
            return self._complete_document(event)
        part = self._numbered.same(event, event.index)
        if not event.text or (part is not None and part.done):
            return []
        part = part or self._numbered.new(event.kind, event.index)
        late = self._late(part, part.complete(event.text, event.section, event.gap))
        self._settle_calls()
        return late

    def _complete_document(self, event: types.TextDone) -> list[types.Event]:
        sent = self.document_of(self.hop, event.kind)
        if not event.text.startswith(sent) or event.text == sent:
            return []
        part = self._numbered.find(None, event.kind)
        part = part or self._numbered.new(event.kind, None)
        part.push(missing := event.text.removeprefix(sent))
        return self._late(part, missing)

    def _late(self, part: Part, text: str) -> list[types.Event]:
        """Return the delta that should have brought this text."""
        index, choice = part.index, self.index
        if not text:
            return []
        if part.kind == "tool_call" or part.kind == "other":
            return [types.ToolCallDelta(index=index, arguments=text, choice=choice)]
        delta = types.TextDelta(text=text, index=index, kind=part.kind, choice=choice)
        return [delta]

    def add_call(self, delta: types.ToolCallDelta) -> None:
        """Append to a call, or begin one."""
        add_call(self._numbered, delta)

    def add_argument(self, delta: types.ArgumentDelta) -> None:
        """Add to one argument of the newest call."""
        add_argument(self._numbered, delta)

    def add_arguments(self, event: types.Arguments) -> list[types.Event]:
        """Keep a call's arguments as an object, or let their text be what it should."""
        if not event.text:
            add_arguments(self._numbered, event)
            return []
        to, index = self._numbered, event.index
        part = to.find(index, "tool_call") or to.find(index, "other")
        part = part or to.new("tool_call", index)
        return self._late(part, part.complete(event.text))

    def add_other(self, event: types.OtherPart) -> None:
        """Keep a part that only the provider can read, or what more it says of one."""
        is_own = event.index is not None and event.index < 0
        goes_on = event.goes_on or is_own
        part = self._numbered.find(event.index, "other") if goes_on else None
        if part is None or not (is_own or part.type == event.type):
            part = self._numbered.new("other", event.index)
        part.type = event.type
        part.data = grown(part.data, event.data)

    def add_signature(self, event: types.Signature) -> None:
        """Sign a part. A part without a number ends with its signature.

        Gemini: parts with and without one must not be merged
        (https://ai.google.dev/gemini-api/docs/thought-signatures).
        """
        for part in self._numbered.at(event.index):
            part.signature += event.signature
            # A streamed call goes on: its signature comes with its first fragment.
            ends = event.index is None and part.kind != "tool_call"
            part.done = part.done or ends

    def add_citation(self, event: types.Citation) -> None:
        """Name a source, once."""
        parts = self._numbered.at(event.index)
        for part in parts or [self._numbered.new("text", event.index)]:
            part.cite(event.data)

    def add_extra(self, event: types.Extra) -> None:
        """Add to the provider's own form of a part."""
        for part in self._numbered.at(event.index):
            part.data = {**part.data, **event.data}

    def close_part(self, event: types.PartDone) -> list[types.Event]:
        """Mark a part as whole and keep the provider's own form of it.

        Return, as deltas, what that form says and no delta has brought.
        """
        if event.said:
            return list(self._take(event, event.index))
        for part in self._numbered.at(event.index):
            part.done = True
            part.data = event.data or part.data
        return []

    def add_output(self, event: types.Output) -> list[types.Event]:
        """Take what has not come of the whole answer; return it, as deltas."""
        before = self._numbered.here()
        known = matched(before, event.parts)
        late: list[types.Event] = []
        for at, whole in enumerate(event.parts):
            part = known.get(at)
            index = whole.index if part is None or part.index is None else part.index
            others = set(before) if part is None else {*known.values()} - {part}
            late += self._take(whole, index, others, again=part is not None)
        return late

    def _take(
        self,
        whole: types.PartDone,
        index: int | None,
        others: Collection[Part] = (),
        *,
        again: bool = False,
    ) -> Iterator[types.Event]:
        """Make the parts of an item what it says; give what of it had not come."""
        taken: list[Part] = []
        for said in whole.said:
            if isinstance(said, types.TextDone | types.ToolCallDelta | types.OtherPart):
                part = self._numbered.same(said, index, {*others, *taken})
                new = part is None
                if part is None and (kind := _begins(said)) is not None:
                    part = self._numbered.new(kind, index)
                if part is not None:
                    taken.append(part)
                    yield from self._become(part, said, whole, again=again)
            elif isinstance(said, types.Arguments):
                if not said.text:
                    taken[-1].set_object(said.data)
                    if said.data and not is_object(taken[-1].text):
                        taken[-1].replace("")
                    yield from [said] if new else []
                yield from self._late(taken[-1], taken[-1].complete(said.text))
            elif isinstance(said, types.Signature):
                taken[-1].signature = taken[-1].signature or said.signature
        self._settle_calls()

    def _become(
        self,
        part: Part,
        said: types.TextDone | types.ToolCallDelta | types.OtherPart,
        whole: types.PartDone,
        *,
        again: bool,
    ) -> Iterator[types.Event]:
        """Let a part be what is said of it, and whole; give what of that is new."""
        data = whole.data
        match said:
            case types.TextDone(text=text):
                if part.kind == "text" and not part.text.lstrip().startswith("<think>"):
                    thought, text = without_thought(text)
                    yield from self._think(thought)
                yield from self._late(part, part.complete(text))
                if part.kind == "text" and not part.citations:
                    cited = [e for e in whole.said if isinstance(e, types.Citation)]
                    for each in cited:
                        part.cite(each.data)
                    yield from cited
                data = data if text or not part.text else {}
            case types.ToolCallDelta(id=id_, name=name):
                if not part.name:
                    yield said
                part.id, part.name = part.id or id_, part.name or name
            case _:
                if not part.type:
                    yield said
                part.kind, part.type, data = "other", said.type, said.data
        if not (again and part.done and part.data):
            part.data = data or part.data
        self._numbered.close(part)

    def _think(self, thought: str) -> list[types.Event]:
        """Let this be the thought with which a text began; see ``Thought``."""
        own = (p for p in self._numbered.here() if p.kind == "reasoning")
        part = next((each for each in own if each.index is None), None)
        if thought and part is None:
            part = self._numbered.new("reasoning", None)
        return self._late(part, part.complete(thought)) if part is not None else []

    def _settle_calls(self) -> None:
        """Give the provider the calls that it ran itself: it went on without a result.

        That is text, or a call of the caller's, under a later number. xAI's searches
        are such calls. What the request offered is never taken from the caller.
        """
        if self.offered is None:
            return
        here = [part for part in self._numbered.here() if part.index is not None]
        goes_on = [p.index or 0 for p in here if p.kind == "text" and p.text.strip()]
        calls = [part for part in here if part.kind == "tool_call" and part.name]
        run = {p.data.get("call_id") for p in here if p.type.endswith("_call_output")}
        own = {part for part in calls if _is_own(part, self.offered)}
        last = max([*goes_on, *(part.index or 0 for part in own)], default=0)
        for part in calls:
            went_on = part not in own and (part.index or 0) < last
            if went_on or part.id in run:
                part.kind, part.type = "other", str(part.data.get("type") or "call")

    def add_result(self, event: types.ToolResult) -> None:
        """Note how a call stands that the caller runs."""
        self.runs[event.call] = event

    def end_runs(self) -> None:
        """Say of what is still being run that it was stopped."""
        for call, run in self.runs.items():
            if not run.ended:
                self.runs[call] = types.ToolResult(call=call, state="stopped")

    def next_hop(self, *, void: bool = False) -> None:
        """Begin a new exchange: numbers start again, and nothing of it has ended.

        ``void``: the server begins this one anew, so what came of it is dropped.
        """
        if void:
            self.parts[:] = [part for part in self.parts if part.hop != self.hop]
        self._numbered.next_hop()
        self.finish, self._at_end = None, None

    def __iter__(self) -> Iterator[Part]:
        return iter(self.parts)
