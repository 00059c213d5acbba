"""A reply as the assistant message that the Chat Completions API takes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbstream.reply import Part, Reply

__all__ = ["to_message"]

#: DeepSeek wants the ``reasoning_content`` of a turn with tool calls back
#: (https://api-docs.deepseek.com/guides/thinking_mode), and Kimi's API is made alike.
#: OpenAI's own API does not know the field, so it goes only to who asks for it.
_WANT_REASONING = ("deepseek", "kimi")


def to_message(reply: Reply) -> dict[str, Any]:
    """Return the assistant message of the first choice.

    Calls that are invalid or unfinished are left out, and the text is kept: every
    call in the message must be answered, and half a call cannot be.
    """
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    message.update(_calls(reply))
    if reply.refusal:
        message["refusal"] = reply.refusal
    if not reply.text and len(message) > 2:
        message["content"] = None
    if details := list(_details(reply)):
        message["reasoning_details"] = details
    elif "tool_calls" in message and _wants_reasoning(reply.model):
        message["reasoning_content"] = reply.reasoning
    return message


def _wants_reasoning(model: str) -> bool:
    return any(name in model.lower() for name in _WANT_REASONING)


def _calls(reply: Reply) -> dict[str, Any]:
    parts = [part for part in reply.parts if part.kind == "tool_call"]
    valid = [
        part
        for part, call in zip(parts, reply.tool_calls, strict=True)
        if call.state == "valid"
        or (part.data.get("type") == "custom" and reply.finish_reason == "tool_calls")
    ]
    if len(valid) == 1 and valid[0].index is None and not valid[0].id:
        return {"function_call": _function(valid[0])}  # the API before tools
    return {"tool_calls": [_call(part) for part in valid]} if valid else {}


def _function(part: Part) -> dict[str, str]:
    return {"name": part.name, "arguments": part.arguments}


def _call(part: Part) -> dict[str, Any]:
    if part.data.get("type") == "custom":
        custom = {"name": part.name, "input": part.arguments}
        return {"id": part.id, "type": "custom", "custom": custom}
    call = {"id": part.id, "type": "function", "function": _function(part)}
    if part.signature:
        call["extra_content"] = {"google": {"thought_signature": part.signature}}
    return call


def _details(reply: Reply) -> Iterator[dict[str, Any]]:
    """Give OpenRouter its ``reasoning_details`` back, as far as they prove anything."""
    for part in reply.parts:
        if part.kind == "reasoning" and part.data:
            yield {**part.data, "text": part.text}
        elif part.kind == "other" and part.type.startswith("reasoning"):
            yield dict(part.data)
