"""One ``delta`` of a chat completion chunk, in every spelling seen, as events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from nbstream.providers._openai import fields
from nbstream.providers._read import record
from nbstream.providers._values import items, number, text
from nbstream.types import (
    Citation,
    Event,
    Ignored,
    OtherPart,
    PartDone,
    Signature,
    TextDelta,
    ToolCallDelta,
)

__all__ = ["delta_events"]

#: What OpenAI's own deltas hold; nearly every delta has nothing else.
_PLAIN = frozenset(
    {"content", "refusal", "tool_calls", "function_call", "role", "audio"}
)
_READ = frozenset(
    {"reasoning_content", "reasoning", "reasoning_details", "annotations", "images"}
)


def delta_events(delta: Mapping[str, Any], choice: int) -> list[Event]:
    """Return what a delta says: first the reasoning, then the answer, then calls."""
    events: list[Event] = []
    plain_only = delta.keys() <= _PLAIN
    if not plain_only:
        events.extend(_reasoning(delta, choice))
    content = delta.get("content")
    if isinstance(content, str):
        if content:
            events.append(TextDelta(text=content, choice=choice))
    elif content:
        events.extend(_content_parts(content, choice))
    if refusal := delta.get("refusal"):
        events.append(TextDelta(text=text(refusal), kind="refusal", choice=choice))
    if calls := delta.get("tool_calls"):
        for call in items(calls):
            events.extend(_tool_call(fields(call), choice))
    if call := delta.get("function_call"):
        events.append(_call(fields(call), None, "", choice))
    if delta.get("audio"):
        events.append(Ignored(type="delta.audio"))
    if not plain_only:
        events.extend(_rest(delta, choice))
    return events


def _reasoning(delta: Mapping[str, Any], choice: int) -> Iterator[Event]:
    """Say the same words once, though gateways send them in two or three fields."""
    details = items(delta.get("reasoning_details"))
    said = text(delta.get("reasoning_content")) or text(delta.get("reasoning"))
    said = said or "".join(_detail_text(fields(each)) for each in details)
    if said:
        yield TextDelta(text=said, kind="reasoning", choice=choice)
    for detail in details:
        yield from _detail(detail, choice)


def _detail_text(detail: Mapping[str, Any]) -> str:
    return text(detail.get("text")) or text(detail.get("summary"))


def _detail(raw: object, choice: int) -> Iterator[Event]:
    """Keep what has to go back beside the words: a signature, an encrypted thought."""
    detail, data = fields(raw), record(raw)
    if signature := text(detail.get("signature")):
        data.pop("text", None)  # the part holds all of it
        # The empty text makes sure that the newest part is the thought it signs.
        yield TextDelta(text="", kind="reasoning", choice=choice)
        yield Signature(signature=signature, choice=choice)
        yield PartDone(index=None, data=data, choice=choice)
    elif not _detail_text(detail) and detail.get("data"):
        kind = text(detail.get("type")) or "reasoning"
        yield OtherPart(type=kind, data=data, choice=choice)


def _content_parts(content: object, choice: int) -> Iterator[Event]:
    """Read a list of parts (Mistral)."""
    for raw in items(content):
        part = fields(raw)
        kind = text(part.get("type"))
        if kind == "text":
            yield TextDelta(text=text(part.get("text")), choice=choice)
        elif kind == "thinking":
            thought = _thinking(part.get("thinking"))
            yield TextDelta(text=thought, kind="reasoning", choice=choice)
        elif kind == "reference":
            yield Citation(data=record(raw), choice=choice)
        else:
            yield OtherPart(type=kind, data=record(raw), choice=choice)


def _thinking(thinking: object) -> str:
    if isinstance(thinking, str):
        return thinking
    return "".join(text(fields(each).get("text")) for each in items(thinking))


def _tool_call(call: Mapping[str, Any], choice: int) -> Iterator[Event]:
    index = number(call.get("index"))
    id_ = text(call.get("id"))
    custom = call.get("custom")
    function = call.get("function") if custom is None else custom
    yield _call(fields(function), index, id_, choice)
    if custom is not None and id_:
        yield PartDone(index=index, data={"type": "custom"}, choice=choice)
    # Gemini's OpenAI endpoint: without it the next request is refused.
    google = fields(fields(call.get("extra_content")).get("google"))
    if signature := text(google.get("thought_signature")):
        yield Signature(signature=signature, index=index, choice=choice)


def _call(
    function: Mapping[str, Any], index: int | None, id_: str, choice: int
) -> ToolCallDelta:
    arguments = function.get("arguments", function.get("input"))
    if isinstance(arguments, Mapping):  # whole, and already parsed by the server
        arguments = json.dumps(record(arguments), ensure_ascii=False)
    return ToolCallDelta(
        index=index,
        id=id_,
        name=text(function.get("name")),
        arguments=text(arguments),
        choice=choice,
    )


def _rest(delta: Mapping[str, Any], choice: int) -> Iterator[Event]:
    for source in items(delta.get("annotations")):
        yield Citation(data=record(source), choice=choice)
    for image in items(delta.get("images")):
        yield OtherPart(type="image_url", data=record(image), choice=choice)
    for name in sorted(delta.keys() - _PLAIN - _READ):
        if delta[name] is not None:
            yield Ignored(type=f"delta.{name}")
