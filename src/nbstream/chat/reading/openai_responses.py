"""Read a conversation of OpenAI's Responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from nbstream.chat.pieces import Pieces, by_user, items, text_of
from nbstream.chat.said import Call, Said

__all__ = ["read"]

_Json: TypeAlias = Mapping[str, Any]


def read(at: int, item: _Json) -> Iterator[Said]:
    """Yield what one item of it says."""
    match item.get("type"):
        case "function_call":
            id_, name, arguments = (
                str(item.get(each, "")) for each in ("call_id", "name", "arguments")
            )
            yield Said(who="model", at=at, calls=[Call(id_, name, arguments)])
        case "function_call_output":
            output = text_of(item.get("output"))
            said = output.removeprefix("Error: ")
            of = (str(item.get("call_id", "")), "")
            yield Said(who="tool", at=at, text=said, call=of, is_error=said != output)
        case "message" | None:
            held = _responses_content(item.get("content"))
            match item.get("role"):
                case "assistant":
                    yield Said(who="model", at=at, text=held.text, lost=held.lost)
                case "system" | "developer":
                    yield Said(who="system", at=at, text=held.text)
                case _:
                    yield by_user(at, held)
        case other:
            yield Said(who="model", at=at, lost=[str(other)])


def _responses_content(content: object) -> Pieces:
    held = Pieces()
    if isinstance(content, str):
        held.texts.append(content)
    for each in items(content):
        match each.get("type"):
            case "input_text" | "output_text" | "refusal":
                held.texts.append(text_of(each.get("text", each.get("refusal"))))
            case "input_image":
                held.url(each.get("image_url"))
            case "input_file":
                held.url(each.get("file_data"), each.get("filename"))
            case other:
                held.lose([other])
    return held
