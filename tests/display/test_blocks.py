"""Blocks: a growing text is split the same way whatever pieces it comes in."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream.markdown.blocks import LEAST, Splitter


def split(*pieces: str, least: int = LEAST) -> tuple[list[str], str]:
    """Split a text that comes in these pieces, and is looked at after each."""
    splitter = Splitter(least=least)
    for piece in pieces:
        splitter.feed(piece)
        assert splitter.closed is not None
    return list(splitter.closed), splitter.tail


# What it shows: (the text, with "@" where one block ends and the next begins; the last
# one is the tail).
SPLIT = {
    "nothing": "",
    "an incomplete line": "# a",
    "a heading is closed by the next block": "# a\n@b\n",
    "an incomplete line closes nothing": "# a\nb",
    "blank lines belong to the block before": "a\n\n\n@b\n",
    "a blank line alone closes nothing": "a\n\n",
    "a paragraph may become a heading": "a\nb\n",
    "a heading by its underline": "a\nb\n===\n@c\n",
    "a break, not an underline": "a\n\n@---\n@b\n",
    "a list goes on over blank lines": "- a\n\n- b\n\n  c\n\n@d\n",
    "nested lists": "1. a\n   - b\n     - c\n\n       d\n2. e\n\n@f\n",
    "another marker is another list": "- a\n@* b\n@1. c\n@2) d\n",
    "a lazy line": "> a\nb\n\n@c\n",
    "a lazy line in a list": "- a\nb\n@# c\n",
    "a table": "| a |\n|---|\n| b |\n\n@c\n",
    "a table's head is not known before its next line": "x\n\n@| a |\n",
    "a heading that turns out to be a table's head": "x\n\n@# a | b\n---|---\n",
    "a fence that turns out to be a table's head": "``` a | b\n---|---\n@```\nx\n",
    "a fence": "```py\n# a\n\nb\n```\n@c\n",
    "a fence is closed by its last line": "```\na\n```\n@",
    "a long fence": "````\n```\na\n```\n````\n@b\n",
    "a fence of tildes": "~~~ `\n```\n~~~\n@",
    "an open fence": "# a\n@```\nb\n\n# c\n",
    "a fence does not close with words": "```\n``` a\n```\n@",
    "a fence in a list": "- ```\n  a\n\n  b\n  ```\n- c\n\n@d\n",
    "an open fence in a list ends with the list": "- ```\n  a\n\n@b\n",
    "code by its indent": "    a\n\n    b\n\n@c\n",
    "code by a tab": "\ta\n\n\tb\n@c\n",
    "HTML is a paragraph": "<section>\n\n@b\n\n@</section>\n",
    "what groups is no block": "<div>\n\nb\n\n@</div>\n",
    "a comment is no block": "<!-- a\n\nb -->\n",
    "an open comment closes nothing": "a\n\n@<!-- b\n\nc\n\nd\n",
    "a comment goes with the block behind": "a\n@<!-- b\n\nc -->\nd\n@# e\n",
    "what folds goes on to its end": "<details>\n\n# a\n\nb\n",
    "what folds ends": "<details><summary>a</summary>\n\nb\n\n</details>\n@c\n",
    "what folds ends in its line": "<details>\na\nb</details>\n@c\n",
    "what folds in what folds": "<details>\n<details>\n</details>\na\n</details>\n@b\n",
    "a footnote goes on where it is indented": "[^a]: b\n\n    c\n\n@d\n",
    "footnotes": "[^a]: b\n@[^c]: d\n",
    "an alert": "> [!NOTE]\n> a\n\n@b\n",
    "a formula reads on over anything": "$$\na\n# b\n- c\n",
    "a formula ends": "$$\na\n# b\n$$\n@c\n",
    "a blank line is no end of a formula": "$$\na\n\nb\n",
    "one with a blank line ends": "\\[\na\n\nb\n\\]\n@c\n",
    "Markdown behind one ends the hope for a formula": "$$\na\n\n@# b\n",
    "prose behind one does": "$$\na\n\n@It is so.\n",
    "a formula in brackets": "\\[\na\n- b\n\\]\n@c\n",
    "an environment": "\\begin{a}\n# b\n\\end{a}\n@c\n",
    "what is in a fence is no formula": "```\n$$\n```\n@a\n\n@b\n",
    "definitions go with the block behind": "a\n\n@[b]: http://c\n\nd\n\n@e\n",
    "definitions alone": "a\n\n@[b]: http://c\n[d]: http://e\n",
    "a definition over lines": "a\n\n@[b]:\nhttp://c\n'd\ne'\n\nf\n",
    "a label over a heading": "# x\n@[a\n===\nb]: http://c\n",
    "a title over a heading": '# x\n@[a]: http://b\n"c\n===\nd"\n',
    "lines that end with CR LF": "a\r\n\r\n@- b\r\n- c\r\n\r\n@d\r\n",
    "lines that end with CR": "a\r\r@- b\r@# c\rd",
    "half an end of a line": "# a\r\nb\r",
}


@pytest.mark.parametrize("marked", SPLIT.values(), ids=SPLIT)
def test_split(marked: str) -> None:
    """What is closed is what nothing to come can change; whole or by characters."""
    *closed, tail = marked.split("@")
    text = "".join([*closed, tail])

    assert split(text) == (closed, tail)
    assert split(*text) == (closed, tail)


#: Lines that change what lines before them are, by what they do it with.
FAMILIES = {
    "lists": ["- a", "  b", "1. b", "   c", "  - d", "-", "  ```", "    e", "> f"],
    "fences": ["```", "```py", "~~~", "````", "``` a | b", "   ```", "- ```", "  ```"],
    "tables": ["a | b", "---|---", "# a | b", "| c", "- a | b", "> a | b", "```", "x"],
    "formulas": ["$$", "x", "# h", "$$ x", "x $$", "- $$", "> $$", "\\[", "\\]", "```"],
    "labels": ["[a", "===", "b]: http://y", "c", "- d"],
    "titles": ["[a]: http://x", '"t', 't"', "    c", "===", "c"],
    "others": [
        "# h",
        "***",
        "---",
        "<div>",
        "<!-- x",
        "-->",
        "<details>",
        "<summary>x</summary>y",
        "z</details>",
        "[^x]: y",
        "> [!TIP]",
        "\ta",
        "    b",
        "\x0b",
        "😀",
    ],
}
LINES = st.sampled_from([[*lines, "", "a"] for lines in FAMILIES.values()]).flatmap(
    lambda lines: st.lists(st.sampled_from(lines), max_size=9)
)
ALL_LINES = sorted({line for lines in FAMILIES.values() for line in lines})
TEXTS = st.builds(
    lambda lines, end, last: end.join(lines) + end * last,
    st.one_of(LINES, st.lists(st.sampled_from(ALL_LINES), max_size=9)),
    st.sampled_from(["\n", "\n", "\r\n", "\r"]),
    st.integers(0, 2),
)


#: As SPLIT, where a piece has at least five characters.
PIECES = {
    "items": "- ab\n@- c\n- d\n@- e\n",
    "not before there is enough": "- a\n- b\n",
    "items with more in them": "1. a\n   - b\n\n     c\n@7. d\n\n@e\n",
    "another list": "- abc\n@* d\n* e\n@* f\n",
    "a list in an item is not cut": "- a\n  - bcd\n  - efg\n@- h\n",
    "a fence in an item": "- ```\n  - abc\n  ```\n@- d\n",
    "rows": "a | b\n--|--\nc | d\n@e | f\n@g | h\n\n@i\n",
    "a table is not cut from its head": "abc | def\n--|--\ng\n@h\n",
    "a formula that may not be one": "- abc\n$$\n- d\n",
    "a formula that is none": "- abc\n$$\n@- d\n\n@# e\n",
}


@pytest.mark.parametrize("marked", PIECES.values(), ids=PIECES)
def test_a_list_or_a_table_is_closed_in_pieces(marked: str) -> None:
    """From item to item and from row to row; whole or by characters the same."""
    *closed, tail = marked.split("@")
    text = "".join([*closed, tail])

    assert split(text, least=5) == (closed, tail)
    assert split(*text, least=5) == (closed, tail)


@settings(deadline=None, max_examples=400)
@given(
    text=TEXTS,
    places=st.lists(st.integers(0, 60), max_size=6),
    least=st.sampled_from([LEAST, 1, 8]),
)
def test_any_cut_of_any_text_gives_the_same_blocks(
    text: str, places: list[int], least: int
) -> None:
    """However it is cut; and the blocks and the tail are the text."""
    closed, tail = split(text, least=least)
    ends = [0, *sorted(min(at, len(text)) for at in places), len(text)]
    pieces = [text[a:b] for a, b in pairwise(ends)]

    assert "".join([*closed, tail]) == text
    assert split(*text, least=least) == (closed, tail)
    assert split(*pieces, least=least) == (closed, tail)


@pytest.mark.parametrize("line", ["- one item\n", "| a | b |\n"])
def test_a_long_list_or_table_costs_what_its_text_costs(line: str) -> None:
    """Only its last piece is parsed again, however long it is."""
    began = time.process_time()
    closed, _ = split("| x | y |\n|---|---|\n", *[line * 25] * 200)

    assert len(closed) > 20
    assert time.process_time() - began < 6


def test_an_open_fence_is_never_parsed_again() -> None:
    """Only its closing line is looked for: it costs what its text costs."""
    began = time.process_time()
    closed, tail = split("```py\n", *["x = 1\n"] * 20_000, "```\n", "a\n")

    assert (len(closed), tail) == (1, "a\n")
    assert time.process_time() - began < 4


def test_a_long_line_is_read_in_linear_time() -> None:
    """A line without an end is not searched from each of its characters."""
    began = time.process_time()
    splitter = Splitter()
    for _ in range(100):
        splitter.feed("a" * 10_000)
        assert splitter.closed == []

    assert time.process_time() - began < 2
