"""``Live``: a stream that is shown in the background, to be awaited or stopped."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Unpack

from nbstream import _show
from nbstream._player import STEP_S, STOPPED, Player
from nbstream._stop import interrupts_pass, interrupts_raise
from nbstream._workers import worker
from nbstream.errors import UsageError
from nbstream.reply import Reply
from nbstream.screens import place
from nbstream.screens.base import thread_class
from nbstream.streams import Source
from nbstream.types import Stream

if TYPE_CHECKING:
    from nbstream._windows import Elements


class Live:
    """A stream that is being shown in the background.

    ``await live`` and ``live.result()`` wait for its end and give what ``show`` gives.
    Cancelling the task that awaits it stops it.
    """

    def __init__(self, player: Player, source: Source) -> None:
        self._player = player
        self._source = source
        self._broken: BaseException | None = None
        player.reply._live = self
        # A display made by a thread lands in the right cell only in this context.
        self._thread = worker(self._show, "nbstream-live", make=thread_class())
        player.start()
        try:
            self._thread.start()
        except RuntimeError:  # no thread is to be had: nothing may stay open
            player.interrupt()
            player.loop()
            raise

    @property
    def reply(self) -> Reply:
        """The reply, as far as it has come."""
        return self._player.reply

    def stop(self) -> None:
        """Close the connection and keep what arrived; any thread, any time."""
        self._player.interrupt()

    def result(self, timeout_s: float | None = None) -> Reply:
        """Wait for the end and return the reply.

        Args:
            timeout_s: How long to wait, in seconds; None: as long as it takes.

        Raises:
            TimeoutError: it has not ended yet; it goes on.
            UsageError: this stream can only be awaited.
        """
        self._check_may_block("await live")
        waited_s = 0.0
        with interrupts_raise(self._player.stop), _show.remembered(self.reply):
            while self._thread.is_alive():
                self._check_may_block("await live")  # a function may have made it now
                if timeout_s is not None and waited_s >= timeout_s:
                    msg = f"the stream has not ended after {timeout_s} s; it goes on"
                    raise TimeoutError(msg)
                self._player.stop.look()
                step_s = self._player.stop.step_s(STEP_S)
                self._thread.join(step_s)
                waited_s += step_s
            self._end()
        return _show.finished(self._player)

    def items(self) -> Elements:
        """Go through the list in the answer; see ``Reply.items``."""
        return self.reply.items()

    def wait_until(self, ready: Callable[[], bool], step_s: float = STEP_S) -> None:
        """Wait until it is ready, or the end; look every so many seconds.

        Raises:
            Stopped: interrupt was pressed meanwhile.
            UsageError: this stream can only be awaited.
        """
        self._check_may_block("async for")
        stop = self._player.stop
        with interrupts_raise(stop):
            while self._thread.is_alive() and not ready():
                stop.look()
                self._thread.join(stop.step_s(step_s))
        if stop.by == "interrupt":
            self.result()
        self._check_whole()

    async def until(self, ready: Callable[[], bool], step_s: float = STEP_S) -> None:
        """Wait until it is ready, or the end; cancelling that stops the stream."""
        try:
            await self._until(ready, step_s)
        except asyncio.CancelledError as cancelled:
            await self._cancel(cancelled)
            raise

    def _check_may_block(self, instead: str) -> None:
        if self._source.needs_await and self._thread.is_alive():
            msg = f"this stream lives in the running event loop: use `{instead}`"
            raise UsageError(msg)

    def __await__(self) -> Generator[Any, None, Reply]:
        return self._wait().__await__()

    async def _wait(self) -> Reply:
        with _show.remembered(self.reply):
            await self.until(lambda: False)
            self._end()
        return _show.finished(self._player)

    async def _until(self, ready: Callable[[], bool], step_s: float) -> None:
        stop = self._player.stop
        with interrupts_pass(stop):
            while self._thread.is_alive() and not ready():
                stop.look()
                await asyncio.sleep(stop.step_s(step_s))
            await asyncio.sleep(stop.release())
            stop.deaf = False
        if stop.by == "interrupt":
            raise asyncio.CancelledError
        self._check_whole()

    async def _cancel(self, cancelled: asyncio.CancelledError) -> None:
        """Stop, because the awaiting task was cancelled; so an interrupt arrives too.

        It arrives only when the loop wakes, hence the steps above (ipykernel 6 and 7
        alike). The cancellation goes on as it came, as asyncio wants it; a
        ``KeyboardInterrupt`` in its place would end the loop, and a kernel with it.
        In a notebook it is one line.
        """
        self.stop()
        self._player.stop.release()
        while self._thread.is_alive():
            await asyncio.sleep(STEP_S / 5)
        self._end()
        line = f"{type(cancelled).__name__}: {STOPPED}"
        vars(cancelled)["_render_traceback_"] = lambda: [line]

    async def _show(self) -> None:
        try:
            await self._player.played()
        except BaseException as error:  # noqa: BLE001 - it is raised where one waits
            self._broken = error

    def _end(self) -> None:
        self._player.close_screen()
        self._check_whole()

    def _check_whole(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _ipython_display_(self) -> None:
        """Show nothing: the stream has its display already. A terminal has a line."""
        if place() == "terminal":  # it has written `Out[1]: ` already
            sys.stdout.write(f"{self!r}\n")

    def _display_(self) -> object:
        """Give marimo what stands in the cell already: the last line replaces it."""
        return self._player.element

    def __repr__(self) -> str:
        return f"Live({self.reply.outcome!r})"


@_show.takes_options
def start(stream: Stream, **options: Unpack[_show.ShowOptions]) -> Live:
    """Show a stream in the background and return at once.

    Takes what ``show`` takes. The display stays in the cell that called.

    Raises:
        UsageError: that cannot be shown; the message says what can.
    """
    return started(stream, _show.begun(options), **options)


def started(stream: object, reply: Reply, **options: Unpack[_show.PlayOptions]) -> Live:
    """Show a stream as ``start`` does, in a reply that is there already."""
    options.setdefault("awaited", "users")
    source = _show.opened(stream, reply, options)
    return Live(_show.player_of(source, reply, options), source)
