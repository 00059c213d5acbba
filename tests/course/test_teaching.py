"""The teacher's pages: what they say of the lessons, and the commands that suffice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from harness.ci import script
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted(ROOT.glob("notebooks/[0-9][0-9]_*.ipynb"))
TEACHING = (ROOT / "docs" / "teaching.md").read_text("utf-8")
TIME = re.compile(r"\*\*Time:\*\* (?:about )?(\d+) minutes")


def minutes_of(lesson: Path) -> str:
    """Return the minutes that a lesson says it takes."""
    cells = json.loads(lesson.read_text("utf-8"))["cells"]
    return TIME.search("\n".join("".join(cell["source"]) for cell in cells))[1]


ROW = r"\| \[[^|]*\]\({}\)[^|]*\|"
TABLES = {
    "the course's page": ("notebooks/README.md", "", r" (\d+) \|"),
    "the README": ("README.md", "notebooks/", r"[^|]*\| (\d+) \|"),
}


@pytest.mark.parametrize(("page", "folder", "rest"), TABLES.values(), ids=TABLES.keys())
def test_each_lesson_is_listed_with_its_minutes(page, folder, rest):
    """As the lesson itself says them."""
    text = (ROOT / page).read_text("utf-8")
    rows = {each.name: ROW.format(f"{folder}{each.name}") + rest for each in LESSONS}
    listed = {name: re.findall(row, text) for name, row in rows.items()}

    assert listed == {each.name: [minutes_of(each)] for each in LESSONS}


def test_the_plan_adds_up():
    """The parts of each lesson, to the minutes beside them."""
    rows = re.findall(r"^\| \d\d .*\|$", TEACHING, re.M)
    plans = [list(map(int, re.findall(r"\d+", row.split("|", 2)[2]))) for row in rows]

    assert len(plans) == 10
    assert [sum(plan[:6]) for plan in plans] == [plan[6] for plan in plans]


def test_each_lesson_is_planned():
    """With its minutes, and with what one hears; the capstone has a plan of its own."""
    names = [each.stem[:2] for each in LESSONS if not each.stem.startswith("10_")]
    found = [name for name in names if f"\n| {name} " in TEACHING]

    assert [name for name in found if f"\n### {name} " in TEACHING] == names


def ran(folder: Path, *command: str | Path) -> str:
    """Run Python in a folder; return what it says in the end."""
    env = {**os.environ, "NBSTREAM_SPEED": "0"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return (done.stdout.strip() or "-").splitlines()[-1]


@pytest.mark.kernel
def test_material_of_ones_own_is_made_as_the_page_says(tmp_path):
    """A recording, a sealed module and a lesson: run, saved, and compared by nbval."""
    page = TEACHING.split("## Material of your own")[1]
    record, sealed, cells = re.findall(r"```python\n(.*?)```", page, re.S)
    lesson = tmp_path / "notebooks" / "mine.ipynb"
    (lesson.parent / "sealed").mkdir(parents=True)
    (lesson.parent / "sealed" / "mine.py").write_text(sealed)
    made = new_notebook(cells=[new_code_cell(each) for each in cells.split("# %%\n")])
    nbformat.write(made, lesson)

    offline = "import nbstream; nbstream.offline.use(live=False)\n"
    ran(tmp_path, "-c", offline + record)
    execute = ROOT / ".ci" / "execute_notebooks.py"
    assert ran(tmp_path, execute, "--write", lesson) == "mine.ipynb: different"
    assert ran(tmp_path, execute, lesson) == "mine.ipynb: same"
    nbval = ("-m", "pytest", "-q", "--nbval", "--nbval-current-env", lesson)
    assert " passed in " in ran(tmp_path, *nbval)

    copies = script("copies").made(lesson.parent)
    assert copies.keys() == {"mine.ipynb", "mine.rec", "sealed/mine.py"}
