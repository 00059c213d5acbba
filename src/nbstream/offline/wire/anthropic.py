"""Anthropic Messages: ``POST /v1/messages``.

Read are the fields named in ``settings``; everything else is accepted and not looked
at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbstream.offline.manners import ANTHROPIC, pieces
from nbstream.offline.wire.base import (
    SIGNATURE,
    Answer,
    AnswerPart,
    Api,
    Ask,
    Entry,
    Frame,
    Json,
    RequestError,
    callable_tools,
    estimate_tokens,
    event,
    items,
    join_texts,
    limit,
    mapping,
    required_text,
    schema_of,
    text,
)

_STOP = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "refusal": "refusal",
}
_ERRORS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class _Messages(Api):
    """The one API of Anthropic."""

    name = "anthropic.messages"
    unanswered = (
        "messages.{at}: `tool_use` ids were found without `tool_result` blocks "
        "immediately after: {name}. Each `tool_use` block must have a corresponding "
        "`tool_result` block in the next message."
    )
    uncalled = (
        "messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks: "
        "{name}. Each `tool_result` block must have a corresponding `tool_use` block "
        "in the previous message."
    )

    def settings(self, request: Json, model: str, *, stream: bool) -> Ask:
        name = required_text(request, "model")
        messages = items(request.get("messages"))
        needed = {"messages": messages, "max_tokens": request.get("max_tokens")}
        for field in [field for field, given in needed.items() if not given]:
            raise RequestError(400, f"{field}: Field required", field)
        offered = [t for t in items(request.get("tools")) if "input_schema" in t]
        thinking = mapping(request.get("thinking")).get("type")
        previous = mapping(request.get("thread")).get("previous_message_id")
        return Ask(
            model=name,
            system=join_texts(request.get("system")),
            stream=request.get("stream") is True,
            tools=callable_tools(offered, request.get("tool_choice"), "input_schema"),
            input_tokens=estimate_tokens(
                messages, request.get("system"), manner=ANTHROPIC
            ),
            max_tokens=limit(request.get("max_tokens"), "max_tokens"),
            reasoning=thinking in {"enabled", "adaptive"},
            schema=schema_of(mapping(request.get("output_config")).get("format")),
            previous=text(previous),
        )

    def history(self, request: Json) -> Iterator[Entry]:
        """Give the conversation; results come in messages of the user, too."""
        for at, message in enumerate(items(request.get("messages"))):
            content = message.get("content")
            if isinstance(content, str):
                content = [{"type": "text", "text": content}]
            for block in items(content):
                match block.get("type"):
                    case "text":
                        said = text(block.get("text"))
                        user = message.get("role") == "user"
                        yield Entry("user" if user else "model", at, text=said)
                    case "tool_use":
                        yield Entry("call", at, text(block.get("id")))
                    case "tool_result":
                        name = text(block.get("tool_use_id"))
                        result = join_texts(block.get("content"))
                        yield Entry("result", at, name, result)
                    case _:  # thinking, images, the provider's own tools
                        pass

    def check(self, request: Json, previous: str) -> None:
        messages = items(request.get("messages"))
        for at, message in enumerate(messages):
            content = message.get("content")
            last = at == len(messages) - 1 and message.get("role") == "assistant"
            if not content and not last:
                raise RequestError(
                    400,
                    f"messages.{at}: all messages must have non-empty content except "
                    "for the optional final assistant message",
                )
            texts = [b for b in items(content) if b.get("type") == "text"]
            if not all(text(block.get("text")).strip() for block in texts):
                said = "text content blocks must contain non-whitespace text"
                raise RequestError(400, f"messages: {said}")
        super().check(request, previous)

    def frames(self, ask: Ask, answer: Answer) -> Iterator[Frame]:
        """Write the stream: named events, one block after the other."""
        for data, tokens in _events(answer):
            yield Frame(event(data, str(data["type"])), tokens)
            if data["type"] == "content_block_start" and data["index"] == 0:
                yield Frame(b'event: ping\ndata: {"type": "ping"}\n\n')

    def body(self, ask: Ask, answer: Answer) -> Json:
        blocks = [_block(part) for part in answer.parts]
        return {
            **_message(answer, blocks, _STOP[answer.finish]),
            **_details(answer),
            "usage": _usage(answer),
        }

    def error(self, status: int, message: str, parameter: str | None = None) -> Json:
        usual = "invalid_request_error" if status < 500 else "api_error"
        error = {"type": _ERRORS.get(status, usual), "message": message}
        return {"type": "error", "error": error}

    def failure(self, status: int, message: str) -> Json:
        return {**self.error(status, message), "request_id": "req_scripted"}

    def failed(self, message: str, number: int) -> Frame:
        return Frame(event(self.failure(529, message), "error"))

    def unknown(self) -> Frame:
        name = "unheard_of.delta"
        return Frame(event({"type": name, "index": 0}, name))

    def ends(self, data: dict[str, Any]) -> bool:
        return bool(data.get("type") == "message_stop")

    def text_place(self, data: dict[str, Any]) -> tuple[dict[str, Any], str]:
        return data["delta"], "text"


def _events(answer: Answer) -> Iterator[tuple[Json, int]]:
    opened = _message(answer, [], None)
    usage = {**_usage(answer), "output_tokens": 1}
    yield {"type": "message_start", "message": {**opened, "usage": usage}}, 0
    for at, part in enumerate(answer.parts):
        block = _block(part, whole=False)
        yield {"type": "content_block_start", "index": at, "content_block": block}, 0
        for delta, tokens in _deltas(part):
            yield {"type": "content_block_delta", "index": at, "delta": delta}, tokens
        yield {"type": "content_block_stop", "index": at}, 0
    end = {"stop_reason": _STOP[answer.finish], "stop_sequence": None}
    delta = {**end, **_details(answer)}
    yield {"type": "message_delta", "delta": delta, "usage": _usage(answer)}, 0
    yield {"type": "message_stop"}, 0


def _deltas(part: AnswerPart) -> Iterator[tuple[Json, int]]:
    match part.kind:
        case "reasoning":
            kind, field = "thinking_delta", "thinking"
        case "tool_call":
            kind, field = "input_json_delta", "partial_json"
            yield {"type": kind, field: ""}, 0
        case "text" | "refusal":
            kind, field = "text_delta", "text"
    for said, tokens in pieces(part.tokens, ANTHROPIC):
        yield {"type": kind, field: said}, tokens
    if part.kind == "reasoning":
        yield {"type": "signature_delta", "signature": SIGNATURE}, 0


def _block(part: AnswerPart, *, whole: bool = True) -> Json:
    text = part.text if whole else ""
    match part.kind:
        case "reasoning":
            signature = SIGNATURE if whole else ""
            return {"type": "thinking", "thinking": text, "signature": signature}
        case "tool_call":
            call = {"type": "tool_use", "id": f"toolu_{part.id}", "name": part.name}
            return {**call, "input": part.arguments if whole else {}}
        case "text" | "refusal":
            return {"type": "text", "text": text}


def _message(answer: Answer, content: list[Json], stop: str | None) -> Json:
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
    }


def _details(answer: Answer) -> Json:
    if answer.finish != "refusal":
        return {}
    explanation = "A scripted refusal."
    refused = {"type": "refusal", "category": None, "explanation": explanation}
    return {"stop_details": refused}


def _usage(answer: Answer) -> Json:
    usage = answer.usage
    return {
        "input_tokens": usage.input - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
    }


APIS = (_Messages(),)
