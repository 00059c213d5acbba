"""Note when a request is sent and when it is answered, where that can be seen."""

from __future__ import annotations

import time
from functools import wraps

from nbstream.reply import Timing
from nbstream.streams.shapes import (
    begun,
    check,
    is_async_manager,
    is_callable,
    is_manager,
    response_of,
)

__all__ = ["noting"]


def noting(stream: object, timing: Timing) -> object:
    """Return a stream that tells the timing when it is called; others as they are.

    A manager is entered, and a coroutine run, as soon as we begin: that is zero.
    """
    unsent = hasattr(stream, "cr_frame") and not begun(stream)
    if unsent or is_manager(stream) or is_async_manager(stream):
        timing.request_sent_s = 0.0
    elif is_callable(stream):
        check(stream)  # it tells a class, or an SDK's own method, from a function
        make = stream

        @wraps(make)
        def call() -> object:
            if timing.request_sent_s is None:  # a retry begins no second clock
                timing.request_sent_s = _elapsed_s(timing)
            made = make()
            if response_of(made) is not None:
                timing.headers_s = _elapsed_s(timing)
            return made

        return call
    return stream


def _elapsed_s(timing: Timing) -> float:
    return max(0.0, time.monotonic() - (timing.zero_s or 0.0))
