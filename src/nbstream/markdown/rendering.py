"""Render a growing Markdown text as frames: what has changed, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nbstream.markdown.blocks import Splitter
from nbstream.markdown.frame import Frame, changes
from nbstream.markdown.html import LONGEST
from nbstream.markdown.paint import FenceView, OpenCode
from nbstream.markdown.parser import clean
from nbstream.markdown.pieces import LEAST, Part, Tightness, is_loose, loosened, trimmed
from nbstream.markdown.stepwise import parse_blocks
from nbstream.markdown.tail import shown_blocks
from nbstream.markdown.writer import BlockWriter

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["Frame", "Rendering"]


class Rendering:
    """Takes a text in any pieces; gives frames, whose end is ``to_html`` of it all."""

    def __init__(self, *, images: bool = False, least: int = LEAST) -> None:
        self._splitter = Splitter(least=least)
        self._writer = BlockWriter(images=images)
        self._size = 0
        self._closed: list[str] = []
        self._open: list[str] = []
        self._fence: FenceView | None = None
        self._plain: OpenCode | None = None
        self._unread: list[str] = []
        self._stale: set[int] = set()
        self._tightness = Tightness()

    @property
    def blocks(self) -> list[str]:
        """The HTML of each block, as the frames so far have it."""
        return [*self._closed, *self._shown()]

    @property
    def line(self) -> str:
        """The incomplete line of an open fence, which is in none of the blocks."""
        return self._fence.line if self._fence else ""

    def feed(self, text: str) -> None:
        """Take the next piece of the text."""
        text = clean(text)
        self._size += len(text)
        if self._plain:
            self._unread.append(text)
        else:
            self._splitter.feed(text)

    def frame(self) -> Frame | None:
        """Return what has changed since the last frame; ``None`` if nothing has."""
        count, closed = len(self._closed) + self._open_count(), len(self._closed)
        line = self.line
        frame = self._next(end=False)
        gained = frame.html or frame.code or frame.replaced
        same = (frame.at, frame.closed, frame.line) == (count, closed, line)
        return frame if gained or not same else None

    def finish(self) -> Frame:
        """Return the last frame: the text has ended, all blocks are closed."""
        return self._next(end=True)

    def _next(self, *, end: bool) -> Frame:
        if self._plain is None and self._size <= LONGEST:
            try:
                return self._read(end=end)
            except RecursionError:
                pass  # to_html fails on it, too
        return self._as_it_came(end=end)

    def _read(self, *, end: bool) -> Frame:
        splitter, fence = self._splitter, self._fence
        sources = splitter.closed[len(self._closed) :]
        if fence and not sources and not end:
            grown = fence.grow(splitter.rest)
            count, size = len(self._closed), len(splitter.rest)
            return Frame(
                at=count + 1, closed=count, tail_chars=size, code=grown, line=fence.line
            )
        code = fence.end("" if sources else splitter.rest) if fence else None
        before, whole = self._shown(), fence is not None
        start = len(self._closed)
        final = [self._read_closed(start + n) for n in range(len(sources))]
        tokens, leaf = self._read_tail(end=end)
        replaced = tuple(self._rewritten(start))
        after = [self._written(each, start + n) for n, each in enumerate(final)]
        self._closed += after
        self._open = self._unfinished(tokens, leaf)
        self._fence = None if end or not splitter.fence else FenceView(splitter.fence)
        after += self._shown()
        if self._fence:
            self._fence.grow(splitter.rest)
        if end:
            self._closed, self._open = self._closed + self._open, []
        at, keep, html = changes(before, after, whole=whole)
        return Frame(
            at=start + at,
            closed=len(self._closed),
            tail_chars=len(splitter.rest if self._fence else splitter.tail),
            keep=keep,
            html=html,
            code=code,
            line=self.line,
            replaced=replaced,
        )

    def _read_tail(self, *, end: bool) -> tuple[list[Token], Token | None]:
        """Return what to show of the tail; take all definitions, and settle them."""
        fence = self._splitter.fence
        definitions: dict[str, Any] = {}
        leaf = None
        at = len(self._splitter.closed)
        part = self._splitter.parts.get(at)
        tail = "".join([*(part.head if part else ()), self._splitter.tail])
        if end:
            tokens = self._writer.read(tail)
        elif fence:
            tokens = parse_blocks("".join(fence.head[:-1]), definitions)
        else:
            tokens, leaf = shown_blocks(tail, definitions)
        if part and not part.head:
            loose = is_loose(tail, tokens, followed=False)
            self._stale |= self._tightness.tail(at, loose=loose)
            if at - 1 in self._tightness.loose:
                loosened(tokens)
        self._stale.update(self._writer.define(definitions))
        return tokens, leaf

    def _read_closed(self, at: int) -> list[Token]:
        """Read a final block, or a piece of one; see what of its list it changes."""
        parts, source = self._splitter.parts, self._splitter.closed[at]
        part, following = parts.get(at), parts.get(at + 1)
        tokens = self._writer.read("".join([*(part.head if part else ()), source]))
        if (part or following) and not (part or following or Part()).head:
            loose = is_loose(source, tokens, followed=following is not None)
            self._stale |= self._tightness.take(at, first=part is None, loose=loose)
        return tokens

    def _written(self, tokens: list[Token], at: int) -> str:
        """Return the HTML of a final block, or of a piece of one."""
        if at in self._tightness.loose:
            loosened(tokens)
        parts = self._splitter.parts
        return trimmed(self._writer.final(tokens, at), parts.get(at), parts.get(at + 1))

    def _unfinished(self, tokens: list[Token], leaf: Token | None) -> list[str]:
        blocks = self._writer.unfinished(tokens, leaf)
        part = self._splitter.parts.get(len(self._closed))
        if part and blocks:
            blocks[0] = trimmed(blocks[0], part, None)
        return [html for html in blocks if html]

    def _rewritten(self, end: int) -> Iterator[tuple[int, str]]:
        """Write again the final blocks that a definition, or another piece, changes."""
        stale, self._stale = sorted(self._stale), set()
        for at in stale:
            if at >= end:
                continue
            parts, source = self._splitter.parts, self._splitter.closed[at]
            head = parts[at].head if at in parts else ()
            html = self._written(parse_blocks("".join([*head, source]), {}), at)
            if html != self._closed[at]:
                self._closed[at] = html
                yield at, html

    def _open_count(self) -> int:
        return len(self._open) + bool(self._fence or self._plain)

    def _shown(self) -> list[str]:
        growing = self._plain or self._fence
        return [*self._open, *([str(growing)] if growing else [])]

    def _as_it_came(self, *, end: bool) -> Frame:
        """Show what cannot be read as one block of code that grows."""
        html, code = tuple[str, ...](), None
        if self._plain is None:
            self._plain, self._fence = OpenCode(""), None
            self._open, self._closed = [], []
            self._plain.add([*self._splitter.closed, self._splitter.tail])
            html = (str(self._plain),)
        else:
            code = self._plain.add(self._unread)
        self._unread.clear()
        at = 1 - len(html)
        return Frame(at=at, closed=int(end), tail_chars=0, html=html, code=code)
