"""The widget's model: what goes to the page, and the little that comes back."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets

from nbstream.markdown.short import SHORT
from nbstream.static import ANSWER, module, style

__all__ = ["ANSWERS", "LiveModel", "mime_bundle", "script", "view_of"]

#: All that a page may say here; what it says to ``hands`` is looked at there.
ANSWERS = frozenset({"resync", "seen"})
#: How many ended models are kept for a page that never said that it has seen the end.
KEPT = 4
_WIDGET = "application/vnd.jupyter.widget-view+json"
_kept: deque[LiveModel] = deque()


def script(export: str, *more: str) -> str:
    """Return one module: the view of an answer, more files, and what it exports."""
    return f"const SHORT = {json.dumps(list(SHORT.values()))};\n{module(export, *ANSWER, *more)}"


def _whole(_value: object, model: LiveModel) -> dict[str, object]:
    return model.whole()


class LiveModel(anywidget.AnyWidget):
    """One answer's model: custom messages while it runs, a snapshot for a new page.

    Nothing is synchronised per frame. A page that is loaded in mid-stream asks for the
    state, and finds under ``snapshot`` everything so far.
    """

    _esm = script("liveView")
    _css = style("answer.css")
    block = traitlets.Int(0).tag(sync=True)
    snapshot = traitlets.Dict().tag(sync=True, to_json=_whole)

    def __init__(
        self,
        whole: Callable[[], dict[str, object]],
        on_answer: Callable[[str], None],
        **more: object,
    ) -> None:
        self.whole = whole
        self._on_answer = on_answer
        super().__init__(**more)
        self.on_msg(self._receive)

    def set_state(self, sync_data: Mapping[str, object]) -> None:
        """Take nothing: a page has no state to give."""

    def _receive(self, _model: object, content: Any, _buffers: object) -> None:
        kind = content.get("kind") if isinstance(content, dict) else None
        if isinstance(kind, str) and kind in ANSWERS:
            self._on_answer(kind)

    def keep(self) -> None:
        """Stay until a page has seen the end, but not for ever."""
        _kept.append(self)
        while len(_kept) > KEPT:
            _kept.popleft().close()

    def close(self) -> None:
        """Close the model and its layout, so that nothing of them is saved."""
        if self.comm is not None:
            self.layout.close()
        super().close()
        if self in _kept:
            _kept.remove(self)


def mime_bundle(model: LiveModel, text: str) -> dict[str, object]:
    """Return what is displayed: the view, or ``text`` where there are no widgets."""
    return {**view_of(model.model_id), "text/plain": text}


def view_of(model_id: str) -> dict[str, object]:
    """Return what a front end shows a view of this model for."""
    return {_WIDGET: {"version_major": 2, "version_minor": 0, "model_id": model_id}}
