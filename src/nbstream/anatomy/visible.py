"""Make bytes and texts visible: line ends, control characters, pieces of characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["CUT", "code", "excerpt", "raw_text", "visible"]

#: Stands where a read from the network ended.
CUT = "┃"
#: What is invisible, or turns the reading direction; not the two joiners, U+200C and
#: U+200D, without which some scripts and emoji fall apart.
_ODD = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]"
)
#: JupyterLab takes this for a place of a formula, in code too.
_SPLICED = re.compile(r"@@(?=\d+@@)")
_PICTURES = {**{chr(n): chr(0x2400 + n) for n in range(32)}, "\x7f": "␡", "\n": "↵"}


def visible(text: str) -> str:
    """Return the text with a sign for whatever cannot be seen."""
    return _ODD.sub(_sign, text)


def _sign(odd: re.Match[str]) -> str:
    char = odd[0]
    if "\udc80" <= char <= "\udcff":  # a byte that is no UTF-8
        return f"⟨{ord(char) - 0xDC00:02X}⟩"
    return _PICTURES.get(char) or f"⟨U+{ord(char):04X}⟩"


def raw_text(data: bytes, places: Sequence[int] = ()) -> str:
    """Return bytes as text, with a mark at each place; a cut character shows its bytes.

    The places are counted from the beginning of ``data``.
    """
    edges = [0, *places, len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    return CUT.join(visible(each.decode("utf-8", "surrogateescape")) for each in pieces)


def excerpt(text: str, length: int) -> str:
    """Return a text of at most that length: its beginning, its end, and its cuts."""
    if len(text) <= length:
        return text
    at = text.find(CUT)
    if at < 0:
        head = length * 3 // 5
        return f"{text[:head]} … {text[head - length :]}"
    half = length // 2
    begin = max(0, min(at - half, len(text) - length))
    end = begin + length
    before, after = "… " if begin else "", " …" if end < len(text) else ""
    return f"{before}{text[begin:end]}{after}"


def code(text: str) -> str:
    """Return one line as Markdown's code, for the cell of a table too.

    Nothing in it is read as markup, by any tool: no link, no HTML, no formula.
    """
    text = _SPLICED.sub("@ @", visible(text)).replace("|", "\\|")
    if not text.strip():
        return "" if not text else f"`{'·' * len(text)}`"
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{fence}{pad}{text}{pad}{fence}"
