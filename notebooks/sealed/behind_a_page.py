"""What lesson 09 does not show before it is asked; what serves, and plays a proxy."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic, sleep
from urllib.request import urlopen

from openai import OpenAI
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from nbstream import offline, web
from nbstream.course import Case, Exercise, Prediction, Question
from nbstream.sse import Decoder
from sealed.cut_anywhere import cut
from sealed.stream_or_not import Line

LONG = "Tell me the history of the printing press, with headings and a list."
SAW_US_GO = "the provider saw us go"

line_breaks = Prediction(
    "How many of the answer's line breaks will reach the reader?",
    {"all of them": 1.0, "some": lambda share: 0 < share < 1, "none": 0.0},
    why="A value ends where its line ends: the rest of the delta is no field.",
)
who_pays = Prediction(
    "The reader of the tutorial's endpoint leaves after one line. "
    "What becomes of the answer of 200 tokens?",
    {
        "the provider stops at once": SAW_US_GO,
        "all of it is written": lambda said: said.startswith("written to the end"),
    },
    why="There are two connections. The reader closed one, and nobody the other.",
)
with_closes = Prediction(
    "The endpoint has a with around the stream, and the reader leaves. "
    "Does the provider see it?",
    {
        "yes, at once": SAW_US_GO,
        "no, it writes to the end": lambda said: said.startswith("written to the end"),
    },
    why="The generator hangs at its yield, inside the with, and nobody wakes it.",
)
through_a_proxy = Prediction(
    "Which of the three still stream?",
    {
        "all three": lambda live: live == [True, True, True],
        "the endpoint alone": lambda live: live == [True, False, False],
        "the endpoint, and web.Response behind the proxy": (
            lambda live: live == [True, False, True]
        ),
    },
    why="The proxy collects, unless a header asks it not to; ours does.",
)
QUIZ = (
    Question(
        "A reader closes the tab. Which connection is closed by that?",
        right=("the browser's", "The provider's is held by your server."),
        wrong={
            "the provider's": "The provider cannot see the tab: your server can.",
            "both": "There are two, and your server holds the second one.",
        },
    ),
    Question(
        'Your test streams "Hello!" and passes; in production lists come as one '
        "line. What is missing?",
        right=("JSON around each piece", "It escapes the line breaks."),
        wrong={
            "a heartbeat": "It keeps a silent connection alive, and changes no text.",
            "a header": "A proxy then passes on what you sent: the breaks were lost.",
        },
    ),
    Question(
        "It streams on your laptop, and behind nginx it comes at once. "
        "What do you send?",
        right=("X-Accel-Buffering: no", "It asks nginx not to collect."),
        wrong={
            "[DONE]": "It is an event like any other: it is collected with the rest.",
            "more tokens": "They fill the buffer sooner; a short answer is still late.",
        },
    ),
    Question(
        "The stream ends, and no exception was raised. Has all come that was sent?",
        right=(
            "if a chunk with the type finish came",
            "The mark of the end is sent, or all was not.",
        ),
        wrong={
            "yes": "A server that is stopped ends its streams too, in good order.",
            "if it ends with a full stop": "A cut can fall behind one, too.",
        },
    ),
    Question(
        "People speak to your page, and go on speaking while it answers aloud. "
        "What carries it?",
        right=("a WebSocket", "Both sides send when they like."),
        wrong={
            "server-sent events": "They go one way: what goes up is a new request.",
            "server-sent events with heartbeats": "They keep that one way open.",
        },
    ),
)


# -- what serves, leaves and looks ---------------------------------------------------


def ask() -> Iterable[object]:
    """Ask for a long answer, of 200 tokens at most."""
    settings = {"model": "gpt-5.6-luna", "max_output_tokens": 200, "stream": True}
    return OpenAI().responses.create(input=LONG, **settings)


def breaks() -> int:
    """Count the line breaks of that answer."""
    return sum(getattr(event, "delta", "").count("\n") for event in ask())


def serve(respond: Callable[[], object]) -> str:
    """Put an endpoint up: a response, or the events of a generator; its address."""

    async def endpoint(_request: object) -> Response:
        given = respond()
        if isinstance(given, Response) or not isinstance(given, Iterator):
            return given
        return StreamingResponse(given, media_type="text/event-stream")

    return web.open(Starlette(routes=[Route("/", endpoint)])).url


def datas(address: str) -> list[str]:
    """Return the data of all its events."""
    with urlopen(address) as response:
        return [event.data for event in Decoder().feed(response.read())]


def leave(server: offline.Server, address: str) -> str:
    """Read one line and go; say what became of the answer, by the provider's log.

    A person sees it grow, as long as the provider writes. What nobody closes is closed
    by chance, when Python collects its garbage: not here.
    """
    gc.disable()
    try:
        with urlopen(address) as response:
            response.readline()
        asked = server.log[-1]
        line, late = Line("the reader is gone"), monotonic() + 60
        while not (asked.finished or asked.disconnected_at):
            line.say(f"... and the provider has written {asked.events_sent} events")
            if monotonic() > late:
                raise TimeoutError
            sleep(0.1)
        line.clear()
    finally:
        gc.enable()
    if asked.disconnected_at:
        return SAW_US_GO
    return f"written to the end, {asked.events_sent} events"


def proxy(address: str) -> str:
    """Put a proxy before an endpoint: it collects, unless a header asks it not to."""

    def passed_on() -> Iterator[bytes]:
        with urlopen(address) as response:
            if response.headers["X-Accel-Buffering"] == "no":
                yield from response
            else:
                yield response.read()

    return serve(passed_on)


def streams(server: offline.Server, address: str) -> bool:
    """Read one line; tell whether the provider still writes then."""
    with urlopen(address) as response:
        response.readline()
        return not server.log[-1].finished


def to_screen(address: str, texts: Callable[..., object]) -> None:
    """Print the answer of an endpoint as it comes, read by a learner's function."""
    with urlopen(address) as response:
        given = texts(iter(response.read1, b""))
        if isinstance(given, Iterable):
            for text in given:
                print(text, end="", flush=True)


