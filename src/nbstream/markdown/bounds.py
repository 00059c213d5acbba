r"""What of a formula a typesetter may have: what only shows, and not too much of it.

MathJax reads and lays out in the page's only thread. What is nested costs it the cube
of the depth, and some hundred levels end the page; what is long or comes in thousands
costs seconds; and JupyterLab typesets all of a saved output at once, when the notebook
is opened. So all is bounded here, before any host sees it, and what is beyond is shown
as its source. ``tests/places/test_formulas.py`` tries the bounds with each command that
MathJax knows, and has the table of what it found.

What one answer may cost is counted in signs, as they are typeset, for its length says
little: ``\binom12`` costs eight times as much as ``\alpha+1``. In Chromium a sign took
0.15 to 0.3 ms of the page's time, of whatever kind, so that all that an answer may have
holds the page for about a second. It is not less because lecture notes, with 60
formulas set apart and 150 in their lines, have 3,900 signs and took 0.75 s.
"""

from __future__ import annotations

import re
from html import unescape

#: The longest formula, in characters; a page of a derivation has 1,000 to 2,000.
LONGEST = 3_000
#: The most that is typeset of one answer, in signs: its own, and for each formula so
#: many more. A command, which has rules and arguments, counts for some signs.
MOST = 4_200
EACH = 4
#: Levels of groups; formulas that are meant have six or seven.
DEEPEST = 24

#: Commands that load, run, link, style or redefine, in MathJax and in KaTeX.
COMMAND = re.compile(
    r"""\\(?:
        require|href|url|path|includegraphics|unicode|char|class|cssId|style|data
      | html[a-zA-Z]*|js[a-zA-Z]*|action|special|input|include|write|open(?:in|out)
      | [gex]?def|(?:future)?let|global|long|catcode|csname|expandafter
      | (?:re)?newcommand[a-z]*|(?:re)?newenvironment|provide[a-zA-Z]*|Declare[a-zA-Z]*
      | vdotswithin|(?:re)?newtagform|usetagform|mathtoolsset|verb
      | Newextarrow|mmlToken|texttip|mathtip|toggle|endtoggle|bbox|enclose
      | setOptions|texhtml|begingroup[a-zA-Z]*|loop|repeat
    )(?![a-zA-Z])""",
    re.VERBOSE,
)

#: A backslash, or what an HTML reader makes one of.
BACKSLASH = re.compile(r"\\+|&(?:#x0*5c|#0*92|bsol);?", re.IGNORECASE)

#: Commands that hold all that follows in their group, without a brace.
_HOLDS = r"""(?:display|text|script|scriptscript)style|color|tiny|Tiny|scriptsize|small
  |normalsize|large|Large|LARGE|huge|Huge|raise|lower|move(?:left|right)
  |(?:[sS]et|[bB]raket)(?!\s*\{)"""
#: Macros that say twice what they are given: nested, that doubles at each level.
_TWICE = r"pmb|centernot|(?:over|under)bracket"
_TWICE_WITH_OPTIONS = re.compile(r"\\(?:over|under)bracket\s*\[")
_LEVEL = re.compile(
    rf"""\\(?:{_TWICE})\s*(?P<twice>\{{)
      | \\(?P<opens>left|begin)(?![a-zA-Z]) | \\(?P<ends>right|end)(?![a-zA-Z])
      | \\(?P<holds>{_HOLDS})(?![a-zA-Z]) | \\(?P<row>\\) | \\. | (?P<sign>[{{}}&])""",
    re.VERBOSE | re.DOTALL,
)
#: What draws more than a sign or two, by the elements that MathJax makes of it.
_SIGN = re.compile(
    rf"""(?P<doubled>\\(?:{_TWICE})(?![a-zA-Z])\s*\{{?)
      | (?P<large>\\(?:[dt]?binom|choose|brac[ek]|cfrac|splitd?frac|centerOver
          |(?:over|under)brace|long[a-zA-Z]*harpoons|longleftrightarrows|tripledash
          |n(?:up|down)arrow|var[a-z]*lim[a-z]*|(?:La)?TeX|[kK]etbra|ce|pu
          |[a-zA-Z]*[cC]olon[a-z]*|x[a-zA-Z]{{3,}})(?![a-zA-Z])\s*\{{?)
      | (?P<command>\\[a-zA-Z]+\s*\{{?) | \\. | [_^]\s*\{{? | \}}\s*\{{ | [^\s}}]""",
    re.VERBOSE | re.DOTALL,
)
_SIGNS = {"doubled": 20, "large": 10, "command": 3}
_COMMENT = re.compile(r"(\\.)|%[^\n]*", re.DOTALL)
#: What counts for more than one: an environment is a table, of rows, of cells.
_WEIGHTS = {"begin": 3, "twice": 6}


