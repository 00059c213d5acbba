"""OpenAI Chat Completions, as OpenAI and all who copied it send and take it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbstream import types
from nbstream.providers.payloads import (
    Fields,
    failure,
    fields,
    finish,
    get,
    items,
    number,
    reason_of,
    record,
    text,
)
from nbstream.reply import Part, Reply
from nbstream.reply.reply import parts_and_calls

API = "openai.chat"
#: The events of ``client.chat.completions.stream()``: the chunk, and what the SDK
#: makes of the same chunk besides, which says nothing new.
_CHUNK = "chunk"
_REPEATED = (
    "content",
    "refusal",
    "tool_calls.function.arguments",
    "logprobs.content",
    "logprobs.refusal",
)
_DERIVED = {f"{what}.{how}" for what in _REPEATED for how in ("delta", "done")}
_REASONS: Mapping[str, types.FinishReason] = {
    **dict.fromkeys(("stop", "end_turn", "stop_sequence", "done", "normal"), "stop"),
    **dict.fromkeys(("eos", "eos_token", "eosfound", "end_of_text"), "stop"),
    **dict.fromkeys(("complete", "completed", "finished", "finish"), "stop"),
    **dict.fromkeys(("tool_calls", "tool_call", "toolcalls"), "tool_calls"),
    **dict.fromkeys(("function_call", "tool_use"), "tool_calls"),
    **dict.fromkeys(("content_filter", "content_filtered"), "content_filter"),
    **dict.fromkeys(("refusal", "sensitive", "safety"), "content_filter"),
    **dict.fromkeys(("guardrail_intervened", "error_toxic"), "content_filter"),
    **dict.fromkeys(("recitation", "prohibited_content"), "content_filter"),
    **dict.fromkeys(("blocklist", "spii"), "content_filter"),
    "error_limit": "length",  # Cohere
    "pause_turn": "pause",
    "insufficient_system_resource": "error",  # DeepSeek
    "unexpected_tool_call": "error",  # Gemini, and what it says besides
    "missing_thought_signature": "error",
}
#: As ``finish_reason``: not yet (DashScope, watsonx).
_NOT_YET = frozenset({"null", "none", "not_finished"})
#: What OpenRouter's ``native_finish_reason`` tells, and the other word may hide
#: (https://openrouter.ai/docs/api/reference/overview#finish-reason).
_HIDDEN = ("length", "content_filter", "error")
#: What OpenAI's own deltas hold; nearly every delta has nothing else.
_PLAIN = frozenset(
    {"content", "refusal", "tool_calls", "function_call", "role", "audio"}
)
_READ = frozenset(
    {"reasoning_content", "reasoning", "reasoning_details", "annotations", "images"}
)
#: DeepSeek wants the ``reasoning_content`` of a turn with tool calls back
#: (https://api-docs.deepseek.com/guides/thinking_mode), and Kimi's API is made alike.
#: OpenAI's own API does not know the field, so it goes only to who asks for it.
_WANT_REASONING = ("deepseek", "kimi")


def matches(payload: object) -> bool:
    """Tell whether the payload is a chunk, or an event of the SDK's chat helper."""
    kind = get(payload, "object")
    if isinstance(kind, str) and kind:
        return kind.startswith("chat.")  # Perplexity has some of its own
    kind = get(payload, "type")
    if isinstance(kind, str) and kind:
        return kind == _CHUNK or kind in _DERIVED
    if get(payload, "choices") is not None:
        return True  # Azure's first: its object is ""
    error = get(payload, "error")  # as the first event; Google's has a status
    return get(error, "message") is not None and get(error, "status") is None


def normalize(payload: object) -> Sequence[types.Event]:
    """Turn one chunk into its events."""
    chunk = fields(payload)
    if not chunk.get("object"):
        kind = text(chunk.get("type"))
        if kind in _DERIVED:
            return ()
        if kind == _CHUNK:
            chunk = fields(chunk.get("chunk"))
    events: list[types.Event] = []
    named = False
    choices = items(chunk.get("choices"))
    for raw in choices:
        named = _add_choice(events, fields(raw), chunk) or named
    # Most chunks repeat id and model: the first and the last to do so are enough.
    if named or not choices:
        start = types.Start(id=text(chunk.get("id")), model=text(chunk.get("model")))
        if start.id or start.model:
            events.insert(0, start)
    events.extend(_extras(chunk))
    if not events and not choices:
        kind = text(chunk.get("object")) or text(chunk.get("type"))
        events.append(types.Ignored(type=kind or "unknown"))
    return events


