"""The display of a live view: a widget, and in the end what stays in its place."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from IPython.display import DisplayHandle, display

from nbstream._stop import Stop
from nbstream.screens.hands import Hands
from nbstream.screens.live_model import LiveModel, mime_bundle

if TYPE_CHECKING:
    from nbstream.tool_runs import Consents

__all__ = ["LiveDisplay"]


class LiveDisplay:
    """One display: a widget while something grows, a static output at the end.

    Attributes:
        model: The widget's; None before there is one.
        lock: Held while the end is told: whoever holds it sees it told or not begun.
    """

    def __init__(self) -> None:
        self.model: LiveModel | None = None
        self.lock = threading.RLock()
        self._final: dict[str, object] | None = None
        self._hands: Hands | None = None
        self._handle: DisplayHandle | None = None

    def open(
        self,
        model: LiveModel,
        fallback: str,
        beside: Mapping[str, object],
        *,
        stop: Stop,
        consents: Consents | None = None,
    ) -> None:
        """Make it, in the cell that runs now; ``fallback`` is for no widgets."""
        self.model = model
        self._hands = Hands(model, stop, consents=consents)
        if consents is not None:
            consents.attached = True
        self._handle = display(
            mime_bundle(model, fallback), raw=True, metadata=beside, display_id=True
        )

    def send(self, message: object) -> None:
        """Send a custom message to the pages, if there is a widget."""
        if self.model is not None:
            self.model.send(message)

    def close(self, data: Mapping[str, object], beside: Mapping[str, object]) -> None:
        """Replace the widget by what stays. Its model goes once a page has seen it."""
        with self.lock:
            self._final = {"data": data, "metadata": beside}
            self.send({"kind": "swap"})
        if self._handle is not None:
            self._handle.update(data, raw=True, metadata=beside)
        self.send({"kind": "swapped"})
        if self._hands is not None:
            self._hands.close()
        if self.model is not None:
            self.model.keep()

    @property
    def final(self) -> dict[str, object]:
        """What a new page is told of the end; nothing before it."""
        if self._final is None or self.model is None:
            return {}
        return {"final": {"model_id": self.model.model_id, **self._final}}

    def seen(self) -> None:
        """Let the model go if this is the end: a page has seen what is shown."""
        if self._final is not None and self.model is not None:
            self.model.close()
