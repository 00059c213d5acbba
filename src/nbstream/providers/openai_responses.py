"""OpenAI Responses: every event has a type, and every item a number.

Whole items come at their end, and go back as they came.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from nbstream import types
from nbstream._failures import redacted_failure
from nbstream.providers.openai_chat import usage
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
from nbstream.reply import Reply
from nbstream.reply.reply import parts_and_calls

API = "openai.responses"
Handler: TypeAlias = Callable[[Fields], Sequence[types.Event]]

_REASONS: Mapping[str, types.FinishReason] = {
    "content_filter": "content_filter",  # and what says that there is a limit
}
#: The calls that the caller is to run.
_CALLS = ("function_call", "custom_tool_call")
#: Fields that the API gives out and does not take in.
_OUTPUT_ONLY = frozenset({"created_by"})
#: The input types let these be null; a null elsewhere is refused
#: (``Unknown parameter: 'input[0].status'``), and says nothing.
_NULLABLE = frozenset({"result", "code", "outputs"})


def matches(payload: object) -> bool:
    """Tell whether the payload is an event of this API.

    A flat ``error`` looks like others' errors, but only this API numbers its events.
    """
    kind = get(payload, "type")
    if kind == "error":
        return get(payload, "sequence_number") is not None
    return isinstance(kind, str) and kind.startswith("response.")


def normalize(payload: object) -> Sequence[types.Event]:
    """Turn one event into ours."""
    event = fields(payload)
    kind = event.get("type")
    handler = HANDLERS.get(kind) if isinstance(kind, str) else None
    if handler is not None:
        return handler(event)
    if kind is None and event.get("error") is not None:
        return (failure(event["error"]),)
    return (types.Ignored(type=text(kind) or "unknown"),)


def _words(event: Fields, kind: types.TextKind) -> Sequence[types.Event]:
    words = text(event.get("delta"))
    index = number(event.get("output_index"))
    return (types.TextDelta(text=words, index=index, kind=kind),) if words else ()


def _next_summary(event: Fields) -> Sequence[types.Event]:
    """Set a blank line between the paragraphs of a summary: the wire sends none."""
    if not number(event.get("summary_index")):
        return (types.Ignored(type=event["type"]),)
    return _words({**event, "delta": "\n\n"}, "reasoning")


def _whole(
    event: Fields, kind: types.TextKind, field: str = "text"
) -> Sequence[types.Event]:
    words, index = text(event.get(field)), number(event.get("output_index"))
    return (types.TextDone(text=words, index=index, kind=kind),)


def _input(event: Fields, fragment: str) -> Sequence[types.Event]:
    index = number(event.get("output_index"))
    return (types.ToolCallDelta(index=index, arguments=fragment),)


def _arguments(event: Fields) -> Sequence[types.Event]:
    return _input(event, text(event.get("delta")))


def _custom_input(event: Fields) -> Sequence[types.Event]:
    return _input(event, json.dumps(text(event.get("delta")), ensure_ascii=False)[1:-1])


def _next_command(event: Fields) -> Sequence[types.Event]:
    if not number(event.get("command_index")):
        return (types.Ignored(type=event["type"]),)
    return _input(event, "\n")


def _annotation(event: Fields) -> Sequence[types.Event]:
    data = record(event.get("annotation"))
    return (types.Citation(data=data, index=number(event.get("output_index"))),)


def _start(event: Fields) -> Sequence[types.Event]:
    response = fields(event.get("response"))
    return (
        types.Start(id=text(response.get("id")), model=text(response.get("model"))),
    )


def _end(event: Fields) -> Sequence[types.Event]:
    response = fields(event.get("response"))
    events = list(_start(event))
    if (counts := response.get("usage")) is not None:
        events.append(usage(counts))
    status = text(response.get("status")) or event["type"].removeprefix("response.")
    if (error := response.get("error")) is not None:
        events.append(failure(error))
    elif status in ("failed", "cancelled"):
        events.append(redacted_failure(status, f"the response was {status}"))
    else:
        events.extend(_finish(response, status))
    events.append(types.End())
    return events


def _finish(response: Fields, status: str) -> Iterator[types.Event]:
    why = fields(response.get("incomplete_details")).get("reason")
    raw = text(why) or status
    if status == "completed":
        kinds = [fields(item).get("type") for item in items(response.get("output"))]
        called = any(kind in _CALLS for kind in kinds)
        return finish(raw, "tool_calls" if called else "stop")
    return finish(raw, reason_of(raw, _REASONS))


def _error(event: Fields) -> Sequence[types.Event]:
    return (failure(event.get("error") or event),)


def _added(event: Fields) -> Sequence[types.Event]:
    """Begin a part. A message begins with its first words instead.

    The free text of a custom tool is given as the JSON object ``{"input": "..."}``,
    so that a call is the same whatever its kind.
    """
    raw, index = event.get("item"), number(event.get("output_index"))
    item = fields(raw)
    kind = text(item.get("type"))
    if kind in _CALLS:
        call = types.ToolCallDelta(
            index=index,
            id=text(item.get("call_id")),
            name=text(item.get("name")),
            arguments='{"input": "' if kind == "custom_tool_call" else "",
        )
        return (call,)
    if kind == "reasoning":  # it may have no words, and must go back all the same
        return (types.TextDelta(text="", index=index, kind="reasoning"),)
    if kind == "message":
        return (types.Ignored(type=event["type"]),)
    return (types.OtherPart(type=kind, data=record(raw), index=index),)


def _partial_image(event: Fields) -> Sequence[types.Event]:
    index, image = number(event.get("output_index")), event.get("partial_image_b64")
    data = {"partial_image": text(image)}
    kind = "image_generation_call"
    return (types.OtherPart(type=kind, data=data, index=index, goes_on=True),)


def _done(event: Fields) -> Sequence[types.Event]:
    """Say what makes an item whole: arguments, signature, the item itself."""
    raw, index = event.get("item"), number(event.get("output_index"))
    item = fields(raw)
    events: list[types.Event] = []
    if item.get("type") == "function_call" and (whole := _object(item)) is not None:
        events.append(types.Arguments(index=index, data=whole))
    if signature := text(item.get("encrypted_content")):
        events.append(types.Signature(signature=signature, index=index))
    events.append(types.PartDone(index=index, data=record(raw)))
    return events


def _object(item: Fields) -> dict[str, Any] | None:
    """Return a call's whole arguments, for servers that send no fragments."""
    try:
        found = json.loads(text(item.get("arguments")))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


