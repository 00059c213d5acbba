"""``nbstream.web.open`` below a notebook's cell, in JupyterLab and Notebook 7."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest
from harness.live import PAUSE, release
from harness.wire import wait_until

pytestmark = pytest.mark.browser

SETUP = """\
import nbstream
def answer(asked):
    return held(["It is ", "busy ", "and **answers**."], *asked.text.split(" / ")[1:])
here = nbstream.web.open(nbstream.web.app(answer))
print(here.url)"""


def answers_at(url):
    """Tell whether a server listens there."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().read() == b"ok"
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture
def below(open_notebook):
    """Open a notebook with the page below its second cell."""

    def start(*cells, **options):
        page = open_notebook([f"{PAUSE}\n{SETUP}", "here", *cells], **options)
        page.run_cell(0)
        page.run_cell(1)
        frame = page.output(1).frame_locator("iframe[title='nbstream chat']")
        frame.get_by_role("textbox", name="Your question").wait_for()
        return page, frame

    return start


def ask(page, frame, text):
    frame.get_by_role("textbox", name="Your question").click()
    page.page.keyboard.type(text)
    page.page.keyboard.press("Enter")


def test_it_streams_while_the_kernel_is_busy(below, front):
    """In the frame below the cell, piece by piece; the focus stays the notebook's."""
    page, frame = below("print('on')\npause('free')", front=front)
    focused = page.js("() => document.activeElement.localName")
    page.run_cell(2, wait=False)
    page.wait_text(2, "on")
    ask(page, frame, "How is it? / busy")
    frame.get_by_text("It is busy", exact=True).wait_for()
    streaming = page.prompt(2), frame.get_by_role("button", name="Stop").count()
    release(page, "busy")
    frame.locator("strong", has_text="answers").wait_for()
    frame.get_by_role("button", name="Send").wait_for()
    busy = page.prompt(2)
    page.screenshot(f"web-open-{front}")
    release(page, "free")
    page.wait_idle()
    url = page.output_text(0).strip()
    page.insert_and_run("here.stop()\nhere")
    ask(page, frame, "And now?")
    frame.get_by_role("button", name="Try again").wait_for()
    told = frame.locator("footer .bad").inner_text()

    assert focused != "iframe"
    assert streaming == ("*", 1)
    assert busy == "*"
    assert not answers_at(url)
    assert told == "The connection was lost."
    assert (page.errors, page.said) == ([], [])


def test_it_ends_with_the_kernel(below):
    """Nothing listens any more; the frame says so in words."""
    page, frame = below()
    url = page.output_text(0).strip()
    before = answers_at(url)
    page.server.end_sessions()
    wait_until(lambda: not answers_at(url))
    ask(page, frame, "And now?")
    frame.locator("footer .bad", has_text="The connection was lost.").wait_for()

    assert before
