"""A notebook in a real browser, used as a person uses it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Frame,
    Locator,
    Page,
    Playwright,
)
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from harness.jupyter import THEMES, Jupyter

__all__ = [
    "FLAGS",
    "MISSING",
    "VIEWPORT",
    "NotebookPage",
    "Shelf",
    "chromium_path",
    "launch",
]

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = (
    "these tests need Chromium: `sudo apt-get install chromium`, or "
    "`.venv/bin/playwright install --with-deps chromium`, or name one in CHROMIUM"
)
VIEWPORT = {"width": 1280, "height": 900}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Both front ends expose their application object; this finds the notebook in it.
PANEL = "window.jupyterapp.shell.currentWidget"
READY = f"""() => {{
  const panel = window.jupyterapp && {PANEL};
  const kernel = panel?.sessionContext?.session?.kernel;
  return Boolean(panel?.content?.widgets && panel.context.isReady
    && kernel?.status === 'idle' && kernel.connectionStatus === 'connected');
}}"""
#: What a page that does not get there looks like inside.
STATE = f"""() => {{
  const panel = window.jupyterapp && {PANEL};
  const session = panel?.sessionContext;
  return {{
    panel: panel?.id, cells: panel?.content?.widgets?.length,
    context: panel?.context?.isReady, session: session?.isReady,
    shown: session?.kernelDisplayStatus, kernel: session?.session?.kernel?.status,
    connection: session?.session?.kernel?.connectionStatus,
    dialogs: [...document.querySelectorAll('.jp-Dialog')].map(each => each.innerText),
  }};
}}"""
#: How errors of the console begin that a server makes, or JupyterLab itself: it asks
#: the debugger of a notebook that was closed just now, whose kernel is ending.
OF_THE_HOST = ("Failed to load resource", "Could not restore the debugger state")
#: A front end that has not come up by then, on a machine however slow, never does.
LOAD_S = 30
LOAD_TIMES = 3
IDLE = f"""() => {{
  const panel = {PANEL};
  return !window.testRuns && panel.sessionContext.session?.kernel?.status === 'idle'
    && panel.content.widgets.every(cell => cell.prompt !== '*');
}}"""
#: Opens a notebook in a JupyterLab that is there; a widget as a result is not sent.
OPEN = """path => window.jupyterapp.commands
  .execute('docmanager:open', {path, factory: 'Notebook'}).then(() => null)"""
CLOSE = """async () => {
  for (const panel of window.jupyterapp.shell.widgets('main'))
    if (panel.context?.model) panel.context.model.dirty = false;
  if (document.querySelector('.jp-LabShell'))
    await window.jupyterapp.commands.execute('application:close-all');
}"""
#: What may be left in a page and reach into the next test.
TRACES = """() => {
  const attributes = [...document.body.attributes].map((a) => `${a.name}=${a.value}`);
  const matches = (query) => matchMedia(query).matches;
  const of = (selector) => document.querySelectorAll(selector).length;
  return {
    names: Object.keys(window).filter((name) => !/^\\d+$/.test(name)),
    patched: Object.keys(document),
    body: attributes.sort(),
    open: of('.jp-NotebookPanel, .jp-LinkedOutputView, .jp-Dialog, .Toastify__toast'),
    running: window.testRuns || 0,
    size: [innerWidth, innerHeight, devicePixelRatio],
    media: [matches('(forced-colors: active)'), matches('(prefers-reduced-motion)'),
      matches('(prefers-color-scheme: dark)'), matches('print')],
    stored: [localStorage.length, sessionStorage.length],
  };
}"""
#: Names that JupyterLab and what it loads make when they are first needed.
KNOWN = {"testRuns", "MathJax"}
#: Starts a command and returns at once; IDLE waits for those that are under way.
START = """([command, args]) => {
  window.testRuns = (window.testRuns || 0) + 1;
  const done = () => { window.testRuns -= 1; };
  window.jupyterapp.commands.execute(command, args).then(done, done);
}"""


def chromium_path(playwright: Playwright) -> str | None:
    """Find a Chromium: the named one, the system's, or playwright's own."""
    own = playwright.chromium.executable_path
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES), own]
    return next((path for path in found if path and Path(path).exists()), None)


def launch(playwright: Playwright, path: str) -> Browser:
    """Start the headless browser; nothing of it talks to anyone on its own."""
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


class NotebookPage:
    """One notebook open in JupyterLab or Notebook 7.

    `page` is playwright's own page, for what has no helper here.
    """

    def __init__(
        self,
        context: BrowserContext,
        server: Jupyter,
        *,
        path: str,
        front: str,
        screenshots: Path,
        timeout_s: float = 60,
        page: Page | None = None,
    ) -> None:
        self.server = server
        self.path = path
        self.front = front
        self.screenshots = screenshots
        self.timeout_ms = timeout_s * 1000
        self.errors: list[str] = []
        self.loads = 0  # how often the page was loaded after the notebook was there
        self.failures: list[str] = []  # why the page did not come up, each time
        self.said: list[str] = []  # the errors of the console that are not the server's
        self.page: Page = page or context.new_page()
        self.page.set_default_timeout(self.timeout_ms)
        self._listening = {"pageerror": self._note_error, "console": self._note_said}
        for event, listener in self._listening.items():
            self.page.on(event, listener)
        if page is None or front != "lab":
            self.load()
        else:
            self._open()
        self.said.clear()
        self.page.on("framenavigated", self._note_load)

    def load(self) -> None:
        """Load the page (again); return when the notebook and its kernel are there.

        About one page in some thousands never gets there, by no fault of what is
        tested: it is loaded once more, as a person would do.
        """
        url = self.server.page_url(self.front, self.path)
        if not any(self._comes_up(url) for _ in range(LOAD_TIMES)):
            pytest.fail("\n".join([f"{url} does not come up", *self.failures]))
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        self._wait_splash()
        self.errors.clear()  # Notebook 7.6 has two of its own while it starts

    def leave(self) -> None:
        """Close the notebook without a question, and listen no more."""
        self.page.evaluate(CLOSE)
        self.page.mouse.move(0, 0)
        self.page.context.clear_permissions()
        for event, listener in self._listening.items():
            self.page.remove_listener(event, listener)
        self.page.remove_listener("framenavigated", self._note_load)

    @property
    def folder(self) -> Path:
        """Where the notebook lies, and its kernel runs."""
        return (self.server.root / self.path).parent

    # -- doing -----------------------------------------------------------------

    def command(self, name: str, **args: Any) -> None:
        """Start a command of the front end; return at once."""
        self.page.evaluate(START, [name, args])

    def run_all(self, *, wait: bool = True) -> None:
        """Run all cells; with ``wait=False`` return while they run."""
        self.command("notebook:run-all-cells")
        if wait:
            self.wait_idle()

    def run_cell(self, index: int, *, wait: bool = True) -> None:
        """Run one cell."""
        self.select(index)
        self.command("notebook:run-cell")
        if wait:
            self.wait_idle()

    def insert(self, code: str) -> int:
        """Add a code cell at the end; return its index."""
        index = self.cell_count()
        self.select(index - 1)
        self.command("notebook:insert-cell-below")
        self.js(f"() => {PANEL}.content.widgets.length > {index}", wait=True)
        self.js(
            f"code => {PANEL}.content.widgets[{index}].model.sharedModel"
            ".setSource(code)",
            code,
        )
        return index

    def insert_and_run(self, code: str, *, wait: bool = True) -> int:
        """Add a code cell at the end and run it; return its index."""
        index = self.insert(code)
        self.run_cell(index, wait=wait)
        return index

    def select(self, index: int) -> None:
        """Make one cell the active one, alone."""
        self.js(
            "index => { const notebook = " + PANEL + ".content;"
            " notebook.deselectAll(); notebook.activeCellIndex = index; }",
            index,
        )

    def interrupt(self) -> None:
        """Press the ■ button of the toolbar."""
        self.button("notebook:interrupt-kernel").click()

    def button(self, command: str) -> Locator:
        """Find the notebook toolbar's button of a command."""
        return self.page.locator(f'.jp-Toolbar [data-command="{command}"]').first

    def save(self) -> dict[str, Any]:
        """Save the notebook; return what is in the file."""
        self.page.evaluate(
            "() => window.jupyterapp.commands.execute('docmanager:save')"
        )
        self.page.wait_for_function(f"() => !{PANEL}.context.model.dirty")
        return self.saved()

    def set_theme(self, theme: str) -> None:
        """Switch the open page to another theme: see THEMES."""
        self.command("apputils:change-theme", theme=THEMES[theme])
        shown = self.page.locator(f'body[data-jp-theme-name="{THEMES[theme]}"]')
        shown.wait_for(state="attached")
        self._wait_splash()

    # -- seeing ----------------------------------------------------------------

    def cell_count(self) -> int:
        """Count the cells."""
        return int(self.js(f"() => {PANEL}.content.widgets.length"))

    def cell(self, index: int) -> Locator:
        """Find one cell's element."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """Find one cell's output area."""
        return self.cell(index).locator(".jp-OutputArea.jp-Cell-outputArea")

    def output_text(self, index: int) -> str:
        """Read the text in one cell's outputs, as the page holds it now."""
        found = self.output(index).locator(".jp-OutputArea-output")
        return "\n".join(found.all_text_contents())

    def prompt(self, index: int) -> str:
        """Read what stands in the brackets of a code cell: a number, `*` or nothing."""
        return str(self.js(f"i => {PANEL}.content.widgets[i].prompt", index)).strip()

    def wait_text(self, index: int, text: str, *, timeout_s: float = 60) -> None:
        """Wait until one cell's outputs contain a text."""
        shown = self.output(index).filter(has_text=text)
        shown.wait_for(state="attached", timeout=timeout_s * 1000)

    def wait_idle(self, *, timeout_s: float = 60) -> None:
        """Wait until nothing runs or is queued."""
        self.page.wait_for_function(IDLE, timeout=timeout_s * 1000)

    def js(self, script: str, arg: Any = None, *, wait: bool = False) -> Any:
        """Evaluate a JavaScript function in the page, or wait until it is true."""
        if wait:
            return self.page.wait_for_function(script, arg=arg).json_value()
        return self.page.evaluate(script, arg)

    def saved(self) -> dict[str, Any]:
        """Read the file as it is on the disk."""
        return json.loads((self.server.root / self.path).read_text())

    def screenshot(self, name: str) -> Path:
        """Write `screenshots/<name>.png`, for a person to look at."""
        self.screenshots.mkdir(exist_ok=True)
        target = self.screenshots / f"{name}.png"
        self.page.screenshot(path=target)
        return target

    def _open(self) -> None:
        """Open the notebook in a page that has JupyterLab already."""
        self.page.evaluate(OPEN, self.path)
        try:
            self.page.wait_for_function(READY, timeout=1000 * LOAD_S)
        except PlaywrightTimeout:
            return self.load()
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        return self.errors.clear()

    def _note_load(self, frame: Frame) -> None:
        self.loads += frame == self.page.main_frame

    def _note_error(self, error: object) -> None:
        self.errors.append(str(error))

    def _note_said(self, message: ConsoleMessage) -> None:
        is_the_hosts = message.text.startswith(OF_THE_HOST)
        if message.type == "error" and not is_the_hosts:
            self.said.append(message.text)

    def _comes_up(self, url: str) -> bool:
        try:
            self.page.goto(url)
            self.page.wait_for_function(READY, timeout=1000 * LOAD_S)
        except PlaywrightTimeout:
            state = json.dumps(self.page.evaluate(STATE), indent=1)
            log = self.server.log()[-4000:]
            self.failures.append("\n".join([state, *self.errors, log]))
            return False
        return True

    def _wait_splash(self) -> None:
        """JupyterLab covers the page while it starts and while it changes theme."""
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")


