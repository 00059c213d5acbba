"""OpenAI Chat Completions, as OpenAI and all who copied it send it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbstream.providers._chat_delta import delta_events
from nbstream.providers._chat_message import to_message
from nbstream.providers._openai import failure, fields, usage
from nbstream.providers._read import get, record
from nbstream.providers._values import items, number, text
from nbstream.types import Citation, End, Event, Finish, FinishReason, Ignored, Start

__all__ = ["API", "matches", "normalize", "to_message"]

API = "openai.chat"
#: The events of ``client.chat.completions.stream()``: the chunk, and what the SDK
#: makes of the same chunk besides, which says nothing new.
_CHUNK = "chunk"
_DERIVED = frozenset(
    {
        "content.delta",
        "content.done",
        "refusal.delta",
        "refusal.done",
        "tool_calls.function.arguments.delta",
        "tool_calls.function.arguments.done",
        "logprobs.content.delta",
        "logprobs.content.done",
        "logprobs.refusal.delta",
        "logprobs.refusal.done",
    }
)
_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",  # Together
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",  # Mistral
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "sensitive": "content_filter",  # Zhipu
    "error": "error",
    "insufficient_system_resource": "error",  # DeepSeek
    "network_error": "error",  # Zhipu
}


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


def normalize(payload: object) -> Sequence[Event]:
    """Turn one chunk into its events."""
    chunk = fields(payload)
    if not chunk.get("object"):
        kind = text(chunk.get("type"))
        if kind in _DERIVED:
            return ()
        if kind == _CHUNK:
            chunk = fields(chunk.get("chunk"))
    events: list[Event] = []
    named = False
    choices = items(chunk.get("choices"))
    for raw in choices:
        named = _add_choice(events, fields(raw), chunk) or named
    # Most chunks repeat id and model: the first and the last to do so are enough.
    if named or not choices:
        start = Start(id=text(chunk.get("id")), model=text(chunk.get("model")))
        if start.id or start.model:
            events.insert(0, start)
    events.extend(_extras(chunk))
    if not events and not choices:
        kind = text(chunk.get("object")) or text(chunk.get("type"))
        events.append(Ignored(type=kind or "unknown"))
    return events


def _add_choice(
    events: list[Event], choice: Mapping[str, Any], chunk: Mapping[str, Any]
) -> bool:
    """Add what a choice says; tell whether it is a first or a last word."""
    index = number(choice.get("index")) or 0
    raw = choice.get("delta")
    if raw is None and chunk.get("object") == "chat.completion":
        raw = choice.get("message")
    delta = fields(raw)
    events += delta_events(delta, index)
    reason = choice.get("finish_reason")
    if not reason:
        return delta.get("role") is not None
    if error := choice.get("error"):  # OpenRouter
        events.append(failure(error))
    events.extend(_sources(chunk, index))
    word = str(reason)
    events.append(
        Finish(reason=_REASONS.get(word, "other"), raw_reason=word, choice=index)
    )
    events.append(End(choice=index))
    if counts := choice.get("usage"):  # Kimi
        events.append(usage(counts))
    return True


def _sources(chunk: Mapping[str, Any], choice: int) -> Iterator[Event]:
    """Name Perplexity's sources, which each chunk repeats, once: with the finish."""
    found = items(chunk.get("search_results"))
    for source in found or items(chunk.get("citations")):
        data = {"url": source} if isinstance(source, str) else record(source)
        yield Citation(data=data, choice=choice)


def _extras(chunk: Mapping[str, Any]) -> Iterator[Event]:
    groq = fields(chunk["x_groq"]) if "x_groq" in chunk else {}
    if counts := chunk.get("usage") or groq.get("usage"):
        yield usage(counts)
    if error := chunk.get("error") or groq.get("error"):
        yield failure(error)
