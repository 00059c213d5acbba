"""Rendering: frames add up to the final HTML, and what was shown stays."""
# ruff: noqa: RUF001 - some of the samples are Japanese

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise

import pytest
from harness.frames import directed, expand
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream.markdown import to_html
from nbstream.markdown.blocks import LEAST
from nbstream.markdown.html import SHORT, shorten
from nbstream.markdown.rendering import Frame, Rendering, cut_html

FOOT = "</code></pre>\n"


class Page:
    """What a browser does with frames."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self.line = ""

    def apply(self, frame: Frame) -> None:
        """Change the blocks as the docstring of ``Frame`` says."""
        if frame.code is not None:
            shown = self.blocks[-1].removesuffix(self.line + FOOT)
            self.blocks[-1] = shown + frame.code + FOOT
        for index, html in frame.replaced:
            self.blocks[index] = html
        kept, changed = self.blocks[: frame.at], list(frame.html)
        if frame.keep:
            before = self.blocks[frame.at].encode("utf-16-le")[: 2 * frame.keep]
            changed[0] = before.decode("utf-16-le") + changed[0]
        self.blocks = kept + changed
        if frame.line:
            shown = self.blocks[-1].removesuffix(FOOT)
            self.blocks[-1] = shown + frame.line + FOOT
        self.line = frame.line


def play(*pieces: str, images: bool = False, least: int = LEAST) -> list[list[str]]:
    """Return the blocks after each frame, as a page has them."""
    rendering, page, shown = Rendering(images=images, least=least), Page(), []
    for piece in pieces:
        rendering.feed(piece)
        if frame := rendering.frame():
            page.apply(frame)
        shown.append(list(page.blocks))
    last = rendering.finish()
    page.apply(last)
    assert page.blocks == rendering.blocks
    assert last.closed == len(page.blocks)
    return [*shown, page.blocks]


SAMPLES = {
    "headings": "# One *x*\n\nTwo\n===\n\n### Three ###\n\nFour\n---\n\nText\n",
    "emphasis": "Some **bold *both*** *it*, ~~gone~~, __x__, 2*3, 2**n, a_b_c.\n",
    "links": 'A [b *x*](https://a.org/b?d=(e) "t"), <https://a.org/x>, [no] [x]y.\n',
    "images": "An ![image *x*](https://a.org/y.png) and an! exclamation!\n",
    "characters": "AT&T &amp; &#169; \\* \\_ a < b <b>x</b> 10 $ 日本**語**😀\n",
    "code": "`a*b` and ``c ` d`` and `e\nf` and\n\n    indented\n\n    code\n",
    "breaks": "hard  \nbreak\\\nand soft\nline\n\n***\n\n- - -\n",
    "lists": "- a **b\n  c** d\n- e\n  1. f\n  2. g\n\n     h\n\n- [ ] i\n- [x] j\n",
    "a loose list": "1. a\n2. b\n\n3. c\n\nd\n",
    "quotes": "> a **b\n> c** d\nlazy\n> > deep\n>\n> - e\n\nf\n",
    "a table": "x\n\n| a | b |\n|---|:-:|\n| **c** | `d` |\n| [e](http://f) | | h\n",
    "not a table": "| a | b |\nc\n\n|d| is e.\n",
    "a fence": "```python\ndef f():\n    '''a\n    b'''\n    return 1 < 2  # 😀\n```\n",
    "an open fence": "a\n\n~~~\nb\n\n# c",
    "a comment in code": "```js\n/** a\n * if b\n */\nlet c = `d\ne`;\n```\n",
    "a fence in a fence": "````md\n```py\nx\n```\n````\ny\n",
    "a fence in a list": "1. a:\n   ```bash\n   ls\n   ```\n2. b\n",
    "an indented fence": "  ```\n  a\n \tb\n    c\n  ```\n",
    "formulas": "$x^2$ and \\(y_1\\), $5 and $6.\n\n$$\na\n= b\n$$\n\n\\[\n- z\n\\]\n",
    "environments": "\\begin{align}\na &= b \\\\\n\\end{align}\n\n$$x$$ \\\\[2pt]\n",
    "definitions first": "[a]: https://a.org\n\nSee [a] and [b][a].\n",
    "footnotes": "x [^1] y\n\n[^1]: The note.\n",
    "breaks in cells": "| a |\n|---|\n| b<br>c<br />d |\n",
    "HTML": '<div class="x">\n<p>y</p>\n</div>\n\n<!-- z -->\n',
    "lines that end with CR LF": "a\r\nb\r\n\r\n- c\r\n- d\r\n\r\n```\r\ne\r\n```\r\n",
    "tags": "H<sub>2</sub>O <b>**a** `b`</b> <!-- c --> <kbd>d</kbd> < e\n",
    "links and images as HTML": 'A <a href="https://b.c/d?e&f=_g_">*h*</a> and '
    "<img alt='i > j' src=https://k.l> <a name=m></a>n\n\n<p>\n<img src=o>\n</p>\n",
    "an image of data": f"A <img src='data:image/png;base64,{'A' * 400}' alt=b> "
    f"data:image/png;base64,{'A' * 400} c\n",
    "what folds": "<details>\n<summary>a **b**</summary>\n\n- c\n\n"
    "```\nd\n```\n\n</details>\n\ne\n",
    "what folds in a line": "a\n\n<details><summary>b</summary>c</details>\n\nd\n",
    "what folds and has no end": "<details>\n<summary>a</summary>\nb\n\nc\n",
    "what groups": "<div>\n\na\n\n</div>\n<!-- b\n\nc -->\n\nd\n",
    "addresses": "See https://a.org/b_c_(d), www.e.f/g and h@i.jk. https://l.m。\n",
    "labels": "A [b](./c.py) [d](#e) ![f](data:image/png;base64,AAAA) [g]: h.\n",
    "notes": "a[^1] b\n\n[^1]: c *d*\n[^2]: e\n    f\n\n    g\n\nh\n",
    "alerts": "> [!NOTE]\n> a **b**\n\n> [!TIP]\n>\n> - c\n",
    "tildes": "about ~5 or ~one two~ and 3~5\n",
    "emphasis in Japanese": "これは**「大事」**な点。*（注）*です\n",
    "from the right": "مرحبا `f(x)` **مهمة**\n\n- أ `b`\n",
    "a table from the right": "| أ | b |\n|---|--:|\n| c | 1 |\n| ب | d |\n",
    "no end": "# a\n\n- b\n  c **d",
    "only blank lines": "\n\n \n",
    "nothing": "",
}
#: Where a definition comes later than its use.
LATE = {
    "a definition": "[a], [b][c] and ![d][a]\n\ne\n\n[a]: http://a.b\n[c]: <http://c.d>\n",
    "the first definition holds": "[a]\n\n[a]: http://b.c\n\n[a]: http://d.e\n\nf\n",
    "a definition that is none": "[a]\n\n[a]: http://b|c\n---|---\nd | e\n",
    "a definition in a quote": "[a]\n\n> [a]: http://b.c\n\nd\n",
}
#: Where a formula ends what looked like more of a list or table.
FORMULAS = {
    "a formula that ends a table": "a|b\n-|-\nc|d\n$$\n$$\n# e\n",
    "a formula that may end a list": "- a\n- b\n- $$\n- c\n$$\n\nd\n",
}
ALL = SAMPLES | LATE | FORMULAS


@pytest.mark.parametrize("text", ALL.values(), ids=ALL)
def test_frames_add_up_to_the_final_html(text: str) -> None:
    """By characters or at once the same blocks, whose HTML is ``to_html``."""
    once = play(text)[-1]

    assert "".join(once) == to_html(text)
    assert "".join(play(*text, least=1)[-1]) == to_html(text)
    assert play(*text)[-1] == once
    assert play(*re.findall("(?s).{1,5}", text))[-1] == once


@pytest.mark.parametrize("text", SAMPLES.values(), ids=SAMPLES)
def test_images_are_shown_where_they_are_wanted(text: str) -> None:
    """With ``images``, too, the frames add up."""
    assert "".join(play(*text, images=True)[-1]) == to_html(text, images=True)


WORDS = re.compile(r"\S+\s*")
PIECES = sorted({word for text in ALL.values() for word in WORDS.findall(text)})
SPACES = ["\n", "\n\n", " ", "\t", "\ud800"]
TEXTS = st.lists(
    st.one_of(st.sampled_from(PIECES), st.sampled_from(SPACES)), max_size=14
).map("".join)


#: What lists and tables may become, or how they may end.
LINES = ["- a", "- b **c", "  d", "  - e", "1. f", "2. g", "   ```", "  > h", "", "* i"]
LINES += [
    "<details>",
    "<summary>s</summary>t",
    "u</details>",
    "</details>",
    "  <details>",
]
LINES += [
    "<div>",
    "<!-- v",
    "w -->",
    "[^x]: y",
    "    z",
    "> [!TIP]",
    "[^x] <b>A",
    "B</b>",
]
LINES += ["-", "- [j]", "[j]: http://k", "# l", "a $ b", "$$", "- $$", "m"]
LINES += ["n | o | p", "|---|--:|", "| [j] |", "| q | r | s |", "> t", "---|---"]
ITEMS = st.lists(st.sampled_from(LINES), max_size=12).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)


@settings(deadline=None, max_examples=400)
@given(
    text=st.one_of(TEXTS, ITEMS),
    places=st.lists(st.integers(0, 80), max_size=8),
    least=st.sampled_from([LEAST, 1, 8]),
)
def test_any_cut_gives_the_same_html(text: str, places: list[int], least: int) -> None:
    """However a text is cut, and in what pieces, the page ends as ``to_html`` of it."""
    ends = [0, *sorted(min(at, len(text)) for at in places), len(text)]
    once = play(text, least=least)[-1]

    assert "".join(once) == to_html(text)
    pieces = (text[a:b] for a, b in pairwise(ends))
    assert play(*pieces, least=least)[-1] == once


def test_a_list_that_becomes_loose_is_written_again() -> None:
    """All its pieces, and those only; each stays a piece."""
    rendering = Rendering(least=4)
    rendering.feed("x\n\n- abc\n- def\n- ghi\n")
    rendering.frame()
    tight = rendering.blocks
    rendering.feed("\n- jkl\n")
    frame = rendering.frame()

    assert tight[1:3] == ['<ul dir="auto">\n<li>abc\n</li>\n', "<li>def\n</li>\n"]
    assert frame is not None
    assert frame.replaced == (
        (1, directed("<ul>\n<li><p>abc</p>\n</li>\n")),
        (2, directed("<li><p>def</p>\n</li>\n")),
    )


TOO_MUCH = {
    "too deep": "a\n\n" + "> " * 200 + "b\n\nc\n\nd",
    "too deep at the end": "a\n\n" + "- " * 80 + "b",
    "too long": "a\n\n```\n" + f"{'b' * 1_000}\n" * 2_000,
}


@pytest.mark.parametrize("text", TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_cannot_be_read_is_shown_as_it_came(text: str) -> None:
    """The whole text becomes one block of code, and grows as such."""
    step = 1 + len(text) // 40
    pieces = [text[at : at + step] for at in range(0, len(text), step)]

    assert play(*pieces)[-1] == [to_html(text)]


# -- what is shown of an unfinished text -------------------------------------------

UNFINISHED = {
    "bold": ("a **b", "<p>a <strong>b</strong></p>\n"),
    "bold and emphasis": ("**a *b", "<p><strong>a <em>b</em></strong></p>\n"),
    "bold that is about to end": ("**a*", "<p><strong>a</strong></p>\n"),
    "a lone marker": ("a **", "<p>a</p>\n"),
    "struck": ("~~a b", "<p><s>a b</s></p>\n"),
    "a product": ("2*3", "<p>2*3</p>\n"),
    "code": ("a `b *c", "<p>a <code>b *c</code></p>\n"),
    "a backtick": ("a `", "<p>a</p>\n"),
    "half a label": ("a [b c", "<p>a</p>\n"),
    "half a link that may be none": ("a [b c](ht", "<p>a</p>\n"),
    "half a link that leads nowhere": ("a [b](c.md", "<p>a</p>\n"),
    "half a link to a file": ("a [b](./c.md", "<p>a b</p>\n"),
    "what is no link": ("a [b](c d e", "<p>a [b](c d e</p>\n"),
    "a star that is no marker": ("f(a, *, b", "<p>f(a, *, b</p>\n"),
    "half a link": ("a [b c](http://d", "<p>a b c</p>\n"),
    "half a link in bold": ("**a [b](http:", "<p><strong>a b</strong></p>\n"),
    "brackets": ("a [b] c", "<p>a [b] c</p>\n"),
    "half an image": ("a ![b](http://c", "<p>a</p>\n"),
    "an exclamation": ("a!", "<p>a!</p>\n"),
    "half an autolink": ("a <http://b", "<p>a</p>\n"),
    "less than": ("a < b", "<p>a &lt; b</p>\n"),
    "half an entity": ("a &am", "<p>a</p>\n"),
    "a backslash": ("a \\", "<p>a</p>\n"),
    "half a formula": ("a $x^", "<p>a</p>\n"),
    "a price": ("a $5 b", '<p>a <span class="tex2jax_ignore">$</span>5 b</p>\n'),
    "half a formula in brackets": ("a \\(x", "<p>a</p>\n"),
    "half a formula set apart": ("a\n\n$$\nx\n- y\n", "<p>a</p>\n"),
    "a list's marker": ("a\n\n- ", "<p>a</p>\n"),
    "a number": ("a\n\n1.", "<p>a</p>\n"),
    "an item": ("- a\n-", "<ul>\n<li>a\n</li>\n</ul>\n"),
    "a task": ("- [", ""),
    "a heading's marker": ("##", ""),
    "an underline": ("a\n--", "<p>a</p>\n"),
    "a quote's marker": ("> ", ""),
    "a first row": ("| a | b |", ""),
    "half a table": ("a\n\n| b | c |\n|--", "<p>a</p>\n"),
    "a line with a pipe": ("|a| is b.\nc", "<p>|a| is b.\nc</p>\n"),
    "half a fence": ("a\n\n```py", "<p>a</p>\n"),
    "half a definition": ("a\n\n[b]: http://c", "<p>a</p>\n"),
    "a definition over lines": ("[b]:\n", ""),
    "half a tag": ("H<su", "<p>H</p>\n"),
    "an open tag": ("H<sub>2", "<p>H<sub>2</sub></p>\n"),
    "an open tag in bold": ("**a <u>b", "<p><strong>a <u>b</u></strong></p>\n"),
    "half a tag's end": ("H<sub>2</s", "<p>H<sub>2</sub></p>\n"),
    "half a link as HTML": ('a <a href="https://b?c&am', "<p>a</p>\n"),
    "half an image as HTML": ("a <img alt='b > c' src=d", "<p>a</p>\n"),
    "half an image of data": (
        f"a <img src='data:image/png;base64,{'A' * 9_000}",
        "<p>a</p>\n",
    ),
    "half of data": (
        f"a data:image/png;base64,{'A' * 9_000}",
        "<p>a data:image/png</p>\n",
    ),
    "an open link as HTML": (
        '<a href="b.c">d *e',
        '<p><abbr title="b.c">d <em>e</em></abbr></p>\n',
    ),
    "half a comment": ("a <!-- b", "<p>a</p>\n"),
    "half a comment over lines": ("a\n\n<!-- b\n\nc\n", "<p>a</p>\n"),
    "half a fold": ("<details>\n<summ", ""),
    "half a title": (
        "<details><summary>a **b",
        "<details>\n<summary>a <strong>b</strong></summary>\n</details>\n",
    ),
    "an open fold": (
        "<details>\n<summary>a</summary>\n\nb *c",
        "<details>\n<summary>a</summary>\n<p>b <em>c</em></p>\n</details>\n",
    ),
    "an address that goes on": ("see https://a.b/c_d_", "<p>see https://a.b/c_d</p>\n"),
    "half an embedded image": (
        f"a ![b](data:image/png;base64,{'A' * 9_000}",
        "<p>a</p>\n",
    ),
    "half a footnote's mark": ("a[^1", "<p>a</p>\n"),
    "a footnote": ("[^1]: a *b", "<p><sup>1</sup> a <em>b</em></p>\n"),
    "half an alert": ("> [!NO", ""),
    "an alert's name": (
        "> [!NOTE]",
        "<blockquote>\n<p><strong>Note</strong></p>\n</blockquote>\n",
    ),
    "about five": ("a ~5 b", "<p>a ~5 b</p>\n"),
    "an open fence": ("```\na\nb", f"<pre><code>a\nb{FOOT}"),
    "a fence that is about to end": ("```\na\n``", f"<pre><code>a\n{FOOT}"),
    "nothing of it is unfinished": ("a\n\n**b\n\n", "<p>a</p>\n<p>**b</p>\n"),
    "a marker that never ended": (f"`{'a' * 500}", f"<p>`{'a' * 500}</p>\n"),
}


@pytest.mark.parametrize(("text", "expected"), UNFINISHED.values(), ids=UNFINISHED)
def test_unfinished(text: str, expected: str) -> None:
    """What is open is closed for now, or it waits until it is clear."""
    assert "".join(play(text)[-2]) == directed(expected)


def words(blocks: list[str]) -> str:
    """Return what a reader sees, with any space as one."""
    return " ".join(unescape(re.sub("<[^>]*>", "", "".join(blocks))).split())


@pytest.mark.parametrize("text", SAMPLES.values(), ids=SAMPLES)
def test_what_was_shown_stays(text: str) -> None:
    """Character by character, each frame's words begin with those of the one before."""
    for before, after in pairwise(map(words, play(*text)[:-1])):
        assert after.startswith(before)


