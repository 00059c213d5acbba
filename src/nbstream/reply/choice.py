"""One answer of a stream, put together from its parts."""

from collections.abc import Collection, Iterator

from nbstream import types
from nbstream.reply.parts import (
    CallState,
    Part,
    PartKind,
    ToolCall,
    grown,
    matched,
    parse_arguments,
    repeats,
)

# -- The parts of one answer, found again by the wire's numbers.

_KINDS: tuple[PartKind, ...] = ("text", "reasoning", "refusal", "tool_call", "other")


class Numbered:
    """Parts keyed by the wire's own number, never by their place in a list.

    Two calls may grow at once, and numbers may start anywhere.

    Attributes:
        parts: All of them, in the order in which they began.
        hop: Which exchange of the stream it is; in each one numbers start again.
    """

    def __init__(self, choice: int) -> None:
        self.parts: list[Part] = []
        self.hop = 0
        self._choice = choice
        self._by_index: dict[tuple[int, int, PartKind], Part] = {}
        self._closed: dict[tuple[int, int, PartKind], Part] = {}

    def find(self, index: int | None, kind: PartKind) -> Part | None:
        """Return the part of a kind that goes on; without a number, the newest one."""
        if index is not None:
            return self._by_index.get((self.hop, index, kind))
        if not self.parts:
            return None
        newest = self.parts[-1]
        return newest if newest.kind == kind and not newest.done else None

    def at(self, index: int | None) -> list[Part]:
        """Return the parts with a number, of any kind; without one, the newest part."""
        if index is None:
            return self.parts[-1:]
        keys = [(self.hop, index, kind) for kind in _KINDS]
        found = (self._by_index.get(key) or self._closed.get(key) for key in keys)
        return [part for part in found if part is not None]

    def here(self) -> list[Part]:
        """Return the parts of this exchange."""
        return [part for part in self.parts if part.hop == self.hop]

    def same(
        self, said: types.Event, index: int | None, but: Collection[Part] = ()
    ) -> Part | None:
        """Return the part of which an event says something again, or None.

        That is the newest one, but of those that only the provider can read the next.
        """
        here = self.here()
        for part in here if isinstance(said, types.OtherPart) else reversed(here):
            if part not in but and repeats(said, part, index):
                part.index = index if part.index is None else part.index
                return part
        return None

    def close(self, part: Part) -> None:
        """Say that it is whole: what comes under its number is another text."""
        part.done = True
        if part.index is not None and part.kind != "tool_call":
            key = (part.hop, part.index, part.kind)
            self._closed[key] = self._by_index.pop(key, part)

    def new(self, kind: PartKind, index: int | None) -> Part:
        """Begin a part."""
        part = Part(kind, index, self._choice, self.hop)
        self.parts.append(part)
        if index is not None:
            self._by_index[self.hop, index, kind] = part
        return part

    def next_hop(self) -> None:
        """Begin a new exchange: numbers start again."""
        self.hop += 1
        if self.parts:
            self.parts[-1].done = True


# -- The tool calls of one answer, from their fragments to how each one stands.

# -- what comes --------------------------------------------------------------


def add_call(to: Numbered, delta: types.ToolCallDelta) -> None:
    """Append to a call, or begin one.

    A fragment with no number and no id belongs to the newest call (Mistral). A
    number used again under another id and a name is another call: some servers
    number every parallel call 0.
    """
    part = to.find(delta.index, "tool_call")
    if part is None and not delta.name:
        part = to.find(delta.index, "other")
    if part is None or _is_another(part, delta):
        part = to.new("tool_call", delta.index)
    part.id = part.id or delta.id
    part.name = part.name or delta.name
    part.push(delta.arguments)


def _is_another(part: Part, delta: types.ToolCallDelta) -> bool:
    if not delta.name or not part.name:
        return False
    if delta.id and part.id:
        return delta.id != part.id
    return delta.index is None and not delta.id


