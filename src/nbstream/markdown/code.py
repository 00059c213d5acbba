"""Colour code by Pygments' short classes, which JupyterLab's themes know.

A block is coloured as a whole, or line by line while it is being written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from markdown_it.token import Token
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

_Tokens: TypeAlias = list[tuple["_TokenType", str]]

_CLOSING = "</code></pre>\n"
#: More than this is not coloured: nobody reads it, and lexers may be slow.
_MOST_COLOURED = 100_000
#: What JupyterLab gives a colour of its own; the kinds of comments, keywords, numbers
#: and strings look alike. Tags for punctuation would be a third of all bytes.
_COLOURS = {"Comment": "c", "Keyword": "k", "Operator": "o"}
_COLOURS |= {"Literal.Number": "m", "Literal.String": "s"}
_NAME = re.compile(r"[a-z0-9+#._-]{1,30}")
#: Comments that lexers read in one piece, so that a line alone looks like code.
_COMMENTS = (("/*", "*/"), ("<!--", "-->"))


def code_block(code: str, info: str) -> str:
    """Return a ``pre`` of ``code``, coloured if ``info`` names a known language."""
    lexer = _lexer_of(info)
    if lexer is None:
        return f"{_opening(lexer)}{escape(code, quote=False)}{_CLOSING}"
    whole = len(code) <= _MOST_COLOURED
    cut = len(code) if whole else code.rfind("\n", 0, _MOST_COLOURED) + 1
    coloured = _spans(lexer.get_tokens(code[:cut]))
    return f"{_opening(lexer)}{coloured}{escape(code[cut:], quote=False)}{_CLOSING}"


def _opening(lexer: Lexer | None) -> str:
    return "<pre><code>" if lexer is None else '<pre><code class="highlight">'


@lru_cache(maxsize=256)
def _lexer_of(info: str) -> Lexer | None:
    """Return the lexer of the language that a fence's ``info`` names, if there is."""
    name = next(iter(info.lower().split()), "")
    if not _NAME.fullmatch(name):
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def _spans(tokens: Iterable[tuple[_TokenType, str]]) -> str:
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


class OpenCode:
    """The HTML of a block of code that grows at its end.

    A line is coloured when it is complete, and never again: nearly always that is how
    ``code_block`` colours all of it.
    """

    def __init__(self, info: str) -> None:
        self._lexer = _lexer_of(info)
        self._html: list[str] = []
        self._size = 0
        self._stack = ["root"]
        self._comment: tuple[str, str] | None = None

    def __str__(self) -> str:
        return f"{_opening(self._lexer)}{''.join(self._html)}{_CLOSING}"

    def add(self, lines: Iterable[str]) -> str:
        """Add complete lines; return their HTML."""
        html = "".join(map(self._line, lines))
        self._html.append(html)
        return html

    def _line(self, line: str) -> str:
        self._size += len(line)
        if self._lexer is None or self._size > _MOST_COLOURED:
            return escape(line, quote=False)
        return _spans(self._tokens(self._lexer, line))

    def _tokens(self, lexer: Lexer, line: str) -> _Tokens:
        """Lex one line; what begins or ends a comment of many lines is made up."""
        if self._comment:
            begin, end = self._comment
            if end in line:
                self._comment, end = None, ""
            return _cut(self._lexed(lexer, begin + line + end), len(begin), len(end))
        for begin, end in _COMMENTS:
            if line.rfind(begin) > line.rfind(end):
                stack = list(self._stack)
                found = self._lexed(lexer, line + end)
                if found and _is_comment(found[-1], begin, end):
                    self._comment = begin, end
                    return _cut(found, 0, len(end))
                self._stack = stack
        return self._lexed(lexer, line)

    def _lexed(self, lexer: Lexer, text: str) -> _Tokens:
        from pygments.lexer import LexerContext, RegexLexer

        own = type(lexer).get_tokens_unprocessed
        if own is RegexLexer.get_tokens_unprocessed and self._stack:
            # The same rules, but what is open at the end can be taken to the next.
            context = LexerContext(text, 0, list(self._stack), len(text))
            try:
                found = list(_resumable()(lexer, context=context))
            except TypeError:  # a rule of this lexer that takes no context
                self._stack = []
            else:
                self._stack = context.stack
                return [(kind, value) for _, kind, value in found]
        return list(lexer.get_tokens(text))


