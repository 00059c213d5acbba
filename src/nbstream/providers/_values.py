"""Take a value if it is what it should be, else an empty one."""

from collections.abc import Sequence
from typing import Any

__all__ = ["items", "number", "text"]


def items(value: object) -> Sequence[Any]:
    """Return a list as it is, and an empty one for anything else."""
    return value if isinstance(value, list | tuple) else ()


def text(value: object) -> str:
    """Return a string as it is, and "" for anything else."""
    return value if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """Return a whole number as it is, and None for anything else."""
    return value if type(value) is int else None
