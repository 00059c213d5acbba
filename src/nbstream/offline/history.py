"""The turns that a request sends along: who spoke, what was called, what came back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from nbstream.offline.wire import base as r
from nbstream.offline.wire.base import Json, RequestError

__all__ = [
    "Entry",
    "check",
    "earlier_prompts",
    "history",
    "rounds",
]

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


# -- Refuse a conversation that the real API would refuse, in the API's own words.

#: These take a result anywhere after its call; the others want it at once.
_ANYWHERE = frozenset({"openai.responses", "google.interactions"})
_GEMINI = (
    "Please ensure that the number of function response parts is equal to the number "
    "of function call parts of the function call turn."
)
_UNANSWERED = {
    "openai.chat": (
        "An assistant message with 'tool_calls' must be followed by tool messages "
        "responding to each 'tool_call_id'. The following tool_call_ids did not have "
        "response messages: {name}"
    ),
    "openai.responses": "No tool output found for function call {name}.",
    "anthropic.messages": (
        "messages.{at}: `tool_use` ids were found without `tool_result` blocks "
        "immediately after: {name}. Each `tool_use` block must have a corresponding "
        "`tool_result` block in the next message."
    ),
    "google.generate_content": _GEMINI,
    "google.interactions": "No function_result for the function_call {name}.",
}
_UNCALLED = {
    "openai.chat": (
        "messages with role 'tool' must be a response to a preceding message with "
        "'tool_calls'."
    ),
    "openai.responses": (
        "No tool call found for function call output with call_id {name}."
    ),
    "anthropic.messages": (
        "messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks: "
        "{name}. Each `tool_result` block must have a corresponding `tool_use` block "
        "in the previous message."
    ),
    "google.generate_content": _GEMINI,
    "google.interactions": "No function_call for the function_result {name}.",
}


def check(api: str, request: Json, entries: list[Entry], previous: str) -> None:
    """Check that nothing is empty, and that each call has its result.

    ``previous`` names an answer that is gone on from: its calls are not in here.
    Interactions says nothing of its own rule; ours is that of Responses.

    Raises:
        RequestError: 400, with what is wrong in the API's words.
    """
    _check_content(api, request)
    open_: list[Entry] = []
    for entry in entries:
        if entry.kind == "call":
            open_.append(entry)
        elif entry.kind == "result":
            found = next((c for c in open_ if c.name == entry.name), None)
            if found is not None:
                open_.remove(found)
            elif not previous:
                raise _wrong(_UNCALLED[api], entry)
        elif open_ and api not in _ANYWHERE and entry.at > open_[0].at:
            raise _wrong(_UNANSWERED[api], *open_)
    if open_:
        raise _wrong(_UNANSWERED[api], *open_)


def _wrong(message: str, *entries: Entry) -> RequestError:
    names = ", ".join(entry.name for entry in entries)
    return RequestError(400, message.format(name=names, at=entries[0].at))


def _check_content(api: str, request: Json) -> None:
    """Anthropic and Gemini refuse messages with nothing in them."""
    if api == "anthropic.messages":
        messages = r.items(request.get("messages"))
        for at, message in enumerate(messages):
            content = message.get("content")
            last = at == len(messages) - 1 and message.get("role") == "assistant"
            if not content and not last:
                raise RequestError(
                    400,
                    f"messages.{at}: all messages must have non-empty content except "
                    "for the optional final assistant message",
                )
            texts = [b for b in r.items(content) if b.get("type") == "text"]
            if not all(r.text(block.get("text")).strip() for block in texts):
                said = "text content blocks must contain non-whitespace text"
                raise RequestError(400, f"messages: {said}")
    elif api == "google.generate_content":
        for content in r.items(request.get("contents")):
            if not content.get("parts"):
                said = "contents.parts must not be empty."
                raise RequestError(400, f"GenerateContentRequest.contents: {said}")
