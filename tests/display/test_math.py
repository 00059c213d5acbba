"""Formulas: what is one, in which bounds, and how other tools get it."""
# ruff: noqa: E501, RUF001 - a table is read a case a line

import re

import pytest

from nbstream.markdown import to_html, to_safe_markdown
from nbstream.markdown.bounds import (
    DEEPEST,
    EACH,
    LONGEST,
    MOST,
    bounded,
    cost,
    depth,
    is_harmless,
)
from nbstream.markdown.math import _balanced
from nbstream.markdown.rendering import Rendering


def shown(text: str) -> str:
    """Return our HTML; what no typesetter may take is as it reads."""
    return shown_of(to_html(text))


def shown_of(html: str) -> str:
    return re.sub('<span class="tex2jax_ignore">(.*?)</span>', r"\1", bare(html))


def bare(html: str) -> str:
    """Return HTML without what it says of directions and of what scrolls."""
    return re.sub('(?: dir="auto"| style="[^"]*overflow[^"]*")', "", html)


#: Formulas stand in braces of their own here: ⟨…⟩.
INLINE = {
    "prices": "$5 and $10, ($7) vs ($8), $4–$9, **$4**, $1.50/day, $1,000",
    "prices with a currency's letters": "R$20 e R$ 30, US$, AU$ and NZ$, A$5 + HK$10",
    "prices behind the number": "5$/10$, 5 $ et 10 $, 5 $ = 4 €, 10 $ = 8 €",
    "prices with nothing between": "costs $5-$6, $100/$200",
    "a sign in brackets": "price ($) and cost ($), Cost ($/kg) and ($/lb)",
    "a rating": "Save $$$ with us $$$, $$5 + $$10, ($$) or ($$)",
    "shares": "$AAPL/$MSFT, $AAPL, $MSFT",
    "a shell's": "PATH=$HOME/bin:$PATH, ${A}/b:${B}, $(a):$(b), kill $$ and echo $$",
    "a script's": "$i++; $j=$i, $a[$i], $x->y($z), $.get and $.post, $_GET and $_POST",
    "a pattern's": r"^a$|^b$, ^\d+$|^\w+$, /^a+$/ and /^b+$/",
    "a spreadsheet's": "A$1:$B$2 and $C$3",
    "a formula and a price": "⟨$x_1$⟩ for $5, and $6 for ⟨$y$⟩",
    "a formula beside signs": "(⟨$x$⟩), ⟨$a$⟩+⟨$b$⟩, ⟨$|x|$⟩, ⟨$(a,b)$⟩, ⟨$-1$⟩ ⟨$x$⟩-axis",
    "in a text without spaces": "函数⟨$f(x)$⟩的值，値⟨$y$⟩は、값⟨$z$⟩는",
    "with spaces inside": "⟨$ E = mc^2 $⟩ and ⟨$ \\alpha $⟩, but $ a $",
    "numbers of a formula": "the ⟨$n$⟩th, ⟨$x$⟩s, ⟨$n$⟩-te, ⟨$n$⟩te, ⟨$k$⟩ème",
    "scripts alone": "H⟨$_2$⟩O and 10⟨$^{th}$⟩",
    "unbalanced braces": "{$a}{$b}",
    "TeX's brackets": r"⟨\(x\)⟩ ⟨\[y\]⟩",
    "a bracket alone": r"so ⟨\( a, b \)⟩, but \] and \[ or \( stay",
    "two dollars in a line": "so ⟨$$ a + b $$⟩ here",
    "an environment in a line": r"so ⟨\begin{pmatrix}a\\ b\end{pmatrix}⟩ and \begin{itemize}",
    "money and formulas": "costs $5 where ⟨$x=5$⟩, or $10 for ⟨$y$⟩ at $3k-$4k",
}  # fmt: skip


@pytest.mark.parametrize("marked", INLINE.values(), ids=INLINE)
def test_what_is_a_formula(marked: str) -> None:
    """Money, shells, patterns and their like are text; formulas are not."""
    text = re.sub("[⟨⟩]", "", marked)
    html = marked.replace("⟨", "<span>").replace("⟩", "</span>")
    html = html.replace("**$4**", "<strong>$4</strong>").replace("->", "-&gt;")

    assert shown(text) == f"<p>{html}</p>\n"


