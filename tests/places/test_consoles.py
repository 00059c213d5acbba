"""Consoles: text as it comes, and Ctrl-C, in jupyter-console and in qtconsole.

Spyder's console is qtconsole's. Neither knows widgets or updates of a display.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pexpect
import pytest
from harness.matrix import ensure_folder

pytestmark = [pytest.mark.kernel, pytest.mark.place]

SETUP = """\
import nbstream, pathlib, time
def written():
    for number in range(3): yield f'word{number} '
    while not pathlib.Path('go').exists(): time.sleep(0.02)
    yield 'end'
"""


@pytest.fixture
def env(jupyter_env, tmp_path):
    """The environment of a console, which runs where `setup.py` lies."""
    (tmp_path / "setup.py").write_text(SETUP)
    consoles = ensure_folder("consoles", "jupyter-console==6.6.3", "qtconsole==5.7.2")
    path = os.pathsep.join([str(consoles), jupyter_env["PYTHONPATH"]])
    return {**jupyter_env, "PYTHONPATH": path, "TERM": "dumb"}


@pytest.fixture
def console(env, tmp_path):
    command = ["-m", "jupyter_console", "--simple-prompt"]
    made = pexpect.spawn(
        sys.executable, command, env=env, cwd=tmp_path, encoding="utf-8", timeout=60
    )
    run(made, "%run setup.py")
    yield made
    made.close(force=True)


def run(console, code):
    """Type a line at the next prompt."""
    console.expect(r"In \[\d+\]: ")
    console.sendline(code)


def test_a_console_shows_the_text_as_it_comes(console, tmp_path):
    """Before the end is there; the reply, as the last line, shows it no second time."""
    run(console, "nbstream.show(written())")
    console.expect("word0 word1 word2 ")
    (tmp_path / "go").touch()
    console.expect("end")
    console.expect(r"In \[3\]: ")

    assert console.before.strip() == ""


def test_an_awaited_answer_is_shown_as_it_comes(console, tmp_path):
    """The same from the background."""
    run(console, "reply = await nbstream.start(written())")
    console.expect("word0 word1 word2 ")
    (tmp_path / "go").touch()
    console.expect("end")


def test_the_interrupt_key_shows_what_came(console):
    """It stands there, with the line that says so; the console works on."""
    run(console, "reply = nbstream.show(written())")
    console.expect("word0 word1 word2 ")
    console.sendintr()
    console.expect(r"\[Stopped. This is what had arrived.\]")
    run(console, "print(nbstream.last().outcome, nbstream.last().text)")
    console.expect("stopped word0 word1 word2 ")


QT = """\
import os, sys
from pathlib import Path
os.environ['QT_QPA_PLATFORM'] = 'offscreen'
from qtpy import QtCore, QtWidgets
from qtconsole.manager import QtKernelManager
from qtconsole.rich_jupyter_widget import RichJupyterWidget
app = QtWidgets.QApplication([])
manager = QtKernelManager(kernel_name='ipykernel-7.4.0')
manager.start_kernel()
client = manager.client()
client.start_channels()
console = RichJupyterWidget()
console.kernel_manager, console.kernel_client = manager, client
left = QtCore.QDeadlineTimer(60_000)
def until(said):
    while said not in console._control.toPlainText():
        assert not left.hasExpired(), console._control.toPlainText()
        app.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 50)
until('In [')
console.execute('%run setup.py')
until('In [2')
console.execute('nbstream.show(written())')
until('word0 word1 word2 ')
manager.interrupt_kernel()
until('[Stopped. This is what had arrived.]')
until('In [3')
Path('go').touch()
console.execute('nbstream.show(written())')
until('word0 word1 word2 end')
until('In [4')
print(console._control.toPlainText().count('word2 end'), flush=True)
client.stop_channels()
manager.shutdown_kernel(now=True)
os._exit(0)
"""


def test_qtconsole_shows_the_text_as_it_comes(env, tmp_path):
    """And after an interrupt what came; drawn on no screen."""
    qt = ensure_folder("qt", "PyQt6==6.11.0", "PyQt6-Qt6", "PyQt6-sip", "QtPy")
    path = os.pathsep.join([str(qt), env["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-c", QT],
        cwd=tmp_path,
        env={**env, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
