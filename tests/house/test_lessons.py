"""The lessons' exercises: a check never raises, and each solution passes its own."""

from __future__ import annotations

import ast
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
LESSONS = sorted(FOLDER.glob("0*.ipynb"))


def load(name: str) -> ModuleType:
    """Import a module that lies beside the lessons."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


checks = load("checks")
SOLUTIONS = (FOLDER / "solutions.py").read_text(encoding="utf-8")


def source_of_solutions() -> dict[str, str]:
    """Give each solution's source by its name."""
    functions = [
        node for node in ast.parse(SOLUTIONS).body if isinstance(node, ast.FunctionDef)
    ]
    return {each.name: ast.get_source_segment(SOLUTIONS, each) for each in functions}


def code_of(lesson: Path) -> list[str]:
    """Give the sources of a lesson's code cells."""
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def stub_of(source: str) -> str | None:
    """Name the function that a cell leaves to the reader, if it does."""
    found = source.split("(")[0].removeprefix("def ")
    return found if source.startswith("def ") and source.endswith(": ...") else None


def raising(_value: object) -> None:
    """Fail as a learner's function may."""
    raise ValueError("no")


ANSWERS: dict[str, tuple[Callable, tuple, str]] = {
    "right": (abs, ((-1, 1), (2, 2)), "ok\n"),
    "wrong in one of two cases": (
        abs,
        ((-1, 1), (-2, 3)),
        "not yet: case 2 of 2: expected 3, got 2\n",
    ),
    "a stub": (lambda _value: ..., ((1, 1),), "not yet: expected 1, got Ellipsis\n"),
    "no return": (lambda _value: None, ((1, ""),), "not yet: expected '', got None\n"),
    "another type": (bool, ((1, 1),), "not yet: expected 1, got True\n"),
    "an exception": (raising, ((1, 1),), "not yet: it raised ValueError: no\n"),
}


@pytest.mark.parametrize(
    ("function", "cases", "expected"), ANSWERS.values(), ids=ANSWERS.keys()
)
def test_a_check_says_ok_or_what_is_not_yet_right(function, cases, expected, capsys):
    """It prints one line, and whatever the function does, it does not raise."""
    checks.check(function, *(checks.case(given, gives=gives) for given, gives in cases))

    assert capsys.readouterr().out == expected


def test_every_exercise_has_a_solution():
    """The stubs in the lessons and the functions in solutions.py are the same."""
    stubs = [stub_of(source) for lesson in LESSONS for source in code_of(lesson)]
    assert sorted(filter(None, stubs)) == sorted(source_of_solutions())


@pytest.mark.kernel
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_solutions_pass_their_checks(lesson, start_kernel):
    """A lesson runs to its end with the solutions in it, and each check says ok."""
    solutions = source_of_solutions()
    kernel = start_kernel(env={"NBSTREAM_SPEED": "0"})
    kernel.execute(f"import sys; sys.path.insert(0, {str(FOLDER)!r})")
    told = []
    for source in code_of(lesson):
        run = kernel.execute(solutions.get(stub_of(source), source), allow_stdin=False)
        assert run.status == "ok", (source, run.outputs)
        if "check(" in source:
            told.append(run.text)
    assert told == ["ok\n"] * len(told)
    assert told
