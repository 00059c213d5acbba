"""Stopping the real SDKs' streams, against a loopback server that sees them go."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import json
import os
import random
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from harness.loopback import Loopback

from nbstream.errors import UsageError
from nbstream.streams import Abandoned, Source, open_source
from nbstream.streams.loop_reader import background_loop
from nbstream.streams.shapes import begun

# --- the server ---------------------------------------------------------------------
# It answers by the model's name: "headers" sends nothing, "first" only headers,
# "silence" three deltas and then nothing, "fire" deltas without end, "whole" twenty
# and the end, "json" an answer that is not streamed, "retry" a 429 that asks for
# 30 s, "checkpoint" one delta that Gemini could resume from.

APIS = {
    "chat/completions": "openai.chat",
    "responses": "openai.responses",
    "messages": "anthropic.messages",
    "enerateContent": "google.generate_content",
    "interactions": "google.interactions",
}


def sse(data: object, event: str = "") -> bytes:
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def typed(kind: str, **rest: object) -> bytes:
    return sse({"type": kind, **rest}, kind)


def step(kind: str, **rest: object) -> bytes:
    return sse({"event_type": kind, **rest}, kind)


def chat(finish: str | None = None, **delta: str) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return sse({**base, "choices": [choice]})


def gemini(text: str, **rest: str) -> bytes:
    content = {"role": "model", "parts": [{"text": text}]}
    candidate = {"index": 0, "content": content, **rest}
    return sse({"candidates": [candidate], "modelVersion": "m", "responseId": "r"})


RESPONSE = {
    **{"id": "r", "object": "response", "created_at": 1, "model": "m", "output": []},
    **{"parallel_tool_calls": True, "tool_choice": "auto", "tools": []},
    "status": "in_progress",
}
ITEM = {"id": "i", "type": "message", "role": "assistant", "content": []}
PART = {"type": "output_text", "text": "", "annotations": []}
ALL = "".join(f"w{n} " for n in range(20))
DONE = {**ITEM, "status": "completed", "content": [{**PART, "text": ALL}]}
PLACE = {"item_id": "i", "output_index": 0, "content_index": 0}
MESSAGE = {
    **{"id": "m", "type": "message", "role": "assistant", "model": "m"},
    **{"content": [], "stop_reason": None, "stop_sequence": None},
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
TEXT_BLOCK = {"type": "text", "text": ""}
INTERACTION = {"id": "i", "object": "interaction", "model": "m"}

OPENING = {
    "openai.responses": [
        typed("response.created", sequence_number=0, response=RESPONSE),
        typed(
            "response.output_item.added",
            **{"sequence_number": 1, "output_index": 0},
            item={**ITEM, "status": "in_progress"},
        ),
        typed("response.content_part.added", sequence_number=2, **PLACE, part=PART),
    ],
    "anthropic.messages": [
        typed("message_start", message=MESSAGE),
        typed("content_block_start", index=0, content_block=TEXT_BLOCK),
    ],
    "google.interactions": [
        step(
            "interaction.created", interaction={**INTERACTION, "status": "in_progress"}
        ),
        step("step.start", index=0, step={"type": "model_output", "content": []}),
    ],
}
DELTA: dict[str, Callable[[int], bytes]] = {
    "openai.chat": lambda n: chat(content=f"w{n} "),
    "openai.responses": lambda n: typed(
        "response.output_text.delta",
        **{"sequence_number": n + 3, "delta": f"w{n} ", "logprobs": [], **PLACE},
    ),
    "anthropic.messages": lambda n: typed(
        "content_block_delta", index=0, delta={"type": "text_delta", "text": f"w{n} "}
    ),
    "google.generate_content": lambda n: gemini(f"w{n} "),
    "google.interactions": lambda n: step(
        "step.delta", index=0, delta={"type": "text", "text": f"w{n} "}
    ),
}
CLOSING = {
    "openai.chat": [chat("stop"), b"data: [DONE]\n\n"],
    "openai.responses": [
        typed(
            "response.output_text.done",
            **{"sequence_number": 96, "text": ALL, "logprobs": [], **PLACE},
        ),
        typed(
            "response.content_part.done",
            **{"sequence_number": 97, "part": {**PART, "text": ALL}, **PLACE},
        ),
        typed(
            "response.output_item.done",
            **{"sequence_number": 98, "output_index": 0, "item": DONE},
        ),
        typed(
            "response.completed",
            sequence_number=99,
            response={**RESPONSE, "status": "completed", "output": [DONE]},
        ),
    ],
    "anthropic.messages": [
        typed("content_block_stop", index=0),
        typed(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"output_tokens": 7},
        ),
        typed("message_stop"),
    ],
    "google.generate_content": [gemini("", finishReason="STOP")],
    "google.interactions": [
        step("step.stop", index=0),
        step(
            "interaction.completed", interaction={**INTERACTION, "status": "completed"}
        ),
        b"event: done\ndata: [DONE]\n\n",
    ],
}
CHECKPOINT = {
    "google.generate_content": gemini("w0 ", continuationToken="Y2s="),
    "google.interactions": step(
        "interaction.status_update",
        **{"interaction_id": "i", "status": "in_progress", "continuation_token": "ck"},
    ),
}
WHOLE: dict[str, object] = {
    "openai.responses": {**RESPONSE, "status": "completed"},
    "anthropic.messages": {**MESSAGE, "content": [], "stop_reason": "end_turn"},
    "google.generate_content": {"candidates": []},
    "google.interactions": {**INTERACTION, "status": "completed", "outputs": []},
}


@dataclass
class Exchange:
    """One request, and when its client went away."""

    api: str
    plan: str
    headers_sent: bool = False
    gone_at_s: float | None = None
    whole: bool = False


class Wire(Loopback):
    """The server."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        super().__init__()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        path = head.split()[1]
        api = next(name for part, name in APIS.items() if part in path)
        in_path = re.search(r"models/(\w+):", path)
        plan = in_path[1] if in_path else json.loads(body)["model"]
        exchange = Exchange(api, plan)
        self.exchanges.append(exchange)
        watch = asyncio.ensure_future(self._watch(reader, exchange))
        try:
            await self._answer(writer, exchange, watch)
        except OSError:
            exchange.gone_at_s = exchange.gone_at_s or time.monotonic()
        finally:
            watch.cancel()
            await asyncio.wait([watch])
        return exchange.gone_at_s is None

    async def _watch(self, reader: asyncio.StreamReader, exchange: Exchange) -> None:
        with contextlib.suppress(OSError):
            if await reader.read(1):
                return
        exchange.gone_at_s = time.monotonic()

    async def _answer(
        self,
        writer: asyncio.StreamWriter,
        exchange: Exchange,
        watch: asyncio.Future[None],
    ) -> None:
        api, plan = exchange.api, exchange.plan
        if plan == "headers":
            await watch
        elif plan in ("retry", "json"):
            data = json.dumps(WHOLE.get(api, {})).encode()
            status = b"429 Wait\r\nretry-after: 30" if plan == "retry" else b"200 OK"
            kind = b"content-type: application/json\r\n"
            size = b"content-length: %d\r\n\r\n" % len(data)
            writer.write(b"HTTP/1.1 " + status + b"\r\n" + kind + size + data)
        else:
            kind = b"content-type: text/event-stream\r\ntransfer-encoding: chunked"
            writer.write(b"HTTP/1.1 200 OK\r\n" + kind + b"\r\n\r\n")
            await writer.drain()
            exchange.headers_sent = True
            await self._stream(writer, exchange, watch)
        await writer.drain()

    async def _stream(
        self,
        writer: asyncio.StreamWriter,
        exchange: Exchange,
        watch: asyncio.Future[None],
    ) -> None:
        api, plan = exchange.api, exchange.plan
        count = {"first": 0, "silence": 3, "whole": 20, "checkpoint": 0}.get(plan, 9**9)
        opening = [] if plan == "first" else OPENING.get(api, [])
        blocks = [*opening, *([CHECKPOINT[api]] if plan == "checkpoint" else [])]
        for n in range(-len(blocks), count):
            if watch.done():
                return
            block = blocks[n] if n < 0 else DELTA[api](n)
            writer.write(b"%x\r\n%s\r\n" % (len(block), block))
            await writer.drain()
            if plan == "fire":
                await asyncio.sleep(0.0005)
        if plan != "whole":
            await watch
            return
        for block in CLOSING[api]:
            writer.write(b"%x\r\n%s\r\n" % (len(block), block))
        writer.write(b"0\r\n\r\n")
        exchange.whole = True


