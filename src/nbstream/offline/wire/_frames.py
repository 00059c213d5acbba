"""Write JSON and server-sent events the way the providers do."""

from __future__ import annotations

import json

from nbstream.offline.talk import Json

__all__ = ["CREATED", "SIGNATURE", "dumps", "event", "joined"]

#: 2026-01-01T00:00:00Z: no clock gets into the bytes.
CREATED = 1767225600
#: Base64 of "scripted: no real signature".
SIGNATURE = "c2NyaXB0ZWQ6IG5vIHJlYWwgc2lnbmF0dXJl"

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
#: Some SDKs split lines as ``str.splitlines`` does, which also splits at these.
_LINE_ENDS = str.maketrans({c: f"\\u{ord(c):04x}" for c in "\x85\u2028\u2029"})


def dumps(value: object) -> str:
    """Write compact JSON on one line, in UTF-8 as the providers do."""
    written = _ENCODER.encode(value)
    return written if written.isascii() else written.translate(_LINE_ENDS)


def event(data: Json, name: str = "", newline: str = "\n") -> bytes:
    """Write one event; without a name it has no ``event:`` line."""
    head = f"event: {name}{newline}" if name else ""
    text = f"{head}data: {dumps(data)}{newline}{newline}"
    return text.encode("utf-8", "replace")


def joined(tokens: tuple[str, ...], size: int) -> list[tuple[str, int]]:
    """Put tokens together by groups of ``size``: each text and its token count."""
    groups = [tokens[at : at + size] for at in range(0, len(tokens), size)]
    return [("".join(group), len(group)) for group in groups]
