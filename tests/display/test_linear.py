"""What it costs to show a text: no more than in proportion to it, whatever it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from nbstream.markdown import to_html, to_safe_markdown
from nbstream.markdown.rendering import Rendering

#: One line for each: what is said again and again, or a text of so many characters.
REPEATED = {
    "headings": "# a\n",
    "underlined": "a\n---\n",
    "underlined by an equals sign": "a\n===\n\n",
    "breaks": "---\n",
    "breaks of stars": "* * *\n",
    "paragraphs": "a\n\n",
    "lines": "word\n",
    "hard breaks": "a  \n",
    "blank lines": "\n",
    "lines that end with CR LF": "a\r\n",
    "lists": "- a\n* a\n",
    "items": "- a\n",
    "loose items": "- a\n\n",
    "numbers": "1. a\n",
    "numbers alone": "1.\n",
    "tasks": "- [ ] a\n",
    "nested lists": "- a\n  - b\n",
    "lists in each other": "- ",
    "lazy lines": "- a\nb\n",
    "quotes": "> a\n",
    "quotes apart": "> a\n\n",
    "quotes in each other": ">",
    "quotes in lists": "- > a\n",
    "alerts": "> [!NOTE]\n> a\n\n",
    "tables": "a|b\n-|-\n1|2\n\n",
    "tables without an end": "|a|b|\n|-|-|\n",
    "pipes": "a|",
    "colons": ":-:|",
    "fences": "```\na\n```\n",
    "fences that open": "```\n",
    "fences in lists": "- ```\n",
    "indented code": "    a\n",
    "stars": "*",
    "stars with words": "*a ",
    "stars in words": "**a",
    "stars and underscores": "*_",
    "stars on lines": "*a\n",
    "underscores": "_a ",
    "tildes": "~~a ",
    "three tildes": "~~~a",
    "backticks": "`a ",
    "backticks on lines": "`a\n",
    "unequal backticks": lambda size: "".join("`" * n + "a" for n in range(size))[
        :size
    ],
    "stars before a word": lambda size: "*" * size + "a",
    "underscores before a word": lambda size: "_" * size + "a",
    "spaces before a word": lambda size: " " * size + "a",
    "backslashes": "\\",
    "escapes": "\\*",
    "brackets": "[",
    "brackets on lines": "[a\n",
    "labels": "[a] ",
    "half links": "[a](b",
    "half links with spaces": "[a](                    ",
    "half titles": '[a](b "',
    "half addresses": "[a](<b",
    "links": "[a](http://b) ",
    "references": "[a][b] ",
    "half references": "[a][",
    "images": "![a](http://b) ",
    "half images": "![a](",
    "exclamation marks": "!",
    "definitions": "[a]: http://b\n\n",
    "half definitions": "[a]:\n",
    "definitions in a paragraph": "[a]: b\n",
    "late definitions": lambda size: (
        "".join(f"[a{n}]\n\n" for n in range(size // 25))
        + "".join(f"[a{n}]: http://b\n" for n in range(size // 25))
    ),
    "footnotes": "[^1]: a\n",
    "notes": "[^a] ",
    "addresses": "http://a.b/ ",
    "addresses in each other": "http://a",
    "addresses without a scheme": "www.a.b ",
    "mail": "a@b.c ",
    "half autolinks": "<http://a",
    "entities": "&amp;",
    "half entities": "&",
    "tags": "<b>a",
    "half tags": "<a ",
    "less than": "<",
    "blocks of HTML": "<div>\n",
    "folds": "<details>\n",
    "comments": "<!-- ",
    "line breaks": "<br>",
    "formulas in brackets": "\\[\n",
    "formulas in brackets that end": "\\[\na\n\\]\n",
    "formulas with an empty line": "\\[\na\n\n",
    "formulas that end in a line": lambda size: "\\[\n" * (size // 3) + "a\\]b\n",
    "formulas in dollars": "$$\n",
    "environments": "\\begin{a}\n",
    "dollars": "$a ",
    "dollars alone": "$",
    "dollars on lines": "$a\n",
    "parentheses": "\\(a ",
    "Chinese": "**重**",
    "half characters": "\ud800",
    "links as HTML": '<a href="b">c</a> ',
    "links as HTML in each other": "<a href=b>",
    "ends of links as HTML": "</a>",
    "half links as HTML": '<a href="b',
    "attributes": lambda size: "<a" + " b=c" * (size // 4),
    "quotes in tags": "<a b='c\" ",
    "images as HTML": "<img src=b alt=c> ",
    "half images as HTML": "<img src='",
    "half images of data": lambda size: f"<img src='data:b,{'c' * size}",
    "data": lambda size: f"data:a/b;base64,{'c' * size}",
    "half data": "data:a/b;base64,",
    "letters from the right": "א <b> ",
    "tables from the right": "א|ב\n-|-\n1|2\n\n",
    "lines of comments": "<!--\n",
    "half addresses of mail": "a@",
}
TEXTS: dict[str, Callable[[int], str]] = {
    name: unit if callable(unit) else lambda n, unit=unit: unit * (n // len(unit) + 1)
    for name, unit in REPEATED.items()
}
SIZE = 600


def work(function: Callable[[str], object], text: str) -> int:
    """Count the calls that a function makes: steadier than its time."""
    count = 0

    def note(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(note)
    try:
        function(text)
    finally:
        sys.setprofile(None)
    return count


def at_once(text: str) -> None:
    """Show a text that comes in one piece, as the live view does."""
    rendering = Rendering()
    rendering.feed(text)
    rendering.frame()
    rendering.finish()


WAYS = {"final": to_html, "Markdown": to_safe_markdown, "live": at_once}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_twice_the_text_is_at_most_twice_the_work(text: Callable[[int], str]) -> None:
    """However it is shown; what the first of a kind costs is let be."""
    for way in WAYS.values():
        way(text(100))
        once, twice = (work(way, text(size)) for size in (SIZE, 2 * SIZE))
        assert twice <= 2.6 * once + 1_000


@pytest.mark.parametrize(
    "line",
    ["word ", "> a\n", pytest.param("*a\n", marks=pytest.mark.place), "- a\n  b\n\n"],
)
def test_what_is_read_again_is_in_proportion(line: str) -> None:
    """One block that grows to be long, a frame for each hundred characters."""
    read = []
    for size in (10_000, 20_000):
        rendering, count = Rendering(), 0
        for at in range(0, size, 100):
            rendering.feed((line * 100)[at % len(line) :][:100])
            frame = rendering.frame()
            count += frame.tail_chars if frame else 0
        read.append(count)

    assert read[0] <= 32 * 10_000
    assert read[1] <= 2.6 * read[0]


def test_a_text_that_goes_on_is_shown_soon() -> None:
    """In an open block of usual length each frame shows what is new."""
    rendering = Rendering()
    for _ in range(180):
        rendering.feed("some words ")
        assert rendering.frame() is not None
