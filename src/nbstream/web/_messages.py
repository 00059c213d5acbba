"""The messages of a chat client: checked, and in any provider's form.

What a client sends is a stranger's word. Its user messages are questions. Its assistant
messages are history and nothing more: nothing in them is run, fetched or believed.
Sizes are bounded. The protocol: https://ai-sdk.dev/docs/ai-sdk-ui/chatbot.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from nbstream.chat.forms import write_messages
from nbstream.chat.messages import Attachment, Call, Message
from nbstream.errors import UsageError
from nbstream.requests import FORMS, provider

_Json: TypeAlias = Mapping[str, Any]
Trigger: TypeAlias = Literal["submit-message", "regenerate-message"]

#: How much one request may hold, if nothing else is said: bytes of the body; messages;
#: parts of a message; characters of text in one part; how deep its JSON may be.
MAX_BYTES = 8_000_000
MAX_MESSAGES = 1_000
MAX_PARTS = 500
MAX_TEXT = 200_000
MAX_DEPTH = 64
_TRIGGERS = ("submit-message", "regenerate-message")


class BadRequest(UsageError):  # noqa: N818 - HTTP's own name for it
    """A client's request cannot be read: a 400, or 413 if it is too large.

    Attributes:
        status: The HTTP status.
        sentence: The message, as the client is told it.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        self.sentence = f"{message[:1].upper()}{message[1:]}."
        super().__init__(message)


