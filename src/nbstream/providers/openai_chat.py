"""OpenAI Chat Completions, as OpenAI and all who copied it send and take it.

The completions that were before chat are read here, too: their choices are texts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
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
    json_text,
    number,
    reason_of,
    record,
    text,
    total,
)
from nbstream.reply import Part, Reply, ToolCall
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
#: The names of the thought; Copilot has the last one.
_THOUGHT = ("reasoning_content", "reasoning", "reasoning_text")
_READ = frozenset({"reasoning_details", "annotations", "images", "executed_tools"})
#: What nearly every chunk holds. A chunk without choices is named by what it has else.
_ENVELOPE = frozenset({"id", "object", "created", "model", "choices", "type"})
#: Calls are numbered from 0; what is none of them is counted from here downwards.
_BELOW = -1
#: DeepSeek wants the ``reasoning_content`` of a turn with tool calls back
#: (https://api-docs.deepseek.com/guides/thinking_mode), and Kimi's API is made alike.
#: OpenAI's own API does not know the field, so it goes only to who asks for it.
_WANT_REASONING = ("deepseek", "kimi")


def matches(payload: object) -> bool:
    """Tell whether the payload is a chunk, or an event of the SDK's chat helper."""
    kind = get(payload, "object")
    if isinstance(kind, str) and kind:
        # Perplexity has some of its own; without chat, and Together's without chat.
        return kind.startswith(("chat.", "text_completion", "completion.chunk"))
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
    for each in choices:
        named = _add_choice(events, fields(each), chunk) or named
    # Most chunks repeat id and model: the first and the last to do so are enough.
    if named or not choices:
        begun = start(chunk)
        if begun.id or begun.model:
            events.insert(0, begun)
    if (raw := chunk.get("usage")) and (counts := usage(raw)).data:
        events.append(counts)
        # "If the stream is interrupted, you may not receive the final usage chunk"
        # (openai's ChatCompletionStreamOptionsParam); some answers have no finish.
        if not choices and not chunk.get("error"):
            events.append(types.End(choice=None))
    if "timings" in chunk or "x_groq" in chunk:
        events.extend(_foreign(chunk))
    if not choices:
        events.extend(_sources(chunk, 0))  # xAI's
    if error := chunk.get("error") or (not choices and fault(chunk)):
        events.append(failure(error))
    if not events and not choices:
        kind = text(chunk.get("object")) or text(chunk.get("type"))
        rest = (name for name in chunk if chunk[name] and name not in _ENVELOPE)
        events.append(types.Ignored(type=kind or next(rest, "unknown")))
    return events


def start(payload: object) -> types.Start:
    """Return the name of the response, which every chunk has."""
    chunk = fields(payload)
    return types.Start(id=text(chunk.get("id")), model=text(chunk.get("model")))


def _add_choice(events: list[types.Event], choice: Fields, chunk: Fields) -> bool:
    """Add what a choice says; tell whether it is a first or a last word."""
    index, said = number(choice.get("index")) or 0, choice.get("delta")
    delta = {"content": choice.get("text")} if said is None else fields(said)
    events += _delta(delta, index)
    reason = choice.get("finish_reason")
    whole = False
    if message := choice.get("message"):
        whole = _add_message(events, fields(message), choice, chunk)
    if error := choice.get("error"):  # OpenRouter
        events.append(failure(error))
    if not reason or reason in _NOT_YET:
        if whole:
            events.append(types.End(choice=index))
        return whole or delta.get("role") is not None
    events.extend(_sources(chunk, index))
    told = list(_finish(str(reason), text(choice.get("native_finish_reason")), index))
    events += told[-1:] if error or chunk.get("error") else told
    events.append(types.End(choice=index))
    if raw := choice.get("usage"):  # Kimi
        events.append(usage(raw))
    return True


def _finish(word: str, native: str, choice: int) -> Iterator[types.Event]:
    reason = reason_of(word, _REASONS)
    hidden = reason_of(native, _REASONS)
    if hidden in _HIDDEN and (hidden != reason or word == "error"):
        word, reason = native, hidden
    return finish(word, reason, choice=choice)


def _add_message(
    events: list[types.Event], message: Fields, choice: Fields, chunk: Fields
) -> bool:
    """Add what a message says that is or is not streamed; tell whether it is whole.

    Some servers end their stream with the message as a whole (MiniMax), and some send
    what has come of it with each delta (Perplexity): the delta says it then, but for
    the last one, which may have none of it.
    """
    index, ended = number(choice.get("index")) or 0, bool(choice.get("finish_reason"))
    if choice.get("delta") is not None:
        whole = ended
    else:
        whole = ended or chunk.get("object") != "chat.completion.chunk"
        if not whole:
            events += _delta(message, index)
    if whole:
        events.extend(_as_whole(_delta(message, index, whole=True)))
    return whole


