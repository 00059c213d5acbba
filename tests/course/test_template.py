"""The lessons: what the template asks of each, what exercises take and refuse.

``solutions_<lesson>.py`` in this folder has ``RIGHT`` and ``TRAPS``: for each exercise
of ``notebooks/sealed/<lesson>.py`` solutions written in several ways, and wrong ones,
each with a word of the case that has to refuse it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import runpy
import sys
from pathlib import Path

import pytest

from nbstream.course import Exercise, Prediction, Question

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("[01][0-9]_*.ipynb"))
DEEPER = sorted(NOTEBOOKS.glob("deeper_*.ipynb"))
IDS = [path.stem for path in LESSONS]
sys.path.insert(0, str(NOTEBOOKS))


def cells_of(lesson: Path) -> list[dict]:
    """Give a notebook's cells."""
    return json.loads(lesson.read_text(encoding="utf-8"))["cells"]


def sources(lesson: Path, kind: str) -> list[str]:
    """Give the sources of its cells of one kind."""
    cells = cells_of(lesson)
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def sealed_of(lesson: Path):
    """Import a lesson's questions, checks and solutions."""
    return importlib.import_module(f"sealed.{lesson.stem[3:]}")


def solutions_of(name: str) -> dict[str, dict]:
    """Load the right and the wrong solutions of a lesson's exercises.

    By their place: `course` is also the name of a script that other tests import.
    """
    return runpy.run_path(str(Path(__file__).with_name(f"solutions_{name}.py")))


def exercises_of(sealed) -> dict[str, Exercise]:
    """Give a lesson's exercises by their names."""
    return {name: v for name, v in vars(sealed).items() if isinstance(v, Exercise)}


@pytest.mark.parametrize("lesson", LESSONS, ids=IDS)
def test_a_lesson_has_the_size_of_the_template(lesson):
    """20 to 28 cells (the capstone may have 36), at most 12 lines of code in each."""
    most = 36 if lesson.stem.startswith("10_") else 28
    cells = len(cells_of(lesson))
    longest = max(len(source.splitlines()) for source in sources(lesson, "code"))

    assert 20 <= cells <= most
    assert longest <= 12


@pytest.mark.parametrize("lesson", [*LESSONS, *DEEPER], ids=lambda path: path.stem)
def test_only_a_cell_that_raises_has_a_tag(lesson):
    """``raises-exception``, and no other metadata."""
    tags = [cell["metadata"] for cell in cells_of(lesson) if cell["metadata"]]

    assert all(each == {"tags": ["raises-exception"]} for each in tags)


PARTS = (
    "**You will be able to**",
    "**You need**",
    "## 1. ",
    "## 2. ",
    "## 3. ",
    "**What happened.**",
    "## Break it",
    "## Exercise",
    "**Drawn.**",
    "## Not always",
    "## Recap",
    "## Quiz",
    "**Sources**",
    "**Next:**",
)


@pytest.mark.parametrize("lesson", LESSONS, ids=IDS)
def test_a_lesson_has_the_parts_of_the_template(lesson):
    """In their order, with the picture at the top and three dated sources."""
    text = "\n".join(sources(lesson, "markdown"))
    parts = [part for part in PARTS if not (lesson is LESSONS[-1] and "Next" in part)]
    places = [text.find(part) for part in parts]

    assert [part for part, at in zip(parts, places, strict=True) if at < 0] == []
    firsts = [at for part, at in zip(parts, places, strict=True) if "#" in part]
    assert firsts == sorted(firsts)
    assert "](../images/" in "".join(cells_of(lesson)[0]["source"])
    after = text[text.find("**Sources**") :]
    assert len(re.findall(r"^- ", after, re.M)) >= 3
    assert re.search(r"\b20\d\d-\d\d-\d\d\b", after)


@pytest.mark.parametrize("lesson", LESSONS, ids=IDS)
def test_every_prediction_is_asked_and_then_told(lesson):
    """At least three; each is asked before the cell that tells what came out."""
    code = "\n".join(sources(lesson, "code"))
    made = [n for n, v in vars(sealed_of(lesson)).items() if isinstance(v, Prediction)]
    asked = {name: code.find(f"predict(sealed.{name})") for name in made}
    told = {name: code.find(f"sealed.{name}.saw(") for name in made}

    assert len(made) >= 3
    assert [n for n in made if not 0 <= asked[n] < told[n]] == []


@pytest.mark.parametrize("lesson", LESSONS, ids=IDS)
def test_the_quiz_has_five_questions_with_reasons(lesson):
    """Each with two wrong choices or more, and a reason for every choice."""
    quiz = sealed_of(lesson).QUIZ

    assert len(quiz) == 5
    assert all(isinstance(each, Question) and len(each.wrong) >= 2 for each in quiz)
    assert all(len(why) > 15 for each in quiz for _, why in each.choices())
    assert any("quiz(sealed.QUIZ)" in each for each in sources(lesson, "code"))


