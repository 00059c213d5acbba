"""What people call: ``show``, ``start``, ``events``, ``last``."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from nbstream.errors import UsageError
from nbstream.interrupts import interrupts_pass, interrupts_raise
from nbstream.player import STEP_S, STOPPED, Player
from nbstream.reply import Reply
from nbstream.retry import MAX_WAIT_S, retrying
from nbstream.screens import choose, place
from nbstream.screens.none import NoScreen
from nbstream.script import end_script_in_one_line
from nbstream.source import Source, open_source
from nbstream.stop import Stop
from nbstream.timeout import Timeout, timeout_of

__all__ = ["Live", "last", "read", "show", "start"]

_last: Reply | None = None


def show(
    stream: object,
    *,
    view: str | None = None,
    images: bool = False,
    timeout: float | Timeout | None = None,
    retries: int = 0,
    max_wait_s: float = MAX_WAIT_S,
) -> Reply:
    """Show a stream as it is written, wait for its end, and return the reply.

    Args:
        stream: What the SDK's call gave: a stream, an un-entered ``.stream()``
            manager, a generator, an async stream, a coroutine; or a function without
            arguments that makes one of these; or any iterable of strings, dicts or
            raw server-sent-event bytes.
        view: ``"live"`` (a widget that follows, then a static output), ``"updates"``
            (one output, updated), ``"static"`` (one output at the end), ``"terminal"``
            or ``"none"``; by itself whatever fits the place. ``NBSTREAM_VIEW`` too.
        images: Whether images in the answer are loaded. They come from wherever the
            model says, so by default they are links.
        timeout: The longest silence, in seconds, also before the first token; or a
            ``Timeout`` with limits of its own. None: none, there is a Stop.
        retries: How often to call again what failed before its first event; for a
            function only. 0, because the SDKs retry too (see ``nbstream.retry``).
        max_wait_s: If the provider asks for a longer wait than this before a retry,
            the failure is raised instead, with ``retry_after_s``.

    Raises:
        ProviderFailure: the service failed; ``.reply`` holds what had arrived. Its
            kinds, such as ``RateLimitFailure``, are in ``nbstream.errors``.
        Stopped: interrupt was pressed (a ``KeyboardInterrupt``); so is ``.reply``.
        UsageError: that cannot be shown; the message says what can.
    """
    reply, limits = Reply(), timeout_of(timeout)
    source = retrying(stream, reply, retries, max_wait_s)
    if source.needs_await:
        msg = (
            "this async stream is bound to the event loop that show() would block: "
            "pass the call without its await, show(client...create(..., stream=True)), "
            "or use `await nbstream.start(stream)`"
        )
        raise UsageError(msg)
    player = _player(source, view, images, reply, limits)
    with interrupts_raise(player.stop), _remembered(player.reply):
        player.start()
        player.loop()
        player.close_screen()
    return _finished(player)


def start(
    stream: object,
    *,
    view: str | None = None,
    images: bool = False,
    timeout: float | Timeout | None = None,
    retries: int = 0,
    max_wait_s: float = MAX_WAIT_S,
) -> Live:
    """Show a stream in the background and return at once.

    Takes what ``show`` takes. The display stays in the cell that called.

    Raises:
        UsageError: that cannot be shown; the message says what can.
    """
    reply, limits = Reply(), timeout_of(timeout)
    source = retrying(stream, reply, retries, max_wait_s)
    return Live(_player(source, view, images, reply, limits), source)


def _player(
    source: Source, view: str | None, images: bool, reply: Reply, limits: Timeout
) -> Player:
    stop = Stop()
    screen = choose(view, images=images, stop=stop)
    return Player(source, screen, reply, stop=stop, timeout=limits)


def read(stream: object, reply: Reply, timeout: float | Timeout | None = None) -> Reply:
    """Read a stream to its end into the reply, showing nothing and raising nothing."""
    limits = timeout_of(timeout)
    source = open_source(stream)
    if source.needs_await:
        msg = "this async stream is bound to the running event loop: use nbstream.start"
        raise UsageError(msg)
    player = Player(source, NoScreen(), reply, timeout=limits)
    player.start()
    player.loop()
    player.raise_for_usage()
    return reply


def last() -> Reply | None:
    """Return the reply that ended last, also a stopped or failed one; None at first."""
    return _last


@contextmanager
def _remembered(reply: Reply) -> Iterator[None]:
    """Let ``last`` find this reply, however it ends."""
    global _last
    try:
        yield
    finally:
        _last = reply


def _finished(player: Player) -> Reply:
    if player.stop.by == "interrupt":
        end_script_in_one_line()
    player.raise_for_outcome()
    return player.reply


class Live:
    """A stream that is being shown in the background.

    ``await live`` and ``live.result()`` wait for its end and give what ``show`` gives.
    Cancelling the task that awaits it stops it.
    """

    def __init__(self, player: Player, source: Source) -> None:
        self._player = player
        self._needs_await = source.needs_await
        self._broken: BaseException | None = None
        # A display made by a thread lands in the right cell only in this context.
        self._thread = threading.Thread(
            target=copy_context().run,
            args=(self._show,),
            name="nbstream-live",
            daemon=True,
        )
        player.start()
        self._thread.start()

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
        if self._needs_await and self._thread.is_alive():
            msg = "this stream lives in the running event loop: use `await live`"
            raise UsageError(msg)
        waited_s = 0.0
        with interrupts_raise(self._player.stop), _remembered(self.reply):
            while self._thread.is_alive():
                if timeout_s is not None and waited_s >= timeout_s:
                    msg = f"the stream has not ended after {timeout_s} s; it goes on"
                    raise TimeoutError(msg)
                self._player.stop.look()
                step_s = self._player.stop.step_s(STEP_S)
                self._thread.join(step_s)
                waited_s += step_s
            self._end()
        return _finished(self._player)

    def __await__(self) -> Generator[Any, None, Reply]:
        return self._wait().__await__()

    async def _wait(self) -> Reply:
        with _remembered(self.reply):
            try:
                await self._until_end()
            except asyncio.CancelledError as cancelled:
                await self._cancel(cancelled)
                raise
            self._end()
        return _finished(self._player)

    async def _until_end(self) -> None:
        stop = self._player.stop
        with interrupts_pass(stop):
            while self._thread.is_alive():
                stop.look()
                await asyncio.sleep(stop.step_s(STEP_S))
            await asyncio.sleep(stop.release())
            stop.deaf = False
        if stop.by == "interrupt":
            raise asyncio.CancelledError

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

    def _show(self) -> None:
        try:
            self._player.loop()
        except BaseException as error:  # noqa: BLE001 - it is raised by `_end`
            self._broken = error

    def _end(self) -> None:
        self._player.close_screen()
        if self._broken is not None:
            raise self._broken

    def _ipython_display_(self) -> None:
        """Show nothing: the stream has its display already. A terminal has a line."""
        if place() == "terminal":  # it has written `Out[1]: ` already
            sys.stdout.write(f"{self!r}\n")

    def __repr__(self) -> str:
        return f"Live({self.reply.outcome!r})"
