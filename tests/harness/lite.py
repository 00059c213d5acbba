"""The course in a page with Python in it: JupyterLite, built, served and driven."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page

from harness.ci import script

__all__ = ["LitePage", "build", "joined", "opened", "outputs_of", "served"]

ROOT = Path(__file__).resolve().parents[2]
PANEL = "window.jupyterapp.shell.currentWidget"
KERNEL = f"{PANEL}.context.sessionContext.session.kernel"
READY = f"""() => {{
  const session = window.jupyterapp && {PANEL}?.context?.sessionContext;
  return session?.session?.kernel?.status === 'idle';
}}"""
RUN = f"""async (index) => {{
  {PANEL}.content.activeCellIndex = index;
  await window.jupyterapp.commands.execute('notebook:run-cell');
}}"""
SAVED = f"() => {PANEL}.content.model.toJSON()"
OPEN = """async ([path, content]) => {
  const app = window.jupyterapp;
  const file = { type: 'notebook', format: 'json', content };
  await app.serviceManager.contents.save(path, file);
  const kernel = { name: 'python' };
  await app.commands.execute('docmanager:open', { path, factory: 'Notebook', kernel });
}"""
#: Python starts within this on a machine however busy, in seconds.
START_S = 240
#: A lesson, the same.
LESSON_S = 400
#: Without it a browser cannot suspend Python: Firefox and Safari (2026) are such.
WITHOUT_JSPI = b"delete WebAssembly.Suspending; delete WebAssembly.promising;\n"


def build(folder: Path) -> Path:
    """Build the site in a folder, in the environment that the site has for it."""
    site = script("site")
    subprocess.run([site.python(), site.LITE, folder], check=True)
    return folder


class _Files(SimpleHTTPRequestHandler):
    """Serves files as GitHub Pages does: with no headers of its own, below a folder."""

    before: bytes = b""  # what stands before Python's own script
    upstream: str = ""  # where what is posted goes, as through a proxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        link = HTTPConnection(urlsplit(self.upstream).netloc)
        path = self.path[self.path.index("/v1/") :]
        link.request("POST", path, body, {"Content-Type": "application/json"})
        answer = link.getresponse()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.end_headers()
        try:
            while data := answer.read1():
                self.wfile.write(data)
                self.wfile.flush()
        except OSError:
            pass  # the page has gone
        finally:
            link.close()

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.name == "pyodide.mjs" and self.before:
            content = self.before + path.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(site: Path, before: bytes = b"", upstream: str = "") -> Iterator[str]:
    """Serve the site; give its address."""
    handler = type("Files", (_Files,), {"before": before, "upstream": upstream})
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(handler, directory=site.parent)
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{site.name}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[LitePage]:
    """Open the site with the network cut off."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    outside: list[str] = []

    def asked(route) -> None:
        outside.append(route.request.url)
        route.abort()

    own = (address.rpartition("/")[0], "data:", "blob:")
    context.route(lambda url: not url.startswith(own), asked)
    try:
        yield LitePage(context.new_page(), address, outside)
    finally:
        context.close()


class LitePage:
    """One notebook in it; ``outside`` is what was asked of others."""

    def __init__(self, page: Page, address: str, outside: list[str]) -> None:
        self.page = page
        self.address = address
        self.outside = outside
        self.opened = 0
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path: str = "") -> None:
        """Open a lesson, or what opens by itself, and wait for Python."""
        self.page.goto(f"{self.address}/{path and f'lab/index.html?path={path}'}")
        self.page.wait_for_function(READY, timeout=START_S * 1000)

    def open_cells(self, *cells: str) -> None:
        """Open a new notebook with these cells, in the page that is open."""
        made = [
            {"cell_type": "code", "source": each, "metadata": {}, "outputs": []}
            | {"execution_count": None, "id": f"cell-{number}"}
            for number, each in enumerate(cells)
        ]
        notebook = {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        self.opened += 1
        self.page.evaluate(OPEN, [f"own-{self.opened}.ipynb", notebook])
        self.page.wait_for_function(READY, timeout=START_S * 1000)

    def tell(self, code: str) -> None:
        """Run code that no cell shows."""
        ran = f"async (code) => {{ await {KERNEL}.requestExecute({{ code }}).done; }}"
        self.page.evaluate(ran, code)

    def run(self, index: int) -> None:
        """Run a cell and wait for its end."""
        self.page.evaluate(RUN, index)

    def begin(self, index: int) -> None:
        """Run a cell and do not wait."""
        self.page.evaluate(f"(index) => {{ ({RUN})(index); }}", index)

    def cell(self, index: int) -> Locator:
        """Return a cell of the notebook that is in front."""
        front = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        return front.locator(".jp-Cell").nth(index)

    def wait_idle(self) -> None:
        """Wait until nothing runs."""
        self.page.wait_for_function(READY, timeout=LESSON_S * 1000)

    def run_all(self) -> dict[str, Any]:
        """Run the notebook; return it as it would be saved."""
        for index in range(len(self.saved()["cells"])):
            self.run(index)
        return self.saved()

    def ran(self, lesson: Path) -> tuple[list[object], list[object]]:
        """Run the lesson that is open, at no pace; give its outputs and the file's."""
        self.tell("import os; os.environ['NBSTREAM_SPEED'] = '0'")
        self.tell("os.environ['NBSTREAM_QUESTIONS'] = 'off'")
        committed = json.loads(lesson.read_text("utf-8"))
        return outputs_of(self.run_all()), outputs_of(committed)

    def saved(self) -> dict[str, Any]:
        """Return the notebook as it would be saved."""
        found: dict[str, Any] = json.loads(json.dumps(self.page.evaluate(SAVED)))
        return found

    def said(self, index: int) -> str:
        """Return what a cell has printed and given."""
        outputs = self.saved()["cells"][index]["outputs"]
        texts = [
            each.get("text") or each.get("data", {}).get("text/plain") or each["evalue"]
            for each in outputs
        ]
        return "".join("".join(each) for each in texts)


def outputs_of(notebook: dict[str, Any]) -> list[object]:
    """Return what the cells gave, in order: kinds, names and all forms of each.

    JupyterLite's display hook makes an output of what displays itself, an empty one.
    What `nbstream.start` shows stands in its own cell in a page, and without one in
    the cell that waits for its end: so cells are not told apart.
    """
    return [
        (each["output_type"], each.get("name"), joined(each))
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        for each in cell["outputs"]
        if each.get("data") != {}
    ]


def joined(output: dict[str, Any]) -> dict[str, str]:
    """Return the texts of an output; a file keeps them as lines.

    The page's kernel names an exception by its class, as in ``<class 'a.B'>``.
    """
    name = output.get("ename", "").removeprefix("<class '").removesuffix("'>")
    texts = output.get("data") or {"text": output.get("text", name.rpartition(".")[2])}
    return {mime: "".join(text) for mime, text in sorted(texts.items())}
