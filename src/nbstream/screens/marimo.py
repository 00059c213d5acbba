"""What is shown in the output of a marimo cell, where others have IPython's display.

marimo runs anywidgets, so the views are the same. What it says by itself: ``output``,
``Thread`` and ``Html`` (docs.marimo.io/api). An output belongs to the run of a cell:
when the cell runs again or is deleted, a thread that it began should end.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbstream.reply import Reply
from nbstream.screens.base import Together
from nbstream.screens.bundle import Replies, bundle
from nbstream.screens.kernel_messages import marimo_here, outputs_before

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

    from nbstream._player import Screen
    from nbstream._stop import Stop


def is_left() -> bool:
    """Tell whether the cell that began this thread runs again, or is no more."""
    return bool(getattr(threading.current_thread(), "should_exit", False))


#: How marimo lays out Markdown: its reset leaves headings and lists bare elsewhere.
_LOOK = "markdown prose dark:prose-invert"
#: A formula is the span without a class; marimo typesets an element of its own.
_FORMULA = re.compile(r"<span>(\$\$?)(.+?)\1</span>", re.DOTALL)


def element(shown: Reply | Replies | Mapping[str, object]) -> Any:
    """Return what marimo shows of a reply, of several, or of a MIME bundle."""
    marimo: Any = sys.modules["marimo"]
    made = bundle(shown) if isinstance(shown, (Reply, Replies)) else shown
    html = _FORMULA.sub(_typeset, str(made["text/html"]))
    return marimo.Html(f'<div class="{_LOOK}">{html}</div>')


def _typeset(found: re.Match[str]) -> str:
    left, right = "[]" if found[1] == "$$" else "()"
    inner = f"||{left}{found[2]}||{right}"
    return f'<marimo-tex class="arithmatex">{inner}</marimo-tex>'


class Place:
    """One place in a cell's output, updated as IPython's display handle is.

    Attributes:
        element: What stands there now.
    """

    def __init__(self, made: Mapping[str, object], widget: object = None) -> None:
        marimo: Any = sys.modules["marimo"]
        self._output: Any = marimo.output
        self._at = outputs_before()
        self.element: Any = None
        self._put(element(made) if widget is None else marimo.ui.anywidget(widget))

    def update(self, made: Mapping[str, object], **_of_ipython: object) -> None:
        """Replace what stands there, as long as the cell's output is ours."""
        if not is_left():
            self._put(element(made))

    def _put(self, element: Any) -> None:
        self.element = element
        self._output.replace_at_index(element, self._at)


def display(
    made: Mapping[str, object],
    beside: object,
    widget: object = None,
    *,
    once: bool = False,
) -> DisplayHandle | Place:
    """Make a display in the cell that runs now; return what updates it.

    ``made`` is a MIME bundle, in which a widget, if there is one, is named. ``once``:
    nothing updates it, and it has no name.
    """
    if marimo_here() is not None:
        return Place(made, widget)
    from IPython.display import display

    handle: DisplayHandle = display(
        made, raw=True, metadata=beside, display_id=None if once else True
    )
    return handle


class CellScreen(Together):
    """A screen in a cell; when the cell runs again, what it began is stopped."""

    def __init__(self, screen: Screen, stop: Stop | None) -> None:
        super().__init__([screen])
        self._screen: Any = screen
        self._stop = stop

    @property
    def element(self) -> Any:
        """What stands in the cell: marimo replaces it by what the last line gives."""
        return getattr(getattr(self._screen, "_handle", None), "element", None)

    def interval_s(self) -> float:
        """Return the wait that the screen wants; the player asks at each look."""
        if self._stop is not None and is_left():
            self._stop.set("call")
        return super().interval_s()
