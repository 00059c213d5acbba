"""Many pages at once, and pages that read slowly, or not at all."""

from __future__ import annotations

import asyncio
import gc
import json
import time
import tracemalloc

import pytest
from harness.web import asked, chunks_of, question, served
from harness.wire import wait_until

import nbstream
from nbstream import web
from nbstream.web._transmission import Transmission

MANY = 200
WORDS = 12


def living() -> int:
    """Return how many streams are held in memory."""
    gc.collect()
    return sum(type(each) is Transmission for each in gc.get_objects())


class Numbered:
    """Answers in which each word is what was asked; all have begun before one ends."""

    def __init__(self) -> None:
        self.begun = 0

    def words(self, text):
        yield f"{text}.0 "
        self.begun += 1
        while self.begun < MANY:
            time.sleep(0.01)
        for at in range(1, WORDS):
            yield f"{text}.{at} "

    async def words_async(self, text):
        yield f"{text}.0 "
        self.begun += 1
        while self.begun < MANY:
            await asyncio.sleep(0.01)
        for at in range(1, WORDS):
            yield f"{text}.{at} "


async def raw(url: str, number: int) -> bytes:
    """Ask over a socket of its own, and return all that comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url[-5:]))
    body = json.dumps(question(str(number), id_=f"c{number}"))
    head = "POST /api/chat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write((head + kind + body).encode())
    found = await reader.read()
    writer.close()
    return found


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_many_at_once(kind):
    """Two hundred pages, all of them open: none gets a word of another's."""
    numbered, before = Numbered(), living()
    words = numbered.words if kind == "sync" else numbered.words_async
    app = web.app(lambda asked: words(asked.text), max_streams=MANY)

    async def ask_all(url):
        return await asyncio.gather(*(raw(url, number) for number in range(MANY)))

    with served(app) as url:
        answers = asyncio.run(ask_all(url))
    for number, answer in enumerate(answers):
        found = [each for each in answer.decode().split('"') if "." in each]
        joined = "".join(each for each in found if each[0].isdigit())
        assert joined == "".join(f"{number}.{at} " for at in range(WORDS))
        assert b'"finish"' in answer
    wait_until(lambda: living() <= before)


# -- Slow readers ---------------------------------------------------------------------

PIECE = "So it goes on, and on. " * 40


def peak_of(work) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_slow_reader():
    """What waits for it is the answer, once: not a message for each word of it."""
    pieces = 2_000
    sent = []

    async def slowly(message):
        await asyncio.sleep(0.02)
        sent.append(len(message.get("body", b"")))

    async def read():
        answer = web.Response(iter([PIECE] * pieces))
        await answer({"type": "http"}, asyncio.Future, slowly)

    peak = peak_of(lambda: asyncio.run(read()))
    size = pieces * len(PIECE)

    assert sum(sent) > size
    assert len(sent) < pieces / 4
    assert peak < 8 * size


def test_a_reader_who_takes_nothing():
    """One who does not even leave is left: the stream ends, and nothing is held."""
    closed, before = [], living()

    async def endless():
        try:
            while True:
                yield PIECE
                await asyncio.sleep(0.001)
        finally:
            closed.append(True)

    async def stuck(message):
        if message["type"] == "http.response.body":
            await asyncio.Future()

    async def read():
        answer = web.Response(endless(), stall_s=0.2)
        async with asyncio.timeout(10):
            await answer({"type": "http"}, asyncio.Future, stuck)

    asyncio.run(read())

    assert closed == [True]
    assert living() <= before


# -- One chat, many requests ----------------------------------------------------------


def test_one_chat_for_all():
    """Requests at the same time share its settings and nothing else."""
    nbstream.offline.use(speed=0)

    def weather(city: str) -> str:
        """Say how the weather is."""
        return f"sunny in {city}"

    chat = nbstream.Chat("openai:m", system="Short.", tools=[weather])
    app = web.app(chat)
    cities = ["Oslo", "Rome", "Lima", "Cairo", "Paris", "Bern"]

    async def ask_all():
        bodies = [question(f"The weather in {c}?", id_=c) for c in cities]
        return await asyncio.gather(*(asked(app, body) for body in bodies))

    answers = asyncio.run(ask_all())
    nbstream.offline.stop()

    for answer in answers:
        chunks = chunks_of(answer.body)
        call = next(each for each in chunks if each["type"] == "tool-input-available")
        output = next(e for e in chunks if e["type"] == "tool-output-available")
        assert output["output"] == f"sunny in {call['input']['city']}"
        assert chunks[-1]["type"] == "finish"
    assert chat.messages == []
