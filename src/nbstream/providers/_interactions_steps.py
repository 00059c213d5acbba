"""Turn a reply into the steps that Gemini Interactions takes back."""

from collections.abc import Mapping
from typing import Any

from nbstream.reply import Part, Reply, ToolCall
from nbstream.reply.parts import parse_arguments

__all__ = ["MEDIA", "to_message"]

#: Content of a model's output that is not text.
MEDIA = frozenset({"audio", "document", "image", "video"})


def to_message(reply: Reply) -> list[dict[str, Any]]:
    """Return the steps, for the ``input`` of the next request.

    Left out is what is not whole: calls that are not valid, thoughts without their
    signature, and, in a reply cut short, calls of a server tool without a result.
    """
    calls = iter(reply.tool_calls)
    steps: dict[object, dict[str, Any]] = {}
    for part in reply.parts:
        step = _to_step(part, next(calls) if part.kind == "tool_call" else None)
        if step is not None:
            key = (part.hop, part.index, str(step.get("type")))
            _add(steps.setdefault(key, {}), step)
    kept = [step for step in steps.values() if _is_whole(step)]
    if reply.outcome == "complete":
        return kept
    answered = {str(step.get("call_id")) for step in kept}
    return [s for s in kept if not (_is_served(s) and str(s.get("id")) not in answered)]


def _to_step(part: Part, call: ToolCall | None) -> dict[str, Any] | None:
    if call is not None:
        own = {"type": "function_call", "id": call.id, "name": call.name}
        return {**own, "arguments": call.parsed} if call.state == "valid" else None
    match part.kind:
        case "text" if part.text:
            cited = {"annotations": list(part.citations)} if part.citations else {}
            content = {"type": "text", "text": part.text, **cited}
            return {"type": "model_output", "content": [content]}
        case "reasoning":
            summary = [{"type": "text", "text": part.text}] if part.text else []
            return {"type": "thought", "summary": summary, "signature": part.signature}
        case "other" if part.type == "thought_summary":
            return {"type": "thought", "summary": [part.data]}
        case "other" if part.type in MEDIA:
            return {"type": "model_output", "content": [part.data]}
        case "other" if not part.arguments:
            return dict(part.data)
        case "other":
            parsed, _ = parse_arguments(part.arguments)
            return None if parsed is None else {**part.data, "arguments": parsed}
        case _:
            return None


def _add(step: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add what a later delta says of the same step: lists grow, the rest is set."""
    for name, value in more.items():
        known = step.get(name)
        if isinstance(known, list) and isinstance(value, list):
            value = known + value
        step[name] = value


def _is_whole(step: Mapping[str, Any]) -> bool:
    return step.get("type") != "thought" or bool(step.get("signature"))


def _is_served(step: Mapping[str, Any]) -> bool:
    kind = str(step.get("type"))
    return kind.endswith("_call") and kind != "function_call"
