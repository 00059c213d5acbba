"""OpenAI Responses: every event has a type, and every item a number.

Whole items come at their end, and go back as they came. A transcription's events are
of the same kind, and have a text alone.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any, TypeAlias

from nbstream import types
from nbstream._failures import redacted_failure
from nbstream.providers.openai_chat import usage
from nbstream.providers.payloads import (
    Fields,
    contents,
    failure,
    fields,
    finish,
    get,
    items,
    json_text,
    number,
    reason_of,
    record,
    text,
)
from nbstream.reply import Part, Reply, ToolCall
from nbstream.reply.reply import parts_and_calls

API = "openai.responses"
Handler: TypeAlias = Callable[[Fields], Sequence[types.Event]]

#: The texts that the API has, by their type or by their event's name.
_TEXTS: Mapping[str, types.TextKind] = {
    "output_text": "text",
    "reasoning_summary_text": "reasoning",
    "reasoning_text": "reasoning",
    "refusal": "refusal",
    "summary_text": "reasoning",
    "text": "text",
}
_WORDS = "output_text"
#: The calls that the caller is to run, unless the provider has.
_CALLS = ("function_call", "custom_tool_call")
#: Fields that the API, or the SDK's helper, gives out and the API does not take in.
_OUTPUT_ONLY = frozenset({"created_by", "parsed", "parsed_arguments"})
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
    return isinstance(kind, str) and kind.startswith(("response.", "transcript.text."))


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


def _text_done(event: Fields) -> Sequence[types.Event]:
    """Say what a text is in the end; its type is in the event's name or in the part."""
    part = fields(event.get("part"))
    kind = text(part.get("type")) or event["type"].split(".")[1]
    if not (words := _spoken(part or event)):
        return (types.Ignored(type=event["type"]),)
    at = number(event.get("summary_index"))
    done = types.TextDone(
        text=words,
        index=number(event.get("output_index")),
        kind=_TEXTS.get(kind, "text"),
        section=f"content {event.get('content_index')}" if at is None else f"{at}",
        gap="" if at is None else "\n\n",
    )
    return (done,)


def _spoken(content: Fields) -> str:
    """Return the words of a content, whichever it is; of a sound, what it says."""
    names = ("text", "refusal", "transcript")
    return next((each for name in names if (each := text(content.get(name)))), "")


def _transcript_done(event: Fields) -> Sequence[types.Event]:
    done = types.TextDone(text=text(event.get("text")))
    counts = [usage(event["usage"])] if event.get("usage") else []
    return (done, *counts, *finish(event["type"], "stop"), types.End())


def _input(event: Fields, fragment: str) -> Sequence[types.Event]:
    index = number(event.get("output_index"))
    return (types.ToolCallDelta(index=index, arguments=fragment),)


def _arguments(event: Fields) -> Sequence[types.Event]:
    return _input(event, text(event.get("delta")))


def _arguments_done(event: Fields) -> Sequence[types.Event]:
    whole = text(event.get("arguments")) or text(event.get("code"))
    if not whole:
        return (types.Ignored(type=event["type"]),)
    index = number(event.get("output_index"))
    return (types.Arguments(index=index, data={}, text=whole),)


def _custom_input(event: Fields) -> Sequence[types.Event]:
    return _input(event, json.dumps(text(event.get("delta")), ensure_ascii=False)[1:-1])


def _custom_done(event: Fields) -> Sequence[types.Event]:
    whole = event.get("input")
    if not isinstance(whole, str):
        return _input(event, '"}')
    return _arguments_done({**event, "arguments": _as_object(whole)})


def _as_object(given: str) -> str:
    return json.dumps({"input": given}, ensure_ascii=False)


def _next_command(event: Fields) -> Sequence[types.Event]:
    if not number(event.get("command_index")):
        return (types.Ignored(type=event["type"]),)
    return _input(event, "\n")


def _annotation(event: Fields) -> Sequence[types.Event]:
    data = record(event.get("annotation"))
    return (types.Citation(data=data, index=number(event.get("output_index"))),)


def _start(event: Fields) -> Sequence[types.Event]:
    response = fields(event.get("response"))
    start = types.Start(
        id=text(response.get("id")),
        model=text(response.get("model")),
        tools=frozenset(_names(response.get("tools"))),
    )
    return (start,)


def _names(tools: object) -> Iterator[str]:
    """Name the tools that the request offered, also those in a namespace."""
    for tool in map(fields, items(tools)):
        if name := text(get(tool.get("function") or tool, "name")):
            yield name
        yield from _names(tool.get("tools"))


def _end(event: Fields) -> Sequence[types.Event]:
    response = fields(event.get("response"))
    events = list(_start(event))
    if output := items(response.get("output")):
        parts = tuple(_whole(each, index) for index, each in enumerate(output))
        events.append(types.Output(parts=parts))
    if (counts := response.get("usage")) is not None:
        events.append(usage(counts))
    status = text(response.get("status"))
    if status in ("", "queued", "in_progress"):  # what the event says is newer
        status = event["type"].removeprefix("response.")
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
    if status in ("completed", "done"):
        kinds = [get(item, "type") for item in items(response.get("output"))]
        called = kinds[-1:] in ([each] for each in _CALLS)
        return finish(raw, "tool_calls" if called else "stop")
    return finish(raw, reason_of(raw, {}))


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
    """Say that an item is whole, and what it says."""
    return (_whole(event.get("item"), number(event.get("output_index"))),)


def _whole(raw: object, index: int | None) -> types.PartDone:
    said = tuple(_said(fields(raw), raw, index))
    return types.PartDone(index=index, data=record(raw), said=said)


