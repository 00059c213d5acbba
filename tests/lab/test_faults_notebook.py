"""Every fault on every API in a notebook that a real kernel runs: what is saved."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import nbformat
import pytest
from harness.fault_table import CASES, ends_of, kept
from harness.sdks import KEY
from nbclient import NotebookClient

pytestmark = pytest.mark.kernel

TESTS = Path(__file__).parents[1]
SETUP = f"""\
import sys
sys.path.insert(0, {str(TESTS)!r})
from google import genai
from harness.fault_table import FAULTS, PROMPT, TIMEOUTS
from harness.sdks import KEY, SHAPES, Clients
import nbstream
server = nbstream.offline.Server(speed=0).start()
clients = Clients(server.url)
once = {{"base_url": server.url, "retry_options": {{"attempts": 1}}}}
clients.google = genai.Client(api_key=KEY, http_options=once)
assert clients.google.interactions is not None  # imported before a clock runs
def play(fault, api):
    make = SHAPES[f"{{api}}, sync stream of a function"].make
    with server.fault(fault, api=api, **FAULTS[fault][0]):
        nbstream.show(make(clients, "m", PROMPT), timeout=TIMEOUTS.get(fault))
nbstream.show(SHAPES["openai.chat, sync stream"].make(clients, "m", PROMPT))
"""
LINES = {"failed": "[Failed. ", "truncated": "[Truncated: ", "complete": ""}


@pytest.fixture(scope="module")
def notebook(jupyter_env, tmp_path_factory):
    """The notebook as nbclient leaves it: a cell for each fault and API."""
    sources = [SETUP, *(f"play({fault!r}, {api!r})" for fault, api in CASES)]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    book = nbformat.v4.new_notebook(cells=cells)
    place = {"metadata": {"path": str(tmp_path_factory.mktemp("faults"))}}
    with mock.patch.dict(os.environ, jupyter_env):
        NotebookClient(
            book,
            timeout=60,
            kernel_name="ipykernel-7.4.0",
            allow_errors=True,
            resources=place,
        ).execute()
    return book


def test_the_file_is_a_valid_notebook_without_widget_or_key(notebook):
    """Whatever went wrong in its cells."""
    nbformat.validate(notebook)
    text = nbformat.writes(notebook)

    assert "widgets" not in notebook.metadata
    assert "widget-view" not in text
    assert KEY not in text


@pytest.mark.parametrize(
    ("number", "fault", "api"),
    [(n, fault, api) for n, (fault, api) in enumerate(CASES, start=1)],
    ids=[f"{fault}-{api}" for fault, api in CASES],
)
def test_what_is_saved(notebook, number, fault, api):
    """One static output with the text and one line; a failure is one line more."""
    (shown_whole,) = notebook.cells[0].outputs
    full = shown_whole.data["text/plain"]
    ends, outputs = ends_of(fault, api), notebook.cells[number].outputs
    display, *errors = outputs

    assert sorted(display.data) == ["text/html", "text/markdown", "text/plain"]
    assert display.metadata["nbstream"]["outcome"] == ends.outcome
    told, expected = display.data["text/plain"], kept(ends, api, full)
    if isinstance(expected, tuple):
        expected = "".join(expected)
    elif ends.kept == "all but one":
        expected = full[:29]
    assert told.startswith(expected)
    *text, line = told.splitlines()
    if ends.outcome != "complete":
        assert line.startswith(LINES[ends.outcome])
        assert "\n".join(text).strip() == expected.strip() or ends.kept == "all but one"
    if not ends.kind:
        assert errors == []
        return
    [error] = errors
    assert (error.output_type, error.ename) == ("error", ends.kind)
    assert ends.says in error.evalue
    assert len(error.traceback) == 1
    assert "\n" not in error.traceback[0]
