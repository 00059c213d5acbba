"""Colour code by Pygments' short classes, which JupyterLab's themes know.

A line is coloured when it is complete, and never again; so what is seen live is what
stays. And so a lexer gets no more at once than a line, and is asked only if it is known
to be fast: it is a set of patterns, of which one may be at work for seconds on some
hundred characters, and while it is no thread runs, not even the one that stops it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from html import escape
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from markdown_it.token import Token
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

_Tokens: TypeAlias = list[tuple["_TokenType", str]]
_Lex: TypeAlias = Callable[..., Iterable[tuple[int, "_TokenType", str]]]

_CLOSING, _COLOURED = "</code></pre>\n", ' class="highlight"'
#: What a block may use up, and what follows stays without colours: characters in all,
#: of which a line costs some by itself, and states that a lexer has open. A line that
#: is longer than this has none either.
_MOST_COLOURED = 80_000
_LINE = 16
_MOST_STATES = 100
LONGEST_LINE = 300
#: The lexers that are fast on any line of that length, as far as a search has shown
#: (tests/places/test_lexers.py), of languages that models write.
_LINEAR = (
    "ada apacheconf awk bash batch bibtex c clojure cmake cobol common-lisp console "
    "cpp cr csharp css cuda d dart delphi diff django docker elixir emacs-lisp erb "
    "erlang fortran fsharp gas gdscript gherkin glsl go graphql groovy handlebars "
    "haskell hlsl html html+django html+php ini java javascript json jsx julia "
    "kotlin less llvm lua make markdown matlab mysql nasm nginx nimrod nixos "
    "objective-c ocaml octave perl php plpgsql postgresql powershell prolog "
    "properties protobuf pycon pytb python racket restructuredtext ruby rust sass "
    "scheme scss sed smalltalk solidity splus sql sqlite3 swift systemverilog tcl "
    "terraform tex toml tsql tsx typescript vb.net vbscript verilog vhdl vim wast "
    "xml yaml zig"
)
LEXERS = frozenset(_LINEAR.split(" "))
#: What models call them, beside the names that Pygments knows.
_NAMES = (
    "arduino=cpp astro=html bat=batch bigquery=sql cc=cpp cfg=ini cjs=javascript "
    "cmd=batch conf=ini containerfile=docker cts=typescript cxx=cpp dotenv=bash "
    "env=bash gql=graphql gradle=groovy h=cpp hbs=handlebars hpp=cpp htm=html "
    "hxx=cpp ino=cpp ipython=python jinja2=django jinja=django json5=json "
    "jsonc=json jsonl=json kt=kotlin kts=kotlin mariadb=mysql mdx=markdown "
    "mjs=javascript mts=typescript ndjson=json ng2=html node=javascript oracle=sql "
    "patch=diff plsql=sql qmd=markdown rmd=markdown sbt=java scala=java "
    "sol=solidity sqlite=sql svelte=html svg=xml terminal=console vb=vb.net "
    "vba=vb.net vue=html yml=yaml"
)
_ALSO = dict(word.split("=") for word in _NAMES.split(" "))
#: What has a colour of its own: these are the classes that JupyterLab knows. The kinds
#: of comments, keywords, numbers and strings look alike; a name is blue as punctuation
#: is there, which itself stays plain: tags for it would be a third of all bytes.
_COLOURS = {"Comment": "c", "Keyword": "k", "Operator": "o"}
_COLOURS |= {"Literal.Number": "m", "Literal.String": "s"}
_COLOURS |= {"Name.Tag": "k", "Name.Attribute": "p", "Name.Decorator": "o"}
_COLOURS |= {"Name.Function": "p", "Name.Class": "p", "Name.Variable": "p"}
_COLOURS |= {"Generic.Inserted": "m", "Generic.Deleted": "s"}
_COLOURS |= {"Generic.Heading": "o", "Generic.Subheading": "o"}
#: ``python``, ``{python}``, ``{.python}``, ``python:app.py``, ``app.py``: the name of a
#: language, or else the end of a file's name.
_NAME = re.compile(
    r"[{.=]*(?:lang(?:uage)?-)?([\w+#.-]{1,40})(?:\S{0,200}\.(\w{1,10}))?"
)
#: Comments that lexers read in one piece, so that a line alone looks like code.
_COMMENTS = (("/*", "*/"), ("<!--", "-->"))


def code_block(code: str, info: str) -> str:
    """Return a ``pre`` of ``code``, coloured if ``info`` names a known language."""
    made = OpenCode(info)
    made.add(StringIO(code, newline="\n"))
    return str(made)


@lru_cache(maxsize=256)
def _lexer_of(info: str) -> Lexer | None:
    """Return the lexer of the language that a fence's ``info`` names, if there is."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    found = _NAME.match(info.strip().lower())
    names = (found[1], found[2] or found[1].rpartition(".")[2]) if found else ()
    # A lexer must not hand on what is in a block to another one.
    options = {"stripnl": False, "ensurenl": False, "handlecodeblocks": False}
    for name in names:
        with suppress(ClassNotFound):
            lexer = get_lexer_by_name(_ALSO.get(name, name), **options)
            return lexer if lexer.aliases[0] in LEXERS else None
    return None


