"""Speak OpenAI Chat Completions: ``POST [/v1]/chat/completions``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from nbstream.offline.readers.openai_chat import read
from nbstream.offline.wire.base import (
    CREATED,
    Answer,
    AnswerPart,
    Ask,
    Choice,
    Frame,
    Json,
    event,
)

__all__ = ["body", "error", "frames", "read"]

_FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "refusal": "stop",  # a refusal is a field of the message, not a reason to end
}


def frames(ask: Ask, answer: Answer) -> Iterator[Frame]:
    """Write the stream; the answers of several choices come by turns."""
    streams = [_deltas(choice) for choice in answer.choices]
    for row in zip_longest(*streams):
        for index, step in enumerate(row):
            if step:
                delta, finish, tokens = step
                choice = {"index": index, "delta": delta, "finish_reason": finish}
                # The choices are written at the same time: only one is waited for.
                weight = 0 if index else tokens
                yield Frame(_chunk(ask, answer, [choice], None), weight)
    if ask.include_usage:
        yield Frame(_chunk(ask, answer, [], _usage(answer)))
    yield Frame(b"data: [DONE]\n\n")


def _chunk(ask: Ask, answer: Answer, choices: list[Json], usage: Json | None) -> bytes:
    head = _head(answer, "chat.completion.chunk")
    return event(
        head | {"choices": choices} | ({"usage": usage} if ask.include_usage else {})
    )


def _deltas(choice: Choice) -> Iterator[tuple[Json, str | None, int]]:
    opening: dict[str, object] = {"role": "assistant", "content": None}
    calls = 0
    for part in choice.parts:
        for delta, tokens in _part_deltas(part, calls):
            if opening or delta not in ({"content": ""}, {"refusal": ""}):
                yield opening | delta, None, tokens
            opening = {}
        calls += part.kind == "tool_call"
    yield opening, _FINISH[choice.finish], 0


def _part_deltas(
    part: AnswerPart, calls: int
) -> Iterator[tuple[dict[str, object], int]]:
    if part.kind == "tool_call":
        function: Json = {"name": part.name, "arguments": ""}
        start = {"index": calls, "id": f"call_{part.id}", "type": "function"}
        yield {"tool_calls": [start | {"function": function}]}, 1
        for token in part.tokens:
            piece = {"index": calls, "function": {"arguments": token}}
            yield {"tool_calls": [piece]}, 1
        return
    field = {"text": "content", "reasoning": "reasoning_content"}.get(
        part.kind, "refusal"
    )
    if part.kind != "reasoning":
        yield {field: ""}, 0
    for token in part.tokens:
        yield {field: token}, 1


def body(ask: Ask, answer: Answer) -> Json:
    """Write the whole answer at once."""
    del ask
    choices = [
        {
            "index": index,
            "message": _message(choice),
            "logprobs": None,
            "finish_reason": _FINISH[choice.finish],
        }
        for index, choice in enumerate(answer.choices)
    ]
    return _head(answer, "chat.completion") | {
        "choices": choices,
        "usage": _usage(answer),
    }


def _message(choice: Choice) -> Json:
    def joined(kind: str) -> str | None:
        return "".join(p.text for p in choice.parts if p.kind == kind) or None

    message: dict[str, object] = {"role": "assistant", "content": joined("text")}
    message["refusal"] = joined("refusal")
    calls = [
        {
            "id": f"call_{part.id}",
            "type": "function",
            "function": {"name": part.name, "arguments": part.text},
        }
        for part in choice.parts
        if part.kind == "tool_call"
    ]
    reasoning = joined("reasoning")
    message |= {"reasoning_content": reasoning} if reasoning else {}
    return message | ({"tool_calls": calls} if calls else {})


def _head(answer: Answer, kind: str) -> dict[str, object]:
    name = f"chatcmpl-{answer.id}"
    return {"id": name, "object": kind, "created": CREATED, "model": answer.model}


def _usage(answer: Answer) -> Json:
    usage = answer.usage
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        "prompt_tokens_details": {"cached_tokens": usage.cached},
    }


def error(status: int, message: str, parameter: str | None = None) -> Json:
    """Write an error as OpenAI does."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    code = "not_found" if status == 404 else None
    return {
        "error": {"message": message, "type": kind, "param": parameter, "code": code}
    }