@dataclass
class Loaded:
    """A page that has a front end in it, and what it was like when it was new."""

    wanted: object
    page: Page
    traces: dict[str, Any]
    uses: int = 0


class Shelf:
    """Keeps a loaded page for the next test: to make one takes seconds of both cores.

    JupyterLab opens the next notebook in it; Notebook 7 is loaded again, which takes
    half of the time where it was before. A page is kept if its test passed and left
    nothing in it that TRACES can see; all others are closed.
    """

    #: A page that has had so many notebooks has grown old.
    MOST = 20

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._kept: dict[str, Loaded] = {}  # one for each front end
        self._out: dict[NotebookPage, Loaded | None] = {}

    def open(
        self, server: Jupyter, front: str, *, fresh: bool, **options: Any
    ) -> NotebookPage:
        """Open a notebook; a fresh page is nobody else's, before or after."""
        wanted = (server.url, server.chosen())
        loaded = None if fresh else self._kept.pop(front, None)
        if loaded and loaded.wanted != wanted:
            loaded.page.context.close()
            loaded = None
        if loaded is None:
            context = self._browser.new_context(viewport=VIEWPORT)
        else:
            context = loaded.page.context
        try:
            page = loaded and loaded.page
            found = NotebookPage(context, server, front=front, page=page, **options)
        except BaseException:
            context.close()
            raise
        if loaded is None and not fresh:
            loaded = Loaded(wanted, found.page, found.js(TRACES) | {"open": 0})
        self._out[found] = loaded
        return found

    def put_back(self, notebook: NotebookPage, *, passed: bool) -> None:
        """Keep its page for the next test, or close it."""
        loaded = self._out.pop(notebook)
        is_clean = False
        with contextlib.suppress(PlaywrightError):  # it has crashed, or is closed
            is_clean = bool(loaded) and passed and self._is_clean(notebook, loaded)
        if is_clean:
            loaded.uses += 1
            self._kept[notebook.front] = loaded
        else:
            notebook.page.context.close()

    def clear(self) -> None:
        """Close what is kept."""
        for loaded in self._kept.values():
            loaded.page.context.close()
        self._kept.clear()

    def _is_clean(self, notebook: NotebookPage, loaded: Loaded) -> bool:
        """Leave the notebook; say whether all else is as it was before it."""
        if notebook.front in self._kept or loaded.uses >= self.MOST:
            return False
        if notebook.page.context.pages != [notebook.page] or notebook.loads:
            return False
        notebook.leave()
        now, new = notebook.js(TRACES), loaded.traces
        left = {key for key in now if now[key] != new[key]}
        for key in ("names", "patched"):
            if set(now[key]) <= {*new[key], *KNOWN}:
                left.discard(key)
        if notebook.front != "lab":  # it will be another document
            left &= {"size", "media", "stored"}
            notebook.page.goto("about:blank")
        return not left
