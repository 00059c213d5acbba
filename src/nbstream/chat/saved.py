"""A conversation as a file: JSON that one can read, and without keys."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbstream._keys import is_secret, redact
from nbstream.errors import UsageError

if TYPE_CHECKING:
    from nbstream.chat.conversation import Conversation

__all__ = ["Saved"]

#: The number of the form: what an older nbstream cannot read has a higher one.
FORM = 1
_FIELDS = (
    "model",
    "system",
    "max_tokens",
    "reasoning_effort",
    "base_url",
    "max_rounds",
    "messages",
)


@dataclass(frozen=True, slots=True)
class Saved:
    """The arguments that make the conversation again."""

    arguments: dict[str, Any]

    @classmethod
    def of(cls, chat: Conversation) -> Saved:
        """Take them from a conversation, whose key and tools stay out."""
        found = {name: getattr(chat, name) for name in _FIELDS}
        return cls({**found, **_without_secrets(chat.options)})

    def write(self, path: Path) -> Path:
        """Write them; a file that was there is replaced in one step."""
        try:
            text = json.dumps({"nbstream.chat": FORM, **self.arguments}, indent=1)
        except (TypeError, ValueError) as error:
            msg = f"the conversation holds what JSON cannot say: {error}"
            raise UsageError(msg) from error
        if redact(text) != text:
            msg = "a message holds what looks like a key: take it out, then save"
            raise UsageError(msg)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(text + "\n", encoding="utf-8")
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise UsageError(f"{str(path)!r} cannot be written: {error}") from error
        return path

    @classmethod
    def read(cls, path: Path) -> Saved:
        """Read what was written.

        Raises:
            UsageError: there is no such file, or it holds no conversation.
        """
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"{str(path)!r} cannot be read: {error}") from error
        except ValueError as error:
            raise UsageError(f"{str(path)!r} is no JSON: {error}") from error
        form = found.pop("nbstream.chat", None) if isinstance(found, dict) else None
        messages = found.get("messages") if form == FORM else None
        if not isinstance(messages, list) or not isinstance(found.get("model"), str):
            msg = (
                f"{str(path)!r} holds no conversation of form {FORM}: "
                "expected a file that Chat.save has written"
            )
            raise UsageError(msg)
        return cls(found)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_secrets(each)
            for name, each in value.items()
            if not is_secret(str(name))
        }
    return value
