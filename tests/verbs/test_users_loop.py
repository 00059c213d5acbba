"""Async code of the user's own, and whose event loop it runs on."""

import asyncio
from types import ModuleType

import pytest
from harness.wire import Wire, said
from openai import AsyncOpenAI

import nbstream
from nbstream.errors import UsageError

ASKED = {"model": "whole", "messages": [{"role": "user", "content": "Hi"}]}
TEXT = said("Hi")
client = None
opened = None
LIBRARY = ModuleType("library")


@pytest.fixture(autouse=True)
def wire():
    global client
    server = Wire()
    client = AsyncOpenAI(base_url=f"{server.url}/v1", api_key="k", max_retries=0)
    LIBRARY.ours = client
    yield server
    server.close()


def run(main):
    async def closing():
        try:
            return await main()
        finally:
            await client.close()

    return asyncio.run(closing())


async def call():
    return await client.chat.completions.create(**ASKED, stream=True)


async def texts(stream):
    async for chunk in stream:
        if chunk.choices:
            yield chunk.choices[0].delta.content or ""


async def asks():
    async for text in texts(await call()):
        yield text


async def over_a_global():
    async for text in texts(opened):
        yield text


async def over_a_closure():
    stream = await call()
    return texts(stream)


async def over_an_expression():
    stream = await call()
    return (text async for text in texts(stream))


async def opens_a_global():
    global opened
    opened = await call()
    return over_a_global()


async def over_a_queue():
    queue = asyncio.Queue()

    async def fill():
        async for text in asks():
            queue.put_nowait(text)
        queue.put_nowait(None)

    task = asyncio.create_task(fill())

    async def read():
        while (text := await queue.get()) is not None:
            yield text
        await task

    return read()


async def over_its_own_queue():
    async for text in await over_a_queue():
        yield text


class Asked:
    """Its functions name the client; what it is made of does not."""

    async def call(self):
        return await call()

    async def __aiter__(self):
        async for text in asks():
            yield text


async def by_a_class():
    async for text in Asked():
        yield text


async def of_a_module():
    return await LIBRARY.ours.chat.completions.create(**ASKED, stream=True)


async def now(made):
    return made


def by_default():
    async def asking(own=client):
        return await own.chat.completions.create(**ASKED, stream=True)

    return asking


#: What it shows -> makes it, in the loop.
OWN = {
    "a coroutine": lambda: now(call()),
    "an async function": lambda: now(call),
    "an async generator": lambda: now(asks()),
    "an async generator function": lambda: now(asks),
    "a lambda": lambda: now(lambda: asks()),
    "a queue and a task of its own": lambda: now(over_its_own_queue),
    "a method": lambda: now(Asked().call),
    "an object": lambda: now(Asked()),
    "a class that a generator uses": lambda: now(by_a_class()),
    "a client of a module": lambda: now(of_a_module),
    "a client that is a default": lambda: now(by_default()),
}
BOUND = {
    "a closure over an open stream": over_a_closure,
    "an expression over an open stream": over_an_expression,
    "a global that is an open stream": opens_a_global,
    "a queue that a task fills": over_a_queue,
}


async def start(stream):
    return await nbstream.start(stream, view="none")


async def events(stream):
    found = nbstream.events(stream)
    async for _ in found:
        pass
    return found.reply


async def used():
    return [chunk async for chunk in await call()] != []


@pytest.mark.parametrize("used_before", [False, True])
@pytest.mark.parametrize("level", [start, events])
@pytest.mark.parametrize("make", (OWN | BOUND).values(), ids=OWN | BOUND)
def test_it_runs_on_the_loop_that_runs(make, level, used_before):
    """So whatever it uses of that loop works, and the client goes on to."""

    async def main():
        if used_before:
            assert await used()
        reply = await asyncio.wait_for(level(await make()), 20)
        return reply.text, reply.outcome, await used()

    assert run(main) == (TEXT, "complete", True)


@pytest.mark.parametrize("used_before", [False, True])
@pytest.mark.parametrize("make", OWN.values(), ids=OWN)
def test_show_leaves_the_client_as_it_was(make, used_before):
    """It blocks the loop, so it runs the code on another; the client is a global."""

    async def main():
        if used_before:
            assert await used()
        reply = nbstream.show(await make(), view="none", timeout=20)
        return reply.text, reply.outcome, await used()

    assert run(main) == (TEXT, "complete", True)


@pytest.mark.parametrize("make", BOUND.values(), ids=BOUND)
def test_show_refuses_what_needs_the_loop_that_it_blocks(make):
    """The message says what does not block it."""

    async def main():
        stream = await make()
        with pytest.raises(UsageError, match=r"await nbstream\.start"):
            nbstream.show(stream, view="none", timeout=20)
        await used()
        return [text async for text in stream]

    assert "".join(run(main)) == TEXT


@pytest.mark.parametrize("made", [asks, lambda: lambda: asks()])
def test_what_runs_on_the_loop_is_not_waited_for_in_it(made):
    """That would wait for ever."""

    async def main():
        live = nbstream.start(made(), view="none")
        with pytest.raises(UsageError, match="await live"):
            live.result()
        return (await live).text

    assert run(main) == TEXT


def test_without_a_loop_it_runs_on_ours():
    """A script."""
    assert nbstream.show(asks(), view="none", timeout=20).text == TEXT


#: What is read of a response that the user's own loop has opened.
OF_A_RESPONSE = {
    "itself": lambda response: response,
    "its lines": lambda response: response.iter_lines(),
    "its bytes": lambda response: response.iter_bytes(),
    "its stream, to be awaited": lambda response: response.parse(),
    "httpx's lines": lambda response: response.http_response.aiter_lines(),
}


@pytest.mark.parametrize("level", [start, events])
@pytest.mark.parametrize("read", OF_A_RESPONSE.values(), ids=OF_A_RESPONSE)
def test_what_is_read_of_an_open_response_runs_on_its_loop(read, level):
    """Also where an SDK's call that has not begun is all that tells of it."""

    async def main():
        call = client.chat.completions.with_streaming_response
        async with call.create(**ASKED, stream=True) as response:
            return await level(read(response))

    assert run(main).text == TEXT
