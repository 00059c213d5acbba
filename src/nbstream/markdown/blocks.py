"""Split a growing Markdown text into its top-level blocks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nbstream.markdown.finality import final_starts, first_undecided
from nbstream.markdown.openfence import OpenFence
from nbstream.markdown.pieces import LEAST, Part, cuts
from nbstream.markdown.stepwise import parse_blocks

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["Splitter"]

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)")


class Splitter:
    """Takes a text in any pieces, and knows which of its blocks are final.

    Only complete lines decide, and only those from the start of the last block are
    ever parsed again; what is in an open fence is not parsed at all. A list or a table
    is closed in pieces of at least ``least`` characters.
    """

    def __init__(self, *, least: int = LEAST) -> None:
        #: For each piece that goes on with the block of the one before: with what.
        self.parts: dict[int, Part] = {}
        self._least = least
        self._closed: list[str] = []
        self._unread: list[str] = []
        self._lines: list[str] = []
        self._rest = ""
        self._fence: OpenFence | None = None

    def feed(self, text: str) -> None:
        """Take the next piece of the text."""
        if text:
            self._unread.append(text)

    @property
    def closed(self) -> list[str]:
        """The sources of the blocks that nothing to come can change."""
        self._read()
        return self._closed

    @property
    def tail(self) -> str:
        """The rest: the last block, and what is not clear yet."""
        self._read()
        lines = self._fence.source if self._fence else self._lines
        return "".join([*lines, self._rest])

    @property
    def rest(self) -> str:
        """The last line, if it is not complete."""
        self._read()
        return self._rest

    @property
    def fence(self) -> OpenFence | None:
        """The fence that the tail is, if it is one and has a line."""
        self._read()
        return self._fence

    def _read(self) -> None:
        if not self._unread:
            return
        text = self._rest + "".join(self._unread)
        self._unread.clear()
        # A CR at the end may be half of a line's end.
        last = len(text) - text.endswith("\r")
        end = max(text.rfind("\n", 0, last), text.rfind("\r", 0, last)) + 1
        self._rest = text[end:]
        if end:
            self._take(_LINE.findall(text[:end]))

    def _take(self, lines: list[str]) -> None:
        if self._fence:
            count = self._fence.take(lines)
            if not count:
                return
            self._closed.append("".join(self._fence.source))
            self._fence = None
            lines = lines[count:]
        self._lines += lines
        if self._lines:
            self._split()

    def _split(self) -> None:
        part = self.parts.get(len(self._closed), Part())
        lines, at = [*part.head, *self._lines], len(part.head)
        tokens = parse_blocks("".join(lines), {})
        for start in final_starts(lines, tokens):
            at = self._cut(lines, tokens, at, start)
            self._closed.append("".join(lines[at:start]))
            at = start
        end = min(len(lines), first_undecided(lines, tokens))
        at = self._cut(lines, tokens, at, end)
        self._lines = lines[at:]
        self._fence = _open_fence(self._lines, tokens, at)
        if self._fence:
            self._lines = []

    def _cut(self, lines: list[str], tokens: list[Token], at: int, end: int) -> int:
        """Close the pieces of a list or table; return where its last one begins."""
        part, starts = cuts(lines, tokens, at, end, self._least)
        for start in starts:
            self._closed.append("".join(lines[at:start]))
            self.parts[len(self._closed)] = part
            at = start
        return at


def _open_fence(lines: list[str], tokens: list[Token], gone: int) -> OpenFence | None:
    """Return the fence that ``lines`` are, if it is open and its start is final."""
    last = tokens[-1] if tokens else None
    if last is None or last.type != "fence" or last.map is None:
        return None
    at = last.map[0] - gone
    tops = [token for token in tokens if token.level == 0 and token.map]
    alone = len(tops) == 1 or (tops[-2].map or [0, 0])[1] <= gone
    # A second line can still make a table's head of the first.
    if not alone or at < 0 or at + 1 >= len(lines):
        return None
    return OpenFence(last, lines, at)