# -- 1: an endpoint, which is an async generator of events ---------------------------

#: What the service says of a failure: no reader may see a part of it.
FAILED = "429: no credit is left for sk-secret"


class Texts:
    """A provider's stream, as an endpoint has it: texts, and a connection to close."""

    def __init__(self, *texts: str, fails: bool = False, silent: bool = False) -> None:
        self.taken = 0
        self.closed = False
        self._texts, self._fails, self._silent = texts, fails, silent

    def __aiter__(self) -> Texts:
        return self

    async def __anext__(self) -> str:
        await asyncio.sleep(0)
        if self.taken < len(self._texts):
            self.taken += 1
            return self._texts[self.taken - 1]
        if self._fails:
            raise RuntimeError(FAILED)
        if self._silent:
            await asyncio.Event().wait()
        raise StopAsyncIteration

    async def close(self) -> None:
        """Close the connection."""
        self.closed = True

    aclose = close

    async def __aenter__(self) -> Texts:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


#: Does something with an endpoint and its stream.
Visit = Callable[[AsyncIterator[object], Texts], Coroutine[object, object, object]]


def visit(do: Visit, *texts: str, gives: object, shows: str, **how: bool) -> Case:
    """Say what comes of a visit to an endpoint that is given a stream of texts."""

    def run(frames: Callable[..., object]) -> object:
        async def visited() -> object:
            stream = Texts(*texts, **how)
            found = frames(stream)
            if asyncio.iscoroutine(found):
                found.close()  # it has no `yield` yet
            if not hasattr(found, "__anext__"):
                return f"a {type(found).__name__}"
            return await asyncio.wait_for(do(found, stream), 5)

        with ThreadPoolExecutor(1) as pool:  # a notebook's own thread has a loop
            return pool.submit(asyncio.run, visited()).result()

    return Case(run=run, expected=gives, shows=shows)


async def _events(found: AsyncIterator[object], _: Texts) -> object:
    """Return what the events say that a browser would get."""
    body = b"".join([_bytes(each) async for each in found])
    return [json.loads(event.data) for event in Decoder().feed(body)]


def _bytes(frame: object) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame


async def _taken(found: AsyncIterator[object], stream: Texts) -> object:
    await anext(found)
    return stream.taken


async def _closed(found: AsyncIterator[object], stream: Texts) -> object:
    """Read to the end."""
    async for _ in found:
        pass
    return stream.closed


async def _left(found: AsyncIterator[object], stream: Texts) -> object:
    """Leave while an event is on its way."""
    await anext(found)
    await found.aclose()
    return stream.closed


async def _left_in_silence(found: AsyncIterator[object], stream: Texts) -> object:
    """Leave while the endpoint waits for a text: it is cancelled, as servers do."""
    await anext(found)
    waiting = asyncio.ensure_future(anext(found))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with suppress(asyncio.CancelledError, StopAsyncIteration):
        return f"it went on with {await waiting!r}"
    return stream.closed


async def _failed(found: AsyncIterator[object], stream: Texts) -> object:
    """Return what came before a failure, what was told of it, and whether it leaks."""
    *before, last = await _events(found, stream)
    told = json.dumps(last)
    leaks = any(part in told for part in ("429", "credit", "sk-"))
    return [*before, *last], "it quotes the service" if leaks else "", stream.closed


