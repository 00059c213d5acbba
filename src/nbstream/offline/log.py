"""Remember what the offline server was asked and how far each answer came."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from nbstream.offline.talk import Json

__all__ = ["Exchange", "Log"]

_LONGEST = 1000


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and its answer. Headers are never kept: keys are in them.

    Times are of ``time.monotonic()``, in seconds. ``disconnected_at`` is when the
    server saw the client go before the answer was finished, else ``None``.
    """

    method: str
    path: str
    started: float
    api: str = ""
    request: Json | None = None
    scenario: str = ""
    fault: str = ""
    prompt: str = ""
    rounds: int = 0
    answer_id: str = ""
    status: int = 0
    events_sent: int = 0
    bytes_sent: int = 0
    disconnected_at: float | None = None
    finished: bool = False


class Log:
    """The last thousand exchanges; written by the server, read by any thread."""

    def __init__(self) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=_LONGEST)
        self._changed = threading.Condition()

    def open(self, method: str, target: str) -> Exchange:
        """Begin an exchange; a key in the query string is dropped with it."""
        path = target.partition("?")[0]
        exchange = Exchange(method=method, path=path, started=time.monotonic())
        with self._changed:
            self._exchanges.append(exchange)
            self._changed.notify_all()
        return exchange

    def changed(self) -> None:
        """Wake those who wait: an exchange has changed."""
        with self._changed:
            self._changed.notify_all()

    def exchanges(self) -> list[Exchange]:
        """Return the exchanges, oldest first."""
        with self._changed:
            return list(self._exchanges)

    def answered(self, named: str) -> Exchange | None:
        """Return the exchange whose answer has this name."""
        known = reversed(self.exchanges())
        return next(
            (e for e in known if e.answer_id and named.endswith(e.answer_id)), None
        )

    def wait_for(
        self, predicate: Callable[[Exchange], object], timeout_s: float
    ) -> Exchange:
        """Wait for an exchange for which the predicate holds."""

        def found() -> Exchange | None:
            return next((e for e in self._exchanges if predicate(e)), None)

        with self._changed:
            exchange = self._changed.wait_for(found, timeout_s)
        if exchange is None:
            raise TimeoutError(f"no such exchange within {timeout_s:g} s")
        return exchange
