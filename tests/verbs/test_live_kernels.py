"""Awaiting streams in real kernels: an interrupt must not cost the kernel."""

import json

import pytest

#: What shows a stream in a kernel; the live view speaks through comms, not displays.
VIEWS = ["live", "updates"]
UPDATES = {"comm_msg", "update_display_data"}

SETUP = """\
import asyncio, os, time
import nbstream
def silent():
    yield "begun "
    time.sleep(60)
"""

#: What it shows -> the cell.
CELLS = {
    "two at once": (
        "await asyncio.gather(nbstream.start(silent()), nbstream.start(silent()))"
    ),
    "in a task": (
        "async def main():\n    return await nbstream.start(silent())\n"
        "await asyncio.create_task(main())"
    ),
}


def begun(run):
    """Count the views that have shown the first text, whatever they show it by."""
    updates = [m for m in run.messages if m["header"]["msg_type"] in UPDATES]
    return len({key_of(m) for m in updates if "begun" in json.dumps(m["content"])})


def key_of(message):
    content = message["content"]
    return content.get("comm_id") or content["transient"]["display_id"]


@pytest.fixture(params=VIEWS)
def set_up(request, kernel):
    kernel.execute(SETUP + f"os.environ['NBSTREAM_VIEW'] = {request.param!r}")


def ends(run):
    shown = [o for o in run.outputs if o["output_type"] == "display_data"]
    return [output["metadata"]["nbstream"]["outcome"] for output in shown]


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_an_interrupt_of_tasks_that_await(cell, kernel, set_up):
    """All streams are stopped, queued cells do not run, and the kernel lives on."""
    run = kernel.queue(cell)
    behind = kernel.queue("print('never')")
    shown = 2 if "gather" in cell else 1
    kernel.wait_until(lambda: begun(run) >= shown)
    kernel.interrupt()
    kernel.wait(run, timeout_s=30)
    kernel.wait_until(lambda: behind.reply)
    kernel.wait_until(lambda: ends(run) == ["stopped"] * shown, what="both ends")
    after = kernel.execute("print(nbstream.last().text)")
    if after.status == "aborted":  # 6.17 is not done with that yet
        after = kernel.execute("print(nbstream.last().text)")

    assert (run.status, behind.status) == ("error", "aborted")
    assert after.text == "begun \n"


def test_a_cell_after_an_interrupted_await_can_be_interrupted(kernel, set_up):
    """The kernel's own handler is back in its place."""
    first = kernel.queue("await nbstream.start(silent())")
    kernel.wait_until(lambda: begun(first))
    kernel.interrupt()
    kernel.wait(first, timeout_s=30)
    second = kernel.queue("print('go', flush=True)\ntime.sleep(30)")
    kernel.wait_until(lambda: "go" in second.text)
    kernel.interrupt()
    kernel.wait(second, timeout_s=30)

    assert second.outputs[-1]["ename"] == "KeyboardInterrupt"


CALLBACK = """\
import ipywidgets
from nbstream.screens.base import place
button = ipywidgets.Button()
def note(_):
    with open("places.txt", "a") as file:
        file.write(f"{place()} ")
button.on_click(note)
print(button.comm.comm_id)"""


def test_a_callback_is_live_where_the_last_cell_had_a_person(kernel):
    """A widget's message does not say it, on the main thread or in a subshell."""
    comm = kernel.execute(CALLBACK).text.split()[-1]
    click = {"method": "custom", "content": {"event": "click"}}
    has_subshells = kernel.version.startswith("7")
    shells = [None, kernel.create_subshell()] if has_subshells else [None]
    for is_asked in (True, False):
        kernel.execute("1", allow_stdin=is_asked)
        for shell in shells:
            run = kernel.send_comm(comm, click, subshell_id=shell)
            kernel.wait_until(lambda run=run: run.idle, what="click")
    places = (kernel.folder / "places.txt").read_text().split()

    assert places == ["live"] * len(shells) + ["static"] * len(shells)
