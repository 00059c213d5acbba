"""Lay out JSON that is still arriving as ``json.dumps(..., indent=2)`` would."""

import json
import re

__all__ = ["laid_out"]

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL
)


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
