"""OpenAI Responses: every event has a type, and every item a number."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from nbstream._failures import said
from nbstream.providers._openai import failure, fields, usage
from nbstream.providers._read import get, record
from nbstream.providers._responses_ignored import IGNORED
from nbstream.providers._responses_items import CALLS, added, done
from nbstream.providers._responses_message import to_message
from nbstream.providers._values import items, number, text
from nbstream.types import (
    Citation,
    End,
    Event,
    Finish,
    FinishReason,
    Ignored,
    Start,
    TextDelta,
    TextDone,
    TextKind,
    ToolCallDelta,
)

__all__ = ["API", "HANDLERS", "IGNORED", "matches", "normalize", "to_message"]

API = "openai.responses"
Fields: TypeAlias = Mapping[str, Any]
Handler: TypeAlias = Callable[[Fields], Sequence[Event]]

_REASONS: Mapping[str, FinishReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}


def matches(payload: object) -> bool:
    """Tell whether the payload is an event of this API.

    A flat ``error`` looks like others' errors, but only this API numbers its events.
    """
    kind = get(payload, "type")
    if kind == "error":
        return get(payload, "sequence_number") is not None
    return isinstance(kind, str) and kind.startswith("response.")


def normalize(payload: object) -> Sequence[Event]:
    """Turn one event into ours."""
    event = fields(payload)
    kind = event.get("type")
    handler = HANDLERS.get(kind) if isinstance(kind, str) else None
    if handler is not None:
        return handler(event)
    if kind is None and event.get("error") is not None:
        return (failure(event["error"]),)
    return (Ignored(type=text(kind) or "unknown"),)


def _words(event: Fields, kind: TextKind) -> Sequence[Event]:
    words = text(event.get("delta"))
    index = number(event.get("output_index"))
    return (TextDelta(text=words, index=index, kind=kind),) if words else ()


def _text(event: Fields) -> Sequence[Event]:
    return _words(event, "text")


def _reasoning(event: Fields) -> Sequence[Event]:
    return _words(event, "reasoning")


def _refusal(event: Fields) -> Sequence[Event]:
    return _words(event, "refusal")


def _next_summary(event: Fields) -> Sequence[Event]:
    """Set a blank line between the paragraphs of a summary: the wire sends none."""
    if not number(event.get("summary_index")):
        return (Ignored(type=event["type"]),)
    return _reasoning({**event, "delta": "\n\n"})


def _whole(event: Fields, field: str, kind: TextKind) -> Sequence[Event]:
    words, index = text(event.get(field)), number(event.get("output_index"))
    return (TextDone(text=words, index=index, kind=kind),)


def _text_done(event: Fields) -> Sequence[Event]:
    return _whole(event, "text", "text")


def _refusal_done(event: Fields) -> Sequence[Event]:
    return _whole(event, "refusal", "refusal")


def _reasoning_done(event: Fields) -> Sequence[Event]:
    return _whole(event, "text", "reasoning")


def _input(event: Fields, fragment: str) -> Sequence[Event]:
    index = number(event.get("output_index"))
    return (ToolCallDelta(index=index, arguments=fragment),)


def _arguments(event: Fields) -> Sequence[Event]:
    return _input(event, text(event.get("delta")))


def _custom_input(event: Fields) -> Sequence[Event]:
    return _input(event, json.dumps(text(event.get("delta")), ensure_ascii=False)[1:-1])


def _custom_done(event: Fields) -> Sequence[Event]:
    return _input(event, '"}')


def _next_command(event: Fields) -> Sequence[Event]:
    if not number(event.get("command_index")):
        return (Ignored(type=event["type"]),)
    return _input(event, "\n")


def _annotation(event: Fields) -> Sequence[Event]:
    data = record(event.get("annotation"))
    return (Citation(data=data, index=number(event.get("output_index"))),)


def _start(event: Fields) -> Sequence[Event]:
    response = fields(event.get("response"))
    return (Start(id=text(response.get("id")), model=text(response.get("model"))),)


def _end(event: Fields) -> Sequence[Event]:
    response = fields(event.get("response"))
    events = list(_start(event))
    if (counts := response.get("usage")) is not None:
        events.append(usage(counts))
    status = text(response.get("status")) or event["type"].removeprefix("response.")
    if (error := response.get("error")) is not None:
        events.append(failure(error))
    elif status in ("failed", "cancelled"):
        events.append(said(status, f"the response was {status}"))
    else:
        events.append(_finish(response, status))
    events.append(End())
    return events


def _finish(response: Fields, status: str) -> Finish:
    why = fields(response.get("incomplete_details")).get("reason")
    raw = text(why) or status
    if status == "completed":
        kinds = [fields(item).get("type") for item in items(response.get("output"))]
        called = any(kind in CALLS for kind in kinds)
        return Finish(reason="tool_calls" if called else "stop", raw_reason=raw)
    return Finish(reason=_REASONS.get(raw, "other"), raw_reason=raw)


def _error(event: Fields) -> Sequence[Event]:
    return (failure(event.get("error") or event),)


#: What we make events of. Everything else in the SDK's union is in ``IGNORED``.
HANDLERS: Mapping[str, Handler] = {
    "error": _error,
    "response.cancelled": _end,
    "response.code_interpreter_call_code.delta": _arguments,
    "response.completed": _end,
    "response.created": _start,
    "response.custom_tool_call_input.delta": _custom_input,
    "response.custom_tool_call_input.done": _custom_done,
    "response.failed": _end,
    "response.function_call_arguments.delta": _arguments,
    "response.incomplete": _end,
    "response.mcp_call_arguments.delta": _arguments,
    "response.output_item.added": added,
    "response.output_item.done": done,
    "response.output_text.annotation.added": _annotation,
    "response.output_text.delta": _text,
    "response.output_text.done": _text_done,
    "response.queued": _start,
    "response.reasoning_summary_part.added": _next_summary,
    "response.reasoning_summary_text.delta": _reasoning,
    "response.reasoning_summary_text.done": _reasoning_done,
    "response.reasoning_text.delta": _reasoning,
    "response.reasoning_text.done": _reasoning_done,
    "response.refusal.delta": _refusal,
    "response.refusal.done": _refusal_done,
    "response.shell_call_command.added": _next_command,
    "response.shell_call_command.delta": _arguments,
}
