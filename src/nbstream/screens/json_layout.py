"""Lay out JSON as it arrives, such that what has been laid out never changes."""

from __future__ import annotations

import json
import re

__all__ = ["Layout"]

_TOKEN = re.compile(r'[ \t\r\n]+|[{}\[\],:"]|[^ \t\r\n{}\[\],:"]+')
_PLAIN = re.compile(r'[^"\\]+')
#: A whole escape; of a pair of them that is one character, both.
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\u(?![dD][89abAB])[0-9a-fA-F]{4}|\\[^u]",
    re.DOTALL,
)
#: What may become an escape.
_HALF = re.compile(
    r"\\(?:u(?:[0-9a-fA-F]{0,3}|[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?)?)?"
)


class Layout:
    """Takes a JSON text in any pieces; gives what is to be added to what is shown.

    Whole, it is what ``json.dumps(..., indent=2, ensure_ascii=False)`` makes of it;
    nothing is closed that is open. ``inside``: it begins inside of an object, whose
    end is left out. ``alone``: what follows the value is left out.
    """

    def __init__(self, *, inside: bool = False, alone: bool = False) -> None:
        self._inside = inside
        self._alone = alone
        self._over = False
        self._depth = 0
        self._gap = ""
        self._opened = False
        self._held = ""  # half an escape
        self._in_string = False

    def feed(self, text: str) -> str:
        """Return what to add, now that this has come."""
        return "".join(self._read(text))

    def finish(self) -> str:
        """Return what to add, now that nothing more comes."""
        rest, self._held = self._held, ""
        return rest

    def _read(self, text: str) -> list[str]:
        out: list[str] = []
        text, self._held, at = self._held + text, "", 0
        while at < len(text) and not self._over:
            if self._in_string:
                at = self._read_string(text, at, out)
                continue
            token = _TOKEN.match(text, at)
            assert token is not None  # it matches any character
            at = token.end()
            if not token[0].isspace():
                self._add(token[0], out)
        return out

    def _read_string(self, text: str, at: int, out: list[str]) -> int:
        """Add what comes next in a string: some text, an escape, or its end."""
        if found := _PLAIN.match(text, at):
            out.append(found[0])
        elif text[at] == '"':
            self._in_string = False
            out.append('"')
            return at + 1
        elif found := _ESCAPE.match(text, at):
            out.append(_plain(found[0]))
        elif _HALF.fullmatch(text, at):
            self._held = text[at:]
            return len(text)
        else:
            out.append(text[at])
            return at + 1
        return found.end()

    def _add(self, token: str, out: list[str]) -> None:
        if token in "}]":
            if self._inside and self._depth == 0:
                return
            self._depth = max(self._depth - 1, 0)
            self._gap = "" if self._opened else self._line()
            self._over = self._alone and self._depth == 0
        elif token in ",:":
            self._gap = ""
        out += [self._gap, token]
        self._in_string = token == '"'
        self._opened = token in "{["
        self._depth += self._opened
        self._gap = self._line() if token in "{[," else " " if token == ":" else ""

    def _line(self) -> str:
        return "\n" + "  " * self._depth


def _plain(escape: str) -> str:
    """Write an escape as ``json.dumps`` does: an escaped é becomes an é."""
    try:
        said = json.loads(f'"{escape}"', strict=False)
    except ValueError:
        return escape
    return json.dumps(said, ensure_ascii=False)[1:-1]
