"""One who takes part in a race: a stream, its reply, and a thread that shows it."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import wraps

from nbstream._player import Player, Screen
from nbstream._show import opened
from nbstream._stop import Stop
from nbstream._timeout import Timeout
from nbstream.providers.payloads import payloads
from nbstream.reply import Reply

__all__ = ["Lane"]


class Lane:
    """Reads one stream in the background; another thread's stop is heard."""

    def __init__(
        self,
        make: Callable[[], object],
        screen: Screen,
        reply: Reply,
        *,
        timeout: Timeout,
        keep_wire: bool,
        on_end: Callable[[], None],
    ) -> None:
        self.broken: BaseException | None = None
        self._on_end = on_end
        source = opened(_streamed(make), reply, keep_wire=keep_wire)
        self._player = Player(source, screen, reply, stop=Stop(), timeout=timeout)
        self._thread = threading.Thread(
            target=copy_context().run,
            args=(self._run,),
            name="nbstream-race",
            daemon=True,
        )

    @property
    def alive(self) -> bool:
        """Whether it runs still."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Send the request; call it where the display belongs."""
        self._player.start()
        self._thread.start()

    def stop(self) -> None:
        """Close the connection and keep what arrived; never blocks, may be repeated."""
        self._player.interrupt()

    def join(self) -> None:
        """Wait for the end, if it has begun."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._player.loop()
        except BaseException as error:  # noqa: BLE001 - the race raises it
            self.broken = error
        finally:
            self._on_end()


def _streamed(make: Callable[[], object]) -> Callable[[], object]:
    """Let an answer that is not streamed be a stream of one piece, at its end."""

    @wraps(make)
    def call() -> object:
        made = make()
        return _awaited(made) if inspect.iscoroutine(made) else _in_pieces(made)

    return call


async def _awaited(call: object) -> object:
    return _in_pieces(await call)  # type: ignore[misc]  # a coroutine


def _in_pieces(made: object) -> object | Sequence[object]:
    whole = payloads(made)
    return made if whole is None else whole
