"""Read Anthropic Messages requests.

Read: model, messages, max_tokens (required, as there), system, stream, tools,
tool_choice, thinking, output_config.format and thread.previous_message_id.
Everything else is accepted and not looked at.
"""

from __future__ import annotations

from nbstream.offline.wire import base as r
from nbstream.offline.wire.base import Ask, Json, RequestError

__all__ = ["read"]


def read(request: Json, model: str, *, stream: bool) -> Ask:
    """Read a request; the model and the streaming are in its body."""
    del model, stream
    name = r.required_text(request, "model")
    messages = r.items(request.get("messages"))
    needed = {"messages": messages, "max_tokens": request.get("max_tokens")}
    for field in [field for field, given in needed.items() if not given]:
        raise RequestError(400, f"{field}: Field required", field)
    said = _said(messages, request.get("system"))
    offered = [t for t in r.items(request.get("tools")) if "input_schema" in t]
    tools = r.tools(offered, "input_schema")
    thinking = r.mapping(request.get("thinking")).get("type")
    return Ask(
        model=name,
        prompt=said.prompt,
        system=said.system,
        stream=r.flag(request.get("stream")),
        tools=r.allowed_tools(tools, request.get("tool_choice")),
        tool_results=said.results,
        input_tokens=r.estimate_tokens(messages, request.get("system")),
        max_tokens=r.limit(request.get("max_tokens"), "max_tokens"),
        reasoning=thinking in {"enabled", "adaptive"},
        schema=r.schema_of(r.mapping(request.get("output_config")).get("format")),
        previous=r.text(r.mapping(request.get("thread")).get("previous_message_id")),
    )


def _said(messages: list[Json], system: object) -> r.Said:
    """Tell the user's texts from the tools' results: both are user messages."""
    asked = [m.get("content") for m in messages if m.get("role") == "user"]
    prompts = [at for at, content in enumerate(asked) if _text(content)]
    last = prompts[-1] if prompts else 0
    results = [
        r.join_texts(block.get("content"))
        for content in asked[last:]
        for block in r.items(content)
        if block.get("type") == "tool_result"
    ]
    return r.Said(
        prompt=_text(asked[last]) if prompts else "",
        system=r.join_texts(system),
        results=tuple(results),
    )


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    blocks = [b.get("text") for b in r.items(content) if b.get("type") == "text"]
    return r.join_texts(blocks)
