"""Refuse a conversation that the real API would refuse, in the API's own words."""

from __future__ import annotations

from nbstream.offline.history import Entry
from nbstream.offline.readers import _json as r
from nbstream.offline.talk import Json, RequestError

__all__ = ["check"]

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
