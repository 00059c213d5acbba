"""Show the request that would be sent, without keys."""

from __future__ import annotations

import json
import re

from nbstream._keys import REMOVED, is_secret, redact
from nbstream.requests import provider
from nbstream.requests.request import Request

__all__ = ["preview"]

#: A file in base64 longer than this, in characters, is shown by its length.
_LONG = 200
_BASE64 = re.compile(r"(?:data:[^,]*,)?[A-Za-z0-9+/=]+")


def preview(request: Request) -> str:
    """Return the keyword arguments of the SDK's call as JSON, keys removed."""
    arguments = provider(request.provider).arguments(request)
    return json.dumps(_clean(arguments), indent=2, ensure_ascii=False, default=str)


def _clean(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: REMOVED if is_secret(str(name)) else _clean(each)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    if not isinstance(value, str):
        return value
    if len(value) > _LONG and _BASE64.fullmatch(value):
        return f"{value[:40]}... ({len(value)} characters)"
    return redact(value)
