"""Read a response's stream as it is, and tell somebody what came."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cache
from types import ModuleType
from typing import Any, Protocol

from nbstream.record.exchange import Ended

__all__ = ["AsyncTee", "Hearer", "SyncTee", "async_tee", "sync_tee"]


class Hearer(Protocol):
    """Who is told of one response, as it comes."""

    def respond(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Note its head."""
        ...

    def read(self, data: bytes) -> None:
        """Note what one read gave."""
        ...

    def end(self, how: Ended) -> None:
        """Note the end; only the first one counts."""
        ...

    def broke(self, error: BaseException) -> None:
        """Note that an exception ended it."""
        ...


class SyncTee:
    """A stream of a sync client; what it does not know is the inner stream's."""

    def __init__(self, inner: Any, hearer: Hearer) -> None:
        self._inner = inner
        self._hearer = hearer

    def __iter__(self) -> Iterator[bytes]:
        try:
            for data in self._inner:
                self._hearer.read(data)
                yield data
        except BaseException as error:
            self._hearer.broke(error)
            raise
        self._hearer.end("complete")

    def close(self) -> None:
        """Close the inner stream."""
        try:
            self._inner.close()
        finally:
            self._hearer.end("closed")

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_inner"), name)


class AsyncTee:
    """The same for an async client."""

    def __init__(self, inner: Any, hearer: Hearer) -> None:
        self._inner = inner
        self._hearer = hearer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._inner)
        try:
            async for data in chunks:
                self._hearer.read(data)
                yield data
        except BaseException as error:
            self._hearer.broke(error)
            raise
        finally:
            # In this task, while its loop runs: left to the garbage collector it
            # would be closed in another.
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()
        self._hearer.end("complete")

    async def aclose(self) -> None:
        """Close the inner stream."""
        try:
            await self._inner.aclose()
        finally:
            self._hearer.end("closed")

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_inner"), name)


@cache
def sync_tee(http: ModuleType) -> type[SyncTee]:
    """Return the tee that this HTTP library takes for one of its own streams."""
    return type("SyncTee", (SyncTee, http.SyncByteStream), {})


@cache
def async_tee(http: ModuleType) -> type[AsyncTee]:
    """Return the same for its async clients."""
    return type("AsyncTee", (AsyncTee, http.AsyncByteStream), {})
