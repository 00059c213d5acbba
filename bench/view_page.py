"""What ``bench_view`` sees in a real JupyterLab: bytes, work, and when it is shown.

A paint is noted in a message that a frame's callback sends to itself: it arrives when
that frame has been made, so that what the DOM holds then is on the screen.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness.browser import MISSING, NotebookPage, chromium_path, launch  # noqa: E402
from harness.jupyter import Jupyter  # noqa: E402

__all__ = ["Bench", "opened"]

#: Counted in the page, because CDP's own events of a websocket would have to be made,
#: with all their bytes, by the main thread that is measured.
PROBE = r"""(() => {
  const counts = { frames: 0, bytes: 0, opening: 0, updates: 0, ended: 0 };
  const none = { ...counts, long: [], shown: [] };
  const seen = (window.seen = structuredClone(none));
  const decoder = new TextDecoder();
  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      if (!String(args[0]).includes("/channels")) return;
      this.addEventListener("message", ({ data }) => {
        const size = data.byteLength ?? data.length;
        seen.frames += 1;
        seen.bytes += size;
        const head = data.byteLength ? decoder.decode(data.slice(0, 600)) : data;
        if (head.includes('"comm_open"')) seen.opening += size;
        if (!head.includes('"update_display_data"')) return;
        seen.updates += size;
        seen.ended = performance.now();
      });
    }
  };
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      seen.long.push([startTime, duration]);
  }).observe({ type: "longtask" });

  const ROOTS = [".nbstream-text", "pre.floor", ".jp-OutputArea-output"];
  const find = (query) => window.watched?.querySelector(query);
  function lastMark(node, budget) {
    let each = node.lastChild;
    for (; each && budget.left > 0; each = each.previousSibling) {
      if (each.nodeType === Node.TEXT_NODE) {
        budget.left -= 1;
        const from = Math.max(0, each.length - 200);
        const found = each.substringData(from, 200).match(/\bm\d+\b(?![^]*\bm\d+\b)/);
        if (found) return Number(found[0].slice(1));
      }
      const inner = lastMark(each, budget);
      if (inner !== undefined) return inner;
    }
  }
  const { port1, port2 } = new MessageChannel();
  let best = -1;
  port1.onmessage = () => {
    const root = ROOTS.map(find).find(Boolean);
    const mark = root ? lastMark(root, { left: 40 }) : undefined;
    if (mark > best) seen.shown.push([(best = mark), Date.now()]);
  };
  function frame() {
    port2.postMessage(0);
    requestAnimationFrame(frame);
  }
  requestAnimationFrame(frame);
  window.startSeeing = (node) => {
    Object.assign(seen, structuredClone(none));
    best = -1;
    window.watched = node;
  };
})();"""
START = """index => {
  const { node } = window.jupyterapp.shell.currentWidget.content.widgets[index];
  window.startSeeing(node.querySelector('.jp-Cell-outputArea'));
}"""
SHOWN = "(mark) => mark < 0 || window.seen.shown.at(-1)?.[0] >= mark"
DONE = """(index) => {
  const cell = window.jupyterapp.shell.currentWidget.content.widgets[index];
  return cell.prompt !== '*' && !window.testRuns;
}"""


class Bench:
    """One notebook page; each measurement is a new cell, which goes when it is done."""

    def __init__(self, notebook: NotebookPage) -> None:
        self.notebook = notebook
        self._cdp = notebook.page.context.new_cdp_session(notebook.page)
        self._cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
        root = notebook.server.root
        self._out, self._given, self._seen = (
            root / name for name in ("out.json", "given", "seen")
        )

    def measure(self, call: str, last_mark: int, limit_s: float) -> dict[str, Any]:
        """Run one way; return what the page and the kernel saw of it."""
        page = self.notebook.page
        for path in (self._out, self._given, self._seen):
            path.unlink(missing_ok=True)
        index = self.notebook.insert(call)
        page.wait_for_timeout(300)
        self.notebook.js(START, index)
        before, end_s = self._task_s(), time.monotonic() + limit_s
        self.notebook.run_cell(index, wait=False)
        caught_up = self._wait(end_s, self._given.exists)
        caught_up &= self._wait(end_s, lambda: self.notebook.js(SHOWN, last_mark))
        page.wait_for_timeout(300)
        streamed_s = self._task_s() - before
        self._seen.touch()
        caught_up &= self._wait(end_s, lambda: self.notebook.js(DONE, index))
        page.wait_for_timeout(300)
        task_s = self._task_s() - before
        found = dict(page.evaluate("() => window.seen"))
        output = self.notebook.output_text(index)
        text = self._out.read_text() if self._out.exists() else "{}"
        self._delete(index)
        return {
            **found,
            **json.loads(text),
            "task_s": task_s,
            "streamed_s": streamed_s,
            "caught_up": caught_up,
            "rate_exceeded": "rate exceeded" in output,
        }

    def _wait(self, end_s: float, is_true: Callable[[], bool]) -> bool:
        while time.monotonic() < end_s:
            if is_true():
                return True
            self.notebook.page.wait_for_timeout(100)
        return False

    def _task_s(self) -> float:
        metrics = self._cdp.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "TaskDuration")

    def _delete(self, index: int) -> None:
        self.notebook.select(index)
        self.notebook.command("notebook:delete-cell")
        self.notebook.js("() => !window.testRuns", wait=True)
        self.notebook.page.wait_for_timeout(300)


@contextmanager
def opened(setup: str) -> Iterator[Bench]:
    """Open a notebook in JupyterLab, with its first cell run, in headless Chromium."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        playwright = stack.enter_context(sync_playwright())
        path = chromium_path(playwright)
        if path is None:
            raise SystemExit(MISSING)
        server = Jupyter(home / "server", env=_env(home))
        stack.callback(server.stop)
        server.put("bench.ipynb", [setup])
        browser = stack.enter_context(launch(playwright, path))
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(PROBE)
        notebook = NotebookPage(
            context,
            server,
            path="bench.ipynb",
            front="lab",
            screenshots=home,
            timeout_s=120,
        )
        notebook.run_all()
        yield Bench(notebook)
        server.end_sessions()


def _env(home: Path) -> Mapping[str, str]:
    """Keep the user's own Jupyter settings out, and ours out of theirs."""
    names = ["CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"]
    own = {f"JUPYTER_{name}": str(home / name.lower()) for name in names}
    own["JUPYTERLAB_SETTINGS_DIR"] = str(home / "settings")
    own["JUPYTERLAB_WORKSPACES_DIR"] = str(home / "workspaces")
    own["IPYTHONDIR"] = str(home / "ipython")
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = [*filter(None, inherited), str(ROOT / "bench")]
    own["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, path))
    return {**os.environ, **own}
