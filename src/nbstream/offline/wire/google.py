"""Gemini's two APIs: generate_content and Interactions.

Read are the fields named in each ``settings``, those of generate_content in camelCase
or snake_case; everything else is accepted and not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbstream.offline.manners import GOOGLE, pieces
from nbstream.offline.wire.base import (
    CREATED_DATE,
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
    first,
    items,
    join_texts,
    limit,
    mapping,
    required_text,
    schema_of,
    text,
)

_STATUS = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_FINISH = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "refusal": "SAFETY",
}
_OUTCOME = {
    "stop": "completed",
    "length": "incomplete",
    "tool_calls": "requires_action",
    "refusal": "failed",
}
_PAIRED = (
    "Please ensure that the number of function response parts is equal to the number "
    "of function call parts of the function call turn."
)
_SCHEMAS = (
    "responseJsonSchema",
    "response_json_schema",
    "responseSchema",
    "response_schema",
)
_PARAMETERS = "parametersJsonSchema", "parameters_json_schema", "parameters"


def _status(status: int) -> str:
    usual = "INVALID_ARGUMENT" if status < 500 else "INTERNAL"
    return _STATUS.get(status, usual)


class _GenerateContent(Api):
    """generate_content: ``POST /v1/models/M:streamGenerateContent``."""

    name = "google.generate_content"
    unanswered = uncalled = _PAIRED

    def settings(self, request: Json, model: str, *, stream: bool) -> Ask:
        contents = _contents(request)
        if not contents:
            raise RequestError(400, "contents: contents is not specified")
        system = first(request, "systemInstruction", "system_instruction")
        config = mapping(first(request, "generationConfig", "generation_config"))
        thinking = mapping(first(config, "thinkingConfig", "thinking_config"))
        schema = first(config, *_SCHEMAS)
        choice = first(request, "toolConfig", "tool_config")
        most = first(config, "maxOutputTokens", "max_output_tokens")
        offered = [
            function
            for tool in items(request.get("tools"))
            for function in items(
                first(tool, "functionDeclarations", "function_declarations")
            )
        ]
        return Ask(
            model=model,
            system=join_texts(system),
            stream=stream,
            tools=callable_tools(offered, choice, *_PARAMETERS),
            input_tokens=estimate_tokens(contents, system, manner=GOOGLE),
            max_tokens=limit(most, "maxOutputTokens"),
            reasoning=first(thinking, "includeThoughts", "include_thoughts") is True,
            schema=mapping(schema) if schema else None,
        )

    def history(self, request: Json) -> Iterator[Entry]:
        for at, content in enumerate(_contents(request)):
            for part in items(content.get("parts")):
                call = first(part, "functionCall", "function_call")
                result = first(part, "functionResponse", "function_response")
                if isinstance(call, dict):
                    yield Entry("call", at, text(call.get("name")))
                elif isinstance(result, dict):
                    said = _unwrapped(result.get("response"))
                    yield Entry("result", at, text(result.get("name")), said)
                elif said := text(part.get("text")):
                    model = content.get("role") == "model"
                    yield Entry("model" if model else "user", at, text=said)

    def check(self, request: Json, previous: str) -> None:
        for content in items(request.get("contents")):
            if not content.get("parts"):
                said = "contents.parts must not be empty."
                raise RequestError(400, f"GenerateContentRequest.contents: {said}")
        super().check(request, previous)

    def frames(self, ask: Ask, answer: Answer) -> Iterator[Frame]:
        """Write the stream: unnamed events, CRLF, the end in the last chunk."""
        chunks = list(_chunks(answer))
        if answer.finish == "refusal":
            chunks.append((None, 0))
        elif not chunks or any(part.kind != "text" for part in answer.parts):
            chunks.append(([{"text": ""}], 0))
        for number, (parts, tokens) in enumerate(chunks, 1):
            data = _response(answer, parts, ended=number == len(chunks))
            yield Frame(event(data, newline="\r\n"), tokens)

    def body(self, ask: Ask, answer: Answer) -> Json:
        parts: list[Json] = [
            {"text": p.text, **({"thought": True} if p.kind == "reasoning" else {})}
            for p in answer.parts
            if p.kind != "tool_call"
        ]
        parts += _call_parts(answer)
        return _response(answer, parts or [{"text": ""}], ended=True)

    def error(self, status: int, message: str, parameter: str | None = None) -> Json:
        error = {"code": status, "message": message, "status": _status(status)}
        return {"error": error}

    def failed(self, message: str, number: int) -> Frame:
        return Frame(event(self.error(503, message), newline="\r\n"))

    def unknown(self) -> Frame:
        return Frame(event({"unheardOf": {"text": "x"}}, newline="\r\n"))

    def ends(self, data: dict[str, Any]) -> bool:
        return any(each.get("finishReason") for each in data.get("candidates", ()))

    def text_place(self, data: dict[str, Any]) -> tuple[dict[str, Any], str]:
        return data["candidates"][0]["content"]["parts"][0], "text"


def _contents(request: Json) -> list[Json]:
    given = request.get("contents")
    return items(given if isinstance(given, list) else [given])


def _unwrapped(response: object) -> str:
    """Return what is in ``{"result": ...}``, which the SDK puts around a value."""
    wrapped = mapping(response)
    return join_texts(next(iter(wrapped.values())) if len(wrapped) == 1 else response)


def _chunks(answer: Answer) -> Iterator[tuple[list[Json] | None, int]]:
    signed = any(part.kind == "reasoning" for part in answer.parts)
    for part in answer.parts:
        tokens = () if part.kind == "tool_call" else part.tokens
        for said, count in pieces(tokens, GOOGLE):
            written: dict[str, object] = {"text": said}
            if part.kind == "reasoning":
                written["thought"] = True
            elif signed:
                written["thoughtSignature"] = SIGNATURE
                signed = False
            yield [written], count
    calls = _call_parts(answer)
    if calls:
        yield calls, sum(len(p.tokens) for p in answer.parts if p.kind == "tool_call")


def _call_parts(answer: Answer) -> list[Json]:
    """Write whole calls only: a call that the limit cut is left out, as there."""
    written: list[Json] = []
    for part in answer.parts:
        if part.kind == "tool_call" and part.whole:
            call = {"id": f"call_{part.id}", "name": part.name, "args": part.arguments}
            proof = {} if written else {"thoughtSignature": SIGNATURE}
            written.append({"functionCall": call, **proof})
    return written


def _response(answer: Answer, parts: list[Json] | None, *, ended: bool) -> Json:
    candidate: dict[str, object] = {"index": 0}
    if parts is not None:
        candidate["content"] = {"role": "model", "parts": parts}
    if ended:
        candidate["finishReason"] = _FINISH[answer.finish]
    return {
        "candidates": [candidate],
        "modelVersion": answer.model,
        "responseId": answer.id,
        "usageMetadata": _gemini_usage(answer, ended=ended),
    }


def _gemini_usage(answer: Answer, *, ended: bool) -> Json:
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


class _Interactions(Api):
    """Interactions: ``POST /v1/interactions``.

    It says nothing of its own rule for calls and results; ours is that of Responses.
    """

    name = "google.interactions"
    anywhere = True
    unanswered = "No function_result for the function_call {name}."
    uncalled = "No function_call for the function_result {name}."

    def settings(self, request: Json, model: str, *, stream: bool) -> Ask:
        name = text(request.get("agent")) or required_text(request, "model")
        given, system = request.get("input"), request.get("system_instruction")
        if not given:
            raise RequestError(400, "Missing required parameter: 'input'.", "input")
        config = mapping(request.get("generation_config"))
        tools = items(request.get("tools"))
        offered = [tool for tool in tools if tool.get("type") == "function"]
        return Ask(
            model=name,
            system=text(system),
            stream=request.get("stream") is True,
            tools=callable_tools(offered, config.get("tool_choice"), "parameters"),
            input_tokens=estimate_tokens(given, system, manner=GOOGLE),
            max_tokens=limit(config.get("max_output_tokens"), "max_output_tokens"),
            reasoning=config.get("thinking_summaries") == "auto",
            schema=schema_of(request.get("response_format")),
            previous=text(request.get("previous_interaction_id")),
        )

    def history(self, request: Json) -> Iterator[Entry]:
        """Give the conversation: the input may be text, contents or steps."""
        given = request.get("input")
        steps = items(given if isinstance(given, list) else [given])
        if not any(map(_is_step, steps)):
            steps = [{"type": "user_input", "content": given}]
        for at, step in enumerate(steps):
            said = join_texts(step.get("content"))
            match step.get("type"), step.get("role"):
                case "function_call", _:
                    yield Entry("call", at, text(step.get("id")))
                case "function_result", _:
                    result = join_texts(step.get("result"))
                    yield Entry("result", at, text(step.get("call_id")), result)
                case ("user_input", _) | (_, "user"):
                    yield Entry("user", at, text=said)
                case ("model_output", _) | (_, "assistant" | "model"):
                    yield Entry("model", at, text=said)
                case _:  # a thought, the provider's own tools
                    pass

    def frames(self, ask: Ask, answer: Answer) -> Iterator[Frame]:
        """Write the stream: named events, one step after the other, and ``done``."""
        for data, tokens in _interaction_events(answer):
            yield Frame(event(data, str(data["event_type"])), tokens)
        yield Frame(b"event: done\ndata: [DONE]\n\n")

    def body(self, ask: Ask, answer: Answer) -> Json:
        refusals = [part for part in answer.parts if part.kind == "refusal"]
        errors = [{"code": "refused", "message": part.text} for part in refusals[:1]]
        return {
            **_interaction(answer, _OUTCOME[answer.finish]),
            "created": CREATED_DATE,
            "updated": CREATED_DATE,
            "steps": [_step(part) for part in _shown(answer)],
            "usage": _interaction_usage(answer),
            **({"errors": errors} if answer.finish == "refusal" else {}),
        }

    def error(self, status: int, message: str, parameter: str | None = None) -> Json:
        code = {404: "not_found", 500: "internal"}.get(status, "invalid_request")
        return {"error": {"code": code, "message": message}}

    def failure(self, status: int, message: str) -> Json:
        return {"error": {"code": _status(status).lower(), "message": message}}

    def failed(self, message: str, number: int) -> Frame:
        error = {"code": "unavailable", "message": message}
        return Frame(event({"event_type": "error", "error": error}, "error"))

    def unknown(self) -> Frame:
        name = "unheard_of.delta"
        return Frame(event({"event_type": name, "index": 0}, name))

    def ends(self, data: dict[str, Any]) -> bool:
        return bool(data.get("event_type") == "interaction.completed")

    def text_place(self, data: dict[str, Any]) -> tuple[dict[str, Any], str]:
        return data["delta"], "text"


def _is_step(entry: Json) -> bool:
    """Tell a step of a conversation from one content of a single message."""
    steps = {"user_input", "function_call"}
    return entry.get("type") in steps or "result" in entry or "role" in entry


def _interaction_events(answer: Answer) -> Iterator[tuple[Json, int]]:
    opened = _interaction(answer, "in_progress")
    yield {"event_type": "interaction.created", "interaction": opened}, 0
    update = {"event_type": "interaction.status_update", "interaction_id": opened["id"]}
    yield update | {"status": "in_progress"}, 0
    for at, part in enumerate(_shown(answer)):
        step = _step(part, whole=False)
        yield {"event_type": "step.start", "index": at, "step": step}, 0
        for delta, tokens in _deltas(part):
            yield {"event_type": "step.delta", "index": at, "delta": delta}, tokens
        yield {"event_type": "step.stop", "index": at}, 0
    ended = _interaction(answer, _OUTCOME[answer.finish])
    whole = {**ended, "usage": _interaction_usage(answer)}
    yield {"event_type": "interaction.completed", "interaction": whole}, 0


def _shown(answer: Answer) -> list[AnswerPart]:
    """Return the parts this API shows: a refusal is a failed interaction, no text."""
    return [part for part in answer.parts if part.kind != "refusal"]


def _deltas(part: AnswerPart) -> Iterator[tuple[Json, int]]:
    for said, tokens in pieces(part.tokens, GOOGLE):
        match part.kind:
            case "reasoning":
                content = {"type": "text", "text": said}
                yield {"type": "thought_summary", "content": content}, tokens
            case "tool_call":
                yield {"type": "arguments_delta", "arguments": said}, tokens
            case "text" | "refusal":
                yield {"type": "text", "text": said}, tokens
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
            return {**call, "arguments": part.arguments if whole else {}}
        case "text" | "refusal":
            return {"type": "model_output", "content": content}


def _interaction(answer: Answer, status: str) -> Json:
    return {
        "id": f"int_{answer.id}",
        "status": status,
        "object": "interaction",
        "model": answer.model,
    }


def _interaction_usage(answer: Answer) -> Json:
    usage = answer.usage
    return {
        "total_input_tokens": usage.input,
        "total_output_tokens": usage.output - usage.reasoning,
        "total_thought_tokens": usage.reasoning,
        "total_tokens": usage.input + usage.output,
        "total_cached_tokens": usage.cached,
    }


APIS = (_GenerateContent(), _Interactions())
