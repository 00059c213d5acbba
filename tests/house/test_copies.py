"""The students' copies: answers are hidden, and what a student wrote stays."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from harness.ci import script
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
copies, course = script("copies"), script("course")


def opened(path: Path) -> list[nbformat.NotebookNode]:
    """Return the cells of a notebook's file."""
    return nbformat.read(path, as_version=4).cells


# -- the parts of a text --------------------------------------------------------------

PARTS = {
    "one paragraph": ("text", [("", "text")]),
    "nothing": ("", [("", "")]),
    "a label": ("**Predict.** Two?", [("Predict.", "**Predict.** Two?")]),
    "a label that asks": ("a\n\n**Why?** b", [("", "a\n"), ("Why?", "**Why?** b")]),
    "a heading": ("a\n\n## B\n\nc", [("", "a\n"), ("h2", "## B\n\nc")]),
    "a heading of two lines": ("a\n\nB\n===", [("", "a\n"), ("h1", "B\n===")]),
    "a bold word is no label": ("a\n\n**bold** b", [("", "a\n\n**bold** b")]),
    "nor is one in a paragraph": ("a\n**Predict.** b", [("", "a\n**Predict.** b")]),
    "nor in a list": ("- a\n\n  **Predict.** b", [("", "- a\n\n  **Predict.** b")]),
    "nor in a quotation": ("> **Predict.** b", [("", "> **Predict.** b")]),
    "a comment in code": ("```py\n\n# a\n```", [("", "```py\n\n# a\n```")]),
    "indented code": ("    # a", [("", "    # a")]),
    "a line between": ("a\u2028# b\n\n# c", [("", "a\u2028# b\n"), ("h1", "# c")]),
    "in what unfolds": (
        "<details><summary>A</summary>\n\n**Predict.** b\n\n</details>\n\n# c",
        [
            ("", "<details><summary>A</summary>\n\n**Predict.** b\n\n</details>\n"),
            ("h1", "# c"),
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), PARTS.values(), ids=PARTS.keys())
def test_a_text_has_parts(text, expected):
    """Headings and labelled paragraphs begin one, where they stand by themselves."""
    assert course.parts(text) == expected


LINES = ["# a", "**Predict.** a", "**What happened.** a", "", "- a", "```", "> a", "b"]
TEXTS = st.lists(st.sampled_from([*LINES, "<details>", "</details>", "    a", "---"]))


@given(TEXTS.map("\n".join))
def test_no_part_is_lost(text):
    """All parts, one after the other, are the text."""
    assert "\n".join(part for _, part in course.parts(text)) == text


def fold(body: str) -> str:
    """Return what a student sees of what happened."""
    return f"<details><summary>What happened</summary>\n\n{body}\n\n</details>"


FOLDED = {
    "all of a cell": ("**What happened.** Two.", fold("Two.")),
    "paragraphs, lists and code": (
        "**What happened.** Two.\n\n- a\n\n```py\n# b\n```\n\nMore of it.",
        fold("Two.\n\n- a\n\n```py\n# b\n```\n\nMore of it."),
    ),
    "up to a question": (
        "**What happened.** Two.\n\nAnd now?\n\n**Predict.** Three?",
        fold("Two.\n\nAnd now?") + "\n\n**Predict.** Three?",
    ),
    "up to a heading": (
        "**What happened.** Two.\n\n## Next\n\nText.",
        fold("Two.") + "\n\n## Next\n\nText.",
    ),
    "up to a figure": (
        "**What happened.** Two.\n\n**Drawn.** ![a](b.svg)",
        fold("Two.") + "\n\n**Drawn.** ![a](b.svg)",
    ),
    "a bold word goes on": (
        "**What happened.** Two.\n\n**SSE** has no more.",
        fold("Two.\n\n**SSE** has no more."),
    ),
    "with a fold of its own": (
        f"**What happened.** Two.\n\n{fold('**Predict.** a')}\n\n## Next",
        fold(f"Two.\n\n{fold('**Predict.** a')}") + "\n\n## Next",
    ),
    "after something else": (
        "Look:\n\n**What happened.** Two.",
        "Look:\n\n" + fold("Two."),
    ),
    "twice": (
        "**What happened.** a\n\n**What happened.** b",
        fold("a") + "\n\n" + fold("b"),
    ),
    "a question": ("**Predict.** Two?", "**Predict.** Two?"),
    "a figure": ("**Drawn.** ![a](b.svg)", "**Drawn.** ![a](b.svg)"),
    "a text that speaks of it": (
        "Under **What happened.** stands",
        "Under **What happened.** stands",
    ),
    "code": ("```\n\n**What happened.** a\n```", "```\n\n**What happened.** a\n```"),
}


@pytest.mark.parametrize(("text", "expected"), FOLDED.values(), ids=FOLDED.keys())
def test_what_happened_is_folded(text, expected):
    """The answer, and all of it, and nothing else."""
    assert copies.folded(text) == expected


# -- what is copied -------------------------------------------------------------------

LINKS = {
    "another lesson": ("[a](01_b.ipynb)", "[a](01_b.ipynb)"),
    "a place in it": ("[a](01_b.ipynb#c)", "[a](01_b.ipynb#c)"),
    "a place here": ("[a](#c)", "[a](#c)"),
    "a page elsewhere": ("[a](https://b.c/d.html)", "[a](https://b.c/d.html)"),
    "a picture": ("![a, b](../images/x.svg)", "![a, b](images/x.svg)"),
    "a picture's title": (
        '![a](../images/x.svg "b (c)")',
        '![a](images/x.svg "b (c)")',
    ),
    "a picture in HTML": ('<img src="../images/x.svg">', '<img src="images/x.svg">'),
    "a page of the docs": ("see [`the docs`](../docs/a.md).", "see `the docs`."),
    "the teacher's page": ("[a](README.md#b)", "a"),
    "what is no link": ('`d["a"](b)`', '`d["a"](b)`'),
    "words on two lines": ("[a\nb](README.md)", "a\nb"),
}


@pytest.fixture
def source(tmp_path) -> Path:
    """A course of two lessons, and what lies around it."""
    notebooks = tmp_path / "notebooks"
    files = {
        "notebooks/README.md": "for teachers",
        "notebooks/sealed/__init__.py": "",
        "notebooks/sealed/first.py": "answer = 42",
        "notebooks/sealed/__pycache__/first.pyc": "-",
        "notebooks/.ipynb_checkpoints/00_a.ipynb": "-",
        "notebooks/checks.py": "def check(): ...",
        "images/x.svg": "<svg/>",
        "docs/a.md": "a",
        "docs/y.png": "-",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    write(notebooks / "00_a.ipynb", "print(1)")
    write(notebooks / "01_b.ipynb", "print(2)")
    return notebooks


def write(path: Path, code: str, *texts: str) -> None:
    """Write a lesson that has run: a cell with an output, and texts."""
    printed = nbformat.v4.new_output("stream", text="an answer\n")
    tags = {"tags": ["raises-exception"]}
    ran = nbformat.v4.new_code_cell(
        code, outputs=[printed], execution_count=1, id="code", metadata=tags
    )
    told = [
        nbformat.v4.new_markdown_cell(text, id=f"text-{number}")
        for number, text in enumerate(texts)
    ]
    widgets = {"widgets": {"application/vnd.jupyter.widget-state+json": {}}}
    notebook = nbformat.v4.new_notebook(cells=[ran, *told], metadata=widgets)
    nbformat.write(notebook, path)


@pytest.mark.parametrize(("text", "expected"), LINKS.values(), ids=LINKS.keys())
def test_links_lead_to_what_is_there(source, tmp_path, text, expected):
    """Pictures come along; what a student does not have is named by its words."""
    write(source / "00_a.ipynb", "1", text)
    copies.update(tmp_path / "lessons", source)

    assert opened(tmp_path / "lessons" / "00_a.ipynb")[1].source == expected


def test_a_copy_has_no_answer(source, tmp_path):
    """No output and no number is left, and the cell is the same otherwise."""
    copies.update(tmp_path / "lessons", source)
    text = (tmp_path / "lessons" / "00_a.ipynb").read_text()
    cell = json.loads(text)["cells"][0]

    assert cell == {
        "cell_type": "code",
        "execution_count": None,
        "id": "code",
        "metadata": {"tags": ["raises-exception"]},
        "outputs": [],
        "source": ["print(1)"],
    }
    assert json.loads(text)["metadata"] == {}


def test_what_the_lessons_need_lies_beside_them(source, tmp_path):
    """Modules, pictures of any folder and what a teacher added; and nothing else."""
    write(source / "mine.ipynb", "3", "![y](../docs/y.png)")
    (source / "mine.rec").write_text("recorded")
    made = copies.update(tmp_path / "lessons", source)
    found = {path for path in made.folder.rglob("*") if path.is_file()}

    assert sorted(path.relative_to(made.folder).as_posix() for path in found) == [
        ".copies.json",
        "00_a.ipynb",
        "01_b.ipynb",
        "checks.py",
        "images/x.svg",
        "images/y.png",
        "mine.ipynb",
        "mine.rec",
        "sealed/__init__.py",
        "sealed/first.py",
    ]
    assert (made.first, made.beside) == (
        "00_a.ipynb",
        ["checks.py", "images", "mine.rec", "sealed"],
    )


def test_the_lessons_of_the_course_can_be_copied(tmp_path):
    """Each is the same lesson, no output is left, and each link leads somewhere."""
    made = copies.update(tmp_path / "lessons")
    link = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
    dead, told = [], {}
    for lesson in course.lessons():
        cells = opened(made.folder / lesson.name)
        code = [cell for cell in cells if cell.cell_type == "code"]
        told[lesson.name] = [cell.outputs for cell in code if cell.outputs]
        assert [cell.source for cell in code] == [
            cell.source for cell in opened(lesson) if cell.cell_type == "code"
        ]
        texts = "\n".join(cell.source for cell in cells if cell.cell_type != "code")
        targets = link.findall(texts)
        dead += [each for each in targets if not (made.folder / each).exists()]
        assert "\n**What happened.**" not in f"\n{texts}"
    assert dead == []
    assert told == {lesson.name: [] for lesson in course.lessons()}
    assert len(told) > 7


# -- what a student has made of them --------------------------------------------------


def solved(path: Path) -> None:
    """Change a copy as a student does."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = "my own answer"
    nbformat.write(notebook, path)


def ran(path: Path) -> None:
    """Run a copy, and save it."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="mine")]
    nbformat.write(notebook, path)


def looked_at(path: Path) -> None:
    """Open a copy in JupyterLab, which writes what the kernel says of itself."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["language_info"] = {"name": "python", "version": "3.14.0"}
    nbformat.write(notebook, path)


def broken(path: Path) -> None:
    """Leave something there that is no notebook any more."""
    path.write_text("<<<<<<<")


CHANGES = {
    "nothing": (lambda path: None, "print(1)", "print(3)"),
    "opened only": (looked_at, "print(1)", "print(3)"),
    "away": (Path.unlink, "print(1)", "print(3)"),
    "solved": (solved, "my own answer", "my own answer"),
    "run": (ran, "print(1)", "print(1)"),
}


@pytest.mark.parametrize(
    ("change", "same", "newer"), CHANGES.values(), ids=CHANGES.keys()
)
def test_what_a_student_has_changed_stays(source, tmp_path, change, same, newer):
    """Whether the lesson is as it was or has changed; else the newer one comes."""
    folder = tmp_path / "lessons"
    copies.update(folder, source)
    change(folder / "00_a.ipynb")
    is_kept = newer != "print(3)"

    again = copies.update(folder, source)
    assert (again.left, opened(folder / "00_a.ipynb")[0].source) == ([], same)

    write(source / "00_a.ipynb", "print(3)")
    for _ in range(2):  # it is said as long as it is true
        now = copies.update(folder, source)
        assert now.left == (["00_a.ipynb"] if is_kept else [])
        assert opened(folder / "00_a.ipynb")[0].source == newer
    assert opened(folder / "01_b.ipynb")[0].source == "print(2)"

    (folder / "00_a.ipynb").rename(folder / "my own.ipynb")
    assert copies.update(folder, source).left == []
    assert opened(folder / "00_a.ipynb")[0].source == "print(3)"
    assert opened(folder / "my own.ipynb")[0].source == newer


def test_what_is_no_notebook_any_more_stays_too(source, tmp_path):
    """Whatever it is, it is the student's."""
    copies.update(tmp_path / "lessons", source)
    broken(tmp_path / "lessons" / "00_a.ipynb")
    copies.update(tmp_path / "lessons", source)

    assert (tmp_path / "lessons" / "00_a.ipynb").read_text() == "<<<<<<<"


def test_a_students_own_file_is_never_taken_for_a_copy(source, tmp_path):
    """Also where a lesson comes later that has its name."""
    folder = tmp_path / "lessons"
    folder.mkdir()
    write(folder / "01_b.ipynb", "mine")
    (folder / "notes.txt").write_text("mine")
    made = copies.update(folder, source)

    assert made.left == ["01_b.ipynb"]
    assert opened(folder / "01_b.ipynb")[0].source == "mine"
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_lesson_that_is_gone_goes_unless_it_was_changed(source, tmp_path):
    """Lessons get other names; what a student did stays under the old one."""
    folder = tmp_path / "lessons"
    write(source / "02_c.ipynb", "print(3)")
    copies.update(folder, source)
    solved(folder / "02_c.ipynb")
    (source / "01_b.ipynb").unlink()
    (source / "02_c.ipynb").unlink()
    copies.update(folder, source)

    assert sorted(path.name for path in folder.glob("*.ipynb")) == [
        "00_a.ipynb",
        "02_c.ipynb",
    ]


def test_reset_puts_the_old_ones_aside(source, tmp_path):
    """Each time under another name, and says where; the new ones are new."""
    folder = tmp_path / "lessons"
    aside = []
    for _ in range(3):
        made = copies.update(folder, source, reset=True)
        aside.append(made.aside and made.aside.name)
        assert opened(folder / "00_a.ipynb")[0].source == "print(1)"
        solved(folder / "00_a.ipynb")

    assert aside == [None, "lessons-1", "lessons-2"]
    assert opened(tmp_path / "lessons-1" / "00_a.ipynb")[0].source == "my own answer"


def test_it_says_what_a_student_has_to_know(source, tmp_path, monkeypatch):
    """Where the copies are, where the old ones are, and what has a newer one."""
    monkeypatch.chdir(tmp_path)
    folder = Path("lessons")
    new = copies.update(folder, source).told()
    solved(folder / "00_a.ipynb")
    write(source / "00_a.ipynb", "print(3)")
    left = copies.update(folder, source).told()
    reset = copies.update(folder, source, reset=True).told()

    where = "Your copies of the lessons are in lessons."
    assert new == [where]
    assert left == [
        where,
        "You have changed 00_a.ipynb, so it stays as it is. There is a newer one: "
        "rename yours, and the next time you get it.",
    ]
    assert reset == [where, "The old ones are in lessons-1."]


# -- the course's own lessons ---------------------------------------------------------


def test_a_notebook_of_the_teachers_is_no_lesson_of_the_course(source):
    """Others may lie beside them: `make test` runs what the course has."""
    for name in ("mine.ipynb", "live.ipynb", "10_c.ipynb", "deeper_a.ipynb"):
        write(source / name, "1")

    assert [path.name for path in course.lessons(source)] == [
        "00_a.ipynb",
        "01_b.ipynb",
        "10_c.ipynb",
        "deeper_a.ipynb",
    ]


@pytest.mark.parametrize("file", ["Makefile", "pyproject.toml"])
def test_who_else_names_the_lessons_means_the_same(file):
    """nbval gets these, and ruff looks at these."""
    text = (ROOT / file).read_text()

    assert [p for p in course.LESSONS if f"notebooks/{p}" not in text] == []
