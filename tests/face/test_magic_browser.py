"""The magic and objects in JupyterLab and Notebook 7, as a person sees them."""

import pytest
from harness.live import final, live, picture, quiet, release

pytestmark = pytest.mark.browser

OBJECT = """\
from typing_extensions import TypedDict
class Step(TypedDict):
    text: str
    minutes: int
import json
def slow():
    steps = [{"text": f"Step {n}, said <b>so</b> …", "minutes": n} for n in range(4)]
    yield from flow(json.dumps({"items": steps}), '"minutes": 2')
from nbstream import Reply
from nbstream._live import started
from nbstream.structured import shape_of
reply = Reply()
reply._form, reply._expected = "json", shape_of(list[Step])
live = started(slow, reply)
for step in live.items():
    print(step["minutes"], flush=True)"""
CODE = "%%stream openai:m --format code\nmarkdown tour"
TEXT = "%%stream openai:m --format text\nmarkdown tour"


@pytest.mark.parametrize(("front", "theme"), [("lab", "light"), ("notebook", "dark")])
def test_an_object_fills_in_and_code_goes_into_the_next_cell(open_cells, front, theme):
    """Laid out as it arrives; the code is put below, once for each run, and not run."""
    page = open_cells(
        "%load_ext nbstream\nuse(speed=0)", OBJECT, TEXT, CODE, front=front, theme=theme
    )
    page.run_cell(1)
    page.run_cell(2, wait=False)
    live(page, 2).get_by_text('"minutes": 2').wait_for()
    half = live(page, 2).text_content()
    picture(page, 2, f"object-{front}-{theme}-half")
    release(page, '"minutes": 2')
    page.wait_idle()
    whole = final(page, 2)
    picture(page, 2, f"object-{front}-{theme}")
    page.run_cell(3)
    picture(page, 3, f"text-{front}-{theme}")
    page.run_cell(4)
    page.run_cell(4)
    below = page.cell(5).locator(".cm-content")
    page.js("() => jupyterapp.shell.currentWidget.content.scrollToItem(5)")
    below.wait_for()
    picture(page, 4, f"code-{front}-{theme}")

    assert "items" not in half + whole
    assert whole.count('"minutes"') == 4
    assert "<b>so</b>" in whole
    assert page.output_text(2).split()[-4:] == ["0", "1", "2", "3"]
    assert page.cell_count() == 7
    assert "def " in below.inner_text()
    assert [page.prompt(index) for index in (5, 6)] == ["", ""]
    assert quiet(page)


TYPED = {
    "%%stream anth": "%%stream anthropic:",
    "%%stream openai:m\nAbout {{top": "%%stream openai:m\nAbout {{topic",
}


def test_tab_completes(open_notebook):
    """Providers behind the magic, and variables inside the question."""
    page = open_notebook(["%load_ext nbstream\ntopic = 'tea'", "", ""])
    page.run_cell(0)
    for at, text in enumerate(TYPED, 1):
        editor = page.cell(at).locator(".cm-content")
        editor.click()
        page.page.keyboard.type(text)
        page.page.wait_for_timeout(300)  # a key that comes too early completes nothing
        page.page.keyboard.press("Tab")
        page.page.locator(".jp-Completer-item").first.wait_for()
        page.page.keyboard.press("Enter")
        page.page.locator(".jp-Completer-item").first.wait_for(state="hidden")

        assert editor.inner_text().strip() == TYPED[text]
