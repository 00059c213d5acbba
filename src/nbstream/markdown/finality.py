"""Say which blocks of a text are final, whatever lines may follow.

In CommonMark all blocks but the last are. Three things are not so simple: a formula
set apart reads on over what looks like other blocks, a link definition reads on over
a heading with an underline, and a closed fence needs no block after it to be final.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

from nbstream.markdown.math import block_lines

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["final_starts", "first_undecided", "is_blank", "undecided_formula"]

_FENCE = re.compile(r" {0,3}([`~]{3,})[ \t]*")
_OPENERS = ("$$", "\\[", "\\begin{")
_LITERAL = ("fence", "code_block", "math_block")
#: Lines of a formula set apart: more than its longest number of characters.
_MOST_LINES = 10_001


class _Block(NamedTuple):
    """A top-level block: its lines, and whether a definition may swallow it."""

    start: int
    end: int
    type: str
    soft: bool
    fenced: bool


def final_starts(lines: list[str], tokens: list[Token]) -> list[int]:
    """Return the numbers of the lines that begin the blocks after final ones."""
    limit = first_undecided(lines, tokens)
    starts = []
    for block in _blocks(lines, tokens):
        start = block.end if block.fenced else _next(lines, block.end)
        if start is None or start > limit:
            break
        starts.append(start)
    return starts


def first_undecided(lines: list[str], tokens: list[Token]) -> int:
    """Return the first line of which lines to come can still make something else."""
    blocks = list(_blocks(lines, tokens))
    return min(_formula(lines, blocks), _definition(lines, blocks))


def is_blank(line: str) -> bool:
    """Say whether a line is blank in Markdown's sense."""
    return not line.strip(" \t\r\n")


def undecided_formula(lines: list[str], skip: Iterable[int] | None = None) -> int:
    """Return the first line that may begin a formula that has not ended.

    It is ``len(lines)`` if there is none. ``skip`` are lines that are code, or a
    formula; without it, each line that looks as if it began one is taken to do so.
    """
    at = start = _last_run(lines)
    text = "".join(lines[start:])
    if not any(opener in text for opener in _OPENERS):
        return len(lines)
    skipped = set(skip or ())
    while at < len(lines):
        count: int | None = 0
        if at not in skipped and lines[at].lstrip(" \t").startswith(_OPENERS):
            rest = (line.strip(" \t").rstrip() for line in islice(lines, at, None))
            count = block_lines(rest)
        if count is None:
            return at
        at += max(1, count) if skip is None else 1
    return len(lines)


def _last_run(lines: list[str]) -> int:
    """Return the first of the last lines that have no blank line between them."""
    least = max(0, len(lines) - _MOST_LINES)
    at = len(lines)
    while at > least and not is_blank(lines[at - 1]):
        at -= 1
    return at


def _blocks(lines: list[str], tokens: list[Token]) -> Iterator[_Block]:
    for token in tokens:
        if token.level or token.nesting < 0 or token.map is None:
            continue
        start, end = token.map
        underlined = token.type == "heading_open" and token.markup in ("-", "=")
        soft = underlined or token.type in ("paragraph_open", "code_block")
        fenced = token.type == "fence" and _is_closed(token, lines[start:end])
        yield _Block(start, end, token.type, soft, fenced)


def _is_closed(fence: Token, lines: list[str]) -> bool:
    found = _FENCE.fullmatch(lines[-1].rstrip("\r\n")) if len(lines) > 1 else None
    return (
        found is not None
        and found[1].startswith(fence.markup)
        and (not found[1].strip(fence.markup[0]))
    )


def _next(lines: list[str], at: int) -> int | None:
    return next((n for n in range(at, len(lines)) if not is_blank(lines[n])), None)


def _formula(lines: list[str], blocks: list[_Block]) -> int:
    literal = [block for block in blocks if block.type in _LITERAL]
    return undecided_formula(
        lines, chain.from_iterable(range(block.start, block.end) for block in literal)
    )


def _definition(lines: list[str], blocks: list[_Block]) -> int:
    """Return the first line of a block that a definition may still swallow."""
    none = _Block(0, 0, "", soft=False, fenced=False)
    limit = len(lines)
    for before, block in reversed(list(pairwise([none, *blocks]))):
        if not block.soft or any(map(is_blank, lines[block.start : block.end + 1])):
            break
        defined = block.start > before.end and not is_blank(lines[block.start - 1])
        if defined or lines[block.start].lstrip(" \t").startswith("["):
            limit = block.start
    return limit
