"""Runs what the pictures of times tell, on this machine; nothing is drawn here.

All answers are the offline server's, at its model's pace. Times are seconds from the
request on, to a thousandth.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import httpx2
from drawing import ROOT
from openai import AsyncOpenAI, OpenAI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

import nbstream
from nbstream import offline, web
from nbstream.sse import Decoder

MODEL = "gpt-5.6-luna"
LONG = "Give me a long answer."


def ms(time_s: float) -> float:
    """Return seconds to a thousandth."""
    return round(time_s, 3)


def served(speed: float = 1) -> tuple[offline.Server, OpenAI]:
    """Return the server and a client that has asked once: the first takes longer."""
    server = offline.use(live=False, speed=speed)
    assert server is not None
    client = OpenAI()
    client.responses.create(model=MODEL, input="Hi", max_output_tokens=1)
    nbstream.ask("Hi", f"openai:{MODEL}", max_tokens=1, view="none")
    return server, client


# -- 00: first words -----------------------------------------------------------------

LENGTHS = (10, 100, 300)


def first_words() -> object:
    """Return for each length: first words, last words, and when a call was back."""
    _, client = served()
    found = []
    for tokens in LENGTHS:
        asked = {"model": MODEL, "input": LONG, "max_output_tokens": tokens}
        began = time.monotonic()
        stream = client.responses.create(**asked, stream=True)
        times = [
            ms(time.monotonic() - began)
            for event in stream
            if event.type == "response.output_text.delta"
        ]
        began = time.monotonic()
        client.responses.create(**asked)
        call = ms(time.monotonic() - began)
        found.append({"tokens": tokens, "deltas": times, "call": call})
    return found


# -- 02: reads -----------------------------------------------------------------------

#: The proxy looks so often, in seconds, and passes on so much at most, in bytes.
LOOKS_S, MOST = 0.08, 1024


def reads() -> object:
    """Return each read, directly and through a proxy that collects, and the events.

    Of a read: when, how many bytes, how many events it made whole, and whether it
    ended where one did.
    """
    server, _ = served()
    proxy = web.open(
        Starlette(
            routes=[Route("/{path:path}", passed_on(server.url), methods=["POST"])]
        )
    )
    return {
        name: recorded_reads(address)
        for name, address in {"direct": server.url, "proxy": proxy.url}.items()
    }


def passed_on(target: str) -> Callable[[Request], Response]:
    """Return an endpoint that collects what comes, as some proxies do."""

    async def collected(path: str, body: bytes) -> AsyncIterator[bytes]:
        kept = bytearray()
        over = asyncio.Event()

        async def fill() -> None:
            async with httpx2.AsyncClient() as client:
                there = client.stream("POST", f"{target}/{path}", content=body)
                async with there as response:
                    async for data in response.aiter_raw():
                        kept.extend(data)
            over.set()

        filling = asyncio.create_task(fill())
        while not over.is_set() or kept:
            await asyncio.sleep(LOOKS_S)
            while len(kept) >= MOST:
                yield bytes(kept[:MOST])
                del kept[:MOST]
            if over.is_set() and kept:
                yield bytes(kept)
                kept.clear()
        await filling

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        pieces = collected(request.path_params["path"], body)
        return StreamingResponse(pieces, media_type="text/event-stream")

    return endpoint


def recorded_reads(address: str) -> list[list[float]]:
    """Return the reads of one answer, as nbstream.record keeps them."""
    address = f"{address.rstrip('/')}/v1"
    client = OpenAI(base_url=address)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answer.rec")
        with nbstream.record(path):
            list(
                client.responses.create(
                    model=MODEL, input=LONG, max_output_tokens=60, stream=True
                )
            )
        own = (each for each in nbstream.record.load(path) if address in each.url)
        exchange = next(own)  # and not the proxy's
    decoder, found = Decoder(), []
    for read in exchange.reads:
        events = len(decoder.feed(read.data))
        whole = read.data.endswith(b"\n\n")
        found.append([ms(read.time_s), len(read.data), events, int(whole)])
    return found


# -- 06: a stall, and Stop; 09: a reader who leaves ------------------------------------

#: After so many tokens the server falls silent; so long after the request is Stop.
STALLS_AFTER, STOPS_S = 40, 2.5


def stall_and_stop() -> object:
    """Return when the deltas came, when Stop was pressed and when the server saw it."""
    server, client = served()

    def ask() -> object:
        return client.responses.create(model=MODEL, input=LONG, stream=True)

    with offline.fault("stall", after=STALLS_AFTER):
        live = nbstream.start(ask, view="none")
        time.sleep(STOPS_S)
        pressed = time.monotonic()
        live.stop()
        reply = live.result()
    seen = server.wait_for(lambda each: each.disconnected_at)
    assert seen.disconnected_at is not None
    assert reply.timing is not None
    assert reply.timing.zero_s is not None
    zero = reply.timing.zero_s
    return {
        "deltas": [ms(each.time_s) for each in reply.timing.deltas],
        "stop": round(pressed - zero, 4),
        "seen": round(seen.disconnected_at - zero, 4),
        "outcome": reply.outcome,
        "characters": len(reply.text),
    }


#: How long the reader stays, in seconds.
STAYS_S = 0.6


def leaving() -> object:
    """Return when the provider wrote, for a reader who leaves, behind two endpoints."""
    server, client = served()

    def ask() -> object:
        return client.responses.create(
            model=MODEL, input=LONG, max_output_tokens=200, stream=True
        )

    def tutorial() -> Iterator[str]:
        for event in ask():
            if event.type == "response.output_text.delta":
                yield f"data: {json.dumps({'text': event.delta})}\n\n"

    kind = "text/event-stream"
    gc.disable()  # by chance it closes what nobody closes
    naive = left(lambda: StreamingResponse(tutorial(), media_type=kind), server)
    ours = left(lambda: web.Response(ask), server)
    gc.enable()
    return {"tutorial": naive, "web.Response": ours}


def left(respond: Callable[[], Response], server: offline.Server) -> list[float]:
    """Return when the provider wrote, if the reader leaves this endpoint."""

    async def endpoint(_: object) -> Response:
        return respond()

    here = web.open(Starlette(routes=[Route("/", endpoint)]))
    response = urlopen(here.url)
    response.readline()
    asked, began_s = server.log[-1], time.monotonic()
    times: list[float] = []
    while not (asked.finished or asked.disconnected_at):
        now_s = time.monotonic() - began_s
        times += [ms(now_s)] * (asked.events_sent - len(times))
        if now_s >= STAYS_S:
            response.close()
        time.sleep(0.002)
    here.stop()
    return times


# -- 07: bytes -----------------------------------------------------------------------

SIZES = (500, 1_000, 2_000, 4_000, 8_000)
#: At a model's pace: deltas of four characters.
PER_S = 70


def sent_bytes() -> object:
    """Return what a real JupyterLab gets for answers of several sizes, in bytes.

    Of each way: what comes beyond a cell that shows nothing. ``script`` is the live
    view's own code, which comes before an answer and is not counted with it.
    """
    sys.path += [str(ROOT / "bench"), str(ROOT / "tests")]
    from view_page import opened  # it needs Chromium

    found: dict[str, list[int]] = {"naive": [], "ours": []}
    with opened("import view_ways") as bench:

        def measure(way: str, size: int, per_s: float) -> dict[str, int]:
            call = f"view_ways.run({way!r}, 'words', {size}, {per_s}, 0)"
            return bench.measure(call, -1, 120)

        measure("ours", 100, 1_000)  # it loads what it needs
        nothing = measure("nothing", 100, 1_000)["bytes"]
        for size in SIZES:
            for way, each in found.items():
                seen = measure(way, size, PER_S)
                each.append(seen["bytes"] - seen["opening"] - nothing)
        script = seen["opening"]
    return {"sizes": SIZES, **found, "script": script}


# -- 08: twenty questions ------------------------------------------------------------

QUESTIONS, AT_ONCE = 20, 5


def twenty() -> object:
    """Return when each of twenty questions was asked and answered, in both ways."""
    served()
    return {
        "one by one": asyncio.run(asked_at_once(1)),
        "five at a time": asyncio.run(asked_at_once(AT_ONCE)),
    }


async def asked_at_once(limit: int) -> list[list[float]]:
    """Ask all questions, so many at once; return when each began and ended."""
    room = asyncio.Semaphore(limit)
    async with AsyncOpenAI() as client:
        await client.responses.create(model=MODEL, input="Hi", max_output_tokens=1)
        began = time.monotonic()

        async def ask(number: int) -> list[float]:
            async with room:
                start = ms(time.monotonic() - began)
                tokens = 20 + 13 * number % 41
                await client.responses.create(
                    model=MODEL, input=f"Question {number}?", max_output_tokens=tokens
                )
                return [start, ms(time.monotonic() - began)]

        return await asyncio.gather(*map(ask, range(QUESTIONS)))


#: What is measured, by the name that it has in docs/recorded.json.
MEASURES: dict[str, Callable[[], object]] = {
    "first_words": first_words,
    "reads": reads,
    "stall_and_stop": stall_and_stop,
    "bytes": sent_bytes,
    "twenty": twenty,
    "leaving": leaving,
}
