"""Slides of the lessons: where they begin, and what comes when it is asked for."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from harness.ci import script
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

ROOT = Path(__file__).resolve().parents[2]
course, slides = script("course"), script("slides/build")

PRINTED = new_output("stream", text="42\n")
LONG = new_output("stream", text="a line\n" * 30)
HINT = f"<details><summary>Hint</summary>\n\n{'a' * 5000}\n\n</details>"
FAILED = new_output("error", ename="E", evalue="no", traceback=["E: no"])


def code(*outputs: nbformat.NotebookNode, source: str = "f()") -> nbformat.NotebookNode:
    """Make a code cell that has run."""
    return new_code_cell(source, outputs=list(outputs), execution_count=1)


CELLS = {
    "headings": (
        [new_markdown_cell("# A\n\na\n\n## B\n\n### C")],
        [("slide", "# A\n\na\n"), ("slide", "## B\n"), ("subslide", "### C")],
    ),
    "a question, its answer, the next question": (
        [
            new_markdown_cell("## A\n\n**Predict.** Two?"),
            code(PRINTED),
            new_markdown_cell("**What happened.** No.\n\n**Predict.** Three?"),
            code(FAILED),
        ],
        [
            ("slide", "## A\n"),
            ("-", "**Predict.** Two?"),
            ("-", "f()"),
            ("fragment", "42\n"),
            ("fragment", "**What happened.** No.\n"),
            ("subslide", "**Predict.** Three?"),
            ("-", "f()"),
            ("fragment", "E: no"),
        ],
    ),
    "what does not fit begins a slide": (
        [new_markdown_cell("## A"), code(LONG), code(source="x\n" * 20), code()],
        [
            ("slide", "## A"),
            ("-", "f()"),
            ("subslide", "a line\n" * 30),
            ("subslide", "x\n" * 20),
            ("subslide", "f()"),
        ],
    ),
    "what is folded takes one line": (
        [new_markdown_cell("# A"), new_markdown_cell(HINT), code()],
        [("slide", "# A"), ("-", HINT), ("-", "f()")],
    ),
    "a picture takes room": (
        [new_markdown_cell("# A\n\n![a](b)"), new_markdown_cell("![c](d)")],
        [("slide", "# A\n\n![a](b)"), ("subslide", "![c](d)")],
    ),
}


@pytest.mark.parametrize(("cells", "expected"), CELLS.values(), ids=CELLS.keys())
def test_slides_follow_from_headings_and_labels(cells, expected):
    """No cell says so itself; outputs and what happened are asked for."""
    shown = [
        (
            cell.metadata["slideshow"]["slide_type"],
            cell.source or slides.text_of(cell.outputs[0]),
        )
        for cell in slides.presented(cells)
    ]
    assert shown == expected


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Slides of the first lesson, and of a teacher's notebook."""
    folder = tmp_path_factory.mktemp("slides")
    mine = folder / "mine.ipynb"
    (folder / "other.ipynb").touch()
    cells = [
        new_markdown_cell("# Mine & yours\n\n[a](mine.ipynb#b), [c](other.ipynb)"),
        new_markdown_cell("## A step\n\n**Predict.** How much?"),
        code(PRINTED),
        new_markdown_cell("**What happened.** Much."),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), mine)
    slides.build([course.lessons()[0], mine], folder / "slides")
    return folder / "slides"


@pytest.mark.browser
def test_an_answer_comes_when_the_teacher_asks_for_it(built, browser):
    """From a file, without a network: space shows what a cell gave, then goes on."""
    outside: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.route("http*://**", lambda route: outside.append(route.request.url))
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((built / "index.html").as_uri())
    page.get_by_role("link", name="Mine").click()
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    seen = []
    for number in range(4):
        text = page.evaluate("Reveal.getCurrentSlide().innerText")  # what is visible
        seen.append(" ".join(text.split()))
        page.screenshot(path=ROOT / "screenshots" / f"slides-{number}.png")
        page.keyboard.press("Space")
        page.wait_for_timeout(300)  # what fades in is there at once
    page.goto((built / f"{course.lessons()[0].stem}.html").as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    total = page.evaluate("Reveal.getTotalSlides()")
    context.close()

    assert seen == [
        "Mine & yours a, c",
        "A step Predict. How much? f()",
        "A step Predict. How much? f() 42",
        "A step Predict. How much? f() 42 What happened. Much.",
    ]
    assert total > 10
    assert (outside, errors) == ([], [])


@pytest.mark.browser
def test_links_lead_to_slides_where_there_are_some(built):
    """Others are words; a name is a name, whatever is in it."""
    text = (built / "mine.html").read_text()
    listed = (built / "index.html").read_text()

    assert '<a href="mine.html">a</a>, c' in text
    assert '<a href="mine.html">Mine &amp; yours</a>' in listed
