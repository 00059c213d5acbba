"""``show`` and ``start`` where no cell runs them: in a callback, a thread, a timer."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.place]

SETUP = """\
import asyncio, threading, pathlib, time
import ipywidgets as w
from IPython.display import display
import nbstream
def written():
    yield "begun **now** "
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
    yield "and ended"
def show(*_):
    nbstream.show(written())
def start(*_):
    nbstream.start(written())
"""
BUTTON = "button = w.Button(description='go'); display(button)\n"
#: What it shows -> the cell; what is clicked is a button of its.
CALLS = {
    "a handler in with output": BUTTON
    + "out = w.Output(); display(out)\n"
    + "def click(_):\n    with out: {do}()\nbutton.on_click(click)",
    "a handler that out captures": BUTTON
    + "out = w.Output(); display(out)\nbutton.on_click(out.capture()({do}))",
    "an Output in a Tab": BUTTON
    + "out = w.Output(); display(w.Tab([out]))\n"
    + "def click(_):\n    with out: {do}()\nbutton.on_click(click)",
    "an Output in an Accordion": BUTTON
    + "out = w.Output(); display(w.Accordion([out], selected_index=0))\n"
    + "def click(_):\n    with out: {do}()\nbutton.on_click(click)",
    "interact with a button": (
        "w.interact_manual(lambda x: {do}(), x=w.IntSlider(1, 0, 9))"
    ),
    "interact": "w.interact(lambda x: {do}(), x=w.IntSlider(1, 0, 9));",
    "with output in a cell": "out = w.Output(); display(out)\nwith out: {do}()",
    "a thread": "thread = threading.Thread(target={do}); thread.start()",
    "a timer": "timer = threading.Timer(0.2, {do}); timer.start()",
    "the loop": "handle = asyncio.get_running_loop().call_later(0.2, {do})",
}
#: Which one runs before its widget is displayed: then a `display` shows nothing either.
LATER = {("interact", "show")}


@pytest.mark.parametrize("do", ["show", "start"])
@pytest.mark.parametrize("name", CALLS)
def test_it_appears_live_where_a_display_would(open_notebook, name, do):
    """With its Stop while it grows; then as an output, without an error."""
    page = open_notebook([SETUP, CALLS[name].format(do=do)])
    page.run_cell(0)
    page.run_cell(1, wait=False)
    if "button" in CALLS[name] or "manual" in CALLS[name]:
        page.output(1).first.locator("button.jupyter-button").click()
    if (name, do) not in LATER:
        page.wait_text(1, "begun now")
        page.output(1).first.get_by_role("button", name="Stop").wait_for()
    (page.folder / "go").touch()
    page.wait_text(1, "and ended")
    page.page.wait_for_function(
        "() => !document.querySelector('.jp-CodeCell [class^=nbstream-]')"
    )
    page.wait_idle()

    assert "begun now and ended" in page.output_text(1)
    assert page.errors == []
