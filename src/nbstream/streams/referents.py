"""Look for what an object refers to: a stream's loop, its responses, its calls.

Every SDK keeps these under other private names; the references themselves are told by
the garbage collector.

What is met on the way belongs to others, and may be a proxy that answers for another
object, or one whose ``__len__`` asks a server. So it is asked nothing: only its type,
which no object can feign, and what the collector knows. Even ``isinstance`` asks an
object for its ``__class__``.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import sysconfig
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Iterator
from itertools import islice
from pathlib import Path
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FunctionType,
    ModuleType,
)
from typing import Any, TypeGuard, TypeVar, cast

from nbstream.streams.shapes import (
    begun,
    is_async,
    is_async_iterable,
    response_of,
    told,
)

_T = TypeVar("_T")

#: Class that holds idle connections -> (its private list of them, versions seen).
POOLS: dict[str, tuple[str, str]] = {
    "AsyncConnectionPool": ("_connections", "httpcore2 2.16.2, httpcore 1.0.9"),
}
#: Where the streams and generators are at home that read one answer and are its own.
READERS = (
    *("anthropic", "google", "httpcore", "httpcore2", "httpx", "httpx2", "openai"),
    *("nbstream.requests", "nbstream.streams", "nbstream._failures"),
)
SEARCH_AT_MOST = 4000
ITEMS_AT_MOST = 200


#: Where the walk does not go on.
_ENDS = (type, ModuleType, asyncio.AbstractEventLoop)
_CONTAINERS: tuple[Any, ...] = (list, tuple, dict, set, frozenset, deque)
_LENGTHS: tuple[tuple[type, Callable[[object], int]], ...] = tuple(
    (kind, kind.__len__) for kind in _CONTAINERS
)
#: What a class wraps its functions in -> where they are in it.
_WRAPPED: dict[type, str] = {
    classmethod: "__func__",
    staticmethod: "__func__",
    property: "fget",
}
#: The libraries whose responses hold a connection -> the class. (A client can be
#: closed as well, and is not ours.)
RESPONSES = {"httpx": "Response", "httpx2": "Response", "aiohttp": "ClientResponse"}


def _is(found: object, kind: type[_T]) -> TypeGuard[_T]:
    """Tell whether an object's own type is of a kind; the object is not asked."""
    return issubclass(type(found), kind)


def home_loop(stream: object) -> asyncio.AbstractEventLoop | None:
    """Return the loop a stream is bound to, or none if it can run on any."""
    if isinstance(stream, asyncio.Future):
        return stream.get_loop()
    shape = told(stream)
    if isinstance(shape, AsyncGeneratorType | CoroutineType) and not begun(shape):
        return _loop_opened(shape) if _reads(shape) else _loop_used(shape)
    if (response := response_of(stream)) is not None:
        return _loop_of(response)
    if is_async_iterable(shape):
        return nearest_loop(stream)
    return _loop_used(shape) if is_async(shape) and not _reads(shape) else None


def _loop_of(response: object) -> asyncio.AbstractEventLoop | None:
    extensions = getattr(response, "extensions", None) or {}
    return nearest_loop(extensions.get("network_stream"))


def _loop_opened(call: object) -> asyncio.AbstractEventLoop | None:
    """Return the loop of the response that an SDK's own call is a method of, if any."""
    frame = getattr(call, "ag_frame", None) or getattr(call, "cr_frame", None)
    held = filter(_is_sdks, frame.f_locals.values()) if frame is not None else ()
    found = (_loop_of(response_of(each) or each) for each in held)
    return next(filter(None, found), None)


def _loop_used(call: object) -> asyncio.AbstractEventLoop | None:
    """Return the loop to which something is bound that a call uses when it is run.

    A client of an SDK is bound to none; what it has opened is.
    """
    for found in walk(call, names=_may_be_bound, ends=_is_sdks):
        if issubclass(type(found), asyncio.AbstractEventLoop):
            return cast("asyncio.AbstractEventLoop", found)
        if _is(found, asyncio.Queue):  # whoever fills it does so in the loop that runs
            return running_loop()
        opened = _is_sdks(found) and hasattr(type(found), "__aiter__")
        if opened and (loop := home_loop(found)) is not None:
            return loop
    return None


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, or none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _may_be_bound(found: object) -> bool:
    kind = type(found)
    is_asyncios = _is_in(kind.__module__, ("asyncio", "_asyncio"))
    runs = kind is FunctionType or issubclass(kind, type)
    return runs or is_asyncios or hasattr(kind, "__aiter__")


def _is_sdks(found: object) -> bool:
    return _is_in(type(found).__module__, READERS)


def is_users(stream: object) -> bool:
    """Tell whether it is async code of the user's own, and of no installed library."""
    shape = told(stream)
    shape = getattr(shape, "gen", shape)  # of `contextlib.asynccontextmanager`
    code = getattr(shape, "cr_code", None) or getattr(shape, "ag_code", None)
    return code is not None and _is_users_file(code.co_filename)


def _is_users_file(path: str) -> bool:
    return not path.startswith((*_INSTALLED, _OURS))


_INSTALLED = tuple(set(sysconfig.get_paths().values()))
_OURS = str(Path(__file__).parents[1])


