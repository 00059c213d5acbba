"""Read a source so that the bytes of its responses are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from nbstream.record.apis import api_of
from nbstream.record.keep import Exchange, Keeper, reading
from nbstream.record.transports import listen, unlisten
from nbstream.streams import Source

__all__ = ["kept"]


class _Keepers:
    """All keepers, as one listener: the context tells which one it is."""

    name = "keep_wire"

    def wants(self, path: str, headers: Mapping[str, str]) -> bool:
        del headers
        return reading.get() is not None and bool(api_of(path))

    def open(self, http: ModuleType, request: Any) -> Exchange:
        del http, request
        keeper = reading.get()
        assert keeper is not None  # `wants` has looked
        keeper.note_sent()
        return Exchange(keeper)


_KEEPERS = _Keepers()


class _Kept:
    """A source that is heard as long as it is read."""

    def __init__(self, keeper: Keeper, source: Source) -> None:
        self._keeper = keeper
        self._source = source
        self.needs_await = source.needs_await

    @property
    def alive(self) -> bool:
        return self._source.alive

    def start(
        self,
        on_payload: Callable[[object], None],
        on_end: Callable[[BaseException | None], None],
    ) -> None:
        def ended(error: BaseException | None) -> None:
            unlisten(_KEEPERS)
            on_end(error)

        listen(_KEEPERS)
        self._keeper.within(lambda: self._source.start(on_payload, ended))

    def interrupt(self) -> None:
        self._source.interrupt()

    def join(self, timeout_s: float) -> bool:
        return self._source.join(timeout_s)


def kept(keeper: Keeper, make: Callable[[], Source]) -> Source:
    """Return the source that ``make`` makes, with its bytes kept as it is read."""
    return _Kept(keeper, keeper.within(make))
