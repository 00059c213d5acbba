"""The elements of the list in an answer, each as soon as it is whole.

And what can be shown of an answer in JSON that is still arriving: `partial`.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Literal, Protocol, TypeAlias

from nbstream.errors import SchemaFailure, UsageError
from nbstream.reply import Choice, Reply
from nbstream.reply.partial_json import PartialJson
from nbstream.structured import AnyJson, Shape, unfenced

#: How often the next element is looked for, in seconds.
LOOK_S = 0.01
#: Outside of strings: white space, a structural character, or a number or word.
_TOKEN = re.compile(r'[ \t\r\n]+|[{}\[\],:"]|[^ \t\r\n{}\[\],:"]+')
_IN_STRING = re.compile(r'[\\"]')
_FENCE_END = re.compile(r"\n[ \t]*[`~]|[`~]{3,}\s*\Z")
_SPACE = " \t\r\n"
Taking: TypeAlias = Literal["", "name", "string", "container", "word"]


class Playing(Awaitable[Reply], Protocol):
    """What plays an answer in the background: an ``nbstream.Live``."""

    def wait_until(self, ready: Callable[[], bool], step_s: float) -> None:
        """Wait until it is ready, or the end; look every so many seconds."""

    async def until(self, ready: Callable[[], bool], step_s: float) -> None:
        """Await the same."""

    def result(self) -> Reply:
        """Wait for the end, and raise how it failed."""


class Items:
    """The elements of an answer's list, in order, for a ``for`` or ``async for``.

    It waits while the answer grows in the background, and raises at its end what
    ``live.result()`` raises. Leaving the loop early does not stop the stream. Of a
    reply that nobody plays in the background, it gives what is whole by now.
    """

    def __init__(self, reply: Reply, live: Playing | None) -> None:
        self._reply = reply
        self._live = live

    def __iter__(self) -> Iterator[Any]:
        """Wait for each element in turn; any thread."""
        found, live = _Found(self._reply), self._live
        while live is not None and self._reply.outcome == "running":
            live.wait_until(found.look, LOOK_S)
            yield from found.take()
        found.look()
        yield from found.take()
        if live is not None:
            live.result()
        found.check()

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Await each element in turn."""
        found, live = _Found(self._reply), self._live
        while live is not None and self._reply.outcome == "running":
            await live.until(found.look, LOOK_S)
            for each in found.take():
                yield each
        found.look()
        for each in found.take():
            yield each
        if live is not None:
            await live
        found.check()


class _Found:
    """What has been found in one reply so far."""

    def __init__(self, reply: Reply) -> None:
        expected = reply._expected
        self._reply = reply
        self._shape = expected if isinstance(expected, Shape) else AnyJson()
        if isinstance(expected, Shape) and expected.list_key is None:
            msg = "the schema has no list: items() gives the elements of its first one"
            raise UsageError(msg)
        self._texts: list[str] = []
        self._count = 0
        self._begin(None, 0)

    def _begin(self, choice: Choice | None, hop: int) -> None:
        self._choice, self._hop, self._size = choice, hop, 0
        self._elements = Elements(self._shape.list_key)

    def look(self) -> bool:
        """Look at what is new; tell whether there is a whole element to take."""
        for choice in self._reply.choices[:1]:
            # The answer proper comes after a tool's result.
            if choice is not self._choice or choice.hop != self._hop:
                self._begin(choice, choice.hop)
            text = unfenced(choice.document_of(self._hop), whole=False)
            self._texts += self._elements.feed(text[self._size :])
            self._size = len(text)
        return bool(self._texts)

    def take(self) -> Iterator[object]:
        """Give the elements that were found, each once."""
        texts, self._texts = self._texts, []
        for text in texts:
            try:
                element = self._shape.read_element(text)
            except ValueError as error:
                msg = f"in element {self._count} of the list, {error}"
                raise SchemaFailure(msg, self._reply) from error
            self._count += 1
            yield element

    def check(self) -> None:
        """Say it where a whole answer has no list; one by a schema may leave it out."""
        reply = self._reply
        if reply._answered and reply.parsed is None and not self._elements.found:
            msg = f"this answer has no JSON list: it begins {reply.text[:40]!r}"
            raise UsageError(msg)


