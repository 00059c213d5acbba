"""A stream that a tracer has put something around is read and stopped as the bare one.

OpenInference (Phoenix) is the real one. The others are made here as theirs are:
proxies of ``wrapt`` (OpenLLMetry, Datadog), which have every method whatever they wrap,
wrappers with ``__getattr__`` (Braintrust), which only hold it, and what answers for
another's class (Braintrust, async raw responses).
"""

import inspect
import json
import threading
import time

import pytest
import wrapt
from harness.loopback import Fixed
from harness.sdks import SHAPES, Clients, cases, only
from harness.wire import Wire, said

import nbstream
from nbstream.errors import UsageError

PROMPT = "Hi"


class Stream:
    """A tracer's stream: it has all methods, for what is sync and for what is async."""

    seen = 0

    def __iter__(self):
        return self

    def __aiter__(self):
        return self

    def __next__(self):
        Stream.seen += 1
        return next(self.inner())

    async def __anext__(self):
        Stream.seen += 1
        return await anext(self.inner())


class Manager:
    """What has to be entered, and gives a tracer's stream."""

    def __enter__(self):
        return self.kind(self.inner().__enter__())

    def __exit__(self, *error):
        return self.inner().__exit__(*error)

    async def __aenter__(self):
        return self.kind(await self.inner().__aenter__())

    async def __aexit__(self, *error):
        return await self.inner().__aexit__(*error)


class Proxy(wrapt.ObjectProxy):
    """Whatever it is asked, also for its class, it answers for another object."""

    def inner(self):
        return self.__wrapped__

    def __len__(self):
        raise AssertionError("somebody else's object was asked for its length")


class ProxyStream(Stream, Proxy):
    pass


class ProxyManager(Manager, Proxy):
    kind = ProxyStream


class Holder:
    """It passes on what it has not."""

    def __init__(self, held):
        self._span = object()
        self.__held = held

    def inner(self):
        return self.__held

    def __getattr__(self, name):
        return getattr(self.__held, name)


class HolderStream(Stream, Holder):
    def __await__(self):
        raise AssertionError("it is no coroutine")


class HolderManager(Manager, Holder):
    kind = HolderStream


class Answerer:
    """It says that it is what it holds, and has what an async stream has."""

    def __init__(self, held):
        self._response = held

    async def __aenter__(self):
        await self._response.__aenter__()
        return self

    async def __aexit__(self, *error):
        return await self._response.__aexit__(*error)

    def __aiter__(self):
        if hasattr(self._response, "__aiter__"):
            Stream.seen += 1
            return self._response.__aiter__()
        raise TypeError("Response object is not an async iterator")

    async def __anext__(self):
        if hasattr(self._response, "__anext__"):
            return await self._response.__anext__()
        raise StopAsyncIteration

    def __getattr__(self, name):
        return getattr(self._response, name)

    @property
    def __class__(self):
        return self._response.__class__


class RawAnswer(Holder):
    """A raw response whose stream is traced, however it is parsed."""

    def parse(self):
        return Answerer(self.inner().parse())


def around(value, stream, manager):
    """Do to what a call has given as a tracer does."""
    if inspect.isfunction(value):
        return lambda: around(value(), stream, manager)
    if inspect.iscoroutine(value):

        async def later():
            return around(await value, stream, manager)

        return later()
    if hasattr(value, "parse"):  # a raw response is passed on
        return value
    is_stream = hasattr(value, "__next__") or hasattr(value, "__anext__")
    return stream(value) if is_stream else manager(value)


ANSWERED = {
    name: shape for name, shape in only(is_async=True).items() if "manager" not in name
}
WRAPPERS = {
    "a proxy": (ProxyStream, ProxyManager),
    "a holder": (HolderStream, HolderManager),
}


@pytest.fixture(scope="module")
def wire():
    server = Wire()
    yield server
    server.close()


@pytest.fixture(scope="module")
def clients(wire):
    made = Clients(wire.url)
    yield made
    made.close_all()


@pytest.fixture(scope="class")
def instrumented():
    """The SDKs, as Phoenix's quick start has them."""
    from openinference.instrumentation.anthropic import AnthropicInstrumentor
    from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor
    from openinference.instrumentation.openai import OpenAIInstrumentor
    from opentelemetry.sdk.trace import TracerProvider

    kinds = (OpenAIInstrumentor, AnthropicInstrumentor, GoogleGenAIInstrumentor)
    for kind in kinds:
        kind().instrument(tracer_provider=TracerProvider())
    yield
    for kind in kinds:
        kind().uninstrument()


def shown(stream):
    reply = nbstream.show(stream, view="none", timeout=20)
    return reply.outcome, reply.text, reply.api


def gone_after_stop(stream, wire):
    """Stop a stream that has gone silent, and wait until the server sees it go."""
    live = nbstream.start(stream, view="none")
    deadline_s = time.monotonic() + 10
    while not live.reply.text and live.reply.outcome == "running":
        assert time.monotonic() < deadline_s
        time.sleep(0.002)
    live.stop()
    reply = live.result(5)
    wire.wait_for(lambda each: each is wire.exchanges[-1] and each.gone_at_s)
    return reply.outcome