def _add_choice(events: list[types.Event], choice: Fields, chunk: Fields) -> bool:
    """Add what a choice says; tell whether it is a first or a last word."""
    index = number(choice.get("index")) or 0
    raw = choice.get("delta")
    if raw is None and chunk.get("object") == "chat.completion":
        raw = choice.get("message")
    delta = fields(raw)
    events += _delta(delta, index)
    reason = choice.get("finish_reason")
    if not reason or reason in _NOT_YET:
        return delta.get("role") is not None
    if error := choice.get("error"):  # OpenRouter
        events.append(failure(error))
    events.extend(_sources(chunk, index))
    told = list(_finish(str(reason), text(choice.get("native_finish_reason")), index))
    events += told[-1:] if error or chunk.get("error") else told
    events.append(types.End(choice=index))
    if counts := choice.get("usage"):  # Kimi
        events.append(usage(counts))
    return True


def _finish(word: str, native: str, choice: int) -> Iterator[types.Event]:
    reason = reason_of(word, _REASONS)
    hidden = reason_of(native, _REASONS)
    if hidden in _HIDDEN and (hidden != reason or word == "error"):
        word, reason = native, hidden
    return finish(word, reason, choice=choice)


def _sources(chunk: Fields, choice: int) -> Iterator[types.Event]:
    """Name Perplexity's sources, which each chunk repeats, once: with the finish."""
    found = items(chunk.get("search_results"))
    for source in found or items(chunk.get("citations")):
        data = {"url": source} if isinstance(source, str) else record(source)
        yield types.Citation(data=data, choice=choice)


def _extras(chunk: Fields) -> Iterator[types.Event]:
    """Say what concerns all choices. Counts that come by themselves are the end.

    "If the stream is interrupted, you may not receive the final usage chunk"
    (openai.types.chat.ChatCompletionStreamOptionsParam), and some answers have no
    ``finish_reason``: those in sound, and those of several gateways.
    """
    groq = fields(chunk["x_groq"]) if "x_groq" in chunk else {}
    error = chunk.get("error") or groq.get("error")
    if counts := chunk.get("usage") or groq.get("usage"):
        yield usage(counts)
        if not error and not chunk.get("choices"):
            yield types.End(choice=None)
    if error:
        yield failure(error)


def _delta(delta: Fields, choice: int) -> list[types.Event]:
    """Return what a delta says: first the reasoning, then the answer, then calls."""
    events: list[types.Event] = []
    plain_only = delta.keys() <= _PLAIN
    if not plain_only:
        events.extend(_reasoning(delta, choice))
    content = delta.get("content")
    if isinstance(content, str):
        if content:
            events.append(types.TextDelta(text=content, choice=choice))
    elif content:
        events.extend(_content_parts(content, choice))
    if refusal := delta.get("refusal"):
        events.append(
            types.TextDelta(text=text(refusal), kind="refusal", choice=choice)
        )
    if calls := delta.get("tool_calls"):
        for call in items(calls):
            events.extend(_tool_call(fields(call), choice))
    if call := delta.get("function_call"):
        events.append(_call(fields(call), None, "", choice))
    if delta.get("audio"):
        events.append(types.Ignored(type="delta.audio"))
    if not plain_only:
        events.extend(_rest(delta, choice))
    return events


def _reasoning(delta: Fields, choice: int) -> Iterator[types.Event]:
    """Say the same words once, though gateways send them in two or three fields."""
    details = items(delta.get("reasoning_details"))
    words = text(delta.get("reasoning_content")) or text(delta.get("reasoning"))
    words = words or "".join(_detail_text(fields(each)) for each in details)
    if words:
        yield types.TextDelta(text=words, kind="reasoning", choice=choice)
    for detail in details:
        yield from _detail(detail, choice)


def _detail_text(detail: Fields) -> str:
    return text(detail.get("text")) or text(detail.get("summary"))


def _detail(raw: object, choice: int) -> Iterator[types.Event]:
    """Keep what has to go back beside the words: a signature, an encrypted thought."""
    detail, data = fields(raw), record(raw)
    if signature := text(detail.get("signature")):
        data.pop("text", None)  # the part holds all of it
        # The empty text makes sure that the newest part is the thought it signs.
        yield types.TextDelta(text="", kind="reasoning", choice=choice)
        yield types.Signature(signature=signature, choice=choice)
        yield types.PartDone(index=None, data=data, choice=choice)
    elif not _detail_text(detail) and detail.get("data"):
        kind = text(detail.get("type")) or "reasoning"
        yield types.OtherPart(type=kind, data=data, choice=choice)


