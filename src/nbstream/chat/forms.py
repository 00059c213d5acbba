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
from nbstream.requests.history import NO_ANSWER
from nbstream.requests.request import Provider

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


def convert(messages: Sequence[Any], api: str, own: Provider) -> Converted:
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


def write_messages(messages: Sequence[Message], own: Provider) -> list[Any]:
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
    text = text or ("" if calls else NO_ANSWER)
    return Message(who="model", at=messages[0].at, text=text, calls=calls)


def _results(
    results: Iterable[Message], calls: Sequence[Call], own: Provider
) -> Iterator[Any]:
    left = list(calls)
    for each in results:
        place = place_of_call(each, left)
        if place is not None:
            call = left.pop(place)
            yield own.tool_result_message(call.id, call.name, each.text, each.is_error)


class _Pieces:
    """What is found in one message's content: texts, images, files, and the rest."""

    def __init__(self, content: object = None) -> None:
        self.texts: list[str] = [content] if isinstance(content, str) else []
        self.images: list[Attachment] = []
        self.files: list[Attachment] = []
        self.lost: list[str] = []

    @property
    def text(self) -> str:
        """The texts, joined."""
        return "".join(self.texts)

    def encoded(self, kind: object, data: object, name: object = "") -> None:
        """Add what came in base64; an image or a file by its type."""
        try:
            made = Attachment.of(str(kind), str(data), str(name or ""))
        except (ValueError, binascii.Error):
            self.lost.append(f"a damaged {kind}")
            return
        where = self.images if str(kind).startswith("image/") else self.files
        where.append(made)

    def url(self, url: object, name: object = "") -> None:
        """Add what a ``data:`` address holds; another address is only lost."""
        head, comma, data = str(url).partition(",")
        kind, _, form = head.removeprefix("data:").partition(";")
        if head.startswith("data:") and comma and form == "base64":
            self.encoded(kind, data, name)
        else:
            self.lost.append(f"a file at an address ({str(url)[:60]})")

    def message(self, who: Who, at: int, calls: Sequence[Call] = ()) -> Message:
        """Return the message that holds them."""
        return Message(
            who=who,
            at=at,
            text=self.text,
            calls=calls,
            images=self.images,
            files=self.files,
            lost=self.lost,
        )

    def __bool__(self) -> bool:
        return bool(self.texts or self.images or self.files or self.lost)


def _items(value: object) -> list[_Json]:
    """Return the dicts of a list; of anything else nothing."""
    listed = value if isinstance(value, list) else []
    return [each for each in listed if isinstance(each, Mapping)]


def _text(value: object) -> str:
    """Return a text that may be in parts; what is no text, as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(str(each.get("text", "")) for each in _items(value))
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _call(id_: object, function: _Json, arguments: object) -> Call:
    return Call(str(id_), str(function.get("name", "")), str(arguments))


def _of_anthropic(at: int, message: _Json) -> Iterator[Message]:
    """Read a message of Anthropic's Messages."""
    content = message.get("content")
    held, calls = _Pieces(content), []
    for each in _items(content):
        match each.get("type"):
            case "text":
                held.texts.append(_text(each.get("text")))
                held.lost += ["citations"] if each.get("citations") else []
            case "image" | "document":
                _add_anthropic_source(held, each.get("source") or {})
            case "tool_use":
                arguments = json.dumps(each.get("input", {}), ensure_ascii=False)
                calls.append(_call(each.get("id", ""), each, arguments))
            case "tool_result":
                yield Message(
                    who="tool",
                    at=at,
                    text=_text(each.get("content")),
                    call=(str(each.get("tool_use_id", "")), ""),
                    is_error=bool(each.get("is_error")),
                )
            case "thinking" | "redacted_thinking":
                held.lost.append("reasoning")
            case other:
                held.lost.append(str(other))
    if message.get("role") == "assistant":
        yield held.message("model", at, calls)
    elif held:
        yield held.message("user", at)


def _add_anthropic_source(held: _Pieces, source: _Json) -> None:
    match source.get("type"):
        case "base64":
            held.encoded(source.get("media_type"), source.get("data"))
        case "text":
            held.texts.append(_text(source.get("data")))
        case other:
            held.lost.append(f"a file by {other}")


def _of_gemini(at: int, content: _Json) -> Iterator[Message]:
    """Read a content of Gemini's generate_content."""
    held, calls = _Pieces(), []
    for part in _items(content.get("parts")):
        if part.get("thought"):
            held.lost.append("reasoning")
        elif call := part.get("functionCall"):
            arguments = json.dumps(call.get("args") or {}, ensure_ascii=False)
            calls.append(_call(call.get("id", ""), call, arguments))
        elif answer := part.get("functionResponse"):
            yield _gemini_result(at, answer)
        elif data := part.get("inlineData"):
            held.encoded(data.get("mimeType"), data.get("data"))
        elif "text" in part:
            held.texts.append(_text(part["text"]))
        else:
            held.lost += [str(key) for key in part if key != "thoughtSignature"]
    if content.get("role") == "model":
        yield held.message("model", at, calls)
    elif held:
        yield held.message("user", at)


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
    held = _openai_content(message.get("content"))
    match message.get("role"):
        case "system" | "developer":
            yield Message(who="system", at=at, text=held.text)
        case "tool":
            yield _openai_result(at, message.get("tool_call_id", ""), held.text)
        case "assistant":
            held.lost += ["reasoning"] if "reasoning_details" in message else []
            if not held.text:
                held.texts.append(str(message.get("refusal") or ""))
            calls = map(_chat_call, _items(message.get("tool_calls")))
            yield held.message("model", at, [*calls])
        case _:
            yield held.message("user", at)


def _chat_call(call: _Json) -> Call:
    function = call.get("function") or call.get("custom") or {}
    arguments = function.get("arguments", function.get("input", ""))
    return _call(call.get("id", ""), function, arguments)


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
            held = _openai_content(item.get("content"))
            match item.get("role"):
                case "assistant":
                    yield held.message("model", at)
                case "system" | "developer":
                    yield Message(who="system", at=at, text=held.text)
                case _:
                    yield held.message("user", at)
        case other:
            yield Message(who="model", at=at, lost=[str(other)])


def _openai_result(at: int, id_: object, text: str) -> Message:
    """Read a result; that it is an error is said in its text."""
    bare = text.removeprefix("Error: ")
    call = (str(id_), "")
    return Message(who="tool", at=at, text=bare, call=call, is_error=bare != text)


def _openai_content(content: object) -> _Pieces:
    """Take apart what a message of either of OpenAI's APIs holds."""
    held = _Pieces(content)
    for each in _items(content):
        match each.get("type"):
            case "text" | "input_text" | "output_text" | "refusal":
                held.texts.append(_text(each.get("text", each.get("refusal"))))
            case "image_url":
                held.url((each.get("image_url") or {}).get("url"))
            case "input_image":
                held.url(each.get("image_url"))
            case "file":
                filed = each.get("file") or {}
                held.url(filed.get("file_data"), filed.get("filename"))
            case "input_file":
                held.url(each.get("file_data"), each.get("filename"))
            case other:
                held.lost.append(str(other))
    return held


_Read: TypeAlias = Callable[[int, _Json], Iterator[Message]]
_READERS: Mapping[str, _Read] = {
    "openai.chat": _of_chat,
    "openai.responses": _of_responses,
    "anthropic.messages": _of_anthropic,
    "google.generate_content": _of_gemini,
}
