"""Tell what kind of object a stream is, by what it can do and not by its class."""

from __future__ import annotations

import dis
import inspect
import re
import reprlib
import sys
from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from traceback import walk_tb
from types import AsyncGeneratorType, FunctionType, GeneratorType
from typing import NamedTuple, Protocol, TypeGuard

from nbstream._failures import FirstBytes, one_line
from nbstream.errors import ProtocolError, UsageError

#: Where an SDK's stream keeps its HTTP response -> version seen. The names without
#: an underscore are public.
RESPONSE_PLACES: dict[str, str] = {
    "response": "openai 3.52, anthropic 2.11, google-genai 3.4 (interactions)",
    "http_response": "APIResponse of openai 3.52, anthropic 2.11",
    "_response": "ChatCompletionStream, ResponseStream of openai 3.52",
}
#: Where an SDK's helper keeps the stream whose events it adds up -> version seen.
RAW_PLACES: dict[str, str] = {
    "_raw_stream": "what .stream() of openai 3.57 and anthropic 2.13 gives",
}
#: What is no stream, but has one: its method, what ends it early -> where seen.
PARTS: dict[tuple[str, str], str] = {
    ("stream_events", "cancel"): "RunResultStreaming of openai-agents 0.1",
    ("aiter_bytes", "aclose"): "Response of httpx2 2.16 and httpx 0.28, async",
    ("iter_bytes", "close"): "the same, sync",
    ("content.iter_any", "close"): "ClientResponse of aiohttp 3.14",
}


class Part(NamedTuple):
    """The stream that is one step away from an object."""

    make: Callable[[], object]
    end: Callable[[], object]
    is_async: bool


class Parsable(Protocol):
    """What ``with_raw_response`` gives: ``parse()`` makes the stream."""

    http_response: object

    def parse(self) -> object:
        """Make the stream of this response."""


# -- What a value can do. A tracer's proxy has every method, whatever it wraps: so it is
# what it wraps that tells the shape; the proxy is what is read, or its trace is lost.

_SYNC = ("__next__", "__enter__")
_ASYNC = ("__anext__", "__aenter__")
_DEEPEST = 10  # proxies around proxies


def told(value: object) -> object:
    """Return what tells the shape of a value: the innermost that a proxy wraps."""
    for _ in range(_DEEPEST):
        inner = _wrapped(value)
        if inner is None:
            break
        value = inner
    return value


def _wrapped(value: object) -> object:
    """Return what a proxy wraps: `wrapt` says it, others only hold it."""
    if isinstance(value, FunctionType):  # `functools.wraps`: as callable as its own
        return None
    if inspect.getattr_static(value, "__wrapped__", None) is not None:
        return getattr(value, "__wrapped__", None)
    held = list(getattr(value, "__dict__", {}).values())
    if (answered := value.__class__) is not type(value):  # Braintrust's: for another
        return next((each for each in held if isinstance(each, answered)), None)
    for sync, other in zip(_SYNC, _ASYNC, strict=True):
        if hasattr(type(value), sync) and hasattr(type(value), other):
            one = [h for h in held if hasattr(type(h), sync) != hasattr(type(h), other)]
            return min(one, key=lambda each: not _is_sdk(each), default=None)
    return None


def is_manager(value: object) -> TypeGuard[AbstractContextManager[object]]:
    """Tell whether a value has to be entered before it can be iterated."""
    shape = told(value)
    return isinstance(shape, AbstractContextManager) and not isinstance(shape, Iterable)


def is_async_manager(value: object) -> TypeGuard[AbstractAsyncContextManager[object]]:
    """Tell the same of ``async with``."""
    shape = told(value)
    return isinstance(shape, AbstractAsyncContextManager) and not isinstance(
        shape, AsyncIterable
    )


def is_async_iterable(value: object) -> TypeGuard[AsyncIterable[object]]:
    """Tell whether a value is to be read with ``async for``.

    Where it can be read both ways, what its response brings decides.
    """
    shape = told(value)
    if not isinstance(shape, AsyncIterable):
        return False
    body = getattr(response_of(shape), "stream", None)
    is_sync = hasattr(type(body), "__iter__") and not hasattr(type(body), "__aiter__")
    return not (is_sync and isinstance(shape, Iterable))


def is_async(value: object) -> bool:
    """Tell whether a value can only be used in an event loop."""
    shape = told(value)
    return (
        is_async_iterable(shape)
        or isinstance(shape, Awaitable)
        or (is_async_manager(shape) and not is_manager(shape))
        or ((part := part_of(shape)) is not None and part.is_async)
    )


