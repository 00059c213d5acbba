"""Awaiting streams in real kernels: an interrupt must not cost the kernel."""

import pytest

SETUP = """\
import asyncio, time
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


def ends(run):
    shown = [o for o in run.outputs if o["output_type"] == "display_data"]
    return [output["metadata"]["nbstream"]["outcome"] for output in shown]


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_an_interrupt_of_tasks_that_await(cell, kernel):
    """All streams are stopped, queued cells do not run, and the kernel lives on."""
    kernel.execute(SETUP)
    run = kernel.queue(cell)
    behind = kernel.queue("print('never')")
    shown = 2 if "gather" in cell else 1
    kernel.wait_until(lambda: run.types().count("update_display_data") >= shown)
    kernel.interrupt()
    kernel.wait(run, timeout_s=10)
    kernel.wait_until(lambda: behind.reply)
    after = kernel.execute("print(nbstream.last().text)")
    kernel.wait_until(lambda: ends(run) == ["stopped"] * shown, what="both ends")

    assert (run.status, behind.status) == ("error", "aborted")
    assert after.text == "begun \n"


def test_a_cell_after_an_interrupted_await_can_be_interrupted(kernel):
    """The kernel's own handler is back in its place."""
    kernel.execute(SETUP)
    first = kernel.queue("await nbstream.start(silent())")
    kernel.wait_until(lambda: "update_display_data" in first.types())
    kernel.interrupt()
    kernel.wait(first, timeout_s=10)
    second = kernel.queue("print('go', flush=True)\ntime.sleep(30)")
    kernel.wait_until(lambda: "go" in second.text)
    kernel.interrupt()
    kernel.wait(second, timeout_s=10)

    assert second.outputs[-1]["ename"] == "KeyboardInterrupt"
