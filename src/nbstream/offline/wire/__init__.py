"""The five wire APIs, and which of them a request speaks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from nbstream.offline.wire import anthropic, google, openai
from nbstream.offline.wire.base import (
    CREATED,
    CREATED_DATE,
    Api,
    Json,
    RequestError,
)


class Route(NamedTuple):
    """Where a request goes; ``model`` and ``stream`` where its path says them."""

    api: str
    model: str = ""
    stream: bool = False


WRITERS: Mapping[str, Api] = {
    api.name: api for api in (*openai.APIS, *anthropic.APIS, *google.APIS)
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
        stream = model[2] == "streamG"
        if stream and "alt=sse" not in query.split("&"):
            raise RequestError(400, "This server streams with ?alt=sse only.")
        found = Route("google.generate_content", unquote(model[1]), stream)
    else:
        found = Route(_by_path(path))
    if not found.api:
        raise RequestError(404, f"The offline server has no {method} {path}.")
    if method != "POST":
        raise RequestError(405, f"Method {method} is not allowed here; use POST.")
    return found


def _by_path(path: str) -> str:
    known = (api for pattern, api in _PATHS.items() if re.fullmatch(pattern, path))
    return next(known, "")


def guess_api(target: str, headers: Mapping[str, str]) -> str:
    """Say whose error form fits a path we do not know."""
    path = target.partition("?")[0]
    if known := _by_path(path):
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
    name, shown = "scripted", "Scripted answers"
    match guess_api("", headers):
        case "google.generate_content":
            model: Json = {
                "name": f"models/{name}",
                "displayName": shown,
                "supportedGenerationMethods": ["generateContent"],
            }
            return {"models": [model]}
        case "anthropic.messages":
            model = {"type": "model", "id": name, "display_name": shown}
            listed = [{**model, "created_at": CREATED_DATE}]
            return {
                "data": listed,
                "has_more": False,
                "first_id": name,
                "last_id": name,
            }
        case _:
            model = {"id": name, "object": "model", "owned_by": "nbstream"}
            return {"object": "list", "data": [{**model, "created": CREATED}]}
