"""What other programs make of a notebook with answers: exporters, runners, Voilà."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.request import Request, urlopen

import nbformat
import pytest
from harness.browser import NAMES, VIEWPORT
from harness.hosts import KERNEL, ROOT, environment, isolated
from harness.jupyter import notebook_of
from places.test_web_proxies import free_port, running
from playwright.sync_api import expect

pytestmark = pytest.mark.place

TOOLS = (
    *("jupytext", "nbconvert[webpdf]", "nbdime", "nbstripout", "papermill", "voila"),
    "pypdf",
)
MYST = "mystmd@1.8.3"
LESSON = ROOT / "notebooks" / "07_show_it.ipynb"
TEXT = "# Title\\n\\n1. **one**\\n2. two\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |\\n"
CELLS = (
    "import nbstream",
    f"reply = nbstream.show([{TEXT!r}])".replace("\\\\n", "\\n"),
)
#: What each exporter writes of the answer, and what must not be there.
EXPORTS = {
    "markdown": ("md", "1. **one**\n2. two\n", "<li>"),
    "rst": ("rst", "1. **one**\n2. two\n", "<li>"),
    "asciidoc": ("asciidoc", ". *one*\n. two\n", "<li>"),
    "latex": ("tex", "\\textbf{one}", "<li>"),
    "html": ("html", "<strong>one</strong>", "1. **one**\n2. two"),
    "slides": ("slides.html", "<strong>one</strong>", "1. **one**\n2. two"),
}


@pytest.fixture(scope="module")
def python() -> Path:
    return environment("hosts", *KERNEL, *TOOLS, wheel=True)


@pytest.fixture
def run(python, tmp_path):
    """Run one of the programs there, in a folder with the notebook."""
    nbformat.write(notebook_of(CELLS), tmp_path / "cells.ipynb")

    def start(*command: object, check: bool = True) -> str:
        done = subprocess.run(
            [python, "-m", *map(str, command)],
            cwd=tmp_path,
            env=isolated(python, tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    return start


@pytest.fixture
def executed(run, tmp_path) -> Path:
    """A notebook with an answer, as papermill has run it."""
    run("papermill", "cells.ipynb", "executed.ipynb", "-k", "python3")
    return tmp_path / "executed.ipynb"


def outputs(path: Path) -> list[dict]:
    return json.loads(path.read_text())["cells"][1]["outputs"]


def test_every_exporter(run, executed, tmp_path):
    """What is exported is readable where it is text, and HTML where it is a page."""
    found = {}
    for name, (ending, wanted, unwanted) in EXPORTS.items():
        run("nbconvert", "--to", name, executed)
        text = (tmp_path / f"executed.{ending}").read_text()
        found[name] = (wanted in text, unwanted in text)
    assert found == dict.fromkeys(EXPORTS, (True, False))


def test_the_menu_of_jupyterlab_exports_the_same(python, executed, tmp_path):
    """Its server makes the export, and has read our line of its configuration."""
    port = free_port()
    options = [f"--ServerApp.port={port}", "--IdentityProvider.token=", "--allow-root"]
    options += [f"--ServerApp.root_dir={tmp_path}", "--no-browser"]
    command = [python, "-m", "jupyter_server", *options]
    env = isolated(python, tmp_path)
    page = f"http://127.0.0.1:{port}/"
    asked = Request(f"{page}nbconvert/markdown/{executed.name}")
    asked.add_header("Referer", page)
    with (
        (tmp_path / "log").open("w") as log,
        running(command, port, cwd=tmp_path, env=env, stdout=log, stderr=log),
        urlopen(asked) as got,
    ):
        assert "1. **one**\n2. two\n" in got.read().decode()


def test_papermill_saves_one_static_output(executed):
    """The answer as HTML, Markdown and text, and no widget."""
    [output] = outputs(executed)
    assert output["data"].keys() == {"text/html", "text/markdown", "text/plain"}
    assert output["metadata"]["nbstream"]["outcome"] == "complete"


def test_an_exported_lesson_runs_no_script_of_an_answer(run, browser, tmp_path):
    """The text that would do harm is text in the page."""
    run("nbconvert", "--to", "html", LESSON, "--output-dir", tmp_path)
    page = browser.new_page()
    page.goto((tmp_path / "07_show_it.html").as_uri())
    assert page.locator("[onerror]").count() == 0
    page.close()


def test_jupytext_keeps_what_is_there(run, executed, tmp_path):
    """Text and back again: the outputs stay in the notebook."""
    before = outputs(executed)
    run("jupytext", "--to", "md", executed)
    run("jupytext", "--to", "ipynb", "--update", tmp_path / "executed.md")
    assert outputs(executed) == before


def test_nbdime_and_nbstripout(run, executed, tmp_path):
    """A difference is told in the words of the answer; nothing is left if stripped."""
    other = tmp_path / "other.ipynb"
    other.write_text(executed.read_text().replace("two", "three"))
    said = run("nbdime", "diff", "--no-color", executed, other, check=False)
    run("nbstripout", other)
    assert "three" in said
    assert outputs(other) == []


MERGES = {
    "of two cells": ('import nbstream"', 'import nbstream # here"', 0),
    "of one answer": ("two", "four", 1),
}


@pytest.mark.parametrize("name", MERGES)
def test_nbdime_merges(name, run, executed, tmp_path):
    """What one side alone has changed is taken; of a conflict both answers stay."""
    old, new, conflicts = MERGES[name]
    text = executed.read_text()
    (tmp_path / "ours.ipynb").write_text(text.replace(old, new))
    (tmp_path / "theirs.ipynb").write_text(text.replace("two", "three"))
    merged = tmp_path / "merged.ipynb"
    files = (executed, "ours.ipynb", "theirs.ipynb", "--out", merged)
    run("nbdime", "merge", *files, check=not conflicts)
    nbformat.validate(nbformat.read(merged, 4))
    shown = [each for each in outputs(merged) if "data" in each]
    assert len(shown) == 1 + conflicts
    assert new in merged.read_text()
    assert "<li>three\n" in "".join(shown[-1]["data"]["text/html"])


READ = "import sys, pypdf; print(pypdf.PdfReader(sys.argv[1]).pages[0].extract_text())"
MISSING = re.compile(r"Executable doesn't exist at (\S+)")


def test_webpdf_has_the_answer(python, executed, tmp_path):
    """Set as HTML, by the system's Chromium, linked to where playwright's would be."""

    def started(*command: object) -> subprocess.CompletedProcess[str]:
        env = isolated(python, tmp_path, PLAYWRIGHT_BROWSERS_PATH=str(tmp_path))
        every = [python, *map(str, command)]
        return subprocess.run(
            every, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )

    options = ("--to", "webpdf", "--disable-chromium-sandbox", executed)
    missing = MISSING.search(started("-m", "nbconvert", *options).stderr)
    place = Path(missing[1])
    place.parent.mkdir(parents=True)
    place.symlink_to(next(filter(None, map(shutil.which, NAMES))))
    done = started("-m", "nbconvert", *options)
    assert done.returncode == 0, done.stderr
    text = started("-c", READ, "executed.pdf").stdout
    assert "1. one\n2. two" in text
    assert "**one**" not in text.partition("Title\n")[2]


def test_myst_has_the_answer_in_its_pages(executed, tmp_path):
    """In what its theme is given; that is from the network, so no page is made here."""
    home = ROOT / ".kernels" / "myst"
    home.mkdir(exist_ok=True)
    quiet = ("--no-audit", "--no-fund", "--loglevel=error")
    subprocess.run(["npm", "install", "--prefix", home, *quiet, MYST], check=True)
    (tmp_path / "myst.yml").write_text("version: 1\nproject: {}\nsite: {}\n")
    program = home / "node_modules" / ".bin" / "myst"
    subprocess.run([program, "build", "--ci", "--site"], cwd=tmp_path, check=False)
    made = json.loads((tmp_path / "_build/site/content/executed.json").read_text())
    [output] = found(made["mdast"], "output")
    data = output["jupyter_data"]["data"]
    assert data.keys() == {"text/html", "text/markdown", "text/plain"}
    assert "<strong>one</strong>" in data["text/html"]["content"]


def found(node: dict, kind: str) -> list[dict]:
    """Return the nodes of a kind, in their order."""
    inner = [each for child in node.get("children", []) for each in found(child, kind)]
    return ([node] if node["type"] == kind else []) + inner


VOILA = (
    "import pathlib, time\nimport ipywidgets, nbstream",
    "def words(name):\n    yield 'The **first** words. '\n"
    "    while not pathlib.Path(name).exists():\n        time.sleep(0.01)\n"
    "        yield ''\n    yield 'The last.'",
    "nbstream.start(words('go'));",
    "out = ipywidgets.Output()\nbutton = ipywidgets.Button(description='Ask')\n"
    "@button.on_click\ndef ask(_):\n    with out:\n        nbstream.show(words('no'))",
    "display(button, out)",
)


def test_voila_is_live(python, browser, tmp_path):
    """What began at load goes on in the page; a button's answer is live, and stops."""
    nbformat.write(notebook_of(VOILA), tmp_path / "cells.ipynb")
    port = free_port()
    options = ["--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    command = [python, "-m", "voila", "cells.ipynb", *options]
    env = isolated(python, tmp_path)
    with (
        (tmp_path / "log").open("w") as log,
        running(command, port, cwd=tmp_path, env=env, stdout=log, stderr=log),
    ):
        page = browser.new_page(viewport=VIEWPORT)
        page.goto(f"http://127.0.0.1:{port}")
        first = page.locator("strong")
        expect(first).to_have_text("first", timeout=90_000)
        (tmp_path / "go").write_text("")
        expect(page.get_by_text("The last.")).to_be_visible()
        page.get_by_role("button", name="Ask").click()
        expect(first).to_have_count(2)
        (ROOT / "screenshots").mkdir(exist_ok=True)
        page.screenshot(path=ROOT / "screenshots" / "voila-live.png")
        page.get_by_title("Stop (Esc)").last.click()
        expect(page.get_by_text("Stopped. This is what had arrived.")).to_be_visible()
        page.close()