def _as_whole(events: Sequence[types.Event]) -> Iterator[types.Event]:
    """Say each text once, as all of it, though a message may have it in parts."""
    words = dict[types.TextKind, str]()
    for event in events:
        if isinstance(event, types.TextDelta):
            words[event.kind] = words.get(event.kind, "") + event.text
    for event in events:
        match event:
            case types.TextDelta(text=said, kind=kind, choice=choice) if said:
                if all_of_it := words.pop(kind, ""):
                    yield types.TextDone(text=all_of_it, kind=kind, choice=choice)
            case types.ToolCallDelta():
                yield replace(event, whole=True)
            case _:
                yield event


def _sources(chunk: Fields, choice: int) -> Iterator[types.Event]:
    """Name Perplexity's sources, which each chunk repeats, once: with the finish."""
    found = items(chunk.get("search_results"))
    for source in found or items(chunk.get("citations")):
        data = {"url": source} if isinstance(source, str) else record(source)
        yield types.Citation(data=data, choice=choice)


def _foreign(chunk: Fields) -> Iterator[types.Event]:
    """Read Groq's place, and llama.cpp's counts where nobody asked it for usage."""
    groq, timings = fields(chunk.get("x_groq")), fields(chunk.get("timings"))
    if counts := groq.get("usage"):
        yield usage(counts)
    elif timings and not chunk.get("usage"):
        cached = number(timings.get("cache_n"))
        yield types.Usage(
            input_tokens=total(number(timings.get("prompt_n")), cached),
            output_tokens=number(timings.get("predicted_n")),
            total_tokens=None,
            reasoning_tokens=None,
            cached_tokens=cached,
            data=record(timings),
        )
    if error := groq.get("error"):
        yield failure(error)


def _delta(delta: Fields, choice: int, *, whole: bool = False) -> list[types.Event]:
    """Return what a delta says: first the reasoning, then the answer, then calls.

    The calls of a ``whole`` message are numbered by their places.
    """
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
        for at, call in enumerate(items(calls) or (calls,)):  # one: TGI
            events.extend(_tool_call(fields(call), at if whole else None, choice))
    elif call := delta.get("function_call"):
        events.extend(_call(fields(call), None, "", choice))
    if audio := delta.get("audio"):
        events.extend(_audio(fields(audio), bool(content), choice))
    if not plain_only:
        events.extend(_rest(delta, choice))
    return events


def _reasoning(delta: Fields, choice: int) -> Iterator[types.Event]:
    """Say the same words once, though gateways send them in two or three fields."""
    details = items(delta.get("reasoning_details"))
    said = filter(None, map(_thinking, map(delta.get, _THOUGHT)))
    words = next(said, "") or "".join(_detail_text(fields(each)) for each in details)
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
    """Read a list of parts (Mistral, Databricks), or one alone."""
    for raw in items(content) or (content,):
        part = {"text": raw} if isinstance(raw, str) else fields(raw)
        kind, words = text(part.get("type")), text(part.get("text"))
        if kind in ("thinking", "reasoning"):
            words = words or _thinking(part.get("thinking") or part.get("summary"))
            yield types.TextDelta(text=words, kind="reasoning", choice=choice)
        elif words or kind == "text":
            yield types.TextDelta(text=words, choice=choice)
        elif kind == "reference":
            yield types.Citation(data=record(raw), choice=choice)
        else:
            yield types.OtherPart(type=kind, data=record(raw), choice=choice)


def _thinking(thinking: object) -> str:
    if isinstance(thinking, str):
        return thinking
    return "".join(text(fields(each).get("text")) for each in items(thinking))


def _tool_call(call: Fields, at: int | None, choice: int) -> Iterator[types.Event]:
    index, id_ = number(call.get("index")), text(call.get("id"))
    index = index if at is None else at
    custom = fields(call.get("custom"))
    is_custom = any(custom.values())  # Go servers write both, one of them empty
    inside = custom if is_custom else fields(call.get("function"))
    yield from _call(inside, index, id_, choice)
    if is_custom and id_:
        yield types.PartDone(index=index, data={"type": "custom"}, choice=choice)
    # Gemini's OpenAI endpoint: without it the next request is refused.
    google = fields(fields(call.get("extra_content")).get("google"))
    if signature := text(google.get("thought_signature")):
        yield types.Signature(signature=signature, index=index, choice=choice)


