"""Plain strings: each one is more text of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbstream.types import Event, Ignored, TextDelta

if TYPE_CHECKING:
    from nbstream.reply import Reply

API = "text"


def matches(payload: object) -> bool:
    """Tell whether the payload is a string."""
    return isinstance(payload, str)


def normalize(payload: object) -> Sequence[Event]:
    """Turn one string into its event; an empty one says nothing.

    Strings have no terminal marker: who hands them over knows when they are all.
    """
    if not isinstance(payload, str):
        return (Ignored(type=type(payload).__name__),)
    return (TextDelta(text=payload),) if payload else ()


def to_message(reply: Reply) -> dict[str, object]:
    """Return the answer in the form most APIs read."""
    return {"role": "assistant", "content": reply.text}