# --- the SDKs' calls ----------------------------------------------------------------


class Clients:
    """One client of each SDK, and every way to call them."""

    def __init__(self, url: str) -> None:
        self.openai = openai.OpenAI(base_url=url + "/v1", api_key="k")
        self.aopenai = openai.AsyncOpenAI(base_url=url + "/v1", api_key="k")
        self.anthropic = anthropic.Anthropic(base_url=url, api_key="k")
        self.aanthropic = anthropic.AsyncAnthropic(base_url=url, api_key="k")
        self.google = genai.Client(api_key="k", http_options={"base_url": url})
        _ = self.google.interactions  # its import takes seconds
        said = [{"role": "user", "content": "x"}]
        asked = {"input": "x"}
        short = {"messages": said, "max_tokens": 9}
        told = {"messages": said}
        gem = {"contents": "x"}
        o, a, g = self.openai, self.anthropic, self.google
        ao, aa, ag = self.aopenai, self.aanthropic, self.google.aio
        #: streams that exist once the headers are there
        self.opened: dict[str, Callable[[str], object]] = {
            "chat": _call(o.chat.completions.create, told, stream=True),
            "responses": _call(o.responses.create, asked, stream=True),
            "messages": _call(a.messages.create, short, stream=True),
            "interactions": _call(g.interactions.create, asked, stream=True),
            "chat raw": _call(
                o.chat.completions.with_raw_response.create, told, stream=True
            ),
            "messages raw": _call(
                a.messages.with_raw_response.create, short, stream=True
            ),
        }
        #: calls that send nothing before they are driven
        self.closed: dict[str, Callable[[str], object]] = {
            "chat manager": _call(o.chat.completions.stream, told),
            "responses manager": _call(o.responses.stream, asked),
            "messages manager": _call(a.messages.stream, short),
            "chat raw manager": _call(
                o.chat.completions.with_streaming_response.create, told, stream=True
            ),
            "messages raw manager": _call(
                a.messages.with_streaming_response.create, short, stream=True
            ),
            "generate_content": _call(g.models.generate_content_stream, gem),
            "chat async": _call(ao.chat.completions.create, told, stream=True),
            "responses async": _call(ao.responses.create, asked, stream=True),
            "messages async": _call(aa.messages.create, short, stream=True),
            "generate_content async": _call(ag.models.generate_content_stream, gem),
            "interactions async": _call(ag.interactions.create, asked, stream=True),
            "chat async manager": _call(ao.chat.completions.stream, told),
            "responses async manager": _call(ao.responses.stream, asked),
            "messages async manager": _call(aa.messages.stream, short),
            "chat async raw": _call(
                ao.chat.completions.with_raw_response.create, told, stream=True
            ),
            "chat async raw manager": _call(
                ao.chat.completions.with_streaming_response.create, told, stream=True
            ),
            "messages async raw manager": _call(
                aa.messages.with_streaming_response.create, short, stream=True
            ),
        }
        for name in [*self.opened, "generate_content", "chat async", "messages async"]:
            make = self.make(name)
            self.closed[f"{name} callable"] = partial(partial, make)

    def make(self, kind: str) -> Callable[[str], object]:
        return self.opened.get(kind) or self.closed[kind]

    def close(self) -> None:
        async def close_async() -> None:
            await self.aopenai.close()
            await self.aanthropic.close()
            await self.google.aio.aclose()

        self.openai.close()
        self.anthropic.close()
        self.google.close()
        asyncio.run_coroutine_threadsafe(close_async(), background_loop()).result(5)


