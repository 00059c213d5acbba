"""Where a stream is shown: the choice of a screen, and what each one writes."""

import io
import os
import pty
import subprocess
import sys

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher, DisplayPublisher

from nbstream._player import Screen
from nbstream.errors import UnknownNameError
from nbstream.reply import Reply, Timing
from nbstream.screens import VIEWS, cell, choose, place, view_of
from nbstream.screens.base import NoScreen
from nbstream.screens.bundle import bundle, waiting
from nbstream.screens.output import (
    BYTES_PER_S,
    MIN_INTERVAL_S,
    NotebookScreen,
    StaticScreen,
    TerminalScreen,
)
from nbstream.screens.widget import WidgetScreen
from nbstream.types import End, Failure, Finish, TextDelta, ToolCallDelta

ENDED = (Finish(reason="stop", raw_reason="stop"), End())


def reply_of(*texts):
    reply = Reply("text")
    reply._extend(TextDelta(text=text) for text in texts)
    return reply


def ended(reply, **how):
    if not how:
        reply._extend(ENDED)
    reply._end(**how)
    reply.timing = Timing(first_event_s=0.1, first_text_s=0.1, end_s=0.5)
    return reply


# --- which screen ---------------------------------------------------------------


class FakeKernel:
    """Answers as ipykernel does to "which request is this?"."""

    def __init__(self, parent, may_ask=None):
        self.parent = parent
        if may_ask is not None:
            self._allow_stdin = may_ask

    def get_parent(self):
        return self.parent


class FakeShell:
    """As much of IPython's shell as is asked for."""

    def __init__(self, parent=None, execution_count=7, *, may_ask=None, captured=False):
        self.execution_count = execution_count
        if parent is not None:
            self.kernel = FakeKernel(parent, may_ask)
        if captured:
            self.display_pub = CapturingDisplayPublisher()


def request(msg_id="m1", metadata=None, **content):
    header = {"msg_id": msg_id, "session": "s"}
    return {"header": header, "metadata": metadata or {}, "content": content}


@pytest.fixture
def in_shell(monkeypatch):
    """Make a shell the running one."""
    return lambda shell: monkeypatch.setattr("IPython.get_ipython", lambda: shell)


@pytest.fixture(autouse=True)
def no_view(monkeypatch):
    """Keep a setting of whoever runs the tests out."""
    monkeypatch.delenv("NBSTREAM_VIEW", raising=False)


#: What it shows -> (the shell, the place, the cell).
PLACES = {
    "a plain script": (None, "terminal", None),
    "the IPython terminal": (FakeShell(), "terminal", 7),
    "a notebook with a person": (FakeShell(request(allow_stdin=True)), "live", "m1"),
    "a notebook run without one": (
        FakeShell(request(allow_stdin=False)),
        "static",
        "m1",
    ),
    "a request that does not say": (FakeShell(request()), "static", "m1"),
    "no request at all": (FakeShell({}), "static", None),
    "a widget's message, from a page": (
        FakeShell(request(comm_id="c"), may_ask=True),
        "live",
        "m1",
    ),
    "one where the last cell was run without a person": (
        FakeShell(request(comm_id="c"), may_ask=False),
        "static",
        "m1",
    ),
    "one where nobody knows of a cell": (
        FakeShell(request(comm_id="c")),
        "live",
        "m1",
    ),
    "a cell whose output is captured": (
        FakeShell(request(allow_stdin=True), captured=True),
        "static",
        "m1",
    ),
    "a terminal that is captured": (FakeShell(captured=True), "terminal", 7),
    "a console: a front end in Python that names no cell": (
        FakeShell(request("s_9_1", allow_stdin=True)),
        "terminal",
        "s_9_1",
    ),
    "one in Python that names a cell": (
        FakeShell(request("s_9_1", {"cellId": "c"}, allow_stdin=True)),
        "live",
        "s_9_1",
    ),
    "one in Python without a person (nbclient)": (
        FakeShell(request("s_9_1", allow_stdin=False)),
        "static",
        "s_9_1",
    ),
    "a kernel that knows headers only (xeus-python), asked by a page": (
        FakeShell({"header": {"msg_id": "m1", "session": "s"}}),
        "live",
        "m1",
    ),
    "one asked by a program in Python": (
        FakeShell({"header": {"msg_id": "s_9_1", "session": "s"}}),
        "static",
        "s_9_1",
    ),
    "a kernel of another kind": (FakeShell("nothing we know"), "static", None),
}


