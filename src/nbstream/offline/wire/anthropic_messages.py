"""Speak Anthropic Messages: ``POST /v1/messages``."""

from __future__ import annotations

from collections.abc import Iterator

from nbstream.offline.readers.anthropic_messages import read
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

_STOP = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "refusal": "refusal",
}
_ERRORS = {404: "not_found_error", 413: "request_too_large", 500: "api_error"}


def frames(ask: Ask, answer: Answer) -> Iterator[Frame]:
    """Write the stream: named events, one block after the other."""
    del ask
    for data, tokens in _events(answer):
        yield Frame(event(data, str(data["type"])), tokens)
        if data["type"] == "content_block_start" and data["index"] == 0:
            yield Frame(b'event: ping\ndata: {"type": "ping"}\n\n')


def _events(answer: Answer) -> Iterator[tuple[Json, int]]:
    started = _usage(answer) | {"output_tokens": 1}
    opened = _message(answer, [], None) | {"usage": started}
    yield {"type": "message_start", "message": opened}, 0
    for at, part in enumerate(answer.first.parts):
        block = _block(part, whole=False)
        yield {"type": "content_block_start", "index": at, "content_block": block}, 0
        for delta, tokens in _deltas(part):
            yield {"type": "content_block_delta", "index": at, "delta": delta}, tokens
        yield {"type": "content_block_stop", "index": at}, 0
    end = {"stop_reason": _STOP[answer.first.finish], "stop_sequence": None}
    yield (
        {
            "type": "message_delta",
            "delta": end | _details(answer),
            "usage": _usage(answer),
        },
        0,
    )
    yield {"type": "message_stop"}, 0


def _deltas(part: AnswerPart) -> Iterator[tuple[Json, int]]:
    match part.kind:
        case "reasoning":
            for token in part.tokens:
                yield {"type": "thinking_delta", "thinking": token}, 1
            yield {"type": "signature_delta", "signature": SIGNATURE}, 0
        case "tool_call":
            yield {"type": "input_json_delta", "partial_json": ""}, 0
            for token in part.tokens:
                yield {"type": "input_json_delta", "partial_json": token}, 1
        case "text" | "refusal":
            for token in part.tokens:
                yield {"type": "text_delta", "text": token}, 1


def _block(part: AnswerPart, *, whole: bool = True) -> Json:
    text = part.text if whole else ""
    match part.kind:
        case "reasoning":
            signature = SIGNATURE if whole else ""
            return {"type": "thinking", "thinking": text, "signature": signature}
        case "tool_call":
            given = part.arguments if whole else {}
            call = {"type": "tool_use", "id": f"toolu_{part.id}", "name": part.name}
            return call | {"input": given}
        case "text" | "refusal":
            return {"type": "text", "text": text}


def body(ask: Ask, answer: Answer) -> Json:
    """Write the whole answer at once."""
    del ask
    blocks = [_block(part) for part in answer.first.parts]
    message = _message(answer, blocks, _STOP[answer.first.finish])
    return message | _details(answer) | {"usage": _usage(answer)}


def _message(
    answer: Answer, content: list[Json], stop: str | None
) -> dict[str, object]:
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
    }


def _details(answer: Answer) -> dict[str, object]:
    if answer.first.finish != "refusal":
        return {}
    explanation = "A scripted refusal."
    refused = {"type": "refusal", "category": None, "explanation": explanation}
    return {"stop_details": refused}


def _usage(answer: Answer) -> dict[str, object]:
    usage = answer.usage
    return {
        "input_tokens": usage.input - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
    }


def error(status: int, message: str, parameter: str | None = None) -> Json:
    """Write an error as Anthropic does."""
    del parameter
    kind = _ERRORS.get(status, "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}}
