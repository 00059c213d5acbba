"""OpenAI's two APIs: Chat Completions and Responses.

Read are the fields named in each ``settings``; everything else is accepted and not
looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from nbstream.offline.manners import OPENAI, pieces
from nbstream.offline.wire.base import (
    CREATED,
    DONE,
    Answer,
    AnswerPart,
    Api,
    Ask,
    Choice,
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

_MOST_CHOICES = 16
_SYSTEM = frozenset({"system", "developer"})
#: (type, code) of some errors.
_ERRORS: Mapping[int, tuple[str, str]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "model_not_available"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


class _OpenAI(Api):
    """What both have in common: their errors."""

    def error(self, status: int, message: str, parameter: str | None = None) -> Json:
        return _error(
            message,
            "invalid_request_error" if status < 500 else "server_error",
            parameter,
            "not_found" if status == 404 else None,
        )

    def failure(self, status: int, message: str) -> Json:
        if status in _ERRORS:
            kind, code = _ERRORS[status]
            return _error(message, kind, None, code)
        return self.error(status, message)


def _error(message: str, kind: str, parameter: str | None, code: str | None) -> Json:
    error = {"message": message, "type": kind, "param": parameter, "code": code}
    return {"error": error}


class _Chat(_OpenAI):
    """Chat Completions: ``POST [/v1]/chat/completions``."""

    name = "openai.chat"
    unanswered = (
        "An assistant message with 'tool_calls' must be followed by tool messages "
        "responding to each 'tool_call_id'. The following tool_call_ids did not have "
        "response messages: {name}"
    )
    uncalled = (
        "messages with role 'tool' must be a response to a preceding message with "
        "'tool_calls'."
    )

    def settings(self, request: Json, model: str, *, stream: bool) -> Ask:
        name = required_text(request, "model")
        messages = items(request.get("messages"))
        if not messages:
            missing = "Missing required parameter: 'messages'."
            raise RequestError(400, missing, "messages")
        system = [m.get("content") for m in messages if m.get("role") in _SYSTEM]
        most = request.get("max_completion_tokens", request.get("max_tokens"))
        options = mapping(request.get("stream_options"))
        offered = [mapping(t.get("function")) for t in items(request.get("tools"))]
        form = mapping(request.get("response_format"))
        return Ask(
            model=name,
            system=join_texts(system),
            stream=request.get("stream") is True,
            tools=callable_tools(offered, request.get("tool_choice"), "parameters"),
            input_tokens=estimate_tokens(messages),
            max_tokens=limit(most, "max_completion_tokens"),
            reasoning=request.get("reasoning_effort") not in {None, "none", "minimal"},
            choices=min(limit(request.get("n"), "n") or 1, _MOST_CHOICES),
            include_usage=options.get("include_usage") is True,
            schema=schema_of(form.get("json_schema")),
        )

    def history(self, request: Json) -> Iterator[Entry]:
        for at, message in enumerate(items(request.get("messages"))):
            said = join_texts(message.get("content"))
            match message.get("role"):
                case "user":
                    yield Entry("user", at, text=said)
                case "assistant":
                    yield Entry("model", at, text=said)
                    for call in items(message.get("tool_calls")):
                        yield Entry("call", at, text(call.get("id")))
                case "tool":
                    yield Entry("result", at, text(message.get("tool_call_id")), said)
                case _:  # the system, or a function of the API before tools
                    pass

    def frames(self, ask: Ask, answer: Answer) -> Iterator[Frame]:
        """Write the stream; the answers of several choices come by turns."""
        head = _chat_head(answer, "chat.completion.chunk")
        usage = {"usage": None} if ask.include_usage else {}
        for row in zip_longest(*map(_chat_deltas, answer.choices)):
            for index, step in enumerate(row):
                if step:
                    delta, finish, tokens = step
                    choice = {"index": index, "delta": delta, "finish_reason": finish}
                    # The choices are written at the same time: only one is waited for.
                    weight = 0 if index else tokens
                    yield Frame(event({**head, "choices": [choice], **usage}), weight)
        if ask.include_usage:
            last = {**head, "choices": [], "usage": _chat_usage(answer)}
            yield Frame(event(last))
        yield DONE

    def body(self, ask: Ask, answer: Answer) -> Json:
        choices = [
            {
                "index": index,
                "message": _chat_message(choice),
                "logprobs": None,
                "finish_reason": _chat_finish(choice),
            }
            for index, choice in enumerate(answer.choices)
        ]
        head = _chat_head(answer, "chat.completion")
        return {**head, "choices": choices, "usage": _chat_usage(answer)}

    def failed(self, message: str, number: int) -> Frame:
        error = {"message": message, "type": "server_error", "code": "overloaded"}
        return Frame(event({"error": error}))

    def unknown(self) -> Frame:
        return Frame(event({"object": "chat.unheard_of", "choices": []}))

    def ends(self, data: dict[str, Any]) -> bool:
        return any(choice["finish_reason"] for choice in data.get("choices", ()))

    def text_place(self, data: dict[str, Any]) -> tuple[dict[str, Any], str]:
        return data["choices"][0]["delta"], "content"


def _chat_finish(choice: Choice) -> str:
    """Say why it ends: a refusal is a field of the message, and no reason."""
    return "stop" if choice.finish == "refusal" else choice.finish


def _chat_deltas(choice: Choice) -> Iterator[tuple[Json, str | None, int]]:
    opening: dict[str, object] = {"role": "assistant", "content": None}
    calls = 0
    for part in choice.parts:
        for delta, tokens in _chat_part(part, calls):
            if opening or delta not in ({"content": ""}, {"refusal": ""}):
                yield {**opening, **delta}, None, tokens
            opening = {}
        calls += part.kind == "tool_call"
    yield opening, _chat_finish(choice), 0


def _chat_part(part: AnswerPart, calls: int) -> Iterator[tuple[Json, int]]:
    if part.kind == "tool_call":
        start = {"index": calls, "id": f"call_{part.id}", "type": "function"}
        function = {"name": part.name, "arguments": ""}
        yield {"tool_calls": [start | {"function": function}]}, 1
        for said, tokens in pieces(part.tokens, OPENAI):
            piece = {"index": calls, "function": {"arguments": said}}
            yield {"tool_calls": [piece]}, tokens
        return
    fields = {"text": "content", "reasoning": "reasoning_content"}
    field = fields.get(part.kind, "refusal")
    if part.kind != "reasoning":
        yield {field: ""}, 0
    for said, tokens in pieces(part.tokens, OPENAI):
        yield {field: said}, tokens


def _chat_message(choice: Choice) -> Json:
    def joined(kind: str) -> str | None:
        return "".join(p.text for p in choice.parts if p.kind == kind) or None

    calls = [
        {
            "id": f"call_{part.id}",
            "type": "function",
            "function": {"name": part.name, "arguments": part.text},
        }
        for part in choice.parts
        if part.kind == "tool_call"
    ]
    more = {"reasoning_content": joined("reasoning"), "tool_calls": calls}
    return {
        "role": "assistant",
        "content": joined("text"),
        "refusal": joined("refusal"),
        **{name: value for name, value in more.items() if value},
    }


def _chat_head(answer: Answer, kind: str) -> Json:
    name = f"chatcmpl-{answer.id}"
    return {"id": name, "object": kind, "created": CREATED, "model": answer.model}


def _chat_usage(answer: Answer) -> Json:
    usage = answer.usage
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        "prompt_tokens_details": {"cached_tokens": usage.cached},
    }


class _Responses(_OpenAI):
    """Responses: ``POST [/v1]/responses``."""

    name = "openai.responses"
    anywhere = True
    unanswered = "No tool output found for function call {name}."
    uncalled = "No tool call found for function call output with call_id {name}."

    def settings(self, request: Json, model: str, *, stream: bool) -> Ask:
        name = required_text(request, "model")
        asked, instructions = request.get("input"), request.get("instructions")
        if not asked or not isinstance(asked, str | list):
            raise RequestError(400, "Missing required parameter: 'input'.", "input")
        system = [e.get("content") for e in items(asked) if e.get("role") in _SYSTEM]
        tools = items(request.get("tools"))
        offered = [tool for tool in tools if tool.get("type") == "function"]
        effort = mapping(request.get("reasoning")).get("effort")
        return Ask(
            model=name,
            system=join_texts([instructions, *system]),
            stream=request.get("stream") is True,
            tools=callable_tools(offered, request.get("tool_choice"), "parameters"),
            input_tokens=estimate_tokens(asked, instructions),
            max_tokens=limit(request.get("max_output_tokens"), "max_output_tokens"),
            reasoning=bool(request.get("reasoning"))
            and effort not in {"none", "minimal"},
            schema=schema_of(mapping(request.get("text")).get("format")),
            previous=text(request.get("previous_response_id")),
        )

    def history(self, request: Json) -> Iterator[Entry]:
        asked = request.get("input")
        if isinstance(asked, str):
            yield Entry("user", 0, text=asked)
        for at, item in enumerate(items(asked)):
            match item.get("type"), item.get("role"):
                case "function_call", _:
                    yield Entry("call", at, text(item.get("call_id")))
                case "function_call_output", _:
                    result = join_texts(item.get("output"))
                    yield Entry("result", at, text(item.get("call_id")), result)
                case _, ("user" | "assistant") as role:
                    said = join_texts(item.get("content"))
                    yield Entry("user" if role == "user" else "model", at, text=said)
                case _:  # the system, reasoning, the provider's own tools
                    pass

    def frames(self, ask: Ask, answer: Answer) -> Iterator[Frame]:
        """Write the stream: every event is named and numbered."""
        for number, (kind, fields, tokens) in enumerate(_responses_events(answer)):
            data = {"type": kind, "sequence_number": number, **fields}
            yield Frame(event(data, kind), tokens)

    def body(self, ask: Ask, answer: Answer) -> Json:
        return _response(answer, _responses_status(answer))

    def failed(self, message: str, number: int) -> Frame:
        error = {"type": "error", "code": "server_error", "message": message}
        numbered = {**error, "param": None, "sequence_number": number}
        return Frame(event(numbered, "error"))

    def unknown(self) -> Frame:
        name = "response.unheard_of.delta"
        return Frame(event({"type": name, "sequence_number": 0}, name))

    def ends(self, data: dict[str, Any]) -> bool:
        return data.get("type") in {"response.completed", "response.incomplete"}

    def text_place(self, data: dict[str, Any]) -> tuple[dict[str, Any], str]:
        return data, "delta"


def _responses_events(answer: Answer) -> Iterator[tuple[str, Json, int]]:
    started = {"response": _response(answer, "in_progress")}
    yield "response.created", started, 0
    yield "response.in_progress", started, 0
    for at, part in enumerate(answer.parts):
        opened, done = _item(part, answer, at, whole=False), _item(part, answer, at)
        yield "response.output_item.added", {"output_index": at, "item": opened}, 0
        for kind, fields, tokens in _responses_part(part):
            where = {"item_id": done["id"], "output_index": at}
            yield kind, {**where, **fields}, tokens
        yield "response.output_item.done", {"output_index": at, "item": done}, 0
    status = _responses_status(answer)
    yield f"response.{status}", {"response": _response(answer, status)}, 0


def _responses_part(part: AnswerPart) -> Iterator[tuple[str, Json, int]]:
    """Write a part's own events: opened, its tokens, and what they came to."""
    around: str = ""
    at: Json = {}
    more: Json = {}
    match part.kind:
        case "tool_call":
            name = "response.function_call_arguments"
            done: Json = {"arguments": part.text, "name": part.name}
        case "reasoning":
            around, at = "response.reasoning_summary_part", {"summary_index": 0}
            name, done = "response.reasoning_summary_text", {"text": part.text}
        case "text" | "refusal":
            around, at = "response.content_part", {"content_index": 0}
            name, done = f"response.{part.kind}", {part.kind: part.text}
            if part.kind == "text":
                name, more = "response.output_text", {"logprobs": []}
    if around:
        yield f"{around}.added", {**at, "part": _content(part, "")}, 0
    for said, tokens in pieces(part.tokens, OPENAI):
        yield f"{name}.delta", {**at, "delta": said, **more}, tokens
    yield f"{name}.done", {**at, **done, **more}, 0
    if around:
        yield f"{around}.done", {**at, "part": _content(part, part.text)}, 0