def is_parsable(value: object) -> TypeGuard[Parsable]:
    """Tell whether a value is an SDK's raw response, to be parsed first."""
    return hasattr(value, "http_response") and callable(getattr(value, "parse", None))


def is_callable(value: object) -> TypeGuard[Callable[[], object]]:
    """Tell whether a value makes the stream when it is called."""
    return callable(value) and not isinstance(told(value), STREAMABLE)


def response_of(stream: object) -> object | None:
    """Return the HTTP response of an SDK's stream, if it shows one."""
    for name in RESPONSE_PLACES:
        response = getattr(stream, name, None)
        if hasattr(response, "is_closed"):
            found: object = response
            return found
    return None


def below(stream: object) -> object:
    """Return the stream whose events an SDK's helper adds up, or the stream itself.

    A helper drops what it does not know, and raises where its sums do not add up.
    """
    found = (getattr(stream, name, None) for name in RAW_PLACES if _is_sdk(stream))
    return next((raw for raw in found if isinstance(raw, STREAMABLE)), stream)


def part_of(value: object) -> Part | None:
    """Return how to get at the stream that an object has and is not itself."""
    shape = told(value)
    if isinstance(shape, (Iterable, AsyncIterable)) or is_parsable(shape):
        return None
    body_is_async = hasattr(type(getattr(shape, "stream", None)), "__aiter__")
    for path, ending in PARTS:
        make: object = value
        for name in path.split("."):
            make = getattr(make, name, None)
        end = getattr(value, ending, None)
        fits = body_is_async or path != "aiter_bytes"
        if callable(make) and callable(end) and fits:
            return Part(make, end, is_async=path != "iter_bytes")
    return None


#: As many items of an error's body are read.
ENOUGH = 500


class StatusError(Exception):
    """An HTTP response whose status says that it is an error, with what it says."""

    def __init__(self, response: object, body: Sequence[object]) -> None:
        self.status_code = status_of(response)
        self.headers = getattr(response, "headers", None)
        data = b"".join(each for each in body if isinstance(each, bytes))
        self.body = data.decode("utf-8", "replace")
        to = self.status_code < 400 and (self.headers or {}).get("location")
        said = f"it sends on to {to}" if to else self.body
        super().__init__(f"HTTP {self.status_code}: {said}".rstrip(": "))


def status_of(response: object) -> int:
    """Return the status of an HTTP response, if it brings no answer; else 0.

    A redirect that its client has not followed brings none either.
    """
    for name in ("status_code", "status") if hasattr(response, "headers") else ():
        status = getattr(response, name, None)
        if isinstance(status, int) and status >= 300:
            return status
    return 0


def begun(stream: object) -> bool:
    """Tell whether a coroutine or async generator has run its first step."""
    if inspect.iscoroutine(stream):
        return inspect.getcoroutinestate(stream) != inspect.CORO_CREATED
    if not isinstance(stream, AsyncGeneratorType) or stream.ag_frame is None:
        return False
    if sys.version_info >= (3, 12):
        return inspect.getasyncgenstate(stream) != inspect.AGEN_CREATED
    # Before 3.12 nothing tells but the last instruction.
    frame = stream.ag_frame
    opcode = frame.f_code.co_code[frame.f_lasti] if frame.f_lasti >= 0 else None
    return opcode is not None and dis.opname[opcode] != "RETURN_GENERATOR"


# -- Say what is wrong with an object that is not a stream, and what to do about it.

EXPECTED = (
    "expected what an SDK's streaming call gives (a stream, a .stream() manager, a "
    "generator, a coroutine), an iterable, or a function without arguments that "
    "makes one"
)
SDKS = ("openai", "anthropic", "google")
STREAMABLE = (
    Iterable,
    AsyncIterable,
    Awaitable,
    AbstractContextManager,
    AbstractAsyncContextManager,
)


def check(stream: object, *, made: bool = False) -> None:
    """Raise a `UsageError` unless ``stream`` can be read.

    With ``made`` it is what a call, a manager or a coroutine has just given.
    """
    error = _error_in(stream) if made else ""
    if error:
        raise ProtocolError(f"HTTP 200 and an error in place of a stream: {error}")
    problem = _not_a_stream(stream, made) or _used_up(stream)
    if problem:
        source = "the call gave" if made else "got"
        raise UsageError(f"{source} {_name(stream)}: {problem}")