#: What is whole in the end, in a line, and as a block: no mark of Markdown is left.
IN_LINE = [
    *("H<sub>2</sub>O", "<kbd>a</kbd>", "**b <u>c</u>**", "<!-- d -->", "y<br>z"),
    *("[e](https://f/g_h)", '[i](./j "k")', "![l](https://m/n)", "o[^1]", "[F][1]"),
    *('<a href="https://p?q&r">s *t*</a>', "<img src='u' alt='v w'>", "<https://x>"),
    *("&amp;", "`A`", "~B~", "*C*", "https://d.e/f_g", '<p align="center">D</p>'),
    *("<mark>**E**</mark>", "<A HREF='#g'>G</A>", "k@l.mn", "<abbr>I</abbr>"),
    *("![H](data:image/png;base64,AAAA)", '<span class="j">J</span>'),
]
APART = [
    "<details>\n<summary>a **b**</summary>\n\nc <b>d</b>\n\n</details>",
    "<details><summary>e</summary>f</details>",
    "<details open>\n\n- r\n- <s>t</s>\n\n</details>",
    "> [!NOTE]\n> g <u>h</u>",
    "[^2]: i *j*",
    '<div align="center">\n\nk\n\n</div>',
    "<!--\nl\n\nm -->",
    "- [x] n <i>o</i>",
    "# p <sup>q</sup>",
    '<p>\n<img src=u alt="v">\n</p>',
    "1. w <kbd>x</kbd>",
    '<center>\n<a href="https://y">z</a>\n</center>',
    "| A |\n|---|\n| <b>B</b> |",
]
LINE = st.lists(st.sampled_from(IN_LINE), min_size=1, max_size=4).map(" ".join)
BLOCK = LINE | st.sampled_from(APART)


