"""Real-time collaboration: two windows on one notebook, each of them live."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from harness.browser import VIEWPORT
from harness.hosts import KERNEL, ROOT, environment, isolated, on_path
from harness.jupyter import notebook_of
from places.test_web_proxies import free_port, running
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.place

CELL = """\
import pathlib, time, nbstream
def words():
    yield "The **first** words. "
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
        yield ""
    yield "The last."
"""
#: How the answer is begun, and in which of the two windows Stop is pressed, if in any.
RUNS = {
    "to the end": ("nbstream.show(words());", None),
    "stopped where it runs": ("nbstream.show(words());", 0),
    "stopped in the other": ("nbstream.show(words());", 1),
    "in the background": ("live = nbstream.start(words())", 1),
    "a race": ("nbstream.race({'one': words, 'two': words});", 1),
}
STOPPED = "Stopped. This is what had arrived."
IDLE = """() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session
  ?.kernel?.status === 'idle'"""


@pytest.fixture(scope="module")
def python() -> Path:
    lab = ("jupyterlab==4.6.6", "jupyter-collaboration==5.0.4")
    return environment("collaboration", *KERNEL, *lab)


@contextmanager
def windows(
    python: Path, browser: Browser, home: Path, *, count: int = 2
) -> Iterator[list[Page]]:
    """Open a notebook so often, one after the other: else each would start a kernel."""
    port = free_port()
    options = [f"--ServerApp.port={port}", "--IdentityProvider.token=", "--allow-root"]
    options += [f"--ServerApp.root_dir={home}", "--no-browser"]
    options += ["--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None"]
    command = [python, "-m", "jupyterlab", *options]
    env = isolated(python, home, **on_path())
    with (
        (home / "log").open("w") as log,
        running(command, port, cwd=home, env=env, stdout=log, stderr=log),
    ):
        contexts = [browser.new_context(viewport=VIEWPORT) for _ in range(count)]
        pages = [each.new_page() for each in contexts]
        try:
            for page in pages:
                page.goto(f"http://127.0.0.1:{port}/lab/tree/cells.ipynb")
                page.wait_for_function(IDLE, timeout=90_000)
            yield pages
        finally:
            for each in contexts:
                each.close()


def output(page: Page) -> Locator:
    return page.locator(".jp-Cell-outputArea")


@pytest.mark.parametrize("name", RUNS)
def test_both_windows_are_live(name, python, browser, tmp_path):
    """Both see it grow, either stops it, and one output is saved."""
    last, stops = RUNS[name]
    nbformat.write(notebook_of([CELL + last]), tmp_path / "cells.ipynb")
    with windows(python, browser, tmp_path) as pages:
        pages[0].locator(".jp-Cell .cm-content").first.click()
        pages[0].keyboard.press("Control+Enter")
        for page in pages:
            live = output(page).locator(".nbstream strong", has_text="first").first
            expect(live).to_be_visible(timeout=30_000)
            expect(page.get_by_title("Stop (Esc)").first).to_be_visible()
        (ROOT / "screenshots").mkdir(exist_ok=True)
        pages[1].screenshot(path=ROOT / "screenshots" / f"collaboration {name}.png")
        if stops is None:
            (tmp_path / "go").touch()
        else:
            pages[stops].get_by_title("Stop (Esc)").first.click()
        end = "The last." if stops is None else STOPPED
        for page in pages:
            expect(output(page).get_by_text(end).first).to_be_visible()
            expect(output(page).locator(".nbstream")).to_have_count(0)
            expect(output(page).get_by_text("still being written")).to_have_count(0)
        deadline = time.monotonic() + 20  # the server saves by itself
        while not (outputs := saved(tmp_path)) or end not in json.dumps(outputs):
            assert time.monotonic() < deadline
            pages[1].wait_for_timeout(100)
        [kept] = outputs
        assert kept["data"].keys() == {"text/html", "text/markdown", "text/plain"}


def saved(home: Path) -> list[dict]:
    with contextlib.suppress(json.JSONDecodeError):  # it is being written
        return json.loads((home / "cells.ipynb").read_text())["cells"][0]["outputs"]
    return []
