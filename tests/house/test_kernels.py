"""``show`` in real kernels: what each front end would see, and what would be saved."""

import pytest

SETUP = """\
import os, threading, time
os.environ["NBSTREAM_VIEW"] = "updates"  # the view without a widget
import nbstream
def words(n=40, wait_s=0.02):
    for i in range(n):
        yield f"word{i} "
        time.sleep(wait_s)
def silent():
    yield "begun "
    time.sleep(60)
    yield "never"
"""
MIMES = {"text/html", "text/markdown", "text/plain"}


@pytest.fixture
def ready(kernel):
    """A kernel in which nbstream is imported and two streams are defined."""
    assert kernel.execute(SETUP).status == "ok"
    return kernel


def the_display(run):
    """Return the one output that is not printed text."""
    (found,) = [o for o in run.outputs if o["output_type"] == "display_data"]
    return found


def updates(run):
    return run.types().count("update_display_data")


def test_one_display_is_updated_in_place(ready):
    """A person's cell has one display: it grows, and ends as the three forms."""
    run = ready.execute("reply = nbstream.show(words())\nprint(reply.outcome)")
    output = the_display(run)
    text = "".join(f"word{i} " for i in range(40))

    assert (run.status, run.text) == ("ok", "complete\n")
    assert set(output["data"]) == MIMES
    assert output["data"]["text/plain"] == text
    assert output["metadata"]["nbstream"]["outcome"] == "complete"
    assert "timing" not in output["metadata"]["nbstream"]
    assert 2 <= updates(run) <= 20


def test_the_last_line_may_be_show_itself(ready):
    """The reply is not shown a second time under the stream."""
    run = ready.execute("nbstream.show(words(3))")
    again = ready.execute("nbstream.last()")

    assert [o["output_type"] for o in run.outputs] == ["display_data"]
    assert the_display(again)["data"] == the_display(run)["data"]


def test_headless_there_is_one_final_display(ready):
    """Without a person there is no update, and nothing that depends on the clock."""
    ready.execute("del os.environ['NBSTREAM_VIEW']")
    run = ready.execute("nbstream.show(words())", allow_stdin=False)
    output = the_display(run)

    assert updates(run) == 0
    assert set(output["data"]) == MIMES
    assert set(output["metadata"]["nbstream"]) == {
        "api",
        "model",
        "outcome",
        "finish_reason",
    }


@pytest.mark.parametrize("stream", ["silent()", "words(2000)"], ids=["silence", "flow"])
def test_interrupt_keeps_the_text_and_stops_the_queue(ready, stream):
    """■ ends a stream at once: text kept, one line said, queued cells not run."""
    run = ready.queue(f"nbstream.show({stream})")
    behind = ready.queue("print('never')")
    ready.wait_until(lambda: updates(run) >= 1)
    ready.interrupt()
    ready.wait(run, timeout_s=30)
    ready.wait_until(lambda: behind.reply)
    after = ready.execute(
        "reply = nbstream.last()\nprint(reply.outcome, len(reply.text))"
    )
    error = run.outputs[-1]
    outcome, length = after.text.split()

    assert (run.status, behind.status, outcome) == ("error", "aborted", "stopped")
    assert the_display(run)["metadata"]["nbstream"]["outcome"] == "stopped"
    assert the_display(run)["data"]["text/plain"].endswith(
        "\n\n[Stopped. This is what had arrived.]"
    )
    assert int(length) > 0
    assert error["ename"] == "Stopped"
    assert len(error["traceback"]) == 1


def test_interrupt_of_an_awaiting_cell(ready):
    """The same in a cell that awaits, where an interrupt is a cancellation."""
    run = ready.queue("await nbstream.start(silent())")
    behind = ready.queue("print('never')")
    ready.wait_until(lambda: updates(run) >= 1)
    ready.interrupt()
    ready.wait(run, timeout_s=30)
    ready.wait_until(lambda: behind.reply)

    assert (run.status, behind.status) == ("error", "aborted")
    assert the_display(run)["metadata"]["nbstream"]["outcome"] == "stopped"
    assert len(run.outputs[-1]["traceback"]) == 1


def test_a_stream_in_the_background_stays_in_its_cell(ready):
    """``start`` returns at once; its display goes on while other cells run."""
    run = ready.execute("live = nbstream.start(words())")
    others = [ready.execute(f"print({i})") for i in range(3)]
    end = ready.execute("print(live.result().outcome)")

    assert [other.text for other in others] == ["0\n", "1\n", "2\n"]
    assert [len(other.outputs) for other in others] == [1, 1, 1]
    assert end.text == "complete\n"
    assert the_display(run)["data"]["text/plain"].endswith("word39 ")


def test_stop_from_another_cell(ready):
    """``live.stop()`` ends a silent stream, and its cell says so."""
    run = ready.execute("live = nbstream.start(silent())")
    ready.wait_until(lambda: "begun" in the_display(run)["data"]["text/plain"])
    end = ready.execute("live.stop()\nprint(live.result().outcome)")

    assert end.text == "stopped\n"
    assert "Stopped." in the_display(run)["data"]["text/html"]


def test_a_failure_is_short(ready):
    """A failing stream raises: one line, no traceback of our own, the text kept."""
    run = ready.execute(
        "def broken():\n    yield 'Hel'\n    raise OSError('cut')\n"
        "nbstream.show(broken())"
    )
    error = run.outputs[-1]

    assert (run.status, error["ename"]) == ("error", "ConnectionFailure")
    assert error["traceback"] == [
        "ConnectionFailure: OSError: cut (3 characters of the answer are kept). "
        "Check the network, or try again."
    ]
    assert the_display(run)["data"]["text/plain"] == "Hel\n\n[Failed. OSError: cut]"


def test_bytes_grow_with_the_text_and_not_with_its_square(ready):
    """64 kB at full speed cross iopub in a few messages."""
    before = ready.iopub.bytes
    run = ready.execute("nbstream.show(words(8000, 0.0001))", timeout_s=60)
    size = len(the_display(run)["data"]["text/plain"])

    assert ready.iopub.bytes - before < 60 * size