@settings(deadline=None, max_examples=60)
@given(st.lists(BLOCK, min_size=1, max_size=3).map("\n\n".join))
def test_no_frame_shows_a_half(text: str) -> None:
    """Of a tag, a link, a note, an image, an emphasis: by characters, each frame."""
    text = f"[1]: https://b.c\n\n{text}\n"
    seen = {words(blocks) for blocks in play(*text)}

    assert [each for each in seen if re.search(r"[][<>*`$|]|~", each)] == []


@pytest.mark.parametrize("text", ALL.values(), ids=ALL)
def test_no_block_turns_into_something_else(text: str) -> None:
    """What was shown with more than one line keeps its tag."""
    for before, after in pairwise(play(*text)):
        known = [
            (old[:4], new[:4])
            for old, new in zip(before, after, strict=False)
            if "\n" in unescape(re.sub("<[^>]*>", "", old)).strip()
        ]
        assert [new for _, new in known] == [old for old, _ in known]


# -- what a frame costs ------------------------------------------------------------


def frames(*pieces: str) -> list[Frame | None]:
    """Return the frames after each piece."""
    rendering = Rendering()
    return [rendering.feed(piece) or rendering.frame() for piece in pieces]


def test_only_the_difference_is_sent() -> None:
    """A paragraph that grows is sent from where it differs, as JavaScript counts."""
    expected = [
        Frame(at=0, closed=0, tail_chars=2, html=(directed("<p>😀a</p>\n"),)),
        Frame(at=0, closed=0, tail_chars=3, keep=17, html=("b</p>\n",)),
    ]
    assert frames("😀a", "b") == expected


