"""Keep connections of one event loop away from another.

An HTTP client keeps idle connections, each bound to the loop that opened it. Used on
another loop such a connection fails or hangs *after* the request was sent. So the
clients of a stream are cleared of foreign idle connections before it runs on our
loop, and of ours after it. (google-genai keeps a pool per loop itself.)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Protocol, Self, runtime_checkable

from nbstream.streams.reach import POOLS, is_pool, nearest_loop, reach

__all__ = ["Pools"]


@runtime_checkable
class Connection(Protocol):
    """One connection of a pool: all names are public."""

    def is_idle(self) -> bool:
        """Tell whether no request uses it."""
        ...

    async def aclose(self) -> None:
        """Close it, on its own loop."""
        ...


@runtime_checkable
class Transport(Protocol):
    """What asyncio puts under a connection."""

    def abort(self) -> None:
        """Close it without waiting, in its loop's thread."""
        ...

    def is_closing(self) -> bool:
        """Tell whether it is closed or about to be."""
        ...


class Pools:
    """The connection pools that a stream's call can reach."""

    def __init__(self, pools: list[object]) -> None:
        self._pools = pools

    @classmethod
    def of(cls, stream: object) -> Self:
        """Find the pools behind a call that has not been sent yet."""
        return cls([found for found in reach(stream) if is_pool(found)])

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[None]:
        """Use them on the running loop, and leave nothing of it behind."""
        self._release_foreign()
        try:
            yield
        finally:
            await self._release_own()

    def _release_foreign(self) -> None:
        here = asyncio.get_running_loop()
        for connection, loop in self._idle():
            if loop is here:
                continue
            self._forget(connection)
            for found in reach(connection):
                if isinstance(found, Transport):
                    with contextlib.suppress(RuntimeError):  # its loop is closed
                        loop.call_soon_threadsafe(found.abort)
                    break

    async def _release_own(self) -> None:
        """Close idle connections of the running loop."""
        here = asyncio.get_running_loop()
        for connection, loop in self._idle():
            if loop is here:
                self._forget(connection)
                await connection.aclose()

    def _idle(self) -> Iterator[tuple[Connection, asyncio.AbstractEventLoop]]:
        for pool in self._pools:
            for connection in list(_connections(pool)):
                if isinstance(connection, Connection) and connection.is_idle():
                    loop = nearest_loop(connection)
                    if loop is not None:
                        yield connection, loop

    def _forget(self, connection: object) -> None:
        for pool in self._pools:
            with contextlib.suppress(ValueError):
                _connections(pool).remove(connection)


def _connections(pool: object) -> list[object]:
    held = getattr(pool, POOLS[type(pool).__name__][0], None)
    return held if isinstance(held, list) else []
