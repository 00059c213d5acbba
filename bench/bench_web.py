"""What a stream costs on its way to a page: when a reader leaves, and when none does.

The app is served by uvicorn in a process of its own; readers and providers are here.
Targets: the provider sees within 50 ms (p95) that the reader has left, for every API,
sync and async, at each moment; the first byte comes at most 5 ms (p50) later than with
the loop over an SDK's stream that people write. Throughput is compared, in the same
run, with that loop, and with a plain Starlette relay of the same bytes.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from bench_delta import fetch  # noqa: E402
from harness.loopback import Fixed, Loopback  # noqa: E402
from harness.sdks import APIS, KEY, SHAPES, Clients  # noqa: E402
from harness.web import Client, question  # noqa: E402
from harness.wire import Wire  # noqa: E402

from nbstream.offline.server import Http  # noqa: E402

LEAVES, FIRSTS, ROUNDS, STREAMS, WORDS = 20, 200, 9, 200, 100
#: When a reader leaves: the provider's plan, and what has been read by then.
WHEN = {
    "before headers": ("headers", None),
    "before a token": ("first", None),
    "mid-stream": ("flow", "text-delta"),
    "in silence": ("silence", "text-delta"),
}
ASKED = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}


# -- What is served, in the other process ---------------------------------------------


def answers() -> Any:
    """Return our app around a function that asks as the question says."""
    from nbstream import web

    clients = Clients(os.environ["UPSTREAM"])

    def answer(asked: Any) -> object:
        shape, plan = asked.text.split(" / ")
        return SHAPES[shape].make(clients, plan, "A long answer, please")

    return web.app(answer)


def ways() -> Any:
    """Return an app with the ways to pass a stream on, each under its name."""
    import httpx2
    import openai
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route

    from nbstream import web

    url = f"{os.environ['UPSTREAM']}/v1"
    options = {"api_key": KEY, "max_retries": 0, "timeout": 300.0}
    client = openai.AsyncOpenAI(base_url=url, **options)
    http = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=None))

    async def relayed() -> AsyncIterator[bytes]:
        asked = http.stream("POST", f"{url}/chat/completions", json=ASKED)
        async with asked as response:
            async for piece in response.aiter_bytes():
                yield piece

    async def looped(asked: dict[str, Any]) -> AsyncIterator[bytes]:
        async for chunk in await client.chat.completions.create(**asked):
            yield b"data: %s\n\n" % chunk.model_dump_json().encode()

    async def answer(request: Request) -> Response:
        asked = {**ASKED, **json.loads(await request.body() or "{}")}
        match request.path_params["way"]:
            case "relay":
                return StreamingResponse(relayed(), media_type="text/event-stream")
            case "loop":
                return StreamingResponse(looped(asked), media_type="text/event-stream")
            case "bytes":
                return web.Response(relayed())
        return web.Response(client.chat.completions.create(**asked))

    return Starlette(routes=[Route("/{way}", answer, methods=["POST"])])


@contextmanager
def serving(factory: str, upstream: str) -> Iterator[tuple[str, Any]]:
    """Serve one of them; give its address and its process."""
    import psutil

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    options = ["--factory", "--port", str(port), "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", f"bench_web:{factory}", *options]
    process = subprocess.Popen(
        command, cwd=HERE, env={**os.environ, "UPSTREAM": upstream}
    )
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if process.poll() is not None:
                raise RuntimeError("the server has ended")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


# -- What is measured -----------------------------------------------------------------


def leaving(leaves: int = LEAVES) -> dict[str, dict[str, float]]:
    """Return how long it takes until the provider sees it, in ms; last for all."""
    wire, found = Wire(), {}
    every: list[float] = []
    with serving("answers", wire.url) as (url, _):
        for api in APIS:
            for how in ("sync", "async"):
                for when, (plan, text) in WHEN.items():
                    asked = question(f"{api}, {how} stream / {plan}")
                    one_leave(url, wire, asked, text)  # imports, connections
                    took = [one_leave(url, wire, asked, text) for _ in range(leaves)]
                    found[f"{api}, {how}, {when}"] = of(took)
                    every += took
    wire.close()
    return {**found, "all": of(every)}


def one_leave(url: str, wire: Wire, asked: object, text: str | None) -> float:
    """Ask, leave, and return after how many ms the provider has seen it."""
    wire.exchanges.clear()
    client = Client(url, asked)
    exchange = wire.wait_for(lambda each: True)
    if text is None:
        time.sleep(0.01)  # so that it is not a reader who leaves at once
    else:
        client.read_until(text)
    left_s = client.leave()
    wire.wait_for(lambda each: each is exchange and each.gone_at_s)
    assert exchange.gone_at_s is not None
    return 1000 * (exchange.gone_at_s - left_s)


def of(took: list[float]) -> dict[str, float]:
    """Return the median and the 95th percentile."""
    cuts = statistics.quantiles(took, n=20, method="inclusive")
    return {"p50": statistics.median(took), "p95": cuts[18]}


def first_byte(url: str, upstream: str, firsts: int = FIRSTS) -> dict[str, float]:
    """Return when the first byte of a body is there, in ms, by each way."""
    took: dict[str, list[float]] = {"direct": [], "relay": [], "loop": [], "ours": []}
    for _ in range(firsts):
        for way, all_ms in took.items():
            is_direct = way == "direct"
            path = "/v1/chat/completions" if is_direct else f"/{way}"
            began_s = time.perf_counter()
            client = Client(upstream if is_direct else url, ASKED, path)
            client.response.read1(1)
            all_ms.append(1000 * (time.perf_counter() - began_s))
            client.leave()
    return {way: statistics.median(all_ms) for way, all_ms in took.items()}


def throughput(url: str, process: Any, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the seconds, and the server's CPU seconds, of a long answer; the least."""
    best: dict[str, float] = {}
    for _ in range(rounds):
        for way in ("relay", "loop", "ours", "bytes"):
            cpu_s, began_s = sum(process.cpu_times()[:2]), time.perf_counter()
            Client(url, {}, f"/{way}").read()
            took_s = time.perf_counter() - began_s
            cpu_s = sum(process.cpu_times()[:2]) - cpu_s
            for name, value in ((way, took_s), (f"{way} CPU", cpu_s)):
                best[name] = min(best.get(name, value), value)
    return best