def test_a_closed_block_is_not_sent_again() -> None:
    """That a block is final is said without its HTML, if that is shown already."""
    last = frames("a\n", "\n", "b\n")[-1]

    assert last == Frame(at=1, closed=1, tail_chars=2, html=(directed("<p>b</p>\n"),))


def test_an_open_fence_is_appended_to() -> None:
    """Complete lines are added once, coloured; the last line is plain."""
    grown = frames("```py\n", "if x:\n", "  pa", "ss\n")[1:]

    assert grown == [
        Frame(at=0, closed=0, tail_chars=0,
              html=('<pre><code class="highlight"><span class="k">if</span> x:\n'
                    '</code></pre>\n',)),
        Frame(at=1, closed=0, tail_chars=4, code="", line="  pa"),
        Frame(at=1, closed=0, tail_chars=0,
              code='  <span class="k">pass</span>\n'),
    ]  # fmt: skip


def test_a_fence_that_ends_is_not_sent_again() -> None:
    """It was coloured line by line as it is coloured as a whole."""
    last = frames("```py\n", "if x:\n", "  pass\n```\n")[-1]

    code = '  <span class="k">pass</span>\n'
    assert last == Frame(at=1, closed=1, tail_chars=0, code=code)


def test_a_fence_is_never_coloured_again() -> None:
    """Also where a lexer would see more in all lines than in each."""
    last = frames("```sh\na='b\n", "c'\n", "```\n")[-1]

    assert last is not None
    assert (last.at, last.keep, last.closed) == (1, 0, 1)


