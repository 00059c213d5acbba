"""The parts of one answer, found again: by number, by id, or by what they say."""

from collections.abc import Callable, Collection, Sequence

from nbstream import types
from nbstream.reply.parts import (
    CallState,
    Part,
    PartKind,
    ToolCall,
    parse_arguments,
    says_nothing,
)

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

    def called(self, delta: types.ToolCallDelta) -> Part | None:
        """Return the call with the id and the number of a fragment, or None."""
        calls = (p for p in self.here() if p.kind == "tool_call" and not p.done)
        same = (p for p in calls if (p.id, p.index) == (delta.id, delta.index))
        return next(same, None)

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


def grown(data: types.Json, more: types.Json) -> types.Json:
    """Return a form with what is said more of it: lists grow, the rest is set."""
    found = dict(data)
    for name, value in more.items():
        known = found.get(name)
        if isinstance(known, list) and isinstance(value, list):
            found[name] = known + value
        else:
            found[name] = value
    return found


# -- What an API says of a part again, when it is whole or when the answer ends.


def repeats(said: types.Event, part: Part, index: int | None) -> bool:
    """Tell whether what a whole item says is of this part: by id, or by number."""
    unnamed = part.kind == "tool_call" and not part.id and not part.name
    match said:
        case types.TextDone(kind=kind):
            return part.kind == kind and (index is None or part.index in (index, None))
        case types.ToolCallDelta(id=id_) if id_ and part.id:
            return part.id == id_
        case types.ToolCallDelta(name=name):
            named = part.kind == "tool_call" and part.name in ("", name)
            return named and part.index == index
        case types.OtherPart(type=type_):
            other = part.kind == "other" and part.type == type_ and not part.id
            return (other or unnamed) and part.index == index
        case _:
            return False


def _has_id(part: Part, whole: types.PartDone) -> bool:
    if part.id:
        return any(getattr(said, "id", "") == part.id for said in whole.said)
    return bool(part.data.get("id")) and part.data["id"] == whole.data.get("id")


def _has_words(part: Part, whole: types.PartDone) -> bool:
    if part.kind == "other":
        return part.data == whole.data
    words = [getattr(said, "text", "") for said in whole.said]
    return bool(part.text) and part.text in words


#: How an item of the whole answer is known to be a part that came, surest first.
_TESTS: Sequence[Callable[[Part, types.PartDone], bool]] = (
    _has_id,
    _has_words,
    lambda part, whole: part.index == whole.index,
    lambda _part, _whole: True,
)


def matched(parts: Sequence[Part], output: Sequence[types.PartDone]) -> dict[int, Part]:
    """Return which part each item of the whole answer is, by the item's place."""
    free, found = list(parts), dict[int, Part]()
    for test in _TESTS:
        for at, whole in enumerate(output):
            if at in found:
                continue
            fits = (p for p in free if test(p, whole) and _is_of(p, whole))
            part = next(fits, None)
            if part is not None:
                found[at] = part
                gone = [p for p in free if p.index == part.index and _is_of(p, whole)]
                free = [each for each in free if each not in gone]
    return found


def _is_of(part: Part, whole: types.PartDone) -> bool:
    return any(repeats(said, part, part.index) for said in whole.said)


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
    if delta.id and (part is None or part.id not in ("", delta.id)):
        part = to.called(delta) or part
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
    if delta.arguments.startswith("{") and _is_anew(part, delta.arguments):
        part.replace("")
    part.push(delta.arguments)


def _is_anew(part: Part, arguments: str) -> bool:
    """Tell whether they are all from the beginning; LiteLLM's first word is ``{}``."""
    so_far = part.text if part.kind == "tool_call" else ""
    return bool(so_far) and (so_far == "{}" or arguments.startswith(so_far))


def _is_another(part: Part, delta: types.ToolCallDelta) -> bool:
    """Tell whether a fragment begins another call than the one with its number."""
    if delta.name and part.name:
        new_id = delta.id and part.id and delta.id != part.id
        if delta.name != part.name or new_id:
            return True
        if not delta.arguments:  # what may follow are those of another
            part.done = part.done or is_object(part.text)
    anew = delta.arguments.lstrip().startswith("{")
    named = delta.name or (delta.id and delta.id != part.id) or part.done
    return bool(anew and named and not part.data) and is_object(part.text)


def _is_said_again(part: Part, delta: types.ToolCallDelta) -> bool:
    same_id = delta.id != "" and delta.id == part.id
    return same_id and delta.arguments == part.text and is_object(part.text)


def is_object(arguments: str) -> bool:
    """Tell whether that is a whole JSON object."""
    return parse_arguments(arguments)[0] is not None


def _add_whole(to: Numbered, delta: types.ToolCallDelta) -> None:
    """Complete a call, found by its id or else by its place; or begin one."""
    calls = [each for each in to.parts if each.kind == "tool_call"]
    calls = [each for each in calls if each.hop == to.hop]
    at = delta.index or 0
    same = [each for each in calls[at : at + 1] if each.name == delta.name]
    same = [each for each in same if not delta.id or each.id in ("", delta.id)]
    same = same or [each for each in calls if _is_said_again(each, delta)]
    part = same[0] if same else to.new("tool_call", delta.index)
    part.id, part.name = part.id or delta.id, part.name or delta.name
    if delta.arguments and not is_object(part.text):
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