def _content_parts(content: object, choice: int) -> Iterator[types.Event]:
    """Read a list of parts (Mistral)."""
    for raw in items(content):
        part = fields(raw)
        kind = text(part.get("type"))
        if kind == "text":
            yield types.TextDelta(text=text(part.get("text")), choice=choice)
        elif kind == "thinking":
            thought = _thinking(part.get("thinking"))
            yield types.TextDelta(text=thought, kind="reasoning", choice=choice)
        elif kind == "reference":
            yield types.Citation(data=record(raw), choice=choice)
        else:
            yield types.OtherPart(type=kind, data=record(raw), choice=choice)


def _thinking(thinking: object) -> str:
    if isinstance(thinking, str):
        return thinking
    return "".join(text(fields(each).get("text")) for each in items(thinking))


def _tool_call(call: Fields, choice: int) -> Iterator[types.Event]:
    index = number(call.get("index"))
    id_ = text(call.get("id"))
    custom = call.get("custom")
    function = call.get("function") if custom is None else custom
    yield _call(fields(function), index, id_, choice)
    if custom is not None and id_:
        yield types.PartDone(index=index, data={"type": "custom"}, choice=choice)
    # Gemini's OpenAI endpoint: without it the next request is refused.
    google = fields(fields(call.get("extra_content")).get("google"))
    if signature := text(google.get("thought_signature")):
        yield types.Signature(signature=signature, index=index, choice=choice)


def _call(
    function: Fields, index: int | None, id_: str, choice: int
) -> types.ToolCallDelta:
    arguments = function.get("arguments", function.get("input"))
    if isinstance(arguments, Mapping):  # whole, and already parsed by the server
        arguments = json.dumps(record(arguments), ensure_ascii=False)
    return types.ToolCallDelta(
        index=index,
        id=id_,
        name=text(function.get("name")),
        arguments=text(arguments),
        choice=choice,
    )


def _rest(delta: Fields, choice: int) -> Iterator[types.Event]:
    for source in items(delta.get("annotations")):
        yield types.Citation(data=record(source), choice=choice)
    for image in items(delta.get("images")):
        yield types.OtherPart(type="image_url", data=record(image), choice=choice)
    for name in sorted(delta.keys() - _PLAIN - _READ):
        if delta[name] is not None:
            yield types.Ignored(type=f"delta.{name}")


# Usage, which OpenAI's Responses says alike.


def usage(raw: object) -> types.Usage:
    """Return the token counts of either API, by either API's names.

    xAI leaves the reasoning out of ``completion_tokens`` and counts it in the total:
    it is added, because ``output_tokens`` means the same for every provider.
    """
    counts = fields(raw)
    before = _first(counts, "input_tokens_details", "prompt_tokens_details")
    after = _first(counts, "output_tokens_details", "completion_tokens_details")
    input_tokens = number(_first(counts, "input_tokens", "prompt_tokens"))
    output_tokens = number(_first(counts, "output_tokens", "completion_tokens"))
    total_tokens = number(counts.get("total_tokens"))
    reasoning_tokens = number(_first({**counts, **fields(after)}, "reasoning_tokens"))
    if input_tokens is not None and output_tokens is not None and reasoning_tokens:
        with_reasoning = output_tokens + reasoning_tokens
        if total_tokens == input_tokens + with_reasoning:
            output_tokens = with_reasoning
    return types.Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=total_tokens,
        reasoning_tokens=reasoning_tokens,
        cached_tokens=_cached(counts, fields(before)),
        data=record(raw),
    )


def _cached(counts: Fields, before: Fields) -> int | None:
    found = before.get("cached_tokens")
    if found is None:  # DeepSeek's name, and Kimi's place
        found = _first(counts, "prompt_cache_hit_tokens", "cached_tokens")
    return number(found)


def _first(counts: Fields, *names: str) -> Any:
    return next((counts[name] for name in names if counts.get(name) is not None), None)


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
    ended = reply.finish_reason == "tool_calls"
    valid = [
        part
        for part, call in parts_and_calls(reply)
        if call is not None
        and (call.state == "valid" or (ended and part.data.get("type") == "custom"))
    ]
    if len(valid) == 1 and valid[0].index is None and not valid[0].id:
        return {"function_call": _function(valid[0])}  # the API before tools
    return {"tool_calls": [_message_call(part) for part in valid]} if valid else {}


def _function(part: Part) -> dict[str, str]:
    return {"name": part.name, "arguments": part.arguments}


def _message_call(part: Part) -> dict[str, Any]:
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