def _resumable() -> Callable[..., Iterable[tuple[int, _TokenType, str]]]:
    from pygments.lexer import ExtendedRegexLexer

    return ExtendedRegexLexer.get_tokens_unprocessed


def _is_comment(token: tuple[_TokenType, str], begin: str, end: str) -> bool:
    kind, text = token
    whole = text.startswith(begin) and text.endswith(end)
    return whole and kind[:1] == ("Comment",)


def _cut(tokens: _Tokens, before: int, after: int) -> _Tokens:
    """Leave out some characters at the begin and at the end."""
    size = sum(len(text) for _, text in tokens) - after
    at, out = 0, []
    for kind, text in tokens:
        part = text[max(0, before - at) : max(0, size - at)]
        at += len(text)
        if part:
            out.append((kind, part))
    return out


def closing_line(fence: Token) -> re.Pattern[str]:
    """Return what the line that closes a fence looks like."""
    marker, least = re.escape(fence.markup[0]), len(fence.markup)
    return re.compile(rf" {{0,3}}{marker}{{{least},}}[ \t]*[\r\n]*")


class OpenFence:
    """A fence that has not ended: its lines are taken as they come, and never parsed.

    Only its closing line is looked for. Its HTML has the complete lines, coloured;
    ``line`` is the one that is not, as it is shown.
    """

    def __init__(self, token: Token, lines: list[str], at: int) -> None:
        #: The lines before its code: definitions, blank lines, and its first line.
        self.head = lines[: at + 1]
        self.line = ""
        opener = lines[at]
        self._indent = len(opener) - len(opener.lstrip(" "))
        self._lines: list[str] = []
        self._shown = 0
        self._code = OpenCode(token.info)
        self._end = closing_line(token)
        self._almost_end = re.compile(rf"[ \t]*{re.escape(token.markup[0])}*[ \t]*\r?")
        self.take(lines[at + 1 :])

    def __str__(self) -> str:
        return str(self._code)

    @property
    def source(self) -> list[str]:
        """All its lines."""
        return self.head + self._lines

    def take(self, lines: list[str]) -> int:
        """Take lines up to the closing one; return how many that were, or 0."""
        for at, line in enumerate(lines):
            self._lines.append(line)
            if self._end.fullmatch(line):
                return at + 1
        return 0

    def grow(self, rest: str) -> str:
        """Show the new lines, return their HTML; ``rest`` is not complete."""
        lines = self._lines[self._shown :]
        self._shown += len(lines)
        held = self._almost_end.fullmatch(rest)
        line = "" if held else self._dedented(rest).rstrip("\n")
        self.line = escape(line, quote=False)
        return self._add(lines)

    def end(self, rest: str) -> str:
        """Show all lines, and ``rest`` too if the text ends with it."""
        return self.grow("") + self._add([rest] if rest else [])

    def _add(self, lines: list[str]) -> str:
        shown = (line for line in lines if not self._end.fullmatch(line))
        return self._code.add(map(self._dedented, shown))

    def _dedented(self, line: str) -> str:
        """Return a line without the fence's own indent, its end as a newline."""
        text = line.rstrip("\r\n")
        end = "\n" if len(text) < len(line) else ""
        at = column = 0
        while column < self._indent and at < len(text) and text[at] in " \t":
            column += 4 - column % 4 if text[at] == "\t" else 1
            at += 1
        return " " * max(0, column - self._indent) + text[at:] + end
