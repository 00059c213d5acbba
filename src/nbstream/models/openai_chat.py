"""Ask by OpenAI's Chat Completions API, which many servers speak."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from nbstream.models.dialects import openai_format
from nbstream.models.parts import File, data_url, given, known, merged, messages_of
from nbstream.models.request import Request

__all__ = ["OpenAIChat"]


class OpenAIChat:
    """OpenAI's Chat Completions, or a server that speaks it at ``base_url``."""

    api = "openai.chat"
    package = "openai"

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
        tools = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.parameters),
                },
            }
            for tool in request.tools
        ]
        wanted = schema and openai_format(schema)
        ours = given(
            model=request.model,
            messages=[*first, *messages_of(request.messages)],
            stream=True,
            stream_options={"include_usage": True},
            reasoning_effort=request.reasoning_effort,
            tools=tools or None,
            response_format=wanted and {"type": "json_schema", "json_schema": wanted},
        )
        limit = given(**{self._limit: request.max_tokens})
        return merged(ours | limit, request.options)

    def client(self, base_url: str | None, api_key: str | None) -> Any:
        """Make an ``AsyncOpenAI``."""
        from openai import AsyncOpenAI

        return AsyncOpenAI(**given(base_url=base_url, api_key=api_key))

    async def open(self, request: Request, client: Any) -> AsyncIterator[object]:
        """Send it; yield its chunks."""
        async with client:
            create = client.chat.completions.create
            async with await create(**known(create, self.arguments(request))) as chunks:
                async for chunk in chunks:
                    yield chunk

    def user_message(
        self, text: str, images: Sequence[File] = (), files: Sequence[File] = ()
    ) -> dict[str, Any]:
        """Return a user message."""
        if not images and not files:
            return {"role": "user", "content": text}
        content: list[dict[str, Any]] = [
            {"type": "text", "text": text},
            *({"type": "image_url", "image_url": {"url": data_url(p)}} for p in images),
        ]
        for path in files:
            filed = {"filename": path.name, "file_data": data_url(path)}
            content.append({"type": "file", "file": filed})
        return {"role": "user", "content": content}

    def tool_result_message(
        self, call_id: str, name: str, result: str, is_error: bool
    ) -> dict[str, Any]:
        """Return the tool message; the API has no field for an error."""
        content = f"Error: {result}" if is_error else result
        return {"role": "tool", "tool_call_id": call_id, "content": content}
