"""Write the answer key of the course: `python docs/write_answer_key.py`.

It makes docs/answer_key.md of what the lessons ask and their readers do not see before:
`notebooks/sealed`, and the solutions that `tests/course` proves.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import runpy
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from nbstream.course import Exercise, Prediction, Question

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "answer_key.md"
HEAD = """\
---
orphan: true
nosearch: true
---

# The answer key

**For teachers.**
It gives away every prediction, quiz and exercise of the course.
Students learn more without it, and it is not among their copies.

A prediction has its choices, what the lesson says afterwards, and why it is so.
Of a quiz the right answer comes first, in bold.
An exercise has the solution that is shown after three tries.
Below it are the names of what else its check takes and refuses.
The code of these is in `tests/course`; [Teaching the course](teaching.md) uses them.

*Written by `python docs/write_answer_key.py`: change a lesson, and run it again.*
"""
HAPPENED = "**What happened.**"
SAW = re.compile(r"\bsealed\.(\w+)\.saw\(")
#: Markdown's signs in plain text, but not in what stands between backticks.
SIGNS = re.compile(r"(`[^`]*`)|([\\*_<\[\]])")
LINK = re.compile(r"\]\((?![a-z]+:|#)")


def page() -> str:
    """Return the key of all lessons that are there."""
    sys.path.insert(0, str(ROOT / "notebooks"))
    try:
        lessons = sorted(ROOT.glob("notebooks/[0-9][0-9]_*.ipynb"))
        return "\n".join([HEAD, *map(lesson, lessons)])
    finally:
        sys.path.pop(0)


def lesson(path: Path) -> str:
    """Return the key of one lesson."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    title = "".join(cells[0]["source"]).partition("\n")[0].removeprefix("# ")
    sealed = importlib.import_module(f"sealed.{path.stem[3:]}")
    tables = ROOT / "tests" / "course" / f"solutions_{path.stem}.py"
    tried = runpy.run_path(str(tables)) if tables.exists() else {}
    head = f"## {path.stem[:2]} [{title}](../notebooks/{path.name})\n"
    return "\n".join([head, *key(vars(sealed), happened(cells), tried)])


def happened(cells: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what a lesson says after the cell that a prediction is about."""
    found: dict[str, str] = {}
    told: list[str] = []
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            told += SAW.findall(source)
            continue
        if source.startswith(HAPPENED):
            text = LINK.sub("](../notebooks/", source.removeprefix(HAPPENED).strip())
            found |= dict.fromkeys(told, text)
        told = []
    return found


def key(
    sealed: Mapping[str, Any], said: Mapping[str, str], tried: Mapping[str, Any]
) -> Iterator[str]:
    """Give the parts of a lesson's key."""
    for name, each in sealed.items():
        if isinstance(each, Prediction):
            number = f"a number of {each.unit}" if each.unit else "a number"
            choices = " / ".join(each.options) or number
            yield f"**{plain(each.question)}** {plain(choices)}\n"
            yield from [f"{said[name]}\n"] if name in said else []
            yield from [f"*Why:* {plain(each.why)}\n"] if each.why else []
    yield "### Quiz\n"
    for number, question in enumerate(sealed["QUIZ"], start=1):
        yield quiz(number, question)
    for name, each in sealed.items():
        if isinstance(each, Exercise):
            yield f"### `{name}`\n"
            yield f"````python\n{dedent(inspect.getsource(each.right))}````\n"
            yield from titles("It takes", tried.get("RIGHT", {}).get(name, ()))
            yield from titles("It refuses", tried.get("TRAPS", {}).get(name, ()))


def quiz(number: int, question: Question) -> str:
    """Return a question with its answers, the right one first."""
    right, why = question.right
    lines = [f"{number}. {plain(question.question)}"]
    lines += [f"   - **{plain(right.rstrip('.'))}**: {plain(why)}"]
    for wrong, why_not in question.wrong.items():
        lines += [f"   - {plain(wrong.rstrip('.'))}: {plain(why_not)}"]
    return "\n".join([*lines, ""])


def titles(what: str, names: Iterable[str]) -> Iterator[str]:
    """Give a line with the names of some solutions, if there are any."""
    if listed := " · ".join(map(plain, names)):
        yield f"{what}: {listed}.\n"


def plain(text: str) -> str:
    """Return a text as Markdown that shows it as it is."""
    return SIGNS.sub(lambda found: found[1] or f"\\{found[2]}", text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
