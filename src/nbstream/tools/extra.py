"""Import what only tools need, or say how to get it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nbstream.errors import UsageError

__all__ = ["needed"]


def needed(package: str, what: str = "tools") -> Any:
    """Import a package of the extra ``tools``; ``what`` is what needs it.

    Raises:
        UsageError: it is not installed; the message says how to get it.
    """
    try:
        return import_module(package)
    except ImportError as error:
        pip = package.replace("_", "-")
        msg = f"{what} need a package that is not installed: %pip install {pip}"
        raise UsageError(msg) from error
