"""Read Gemini generate_content requests.

Read: contents, systemInstruction, generationConfig (maxOutputTokens, thinkingConfig,
responseSchema), tools, toolConfig; in camelCase or snake_case. Everything else is
accepted and not looked at.
"""

from __future__ import annotations

from nbstream.offline.wire import base as r
from nbstream.offline.wire.base import Ask, Json, RequestError, Tool

__all__ = ["read"]


_SCHEMAS = (
    "responseJsonSchema",
    "response_json_schema",
    "responseSchema",
    "response_schema",
)
_PARAMETERS = "parametersJsonSchema", "parameters_json_schema", "parameters"


def read(request: Json, model: str, *, stream: bool) -> Ask:
    """Read a request; the model and the streaming are in its path."""
    given = request.get("contents")
    contents = r.items(given if isinstance(given, list) else [given])
    if not contents:
        raise RequestError(400, "contents: contents is not specified")
    system = r.first(request, "systemInstruction", "system_instruction")
    said = _said(contents, system)
    config = r.mapping(r.first(request, "generationConfig", "generation_config"))
    thinking = r.mapping(r.first(config, "thinkingConfig", "thinking_config"))
    schema = r.first(config, *_SCHEMAS)
    choice = r.first(request, "toolConfig", "tool_config")
    most = r.first(config, "maxOutputTokens", "max_output_tokens")
    return Ask(
        model=model,
        prompt=said.prompt,
        system=said.system,
        stream=stream,
        tools=r.allowed_tools(_tools(request), choice),
        tool_results=said.results,
        input_tokens=r.estimate_tokens(contents, system),
        max_tokens=r.limit(most, "maxOutputTokens"),
        reasoning=r.flag(r.first(thinking, "includeThoughts", "include_thoughts")),
        schema=r.mapping(schema) if schema else None,
    )


def _said(contents: list[Json], system: object) -> r.Said:
    parts = [r.items(c.get("parts")) for c in contents if c.get("role") != "model"]
    prompts = [r.join_texts([part.get("text") for part in said]) for said in parts]
    last = max((at for at, prompt in enumerate(prompts) if prompt), default=0)
    results = [
        r.mapping(r.first(part, "functionResponse", "function_response"))
        for said in parts[last:]
        for part in said
    ]
    return r.Said(
        prompt=prompts[last] if prompts else "",
        system=r.join_texts(system),
        results=tuple(
            _unwrapped(result.get("response")) for result in results if result
        ),
    )


def _unwrapped(response: object) -> str:
    """Return what is in ``{"result": ...}``, which the SDK puts around a value."""
    wrapped = r.mapping(response)
    return r.join_texts(next(iter(wrapped.values())) if len(wrapped) == 1 else response)


def _tools(request: Json) -> list[Tool]:
    names = "functionDeclarations", "function_declarations"
    offered = [r.first(tool, *names) for tool in r.items(request.get("tools"))]
    declared = [function for functions in offered for function in r.items(functions)]
    return r.tools(declared, *_PARAMETERS)
