"""Colour code line by line while it is being written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import TYPE_CHECKING

from nbstream.markdown.code import CLOSING, MOST_COLOURED, lexer_of, opening, spans

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

    from nbstream.markdown.openfence import OpenFence

#: Comments that lexers read in one piece, so that a line alone looks like code.
_COMMENTS = (("/*", "*/"), ("<!--", "-->"))
_Tokens = list[tuple["_TokenType", str]]

__all__ = ["FenceView", "OpenCode"]


class OpenCode:
    """The HTML of a block of code that grows at its end.

    A line is coloured when it is complete, and never again: nearly always that is how
    ``code_block`` colours all of it.
    """

    def __init__(self, info: str) -> None:
        self._opening = opening(info)
        self._lexer = lexer_of(info)
        self._html: list[str] = []
        self._size = 0
        self._stack = ["root"]
        self._comment: tuple[str, str] | None = None

    def __str__(self) -> str:
        return f"{self._opening}{''.join(self._html)}{CLOSING}"

    def add(self, lines: Iterable[str]) -> str:
        """Add complete lines; return their HTML."""
        html = "".join(map(self._line, lines))
        self._html.append(html)
        return html

    def _line(self, line: str) -> str:
        self._size += len(line)
        if self._lexer is None or self._size > MOST_COLOURED:
            return escape(line, quote=False)
        return spans(self._tokens(self._lexer, line))

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


class FenceView:
    """An open fence as it is shown: its complete lines coloured, the last one not."""

    def __init__(self, fence: OpenFence) -> None:
        self._fence = fence
        self._code = OpenCode(fence.info)
        self._count = 0
        self.line = ""
        self.grow("")

    def __str__(self) -> str:
        return str(self._code)

    def grow(self, rest: str) -> str:
        """Take the fence's new lines, return their HTML; ``rest`` is not complete."""
        lines = self._fence.code[self._count :]
        self._count += len(lines)
        held = self._fence.is_almost_closed(rest)
        self.line = "" if held else self._escaped(rest)
        return self._code.add(lines)

    def end(self, rest: str) -> str:
        """Take all lines, and ``rest`` too if the text ends with it."""
        html = self.grow("")
        if rest and not self._fence.is_closed_by(rest):
            html += self._code.add([self._fence.dedented(rest)])
        return html

    def _escaped(self, rest: str) -> str:
        return escape(self._fence.dedented(rest).rstrip("\n"), quote=False)
