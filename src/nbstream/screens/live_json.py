"""Lay out JSON that is still arriving as it will stand, and say how it stands now."""

import json
import re

__all__ = ["laid_out", "standing"]

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL
)

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
    out: list[str] = []
    depth, gap, opened = 0, "", False
    for found in _TOKEN.finditer(fragment):
        token = found[0]
        if token in "}]":
            depth = max(depth - 1, 0)
            gap = "" if opened else _line(depth)
        elif token in ",:":
            gap = ""
        out += [gap, _plain(token)]
        opened = token in "{["
        if opened:
            depth += 1
        gap = _line(depth) if token in "{[," else " " if token == ":" else ""
    return "".join(out)


def _line(depth: int) -> str:
    return "\n" + "  " * depth


def _plain(token: str) -> str:
    """Write a whole string as ``json.dumps`` does: an escaped é becomes an é."""
    if "\\" not in token:
        return token
    try:
        return json.dumps(json.loads(token, strict=False), ensure_ascii=False)
    except ValueError:
        return token
