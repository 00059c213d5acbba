"""The answer key: written by code, and as it was committed."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from nbstream.course import Exercise, Prediction, Question, case

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script():
    """The script that writes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs")
        yield importlib.import_module("write_answer_key")


def test_the_committed_key_is_what_the_script_writes(script):
    """`python docs/write_answer_key.py` was run since a lesson changed."""
    assert script.PAGE.read_text("utf-8") == script.page()


def double(number):
    return 2 * number


SEALED = {
    "pieces": Prediction(
        "How many?", {"one_": 1, "more": range(2, 9)}, why="It is *cut*."
    ),
    "length": Prediction("How long?", unit="bytes"),
    "QUIZ": (
        Question("What does `a_b` do?", ("no_thing.", "So."), {"all": "No [x]."}),
    ),
    "double": Exercise(case(1, gives=2), solution=double),
    "helper": len,
}
TRIED = {"RIGHT": {"double": {"by +": ""}}, "TRAPS": {"double": {"x": (), "y": ()}}}
WRITTEN = """\
**How many?** one\\_ / more

More, see [it](../notebooks/b.ipynb).

*Why:* It is \\*cut\\*.

**How long?** a number of bytes

### Quiz

1. What does `a_b` do?
   - **no\\_thing**: So.
   - all: No \\[x\\].

### `double`

````python
def double(number):
    return 2 * number
````

It takes: by +.

It refuses: x · y.
"""


def test_a_lesson_is_written_whole(script):
    """Predictions, quiz, exercises; texts stand there as they are."""
    said = {"pieces": "More, see [it](../notebooks/b.ipynb)."}

    assert "\n".join(script.key(SEALED, said, TRIED)) == WRITTEN


def cell(kind: str, *lines: str) -> dict[str, object]:
    """Make a notebook's cell."""
    return {"cell_type": kind, "source": [*lines]}


CELLS = {
    "told in the next text": (
        [
            cell("code", "predict(sealed.a)"),
            cell("code", "x = 1\n", "sealed.a.saw(x)"),
            cell("code", "x"),
            cell("markdown", "**What happened.** One, as in\n", "[b](b.ipynb)."),
        ],
        {"a": "One, as in\n[b](../notebooks/b.ipynb)."},
    ),
    "two in one cell": (
        [
            cell("code", "sealed.a.saw(1)\nsealed.b.saw()"),
            cell("markdown", "**What happened.** So."),
        ],
        {"a": "So.", "b": "So."},
    ),
    "another text comes first": (
        [
            cell("code", "sealed.a.saw(1)"),
            cell("markdown", "## 1. Next"),
            cell("markdown", "**What happened.** Of something else."),
        ],
        {},
    ),
}


@pytest.mark.parametrize(("cells", "expected"), CELLS.values(), ids=CELLS.keys())
def test_what_happened_is_that_of_the_prediction(script, cells, expected):
    """It is the text below the cell that tells what came out."""
    assert script.happened(cells) == expected
