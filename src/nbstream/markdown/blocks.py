"""Split a growing Markdown text into its top-level blocks.

In CommonMark all blocks but the last are final, whatever lines may follow. Three things
are not so simple: a formula set apart reads on over what looks like other blocks, a
link definition reads on over a heading with an underline, and a closed fence needs no
block after it to be final.

A long list or table is cut into pieces, each of which is final before the next begins.
A piece begins with an item of its list, or with a row of its table, where enough stands
before it. It is read alone (a table's after the lines of its head), and its HTML is the
part of the whole that it is: together the pieces are the block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, count, islice, zip_longest
from typing import TYPE_CHECKING, NamedTuple

from nbstream.markdown.code import OpenFence, closing_line
from nbstream.markdown.math import block_lines, opening
from nbstream.markdown.parser import parse_blocks, split_lines
from nbstream.markdown.tags import CONTAINERS, LONGEST

if TYPE_CHECKING:
    from markdown_it.token import Token

#: The fewest characters of a piece that another one follows.
LEAST = 1_000
_OPENERS = ("$$", "\\[", "\\begin{")
_LITERAL = ("fence", "code_block", "math_block")
#: What an empty line does not end.
_UNENDED = ("fence", "details_open")
#: A formula set apart is no longer, in characters; see ``math``.
_LONGEST_FORMULA = 10_000
#: The fewest lines that are read at a time, where many came at once.
_LINES = 32
_LISTS = ("bullet_list_open", "ordered_list_open")
_ROWS_END = "</tbody>\n</table>\n"


class Part(NamedTuple):
    """What a piece goes on with: a list, or a table with the lines of its head."""

    head: tuple[str, ...] = ()


class Splitter:
    """Takes a text in any pieces, and knows which of its blocks are final.

    Only complete lines decide, and only those from the start of the last block are
    ever parsed again; what is in an open fence is not parsed at all. A list or a table
    is closed in pieces of at least ``least`` characters.
    """

    def __init__(self, *, least: int = LEAST) -> None:
        #: The sources of the blocks that nothing to come can change.
        self.closed: list[str] = []
        #: For each piece that goes on with the block of the one before: with what.
        self.parts: dict[int, Part] = {}
        #: The last line, if it is not complete.
        self.rest = ""
        #: The fence that the tail is, if it is one and has a line.
        self.fence: OpenFence | None = None
        self._least = least
        self._lines: list[str] = []

    @property
    def tail(self) -> str:
        """The rest: the last block, and what is not clear yet."""
        lines = self.fence.source if self.fence else self._lines
        return "".join([*lines, self.rest])

    def piece(self, at: int) -> str:
        """Return the source of a closed block, or of the tail, as it reads alone."""
        source = self.closed[at] if at < len(self.closed) else self.tail
        return "".join([*self.parts.get(at, Part()).head, source])

    def feed(self, text: str) -> None:
        """Take the next piece of the text."""
        is_new = not self.rest
        text = self.rest + text
        # A CR at the end may be half of a line's end.
        last = len(text) - text.endswith("\r")
        end = max(text.rfind("\n", 0, last), text.rfind("\r", 0, last)) + 1
        self.rest = text[end:]
        lines, at = split_lines(text[:end]), 0
        while at < len(lines):
            # As many as are read again by it: so all that is read is in proportion to
            # the text, whatever it is cut into.
            stop = at + max(_LINES, len(self._lines))
            following = lines[stop] if stop < len(lines) else self.rest
            self._take(lines[at:stop], following)
            at = stop
        blank = bool(self._lines) and _is_blank(self._lines[-1])
        if not end and is_new and blank and _begins(text):
            self._split(text)  # now the block before is final

    def _take(self, lines: list[str], following: str) -> None:
        if self.fence:
            taken = self.fence.take(lines)
            if not taken:
                return
            self.closed.append("".join(self.fence.source))
            self.fence = None
            lines = lines[taken:]
        self._lines += lines
        if self._lines:
            self._split(following)

    def _split(self, following: str) -> None:
        part = self.parts.get(len(self.closed), Part())
        lines, at = [*part.head, *self._lines], len(part.head)
        tokens = parse_blocks("".join(lines), {})
        starts, undecided = _final(lines, tokens, following)
        for block, start in zip_longest(_top_level(tokens), starts):
            at = self._cut(lines, block, at, undecided if start is None else start)
            if start is None:
                break
            self.closed.append("".join(lines[at:start]))
            at = start
        self._lines = lines[at:]
        self.fence = _open_fence(self._lines, tokens, at)
        if self.fence:
            self._lines = []

    def _cut(self, lines: list[str], block: list[Token], at: int, end: int) -> int:
        """Close the pieces of a list or table; return where its last one begins."""
        part, starts = _cuts(lines, block, at, end, self._least)
        for start in starts:
            self.closed.append("".join(lines[at:start]))
            self.parts[len(self.closed)] = part
            at = start
        return at


def _open_fence(lines: list[str], tokens: list[Token], gone: int) -> OpenFence | None:
    """Return the fence that ``lines`` are, if it is open and its start is final."""
    tops = [token for token in tokens if token.level == 0 and token.map]
    if not tops or tokens[-1].type != "fence" or tops[-1].map is None:
        return None
    at = tops[-1].map[0] - gone
    alone = len(tops) == 1 or (tops[-2].map or [0, 0])[1] <= gone
    # A second line can still make a table's head of the first.
    if not alone or not 0 <= at < len(lines) - 1:
        return None
    return OpenFence(tops[-1], lines, at)


# -- what is final ---------------------------------------------------------------------


class _Block(NamedTuple):
    """A top-level block: its lines, and whether a definition may swallow it."""

    start: int
    end: int
    type: str
    soft: bool
    fenced: bool


def _begins(rest: str) -> bool:
    """Say whether a line that is not complete is no more of a block before it."""
    return rest != "" and not rest[0].isdigit() and rest[0] not in " \t\r-+*["


def _final(lines: list[str], tokens: list[Token], rest: str) -> tuple[list[int], int]:
    """Return the first lines of the blocks after final ones, and the first undecided.

    Of that one lines to come can still make something else; ``rest`` is what has come
    of the next line.
    """
    blocks = list(_blocks(lines, tokens))
    literal = [range(each.start, each.end) for each in blocks if each.type in _LITERAL]
    undecided = min(
        undecided_formula(lines, chain.from_iterable(literal)),
        undecided_comment(lines, chain.from_iterable(literal)),
        _definition(lines, blocks),
    )
    starts = []
    for block in blocks:
        start = block.end
        while not block.fenced and start < len(lines) and _is_blank(lines[start]):
            start += 1
        is_last = start == len(lines) and not block.fenced
        follows = block.type not in _UNENDED and _is_blank(lines[start - 1])
        if start > undecided or (is_last and not (follows and _begins(rest))):
            break
        starts.append(start)
    return starts, undecided


def _blocks(lines: list[str], tokens: list[Token]) -> Iterator[_Block]:
    for token in tokens:
        if token.level or token.nesting < 0 or token.map is None:
            continue
        start, end = token.map
        underlined = token.type == "heading_open" and token.markup in ("-", "=")
        soft = underlined or token.type in ("paragraph_open", "code_block")
        fenced = token.type == "fence" and end - start > 1
        fenced = fenced and closing_line(token).fullmatch(lines[end - 1]) is not None
        yield _Block(start, end, token.type, soft, fenced)


def _is_blank(line: str) -> bool:
    return not line.strip(" \t\r\n")


def undecided_formula(lines: list[str], skip: Iterable[int] | None = None) -> int:
    """Return the first line that may begin a formula that has not ended.

    It is ``len(lines)`` if there is none. ``skip`` are lines that are code, or a
    formula; without it, each line that looks as if it began one is taken to do so.
    """
    at = _last_run(lines)
    text = "".join(lines[at:])
    if not any(opener in text for opener in _OPENERS):
        return len(lines)
    skipped = set(skip or ())
    ends = dict[str, int]()  # of what opens so: where the end was found that decided
    while at < len(lines):
        found: int | None = 0
        if at not in skipped and any(each in lines[at] for each in _OPENERS):
            line = CONTAINERS.sub("", lines[at], count=1)
            opener = opening(line.rstrip())[1]
            if opener and at >= ends.get(opener, 0):
                looked_at = count()
                following = islice(lines, at + 1, None)
                rest = chain([line], (each.lstrip(" \t>") for each in following))
                found = block_lines(
                    each.rstrip() for each in rest if next(looked_at) >= 0
                )
                ends[opener] = at + next(looked_at) - 1
        if found is None:
            return at
        at += max(1, found) if skip is None else 1
    return len(lines)


def before_formula(line: str) -> str:
    """Return what stands in a line before the formula that begins in it."""
    found = CONTAINERS.match(line)
    text = line[found.end() if found else 0 :].rstrip()
    at, opener, _ = opening(text)
    before = text[: at - len(opener)].rstrip()
    return line[: line.index(text)] + before if before else ""


def undecided_comment(lines: list[str], skip: Iterable[int] = ()) -> int:
    """Return the first line that may begin a comment that has not ended.

    It is ``len(lines)`` if there is none. ``skip`` are lines that are code.
    """
    at, size = len(lines), 0
    found, skipped = at, set(skip)
    while at and size < LONGEST:
        at -= 1
        size += len(lines[at])
        if "-->" in lines[at]:
            break
        if at not in skipped and lines[at].lstrip(" \t").startswith("<!--"):
            found = at
    return found


def _last_run(lines: list[str]) -> int:
    """Return the first of the last lines that are together as long as a formula."""
    at, size = len(lines), 0
    while at > 0 and size <= _LONGEST_FORMULA:
        at -= 1
        size += len(lines[at].strip()) + 1
    return at


def _definition(lines: list[str], blocks: list[_Block]) -> int:
    """Return the first line of a block that a definition may still swallow."""
    limit = len(lines)
    ends = [0, *(block.end for block in blocks)]
    for block, before in reversed(list(zip(blocks, ends, strict=False))):
        if not block.soft or any(map(_is_blank, lines[block.start : block.end + 1])):
            break
        defined = block.start > before and not _is_blank(lines[block.start - 1])
        if defined or lines[block.start].lstrip(" \t").startswith("["):
            limit = block.start
    return limit


# -- the pieces of a long list or table ------------------------------------------------


def _top_level(tokens: list[Token]) -> Iterator[list[Token]]:
    """Return the tokens of each top-level block."""
    begin = 0
    for at, token in enumerate(tokens):
        if token.level == 0 and token.nesting <= 0:
            yield tokens[begin : at + 1]
            begin = at + 1


def _cuts(
    lines: list[str], block: list[Token] | None, at: int, end: int, least: int
) -> tuple[Part, list[int]]:
    """Return where a block, the lines from ``at`` to ``end``, is to be cut."""
    top = block[0] if block else None
    if block is None or top is None or top.map is None:
        return Part(), []
    first = top.map[0]
    if top.type == "table_open":
        part, kind, level = Part(tuple(lines[first : first + 2])), "tr_open", 2
        first += 2
    elif top.type in _LISTS:
        part, kind, level = Part(), "list_item_open", 1
    else:
        return Part(), []
    found, size, before = list[int](), 0, at
    for token in block:
        if token.type != kind or token.level != level or token.map is None:
            continue
        start = token.map[0]
        if max(at, first) < start < end:
            size += sum(map(len, lines[before:start]))
            before = start
            if size >= least:
                found.append(start)
                size = 0
    return part, found


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


def is_loose(source: str, tokens: list[Token], *, followed: bool) -> bool:
    """Say whether a piece of a list makes all of the list loose."""
    lines = split_lines(source)
    if followed and _is_blank(lines[-1]):
        return True
    texts = list(_direct(tokens))
    if not texts and tokens and tokens[0].map and tokens[0].type in _LISTS:
        # Another item in front, with a text, tells.
        number = "1" if tokens[0].type == _LISTS[1] else ""
        front = [f"{number}{tokens[0].markup} x\n", *lines[tokens[0].map[0] :]]
        texts = list(_direct(parse_blocks("".join(front), {})))
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
