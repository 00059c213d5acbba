"""Read JSON that is still arriving: what of it is sure, closed so that it parses."""

from __future__ import annotations

import json
import re
from typing import Any, TypeAlias

_WORD = re.compile(r'[^\s{}\[\],:"]+')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_CONSTANTS = ("true", "false", "null")
_CLOSERS = {"{": "}", "[": "]"}
_STRING = re.compile(r'[^"\\\x00-\x1f]+')
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_ESCAPE_START = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_HIGH = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")


class PartialJson:
    r"""A JSON text that comes in pieces.

    ``closed`` is always JSON (or ""): a string is shown as far as it has come, half an
    escape is left out, and so are a number or a name that may go on.

    >>> partial = PartialJson()
    >>> partial.feed('{"city": "Par')
    >>> partial.closed
    '{"city": "Par"}'
    """

    def __init__(self) -> None:
        self._text = ""
        self._at = 0  # up to here the text has been read
        self._sure = 0  # up to here it can be closed
        self._open: list[str] = []
        self._expects = "value"  # or: key, colon, comma, key or end, value or end, end
        self._in_string = ""  # "key" or "value" while one is open
        self.broken_at: int | None = None

    def feed(self, text: str) -> None:
        """Read what comes next; after something that is no JSON nothing is read."""
        self._text += text
        while self.broken_at is None and self._at < len(self._text):
            before = self._at
            self._read_string() if self._in_string else self._read_token()
            if self._at == before:
                return  # the rest may mean this or that: it waits for what comes

    @property
    def closed(self) -> str:
        """The text so far as a whole JSON value; "" if nothing of it is sure."""
        if not self._sure:
            return ""
        quote = '"' if self._in_string == "value" else ""
        ends = "".join(_CLOSERS[each] for each in reversed(self._open))
        return f"{self._text[: self._sure]}{quote}{ends}"

    def _read_string(self) -> None:
        text, at = self._text, self._at
        found = _STRING.match(text, at) or _ESCAPE.match(text, at)
        if found:
            self._at = found.end()
            # Half of a surrogate pair is no character yet.
            if self._in_string == "value" and not _HIGH.search(text, at, self._at):
                self._sure = self._at
        elif text[at] == '"':
            self._at += 1
            is_key, self._in_string = self._in_string == "key", ""
            if is_key:
                self._expects = "colon"
            else:
                self._value_ends()
        elif not _ESCAPE_START.match(text, at):
            self.broken_at = at

    def _read_token(self) -> None:
        char = self._text[self._at]
        if char in " \t\n\r":
            self._at += 1
        elif char in "{[":
            self._opens(char)
        elif char in "}]":
            self._closes(char)
        elif char == '"':
            self._begins_string()
        elif char in ":,":
            self._separates(char)
        else:
            self._read_word()

    def _opens(self, char: str) -> None:
        if not self._expects.startswith("value"):
            self.broken_at = self._at
            return
        self._open.append(char)
        self._at += 1
        self._sure = self._at
        self._expects = "key or end" if char == "{" else "value or end"

    def _closes(self, char: str) -> None:
        may_end = self._expects in ("comma", "key or end", "value or end")
        if not (may_end and self._open and _CLOSERS[self._open[-1]] == char):
            self.broken_at = self._at
            return
        self._open.pop()
        self._at += 1
        self._value_ends()

    def _begins_string(self) -> None:
        kind = self._expects.partition(" ")[0]
        if kind not in ("key", "value"):
            self.broken_at = self._at
            return
        self._in_string = kind
        self._at += 1
        if kind == "value":
            self._sure = self._at

    def _separates(self, char: str) -> None:
        if (self._expects, char) == ("colon", ":"):
            self._expects = "value"
        elif (self._expects, char) == ("comma", ","):
            self._expects = "key" if self._open[-1] == "{" else "value"
        else:
            self.broken_at = self._at
            return
        self._at += 1

    def _read_word(self) -> None:
        found = _WORD.match(self._text, self._at)
        word = found[0] if found else ""
        ended = self._at + len(word) < len(self._text)
        if not self._expects.startswith("value"):
            self.broken_at = self._at
        elif word in _CONSTANTS or (ended and _NUMBER.fullmatch(word)):
            self._at += len(word)
            self._value_ends()
        elif ended:
            self.broken_at = self._at

    def _value_ends(self) -> None:
        self._sure = self._at
        self._expects = "comma" if self._open else "end"


# -- Arguments that come leaf by leaf, each addressed by a JSONPath.

# Gemini's ``partialArgs`` name each leaf: ``$.city``, ``$.stops[0].name``,
# ``$['a b']`` (https://ai.google.dev/gemini-api/docs/function-calling). A path that
# cannot be followed is not dropped: it is kept under its own text, which no schema
# knows, so that the call is seen to be wrong and nothing that arrived is lost.

Value: TypeAlias = str | float | bool | None
_STEP = re.compile(
    r"\.([^.\[\]]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]"
)


class Leaves:
    """The leaves so far. Each string grows until it says that it is whole."""

    def __init__(self) -> None:
        self._leaves: dict[str, list[Value]] = {}
        self._open: set[str] = set()

    def push(self, path: str, value: Value, will_continue: bool) -> None:
        """Append to a string that goes on, else set."""
        if path in self._open and isinstance(value, str):
            self._leaves[path].append(value)
        else:
            self._leaves[path] = [value]
        if will_continue:
            self._open.add(path)
        else:
            self._open.discard(path)

    def to_json(self) -> str:
        """Return the object built so far, as JSON text."""
        root: dict[str, Any] = {}
        for path, values in self._leaves.items():
            value = "".join(map(str, values)) if len(values) > 1 else values[0]
            steps = _steps(path)
            if steps is None or not _put(root, steps, value):
                root[path] = value
        return json.dumps(root, ensure_ascii=False)


def _steps(path: str) -> list[str | int] | None:
    if not path.startswith("$"):
        return None
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return None
        name, number, single, double = found.groups()
        quoted = single if single is not None else double
        if number is not None:
            steps.append(int(number))
        else:
            steps.append(name if name is not None else re.sub(r"\\(.)", r"\1", quoted))
        at = found.end()
    return steps if steps and isinstance(steps[0], str) else None


def _put(root: dict[str, Any], steps: list[str | int], value: Value) -> bool:
    """Set the leaf, making the objects and lists on the way; False if it cannot be."""
    here: Any = root
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        fresh: Any = value if following is None else [] if following == 0 else {}
        if isinstance(here, dict) and isinstance(step, str):
            here[step] = fresh if following is None else here.get(step, fresh)
        elif isinstance(here, list) and isinstance(step, int) and step <= len(here):
            if step == len(here):
                here.append(fresh)
            elif following is None:
                here[step] = fresh
        else:
            return False
        here = here[step]
    return True
