"""xeus-python, another kernel: updates for a person, static for a runner."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import nbformat
import pytest
from harness.hosts import KERNEL, environment, isolated, on_path
from harness.jupyter import kernelspec, notebook_of
from places.test_collaboration import CELL, STOPPED, output, windows
from playwright.sync_api import expect

pytestmark = pytest.mark.place

TOOLS = ("jupyterlab==4.6.6", "nbclient", "xeus-python==0.19.0")


@pytest.fixture(scope="module")
def python() -> Path:
    return environment("xeus", *KERNEL, *TOOLS)


def put(home: Path, *cells: str) -> None:
    notebook = notebook_of(cells)
    notebook.metadata["kernelspec"] = kernelspec("xpython")
    nbformat.write(notebook, home / "cells.ipynb")


@pytest.mark.parametrize("stops", [False, True])
def test_in_jupyterlab_it_grows(stops, python, browser, tmp_path):
    """One output is sent again as it grows; the interrupt keeps what had arrived."""
    put(tmp_path, f"{CELL}nbstream.show(words());")
    with windows(python, browser, tmp_path, count=1) as [page]:
        page.locator(".jp-Cell .cm-content").first.click()
        page.keyboard.press("Control+Enter")
        expect(output(page).locator("strong")).to_have_text("first")
        expect(output(page).get_by_text("The last.")).to_have_count(0)
        if stops:
            page.get_by_title("Interrupt the kernel").click()
        else:
            (tmp_path / "go").touch()
        end = STOPPED if stops else "The last."
        expect(output(page).get_by_text(end)).to_be_visible()
        expect(output(page).locator("strong")).to_have_text("first")
        assert "Error" not in output(page).inner_text()


def test_nbclient_keeps_one_static_output(python, tmp_path):
    """Its messages are numbered, as every client's in Python: no page has sent them."""
    put(tmp_path, "import nbstream\nnbstream.show(['**a**', 'b']);")
    command = [python, "-m", "nbconvert", "--execute", "--to", "notebook", "--inplace"]
    env = isolated(python, tmp_path, **on_path())
    subprocess.run([*command, "cells.ipynb"], cwd=tmp_path, env=env, check=True)
    saved = json.loads((tmp_path / "cells.ipynb").read_text())
    [kept] = saved["cells"][0]["outputs"]
    assert kept["data"].keys() == {"text/html", "text/markdown", "text/plain"}
