"""A stream's steps, one after the other, and what had been accumulated at each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import overload

from nbstream._reader import Reader
from nbstream.lab.anatomy.growth import Growth, Section, apply
from nbstream.lab.anatomy.steps import Step, steps, whole_reads
from nbstream.reply import Reply
from nbstream.reply.wire import Read, Wire
from nbstream.types import Failure, Finish, TextDelta, TextDone

#: After so many steps a snapshot is kept.
STRIDE = 128


class Walk(Sequence[Step]):
    """A stream's steps: look at them by number.

    Attributes:
        api: The wire API, such as ``"openai.chat"``; "" if nothing told it.
        data: The body of the response, as it came.
        reads: What each read from the network gave, one after the other.
        reply: What it all adds up to, ended as the stream ended, or still running.
        steady: Whether the times are those of a recording. Others differ from run to
            run, and so are not in the table.
        sections: What is accumulated, in the order in which it is shown.
    """

    def __init__(
        self,
        data: bytes,
        reads: Sequence[Read] = (),
        *,
        api: str = "",
        stopped: bool = False,
        exception: BaseException | None = None,
        running: bool = False,
        steady: bool = True,
    ) -> None:
        self.data = data
        self.steady = steady
        self.reads = whole_reads(data, reads)
        self.reply = Reply(api)
        reader, growth = Reader(self.reply), Growth(self.reply)
        self._steps = tuple(steps(data, self.reads, reader, growth))
        pieces = ((each.time_s, data[each.offset : each.end]) for each in self.reads)
        self.reply.wire = Wire(pieces)  # not step by step, as it was read here
        if not running:
            self.reply._end(stopped=stopped, exception=exception)
        #: What the end of the stream changed: the outcome, calls left unfinished.
        self.last = growth.finish()
        self.api = self.reply.api
        self.sections: tuple[Section, ...] = tuple(growth.sections())
        self._snapshots: list[dict[str, str]] = [{}]

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, index: int | slice) -> Step | tuple[Step, ...]:
        return self._steps[index]

    def __iter__(self) -> Iterator[Step]:
        return iter(self._steps)

    def raw(self, step: Step) -> bytes:
        """Return the bytes of a step."""
        return self.data[step.start : step.end]

    def at(self, count: int) -> dict[str, str]:
        """Return what has been accumulated after so many steps, by section's key.

        ``at(0)`` is before anything came; ``at(len(anatomy) + 1)`` is after the
        stream had ended.

        Raises:
            IndexError: there are not so many steps.
        """
        if not 0 <= count <= len(self) + 1:
            msg = f"there are {len(self)} steps, so count is 0 to {len(self) + 1}, "
            raise IndexError(f"{msg}not {count!r}")
        steps = min(count, len(self))
        while len(self._snapshots) <= steps // STRIDE:
            self._snapshots.append(self._replayed(len(self._snapshots) * STRIDE))
        texts = self._replayed(steps)
        return apply(texts, self.last) if count > len(self) else texts

    def _replayed(self, count: int) -> dict[str, str]:
        nearest = min(count // STRIDE, len(self._snapshots) - 1)
        texts = self._snapshots[nearest]
        changes = (c for s in self._steps[nearest * STRIDE : count] for c in s.changes)
        return apply(texts, changes)

    def after_bytes(self, count: int) -> int:
        """Return how many steps are whole after so many bytes."""
        return bisect_right(self._steps, count, key=self._ready)

    def _ready(self, step: Step) -> int:
        return len(self.data) + 1 if step.ready is None else step.ready

    @property
    def landmarks(self) -> dict[str, int]:
        """The steps to jump to, by name; their numbers, from 1."""
        found: dict[str, int] = {}
        for step in self:
            for event in step.events:
                match event:
                    case TextDelta() | TextDone() if event.text:
                        is_thought = event.kind == "reasoning"
                        name = "first reasoning" if is_thought else "first token"
                        found.setdefault(name, step.number)
                    case Finish():
                        found["finish"] = step.number
                    case Failure():
                        found.setdefault("failure", step.number)
                    case _:
                        pass
            for change in step.changes:
                key = change.key.split("/")
                if key[1:2] == ["call"] and len(key) == 3 and not change.dropped:
                    name = change.added.partition(" · ")[0]
                    found.setdefault(
                        f"tool call {int(key[2]) + 1}: {name}", step.number
                    )
        return found
