"""Speak Gemini Interactions: ``POST /v1/interactions``."""

from __future__ import annotations

from collections.abc import Iterator

from nbstream.offline.readers.google_interactions import read
from nbstream.offline.wire.base import (
    SIGNATURE,
    Answer,
    AnswerPart,
    Ask,
    Frame,
    Json,
    event,
)

__all__ = ["body", "error", "frames", "read"]

_STATUS = {
    "stop": "completed",
    "length": "incomplete",
    "tool_calls": "requires_action",
    "refusal": "failed",
}
_DATE = "2026-01-01T00:00:00Z"


def frames(ask: Ask, answer: Answer) -> Iterator[Frame]:
    """Write the stream: named events, one step after the other, and ``done``."""
    del ask
    for data, tokens in _events(answer):
        yield Frame(event(data, str(data["event_type"])), tokens)
    yield Frame(b"event: done\ndata: [DONE]\n\n")


def _events(answer: Answer) -> Iterator[tuple[Json, int]]:
    opened = _interaction(answer, "in_progress")
    yield {"event_type": "interaction.created", "interaction": opened}, 0
    update = {"event_type": "interaction.status_update", "interaction_id": opened["id"]}
    yield update | {"status": "in_progress"}, 0
    for at, part in enumerate(_shown(answer)):
        yield (
            {"event_type": "step.start", "index": at, "step": _step(part, whole=False)},
            0,
        )
        for delta, tokens in _deltas(part):
            yield {"event_type": "step.delta", "index": at, "delta": delta}, tokens
        yield {"event_type": "step.stop", "index": at}, 0
    ended = _interaction(answer, _STATUS[answer.first.finish]) | {
        "usage": _usage(answer)
    }
    yield {"event_type": "interaction.completed", "interaction": ended}, 0


def _shown(answer: Answer) -> list[AnswerPart]:
    """Return the parts this API shows: a refusal is a failed interaction, no text."""
    return [part for part in answer.first.parts if part.kind != "refusal"]


def _deltas(part: AnswerPart) -> Iterator[tuple[Json, int]]:
    for token in part.tokens:
        match part.kind:
            case "reasoning":
                content = {"type": "text", "text": token}
                yield {"type": "thought_summary", "content": content}, 1
            case "tool_call":
                yield {"type": "arguments_delta", "arguments": token}, 1
            case "text" | "refusal":
                yield {"type": "text", "text": token}, 1
    if part.kind == "reasoning":
        yield {"type": "thought_signature", "signature": SIGNATURE}, 0


def _step(part: AnswerPart, *, whole: bool = True) -> Json:
    content = [{"type": "text", "text": part.text}] if whole else []
    match part.kind:
        case "reasoning":
            signed: Json = {"signature": SIGNATURE} if whole else {}
            return {"type": "thought", "summary": content, **signed}
        case "tool_call":
            call = {"type": "function_call", "id": f"call_{part.id}", "name": part.name}
            return call | {"arguments": part.arguments if whole else {}}
        case "text" | "refusal":
            return {"type": "model_output", "content": content}


def body(ask: Ask, answer: Answer) -> Json:
    """Write the whole answer at once."""
    del ask
    steps = [_step(part) for part in _shown(answer)]
    status = _STATUS[answer.first.finish]
    dates = {"created": _DATE, "updated": _DATE}
    whole = (
        _interaction(answer, status) | dates | {"steps": steps, "usage": _usage(answer)}
    )
    if status == "failed":
        refused = {"code": "refused", "message": answer.first.parts[0].text}
        return whole | {"errors": [refused]}
    return whole


def _interaction(answer: Answer, status: str) -> dict[str, object]:
    name = f"int_{answer.id}"
    return {
        "id": name,
        "status": status,
        "object": "interaction",
        "model": answer.model,
    }


def _usage(answer: Answer) -> Json:
    usage = answer.usage
    return {
        "total_input_tokens": usage.input,
        "total_output_tokens": usage.output - usage.reasoning,
        "total_thought_tokens": usage.reasoning,
        "total_tokens": usage.input + usage.output,
        "total_cached_tokens": usage.cached,
    }


def error(status: int, message: str, parameter: str | None = None) -> Json:
    """Write an error as the Interactions API does."""
    del parameter
    code = {404: "not_found", 500: "internal"}.get(status, "invalid_request")
    return {"error": {"code": code, "message": message}}