class Elements:
    """Takes a JSON text in any pieces; gives each element of its list once it is whole.

    The list is the root itself, or else the value of the root object's property
    ``key``; without a key it is the first property that is a list. Each character is
    looked at once. Nothing is given of what is no JSON around the elements, or after
    two of them without a comma between; each element must still be parsed.

    >>> elements = Elements()
    >>> elements.feed('{"steps": [{"say": "}]"}, 1')
    ['{"say": "}]"}']
    >>> elements.feed("2]")
    ['12']
    """

    def __init__(self, key: str | None = None) -> None:
        self.found = False
        self._key = key
        self._name = ""  # the property of the root object that is being read
        self._string = ""  # the string that was read last there
        self._depth = 0
        self._level = 0  # how deep the elements are; 0: not in the list
        self._over: bool = False  # after the list, or where there can be none
        self._wants_comma: bool = False
        self._in_string: bool = False
        self._escaped: bool = False
        self._taking: Taking = ""  # what is being taken down, and its text so far
        self._pieces: list[str] = []
        self._from = 0

    def feed(self, text: str) -> list[str]:
        """Return the texts of the elements that have become whole."""
        self._from = 0
        found = list(self._read(text))
        if self._taking:
            self._pieces.append(text[self._from :])
        return found

    def _read(self, text: str) -> Iterator[str]:
        at = 0
        while at < len(text) and not self._over:
            if self._in_string:
                at, ended = self._read_string(text, at)
                if ended:
                    yield from self._string_ended(text, at)
                continue
            token = _TOKEN.match(text, at)
            assert token is not None  # it matches any character
            at = token.end()
            if token[0][0] in f"{_SPACE},:]}}" and self._taking == "word":
                yield self._taken(text, token.start())
            self._begin(token[0], token.start())
            yield from self._structure(token[0], text, at)

    def _read_string(self, text: str, at: int) -> tuple[int, bool]:
        """Return where the string ends, or the text; and whether the string does."""
        if self._escaped:
            self._escaped = False
            at += 1
        while found := _IN_STRING.search(text, at):
            at = found.end()
            if found[0] == '"':
                self._in_string = False
                return at, True
            if at == len(text):
                self._escaped = True
            at += 1
        return len(text), False

    def _string_ended(self, text: str, at: int) -> Iterator[str]:
        if self._taking == "string":
            yield self._taken(text, at)
        elif self._taking == "name":
            self._string = self._taken(text, at)

    def _begin(self, token: str, at: int) -> None:
        """Take down what begins here, if it is an element or may be a name."""
        opens = token[0] not in f"{_SPACE},:]}}"
        if not opens or self._taking:
            return
        if self._depth == 0 and token not in "{[":
            self._over = True
        elif self._is_among_elements():
            self._over = self._wants_comma
            kind: Taking = "container" if token in "{[" else "word"
            self._take("string" if token == '"' else kind, at)
        elif self._depth == 1 and token == '"':
            self._take("name", at)

    def _structure(self, token: str, text: str, at: int) -> Iterator[str]:
        if token == '"':
            self._in_string = True
        elif token == ":":
            self._name = self._string if self._depth == 1 else self._name
            self._over = self._over or self._is_among_elements()
        elif token == "," and self._is_among_elements():
            self._over = not self._wants_comma
            self._wants_comma = False
        elif token in "{[":
            self._open(token)
        elif token in "}]":
            self._depth -= 1
            if self._taking == "container" and self._is_among_elements():
                yield self._taken(text, at)
            self._over = self._over or self._depth < max(self._level, 1)

    def _open(self, token: str) -> None:
        at_root = self._depth == 0 and self._key is None
        named = self._depth == 1 and self._key in {None, _value(self._name)}
        self._depth += 1
        if token == "[" and not self.found and (at_root or named):
            self.found, self._level = True, self._depth

    def _is_among_elements(self) -> bool:
        return self.found and self._depth == self._level

    def _take(self, what: Taking, at: int) -> None:
        self._taking, self._from = what, at

    def _taken(self, text: str, end: int) -> str:
        whole = "".join([*self._pieces, text[self._from : end]])
        self._wants_comma = self._taking != "name"
        self._taking, self._pieces = "", []
        return whole


def _value(string: str) -> object:
    try:
        return json.loads(string)
    except ValueError:
        return None


def partial(reply: Reply) -> Any:
    """Return the value so far, closed where it is open; None: there is none."""
    text = reply._document
    if (inner := unfenced(text, whole=False)) != text:  # and its last line, if it came
        text = _FENCE_END.split(inner, maxsplit=1)[0]
    found = _closed(text.strip())
    key = reply._expected.key if reply._expected else None
    return found.get(key) if key and isinstance(found, dict) else found


def _closed(text: str) -> Any:
    try:
        from jiter import from_json  # the SDKs of OpenAI and Anthropic bring it
    except ImportError:
        return _closed_by_us(text)
    try:
        data = text.encode("utf-8", "replace")
        return from_json(data, partial_mode="trailing-strings", allow_inf_nan=False)
    except ValueError:
        return None


def _closed_by_us(text: str) -> Any:
    reading = PartialJson()
    reading.feed(text)
    sure = reading.closed if reading.broken_at is None else ""
    return json.loads(sure) if sure else None
