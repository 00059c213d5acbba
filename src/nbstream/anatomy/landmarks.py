"""Find the steps that one wants to see: the first token, each tool call, the end."""

from __future__ import annotations

from collections.abc import Iterable

from nbstream.anatomy.steps import Step
from nbstream.types import Failure, Finish, TextDelta, TextDone

__all__ = ["landmarks"]


def landmarks(steps: Iterable[Step]) -> dict[str, int]:
    """Return the numbers of the steps, by name, in the order of the stream."""
    found: dict[str, int] = {}
    for step in steps:
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
                found.setdefault(f"tool call {int(key[2]) + 1}: {name}", step.number)
    return found