#: What an answer that was cut ends with -> what is shown of it.
CUT = {
    "bold": ("See the **important", "<p>See the <strong>important</strong></p>\n"),
    "italics": ("*very", "<p><em>very</em></p>\n"),
    "underscores": ("__very", "<p><strong>very</strong></p>\n"),
    "both": ("***a", "<p><em><strong>a</strong></em></p>\n"),
    "one in the other": ("**a *b", "<p><strong>a <em>b</em></strong></p>\n"),
    "struck": ("~~old", "<p><s>old</s></p>\n"),
    "code": ("Use `pip inst", "<p>Use <code>pip inst</code></p>\n"),
    "a marker alone": ("a **", "<p>a</p>\n"),
    "a link": ("[the docs](https://exa", "<p>the docs</p>\n"),
    "an image": ("a ![alt](https://exa", "<p>a</p>\n"),
    "a reference": ("a [b][c", "<p>a</p>\n"),
    "an autolink": ("a <http://b", "<p>a</p>\n"),
    "an entity": ("a &am", "<p>a</p>\n"),
    "a formula": ("a $x^2", "<p>a</p>\n"),
    "a formula in brackets": ("a \\(x", "<p>a</p>\n"),
    "a formula set apart": ("a\n\n\\[\n\\frac{a}{b", "<p>a</p>\n"),
    "a formula in dollars": ("a\n\n$$\nx", "<p>a</p>\n"),
    "a bullet": ("- a\n- ", "<ul>\n<li>a\n</li>\n</ul>\n"),
    "a number": ("1. a\n2.", "<ol>\n<li>a\n</li>\n</ol>\n"),
    "a task": ("a\n\n- [", "<p>a</p>\n"),
    "a heading": ("a\n\n## ", "<p>a</p>\n"),
    "a quote": ("a\n\n> ", "<p>a</p>\n"),
    "an underline": ("a\n--", "<p>a</p>\n"),
    "a definition": ("a\n\n[b]: http", "<p>a</p>\n"),
    "a table's head": ("a\n\n| b | c", "<p>a</p>\n"),
    "a fence": ("a\n\n```py", "<p>a</p>\n"),
    "a fence with no line": ("a\n\n```py\n", "<p>a</p>\n"),
    "a fence in a list": ("- a\n\n  ```", "<ul>\n<li>a\n</li>\n</ul>\n"),
    "half the end of a fence": ("```\na\n``", "<pre><code>a\n</code></pre>\n"),
}


