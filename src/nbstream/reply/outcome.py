"""How a stream ended, and when."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Outcome", "Timing", "Waiting"]

Outcome: TypeAlias = Literal["running", "complete", "stopped", "truncated", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When things happened, in seconds since nbstream was handed the stream.

    This misses the connection and the headers where the SDK had opened the stream
    before (OpenAI, Anthropic, Interactions): give a callable to see them too.
    None: it did not happen.
    """

    first_event_s: float | None
    first_text_s: float | None
    end_s: float


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
