r"""The bounds of formulas, tried with each command of the MathJax of JupyterLab.

First a search: each command and environment is nested in each way that TeX has, two
and five times. What becomes deeper, or doubles, is on the lists of ``bounds``, or in
braces, which count. Then one of each that grows alike is written as deeply as it may
be, alone and mixed, and what makes the most elements of a sign as often as one answer
may; and they are typeset in the page. What counts is the time of the page's thread,
which a busy machine does not lengthen much.

What it found, in the last run, of MathJax in JupyterLab 4.6 (8,267 ways to nest)
==================================  ==================================================
what                                so
==================================  ==================================================
holds all that follows, no brace    HOLDING: counts for a level
doubles what it is given            DOUBLING: counts for six levels, and 20 signs
makes 20 elements and more          ``_SIGN`` of ``bounds``, "large": 10 signs
any other command                   3 signs: at most 0.3 ms of the page for each sign
a character                         1 sign: 0.15 to 0.3 ms
the deepest that is let through     78 levels of elements (``^`` in braces, 24 deep)
the slowest formula                 0.75 s: 3,000 letters and signs in a row
the slowest nested                  0.2 s: ``\tripledash`` in braces, 24 deep
fails, or ends the page             nothing
==================================  ==================================================
"""
# ruff: noqa: E501 - a table is read a case a line

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from harness.jupyter import notebook_of
from harness.live import picture

import nbstream
from nbstream.markdown.bounds import DEEPEST, LONGEST, MOST, cost, is_harmless
from nbstream.screens.bundle import bundle

pytestmark = [pytest.mark.place, pytest.mark.browser]

#: Ways to nest a command; the number is how often.
Way = Callable[[str, int], str]
WAYS: dict[str, Way] = {
    "bare": lambda c, n: f"{c} " * n + "x",
    "between": lambda c, n: f"x{c} x" * n,
    "before a brace": lambda c, n: f"{c}{{" * n + "x" + "}" * n,
    "before an argument": lambda c, n: f"{c}{{a}}" * n + "x",
    "before a colour": lambda c, n: f"{c}{{red}}" * n + "x",
    "before a length": lambda c, n: f"{c}{{1em}}" * n + "x",
    "before a bare length": lambda c, n: f"{c} 1em " * n + "x",
    "before a delimiter": lambda c, n: f"{c}(" * n + "x",
    "in the second argument": lambda c, n: f"{c}{{a}}{{" * n + "x" + "}" * n,
    "in the third argument": lambda c, n: f"{c}{{a}}{{b}}{{" * n + "x" + "}" * n,
    "behind an option": lambda c, n: f"{c}[a]{{" * n + "x" + "}" * n,
    "in a script": lambda c, n: f"x^{c} " * n + "x",
}
SYMBOLS = ("bare", "between", "in a script")
ENVIRONMENTS: dict[str, Way] = {
    "nested": lambda e, n: rf"\begin{{{e}}}" * n + "x" + rf"\end{{{e}}}" * n,
    "of a column": lambda e, n: rf"\begin{{{e}}}{{c}}" * n + "x" + rf"\end{{{e}}}" * n,
}
DELIMITERS: dict[str, Way] = {
    "delimiters": lambda d, n: rf"\left{d} " * n + "x" + r"\right. " * n,
}

#: What the search found: what nests without a brace or a word that counts …
HOLDING = {
    *("displaystyle", "textstyle", "scriptstyle", "scriptscriptstyle", "color"),
    *("tiny", "Tiny", "scriptsize", "small", "normalsize", "large", "Large"),
    *("LARGE", "huge", "Huge", "raise", "lower", "set", "Set", "braket", "Braket"),
}
#: … and what doubles what it is given.
DOUBLING = {"pmb", "centernot", "overbracket", "underbracket"}
#: No formula, and not all those of one answer, take more of the page's thread.
MOST_MS = 1_600
#: Levels of elements that Chromium lays out without harm; at 1,000 it ends.
MOST_LEVELS = 400

