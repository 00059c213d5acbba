"""The screen of one exchange in a panel: a live view of its own on the panel's line."""

from __future__ import annotations

import time
from collections.abc import Callable

from nbstream.chat.transcript import Exchange
from nbstream.reply import Reply
from nbstream.screens.widget import WidgetScreen

__all__ = ["PanelScreen"]


class PanelScreen(WidgetScreen):
    """Feeds one exchange's part of the page with the frames of the live view.

    Attributes:
        exchange: What it shows.
    """

    def __init__(
        self,
        exchange: Exchange,
        line: Callable[[object], None],
        *,
        on_open: Callable[[], None] = lambda: None,
        on_end: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock=clock)
        self.exchange = exchange
        self._line: Callable[[object], None] | None = line
        self._on_open = on_open
        self._on_end = on_end

    @classmethod
    def ended(cls, exchange: Exchange, line: Callable[[object], None]) -> PanelScreen:
        """Return the screen of an answer that nobody here has seen grow."""
        made = cls(exchange, lambda message: None)
        made.update(exchange.reply)
        made._facts.all = {"phase": "ended"}  # how long it took is not known
        made._line = line
        return made

    def open(self, reply: Reply) -> None:
        """Begin; the panel says that there is one more."""
        self._began = self._clock()
        self._on_open()

    def close(self, reply: Reply) -> None:
        """Send the end. The answer stays in the panel."""
        self.update(reply)
        self._send({"kind": "end"})
        self._on_end()

    def whole(self) -> dict[str, object]:
        """Return everything so far, for a page that is new."""
        return self._whole()

    def resync(self) -> None:
        """Send everything, though not all the time: a page has missed something."""
        self._on_answer("resync")

    def _send(self, message: object) -> None:
        if self._line is not None:
            self._line(message)
