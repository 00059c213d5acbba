"""A notebook in a real browser, used as a person uses it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from harness.jupyter import THEMES, Jupyter

__all__ = ["FLAGS", "MISSING", "NotebookPage", "chromium_path", "launch"]

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
#: A front end that has not come up by then, on a machine however slow, never does.
LOAD_S = 30
LOAD_TIMES = 3
IDLE = f"""() => {{
  const panel = {PANEL};
  return !window.testRuns && panel.sessionContext.session?.kernel?.status === 'idle'
    && panel.content.widgets.every(cell => cell.prompt !== '*');
}}"""
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
    ) -> None:
        self.server = server
        self.path = path
        self.front = front
        self.screenshots = screenshots
        self.timeout_ms = timeout_s * 1000
        self.errors: list[str] = []
        self.failures: list[str] = []  # why the page did not come up, each time
        self.page: Page = context.new_page()
        self.page.set_default_timeout(self.timeout_ms)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.load()

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
