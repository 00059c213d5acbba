"""Fill the notebook's variables into a prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nbstream.errors import UsageError

__all__ = ["fill"]

_FIELD = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")


def fill(text: str, variables: Mapping[str, object]) -> str:
    """Replace each ``{{name}}`` by the variable of that name, and nothing else.

    Single braces, dollars and LaTeX stay as they are.

    Raises:
        UsageError: a name is no variable; the message lists all that are missing.
    """
    names = dict.fromkeys(_FIELD.findall(text))
    if missing := [name for name in names if name not in variables]:
        listed = ", ".join("{{" + name + "}}" for name in missing)
        msg = f"no variable for {listed}: define it, or write single braces"
        raise UsageError(msg)
    return _FIELD.sub(lambda found: str(variables[found[1]]), text)
