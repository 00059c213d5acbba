"""A fence that has not ended: its lines are taken as they come, and never parsed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["OpenFence"]


class OpenFence:
    """The source of an open fence; only its closing line is looked for."""

    def __init__(self, token: Token, lines: list[str], at: int) -> None:
        opener = lines[at]
        self.info = token.info
        self.indent = len(opener) - len(opener.lstrip(" "))
        #: Its lines so far, as they came, without the indent of its first line.
        self.code: list[str] = []
        #: The lines before its code: definitions, blank lines, and its first line.
        self.head = lines[: at + 1]
        self._lines: list[str] = []
        marker = re.escape(token.markup[0])
        self._end = re.compile(
            rf" {{0,3}}{marker}{{{len(token.markup)},}}[ \t]*[\r\n]*"
        )
        self._almost = re.compile(rf"[ \t]*{marker}*[ \t]*\r?")
        self.take(lines[at + 1 :])

    @property
    def source(self) -> list[str]:
        """All its lines."""
        return self.head + self._lines

    def take(self, lines: list[str]) -> int:
        """Take lines up to the closing one; return how many that were, or 0."""
        for at, line in enumerate(lines):
            self._lines.append(line)
            if self.is_closed_by(line):
                return at + 1
            self.code.append(self.dedented(line))
        return 0

    def is_closed_by(self, line: str) -> bool:
        """Say whether ``line`` is the closing one."""
        return self._end.fullmatch(line) is not None

    def is_almost_closed(self, line: str) -> bool:
        """Say whether an incomplete line could become the closing one."""
        return self._almost.fullmatch(line) is not None

    def dedented(self, line: str) -> str:
        """Return a line without the fence's own indent, its end as a newline."""
        text = line.rstrip("\r\n")
        end = "\n" if len(text) < len(line) else ""
        at = column = 0
        while column < self.indent and at < len(text) and text[at] in " \t":
            column += 4 - column % 4 if text[at] == "\t" else 1
            at += 1
        return " " * max(0, column - self.indent) + text[at:] + end
