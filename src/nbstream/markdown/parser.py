"""Read Markdown: CommonMark, tables, strikethrough and formulas."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nbstream.markdown.breaks import add_breaks
from nbstream.markdown.links import is_fragment, is_image, is_link
from nbstream.markdown.math import add_math
from nbstream.markdown.unclosed import close_all

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

__all__ = [
    "MAX_NESTING",
    "clean",
    "is_too_deep",
    "our_parser",
    "parse",
    "plain_parser",
]

#: Levels of blocks; what is deeper is lost by the parser, so see ``parse``.
MAX_NESTING = 100
#: Brackets open at once in one paragraph; prose has two or three.
_MOST_OPEN = 10
_REPLACE = dict.fromkeys(range(0xD800, 0xE000), "\ufffd") | {0: "\ufffd"}


def clean(text: str) -> str:
    """Replace what no file can hold (lone surrogates) or no browser shows (NUL)."""
    return text.translate(_REPLACE) if _needs_cleaning(text) else text


def _needs_cleaning(text: str) -> bool:
    return (not text.isascii() and not _is_utf8(text)) or "\0" in text


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse(text: str) -> tuple[list[Token], dict[str, dict[str, str]]]:
    """Return the blocks of ``text`` and its link definitions by label.

    Raises:
        RecursionError: nested deeper than anything written to be read.
    """
    env: dict[str, Any] = {}
    tokens = our_parser().parse(text, env)
    if is_too_deep(tokens):
        raise RecursionError("blocks nested too deeply")
    return tokens, env.get("references", {})


def is_too_deep(tokens: list[Token]) -> bool:
    """Say whether the parser has lost something because it is nested too deeply."""
    return any(token.level >= MAX_NESTING - 1 for token in tokens)


def plain_parser(*, html: bool) -> MarkdownIt:
    """Make a parser without formulas: Markdown as any other tool may read it."""
    from markdown_it import MarkdownIt

    options = {"html": html, "maxNesting": MAX_NESTING}
    md = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    md.core.ruler.at("inline", _inline)
    return md


def _inline(state: StateCore) -> None:
    """Parse the text of each block; without links where brackets are a tangle.

    The parser tries each open bracket at each level: a second for some kilobytes.
    """
    rules = state.md.inline.ruler
    for token in state.tokens:
        if token.type != "inline" or token.children is None:
            continue
        tangled = _is_tangled(token.content)
        if tangled:
            rules.disable(["link", "image"])
        try:
            state.md.inline.parse(token.content, state.md, state.env, token.children)
        finally:
            if tangled:
                rules.enable(["link", "image"])


def _is_tangled(text: str) -> bool:
    if text.count("[") <= _MOST_OPEN:
        return False
    opened = 0
    for bracket in re.findall(r"[\[\]]", text):
        opened = opened + 1 if bracket == "[" else max(0, opened - 1)
        if opened > _MOST_OPEN:
            return True
    return False


@lru_cache(maxsize=2)
def our_parser(*, closing: bool = False) -> MarkdownIt:
    """Return the parser; with ``closing`` all that is emphasised ends with the text."""
    md = plain_parser(html=False)
    md.validateLink = _is_known  # type: ignore[method-assign] # the documented hook
    add_math(md)
    add_breaks(md)
    if closing:
        md.inline.ruler2.after("balance_pairs", "close_all", close_all)
    return md


def _is_known(url: str) -> bool:
    """Let through what a link or an image may be; the rest stays visible text."""
    return is_link(url) or is_image(url) or is_fragment(url)
