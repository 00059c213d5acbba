"""A card of questions as a widget, and what a notebook saves in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import traitlets

from nbstream.screens.widget import OneWay, view_mime
from nbstream.static import module, style


class CardModel(OneWay):
    """Questions, and what was chosen; the page says what is chosen, and no more.

    Args:
        card: Returns what is shown, as it is now.
        take: Is told the number of a question, and what was chosen.
        saved: Returns what stands for a card in the file.
    """

    _esm = module("questionCard", "blocks.js", "saved_panel.js", "question.js")
    _css = style("question.css")
    card = traitlets.Dict().tag(sync=True)
    saved = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        card: Callable[[], dict[str, Any]],
        take: Callable[[int, object], None],
        saved: Callable[[Mapping[str, Any]], dict[str, str]],
    ) -> None:
        self._now, self._take, self._static = card, take, saved
        self.metadata = {"nbstream": {"panel": uuid4().hex}}
        super().__init__(model_id=self.metadata["nbstream"]["panel"], **self._state())
        self.on_msg(self._receive)

    def mime(self) -> dict[str, object]:
        """Return what a front end shows the card for, and what stands beside it."""
        return {**view_mime(self.model_id), **self._static(self._now())}

    def renew(self) -> None:
        """Show what has been chosen by now."""
        with self.hold_sync():
            for name, value in self._state().items():
                setattr(self, name, value)

    def _state(self) -> dict[str, Any]:
        card = self._now()
        saved = {"data": self._static(card), "metadata": self.metadata}
        return {"card": card, "saved": saved}

    def _receive(self, _model: object, content: Any, _buffers: object) -> None:
        at = content.get("at") if isinstance(content, dict) else None
        count = len(self._now()["questions"])
        if type(at) is int and 0 <= at < count and "chosen" in content:
            self._take(at, content["chosen"])
