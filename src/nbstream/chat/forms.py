"""The providers' forms of a conversation: read each, write each, convert."""

from __future__ import annotations

import binascii
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeAlias

from nbstream.chat.messages import (
    Attachment,
    Call,
    Message,
    Who,
    place_of_call,
    to_reply,
)
from nbstream.errors import UsageError
from nbstream.requests.request import NO_ANSWER, Form

_Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A conversation in another provider's form.

    Attributes:
        messages: The messages, in that form.
        system: What the system says among them, which is no message everywhere.
        lost: What the other provider cannot read, in a few words each.
    """

    messages: list[Any]
    system: tuple[str, ...]
    lost: tuple[str, ...]


def convert(messages: Sequence[Any], api: str, own: Form) -> Converted:
    """Return a conversation of this API in the form of another provider.

    Raises:
        UsageError: a message cannot be read.
    """
    found = read_messages(api, messages)
    lost = Counter(what for each in found for what in each.lost)
    return Converted(
        messages=write_messages(found, own),
        system=tuple(each.text for each in found if each.who == "system"),
        lost=tuple(
            what if times == 1 else f"{what} ({times} times)"
            for what, times in lost.items()
        ),
    )


def read_messages(api: str, messages: Sequence[Any]) -> list[Message]:
    """Return what was said, in order; a message may hold more than one thing.

    Raises:
        UsageError: no conversation of this API can be read, or a message is no dict.
    """
    if api not in _READERS:
        msg = f"conversations of {api!r} cannot be read; known: {', '.join(_READERS)}"
        raise UsageError(msg)
    found: list[Message] = []
    for at, message in enumerate(messages):
        if not isinstance(message, Mapping):
            msg = f"message {at} is {message!r}: expected a dict, as the API takes it"
            raise UsageError(msg)
        found += _READERS[api](at, message)
    return found


def write_messages(messages: Sequence[Message], own: Form) -> list[Any]:
    """Return them in a provider's form; what the system says is not among them.

    What a model said in several messages in a row becomes one: Responses gives each
    call a message of its own, and other APIs want them together.
    """
    found: list[Any] = []
    calls: Sequence[Call] = ()
    count = 0
    for who, group in groupby(messages, lambda each: each.who):
        if who == "model":
            answer = _answer(list(group), count)
            calls = answer.calls
            count += len(calls)
            sent = to_reply(own.api, [answer]).to_message()
            found += sent if isinstance(sent, list) else [sent]
        elif who == "tool":
            found += _results(group, calls, own)
        elif who == "user":
            found += [own.user_message(m.text, m.images, m.files) for m in group]
    return found


def _answer(messages: Sequence[Message], count: int) -> Message:
    """Join what a model said; a call without an id gets one, by how many there were."""
    calls = [
        replace(
            call,
            id=call.id or f"call_{count + at}",
            arguments=call.arguments or "{}",
        )
        for at, call in enumerate(call for each in messages for call in each.calls)
    ]
    text = "".join(each.text for each in messages)
    text = text if text.strip() else "" if calls else NO_ANSWER
    return Message(who="model", at=messages[0].at, text=text, calls=calls)


def _results(
    results: Iterable[Message], calls: Sequence[Call], own: Form
) -> Iterator[Any]:
    left = {at: (call.id, call.name) for at, call in enumerate(calls)}
    for each in results:
        place = place_of_call(each, left)
        if place is not None:
            id_, name = left.pop(place)
            yield own.tool_result_message(id_, name, each.text, each.is_error)


def _parts(content: object) -> list[_Json]:
    """Return the dicts of a list; of anything else nothing."""
    listed = content if isinstance(content, list) else []
    return [each for each in listed if isinstance(each, Mapping)]


def _text(value: object) -> str:
    """Return a text that may be in parts; what is no text, as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(str(each.get("text", "")) for each in _parts(value))
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _call(id_: object, function: _Json, arguments: object) -> Call:
    return Call(str(id_), str(function.get("name", "")), str(arguments))


def _add_encoded(
    message: Message, kind: object, data: object, name: object = ""
) -> None:
    """Add what came in base64; an image or a file by its type."""
    try:
        made = Attachment.of(str(kind), str(data), str(name or ""))
    except (ValueError, binascii.Error):
        message.lost.append(f"a damaged {kind}")
        return
    where = message.images if str(kind).startswith("image/") else message.files
    where.append(made)


def _add_url(message: Message, url: object, name: object = "") -> None:
    """Add what a ``data:`` address holds; another address is only lost."""
    head, comma, data = str(url).partition(",")
    kind, _, form = head.removeprefix("data:").partition(";")
    if head.startswith("data:") and comma and form == "base64":
        _add_encoded(message, kind, data, name)
    else:
        message.lost.append(f"a file at an address ({str(url)[:60]})")


