"""What a source accepts, what it refuses, and what no socket is needed to stop."""

from __future__ import annotations

import asyncio
import functools
import inspect
import io
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import httpx
import httpx2
import pytest

from nbstream.errors import UsageError
from nbstream.streams import (
    Abandoned,
    Interrupted,
    Source,
    open_source,
    sockets,
    thread_reader,
)
from nbstream.streams.loop_reader import background_loop
from nbstream.streams.referents import (
    POOLS,
    nearest_loop,
    open_readers,
    open_responses,
    unsent_calls,
)
from nbstream.streams.session import MOST_AT_ONCE, Session
from nbstream.streams.shapes import PARTS, RAW_PLACES, RESPONSE_PLACES, StatusError


class Run:
    """A source that runs, and what it gave."""

    def __init__(self, stream: object) -> None:
        self.items: list[object] = []
        self.ends: list[BaseException | None] = []
        self.source: Source = open_source(stream)
        self.source.start(self.items.append, self.ends.append)

    def stop(self) -> None:
        deadline_s = time.monotonic() + 5
        while self.source.alive and time.monotonic() < deadline_s:
            self.source.interrupt()
            self.source.join(0.01)


def until(true: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline_s, "it never came true"
        time.sleep(0.001)


def numbers() -> Iterator[int]:
    yield 1
    yield 2


async def numbers_async() -> AsyncIterator[int]:
    yield 1
    yield 2


async def coroutine(given: object) -> object:
    return given


class Streaming:
    """An iterable with ``close``, as the SDKs' streams are."""

    def __init__(self) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[int]:
        return numbers()

    def close(self) -> None:
        self.closed += 1


class Manager:
    """Has to be entered, as ``.stream()`` gives."""

    def __enter__(self) -> object:
        return Streaming()

    def __exit__(self, *error: object) -> None:
        pass


class AsyncManager:
    async def __aenter__(self) -> object:
        return numbers_async()

    async def __aexit__(self, *error: object) -> None:
        pass


class Raw:
    """What ``with_raw_response`` gives."""

    http_response = None

    def parse(self) -> object:
        return Streaming()


@contextmanager
def raw_manager() -> Iterator[Raw]:
    yield Raw()


ACCEPTED: dict[str, Callable[[], object]] = {
    "a list": lambda: [1, 2],
    "a generator": numbers,
    "an object with __iter__": Streaming,
    "a manager": Manager,
    "a raw response": Raw,
    "a manager of a raw response": raw_manager,
    "an async generator": numbers_async,
    "an async manager": AsyncManager,
    "a coroutine of an async generator": lambda: coroutine(numbers_async()),
    "a coroutine of an async manager": lambda: coroutine(AsyncManager()),
    "a coroutine of a sync stream": lambda: coroutine(Streaming()),
    "a coroutine of a sync manager": lambda: coroutine(Manager()),
    "a function": lambda: numbers,
    "a lambda": lambda: lambda: Streaming(),
    "a partial": lambda: functools.partial(iter, [1, 2]),
    "an async function": lambda: functools.partial(coroutine, numbers_async()),
    "an async generator function": lambda: numbers_async,
    "a function with defaults": lambda: lambda n=2: list(range(1, n + 1)),
}


@pytest.mark.parametrize("make", ACCEPTED.values(), ids=ACCEPTED)
def test_anything_that_streams_is_read(make: Callable[[], object]) -> None:
    """Every item in order, then one end."""
    run = Run(make())

    assert run.source.join(5)
    assert (run.items, run.ends, run.source.alive) == ([1, 2], [None], False)


@pytest.mark.parametrize(
    ("stream", "items"),
    [
        (["a", "b"], ["a", "b"]),
        (b"data: x\n\n", [b"data: x\n\n"]),
        (bytearray(b"x"), [b"x"]),
        (io.BytesIO(b"a\nb\n"), [b"a\n", b"b\n"]),
        ([{"type": "x"}], [{"type": "x"}]),
        ([], []),
    ],
    ids=["strings", "bytes", "a bytearray", "a binary file", "dicts", "nothing"],
)
def test_plain_items_pass_as_they_are(stream: object, items: list[object]) -> None:
    """Bytes are one piece; a file gives its lines."""
    run = Run(stream)

    assert run.source.join(5)
    assert (run.items, run.ends) == (items, [None])


class Finished:
    """Like a pydantic model of an SDK."""

    def model_dump(self) -> dict[str, object]:
        return {}


class OneChunk(Finished):
    pass


def sdk(**names: object) -> object:
    return type("Part", (), {"__module__": "openai.parts", **names})()


def method(*names: str) -> object:
    """Make what has such methods."""
    return type("Model", (), dict.fromkeys(names, lambda self, *_: iter(())))()


class Body:
    """As aiohttp's, which is read in lines."""

    def __init__(self, eof: bool = False, error: Exception | None = None) -> None:
        self._eof, self._error = eof, error

    def at_eof(self) -> bool:
        return self._eof

    def exception(self) -> Exception | None:
        return self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"data: x\n\n"

    iter_any = __aiter__


class Answered:
    def __init__(self, content: Body, status: int = 200) -> None:
        self.headers: dict[str, str] = {}
        self.content, self.status = content, status

    def close(self) -> None:
        pass


def awaited() -> object:
    """Give a coroutine that has begun."""

    async def wait() -> None:
        await asyncio.sleep(0)

    begun = wait()
    begun.send(None)
    return begun


def used(stream: Iterator[int]) -> object:
    list(stream)
    return stream


class ClosedStream(Streaming):
    def __init__(self, stream: httpx2.Response) -> None:
        super().__init__()
        self.response = stream


class ClosedClientStream(Streaming):
    _client = SimpleNamespace(is_closed=lambda: True)


def closed_response() -> httpx2.Response:
    gone = httpx2.Response(200, stream=httpx2.ByteStream(b""))
    gone.close()
    return gone


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "None": (lambda: None, "got NoneType None: expected what an SDK's"),
    "an int": (lambda: 7, "got int 7: expected"),
    "a string": (lambda: "Hello", r"got str 'Hello': .* pass \[text\]"),
    "a dict": (lambda: {"a": 1}, r"one payload, not a stream; pass \[payload\]"),
    "boto3's answer": (lambda: {"stream": [{}]}, r"pass response\[.stream.\]"),
    "boto3's other answer": (
        lambda: {"contentType": "x", "body": (each for each in "a")},
        r"pass response\[.body.\]",
    ),
    "an agent": (lambda: method("run_stream"), r"pass what its \.run_stream\("),
    "a model": (lambda: method("astream", "stream"), r"pass what its \.stream\("),
    "a model of pydantic's": (
        lambda: method("stream_chat", "model_dump", "__iter__"),
        r"pass what its \.stream_chat\(",
    ),
    "what an agent's run gives": (
        lambda: method("stream_output", "stream_text"),
        r"pass what its \.stream_text\(",
    ),
    "another client": (lambda: SimpleNamespace(base_url="x"), r"or \.create\(..., str"),
    "Ollama's client": (
        lambda: method("chat"),
        r"pass what its \.chat\(..., stream=True",
    ),
    "a client like OpenAI's": (
        lambda: SimpleNamespace(chat=1, post=print, base_url="x"),
        r"a client; pass what its \.stream\(...\) or \.create\(",
    ),
    "a session": (lambda: method("post"), r"pass what its \.post\(...\) gives"),
    "an agent's result": (
        lambda: SimpleNamespace(input="Hi", final_output="Hello"),
        r"if its text is what is meant, pass \[result.final_output\]",
    ),
    "a body that was read": (lambda: Answered(Body(eof=True)), "used up or closed"),
    "a body that was closed": (
        lambda: Body(error=OSError("Connection closed")),
        "used up or closed",
    ),
    "a class": (lambda: Streaming, "got type .*: a class; expected"),
    "a finished response": (Finished, "got Finished .* add stream=True"),
    "one chunk": (OneChunk, r"got OneChunk .* or \[payload\]"),
    "a client": (lambda: sdk(base_url="x"), "a client; pass a call"),
    "Google's client": (lambda: sdk(aio=1), "a client; pass a call"),
    "a group of calls": (lambda: sdk(create=print), "a group of calls; pass one"),
    "a call not called": (
        lambda: getattr(sdk(make=lambda self: 1), "make"),  # noqa: B009
        "not called; call it, or pass lambda",
    ),
    "a function that needs arguments": (
        lambda: lambda model, *, messages: 1,
        r"it needs arguments \(model, messages\)",
    ),
    "a used generator": (lambda: used(numbers()), "used up or closed"),
    "an awaited coroutine": (awaited, "awaited already"),
    "a closed stream": (lambda: ClosedStream(closed_response()), "used up or closed"),
    "a stream of a closed client": (ClosedClientStream, "its client is closed"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_object_is_refused_at_once(
    make: Callable[[], object], message: str
) -> None:
    """The message says what it is and what to do."""
    given = make()
    with pytest.raises(UsageError, match=message):
        open_source(given)
    if inspect.iscoroutine(given):
        given.close()


def test_a_used_async_generator_is_refused() -> None:
    """As a used generator is."""
    stream = numbers_async()
    asyncio.run(stream.aclose())  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="used up or closed"):
        open_source(stream)


def test_a_generator_that_runs_is_refused() -> None:
    """It can only be read in one place."""
    seen: list[str] = []

    def looks_at_itself() -> Iterator[int]:
        try:
            open_source(running)
        except UsageError as error:
            seen.append(str(error))
        yield 1

    running = looks_at_itself()
    assert list(running) == [1]
    assert "read elsewhere" in seen[0]


def test_a_buffered_response_can_be_read_again() -> None:
    """It is closed, but its body is there (a replay)."""
    buffered = ClosedStream(httpx2.Response(200, content=b"x"))
    run = Run(buffered)

    assert run.source.join(5)
    assert run.ends == [None]


@pytest.mark.parametrize("given", [None, "text", 7, Finished()])
@pytest.mark.parametrize("wrap", [lambda given: lambda: given, coroutine])
def test_a_wrong_object_behind_a_call_is_the_end(
    wrap: Callable[[object], object], given: object
) -> None:
    """It is only known when the call was made."""
    run = Run(wrap(given))

    assert run.source.join(5)
    (end,) = run.ends
    assert isinstance(end, UsageError)
    assert str(end).startswith(f"the call gave {type(given).__name__}")


class Selfish:
    """A client of some SDK: entering it gives it again."""

    closed = 0

    def __enter__(self) -> object:
        return self

    def __exit__(self, *error: object) -> None:
        self.closed += 1


class AsyncSelfish:
    closed = 0

    async def __aenter__(self) -> object:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.closed += 1


class Endless:
    """Entering it gives another one."""

    closed = 0

    def __enter__(self) -> object:
        return Endless()

    def __exit__(self, *error: object) -> None:
        pass


class SelfParsed(Raw):
    closed = 0

    def parse(self) -> object:
        return self


class SelfAwaited:
    closed = 0

    def __await__(self) -> Iterator[object]:
        return iter_of(self)


def iter_of(value: object) -> Iterator[object]:
    yield from ()
    return value


SELFISH = [Selfish, AsyncSelfish, Endless, SelfParsed, SelfAwaited]


@pytest.mark.parametrize("behind_a_call", [False, True])
@pytest.mark.parametrize("kind", SELFISH)
def test_what_gives_only_itself_is_refused(kind: Any, behind_a_call: bool) -> None:
    """And is not entered for ever, nor closed: it may be the user's client."""
    selfish = kind()
    run = Run((lambda: selfish) if behind_a_call else selfish)

    assert run.source.join(5)
    assert isinstance(run.ends[0], UsageError)
    assert f"gives no stream but {kind.__name__}" in str(run.ends[0])
    assert (run.items, selfish.closed) == ([], 0)


def http_handler(request: httpx2.Request) -> httpx2.Response:
    status = int(request.url.path[1:])
    told = {"error": {"message": "Bad key", "type": "authentication_error"}}
    if status == 200:
        return httpx2.Response(status, content=b"data: x\n\n")
    if status in (302, 307):
        return httpx2.Response(status, headers={"location": "http://y/v1"})
    return httpx2.Response(status, json=told if status >= 400 else None)


def transport() -> httpx2.MockTransport:
    return httpx2.MockTransport(http_handler)


def sync_http(status: int) -> object:
    client = httpx2.Client(transport=transport())
    return client.stream("GET", f"http://x/{status}")


def async_http(status: int) -> object:
    client = httpx2.AsyncClient(transport=transport())
    return client.stream("GET", f"http://x/{status}")


RESPONSES: dict[str, Callable[[int], object]] = {
    "a manager": sync_http,
    "an async manager": async_http,
    "a response": lambda status: sync_http(status).__enter__(),  # type: ignore[attr-defined]
    "a function": lambda status: lambda: sync_http(status),
}


@pytest.mark.parametrize("respond", RESPONSES.values(), ids=RESPONSES)
def test_a_response_is_read_as_its_bytes(respond: Callable[[int], object]) -> None:
    """What one asks for a response is what it brings."""
    run = Run(respond(200))

    assert run.source.join(5)
    assert (b"".join(run.items), run.ends) == (b"data: x\n\n", [None])  # type: ignore[arg-type]


@pytest.mark.parametrize("respond", RESPONSES.values(), ids=RESPONSES)
def test_a_response_with_an_error_status_is_that_error(
    respond: Callable[[int], object],
) -> None:
    """With what its body says."""
    run = Run(respond(401))

    assert run.source.join(5)
    (end,) = run.ends
    assert isinstance(end, StatusError)
    assert (run.items, end.status_code) == ([], 401)
    assert "Bad key" in end.body


@pytest.mark.parametrize("eof", [False, True])
def test_an_error_without_a_body_is_that_error(eof: bool) -> None:
    """aiohttp's body may have ended when it is looked at."""
    run = Run(Answered(Body(eof=eof), status=401))

    assert run.source.join(5)
    assert isinstance(run.ends[0], StatusError)


@pytest.mark.parametrize("respond", RESPONSES.values(), ids=RESPONSES)
@pytest.mark.parametrize("status", [302, 304, 307])
def test_a_response_that_sends_on_is_no_empty_answer(
    respond: Callable[[int], object], status: int
) -> None:
    """Its client has not followed it, and what it brings is no stream."""
    run = Run(respond(status))

    assert run.source.join(5)
    (end,) = run.ends
    to = "" if status == 304 else ": it sends on to http://y/v1"
    assert (type(end), str(end)) == (StatusError, f"HTTP {status}{to}")


@pytest.mark.parametrize("stream", [numbers, numbers_async], ids=["sync", "async"])
def test_where_no_thread_is_to_be_had_the_stream_has_failed(
    stream: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has an end, as any other, and so a reply says what happened."""

    def full(_: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    background_loop().call_soon_threadsafe(background_loop().stop)
    until(lambda: not any(t.name == "nbstream-loop" for t in threading.enumerate()))
    monkeypatch.setattr(threading.Thread, "start", full)
    run = Run(stream())

    assert (run.items, [str(end) for end in run.ends]) == (
        [],
        ["can't start new thread"],
    )
    assert (run.source.alive, run.source.join(0)) == (False, True)


async def cancelled() -> AsyncIterator[int]:
    yield 1
    raise asyncio.CancelledError


def test_a_cancellation_that_nobody_asked_for_has_words() -> None:
    """It may be the stream's own, or of a loop that ends."""
    run = Run(cancelled())

    assert run.source.join(5)
    (end,) = run.ends
    assert (type(end), type(end.__cause__)) == (Abandoned, asyncio.CancelledError)
    assert str(end) == (
        "the stream was cancelled: with its event loop, or by its own code"
    )


LONG = bytes(range(256)) * 2048


async def long_async() -> AsyncIterator[bytes]:
    yield LONG


LONG_READS: dict[str, Callable[[], object]] = {
    "sync": lambda: [LONG],
    "async": long_async,
}


@pytest.mark.parametrize("make", LONG_READS.values(), ids=LONG_READS)
def test_a_long_read_comes_whole_and_in_parts(make: Callable[[], object]) -> None:
    """A page of compressed lines is as long as one likes."""
    run = Run(make())

    assert run.source.join(5)
    assert (b"".join(run.items), run.ends) == (LONG, [None])  # type: ignore[arg-type]


@pytest.mark.parametrize("make", LONG_READS.values(), ids=LONG_READS)
def test_a_stop_is_heard_inside_a_long_read(make: Callable[[], object]) -> None:
    """What is left of it would hold the reader, and with it the stop."""
    source, items, ends = open_source(make()), [], []

    def take(item: object) -> None:
        items.append(item)
        source.interrupt()

    source.start(take, ends.append)

    assert source.join(5)
    assert items == [LONG[:MOST_AT_ONCE]]


class Agents:
    """What openai-agents' ``Runner.run_streamed`` gives."""

    cancelled = 0

    def stream_events(self) -> AsyncIterator[int]:
        return numbers_async()

    def cancel(self) -> None:
        self.cancelled += 1


def test_what_has_a_stream_of_events_is_read() -> None:
    """And its task is ended with it."""
    agents = Agents()
    run = Run(agents)

    assert run.source.join(5)
    assert (run.items, run.ends, agents.cancelled) == ([1, 2], [None], 1)


WORDS = {
    "another loop": (
        RuntimeError("<asyncio.locks.Event object> is bound to a different event loop"),
        "await nbstream.start",
    ),
    "a future of another loop": (
        RuntimeError("Task <T> got Future <F> attached to a different loop"),
        "await nbstream.start",
    ),
    "another thread": (
        RuntimeError("It must be used only on the thread where it was created"),
        "pass a function that makes it",
    ),
    "another context": (
        ValueError("<Token> was created in a different Context"),
        "pass a function that makes it",
    ),
    "a closed stream": (
        RuntimeError("Attempted to read, but the stream has been closed."),
        "keep the client in a variable",
    ),
}


@pytest.mark.parametrize(("error", "advice"), WORDS.values(), ids=WORDS)
def test_a_stream_read_in_the_wrong_place_is_explained(
    error: Exception, advice: str
) -> None:
    """Also where the SDK has wrapped what says so."""

    def fails() -> Iterator[int]:
        yield 1
        raise OSError("Connection error.") from error

    run = Run(fails())

    assert run.source.join(5)
    assert isinstance(run.ends[0], UsageError)
    assert advice in str(run.ends[0])


class LocalProtocolError(Exception):
    """httpx's."""


def encode_header(value: str) -> bytes:
    return value.encode("ascii")


KEY = "sk-0123456789abcdef"
UNSENT: dict[str, Callable[[], object]] = {
    "h11": lambda: raises(
        LocalProtocolError(f"Illegal header value b'Bearer {KEY}\\n'")
    ),
    "requests": lambda: raises(ValueError(f"... in header value: 'Bearer {KEY}\\n'")),
    "aiohttp": lambda: raises(ValueError("Forbidden character detected in headers")),
    "quotes": lambda: encode_header(f"Bearer \u201c{KEY}\u201d"),
}


def raises(error: Exception) -> object:
    raise error


@pytest.mark.parametrize("send", UNSENT.values(), ids=UNSENT)
def test_a_key_that_cannot_be_sent_is_told_as_one(send: Callable[[], object]) -> None:
    """Without the key, also in what caused it, and however deep that is."""

    def call() -> object:
        try:
            return send()
        except Exception as error:
            raise OSError("Connection error.") from error

    run = Run(call)

    assert run.source.join(5)
    (end,) = run.ends
    assert isinstance(end, UsageError)
    assert "the key holds a character that no key has" in str(end)
    assert (end.__cause__, end.__context__) == (None, None)
    assert KEY not in str(end)


OTHER_TEXTS: dict[str, Callable[[], object]] = {
    "the user's own": lambda: "\u201c".encode("ascii"),
    "a value": lambda: raises(ValueError("the value is wrong")),
}


@pytest.mark.parametrize("send", OTHER_TEXTS.values(), ids=OTHER_TEXTS)
def test_another_text_is_no_key(send: Callable[[], object]) -> None:
    """What cannot be encoded elsewhere is told as it is."""
    run = Run(send)

    assert run.source.join(5)
    assert isinstance(run.ends[0], ValueError)


def test_a_client_closed_too_early_is_explained() -> None:
    """Google's client closes itself when nothing holds it."""

    def ask() -> Iterator[int]:
        raise RuntimeError("Cannot send a request, as the client has been closed.")
        yield 1

    run = Run(ask())

    assert run.source.join(5)
    assert isinstance(run.ends[0], UsageError)
    assert "keep the client in a variable" in str(run.ends[0])


def test_an_error_of_the_stream_is_the_end() -> None:
    """Also one that is no `Exception`."""

    class Bad(BaseException):
        pass

    bad = Bad()

    def fails() -> Iterator[int]:
        yield 1
        raise bad

    run = Run(fails())

    assert run.source.join(5)
    assert (run.items, run.ends) == ([1], [bad])


def test_a_source_starts_once() -> None:
    """A second start would read the rest of the stream."""
    run = Run([1])
    with pytest.raises(UsageError, match="once"):
        run.source.start(print, print)
    assert run.source.join(5)


def test_a_source_that_did_not_start_is_not_alive() -> None:
    """There is nothing to wait for."""
    source = open_source([1])

    assert (source.alive, source.join(0), source.needs_await) == (False, True, False)


@pytest.mark.parametrize("behind_a_call", [False, True])
def test_a_stream_is_closed_at_the_end(behind_a_call: bool) -> None:
    """Once, also if a call made it."""
    stream = Streaming()
    run = Run((lambda: stream) if behind_a_call else stream)

    assert run.source.join(5)
    assert stream.closed == 1


def test_a_worker_runs_in_the_context_of_its_caller() -> None:
    """What a generator prints stays in its own cell."""
    cell = ContextVar("cell", default="none")
    cell.set("mine")

    async def see() -> AsyncIterator[str]:
        yield cell.get()

    runs = [Run(lambda: [cell.get()]), Run(see())]

    assert [run.source.join(5) and run.items for run in runs] == [["mine"], ["mine"]]


def test_a_stop_between_items_needs_no_socket() -> None:
    """An endless generator stops after the item at hand."""

    def endless() -> Iterator[int]:
        n = 0
        while True:
            yield (n := n + 1)

    run = Run(endless())
    until(lambda: run.items)
    run.stop()

    assert run.ends == [None]
    assert run.items == list(range(1, len(run.items) + 1))


def test_a_loop_that_yields_nothing_is_broken_off() -> None:
    """Python code that runs can be stopped, and its ``finally`` runs."""
    closed: list[bool] = []

    def spins() -> Iterator[int]:
        try:
            while True:
                time.sleep(0)
        finally:
            closed.append(True)
        yield 1

    run = Run(spins())
    time.sleep(0.02)
    run.stop()

    assert isinstance(run.ends[0], Interrupted)
    assert closed == [True]


def test_a_sleeper_is_abandoned_and_stops_when_it_wakes() -> None:
    """The stop takes half a second; nothing comes after the end."""
    woke: list[str] = []

    def sleeps() -> Iterator[int]:
        yield 1
        try:
            time.sleep(1)
            woke.append("went on")
        except Interrupted:
            woke.append("stopped")
            raise
        yield 2

    def reapers() -> int:
        return [each.name for each in threading.enumerate()].count("nbstream-reaper")

    before = reapers()  # of tests that ran first
    run = Run(sleeps())
    until(lambda: run.items)
    at_s = time.monotonic()
    run.stop()

    assert time.monotonic() - at_s < 0.9
    assert isinstance(run.ends[0], Abandoned)
    until(lambda: woke)
    until(lambda: reapers() <= before)
    assert (woke, run.items, len(run.ends)) == (["stopped"], [1], 1)


class Late:
    """Throws at the reader when it has begun to be left alone, or is about to be."""

    def __init__(self, at: str, session: Session) -> None:
        self._at = at
        self._gate = session.undisturbed()
        self.thrown = 0

    def __enter__(self) -> None:
        self._throw("before")
        self._gate.__enter__()

    def __exit__(self, *error: object) -> None:
        self._gate.__exit__(None, None, None)
        self._throw("after")

    def _throw(self, at: str) -> None:
        if self._at == at and not self.thrown:
            self.thrown += 1
            ident = threading.get_ident()
            other = threading.Thread(target=sockets.throw, args=(ident,))
            other.start()
            other.join()


@pytest.mark.parametrize("at", ["before", "after"])
def test_what_is_thrown_too_late_does_no_harm(
    at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that has come to its end reports just that."""
    made: list[Late] = []

    def undisturbed(session: Session) -> Late:
        monkeypatch.undo()
        made.append(Late(at, session))
        return made[0]

    monkeypatch.setattr(Session, "undisturbed", undisturbed)
    run = Run(numbers())

    assert run.source.join(5)
    assert made[0].thrown == 1
    assert (run.items, run.ends) == ([1, 2], [None])


def test_a_late_item_of_an_abandoned_reader_is_dropped() -> None:
    """Even if its code swallows the exception."""
    done = threading.Event()

    def stubborn() -> Iterator[int]:
        yield 1
        for _ in range(4):
            try:
                time.sleep(0.3)
            except BaseException:  # noqa: BLE001 - that is the point
                continue
        try:
            yield 2
        finally:
            done.set()

    run = Run(stubborn())
    until(lambda: run.items)
    run.stop()

    assert done.wait(10)
    assert (run.items, len(run.ends)) == ([1], 1)


def test_a_blocked_loop_is_abandoned_and_replaced() -> None:
    """Blocking code in an async generator does not block the next stream."""
    release = threading.Event()

    async def blocks() -> AsyncIterator[int]:
        yield 1
        release.wait(10)
        yield 2

    run = Run(blocks())
    until(lambda: run.items)
    blocked = background_loop()
    run.stop()
    again = Run(numbers_async())

    assert isinstance(run.ends[0], Abandoned)
    assert again.source.join(5)
    assert again.items == [1, 2]
    assert background_loop() is not blocked
    release.set()
    blocked.call_soon_threadsafe(blocked.stop)
    until(blocked.is_closed)
    assert run.items == [1]


def test_an_import_is_not_broken_off(tmp_path: object) -> None:
    """Half a module would stay behind; the worker is abandoned meanwhile."""
    folder = str(tmp_path)
    with open(os.path.join(folder, "slow_to_import.py"), "w") as file:
        file.write("import time\nfor _ in range(60): time.sleep(0.01)\nready = 1\n")
    told: list[object] = []

    def imports() -> Iterator[int]:
        import sys

        sys.path.insert(0, folder)
        try:
            import slow_to_import  # type: ignore[import-not-found]

            told.append(slow_to_import.ready)
        finally:
            sys.path.remove(folder)
        time.sleep(0.1)
        told.append("went on")
        yield 1

    run = Run(imports())
    time.sleep(0.05)
    run.stop()

    assert isinstance(run.ends[0], Abandoned)
    until(lambda: "nbstream-reaper" not in [t.name for t in threading.enumerate()])
    assert told == [1]


# --- sockets ------------------------------------------------------------------------


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A listener that answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def url(silent: socket.socket) -> str:
    return f"http://127.0.0.1:{silent.getsockname()[1]}/"


def from_urllib(url: str) -> object:
    from urllib.request import ProxyHandler, build_opener

    return build_opener(ProxyHandler({})).open(url)


def from_socket(url: str) -> Iterator[bytes]:
    host, port = url.removeprefix("http://").strip("/").split(":")
    with socket.create_connection((host, int(port))) as mine:
        yield mine.recv(1)


READERS: dict[str, Callable[[str], object]] = {
    "httpx2": lambda url: httpx2.get(url, timeout=None, trust_env=False),
    "httpx": lambda url: httpx.get(url, timeout=None, trust_env=False),
    "urllib": from_urllib,
    "a bare socket": from_socket,
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_reader_of_any_http_library_is_woken(
    read: Callable[[str], object], url: str, silent: socket.socket
) -> None:
    """By the private names of `sockets.WAITS`, where it waits."""
    run = Run(lambda: read(url))
    connection, _ = silent.accept()
    time.sleep(0.05)
    run.stop()
    with connection:
        connection.settimeout(5)
        while connection.recv(9999):
            pass  # the request, then the end

    assert len(run.ends) == 1
    assert not isinstance(run.ends[0], Abandoned)


def test_a_connection_in_the_making_is_given_up() -> None:
    """The listener is full, so the handshake never ends."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        pending = []
        for _ in range(4):
            pending.append(socket.socket())
            pending[-1].setblocking(False)
            pending[-1].connect_ex(address)
        time.sleep(0.05)
        run = Run(lambda: READERS["httpx2"](f"http://127.0.0.1:{address[1]}/"))
        time.sleep(0.05)
        run.stop()
        for one in pending:
            one.close()

    assert len(run.ends) == 1
    assert not isinstance(run.ends[0], Abandoned)


class Network:
    """What httpx shows of a connection: ``get_extra_info``."""

    def __init__(self, held: socket.socket) -> None:
        self._held = held

    def get_extra_info(self, name: str) -> object:
        return self._held if name == "socket" else None


class Reading(Streaming):
    """A stream that waits for a socket where no frame shows it."""

    def __init__(self, held: socket.socket) -> None:
        super().__init__()
        extensions = {"network_stream": Network(held)}
        self.response = SimpleNamespace(is_closed=False, extensions=extensions)
        self._file = held.makefile("rb")

    def __iter__(self) -> Iterator[int]:
        yield from self._file.read(1)

    def close(self) -> None:
        self._file.close()
        self.response.extensions["network_stream"]._held.close()


def test_without_private_names_the_public_way_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes a few attempts more."""
    monkeypatch.setattr(sockets, "waited_on", lambda thread_id: None)
    ours, theirs = socket.socketpair()
    run = Run(Reading(ours))
    time.sleep(0.05)
    at_s = time.monotonic()
    run.stop()
    with theirs:
        assert theirs.recv(1) == b""

    assert time.monotonic() - at_s < thread_reader.THROW_AFTER_S
    assert run.ends == [None]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ({"is_closed": True}, False),
        ({"is_closed": False}, False),
        ({"is_closed": False, "extensions": {}}, False),
        ({"is_closed": False, "extensions": {"network_stream": Network}}, True),
    ],
    ids=["closed", "no extensions", "no network stream", "open"],
)
def test_only_an_open_response_gives_its_socket(
    names: dict[str, object], found: bool
) -> None:
    """The connection of a closed one may serve another request by now."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        extensions = names.get("extensions")
        if extensions:
            names = {**names, "extensions": {"network_stream": Network(ours)}}
        stream = SimpleNamespace(response=SimpleNamespace(**names))

        assert (sockets.of_stream(stream) is ours) is found


@pytest.mark.parametrize(
    ("module", "found"),
    [
        ("lesson", True),
        ("asyncio.selector_events", False),
        ("httpcore2._utils", False),
        ("urllib3.util.wait", False),
    ],
)
def test_a_socket_that_is_not_the_worker_s_own_is_left_alone(
    module: str, found: bool
) -> None:
    """A pool looks at idle connections, a callback wakes somebody's loop."""
    names: dict[str, object] = {"__name__": module}
    exec("def wait(held, gate): gate.acquire()", names)
    gate = threading.Lock()
    gate.acquire()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=names["wait"], args=(ours, gate))  # type: ignore[arg-type]
        thread.start()
        time.sleep(0.02)
        seen = sockets.waited_on(thread.ident or 0)
        gate.release()
        thread.join()

        assert (seen is ours) is found


def test_a_thread_that_ended_waits_for_nothing() -> None:
    """Its number has no frame."""
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()

    assert sockets.waited_on(thread.ident or 0) is None


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl for a key")
def test_a_reader_of_tls_is_woken(tmp_path: Path) -> None:
    """The shutdown goes to the socket under the encryption."""
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    subprocess.run(
        f"openssl req -x509 -nodes -newkey rsa:2048 -subj /CN=127.0.0.1 "
        f"-keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    told: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True) as connection:
            while told[-1:] != [b""]:
                try:
                    told.append(connection.recv(9999))
                except ssl.SSLEOFError:
                    told.append(b"")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        get = functools.partial(httpx2.get, url, timeout=None, trust_env=False)
        run = Run(lambda: get(verify=False))
        until(lambda: told)
        time.sleep(0.05)
        run.stop()
        server.join(5)

    assert told[-1] == b""
    assert not isinstance(run.ends[0], Abandoned)


def test_every_private_name_says_where_it_was_seen() -> None:
    """So that it can be looked at again when a library changes."""
    seen = [
        *(wait.seen for wait in sockets.WAITS.values()),
        *(where for _, where in POOLS.values()),
        *RESPONSE_PLACES.values(),
        *RAW_PLACES.values(),
        *(where for where in PARTS.values() if where != "the same, sync"),
    ]

    assert all(any(char.isdigit() for char in where) for where in seen)


class Untouchable:
    """An object of somebody else's: whatever one asks it is an error."""

    __slots__ = ("__weakref__", "inside")

    def __init__(self, inside: object) -> None:
        object.__setattr__(self, "inside", inside)

    def _refuse(self, *_: object) -> NoReturn:
        raise AssertionError("somebody else's object was asked something")

    __len__ = __iter__ = __contains__ = __bool__ = __hash__ = __eq__ = _refuse
    __getattr__ = _refuse
    __class__ = property(_refuse)  # type: ignore[assignment]


def test_the_walk_asks_nothing():
    """What is met on the way to a loop or a response is never called."""
    loop = asyncio.new_event_loop()
    start = [Untouchable([Untouchable({"loop": loop})])]

    found = nearest_loop(start), open_responses(start), open_readers(start)
    calls = unsent_calls(start)

    loop.close()
    assert found == (loop, [], [])
    assert calls == []
