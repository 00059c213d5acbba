"""The widget's model: what the page needs to walk through a stream."""

from __future__ import annotations

from collections import deque

import anywidget
import traitlets

from nbstream.anatomy.body import Anatomy
from nbstream.anatomy.message import message
from nbstream.static import module, style

__all__ = ["KEPT", "AnatomyModel", "keep"]

#: How many of them stay alive; the table stands in the place of older ones.
KEPT = 8
_FILES = ("blocks.js", "anatomy_stream.js", "anatomy_slider.js", "anatomy.js")
_kept: deque[AnatomyModel] = deque()


class AnatomyModel(anywidget.AnyWidget):
    """All of one anatomy, sent once.

    With a ``place``, the name of a class, the page shows it where an output has that
    class. Without, it is a widget like any other.
    """

    _esm = module("anatomyView", *_FILES)
    _css = style("anatomy.css")
    told = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)
    place = traitlets.Unicode().tag(sync=True)

    def __init__(self, body: Anatomy, place: str = "") -> None:
        super().__init__(told=message(body), data=body.data, place=place)

    def close(self) -> None:
        """Close the model and its layout, so that nothing of them is saved."""
        if self.comm is not None:
            self.layout.close()
        super().close()


def keep(body: Anatomy, place: str) -> None:
    """Make a model for the outputs of that class; it takes over from one before it."""
    for old in [each for each in _kept if each.place == place]:
        _kept.remove(old)
        old.close()
    _kept.append(AnatomyModel(body, place))
    while len(_kept) > KEPT:
        _kept.popleft().close()
