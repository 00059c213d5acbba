"""Read ``--option key=value``."""

from __future__ import annotations

import json
from collections.abc import Iterable

from nbstream.errors import UsageError

__all__ = ["values"]


def values(given: Iterable[str]) -> dict[str, object]:
    """Return the options; a value is JSON where it can be, else text.

    Raises:
        UsageError: one is no ``key=value``, or gives a key to the service.
    """
    found: dict[str, object] = {}
    for option in given:
        name, equals, text = option.partition("=")
        if name == "api_key":
            msg = "--option api_key would be saved with the cell: use the environment"
            raise UsageError(msg)
        if not equals or not name.isidentifier():
            msg = f"--option needs key=value, got {option!r}; such as --option seed=3"
            raise UsageError(msg)
        found[name] = _value(text)
    return found


def _value(text: str) -> object:
    bare = text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text
    try:
        return json.loads(bare)
    except ValueError:
        return bare
