"""What the page does with a frame (static/frames.js), for tests that have no page."""

from __future__ import annotations

import re

from nbstream.markdown.html import SHORT

__all__ = ["expand"]

_TO_LONG = re.compile("\x80.|[\x81-\x9f]")


def expand(short: str) -> str:
    """Give back the HTML, as the browser does."""
    return _TO_LONG.sub(lambda m: SHORT.get(m[0]) or m[0][1:], short)
