"""Faults on request: which answers of a server go wrong, and how."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Self

from nbstream.errors import UnknownNameError, UsageError
from nbstream.offline.damage import Damage
from nbstream.offline.fault_kinds import KINDS, STATUSES, http_error
from nbstream.offline.talk import Frame
from nbstream.offline.wire import WRITERS

__all__ = ["Fault", "Faults", "known_faults"]

_PLACES = ("api", "frames")
#: What strikes plain requests too; all others are about the events of a stream.
_ANY_REQUEST = {"cut_before_headers", "no_answer", "slow_headers", "html"}


class Fault:
    """A fault that is in force until it is used up, cleared, or its ``with`` ends.

    ``struck`` counts the requests that it has hit.
    """

    def __init__(
        self,
        plans: Faults,
        kind: str,
        make: Callable[[str, Iterable[Frame]], Damage],
        *,
        times: int | None,
        api: str | None,
    ) -> None:
        self.kind = kind
        self.api = api
        self.left = times
        self.struck = 0
        self._plans = plans
        self._make = make

    def damage(self, api: str, frames: Iterable[Frame]) -> Damage:
        """Return the response gone wrong."""
        return self._make(api, frames)

    def fits(self, api: str, *, stream: bool) -> bool:
        """Tell whether it strikes such a request."""
        strikes = stream or self.kind in _ANY_REQUEST or self.kind.isdigit()
        return strikes and self.api in (None, api) and self.left != 0

    def clear(self) -> None:
        """End it; a second time does nothing."""
        self._plans.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def __repr__(self) -> str:
        left = "" if self.left is None else f", {self.left} left"
        return f"<fault {self.kind!r}, struck {self.struck} times{left}>"


class Faults:
    """The faults in force on one server; the newest that fits a request strikes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plans: list[Fault] = []

    def add(
        self,
        kind: str | int,
        *,
        times: int | None = None,
        api: str | None = None,
        **options: object,
    ) -> Fault:
        """Put a fault in force."""
        name = str(kind)
        if api is not None and api not in WRITERS:
            raise UnknownNameError("API", api, WRITERS)
        if times is not None and times < 1:
            raise UsageError(f"times={times!r}: expected 1 or more, or None for all")
        fault = Fault(self, name, _made(name, options), times=times, api=api)
        with self._lock:
            self._plans.append(fault)
        return fault

    def take(self, api: str, *, stream: bool) -> Fault | None:
        """Return the fault that strikes this request, and count it."""
        with self._lock:
            fitting = (f for f in reversed(self._plans) if f.fits(api, stream=stream))
            found = next(fitting, None)
            if found is not None:
                found.struck += 1
                found.left = None if found.left is None else found.left - 1
            return found

    def remove(self, fault: Fault) -> None:
        """Take one fault back, if it is in force."""
        with self._lock:
            self._plans = [each for each in self._plans if each is not fault]

    def clear(self) -> None:
        """Take all faults back."""
        with self._lock:
            self._plans.clear()


def known_faults() -> dict[str, str]:
    """Return every fault's name with one line on what it does."""
    found = {name: (make.__doc__ or "").splitlines()[0] for name, make in KINDS.items()}
    return found | {
        str(status): f"HTTP {status} {_phrase(status)}, in the API's own form."
        for status in STATUSES
    }


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Overloaded"


def _made(
    name: str, options: dict[str, object]
) -> Callable[[str, Iterable[Frame]], Damage]:
    if name not in KINDS and name not in map(str, STATUSES):
        raise UnknownNameError("fault", name, known_faults())
    make = KINDS.get(name)
    if make is None:
        make = partial(http_error, status=int(name))
    parameters = inspect.signature(make).parameters
    given = {"status"} if name.isdigit() else set[str]()
    known = [each for each in parameters if each not in {*_PLACES, *given}]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of the fault {name!r}:", option, known)
    bound: Callable[[str, Iterable[Frame]], Damage] = partial(make, **options)
    return bound
