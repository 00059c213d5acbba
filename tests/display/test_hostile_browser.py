"""JupyterLab shows hostile replies: nothing runs, loads, leaks or is triggered."""

import json
import os
import random
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import pytest
from harness.browser_hostile import HARM
from harness.jupyter import notebook_of

from nbstream.markdown import to_html, to_safe_markdown
from nbstream.screens import VIEWS

pytestmark = pytest.mark.browser

CORPUS = (Path(__file__).parents[1] / "harness" / "browser_hostile.md").read_text(
    "utf-8"
)
MUTATIONS = int(os.environ.get("NBSTREAM_MUTATIONS", "300"))
#: The views that grow in a page, in whatever number there are.
GROWING = [view for view in VIEWS if view in ("live", "updates")]
#: In JupyterLab each of them (the first in ``test_show_saved``), in Notebook 7 one.
PLACES = [*(("lab", view) for view in GROWING[1:]), ("notebook", GROWING[0])]
DISPLAY = """
import json
from IPython.display import display
for bundle in json.load(open({path!r})):
    display(bundle, raw=True)
"""
SHOW = """
import sys
sys.path.insert(0, {folder!r})
from browser_hostile import show_all
show_all({path!r}, {view!r})
"""
PANEL = "window.jupyterapp.shell.currentWidget"
#: Looks at the outputs of the open notebook, now and at every change that is drawn,
#: and writes down what is alive in them, as the browser itself sees it.
#: The live view makes its buttons by script; the HTML of a reply is parsed, so that
#: what is among these elements, and looks as it should, is no part of any reply.
WATCH = """() => {
  const made = new WeakSet();
  const create = document.createElement;
  document.createElement = function (...how) {
    const element = create.apply(this, how);
    made.add(element);
    return element;
  };
  const isCopyButton = (e) => made.has(e) && e.matches('.nbstream-text button')
    && e.nextSibling?.localName === 'pre' && !e.firstChild
    && e.getAttributeNames().sort().join() === 'aria-label,class,title'
    && e.title === 'Copy this code' && e.ariaLabel === e.title;
  const harm = @HARM@;
  const ours = '.jp-RenderedHTMLCommon';
  const half = /(<\\w+|="|\\]\\(|!\\[|\\$|\\\\)$/;
  window.__alive = new Set();
  window.__halves = new Set();
  window.__commands = [];
  const look = (output) => {
    const said = output.textContent.trimEnd().slice(-20);
    if (half.test(said)) window.__halves.add(said);
    for (const e of output.querySelectorAll('*')) {
      if (e.closest('mjx-container')) {
        if (e.matches('a:not([href^="#"])'))
          window.__alive.add('in a formula: ' + e.outerHTML);
        continue;
      }
      if (isCopyButton(e)) continue;
      for (const each of harm(e)) window.__alive.add(each);
    }
  };
  window.__look = () => document.querySelectorAll(ours).forEach(look);
  new MutationObserver((records) => {
    const touched = new Set();
    for (const {target} of records) {
      const e = target.nodeType === 1 ? target : target.parentElement;
      if (!e || e.closest('mjx-container')) continue;
      const around = e.closest(ours);
      if (around) touched.add(around);
      else if (e.closest('.jp-OutputArea'))
        e.querySelectorAll(ours).forEach((output) => touched.add(output));
    }
    touched.forEach(look);
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
  const probe = document.createElement('div');
  probe.id = 'probe';
  document.body.append(probe);
  window.jupyterapp.commands.commandExecuted.connect(
    (_, {id}) => window.__commands.push(id));
}""".replace("@HARM@", HARM)
PRESS = """() => {
  for (const e of document.querySelectorAll(
    '.jp-OutputArea :is(button, summary, [data-commandlinker-command])'
  )) e.click();
}"""
VERDICT = """() => {
  window.__look();
  const outline = (at) => getComputedStyle(document.querySelector(at)).outlineStyle;
  return {
    pwned: window.__pwned ?? null,
    commands: window.__commands.filter((id) => id === 'apputils:change-theme'),
    theme: document.body.dataset.jpThemeName,
    alive: [...window.__alive],
    outlines: [outline('body'), outline('#probe')],
  };
}"""
HALVES = "() => [...window.__halves]"
NOTHING = {
    "pwned": None,
    "commands": [],
    "theme": "JupyterLab Light",
    "alive": [],
    "outlines": ["none", "none"],
    "asked": [],
    "errors": [],
}


