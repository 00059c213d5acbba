"""Take a message's content apart: texts, images, files, and what is none of them."""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any

from nbstream.chat.said import Attachment, Said

__all__ = ["Pieces", "by_user", "items", "text_of"]


def items(value: object) -> list[Mapping[str, Any]]:
    """Return the dicts of a list; of anything else nothing."""
    listed = value if isinstance(value, list) else []
    return [each for each in listed if isinstance(each, Mapping)]


def text_of(value: object) -> str:
    """Return a text that may be in parts; what is no text, as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(str(each.get("text", "")) for each in items(value))
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


class Pieces:
    """What is found in one content."""

    def __init__(self) -> None:
        self.texts: list[str] = []
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

    def lose(self, what: Iterable[object]) -> None:
        """Say what only this API can read."""
        self.lost += [str(each) for each in what]


def by_user(at: int, held: Pieces) -> Said:
    """Return a user's message of what was found in it."""
    return Said(
        who="user",
        at=at,
        text=held.text,
        images=held.images,
        files=held.files,
        lost=held.lost,
    )
