"""When the reader of a page leaves, the provider's connection is closed.

How soon, ``bench/bench_web.py`` measures.
"""

from __future__ import annotations

import asyncio
import threading

import pytest
from harness.sdks import APIS, SHAPES
from harness.web import Client, answered_to, question, served
from harness.wire import wait_until

from nbstream import web

#: When the reader leaves, and what it has read by then.
WHEN = {"headers": None, "first": None, "flow": "text-delta", "silence": "text-delta"}


@pytest.fixture(scope="module", params=["h11", "httptools"])
def answered(request, broken):
    """Serve a function that asks as the question says: ``shape / plan``."""

    def answer(asked):
        shape, plan = asked.text.split(" / ")
        return SHAPES[shape].make(broken, plan, "A long answer, please")

    with served(web.app(answer), http=request.param) as url:
        yield url


@pytest.mark.parametrize("plan", WHEN)
@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("api", APIS)
def test_the_provider_sees_it(answered, wire, api, how, plan):
    """Before headers, before a token, in mid-stream and in silence."""
    wire.exchanges.clear()
    client = Client(answered, question(f"{api}, {how} stream / {plan}"))
    exchange = wire.wait_for(lambda each: each.plan == plan)
    if (text := WHEN[plan]) is not None:
        client.read_until(text)
    client.leave()
    wire.wait_for(lambda each: each is exchange and each.gone_at_s)

    assert not exchange.over or exchange.gone_at_s
    wait_until(lambda: "nbstream-source" not in [t.name for t in threading.enumerate()])


# -- At the very moment when something comes ------------------------------------------


async def leaving_words(left, *, before, after, closed):
    """Say a word, and let the reader leave just before or after another."""
    try:
        yield "Hel"
        for _ in range(before):
            await asyncio.sleep(0)
        if before:
            left.set()
        yield "lo"
        for _ in range(after):
            await asyncio.sleep(0)
        left.set()
        await asyncio.Future()
    finally:
        closed.append(True)


@pytest.mark.parametrize("timeout", [None, 60], ids=["", "with a timeout"])
@pytest.mark.parametrize("how", ["leave", "abort"])
def test_at_the_moment_when_something_comes(how, timeout):
    """In whatever order both come: that the reader has left is never forgotten."""

    async def run(before, after):
        closed, left = [], asyncio.Event()
        words = leaving_words(left, before=before, after=after, closed=closed)
        async with asyncio.timeout(10):
            if how == "leave":
                app = web.Response(words, timeout=timeout)
                await answered_to(app, left.wait)
            else:
                reading = asyncio.create_task(read(words))
                await left.wait()
                reading.cancel()
                await asyncio.wait([reading])
        assert closed

    async def read(words):
        return [each async for each in web.encode(words, timeout=timeout)]

    for steps in range(12):
        asyncio.run(run(steps, 0))
        asyncio.run(run(0, steps))
