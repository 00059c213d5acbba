"""Read OpenAI Chat Completions requests.

Read: model, messages, stream, stream_options.include_usage, n, max_tokens,
max_completion_tokens, tools, tool_choice, reasoning_effort and response_format.
Everything else is accepted and not looked at.
"""

from __future__ import annotations

from nbstream.offline.wire import base as r
from nbstream.offline.wire.base import Ask, Json, RequestError, Tool

__all__ = ["read"]

_MOST_CHOICES = 16


def read(request: Json, model: str, *, stream: bool) -> Ask:
    """Read a request; the model and the streaming are in its body."""
    del model, stream
    name = r.required_text(request, "model")
    messages = r.items(request.get("messages"))
    if not messages:
        raise RequestError(400, "Missing required parameter: 'messages'.", "messages")
    said = _said(messages)
    most = request.get("max_completion_tokens", request.get("max_tokens"))
    options = r.mapping(request.get("stream_options"))
    return Ask(
        model=name,
        prompt=said.prompt,
        system=said.system,
        stream=r.flag(request.get("stream")),
        tools=r.allowed_tools(_tools(request), request.get("tool_choice")),
        tool_results=said.results,
        input_tokens=r.estimate_tokens(messages),
        max_tokens=r.limit(most, "max_completion_tokens"),
        reasoning=request.get("reasoning_effort") not in {None, "none", "minimal"},
        choices=min(r.limit(request.get("n"), "n") or 1, _MOST_CHOICES),
        include_usage=r.flag(options.get("include_usage")),
        schema=_schema(request),
    )


def _said(messages: list[Json]) -> r.Said:
    roles = [message.get("role") for message in messages]
    contents = [message.get("content") for message in messages]
    asked = max((at for at, role in enumerate(roles) if role == "user"), default=-1)
    told = list(zip(roles, contents, strict=True))
    return r.Said(
        prompt=r.join_texts(contents[asked]) if asked >= 0 else "",
        system=r.join_texts([c for role, c in told if role in {"system", "developer"}]),
        results=tuple(
            r.join_texts(c) for role, c in told[asked + 1 :] if role == "tool"
        ),
    )


def _tools(request: Json) -> list[Tool]:
    offered = r.items(request.get("tools"))
    return r.tools([r.mapping(tool.get("function")) for tool in offered], "parameters")


def _schema(request: Json) -> Json | None:
    return r.schema_of(r.mapping(request.get("response_format")).get("json_schema"))
