"""Read Gemini Interactions: the events of a stream."""

from collections.abc import Mapping, Sequence
from typing import Any

from nbstream._failures import said
from nbstream.providers.payloads import count, get, listed, record
from nbstream.providers.payloads import text_field as text
from nbstream.reply import Part, Reply, ToolCall
from nbstream.reply.parts import parse_arguments
from nbstream.types import (
    Arguments,
    Citation,
    End,
    Event,
    Failure,
    Finish,
    FinishReason,
    Hop,
    Ignored,
    OtherPart,
    PartDone,
    Signature,
    Start,
    TextDelta,
    ToolCallDelta,
    Usage,
)

__all__ = [
    "API",
    "MEDIA",
    "matches",
    "normalize",
    "to_message",
]


# -- Turn a reply into the steps that Gemini Interactions takes back.

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


API = "google.interactions"

_REASONS: Mapping[str, FinishReason] = {
    "completed": "stop",
    "requires_action": "tool_calls",
    "incomplete": "length",
    "budget_exceeded": "length",
}
#: The type of the SDK's objects for what it does not know; what came is in ``raw``.
_UNKNOWN = "UNKNOWN"
_NO_JSON = "an event is not JSON: "


def matches(payload: object) -> bool:
    """Tell whether this is an event of an Interactions stream."""
    return isinstance(get(payload, "event_type"), str)


def normalize(payload: object) -> Sequence[Event]:
    """Turn one event into ours. The SDK hands over broken JSON as a plain string."""
    if isinstance(payload, str):
        return (said("protocol_error", f"{_NO_JSON}{payload[:80]!r}"),)
    match get(payload, "event_type"):
        case "step.delta":
            so_far = get(get(payload, "metadata"), "total_usage")
            found = _delta(count(payload, "index"), get(payload, "delta"))
            return found if so_far is None else (*found, *_usage(so_far))
        case "step.start":
            return _step(count(payload, "index"), get(payload, "step"))
        case "step.stop":
            done = PartDone(index=count(payload, "index"), data={})
            return (done, *_usage(get(payload, "usage")))
        case "interaction.created":
            interaction = get(payload, "interaction")
            return (_start(interaction), *_usage(get(interaction, "usage")))
        case "interaction.completed":
            interaction = get(payload, "interaction")
            return (*_usage(get(interaction, "usage")), *_end(interaction))
        case "error":
            return (_failure(get(payload, "error"), "error"),)
        case "UNKNOWN" if _is_said(get(get(payload, "raw"), "event_type")):
            return normalize(get(payload, "raw"))
        case kind:
            return (Ignored(type=str(kind)), *_usage(get(payload, "usage")))


def _is_said(kind: object) -> bool:
    return kind is not None and kind != _UNKNOWN


def _start(interaction: object) -> Start:
    made_by = text(interaction, "model") or text(interaction, "agent")
    return Start(id=text(interaction, "id"), model=made_by)


def _end(interaction: object) -> Sequence[Event]:
    status = text(interaction, "status")
    if status == "requires_continuation":
        return (Hop(),)
    if status == "failed":
        return (_failure(get(interaction, "error"), "failed"), End())
    return (Finish(reason=_REASONS.get(status, "other"), raw_reason=status), End())


def _failure(error: object, type_: str) -> Failure:
    message = text(error, "message") or "the provider gave no reason"
    return said(str(get(error, "code") or type_), message)


def _delta(index: int | None, delta: object) -> Sequence[Event]:
    match get(delta, "type"):
        case "text":
            return (TextDelta(text=text(delta, "text"), index=index),)
        case "arguments_delta":
            more = text(delta, "arguments")
            return (ToolCallDelta(index=index, arguments=more),) if more else ()
        case "thought_summary":
            return _summary(index, get(delta, "content"))
        case "thought_signature":
            return _sign(index, delta)
        case "text_annotation_delta":
            return _cite(index, delta)
        case "UNKNOWN" if _is_said(get(get(delta, "raw"), "type")):
            return _delta(index, get(delta, "raw"))
        case str(kind) if kind in MEDIA or kind.endswith(("_call", "_result")):
            return (OtherPart(type=kind, data=record(delta), index=index),)
        case kind:
            return (Ignored(type=f"step.delta.{kind}"),)


def _step(index: int | None, step: object) -> Sequence[Event]:
    """Open a step. A thought is opened even when empty: its signature may come."""
    match get(step, "type"):
        case "model_output":
            content = listed(step, "content")
            error = get(step, "error")
            failed = [] if error is None else [_failure(error, "error")]
            return [*(e for one in content for e in _content(index, one)), *failed]
        case "thought":
            opened = TextDelta(text="", index=index, kind="reasoning")
            summary = [e for s in listed(step, "summary") for e in _summary(index, s)]
            return [opened, *summary, *_sign(index, step)]
        case "function_call":
            id_, name = text(step, "id"), text(step, "name")
            given = record(get(step, "arguments"))
            call = ToolCallDelta(index=index, id=id_, name=name)
            return [call, Arguments(index=index, data=given)]
        case "UNKNOWN" if _is_said(get(get(step, "raw"), "type")):
            return _step(index, get(step, "raw"))
        case str(kind) if kind not in {"user_input", _UNKNOWN}:
            return [OtherPart(type=kind, data=record(step), index=index)]
        case kind:
            return [Ignored(type=f"step.start.{kind}")]


def _content(index: int | None, content: object) -> Sequence[Event]:
    if get(content, "type") != "text":
        kind = str(get(content, "type"))
        return [OtherPart(type=kind, data=record(content), index=index)]
    said = TextDelta(text=text(content, "text"), index=index)
    return [said, *_cite(index, content)]


def _summary(index: int | None, content: object) -> Sequence[Event]:
    if get(content, "type") != "text":
        data = record(content)
        return (OtherPart(type="thought_summary", data=data, index=index),)
    more = text(content, "text")
    return (TextDelta(text=more, index=index, kind="reasoning"),)


def _sign(index: int | None, signed: object) -> Sequence[Event]:
    signature = text(signed, "signature")
    return (Signature(signature=signature, index=index),) if signature else ()


def _cite(index: int | None, said: object) -> Sequence[Event]:
    notes = listed(said, "annotations")
    return [Citation(data=record(note), index=index) for note in notes]


def _usage(usage: object) -> Sequence[Event]:
    if usage is None:
        return ()
    answer = count(usage, "total_output_tokens")
    thoughts = count(usage, "total_thought_tokens")
    said = answer is not None or thoughts is not None
    return (
        Usage(
            input_tokens=count(usage, "total_input_tokens"),
            output_tokens=(answer or 0) + (thoughts or 0) if said else None,
            total_tokens=count(usage, "total_tokens"),
            reasoning_tokens=thoughts,
            cached_tokens=count(usage, "total_cached_tokens"),
            data=record(usage),
        ),
    )
