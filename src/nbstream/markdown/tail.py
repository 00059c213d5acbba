"""Make of an unfinished Markdown text the blocks that can be shown of it.

A line that is not complete waits if it could become anything: a list's marker, an
underline, a fence. So does a first row with a pipe, until the line below it says
whether it is a table's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nbstream.markdown.finality import undecided_formula
from nbstream.markdown.stepwise import parse_blocks
from nbstream.markdown.unfinished import finished

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["shown_blocks"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")
_CONTAINERS = re.compile(r"(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t])))*[ \t]*")
_UNCLEAR = re.compile(
    r"""[-=*_+:~`#|>\s]*                       # markers, underlines, table rows
      | \d{1,9}[.)]?                           # a numbered item
      | `{3,}[^`]* | ~{3,}.*                   # a fence with its language
      | \\(?:b|be|beg|begi|begin|begin\{[a-zA-Z]*\*?)?
      | \[[^\[\]]+\]:[ \t]*                    # a definition
        (?:<?[a-zA-Z\#]{0,6}|<?(?:https?:|mailto:|\#)\S*(?:[ \t]+(?:["'(].*)?)?)""",
    re.VERBOSE,
)
_HALF_DEFINITION = re.compile(r"\[[^\[\]]+\]:\s*")
_PRUNED = {"paragraph_open", "heading_open", "list_item_open", "bullet_list_open"}
_PRUNED |= {"ordered_list_open", "blockquote_open"}


def shown_blocks(
    tail: str, definitions: dict[str, Any]
) -> tuple[list[Token], Token | None]:
    """Return the blocks to show of ``tail``, and the one whose text is unfinished.

    That one's text is cut where it is not clear yet. Definitions are noted.
    """
    lines = _clear_lines(re.sub(r"\r\n?", "\n", tail))
    tokens = parse_blocks("".join(lines), definitions)
    leaf = _pruned(tokens)
    if leaf is None or not _is_open(tokens, leaf, lines):
        return tokens, None
    tokens[leaf].content = _text(tokens, leaf)
    if tokens[leaf].content:
        return tokens, tokens[leaf]
    _pruned(tokens)
    return tokens, None


def _clear_lines(tail: str) -> list[str]:
    """Return the lines without those at the end that could become anything."""
    lines = _LINE.findall(tail)
    del lines[undecided_formula(lines) :]
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
        if token.nesting == 0 and token.type != "inline":
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
    in_paragraph = tokens[leaf - 1].type == "paragraph_open"
    return end >= len(lines) and (in_paragraph or not complete)


def _text(tokens: list[Token], leaf: int) -> str:
    text = tokens[leaf].content
    if tokens[leaf - 1].type == "paragraph_open":
        before, _, last = text.rpartition("\n")
        if last.lstrip().startswith("|"):
            text = before  # it may be the head of a table
        if _HALF_DEFINITION.fullmatch(text):
            return ""
    return finished(text)