def _of_anthropic(at: int, message: _Json) -> Iterator[Message]:
    """Read a message of Anthropic's Messages; a result of a call is one of its own."""
    content, is_question = message.get("content"), message.get("role") != "assistant"
    found = Message(who="user" if is_question else "model", at=at)
    found.text = content if isinstance(content, str) else ""
    parts = _parts(content)
    for part in parts:
        match part.get("type"):
            case "text":
                found.text += _text(part.get("text"))
                found.lost += ["citations"] if part.get("citations") else []
            case "image" | "document":
                _add_anthropic_source(found, part.get("source") or {})
            case "tool_use":
                arguments = json.dumps(part.get("input", {}), ensure_ascii=False)
                found.calls.append(_call(part.get("id", ""), part, arguments))
            case "tool_result":
                yield Message(
                    who="tool",
                    at=at,
                    text=_text(part.get("content")),
                    call=(str(part.get("tool_use_id", "")), ""),
                    is_error=bool(part.get("is_error")),
                )
            case "thinking" | "redacted_thinking":
                found.lost.append("reasoning")
            case other:
                found.lost.append(str(other))
    calls = ("tool_use", "tool_result")
    has_more = any(part.get("type") not in calls for part in parts)
    if not is_question or has_more or isinstance(content, str):
        yield found


def _add_anthropic_source(message: Message, source: _Json) -> None:
    match source.get("type"):
        case "base64":
            _add_encoded(message, source.get("media_type"), source.get("data"))
        case "text":
            message.text += _text(source.get("data"))
        case other:
            message.lost.append(f"a file by {other}")


def _of_gemini(at: int, content: _Json) -> Iterator[Message]:
    """Read a content of Gemini's; a result of a call is a message of its own."""
    is_question = content.get("role") != "model"
    found = Message(who="user" if is_question else "model", at=at)
    parts = _parts(content.get("parts"))
    for part in parts:
        if part.get("thought"):
            found.lost.append("reasoning")
        elif call := part.get("functionCall"):
            arguments = json.dumps(call.get("args") or {}, ensure_ascii=False)
            found.calls.append(_call(call.get("id", ""), call, arguments))
        elif answer := part.get("functionResponse"):
            yield _gemini_result(at, answer)
        elif data := part.get("inlineData"):
            _add_encoded(found, data.get("mimeType"), data.get("data"))
        elif "text" in part:
            found.text += _text(part["text"])
        else:
            found.lost += [str(key) for key in part if key != "thoughtSignature"]
    calls = {"functionCall", "functionResponse"}
    if not is_question or any(calls.isdisjoint(part) for part in parts):
        yield found


def _gemini_result(at: int, answer: _Json) -> Message:
    response = answer.get("response") or {}
    result = response.get("error", response.get("result", response))
    return Message(
        who="tool",
        at=at,
        text=_text(result),
        call=(str(answer.get("id", "")), str(answer.get("name", ""))),
        is_error="error" in response,
    )


def _of_chat(at: int, message: _Json) -> Iterator[Message]:
    """Read a message of OpenAI's Chat Completions."""
    found = _of_openai(at, message)
    if message.get("role") == "tool":
        found = _openai_result(at, message.get("tool_call_id", ""), found.text)
    elif found.who == "model":
        found.lost += ["reasoning"] if "reasoning_details" in message else []
        found.text = found.text or str(message.get("refusal") or "")
        for call in _parts(message.get("tool_calls")):
            function = call.get("function") or call.get("custom") or {}
            arguments = function.get("arguments", function.get("input", ""))
            found.calls.append(_call(call.get("id", ""), function, arguments))
    yield found


def _of_responses(at: int, item: _Json) -> Iterator[Message]:
    """Read an item of OpenAI's Responses."""
    id_ = item.get("call_id", "")
    match item.get("type"):
        case "function_call":
            call = _call(id_, item, item.get("arguments", ""))
            yield Message(who="model", at=at, calls=[call])
        case "function_call_output":
            yield _openai_result(at, id_, _text(item.get("output")))
        case "message" | None:
            yield _of_openai(at, item)
        case other:
            yield Message(who="model", at=at, lost=[str(other)])


#: Who speaks in a message of either of OpenAI's APIs; else it is a user.
_ROLES: Mapping[str, Who] = {
    "assistant": "model",
    "system": "system",
    "developer": "system",
}


def _of_openai(at: int, message: _Json) -> Message:
    """Read what a message of either of OpenAI's APIs says."""
    content = message.get("content")
    found = Message(who=_ROLES.get(str(message.get("role")), "user"), at=at)
    found.text = content if isinstance(content, str) else ""
    for part in _parts(content):
        match part.get("type"):
            case "text" | "input_text" | "output_text" | "refusal":
                found.text += _text(part.get("text", part.get("refusal")))
            case "image_url":
                _add_url(found, (part.get("image_url") or {}).get("url"))
            case "input_image":
                _add_url(found, part.get("image_url"))
            case "file":
                filed = part.get("file") or {}
                _add_url(found, filed.get("file_data"), filed.get("filename"))
            case "input_file":
                _add_url(found, part.get("file_data"), part.get("filename"))
            case other:
                found.lost.append(str(other))
    return found


def _openai_result(at: int, id_: object, text: str) -> Message:
    """Read a result; that it is an error is said in its text."""
    bare = text.removeprefix("Error: ")
    call = (str(id_), "")
    return Message(who="tool", at=at, text=bare, call=call, is_error=bare != text)


_Read: TypeAlias = Callable[[int, _Json], Iterator[Message]]
_READERS: Mapping[str, _Read] = {
    "openai.chat": _of_chat,
    "openai.responses": _of_responses,
    "anthropic.messages": _of_anthropic,
    "google.generate_content": _of_gemini,
}
