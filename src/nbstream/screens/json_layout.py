"""Lay out JSON as it arrives, such that what has been laid out never changes."""

from __future__ import annotations

import json
import re

from nbstream.reply import Reply

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


# -- Lay out JSON that is still arriving as it will stand, and say how it stands now.

#: What may be missing only its end: a string, an escape in it, a word, a number.
_OPEN_END = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\.)*\\?|\\?(?:u[0-9a-fA-F]{0,4})?|-|\.|\.?\d*[eE][+-]?'
    r"|t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?|\s*"
)


def standing(fragment: str) -> str:
    """Tell what JSON is that may go on: ``open``, ``valid`` as it is, or ``invalid``.

    ``invalid`` means that nothing which may follow makes it valid.
    """
    try:
        json.loads(fragment, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        is_half = _OPEN_END.fullmatch(fragment[error.pos :])
        is_control = error.msg.startswith("Invalid control")  # a line's end in a string
        return "open" if is_half and not is_control else "invalid"
    except (ValueError, RecursionError):
        return "invalid"
    return "valid"


def _refuse(name: str) -> None:
    raise ValueError(name)


def laid_out(fragment: str) -> str:
    """Return the beginning of a JSON text, indented, with nothing added or closed.

    So the arguments of a call stand still while they fill in: when the last brace
    arrives, nothing but that brace is new.
    """
    layout = Layout()
    return layout.feed(fragment) + layout.finish()


# -- The answer's text in the form it is to be read in: Markdown, plain text, JSON.

_FENCE = re.compile(r"\s*[`~]{3,}\w*[ \t]*\n")


class Json:
    """A JSON answer as it grows, laid out.

    The object that holds the value under ``key`` is left out, and so is a code fence
    before it. What begins with no brace or bracket is given as it came.
    """

    def __init__(self, key: str | None = None) -> None:
        self._key = key
        self._seen = 0
        self._head: str | None = ""  # what may be left out, until that is known
        self._layout: Layout | None = None
        self._made: list[str] = []

    @classmethod
    def of(cls, reply: Reply) -> Json:
        """Return an empty one for this reply."""
        return cls(reply._expected.key if reply._expected else None)

    def grow(self, text: str) -> str:
        """Return all of it laid out, now that this is the text."""
        added, self._seen = text[self._seen :], len(text)
        if self._head is not None:
            added = self._begin(self._head + added)
        self._made.append(self._layout.feed(added) if self._layout else added)
        return "".join(self._made)

    def end(self, text: str) -> str:
        """Return all of it, now that nothing more comes."""
        self.grow(text)
        rest = self._layout.finish() if self._layout else self._head
        self._head = None
        self._made.append(rest or "")
        return "".join(self._made)

    def _begin(self, text: str) -> str:
        """Take off what is left out; nothing is given until that is known."""
        self._head = text
        start = _FENCE.match(text)
        body = text[start.end() if start else 0 :].lstrip()
        if not body or (not start and body[0] in "`~" and "\n" not in body):
            return ""
        if body[0] not in "{[":
            self._head = None
            return text
        before = None
        if self._key is not None and body[0] == "{":
            if ":" not in body:
                return ""
            before = re.match(rf'\{{\s*"{self._key}"\s*:\s*', body)
        inside, alone = before is not None, start is not None
        self._head, self._layout = None, Layout(inside=inside, alone=alone)
        return body[before.end() if before else 0 :]


def plain_of(text: str, reply: Reply) -> str:
    """Return a text of the answer as plain text; JSON is laid out, if it is any."""
    if reply._form != "json" or reply._misfit is not None:
        return text
    return Json.of(reply).end(text)
