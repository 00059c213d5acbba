"""marimo: an answer is live in ``edit`` and ``run``, stops, and stays in its cell."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.browser import VIEWPORT
from harness.hosts import ROOT, environment, isolated, on_path
from places.test_web_proxies import free_port, running
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.place

PACKAGES = ("marimo==0.25.2", "anywidget", "ipython", "markdown-it-py", "openai")
MODES = ["edit", "run"]
SETTINGS = "[tool.marimo.runtime]\nauto_instantiate = true\n[tool.marimo.display]\n"
WORDS = '''\
import pathlib
import time

import nbstream


def words(name="go"):
    """Give some words; wait until the test has written a file; give the rest."""
    try:
        yield "# A *title*\\n\\n1. one\\n\\nThe formula $e^x$ and **first** words. "
        while not pathlib.Path(name).exists():
            time.sleep(0.01)
            yield ""
        yield "The last."
    finally:
        pathlib.Path(f"{name}-closed").write_text("")
'''


def notebook(*cells: str) -> str:
    """Write a notebook; the first cell gives ``nbstream`` and ``words`` to the rest."""
    made = [f"{WORDS}\nreturn nbstream, pathlib, time, words"]
    made += [f"{each}\nreturn" for each in cells]
    written = ["import marimo", "app = marimo.App()"]
    for number, each in enumerate(made):
        given = "nbstream, pathlib, time, words" if number else ""
        body = "\n".join(f"    {line}".rstrip() for line in each.splitlines())
        written.append(f"@app.cell\nasync def _({given}):\n{body}")
    return "\n\n\n".join([*written, 'if __name__ == "__main__":\n    app.run()'])


@pytest.fixture(scope="module")
def python() -> Path:
    return environment("marimo", *PACKAGES)


@contextmanager
def opened(
    browser: Browser, python: Path, home: Path, mode: str, *cells: str, theme="light"
) -> Iterator[Page]:
    (home / "pyproject.toml").write_text(f'{SETTINGS}theme = "{theme}"\n')
    (home / "cells.py").write_text(notebook(*cells))
    port = free_port()
    options = ["--headless", "--no-token", "-p", port]
    if mode == "edit":
        options.append("--skip-update-check")
    command = [python, "-m", "marimo", mode, "cells.py", *options]
    env = isolated(python, home, **on_path())
    with (
        (home / "log").open("w") as log,
        running(command, port, cwd=home, env=env, stdout=log, stderr=log),
    ):
        page = browser.new_page(viewport={**VIEWPORT, "height": 1400})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        try:
            page.goto(f"http://127.0.0.1:{port}")
            yield page
            assert not errors
        finally:
            page.close()


def until(ready, limit_s: float = 20) -> None:
    end_s = time.monotonic() + limit_s
    while not ready():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def pictured(page: Page, name: str) -> None:
    (ROOT / "screenshots").mkdir(exist_ok=True)
    page.screenshot(path=ROOT / "screenshots" / f"marimo-{name}.png")


def stop(page: Page):
    return page.get_by_title("Stop (Esc)")


@pytest.mark.parametrize("mode", MODES)
def test_show_is_live_and_stops(browser, python, tmp_path, mode):
    """The words are there while the cell blocks; a click ends it, and HTML stays."""
    with opened(browser, python, tmp_path, mode, "nbstream.show(words())") as page:
        expect(page.locator("strong")).to_have_text("first", timeout=60_000)
        expect(page.locator("h1 em")).to_have_text("title")
        pictured(page, f"{mode}-live")
        stop(page).click()
        expect(page.get_by_text("Stopped. This is what had arrived.")).to_be_visible()
        expect(page.locator("marimo-anywidget")).to_have_count(0)
        expect(page.locator("strong")).to_have_text("first")
        expect(page.locator("marimo-tex .katex").first).to_be_visible()
        pictured(page, f"{mode}-stopped")
        assert (tmp_path / "go-closed").exists()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_start_stays_in_its_cell(browser, python, tmp_path, theme):
    """What goes on in the background is no other cell's; at the end it is HTML."""
    cells = (
        "live = nbstream.start(words())\nlive",
        "for _number in range(3):\n    print('other', _number)\n    time.sleep(0.2)",
    )
    with opened(browser, python, tmp_path, "edit", *cells, theme=theme) as page:
        expect(page.locator("strong")).to_have_text("first", timeout=60_000)
        other = page.locator(".console-output-area").filter(has_text="other 0")
        expect(other).to_contain_text("other 2")
        pictured(page, f"start-{theme}")
        (tmp_path / "go").write_text("")
        expect(page.get_by_text("The last.")).to_be_visible()
        expect(page.locator("marimo-anywidget")).to_have_count(0)
        assert other.inner_text().split() == ["other", "0", "other", "1", "other", "2"]


def test_a_cell_that_runs_again_stops_what_it_began(browser, python, tmp_path):
    """Its stream is closed, and says nothing in the new run's output."""
    cell = (
        "_name = 'a' if not pathlib.Path('a').exists() else 'b'\n"
        "pathlib.Path(_name).touch()\n"
        "nbstream.start(words(f'{_name}-go'))"
    )
    with opened(browser, python, tmp_path, "edit", cell) as page:
        expect(page.locator("strong")).to_have_text("first", timeout=60_000)
        page.get_by_text("words(f", exact=False).first.hover()
        page.get_by_test_id("run-button").nth(2).click()
        expect(page.locator("strong")).to_have_count(1)
        until(lambda: (tmp_path / "a-go-closed").exists())
        (tmp_path / "b-go").write_text("")
        expect(page.get_by_text("The last.")).to_be_visible()
        expect(page.get_by_text("Stopped.")).to_have_count(0)


CHAT = """\
nbstream.offline.use()
nbstream.Chat("openai:gpt-5.6-luna").panel()"""


def test_the_panel_answers(browser, python, tmp_path):
    """A question that is typed is sent with Enter, and answered in the panel."""
    with opened(browser, python, tmp_path, "edit", CHAT) as page:
        asked = page.get_by_placeholder("Ask a question")
        asked.fill("What is a token?", timeout=60_000)
        asked.press("Enter")
        expect(page.locator("strong").first).to_have_text("token")
        pictured(page, "panel")


@pytest.mark.parametrize("view", ["updates", "static"])
def test_without_a_widget(browser, python, tmp_path, view):
    """The other views are there as well, and end as the live one does."""
    (tmp_path / "go").write_text("")
    cell = f"_reply = nbstream.show(words(), view={view!r})"
    with opened(browser, python, tmp_path, "run", cell) as page:
        expect(page.get_by_text("The last.")).to_be_visible(timeout=60_000)
        expect(page.locator("h1 em")).to_have_text("title")


def test_a_script_has_text(python, tmp_path):
    """``python cells.py`` writes the answer to the terminal, and nothing else."""
    (tmp_path / "cells.py").write_text(notebook("nbstream.show(words())"))
    (tmp_path / "go").write_text("")
    done = subprocess.run(
        [python, "cells.py"],
        cwd=tmp_path,
        env={**os.environ, **on_path()},
        capture_output=True,
        text=True,
        check=True,
    )
    said = "# A *title*\n\n1. one\n\nThe formula $e^x$ and **first** words. The last.\n"
    assert done.stdout == said
