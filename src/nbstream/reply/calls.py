"""The tool calls of one answer, from their fragments to how each one stands."""

from nbstream.reply.numbered import Numbered
from nbstream.reply.parts import CallState, Part, ToolCall, parse_arguments
from nbstream.types import ArgumentDelta, Arguments, ToolCallDelta, ToolResult

__all__ = ["add_argument", "add_arguments", "add_call", "call_of"]

# -- what comes --------------------------------------------------------------


def add_call(to: Numbered, delta: ToolCallDelta) -> None:
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


def _is_another(part: Part, delta: ToolCallDelta) -> bool:
    if not delta.name or not part.name:
        return False
    if delta.id and part.id:
        return delta.id != part.id
    return delta.index is None and not delta.id


def add_argument(to: Numbered, delta: ArgumentDelta) -> None:
    """Add to one argument of the newest call."""
    part = _newest_call(to) or to.new("tool_call", None)
    part.push_argument(delta)


def add_arguments(to: Numbered, event: Arguments) -> None:
    """Keep a call's arguments as an object."""
    part = to.find(event.index, "tool_call") or _newest_call(to)
    if part is not None:
        part.set_object(event.data)


def _newest_call(among: Numbered) -> Part | None:
    newest = among.at(None)
    return next((part for part in newest if part.kind == "tool_call"), None)


# -- how each stands ---------------------------------------------------------


def call_of(
    part: Part, run: ToolResult | None, *, running: bool, ended: bool, at_limit: bool
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
