"""Cut a long list or table into pieces, each of which is final before the next begins.

A piece begins with an item of its list, or with a row of its table, where enough stands
before it. It is read alone (a table's after the lines of its head), and its HTML is the
part of the whole that it is: together the pieces are the block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from nbstream.markdown.stepwise import parse_blocks

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["LEAST", "Part", "Tightness", "cuts", "is_loose", "loosened", "trimmed"]

#: The fewest characters of a piece that another one follows.
LEAST = 2_000
_LISTS = ("bullet_list_open", "ordered_list_open")
_NEWLINE = re.compile(r"\r\n?|\n")
_ROWS_END = "</tbody>\n</table>\n"


class Part(NamedTuple):
    """What a piece goes on with: a list, or a table with the lines of its head."""

    head: tuple[str, ...] = ()


def cuts(
    lines: list[str], tokens: list[Token], at: int, end: int, least: int
) -> tuple[Part, list[int]]:
    """Return where the block of the lines from ``at`` to ``end`` is to be cut."""
    tops = (token for token in tokens if token.level == 0 and token.map)
    block = next((top for top in tops if top.map and top.map[1] > at), None)
    if block is None or block.map is None:
        return Part(), []
    first = block.map[0]
    if block.type == "table_open":
        part, kind, level = Part(tuple(lines[first : first + 2])), "tr_open", 2
        first += 2
    elif block.type in _LISTS:
        part, kind, level = Part(), "list_item_open", 1
    else:
        return Part(), []
    found, size, before = list[int](), 0, at
    for start in _starts(tokens, kind, level, max(at, first), end):
        size += sum(map(len, lines[before:start]))
        before = start
        if size >= least:
            found.append(start)
            size = 0
    return part, found


def _starts(
    tokens: list[Token], kind: str, level: int, after: int, end: int
) -> Iterator[int]:
    for token in tokens:
        is_one = token.type == kind and token.level == level
        if is_one and token.map and after < token.map[0] < end:
            yield token.map[0]


def trimmed(html: str, part: Part | None, following: Part | None) -> str:
    """Return what of ``html``, a whole list or table, is the piece's own.

    ``part`` says that it goes on with another piece, ``following`` that one follows.
    """
    if part:
        before, opening, rest = html.partition("<tbody>\n" if part.head else "\n")
        html = rest if opening and before.startswith(("<ul", "<ol", "<table")) else ""
    if following:
        html = html[: -len(_ROWS_END if following.head else "</ul>\n")]
    return html


# -- lists that are loose: each item's text stands apart ------------------------------


def is_loose(source: str, tokens: list[Token], *, followed: bool) -> bool:
    """Say whether a piece of a list makes all of the list loose."""
    lines = _NEWLINE.split(source)
    if followed and not lines[-2].strip(" \t"):
        return True
    texts = list(_direct(tokens))
    if not texts and tokens and tokens[0].map and tokens[0].type in _LISTS:
        # Another item in front, with a text, tells.
        number = "1" if tokens[0].type == _LISTS[1] else ""
        front = [f"{number}{tokens[0].markup} x", *lines[tokens[0].map[0] :]]
        texts = list(_direct(parse_blocks("\n".join(front), {})))
    return any(not token.hidden for token in texts)


def loosened(tokens: list[Token]) -> list[Token]:
    """Make the list that begins ``tokens`` a loose one."""
    for token in _direct(tokens):
        token.hidden = False
    return tokens


def _direct(tokens: list[Token]) -> Iterator[Token]:
    """Return the begins and ends of the paragraphs right in the first list's items."""
    if not tokens or tokens[0].type not in _LISTS:
        return
    for token in tokens:
        if token.level == 2 and token.type in ("paragraph_open", "paragraph_close"):
            yield token
        if token.level == 0 and token.nesting < 0:
            return


class Tightness:
    """Knows which pieces are written loose, because one of their list is."""

    def __init__(self) -> None:
        self.loose: set[int] = set()
        self._first = 0
        self._is_loose = False

    def take(self, at: int, *, first: bool, loose: bool) -> set[int]:
        """Take the final piece ``at``; return those that change by it."""
        if first:
            self._first, self._is_loose = at, False
        self._is_loose |= loose
        return self._mark(at + 1, self._is_loose)

    def tail(self, at: int, *, loose: bool) -> set[int]:
        """Take the piece that has not ended; return the final ones that change."""
        return self._mark(at, self._is_loose or loose)

    def _mark(self, end: int, loose: bool) -> set[int]:
        pieces = set(range(self._first, end))
        changed = pieces - self.loose if loose else pieces & self.loose
        self.loose ^= changed
        return changed
