"""A reply as the input items that the Responses API takes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbstream.reply import Part, Reply, ToolCall

__all__ = ["to_message"]

#: Fields that the API gives out and does not take in.
_OUTPUT_ONLY = frozenset({"created_by"})
#: The input types let these be null; a null elsewhere is refused
#: (``Unknown parameter: 'input[0].status'``), and says nothing.
_NULLABLE = frozenset({"result", "code", "outputs"})


def to_message(reply: Reply) -> list[dict[str, Any]]:
    """Return the items to put into the next request's ``input``.

    Whole items go back as they came, less what the input types refuse. Text that was
    cut goes back as a plain message. What cannot be used is left out: calls that are
    invalid or unfinished, server tools that did not end, and reasoning that no whole
    item follows, which the API refuses.
    """
    found: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    for item in _items(reply):
        if item.get("type") == "reasoning":
            waiting.append(item)
            continue
        if "id" in item or "call_id" in item:
            found.extend(waiting)
        waiting.clear()
        found.append(item)
    return found


def _items(reply: Reply) -> Iterator[dict[str, Any]]:
    calls = iter(reply.tool_calls)
    seen: set[tuple[int, int | None]] = set()
    for part in reply.parts:
        if part.kind == "tool_call" and (call := next(calls)).state != "valid":
            continue
        if part.done and part.data:
            at = (part.hop, part.index)
            if at not in seen:  # text and refusal of one message share its item
                yield _input(part.data)
            seen.add(at)
        elif part.kind == "tool_call":
            yield _call(call)
        elif part.kind in ("text", "refusal") and part.text:
            yield _message(part)


def _input(item: Any) -> dict[str, Any]:
    kept = {
        key: value
        for key, value in item.items()
        if key not in _OUTPUT_ONLY and (value is not None or key in _NULLABLE)
    }
    if kept.get("type") == "custom_tool_call_output":
        kept.pop("status", None)
    return kept


def _call(call: ToolCall) -> dict[str, Any]:
    return {
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def _message(part: Part) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": part.text}
