"""Put events, sizes and times into words, in one line each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import MISSING, fields

from nbstream.types import Event

__all__ = ["event_fields", "event_line", "seconds", "size"]

#: A field longer than that (a provider's own JSON) is cut.
LONGEST = 2_000


def event_fields(event: Event) -> Iterator[tuple[str, str]]:
    """Give the name and the value, as JSON, of each field that says something."""
    for field in fields(event):
        value = getattr(event, field.name)
        default = None if field.default is MISSING else field.default
        if value == default and (value is None or field.default is not MISSING):
            continue
        text = json.dumps(value, ensure_ascii=False, default=str)
        if len(text) > LONGEST:
            left_out = len(text) - LONGEST
            text = f"{text[:LONGEST]} … ({left_out:,} characters more)"
        yield field.name, text


def event_line(event: Event, length: int = 60) -> str:
    """Return an event as one line, such as ``TextDelta(text="Hel", index=0)``."""
    said = []
    for name, text in event_fields(event):
        short = text if len(text) <= length else f"{text[: length - 1]}…"
        if short != text and text[0] == "{":
            short = "{…}"
        said.append(f"{name}={short}")
    return f"{type(event).__name__}({', '.join(said)})"


def seconds(time_s: float | None) -> str:
    """Return a time in seconds, or "" if it is not known."""
    return "" if time_s is None else f"{time_s:.3f} s"


def size(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: ``1 event``, ``2,000 events``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
