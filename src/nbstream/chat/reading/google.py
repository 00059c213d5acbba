"""Read a conversation of Gemini's generate_content."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from nbstream.chat.pieces import Pieces, by_user, items, text_of
from nbstream.chat.said import Call, Said

__all__ = ["read"]

_Json: TypeAlias = Mapping[str, Any]


def read(at: int, content: _Json) -> Iterator[Said]:
    """Yield what one content of it says."""
    held, calls = Pieces(), []
    for part in items(content.get("parts")):
        if part.get("thought"):
            held.lose(["reasoning"])
        elif call := part.get("functionCall"):
            text = json.dumps(call.get("args") or {}, ensure_ascii=False)
            calls.append(Call(str(call.get("id", "")), str(call.get("name", "")), text))
        elif answer := part.get("functionResponse"):
            yield _gemini_result(at, answer)
        elif data := part.get("inlineData"):
            held.encoded(data.get("mimeType"), data.get("data"))
        elif "text" in part:
            held.texts.append(text_of(part["text"]))
        else:
            held.lose([key for key in part if key != "thoughtSignature"])
    if content.get("role") == "model":
        yield Said(who="model", at=at, text=held.text, calls=calls, lost=held.lost)
    elif held.texts or held.images or held.files or held.lost:
        yield by_user(at, held)


def _gemini_result(at: int, answer: _Json) -> Said:
    response = answer.get("response") or {}
    is_error = "error" in response
    result = response.get("error", response.get("result", response))
    name = (str(answer.get("id", "")), str(answer.get("name", "")))
    return Said(who="tool", at=at, text=text_of(result), call=name, is_error=is_error)
