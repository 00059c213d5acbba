"""Look for what an object refers to: a stream's loop, its responses, its calls.

Every SDK keeps these under other private names; the references themselves are told by
the garbage collector.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections import deque
from collections.abc import AsyncGenerator, Collection, Iterator
from itertools import islice
from types import FunctionType, ModuleType

from nbstream.streams.shapes import begun, response_of

__all__ = [
    "POOLS",
    "home_loop",
    "is_pool",
    "nearest_loop",
    "open_readers",
    "open_responses",
    "reach",
    "unsent_calls",
]

#: Class that holds idle connections -> (its private list of them, versions seen).
POOLS: dict[str, tuple[str, str]] = {
    "AsyncConnectionPool": ("_connections", "httpcore2 2.16.2, httpcore 1.0.9"),
}
#: Where the streams and generators are at home that read one answer and are its own.
READERS = (
    *("anthropic", "google", "httpcore", "httpcore2", "httpx", "httpx2", "openai"),
    *("nbstream.requests", "nbstream.streams.transports"),
)
SEARCH_AT_MOST = 4000
ITEMS_AT_MOST = 200


def home_loop(stream: object) -> asyncio.AbstractEventLoop | None:
    """Return the loop a stream is bound to, or none if it can run on any."""
    if isinstance(stream, asyncio.Future):
        return stream.get_loop()
    if hasattr(stream, "ag_frame") and not begun(stream):
        return None
    response = response_of(stream)
    if response is not None:
        extensions = getattr(response, "extensions", {})
        return nearest_loop(extensions.get("network_stream"))
    return nearest_loop(stream) if hasattr(stream, "__aiter__") else None


def open_responses(generator: object) -> list[object]:
    """Return the HTTP responses that a suspended async generator holds open.

    Closing google-genai's generator leaves them to the garbage collector.
    """
    if getattr(generator, "ag_frame", None) is None:
        return []
    return [
        found
        for found in reach(generator)
        if getattr(found, "is_stream_consumed", None) is not None
        and getattr(found, "is_closed", True) is False
    ]


def open_readers(stream: object) -> list[AsyncGenerator[object, None]]:
    """Return the suspended async generators below an SDK's stream, outermost first.

    openai's form a cycle with their stream. Left to the garbage collector, they are
    closed by whatever thread it runs in, at worst while their loop closes them too.
    What a stream of the user's own uses is for that to close: it may go on with it.
    """
    if not _reads(stream):
        return []
    return [
        found
        for found in reach(stream)
        if isinstance(found, AsyncGenerator)
        and begun(found)
        and not getattr(found, "ag_running", False)
        and _reads(found)
    ]


def _reads(stream: object) -> bool:
    frame = getattr(stream, "ag_frame", None)
    home = str(frame.f_globals.get("__name__")) if frame else type(stream).__module__
    return any(home == each or home.startswith(f"{each}.") for each in READERS)


def unsent_calls(manager: object) -> list[object]:
    """Return the coroutines that an async manager would await when entered."""
    nearby = islice(reach(manager), 50)
    return [c for c in nearby if inspect.iscoroutine(c) and not begun(c)]


def nearest_loop(start: object) -> asyncio.AbstractEventLoop | None:
    """Return the event loop that ``start`` refers to most directly."""
    for found in reach(start):
        if isinstance(found, asyncio.AbstractEventLoop):
            return found
    return None


def reach(start: object) -> Iterator[object]:
    """Yield what ``start`` refers to, nearest first; not through pools and loops."""
    seen = {id(start)}
    queue = deque([start])
    for _ in range(SEARCH_AT_MOST):
        if not queue:
            return
        found = queue.popleft()
        yield found
        if isinstance(found, (type, ModuleType, asyncio.AbstractEventLoop)):
            continue
        if is_pool(found) or (
            isinstance(found, Collection) and len(found) > ITEMS_AT_MOST
        ):
            continue
        # A function is followed into its closure, not into its module.
        inside = found.__closure__ if isinstance(found, FunctionType) else found
        for referent in gc.get_referents(inside):
            if id(referent) not in seen and gc.is_tracked(referent):
                seen.add(id(referent))
                queue.append(referent)


def is_pool(found: object) -> bool:
    """Tell whether an object is a known kind of connection pool."""
    return type(found).__name__ in POOLS