def open_responses(generator: object) -> list[object]:
    """Return the HTTP responses that a suspended generator holds open.

    Closing google-genai's generators leaves them to the garbage collector, and so does
    a generator around its Interactions, whose stream is in a cycle.
    """
    generator = told(generator)
    frame = getattr(generator, "ag_frame", None) or getattr(generator, "gi_frame", None)
    if frame is None:
        return []
    return [
        found
        for found in walk(generator)
        if _is_response(type(found)) and is_open(found)
    ]


def open_readers(stream: object) -> list[AsyncGenerator[object, None]]:
    """Return the suspended async generators below an SDK's stream, outermost first.

    openai's form a cycle with their stream. Left to the garbage collector, they are
    closed by whatever thread it runs in, at worst while their loop closes them too.
    What a stream of the user's own uses is for that to close: it may go on with it.
    """
    if not _reads(stream := told(stream)):
        return []
    return [
        found
        for found in walk(stream)
        if _is(found, AsyncGeneratorType)
        and begun(found)
        and not found.ag_running
        and _reads(found)
    ]


def _reads(stream: object) -> bool:
    for name in ("ag_frame", "cr_frame"):
        if (frame := getattr(stream, name, None)) is not None:
            return _is_in(str(frame.f_globals.get("__name__")), READERS)
    return _is_in(type(stream).__module__, READERS)


def _is_response(kind: type) -> bool:
    homes = ((each.__module__.split(".")[0], each.__name__) for each in kind.__mro__)
    return any(RESPONSES.get(module) == name for module, name in homes)


def _is_in(module: str, homes: Collection[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in homes)


def is_open(response: object) -> bool:
    """Tell whether an HTTP response of httpx or aiohttp still holds its connection."""
    is_closed = getattr(response, "is_closed", getattr(response, "closed", True))
    return is_closed is False


def unsent_calls(manager: object) -> list[object]:
    """Return the coroutines that an async manager would await when entered."""
    nearby = islice(walk(manager), 50)
    return [c for c in nearby if _is(c, CoroutineType) and not begun(c)]


def nearest_loop(start: object) -> asyncio.AbstractEventLoop | None:
    """Return the event loop that ``start`` refers to most directly.

    A sync tool runs in a thread of its own, so what it can reach does not count: it may
    be all the variables of a notebook. Neither does a reply: it is no stream.
    """
    for found in walk(start, ends=_is_loopless):
        if issubclass(type(found), asyncio.AbstractEventLoop):
            return cast("asyncio.AbstractEventLoop", found)
    return None


def _is_loopless(found: object) -> bool:
    module = type(found).__module__
    is_tool = module == "nbstream.tools"
    is_sync_tool = is_tool and not getattr(found, "is_async", True)
    return is_sync_tool or module == "nbstream.reply.reply"


def walk(
    start: object,
    *,
    names: Callable[[object], bool] | None = None,
    ends: Callable[[object], bool] = lambda found: False,
) -> Iterator[object]:
    """Yield what ``start`` refers to, nearest first; not through pools and loops.

    A function of the user's own is followed to those globals that it uses of which
    ``names`` is true, else only into its closure; what ``ends`` is true of, not at all.
    """
    seen = {id(start)}
    queue = deque([start])
    for _ in range(SEARCH_AT_MOST):
        if not queue:
            return
        found = queue.popleft()
        yield found
        named = filter(names, _named(found)) if names is not None else ()
        if is_pool(found) or (found is not start and ends(found)):
            continue
        for referent in (*_inside(found), *named):
            if id(referent) not in seen and gc.is_tracked(referent):
                seen.add(id(referent))
                queue.append(referent)


def _inside(found: object) -> list[object]:
    """Return what an object refers to; a function is not followed into its module."""
    if issubclass(type(found), _ENDS) or _is_long(found):
        return []
    if _is(found, FunctionType):
        given = (found.__defaults__, found.__kwdefaults__)
        return gc.get_referents(found.__closure__, *given)
    return gc.get_referents(found)


def _named(found: object) -> Iterator[object]:
    """Yield what a function of the user's own names, or the functions of a class."""
    if issubclass(type(found), type):
        yield from _methods(cast("type", found))
    elif _is_users_function(found):
        codes = [found.__code__]
        for code in codes:
            codes += [const for const in code.co_consts if _is(const, CodeType)]
            yield from _looked_up(code.co_names, found.__globals__)


def _is_users_function(found: object) -> TypeGuard[FunctionType]:
    return _is(found, FunctionType) and _is_users_file(found.__code__.co_filename)


def _methods(kind: type) -> Iterator[object]:
    for each in filter(_is_users_class, kind.__mro__):
        for member in vars(each).values():
            name = _WRAPPED.get(type(member))
            found = member if name is None else getattr(member, name)
            if _is_users_function(found):
                yield found


def _is_users_class(kind: type) -> bool:
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return _is_users_file(str(file))


def _looked_up(names: Collection[str], place: dict[str, Any]) -> Iterator[object]:
    """Yield what the names may stand for: globals, and what is in a module of them."""
    places = [place]
    for place in places:
        for name in names:
            found = place.get(name, sys.modules.get(name))
            if not _is(found, ModuleType):
                yield found
            elif not any(vars(found) is each for each in places):
                places.append(vars(found))


def _is_long(found: object) -> bool:
    """Tell whether a container holds too much; its own ``__len__`` is not called."""
    return any(
        issubclass(type(found), kind) and length(found) > ITEMS_AT_MOST
        for kind, length in _LENGTHS
    )


def is_pool(found: object) -> bool:
    """Tell whether an object is a known kind of connection pool."""
    return type(found).__name__ in POOLS
