"""Read a conversation of Anthropic's Messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from nbstream.chat.pieces import Pieces, by_user, items, text_of
from nbstream.chat.said import Call, Said

__all__ = ["read"]

_Json: TypeAlias = Mapping[str, Any]


def read(at: int, message: _Json) -> Iterator[Said]:
    """Yield what one message of it says."""
    held, calls = Pieces(), []
    content = message.get("content")
    if isinstance(content, str):
        held.texts.append(content)
    for each in items(content):
        match each.get("type"):
            case "text":
                held.texts.append(text_of(each.get("text")))
                held.lose(["citations"] if each.get("citations") else [])
            case "image" | "document":
                _anthropic_source(held, each.get("source") or {})
            case "tool_use":
                text = json.dumps(each.get("input", {}), ensure_ascii=False)
                calls.append(
                    Call(str(each.get("id", "")), str(each.get("name", "")), text)
                )
            case "tool_result":
                yield Said(
                    who="tool",
                    at=at,
                    text=text_of(each.get("content")),
                    call=(str(each.get("tool_use_id", "")), ""),
                    is_error=bool(each.get("is_error")),
                )
            case "thinking" | "redacted_thinking":
                held.lose(["reasoning"])
            case other:
                held.lose([other])
    if message.get("role") == "assistant":
        yield Said(who="model", at=at, text=held.text, calls=calls, lost=held.lost)
    elif held.texts or held.images or held.files or held.lost:
        yield by_user(at, held)


def _anthropic_source(held: Pieces, source: _Json) -> None:
    match source.get("type"):
        case "base64":
            held.encoded(source.get("media_type"), source.get("data"))
        case "text":
            held.texts.append(text_of(source.get("data")))
        case other:
            held.lose([f"a file by {other}"])