def add_argument(to: Numbered, delta: types.ArgumentDelta) -> None:
    """Add to one argument of the newest call."""
    part = _newest_call(to) or to.new("tool_call", None)
    part.push_argument(delta)


def add_arguments(to: Numbered, event: types.Arguments) -> None:
    """Keep a call's arguments as an object."""
    part = to.find(event.index, "tool_call") or _newest_call(to)
    if part is not None:
        part.set_object(event.data)


def _newest_call(among: Numbered) -> Part | None:
    newest = among.at(None)
    return next((part for part in newest if part.kind == "tool_call"), None)


# -- how each stands ---------------------------------------------------------


def call_of(
    part: Part,
    run: types.ToolResult | None,
    *,
    running: bool,
    ended: bool,
    at_limit: bool,
) -> ToolCall:
    """Return a call as it stands.

    Args:
        part: What has come of it.
        run: What came of running it, if it was run.
        running: Whether more may come.
        ended: Whether the API said that the answer is whole.
        at_limit: Whether the token limit cut the answer off.
    """
    state: CallState = "open"
    parsed, error = None, ""
    cut = not part.done and (not ended or at_limit)
    if part.in_leaves and cut and (ended or not running):
        # Leaves always parse: only the API can say that there are no more.
        state, error = "unfinished", "the stream ended before the call did"
    elif part.done or ended or not running:
        parsed, error = parse_arguments(part.arguments)
        state = "valid" if parsed is not None else _why(part, ended, at_limit)
    return ToolCall(
        id=part.id,
        name=part.name,
        arguments=part.arguments,
        parsed=parsed,
        state=state,
        error=error,
        index=part.index,
        run=run,
    )


def _why(part: Part, ended: bool, at_limit: bool) -> CallState:
    # Anthropic closes the block that the token limit cut, so `done` is no proof.
    cut = at_limit or not (part.done or ended)
    return "unfinished" if cut else "invalid"


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
        case types.OtherPart():
            return "other"


class Choice:
    """One of the answers of a stream; nearly always the only one."""

    def __init__(self, index: int) -> None:
        self.index = index
        self._numbered = Numbered(index)
        self.parts = self._numbered.parts
        self.finish: types.Finish | None = None
        self.ended = False
        #: The tools that the caller runs; None: every call is the caller's.
        self.offered: frozenset[str] | None = None
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
    def finish_reason(self) -> types.FinishReason | None:
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
            call_of(
                each,
                self.runs.get(at),
                running=running,
                ended=self.ended,
                at_limit=at_limit,
            )
            for at, each in enumerate(parts)
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
        part = self._numbered.same(event, event.index)
        if not event.text or (part is not None and part.done):
            return []
        part = part or self._numbered.new(event.kind, event.index)
        late = self._late(part, part.complete(event.text, event.section, event.gap))
        self._settle_calls()
        return late

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
        """Keep a part that only the provider can read."""
        known = self._numbered.same(event, event.index) if event.goes_on else None
        part = known or self._numbered.new("other", event.index)
        part.type = event.type
        part.data = grown(part.data, event.data) if known else event.data

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
            if event.data not in part.citations:
                part.citations.append(event.data)

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
                yield from self._late(part, part.complete(text))
                if part.kind == "text" and not part.citations:
                    cited = [e for e in whole.said if isinstance(e, types.Citation)]
                    part.citations.extend(each.data for each in cited)
                    yield from cited
                data = data if text or not part.text else {}
            case types.ToolCallDelta(id=id_, name=name):
                if not part.name:
                    yield said
                part.id, part.name = part.id or id_, part.name or name
            case types.OtherPart(type=type_):
                if not part.type:
                    yield said
                part.kind, part.type, data = "other", type_, said.data
        if not (again and part.done and part.data):
            part.data = data or part.data
        self._numbered.close(part)

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

    def next_hop(self) -> None:
        """Begin a new exchange: numbers start again."""
        self._numbered.next_hop()

    def __iter__(self) -> Iterator[Part]:
        return iter(self.parts)
