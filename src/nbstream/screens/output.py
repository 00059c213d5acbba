"""Output without a widget: a display that is updated, one at the end, plain text."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO

from nbstream.reply import Part, Reply, Waiting
from nbstream.screens.base import Prompting, cell, in_kernel, visible
from nbstream.screens.bundle import (
    OURS,
    Replies,
    afterword,
    bundle,
    gap,
    other_plain,
    retrying,
    waiting,
)
from nbstream.screens.caption import metadata
from nbstream.screens.json_layout import Json
from nbstream.screens.marimo import display
from nbstream.screens.other_parts import is_aside, pieces, stage_of

#: At most ten updates a second: JupyterLab keeps up with that (bench/).
MIN_INTERVAL_S = 0.1
#: What the updates of one stream may send, in bytes a second.
BYTES_PER_S = 200_000
#: How much longer to wait than rendering the last update took.
RENDER_SHARE = 4.0


#: 128 + SIGPIPE: what shells say of a program whose output nobody reads any more.
UNREAD = 141


class NotebookScreen:
    """One display, made in the cell, updated in place from any thread.

    Or it goes on with the ``handle`` of one that is there, and says a ``note`` below.
    The whole answer is sent each time, so the interval grows with it: bytes per
    second and time spent rendering stay bounded, whatever its length.
    """

    in_the_cell = False

    def __init__(
        self,
        *,
        images: bool = False,
        prompting: Prompting | None = None,
        handle: Any = None,
        note: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._images = images
        self._prompting = prompting
        self._clock = clock
        self._handle: Any = handle
        self._note = note
        self._interval_s = MIN_INTERVAL_S

    def open(self, reply: Reply | Replies) -> None:
        """Make the display, in the cell that runs now."""
        reply._shown_in = cell()
        made = bundle(reply) if isinstance(reply, Replies) else waiting()
        beside = metadata(reply)
        self._handle = display(made, beside)

    def interval_s(self) -> float:
        """Return the wait after the last update, in seconds."""
        return self._interval_s

    def update(self, reply: Reply | Replies) -> None:
        """Send the reply as it is now."""
        self.paint(reply)
        if self._prompting is not None and isinstance(reply, Reply):
            self._prompting(reply)

    def paint(self, reply: Reply | Replies) -> None:
        """Send the reply as it is now, and ask nobody anything."""
        began = self._clock()
        size = self._send(reply)
        took_s = self._clock() - began
        self._interval_s = max(
            MIN_INTERVAL_S, size / BYTES_PER_S, took_s * RENDER_SHARE
        )

    def wait(self, reply: Reply, seconds_left: int, why: str) -> None:
        """Say that the request is sent again soon, and why."""
        if self._handle is not None:
            made = retrying(seconds_left, why)
            self._handle.update(made, raw=True, metadata=metadata(reply))

    def close(self, reply: Reply | Replies) -> None:
        """Send the reply as it stays."""
        self._send(reply)

    def _send(self, reply: Reply | Replies) -> int:
        data = bundle(reply, images=self._images)
        if self._note:
            data = _noted(data if data["text/plain"] else waiting(), self._note)
        if self._handle is not None:
            self._handle.update(data, raw=True, metadata=metadata(reply))
        return sum(len(text.encode()) for text in data.values())


def _noted(made: dict[str, str], note: str) -> dict[str, str]:
    html = f"{made['text/html']}\n<p><em>{note}</em></p>"
    plain = "\n\n".join(filter(None, [made["text/plain"], note]))
    return {**made, "text/html": html, "text/plain": plain}


class StaticScreen:
    """One final display and nothing before it: what nbval and papermill can keep.

    Nothing in it depends on the clock, so that two runs give the same bytes.
    """

    in_the_cell = True

    def __init__(self, *, images: bool = False) -> None:
        self._images = images

    def open(self, reply: Reply | Replies) -> None:
        """Show nothing yet."""

    def interval_s(self) -> float:
        """Return a wait that is long: there is nothing to update, in seconds."""
        return 3600.0

    def update(self, reply: Reply | Replies) -> None:
        """Show nothing yet."""

    def close(self, reply: Reply | Replies) -> None:
        """Make the one display."""
        reply._shown_in = cell()
        data = bundle(reply, images=self._images)
        display(data, metadata(reply), once=True)


def in_markdown(notebook: Any, resources: object) -> tuple[Any, object]:
    """Return a notebook whose answers are exported as Markdown, or as plain text.

    A preprocessor of nbconvert: its exporters to Markdown and reStructuredText would
    take the HTML. ``exports.json`` names it to them, and nothing else is touched.
    """
    for each in notebook.cells:
        for output in each.get("outputs", ()):
            html = output.get("data", {}).get("text/html", "")
            is_ours = OURS in html or '<div class="nbstream-' in html
            if html and (is_ours or "nbstream" in output.metadata):
                del output.data["text/html"]
    return notebook, resources


class TerminalScreen:
    """Appends what is new. Reasoning is not shown, and calls come last.

    What stands there cannot change: a part that is no text is told when it is whole,
    or something follows it.
    """

    in_the_cell = False

    def __init__(
        self, out: TextIO | None = None, *, prompting: Prompting | None = None
    ) -> None:
        self._out = out
        self._prompting = prompting
        self._rounds = 0
        self._written: list[int] = []  # of each piece, in characters
        self._tail = ""  # the last of it
        self._waiting: Waiting | None = None
        self._json: Json | None = None

    def open(self, reply: Reply) -> None:
        """Show nothing yet."""
        reply._shown_in = cell()

    def interval_s(self) -> float:
        """Return the wait between two looks, in seconds."""
        return 0.05

    def update(self, reply: Reply) -> None:
        """Write what is new."""
        for each in reply.rounds[self._rounds : -1]:
            self._more(each)
            self._write(f"{self._rest(each)}\n\n")
            self._rounds += 1
            self._written, self._tail, self._json = [], "", None
        self._more(reply)
        if self._prompting is not None:
            self._prompting(reply)

    def _more(self, reply: Reply) -> None:
        ended = reply.outcome != "running"
        every = pieces(reply._first, reply)
        self._written += [0] * (len(every) - len(self._written))
        for at, each in enumerate(every):
            if isinstance(each, Part):
                stage = stage_of(each, reply._first, reply)
                waits = stage == "open" or is_aside(each)
                if self._written[at] or (waits and not ended and each is every[-1]):
                    continue
                said = other_plain(each, stage)
            else:
                said = self._text(each, reply, ended).lstrip("\n" if at else "")
            self._append(said[self._written[at] :], new=not self._written[at])
            self._written[at] = len(said)

    def _append(self, text: str, *, new: bool) -> None:
        if text:
            text = gap(self._tail) + text if new else text
            self._tail = (self._tail + text)[-2:]
            self._write(text)

    def _rest(self, reply: Reply) -> str:
        rest = afterword(reply)
        return f"\n\n{rest}" if self._tail and rest else rest

    def wait(self, reply: Reply, seconds_left: int, why: str) -> None:
        """Say it on the error output, once: the standard output is the answer's."""
        if reply.waiting is not self._waiting:
            self._waiting = reply.waiting
            line = f"{why} Trying again in {seconds_left} s ..."
            sys.stderr.write(visible(line) + "\n")

    def close(self, reply: Reply) -> None:
        """Write the rest, and how it ended unless it is simply complete."""
        self.update(reply)
        self._write(f"{self._rest(reply)}\n")

    def _text(self, text: str, reply: Reply, ended: bool) -> str:
        if reply._form != "json":
            return text
        if self._json is None:
            self._json = Json.of(reply)
        return (self._json.end if ended else self._json.grow)(text)

    def _write(self, text: str) -> None:
        # Looked up now: a cell's or a test's stdout may be another than at import.
        out = self._out or sys.stdout
        if out is None:  # a program without a console (pythonw)
            return
        # A console writes what a kernel sends to its own terminal, as it is.
        safe = visible(text) if out.isatty() or in_kernel() else text
        # What the terminal's encoding lacks must not end the stream.
        encoding = out.encoding or "utf-8"
        try:
            out.write(safe.encode(encoding, "replace").decode(encoding))
            out.flush()
        except BrokenPipeError:
            _let_go(out)
            raise


def _let_go(out: TextIO) -> None:
    """Let all that follows go nowhere: who has read the pipe (``head``) has gone.

    As Python's documentation advises (``signal``, "Note on SIGPIPE"). A script that
    this ends says nothing, as other programs do, unless it has a hook of its own.
    """
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
    if sys.excepthook is sys.__excepthook__ and not hasattr(sys, "ps1"):
        sys.excepthook = _end_in_silence


def _end_in_silence(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, BrokenPipeError):
        raise SystemExit(UNREAD)
    sys.__excepthook__(kind, error, trace)
