"""Render a growing Markdown text as frames: what has changed, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from nbstream.markdown.blocks import (
    LEAST,
    Splitter,
    Tightness,
    is_loose,
    loosened,
    trimmed,
)
from nbstream.markdown.code import OpenCode, OpenFence
from nbstream.markdown.html import Writer
from nbstream.markdown.parser import LONGEST, checked, clean, our_parser, parse_blocks
from nbstream.markdown.unfinished import closing_parser, cut_blocks, shown_blocks

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

#: How many characters may be read again for each that is new.
_AGAIN = 32
#: And how many are so at no cost: a paragraph of usual length.
_USUAL = 2_000
_Definitions: TypeAlias = dict[str, dict[str, Any]]
#: The HTML of a text, the labels that were looked up for it, what is spent behind it.
_Written: TypeAlias = tuple[str, frozenset[str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What makes of a list of blocks, each the HTML of one element, the next one.

    To be applied in this order:

    1. If ``code`` is not ``None``, the last block is an open fence. Its ``code``
       element loses the ``line`` that an earlier frame gave it and gains ``code``.
    2. Each ``(index, html)`` of ``replaced`` is put in the place of that block.
    3. The first ``at`` blocks stay. If ``html`` is empty, the others go. If not, the
       first ``keep`` UTF-16 code units of block ``at`` and the first of ``html`` make
       the new block ``at``; the rest of ``html`` are the blocks behind it.
    4. ``line``, if not empty, is put at the end of the last block's ``code`` element:
       the line that is not complete, as escaped text without tags.

    The first ``closed`` blocks are final then (but for ``replaced``). So many as
    ``tail_chars`` characters have to be read again for the next frame: the more, the
    rarer frames should be.
    """

    at: int
    closed: int
    tail_chars: int
    keep: int = 0
    html: tuple[str, ...] = ()
    code: str | None = None
    line: str = ""
    replaced: tuple[tuple[int, str], ...] = ()


def changes(
    before: Sequence[str], after: Sequence[str], *, whole: bool
) -> tuple[int, int, tuple[str, ...]]:
    """Return ``at``, ``keep`` and ``html`` of what makes ``after`` of ``before``.

    ``whole`` says that a block is sent whole or not at all.
    """
    pairs = enumerate(zip(before, after, strict=False))
    at = next((n for n, (old, new) in pairs if old != new), len(after))
    at = min(at, len(before))
    if at == len(after):
        return at, 0, ()
    same = 0 if whole or at == len(before) else common_prefix(before[at], after[at])
    kept, rest = after[at][:same], after[at][same:]
    return at, units(kept), (rest, *after[at + 1 :])