@pytest.mark.parametrize(
    ("shell", "where", "which"), PLACES.values(), ids=PLACES.keys()
)
def test_where_we_are(shell, where, which, in_shell):
    """A notebook with a person, one without, or a terminal; and which cell of it."""
    in_shell(shell)

    assert (place(), cell()) == (where, which)


CHOICES = {
    "auto": TerminalScreen,
    "live": WidgetScreen,
    "updates": NotebookScreen,
    "static": StaticScreen,
    "terminal": TerminalScreen,
    "none": NoScreen,
}


def test_every_view_has_a_screen():
    """The table below leaves none out."""
    assert tuple(CHOICES) == VIEWS


@pytest.mark.parametrize(("view", "screen"), CHOICES.items(), ids=CHOICES)
def test_the_view_is_the_choice(view, screen, in_shell, monkeypatch):
    """What is asked for is what comes, asked by argument or by environment."""
    in_shell(None if view == "auto" else FakeShell(request(allow_stdin=True)))
    by_argument = choose(view)
    monkeypatch.setenv("NBSTREAM_VIEW", view)
    by_environment = choose()

    assert (type(by_argument), type(by_environment)) == (screen, screen)


def test_a_kernel_whose_widgets_wait_for_its_cells_sends_updates(in_shell):
    """In xeus-python a view is there when the cell has ended: an output is not late."""
    in_shell(FakeShell({"header": {"msg_id": "m1", "session": "s"}}))

    assert view_of(None) == "updates"
    assert view_of("live") == "live"


class TerminalShell(FakeShell):
    """The shell of IPython's terminal, which prints what is displayed."""

    display_pub = DisplayPublisher()


#: Where a display cannot change, or is printed as the dict that it is.
WITHOUT_DISPLAYS = {
    "a plain script": None,
    "the IPython terminal": TerminalShell(),
    "a console": FakeShell(request("s_9_1", allow_stdin=True)),
}


@pytest.mark.parametrize("shell", WITHOUT_DISPLAYS.values(), ids=WITHOUT_DISPLAYS)
@pytest.mark.parametrize("view", ["live", "updates", "static"])
def test_a_view_that_needs_displays_is_text_where_there_are_none(
    view, shell, in_shell, monkeypatch
):
    """Asked by argument or by environment (which is set for other places)."""
    in_shell(shell)
    by_argument = choose(view)
    monkeypatch.setenv("NBSTREAM_VIEW", view)

    assert [type(by_argument), type(choose())] == [TerminalScreen, TerminalScreen]


def test_the_argument_beats_the_environment(monkeypatch):
    """What stands in the cell is nearer."""
    monkeypatch.setenv("NBSTREAM_VIEW", "static")

    assert type(choose("none")) is NoScreen


def test_a_notebook_gets_the_live_view(in_shell):
    """By itself the place decides."""
    in_shell(FakeShell(request(allow_stdin=True)))
    with_a_person = choose()
    in_shell(FakeShell(request(allow_stdin=False)))

    assert (type(with_a_person), type(choose())) == (WidgetScreen, StaticScreen)


def test_an_unknown_view_lists_the_known_ones(monkeypatch):
    """The environment's mistake is told as an argument's is."""
    monkeypatch.setenv("NBSTREAM_VIEW", "fancy")

    with pytest.raises(UnknownNameError) as caught:
        choose()
    assert str(caught.value) == (
        "no view 'fancy'; known: auto, live, none, static, terminal, updates"
    )


