"""Colour code by Pygments' short classes, which JupyterLab's themes know."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

__all__ = ["CLOSING", "MOST_COLOURED", "code_block", "lexer_of", "opening", "spans"]

CLOSING = "</code></pre>\n"

#: More than this is not coloured: nobody reads it, and lexers may be slow.
MOST_COLOURED = 100_000
#: What JupyterLab gives a colour of its own; the kinds of comments, keywords, numbers
#: and strings look alike. Tags for punctuation would be a third of all bytes.
_COLOURS = {"Comment": "c", "Keyword": "k", "Operator": "o"}
_COLOURS |= {"Literal.Number": "m", "Literal.String": "s"}
_NAME = re.compile(r"[a-z0-9+#._-]{1,30}")


def code_block(code: str, info: str) -> str:
    """Return a ``pre`` of ``code``, coloured if ``info`` names a known language."""
    lexer = lexer_of(info)
    if lexer is None:
        return f"{opening(info)}{escape(code, quote=False)}{CLOSING}"
    whole = len(code) <= MOST_COLOURED
    cut = len(code) if whole else code.rfind("\n", 0, MOST_COLOURED) + 1
    coloured = spans(lexer.get_tokens(code[:cut]))
    return f"{opening(info)}{coloured}{escape(code[cut:], quote=False)}{CLOSING}"


def opening(info: str) -> str:
    """Return the tags that begin a block of code of the language ``info``."""
    return "<pre><code>" if lexer_of(info) is None else '<pre><code class="highlight">'


def lexer_of(info: str) -> Lexer | None:
    """Return the lexer of the language that a fence's ``info`` names, if there is."""
    return _lexer(info.split()[0].lower()) if info.strip() else None


@lru_cache(maxsize=256)
def _lexer(name: str) -> Lexer | None:
    if not _NAME.fullmatch(name):
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def spans(tokens: Iterable[tuple[_TokenType, str]]) -> str:
    """Return the HTML of a lexer's tokens; no span goes on past the end of a line.

    So the HTML of lines is the same whether they are coloured together or as they
    come.
    """
    runs: list[tuple[str, list[str]]] = []
    fresh = True
    for kind, value in tokens:
        name = _colour(kind)
        for text in value.splitlines(keepends=True) if "\n" in value else (value,):
            if fresh or runs[-1][0] != name:
                runs.append((name, [text]))
            else:
                runs[-1][1].append(text)
            fresh = text.endswith("\n")
    return "".join(_span(name, "".join(texts)) for name, texts in runs)


@lru_cache(maxsize=256)
def _colour(kind: _TokenType) -> str:
    names = (".".join(kind[:depth]) for depth in (1, 2))
    return next((_COLOURS[name] for name in names if name in _COLOURS), "")


def _span(name: str, text: str) -> str:
    shown = bool(name) and not text.isspace()
    text = escape(text, quote=False)
    return f'<span class="{name}">{text}</span>' if shown else text