def common_prefix(one: str, other: str) -> int:
    """Return the length of what both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def cut_html(text: str, *, images: bool = False) -> str:
    """Return what ``to_html`` does, of a text that was to go on."""
    rendering = Rendering(images=images)
    rendering.feed(text)
    rendering.finish(cut=True)
    return "".join(rendering.blocks)


def units(text: str) -> int:
    """Return the length of ``text`` as JavaScript counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class Rendering:
    """Takes a text in any pieces; gives frames, whose end is ``to_html`` of it all."""

    def __init__(self, *, images: bool = False, least: int = LEAST) -> None:
        self._splitter = Splitter(least=least)
        self._writer = _BlockWriter(images=images)
        self._size = 0
        self._closed: list[str] = []
        self._open: list[str] = []
        self._fence: OpenFence | None = None
        self._plain: OpenCode | None = None
        self._unread: list[str] = []
        self._stale: set[int] = set()
        self._tightness = Tightness()
        self._cut = False
        self._new = self._again = 0  # characters since the last frame; that it read

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
        self._unread.append(clean(text))
        self._size += len(text)
        self._new += len(text)

    def frame(self) -> Frame | None:
        """Return what has changed since the last frame; ``None`` if nothing has.

        Nor if what is open is long and little is new: it is read again for each frame,
        and all that is read so is in proportion to the text.
        """
        if self._new * _AGAIN < self._again - _USUAL:
            return None
        closed = len(self._closed)
        count = closed + len(self._open) + bool(self._fence or self._plain)
        line = self.line
        frame = self._next(end=False)
        gained = frame.html or frame.code or frame.replaced
        same = (frame.at, frame.closed, frame.line) == (count, closed, line)
        return frame if gained or not same else None

    def finish(self, *, cut: bool = False) -> Frame:
        """Return the last frame: the text has ended, all blocks are closed.

        ``cut`` says that it was to go on: its end stays as an open one is shown.
        """
        self._cut = cut
        return self._next(end=True)

    def _next(self, *, end: bool) -> Frame:
        frame = self._made(end=end)
        self._new = 0
        self._again = frame.tail_chars + sum(len(html) for _, html in frame.replaced)
        return frame

    def _made(self, *, end: bool) -> Frame:
        if self._plain is None and self._size <= LONGEST:
            text = "".join(self._unread)
            self._unread.clear()
            try:
                self._splitter.feed(text)
                return self._read(end=end)
            except RecursionError:
                pass  # to_html fails on it, too
        return self._as_it_came(end=end)

    def _read(self, *, end: bool) -> Frame:
        splitter, fence, start = self._splitter, self._fence, len(self._closed)
        rest, count = splitter.rest, len(splitter.closed)
        if fence and fence is splitter.fence and not end:
            code, size, line = fence.grow(rest), len(rest), fence.line
            return Frame(
                at=start + 1, closed=start, tail_chars=size, code=code, line=line
            )
        ended = fence.end("" if count > start else rest) if fence else None
        before = self._shown()
        final = [self._read_closed(at) for at in range(start, count)]
        tokens, leaf = self._read_tail(end=end)
        replaced = tuple(self._rewritten(start))
        after = [self._written(each, at) for at, each in enumerate(final, start)]
        self._closed += after
        self._open = self._unfinished(tokens, leaf)
        self._fence = None if end else splitter.fence
        if self._fence:
            self._fence.grow(rest)
        after += self._shown()
        if end:
            self._closed, self._open = self._closed + self._open, []
        at, keep, html = changes(before, after, whole=fence is not None)
        return Frame(
            at=start + at,
            closed=len(self._closed),
            tail_chars=len(rest if self._fence else splitter.tail),
            keep=keep,
            html=html,
            code=ended,
            line=self.line,
            replaced=replaced,
        )

    def _read_tail(self, *, end: bool) -> tuple[list[Token], Token | None]:
        """Return what to show of the tail; take all definitions, and settle them."""
        fence = self._splitter.fence
        definitions: _Definitions = {}
        leaf = None
        at = len(self._splitter.closed)
        part, tail = self._splitter.parts.get(at), self._splitter.piece(at)
        if end and self._cut:
            tokens, leaf = cut_blocks(tail, fence, definitions)
        elif end:
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
        part, following = map(self._splitter.parts.get, (at, at + 1))
        source = self._splitter.piece(at)
        tokens = self._writer.read(source)
        goes_on = part or following
        if goes_on and not goes_on.head:
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
        if blocks:
            part = self._splitter.parts.get(len(self._closed))
            blocks[0] = trimmed(blocks[0], part, None)
        return [html for html in blocks if html]

    def _rewritten(self, end: int) -> Iterator[tuple[int, str]]:
        """Write again the final blocks that a definition, or another piece, changes."""
        stale, self._stale = sorted(self._stale), set()
        for at in stale:
            if at < end:
                tokens = parse_blocks(self._splitter.piece(at), {})
                html = self._written(tokens, at)
                if html != self._closed[at]:
                    self._closed[at] = html
                    yield at, html

    def _shown(self) -> list[str]:
        growing = self._plain or self._fence
        return [*self._open, *([str(growing)] if growing else [])]

    def _as_it_came(self, *, end: bool) -> Frame:
        """Show what cannot be read as one block of code that grows."""
        lines, self._unread = self._unread, []
        if self._plain:
            code = self._plain.add(lines)
            return Frame(at=1, closed=int(end), tail_chars=0, code=code)
        self._plain, self._fence = OpenCode(""), None
        self._open, self._closed = [], []
        self._plain.add([*self._splitter.closed, self._splitter.tail, *lines])
        html = (str(self._plain),)
        return Frame(at=0, closed=int(end), tail_chars=0, html=html)


