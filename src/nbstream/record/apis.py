"""Tell which requests are an SDK's, and which wire API they speak."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["api_of", "is_ours", "tail_of"]

#: The ends of paths: before them stands what a gateway or Azure puts there.
_PATHS = {
    r"/chat/completions": "openai.chat",
    r"/responses(?:/[^/]+)?": "openai.responses",
    r"/messages": "anthropic.messages",
    r"/interactions(?:/[^/]+)?": "google.interactions",
    r"/(?:models|tunedModels|endpoints)/[^/]+:(?:streamG|g)enerateContent": (
        "google.generate_content"
    ),
}
_MARKS = ("x-stainless-lang", "anthropic-version", "x-goog-api-client")


def api_of(path: str) -> str:
    """Return the API of a path, or ""."""
    found = (a for ending, a in _PATHS.items() if re.search(rf"{ending}\Z", path))
    return next(found, "")


def tail_of(path: str) -> str:
    """Return the part of a path that is the API's own, without what is before it."""
    found = (re.search(rf"{ending}\Z", path) for ending in _PATHS)
    return next((match[0] for match in found if match), path)


def is_ours(path: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a request is one of an SDK's calls.

    All else that a program sends is not recorded: a login, for one, holds secrets.
    """
    return bool(api_of(path)) or any(mark in headers for mark in _MARKS)
