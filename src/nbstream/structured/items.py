"""The elements of the list in an answer, each as soon as it is whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from nbstream.errors import SchemaFailure, UsageError
from nbstream.structured.elements import Elements
from nbstream.structured.shape import AnyJson, Shape

if TYPE_CHECKING:
    from nbstream._live import Live
    from nbstream.reply import Choice, Reply

__all__ = ["Items"]

#: How often the next element is looked for, in seconds.
LOOK_S = 0.01


class Items:
    """The elements of an answer's list, in order, for a ``for`` or ``async for``.

    It waits while the answer grows in the background, and raises at its end what
    ``live.result()`` raises. Leaving the loop early does not stop the stream. Of a
    reply that nobody plays in the background, it gives what is whole by now.
    """

    def __init__(self, reply: Reply, live: Live | None) -> None:
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
        expected = reply.expected
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
            text = choice.document_of(self._hop)
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
        if reply.answered and reply.parsed is None and not self._elements.found:
            msg = f"this answer has no JSON list: it begins {reply.text[:40]!r}"
            raise UsageError(msg)