def _call(
    method: Callable[..., object], arguments: dict[str, object], **more: object
) -> Callable[[str], object]:
    return lambda plan: method(model=plan, **arguments, **more)


OPENED = ["chat", "responses", "messages", "interactions", "chat raw", "messages raw"]
CLOSED = [
    *("chat manager", "responses manager", "messages manager"),
    *("chat raw manager", "messages raw manager", "generate_content"),
    *("chat async", "responses async", "messages async"),
    *("generate_content async", "interactions async"),
    *("chat async manager", "responses async manager", "messages async manager"),
    *("chat async raw", "chat async raw manager", "messages async raw manager"),
    *(f"{kind} callable" for kind in OPENED),
    *("generate_content callable", "chat async callable", "messages async callable"),
]
KINDS = [*OPENED, *CLOSED]
PHASES = {
    "before headers": ("headers", CLOSED),
    "before the first token": ("first", KINDS),
    "in silence": ("silence", KINDS),
    "mid-stream": ("fire", KINDS),
}


class Run:
    """A source that runs, and what it gave; it may be ``stopped`` at each item."""

    def __init__(
        self,
        stream: object,
        on_payload: Callable[[object], None] | None = None,
        *,
        stopped: bool = False,
    ) -> None:
        self.items: list[object] = []
        self.ends: list[BaseException | None] = []
        self.source: Source = open_source(stream)
        take = self._stop_at if stopped else self.items.append
        self.source.start(on_payload or take, self.ends.append)

    def _stop_at(self, _: object) -> None:
        self.source.interrupt()

    def stop(self) -> float:
        """Interrupt every 10 ms, as a player does; return when it began."""
        at_s = time.monotonic()
        while self.source.alive and time.monotonic() < at_s + 5:
            self.source.interrupt()
            self.source.join(0.01)
        return at_s

    def words(self) -> list[int]:
        found = re.findall(r"w(\d+) ", " ".join(map(repr, self.items)))
        return list(dict.fromkeys(map(int, found)))


