"""Find the wire API that a request speaks; one module for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import unquote

from nbstream.offline.wire import (
    anthropic_messages,
    google_generate_content,
    google_interactions,
    openai_chat,
    openai_responses,
)
from nbstream.offline.wire.base import Answer, Ask, Frame, Json, RequestError

__all__ = ["WRITERS", "Route", "Writer", "guess_api", "models_body", "route"]


class Writer(Protocol):
    """What a wire module has: it reads requests and writes answers."""

    def read(self, request: Json, model: str, *, stream: bool) -> Ask:
        """Read a request, or raise ``RequestError``.

        ``model`` and ``stream`` are what the path says, for the API where it does.
        """

    def frames(self, ask: Ask, answer: Answer) -> Iterator[Frame]:
        """Write the answer as a stream of events."""

    def body(self, ask: Ask, answer: Answer) -> Json:
        """Write the answer at once."""

    def error(self, status: int, message: str, parameter: str | None = None) -> Json:
        """Write an error."""


class Route(NamedTuple):
    """Where a request goes; ``model`` and ``stream`` where its path says them."""

    api: str
    model: str = ""
    stream: bool = False


WRITERS: Mapping[str, Writer] = {
    "openai.chat": openai_chat,
    "openai.responses": openai_responses,
    "anthropic.messages": anthropic_messages,
    "google.generate_content": google_generate_content,
    "google.interactions": google_interactions,
}
_PATHS = {
    r"(?:/v1)?/chat/completions": "openai.chat",
    r"(?:/v1)?/responses": "openai.responses",
    r"/v1/messages": "anthropic.messages",
    r"/v1\w*/interactions": "google.interactions",
}
_MODEL = re.compile(r"/v1\w*/(?:models|tunedModels)/(.+):(streamG|g)enerateContent")
_MODELS = re.compile(r"(?:/v1\w*)?/models")


def route(method: str, target: str) -> Route:
    """Return the route of a POST; 404 and 405 say what there is."""
    path, _, query = target.partition("?")
    model = _MODEL.fullmatch(path)
    if model:
        stream = model.group(2) == "streamG"
        if stream and "alt=sse" not in query.split("&"):
            raise RequestError(400, "This server streams with ?alt=sse only.")
        found = Route("google.generate_content", unquote(model.group(1)), stream)
    else:
        apis = (api for pattern, api in _PATHS.items() if re.fullmatch(pattern, path))
        found = Route(next(apis, ""))
    if not found.api:
        raise RequestError(404, f"The offline server has no {method} {path}.")
    if method != "POST":
        raise RequestError(405, f"Method {method} is not allowed here; use POST.")
    return found


def guess_api(target: str, headers: Mapping[str, str]) -> str:
    """Say whose error form fits a path we do not know."""
    path = target.partition("?")[0]
    known = next((api for p, api in _PATHS.items() if re.fullmatch(p, path)), "")
    if known:
        return known
    if "anthropic-version" in headers:
        return "anthropic.messages"
    if "x-goog-api-key" in headers or _MODEL.fullmatch(path):
        return "google.generate_content"
    return "openai.chat"


def models_body(method: str, target: str, headers: Mapping[str, str]) -> Json | None:
    """List the one model there is, in the form of the API that asks."""
    if method != "GET" or not _MODELS.fullmatch(target.partition("?")[0]):
        return None
    match guess_api("", headers).partition(".")[0]:
        case "google":
            name, methods = "models/scripted", ["generateContent"]
            model = {"name": name, "displayName": "Scripted answers"}
            return {"models": [model | {"supportedGenerationMethods": methods}]}
        case "anthropic":
            date = "2026-01-01T00:00:00Z"
            model = {
                "type": "model",
                "id": "scripted",
                "display_name": "Scripted answers",
            }
            ends = {"has_more": False, "first_id": "scripted", "last_id": "scripted"}
            return {"data": [model | {"created_at": date}], **ends}
        case _:
            model = {"id": "scripted", "object": "model", "owned_by": "nbstream"}
            return {"object": "list", "data": [model | {"created": 1767225600}]}