#: What a model writes, and the formula that the host is given.
WRITTEN = {
    "an empty line": ("\\[a = b\n\nc = d\\]", "\\[a = b\n\nc = d\\]"),
    "one between dollars": ("$$\na\n\n\nb\n$$", "$$\na\n\n\nb\n$$"),
    "one in an environment": ("\\begin{align}\na\n\nb\n\\end{align}", "\\begin{align}\na\n\nb\n\\end{align}"),
    "doubled": (r"\\(x\\)", r"\(x\)"),
    "doubled, set apart": ("\\\\[\nx\n\\\\]", "\\[\nx\n\\]"),
    "doubled inside": (r"\\(\\frac{a}{b} \\\\ c\\)", r"\(\frac{a}{b} \\ c\)"),
    "doubled between dollars": (r"$\\frac{1}{2}$", r"$\frac{1}{2}$"),
    "rows are no doubled commands": (r"$$\begin{a}x \\y{z}\end{a}$$", r"$$\begin{a}x \\y{z}\end{a}$$"),
    "a label": (r"$$\label{eq:1} x$$", "$$x$$"),
    "a label in an environment": (
        "\\begin{equation}\\label{e1} x=1 \\end{equation}", "\\begin{equation}x=1 \\end{equation}"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "formula"), WRITTEN.values(), ids=WRITTEN)
def test_what_the_host_is_given(text: str, formula: str) -> None:
    """A formula as its writer meant it, and as MathJax can read it again and again."""
    assert bare(to_html(text)) == f"<p><span>{formula}</span></p>\n"


#: A formula set apart that begins or ends among words: ⟨…⟩, and paragraphs apart.
AMONG_WORDS = {
    "all in a line": "so ⟨\\[x\\]⟩ is",
    "lines of a paragraph": "so ⟨\\[\na\n\\]⟩ and\non",
    "an empty line": "We get ⟨\\[a = b\n\nc = d\\]⟩ and go on.",
    "on lines of its own": "We get ⟨\\[\na = b\n\n\nc = d\n\\]⟩.",
    "with dollars": "We get ⟨$$\na = b\n\nc = d\n$$⟩ and go on.",
    "begins the line": "⟨\\[\na\n\nb \\]⟩ c",
    "behind other lines": "It is so.|We get ⟨\\[\na\n\nb\n\\]⟩|and go on.",
    "what looks like a list": "so ⟨\\[\na\n- b\n+ c\n\\]⟩ is",
    "what looks like a heading": "so ⟨\\[\na\n= b\n\\]⟩ is",
    "what looks like one more": "so ⟨$$\na_1\n# b\n$$⟩ is",
    "two of them": "so ⟨\\[\na\n\nb\\]⟩ and ⟨\\(c\\)⟩",
    "signs, not formulas": "Bar A: $$||Bar B: $$",
    "a bracket that is one": "\\[ begins it.||And \\] ends it, as one writes.",
}  # fmt: skip


@pytest.mark.parametrize("marked", AMONG_WORDS.values(), ids=AMONG_WORDS)
@pytest.mark.parametrize("container", ["", "> ", "- "])
def test_a_formula_set_apart_may_begin_among_words(marked: str, container: str) -> None:
    """Whatever lines it has; nothing of it is lost, and nothing shown twice."""
    text = re.sub("[⟨⟩]", "", marked).replace("|", "\n")
    margin = container.replace("-", " ")
    html = shown(container + text.replace("\n", f"\n{margin}"))
    html = re.sub(r"</?(?:ul|li|blockquote)>\n?", "", html)
    html = re.sub(r"</p>\n<p>|(?<=[.$⟩>])\n(?=\w)", "\n", html.strip())
    expected = marked.replace("⟨", "<span>").replace("⟩", "</span>")

    assert re.sub(r"\n+|\|+|</?p>", "\n", html).strip() == re.sub(
        r"\n+|\|+", "\n", expected
    )


