"""What a student sees after `make lab`: lessons, pictures, questions; no answer yet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile, copytree

import nbformat
import pytest
from harness.browser import READY, VIEWPORT, NotebookPage
from harness.ci import script
from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "screenshots"
LAB = ROOT / ".ci" / "lab.py"
FIRST = script("course").lessons()[0]
#: A lesson that asks what is answered in a module beside it, and has a picture.
SEALED = "from sealed.second import ANSWER\nANSWER"
ASKED = "**Predict.** How much?\n\n![A picture](../images/leaving.svg)"
TOLD = "**What happened.** The answer is 42.\n\n**Predict.** And now?"
LISTED = """() => [...document.querySelectorAll('.jp-DirListing-itemText')]
  .map((item) => item.textContent)"""
#: The number and the outputs of each cell, also of those that are not drawn yet.
CODE = """() => window.jupyterapp.shell.currentWidget.context.model.toJSON().cells
  .filter((cell) => cell.cell_type === 'code')
  .map((cell) => [cell.execution_count, cell.outputs.length])"""
PICTURES = """() => [...document.querySelectorAll('.jp-RenderedMarkdown img')]
  .map((image) => [image.alt, image.complete && image.naturalWidth > 0])"""


@pytest.fixture(scope="module")
def lab(start_jupyter, tmp_path_factory):
    """JupyterLab on copies of two lessons, as `make lab` starts it."""
    folder = tmp_path_factory.mktemp("course")
    source = folder / "notebooks"
    (source / "sealed").mkdir(parents=True)
    copytree(ROOT / "images", folder / "images")
    copyfile(FIRST, source / FIRST.name)
    (source / "sealed" / "second.py").write_text("ANSWER = 42")
    ran = nbformat.v4.new_output("execute_result", {"text/plain": "42"})
    cells = [
        nbformat.v4.new_markdown_cell(ASKED),
        nbformat.v4.new_code_cell(SEALED, outputs=[ran], execution_count=1),
        nbformat.v4.new_markdown_cell(TOLD),
    ]
    second = nbformat.v4.new_notebook(
        cells=cells, metadata=json.loads(FIRST.read_text())["metadata"]
    )
    nbformat.write(second, source / "90_second.ipynb")
    copies = folder / "lessons"
    program = [str(LAB), f"--source={source}", f"--folder={copies}"]
    return start_jupyter(program=program, root=copies)


@pytest.fixture
def context(lab, browser) -> Iterator[BrowserContext]:
    """A browser that knows nothing of what was open before."""
    fresh = browser.new_context(viewport=VIEWPORT)
    yield fresh
    fresh.close()
    lab.end_sessions()


def test_the_first_lesson_opens_and_lessons_are_all_there_is(lab, context):
    """Below the top folder stand their names; no question has its answer below it."""
    page = context.new_page()
    page.goto(lab.url)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.wait_for_function(READY)
    page.locator("#jupyterlab-splash").wait_for(state="detached")
    page.screenshot(path=SHOTS / "copies-first.png")

    assert page.url.rstrip("?") == f"{lab.url}lab/tree/{FIRST.name}"
    assert page.evaluate(LISTED) == [FIRST.name, "90_second.ipynb"]
    assert page.evaluate(CODE) == [[None, 0]] * len(page.evaluate(CODE))
    assert len(page.evaluate(CODE)) > 3
    assert page.locator(".jp-OutputArea-output, details[open]").count() == 0


def test_a_picture_is_there_and_the_answer_is_not_until_it_is_asked_for(lab, context):
    """What is not listed is shown and imported; what happened unfolds at a click."""
    where = {"path": "90_second.ipynb", "front": "lab", "screenshots": SHOTS}
    page = NotebookPage(context, lab, **where)
    told = page.cell(2).locator(".jp-RenderedMarkdown")
    before = page.output_text(1), told.get_by_text("42").is_visible()
    page.screenshot("copies-asked")
    page.run_cell(1)
    told.locator("summary").click()
    page.set_theme("dark")
    page.screenshot("copies-told-dark")

    assert page.js(PICTURES) == [["A picture", True]]
    assert before == ("", False)
    assert page.output_text(1) == "42"
    assert told.get_by_text("The answer is 42.").is_visible()
    assert told.get_by_text("And now?").is_visible()
    assert page.errors == []
