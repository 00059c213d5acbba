"""Write blocks as HTML, again only where their text or a definition is new."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from nbstream.markdown.html import Writer
from nbstream.markdown.parser import is_too_deep
from nbstream.markdown.stepwise import parse_blocks, parse_inline, parse_unfinished

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["BlockWriter"]

_Definitions = dict[str, dict[str, Any]]


class BlockWriter(Writer):
    """Writes the blocks of a growing text; knows its link definitions.

    It remembers who asked for which definition, for it may come later; and what the
    last frame's texts became, for most of a long list is the same in the next one.
    """

    def __init__(self, *, images: bool) -> None:
        super().__init__(images=images)
        self._references = _References()
        self._users: dict[str, set[int]] = {}
        self._unfinished: Token | None = None
        self._last: dict[tuple[object, str], tuple[str, frozenset[str]]] = {}
        self._now: dict[tuple[object, str], tuple[str, frozenset[str]]] = {}
        self._labels: set[str] = set()

    def read(self, source: str) -> list[Token]:
        """Return the blocks of a final ``source``, and take its definitions.

        Raises:
            RecursionError: nested deeper than anything written to be read.
        """
        tokens = parse_blocks(source, self._references.final)
        if is_too_deep(tokens):
            raise RecursionError("blocks nested too deeply")
        return tokens

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
        html = "".join(self.blocks(tokens))
        for label in self._labels:
            self._users.setdefault(label, set()).add(at)
        return html

    def unfinished(self, tokens: list[Token], leaf: Token | None) -> list[str]:
        """Return the HTML of blocks of which the text ``leaf`` has not ended."""
        self._unfinished = leaf
        return self.blocks(tokens)

    def leaf(self, token: Token, *, in_item: bool) -> str:
        """Return the HTML of a block's text, from memory if it is the same."""
        if token is self._unfinished:
            token.children = parse_unfinished(token.content, self._references)
            return super().leaf(token, in_item=in_item)
        key = (in_item, token.content)
        if key not in self._now:
            self._now[key] = self._last.get(key) or self._read(token, in_item=in_item)
        html, labels = self._now[key]
        self._labels |= labels
        return html

    def block(self, token: Token) -> str:
        """Return the HTML of what is no text; code is coloured once only."""
        if token.type != "fence":
            return super().block(token)
        key = (token.info, token.content)
        if key not in self._now:
            found = self._last.get(key) or (super().block(token), frozenset())
            self._now[key] = found
        return self._now[key][0]

    def _read(self, token: Token, *, in_item: bool) -> tuple[str, frozenset[str]]:
        self._references.asked.clear()
        token.children = parse_inline(token.content, self._references)
        html = super().leaf(token, in_item=in_item)
        return html, frozenset(self._references.asked)


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