#: Wherever a text may be, a formula may be.
EVERYWHERE = {
    "heading": ("# The $x$ law", "<h1>The <span>$x$</span> law</h1>\n"),
    "link": ("[see $x$](#a)", '<a>see <span>$x$</span></a>'),
    "bold": ("**so $x$** *$y$* ~~$z$~~", "<strong>so <span>$x$</span></strong> <em><span>$y$</span></em> <s><span>$z$</span></s>"),
    "footnote": ("A[^1].\n\n[^1]: with $x$", "<p><sup>1</sup> with <span>$x$</span></p>"),
    "details": (
        "<details><summary>So $x$</summary>\n\n$$\na\n$$\n</details>",
        "<details>\n<summary>So <span>$x$</span></summary>\n<p><span>$$\na\n$$</span></p>\n</details>\n",
    ),
    "tags": ("H<sub>$x$</sub>", "H<sub><span>$x$</span></sub>"),
    "signs in tags": ("<kbd>$</kbd> a <kbd>$</kbd>", "<kbd>$</kbd> a <kbd>$</kbd>"),
    "code": ("`$x$` `\\(y\\)`", "<code>$x$</code> <code>\\(y\\)</code>"),
    "a block of code": ("```\n$x$\n```", "<pre><code>$x$\n</code></pre>"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "html"), EVERYWHERE.values(), ids=EVERYWHERE)
def test_formulas_stand_wherever_text_does(text: str, html: str) -> None:
    """And none is found in code."""
    written = re.sub(' class="tocSkip"| title="[^"]*"', "", shown(text))

    assert html in re.sub(r"<(/?)abbr", r"<\1a", written)


LEFT = {
    "prose behind an empty line": "$$\na\n\nThis is some prose.\n\n$$",
    "a heading behind one": "\\[\na\n\n# b\n\n\\]",
    "no end": "\\[\na\n\nb",
    "a path": "C:\\\\(x86\\\\)",
}


@pytest.mark.parametrize("text", LEFT.values(), ids=LEFT)
def test_what_is_no_formula_loses_nothing(text: str) -> None:
    """Its marks are shown."""
    words = re.sub("<[^>]*>", "", shown(text))
    source = text.replace("# b", "b").replace("\\\\(", "\\(").replace("\\\\)", "\\)")

    assert words.split() == source.split()


ROWS = {
    "bars in formulas": ("| $|x|$ | $P(A|B)$ |", ["<span>$|x|$</span>", "<span>$P(A|B)$</span>"]),
    "bars between spaces": ("| $P(A | B)$ | c |", ["<span>$P(A | B)$</span>", "c"]),
    "in brackets": (r"| \(a|b\) | c |", [r"<span>\(a|b\)</span>", "c"]),
    "between two dollars": ("| $$|x|$$ | c |", ["<span>$$|x|$$</span>", "c"]),
    "a norm": (r"| $\|x\|$ | c |", [r"<span>$\|x\|$</span>", "c"]),
    "prices": ("| $5 | $6 |", ["$5", "$6"]),
    "the signs": ("| $ | $ |", ["$", "$"]),
    "signs in brackets": ("| Cost ($) | Price ($) |", ["Cost ($)", "Price ($)"]),
    "code": ("| `$` | `$` |", ["<code>$</code>", "<code>$</code>"]),
    "shells in code": ("| `$a` | `$b` |", ["<code>$a</code>", "<code>$b</code>"]),
    "a cell too many": ("| a | b | c |", ["a", "b | c"]),
    "a bar in code": ("| `a|b` | c |", ["`a", "b` | c"]),
    "an empty cell too many": ("| a | b | |", ["a", "b"]),
    "a cell too few": ("| a |", ["a", ""]),
    "no bars outside": ("$|x|$ | $y$", ["<span>$|x|$</span>", "<span>$y$</span>"]),
}  # fmt: skip