def check_made(stream: object, met: list[object]) -> None:
    """Check what the last of those ``met`` has given, and add it to them.

    Raises:
        UsageError: it is no stream, or one of them again, and so would be for ever.
    """
    if len(met) >= _DEEPEST or any(stream is each for each in met):
        msg = f"got {_name(met[0])}: entering it, or awaiting it, gives no stream but"
        raise UsageError(f"{msg} {_name(stream)}; {_hint(stream) or EXPECTED}")
    met.append(stream)
    check(stream, made=True)


def _error_in(made: object) -> str:
    """Return the error that an SDK took for an answer (Interactions, HTTP 200)."""
    error = getattr(made, "error", None) if hasattr(made, "model_dump") else None
    if not error:
        return ""
    told = error if isinstance(error, Mapping) else vars(error)
    return ": ".join(str(told[key]) for key in ("code", "message") if key in told)


def check_answer(first: FirstBytes) -> None:
    """Raise a `ProtocolError` if a stream with no event was none: a page, an error."""
    if problem := first.problem():
        raise ProtocolError(problem)


def explain(error: BaseException | None) -> BaseException | None:
    """Turn the error of a stream read in the wrong place into one that says the right.

    What says so are the words of httpx, asyncio, contextvars, sqlite3 and pydantic-ai.
    """
    cause: BaseException | None = error
    while cause is not None:
        if _is_of_a_header(cause):
            return UsageError(BAD_KEY)  # without its cause, which quotes the key
        words = str(cause) if isinstance(cause, Exception) else ""
        for parts, problem in _MISPLACED.items():
            if isinstance(cause, _MISUSED) and any(part in words for part in parts):
                mended = UsageError(f"{problem[0]} ({words}): {problem[1]}")
                mended.__cause__ = error
                return mended
        cause = cause.__cause__
    return error


def _is_of_a_header(error: BaseException) -> bool:
    """Tell whether a header, which mostly is the key, cannot be sent as it is.

    The words are those of h11, http.client, requests and aiohttp; what cannot be
    encoded is only known by where that was.
    """
    names = {each.__name__ for each in type(error).__mro__}
    if names.isdisjoint(("ValueError", "LocalProtocolError")):
        return False
    if isinstance(error, UnicodeEncodeError):
        frames = [frame.f_code.co_name for frame, _ in walk_tb(error.__traceback__)]
        return any("header" in name for name in frames[-3:])
    return _HEADER.search(str(error)) is not None


_HEADER = re.compile(r"(?i)(illegal|invalid) header value|in header value|in headers")
BAD_KEY = (
    "the key holds a character that no key has, or another header one that no header "
    "has: copy it again, without quotes, spaces and line breaks"
)
KEEP = "keep the client in a variable of its own and do not close it before the end"
_MISUSED = (RuntimeError, ValueError)
_MISPLACED = {
    ("client has been closed", "stream has been closed"): (
        "the stream's client is closed",
        KEEP,
    ),
    ("different event loop", "different loop"): (
        "the stream uses something of another event loop",
        "use `await nbstream.start(...)`, which runs your code on your own loop, or "
        "make the client inside the function that you pass",
    ),
    ("in a different Context", "on the thread where it was created"): (
        "the stream can only be read where it was made",
        "pass a function that makes it, as in show(lambda: ...)",
    ),
}


def _not_a_stream(stream: object, made: bool) -> str:
    if isinstance(stream, str):
        return "a string is not a stream; to show it as one piece pass [text]"
    if isinstance(stream, Mapping):
        for name, inner in stream.items():  # boto3's: "stream", "body", "completion"
            kept = name == "stream" or hasattr(inner, "close")
            if kept and isinstance(inner, Iterable):
                return f'the stream is in it; pass response["{name}"]'
        return "one dict is one payload, not a stream; pass [payload]"
    if isinstance(stream, type):
        return f"a class; {EXPECTED}"
    if not is_parsable(stream) and (hint := _hint(stream)):
        return hint
    if hasattr(stream, "model_dump"):
        return _one_object(stream)
    if is_callable(stream) and not made:
        return _call_problem(stream)
    can_be_read = isinstance(told(stream), STREAMABLE) or is_parsable(stream)
    if can_be_read or part_of(stream):
        return ""
    return EXPECTED + _its_text(stream)


def _its_text(result: object) -> str:
    from nbstream.providers.frameworks import find_text  # only errors need it

    found = find_text(result, "result")
    if found is None or found.unsure:
        return ""
    return f"; if its text is what is meant, pass [{found.path}]"


