r"""Read Markdown: CommonMark, tables, strikethrough, formulas, and ``<br>``.

Raw HTML is text, but for the one tag that models need, for a new line in a cell: it is
``<br>``, ``<br/>`` or ``<br />`` in any case, and nothing else.

A link is ``http``, ``https`` or ``mailto``, or a place in the same page (``#…``).
Nothing else: a relative address is a file of the reader's own for JupyterLab, and
``command:``, ``data:``, ``file:``, ``javascript:`` and their like run or read.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nbstream.markdown.math import add_math

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

#: A reply is some kilobytes; what is longer than this is not read.
LONGEST = 2_000_000
#: Levels of blocks; what is deeper is lost by the parser, so see ``parse``.
MAX_NESTING = 100
#: Brackets open at once in one paragraph; prose has two or three.
_MOST_OPEN = 10

BREAK = re.compile("<br(?: ?/)?>", re.IGNORECASE)
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+\Z")
_NEWLINE = re.compile(r"\r\n?")
#: What no file can hold (lone surrogates), and what no browser shows.
_UNSHOWN = re.compile("[\0\ud800-\udfff]")
_SAFE = "[^\\x00-\\x20\\x7f<>\"'`\\\\]"
_LINK = re.compile(rf"(?:https?://{_SAFE}+|mailto:{_SAFE}+)", re.IGNORECASE)
_IMAGE = re.compile(
    rf"https?://{_SAFE}+|data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+",
    re.IGNORECASE,
)
_FRAGMENT = re.compile(r"#[\w%.~-]*")


def clean(text: str) -> str:
    """Replace what no file can hold (lone surrogates) or no browser shows (NUL)."""
    return _UNSHOWN.sub("\ufffd", text)


def split_lines(text: str) -> list[str]:
    """Return the lines of ``text`` in Markdown's sense, each with its end."""
    return _LINE.findall(text)


def parse(text: str) -> tuple[list[Token], dict[str, dict[str, str]]]:
    """Return the blocks of ``text`` and its link definitions by label.

    Raises:
        RecursionError: nested deeper than anything written to be read.
    """
    env: dict[str, Any] = {}
    return checked(our_parser().parse(text, env)), env.get("references", {})


def parse_blocks(text: str, references: MutableMapping[str, Any]) -> list[Token]:
    """Return the blocks of ``text``, their lines unread; note its definitions."""
    md = our_parser()
    tokens: list[Token] = []
    env = {"references": references}
    md.block.parse(_NEWLINE.sub("\n", text), md, env, tokens)
    return tokens


def checked(tokens: list[Token]) -> list[Token]:
    """Return the blocks, unless the parser has lost some because they are too deep.

    Raises:
        RecursionError: nested deeper than anything written to be read.
    """
    if any(token.level >= MAX_NESTING - 1 for token in tokens):
        raise RecursionError("blocks nested too deeply")
    return tokens


@lru_cache(maxsize=1)
def our_parser() -> MarkdownIt:
    """Return the parser of what we show."""
    return make_parser()


def make_parser() -> MarkdownIt:
    """Make a parser of what we show, to add rules to."""
    md = plain_parser(html=False)
    # The documented hook: what no link or image may be stays visible text.
    md.validateLink = lambda url: is_address(url) or is_image(url)  # type: ignore[method-assign]
    add_math(md)
    md.inline.ruler.before("autolink", "br", _break)
    return md


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


def _break(state: StateInline, silent: bool) -> bool:
    """Read the tag ``<br>`` as the end of a line."""
    found = BREAK.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True


def is_link(url: str) -> bool:
    """Say whether ``url`` may be the address of a link that leads somewhere."""
    return _LINK.fullmatch(url) is not None


def is_address(url: str) -> bool:
    """Say whether ``url`` is a link's, or only a place in this page: harmless."""
    return is_link(url) or _FRAGMENT.fullmatch(url) is not None


def is_image(url: str) -> bool:
    """Say whether ``url`` may be loaded as an image, where images are wanted."""
    return _IMAGE.fullmatch(url) is not None