def is_harmless(tex: str) -> bool:
    """Say whether a typesetter may have ``tex``: only a formula, and one in bounds."""
    if len(tex) > LONGEST or COMMAND.search(tex) or _TWICE_WITH_OPTIONS.search(tex):
        return False
    return depth(tex) <= DEEPEST


def depth(tex: str) -> int:
    """Return how deep the groups of a formula are, and what holds the rest of one."""
    groups = [[0, 0]]  # what each counts for, and how often its rest is held
    now = deepest = 0
    for found in _LEVEL.finditer(_COMMENT.sub(r"\1", tex)):
        kind = found.lastgroup or ""
        sign = found[kind] if kind else ""
        if kind == "opens" or sign == "{":
            weight = _WEIGHTS.get(kind if kind == "twice" else sign, 1)
            groups.append([weight, 0])
            now += weight
        elif (kind == "ends" or sign == "}") and len(groups) > 1:
            now -= sum(groups.pop())
        elif kind == "holds":
            groups[-1][1] += 1
            now += 1
        elif groups[-1][0] == _WEIGHTS["begin"] and (sign == "&" or kind == "row"):
            now -= groups[-1][1]  # a cell ends, and what holds its rest
            groups[-1][1] = 0
        deepest = max(deepest, now)
    return deepest


def cost(tex: str) -> int:
    """Return what typesetting a formula costs, in signs."""
    found = _SIGN.finditer(tex)
    return EACH + sum(_SIGNS.get(each.lastgroup or "", 1) for each in found)


class Allowance:
    """Counts what of one text is typeset; what no longer fits in is shown as source."""

    def __init__(self, most: int = MOST) -> None:
        self.spent = 0
        self._most = most

    def has(self, tex: str) -> bool:
        """Say whether the next formula may be typeset, and count it if so."""
        return is_harmless(tex) and self.fits(tex)

    def fits(self, tex: str) -> bool:
        """Say so of one that is harmless."""
        spent = self.spent + cost(tex)
        if spent > self._most:
            return False
        self.spent = spent
        return True


#: A formula in our HTML: all other spans have a class.
_WRITTEN = re.compile(
    r"<span(?: style=[^<>]*)?>((?:\$\$?|\\[(\[])?)([^<]*?)((?:\$\$?|\\[)\]])?)</span>"
)


def bounded(html: str) -> str:
    """Return our HTML of several texts with no more formulas than one answer may have.

    Each text is in bounds; an answer has rounds, choices and reasoning, and a race has
    columns, but the page that opens the notebook typesets them together.
    """
    allowance = Allowance()

    def kept(found: re.Match[str]) -> str:
        if allowance.fits(unescape(found[2])):
            return found[0]
        return f"<code>{found[1]}{found[2]}{found[3]}</code>"

    return _WRITTEN.sub(kept, html)


def fit(formulas: list[str], most: int) -> bool:
    """Say whether a host may have all of these, which it has found by itself.

    It counts their dollars, and takes prices for formulas: so not all too exactly.
    """
    return all(map(is_harmless, formulas)) and sum(map(cost, formulas)) <= 2 * most


def is_command(src: str, pos: int, before: str = "") -> bool:
    """Say whether a dangerous command stands here once entities are read."""
    return COMMAND.match(before + unescape(src[pos : pos + 300])) is not None


def defused(tex: str) -> str:
    """Put spaces, which TeX does not see, where Markdown would see something."""
    tex = BACKSLASH.sub(
        lambda found: found[0] + " " * is_command(tex, found.end(), "\\"), tex
    )
    return re.sub(r"<(?=[A-Za-z/!?])|!(?=\[)|\](?=\()", r"\g<0> ", tex)