# --- terminal -------------------------------------------------------------------


class Tty(io.StringIO):
    """A terminal as far as the screen can tell."""

    encoding = "utf-8"

    def isatty(self):
        return True


def played(screen, *texts, **how):
    reply = Reply("text")
    screen.open(reply)
    for text in texts:
        reply._apply(TextDelta(text=text))
        screen.update(reply)
    screen.close(ended(reply, **how))
    return reply


def test_a_console_gets_no_control_characters(in_shell):
    """It writes what its kernel sends to its own terminal, as it is."""
    in_shell(FakeShell(request("s_9_1", allow_stdin=True)))
    out = io.StringIO()
    played(TerminalScreen(out), "a\x1b[2Jb", "\x07c")

    assert out.getvalue() == "a␛[2Jb␇c\n"


def test_a_console_shows_a_reply_once(in_shell, capsys):
    """The cell that has shown it as it came ends with it; another shows its text."""
    in_shell(FakeShell(request("s_9_1", allow_stdin=True)))
    reply = played(TerminalScreen(), "a\x1b[2Jb")
    shown = capsys.readouterr().out
    reply._ipython_display_()
    again = capsys.readouterr().out
    in_shell(FakeShell(request("s_9_2", allow_stdin=True)))
    reply._ipython_display_()

    assert (shown, again) == ("a␛[2Jb\n", "")
    assert capsys.readouterr().out == "a␛[2Jb\n"


def test_a_terminal_gets_text_as_it_comes():
    """Each update writes what is new, and the end is one line break."""
    out = Tty()
    screen, reply = TerminalScreen(out), reply_of()
    seen = []
    screen.open(reply)
    for text in ("Hel", "lo"):
        reply._apply(TextDelta(text=text))
        screen.update(reply)
        seen.append(out.getvalue())
    screen.update(reply)
    screen.close(ended(reply))

    assert [*seen, out.getvalue()] == ["Hel", "Hello", "Hello\n"]


#: What it shows -> (how the reply ends, what stands after the text).
HEAD = """\
import sys, nbstream
words = ("word " * 9 for number in range(100_000))
try:
    reply = {what}
finally:
    print("closed", words.gi_frame is None, file=sys.stderr)"""
READ = {
    "one answer": "nbstream.show(words)",
    "in the background": "nbstream.start(words).result()",
    "a race": "nbstream.race({'a': lambda: words, 'b': lambda: ['b']})",
}


