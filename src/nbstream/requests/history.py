"""What of an answer goes back to the model in the next request, and is valid there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbstream.errors import UsageError
from nbstream.reply import Reply, ToolCall
from nbstream.reply.reply import answerable
from nbstream.requests.request import Provider, messages_of

STOPPED = "[The answer was stopped here.]"
CUT = "[The answer broke off here.]"
NO_ANSWER = "[There was no answer.]"
LEFT_OUT = "[A tool call was cut off here and left out.]"
NOT_RUN = "This call was not run."
#: What a call's result is where the function had not ended.
UNENDED = "The call was stopped before it ended; there is no result."


def as_messages(reply: Reply, own: Provider) -> list[Any]:
    """Return one answer and its calls' results as messages of the provider's API.

    Partial text is kept, and says that it is partial. Every call that is sent back is
    followed by a result, also one that was never run, because the APIs refuse a
    history in which a call is left open. Empty if nothing came.
    """
    if not reply.api or not reply.parts:
        return []
    whole = answerable(reply)
    found = messages_of((whole.to_message(_note(reply)),))
    if all(map(_is_empty, found)):
        found = messages_of((whole.to_message(NO_ANSWER),))
    return [*found, *_results(whole, own)]


def _note(reply: Reply) -> str:
    gap = "\n\n" if reply.text else ""
    if reply.outcome == "stopped" and not reply.whole:
        return gap + STOPPED
    if reply.outcome in {"truncated", "failed"}:
        return gap + CUT
    if any(call.state == "unfinished" for call in reply.tool_calls):
        return gap + LEFT_OUT
    return ""


def _results(reply: Reply, own: Provider) -> Iterator[Any]:
    for call in reply.tool_calls:
        if call.state == "valid":
            result, is_error = _result(call)
            yield own.tool_result_message(call.id, call.name, result, is_error)


def _result(call: ToolCall) -> tuple[str, bool]:
    run = call.run
    if run is None:
        return NOT_RUN, True
    if run.state == "stopped":
        return run.result or UNENDED, True
    return run.result, run.state != "done"


def _is_empty(message: Any) -> bool:
    """Tell whether a message holds nothing, which the APIs refuse."""
    if not isinstance(message, dict):
        raise UsageError(f"{message!r} is no message: expected a dict")
    content = message.get("content", message.get("parts"))
    has_more = any(message.get(name) for name in ("tool_calls", "function_call"))
    return "type" not in message and not content and not has_more
