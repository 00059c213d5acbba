"""Read a conversation of OpenAI's Chat Completions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from nbstream.chat.pieces import Pieces, by_user, items, text_of
from nbstream.chat.said import Call, Said

__all__ = ["read"]

_Json: TypeAlias = Mapping[str, Any]


def read(at: int, message: _Json) -> Iterator[Said]:
    """Yield what one message of it says."""
    held = _chat_content(message.get("content"))
    match message.get("role"):
        case "system" | "developer":
            yield Said(who="system", at=at, text=held.text)
        case "tool":
            name = (str(message.get("tool_call_id", "")), "")
            said = held.text.removeprefix("Error: ")
            yield Said(
                who="tool", at=at, text=said, call=name, is_error=said != held.text
            )
        case "assistant":
            held.lose(["reasoning"] if "reasoning_details" in message else [])
            text = held.text or str(message.get("refusal") or "")
            calls = [_chat_call(each) for each in items(message.get("tool_calls"))]
            yield Said(who="model", at=at, text=text, calls=calls, lost=held.lost)
        case _:
            yield by_user(at, held)


def _chat_call(call: _Json) -> Call:
    function = call.get("function") or call.get("custom") or {}
    text = function.get("arguments", function.get("input", ""))
    return Call(str(call.get("id", "")), str(function.get("name", "")), str(text))


def _chat_content(content: object) -> Pieces:
    held = Pieces()
    if isinstance(content, str):
        held.texts.append(content)
    for each in items(content):
        match each.get("type"):
            case "text" | "refusal":
                held.texts.append(text_of(each.get("text", each.get("refusal"))))
            case "image_url":
                held.url((each.get("image_url") or {}).get("url"))
            case "file":
                filed = each.get("file") or {}
                held.url(filed.get("file_data"), filed.get("filename"))
            case other:
                held.lose([other])
    return held