class Listener(ThreadingHTTPServer):
    """A loopback server that writes down what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.asked.append(self.path)
                self.send_response(204)
                self.end_headers()

            do_POST = do_GET  # noqa: N815 - its name in http.server

            def log_message(self, *args: object) -> None:
                """Stay quiet."""

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    server = Listener()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def replies(listener: Listener) -> list[str]:
    return CORPUS.replace("@HOST@", listener.url).split("=====\n")


@pytest.fixture(scope="module")
def mutants(replies: list[str]) -> list[str]:
    """Hostile replies cut up and put together again, the same in every run."""
    chance = random.Random(20)
    joints = ["", "\n", "\n\n", " ", "$", "`", "```\n", "\n> ", "\n- ", "| ", "\\", "*"]
    source = "".join(replies)
    made = []
    for _ in range(MUTATIONS):
        pieces = []
        for _ in range(chance.randint(2, 7)):
            at = chance.randrange(len(source))
            pieces += [
                source[at : at + chance.randint(1, 90)],
                chance.choice(joints),
            ]
        made.append("".join(pieces))
    return made


@pytest.fixture(scope="module", autouse=True)
def all_is_drawn(jupyter: Any) -> Iterator[None]:
    """Nothing is left out for being many, or out of sight."""
    plugin = "notebook-extension/tracker"
    jupyter.set(plugin, {"windowingMode": "none", "maxNumberOutputs": 100_000})
    yield
    jupyter.set(plugin, {})


class Reader:
    """Opens notebooks, presses all there is to press, and says what happened."""

    def __init__(self, open_notebook: Any, listener: Listener, folder: Path) -> None:
        self._open = open_notebook
        self._listener = listener
        self.folder = folder
        listener.asked.clear()

    def open(self, source: Sequence[str] | Path, **options: Any) -> Any:
        page = self._open(source, **options)
        page.js(WATCH)
        return page

    def display(self, bundles: list[dict[str, str]]) -> dict[str, Any]:
        """Show the bundles in a cell that is run now: JupyterLab trusts them."""
        path = self.folder / "bundles.json"
        path.write_text(json.dumps(bundles), "utf-8")
        page = self.open([DISPLAY.format(path=str(path))])
        page.run_all()
        return self.verdict(page, len(bundles))

    def reopen(self, source: Path, count: int, *, trust: bool) -> dict[str, Any]:
        """Open a copy of a saved notebook; see that it is trusted, or not."""
        page = self.open(source, trust=trust)
        trusted = page.js(f"() => {PANEL}.content.widgets.every(c => c.model.trusted)")
        assert trusted == trust
        return self.verdict(page, count)

    def verdict(self, page: Any, count: int) -> dict[str, Any]:
        """Wait until all is drawn, typeset and pressed, and what loads has loaded."""
        outputs = "document.querySelectorAll('.jp-OutputArea-output').length"
        page.js(f"count => {outputs} >= count", count, wait=True)
        page.page.wait_for_timeout(1_000)  # what would load or run has its time
        page.js(PRESS)
        page.page.wait_for_timeout(500)  # and what a click would begin
        own = {"asked": self._listener.asked, "errors": page.errors}
        return page.js(VERDICT) | own


@pytest.fixture
def reader(open_notebook: Any, listener: Listener, tmp_path: Path) -> Reader:
    return Reader(open_notebook, listener, tmp_path)


def _bundle(reply: str) -> dict[str, str]:
    safe = to_safe_markdown(reply)
    return {"text/html": to_html(reply), "text/markdown": safe, "text/plain": reply}


def _book(folder: Path, bundles: list[dict[str, str]]) -> Path:
    """Write a notebook that was run once and saved."""
    book = notebook_of(["1"])
    book.cells[0].outputs = [
        nbformat.v4.new_output("display_data", data=data) for data in bundles
    ]
    path = folder / "saved.ipynb"
    nbformat.write(book, path)
    return path


def test_naive(reader: Reader, replies: list[str]) -> None:
    """The control: shown as every peer shows them, the same replies do it all."""
    verdict = reader.display([{"text/markdown": reply} for reply in replies])

    assert verdict["pwned"] is not None
    assert "/img-onerror" in verdict["asked"]
    assert "/md-ref" in verdict["asked"]
    assert verdict["commands"]
    assert verdict["theme"] != NOTHING["theme"]
    assert verdict["outlines"] == ["solid", "solid"]
    assert verdict["alive"]


def test_html_live(reader: Reader, replies: list[str], mutants: list[str]) -> None:
    """Our HTML, shown by a cell that runs and so trusted, does nothing."""
    assert reader.display([_bundle(r) for r in replies + mutants]) == NOTHING


def test_markdown_live(reader: Reader, replies: list[str], mutants: list[str]) -> None:
    """Our Markdown, rendered by the host itself and trusted, does nothing."""
    shown = [{"text/markdown": to_safe_markdown(r)} for r in replies + mutants]

    assert reader.display(shown) == NOTHING


def _shown(reader: Reader, replies: list[str], front: str, view: str) -> Any:
    """Stream the replies in a cell; return its page when all have ended."""
    path = reader.folder / "replies.json"
    path.write_text(json.dumps(replies), "utf-8")
    folder = str(Path(__file__).parents[1] / "harness")
    page = reader.open(
        [SHOW.format(folder=folder, path=str(path), view=view)], front=front
    )
    page.run_all()
    return page


@pytest.mark.parametrize(("front", "view"), PLACES, ids=map("-".join, PLACES))
def test_show(reader: Reader, replies: list[str], front: str, view: str) -> None:
    """A hostile stream does nothing while it is shown in halves, nor at its end."""
    page = _shown(reader, replies, front, view)

    assert reader.verdict(page, len(replies) + 2) == NOTHING
    assert len(page.js(HALVES)) > 5


def test_show_saved(reader: Reader, replies: list[str]) -> None:
    """What such a stream leaves in the file does nothing, opened signed or not."""
    page = _shown(reader, replies, "lab", GROWING[0])
    saved = reader.folder / "saved.ipynb"
    saved.write_text(json.dumps(page.save()), "utf-8")
    count = len(replies) + 2

    assert reader.verdict(page, count) == NOTHING
    assert len(page.js(HALVES)) > 5
    assert reader.reopen(saved, count, trust=False) == NOTHING
    assert reader.reopen(saved, count, trust=True) == NOTHING


def test_formulas(reader: Reader) -> None:
    """The host typesets the formulas in our HTML, and leaves prices alone."""
    text = (
        "Costs $5 and $6, $a_1 * b_2 * c$, \\(x<y\\)\n\n$$\nz\n$$\n\n\\[w\\]\n\n`$c$`"
    )
    page = reader.open(_book(reader.folder, [{"text/html": to_html(text)}]))
    formulas = page.page.locator(".jp-OutputArea mjx-container")
    formulas.nth(3).wait_for()

    assert formulas.count() == 4
    assert "Costs $5 and $6" in page.page.locator(".jp-RenderedHTML").inner_text()
