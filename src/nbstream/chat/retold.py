"""What a model said, as a reply again: to be shown like one that has just come."""

from __future__ import annotations

from collections.abc import Iterable

from nbstream.chat.said import Said
from nbstream.reply import Reply
from nbstream.types import (
    End,
    Finish,
    Round,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    ToolState,
)

__all__ = ["retold"]

_END = (Finish(reason="stop", raw_reason=""), End())


def retold(api: str, said: Iterable[Said]) -> Reply:
    """Return a complete reply that says what was said, calls and results included."""
    reply = Reply(api)
    told = False
    for each in said:
        if each.who == "tool":
            told = True
            _add_result(reply, each)
            continue
        if told:
            reply.extend([*_END, Round()])
            told = False
        if each.text:
            reply.apply(TextDelta(text=each.text, index=0))
        for call in each.calls:
            index = 1 + len(reply.tool_calls)
            reply.apply(
                ToolCallDelta(
                    index=index, id=call.id, name=call.name, arguments=call.arguments
                )
            )
    reply.extend(_END)
    reply.end()
    return reply


def _add_result(reply: Reply, said: Said) -> None:
    """Add a result to its call: by its id, by its name, or by its turn."""
    id_, name = said.call
    calls = [(at, each) for at, each in enumerate(reply.tool_calls) if not each.run]
    fits = [at for at, each in calls if id_ and each.id == id_]
    fits += [at for at, each in calls if name and each.name == name]
    fits += [at for at, _ in calls]
    if fits:
        state: ToolState = "failed" if said.is_error else "done"
        reply.apply(ToolResult(call=fits[0], state=state, result=said.text))