#: What Phoenix's generator resets can only be reset where the call was made.
MADE_HERE = {
    "google.generate_content, sync stream",
    "google.generate_content, sync chat",
}
OPENED = {name: shape for name, shape in SHAPES.items() if name not in MADE_HERE}


@pytest.mark.usefixtures("instrumented")
class TestOpenInference:
    """What Phoenix traces."""

    @pytest.mark.parametrize("shape", **cases(OPENED))
    def test_is_shown(self, shape, clients):
        """Every way to call the three SDKs."""
        stream = shape.make(clients, "whole", PROMPT)

        assert shown(stream) == ("complete", said(PROMPT), shape.api)

    @pytest.mark.parametrize("shape", **cases(OPENED))
    def test_is_stopped(self, shape, clients, wire):
        """The connection is closed."""
        assert (
            gone_after_stop(shape.make(clients, "silence", PROMPT), wire) == "stopped"
        )

    def test_what_can_only_be_read_where_it_was_made_is_told(self, clients):
        """It resets what it has set at the call; a function makes the call there."""
        stream = SHAPES["google.generate_content, sync stream"].make(
            clients, "whole", PROMPT
        )

        with pytest.raises(UsageError, match=r"pass a function .* show\(lambda: "):
            shown(stream)


@pytest.mark.parametrize(("kind", "manager"), WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("shape", **cases(SHAPES))
def test_what_is_wrapped_is_shown(shape, kind, manager, clients):
    """It is the wrapper that is read, or its trace is lost."""
    stream = around(shape.make(clients, "whole", PROMPT), kind, manager)
    before = Stream.seen

    assert shown(stream) == ("complete", said(PROMPT), shape.api)
    assert Stream.seen > before or "raw" in shape.name


@pytest.mark.parametrize(("kind", "manager"), WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("shape", **cases(only(lazy=False) | only(is_async=True)))
def test_what_is_wrapped_is_stopped(shape, kind, manager, clients, wire):
    """The connection is closed."""
    stream = around(shape.make(clients, "silence", PROMPT), kind, manager)

    assert gone_after_stop(stream, wire) == "stopped"


def answered(value):
    """Put around what a call gives what answers for its class."""
    if inspect.isfunction(value):
        return lambda: answered(value())

    async def later():
        made = await value
        return Answerer(RawAnswer(made) if hasattr(made, "parse") else made)

    return later()


@pytest.mark.parametrize("shape", **cases(ANSWERED))
def test_what_answers_for_another_is_shown(shape, clients):
    """What it claims to be is what it holds: a stream, or a raw response."""
    stream = answered(shape.make(clients, "whole", PROMPT))
    before = Stream.seen

    assert shown(stream) == ("complete", said(PROMPT), shape.api)
    assert Stream.seen > before


@pytest.mark.parametrize("shape", **cases(ANSWERED))
def test_what_answers_for_another_is_stopped(shape, clients, wire):
    """The connection is closed."""
    stream = answered(shape.make(clients, "silence", PROMPT))

    assert gone_after_stop(stream, wire) == "stopped"


class TestHelper:
    """OpenAI's ``.stream()``, which drops what is not named as OpenAI names it."""

    @pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
    @pytest.mark.parametrize("named", ["chat.completion", "", None])
    def test_chunks_of_another_name_are_shown(self, named, is_async):
        """As Perplexity and Copilot send them."""
        base = {"id": "c", "created": 1, "model": "m"}
        if named is not None:
            base["object"] = named
        deltas = [
            ({"role": "assistant", "content": "Hel"}, None),
            ({"content": "lo"}, None),
            ({}, "stop"),
        ]
        sent = [
            base | {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
            for delta, reason in deltas
        ]
        server = Fixed()
        data = "".join(f"data: {json.dumps(each)}\n\n" for each in sent)
        server.says("text/event-stream", f"{data}data: [DONE]\n\n".encode())
        clients = Clients(server.url)
        client = clients.aopenai if is_async else clients.openai
        messages = [{"role": "user", "content": PROMPT}]
        try:
            stream = client.chat.completions.stream(model="m", messages=messages)
            assert shown(stream) == ("complete", "Hello", "openai.chat")
        finally:
            clients.close_all()
            server.close()


SYNC = {
    name: shape
    for name, shape in only(lazy=False, is_async=False).items()
    if "raw" not in name
}


@pytest.mark.parametrize("shape", **cases(SYNC))
def test_a_generator_around_a_stream_is_stopped(shape, clients, wire):
    """A wrapper that is a generator holds the stream in no name that one could ask."""
    stopped = threading.Event()

    def wrapper():
        for item in shape.make(clients, "silence", PROMPT):
            yield item
            stopped.wait(10)  # here the stop finds it: between two items

    live = nbstream.start(wrapper(), view="none")
    wire.wait_for(lambda each: each is wire.exchanges[-1])
    live.stop()
    stopped.set()
    outcome = live.result(5).outcome
    wire.wait_for(lambda each: each is wire.exchanges[-1] and each.gone_at_s)

    assert outcome == "stopped"
