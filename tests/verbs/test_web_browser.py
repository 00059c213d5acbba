"""``web.open`` as a person sees it: a page below a cell, and what the file keeps."""

import pytest
from harness.live import PAUSE, release

pytestmark = pytest.mark.browser

FRAME = "iframe[title='nbstream chat']"
SETUP = f"""\
{PAUSE}
import nbstream
from nbstream import offline, web
offline.use(speed=0)
from openai import OpenAI
def answer(asked):
    stream = OpenAI().responses.create(model="gpt-5", input=asked.text, stream=True)
    return held(stream, "short tour")
here = web.open(web.app(answer), height=360)"""


@pytest.fixture
def page(open_notebook, front):
    found = open_notebook([SETUP, "here", "here.stop()"], front=front)
    found.run_cell(0)
    found.run_cell(1)
    return found


def test_the_page_answers_and_the_file_has_no_address(page, front):
    """It streams below the cell; saved is a sentence, the same in each run."""
    frame = page.page.frame_locator(FRAME)
    frame.locator("#prompt").fill("markdown tour, please")
    frame.locator("#send").click()
    frame.get_by_text("A short tour").first.wait_for()
    early = len(frame.locator("#messages").inner_text())
    page.screenshot(f"web-page-{front}")
    release(page, "short tour")
    frame.get_by_text("CommonMark site").wait_for()
    (output,) = page.save()["cells"][1]["outputs"]

    assert early < len(frame.locator("#messages").inner_text())
    assert set(output["data"]) == {"text/plain", "text/html"}
    assert "127.0.0.1" not in str(output)
    assert "widgets" not in page.saved()["metadata"]


def test_the_page_is_back_when_the_notebook_is_loaded_again(page):
    """As long as the kernel lives; the file stays as it was."""
    before = page.save()["cells"][1]["outputs"]
    page.load()
    page.page.frame_locator("iframe[title='nbstream chat']").locator(
        "#prompt"
    ).wait_for()

    assert page.save()["cells"][1]["outputs"] == before
