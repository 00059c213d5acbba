"""Check an exercise: print `ok` or what is not yet right, and never raise."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from reprlib import Repr

__all__ = ["BROWSER", "ENDPOINT", "Case", "case", "check"]

SHORT = Repr()
SHORT.maxstring = SHORT.maxother = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is done with a function, and what has to come out.

    Attributes:
        run: Tries the function that is checked.
        expected: What that returns for a right one.
        shows: What the case is about, or "".
    """

    run: Callable[[Callable[..., object]], object]
    expected: object
    shows: str = ""


def case(*arguments: object, gives: object) -> Case:
    """Say what a call with these arguments has to return."""
    return Case(run=lambda function: function(*arguments), expected=gives)


def check(function: Callable[..., object], *cases: Case) -> None:
    """Call the function with each case; print `ok`, or the first that is not right."""
    for number, each in enumerate(cases, start=1):
        if problem := _problem(function, each):
            shows = f" ({each.shows})" if each.shows else ""
            where = f"case {number} of {len(cases)}{shows}: "
            print(f"not yet: {where if len(cases) > 1 else ''}{problem}")
            return
    print("ok")


def _problem(function: Callable[..., object], each: Case) -> str:
    expected = SHORT.repr(each.expected)
    try:
        actual = _listed(each.run(function), each.expected)
    except Exception as error:  # noqa: BLE001 - a learner's code may raise anything
        return f"it raised {type(error).__name__}: {error}"
    if _same(actual, each.expected):
        return ""
    return f"expected {expected}, got {SHORT.repr(actual)}"


def _listed(actual: object, expected: object) -> object:
    """Return a list where one is expected and a tuple or a generator came."""
    is_one = isinstance(expected, list) and isinstance(actual, tuple | Iterator)
    return list(actual) if is_one else actual


def _same(actual: object, expected: object) -> bool:
    """Tell whether two values are equal; True is no 1, and a number has any type."""
    is_bool = isinstance(actual, bool), isinstance(expected, bool)
    return is_bool[0] == is_bool[1] and actual == expected


# -- 07: an endpoint, which is an async generator of events -------------------------

#: What the service says of a failure: no reader may see a part of it.
FAILED = "429: no credit is left for sk-secret"


class Texts:
    """A provider's stream, as an endpoint has it: texts, and a connection to close."""

    def __init__(self, *texts: str, fails: bool = False, silent: bool = False) -> None:
        self.taken = 0
        self.closed = False
        self._texts, self._fails, self._silent = texts, fails, silent

    def __aiter__(self) -> "Texts":
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

    async def __aenter__(self) -> "Texts":
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
    from nbstream.sse import Decoder

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
        for piece in _each(_wire("one", "two"), 1):
            asked += 1
            yield piece

    next(iter(texts(pieces())))
    return asked


def _each(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


#: As many bytes as it takes to know the first text: up to the end of its line.
_FIRST = _wire("one").index(b'"one"}') + len(b'"one"}\n')
_BRAVO = ("Bravo \N{PARTY POPPER}", "!\n\nOne\u2028line")
_TELLS = ('{"type": "finish"}', "data: [DONE]")

BROWSER = (
    read(_wire(*_BRAVO), gives=([*_BRAVO], "whole"), shows="all in one piece"),
    read(*_each(_wire(*_BRAVO), 1), gives=([*_BRAVO], "whole"), shows="single bytes"),
    read(*_each(_wire(*_BRAVO), 50), gives=([*_BRAVO], "whole"), shows="50 at a time"),
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