def _spans(tokens: _Tokens) -> str:
    """Return the HTML of a line's tokens."""
    runs = groupby(tokens, key=lambda token: _colour(token[0]))
    return "".join(_span(name, "".join(text for _, text in run)) for name, run in runs)


@lru_cache(maxsize=256)
def _colour(kind: _TokenType) -> str:
    names = (".".join(kind[:depth]) for depth in (1, 2))
    return next((_COLOURS[name] for name in names if name in _COLOURS), "")


def _span(name: str, text: str) -> str:
    shown = bool(name) and not text.isspace()
    text = escape(text, quote=False)
    return f'<span class="{name}">{text}</span>' if shown else text


class OpenCode:
    """The HTML of a block of code that grows at its end, line by line."""

    def __init__(self, info: str) -> None:
        self._lexer = _lexer_of(info)
        coloured = self._lexer is not None
        self._opening = f"<pre><code{_COLOURED * coloured}>"
        self._html: list[str] = []
        self._left = _MOST_COLOURED
        self._stack = ["root"]
        self._comment: tuple[str, str] | None = None

    def __str__(self) -> str:
        return f"{self._opening}{''.join(self._html)}{_CLOSING}"

    def add(self, lines: Iterable[str]) -> str:
        """Add complete lines; return their HTML."""
        html = "".join(map(self._line, lines))
        self._html.append(html)
        return html

    def _line(self, line: str) -> str:
        self._left -= len(line) + _LINE
        if self._lexer is None or self._left < 0 or len(line) > LONGEST_LINE:
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
        from pygments.lexer import ExtendedRegexLexer, LexerContext, RegexLexer

        if self._stack and isinstance(lexer, RegexLexer):
            # The same rules, but what is open at the end can be taken to the next.
            context = LexerContext(text, 0, list(self._stack), len(text))
            lex: _Lex = ExtendedRegexLexer.get_tokens_unprocessed
            try:
                found = list(lex(lexer, context=context))
            except (TypeError, AttributeError):  # of a rule that takes no such context
                self._stack = []
            else:
                self._stack = context.stack
                if len(self._stack) > _MOST_STATES:
                    self._left = 0
                return [(kind, value) for _, kind, value in found]
        return list(lexer.get_tokens(text))


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
        self.line = escape(self._dedented(self.shown(rest)).rstrip("\n"), quote=False)
        return self._add(lines)

    def shown(self, rest: str) -> str:
        """Return what may be shown of a line that is not complete, or nothing."""
        return "" if self._almost_end.fullmatch(rest) else rest

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
