"""Turn a reply into the message that Anthropic takes back."""

from typing import Any

from nbstream.reply import Part, Reply, ToolCall
from nbstream.reply.parts import parse_arguments

__all__ = ["to_message"]


def to_message(reply: Reply) -> dict[str, Any]:
    """Return the assistant message.

    What the API would refuse is left out: blank text, thinking without its
    signature, calls that are not valid, and, in a reply cut short, calls of a server
    tool whose result never came.
    """
    calls = iter(reply.tool_calls)
    answered = {str(part.data.get("tool_use_id")) for part in reply.parts}
    blocks: dict[object, dict[str, Any]] = {}
    for part in reply.parts:
        call = next(calls) if part.kind == "tool_call" else None
        block = _to_block(part, call)
        cut = reply.outcome != "complete" and part.type.endswith("_tool_use")
        if block is not None and not (cut and str(block.get("id")) not in answered):
            # A compaction comes as two parts of one block, nothing else does.
            same = (part.hop, part.index) if part.type == "compaction" else part
            blocks.setdefault(same, {}).update(block)
    return {"role": "assistant", "content": list(blocks.values())}


def _to_block(part: Part, call: ToolCall | None) -> dict[str, Any] | None:
    if call is not None:
        own = {"type": "tool_use", "id": call.id, "name": call.name}
        valid = call.state == "valid"
        return {**part.data, **own, "input": call.parsed} if valid else None
    match part.kind:
        case "text" if part.text.strip():
            cited = {"citations": list(part.citations)} if part.citations else {}
            return {"type": "text", "text": part.text, **cited}
        case "reasoning" if part.signature:
            sign = part.signature
            return {"type": "thinking", "thinking": part.text, "signature": sign}
        case "other" if not part.arguments:
            return dict(part.data)
        case "other":
            parsed, _ = parse_arguments(part.arguments)
            return None if parsed is None else {**part.data, "input": parsed}
        case _:
            return None
