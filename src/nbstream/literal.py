"""Warn of a key that stands in a cell, where it would be saved and shared."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping

from nbstream.redact import is_secret, redact

__all__ = ["secrets_in", "warn", "warn_of_literal", "warn_of_text"]

_WARNING = (
    "a key stands in this cell, and would be saved with the notebook and its history: "
    "take it out, and put it in the environment with getpass.getpass()"
)


def warn_of_literal(key: str | None, options: Mapping[str, object]) -> None:
    """Warn if a key is written out in the cell that runs.

    ``options`` are the call's further arguments: a key may be in a header, too.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    cells = shell.user_ns.get("In") if shell else None
    keys = filter(None, [key, *secrets_in(options)])
    if cells and any(each in cells[-1] for each in keys):
        warn()


def warn_of_text(text: str) -> None:
    """Warn if the text of a cell has what looks like a key."""
    if redact(text) != text:
        warn()


def warn() -> None:
    """Say that a key stands in the cell.

    Without the line it stands in, which Python adds to a warning of a usual place.
    """
    warnings.warn_explicit(_WARNING, UserWarning, "<the cell>", 1)


def secrets_in(value: object, name: str = "") -> Iterator[str]:
    """Yield the texts whose name says that they are secret, however deep."""
    if isinstance(value, Mapping):
        for each, inner in value.items():
            deeper = str(each) if not is_secret(name) else name
            yield from secrets_in(inner, deeper)
    elif isinstance(value, str) and value and is_secret(name):
        yield value
