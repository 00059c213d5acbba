"""Tell what kind of object a stream is, by what it can do and not by its class."""

from __future__ import annotations

import dis
import inspect
import reprlib
import sys
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import AsyncGeneratorType, GeneratorType
from typing import Protocol, TypeGuard

from nbstream._failures import FirstBytes
from nbstream.errors import ProtocolError, UsageError

#: Where an SDK's stream keeps its HTTP response -> version seen. The names without
#: an underscore are public.
RESPONSE_PLACES: dict[str, str] = {
    "response": "openai 3.52, anthropic 2.11, google-genai 3.4 (interactions)",
    "http_response": "APIResponse of openai 3.52, anthropic 2.11",
    "_response": "ChatCompletionStream, ResponseStream of openai 3.52",
}


class Parsable(Protocol):
    """What ``with_raw_response`` gives: ``parse()`` makes the stream."""

    http_response: object

    def parse(self) -> object:
        """Make the stream of this response."""


def is_manager(value: object) -> TypeGuard[AbstractContextManager[object]]:
    """Tell whether a value has to be entered before it can be iterated."""
    return isinstance(value, AbstractContextManager) and not isinstance(value, Iterable)


def is_async_manager(value: object) -> TypeGuard[AbstractAsyncContextManager[object]]:
    """Tell the same of ``async with``."""
    return isinstance(value, AbstractAsyncContextManager) and not isinstance(
        value, AsyncIterable
    )


def is_async(value: object) -> bool:
    """Tell whether a value can only be used in an event loop."""
    return isinstance(value, (AsyncIterable, Awaitable)) or (
        is_async_manager(value) and not isinstance(value, AbstractContextManager)
    )


def is_parsable(value: object) -> TypeGuard[Parsable]:
    """Tell whether a value is an SDK's raw response, to be parsed first."""
    return hasattr(value, "http_response") and callable(getattr(value, "parse", None))


def is_callable(value: object) -> TypeGuard[Callable[[], object]]:
    """Tell whether a value makes the stream when it is called."""
    kinds = (Iterable, AsyncIterable, Awaitable, AbstractContextManager)
    return (
        callable(value)
        and not isinstance(value, kinds)
        and not isinstance(value, AbstractAsyncContextManager)
    )


def response_of(stream: object) -> object | None:
    """Return the HTTP response of an SDK's stream, if it shows one."""
    for name in RESPONSE_PLACES:
        response = getattr(stream, name, None)
        if hasattr(response, "is_closed"):
            found: object = response
            return found
    return None


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
    """Turn the error of a closed client into one that says what to do."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RuntimeError) and "client has been closed" in str(cause):
            mended = UsageError(f"the stream's client is closed ({cause}): {KEEP}")
            mended.__cause__ = error
            return mended
        cause = cause.__cause__
    return error


KEEP = "keep the client in a variable of its own and do not close it before the end"


def _not_a_stream(stream: object, made: bool) -> str:
    if isinstance(stream, str):
        return "a string is not a stream; to show it as one piece pass [text]"
    if isinstance(stream, Mapping):
        return "one dict is one payload, not a stream; pass [payload]"
    if isinstance(stream, type):
        return f"a class; {EXPECTED}"
    if hasattr(stream, "model_dump"):
        return _one_object(stream)
    if _is_sdk(stream) and not is_parsable(stream):
        hint = _sdk_part(stream)
        if hint:
            return hint
    if is_callable(stream) and not made:
        return _call_problem(stream)
    return "" if isinstance(stream, STREAMABLE) or is_parsable(stream) else EXPECTED


def _one_object(stream: object) -> str:
    if "Chunk" in type(stream).__name__ or "Event" in type(stream).__name__:
        return "one payload of a stream; pass the stream, or [payload]"
    if error := _error_in(stream):
        return f"an error in place of a stream: {error}"
    return (
        "a finished response, not a stream; add stream=True to the call (Gemini: "
        "generate_content_stream), or use .stream()"
    )


def _sdk_part(stream: object) -> str:
    if hasattr(stream, "base_url") or hasattr(stream, "aio"):
        return "a client; pass a call, as in client.responses.create(..., stream=True)"
    if callable(getattr(stream, "create", None)):
        return "a group of calls; pass one, as in .create(..., stream=True)"
    method = inspect.ismethod(stream) and _is_sdk(stream.__self__)
    return f"a method that was not called; {HOW_TO_CALL}" if method else ""


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
    return f"{type(stream).__qualname__} {_SHORT.repr(stream)}"


_SHORT = reprlib.Repr()
_SHORT.maxother = 60
