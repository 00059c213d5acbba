"""Let through the one tag that models need: ``<br>``, for a new line in a cell.

It is ``<br>``, ``<br/>`` or ``<br />`` in any case, and nothing else: no attribute,
no other space.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline

__all__ = ["BREAK", "add_breaks", "begins_line"]

BREAK = re.compile("<br(?: ?/)?>", re.IGNORECASE)
#: What may stand before the first block of a line: quotes, items, notes, terms.
_MARKERS = re.compile(
    r"""(?:\A|[\r\n])
    (?:[^\S\r\n]|[>*+#:~=(\d.)-]|[A-Za-z]{1,4}[.)]\s|\[[^\[\]\r\n]*\])*\Z""",
    re.VERBOSE,
)
#: More markers than this before a line's text are not looked at.
_MOST_MARKERS = 300


def begins_line(src: str, pos: int) -> bool:
    """Say whether what is at ``pos`` may begin a block.

    A tag that does makes, for CommonMark, all lines to the next empty one raw HTML.
    """
    return _MARKERS.search(src[max(0, pos - _MOST_MARKERS) : pos]) is not None


def add_breaks(md: MarkdownIt) -> None:
    """Teach ``md`` to read the tag as the end of a line."""
    md.inline.ruler.before("autolink", "br", _break)


def _break(state: StateInline, silent: bool) -> bool:
    found = BREAK.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True