SET_UP = """async () => {
  const latex = window.jupyterapp.shell.currentWidget.content.rendermime.latexTypesetter;
  const page = document.createElement('div');
  page.className = 'jp-RenderedHTMLCommon';
  document.body.append(page);
  const levels = (node) => 1 + Math.max(0, ...[...node.children].map(levels));
  const mathDocument = await latex.mathDocument();
  window.converted = (texts) => texts.map((tex) => {
    try {
      const node = mathDocument.convert(tex, {display: true});
      return [levels(node), node.querySelectorAll('*').length];
    } catch (error) {
      return [0, 0, String(error)];
    }
  });
  window.typeset = async (texts) => {
    const box = page.appendChild(document.createElement('div'));
    for (const tex of texts)
      box.appendChild(document.createElement('p')).textContent = '$$' + tex + '$$';
    await latex.typeset(box);
    box.offsetHeight;
    const found = [levels(box), box.querySelectorAll('mjx-container').length];
    box.remove();
    return found;
  };
  const found = {};
  const jaxes = [mathDocument.inputJax].flat();
  for (const {parseOptions: {handlers}} of jaxes)
    for (const kind of handlers.keys())
      for (const {item} of handlers.get(kind)._configuration)
        (found[`${kind}:${item.name}`] ??= []).push(...item.map?.keys() ?? []);
  return found;
}"""


def tried(found: dict[str, list[str]]) -> Iterator[tuple[str, str, Way]]:
    """Give each command with each way to nest it."""
    done = set()
    for key, names in found.items():
        kind, _, title = key.partition(":")
        is_symbol = "mathchar" in title or "delim" in title or "textcomp" in title
        ways = {"environment": ENVIRONMENTS, "delimiter": DELIMITERS}.get(kind, WAYS)
        for name in names:
            command = (
                name
                if ways is not WAYS or kind == "character"
                else f"\\{name.lstrip(chr(92))}"
            )
            for title, way in ways.items():
                told = (command, title)
                if told not in done and not (
                    is_symbol and ways is WAYS and title not in SYMBOLS
                ):
                    done.add(told)
                    yield command, title, way


def most(way: Way, command: str) -> str:
    """Return the deepest that is let through."""
    low, high = 1, LONGEST
    while low < high:
        middle = (low + high + 1) // 2
        if is_harmless(way(command, middle)):
            low = middle
        else:
            high = middle - 1
    return way(command, low)


