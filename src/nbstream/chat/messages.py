"""``Message``: what was said in a conversation, without the words of any one API."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from nbstream import types
from nbstream.reply import Reply

Who: TypeAlias = Literal["system", "user", "model", "tool"]

_END = (types.Finish(reason="stop", raw_reason=""), types.End())


@dataclass(frozen=True, slots=True)
class Attachment:
    """An image or a file that was sent along; read as a ``Path`` is."""

    name: str
    data: bytes

    @classmethod
    def of(cls, kind: str, data: str, name: str = "") -> Attachment:
        """Return what came in base64; its name is made to tell its type."""
        kind = kind.partition(";")[0].strip().lower()
        told, _ = mimetypes.guess_type(name)
        if told is None or kind not in {told, "", "application/octet-stream"}:
            ending = mimetypes.guess_extension(kind, strict=False) or ""
            name = f"{name or 'file'}{ending}"
        return cls(name, base64.b64decode(data, validate=True))

    def read_bytes(self) -> bytes:
        """Return its content."""
        return self.data

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return its content as text."""
        return self.data.decode(encoding, errors)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool: the API's name of it, the tool's name, the JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(slots=True, kw_only=True)
class Message:
    """One message; who reads it in a provider's form, adds to it piece by piece.

    Attributes:
        who: Who said it; ``tool`` is what came of a call.
        at: Its place in the list of messages.
        text: Its text, or the result of the call.
        calls: The calls a model made with it.
        call: Which call a result belongs to: its id, and the tool's name or "".
        is_error: Whether the result is an error.
        images: Images sent along.
        files: Files sent along.
        lost: What of it only this API can read, in a few words each.
    """

    who: Who
    at: int
    text: str = ""
    calls: list[Call] = field(default_factory=list)
    call: tuple[str, str] = ("", "")
    is_error: bool = False
    images: list[Attachment] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def place_of_call(
    result: Message, calls: Mapping[int, tuple[str | None, str]]
) -> int | None:
    """Find the call that a result belongs to: by its id, by its name, or by its turn.

    ``calls`` are those without a result, each with its id and the tool's name.
    """
    id_, name = result.call
    fits = [at for at, call in calls.items() if id_ and call[0] == id_]
    fits += [at for at, call in calls.items() if name and call[1] == name]
    return next(iter([*fits, *calls]), None)


def to_reply(api: str, messages: Iterable[Message]) -> Reply:
    """Return a complete reply that says what a model said, to be shown like a new one.

    Calls and their results are in it; what comes after a result is another round.
    """
    reply = Reply(api)
    has_results = False
    for message in messages:
        if message.who == "tool":
            has_results = True
            _add_result(reply, message)
            continue
        if has_results:
            reply._extend([*_END, types.Round()])
            has_results = False
        if message.text:
            reply._apply(types.TextDelta(text=message.text, index=0))
        for call in message.calls:
            delta = types.ToolCallDelta(
                index=1 + len(reply.tool_calls),
                id=call.id,
                name=call.name,
                arguments=call.arguments,
            )
            reply._apply(delta)
    reply._extend(_END)
    reply._end()
    return reply


def _add_result(reply: Reply, message: Message) -> None:
    waiting = {
        at: (call.id, call.name)
        for at, call in enumerate(reply.tool_calls)
        if not call.run
    }
    place = place_of_call(message, waiting)
    if place is not None:
        state: types.ToolState = "failed" if message.is_error else "done"
        reply._apply(types.ToolResult(call=place, state=state, result=message.text))
