"""Text as it comes, on the standard output of a terminal or a script."""

import sys
from typing import TextIO

from nbstream.reply import Reply, Waiting
from nbstream.screens.base import Prompting, cell, visible
from nbstream.screens.bundle import afterword
from nbstream.screens.json_layout import Json


class TerminalScreen:
    """Appends what is new. Reasoning is not shown; what else there is comes last."""

    in_the_cell = False

    def __init__(
        self, out: TextIO | None = None, *, prompting: Prompting | None = None
    ) -> None:
        self._out = out
        self._prompting = prompting
        self._rounds = 0
        self._shown = 0
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
            self._more(self._text(each))
            self._write(f"{self._rest(each)}\n\n")
            self._rounds += 1
            self._shown, self._json = 0, None
        self._more(self._text(reply))
        if self._prompting is not None:
            self._prompting(reply)

    def _more(self, text: str) -> None:
        self._write(text[self._shown :])
        self._shown = len(text)

    def _rest(self, reply: Reply) -> str:
        rest = afterword(reply)
        return f"\n\n{rest}" if self._shown and rest else rest

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

    def _text(self, reply: Reply) -> str:
        if reply._form != "json":
            return reply.text
        if self._json is None:
            self._json = Json.of(reply)
        ended = reply.outcome != "running"
        return (self._json.end if ended else self._json.grow)(reply._document)

    def _write(self, text: str) -> None:
        # Looked up now: a cell's or a test's stdout may be another than at import.
        out = self._out or sys.stdout
        if out is None:  # a program without a console (pythonw)
            return
        safe = visible(text) if out.isatty() else text
        # What the terminal's encoding lacks must not end the stream.
        encoding = out.encoding or "utf-8"
        out.write(safe.encode(encoding, "replace").decode(encoding))
        out.flush()
