"""What the page does with a frame (static/frames.js), for tests that have no page."""

from __future__ import annotations

import re

from nbstream.markdown.html import SHORT

__all__ = ["directed", "expand"]

_TO_LONG = re.compile("\x80.|[\x81-\x9f]")


def expand(short: str) -> str:
    """Give back the HTML, as the browser does."""
    return _TO_LONG.sub(lambda m: SHORT.get(m[0]) or m[0][1:], short)


def directed(html: str) -> str:
    """Say of each block that it begins from the side that its first letters do.

    And of each heading that it is in no table of contents.
    """
    html = re.sub(r"<(h[1-6])>", r'<\1 class="tocSkip">', html)
    names = "p|h[1-6]|ul|ol|blockquote|table|summary"
    block = rf'<((?:{names})(?: (?:start|class)="[^"]*")?)>'
    return re.sub(block, r'<\1 dir="auto">', html)