def sound(text: str) -> str:
    """Return a text without halves of characters, which UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What a person said to a call that had to be allowed."""

    id: str
    call: Call
    approved: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """What a chat client asked.

    Attributes:
        id: The client's name of the conversation, or "".
        trigger: ``"submit-message"`` or ``"regenerate-message"``.
        messages: All that was said, in order: ``nbstream.chat.messages.Message``.
        message_id: The id of the assistant message that is gone on with, or None.
        approvals: What was said to calls that wait, in the last message.
        body: The other fields of the request, as they came.
    """

    id: str
    trigger: Trigger
    messages: tuple[Message, ...]
    message_id: str | None = None
    approvals: tuple[Approval, ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text of the last question, or ""."""
        asked = (each.text for each in reversed(self.messages) if each.who == "user")
        return next(asked, "")

    def to(self, api: str) -> list[Any]:
        """Return the messages in the form of an API, such as ``"openai.responses"``.

        ``system`` messages are left out: what the system says is the server's.

        Args:
            api: One of ``nbstream.providers.APIS``, or a provider's name, such as
                ``"anthropic"``.

        Raises:
            UsageError: no provider takes messages of that API.
        """
        own = FORMS.get(api) or provider(api)
        return write_messages(self.messages, own)


def read(body: object, *, max_bytes: int = MAX_BYTES) -> Messages:
    """Read the request of a chat client (AI SDK 5 to 7).

    Args:
        body: The request's body: bytes, text, or what its JSON holds.
        max_bytes: The largest that bytes or text may be.

    Raises:
        BadRequest: what is wrong with it, in words for whoever wrote the client.
    """
    data = _object(body, max_bytes)
    listed = _list(data, "messages", MAX_MESSAGES)
    id_, trigger = _text(data, "id", ""), _text(data, "trigger", _TRIGGERS[0])
    if trigger not in _TRIGGERS:
        raise BadRequest(f"trigger is {trigger!r:.80}: expected one of {_TRIGGERS}")
    found: list[Message] = []
    approvals: list[Approval] = []
    for at, raw in enumerate(listed):
        message = _mapping(raw, f"messages[{at}]")
        approvals = []
        found += _read_message(at, message, approvals)
    if not any(each.who == "user" for each in found):
        raise BadRequest("there is no question: expected a message of the user")
    asked = next(each for each in reversed(found) if each.who == "user")
    if _is_void(asked):
        raise BadRequest("the last question is empty")
    last = _mapping(listed[-1], "the last message")
    goes_on = last.get("role") == "assistant"
    return Messages(
        id=id_,
        trigger="submit-message" if trigger == _TRIGGERS[0] else "regenerate-message",
        messages=tuple(each for each in found if not _is_void(each)),
        message_id=_text(last, "id", "") or None if goes_on else None,
        approvals=tuple(approvals),
        body={
            name: value
            for name, value in data.items()
            if name not in {"id", "messages", "trigger", "messageId"}
        },
    )


def _is_void(message: Message) -> bool:
    """Tell whether a user's message says nothing, which providers refuse."""
    given = message.text.strip() or message.images or message.files
    return message.who == "user" and not given


def _object(body: object, max_bytes: int) -> _Json:
    if isinstance(body, bytes | bytearray | memoryview | str):
        if len(body) > max_bytes:
            raise BadRequest(f"the request has over {max_bytes:,} bytes", 413)
        try:
            body = json.loads(body if isinstance(body, str) else bytes(body))
        except (ValueError, RecursionError):
            raise BadRequest("the request is no JSON") from None
    _check_depth(body)
    return _mapping(body, "the request")


def _check_depth(body: object) -> None:
    """Refuse what is so deep that to write it would fail, here or at the provider."""
    level: list[object] = [body]
    for _ in range(MAX_DEPTH):
        inside = (
            each.values() if isinstance(each, Mapping) else each
            for each in level
            if isinstance(each, Mapping | list)
        )
        if not (level := [each for inner in inside for each in inner]):
            return
    raise BadRequest(f"the request is more than {MAX_DEPTH} levels deep")


def _json(value: object, what: str, separators: tuple[str, str]) -> str:
    """Return JSON.

    Raises:
        BadRequest: it is too long, or none: JavaScript has no NaN in it.
    """
    try:
        text = json.dumps(value, separators=separators, allow_nan=False)
    except ValueError:
        raise BadRequest(f"{what} is no JSON") from None
    if len(text) > MAX_TEXT:
        raise BadRequest(f"{what} is too large", 413)
    return text


def _mapping(value: object, what: str) -> _Json:
    if isinstance(value, Mapping):
        return value
    raise BadRequest(f"{what} is no JSON object")


def _text(data: _Json, name: str, default: str) -> str:
    value = data.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise BadRequest(f"{name} is no text of at most {MAX_TEXT:,} characters")
    return sound(value)


def _list(data: _Json, name: str, most: int) -> Sequence[Any]:
    value = data.get(name)
    if not isinstance(value, list):
        raise BadRequest(f"{name} is no list")
    if len(value) > most:
        raise BadRequest(f"{name} has over {most:,} entries", 413)
    return value


def _read_message(
    at: int, message: _Json, approvals: list[Approval]
) -> Iterator[Message]:
    role = message.get("role")
    parts = _parts(at, message)
    if role == "user":
        yield _question(at, parts)
    elif role == "assistant":
        yield from _answers(at, parts, approvals)
    elif role != "system":  # what the system says is the server's
        raise BadRequest(
            f"messages[{at}].role is {role!r:.40}: expected user or assistant"
        )


def _parts(at: int, message: _Json) -> list[_Json]:
    """Return a message's parts; a plain ``content`` is one of text."""
    content = message.get("content")
    if "parts" not in message and isinstance(content, str):
        return [{"type": "text", "text": content}]
    listed = _list(message, "parts", MAX_PARTS)
    return [_mapping(each, f"a part of messages[{at}]") for each in listed]


def _question(at: int, parts: Sequence[_Json]) -> Message:
    found = Message(who="user", at=at)
    for part in parts:
        match part.get("type"):
            case "text":
                found.text += _text(part, "text", "")
            case "file":
                _add_file(found, part)
            case _:
                continue  # own data of the client's: nothing for the model
    return found


def _add_file(message: Message, part: _Json) -> None:
    url, kind = part.get("url"), _text(part, "mediaType", "")
    head, comma, data = url.partition(",") if isinstance(url, str) else ("", "", "")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        raise BadRequest("a file has to be sent along, as data:TYPE;base64,DATA")
    own = head.removeprefix("data:").partition(";")[0]
    kind = kind.partition(";")[0].strip().lower()
    kind = kind if mimetypes.guess_extension(kind, strict=False) else own or kind
    try:
        made = Attachment.of(kind, data, _text(part, "filename", ""))
    except ValueError:
        raise BadRequest("a file's base64 is damaged") from None
    told, _ = mimetypes.guess_type(made.name)
    if told is None or not made.data:
        why = f"of no known type ({kind!r:.80})" if made.data else "empty"
        raise BadRequest(f"a file is {why}")
    (message.images if told.startswith("image/") else message.files).append(made)


def _answers(
    at: int, parts: Sequence[_Json], approvals: list[Approval]
) -> Iterator[Message]:
    """Read an answer: each of its steps, and then the results of the calls in it."""
    step, results = Message(who="model", at=at), list[Message]()
    for part in parts:
        kind = str(part.get("type"))
        if kind == "step-start":
            yield from _step(step, results)
            step, results = Message(who="model", at=at), []
        elif kind == "text":
            step.text += _text(part, "text", "")
        elif kind.startswith("tool-") or kind == "dynamic-tool":
            call = _call(part, kind)
            if call is not None:
                step.calls.append(call)
                results.append(_result(at, part, call, approvals))
    yield from _step(step, results)


def _step(step: Message, results: list[Message]) -> Iterator[Message]:
    if step.text or step.calls:
        yield step
    yield from results


def _call(part: _Json, kind: str) -> Call | None:
    """Return a call that was whole; one that was cut is left out of the history."""
    if part.get("state") == "input-streaming":
        return None
    name = _text(part, "toolName", "") or kind.removeprefix("tool-")
    given = part.get("input", part.get("rawInput"))
    parsed = given if isinstance(given, Mapping) else {}
    arguments = _json(parsed, "a tool's input", (",", ":"))  # as JavaScript writes it
    id_ = _text(part, "toolCallId", "")
    if not name or not id_:
        raise BadRequest("a tool's part needs a name and a toolCallId")
    return Call(id_, name, arguments)


def _result(at: int, part: _Json, call: Call, approvals: list[Approval]) -> Message:
    made = Message(who="tool", at=at, call=(call.id, call.name), is_error=True)
    match part.get("state"):
        case "output-available":
            output = part.get("output")
            if isinstance(output, str):
                made.text = sound(output)
            else:
                made.text = _json(output, "a tool's output", (", ", ": "))
            made.is_error = False
        case "output-error":
            made.text = _text(part, "errorText", "") or "The call failed."
        case "output-denied":
            made.text = "The person did not allow this call."
        case "approval-responded":
            made.text = "This call was not run."
            approval = _mapping(part.get("approval"), "an approval")
            approvals.append(
                Approval(
                    id=_text(approval, "id", ""),
                    call=call,
                    approved=approval.get("approved") is True,
                    reason=_text(approval, "reason", ""),
                )
            )
        case _:
            made.text = "This call was not run."
    if len(made.text) > MAX_TEXT:
        raise BadRequest("a tool's output is too large", 413)
    return made
