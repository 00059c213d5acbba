"""What was said in a conversation, without the words of any one API."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Attachment", "Call", "Said", "Who"]

Who: TypeAlias = Literal["system", "user", "model", "tool"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """An image or a file that was sent along; read as a ``Path`` is."""

    name: str
    data: bytes

    @classmethod
    def of(cls, kind: str, data: str, name: str = "") -> Attachment:
        """Return what came in base64; its name, if it has none, tells its type."""
        ending = mimetypes.guess_extension(kind) or ""
        return cls(name or f"file{ending}", base64.b64decode(data, validate=True))

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message.

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
    calls: Sequence[Call] = ()
    call: tuple[str, str] = ("", "")
    is_error: bool = False
    images: Sequence[Attachment] = ()
    files: Sequence[Attachment] = ()
    lost: list[str] = field(default_factory=list)
