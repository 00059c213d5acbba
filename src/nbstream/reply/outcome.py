"""How a stream ended, and what it waits for."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Outcome", "Waiting"]

Outcome: TypeAlias = Literal["running", "complete", "stopped", "truncated", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A wait before the same request is sent again.

    Attributes:
        until_s: When it ends, in seconds of ``time.monotonic()``.
        why: What went wrong, in one line.
        attempt: Which retry this will be, from 1.
        attempts: How many there may be.
    """

    until_s: float
    why: str
    attempt: int
    attempts: int
