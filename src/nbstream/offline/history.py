"""The turns that a request sends along: who spoke, what was called, what came back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from nbstream.offline.readers import _json as r
from nbstream.offline.talk import Json

__all__ = ["Entry", "earlier_prompts", "history", "rounds"]

Kind: TypeAlias = Literal["user", "model", "call", "result"]


class Entry(NamedTuple):
    """One thing in the conversation; ``at`` is the place of its message.

    ``name`` pairs a call with its result: the id, or what the API has in its place.
    """

    kind: Kind
    at: int
    name: str = ""
    text: str = ""


def history(api: str, request: Json) -> list[Entry]:
    """Return what was said, called and answered, in order."""
    match api:
        case "openai.chat":
            return list(_chat(r.items(request.get("messages"))))
        case "openai.responses":
            return list(_items(request.get("input"), "call_id", "output"))
        case "anthropic.messages":
            return list(_anthropic(r.items(request.get("messages"))))
        case "google.generate_content":
            return list(_gemini(r.items(request.get("contents"))))
        case _:
            return list(_items(request.get("input"), "id", "result"))


def rounds(entries: list[Entry]) -> int:
    """Count the rounds of results since the user last spoke."""
    since = [entry.kind for entry in entries[_last_prompt(entries) + 1 :]]
    before = ["user", *since]
    return sum(
        kind == "result" and prior != "result"
        for prior, kind in zip(before, since, strict=False)
    )


def earlier_prompts(entries: list[Entry]) -> tuple[str, ...]:
    """Return what the user said before the last prompt."""
    last = _last_prompt(entries)
    return tuple(entry.text for entry in entries[:last] if entry.kind == "user")


def _last_prompt(entries: list[Entry]) -> int:
    users = [at for at, entry in enumerate(entries) if entry.kind == "user"]
    return users[-1] if users else -1


def _chat(messages: list[Json]) -> Iterator[Entry]:
    for at, message in enumerate(messages):
        said = r.join_texts(message.get("content"))
        match message.get("role"):
            case "user":
                yield Entry("user", at, text=said)
            case "assistant":
                yield Entry("model", at, text=said)
                for call in r.items(message.get("tool_calls")):
                    yield Entry("call", at, r.text(call.get("id")))
            case "tool":
                yield Entry("result", at, r.text(message.get("tool_call_id")), said)
            case _:  # the system, or a function of the API before tools
                pass


def _items(given: object, id_of_call: str, result: str) -> Iterator[Entry]:
    """Read the items of Responses, or the steps of Interactions."""
    if isinstance(given, str):
        yield Entry("user", 0, text=given)
        return
    for at, item in enumerate(r.items(given if isinstance(given, list) else [given])):
        said = r.join_texts(item.get("content"))
        match item.get("type"), item.get("role"):
            case "function_call", _:
                yield Entry("call", at, r.text(item.get(id_of_call)))
            case (("function_call_output" | "function_result"), _):
                name = r.text(item.get("call_id"))
                yield Entry("result", at, name, r.join_texts(item.get(result)))
            case ("user_input", _) | (_, "user"):
                yield Entry("user", at, text=said)
            case ("model_output", _) | (_, "assistant" | "model"):
                yield Entry("model", at, text=said)
            case _:  # reasoning, the provider's own tools
                pass


def _anthropic(messages: list[Json]) -> Iterator[Entry]:
    for at, message in enumerate(messages):
        content = message.get("content")
        kind: Kind = "user" if message.get("role") == "user" else "model"
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else []
        for block in blocks or r.items(content):
            match block.get("type"):
                case "text":
                    yield Entry(kind, at, text=r.text(block.get("text")))
                case "tool_use":
                    yield Entry("call", at, r.text(block.get("id")))
                case "tool_result":
                    name = r.text(block.get("tool_use_id"))
                    yield Entry("result", at, name, r.join_texts(block.get("content")))
                case _:  # thinking, images, the provider's own tools
                    pass


def _gemini(contents: list[Json]) -> Iterator[Entry]:
    for at, content in enumerate(contents):
        kind: Kind = "model" if content.get("role") == "model" else "user"
        for part in r.items(content.get("parts")):
            call = r.first(part, "functionCall", "function_call")
            result = r.first(part, "functionResponse", "function_response")
            if isinstance(call, dict):
                yield Entry("call", at, r.text(call.get("name")))
            elif isinstance(result, dict):
                yield Entry("result", at, r.text(result.get("name")))
            elif text := r.text(part.get("text")):
                yield Entry(kind, at, text=text)
