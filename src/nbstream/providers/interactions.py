"""Gemini Interactions: the events of a stream, and the steps that go back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbstream import types
from nbstream._failures import redacted_failure
from nbstream.providers.payloads import (
    Fields,
    fields,
    finish,
    get,
    items,
    number,
    reason_of,
    record,
    text,
    total,
)
from nbstream.reply import Part, Reply, ToolCall
from nbstream.reply.items import grown
from nbstream.reply.parts import whole_form
from nbstream.reply.reply import parts_and_calls

API = "google.interactions"

#: Content of a model's output that is not text.
_MEDIA = frozenset({"audio", "document", "image", "video"})
_REASONS: Mapping[str, types.FinishReason] = {"requires_action": "tool_calls"}
#: The type of the SDK's objects for what it does not know; what came is in ``raw``.
_UNKNOWN = "UNKNOWN"
_NO_JSON = "an event is not JSON: "


def matches(payload: object) -> bool:
    """Tell whether this is an event of an Interactions stream."""
    return isinstance(get(payload, "event_type"), str)


def normalize(payload: object) -> Sequence[types.Event]:
    """Turn one event into ours. The SDK hands over broken JSON as a plain string."""
    if isinstance(payload, str):
        return (redacted_failure("protocol_error", f"{_NO_JSON}{payload[:80]!r}"),)
    event = fields(payload)
    match event.get("event_type"):
        case "step.delta":
            so_far = get(event.get("metadata"), "total_usage")
            found = _delta(number(event.get("index")), event.get("delta"))
            return found if so_far is None else (*found, *_usage(so_far))
        case "step.start":
            return _step(number(event.get("index")), event.get("step"))
        case "step.stop":
            done = types.PartDone(index=number(event.get("index")), data={})
            return (done, *_usage(event.get("usage")))
        case "interaction.created":
            interaction = fields(event.get("interaction"))
            return (_start(interaction), *_usage(interaction.get("usage")))
        case "interaction.completed":
            interaction = fields(event.get("interaction"))
            output = _output(items(interaction.get("steps")))
            return (*output, *_usage(interaction.get("usage")), *_end(interaction))
        case "error":
            return (_failure(event.get("error"), "error"),)
        case "UNKNOWN" if _is_known(event.get("raw"), "event_type"):
            return normalize(event["raw"])
        case kind:
            return (types.Ignored(type=str(kind)), *_usage(event.get("usage")))


def _is_known(raw: object, name: str) -> bool:
    """Tell whether what the SDK does not know says what it is."""
    return get(raw, name) not in (None, _UNKNOWN)


def _start(interaction: Fields) -> types.Start:
    made_by = text(interaction.get("model")) or text(interaction.get("agent"))
    return types.Start(id=text(interaction.get("id")), model=made_by)


def _end(interaction: Fields) -> Sequence[types.Event]:
    status = text(interaction.get("status"))
    if status == "requires_continuation":
        return (types.Hop(),)
    if status == "failed":
        return (_failure(interaction.get("error"), "failed"), types.End())
    return (*finish(status, reason_of(status, _REASONS)), types.End())


def _output(steps: Sequence[object]) -> Sequence[types.Event]:
    """Say what the steps say that are repeated at the end, where they are."""
    parts = (
        types.PartDone(index=at, data={}, said=tuple(_said(_step(at, step))))
        for at, step in enumerate(steps)
    )
    said = tuple(part for part in parts if part.said)
    return (types.Output(parts=said),) if said else ()


def _said(opening: Sequence[types.Event]) -> Iterator[types.Event]:
    """Turn what a step opens with into what it says as a whole: each text is one."""
    texts: dict[types.TextKind, types.TextDone] = {}
    for each in opening:
        if isinstance(each, types.TextDelta):
            before = texts[each.kind].text if each.kind in texts else ""
            texts[each.kind] = types.TextDone(
                text=before + each.text, index=each.index, kind=each.kind
            )
    yield from texts.values()
    shown = (types.TextDelta, types.Failure, types.Ignored)
    yield from (each for each in opening if not isinstance(each, shown))


def _failure(error: object, type_: str) -> types.Failure:
    message = text(get(error, "message")) or "the provider gave no reason"
    return redacted_failure(str(get(error, "code") or type_), message)


def _delta(index: int | None, raw: object) -> Sequence[types.Event]:
    delta = fields(raw)
    match delta.get("type"):
        case "text":
            return (types.TextDelta(text=text(delta.get("text")), index=index),)
        case "arguments_delta":
            more = text(delta.get("arguments"))
            return (types.ToolCallDelta(index=index, arguments=more),) if more else ()
        case "thought_summary":
            return _summary(index, delta.get("content"))
        case "thought_signature":
            return _sign(index, delta)
        case "text_annotation_delta":
            return _cite(index, delta)
        case "UNKNOWN" if _is_known(delta.get("raw"), "type"):
            return _delta(index, delta["raw"])
        case str(kind) if kind in _MEDIA or kind.endswith(("_call", "_result")):
            goes_on = kind not in _MEDIA
            data = record(raw)
            return (
                types.OtherPart(type=kind, data=data, index=index, goes_on=goes_on),
            )
        case kind:
            return (types.Ignored(type=f"step.delta.{kind}"),)


def _step(index: int | None, raw: object) -> Sequence[types.Event]:
    """Open a step. A thought is opened even when empty: its signature may come."""
    step = fields(raw)
    match step.get("type"):
        case "model_output":
            content = items(step.get("content"))
            error = step.get("error")
            failed = [] if error is None else [_failure(error, "error")]
            return [*(e for one in content for e in _content(index, one)), *failed]
        case "thought":
            opened = types.TextDelta(text="", index=index, kind="reasoning")
            parts = items(step.get("summary"))
            summary = [event for part in parts for event in _summary(index, part)]
            return [opened, *summary, *_sign(index, step)]
        case "function_call":
            id_, name = text(step.get("id")), text(step.get("name"))
            given = record(step.get("arguments"))
            call = types.ToolCallDelta(index=index, id=id_, name=name)
            return [call, types.Arguments(index=index, data=given)]
        case "UNKNOWN" if _is_known(step.get("raw"), "type"):
            return _step(index, step["raw"])
        case str(kind) if kind not in {"user_input", _UNKNOWN}:
            return [types.OtherPart(type=kind, data=record(raw), index=index)]
        case kind:
            return [types.Ignored(type=f"step.start.{kind}")]


def _content(index: int | None, raw: object) -> Sequence[types.Event]:
    content = fields(raw)
    if content.get("type") != "text":
        kind = str(content.get("type"))
        return [types.OtherPart(type=kind, data=record(raw), index=index)]
    opened = types.TextDelta(text=text(content.get("text")), index=index)
    return [opened, *_cite(index, content)]


def _summary(index: int | None, raw: object) -> Sequence[types.Event]:
    content = fields(raw)
    if content.get("type") != "text":
        return (types.OtherPart(type="thought_summary", data=record(raw), index=index),)
    more = text(content.get("text"))
    return (types.TextDelta(text=more, index=index, kind="reasoning"),)


def _sign(index: int | None, thought: Fields) -> Sequence[types.Event]:
    signature = text(thought.get("signature"))
    return (types.Signature(signature=signature, index=index),) if signature else ()


def _cite(index: int | None, content: Fields) -> Sequence[types.Event]:
    notes = items(content.get("annotations"))
    return [types.Citation(data=record(note), index=index) for note in notes]


def _usage(raw: object) -> Sequence[types.Event]:
    if raw is None:
        return ()
    counts = fields(raw)
    thoughts = number(counts.get("total_thought_tokens"))
    return (
        types.Usage(
            input_tokens=number(counts.get("total_input_tokens")),
            output_tokens=total(number(counts.get("total_output_tokens")), thoughts),
            total_tokens=number(counts.get("total_tokens")),
            reasoning_tokens=thoughts,
            cached_tokens=number(counts.get("total_cached_tokens")),
            data=record(raw),
        ),
    )


def to_message(reply: Reply) -> list[dict[str, Any]]:
    """Return the steps, for the ``input`` of the next request.

    Left out is what is not whole: calls that are not valid, thoughts without their
    signature, and, in a reply cut short, calls of a server tool without a result.
    """
    steps: dict[object, dict[str, Any]] = {}
    for part, call in parts_and_calls(reply):
        if (step := _to_step(part, call)) is not None:
            key = (part.hop, part.index, str(step.get("type")))
            steps[key] = dict(grown(steps.get(key, {}), step))
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
        case "other" if part.type in _MEDIA:
            return {"type": "model_output", "content": [part.data]}
        case "other":
            return whole_form(part, "arguments")
        case _:
            return None


def _is_whole(step: Mapping[str, Any]) -> bool:
    return step.get("type") != "thought" or bool(step.get("signature"))


def _is_served(step: Mapping[str, Any]) -> bool:
    kind = str(step.get("type"))
    return kind.endswith("_call") and kind != "function_call"
