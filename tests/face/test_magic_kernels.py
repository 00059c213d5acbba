"""The magic and objects in real kernels: Tab, the next cell, ■ between elements."""

import json
import os
import pty
import select
import subprocess
import sys
import time

import pytest

SETUP = """\
%load_ext nbstream
import time
from nbstream import offline
offline.use(speed=0)
audience = "pupils"
"""
ITEMS = """\
from nbstream.reply import Reply
from nbstream._live import started
from nbstream.structured import shape_of
def slow():
    yield '{"items": [1, 2, '
    time.sleep(60)
reply = Reply()
reply._form, reply._expected = "json", shape_of(list[int])
live = started(slow, reply)
"""
LOOPS = {
    "for": "for each in live.items(): print('got', each, flush=True)",
    "async for": "async for each in live.items(): print('got', each, flush=True)",
}
CODE = "%%stream openai-chat:m --format code\nmarkdown tour"
KEY = "sk-proj-0123456789abcdefghijklmnop"


def test_tab_and_the_next_cell(kernel):
    """What a front end is told; the code is put there by each run, and not run."""
    kernel.execute(SETUP)
    typed = ["%%stream anthropic:claude-h", "%%stream openai:m\nFor {{aud"]
    becomes = [kernel.complete(each) for each in typed]
    runs = [kernel.execute(CODE), kernel.execute(CODE)]
    payloads = [run.reply["payload"] for run in runs]

    assert all(each.startswith("%%stream anthropic:claude-h") for each in becomes[0])
    assert len(becomes[0]) > 0
    assert becomes[1] == ["%%stream openai:m\nFor {{audience"]
    assert [run.status for run in runs] == ["ok", "ok"]
    assert payloads[0] == payloads[1]
    assert [each["source"] for each in payloads[0]] == ["set_next_input"]
    assert payloads[0][0]["replace"] is False
    assert payloads[0][0]["text"]


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_interrupt_while_an_element_is_waited_for(loop, kernel):
    """It stops the stream, queued cells do not run, and the kernel lives on."""
    kernel.execute(SETUP + ITEMS)
    run = kernel.queue(loop)
    behind = kernel.queue("print('never')")
    kernel.wait_until(lambda: "got 2" in run.text)
    kernel.read(timeout_s=0.5)  # it has printed, and comes back to wait
    kernel.interrupt()
    kernel.wait(run, timeout_s=30)
    kernel.wait_until(lambda: behind.reply)
    after = kernel.execute("print(live.reply.outcome, live.reply.parsed)")

    assert (run.status, behind.status) == ("error", "aborted")
    assert run.text == "got 1\ngot 2\n"
    assert after.text == "stopped None\n"


@pytest.mark.kernel
def test_no_key_gets_anywhere(start_kernel):
    """Not into an output, its metadata, or a dry run; a literal one is warned of."""
    kernel = start_kernel()
    kernel.execute(SETUP)
    kernel.execute("import os, nbstream")
    secret = f"os.environ['OPENAI_API_KEY'] = ''.join({list(KEY)!r})"
    head = "%%stream openai-chat:m"
    header = '--option extra_headers=\'{"x-api-key":"hunter2hunter2"}\''
    kernel.execute(secret)
    cells = [
        "%stream",
        f"{head}\nHi",
        f"{head} --dry-run {header}\nHi",
        f"{head} --format json\nHi",
        f"%stream --system 'My key is {KEY}'",
        f"nbstream.ask('Hi', 'openai-chat:m', extra_headers={{'x-api-key': '{KEY}'}})",
    ]
    runs = [kernel.execute(cell) for cell in cells]
    seen = [json.dumps([run.outputs, run.reply]) for run in runs]
    warned = ["a key stands in this cell" in text for text in seen]

    assert warned == [False, False, True, False, True, True]
    assert not any(KEY in text or "hunter2" in text for text in seen)


@pytest.mark.kernel
def test_the_terminal_offers_the_code_at_the_next_prompt(tmp_path):
    """And Tab completes there, too."""
    terminal = Terminal(tmp_path)
    try:
        terminal.say("%load_ext nbstream\r", "In [2]")
        terminal.say("from nbstream import offline; offline.use(speed=0)\r", "In [3]")
        terminal.say("%%stream openai-chat:m --form\t", "format")
        terminal.say(" code\rmarkdown tour\r\r\r", "In [4]: def ")
        shown = terminal.text
    finally:
        terminal.close()

    assert "total(numbers" in shown


class Terminal:
    """IPython in a terminal of its own."""

    def __init__(self, home):
        here, there = pty.openpty()
        env = {**os.environ, "IPYTHONDIR": str(home), "TERM": "xterm", "COLUMNS": "100"}
        self._here = here
        self._process = subprocess.Popen(
            [sys.executable, "-m", "IPython", "--no-banner", "--colors=nocolor"],
            stdin=there,
            stdout=there,
            stderr=there,
            env=env,
            start_new_session=True,
        )
        os.close(there)
        self.text = ""
        self.until("In [1]")

    def say(self, keys, answer):
        self.text = ""
        os.write(self._here, keys.encode())
        self.until(answer)

    def until(self, words, timeout_s=60):
        end_s = time.monotonic() + timeout_s
        while words not in self.text:
            ready, _, _ = select.select([self._here], [], [], 0.5)
            if ready:
                data = os.read(self._here, 65536)
                self.text += data.decode("utf-8", "replace")
                if b"\x1b[6n" in data:  # it asks where the cursor is
                    os.write(self._here, b"\x1b[1;1R")
            if time.monotonic() > end_s:
                raise TimeoutError(f"{words!r} did not come in {self.text[-2000:]!r}")

    def close(self):
        self._process.kill()
        self._process.wait()
        os.close(self._here)
