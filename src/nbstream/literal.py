"""Warn of a key that stands in a cell, where it would be saved and shared."""

from __future__ import annotations

import sys
import warnings

from nbstream.redact import redact

__all__ = ["warn_of_literal", "warn_of_text"]

_WARNING = (
    "a key stands in this cell, and would be saved with the notebook and its history: "
    "take it out, and put it in the environment with getpass.getpass()"
)


def warn_of_literal(key: str | None) -> None:
    """Warn if a key is written out in the cell that runs."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if key and ipython else None
    cells = shell.user_ns.get("In") if shell else None
    if key and cells and key in cells[-1]:
        warnings.warn(_WARNING, UserWarning, stacklevel=3)


def warn_of_text(text: str) -> None:
    """Warn if the text of a cell has what looks like a key."""
    if redact(text) != text:
        warnings.warn(_WARNING, UserWarning, stacklevel=3)