def _said(item: Fields, raw: object, index: int | None) -> Iterator[types.Event]:
    kind = text(item.get("type"))
    if kind == "message":
        yield from _contents(contents(item.get("content"), _WORDS), index)
    elif kind == "reasoning":
        summaries = [_spoken(fields(each)) for each in items(item.get("summary"))]
        inside = "".join(_spoken(fields(each)) for each in items(item.get("content")))
        told = "\n\n".join(filter(None, summaries))
        words = "\n\n".join(filter(None, (told, inside if inside != told else "")))
        yield types.TextDone(text=words, index=index, kind="reasoning")
        if signature := text(item.get("encrypted_content")):
            yield types.Signature(signature=signature, index=index)
    elif kind in _CALLS:
        id_, name = text(item.get("call_id")), text(item.get("name"))
        yield types.ToolCallDelta(index=index, id=id_, name=name)
        given = json_text(item.get("arguments"))
        given = _as_object(words) if (words := text(item.get("input"))) else given
        empty = {"input": ""} if item.get("input") == "" else {}
        if given or empty:
            yield types.Arguments(index=index, data=empty, text=given)
    else:
        yield types.OtherPart(type=kind, data=record(raw), index=index)


def _contents(contents: Sequence[Any], index: int | None) -> Iterator[types.Event]:
    """Say what a message holds: texts, their sources, and what is no text."""
    words: dict[types.TextKind, str] = {}
    for each in contents:
        kind = _TEXTS.get(text(get(each, "type")), "text")
        words[kind] = words.get(kind, "") + _spoken(fields(each))
    for kind, whole in (words or {"text": ""}).items():
        yield types.TextDone(text=whole, index=index, kind=kind)
    for each in contents:
        for note in items(get(each, "annotations")):
            yield types.Citation(data=record(note), index=index)
        if (type_ := text(get(each, "type"))) not in _TEXTS:
            yield types.OtherPart(type=type_, data=record(each), index=index)


_text = partial(_words, kind="text")
_reasoning = partial(_words, kind="reasoning")
#: What we make events of. Everything else in the SDK's union is in ``IGNORED``.
HANDLERS: Mapping[str, Handler] = {
    "error": _error,
    "response.audio.transcript.delta": _text,
    "response.cancelled": _end,
    "response.code_interpreter_call_code.delta": _arguments,
    "response.code_interpreter_call_code.done": _arguments_done,
    "response.completed": _end,
    "response.content_part.done": _text_done,
    "response.created": _start,
    "response.custom_tool_call_input.delta": _custom_input,
    "response.custom_tool_call_input.done": _custom_done,
    "response.done": _end,
    "response.failed": _end,
    "response.function_call_arguments.delta": _arguments,
    "response.function_call_arguments.done": _arguments_done,
    "response.image_generation_call.partial_image": _partial_image,
    "response.incomplete": _end,
    "response.mcp_call_arguments.delta": _arguments,
    "response.mcp_call_arguments.done": _arguments_done,
    "response.output_item.added": _added,
    "response.output_item.done": _done,
    "response.output_text.annotation.added": _annotation,
    "response.output_text.delta": _text,
    "response.output_text.done": _text_done,
    "response.queued": _start,
    "response.reasoning_summary_part.added": _next_summary,
    "response.reasoning_summary_part.done": _text_done,
    "response.reasoning_summary_text.delta": _reasoning,
    "response.reasoning_summary_text.done": _text_done,
    "response.reasoning_text.delta": _reasoning,
    "response.reasoning_text.done": _text_done,
    "response.refusal.delta": partial(_words, kind="refusal"),
    "response.refusal.done": _text_done,
    "response.shell_call_command.added": _next_command,
    "response.shell_call_command.delta": _arguments,
    "transcript.text.delta": _text,
    "transcript.text.done": _transcript_done,
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
    seen: set[tuple[int, int | None, str]] = set()
    for part, call in sorted(parts_and_calls(reply), key=_place):
        if call is not None and call.state != "valid":
            continue
        # Text and refusal of one message share its item, and so does its sound.
        at = (part.hop, part.index, "call" if call else text(part.data.get("id")))
        message = (part.hop, part.index, "message")
        if part.done and part.data:
            inside = part.kind == "other" and message in seen
            if at not in seen and not inside and not part.type.startswith("output_"):
                yield _input_item(part.data, call)
            seen |= {at, (part.hop, part.index, text(part.data.get("type")))}
        elif call is not None:
            own = {"type": "function_call", "call_id": call.id, "name": call.name}
            yield {**own, "arguments": call.arguments}
        elif part.kind in ("text", "refusal") and part.text:
            yield {"type": "message", "role": "assistant", "content": part.text}


def _place(found: tuple[Part, ToolCall | None]) -> tuple[int, float]:
    """Return where an item stood in the answer; what came last may not be the last."""
    part, _ = found
    return part.hop, inf if part.index is None else part.index


def _input_text(content: Fields) -> dict[str, Any]:
    """Return a text as it came; what is none goes back as the words it holds."""
    if content.get("type") not in _TEXTS:
        words = _spoken(content)
        return {"type": "output_text", "text": words, "annotations": []}
    return {key: content[key] for key in content if key not in _OUTPUT_ONLY}


def _input_item(item: Fields, call: ToolCall | None) -> dict[str, Any]:
    kept = {
        key: value
        for key, value in item.items()
        if key not in _OUTPUT_ONLY and (value is not None or key in _NULLABLE)
    }
    if call is not None and "arguments" in kept:
        kept["arguments"] = call.arguments  # the item need not have what came
    if item.get("type") == "message":
        kept["content"] = [*map(_input_text, contents(item.get("content"), _WORDS))]
    if kept.get("type") == "custom_tool_call_output":
        kept.pop("status", None)
    return kept