def until(true: Callable[[], object], timeout_s: float = 10) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline_s, "it never came true"
        time.sleep(0.001)


def ours_running() -> list[str]:
    """Name our threads, other than the one loop."""
    names = [thread.name for thread in threading.enumerate()]
    return [n for n in names if n.startswith("nbstream") and n != "nbstream-loop"]


def sockets_open() -> int:
    gc.collect()
    count = 0
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            count += "socket:" in os.readlink(f"/proc/self/fd/{fd}")
    return count


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    server = Wire()
    yield server
    server.close()


@pytest.fixture
def clients(wire: Wire) -> Iterator[Clients]:
    made = Clients(wire.url)
    yield made
    made.close()


# --- what holds ---------------------------------------------------------------------

LATENCIES_MS: dict[str, list[float]] = {}


@pytest.mark.parametrize(
    ("phase", "kind"),
    [(phase, kind) for phase, (_, kinds) in PHASES.items() for kind in kinds],
)
def test_the_server_sees_the_stop(
    wire: Wire, clients: Clients, phase: str, kind: str
) -> None:
    """In every phase of every kind of stream, and the client can stream again."""
    plan = PHASES[phase][0]
    before = len(wire.exchanges)
    run = Run(clients.make(kind)(plan))
    until(lambda: len(wire.exchanges) > before)
    exchange = wire.exchanges[before]
    if plan != "headers":
        until(lambda: exchange.headers_sent)
    if plan in ("silence", "fire"):
        until(lambda: len(run.words()) >= 3)
    time.sleep(0.02)
    at_s = run.stop()
    until(lambda: exchange.gone_at_s is not None)
    gone_ms = ((exchange.gone_at_s or 0) - at_s) * 1000
    LATENCIES_MS.setdefault(phase, []).append(gone_ms)

    assert gone_ms < 500
    assert len(run.ends) == 1
    assert not isinstance(run.ends[0], Abandoned)
    assert run.words() == list(range(len(run.words())))
    assert len(wire.exchanges) == before + 1, "nothing is sent again"

    again = Run(clients.make(kind)("whole"))

    assert again.source.join(10)
    assert again.ends == [None]
    assert again.words() == list(range(20))


def test_two_hundred_random_stops_lose_and_leak_nothing(wire: Wire) -> None:
    """What came before the stop is there, in order; threads, tasks, sockets go."""
    background_loop()
    sockets = sockets_open()
    clients = Clients(wire.url)
    chance = random.Random(8)
    for number in range(240):
        kind = KINDS[number % len(KINDS)]
        plans = ["silence", "fire", "first"] + (["headers"] if kind in CLOSED else [])
        run = Run(clients.make(kind)(chance.choice(plans)))
        time.sleep(chance.random() * 0.03)
        run.stop()
        assert len(run.ends) == 1, kind
        assert not isinstance(run.ends[0], Abandoned), kind
        assert run.words() == list(range(len(run.words()))), kind
    clients.close()
    until(lambda: not ours_running())
    until(lambda: not asyncio.all_tasks(background_loop()))
    until(lambda: sockets_open() <= sockets)