def _of(*texts: str) -> list[dict[str, str]]:
    return [{"text": text} for text in texts]


_LINES = ("one\ntwo", "\n\n", "a\r\nb", 'say "yes"', "three\u2028four")

ENDPOINT = (
    visit(_events, "Hello", " you", gives=_of("Hello", " you"), shows="two events"),
    visit(_events, *_LINES, gives=_of(*_LINES), shows="line breaks"),
    visit(_taken, "one", "two", gives=1, shows="texts taken for the first event"),
    visit(_closed, "one", gives=True, shows="closed at the end"),
    visit(_left, "one", "two", gives=True, shows="closed when the reader leaves"),
    visit(
        _left_in_silence,
        "one",
        silent=True,
        gives=True,
        shows="closed when the reader leaves in silence",
    ),
    visit(
        _failed,
        "one",
        fails=True,
        gives=([{"text": "one"}, "error"], "", True),
        shows="the service fails",
    ),
)


# -- 07: a browser, which is a generator of texts -----------------------------------


def _wire(*texts: str, end: str = "finish", colon: str = ": ") -> bytes:
    """Return an answer's bytes, as ``nbstream.web`` sends them."""
    thought = {"type": "reasoning-delta", "id": "r1", "delta": "Hm."}
    deltas = [{"type": "text-delta", "id": "t1", "delta": text} for text in texts]
    chunks = [{"type": "start"}, thought, *deltas, {"type": end}]
    datas = [json.dumps(each, ensure_ascii=False) for each in chunks if each["type"]]
    lines = [f"data{colon}{data}\n\n" for data in [*datas, "[DONE]"]]
    return ": keep-alive\n\n".join(lines).encode()


def read(*pieces: bytes, gives: object, shows: str) -> Case:
    """Say which texts are in these pieces of bytes, and how they end."""

    def run(texts: Callable[..., object]) -> object:
        found, end = [], "whole"
        given = texts(iter(pieces))
        if not isinstance(given, Iterable):
            return given
        try:
            found.extend(given)  # what came before an exception stays
        except ConnectionError:
            end = "broken off"
        return found, end

    return Case(run=run, expected=gives, shows=shows)


def _pieces_before_the_first(texts: Callable[..., object]) -> object:
    """Return how many pieces were asked for before the first text came."""
    asked = 0

    def pieces() -> Iterator[bytes]:
        nonlocal asked
        for piece in cut(_wire("one", "two"), 1):
            asked += 1
            yield piece

    next(iter(texts(pieces())))
    return asked


#: As many bytes as it takes to know the first text: up to the end of its line.
_FIRST = _wire("one").index(b'"one"}') + len(b'"one"}\n')
_BRAVO = ("Bravo \N{PARTY POPPER}", "!\n\nOne\u2028line")
_TELLS = ('{"type": "finish"}', "data: [DONE]")

BROWSER = (
    read(_wire(*_BRAVO), gives=([*_BRAVO], "whole"), shows="all in one piece"),
    read(*cut(_wire(*_BRAVO), 1), gives=([*_BRAVO], "whole"), shows="single bytes"),
    read(*cut(_wire(*_BRAVO), 50), gives=([*_BRAVO], "whole"), shows="50 at a time"),
    read(_wire("a", colon=":"), gives=(["a"], "whole"), shows="no space"),
    Case(
        run=lambda texts: _pieces_before_the_first(texts) <= _FIRST + 1,
        expected=True,
        shows="a text is there as soon as its event is",
    ),
    read(_wire("a", end=""), gives=(["a"], "broken off"), shows="no finish"),
    read(
        _wire(*_TELLS, end="error"),
        gives=([*_TELLS], "broken off"),
        shows="an error in place of the finish",
    ),
)


async def frames(stream):
    """Send texts as server-sent events, and close the stream whatever happens."""
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\n\n".encode()
    except Exception:  # noqa: BLE001 - whatever it is, the reader gets our words
        yield b'data: {"error": "The service failed."}\n\n'
    finally:
        await stream.close()


def texts(pieces):
    """Read an answer's texts as they come; it is whole only if it says so."""
    rest, whole = b"", False
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            field, _, value = line.partition(b":")
            if field != b"data" or value.strip() == b"[DONE]":
                continue
            chunk = json.loads(value)
            whole = whole or chunk["type"] == "finish"
            if chunk["type"] == "text-delta":
                yield chunk["delta"]
    if not whole:
        raise ConnectionError("the answer broke off")


frames = Exercise(*ENDPOINT, solution=frames)
texts = Exercise(*BROWSER, solution=texts)
