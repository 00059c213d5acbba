"""What can be shown of a JSON text that is still arriving."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nbstream.anatomy.partial import PartialJson

if TYPE_CHECKING:
    from nbstream.reply import Reply

__all__ = ["partial"]


def partial(reply: Reply) -> Any:
    """Return the value so far, closed where it is open; None: there is none."""
    found = _closed(reply.document.strip())
    key = reply.expected.key if reply.expected else None
    return found.get(key) if key and isinstance(found, dict) else found


def _closed(text: str) -> Any:
    try:
        from jiter import from_json  # the SDKs of OpenAI and Anthropic bring it
    except ImportError:
        return _closed_by_us(text)
    try:
        data = text.encode("utf-8", "replace")
        return from_json(data, partial_mode="trailing-strings", allow_inf_nan=False)
    except ValueError:
        return None


def _closed_by_us(text: str) -> Any:
    reading = PartialJson()
    reading.feed(text)
    sure = reading.closed if reading.broken_at is None else ""
    return json.loads(sure) if sure else None