@pytest.mark.parametrize(("text", "html"), CUT.values(), ids=CUT)
def test_a_text_that_was_cut_stays_as_it_was_shown(text: str, html: str) -> None:
    """Its end is laid out as an open one is, live and saved."""
    rendering = Rendering()
    for character in text:
        rendering.feed(character)
        rendering.frame()
    shown = "".join(rendering.blocks)
    rendering.finish(cut=True)
    html = directed(html)

    assert (shown, "".join(rendering.blocks), cut_html(text)) == (html, html, html)


#: What is not shown while it may become something, and at the end is.
KEPT = {
    "a number": ("a\n\n42", "<p>a</p>\n<p>42</p>\n"),
    "a number alone": ("42", "<p>42</p>\n"),
    "a line of code": ("```\na\nb", "<pre><code>a\nb</code></pre>\n"),
}


@pytest.mark.parametrize(("text", "html"), KEPT.values(), ids=KEPT)
def test_nothing_is_lost_with_it(text: str, html: str) -> None:
    """What can only be words now."""
    assert cut_html(text) == directed(html)


def test_a_late_definition_replaces_what_uses_it() -> None:
    """Only the blocks that name it are sent again, and at once."""
    found = frames("[a]\n\n", "b\n\n", "[a]: http://c.d\n")[-1]

    assert found is not None
    assert [index for index, _ in found.replaced] == [0]
    assert 'href="http://c.d"' in found.replaced[0][1]
    assert (found.at, found.html) == (2, ())


def test_no_frame_without_a_change() -> None:
    """What is held back, or shown already, makes no frame."""
    assert frames("a", "", " ", "**", "b**", "\n", "\n")[1:4] == [None] * 3


def test_shortened_html_comes_back() -> None:
    """The short form gives back any HTML, also one with the short characters in it."""
    html = to_html("a `b` [c](https://d.e)\n\n|a|\n|-|\n|\x80\x81\x9f|\n")

    assert expand(shorten(html)) == html
    assert len(shorten(html)) < len(html) / 2
    assert all(expand(short) == long for short, long in SHORT.items())
