"""The parts of one answer, found again by the wire's numbers."""

from nbstream.reply.parts import Part, PartKind

__all__ = ["Numbered"]

_KINDS: tuple[PartKind, ...] = ("text", "reasoning", "refusal", "tool_call", "other")


class Numbered:
    """Parts keyed by the wire's own number, never by their place in a list.

    Two calls may grow at once, and numbers may start anywhere.

    Attributes:
        parts: All of them, in the order in which they began.
        hop: Which exchange of the stream it is; in each one numbers start again.
    """

    def __init__(self, choice: int) -> None:
        self.parts: list[Part] = []
        self.hop = 0
        self._choice = choice
        self._by_index: dict[tuple[int, int, PartKind], Part] = {}

    def find(self, index: int | None, kind: PartKind) -> Part | None:
        """Return the part of a kind that goes on; without a number, the newest one."""
        if index is not None:
            return self._by_index.get((self.hop, index, kind))
        if not self.parts:
            return None
        newest = self.parts[-1]
        return newest if newest.kind == kind and not newest.done else None

    def at(self, index: int | None) -> list[Part]:
        """Return the parts with a number, of any kind; without one, the newest part."""
        if index is None:
            return self.parts[-1:]
        found = (self._by_index.get((self.hop, index, kind)) for kind in _KINDS)
        return [part for part in found if part is not None]

    def new(self, kind: PartKind, index: int | None) -> Part:
        """Begin a part."""
        part = Part(kind, index, self._choice, self.hop)
        self.parts.append(part)
        if index is not None:
            self._by_index[self.hop, index, kind] = part
        return part

    def next_hop(self) -> None:
        """Begin a new exchange: numbers start again."""
        self.hop += 1
        if self.parts:
            self.parts[-1].done = True
