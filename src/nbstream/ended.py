"""What there is to do once a stream has ended: remember it, raise what it must."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nbstream._player import Player
from nbstream._stop import end_script_in_one_line
from nbstream.reply import Reply

__all__ = ["finished", "last", "remembered"]

_last: Reply | None = None


def last() -> Reply | None:
    """Return the reply that ended last, also a stopped or failed one; None at first."""
    return _last


@contextmanager
def remembered(reply: Reply) -> Iterator[None]:
    """Let ``last`` find this reply, however it ends."""
    global _last
    try:
        yield
    finally:
        _last = reply


def finished(player: Player) -> Reply:
    """Return the reply of a player that is done, or raise what the caller must know.

    Raises:
        ProviderFailure: the service failed; ``.reply`` holds what arrived.
        UsageError: the stream gave something that is none.
        Stopped: the reader pressed interrupt; a ``KeyboardInterrupt``.
    """
    if player.stop.by == "interrupt":
        end_script_in_one_line()
    player.raise_for_outcome()
    return player.reply
