"""Each lexer that is asked for colours: no line keeps it busy for long.

Pygments' lexers are patterns, and some need seconds for some hundred characters. So
those in ``LEXERS`` were found by this search: lines as long as a lexer may get, of a
character, two or a token again and again, behind what opens something. It is for a new
release of Pygments, and for a language to be added: a string of backslashes in Scala
takes for ever, for instance.
"""

from __future__ import annotations

import re
import time
from itertools import permutations, product

import pytest

from nbstream.markdown.code import LEXERS, LONGEST_LINE, OpenCode

pytestmark = pytest.mark.place

MARKS = "\"'/*<($\\=:{ a0"
TOKENS = (
    "a. a:: 0x 1e 0. ${ #{ {{ {% <<< <!-- /**/ --[ [[ (( \\\\ a( a, @a <a><b> aA a_ "
    "&a; %a =begin a<b a* a\"b a'b a:b [a]( a-b ]= <% ?> <? 1.1 a1 => -> ~a a?"
)
WORDS = "a *a a: - # <a a= if def function"
UNITS = [
    *map(chr, range(32, 127)),
    *map("".join, permutations(MARKS, 2)),
    *TOKENS.split(" "),
    *(f"{word} " for word in WORDS.split(" ")),
]
OPENED = ["", '"', "<a "]
#: For the longest line: then 100,000 characters take no more than some seconds.
MOST_S = 0.025


def took_s(name: str, line: str) -> float:
    """Return how long a line takes, at best."""
    took = []
    for _ in range(3):
        code = OpenCode(name)
        began = time.process_time()
        code.add([line])
        took.append(time.process_time() - began)
        if took[-1] <= MOST_S:
            break
    return min(took)


@pytest.mark.parametrize("name", sorted(LEXERS))
def test_no_line_keeps_a_lexer_busy(name: str) -> None:
    """Whatever is said in it again and again."""
    assert "highlight" in str(OpenCode(name))
    for opened, unit in product(OPENED, UNITS):
        line = (opened + unit * LONGEST_LINE)[: LONGEST_LINE - 1] + "\n"
        assert took_s(name, line) <= MOST_S, (name, opened, unit)


@pytest.mark.parametrize("name", sorted(LEXERS))
@pytest.mark.parametrize("line", ["\n", "/\n", "{\n", "(\n", "'\n", "/*\n", "- a\n"])
def test_no_block_keeps_a_lexer_busy(name: str, line: str) -> None:
    """Of short lines, also where each opens something."""
    code = OpenCode(name)
    began = time.process_time()
    code.add([line] * (100_000 // len(line)))

    assert time.process_time() - began <= 1
    assert re.sub("<[^>]*>", "", str(code)).count("\n") > 20_000
