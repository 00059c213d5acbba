"""The course in a browser tab with nothing installed, and with the network cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.ci import script
from harness.lite import LitePage, build, opened, outputs_of, served

pytestmark = [pytest.mark.browser, pytest.mark.place]

ROOT = Path(__file__).resolve().parents[2]
LESSONS, PICTURES = ROOT / "notebooks", ROOT / "screenshots"
FIRST, SECOND, *_ = (lesson.name for lesson in script("course").lessons())
STOP = """\
from openai import OpenAI, AsyncOpenAI
server = nbstream.offline.use(speed=1)
def ask(client):
    return lambda: client().responses.create(
        model="gpt-5", input="long answer", stream=True
    )"""
#: How a stream is shown that a click stops, while its cell runs.
SHOWN = {
    "show": "reply = nbstream.show(ask(OpenAI))",
    "show, async": "reply = nbstream.show(ask(AsyncOpenAI))",
    "await start": "reply = await nbstream.start(ask(OpenAI))",
}
TOLD = "print(reply.outcome, server.log[-1].disconnected_at is not None)"


@pytest.fixture(scope="module")
def lite(browser, tmp_path_factory) -> Iterator[LitePage]:
    """The site as it is built and served, in a page with the first lesson."""
    site = build(tmp_path_factory.mktemp("built") / "lite")
    with served(site) as address, opened(browser, address) as page:
        page.open()
        yield page


def test_it_opens_on_the_first_lesson_which_runs(lite):
    """No output is there before; then each is the committed one. All is from here."""
    before = outputs_of(lite.saved())
    listed = lite.page.locator(".jp-DirListing-item:visible .jp-DirListing-itemText")
    names = listed.all_inner_texts()
    outputs, committed = lite.ran(LESSONS / FIRST)
    lite.page.screenshot(path=PICTURES / "lite-lesson.png")

    assert before == []
    assert names[:2] == [FIRST, SECOND]
    assert [name for name in names if not name.endswith(".ipynb")] == []
    assert outputs == committed
    assert "widget" not in json.dumps(lite.saved()["metadata"])
    assert (lite.outside, lite.errors) == ([], [])


def test_the_bytes_of_the_second_lesson_are_there_too(lite):
    """What ``urlopen`` asks of the offline server is answered in memory."""
    lite.open(SECOND)
    outputs, committed = lite.ran(LESSONS / SECOND)

    assert outputs == committed
    assert (lite.outside, lite.errors) == ([], [])


#: Its pictures come from the folder beside it, which `make lab` does not list.
SHOWN_THERE = """() => {
  const all = [...document.querySelectorAll('.jp-RenderedMarkdown img')];
  return all.length > 0 && all.every((image) => image.naturalWidth > 0);
}"""


def test_a_lesson_shows_its_pictures(lite):
    """The first that has one."""
    lessons = script("course").lessons()
    lesson = next(path for path in lessons if "../images/" in path.read_text())
    lite.open(lesson.name)
    lite.page.wait_for_function(SHOWN_THERE)
    lite.page.screenshot(path=PICTURES / "lite-picture.png")

    assert lite.outside == []


def test_stop_is_heard_while_a_cell_runs(lite):
    """However it is shown; the server sees the client go, and the next cell runs."""
    lite.open_cells(STOP, *(f"{code}\n{TOLD}" for code in SHOWN.values()))
    lite.tell("import nbstream")
    lite.run(0)
    for index in range(1, len(SHOWN) + 1):
        lite.begin(index)
        lite.cell(index).locator(".nbstream-stop").click(timeout=60_000)
        lite.wait_idle()

    said = {how: lite.said(index) for index, how in enumerate(SHOWN, 1)}
    assert {how: text[-13:] for how, text in said.items()} == dict.fromkeys(
        SHOWN, "stopped True\n"
    )
