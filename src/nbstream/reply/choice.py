"""One answer of a stream, put together from its parts."""

from collections.abc import Iterator

from nbstream import types
from nbstream.reply.parts import (
    CallState,
    Part,
    PartKind,
    ToolCall,
    parse_arguments,
    says_nothing,
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
        found = (self._by_index.get((self.hop, index, kind)) for kind in _KINDS)
        return [part for part in found if part is not None]

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
    number used again is another call where that can be seen: some servers number
    every parallel call 0, and give all of them one id or none.
    """
    if delta.whole:
        _add_whole(to, delta)
        return
    part = to.find(delta.index, "tool_call")
    if part is None and not delta.name:
        part = to.find(delta.index, "other")
    name = delta.name
    if part is not None and _is_said_again(part, delta):
        return
    if part is None or (part.kind == "tool_call" and _is_another(part, delta)):
        name = name or (part.name if part is not None else "")
        part = to.new("tool_call", delta.index)
    part.id = part.id or delta.id
    part.name = part.name or name
    part.push(delta.arguments)


def _is_another(part: Part, delta: types.ToolCallDelta) -> bool:
    """Tell whether a fragment begins another call than the one with its number."""
    if delta.name and part.name:
        new_id = delta.id and part.id and delta.id != part.id
        unnumbered = delta.index is None and not delta.id
        if delta.name != part.name or new_id or unnumbered:
            return True
        if not delta.arguments:  # what may follow are those of another
            part.done = part.done or _is_object(part.text)
    anew = delta.arguments.lstrip().startswith("{")
    named = delta.name or (delta.id and delta.id != part.id) or part.done
    return bool(anew and named and not part.data) and _is_object(part.text)


def _is_said_again(part: Part, delta: types.ToolCallDelta) -> bool:
    same_id = delta.id != "" and delta.id == part.id
    return same_id and delta.arguments == part.text and _is_object(part.text)


def _is_object(arguments: str) -> bool:
    return parse_arguments(arguments)[0] is not None


def _add_whole(to: Numbered, delta: types.ToolCallDelta) -> None:
    """Complete a call, found by its id or else by its place; or begin one."""
    calls = [each for each in to.parts if each.kind == "tool_call"]
    calls = [each for each in calls if each.hop == to.hop]
    at = delta.index or 0
    same = [each for each in calls if delta.id and each.id == delta.id] or [
        each
        for each in calls[at : at + 1]
        if each.name == delta.name and not (each.id and delta.id)
    ]
    part = same[0] if same else to.new("tool_call", delta.index)
    part.id, part.name = part.id or delta.id, part.name or delta.name
    if delta.arguments and not _is_object(part.text):
        part.replace(delta.arguments)


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
        at_limit: Whether the answer was cut off, as by the token limit.
    """
    state: CallState = "open"
    parsed, error, arguments = None, "", part.arguments
    cut = not part.done and (not ended or at_limit)
    if says_nothing(arguments) and not at_limit and (part.done or ended):
        arguments = "{}"
    if part.in_leaves and cut and (ended or not running):
        # Leaves always parse: only the API can say that there are no more.
        state, error = "unfinished", "the stream ended before the call did"
    elif part.done or ended or not running:
        parsed, error = parse_arguments(arguments)
        state = "valid" if parsed is not None else _why(part, ended, at_limit)
    return ToolCall(
        id=part.id,
        name=part.name,
        arguments=arguments,
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


def _joined(known: types.Json, more: types.Json) -> types.Json:
    """Return an object with what more is said of it: lists grow, the rest is set."""
    found = dict(known)
    for name, value in more.items():
        was = found.get(name)
        if isinstance(was, list) and isinstance(value, list):
            found[name] = was + value
        else:
            found[name] = value
    return found


class Choice:
    """One of the answers of a stream; nearly always the only one."""

    def __init__(self, index: int) -> None:
        self.index = index
        self._numbered = Numbered(index)
        self.parts = self._numbered.parts
        self.finish: types.Finish | None = None
        self._at_end: tuple[int, ...] | None = None
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
        self._at_end = self._sizes()
        self._ends.add(len(self.parts))

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
        part.push(delta.text)

    def complete_text(self, event: types.TextDone) -> None:
        """Append what has not come of a text that should be whole."""
        part = self._numbered.find(event.index, event.kind)
        sent = part.text if part is not None else ""
        if event.index is None:  # it is all of them
            sent = self.document_of(self.hop, event.kind)
        missing = event.text.removeprefix(sent)
        if missing and event.text.startswith(sent):
            part = part or self._numbered.new(event.kind, event.index)
            part.push(missing)

    def add_call(self, delta: types.ToolCallDelta) -> None:
        """Append to a call, or begin one."""
        add_call(self._numbered, delta)

    def add_argument(self, delta: types.ArgumentDelta) -> None:
        """Add to one argument of the newest call."""
        add_argument(self._numbered, delta)

    def add_arguments(self, event: types.Arguments) -> None:
        """Keep a call's arguments as an object."""
        add_arguments(self._numbered, event)

    def add_other(self, event: types.OtherPart) -> None:
        """Keep a part that only the provider can read, or what more it says of one."""
        is_own = event.index is not None and event.index < 0
        goes_on = event.goes_on or is_own
        part = self._numbered.find(event.index, "other") if goes_on else None
        if part is None or not (is_own or part.type == event.type):
            part = self._numbered.new("other", event.index)
        part.type = event.type
        part.data = _joined(part.data, event.data)

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

    def close_part(self, event: types.PartDone) -> None:
        """Mark a part as whole and keep the provider's own form of it."""
        for part in self._numbered.at(event.index):
            part.done = True
            part.data = event.data or part.data

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
