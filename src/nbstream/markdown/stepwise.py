"""Parse in steps: first the blocks, then the text of one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol

from nbstream.markdown.parser import our_parser

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["References", "parse_blocks", "parse_inline", "parse_unfinished"]

_NEWLINE = re.compile(r"\r\n?")


class References(Protocol):
    """Where the parser asks for the definition of a label."""

    def get(self, label: str, default: None = None) -> Mapping[str, Any] | None:
        """Return a definition."""
        ...


def parse_blocks(text: str, references: MutableMapping[str, Any]) -> list[Token]:
    """Return the blocks of ``text``, their lines unread; note its definitions."""
    md = our_parser()
    tokens: list[Token] = []
    env = {"references": references}
    md.block.parse(_NEWLINE.sub("\n", text), md, env, tokens)
    return tokens


def parse_inline(text: str, references: References) -> list[Token]:
    """Return what is in the ``text`` of one block."""
    return _inline_of(our_parser(), text, references)


def parse_unfinished(text: str, references: References) -> list[Token]:
    """Return what is in ``text`` if all that is emphasised in it ended with it."""
    return _inline_of(our_parser(closing=True), text, references)


def _inline_of(md: MarkdownIt, text: str, references: References) -> list[Token]:
    return md.parseInline(text, {"references": references})[0].children or []
