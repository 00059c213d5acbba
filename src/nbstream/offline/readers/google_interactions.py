"""Read Gemini Interactions requests.

Read: model or agent, input, system_instruction, stream, generation_config
(max_output_tokens, thinking_summaries, tool_choice), tools, response_format and
previous_interaction_id. Everything else is accepted and not looked at.
"""

from __future__ import annotations

from nbstream.offline.wire import base as r
from nbstream.offline.wire.base import Ask, Json, RequestError

__all__ = ["read"]


def read(request: Json, model: str, *, stream: bool) -> Ask:
    """Read a request; the model and the streaming are in its body."""
    del model, stream
    name = r.text(request.get("agent")) or r.required_text(request, "model")
    given = request.get("input")
    if not given:
        raise RequestError(400, "Missing required parameter: 'input'.", "input")
    said = _said(_steps(given), request.get("system_instruction"))
    config = r.mapping(request.get("generation_config"))
    offered = [t for t in r.items(request.get("tools")) if t.get("type") == "function"]
    tools = r.tools(offered, "parameters")
    return Ask(
        model=name,
        prompt=said.prompt,
        system=said.system,
        stream=r.flag(request.get("stream")),
        tools=r.allowed_tools(tools, config.get("tool_choice")),
        tool_results=said.results,
        input_tokens=r.estimate_tokens(given, request.get("system_instruction")),
        max_tokens=r.limit(config.get("max_output_tokens"), "max_output_tokens"),
        reasoning=config.get("thinking_summaries") == "auto",
        schema=r.schema_of(request.get("response_format")),
        previous=r.text(request.get("previous_interaction_id")),
    )


def _said(steps: list[Json], system: object) -> r.Said:
    users = [at for at, step in enumerate(steps) if _is_user(step)]
    since = steps[users[-1] + 1 :] if users else steps
    results = [s.get("result") for s in since if s.get("type") == "function_result"]
    return r.Said(
        prompt=r.join_texts(steps[users[-1]].get("content")) if users else "",
        system=r.text(system),
        results=tuple(r.join_texts(result) for result in results),
    )


def _steps(given: object) -> list[Json]:
    """Return the input as steps: it may be text, one content, contents or steps."""
    listed = r.items(given if isinstance(given, list) else [given])
    if any(_is_user(entry) or "result" in entry or "role" in entry for entry in listed):
        return listed
    return [{"type": "user_input", "content": given}]


def _is_user(step: Json) -> bool:
    return step.get("type") == "user_input" or step.get("role") == "user"