@pytest.mark.parametrize("kind", KINDS)
def test_a_failing_owner_closes_the_connection(
    wire: Wire, clients: Clients, kind: str
) -> None:
    """An error in ``on_payload`` ends the run, reported once; the server sees it."""
    mine = ValueError("mine")

    def fail(item: object) -> None:
        raise mine

    before = len(wire.exchanges)
    run = Run(clients.make(kind)("silence"), fail)

    assert run.source.join(5)
    assert run.ends == [mine]
    until(lambda: wire.exchanges[before].gone_at_s is not None)


@pytest.mark.parametrize(
    "kind",
    ["chat", "generate_content", "messages async", "chat async manager"],
)
def test_an_interrupt_at_any_time_is_harmless(
    wire: Wire, clients: Clients, kind: str
) -> None:
    """Before the start nothing is read; after the end nothing changes."""
    early: list[object] = []
    source = open_source(clients.make(kind)("silence"))
    source.interrupt()
    source.start(early.append, early.append)
    assert source.join(5)
    source.interrupt()
    assert early == [None]

    run = Run(clients.make(kind)("whole"))
    assert run.source.join(5)
    run.source.interrupt()
    run.source.interrupt()
    assert (run.ends, run.words(), run.source.alive) == ([None], list(range(20)), False)


@pytest.mark.parametrize("kind", ["generate_content", "interactions"])
def test_a_stop_does_not_make_gemini_resume(
    wire: Wire, clients: Clients, kind: str
) -> None:
    """With a checkpoint token at hand the SDK would ask again: it does not."""
    before = len(wire.exchanges)
    run = Run(clients.make(kind)("checkpoint"))
    until(lambda: run.items and (run.words() or len(run.items) == 3))
    time.sleep(0.02)
    run.stop()
    until(lambda: wire.exchanges[before].gone_at_s is not None)
    time.sleep(0.3)

    assert len(wire.exchanges) == before + 1
    assert len(run.ends) == 1


@pytest.mark.parametrize(
    ("kind", "abandoned"), [("chat callable", True), ("chat async", False)]
)
def test_a_stop_during_the_back_off_sends_nothing_more(
    wire: Wire, clients: Clients, kind: str, abandoned: bool
) -> None:
    """The SDK sleeps for 30 s: the stop takes half a second at most."""
    before = len(wire.exchanges)
    run = Run(clients.make(kind)("retry"))
    until(lambda: len(wire.exchanges) > before)
    time.sleep(0.05)
    at_s = run.stop()

    assert time.monotonic() - at_s < 2
    assert [isinstance(end, Abandoned) for end in run.ends] == [abandoned]
    assert len(wire.exchanges) == before + 1


@pytest.mark.parametrize("kind", ["chat", "generate_content", "messages async"])
def test_a_stop_leaves_other_streams_of_the_client_alone(
    wire: Wire, clients: Clients, kind: str
) -> None:
    """They share a pool, a loop, perhaps a thread's code, but no connection."""
    before = len(wire.exchanges)
    runs = [Run(clients.make(kind)("fire")) for _ in range(3)]
    until(lambda: all(run.words() for run in runs))
    runs[1].stop()
    counts = [len(run.items) for run in runs]
    until(lambda: len(runs[0].items) > counts[0] and len(runs[2].items) > counts[2])
    until(lambda: sum(e.gone_at_s is not None for e in wire.exchanges[before:]) == 1)
    runs[0].stop()
    runs[2].stop()

    assert [len(run.ends) for run in runs] == [1, 1, 1]


@pytest.mark.parametrize("kind", ["chat", "responses", "messages", "interactions"])
def test_a_stream_that_was_read_or_closed_is_refused(
    clients: Clients, kind: str
) -> None:
    """An SDK's stream gives nothing the second time."""
    read, closed = clients.make(kind)("whole"), clients.make(kind)("silence")
    list(read)  # type: ignore[call-overload]
    closed.close()  # type: ignore[attr-defined]
    for stream in (read, closed):
        with pytest.raises(UsageError, match="used up or closed"):
            open_source(stream)


@pytest.mark.parametrize("kind", ["chat manager", "responses manager"])
def test_an_entered_manager_is_read_and_then_refused(
    clients: Clients, kind: str
) -> None:
    """What ``with`` gave is a stream like any other."""
    with clients.make(kind)("whole") as stream:  # type: ignore[attr-defined]
        next(iter(stream))
        run = Run(stream)
        assert run.source.join(5)
        with pytest.raises(UsageError, match="used up or closed"):
            open_source(stream)

    assert run.ends == [None]
    assert run.words() == list(range(20))


