"""Speak Gemini answers: ``POST /v1/models/M:streamGenerateContent``."""

from __future__ import annotations

from collections.abc import Iterator

from nbstream.offline.readers.google_generate_content import read
from nbstream.offline.wire.base import (
    SIGNATURE,
    Answer,
    AnswerPart,
    Ask,
    Frame,
    Json,
    event,
    joined,
)

__all__ = ["body", "error", "frames", "read"]

_FINISH = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "refusal": "SAFETY",
}
_STATUS = {404: "NOT_FOUND", 405: "UNIMPLEMENTED", 500: "INTERNAL"}
#: Gemini sends a few words at a time, where the others send a token.
_TOKENS_PER_CHUNK = 6


def frames(ask: Ask, answer: Answer) -> Iterator[Frame]:
    """Write the stream: unnamed events, CRLF, the end in the last chunk."""
    del ask
    chunks = list(_chunks(answer))
    reason = _FINISH[answer.first.finish]
    only_text = all(part.kind == "text" for part in answer.first.parts)
    if reason == "SAFETY":
        chunks.append((None, 0))
    elif not only_text or not chunks:
        chunks.append(([{"text": ""}], 0))
    for at, (parts, tokens) in enumerate(chunks, 1):
        last = at == len(chunks)
        data = _response(answer, parts, reason if last else None)
        yield Frame(event(data, newline="\r\n"), tokens)


def _chunks(answer: Answer) -> Iterator[tuple[list[Json] | None, int]]:
    signed = any(part.kind == "reasoning" for part in answer.first.parts)
    calls = [part for part in answer.first.parts if part.kind == "tool_call"]
    for part in answer.first.parts:
        if part.kind == "tool_call":
            continue
        for text, tokens in joined(part.tokens, _TOKENS_PER_CHUNK):
            thought: Json = {"thought": True} if part.kind == "reasoning" else {}
            proof = {"thoughtSignature": SIGNATURE} if signed and not thought else {}
            signed = signed and not proof
            yield [{"text": text, **thought, **proof}], tokens
    written = _call_parts(calls)
    if written:
        yield written, sum(len(part.tokens) for part in calls)


def _call_parts(calls: list[AnswerPart]) -> list[Json]:
    """Write whole calls only: a call that the limit cut is left out, as there."""
    written: list[Json] = []
    for part in calls:
        if part.whole:
            call = {"id": f"call_{part.id}", "name": part.name, "args": part.arguments}
            proof = {} if written else {"thoughtSignature": SIGNATURE}
            written.append({"functionCall": call, **proof})
    return written


def body(ask: Ask, answer: Answer) -> Json:
    """Write the whole answer at once."""
    del ask
    said = [part for part in answer.first.parts if part.kind != "tool_call"]
    parts: list[Json] = [
        {"text": p.text, **({"thought": True} if p.kind == "reasoning" else {})}
        for p in said
    ]
    parts += _call_parts([p for p in answer.first.parts if p.kind == "tool_call"])
    return _response(answer, parts or [{"text": ""}], _FINISH[answer.first.finish])


def _response(answer: Answer, parts: list[Json] | None, reason: str | None) -> Json:
    candidate: dict[str, object] = {"index": 0}
    if parts is not None:
        candidate["content"] = {"role": "model", "parts": parts}
    if reason:
        candidate["finishReason"] = reason
    return {
        "candidates": [candidate],
        "modelVersion": answer.model,
        "responseId": answer.id,
        "usageMetadata": _usage(answer, ended=bool(reason)),
    }


def _usage(answer: Answer, *, ended: bool) -> Json:
    usage = answer.usage
    if not ended:
        return {"promptTokenCount": usage.input, "totalTokenCount": usage.input}
    return {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.input + usage.output,
        **({"thoughtsTokenCount": usage.reasoning} if usage.reasoning else {}),
        **({"cachedContentTokenCount": usage.cached} if usage.cached else {}),
    }


def error(status: int, message: str, parameter: str | None = None) -> Json:
    """Write an error as the Gemini API does."""
    del parameter
    word = _STATUS.get(status, "INVALID_ARGUMENT")
    return {"error": {"code": status, "message": message, "status": word}}