@pytest.mark.parametrize("what", READ.values(), ids=READ)
def test_who_reads_no_more_ends_it_in_silence(what):
    """As with `| head`: the stream is closed, and there is no traceback at all."""
    code = [sys.executable, "-c", HEAD.format(what=what)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(code, text=True, **pipes) as program:
        program.stdout.read(40)
        program.stdout.close()
        said = program.stderr.read()

    assert (program.returncode, said) == (141, "closed True\n")


ENDS = {
    "stopped": ({"stopped": True}, "\n\n[Stopped. This is what had arrived.]\n"),
    "failed": ({"exception": OSError("cut")}, "\n\n[Failed. OSError: cut]\n"),
    "complete": ({}, "\n"),
}


@pytest.mark.parametrize(("how", "rest"), ENDS.values(), ids=ENDS)
def test_a_terminal_is_told_how_it_ended(how, rest):
    """One line, and none if all is well."""
    out = Tty()
    played(TerminalScreen(out), "Hel", **how)

    assert out.getvalue() == f"Hel{rest}"


def test_an_answer_without_text_has_no_gap():
    """What there is instead begins on the first line."""
    out = Tty()
    screen, reply = TerminalScreen(out), reply_of()
    reply._apply(ToolCallDelta(index=0, id="c", name="f", arguments="{}"))
    screen.close(ended(reply))

    assert out.getvalue() == "f({})\n"


CONTROLS = {
    "escape sequences": ("\x1b[2J\x1b]0;title\x07", "␛[2J␛]0;title␇"),
    "carriage return and backspace": ("safe\rfake\b", "safe␍fake␈"),
    "delete and C1": ("\x7f\x9b31m", "␡�31m"),
    "tab and newline stay": ("a\tb\nc", "a\tb\nc"),
    "other scripts stay": ("naïve 👩‍🔬", "naïve 👩‍🔬"),
}


@pytest.mark.parametrize(("text", "shown"), CONTROLS.values(), ids=CONTROLS)
def test_a_model_cannot_drive_the_terminal(text, shown):
    """Control characters are shown as signs, on a terminal."""
    out = Tty()
    played(TerminalScreen(out), text)

    assert out.getvalue() == f"{shown}\n"


def test_an_error_cannot_drive_the_terminal_either():
    """What follows the text is cleaned too."""
    out = Tty()
    reply = reply_of("Hel")
    reply._apply(Failure(type="e", message="\x1b[2J"))
    TerminalScreen(out).close(ended(reply))

    assert out.getvalue() == "Hel\n\n[Failed. e: \\x1b[2J]\n"


def test_a_file_gets_the_text_as_it_is():
    """A pipe or a file has no screen to drive: nothing is changed."""
    out = io.StringIO()
    played(TerminalScreen(out), "\x1b[1mbold")

    assert out.getvalue() == "\x1b[1mbold\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_what_an_encoding_lacks_does_not_end_the_stream(encoding):
    """A Windows console or LANG=C shows a question mark where it must."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, newline="")
    reply = played(TerminalScreen(out), "a→\ud83d", "b")

    assert raw.getvalue() == "a→?b\n".encode(encoding, "replace")
    assert reply.outcome == "complete"


def test_a_program_without_a_console_shows_nothing(monkeypatch):
    """``pythonw`` has no stdout at all."""
    monkeypatch.setattr(sys, "stdout", None)
    reply = played(TerminalScreen(), "Hel")

    assert reply.outcome == "complete"


def test_a_real_terminal():
    """On a pseudo-terminal the escape character never arrives."""
    theirs, ours = pty.openpty()
    with os.fdopen(ours, "w", encoding="utf-8") as out:
        played(TerminalScreen(out), "\x1b[2Jhi")
        seen = b""
        while not seen.endswith(b"\n"):
            seen += os.read(theirs, 1000)
    os.close(theirs)

    assert seen.decode() == "␛[2Jhi\r\n"


# --- notebook -------------------------------------------------------------------


class FakeClock:
    """A clock that goes on by a step at each look."""

    def __init__(self, step_s=0.0):
        self.now_s = 0.0
        self.step_s = step_s

    def __call__(self):
        self.now_s += self.step_s
        return self.now_s


def nbstream_metadata(outcome):
    finish = "stop" if outcome == "complete" else None
    return {
        "nbstream": {
            "api": "text",
            "model": "",
            "outcome": outcome,
            "finish_reason": finish,
        }
    }


def test_one_display_is_made_and_then_updated(outputs):
    """A stream has one display for its whole life; its end has all three forms."""
    reply = played(NotebookScreen(), "Hel", "lo")
    shown = [
        (output["data"], output["metadata"], output["update"]) for output in outputs
    ]

    assert shown == [
        (waiting(), nbstream_metadata("running"), False),
        (bundle(reply_of("Hel")), nbstream_metadata("running"), True),
        (bundle(reply_of("Hel", "lo")), nbstream_metadata("running"), True),
        (bundle(reply), nbstream_metadata("complete"), True),
    ]
    assert len({output["transient"]["display_id"] for output in outputs}) == 1
    assert set(outputs[-1]["data"]) == {"text/html", "text/markdown", "text/plain"}


def test_the_static_screen_has_one_display_at_the_end(outputs):
    """What headless tools save: one message, no update, nothing of the clock."""
    reply = played(StaticScreen(), "Hel", "lo")

    assert outputs == [
        {
            "data": bundle(reply),
            "metadata": nbstream_metadata("complete"),
            "transient": None,
            "update": False,
        }
    ]


def test_no_screen_shows_nothing(outputs, capsys):
    """``view="none"`` is silent."""
    played(NoScreen(), "Hel")

    assert (outputs, capsys.readouterr()) == ([], ("", ""))


def test_the_interval_grows_with_the_text(outputs):
    """Bytes per second stay bounded, counted as bytes and not as characters."""
    screen, reply = NotebookScreen(clock=FakeClock()), reply_of("x")
    screen.open(reply)
    screen.update(reply)
    short = screen.interval_s()
    reply._apply(TextDelta(text="é" * 100_000))
    screen.update(reply)
    sent = sum(len(form.encode()) for form in outputs[-1]["data"].values())

    assert short == MIN_INTERVAL_S == 0.1
    assert screen.interval_s() == sent / BYTES_PER_S
    assert sent > 3 * 200_000


def test_the_interval_grows_with_the_time_it_takes():
    """A slow machine is not kept busy with painting."""
    screen, reply = NotebookScreen(clock=FakeClock(step_s=1.0)), reply_of("x")
    screen.update(reply)

    assert screen.interval_s() == 4.0


SCREENS = {
    "live": WidgetScreen,
    "updates": NotebookScreen,
    "static": StaticScreen,
    "terminal": lambda: TerminalScreen(Tty()),
}


@pytest.mark.parametrize("make", SCREENS.values(), ids=SCREENS)
def test_a_screen_says_which_cell_shows_the_reply(make, outputs, in_shell):
    """So that a reply on the cell's last line is not shown a second time."""
    in_shell(FakeShell(request("cell 5")))

    assert played(make(), "Hel")._shown_in == "cell 5"


def test_what_was_not_shown_was_shown_in_no_cell(in_shell):
    """With ``view="none"`` the reply on the last line of the cell is shown."""
    in_shell(FakeShell(request("cell 5")))

    assert played(NoScreen(), "Hel")._shown_in is None


def test_every_screen_fits_the_player():
    """The player's protocol is what each of them has."""
    names = [name for name in vars(Screen) if not name.startswith("_")]
    names += list(Screen.__annotations__)
    screens = (NoScreen(), NotebookScreen(), StaticScreen(), TerminalScreen())
    missing = [(s, n) for s in screens for n in names if not hasattr(s, n)]

    assert (missing, "in_the_cell" in names) == ([], True)


# --- a reply at the end of a cell -----------------------------------------------


def test_a_reply_in_another_cell_shows_itself(outputs, in_shell):
    """Where it has not been shown, all three forms are, without timing."""
    reply = ended(reply_of("Hello"))
    reply._shown_in = "cell 5"
    in_shell(FakeShell(request("cell 6", allow_stdin=True)))
    reply._ipython_display_()

    assert [(o["data"], o["metadata"]) for o in outputs] == [
        (bundle(reply), nbstream_metadata("complete"))
    ]


def test_a_reply_is_not_shown_twice_in_its_cell(outputs, in_shell, capsys):
    """So ``nbstream.show(stream)`` may be the last line."""
    reply = ended(reply_of("Hello"))
    reply._shown_in = "cell 5"
    in_shell(FakeShell(request("cell 5", allow_stdin=True)))
    reply._ipython_display_()

    assert (outputs, capsys.readouterr().out) == ([], "")


def test_a_reply_at_the_prompt_is_one_line(in_shell, capsys):
    """In a terminal a value is its repr."""
    in_shell(FakeShell(execution_count=8))
    ended(reply_of("Hello"))._ipython_display_()

    assert capsys.readouterr().out == (
        "Reply('Hello', outcome='complete', api='text')\n"
    )