@pytest.mark.parametrize(("row", "cells"), ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("container", ["", "> ", "- "])
def test_a_table_keeps_formulas_and_cells(
    row: str, cells: list[str], container: str
) -> None:
    """No row is cut in a formula, and nothing of it is thrown away."""
    margin = container.replace("-", " ")
    html = shown(f"{container}| f | g |\n{margin}|---|---|\n{margin}{row}\n")

    assert re.findall("<td[^>]*>(.*)</td>", html) == cells


# -- bounds ----------------------------------------------------------------------------

DEEP = DEEPEST + 1
#: What is nested too deeply: by each kind of group, and by what has none.
BEYOND = {
    "braces": "{" * DEEP + "x" + "}" * DEEP,
    "scripts": "x^{" * DEEP + "x" + "}" * DEEP,
    "delimiters": r"\left(" * DEEP + "x" + r"\right)" * DEEP,
    "environments": r"\begin{cases}" * 9 + "x" + r"\end{cases}" * 9,
    "styles": r"\scriptstyle " * DEEP + "x",
    "colours": r"\color{red}" * DEEP + "x",
    "sizes": r"\tiny\huge" * DEEP + "x",
    "styles in cells": r"\begin{array}{c}" + r"\textstyle " * DEEP + r"&x\end{array}",
    "braces that a comment does not close": "{%}{\n}%{{\n{%}\n" * DEEP
    + "x"
    + "}" * DEEP,
    "rows in braces": "{" + r"\tiny\\" * DEEP + "x}",
    "macros that double": r"\pmb{" * 5 + "x" + "}" * 5,
    "macros that double, with options": r"\underbracket[1pt]{" * 5 + "x" + "}" * 5,
    "arguments without braces": r"\set " * DEEP + "x",
    "length": "x+" * (LONGEST // 2) + "x",
}
WITHIN = {
    "braces": "{" * DEEPEST + "x" + "}" * DEEPEST,
    "many groups": r"\frac{a}{b}+" * 100,
    "many delimiters": r"\left(a\right)" * 100,
    "a style in each cell": r"\begin{aligned}" + r"\displaystyle a &\displaystyle b\\" * 50 + r"\end{aligned}",
    "escaped braces": r"\{" * 100,
    "many that double": r"\pmb{x}" * 100,
    "many sets": r"\set{x}" * 100,
    "a percent sign": r"50\% {x}",
}  # fmt: skip


@pytest.mark.parametrize("tex", BEYOND.values(), ids=BEYOND)
@pytest.mark.parametrize(
    "form", ["a ${}$ b", "a \\({}\\) b", "$$\n{}\n$$", "- \\[{}\\]"]
)
def test_beyond_the_bounds_is_source(tex: str, form: str) -> None:
    """In HTML and in Markdown it is code, in which no host looks for formulas."""
    text = form.replace("{}", tex)
    safe = to_safe_markdown(text)

    assert not is_harmless(tex)
    assert "<span>" not in shown(text)
    assert "<code>" in to_html(text) or not _balanced(tex)
    assert "<span>" not in shown(safe)
    assert "<code" in to_html(safe)


@pytest.mark.parametrize("tex", WITHIN.values(), ids=WITHIN)
def test_within_the_bounds_is_a_formula(tex: str) -> None:
    """What people write is far from them."""
    assert is_harmless(tex)
    assert bare(to_html(f"$${tex}$$")).startswith("<p><span>$$")


def test_a_formula_of_a_textbook_is_not_deep() -> None:
    """The bound has room for much more."""
    tex = r"\sum_{i=1}^{n} \frac{\sqrt{x_{i_{1}}^{2}}}{\left( \frac{a}{b} \right)}"

    assert depth(tex) == 4


def test_lecture_notes_keep_their_formulas() -> None:
    """Sixty set apart and a hundred and fifty in lines are in bounds, as people write."""
    apart = [
        r"\int_{-\infty}^{\infty} e^{-x^2}\,dx = \sqrt{\pi}",
        r"f(x) = \sum_{n=0}^{\infty} \frac{f^{(n)}(a)}{n!} (x-a)^n",
        r"\begin{aligned} (a+b)^2 &= a^2 + 2ab + b^2 \\ (a-b)^2 &= a^2 - 2ab + b^2 \end{aligned}",
        r"|x| = \begin{cases} x & \text{if } x \ge 0, \\ -x & \text{otherwise.} \end{cases}",
        r"\hat{\beta} = (X^\top X)^{-1} X^\top y",
        r"\lim_{h \to 0} \frac{f(x+h) - f(x)}{h}",
    ]
    lines = ["x", r"\alpha", "f(x)", r"x \in \mathbb{R}", r"e^{i\pi}"]
    said = [f"So $${tex}$$\n\n" for tex in apart * 10]
    said += [f"with ${tex}$\n\n" for tex in lines * 30]

    assert to_html("".join(said)).count("<span") == 210
    assert "`" not in to_safe_markdown("".join(said))


def test_a_sign_counts_as_it_costs() -> None:
    """However it is written."""
    assert cost("x+1") == EACH + 3
    assert cost(r"\alpha") == EACH + 3
    assert cost(r"\frac{1}{2}") == cost(r"\frac12") + 1 == EACH + 6
    assert cost(r"\binom12") == EACH + 12
    assert cost("{x}^{y}") == EACH + 4
    assert cost(r"\pmb x") == EACH + 21


def test_an_answer_has_its_formulas_once() -> None:
    """All its rounds, choices and columns together, and what is in bounds stays."""
    one, many = to_html("a $x$ b"), to_html("$x$ " * 500)
    html = bounded("\n".join([one, many, many, one]))

    assert bounded(one + many) == one + many
    assert html.count("<span>") == MOST // cost("x")
    assert html.startswith(one)
    assert html.endswith("a <code>$x$</code> b</p>\n")


@pytest.mark.parametrize("tex", ["x", r"\ce{H2O}", "x" * 500])
def test_of_thousands_only_the_first_are_typeset(tex: str) -> None:
    """However the text comes, and so in the Markdown."""
    count = MOST // cost(tex)
    text = f"a ${tex}$ b\n\n" * (count + 50)
    whole = bare(to_html(text))
    rendering = Rendering()
    for at in range(0, len(text), 997):
        rendering.feed(text[at : at + 997])
        rendering.frame()
    rendering.finish()

    assert whole.count("<span>") == count
    assert whole.rindex("<span>") < whole.index("<code>")
    assert bare("".join(rendering.blocks)) == whole
    assert to_safe_markdown(text).count(f"` ${tex}$ `") == 50


# -- for other tools -------------------------------------------------------------------

MARKDOWN = {
    "brackets": (r"\(x\) and \( y \).", "$x$ and $y$."),
    "spaces inside": ("$ E = mc^2 $", "$E = mc^2$"),
    "a digit behind": (r"\(y\)2", "$y$&#50;"),
    "side by side": (r"\(a\)\(b\)", "$a$ $b$"),
    "doubled": (r"\\(x\\)", "$x$"),
    "in a line": (r"so \[x\] is", "so $$x$$ is"),
    "set apart": ("\\[\na\n\nb\n\\]\n", "$$\na\nb\n$$\n"),
    "set apart in one line": ("\\[ a \\]\n", "$$\na\n$$\n"),
    "in a list": ("- \\[\n  a\n  \\]\n- b", "- $$\n  a\n  $$\n- b"),
    "in a quote": ("> \\[a\\]\n", "> $$\n> a\n> $$\n"),
    "an environment": (
        "\\begin{align*}\na &= b \\nonumber\\\\\nc &= d\n\\end{align*}\n",
        "$$\n\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}\n$$\n",
    ),
    "one between dollars": ("$$\\begin{align}a\\end{align}$$", "$$\n\\begin{aligned}a\\end{aligned}\n$$"),
    "an equation": ("\\begin{equation}\\label{a} x \\end{equation}", "$$\nx\n$$"),
    "a label": (r"$$x\label{a}$$", "$$\nx\n$$"),
    "an environment in a line": (r"so \begin{align}a\end{align} is", r"so $$\begin{aligned}a\end{aligned}$$ is"),
    "among words": ("so \\[a\n\nb\\] is", "so $$a b$$ is"),
    "among words, in a quote": ("> so \\[a\n>\n> b\\] is", "> so $$a b$$ is"),
    "among words, a list in it": ("- so \\[\n  a\n  - b\n  \\] is", "- so $$a - b$$ is"),
    "among words, a plain one": ("so \\[\na\n\\] is", "so $$a$$ is"),
    "a formula in a formula": (r"\(\text{if $x$}\)", r"$\text{if \(x\)}$"),
    "bars in a cell": (
        "| a |\n|---|\n| $|x|$ |\n| $P(A|B)$ |\n", "| a |\n|---|\n| $\\vert{}x\\vert{}$ |\n| $P(A\\vert{}B)$ |\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MARKDOWN.values(), ids=MARKDOWN)
def test_markdown_has_dollars(text: str, expected: str) -> None:
    """Every formula that we read stands between dollars, which all tools read."""
    assert to_safe_markdown(text) == expected
    assert to_safe_markdown(expected) == expected


# -- while it streams ------------------------------------------------------------------


def blocks(text: str) -> list[str]:
    """Return what is shown when so much has come, a character at a time."""
    rendering = Rendering()
    for character in text:
        rendering.feed(character)
        rendering.frame()
    return [shown_of(each) for each in rendering.blocks]


GROWING = {
    "it has come": ("a $x^2$", ["<p>a <span>$x^2$</span></p>\n"]),
    "in brackets": (r"a \(x\)", ["<p>a <span>\\(x\\)</span></p>\n"]),
    "doubled, half": (r"a \\(x", ["<p>a</p>\n"]),
    "with spaces": ("a $ \\alpha $ b", ["<p>a <span>$ \\alpha $</span> b</p>\n"]),
    "a price may follow": ("a $5-$", ["<p>a $5-</p>\n"]),
    "a name may follow": ("a $HOME/$", ["<p>a $HOME/</p>\n"]),
    "a bold price": ("a **$4**", ["<p>a <strong>$4</strong></p>\n"]),
    "set apart": ("a\n\n\\[\nx\n\\]\n", ["<p>a</p>\n", "<p><span>\\[\nx\n\\]</span></p>\n"]),
    "among words": ("a \\[b", ["<p>a</p>\n"]),
    "among words, an empty line": ("a \\[\nb\n\nc", ["<p>a</p>\n"]),
    "among words, in a list": ("- a \\[\n  b\n\n  c", ["<ul>\n<li>a\n</li>\n</ul>\n"]),
    "an environment in a line": ("a \\begin{align}b", ["<p>a</p>\n"]),
    "half an environment": ("a \\begin{al", ["<p>a</p>\n"]),
    "no environment": ("a \\begin{itemize} b", ["<p>a \\begin{itemize} b</p>\n"]),
    "set apart, an empty line": ("a\n\n$$\nx\n\ny", ["<p>a</p>\n"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), GROWING.values(), ids=GROWING)
def test_what_is_shown_of_a_growing_text(text: str, expected: list[str]) -> None:
    """A formula is shown as soon as it is closed, and not before."""
    assert list(map(bare, blocks(text))) == expected


NEXT = {
    "a paragraph": ("a $x$\n\nb", 1),
    "a blank line only": ("a $x$\n\n", 0),
    "a list and a paragraph": ("- a\n\nb", 1),
    "a list may go on": ("- a\n\n-", 0),
    "a list's item may go on": ("- a\n\n ", 0),
    "a formula": ("$$\nx\n$$\n\nb", 1),
}


@pytest.mark.parametrize(("text", "closed"), NEXT.values(), ids=NEXT)
def test_a_block_before_a_blank_line_is_final(text: str, closed: int) -> None:
    """As soon as any character of the next one has come."""
    rendering = Rendering()
    frame = None
    for character in text:
        rendering.feed(character)
        frame = rendering.frame() or frame

    assert frame.closed == closed


CUT = [re.sub("[⟨⟩]", "", each.replace("|", "\n")) for each in AMONG_WORDS.values()]
CUT += [*(text for text, _ in WRITTEN.values()), *LEFT.values(), *BEYOND.values()]
CUT += [re.sub("[⟨⟩]", "", marked) for marked in INLINE.values()]
CUT += [f"| f | g |\n|---|---|\n{row}\n{row}\n" for row, _ in ROWS.values()]


@pytest.mark.parametrize("size", [1, 7])
def test_cut_anywhere_it_is_the_same(size: int) -> None:
    """In pieces of any size, between two paragraphs."""
    for text in CUT:
        whole = f"Before.\n\n{text}\n\nAfter.\n"
        rendering = Rendering()
        for at in range(0, len(whole), size):
            rendering.feed(whole[at : at + size])
            rendering.frame()
        rendering.finish()

        assert "".join(rendering.blocks) == to_html(whole)
