"""Speak OpenAI Responses: ``POST [/v1]/responses``."""

from __future__ import annotations

from collections.abc import Iterator

from nbstream.offline.readers.openai_responses import read
from nbstream.offline.wire.base import (
    CREATED,
    Answer,
    AnswerPart,
    Ask,
    Frame,
    Json,
    event,
)
from nbstream.offline.wire.openai_chat import error

__all__ = ["body", "error", "frames", "read"]


def frames(ask: Ask, answer: Answer) -> Iterator[Frame]:
    """Write the stream: every event is named and numbered."""
    del ask
    for number, (kind, fields, tokens) in enumerate(_events(answer)):
        data = {"type": kind, "sequence_number": number, **fields}
        yield Frame(event(data, kind), tokens)


def _events(answer: Answer) -> Iterator[tuple[str, Json, int]]:
    started = {"response": _response(answer, "in_progress")}
    yield "response.created", started, 0
    yield "response.in_progress", started, 0
    for at, part in enumerate(answer.first.parts):
        opened, done = _item(part, answer, at, whole=False), _item(part, answer, at)
        yield "response.output_item.added", {"output_index": at, "item": opened}, 0
        for kind, fields, tokens in _part_events(part):
            where: dict[str, object] = {"item_id": done["id"], "output_index": at}
            yield kind, {**where, **fields}, tokens
        yield "response.output_item.done", {"output_index": at, "item": done}, 0
    status = _status(answer)
    yield f"response.{status}", {"response": _response(answer, status)}, 0


def _part_events(part: AnswerPart) -> Iterator[tuple[str, Json, int]]:
    match part.kind:
        case "tool_call":
            name = "response.function_call_arguments"
            for token in part.tokens:
                yield f"{name}.delta", {"delta": token}, 1
            yield f"{name}.done", {"arguments": part.text, "name": part.name}, 0
        case "reasoning":
            name, at = "response.reasoning_summary", {"summary_index": 0}
            empty = {"type": "summary_text", "text": ""}
            yield f"{name}_part.added", at | {"part": empty}, 0
            for token in part.tokens:
                yield f"{name}_text.delta", at | {"delta": token}, 1
            yield f"{name}_text.done", at | {"text": part.text}, 0
            yield f"{name}_part.done", at | {"part": empty | {"text": part.text}}, 0
        case "text" | "refusal":
            yield from _message_events(part)


def _message_events(part: AnswerPart) -> Iterator[tuple[str, Json, int]]:
    at = {"content_index": 0}
    field = part.kind
    name = "response.output_text" if field == "text" else "response.refusal"
    more: Json = {"logprobs": []} if field == "text" else {}
    yield "response.content_part.added", at | {"part": _content(part, "")}, 0
    for token in part.tokens:
        yield f"{name}.delta", {**at, "delta": token, **more}, 1
    yield f"{name}.done", {**at, field: part.text, **more}, 0
    yield "response.content_part.done", at | {"part": _content(part, part.text)}, 0


def _content(part: AnswerPart, text: str) -> Json:
    if part.kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _item(
    part: AnswerPart, answer: Answer, at: int, *, whole: bool = True
) -> dict[str, object]:
    """Write one output item, as it is announced or as it is in the end."""
    text = part.text if whole else ""
    name = f"{answer.id}{at}"
    status = ("completed" if part.whole else "incomplete") if whole else "in_progress"
    if part.kind == "reasoning":
        summary = [{"type": "summary_text", "text": text}] if whole else []
        return {"id": f"rs_{name}", "type": "reasoning", "summary": summary}
    if part.kind == "tool_call":
        call: dict[str, object] = {"id": f"fc_{name}", "type": "function_call"}
        call["call_id"] = f"call_{part.id}"
        return call | {"name": part.name, "arguments": text, "status": status}
    message: dict[str, object] = {
        "id": f"msg_{name}",
        "type": "message",
        "role": "assistant",
    }
    return message | {
        "status": status,
        "content": [_content(part, text)] if whole else [],
    }


def _status(answer: Answer) -> str:
    return "incomplete" if answer.first.finish == "length" else "completed"


def _response(answer: Answer, status: str) -> Json:
    ended = status != "in_progress"
    parts = answer.first.parts if ended else ()
    cut_off = {"reason": "max_output_tokens"} if status == "incomplete" else None
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": CREATED,
        "model": answer.model,
        "status": status,
        "output": [_item(part, answer, at) for at, part in enumerate(parts)],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "error": None,
        "incomplete_details": cut_off,
        "instructions": None,
        "metadata": {},
        "usage": _usage(answer) if ended else None,
    }


def body(ask: Ask, answer: Answer) -> Json:
    """Write the whole answer at once."""
    del ask
    return _response(answer, _status(answer))


def _usage(answer: Answer) -> Json:
    usage = answer.usage
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
