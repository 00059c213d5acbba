"""Text as it comes, on the standard output of a terminal or a script."""

import re
import sys
from typing import TextIO

from nbstream.reply import Reply, Waiting
from nbstream.screens import cell
from nbstream.screens.bundle import afterword

__all__ = ["TerminalScreen"]

#: Control characters by which a text could drive the terminal it is printed on:
#: C0 but tab and newline, DEL, C1 (ECMA-48); all of them are made visible.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class TerminalScreen:
    """Appends what is new. Reasoning is not shown; what else there is comes last."""

    in_the_cell = False

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out
        self._shown = 0
        self._waiting: Waiting | None = None

    def open(self, reply: Reply) -> None:
        """Show nothing yet."""
        reply.shown_in = cell()

    def interval_s(self) -> float:
        """Return the wait between two looks, in seconds."""
        return 0.05

    def update(self, reply: Reply) -> None:
        """Write what is new."""
        text = reply.text
        self._write(text[self._shown :])
        self._shown = len(text)

    def wait(self, reply: Reply, seconds_left: int, why: str) -> None:
        """Say it on the error output, once: the standard output is the answer's."""
        if reply.waiting is not self._waiting:
            self._waiting = reply.waiting
            line = f"{why} Trying again in {seconds_left} s ..."
            sys.stderr.write(_CONTROL.sub(_visible, line) + "\n")

    def close(self, reply: Reply) -> None:
        """Write the rest, and how it ended unless it is simply complete."""
        self.update(reply)
        rest = afterword(reply)
        gap = "\n\n" if self._shown and rest else ""
        self._write(f"{gap}{rest}\n")

    def _write(self, text: str) -> None:
        # Looked up now: a cell's or a test's stdout may be another than at import.
        out = self._out or sys.stdout
        if out is None:  # a program without a console (pythonw)
            return
        safe = _CONTROL.sub(_visible, text) if out.isatty() else text
        # What the terminal's encoding lacks must not end the stream.
        encoding = out.encoding or "utf-8"
        out.write(safe.encode(encoding, "replace").decode(encoding))
        out.flush()


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "�"
