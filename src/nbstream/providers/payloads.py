"""Read a payload alike, be it parsed JSON or an SDK's object."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias

__all__ = [
    "count",
    "get",
    "items",
    "listed",
    "number",
    "payloads",
    "plain",
    "record",
    "text",
]


def get(obj: object, name: str) -> Any:
    """Return the field, or None where it is missing or null."""
    if type(obj) is dict:
        return obj.get(name)
    if isinstance(obj, Mapping):
        return obj.get(name)
    return getattr(obj, name, None)


def text_field(obj: object, name: str) -> str:
    """Return the field if it is a string, else ""."""
    found = get(obj, name)
    return found if isinstance(found, str) else ""


def count(obj: object, name: str) -> int | None:
    """Return the field if it is a whole number, else None."""
    found = get(obj, name)
    return found if type(found) is int else None


def listed(obj: object, name: str) -> Sequence[Any]:
    """Return the field if it is a list, else an empty one."""
    found = get(obj, name)
    return found if isinstance(found, list | tuple) else ()


def record(obj: object) -> dict[str, Any]:
    """Return a JSON-like copy of an object, and an empty one of anything else."""
    found = plain(obj)
    return found if isinstance(found, dict) else {}


def plain(obj: object) -> Any:
    """Return a JSON-like copy with the names of the wire, for keeping."""
    if isinstance(obj, Mapping):
        return {str(key): plain(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [plain(item) for item in obj]
    dump = getattr(obj, "model_dump", None)
    if callable(dump):
        return dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)
    if isinstance(obj, Enum):
        return obj.value
    if obj is None or isinstance(obj, str | int | float | bool):
        return obj
    fields = getattr(obj, "__dict__", None)
    return plain(fields) if fields is not None else repr(obj)


# -- Take a value if it is what it should be, else an empty one.


def items(value: object) -> Sequence[Any]:
    """Return a list as it is, and an empty one for anything else."""
    return value if isinstance(value, list | tuple) else ()


def text(value: object) -> str:
    """Return a string as it is, and "" for anything else."""
    return value if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """Return a whole number as it is, and None for anything else."""
    return value if type(value) is int else None


# -- A whole answer, not streamed, as the payloads that its stream would have brought.

Payload: TypeAlias = Mapping[str, Any]


def payloads(answer: object) -> Sequence[object] | None:
    """Return what to read of a whole answer, or None if it is something else.

    Takes a string, and what the five APIs answer without ``stream=True``: the SDK's
    object, or its JSON as a dict.
    """
    if isinstance(answer, str):
        return [answer]
    if not isinstance(answer, Mapping) and not hasattr(answer, "model_dump"):
        return None
    found = record(answer)
    for is_its, read in _APIS:
        if is_its(found):
            return list(read(found))
    return None


def _one_chunk(answer: Payload) -> Iterator[Payload]:
    """Give it as it is: it reads as the only chunk of a stream."""
    yield answer


def _responses(answer: Payload) -> Iterator[Payload]:
    yield {"type": "response.created", "response": answer}
    for index, item in enumerate(listed(answer, "output")):
        yield from _item(item, index)
    status = str(answer.get("status") or "completed")
    if status not in ("queued", "in_progress"):
        yield {"type": f"response.{status}", "response": answer}


def _item(item: object, index: int) -> Iterator[Payload]:
    at = {"output_index": index, "item": item}
    yield {"type": "response.output_item.added", **at}
    for number, summary in enumerate(listed(item, "summary")):
        yield _part("reasoning_summary_part.added", index, summary_index=number)
        said = get(summary, "text")
        yield _part("reasoning_summary_text.delta", index, delta=said)
    for content in listed(item, "content"):
        name, field = _CONTENT.get(str(get(content, "type")), ("unknown", ""))
        yield _part(name, index, delta=get(content, field))
        for note in listed(content, "annotations"):
            yield _part("output_text.annotation.added", index, annotation=note)
    if get(item, "type") == "custom_tool_call":
        yield _part("custom_tool_call_input.delta", index, delta=get(item, "input"))
        yield _part("custom_tool_call_input.done", index)
    yield {"type": "response.output_item.done", **at}


#: The content of an item -> the event that brings it, and where its words are.
_CONTENT = {
    "output_text": ("output_text.delta", "text"),
    "refusal": ("refusal.delta", "refusal"),
    "reasoning_text": ("reasoning_text.delta", "text"),
}


def _part(name: str, index: int, **more: object) -> Payload:
    return {"type": f"response.{name}", "output_index": index, **more}


def _anthropic(answer: Payload) -> Iterator[Payload]:
    yield {"type": "message_start", "message": answer}
    for index, block in enumerate(listed(answer, "content")):
        begun = {"index": index, "content_block": block}
        yield {"type": "content_block_start", **begun}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": answer, "usage": answer.get("usage")}
    if answer.get("stop_reason"):
        yield {"type": "message_stop"}


def _interactions(answer: Payload) -> Iterator[Payload]:
    yield {"event_type": "interaction.created", "interaction": answer}
    for index, step in enumerate(listed(answer, "steps")):
        if get(step, "type") != "user_input":
            yield {"event_type": "step.start", "index": index, "step": step}
            yield {"event_type": "step.stop", "index": index}
    if answer.get("status") not in ("in_progress", None):
        yield {"event_type": "interaction.completed", "interaction": answer}


def _of_object(name: str) -> Callable[[Payload], bool]:
    return lambda answer: answer.get("object") == name


def _is_anthropic(answer: Payload) -> bool:
    return answer.get("type") == "message" and answer.get("role") == "assistant"


def _is_gemini(answer: Payload) -> bool:
    return "candidates" in answer or "promptFeedback" in answer


_APIS: Sequence[
    tuple[Callable[[Payload], bool], Callable[[Payload], Iterator[Payload]]]
] = (
    (_of_object("chat.completion"), _one_chunk),
    (_of_object("response"), _responses),
    (_is_anthropic, _anthropic),
    (_is_gemini, _one_chunk),
    (_of_object("interaction"), _interactions),
)
