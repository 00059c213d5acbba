"""The buttons of Stop and of consent, heard also while a cell blocks the kernel.

A click is one custom message of the view's comm. Where the kernel runs it while a cell
blocks (ipykernel 7.0 to 7.3 with the subshells of JupyterLab 4.4 or newer), that is
all. Where it does not, the hook (7.4), the tap (7.0 to 7.3) or the pump (6) looks at
the message on its way and leaves it there, so that it is handled a second time later:
all here may be called twice. What none of them sees, the view does itself: it
interrupts the kernel, as ■ does.

So that it knows whether it must, each block has a number: the view greets it with
``hello``, and who is ``heard`` never interrupts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from nbstream._stop import Stop
from nbstream.screens.kernel_messages import (
    Look,
    hear,
    hook,
    listens,
    marimo_here,
    pump,
    watch,
)
from nbstream.tool_runs import Consents

#: How often the pump looks, in seconds: a click is to be answered within 50 ms.
LOOK_S = 0.02
#: A block that is shorter is not told, in seconds.
BRIEF_S = 0.05
#: How long an interrupt may be under way that the view sent in time, in seconds.
LATE_S = 0.25


class Button(Protocol):
    """What is asked of the widget that shows Stop (an ``ipywidgets.Widget``)."""

    #: The number of the block under way, 0 if none; a synced trait.
    block: int
    #: The widget's line to the front end.
    comm: object

    def send(self, content: object) -> None:
        """Send a custom message to the view."""

    def on_msg(self, callback: Callable[..., None], remove: bool = ...) -> None:
        """Call back for each custom message of the view."""


class StopButton:
    """Brings a click on one button to the flag, whatever the kernel is doing.

    Attributes:
        on_look: Called at each look.
        on_here: Called when a page says that it has the widget, in any thread.
    """

    def __init__(
        self,
        button: Button,
        stop: Stop,
        *,
        consents: Consents | None = None,
        resync: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._button = button
        self.on_look: Callable[[], None] = lambda: None
        self.on_here: Callable[[], None] = lambda: None
        self._stop = stop
        self._consents = consents
        self._resync = resync
        self._clock = clock
        self._blocks = 0
        self._heard = False
        self._ended = False
        self._blocked_at: float | None = None
        self._released_at = float("-inf")
        button.on_msg(self._on_msg)
        self._unhook = hook(button.comm, self.take)
        self._unwatch = watch(button.comm, self.take)
        self._unhear = hear(getattr(button, "channel", ""), self.take)
        self._look: Look | None = pump()
        # An app of marimo runs its cells in another thread than the main one.
        stop.attach(self, threading.current_thread() if marimo_here() else None)

    def take(self, content: object) -> None:
        """Do what a message of the view says, if it is for us; any thread."""
        if not isinstance(content, dict):
            return
        if content.get("kind") == "stop":
            self._stop.set("button")
            self._button.send({"kind": "ack"})
        elif content.get("kind") == "here":
            self.on_here()
        elif content.get("kind") == "hello":
            now = self._button.block
            if now != 0 and content.get("block") == now:
                self._heard = True
                self._button.send({"kind": "heard", "block": now})  # each page asks
        elif content.get("kind") == "resync":
            self._resync()  # a page that came late is not to wait for the end
        elif content.get("kind") == "consent" and self._consents is not None:
            self._consents.answer(content.get("call"), content.get("allow") is True)

    @property
    def step_s(self) -> float:
        """How long to wait between two looks, in seconds."""
        return LOOK_S if self._look is not None else BRIEF_S

    def look(self) -> None:
        """Look for a click, and say that a cell blocks."""
        if self._ended:
            return
        now = self._clock()
        if self._blocked_at is None:
            self._blocked_at = now
        elif self._button.block == 0 and now - self._blocked_at >= BRIEF_S:
            self._blocks += 1
            self._heard = False
            self._button.block = self._blocks
        if self._look is not None and not self._look():
            self._look = None  # this kernel is made otherwise: the next way
        self.on_look()

    def listens(self) -> bool:
        """Look for what a page has said; False if nobody can know that here and now."""
        return listens(self._button.comm, self._look)

    def release(self) -> float:
        """Say that the cell blocks no more; see ``Grip``."""
        self._unblock()
        deaf = self._blocks > 0 and not self._heard
        left_s = self._released_at + LATE_S - self._clock()
        return max(0.0, left_s) if deaf else 0.0

    def over(self) -> None:
        """Tell the view that there is nothing left to stop."""
        if not self._ended:
            self._ended = True
            self._unblock()
            self._button.send({"kind": "end"})

    def close(self) -> None:
        """Let go of the widget, before it is closed."""
        self.over()
        self._unhook()
        self._unwatch()
        self._unhear()
        self._look = None
        self._button.on_msg(self._on_msg, remove=True)

    def _unblock(self) -> None:
        if self._button.block:
            self._button.block = 0
            self._released_at = self._clock()
        self._blocked_at = None

    def _on_msg(self, _widget: object, content: object, _buffers: object) -> None:
        self.take(content)
