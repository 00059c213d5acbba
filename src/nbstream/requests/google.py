"""Ask Gemini by ``generate_content``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from nbstream._failures import FirstBytes
from nbstream.requests.request import (
    Asked,
    File,
    Request,
    ToolSpec,
    encoded,
    given,
    joined,
)
from nbstream.requests.schema import gemini_schema


class _Client:
    """A ``google.genai.Client``, and what answers it: its streams show no response."""

    def __init__(self, base_url: str | None, api_key: str | None) -> None:
        from google.genai import Client

        hooks = {"event_hooks": {"response": [self._heard]}}
        options = given(base_url=base_url, async_client_args=hooks)
        self._client = Client(**given(api_key=api_key, http_options=options))
        self.aio = self._client.aio
        self.first: FirstBytes | None = None

    async def _heard(self, response: object) -> None:
        if self.first is not None:
            self.first.hear(response)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aio.aclose()


class Google(Asked):
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
        ours = [each for each in request.tools if isinstance(each, ToolSpec)]
        declared = [each.declaration("parameters_json_schema") for each in ours]
        functions = [{"function_declarations": declared}] if declared else []
        theirs = [each for each in request.tools if not isinstance(each, ToolSpec)]
        config = request.arguments(
            system_instruction=request.system,
            max_output_tokens=request.max_tokens,
            thinking_config=effort and {"thinking_level": effort},
            tools=[*functions, *theirs] or None,
            response_mime_type=schema and "application/json",
            response_json_schema=schema and gemini_schema(schema.schema),
        )
        contents = joined(request.messages, "parts", _is_response)
        found = {"model": request.model, "contents": contents}
        return found | ({"config": config} if config else {})

    def client(self, base_url: str | None, api_key: str | None) -> Any:
        """Make a client of google-genai."""
        return _Client(base_url, api_key)

    def create(self, client: Any) -> Callable[..., Any]:
        """Return ``models.generate_content_stream``."""
        return client.aio.models.generate_content_stream  # type: ignore[no-any-return]

    async def sent(self, request: Request, client: Any, first: FirstBytes) -> Any:
        """Send it; what its ``config`` does not know, the SDK refuses by name."""
        client.first = first
        return await self.create(client)(**self.arguments(request))

    def is_void(self, item: Any) -> bool:
        """Tell whether the SDK found nothing that it knows in the first answer."""
        return item is None or not item.model_fields_set - {"sdk_http_response"}

    def user_message(
        self, text: str, images: Sequence[File] = (), files: Sequence[File] = ()
    ) -> dict[str, Any]:
        """Return a user's content."""
        parts: list[dict[str, Any]] = []
        for path in (*images, *files):
            kind, data = encoded(path)
            parts.append({"inlineData": {"mimeType": kind, "data": data}})
        said = [{"text": text}] if text.strip() or not parts else []
        return {"role": "user", "parts": [*parts, *said]}

    def tool_result_message(
        self, call_id: str, name: str, result: str, is_error: bool
    ) -> dict[str, Any]:
        """Return the content that holds the function's response."""
        response: dict[str, Any] = {"name": name}
        response["response"] = {"error" if is_error else "result": result}
        if call_id:
            response["id"] = call_id
        return {"role": "user", "parts": [{"functionResponse": response}]}


class Interactions:
    """The steps of Gemini's Interactions, for the ``input`` of a request."""

    api = "google.interactions"

    def user_message(
        self, text: str, images: Sequence[File] = (), files: Sequence[File] = ()
    ) -> dict[str, Any]:
        """Return a step of the user's."""
        content: list[dict[str, Any]] = []
        for path in (*images, *files):
            kind, data = encoded(path)
            own = kind.partition("/")[0]
            own = own if own in _MEDIA else "document"
            content.append({"type": own, "mime_type": kind, "data": data})
        if text.strip() or not content:
            content.append({"type": "text", "text": text})
        return {"type": "user_input", "content": content}

    def tool_result_message(
        self, call_id: str, name: str, result: str, is_error: bool
    ) -> dict[str, Any]:
        """Return the step that holds what a call gave."""
        failed = {"is_error": True} if is_error else {}
        named = {"type": "function_result", "call_id": call_id, "name": name}
        return {**named, "result": result, **failed}


#: What has a content type of its own; anything else is a document.
_MEDIA = ("image", "audio", "video")


def _is_response(part: Any) -> bool:
    return "functionResponse" in part
