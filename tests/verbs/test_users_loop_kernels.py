"""Async code of the user's own in a real kernel's cells; its client is a global."""

import json

import pytest
from harness.wire import said

TEXT = said("Hi")

SETUP = """\
import asyncio
import nbstream
from openai import AsyncOpenAI

ASKED = {{"model": "whole", "messages": [{{"role": "user", "content": "Hi"}}]}}
FOUND = {{}}

def new():
    return AsyncOpenAI(base_url="{url}/v1", api_key="k", max_retries=0, timeout=10)

client = new()

async def call():
    return await client.chat.completions.create(**ASKED, stream=True)

def texts_of(stream):
    return (c.choices[0].delta.content or "" async for c in stream if c.choices)

async def texts(stream):
    async for text in texts_of(stream):
        yield text

async def gen():
    async for text in texts_of(await call()):
        yield text

class Asked:
    def __init__(self, client):
        self.client = client

    async def call(self):
        return await self.client.chat.completions.create(**ASKED, stream=True)

    async def __aiter__(self):
        async for text in texts_of(await self.call()):
            yield text

class Run:
    '''A queue that a task of the running loop fills, as agents' runs have it.'''

    def __init__(self):
        self.queue = asyncio.Queue()
        self.task = asyncio.create_task(self._fill())

    async def _fill(self):
        async for text in gen():
            self.queue.put_nowait(text)
        self.queue.put_nowait(None)

    async def stream_events(self):
        while (text := await self.queue.get()) is not None:
            yield text
        await self.task

async def gen_over_a_queue():
    async for text in Run().stream_events():
        yield text

asked = Asked(client)

def note(name, reply):
    FOUND[name] = reply.text, reply.outcome

async def use():
    assert [c async for c in await call()]
"""

#: What it shows -> a cell's code that gives a reply.
CELLS = {
    "show(call)": "nbstream.show(call)",
    "show(call())": "nbstream.show(call())",
    "show(gen())": "nbstream.show(gen())",
    "show(gen)": "nbstream.show(gen)",
    "show of a lambda": "nbstream.show(lambda: texts(client_stream()))",
    "show of a method": "nbstream.show(asked.call)",
    "show of a method's coroutine": "nbstream.show(asked.call())",
    "show of an object": "nbstream.show(asked)",
    "show of a queue of its own": "nbstream.show(gen_over_a_queue())",
    "start: a generator over an open stream": (
        "await nbstream.start(texts(await call()))"
    ),
    "start: an expression over an open stream": (
        "await nbstream.start(texts_of(await call()))"
    ),
    "start: a function": "await nbstream.start(call)",
    "start: a queue and a task": "await nbstream.start(Run().stream_events())",
    "events": "await all_of(nbstream.events(texts(await call())))",
    "events: a queue and a task": (
        "await all_of(nbstream.events(Run().stream_events()))"
    ),
}
MORE = """\
async def all_of(found):
    async for _ in found:
        pass
    return found.reply

def client_stream():
    class Later:
        async def __aiter__(self):
            async for each in await call():
                yield each
    return Later()
"""


@pytest.mark.parametrize("used_before", [False, True])
def test_it_is_shown_and_the_client_works_on(kernel, wire, used_before):
    """Whatever the cell's loop has made is used on it; nothing waits for ever."""
    kernel.execute(SETUP.format(url=wire.url) + MORE)
    for name, code in CELLS.items():
        before = "await use()\n" if used_before else ""
        new = "client = asked.client = new()\n"
        kernel.execute(f"{new}{before}note({name!r}, {code})", timeout_s=20)
        run = kernel.execute("await use()", timeout_s=20)
        assert (name, run.status) == (name, "ok"), run.outputs
    found = kernel.execute("import json; print(json.dumps(FOUND))")

    assert json.loads(found.text) == {name: [TEXT, "complete"] for name in CELLS}


REFUSED = {
    "a generator over an open stream": "texts(await call())",
    "an expression over an open stream": "texts_of(await call())",
    "a queue and a task": "Run().stream_events()",
}


def test_what_needs_the_loop_that_show_blocks_is_refused(kernel, wire):
    """At once, with what to write instead; and the stream can still be read."""
    kernel.execute(SETUP.format(url=wire.url) + MORE)
    for name, code in REFUSED.items():
        refused = f"made = {code}\nnbstream.show(made)"
        # An ipykernel 6 would for a moment leave out what comes after an error.
        run = kernel.wait(kernel.queue(refused, stop_on_error=False), timeout_s=20)
        assert (name, run.status) == (name, "error")
        assert "await nbstream.start" in run.outputs[-1]["evalue"]
        allowed = f"note({name!r}, await nbstream.start(made))"
        run = kernel.execute(allowed, timeout_s=20)
        assert (name, run.status) == (name, "ok"), run.outputs
        assert kernel.execute("await use()", timeout_s=20).status == "ok"
    found = kernel.execute("import json; print(json.dumps(FOUND))")

    assert json.loads(found.text) == {name: [TEXT, "complete"] for name in REFUSED}


TOOLS = """\
async def lookup(city: str) -> str:
    "Look a city up."
    await use()
    return "18 degrees"

class Tools:
    async def lookup(self, city: str) -> str:
        "Look a city up."
        return await lookup(city)

def asking(tool, **more):
    return nbstream.ask(
        "Which weather?", "openai-chat:m", tools=[tool],
        base_url={url!r} + "/v1", api_key="k", timeout=10, **more)
"""
ASKS = {
    "ask": "asking(lookup)",
    "ask with a method": "asking(Tools().lookup)",
    "ask in the background": "await asking(lookup, wait=False)",
    "ask in the background with a method": "await asking(Tools().lookup, wait=False)",
    "Chat": "nbstream.Chat('openai-chat:m', tools=[lookup], api_key='k', "
    "base_url=URL)('Which weather?')",
}


def test_an_async_tool_uses_the_cell_s_client(kernel, wire, server):
    """And the cell uses it afterwards; at first it has not been used before."""
    tools = TOOLS.format(url=server.url) + f"URL = {server.url + '/v1'!r}\n"
    kernel.execute(SETUP.format(url=wire.url) + MORE + tools)
    for name, code in ASKS.items():
        kernel.execute(f"reply = {code}", timeout_s=20)
        done = "[c.run.result for r in reply.rounds for c in r.tool_calls]"
        noted = f"FOUND[{name!r}] = {done}, reply.outcome"
        run = kernel.execute(f"{noted}\nawait use()", timeout_s=20)
        assert (name, run.status) == (name, "ok"), run.outputs
    found = kernel.execute("import json; print(json.dumps(FOUND))")

    expected = [["18 degrees"], "complete"]
    assert json.loads(found.text) == dict.fromkeys(ASKS, expected)
