"""A whole answer, not streamed, as the payloads that its stream would have brought."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from nbstream.providers._read import get, listed, record

__all__ = ["payloads"]

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