_text = partial(_words, kind="text")
_text_done = partial(_whole, kind="text")
_reasoning = partial(_words, kind="reasoning")
_reasoning_done = partial(_whole, kind="reasoning")
#: What we make events of. Everything else in the SDK's union is in ``IGNORED``.
HANDLERS: Mapping[str, Handler] = {
    "error": _error,
    "response.cancelled": _end,
    "response.code_interpreter_call_code.delta": _arguments,
    "response.completed": _end,
    "response.created": _start,
    "response.custom_tool_call_input.delta": _custom_input,
    "response.custom_tool_call_input.done": partial(_input, fragment='"}'),
    "response.failed": _end,
    "response.function_call_arguments.delta": _arguments,
    "response.image_generation_call.partial_image": _partial_image,
    "response.incomplete": _end,
    "response.mcp_call_arguments.delta": _arguments,
    "response.output_item.added": _added,
    "response.output_item.done": _done,
    "response.output_text.annotation.added": _annotation,
    "response.output_text.delta": _text,
    "response.output_text.done": _text_done,
    "response.queued": _start,
    "response.reasoning_summary_part.added": _next_summary,
    "response.reasoning_summary_text.delta": _reasoning,
    "response.reasoning_summary_text.done": _reasoning_done,
    "response.reasoning_text.delta": _reasoning,
    "response.reasoning_text.done": _reasoning_done,
    "response.refusal.delta": partial(_words, kind="refusal"),
    "response.refusal.done": partial(_whole, kind="refusal", field="refusal"),
    "response.shell_call_command.added": _next_command,
    "response.shell_call_command.delta": _arguments,
}


def to_message(reply: Reply) -> list[dict[str, Any]]:
    """Return the items to put into the next request's ``input``.

    Whole items go back as they came, less what the input types refuse. Text that was
    cut goes back as a plain message. What cannot be used is left out: calls that are
    invalid or unfinished, server tools that did not end, and reasoning that no whole
    item follows, which the API refuses.
    """
    found: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    for item in _items(reply):
        if item.get("type") == "reasoning":
            waiting.append(item)
            continue
        if "id" in item or "call_id" in item:
            found.extend(waiting)
        waiting.clear()
        found.append(item)
    return found


def _items(reply: Reply) -> Iterator[dict[str, Any]]:
    seen: set[tuple[int, int | None]] = set()
    for part, call in parts_and_calls(reply):
        if call is not None and call.state != "valid":
            continue
        if part.done and part.data:
            at = (part.hop, part.index)
            if at not in seen:  # text and refusal of one message share its item
                has = call is not None and "arguments" in part.data
                own = {"arguments": call.arguments} if call and has else {}
                yield _input_item({**part.data, **own})
            seen.add(at)
        elif call is not None:
            own = {"type": "function_call", "call_id": call.id, "name": call.name}
            yield {**own, "arguments": call.arguments}
        elif part.kind in ("text", "refusal") and part.text:
            yield {"type": "message", "role": "assistant", "content": part.text}


def _input_item(item: Fields) -> dict[str, Any]:
    kept = {
        key: value
        for key, value in item.items()
        if key not in _OUTPUT_ONLY and (value is not None or key in _NULLABLE)
    }
    if kept.get("type") == "custom_tool_call_output":
        kept.pop("status", None)
    return kept
