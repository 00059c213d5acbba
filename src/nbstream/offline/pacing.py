"""Say how long to wait before each piece of an answer."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nbstream.errors import UsageError
from nbstream.offline.talk import Frame

__all__ = ["Step", "check_speed", "paced", "speed_from_env"]

FIRST_TOKEN_S = 0.3
TOKENS_PER_S = 70
_SEED = 7


class Step(NamedTuple):
    """Wait so long, then send these bytes."""

    delay_s: float
    data: bytes


def paced(frames: Iterable[Frame], speed: float) -> Iterator[Step]:
    """Pace frames like a model: a wait for the first token, then about 70 a second.

    ``speed`` 2 is twice as fast; 0 is no waiting at all. The jitter comes from a
    seeded sequence, so that every run has the same delays.
    """
    jitter = random.Random(_SEED)
    waited = False
    for data, tokens in frames:
        if not speed or not tokens:
            yield Step(0.0, data)
        elif not waited:
            waited = True
            yield Step(FIRST_TOKEN_S / speed, data)
        else:
            spread = jitter.uniform(0.6, 1.4)
            yield Step(tokens * spread / TOKENS_PER_S / speed, data)


def check_speed(speed: float) -> float:
    """Return the speed, or say what is wrong with it."""
    if not (math.isfinite(speed) and speed >= 0):
        raise UsageError(f"speed {speed!r} is not a number from 0 (no waiting) upwards")
    return speed


def speed_from_env() -> float:
    """Read ``NBSTREAM_SPEED``: 0 is no waiting, 1 (or nothing) a model's pace."""
    text = os.environ.get("NBSTREAM_SPEED", "").strip() or "1"
    try:
        return check_speed(float(text))
    except ValueError:
        raise UsageError(
            f"NBSTREAM_SPEED={text!r} is not a number, such as 0"
        ) from None
