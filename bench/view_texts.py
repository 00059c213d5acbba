"""The texts of ``bench_view``: as models write them, with a number every few words.

``m17`` and its like are the marks by which a page tells how far it has come. A text of
any size begins with ``m0``, so that the first delta already has one.
"""

import re
from itertools import count

__all__ = ["DELTA", "TEXTS", "marks", "text_of"]

#: How many characters a delta has.
DELTA = 4
_MARK = re.compile(r"\bm(\d+)\b")
_PARAGRAPH = (
    "@ streams arrive in small *pieces*, @ each with a `name` or two, and @ **nobody** "
    "knows how long the answer @ gets until it [ends](https://example.org/) @ at last; "
    "the best is @ to show what is there, @ and to leave alone what stands.\n\n"
)
_ITEM = "- @ one thing that is *worth* `saying` @ about it\n"
_ROW = "| @ | some words @ | `code` @ | **1.5** |\n"
_HEAD = "| @ | b | c | d |\n|---|---|--:|---|\n"
_CODE = 'value_@ = f"{left!r}" + 17  # @ what it is for\n'
_FENCE = f"```python\n{_CODE * 12}```\n\n"
_MATHS = "@ the sum is $x_1 + \\frac{1}{2}$, @ and\n\n$$\\int_0^1 x\\,dx = 1$$\n\n"
_PROSE = (
    f"{_PARAGRAPH}## @ A heading\n\n{_PARAGRAPH}{_ITEM * 6}\n{_HEAD}{_ROW * 8}\n"
    f"{_PARAGRAPH}{_FENCE}{_MATHS}> @ what was said @ by somebody\n\n"
)
#: For each kind of text: how it begins, and what comes again and again. Prose has
#: formulas, which the host typesets, the same ones again and again; words have none.
TEXTS = {
    "prose": ("@ ", _PROSE),
    "words": ("@ ", _PROSE.replace(_MATHS, "")),
    "list": ("@ begins.\n\n", _ITEM),
    "table": (f"@ begins.\n\n{_HEAD}", _ROW),
    "code": ("@ begins.\n\n```python\n", _CODE),
}


def text_of(kind: str, size: int) -> str:
    """Return nearly ``size`` characters of one kind; a mark ends it."""
    begin, again = TEXTS[kind]
    numbers = count()
    text = begin + again * (size // len(again) + 1)
    text = re.sub("@", lambda _: f"m{next(numbers)}", text)
    ends = [found.end() for found in _MARK.finditer(text) if found.end() <= size]
    return text[: ends[-1]]


def marks(text: str) -> dict[int, int]:
    """Return for each mark which delta completes it."""
    return {int(found[1]): (found.end() - 1) // DELTA for found in _MARK.finditer(text)}
