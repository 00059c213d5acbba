"""Ask by Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from nbstream.requests.request import Asked, File, Request, encoded, given, joined
from nbstream.requests.schema import anthropic_schema

#: Anthropic's API wants a limit: the one we send if none is asked for, in tokens.
ANTHROPIC_MAX_TOKENS = 4096


class Anthropic(Asked):
    """Anthropic."""

    api = "anthropic.messages"
    package = "anthropic"
    keys: tuple[str, ...] = ("ANTHROPIC_API_KEY",)
    base_url: str | None = None

    def arguments(self, request: Request) -> dict[str, Any]:
        """Return the arguments of ``messages.create``."""
        schema = request.schema
        wanted = schema and {
            "type": "json_schema",
            "schema": anthropic_schema(schema.schema),
        }
        return request.arguments(
            model=request.model,
            messages=joined(request.messages, "content", _is_result),
            max_tokens=request.max_tokens or ANTHROPIC_MAX_TOKENS,
            stream=True,
            system=request.system,
            tools=request.offered(lambda tool: tool.declaration("input_schema")),
            output_config=given(effort=request.reasoning_effort, format=wanted) or None,
            container=_container(request),
        )

    def client(self, base_url: str | None, api_key: str | None) -> Any:
        """Make an ``AsyncAnthropic``."""
        from anthropic import AsyncAnthropic

        return AsyncAnthropic(**given(base_url=base_url, api_key=api_key))

    def create(self, client: Any) -> Callable[..., Any]:
        """Return ``messages.create``."""
        return client.messages.create  # type: ignore[no-any-return]

    def parts(
        self, text: str, images: Sequence[File], files: Sequence[File]
    ) -> list[dict[str, Any]]:
        """Return what it asks about first, as the API advises."""
        sources = [
            {"type": type_, "source": _source(path)}
            for type_, paths in (("image", images), ("document", files))
            for path in paths
        ]
        return [*sources, {"type": "text", "text": text}]

    def tool_result_message(
        self, call_id: str, name: str, result: str, is_error: bool
    ) -> dict[str, Any]:
        """Return the user message that holds the result."""
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": call_id}
        block["content"] = result
        if is_error:
            block["is_error"] = True
        return {"role": "user", "content": [block]}


def _container(request: Request) -> object:
    """Return the container to go on in: what its code calls is answered there only.

    The SDK's own threads send it likewise (``anthropic/lib/threads``). None: there is
    none, or its time is over.
    """
    found = request.extra.get("container")
    if not isinstance(found, Mapping):
        return None
    with suppress(TypeError, ValueError):
        if datetime.fromisoformat(found["expires_at"]) <= datetime.now(UTC):
            return None
    wanted, id_ = request.options.get("container"), found.get("id")
    return {"id": id_} if isinstance(wanted, Mapping) else id_


def _is_result(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "tool_result"


def _source(path: File) -> dict[str, str]:
    kind, data = encoded(path)
    if kind.startswith("text/"):  # a document of plain text is sent as such
        text = path.read_text("utf-8", "replace")
        return {"type": "text", "media_type": "text/plain", "data": text}
    return {"type": "base64", "media_type": kind, "data": data}
