"""Film the README's picture: a scripted answer as it grows in a real JupyterLab.

Writes `images/first-stream.gif`. Needs Chromium and, beside the development tools,
Pillow (`pip install pillow`).
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness.browser import MISSING, NotebookPage, chromium_path, launch  # noqa: E402
from harness.jupyter import Jupyter  # noqa: E402

TARGET = ROOT / "images" / "first-stream.gif"
#: The notebook's own part of the page comes out 800 pixels wide.
VIEWPORT = {"width": 1128, "height": 792}
FRAME_S = 0.1
FIRST_S, LAST_S = 1.0, 4.0
LONGEST_S = 30.0
COLOURS = 128
CELLS = [
    """\
import nbstream
from openai import OpenAI

nbstream.offline.use()""",
    """\
stream = OpenAI().responses.create(
    model="gpt-5.6-luna", input="How does a streamed answer travel?", stream=True
)
reply = nbstream.show(stream)""",
    "reply.outcome, reply.finish_reason, reply.usage.output_tokens",
]
SCENARIO = r'''
origin = "scripted"
title = "The README's answer"
description = "Short, and with a bit of everything."
order = 1

[[when]]
any = ["streamed answer travel"]

[[part]]
kind = "text"
text = """
### How a streamed answer travels

*This answer is scripted.* A model writes one **token** after the other, and each \
is sent as soon as it is there:

1. the server wraps it in an *event*,
2. the SDK makes a Python object of it,
3. `nbstream.show` adds it to the text that you see.

| API       | its last event       |
|:----------|:---------------------|
| OpenAI    | `response.completed` |
| Anthropic | `message_stop`       |

```python
for event in nbstream.events(stream):
    print(event)
```
"""
'''


def film() -> list[tuple[float, Image.Image]]:
    """Run the cells as a person would; return frames with the time of each."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = chromium_path(playwright)
        if path is None:
            sys.exit(MISSING)
        home = Path(folder)
        server = Jupyter(home, env=environment(home))
        try:
            server.put("first stream.ipynb", CELLS)
            browser = launch(playwright, path)
            notebook = NotebookPage(
                browser.new_context(viewport=VIEWPORT),
                server,
                path="first stream.ipynb",
                front="lab",
                screenshots=home,
            )
            notebook.run_cell(0)
            return list(frames(notebook))
        finally:
            server.end_sessions()
            server.stop()


def environment(home: Path) -> dict[str, str]:
    """Keep the user's settings out; serve the scenario above at a model's pace."""
    scenarios = home / "scenarios"
    scenarios.mkdir()
    (scenarios / "readme.toml").write_text(SCENARIO, encoding="utf-8")
    names = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")
    names += ("JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR")
    names += ("JUPYTERLAB_WORKSPACES_DIR",)
    own = {name: str(home / name.lower()) for name in names}
    own |= {"NBSTREAM_SCENARIOS": str(scenarios), "NBSTREAM_SPEED": "1"}
    return {**os.environ, **own, "NBSTREAM_LIVE": ""}


def frames(notebook: NotebookPage) -> list[tuple[float, Image.Image]]:
    """Take a picture every tenth of a second until the last cell is done."""
    found = [(time.monotonic(), picture(notebook.page))]
    for cell in (1, 2):
        notebook.run_cell(cell, wait=False)
    while len(found) < 3 or notebook.prompt(2) in {"", "*"}:
        if found[-1][0] - found[0][0] > LONGEST_S:
            sys.exit(f"the last cell did not run:\n{notebook.output_text(1)}")
        time.sleep(max(0.0, found[-1][0] + FRAME_S - time.monotonic()))
        found.append((time.monotonic(), picture(notebook.page)))
    notebook.wait_idle()
    return [*found, (time.monotonic(), picture(notebook.page))]


def picture(page: Page) -> Image.Image:
    """Take the notebook's part of the page."""
    png = page.locator(".jp-NotebookPanel").first.screenshot()
    return Image.open(io.BytesIO(png)).convert("RGB")


def save(shots: list[tuple[float, Image.Image]]) -> None:
    """Write the frames at the pace at which they were taken."""
    palette = shots[-1][1].quantize(COLOURS)
    images = [
        image.quantize(palette=palette, dither=Image.Dither.NONE) for _, image in shots
    ]
    times = [at for at, _ in shots]
    lengths = [later - at for at, later in pairwise(times)]
    lengths = [FIRST_S, *lengths[1:], LAST_S]
    TARGET.parent.mkdir(exist_ok=True)
    images[0].save(
        TARGET,
        save_all=True,
        append_images=images[1:],
        duration=[round(1000 * each) for each in lengths],
        loop=0,
        optimize=True,
    )


if __name__ == "__main__":
    save(film())
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size:,} bytes")
