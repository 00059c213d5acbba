"""Turn a reply into the ``Content`` that Gemini's generate_content takes back."""

from typing import Any

from nbstream.reply import Part, Reply, ToolCall

__all__ = ["to_message"]


def to_message(reply: Reply) -> dict[str, Any]:
    """Return the model's ``Content``, each signature in the part it came in.

    Calls that are not valid are left out.
    """
    calls = iter(reply.tool_calls)
    parts = []
    for part in reply.parts:
        held = _to_part(part, next(calls) if part.kind == "tool_call" else None)
        if held is not None:
            signed = {"thoughtSignature": part.signature} if part.signature else {}
            parts.append({**held, **signed})
    return {"role": "model", "parts": parts}


def _to_part(part: Part, call: ToolCall | None) -> dict[str, Any] | None:
    if call is not None:
        with_id = {"id": call.id} if call.id else {}
        made = {"name": call.name, "args": call.parsed, **with_id}
        return {"functionCall": made} if call.state == "valid" else None
    match part.kind:
        case "text" if part.text or part.signature:
            return {"text": part.text}
        case "reasoning":
            return {"text": part.text, "thought": True}
        case "other":
            return dict(part.data)
        case _:
            return None