# --- event loops --------------------------------------------------------------------


async def _opened(clients: Clients, kind: str, plan: str) -> object:
    given = clients.make(kind)(plan)
    entering = getattr(given, "__aenter__", None)
    return await (entering() if entering else given)  # type: ignore[misc]


AWAITED = ["chat async", "responses async", "messages async", "interactions async"]


ENTERED = ["chat async manager", "responses async manager", "messages async manager"]


@pytest.mark.parametrize("kind", [*AWAITED, *ENTERED, "chat async raw"])
@pytest.mark.parametrize("plan", ["whole", "silence"])
def test_an_opened_async_stream_runs_on_its_own_loop(
    wire: Wire, clients: Clients, kind: str, plan: str
) -> None:
    """It says that it needs the caller to await, runs when it does, and stops."""

    async def main() -> Run:
        run = Run(await _opened(clients, kind, plan))
        assert run.source.needs_await
        assert run.source.join(0.1) is False  # and does not wait in vain
        while plan == "silence" and len(run.words()) < 3:
            await asyncio.sleep(0.001)
        while run.source.alive:
            if plan == "silence":
                run.source.interrupt()
            await asyncio.sleep(0.001)
        await clients.aopenai.close()
        await clients.aanthropic.close()
        await clients.google.aio.aclose()
        return run

    before = len(wire.exchanges)
    run = asyncio.run(main())
    count = {"whole": 20, "silence": 3}[plan]

    assert run.words() == list(range(count))
    assert len(run.ends) == 1
    assert len(wire.exchanges) == before + 1


def test_a_stop_reaches_the_server_although_the_loop_is_blocked(wire: Wire) -> None:
    """The stream's own loop cannot cancel; the socket is shut down from outside."""

    async def main() -> Run:
        async with openai.AsyncOpenAI(base_url=wire.url + "/v1", api_key="k") as client:
            call = client.responses.create(model="silence", input="", stream=True)
            run = Run(await call)
            while len(run.words()) < 3:
                await asyncio.sleep(0.001)
            run.stop()  # this thread is the loop's: nothing else runs meanwhile
            until(lambda: exchange().gone_at_s is not None)
            return run

    def exchange() -> Exchange:
        return wire.exchanges[before]

    before = len(wire.exchanges)
    run = asyncio.run(main())

    assert isinstance(run.ends[0], Abandoned)
    assert len(run.ends) == 1


def test_a_call_that_gives_a_stream_of_the_callers_loop_is_refused(wire: Wire) -> None:
    """It would wait for a loop that waits for it."""

    async def main() -> Run:
        async with openai.AsyncOpenAI(base_url=wire.url + "/v1", api_key="k") as client:
            call = client.responses.create(model="whole", input="", stream=True)
            stream = await call
            run = Run(lambda: stream)
            assert run.source.join(5)
            await stream.close()
            return run

    (end,) = asyncio.run(main()).ends
    assert isinstance(end, UsageError)
    assert "pass the call without await" in str(end)


def test_a_generator_that_was_awaited_but_not_begun_runs_anywhere(
    clients: Clients,
) -> None:
    """Gemini's async call sends nothing before the first item."""

    async def main() -> Run:
        run = Run(await _opened(clients, "generate_content async", "whole"))
        assert not run.source.needs_await
        assert run.source.join(5)  # the loop of this thread is blocked meanwhile
        return run

    assert asyncio.run(main()).words() == list(range(20))


def test_a_stream_of_a_loop_that_ended_is_refused(wire: Wire) -> None:
    """Its connection went with the loop."""

    async def main() -> object:
        async with openai.AsyncOpenAI(base_url=wire.url + "/v1", api_key="k") as client:
            call = client.responses.create(model="silence", input="", stream=True)
            return await call

    with pytest.raises(UsageError, match="client is closed"):
        open_source(asyncio.run(main()))


