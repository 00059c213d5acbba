"""The chat panel in real kernels: asked while a cell runs, and headless."""

VIEW = "application/vnd.jupyter.widget-view+json"
SETUP = """\
import time, nbstream
from nbstream import offline
offline.use(speed=0)
chat = nbstream.Chat("openai:gpt-5")"""
#: Runs until the panel's question is answered, or long enough to see that it is not.
BUSY = """\
end_s = time.monotonic() + {}
while time.monotonic() < end_s and (not chat.reply or chat.reply.outcome == "running"):
    time.sleep(0.01)
print(chat.reply and chat.reply.outcome)"""


def test_a_question_reaches_a_busy_kernel_or_waits(kernel):
    """ipykernel 7 answers while a cell runs; 6 as soon as it is free."""
    can_hear = not kernel.version.startswith("6.")
    kernel.execute(SETUP)
    (output,) = kernel.execute("chat.panel()").outputs
    comm_id = output["data"][VIEW]["model_id"]
    run = kernel.queue(BUSY.format(20 if can_hear else 0.5))
    content = {"kind": "ask", "id": "1", "text": "hello"}
    kernel.send_comm(comm_id, {"method": "custom", "content": content})
    kernel.wait(run)
    kernel.wait_until(lambda: "saved" in kinds(kernel), what="the end of the answer")
    after = kernel.execute("print(chat.reply.outcome, len(chat.messages))")

    assert run.text.strip() == ("complete" if can_hear else "None")
    assert after.text.split() == ["complete", "2"]
    assert kinds(kernel).count("asked") == 1


def kinds(kernel):
    """The kinds of the custom messages that the panel has sent."""
    sent = [each["content"].get("data", {}) for each in kernel.comm_messages]
    return [data["content"]["kind"] for data in sent if "content" in data]


def test_headless_nothing_of_a_widget_is_sent(kernel):
    """One display, the same in each run, and no comm."""
    kernel.execute(SETUP, allow_stdin=False)
    kernel.execute('reply = chat("hello", view="none")', allow_stdin=False)
    first = kernel.execute("chat.panel()", allow_stdin=False)
    second = kernel.execute("chat.panel()", allow_stdin=False)

    assert [each["data"] for each in first.outputs] == [
        each["data"] for each in second.outputs
    ]
    assert set(first.outputs[0]["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert kernel.comm_messages == []
