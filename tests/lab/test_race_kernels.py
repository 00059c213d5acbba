"""A race in a real kernel: what is saved without a person, and ■."""

from __future__ import annotations

import json
import os
from unittest import mock

import nbformat
import pytest
from harness.matrix import NEWEST, spec_name
from nbclient import NotebookClient

SETUP = """\
import os, time
import nbstream
from nbstream.offline import use
use(speed=0)
from openai import OpenAI
from anthropic import Anthropic
PROMPT = "Say hello [scenario: prose]"
def ask(**more):
    return OpenAI().responses.create(model="gpt-5", input=PROMPT, **more)
def claude():
    messages = [{"role": "user", "content": PROMPT}]
    return Anthropic().messages.create(
        model="c", max_tokens=999, messages=messages, stream=True)
def broken():
    yield "It begins, "
    raise OSError("reset")
def stuck():
    yield "begun "
    time.sleep(60)"""
RACE = """\
nbstream.race({
    "streamed": lambda: ask(stream=True), "whole": ask,
    "claude": claude, "broken": broken})"""
AFTER = "[reply.outcome for reply in nbstream.last_race().values()]"
MIMES = {"text/html", "text/markdown", "text/plain"}

pytestmark = pytest.mark.kernel


def executed(env, folder):
    """Run the cells as nbclient does; return the notebook as it would be saved."""
    cells = [
        nbformat.v4.new_code_cell(source, id=f"cell-{number}")
        for number, source in enumerate((SETUP, RACE, AFTER, "nbstream.last_race()"))
    ]
    book = nbformat.v4.new_notebook(cells=cells)
    place = {"metadata": {"path": str(folder)}}
    with mock.patch.dict(os.environ, env):
        client = NotebookClient(
            book,
            timeout=60,
            kernel_name=spec_name(NEWEST),
            resources=place,
            record_timing=False,
        )
        client.execute()
    return book


def test_headless_runs_are_alike_to_the_byte(jupyter_env, tmp_path):
    """One display without a widget; shown again by the last line of another cell."""
    pytest.importorskip("anthropic")
    one, two = (executed(jupyter_env, tmp_path) for _ in range(2))
    (output,) = one.cells[1].outputs
    (again,) = one.cells[3].outputs
    race = output.metadata["nbstream"]["race"]

    assert nbformat.writes(one) == nbformat.writes(two)
    assert output.output_type == "display_data"
    assert set(output.data) == MIMES
    assert "widgets" not in one.metadata
    assert [each["outcome"] for each in race.values()] == ["complete"] * 3 + ["failed"]
    assert "timing" not in json.dumps(race)
    assert again.data == output.data


@pytest.mark.parametrize("view", ["live", "updates"])
def test_interrupt_stops_all_and_what_is_queued(start_kernel, view):
    """The cell ends with one line, all that came is there, and the kernel lives on."""
    kernel = start_kernel()
    kernel.execute(f"{SETUP}\nos.environ['NBSTREAM_VIEW'] = {view!r}")
    run = kernel.queue('nbstream.race({"a": stuck, "b": stuck})')
    behind = kernel.queue("print('never')")
    begun = {"comm_msg", "update_display_data"}

    def both():
        shown = [m for m in run.messages if m["header"]["msg_type"] in begun]
        return json.dumps([m["content"] for m in shown]).count("begun") >= 2

    kernel.wait_until(both)
    kernel.interrupt()
    kernel.wait(run, timeout_s=30)
    kernel.wait_until(lambda: behind.reply)
    after = kernel.execute(AFTER)
    display, error = run.outputs

    assert (run.status, behind.status) == ("error", "aborted")
    assert error["traceback"] == [
        "KeyboardInterrupt: all stopped; what had arrived is in nbstream.last_race()"
    ]
    assert set(display["data"]) == MIMES
    assert display["data"]["text/plain"].count("[Stopped. This is what had arr") == 2
    assert after.outputs[0]["data"]["text/plain"] == "['stopped', 'stopped']"