def _one_object(stream: object) -> str:
    if "Chunk" in type(stream).__name__ or "Event" in type(stream).__name__:
        return "one payload of a stream; pass the stream, or [payload]"
    if error := _error_in(stream):
        return f"an error in place of a stream: {error}"
    return (
        "a finished response, not a stream; add stream=True to the call (Gemini: "
        "generate_content_stream), or use .stream()"
    )


def _hint(stream: object) -> str:
    """Return what to do with a client, or a part of one, in place of a call."""
    is_stream = isinstance(told(stream), (Iterable, AsyncIterable, Awaitable))
    is_model = hasattr(stream, "model_dump")  # pydantic's can be iterated, all of them
    if (is_stream and not is_model) or part_of(stream):
        return ""
    has_chat = hasattr(stream, "chat")
    if callable(getattr(stream, "create", None)) and not has_chat:
        return "a group of calls; pass one, as in .create(..., stream=True)"
    if not callable(stream) and (name := _streaming(stream)):
        return f"a client or a model; pass what its .{name}(...) gives"
    if any(hasattr(stream, name) for name in ("base_url", "aio", "chat", "post")):
        if _is_sdk(told(stream)):
            return f"a client; {A_CALL}"
        name = "chat" if has_chat else "post"
        is_call = callable(getattr(stream, name, None))
        return f"a client; pass what its {_CALLS[name] if is_call else _ANY_CALL} gives"
    method = inspect.ismethod(stream) and _is_sdk(stream.__self__)
    return f"a method that was not called; {HOW_TO_CALL}" if method else ""


def _streaming(stream: object) -> str:
    """Name the method of a model, a chain, an agent that gives a stream."""
    kind = type(stream)
    found = [
        (name != "stream", "text" not in name, name)
        for name in dir(kind)
        if _STREAMING.match(name) and callable(inspect.getattr_static(kind, name))
    ]
    return min(found)[-1] if found else ""


#: LangChain's, LlamaIndex's, cohere's, boto3's, pydantic-ai's, openai-agents'.
_STREAMING = re.compile(r"(?!_|a?stream_to)(\w*_)?stream(ed)?(_|$)")
#: Ollama's; requests' and aiohttp's.
_CALLS = {"chat": ".chat(..., stream=True)", "post": ".post(...)"}
_ANY_CALL = ".stream(...) or .create(..., stream=True)"
A_CALL = "pass a call, as in client.responses.create(..., stream=True)"
HOW_TO_CALL = "call it, or pass lambda: client.responses.create(..., stream=True)"


def _call_problem(function: Callable[[], object]) -> str:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return ""  # some builtins have no signature: the call will tell
    needed = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if not needed:
        return ""
    return f"it needs arguments ({', '.join(needed)}); {HOW_TO_CALL}"


def _used_up(stream: object) -> str:
    if isinstance(stream, GeneratorType):
        if stream.gi_running:
            return "this generator is being read elsewhere; make the call again"
        return AGAIN if stream.gi_frame is None else ""
    if isinstance(stream, AsyncGeneratorType):
        return AGAIN if stream.ag_frame is None else ""
    if inspect.iscoroutine(stream) and begun(stream):
        return "this coroutine is awaited already; make the call again"
    return _response_used_up(stream)


AGAIN = "this stream is used up or closed; make the call again"


def _response_used_up(stream: object) -> str:
    content = inspect.getattr_static(stream, "content", None)  # httpx's may raise
    for body in (stream, content):  # aiohttp 3.14
        is_read, error = (getattr(body, n, None) for n in ("at_eof", "exception"))
        if not callable(is_read) or not callable(error) or status_of(stream):
            continue
        if is_read() or str(error()) == "Connection closed":
            return AGAIN
    client = getattr(stream, "_client", None)  # openai 3.52, anthropic 2.11 streams
    is_closed = getattr(client, "is_closed", None)
    if callable(is_closed) and is_closed() is True:
        return f"its client is closed; {KEEP}"
    response = response_of(stream)
    if getattr(response, "is_closed", False) is not True:
        return ""
    try:
        return "" if isinstance(getattr(response, "content", None), bytes) else AGAIN
    except RuntimeError:  # httpx's ResponseNotRead: the body is gone
        return AGAIN


def _is_sdk(value: object) -> bool:
    owner = value.__self__ if inspect.ismethod(value) else value
    return type(owner).__module__.split(".")[0] in SDKS


def _name(stream: object) -> str:
    return one_line(f"{type(stream).__qualname__} {_SHORT.repr(stream)}")


_SHORT = reprlib.Repr()
_SHORT.maxother = 60
