"""What the screens share: where we are, the plainest of them, what a terminal needs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from nbstream._workers import THREADS
from nbstream.errors import UnknownNameError
from nbstream.reply import Reply

if TYPE_CHECKING:
    from nbstream._player import Screen
    from nbstream._stop import Stop
    from nbstream.tool_runs import Consents

#: What ``view=`` and ``NBSTREAM_VIEW`` may be; ``auto`` is the default.
VIEWS = ("auto", "live", "updates", "static", "terminal", "none")


def view_of(view: str | None) -> str:
    """Return the view that is meant: the named one, or what fits where we are.

    Raises:
        UnknownNameError: there is no such view.
    """
    view = view or os.environ.get("NBSTREAM_VIEW") or "auto"
    if view not in VIEWS:
        raise UnknownNameError("view", view, VIEWS)
    if view != "auto" and (view in ("none", "terminal") or _has_displays()):
        return view
    where = place()
    return "updates" if where == "live" and _knows_headers_only(_parent()) else where


def place() -> str:
    """Tell what fits: ``live`` in a notebook with a person, ``static`` without one.

    A front end that lets a cell ask for input has someone to ask. nbclient, nbconvert,
    papermill and nbval do not, and compare or save what a cell displays first. A
    widget's message does not say: then what the last cell said holds, and if none did,
    a page has sent it. What is captured (``%%capture``) nobody sees while it runs. A
    console (jupyter-console, qtconsole, Spyder) shows text and can change none. Voilà
    runs cells as nbclient does, but for a page, and says so. A kernel that knows the
    header alone (xeus-python) is asked by a page if no program in Python numbered it.
    """
    from nbstream.screens.kernel_messages import marimo_here, may_ask

    if marimo_here() is not None:
        return "live"
    shell = _shell()
    kernel = getattr(shell, "kernel", None)
    if kernel is None or in_console():
        return "terminal"
    parent = _parent()
    content = parent.get("content", {})
    is_live = content.get("allow_stdin")
    if _knows_headers_only(parent):
        is_live = not _is_numbered(parent)
    if "comm_id" in content:
        is_live = may_ask(kernel)
    is_live = is_live or os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")
    return "live" if is_live and not _is_captured(shell) else "static"


def _knows_headers_only(parent: Mapping[str, Any]) -> bool:
    """Tell whether the kernel is a xeus-python: while a cell runs it opens no widget.

    Seen in 0.19: the page gets the widget's model when the cell has ended.
    """
    return bool(parent) and "content" not in parent and THREADS


def _is_captured(shell: Any) -> bool:
    from IPython.core.displaypub import CapturingDisplayPublisher

    return isinstance(getattr(shell, "display_pub", None), CapturingDisplayPublisher)


def in_console() -> bool:
    """Tell whether a console runs this: its person is asked, and there are no cells.

    A notebook names the cell. A front end in Python numbers its messages by session
    (``jupyter_client.session``); others may leave the cell out, and are no consoles.
    """
    parent = _parent()
    is_asked = bool(parent.get("content", {}).get("allow_stdin"))
    named = "cellId" in parent.get("metadata", {})
    return is_asked and _is_numbered(parent) and not named


def _is_numbered(parent: Mapping[str, Any]) -> bool:
    header = parent.get("header", {})
    return str(header.get("msg_id", "")).startswith(f"{header.get('session')}_")


def in_kernel() -> bool:
    """Tell whether a kernel runs this, so that what is written goes to a front end."""
    return getattr(_shell(), "kernel", None) is not None


def _has_displays() -> bool:
    """Tell whether a display is more than text that is printed here."""
    shell = _shell()
    if shell is None or in_console():
        return False
    from IPython.core.displaypub import DisplayPublisher

    return type(getattr(shell, "display_pub", None)) is not DisplayPublisher


def cell() -> object:
    """Return what is the same for all that one cell runs; None outside IPython."""
    if not in_kernel():
        return getattr(_shell(), "execution_count", None)
    return _parent().get("header", {}).get("msg_id")


def _parent() -> dict[str, Any]:
    """Return the message that is being answered; it is empty where there is none."""
    kernel = getattr(_shell(), "kernel", None)
    parent = None if kernel is None else kernel.get_parent()
    return parent if isinstance(parent, dict) else {}


def _shell() -> Any:
    """Return the running IPython shell, or None; IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def thread_class() -> type[threading.Thread]:
    """Return the thread that may show something: in marimo its own knows the cell."""
    from nbstream.screens.kernel_messages import marimo_here

    found = marimo_here()
    made: type[threading.Thread] = threading.Thread if found is None else found.Thread
    return made


