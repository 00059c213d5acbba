"""``Panel``: a conversation as one widget, and where there are none as an output."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING
from uuid import uuid4

from nbstream._keys import redact
from nbstream.chat.panel_outputs import Outputs
from nbstream.chat.panel_turns import Turns
from nbstream.chat.playing import Playing
from nbstream.chat.shown import to_markdown
from nbstream.chat.transcript import Exchange
from nbstream.screens import place
from nbstream.screens.base import visible

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

    from nbstream._live import Live
    from nbstream._player import Screen
    from nbstream.chat.panel_model import Asked, PanelModel

__all__ = ["Panel"]

#: What a page may make us send whole, in seconds between two times.
RESYNC_S = 0.5


class Panel:
    """One conversation to read and to go on with: history, input, Stop, Retry, Edit.

    It answers in the background, so cells go on running beside it; what a cell asks
    appears in it, too. It comes back when the page is loaded again, as long as the
    kernel lives. The saved notebook holds the conversation as a static output.

    Made by ``Chat.panel``; a cell that ends with it shows it.
    """

    def __init__(
        self,
        model: Callable[[], str],
        exchanges: Callable[[], list[Exchange]],
        playing: Callable[[], Playing | None],
        *,
        ask: Callable[[str], Live],
        again: Callable[[str | None], Live],
    ) -> None:
        self._id = uuid4().hex
        self._name = model
        self._exchanges = exchanges
        self._playing = playing
        self._ask = ask
        self._again = again
        self._model: PanelModel | None = None
        self._outputs = Outputs(self._id, model, exchanges)
        self._turns = Turns(self._send, self._outputs.saved)
        self._handles: list[DisplayHandle] = []
        self._kept = False
        self._whole_at_s = float("-inf")
        self._context: Context = copy_context()

    def to_markdown(self) -> str:
        """Return what was said as Markdown that is safe to put into a cell."""
        return to_markdown(self._exchanges())

    def follow(self, playing: Playing) -> Screen | None:
        """Return a screen that shows an answer here; None: there is no panel yet."""
        if self._model is None:
            return None
        playing.consents.attached = True
        return self._turns.begin(playing, self._exchanges, self._ended)

    def refresh(self) -> None:
        """Show what the conversation is now: its messages were changed."""
        if self._model is not None:
            self._turns.ended(self._exchanges(), self._ended)

    # -- showing it --------------------------------------------------------------

    def _ipython_display_(self) -> None:
        view = os.environ.get("NBSTREAM_VIEW") or place()
        if view in {"auto", "live"} and self._opened():
            self._display_widget()
        elif view == "terminal":
            sys.stdout.write(visible(self._outputs.explained()["text/plain"]) + "\n")
        else:
            from IPython.display import display

            is_static = view == "static"
            display(
                self._outputs.static() if is_static else self._outputs.explained(),
                raw=True,
            )

    def _opened(self) -> bool:
        """Make the widget, once; False: there is no anywidget, or it cannot be used."""
        if self._model is not None:
            return True
        try:
            from nbstream.chat.panel_model import PanelModel
        except ImportError:
            return False
        self._turns.match(self._exchanges())
        self._model = PanelModel(self._id, self._whole, self._on_asked)
        playing = self._playing()
        if playing is not None and playing.exchange.reply.outcome == "running":
            self._turns.catch_up(playing, self._exchanges, self._ended)
        return True

    def _display_widget(self) -> None:
        from IPython.display import display

        self._context = copy_context()  # a tool that prints, prints in this cell
        handle = display(
            self._outputs.widget(),
            raw=True,
            metadata=self._outputs.metadata,
            display_id=True,
        )
        if handle is not None:
            self._handles.append(handle)

    # -- what the page is told, in any thread -------------------------------------

    def _whole(self) -> dict[str, object]:
        return {
            "model_id": self._id,
            "name": self._name(),
            **self._turns.whole(),
            "saved": self._outputs.saved(),
        }

    def _send(self, message: dict[str, object]) -> None:
        if self._model is not None:
            self._model.send(message)

    def _resync(self) -> None:
        """Send everything, though not all the time."""
        now_s = time.monotonic()
        if now_s - self._whole_at_s > RESYNC_S:
            self._whole_at_s = now_s
            self._send({"kind": "whole", "whole": self._whole()})

    def _ended(self) -> None:
        """Keep what is saved up to date, where no page does that by itself."""
        if not self._kept:
            for handle in self._handles:
                handle.update(
                    self._outputs.widget(), raw=True, metadata=self._outputs.metadata
                )

    # -- what the page says, in any thread ----------------------------------------

    def _on_asked(self, asked: Asked) -> None:
        match asked["kind"]:
            case "ask":
                self._begin(asked, lambda: self._ask(asked["text"]))
            case "edit":
                self._begin(asked, lambda: self._again(asked["text"]))
            case "retry":
                self._begin(asked, lambda: self._again(None))
            case "keeps":
                self._kept = True
            case "resync" if not asked["turn"]:
                threading.Thread(target=self._resync, daemon=True).start()
            case _:
                self._turns.take(asked)

    def _begin(self, asked: Asked, begin: Callable[[], Live]) -> None:
        """Ask in a thread of its own: who brings the message must not be kept."""

        def run() -> None:
            why = ""
            try:
                if asked.get("turn", self._turns.last) == self._turns.last:
                    begin()
                else:
                    why = "something else has been asked since"
            except Exception as error:  # noqa: BLE001 - the page says it
                why = redact(f"{error}" or type(error).__name__)
            self._send({"kind": "asked", "id": asked["id"], "why": why})

        context = self._context.copy()
        threading.Thread(
            target=context.run, args=(run,), name="nbstream-panel", daemon=True
        ).start()

    def __repr__(self) -> str:
        return f"Panel({self._name()!r}, {len(self._exchanges())} questions)"