class _BlockWriter(Writer):
    """Writes blocks, again only where their text or a definition is new.

    It knows the growing text's link definitions. It remembers who asked for which, for
    it may come later; and what the last frame's texts became, for most of a long list
    is the same in the next one.
    """

    def __init__(self, *, images: bool) -> None:
        super().__init__(images=images)
        self._references = _References()
        self._users: dict[str, set[int]] = {}
        self._leaf: Token | None = None
        self._last: dict[tuple[object, str], _Written] = {}
        self._now: dict[tuple[object, str], _Written] = {}
        self._labels: set[str] = set()
        self._spent = [0]

    def read(self, source: str) -> list[Token]:
        """Return the blocks of a final ``source``, and take its definitions.

        Raises:
            RecursionError: nested deeper than anything written to be read.
        """
        return checked(parse_blocks(source, self._references.final))

    def define(self, definitions: _Definitions) -> list[int]:
        """Take the tail's definitions; return the blocks that have to be written again.

        To be called once for each frame, after ``read`` and before any writing.
        """
        changed = self._references.settle(definitions)
        self._last, self._now = ({} if changed else self._now), {}
        return sorted({at for label in changed for at in self._users.get(label, ())})

    def final(self, tokens: list[Token], at: int) -> str:
        """Return the HTML of the final block of number ``at``."""
        self._labels.clear()
        self.allowance.spent = self._spent[at]
        html = "".join(self.blocks(tokens))
        self._spent[at + 1 : at + 2] = [self.allowance.spent]
        for label in self._labels:
            self._users.setdefault(label, set()).add(at)
        return html

    def unfinished(self, tokens: list[Token], leaf: Token | None) -> list[str]:
        """Return the HTML of blocks of which the text ``leaf`` has not ended."""
        self._leaf = leaf
        self.allowance.spent = self._spent[-1]
        return self.blocks(tokens)

    def leaf(self, token: Token, *, in_item: bool) -> str:
        """Return the HTML of a block's text, from memory if it is the same."""
        if token is self._leaf:
            return self._read(token, closing_parser(), in_item=in_item)[0]
        html, labels, self.allowance.spent = self._once(
            ((in_item, self.allowance.spent), token.content),
            lambda: self._read(token, our_parser(), in_item=in_item),
        )
        self._labels |= labels
        return html

    def block(self, token: Token) -> str:
        """Return the HTML of what is no text; code is coloured once only."""
        if token.type != "fence":
            return super().block(token)
        key, write = ((token.info, token.level > 0), token.content), super().block
        return self._once(key, lambda: (write(token), frozenset(), 0))[0]

    def _once(self, key: tuple[object, str], write: Callable[[], _Written]) -> _Written:
        if key not in self._now:
            self._now[key] = self._last.get(key) or write()
        return self._now[key]

    def _read(self, token: Token, md: MarkdownIt, *, in_item: bool) -> _Written:
        self._references.asked.clear()
        env = {"references": self._references}
        token.children = md.parseInline(token.content, env)[0].children
        html = super().leaf(token, in_item=in_item)
        return html, frozenset(self._references.asked), self.allowance.spent


class _References:
    """Where the parser looks definitions up: the first of a label holds."""

    def __init__(self) -> None:
        self.final: _Definitions = {}
        self.asked: set[str] = set()
        self._tail: _Definitions = {}
        self._known: dict[str, str] = {}
        self._count = 0

    def get(self, label: str, default: None = None) -> Mapping[str, Any] | None:
        """Return the definition of a label, as a mapping does."""
        self.asked.add(label)
        return self.final.get(label) or self._tail.get(label, default)

    def settle(self, tail: _Definitions) -> list[str]:
        """Take the definitions of an open end; return the labels that changed."""
        touched = {*self._tail, *tail, *islice(self.final, self._count, None)}
        self._tail, self._count = tail, len(self.final)
        return [label for label in touched if self._is_new(label)]

    def _is_new(self, label: str) -> bool:
        definition = self.final.get(label) or self._tail.get(label)
        href = str(definition["href"]) if definition else ""
        before = self._known.get(label, "")
        self._known[label] = href
        return href != before
