"""Lay out JSON that is still arriving as it will stand, and say how it stands now."""

import json
import re

from nbstream.screens.json_layout import Layout

__all__ = ["laid_out", "standing"]

#: What may be missing only its end: a string, an escape in it, a word, a number.
_HALF = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\.)*\\?|\\?(?:u[0-9a-fA-F]{0,4})?|-|\.|\.?\d*[eE][+-]?'
    r"|t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?|\s*"
)


def standing(fragment: str) -> str:
    """Tell what JSON is that may go on: ``open``, ``valid`` as it is, or ``invalid``.

    ``invalid`` means that nothing which may follow makes it valid.
    """
    try:
        json.loads(fragment, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        is_half = _HALF.fullmatch(fragment[error.pos :])
        is_control = error.msg.startswith("Invalid control")  # a line's end in a string
        return "open" if is_half and not is_control else "invalid"
    except (ValueError, RecursionError):
        return "invalid"
    return "valid"


def _refuse(name: str) -> None:
    raise ValueError(name)


def laid_out(fragment: str) -> str:
    """Return the beginning of a JSON text, indented, with nothing added or closed.

    So the arguments of a call stand still while they fill in: when the last brace
    arrives, nothing but that brace is new.
    """
    layout = Layout()
    return layout.feed(fragment) + layout.finish()