#: Control characters by which a text could drive the terminal it is printed on, or
#: turn what stands beside it around: C0 but tab and newline, DEL, C1 (ECMA-48), and
#: what embeds, overrides or isolates a direction (UAX 9); all are made visible.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Return the text with a sign in place of each control character."""
    return _CONTROL.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "�"


# -- What is to run is shown as it is: nothing in it is unseen, or moves what is seen.

#: Control characters, blanks of all widths, line and paragraph separators, what is
#: ignored by default and what sets a direction (Unicode's ``Default_Ignorable_Code_
#: Point``, ``Bidi_Control``, ``White_Space``; UTS 55), private signs; and the one
#: that stands for a space. Kept is the one mark that makes a sign an emoji.
_UNSEEN = re.compile(
    "([\u203c-\u3299\U0001f000-\U0001faff]\ufe0f)(?!\ufe0f)|"
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5"
    "\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2420\u2800\u3000\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ue000-\uf8ff\U000f0000-\U0010ffff]"
)
#: So many spaces may push what follows out of sight, where they do not indent a line.
_SPACES = re.compile("(?<![\n ]) {8,}")


def exact(text: str) -> str:
    """Return the text with JSON's escapes for what cannot be seen; long gaps filled."""
    text = _UNSEEN.sub(lambda one: one[1] or json.dumps(one[0])[1:-1], text)
    return _SPACES.sub(lambda gap: "\u2420" * len(gap[0]), text)


class NoScreen:
    """Shows nothing, anywhere."""

    in_the_cell = False

    def open(self, reply: object) -> None:
        """Show nothing."""

    def interval_s(self) -> float:
        """Return a wait that is long: there is nothing to look at, in seconds."""
        return 3600.0

    def update(self, reply: object) -> None:
        """Show nothing."""

    def close(self, reply: object) -> None:
        """Show nothing."""


class Together:
    """Several screens of one reply; the slowest of them sets the pace."""

    def __init__(self, screens: Sequence[Screen]) -> None:
        self._screens = screens
        self.in_the_cell = any(each.in_the_cell for each in screens)

    def open(self, reply: Reply) -> None:
        """Begin on each."""
        for each in self._screens:
            each.open(reply)

    def interval_s(self) -> float:
        """Return the longest wait that one of them wants, in seconds."""
        return max(each.interval_s() for each in self._screens)

    def update(self, reply: Reply) -> None:
        """Show the reply as it is now."""
        for each in self._screens:
            each.update(reply)

    def wait(self, reply: Reply, seconds_left: int, why: str) -> None:
        """Count down on those that can."""
        for each in self._screens:
            wait = getattr(each, "wait", None)
            if wait is not None:
                wait(reply, seconds_left, why)

    def close(self, reply: Reply) -> None:
        """Show the reply as it stays."""
        for each in self._screens:
            each.close(reply)


# -- a person is asked by `input` whether a call may run, where no view has a button ---

#: Called at each look at the reply: asks what there is to be asked.
Prompting: TypeAlias = Callable[[Reply], None]


def prompting(stop: Stop | None, consents: Consents | None) -> Prompting:
    """Return what asks, on the main thread; elsewhere it says that nobody is there.

    While it waits, Ctrl-C and ■ are Python's own: what was pressed stops the stream.
    """
    if stop is None or consents is None:
        return lambda reply: None
    consents.attached = True
    asked: set[str] = set()

    def look(reply: Reply) -> None:
        for key in consents.open:
            if key in asked:
                continue
            asked.add(key)
            call = reply.tool_calls[int(key.rpartition(".")[2])]
            answer = None
            if threading.current_thread() is threading.main_thread():
                given = exact(json.dumps(call.parsed, ensure_ascii=False))
                answer = _asked(f"Run {call.name}({given})? [y/N] ", stop)
            consents.answer(key, answer)

    return look


def _forget_typed() -> None:
    """Drop what was typed before the question was there: it is no answer to it."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import termios  # there is none on Windows

        if sys.stdin.isatty():
            termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _asked(question: str, stop: Stop) -> bool | None:
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.stdout.flush()
        _forget_typed()
        return input(question).strip().lower() in {"y", "yes"}
    except KeyboardInterrupt:
        stop.set("interrupt")
    except EOFError:
        return None
    finally:
        signal.signal(signal.SIGINT, handler)
    return False
