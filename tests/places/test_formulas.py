r"""The bounds of formulas, tried with each command of the MathJax of JupyterLab.

First a search: each command and environment is nested in each way that TeX has, three
and nine times. What becomes deeper, or doubles, is on the lists of ``bounds``, or in
braces, which count. Then all that nests is written as deeply as it may be, alone and
mixed, and typeset in the page.
"""
# ruff: noqa: E501 - a table is read a case a line

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from nbstream.markdown.bounds import DEEPEST, EACH, LONGEST, MOST, is_harmless

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
#: No formula within the bounds takes the page longer, on a slow machine.
MOST_MS = 2_500
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
    const began = performance.now();
    await latex.typeset(box);
    box.offsetHeight;
    const took = performance.now() - began;
    const found = [took, levels(box), box.querySelectorAll('mjx-container').length];
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


@pytest.fixture
def page(open_notebook):
    return open_notebook(["1"], fresh=True)


def test_the_bounds_hold_for_all_that_mathjax_knows(page) -> None:
    """Nothing that is let through is deep, or takes long, or fails."""
    found = page.js(SET_UP)
    cases = [each for each in tried(found) if is_harmless(each[2](each[0], 3))]
    sizes = []
    for at in range(0, len(cases), 40):
        texts = [way(name, n) for name, _, way in cases[at : at + 40] for n in (2, 5)]
        sizes += page.js("converted", texts)
    pairs = list(zip(cases, sizes[::2], sizes[1::2], strict=True))
    growing = [
        case
        for case, few, many in pairs
        if many[0] > few[0] + 1 or many[1] > 12 * max(few[1], 8)
    ]
    failed = {case[0] for case, few, many in pairs if len(many) > 2 or len(few) > 2}
    holding = {
        name[1:]
        for (name, title, _), few, many in pairs
        if many[0] - few[0] >= 3
        and title
        in ("bare", "before a colour", "before a length", "before a bare length")
    }
    doubling = {
        name[1:]
        for (name, title, _), few, many in pairs
        if title == "before a brace" and many[1] > 4.5 * few[1]
    }
    texts = [most(way, name) for name, _, way in growing]
    print(len(cases), len(growing), failed, sorted(holding), sorted(doubling))
    reached = []
    for at in range(0, len(texts), 20):
        reached += page.js("converted", texts[at : at + 20])
    failed |= {
        case[0] for case, size in zip(growing, reached, strict=True) if len(size) > 2
    }
    order = range(len(texts))
    chosen = {
        *sorted(order, key=lambda at: -reached[at][0])[:40],
        *sorted(order, key=lambda at: -reached[at][1])[:40],
    }
    slow = []
    for at in chosen:
        took_ms, levels, _ = page.js("(tex) => typeset([tex])", texts[at])
        slow.append((took_ms, levels, *growing[at][:2], len(texts[at])))
    print(sorted(slow, reverse=True)[:12])
    print(sorted(slow, key=lambda each: -each[1])[:12])

    assert failed == set()
    assert holding <= HOLDING
    assert doubling <= DOUBLING
    assert max(slow)[0] < MOST_MS
    assert max(levels for _, levels, *_ in slow) < MOST_LEVELS


NESTING = [
    (r"\frac{a}{", "}"), (r"\cfrac{a}{", "}"), (r"{a \over {", "}}"), (r"\left(", r"\right)"), ("x^{", "}"),
    (r"\sqrt{", "}"), (r"\begin{cases}", r"\end{cases}"), (r"\scriptstyle ", ""), (r"\color{red}", ""),
    (r"\text{a $", "$}"), (r"\overset{a}{", "}"), (r"\underbrace{", "}"), (r"\pmb{", "}"), (r"\raise1em ", ""),
    (r"\begin{array}{cc}a&", r"\end{array}"), (r"\mathop{", "}"), (r"\cancel{", "}"), (r"\ce{", "}"),
    (r"{a \choose {", "}}"), (r"\boxed{", "}"), (r"\substack{", "}"), (r"\Large ", ""), (r"\phantom{", "}"),
]  # fmt: skip


def test_mixed_they_hold_too(page) -> None:
    """Whatever is nested in whatever else."""
    page.js(SET_UP)
    chance = random.Random(7)
    found = []
    for _ in range(150):
        kinds = chance.sample(NESTING, chance.randint(1, 5))
        opened = closed = ""
        while True:
            begin, end = chance.choice(kinds)
            if not is_harmless(f"{opened}{begin}x{end}{closed}"):
                break
            opened, closed = opened + begin, end + closed
        tex = f"{opened}x{closed}"
        whole = "+".join([tex] * ((LONGEST + 1) // (len(tex) + 1)))
        for text in (tex, whole if is_harmless(whole) else tex):
            took_ms, levels, _ = page.js("(tex) => typeset([tex])", text)
            found.append((took_ms, levels, text[:60]))
    print(sorted(found, reverse=True)[:8], max(levels for _, levels, _ in found))

    assert max(found)[0] < MOST_MS
    assert max(levels for _, levels, _ in found) < MOST_LEVELS


MANY = {
    "letters": "x",
    "chemistry": r"\ce{H2O}",
    "fractions": r"\frac{a_1}{b^2}",
    "long ones": "x+" * (LONGEST // 2 - 1) + "x",
}


@pytest.mark.parametrize("tex", MANY.values(), ids=MANY)
def test_all_that_one_text_may_have(page, tex: str) -> None:
    """A saved answer is typeset by the host all at once: in some seconds at worst."""
    page.js(SET_UP)
    count = MOST // (EACH + len(tex))
    took_ms, _, done = page.js("typeset", [tex] * count)
    print(count, took_ms)

    assert done == count
    assert took_ms < 2 * MOST_MS


def test_past_the_bounds_the_page_would_freeze(page) -> None:
    """The bounds are needed: thrice as deep costs many times as much."""
    page.js(SET_UP)
    bound, beyond = (
        page.js("(tex) => typeset([tex])", r"\scriptstyle " * count + "x")[0]
        for count in (DEEPEST, 12 * DEEPEST)
    )

    assert beyond > 8 * bound