@pytest.mark.parametrize("kind", [*AWAITED, "generate_content async"])
def test_a_client_can_be_shared_by_two_loops(
    wire: Wire, clients: Clients, kind: str
) -> None:
    """Kept-alive connections never cross over; every request is sent once."""
    plain: dict[str, Callable[[], object]] = {
        "chat async": lambda: _opened(clients, "chat async", "whole"),
        "responses async": lambda: clients.aopenai.responses.create(
            model="json", input="x"
        ),
        "messages async": lambda: clients.aanthropic.messages.create(
            model="json", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        ),
        "interactions async": lambda: clients.google.aio.interactions.create(
            model="json", input="x"
        ),
        "generate_content async": lambda: clients.google.aio.models.generate_content(
            model="json", contents="x"
        ),
    }

    async def main() -> list[Run]:
        runs = []
        for _ in range(3):
            given = await plain[kind]()  # type: ignore[misc]
            if hasattr(given, "__aiter__"):
                async for _ in given:
                    pass
            run = Run(clients.make(kind)("whole"))
            assert run.source.join(5)  # this thread's loop is blocked
            runs.append(run)
        await clients.aopenai.close()
        await clients.aanthropic.close()
        await clients.google.aio.aclose()
        return runs

    before = len(wire.exchanges)
    runs = asyncio.run(main())

    assert [run.ends for run in runs] == [[None]] * 3
    assert [run.words() for run in runs] == [list(range(20))] * 3
    assert len(wire.exchanges) == before + 6


def test_latencies_are_reported(record_property: Callable[[str, object], None]) -> None:
    """The stops above reached the server in milliseconds (printed with -s)."""
    for phase, times_ms in LATENCIES_MS.items():
        times_ms.sort()
        p50, p95 = (times_ms[int(len(times_ms) * q)] for q in (0.5, 0.95))
        print(f"{phase}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, n {len(times_ms)}")
        record_property(phase, (p50, p95))
        assert p50 < 500


@pytest.fixture
def left_suspended() -> Iterator[Callable[[], list[str]]]:
    """Name the new async generators that only the garbage collector would close."""
    gc.freeze()
    gc.disable()
    yield lambda: [
        found.__qualname__
        for found in gc.get_objects()
        if inspect.isasyncgen(found) and begun(found)
    ]
    gc.enable()
    gc.unfreeze()


@pytest.mark.parametrize("kind", [kind for kind in CLOSED if "async" in kind])
def test_a_stop_leaves_no_generator_to_the_collector(
    clients: Clients, kind: str, left_suspended: Callable[[], list[str]]
) -> None:
    """It may run in any thread, at worst while the loop closes them too."""
    # Stopped at an item: where it waits, the cancellation ends them by itself.
    run = Run(clients.make(kind)("fire"), stopped=True)

    assert run.source.join(5)
    assert run.ends == [None]
    assert left_suspended() == []


def asked(client: httpx2.AsyncClient, wire: Wire, plan: str) -> Any:
    """Ask as somebody does who needs no SDK."""
    body = {"model": plan, "messages": [], "stream": True}
    return client.stream("POST", f"{wire.url}/v1/chat/completions", json=body)


def test_a_stop_makes_no_generator_of_the_users_connect_again(wire: Wire) -> None:
    """It closes what it uses itself, in the order that it was written for."""

    async def connects() -> AsyncIterator[str]:
        async with httpx2.AsyncClient() as client:
            for _ in range(2):
                with contextlib.suppress(Exception):
                    async with asked(client, wire, "fire") as response:
                        async for line in response.aiter_lines():
                            yield line

    before = len(wire.exchanges)
    run = Run(connects(), stopped=True)

    assert run.source.join(5)
    assert run.ends == [None]
    until(lambda: wire.exchanges[before].gone_at_s is not None)
    assert len(wire.exchanges) == before + 1


def test_a_stop_leaves_alone_what_else_the_users_stream_holds(wire: Wire) -> None:
    """Another stream of the same owner is read to its end."""

    class Lines:
        def __init__(self, mine: AsyncIterator[str], other: AsyncIterator[str]) -> None:
            self.mine, self.other = mine, other

        def __aiter__(self) -> Lines:
            return self

        async def __anext__(self) -> str:
            return await anext(self.mine)

    async def main() -> str:
        async with (
            httpx2.AsyncClient() as client,
            asked(client, wire, "fire") as mine,
            asked(client, wire, "whole") as other,
        ):
            lines = Lines(mine.aiter_lines(), other.aiter_lines())
            first = await anext(lines.other)
            run = Run(lines, stopped=True)
            assert await asyncio.to_thread(run.source.join, 5)
            assert run.ends == [None]
            return "".join([first, *[line async for line in lines.other]])

    said = re.findall(r"w(\d+) ", asyncio.run(main()))

    assert list(map(int, said)) == list(range(20))
