"""The live view: one widget that follows the stream, then one static output."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from nbstream._stop import Stop
from nbstream.markdown.short import shortened
from nbstream.reply import Reply
from nbstream.screens import cell
from nbstream.screens.bundle import bundle, metadata
from nbstream.screens.live_display import LiveDisplay
from nbstream.screens.live_facts import Facts
from nbstream.screens.live_message import FrameMessages
from nbstream.screens.live_model import LiveModel
from nbstream.screens.live_sections import Sections

if TYPE_CHECKING:
    from nbstream.tool_runs import Consents

__all__ = ["WidgetScreen"]

#: At most twenty frames a second.
MIN_INTERVAL_S = 0.05
#: How much of an open block is read and laid out again, in characters a second.
OPEN_PER_S = 200_000
#: How much text the page lays out anew because some was added, the same.
SHOWN_PER_S = 2_500_000
#: How much longer to wait than making the last frame took.
RENDER_SHARE = 4.0
#: What the page may make us send whole, in seconds between two times.
RESYNC_S = 0.5
#: What is shown, and saved, where there are no widgets: the end replaces it.
FALLBACK = "The answer is being written. It will be here when it is complete."


class WidgetScreen:
    """One display: a widget while the answer grows, the static bundle at the end.

    A frame carries what changed and nothing else. The lock is for a page that asks for
    everything (from a thread of the kernel's) while a frame is made.
    """

    in_the_cell = False

    def __init__(
        self,
        *,
        images: bool = False,
        stop: Stop | None = None,
        consents: Consents | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._images = images
        self._consents = consents
        self._stop = stop or Stop()
        self._clock = clock
        self._display = LiveDisplay()
        self._lock = self._display.lock
        self._sections = Sections(images=images)
        self._facts = Facts()
        self._began = clock()
        self._sent_whole_at = float("-inf")
        self._messages = FrameMessages()
        self._interval_s = MIN_INTERVAL_S

    def open(self, reply: Reply) -> None:
        """Make the display, in the cell that runs now."""
        reply.shown_in = cell()
        self._began = self._clock()
        self._display.open(
            LiveModel(self._whole, self._on_answer),
            FALLBACK,
            metadata(reply, timed=False),
            stop=self._stop,
            consents=self._consents,
        )

    def interval_s(self) -> float:
        """Return the wait after the last frame, in seconds."""
        return self._interval_s

    def update(self, reply: Reply) -> None:
        """Send what is new."""
        began = self._clock()
        with self._lock:
            changes = self._sections.changes(reply)
            facts = self._facts.new(reply, began - self._began)
            if not changes and not facts:
                return
            self._send(self._messages.next(changes, facts))
        self._interval_s = max(
            MIN_INTERVAL_S,
            self._sections.open_chars / OPEN_PER_S,
            self._sections.chars / SHOWN_PER_S,
            (self._clock() - began) * RENDER_SHARE,
        )

    def wait(self, reply: Reply, seconds_left: int, why: str) -> None:
        """Say that the request is sent again soon, and why; the page counts down."""
        elapsed_s = self._clock() - self._began
        with self._lock:
            facts = self._facts.retrying(seconds_left, why, elapsed_s)
            if facts:
                self._send(self._messages.next({}, facts))

    def close(self, reply: Reply) -> None:
        """Replace the widget by what stays. Its model goes once a page has seen it."""
        self.update(reply)  # first, since the output of a long answer takes a while
        data = bundle(reply, images=self._images)
        self._display.close(data, metadata(reply, timed=True))

    # -- what the page is told -------------------------------------------------

    def _whole(self) -> dict[str, object]:
        """Return everything so far, for a page that is new."""
        with self._lock:
            return {
                "seq": self._messages.seq,
                "last": self._messages.last,
                "sections": shortened(self._sections.snapshot()),
                "elapsed_s": round(self._clock() - self._began, 2),
                **self._facts.all,
                **self._display.final,
            }

    def _send(self, message: object) -> None:
        self._display.send(message)

    # -- what the page says, in any thread --------------------------------------

    def _on_answer(self, kind: str) -> None:
        if kind == "resync" and self._clock() - self._sent_whole_at > RESYNC_S:
            self._sent_whole_at = self._clock()
            with self._lock:
                self._send({"kind": "whole", "whole": self._whole()})
        elif kind == "seen":
            self._display.seen()
