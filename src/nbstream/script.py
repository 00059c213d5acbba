"""End a script that was interrupted as a shell expects it: one line, status 130."""

from __future__ import annotations

import sys
from types import TracebackType

from nbstream.errors import Stopped

__all__ = ["end_script_in_one_line"]

#: 128 + SIGINT: what shells say of a program that Ctrl-C has ended.
INTERRUPTED = 130


def end_script_in_one_line() -> None:
    """Let a ``Stopped`` that nobody catches end a script without a traceback.

    Python knows only ``KeyboardInterrupt`` itself as Ctrl-C, not what is one by
    inheritance: it would exit with 1. Nothing is changed at a prompt, in IPython, or
    where somebody has a hook of their own; and nothing before a stop.
    """
    if sys.excepthook is sys.__excepthook__ and not hasattr(sys, "ps1"):
        sys.excepthook = _report


def _report(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not isinstance(error, Stopped):
        sys.__excepthook__(kind, error, trace)
        return
    sys.stderr.write("KeyboardInterrupt\n")
    raise SystemExit(INTERRUPTED)
