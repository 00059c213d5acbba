r"""Hold back the end of a text that is not clear yet: half a link, half a formula.

What is shown should stay what it is. So a ``[half link](http`` shows its words only,
a half entity, a half formula and a lone marker wait, and code ends where the text
ends. What waits for too long is shown as it is; see ``_PATIENCE``.
"""

from __future__ import annotations

import re

from nbstream.markdown.math import find_math

__all__ = ["finished"]

#: After so many characters that did not end it, a marker is taken for a character.
_PATIENCE = {
    "`": 400, "$": 80, "$$": 2_000, "\\(": 400, "\\[": 2_000, "[": 200, "![": 500,
    "](": 2_000, "<": 300,
}  # fmt: skip
_MARK = re.compile(r"\\.?|`+|\$\$?|!?\[|\]|<|&", re.DOTALL)
_LINK = re.compile(
    r"""\(\s*(?:<[^<>\n]*>|(?:[^\s()<>]|\([^\s()]*\))*)
    (?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*\)""",
    re.VERBOSE,
)
_HALF_LINK = re.compile(
    r"""\(\s*(?:<[^<>\n]*|(?:<[^<>\n]*>|(?:[^\s()<>]|\([^\s()]*\))*)
    (?:\([^\s()]*|\s+(?:"[^"]*"?|'[^']*'?|\([^()]*\)?)?\s*)?)""",
    re.VERBOSE,
)
_ADDRESS = re.compile(r"\(\s*<?(?:https?:|mailto:|\#)", re.IGNORECASE)
_HALF_ADDRESS = re.compile(
    r"\(\s*<?(?:h(?:t(?:tp?)?)?|https?|m(?:a(?:i(?:l(?:to?)?)?)?)?)?", re.IGNORECASE
)
_REFERENCE = re.compile(r"\[[^\[\]]*\]")
_HALF_REFERENCE = re.compile(r"\[[^\[\]]*")
_AUTOLINK = re.compile(r"<[A-Za-z][^\s<>]*>")
_HALF_AUTOLINK = re.compile(r"<(?:[bB][rR] ?/?|[A-Za-z][^\s<>]*)?")  # or half a break
_HALF_ENTITY = re.compile(r"&#?\w{0,31}")
_MARKERS = re.compile(r"(?:(?<!\\)[*_~]+|(?<![^\s])!)\Z")


def finished(text: str) -> str:
    """Return the part of an unfinished paragraph's ``text`` that can be shown."""
    return _Scan(text).run()


class _Scan:
    """Walks over a text from mark to mark."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[tuple[int, str]] = []

    def run(self) -> str:
        pos = 0
        while found := _MARK.search(self._text, pos):
            pos, shown = self._mark(found)
            if shown is not None:
                return _trimmed(self._held(shown))
        return _trimmed(self._held(self._text))

    def _mark(self, found: re.Match[str]) -> tuple[int, str | None]:
        """Return where to go on, or what to show if nothing follows any more."""
        text, mark, pos, end = self._text, found[0], found.start(), found.end()
        match mark[0]:
            case "`":
                return self._code(pos, end)
            case "\\" | "$":
                return self._formula(mark, pos, end)
            case "<":
                link = _AUTOLINK.match(text, pos)
                return (link.end() if link else end), self._if_half(
                    _HALF_AUTOLINK, "<", pos
                )
            case "&":
                half = _HALF_ENTITY.fullmatch(text, pos)
                return end, text[:pos] if half else None
            case "]":
                return self._close(pos, end)
            case _:
                self._open.append((pos, mark))
                return end, None

    def _waits(self, mark: str, pos: int) -> bool:
        return len(self._text) - pos <= _PATIENCE.get(mark, 1)

    def _if_half(self, half: re.Pattern[str], mark: str, pos: int) -> str | None:
        waits = self._waits(mark, pos) and half.fullmatch(self._text, pos)
        return self._text[:pos] if waits else None

    def _code(self, pos: int, end: int) -> tuple[int, str | None]:
        ticks = self._text[pos:end]
        closing = re.compile(rf"(?<!`){ticks}(?!`)").search(self._text, end)
        if closing:
            return closing.end(), None
        if not self._waits("`", pos):
            return end, None
        inner = self._text[end:].rstrip("`")
        if not inner.strip():
            return end, self._text[:pos]
        pad = " " * inner.endswith(" ")
        return end, f"{self._text[:end]}{inner}{pad}{ticks}"

    def _formula(self, mark: str, pos: int, end: int) -> tuple[int, str | None]:
        stop = find_math(self._text, pos, len(self._text))
        if stop > 0:
            return stop, None
        text = self._text
        if (
            mark == "$"
            and end < len(text)
            and (text[end].isdigit() or text[end] == " ")
        ):
            return end, None  # a price
        if mark == "$" and ("$" in text[end:] or "`" in text[end:]):
            return end, None
        return end, text[:pos] if self._waits(mark, pos) else None

    def _close(self, pos: int, end: int) -> tuple[int, str | None]:
        if not self._open:
            return end, None
        begin, mark = self._open.pop()
        text = self._text
        if end == len(text):
            return end, text[:begin]
        for whole in (_LINK, _REFERENCE):
            if link := whole.match(text, end):
                return link.end(), None
        if not self._waits("](", end):
            return end, None
        if _HALF_REFERENCE.fullmatch(text, end) or _HALF_ADDRESS.fullmatch(text, end):
            return end, text[:begin]
        if _ADDRESS.match(text, end) and _HALF_LINK.fullmatch(text, end):
            return end, text[:begin] + (text[begin + 1 : pos] if mark == "[" else "")
        return end, None

    def _held(self, shown: str) -> str:
        """Cut ``shown`` at the first bracket that may still become a link."""
        for begin, mark in self._open:
            if self._waits(mark, begin):
                return shown[:begin]
        return shown


def _trimmed(text: str) -> str:
    """Take a marker off the end: it may open, close, or grow."""
    return _MARKERS.sub("", text.rstrip()).rstrip()