@pytest.mark.parametrize("lesson", LESSONS, ids=IDS)
def test_no_code_names_the_outcome_that_it_asks_about(lesson):
    """No ``except`` of a named error: a cell that fails is left to fail."""
    named = re.compile(r"^\s*except\s+\w", re.M)

    assert [each for each in sources(lesson, "code") if named.search(each)] == []


@pytest.mark.parametrize("lesson", [*LESSONS, *DEEPER], ids=lambda path: path.stem)
def test_links_of_a_lesson_lead_somewhere(lesson):
    """Other lessons, pages and pictures are where it says."""
    text = "\n".join(sources(lesson, "markdown"))
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)

    assert [link for link in links if not (NOTEBOOKS / link).exists()] == []


@pytest.mark.parametrize("lesson", [*LESSONS, *DEEPER], ids=lambda path: path.stem)
def test_no_output_of_a_lesson_runs_a_script_where_it_is_exported(lesson):
    """A page that nbconvert makes of it trusts all HTML, also that in Markdown."""
    runs = re.compile(r"<script|\son\w+\s*=|javascript:", re.IGNORECASE)
    found = []
    for cell in cells_of(lesson):
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            pages = [data.get(f"text/{kind}", "") for kind in ("html", "markdown")]
            found += [each for each in pages if runs.search("".join(each))]
    assert found == []


def stub_of(source: str) -> str | None:
    """Name the function that a cell leaves to the reader, if it does."""
    match = re.fullmatch(r"(?:async )?def (\w+)\(.*\): \.\.\.", source.strip())
    return match[1] if match else None


@pytest.mark.kernel
@pytest.mark.parametrize("lesson", LESSONS, ids=IDS)
def test_a_lesson_runs_with_its_solutions(lesson, start_kernel):
    """To its end, with each solution in the place of its stub; each check says ok."""
    exercises = exercises_of(sealed_of(lesson))
    solutions = {name: source_of(each) for name, each in exercises.items()}
    kernel = start_kernel(env={"NBSTREAM_SPEED": "0"})
    kernel.execute(f"import sys; sys.path.insert(0, {str(NOTEBOOKS)!r})")
    told = []
    for cell in cells_of(lesson):
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        stub = stub_of(source)
        source = solutions[stub] if stub else source
        run = kernel.execute(source, allow_stdin=False)
        fails = cell["metadata"].get("tags") == ["raises-exception"]
        assert run.status == ("error" if fails else "ok"), (source, run.outputs)
        if ".check(" in source:
            lines = run.text.splitlines()
            told += [each for each in lines if each == "ok" or "not yet" in each]
    assert told == ["ok"] * len(exercises)


def source_of(exercise: Exercise) -> str:
    """Give a solution's source, with the imports of its module."""
    module = inspect.getmodule(exercise.right)
    tree = ast.parse(inspect.getsource(module))
    imports = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    kept = [n for n in imports if getattr(n, "module", "") != "__future__"]
    return "\n".join([*map(ast.unparse, kept), inspect.getsource(exercise.right)])


# -- solutions: what is right is taken however it is written, each trap is refused ----


def tables(name: str) -> list:
    """Give (exercise, title, source, word) of every lesson's file in this folder."""
    found = []
    for path in sorted(Path(__file__).parent.glob("solutions_*.py")):
        sealed = importlib.import_module(f"sealed.{path.stem[13:]}")
        for exercise, cases in solutions_of(path.stem[10:])[name].items():
            for title, case in cases.items():
                marks = pytest.param(
                    getattr(sealed, exercise),
                    case,
                    id=f"{path.stem[10:]}-{exercise}-{title}",
                )
                found.append(marks)
    return found


def function_of(source: str, name: str):
    """Run a solution's source; return its function."""
    names: dict[str, object] = {}
    exec(source, names)
    return names[name]


@pytest.mark.parametrize(("exercise", "source"), tables("RIGHT"))
def test_what_is_right_is_taken(exercise, source, capsys):
    """However it is written."""
    exercise.check(function_of(source, exercise.right.__name__))

    assert capsys.readouterr().out == "ok\n"


@pytest.mark.parametrize(("exercise", "trap"), tables("TRAPS"))
def test_a_trap_is_refused_by_its_own_case(exercise, trap, capsys):
    """Which says what it is about."""
    source, word = trap
    exercise.check(function_of(source, exercise.right.__name__))
    out = capsys.readouterr().out

    assert out.startswith("not yet: ")
    assert word in out


@pytest.mark.parametrize("lesson", LESSONS, ids=IDS)
def test_every_exercise_has_right_and_wrong_solutions(lesson):
    """At least two other ways that are right, and one wrong one for each trap."""
    right, traps = map(solutions_of(lesson.stem).get, ("RIGHT", "TRAPS"))
    exercises = exercises_of(sealed_of(lesson))

    assert set(right) == set(traps) == set(exercises)
    assert all(len(right[name]) >= 2 for name in exercises)
    assert all(len(traps[name]) >= 3 for name in exercises)
