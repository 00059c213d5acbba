"""What the screens show a stream on: a notebook, a terminal, nothing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from nbstream.errors import UnknownNameError

if TYPE_CHECKING:
    from nbstream._player import Screen
    from nbstream._stop import Stop
    from nbstream.tool_runs import Consents

__all__ = ["VIEWS", "cell", "choose", "place", "view_of"]

#: What ``view=`` and ``NBSTREAM_VIEW`` may be; ``auto`` is the default.
VIEWS = ("auto", "live", "updates", "static", "terminal", "none")


def choose(
    view: str | None = None,
    *,
    images: bool = False,
    stop: Stop | None = None,
    consents: Consents | None = None,
) -> Screen:
    """Return the screen for this view, or the one that fits where we are.

    ``stop`` is what the screen's own Stop button raises, where it has one, and
    ``consents`` what its questions whether a call may run are answered to.

    Raises:
        UnknownNameError: there is no such view.
    """
    view = view_of(view)
    if view == "none":
        from nbstream.screens.none import NoScreen

        return NoScreen()
    from nbstream.screens.prompting import prompting

    if view == "terminal":
        from nbstream.screens.terminal import TerminalScreen

        return TerminalScreen(prompting=prompting(stop, consents))
    from nbstream.screens.notebook import NotebookScreen, StaticScreen

    if view == "static":
        return StaticScreen(images=images)
    if view == "live":
        try:
            from nbstream.screens.widget import WidgetScreen
        except ImportError:  # no anywidget, or one that its surroundings cannot load
            pass
        else:
            return WidgetScreen(images=images, stop=stop, consents=consents)
    return NotebookScreen(images=images, prompting=prompting(stop, consents))


def view_of(view: str | None) -> str:
    """Return the view that is meant: the named one, or what fits where we are.

    Raises:
        UnknownNameError: there is no such view.
    """
    view = view or os.environ.get("NBSTREAM_VIEW") or "auto"
    if view not in VIEWS:
        raise UnknownNameError("view", view, VIEWS)
    return place() if view == "auto" else view


def place() -> str:
    """Tell what fits: ``live`` in a notebook with a person, ``static`` without one.

    A front end that lets a cell ask for input has someone to ask. nbclient, nbconvert,
    papermill and nbval do not, and compare or save what a cell displays first.
    """
    kernel = getattr(_shell(), "kernel", None)
    if kernel is None:
        return "terminal"
    parent = kernel.get_parent()
    content = parent.get("content", {}) if isinstance(parent, dict) else {}
    return "live" if content.get("allow_stdin") else "static"


def cell() -> object:
    """Return what is the same for all that one cell runs; None outside IPython."""
    shell = _shell()
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return getattr(shell, "execution_count", None)
    parent = kernel.get_parent()
    return parent.get("header", {}).get("msg_id") if isinstance(parent, dict) else None


def _shell() -> Any:
    """Return the running IPython shell, or None; IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None