def _content(part: AnswerPart, text: str) -> Json:
    match part.kind:
        case "refusal":
            return {"type": "refusal", "refusal": text}
        case "reasoning":
            return {"type": "summary_text", "text": text}
        case _:
            written = {"type": "output_text", "text": text}
            return {**written, "annotations": [], "logprobs": []}


def _item(part: AnswerPart, answer: Answer, at: int, *, whole: bool = True) -> Json:
    """Write one output item, as it is announced or as it is in the end."""
    name = f"{answer.id}{at}"
    status = ("completed" if part.whole else "incomplete") if whole else "in_progress"
    content = [_content(part, part.text)] if whole else []
    if part.kind == "reasoning":
        return {"id": f"rs_{name}", "type": "reasoning", "summary": content}
    if part.kind == "tool_call":
        return {
            "id": f"fc_{name}",
            "type": "function_call",
            "call_id": f"call_{part.id}",
            "name": part.name,
            "arguments": part.text if whole else "",
            "status": status,
        }
    message = {"id": f"msg_{name}", "type": "message", "role": "assistant"}
    return {**message, "status": status, "content": content}


def _responses_status(answer: Answer) -> str:
    return "incomplete" if answer.finish == "length" else "completed"


def _response(answer: Answer, status: str) -> Json:
    ended, usage = status != "in_progress", answer.usage
    parts = answer.parts if ended else ()
    cut_off = {"reason": "max_output_tokens"} if status == "incomplete" else None
    counts = {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
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
        "usage": counts if ended else None,
    }


APIS = (_Chat(), _Responses())
