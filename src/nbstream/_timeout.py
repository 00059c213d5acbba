"""How long a stream may be silent, and how long it may take in all."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeGuard

from nbstream._windows import Limits
from nbstream.errors import UsageError


class StreamTimeout(TimeoutError):  # noqa: N818 - shown to people under this name
    """The stream took longer than ``timeout=`` allows; we closed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """Limits for a stream, in seconds; None is no limit.

    Attributes:
        first: To the first token: from the call, or from the last retry.
        between: Between two events, of any kind; a keep-alive comment is none.
        total: For all of it, waiting for retries included.

    Raises:
        UsageError: a limit is no number above 0.
    """

    first: float | None = None
    between: float | None = None
    total: float | None = None

    def __post_init__(self) -> None:
        for name in ("first", "between", "total"):
            value = getattr(self, name)
            if value is not None and not _is_limit(value):
                msg = f"Timeout({name}={value!r}): expected seconds above 0, or None"
                raise UsageError(msg)


def timeout_of(given: float | Limits | None) -> Timeout:
    """Return the limits; a number is the longest silence, also before the first token.

    Raises:
        UsageError: it is neither.
    """
    if given is None:
        return Timeout()
    if isinstance(given, Timeout):
        return given
    if _is_limit(given):
        return Timeout(first=given, between=given)
    msg = f"timeout={given!r}: expected seconds above 0, a Timeout, or None"
    raise UsageError(msg)


def _is_limit(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value > 0


#: What comes off the wire, of which some is no event: a comment, a part of one.
RAW = (bytes, str)


class Watchdog:
    """Tells when a stream is overdue. It only looks: who asks closes the stream."""

    def __init__(
        self, timeout: Timeout, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._timeout = timeout
        self._clock = clock
        self._began = clock()
        self._heard = self._began
        self._has_token = False
        self._has_event = False
        self._first_from = self._began

    def heard(self) -> None:
        """Note that an event came."""
        self._has_event = True
        self._heard = self._clock()

    def token(self) -> None:
        """Note that the first token came."""
        self._has_token = True

    def waited(self) -> None:
        """Note that we did not listen until now: a retry begins."""
        self._first_from = self._heard = self._clock()

    def left_s(self) -> float:
        """Return how long until the nearest limit, in seconds; it may be infinite."""
        now = self._clock()
        return min((at - now for at, _ in self._limits()), default=math.inf)

    def overdue(self) -> StreamTimeout | None:
        """Return the limit that was passed, as an exception, or None."""
        now = self._clock()
        return next(
            (StreamTimeout(why) for at, why in self._limits() if now >= at), None
        )

    def _limits(self) -> list[tuple[float, str]]:
        limit = self._timeout
        found: list[tuple[float, str]] = []
        if limit.first is not None and not self._has_token:
            why = f"no token within {limit.first:g} s"
            found.append((self._first_from + limit.first, why))
        if limit.between is not None and self._has_event:
            found.append(
                (self._heard + limit.between, f"silent for {limit.between:g} s")
            )
        if limit.total is not None:
            why = f"not complete within {limit.total:g} s"
            found.append((self._began + limit.total, why))
        return found