def filled(way: Way, command: str) -> list[str]:
    """Return all formulas that one answer may have of one kind, side by side."""
    one = way(command, 1)
    count = min(LONGEST // (len(one) + 1), MOST // cost(one))
    whole = " ".join([one] * max(1, count))
    return [whole] * max(1, MOST // cost(whole))


@pytest.fixture
def page(open_notebook):
    return open_notebook(["1"], fresh=True)


@pytest.fixture
def typeset(page):
    """Typeset formulas; return what it took of the page's thread in ms, levels, count."""
    page.found = page.js(SET_UP)
    session = page.page.context.new_cdp_session(page.page)
    session.send("Performance.enable")

    def thread_s() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "ThreadTime")

    def run(texts: list[str]) -> tuple[float, int, int]:
        began = thread_s()
        levels, count = page.js("typeset", texts)
        return round(1000 * (thread_s() - began)), levels, count

    run(["x"] * 9)
    return run


def converted(page, texts: list[str]) -> list[list[object]]:
    sizes = []
    for at in range(0, len(texts), 200):
        sizes += page.js("converted", texts[at : at + 200])
    return sizes


#: What the search found: cases with the sizes of what became of two and of five.
FOUND: list[tuple[tuple[str, str, Way], list[int], list[int]]] = []
#: It is made in parts, for a test may not take long.
PARTS = 3
DONE: set[int] = set()


def search(page, part: int) -> None:
    """Nest each command of a part in each way, once for all tests."""
    if part in DONE:
        return
    DONE.add(part)
    cases = [each for each in tried(page.found) if is_harmless(each[2](each[0], 3))]
    cases = cases[part::PARTS]
    sizes = converted(page, [way(name, n) for name, _, way in cases for n in (2, 5)])
    FOUND.extend(zip(cases, sizes[::2], sizes[1::2], strict=True))


@pytest.mark.parametrize("part", range(PARTS))
def test_each_command_that_nests_is_known(page, typeset, part: int) -> None:
    """Without a brace, or twice; and none fails."""
    search(page, part)
    failed = {case[0] for case, few, many in FOUND if len(many) > 2 or len(few) > 2}
    bare = ("bare", "before a colour", "before a length", "before a bare length")
    holding = {
        name[1:]
        for (name, title, _), few, many in FOUND
        if many[0] - few[0] >= 3 and title in bare
    }
    doubling = {
        name[1:]
        for (name, title, _), few, many in FOUND
        if title == "before a brace" and many[1] > 4.5 * few[1]
    }
    print(len(FOUND), failed, sorted(holding), sorted(doubling))

    assert failed == set()
    assert holding <= HOLDING
    assert doubling <= DOUBLING


def test_the_bounds_hold_for_all_that_mathjax_knows(page, typeset) -> None:
    """Nothing that is let through is deep, or takes long, or fails."""
    for part in range(PARTS):
        search(page, part)
    # One of each that grows in the same way, as deep as it may be.
    growing = {
        (case[1], *few, *many): case
        for case, few, many in FOUND
        if many[0] > few[0] + 1 or many[1] > 12 * max(few[1], 8)
    }
    deep = []
    for (_, depth, size, many_deep, many), (name, title, way) in growing.items():
        text = most(way, name)
        times = len(text) / len(way(name, 3))
        deep.append((name, title, [text], (many_deep - depth) * times, many - size))
    chosen = [
        *sorted(deep, key=lambda each: -each[3])[:12],
        *sorted(deep, key=lambda each: -each[4])[:12],
    ]
    # And what makes the most of a sign, as often as it may be.
    rate = {
        case[0]: ((many[1] - few[1]) / signs, case)
        for case, few, many in FOUND
        if (signs := cost(case[2](case[0], 5)) - cost(case[2](case[0], 2))) > 0
    }
    dense = sorted(rate.values(), key=lambda each: -each[0])[:12]
    tried_out = [each[:3] for each in chosen]
    tried_out += [(name, title, filled(way, name)) for _, (name, title, way) in dense]
    slow = [(*typeset(texts), *what, len(texts)) for *what, texts in tried_out]
    print(len(growing), *sorted(slow, reverse=True)[:20], sep="\n")
    print(*sorted(slow, key=lambda each: -each[1])[:6], sep="\n")

    assert [each for each in slow if each[2] != each[-1]] == []
    assert max(slow)[0] < MOST_MS
    assert max(levels for _, levels, *_ in slow) < MOST_LEVELS


NESTING = [
    (r"\frac{a}{", "}"), (r"\cfrac{a}{", "}"), (r"{a \over {", "}}"), (r"\left(", r"\right)"), ("x^{", "}"),
    (r"\sqrt{", "}"), (r"\begin{cases}", r"\end{cases}"), (r"\scriptstyle ", ""), (r"\color{red}", ""),
    (r"\text{a $", "$}"), (r"\overset{a}{", "}"), (r"\underbrace{", "}"), (r"\pmb{", "}"), (r"\raise1em ", ""),
    (r"\begin{array}{cc}a&", r"\end{array}"), (r"\mathop{", "}"), (r"\cancel{", "}"), (r"\ce{", "}"),
    (r"{a \choose {", "}}"), (r"\boxed{", "}"), (r"\substack{", "}"), (r"\Large ", ""), (r"\phantom{", "}"),
]  # fmt: skip


def test_mixed_they_hold_too(typeset) -> None:
    """Whatever is nested in whatever else."""
    chance = random.Random(7)
    found = []
    for _ in range(60):
        kinds = chance.sample(NESTING, chance.randint(1, 5))
        opened = closed = ""
        while True:
            begin, end = chance.choice(kinds)
            if not is_harmless(f"{opened}{begin}x{end}{closed}"):
                break
            opened, closed = opened + begin, end + closed
        tex = f"{opened}x{closed}"
        count = min((LONGEST + 1) // (len(tex) + 1), MOST // cost(tex))
        whole = "+".join([tex] * count)
        texts = (tex, whole if is_harmless(whole) else tex)
        found += [(*typeset([text])[:2], text[:60]) for text in texts]
    print(sorted(found, reverse=True)[:8], max(levels for _, levels, _ in found))

    assert max(found)[0] < MOST_MS
    assert max(levels for _, levels, _ in found) < MOST_LEVELS


MANY = {
    "letters": "x",
    "chemistry": r"\ce{H2O}",
    "fractions": r"\frac{a_1}{b^2}",
    "long ones": "x+" * (LONGEST // 2 - 1) + "x",
    "large ones": r"\cfrac12\binom34" * 50,
    "unknown letters": "漢字" * 500,
}


def test_all_that_one_answer_may_have(typeset) -> None:
    """A saved answer is typeset by the host all at once: in a second or so."""
    found = {}
    for name, tex in MANY.items():
        count = MOST // cost(tex)
        took_ms, _, done = typeset([tex] * count)
        found[name] = took_ms
        assert done == count
    print(found)

    assert max(found.values()) < MOST_MS


def test_past_the_bounds_the_page_would_freeze(typeset) -> None:
    """The bounds are needed: thrice as deep costs many times as much."""
    bound, beyond = (
        typeset([r"\scriptstyle " * count + "x"])[0]
        for count in (DEEPEST, 12 * DEEPEST)
    )

    assert beyond > 8 * bound


# -- saved: the host typesets it when the notebook is opened ---------------------------

NOTES = (
    r"Let \(x^2\) be given, and $\frac{a}{b}$, so \[y_1 = 2\] is."
    "\n\n\\[\na = b\n\nc = d\n\\]\n\n"
    r"| f | g |" "\n|---|---|\n" r"| $P(A|B)$ | costs $5 |"
    "\n\n\\begin{align}\\label{e} a &= b \\\\ c &= d\\end{align}\n"
)  # fmt: skip
#: What is beyond a bound, and how many formulas of it are typeset.
SAVED = {
    "notes": (NOTES, 6),
    "the same label": (NOTES, 6),
    "deep": ("$" + r"\left(" * 500 + "x" + r"\right)" * 500 + "$", 0),
    "deep and short": ("$" + r"\scriptstyle " * 900 + "x$", 0),
    "long": ("$$" + "x+" * 2_000 + "x$$", 0),
    "wide": ("$$" + "x+" * 1_000 + "x$$", 1),
    "many": ("a $x$ b\n\n" * 2_000, MOST // cost("x")),
    "chemistry": (r"$\ce{H2O}$ " * 2_000, MOST // cost(r"\ce{H2O}")),
}
COUNT = """() => [...document.querySelectorAll('.jp-Cell')].map((cell) => [
  cell.querySelectorAll('mjx-container').length,
  cell.querySelectorAll('mjx-merror, [data-mjx-error]').length])"""


def saved_notebook(folder: Path) -> Path:
    """Write a notebook with an answer in each cell, as the extension saves it."""
    notebook = notebook_of([f"# {name}" for name in SAVED])
    for cell, (text, _) in zip(notebook.cells, SAVED.values(), strict=True):
        data = bundle(nbstream.show([text], view="none"))
        cell.outputs = [nbformat.v4.new_output("display_data", data)]
    nbformat.write(notebook, folder / "saved.ipynb")
    return folder / "saved.ipynb"


@pytest.mark.parametrize("front", ["lab", "notebook"])
@pytest.mark.parametrize("trust", [True, False], ids=["trusted", "untrusted"])
def test_a_saved_notebook_shows_its_formulas(
    open_notebook, tmp_path: Path, front: str, trust: bool
) -> None:
    """Those in bounds are formulas, all others source; nothing crashes or fails."""
    page = open_notebook(saved_notebook(tmp_path), front=front, trust=trust)
    expected = [[count, 0] for _, count in SAVED.values()]
    for at in range(len(SAVED)):
        page.cell(at).evaluate("(cell) => cell.scrollIntoView()")
        page.page.wait_for_function(
            f"([at, count]) => ({COUNT})()[at]?.[0] === count",
            arg=[at, expected[at][0]],
        )
    picture(page, 0, f"formulas-saved-{front}-{trust}")

    assert page.js(COUNT) == expected
    assert page.errors == []


def test_a_page_made_of_it_asks_for_mathjax_only(browser, tmp_path: Path) -> None:
    """And leaves the source, between marks that it knows, where that does not come."""
    from nbconvert import HTMLExporter

    html, _ = HTMLExporter().from_filename(str(saved_notebook(tmp_path)))
    (tmp_path / "saved.html").write_text(html, "utf-8")
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.route("http*://**", lambda route: route.abort())
    page.goto((tmp_path / "saved.html").as_uri())
    found = page.evaluate(
        """() => [...document.querySelectorAll('.jp-OutputArea-output')].map((output) =>
          [...output.querySelectorAll('span:not([class])')].map((e) => e.textContent))"""
    )
    page.close()
    marks = re.compile(
        r"\$.+\$|\\\(.+\\\)|\\\[.+\\\]|\\begin\{align\}.+\\end\{align\}", re.DOTALL
    )

    assert [len(each) for each in found] == [count for _, count in SAVED.values()]
    assert all(marks.fullmatch(tex) for each in found for tex in each)
    assert all(re.search(r"mathjax|require", url, re.I) for url in asked[1:]), asked
