"""Ask Gemini by ``generate_content``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from nbstream.requests.request import File, Request, encoded, given, joined
from nbstream.requests.schema import gemini_schema


class Google:
    """Gemini."""

    api = "google.generate_content"
    package = "google.genai"
    keys: tuple[str, ...] = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    base_url: str | None = None

    def arguments(self, request: Request) -> dict[str, Any]:
        """Return the arguments of ``models.generate_content_stream``.

        All that is not the model or the conversation goes into its ``config``.
        """
        effort, schema = request.reasoning_effort, request.schema
        declared = [
            tool.declaration("parameters_json_schema") for tool in request.tools
        ]
        config = request.arguments(
            system_instruction=request.system,
            max_output_tokens=request.max_tokens,
            thinking_config=effort and {"thinking_level": effort},
            tools=[{"function_declarations": declared}] if declared else None,
            response_mime_type=schema and "application/json",
            response_json_schema=schema and gemini_schema(schema.schema),
        )
        contents = joined(request.messages, "parts", _is_response)
        found = {"model": request.model, "contents": contents}
        return found | ({"config": config} if config else {})

    def client(self, base_url: str | None, api_key: str | None) -> Any:
        """Make a ``google.genai.Client``."""
        from google.genai import Client

        options = base_url and {"base_url": base_url}
        return Client(**given(api_key=api_key, http_options=options))

    async def open(self, request: Request, client: Any) -> AsyncIterator[object]:
        """Send it; yield its chunks."""
        async with client.aio as opened:
            create = opened.models.generate_content_stream
            async for chunk in await create(**self.arguments(request)):
                yield chunk

    def user_message(
        self, text: str, images: Sequence[File] = (), files: Sequence[File] = ()
    ) -> dict[str, Any]:
        """Return a user's content."""
        parts: list[dict[str, Any]] = []
        for path in (*images, *files):
            kind, data = encoded(path)
            parts.append({"inlineData": {"mimeType": kind, "data": data}})
        return {"role": "user", "parts": [*parts, {"text": text}]}

    def tool_result_message(
        self, call_id: str, name: str, result: str, is_error: bool
    ) -> dict[str, Any]:
        """Return the content that holds the function's response."""
        response: dict[str, Any] = {"name": name}
        response["response"] = {"error" if is_error else "result": result}
        if call_id:
            response["id"] = call_id
        return {"role": "user", "parts": [{"functionResponse": response}]}


def _is_response(part: Any) -> bool:
    return "functionResponse" in part