class Numbered(Loopback):
    """Answers with many words, slowly, each of which is the number that was asked."""

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        http = Http(reader, writer)
        request = await http.read()
        if request is None:
            return False
        number = request.json()["messages"][0]["content"]
        writer.write(http.head(200, {"Content-Type": "text/event-stream"}))
        for at in range(WORDS):
            last = '"stop"' if at == WORDS - 1 else "null"
            delta = {"content": f"{number}.{at} "}
            choice = f'{{"index":0,"delta":{json.dumps(delta)},"finish_reason":{last}}}'
            event = f'data: {{"object":"chat.completion.chunk","choices":[{choice}]}}'
            writer.write(http.data(f"{event}\n\n".encode()))
            await writer.drain()
            await asyncio.sleep(0.02)
            if writer.is_closing():
                return False
        writer.write(http.end())
        await writer.drain()
        return True


def at_once(streams: int = STREAMS) -> dict[str, float]:
    """Return how many of so many streams at once were right, and the server's memory.

    Each goes through the real SDK, and all of them are open at the same time.
    """
    import httpx2

    async def ask(client: Any, number: int) -> bool:
        said, found = [{"role": "user", "content": f"{number}"}], ""
        async with client.stream("POST", "/ours", json={"messages": said}) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    chunk = json.loads(line[len("data: ") :])
                    found += chunk.get("delta", "")
        wanted = "".join(f"{number}.{at} " for at in range(WORDS))
        return bool(chunk["type"] == "finish" and found == wanted)

    async def ask_all(url: str) -> list[bool]:
        limits = httpx2.Limits(max_connections=None)
        options = {"base_url": url, "timeout": 300, "limits": limits}
        async with httpx2.AsyncClient(**options) as client:
            found = []
            for _ in range(2):  # what the first time takes is no stream's own
                held.append(process.memory_info().rss)
                found = await asyncio.gather(*(ask(client, n) for n in range(streams)))
            held.append(process.memory_info().rss)
            return found

    held: list[int] = []
    upstream = Numbered()
    with serving("ways", upstream.url) as (url, process):
        began_s = time.perf_counter()
        found = asyncio.run(ask_all(url))
        took_s = time.perf_counter() - began_s
    upstream.close()
    return {
        "streams": streams,
        "right": sum(found),
        "took_s": took_s,
        "grown_kb_each": (held[1] - held[0]) / 1000 / streams,
        "again_kb_each": (held[2] - held[1]) / 1000 / streams,
    }


def main(leaves: int = LEAVES, streams: int = STREAMS) -> dict[str, Any]:
    """Print and return all of it."""
    left = leaving(leaves)
    for name, each in left.items():
        print(f"{name}: p50 {each['p50']:.1f} ms, p95 {each['p95']:.1f} ms", flush=True)
    upstream = Numbered()
    with serving("ways", upstream.url) as (url, _):
        first = first_byte(url, upstream.url)
    upstream.close()
    upstream, wire = Fixed(), fetch("openai.chat")
    upstream.says("text/event-stream", wire)
    with serving("ways", upstream.url) as (url, process):
        long = throughput(url, process)
    upstream.close()
    print("first byte, ms:", json.dumps(first), flush=True)
    print(f"{wire.count(b'data:')} events, {len(wire):,} bytes, s:", json.dumps(long))
    load = at_once(streams)
    print("at once:", json.dumps(load))
    return {"left": left, "first": first, "long": long, "load": load}


def rows(results: dict[str, Any]) -> list[str]:
    """Return the table's rows."""
    left, first = results["left"], results["first"]
    long, load = results["long"], results["load"]
    added_ms = first["ours"] - first["loop"]
    worst = max(each["p50"] for each in left.values())
    return [
        "| a page's reader leaves: until the provider sees it, in 40 ways (API, sync "
        f"or async, moment) | p50 {left['all']['p50']:.0f} ms, p95 "
        f"{left['all']['p95']:.0f} ms (wanted: at most 50 ms); "
        f"the worst of the ways p50 {worst:.0f} ms |",
        "| first byte at the page, over the usual loop over the SDK's stream | "
        f"{added_ms:+.1f} ms (wanted: at most 5 ms); that loop over a plain relay "
        f"{first['loop'] - first['relay']:+.1f} ms |",
        "| CPU time for a long answer at the page, over the usual loop over the SDK's "
        f"stream | {long['ours CPU'] / long['loop CPU']:.1f} x |",
        "| time for a long answer of raw bytes at the page, over a plain Starlette "
        f"relay that reads nothing of them | {long['bytes'] / long['relay']:.1f} x |",
        f"| {load['streams']} pages at once | {load['right']} of {load['streams']} "
        f"right to the letter; the server grew by {load['grown_kb_each']:.0f} kB for "
        f"each, and by {load['again_kb_each']:.0f} kB when as many came again |",
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--leaves", type=int, default=LEAVES)
    main(parser.parse_args().leaves)
