"""What a function's docstring says of the function, and of each of its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from nbstream.tools.extra import needed

__all__ = ["described"]


def described(function: Callable[..., object]) -> tuple[str, Mapping[str, str]]:
    """Return the description of a function, and those of its arguments by name.

    Google's, NumPy's, reST's and Epydoc's ways of writing are understood, by
    ``docstring_parser``. What the docstring says of results and errors stays out.
    """
    if not (written := inspect.getdoc(function)):
        return "", {}
    found = needed("docstring_parser").parse(written)
    texts = [found.short_description, found.long_description]
    arguments = {
        each.arg_name: " ".join(each.description.split())
        for each in found.params
        if each.description
    }
    return "\n\n".join(text for text in texts if text), arguments
