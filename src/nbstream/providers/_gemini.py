"""Read the messages of generate_content by their wire names, whatever holds them.

The wire says ``finishReason``, the SDK's object ``finish_reason`` (and a dict dumped
from it either); bytes are base64 on the wire and ``bytes`` in the object.
"""

import base64
from collections.abc import Mapping
from enum import Enum
from typing import Any

from nbstream.providers._read import plain
from nbstream.types import FinishReason

__all__ = [
    "ABOUT_A_PART",
    "NOT_SAID",
    "REASONS",
    "Fields",
    "fields",
    "record",
    "wire",
]

Fields = Mapping[str, Any]
_NONE: Fields = {}
_SCALARS = frozenset({str, int, float, bool, type(None)})

_FILTERED: tuple[str, ...] = (
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "ESCALATION",
    "PUP_LIMITED_DISABLED",
    "MODEL_ARMOR",
)
#: Google's reasons in our words. ``CONTINUATION`` is none: the answer goes on.
REASONS: Mapping[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(_FILTERED, "content_filter"),
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "MALFORMED_RESPONSE": "error",
    "TOO_MANY_TOOL_CALLS": "other",
    "NO_IMAGE": "other",
    "IMAGE_OTHER": "other",
    "OTHER": "other",
}
NOT_SAID = frozenset({"", "FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED"})
#: Fields of a part that say something about it, and are not what it holds.
ABOUT_A_PART = frozenset(
    {
        "thought",
        "thoughtSignature",
        "mediaResolution",
        "mediaProcessing",
        "partMetadata",
        "videoMetadata",
        "audioMetadata",
        "speechMetadata",
        "documentMetadata",
        "spreadsheetMetadata",
    }
)


class _WireNames(dict[str, str]):
    """The wire's name for each name met: itself, or camelCase for snake_case."""

    def __missing__(self, name: str) -> str:
        head, *rest = str(name).split("_")
        found = head + "".join(map(str.title, rest))
        if len(self) < 1000:  # names come off the wire, so they have no end
            self[name] = found
        return found


_NAMES = _WireNames()


def fields(obj: object) -> Fields:
    """Return what is set, under the names of the wire; empty if it is no message."""
    found = obj if isinstance(obj, dict) else getattr(obj, "__dict__", _NONE)
    return {_NAMES[name]: it for name, it in found.items() if it is not None}


def record(value: object) -> dict[str, Any]:
    """Return an object in the form of the wire, and an empty one for anything else."""
    found = wire(value)
    return found if isinstance(found, dict) else {}


def wire(value: object) -> Any:
    """Return a JSON-like copy with the names and the base64 of the wire.

    Not pydantic's own dump: that is slower, and writes URL-safe base64.
    """
    if type(value) in _SCALARS:  # an enum of strings is none of them
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: wire(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [wire(each) for each in value]
    found = fields(value)
    return {name: wire(each) for name, each in found.items()} if found else plain(value)
