"""The limits a schema sets: how many, how much, how long."""

from __future__ import annotations

import json
import re

from nbstream.offline.readers._json import mapping, text
from nbstream.offline.talk import Json

__all__ = ["count_within", "number_within", "text_within", "with_noted"]

#: Limits may stand at the end of a description, where an API takes them only there.
_NOTE = re.compile(r"(?:^|\n\n)(\{[^\n]*\})\Z")
#: What a text of each format looks like.
_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def with_noted(schema: Json) -> Json:
    """Add the limits that are noted in the description, as a model would read them."""
    note = _NOTE.search(text(schema.get("description")))
    try:
        return {**schema, **mapping(json.loads(note[1]))} if note else schema
    except ValueError:
        return schema


def count_within(schema: Json, usual: int) -> int:
    """Return how many elements a list gets."""
    least, most = schema.get("minItems"), schema.get("maxItems")
    count = max(usual, least) if isinstance(least, int) else usual
    return min(count, most) if isinstance(most, int) else count


def number_within(value: float, schema: Json, *, whole: bool) -> float:
    """Return the number that is nearest to it within the limits."""
    step = _number(schema.get("multipleOf")) or (1 if whole else 0)
    apart = step or 0.5
    lows = [_number(schema.get("minimum"))]
    lows += [_plus(_number(schema.get("exclusiveMinimum")), apart)]
    highs = [_number(schema.get("maximum"))]
    highs += [_plus(_number(schema.get("exclusiveMaximum")), -apart)]
    value = max([value, *(low for low in lows if low is not None)])
    value = min([value, *(high for high in highs if high is not None)])
    if step:
        value = step * (value // step if value % step == 0 else value // step + 1)
    return int(value) if whole else value


def text_within(words: str, schema: Json) -> str:
    """Return a text of the format and the length that the schema wants."""
    words = _FORMATS.get(text(schema.get("format")), words)
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int):
        words = words.ljust(least, ".")
    return words[:most] if isinstance(most, int) else words


def _plus(value: float | None, more: float) -> float | None:
    return None if value is None else value + more


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) else None
