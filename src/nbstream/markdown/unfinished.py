r"""Make of an unfinished Markdown text the blocks that can be shown of it.

What is shown should stay what it is. A line that is not complete waits if it could
become anything: a list's marker, an underline, a fence. So does a first row with a
pipe, until the line below it says whether it is a table's.

In the last line, a ``[half link](http`` shows its words only, a half entity, a half
formula and a lone marker wait, and code ends where the text ends. What waits for too
long is shown as it is; see ``_PATIENCE``.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from nbstream.markdown.blocks import (
    before_formula,
    undecided_comment,
    undecided_formula,
)
from nbstream.markdown.math import find_math, is_begun, may_open
from nbstream.markdown.parser import (
    ONE_TILDE,
    make_parser,
    parse_blocks,
    read_text,
    split_lines,
)
from nbstream.markdown.tags import LINK_OR_IMAGE, LONGEST, TAG, comment_end, pair

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.rules_inline.state_inline import Delimiter
    from markdown_it.token import Token

    from nbstream.markdown.code import OpenFence

_CONTAINERS = re.compile(r"(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t])))*[ \t]*")
_UNCLEAR = re.compile(
    r"""[-=*_+:~`#|>\s]*                       # markers, underlines, table rows
      | \d{1,9}[.)]?                           # a numbered item
      | `{3,}[^`]* | ~{3,}.*                   # a fence with its language
      | \\(?:b|be|beg|begi|begin|begin\{[a-zA-Z]*\*?)?
      | \[[^\[\]]+\]:[ \t]*                    # a definition
        <?\S{0,200}(?:[ \t]+(?:["'(].*)?)?
      | (?:<[^<>]*>\s*)*                       # tags, and half of one
        <(?:/?(?:[a-zA-Z][^<>]{0,300}+)?|!-?)
      | (?i:<(?:details|summary)[^<>]*>\s*)+""",
    re.VERBOSE,
)
_HALF_DEFINITION = re.compile(r"\[[^\[\]]+\]:\s*")
_PRUNED = {"paragraph_open", "heading_open", "list_item_open", "bullet_list_open"}
_PRUNED |= {"ordered_list_open", "blockquote_open", "details_open", "summary_open"}
_PRUNED |= {"note_open"}
#: Blocks whose text goes on in the next line.
_FLOWING = ("paragraph_open", "summary_open")
#: After so many characters that did not end it, a marker is taken for a character.
_PATIENCE = {
    "`": 400, "$": 80, "$$": 2_000, "\\(": 400, "\\[": 2_000, "[": 200, "![": 500,
    "](": 2_000, "<": 300, "<!": LONGEST, "\\\\": 400,
}  # fmt: skip
_MARK = re.compile(r"\\\\(?=[(\[]|\Z)|\\.?|`+|\$+|!?\[|\]|<|&", re.DOTALL)
_LINK = re.compile(
    r"""\(\s*+(?:<[^<>\n]*+>|(?:[^\s()<>]|\([^\s()]*+\))*+)
    (?:\s++(?:"[^"]*"|'[^']*'|\([^()]*\))\s*+|\s*+)\)""",
    re.VERBOSE,
)
_HALF_LINK = re.compile(
    r"""\(\s*+(?:<[^<>\n]*+|(?:<[^<>\n]*+>|(?:[^\s()<>]|\([^\s()]*+\))*+)
    (?:\([^\s()]*+|\s++(?:"[^"]*+"?|'[^']*+'?|\([^()]*+\)?)?\s*+)?)""",
    re.VERBOSE,
)
_DATA = re.compile(r"\(\s*<?data:", re.IGNORECASE)
_ADDRESS = re.compile(r"\(\s*<?(?:[a-z][a-z0-9+.-]+:|\#|\.{0,2}/)", re.IGNORECASE)
_REFERENCE = re.compile(r"\[[^\[\]]*\]")
_HALF_REFERENCE = re.compile(r"\[[^\[\]]*")
_AUTOLINK = re.compile(r"<[A-Za-z][^\s<>]*>")
#: Or half a break, a tag, or a comment.
_HALF_AUTOLINK = re.compile(
    r"""<(?:[bB][rR]\ ?/?|/?(?:[A-Za-z][^\s<>]*)?|(?:p|div|span|center)\s[^<>]*
    |(?:[aA]|[iI][mM][gG])\s(?:[^<>"']|"[^"]*(?:"|\Z)|'[^']*(?:'|\Z))*+
    |!(?:-(?:-.*)?)?)?""",
    re.DOTALL | re.VERBOSE,
)
#: Of which the address may be long.
_HALF_IMAGE = re.compile(r"<img(?=\s)[^<>]*?\ssrc\s*=\s*[\"']?data:", re.IGNORECASE)
_HALF_ENTITY = re.compile(r"&#?\w{0,31}")
#: Of data that stands for itself.
_HALF_DATA = re.compile(
    r"(?<!\w)(data:[\w.+-]+/[\w.+-]+);[\w=-]*(?:,[A-Za-z0-9+/=]*)?\Z"
)
#: The end of what is a formula for sure.
_ENDS_FORMULA = re.compile(r"\$\D[^$]*(?<=[\w)}\]'|])\$\Z|\$\w\$\Z")


def shown_blocks(
    tail: str, definitions: dict[str, Any]
) -> tuple[list[Token], Token | None]:
    """Return the blocks to show of ``tail``, and the one whose text is unfinished.

    That one's text is cut where it is not clear yet. Definitions are noted.
    """
    lines = _clear_lines(re.sub(r"\r\n?", "\n", tail))
    tokens = parse_blocks("".join(lines), definitions)
    for token in tokens:
        if token.type == "details_open" and token.meta.pop("unended", False):
            token.meta["open"] = token.meta["asked"]
    leaf = _pruned(tokens)
    if leaf is None or not _is_open(tokens, leaf, lines):
        return tokens, None
    tokens[leaf].content = _shown_text(tokens, leaf)
    if tokens[leaf].content:
        return tokens, tokens[leaf]
    _pruned(tokens)
    return tokens, None


def cut_blocks(
    tail: str, fence: OpenFence | None, definitions: dict[str, Any]
) -> tuple[list[Token], Token | None]:
    """Return the same of a tail that was to go on: the ``fence``, if it is one.

    A number that stands alone at the end is shown now, though it could have become an
    item of a list: it may be all of the answer.
    """
    if fence is not None:
        code = "".join(fence.source)
        tail = code + fence.shown(tail[len(code) :])
    elif not _ends_with_number(split_lines(tail.rstrip())):
        return shown_blocks(tail, definitions)
    tokens = parse_blocks(tail, definitions)
    _pruned(tokens)
    return tokens, None


def _ends_with_number(lines: list[str]) -> bool:
    alone = not any(map(str.strip, lines[-2:-1]))
    return alone and "".join(lines[-1:]).strip().isdecimal()


def _clear_lines(tail: str) -> list[str]:
    """Return the lines without those at the end that could become anything."""
    lines = split_lines(tail)
    undecided = undecided_formula(lines)
    if sum(map(len, lines[undecided:])) > _PATIENCE["$$"]:
        undecided = len(lines)
    commented = undecided_comment(lines)
    before = "".join(map(before_formula, lines[undecided : undecided + 1]))
    del lines[min(undecided, commented) :]
    if before and undecided < commented:
        lines.append(before)
    if lines and not lines[-1].endswith("\n"):
        inner = _CONTAINERS.sub("", lines[-1], count=1)
        if _UNCLEAR.fullmatch(inner):
            lines.pop()
    return lines


def _pruned(tokens: list[Token]) -> int | None:
    """Take off the end what is empty; return the place of the last text, if last."""
    at = len(tokens) - 1
    while at >= 0:
        token = tokens[at]
        if token.type == "inline" and token.content:
            return at
        if token.type == "fence" and not token.content.strip():
            del tokens[at]
        elif token.nesting == 0 and token.type != "inline":
            return None
        if token.type in _PRUNED:
            end = at + 1 + (tokens[at + 1].type == "inline")
            del tokens[at : end + 1]
        at -= 1
    return None


def _is_open(tokens: list[Token], leaf: int, lines: list[str]) -> bool:
    """Say whether more of the text may follow: in a paragraph also on a new line."""
    end = (tokens[leaf].map or [0, 0])[1]
    complete = lines[-1].endswith("\n")
    in_paragraph = tokens[leaf - 1].type in _FLOWING
    return end >= len(lines) and (in_paragraph or not complete)


def _shown_text(tokens: list[Token], leaf: int) -> str:
    text = tokens[leaf].content
    if tokens[leaf - 1].type == "paragraph_open":
        before, _, last = text.rpartition("\n")
        if last.lstrip().startswith("|"):
            text = before  # it may be the head of a table
        if _HALF_DEFINITION.fullmatch(text):
            return ""
    return _Scan(text).run()


class _Scan:
    """Walks over the text of a paragraph that has not ended, from mark to mark."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[tuple[int, str]] = []
        self._ticks: dict[int, list[int]] = {}
        for found in re.finditer("`+", text):
            self._ticks.setdefault(len(found[0]), []).append(found.start())

    def run(self) -> str:
        """Return the part that can be shown."""
        pos = 0
        shown: str | None = None
        while shown is None and (found := _MARK.search(self._text, pos)):
            pos, shown = self._mark(found)
        shown = self._held(self._text if shown is None else shown)
        shown = _HALF_DATA.sub(r"\1", shown).rstrip()
        # A marker at the end may open, close, or grow.
        bare = shown.rstrip("*_~")
        if bare.endswith("\\") and bare != shown:
            bare = shown[: len(bare) + 1]
        alone = bare == shown and bare.endswith("!") and not bare[-2:-1].strip()
        return bare[: len(bare) - alone].rstrip()

    def _mark(self, found: re.Match[str]) -> tuple[int, str | None]:
        """Return where to go on, or what to show if nothing follows any more."""
        text, mark, pos, end = self._text, found[0], found.start(), found.end()
        match mark[0]:
            case "`":
                return self._code(pos, end)
            case "\\" | "$":
                return self._formula(mark, pos, end)
            case "<":
                if stop := comment_end(text, pos, len(text)):
                    return stop, None
                link = _AUTOLINK.match(text, pos)
                mark = "<!" if text.startswith("<!", pos) else "<"
                waits = self._waits(mark, pos) or _HALF_IMAGE.match(text, pos)
                half = waits and _HALF_AUTOLINK.fullmatch(text, pos)
                link = link or TAG.match(text, pos) or LINK_OR_IMAGE.match(text, pos)
                return link.end() if link else end, text[:pos] if half else None
            case "&":
                return end, text[:pos] if _HALF_ENTITY.fullmatch(text, pos) else None
            case "]":
                return self._close(pos, end)
            case _:
                self._open.append((pos, mark))
                return end, None

    def _waits(self, mark: str, pos: int) -> bool:
        return len(self._text) - pos <= _PATIENCE.get(mark, 1)

    def _code(self, pos: int, end: int) -> tuple[int, str | None]:
        ticks = self._text[pos:end]
        starts = self._ticks.get(end - pos, [])
        if (after := bisect_left(starts, end)) < len(starts):
            return starts[after] + end - pos, None
        if not self._waits("`", pos):
            return end, None
        inner = self._text[end:].rstrip("`")
        if not inner.strip():
            return end, self._text[:pos]
        pad = " " * inner.endswith(" ")
        return end, f"{self._text[:end]}{inner}{pad}{ticks}"

    def _formula(self, mark: str, pos: int, end: int) -> tuple[int, str | None]:
        text = self._text
        stop = find_math(text, pos, len(text))
        if stop == len(text) and mark == "$" and not _ENDS_FORMULA.search(text, pos):
            return end, text[: stop - 1]  # it may be the next price, or name
        if stop > 0:
            return stop, None
        if mark == "\\b":
            mark = "\\[" if is_begun(text, pos) else mark
        following = text[end : end + 1]
        price = following.isdigit() or following == " "
        later = text.find("$", end) >= 0 or text.find("`", end) >= 0
        if (mark == "$" and (price or later)) or not may_open(text, pos, end):
            return end, None
        return end, text[:pos] if self._waits(mark, pos) else None

    def _close(self, pos: int, end: int) -> tuple[int, str | None]:
        if not self._open:
            return end, None
        begin, mark = self._open.pop()
        text = self._text
        if end == len(text):
            return end, text[:begin]
        if link := _LINK.match(text, end) or _REFERENCE.match(text, end):
            return link.end(), None
        if not self._waits("](", end) and not _DATA.match(text, end):
            return end, None
        if _HALF_REFERENCE.fullmatch(text, end):
            return end, text[:begin]
        if _HALF_LINK.fullmatch(text, end):
            clear = mark == "[" and _ADDRESS.match(text, end)
            return end, text[:begin] + (text[begin + 1 : pos] if clear else "")
        return end, None

    def _held(self, shown: str) -> str:
        """Cut ``shown`` at the first bracket that may still become a link."""
        for begin, mark in self._open:
            if self._waits(mark, begin):
                return shown[:begin]
        return shown


@lru_cache(maxsize=1)
def closing_parser() -> MarkdownIt:
    """Return the parser for which all that is emphasised ends with the text."""
    md = make_parser()
    md.inline.ruler.at("text", partial(read_text, growing=True))
    md.inline.ruler2.after("balance_pairs", "close_all", _close_all)
    md.inline.ruler2.at("tags", partial(pair, at_end=True))
    return md


def _close_all(state: StateInline) -> None:
    """End with the text each emphasis that is open at its end.

    A rule for the parser, to stand behind the one that finds pairs.
    """
    delimiters = state.delimiters
    contents = [token.content for token in state.tokens]
    unclosed, begin, end = list["Delimiter"](), 0, -1
    for each in delimiters:
        if not each.open or each.end >= 0:
            continue
        if each.token >= end:
            begin, end = _run(contents, each)
        if _is_meant(each, contents[begin][-1:], contents[end][:1]):
            unclosed.append(each)
    for opener in reversed(unclosed):
        opener.end, opener.close = len(delimiters), False
        token = state.push("text", "", 0)
        token.content = state.tokens[opener.token].content
        at = len(state.tokens) - 1
        delimiters.append(replace(opener, token=at, end=-1, open=False, close=True))


def _run(contents: list[str], delimiter: Delimiter) -> tuple[int, int]:
    """Return the places before and behind a delimiter that are none of its kind."""
    marker = contents[delimiter.token][:1]
    begin = end = delimiter.token
    while begin > 0 and not contents[begin].strip(marker):
        begin -= 1
    while end + 1 < len(contents) and not contents[end].strip(marker):
        end += 1
    return begin, end


def _is_meant(delimiter: Delimiter, before: str, after: str) -> bool:
    """Say no to ``~5``, and to the stars of ``2*3``, ``2**n`` and ``f(a, *, b)``."""
    if after and after in ",.;:!?)]}":
        return False
    if delimiter.marker == ONE_TILDE and not after.isalpha():
        return False
    return not (delimiter.close and before.isascii() and before.isalnum())
