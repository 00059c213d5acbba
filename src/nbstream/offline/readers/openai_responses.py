"""Read OpenAI Responses requests.

Read: model, input, instructions, stream, max_output_tokens, tools, tool_choice,
reasoning, text.format and previous_response_id. Everything else is accepted and not
looked at.
"""

from __future__ import annotations

from nbstream.offline.wire import base as r
from nbstream.offline.wire.base import Ask, Json, RequestError

__all__ = ["read"]

_RESULT = "function_call_output"
_SYSTEM = frozenset({"system", "developer"})


def read(request: Json, model: str, *, stream: bool) -> Ask:
    """Read a request; the model and the streaming are in its body."""
    del model, stream
    name = r.required_text(request, "model")
    asked = request.get("input")
    if not asked or not isinstance(asked, str | list):
        raise RequestError(400, "Missing required parameter: 'input'.", "input")
    said = _said(asked, request.get("instructions"))
    offered = [t for t in r.items(request.get("tools")) if t.get("type") == "function"]
    tools = r.tools(offered, "parameters")
    return Ask(
        model=name,
        prompt=said.prompt,
        system=said.system,
        stream=r.flag(request.get("stream")),
        tools=r.allowed_tools(tools, request.get("tool_choice")),
        tool_results=said.results,
        input_tokens=r.estimate_tokens(asked, request.get("instructions")),
        max_tokens=r.limit(request.get("max_output_tokens"), "max_output_tokens"),
        reasoning=_wants_reasoning(request.get("reasoning")),
        schema=r.schema_of(r.mapping(request.get("text")).get("format")),
        previous=r.text(request.get("previous_response_id")),
    )


def _said(asked: str | list[object], instructions: object) -> r.Said:
    if isinstance(asked, str):
        return r.Said(prompt=asked, system=r.join_texts(instructions), results=())
    entries = r.items(asked)
    users = [at for at, entry in enumerate(entries) if entry.get("role") == "user"]
    since = entries[users[-1] + 1 :] if users else entries
    system = [e.get("content") for e in entries if e.get("role") in _SYSTEM]
    return r.Said(
        prompt=r.join_texts(entries[users[-1]].get("content")) if users else "",
        system=r.join_texts([instructions, *system]),
        results=tuple(
            r.join_texts(e.get("output")) for e in since if e.get("type") == _RESULT
        ),
    )


def _wants_reasoning(asked: object) -> bool:
    effort = r.mapping(asked).get("effort")
    return bool(asked) and effort not in {"none", "minimal"}
