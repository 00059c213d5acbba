"""Read Anthropic Messages: the events of a stream."""

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
    Finish,
    FinishReason,
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
    "matches",
    "normalize",
    "to_message",
]


# -- Turn a reply into the message that Anthropic takes back.


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


API = "anthropic.messages"

_OWN = {
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
}
#: What ``client.messages.stream()`` adds: each repeats a raw event just yielded.
_DERIVED = {"text", "thinking", "signature", "input_json", "citation", "compaction"}
_REASONS: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause_turn": "pause",
    "compaction": "pause",
}


def matches(payload: object) -> bool:
    """Tell whether this is an event of a Messages stream.

    OpenAI Responses has ``error`` and ``ping`` too, but flat and numbered.
    """
    kind = get(payload, "type")
    if kind == "error":
        return get(get(payload, "error"), "type") is not None and not _numbered(payload)
    own = isinstance(kind, str) and kind in _OWN
    return own or (kind == "ping" and not _numbered(payload))


def _numbered(payload: object) -> bool:
    return get(payload, "sequence_number") is not None


def normalize(payload: object) -> Sequence[Event]:
    """Turn one event of the stream into ours.

    The SDK builds an event of an unknown type as some known class, so only its
    ``type`` counts. The snapshots its helper adds are not read: a tool's input in
    them is parsed leniently, so that a broken one looks whole.
    """
    match get(payload, "type"):
        case "content_block_delta":
            return _delta(count(payload, "index"), get(payload, "delta"))
        case "content_block_start":
            return _block(count(payload, "index"), get(payload, "content_block"))
        case "content_block_stop":
            return (PartDone(index=count(payload, "index"), data={}),)
        case "message_start":
            message = get(payload, "message")
            start = Start(id=text(message, "id"), model=text(message, "model"))
            return (start, *_usage(get(message, "usage")))
        case "message_delta":
            return (*_usage(get(payload, "usage")), *_finish(get(payload, "delta")))
        case "message_stop":
            return (End(),)
        case "error":
            error = get(payload, "error") or payload
            message = text(error, "message")
            return (said(text(error, "type") or "error", message),)
        case str(kind) if kind in _DERIVED:
            return ()
        case kind:
            return (Ignored(type=str(kind)),)


def _delta(index: int | None, delta: object) -> Sequence[Event]:
    match get(delta, "type"):
        case "text_delta":
            return (TextDelta(text=text(delta, "text"), index=index),)
        case "thinking_delta":
            more = text(delta, "thinking")
            return (TextDelta(text=more, index=index, kind="reasoning"),)
        case "input_json_delta":
            # The first fragment is always empty.
            more = text(delta, "partial_json")
            return (ToolCallDelta(index=index, arguments=more),) if more else ()
        case "signature_delta":
            return (Signature(signature=text(delta, "signature"), index=index),)
        case "citations_delta":
            return (Citation(data=record(get(delta, "citation")), index=index),)
        case "compaction_delta":
            data = {**record(delta), "type": "compaction"}
            return (OtherPart(type="compaction", data=data, index=index),)
        case kind:
            return (Ignored(type=f"content_block_delta.{kind}"),)


def _block(index: int | None, block: object) -> Sequence[Event]:
    """Open a part. It is opened even when empty: a signature or a citation may come.

    Some servers, and Anthropic itself for calls made by code, send a block whole.
    """
    match get(block, "type"):
        case "text":
            cited = listed(block, "citations")
            said = TextDelta(text=text(block, "text"), index=index)
            return (said, *(Citation(data=record(one), index=index) for one in cited))
        case "thinking":
            more = text(block, "thinking")
            opened = TextDelta(text=more, index=index, kind="reasoning")
            signed = text(block, "signature")
            return (
                opened,
                *([Signature(signature=signed, index=index)] * bool(signed)),
            )
        case "tool_use":
            return _call(index, block)
        case kind:
            return (OtherPart(type=str(kind), data=record(block), index=index),)


def _call(index: int | None, block: object) -> Sequence[Event]:
    id_, name = text(block, "id"), text(block, "name")
    given = record(get(block, "input"))
    call = ToolCallDelta(index=index, id=id_, name=name)
    events: list[Event] = [call, Arguments(index=index, data=given)]
    if given:
        events.append(PartDone(index=index, data=record(block)))
    return events


def _usage(usage: object) -> Sequence[Event]:
    if usage is None:
        return ()
    return (
        Usage(
            input_tokens=count(usage, "input_tokens"),
            output_tokens=count(usage, "output_tokens"),
            total_tokens=None,
            reasoning_tokens=count(
                get(usage, "output_tokens_details"), "thinking_tokens"
            ),
            cached_tokens=count(usage, "cache_read_input_tokens"),
            data=record(usage),
        ),
    )


def _finish(delta: object) -> Sequence[Event]:
    reason = text(delta, "stop_reason")
    if not reason:
        return ()
    finish = Finish(reason=_REASONS.get(reason, "other"), raw_reason=reason)
    why = text(get(delta, "stop_details"), "explanation")
    return (TextDelta(text=why, kind="refusal"), finish) if why else (finish,)
