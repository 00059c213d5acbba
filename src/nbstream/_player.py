"""The one loop: a source is read, a reply grows, a screen follows, until it ends.

Strategy: whoever reads (a worker thread, or the background event loop) also
normalises and adds up, so that a delta costs no switch between threads. The loop here
only looks, at most as often as the screen wants; it is woken by the first text, by
the end and by a stop. It never sits in a socket read, so a signal or a click is
answered at once, and it is the only one that paints.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

from nbstream._reader import Reader
from nbstream._stop import Stop
from nbstream._timeout import RAW, StreamTimeout, Timeout, Watchdog
from nbstream._workers import finish, sleeps
from nbstream.errors import SchemaFailure, Stopped, UsageError, failure_of
from nbstream.reply import Reply, Timing, Waiting
from nbstream.streams import Source
from nbstream.types import is_visible

#: The longest wait between two looks at the flag, in seconds.
STEP_S = 0.05
#: How often a stop is tried again: one shot can miss (a thread that is importing).
RETRY_S = 0.01
#: After this a reader that cannot be woken is left behind, in seconds.
GIVE_UP_S = 0.6
#: What is said when an interrupt has ended a stream.
STOPPED = "stopped; what had arrived is in nbstream.last()"


class Screen(Protocol):
    """Where it is shown; see ``nbstream.screens``."""

    #: Whether ``close`` makes a display, which only the running cell can.
    in_the_cell: bool

    def open(self, reply: Reply) -> None:
        """Begin: nothing has arrived yet."""

    def interval_s(self) -> float:
        """Return how long to wait after the last update, in seconds."""

    def update(self, reply: Reply) -> None:
        """Show the reply as it is now."""

    # A screen may also have `wait(reply, seconds_left: int, why: str)`: it is called
    # once a second while a retry is waited for, before anything has arrived.

    def close(self, reply: Reply) -> None:
        """Show the reply as it stays."""


class Player:
    """Plays one source on one screen, once."""

    def __init__(
        self,
        source: Source,
        screen: Screen,
        reply: Reply,
        *,
        stop: Stop | None = None,
        timeout: Timeout | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.reply = reply
        self.stop = stop or Stop()
        self._source = source
        self._screen = screen
        self._clock = clock
        self._reader = Reader(reply, lambda: clock() - self._began)
        self._watchdog = Watchdog(timeout or Timeout(), clock)
        self._overdue: StreamTimeout | None = None
        self._began = clock()
        self._timing = reply.timing = reply.timing or Timing()
        self._begun = False
        self._count = 0
        self._ended = False
        self._closed = False
        self._exception: BaseException | None = None
        self._shown, self._shown_at = 0, float("-inf")
        self._wait = self.stop.awaited
        self._alone = not sleeps()  # then nobody paints while a stream is read
        self._said: tuple[Waiting, int] | None = None

    # -- called by the source ------------------------------------------------

    def _on_payload(self, payload: object) -> None:
        if self.reply.outcome != "running":
            return  # it was left behind, and is still talking
        if self._timing.first_byte_s is None and type(payload) is bytes:
            self._timing.first_byte_s = self._clock() - self._began
        events = self._reader.push(payload)
        self._count += 1
        if events or type(payload) not in RAW:
            self._watchdog.heard()
        token = self._timing.note(events, self._clock() - self._began)
        if token or (not self._begun and any(map(is_visible, events))):
            self._begun = True
            self._watchdog.token()
            self.stop.ring()
        if self._alone:
            self._paint()

    def _on_end(self, exception: BaseException | None) -> None:
        self._exception = exception
        self._ended = True
        self.stop.ring()

    # -- called by the one who shows -----------------------------------------

    def start(self) -> None:
        """Open the screen and begin to read; call it where the display belongs."""
        self._screen.open(self.reply)
        self._timing.zero_s = self._began = self._clock()
        self._source.start(self._on_payload, self._on_end)

    def interrupt(self) -> None:
        """Try at once to stop, from any thread; the loop tries again."""
        self.stop.set("call")
        if not self._ended:
            self._source.interrupt()

    def loop(self) -> None:
        """Show until the end, as ``played`` does, and block."""
        self._wait = self.stop.blocked
        finish(self.played())

    async def played(self) -> None:
        """Show until the end. Whatever happens, nothing stays open.

        Raises:
            KeyboardInterrupt: the reader pressed interrupt twice.
        """
        try:
            await self._watch()
        finally:
            cut = self.stop.is_set() or not self._ended
            self.stop.over()
            await self._close_source()
            self._finish(stopped=cut)
            if not self._screen.in_the_cell:
                self.close_screen()

    def close_screen(self) -> None:
        """Show the reply as it stays, once."""
        if not self._closed:
            self._closed = True
            self._screen.close(self.reply)

    @property
    def element(self) -> object:
        """What stands in the cell, on a screen that can say it."""
        return getattr(self._screen, "element", None)

    async def _watch(self) -> None:
        while not self._ended and not self.stop.is_set() and not self._is_overdue():
            if self.reply.waiting is not None:
                self._show_wait(self.reply.waiting)
            due_s = self._paint()
            if due_s > 0:
                await self._wait(min(due_s, STEP_S))

    def _paint(self) -> float:
        """Show what is new if it is time; return how long to wait, in seconds."""
        due_s = self._shown_at + self._screen.interval_s() - self._clock()
        if not self._begun or self._count == self._shown:
            return STEP_S
        if due_s <= 0:
            self._shown = self._count
            self._screen.update(self.reply)
            self._shown_at = self._clock()
        return due_s

    def _is_overdue(self) -> bool:
        if self.reply._calling:  # silence is not the service's
            self._watchdog.waited()
        self._overdue = self._watchdog.overdue()
        return self._overdue is not None

    def _show_wait(self, waiting: Waiting) -> None:
        """Count down on a screen that can; each second is said once."""
        self._watchdog.waited()
        wait = getattr(self._screen, "wait", None)
        left_s = math.ceil(waiting.until_s - time.monotonic())
        if wait is not None and (waiting, left_s) != self._said:
            self._said = (waiting, left_s)
            wait(self.reply, max(left_s, 0), waiting.why)

    async def _close_source(self) -> None:
        deadline = self._clock() + GIVE_UP_S
        while not self._ended and self._clock() < deadline:
            self._source.interrupt()
            await self._wait(RETRY_S)

    def _finish(self, *, stopped: bool) -> None:
        if stopped and not isinstance(self._exception, UsageError):
            # Ours, or what our own doing made: its frames hold the socket.
            self._exception = self._overdue
            stopped = self._overdue is None
        if self._ended and self._exception is None and not stopped:
            try:
                self._reader.finish()
            except UsageError as problem:
                self._exception = problem
        self.reply._end(stopped=stopped, exception=self._exception)
        self._timing.end_s = self._clock() - self._began

    # -- how it ended, for the caller ----------------------------------------

    def raise_for_outcome(self) -> None:
        """Raise what the caller must know: a failure, or the reader's interrupt.

        Raises:
            ProviderFailure: the service failed; ``.reply`` holds what arrived.
            SchemaFailure: the answer is whole, but not what was asked for.
            UsageError: the stream gave something that is none.
            Stopped: the reader pressed interrupt; a ``KeyboardInterrupt``.
        """
        if self.stop.by == "interrupt":
            raise Stopped(STOPPED, self.reply)
        self.raise_for_usage()
        if self.reply.outcome == "failed":
            raise failure_of(self.reply) from self._exception
        if self.reply._misfit is not None:
            raise SchemaFailure(str(self.reply._misfit), self.reply)

    def raise_for_usage(self) -> None:
        """Raise what only the caller can mend, and nothing else.

        Raises:
            UsageError: the stream gave something that is none.
        """
        if isinstance(self._exception, UsageError):
            raise self._exception
