"""Pages that cannot show the live view: the same output is updated, and says why.

JupyterLab itself, with what it has of widgets switched off, as where the kernel has an
environment of its own and the server's has no anywidget.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbstream.screens.widget import NO_WIDGETS

pytestmark = [pytest.mark.browser, pytest.mark.place]

#: What it shows -> the extensions that the server does not have.
SERVERS = {
    "no widgets at all": ["@jupyter-widgets/jupyterlab-manager", "anywidget"],
    "widgets, and no anywidget": ["anywidget"],
}
CODE = """\
import nbstream, pathlib, time
def written(name):
    for number in range(12):
        yield f"word{number} "
        time.sleep(0.2)
    while not pathlib.Path(name).exists():
        time.sleep(0.02)
    yield "**end**"
"""
#: Notes how high the output of a cell is, and what it says, at each of its changes.
WATCH = """index => {
  const area = document.querySelectorAll('.jp-CodeCell')[index]
    .querySelector('.jp-OutputArea');
  window.testSeen = [];
  const note = () => testSeen.push([area.offsetHeight, area.innerText]);
  new MutationObserver(() => requestAnimationFrame(note))
    .observe(area, {childList: true, subtree: true, characterData: true});
}"""


@pytest.fixture(scope="module", params=SERVERS.values(), ids=SERVERS)
def server(request, start_jupyter):
    made = start_jupyter()
    config = Path(made.env["JUPYTER_CONFIG_DIR"]) / "labconfig" / "page_config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    switched_off = dict.fromkeys(request.param, True)
    config.write_text(json.dumps({"disabledExtensions": switched_off}))
    return made


HOW = {
    "a cell that blocks": "r = nbstream.show(written('go'))",
    "in the background": "live = nbstream.start(written('go'))",
    "awaited": "r = await nbstream.start(written('go'))",
    "a race": "r = nbstream.race({'one': lambda: written('go')})",
}


RUNS = [(each, "7.4.0") for each in HOW.values()]
RUNS += [(HOW["a cell that blocks"], each) for each in ("6.31.0", "7.3.0")]


@pytest.mark.parametrize(("cell", "kernel"), RUNS)
def test_the_same_output_is_updated(server, open_notebook, cell, kernel):
    """It grows, says what to install, never goes blank; the file is as ever."""
    page = open_notebook([CODE, cell], server=server, kernel=kernel)
    page.run_cell(0)
    page.js(WATCH, 1)
    page.run_cell(1, wait=False)
    page.wait_text(1, NO_WIDGETS)
    page.wait_text(1, "word11")
    page.screenshot("without-widgets")
    (page.folder / "go").touch()
    page.wait_text(1, "end")
    page.js("() => !testSeen.at(-1)[1].includes('No widgets')", wait=True)
    seen = page.js("() => testSeen")
    page.wait_idle()
    saved = page.save()["cells"][1]["outputs"]

    begun = next(at for at, (_, text) in enumerate(seen) if "word" in text)
    words = [text.count("word") for _, text in seen[begun:]]
    assert words == sorted(words)
    assert len(set(words)) > 4
    assert min(height for height, _ in seen[begun:]) > 10
    assert [sorted(each["data"]) for each in saved] == [
        ["text/html", "text/markdown", "text/plain"]
    ]
    assert "No widgets" not in json.dumps(saved)
    assert page.errors == []


def test_a_panel_says_what_is_missing(server, open_notebook):
    """Where an error of the page's would stand, or a text as of an old notebook."""
    code = "import nbstream\nnbstream.Chat('openai:m').panel()"
    page = open_notebook([code], server=server)
    page.run_cell(0)
    page.wait_text(0, "install anywidget where Jupyter itself runs")
    page.page.wait_for_timeout(1500)

    assert "javascript error" not in page.output_text(0)
