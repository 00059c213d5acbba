"""What is shown in the output of a marimo cell, where others have IPython's display.

marimo runs anywidgets, so the views are the same. What it says by itself: ``output``,
``Thread`` and ``Html`` (docs.marimo.io/api). An output belongs to the run of a cell:
when the cell runs again or is deleted, a thread that it began should end.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbstream.reply import Reply
from nbstream.screens.base import Together
from nbstream.screens.bundle import Replies, bundle
from nbstream.screens.kernel_messages import outputs_before

if TYPE_CHECKING:
    from nbstream._player import Screen
    from nbstream._stop import Stop


def is_left() -> bool:
    """Tell whether the cell that began this thread runs again, or is no more."""
    return bool(getattr(threading.current_thread(), "should_exit", False))


def element(shown: Reply | Replies | str) -> Any:
    """Return what marimo shows of a reply, of several or of HTML, as a cell's value."""
    html = shown if isinstance(shown, str) else bundle(shown)["text/html"]
    return sys.modules["marimo"].Html(html)


class Place:
    """One place in a cell's output, updated as IPython's display handle is.

    Attributes:
        html: What stands there now.
    """

    def __init__(self, made: Mapping[str, object], widget: object = None) -> None:
        marimo: Any = sys.modules["marimo"]
        self._output: Any = marimo.output
        self._html: Any = marimo.Html
        self._at = outputs_before()
        self.html = ""
        self._put(
            self._element(made) if widget is None else marimo.ui.anywidget(widget)
        )

    def update(self, made: Mapping[str, object], **_of_ipython: object) -> None:
        """Replace what stands there, as long as the cell's output is ours."""
        if not is_left():
            self._put(self._element(made))

    def _element(self, made: Mapping[str, object]) -> Any:
        return self._html(made["text/html"])

    def _put(self, element: Any) -> None:
        self.html = element.text
        self._output.replace_at_index(element, self._at)


class CellScreen(Together):
    """A screen in a cell; when the cell runs again, what it began is stopped."""

    def __init__(self, screen: Screen, stop: Stop | None) -> None:
        super().__init__([screen])
        self._screen: Any = screen
        self._stop = stop

    @property
    def html(self) -> str:
        """What stands in the cell: marimo replaces it by what the last line gives."""
        handle = getattr(self._screen, "_handle", None)
        return handle.html if isinstance(handle, Place) else ""

    def interval_s(self) -> float:
        """Return the wait that the screen wants; the player asks at each look."""
        if self._stop is not None and is_left():
            self._stop.set("call")
        return super().interval_s()