def _call(
    function: Fields, index: int | None, id_: str, choice: int
) -> Iterator[types.Event]:
    """Give a call, or a piece of one; what is empty in every field is none."""
    arguments = json_text(function.get("arguments", function.get("input")))
    name = text(function.get("name"))
    if id_ or name or arguments:
        yield types.ToolCallDelta(
            index=index, id=id_, name=name, arguments=arguments, choice=choice
        )


def _audio(audio: Fields, has_words: bool, choice: int) -> Iterator[types.Event]:
    """Read what was said aloud: its transcript is the text; the sound is not kept."""
    named = {key: audio[key] for key in ("id", "expires_at") if audio.get(key)}
    if named:
        yield types.OtherPart(type="audio", data=named, index=_BELOW, choice=choice)
    words = text(audio.get("transcript"))
    if words and not has_words:
        yield types.TextDelta(text=words, choice=choice)
    if audio.get("data"):
        yield types.Ignored(type="delta.audio")
    elif "expires_at" in named and not words:  # the last of it; there is no finish
        yield types.End(choice=choice)


def _rest(delta: Fields, choice: int) -> Iterator[types.Event]:
    for source in items(delta.get("annotations")):
        yield types.Citation(data=record(source), choice=choice)
    for image in items(delta.get("images")):
        yield types.OtherPart(type="image_url", data=record(image), choice=choice)
    for at, tool in enumerate(items(delta.get("executed_tools"))):  # Groq
        yield from _executed(tool, at, choice)
    for name in sorted(delta.keys() - _PLAIN - _READ - {*_THOUGHT}):
        if delta[name] is not None:
            yield types.Ignored(type=f"delta.{name}")


def _executed(tool: object, at: int, choice: int) -> Iterator[types.Event]:
    """Keep a tool that the server ran; first comes its call, then all of it."""
    known, data = fields(tool), record(tool)
    index = number(known.get("index"))
    yield types.OtherPart(
        type=text(known.get("type")) or "executed_tool",
        data=data,
        index=_BELOW - (at if index is None else index),
        choice=choice,
    )
    found = known.get("search_results")
    for source in items(found) or items(fields(found).get("results")):
        yield types.Citation(data=record(source), choice=choice)


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
    reasoning_tokens = number(_first(fields(after), "reasoning_tokens"))
    if reasoning_tokens is None:  # Copilot's place
        reasoning_tokens = number(counts.get("reasoning_tokens"))
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
    if found is None:  # DeepSeek's name, Kimi's place, Mistral's name
        names = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")
        found = _first(counts, *names)
    return number(found)


def _first(counts: Fields, *names: str) -> Any:
    known = [counts[name] for name in names if counts.get(name) is not None]
    return next(filter(None, known), known[0] if known else None)


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
    if reply.outcome == "complete" and (sound := _sound(reply)):
        message |= {"content": None, "audio": sound}
    if details := list(_details(reply)):
        message["reasoning_details"] = details
    elif "tool_calls" in message and _wants_reasoning(reply.model):
        message["reasoning_content"] = reply.reasoning
    return message


def _sound(reply: Reply) -> dict[str, Any]:
    """Return how what was said aloud is referred to, empty if nothing was."""
    ids = (part.data.get("id") for part in reply.parts if part.type == "audio")
    return next(({"id": id_} for id_ in ids if id_), {})


def _wants_reasoning(model: str) -> bool:
    return any(name in model.lower() for name in _WANT_REASONING)


def _calls(reply: Reply) -> dict[str, Any]:
    ended = reply.whole and reply.finish_reason in {"tool_calls", None}
    valid = [
        (part, call)
        for part, call in parts_and_calls(reply)
        if call is not None
        and (call.state == "valid" or (ended and part.data.get("type") == "custom"))
    ]
    if len(valid) == 1 and valid[0][0].index is None and not valid[0][1].id:
        return {"function_call": _function(valid[0][1])}  # the API before tools
    return {"tool_calls": [_message_call(*each) for each in valid]} if valid else {}


def _function(call: ToolCall) -> dict[str, str]:
    return {"name": call.name, "arguments": call.arguments}


def _message_call(part: Part, call: ToolCall) -> dict[str, Any]:
    if part.data.get("type") == "custom":
        custom = {"name": part.name, "input": part.arguments}
        return {"id": part.id, "type": "custom", "custom": custom}
    made = {"id": part.id, "type": "function", "function": _function(call)}
    if part.signature:
        made["extra_content"] = {"google": {"thought_signature": part.signature}}
    return made


def _details(reply: Reply) -> Iterator[dict[str, Any]]:
    """Give OpenRouter its ``reasoning_details`` back, as far as they prove anything."""
    for part in reply.parts:
        if part.kind == "reasoning" and part.data:
            yield {**part.data, "text": part.text}
        elif part.kind == "other" and part.type.startswith("reasoning"):
            yield dict(part.data)
