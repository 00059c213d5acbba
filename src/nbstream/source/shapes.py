"""Tell what kind of object a stream is, by what it can do and not by its class."""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import AsyncGeneratorType
from typing import Protocol, TypeGuard

__all__ = [
    "RESPONSE_PLACES",
    "Parsable",
    "begun",
    "is_async",
    "is_async_manager",
    "is_callable",
    "is_manager",
    "is_parsable",
    "response_of",
]

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
        ...


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
