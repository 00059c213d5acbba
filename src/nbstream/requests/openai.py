"""Ask by OpenAI's Responses API, or by Chat Completions, which many servers speak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbstream.requests.request import (
    Asked,
    File,
    Request,
    data_url,
    given,
    messages_of,
)
from nbstream.requests.schema import openai_format


class _OpenAI(Asked):
    """What OpenAI's two APIs have in common."""

    package = "openai"

    def client(self, base_url: str | None, api_key: str | None) -> Any:
        """Make an ``AsyncOpenAI``."""
        from openai import AsyncOpenAI

        return AsyncOpenAI(**given(base_url=base_url, api_key=api_key))


class OpenAIResponses(_OpenAI):
    """OpenAI, and servers that speak Responses too."""

    api = "openai.responses"
    keys: tuple[str, ...] = ("OPENAI_API_KEY",)
    base_url: str | None = None

    def arguments(self, request: Request) -> dict[str, Any]:
        """Return the arguments of ``responses.create``."""
        effort, schema = request.reasoning_effort, request.schema
        wanted = schema and {"type": "json_schema", **openai_format(schema)}
        return request.arguments(
            model=request.model,
            input=messages_of(request.messages),
            stream=True,
            instructions=request.system,
            max_output_tokens=request.max_tokens,
            reasoning=effort and {"effort": effort},
            tools=request.offered(
                lambda tool: {
                    "type": "function",
                    **tool.declaration("parameters"),
                    "strict": False,
                }
            ),
            text=wanted and {"format": wanted},
        )

    def create(self, client: Any) -> Callable[..., Any]:
        """Return ``responses.create``."""
        return client.responses.create  # type: ignore[no-any-return]

    def parts(
        self, text: str, images: Sequence[File], files: Sequence[File]
    ) -> list[dict[str, Any]]:
        """Return the parts of an input item."""
        return [
            {"type": "input_text", "text": text},
            *({"type": "input_image", "image_url": data_url(p)} for p in images),
            *({"type": "input_file", **_file(p)} for p in files),
        ]

    def tool_result_message(
        self, call_id: str, name: str, result: str, is_error: bool
    ) -> dict[str, Any]:
        """Return the output item; the API has no field for an error."""
        output = f"Error: {result}" if is_error else result
        return {"type": "function_call_output", "call_id": call_id, "output": output}


class OpenAIChat(_OpenAI):
    """OpenAI's Chat Completions, or a server that speaks it at ``base_url``."""

    api = "openai.chat"

    def __init__(
        self,
        keys: tuple[str, ...] = ("OPENAI_API_KEY",),
        base_url: str | None = None,
        limit: str = "max_completion_tokens",
    ) -> None:
        self.keys = keys
        self.base_url = base_url
        self._limit = limit

    def arguments(self, request: Request) -> dict[str, Any]:
        """Return the arguments of ``chat.completions.create``."""
        system, schema = request.system, request.schema
        first = [{"role": "system", "content": system}] if system else []
        wanted = schema and openai_format(schema)
        return request.arguments(
            model=request.model,
            messages=[*first, *messages_of(request.messages)],
            stream=True,
            stream_options={"include_usage": True},
            reasoning_effort=request.reasoning_effort,
            tools=request.offered(
                lambda tool: {
                    "type": "function",
                    "function": tool.declaration("parameters"),
                }
            ),
            response_format=wanted and {"type": "json_schema", "json_schema": wanted},
            **{self._limit: request.max_tokens},
        )

    def create(self, client: Any) -> Callable[..., Any]:
        """Return ``chat.completions.create``."""
        return client.chat.completions.create  # type: ignore[no-any-return]

    def parts(
        self, text: str, images: Sequence[File], files: Sequence[File]
    ) -> list[dict[str, Any]]:
        """Return the parts of a user message."""
        return [
            {"type": "text", "text": text},
            *({"type": "image_url", "image_url": {"url": data_url(p)}} for p in images),
            *({"type": "file", "file": _file(p)} for p in files),
        ]

    def tool_result_message(
        self, call_id: str, name: str, result: str, is_error: bool
    ) -> dict[str, Any]:
        """Return the tool message; the API has no field for an error."""
        content = f"Error: {result}" if is_error else result
        return {"role": "tool", "tool_call_id": call_id, "content": content}


def _file(path: File) -> dict[str, str]:
    return {"filename": path.name, "file_data": data_url(path)}
