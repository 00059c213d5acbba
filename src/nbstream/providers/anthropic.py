"""Anthropic Messages: the events of a stream, and the message that goes back."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from nbstream import types
from nbstream.providers.payloads import (
    Fields,
    failure,
    fault,
    fields,
    finish,
    get,
    items,
    number,
    reason_of,
    record,
    text,
)
from nbstream.reply import Part, Reply, ToolCall
from nbstream.reply.parts import whole_form
from nbstream.reply.reply import parts_and_calls

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
_REASONS: Mapping[str, types.FinishReason] = {
    "pause_turn": "pause",
    "compaction": "pause",
}
_STOPPED = {"stop_reason", "stop_details"}
#: What we read of a message and of each block: all else is kept and goes back.
_READ: Mapping[str, Set[str]] = {
    "message": {"type", "id", "role", "model", "content", "usage", "delta"} | _STOPPED,
    "text": {"type", "text", "citations"},
    "thinking": {"type", "thinking", "signature"},
    "tool_use": {"type", "id", "name", "input"},
}
_IDS = ("id", "tool_use_id")


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


def normalize(payload: object) -> Sequence[types.Event]:
    """Turn one event of the stream into ours.

    The SDK builds an event of an unknown type as some known class, so only its
    ``type`` counts. The snapshots its helper adds are not read: a tool's input in
    them is parsed leniently, so that a broken one looks whole.
    """
    event = fields(payload)
    match event.get("type"):
        case "content_block_delta":
            return _delta(number(event.get("index")), event.get("delta"))
        case "content_block_start":
            return _block(number(event.get("index")), event.get("content_block"))
        case "content_block_stop":
            return (types.PartDone(index=number(event.get("index")), data={}),)
        case "message_start":
            message = fields(event.get("message"))
            start = types.Start(
                id=text(message.get("id")), model=text(message.get("model"))
            )
            blocks = enumerate(items(message.get("content")))  # of who has it all
            said = [event for each in blocks for event in _block(*each)]
            more = _usage(message.get("usage"))
            return (start, *_rest("message", message), *more, *said)
        case "message_delta":
            delta = fields(event.get("delta"))
            rest = _rest("message", {**event, **delta})
            return (*_usage(event.get("usage")), *rest, *_finish(delta))
        case "message_stop":
            return (types.End(),)
        case "error":
            return (failure(event.get("error") or event),)
        case str(kind) if kind in _DERIVED:
            return ()
        case kind if told := fault(event):
            return (failure(told),)
        case kind:
            return (types.Ignored(type=str(kind)),)


def _delta(index: int | None, raw: object) -> Sequence[types.Event]:
    delta = fields(raw)
    match delta.get("type"):
        case "text_delta":
            return (types.TextDelta(text=text(delta.get("text")), index=index),)
        case "thinking_delta":
            more = text(delta.get("thinking"))
            return (types.TextDelta(text=more, index=index, kind="reasoning"),)
        case "input_json_delta":
            # The first fragment is always empty.
            more = text(delta.get("partial_json"))
            return (types.ToolCallDelta(index=index, arguments=more),) if more else ()
        case "signature_delta":
            signature = text(delta.get("signature"))
            return (types.Signature(signature=signature, index=index),)
        case "citations_delta":
            return (types.Citation(data=record(delta.get("citation")), index=index),)
        case "compaction_delta":
            data = {**record(raw), "type": "compaction"}
            kind = "compaction"
            return (types.OtherPart(type=kind, data=data, index=index, goes_on=True),)
        case kind:
            return (types.Ignored(type=f"content_block_delta.{kind}"),)


def _block(index: int | None, raw: object) -> Sequence[types.Event]:
    """Open a part. It is opened even when empty: a signature or a citation may come.

    Some servers, and Anthropic itself for calls made by code, send a block whole.
    """
    block = fields(raw)
    rest = _rest(text(block.get("type")), block, index)
    match block.get("type"):
        case "text":
            opened = types.TextDelta(text=text(block.get("text")), index=index)
            sources = items(block.get("citations"))
            return (
                opened,
                *(types.Citation(data=record(s), index=index) for s in sources),
                *rest,
            )
        case "thinking":
            more = text(block.get("thinking"))
            opened = types.TextDelta(text=more, index=index, kind="reasoning")
            proof = text(block.get("signature"))
            signed = [types.Signature(signature=proof, index=index)] if proof else []
            return (opened, *signed, *rest)
        case "tool_use":
            id_, name = text(block.get("id")), text(block.get("name"))
            given, words = record(block.get("input")), text(block.get("input"))
            call = types.ToolCallDelta(index=index, id=id_, name=name, arguments=words)
            whole = types.PartDone(index=index, data=record(raw))
            kept = (whole,) if given else rest
            return (call, types.Arguments(index=index, data=given), *kept)
        case kind:
            part = types.OtherPart(type=str(kind), data=record(raw), index=index)
            model = text(fields(block.get("to")).get("model"))
            by = [types.Start(id="", model=model)] if kind == "fallback" else []
            return (part, *by)


def _rest(kind: str, found: Fields, index: int | None = None) -> Sequence[types.Extra]:
    """Return what we do not read of a message or of a block; a null says nothing."""
    read = _READ.get(kind, found.keys())
    more = {name: it for name, it in found.items() if name not in read}
    told = record({name: it for name, it in more.items() if it is not None})
    return (types.Extra(data=told, index=index),) if told else ()


def _usage(raw: object) -> Sequence[types.Event]:
    if raw is None:
        return ()
    counts = fields(raw)
    details = fields(counts.get("output_tokens_details"))
    return (
        types.Usage(
            input_tokens=number(counts.get("input_tokens")),
            output_tokens=number(counts.get("output_tokens")),
            total_tokens=None,
            reasoning_tokens=number(details.get("thinking_tokens")),
            cached_tokens=number(counts.get("cache_read_input_tokens")),
            data=record(raw),
        ),
    )


def _finish(delta: Fields) -> Sequence[types.Event]:
    reason = text(delta.get("stop_reason"))
    if not reason:
        return ()
    why = text(fields(delta.get("stop_details")).get("explanation"))
    return tuple(finish(reason, reason_of(reason, _REASONS), why))


def to_message(reply: Reply) -> dict[str, Any]:
    """Return the assistant message.

    What the API would refuse is left out: blank text, thinking without its
    signature, calls that are not valid, and, unless the turn is to go on, calls of a
    server tool whose result never came.
    """
    blocks: list[dict[str, Any]] = []
    for part, call in parts_and_calls(reply):
        if part.type == "fallback":
            # Who goes on does not answer for the calls of who declined
            # (https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback).
            blocks = settled([{"role": "assistant", "content": blocks}])[0]["content"]
        if (block := _to_block(part, call)) is not None:
            blocks.append(block)
    message = {"role": "assistant", "content": blocks}
    waits = reply.finish_reason in {"pause", "tool_calls"}
    goes_on = waits and reply.outcome in {"running", "complete"}
    return message if goes_on else settled([message])[0]


def settled(messages: Sequence[Any], note: str = "") -> list[Any]:
    """Leave out what waits still in a turn that is over, in Anthropic's messages.

    That is a call of a server tool whose result never came, and what its code called
    meanwhile: the API refuses them as soon as something else follows. Where an answer
    would end with its thinking, which is refused too, it ends with ``note``.
    """
    blocks = [block for each in messages for block in each["content"]]
    called, gone = {block.get("id") for block in blocks}, _waiting(blocks)
    results = (b for b in blocks if note or b.get("type") == "tool_result")
    gone |= {b.get("tool_use_id", "") for b in results} - called
    found: list[Any] = []
    for each in messages:
        is_answer, content = each["role"] == "assistant", each["content"]
        kept = [b for b in content if gone.isdisjoint(map(b.get, _IDS))]
        ends = kept[-1]["type"] if kept else "thinking"
        if is_answer and note and kept != content and ends.endswith("thinking"):
            kept.append({"type": "text", "text": note})
        if kept or is_answer:
            found.append({**each, "content": kept})
    return found


def _waiting(blocks: Sequence[Fields]) -> set[str]:
    """Return the ids of server tools' calls without a result, and of what they call."""
    answered = {block.get("tool_use_id") for block in blocks}
    found: set[str] = set()
    for block in blocks:
        served = str(block.get("type")).endswith("_tool_use")
        caller = fields(block.get("caller")).get("tool_id")
        if (served and block.get("id") not in answered) or caller in found:
            found.add(str(block.get("id")))
    return found


def _to_block(part: Part, call: ToolCall | None) -> dict[str, Any] | None:
    if call is not None:
        own = {"type": "tool_use", "id": call.id, "name": call.name}
        valid = call.state == "valid"
        return {**part.data, **own, "input": call.parsed} if valid else None
    match part.kind:
        case "text" if part.text.strip():
            cited = {"citations": [*map(_cited, part.citations)]}
            cited = cited if part.citations else {}
            return {**part.data, "type": "text", "text": part.text, **cited}
        case "reasoning" if part.signature:
            own = {"type": "thinking", "thinking": part.text}
            return {**part.data, **own, "signature": part.signature}
        case "other":
            return whole_form(part, "input")
        case _:
            return None


def _cited(source: Fields) -> Fields:
    """Return a source without the one field that only an answer may have."""
    return {name: value for name, value in source.items() if name != "file_id"}
