"""What the screens show a stream on: a notebook, a terminal, nothing."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from nbstream.screens.base import (
    VIEWS,
    NoScreen,
    cell,
    place,
    prompting,
    view_of,
)

if TYPE_CHECKING:
    from nbstream._player import Screen
    from nbstream._stop import Stop
    from nbstream.tool_runs import Consents

__all__ = ["VIEWS", "cell", "choose", "place", "view_of"]


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
        return NoScreen()
    from nbstream.screens.kernel_messages import marimo_here

    screen = _chosen(view, images, stop, consents)
    if view == "terminal" or marimo_here() is None:
        return screen
    from nbstream.screens.marimo import CellScreen

    return CellScreen(screen, stop)


def _chosen(
    view: str, images: bool, stop: Stop | None, consents: Consents | None
) -> Screen:
    if view == "terminal":
        from nbstream.screens.output import TerminalScreen

        return TerminalScreen(prompting=prompting(stop, consents))
    if view == "live":
        with suppress(ImportError):  # no anywidget, or one that cannot be loaded here
            from nbstream.screens.widget import WidgetScreen

            return WidgetScreen(images=images, stop=stop, consents=consents)
    from nbstream.screens.output import NotebookScreen, StaticScreen

    if view == "static":
        return StaticScreen(images=images)
    return NotebookScreen(images=images, prompting=prompting(stop, consents))
