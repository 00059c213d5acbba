"""One request and its response: what was asked, what is sent, and at what pace.

Whatever is wrong with a request becomes an error response. The log keeps the
exchanges, and how far each answer came.
"""

from __future__ import annotations

import math
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from nbstream._workers import wait_until
from nbstream.errors import UsageError
from nbstream.offline.answer import answer
from nbstream.offline.faults import Faults
from nbstream.offline.manners import OPENAI, Manner
from nbstream.offline.replay import Tape, frames_of
from nbstream.offline.wire import WRITERS, guess_api, models_body, route
from nbstream.offline.wire.base import (
    Ask,
    Frame,
    Json,
    Request,
    RequestError,
    Response,
    dumps,
)

_LONGEST = 1000
#: What the server says anew of a body that was recorded.
_FRAMING = {"connection", "content-length", "transfer-encoding"}


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request and its answer. Headers are never kept: keys are in them.

    Times are of ``time.monotonic()``, in seconds. ``disconnected_at`` is when the
    server saw the client go before the answer was finished, else ``None``.
    """

    method: str
    path: str
    started: float
    api: str = ""
    request: Json | None = None
    scenario: str = ""
    fault: str = ""
    prompt: str = ""
    rounds: int = 0
    answer_id: str = ""
    status: int = 0
    events_sent: int = 0
    bytes_sent: int = 0
    disconnected_at: float | None = None
    finished: bool = False


class Log:
    """The last thousand exchanges; written by the server, read by any thread."""

    def __init__(self) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=_LONGEST)
        self._changed = threading.Condition()
        #: Brings them up to date, where nobody else does while time goes by.
        self.catch_up: Callable[[], None] | None = None

    def open(self, method: str, target: str) -> Exchange:
        """Begin an exchange; a key in the query string is dropped with it."""
        path = target.partition("?")[0]
        exchange = Exchange(method=method, path=path, started=time.monotonic())
        with self._changed:
            self._exchanges.append(exchange)
            self._changed.notify_all()
        return exchange

    def changed(self) -> None:
        """Wake those who wait: an exchange has changed."""
        with self._changed:
            self._changed.notify_all()

    def exchanges(self) -> list[Exchange]:
        """Return the exchanges, oldest first."""
        if self.catch_up is not None:
            self.catch_up()
        with self._changed:
            return list(self._exchanges)

    def answered(self, named: str) -> Exchange | None:
        """Return the exchange whose answer has this name."""
        for exchange in reversed(self.exchanges()):
            if exchange.answer_id and named.endswith(exchange.answer_id):
                return exchange
        return None

    def wait_for(
        self, predicate: Callable[[Exchange], object], timeout_s: float
    ) -> Exchange:
        """Wait for an exchange for which the predicate holds."""

        def found() -> Exchange | None:
            return next((e for e in self.exchanges() if predicate(e)), None)

        if self.catch_up is not None:
            wait_until(lambda: found() is not None, timeout_s)
            timeout_s = 0.0
        with self._changed:
            exchange = self._changed.wait_for(found, timeout_s)
        if exchange is None:
            raise TimeoutError(f"no such exchange within {timeout_s:g} s")
        return exchange


def sending(response: Response) -> Iterator[tuple[float, bytes]]:
    """Yield what is sent, and when it is due (of ``time.monotonic()``, in seconds)."""
    due_s = time.monotonic()
    for frame in response.frames:
        due_s += frame.delay_s
        yield due_s, frame.data
    if response.end == "stall":
        yield math.inf, b""


_SEED = 7


def paced(
    frames: Iterable[Frame], speed: float, manner: Manner = OPENAI
) -> Iterator[Frame]:
    """Pace frames like a model: a wait for the first token, then so many a second.

    ``speed`` 2 is twice as fast; 0 is no waiting at all. The jitter comes from a
    seeded sequence, so that every run has the same delays.
    """
    jitter = random.Random(_SEED)
    least, most = 1 - manner.uneven, 1 + manner.uneven
    waited = False
    for frame in frames:
        delay_s = 0.0
        if frame.tokens and waited:
            delay_s = frame.tokens * jitter.uniform(least, most) / manner.tokens_per_s
        elif frame.tokens:
            waited, delay_s = True, manner.first_token_s
        yield frame._replace(delay_s=delay_s / speed if speed else 0.0)


def check_speed(speed: float) -> float:
    """Return the speed, or say what is wrong with it."""
    if not (math.isfinite(speed) and speed >= 0):
        raise UsageError(f"speed {speed!r} is not a number from 0 (no waiting) upwards")
    return speed


def _speed_from_env() -> float:
    """Read ``NBSTREAM_SPEED``: 0 is no waiting, 1 (or nothing) a model's pace."""
    text = os.environ.get("NBSTREAM_SPEED", "").strip() or "1"
    try:
        return check_speed(float(text))
    except ValueError:
        message = f"NBSTREAM_SPEED={text!r} is not a number, such as 0"
        raise UsageError(message) from None


def respond(
    request: Request,
    exchange: Exchange,
    log: Log,
    speed: float | None,
    faults: Faults,
    tape: Tape | None,
) -> Response:
    """Answer a request, and note in the exchange what was asked."""
    exchange.api = guess_api(request.target, request.headers)
    try:
        listed = models_body(request.method, request.target, request.headers)
        if listed is not None:
            return _at_once(200, listed)
        pace = _speed_from_env() if speed is None else speed
        if tape is not None:
            return _played(request, exchange, tape, pace)
        return _answered(request, exchange, log, pace, faults)
    except RequestError as error:
        return failed(exchange.api, error)
    except RecursionError:
        return failed(exchange.api, RequestError(400, "The body is nested too deep."))
    except UsageError as error:
        return failed(exchange.api, RequestError(400, str(error)))


def _answered(
    request: Request, exchange: Exchange, log: Log, speed: float, faults: Faults
) -> Response:
    found = route(request.method, request.target)
    exchange.api, api = found.api, WRITERS[found.api]
    exchange.request = request.json()
    ask = api.read(exchange.request, found.model, stream=found.stream)
    api.check(exchange.request, ask.previous)
    ask = _going_on(ask, log)
    given = answer(ask, exchange.request)
    exchange.prompt, exchange.rounds = ask.prompt, ask.rounds
    exchange.scenario, exchange.answer_id = given.scenario, given.id
    response = Response(frames=api.frames(ask, given))
    fault = faults.take(api.name, stream=ask.stream)
    if fault is not None:
        exchange.fault = fault.kind
        response = fault.damage(api, response.frames)
    if response.body is not None:
        return _with_length(response)
    frames = paced(response.frames, speed, api.manner)
    if not ask.stream and not response.silent:
        waited = response.head_delay_s + sum(frame.delay_s for frame in frames)
        return _at_once(200, api.body(ask, given), waited)
    fields = {
        "Content-Type": "text/event-stream; charset=utf-8",
        "x-request-id": f"req_{given.id}",
        "request-id": f"req_{given.id}",
        "Cache-Control": "no-cache",
    }
    return replace(response, fields={**fields, **response.fields}, frames=frames)


def _going_on(ask: Ask, log: Log) -> Ask:
    """Add what was asked in the answer that a request goes on from."""
    before = log.answered(ask.previous) if ask.previous and not ask.prompt else None
    if before is None:
        return ask
    return replace(ask, prompt=before.prompt, rounds=before.rounds + ask.rounds)


def _played(request: Request, exchange: Exchange, tape: Tape, speed: float) -> Response:
    """Answer with what was recorded, byte for byte and read for read."""
    picked = tape.pick(request)
    exchange.request = request.json() if request.body else None
    exchange.api, exchange.scenario = picked.question.api or exchange.api, str(picked)
    exchange.prompt = picked.question.ask.prompt if picked.question.ask else ""
    recorded = picked.exchange
    fields = {
        name.title(): value
        for name, value in recorded.response_headers.items()
        if name.lower() not in _FRAMING
    }
    if not fields.get("Server", "").startswith("nbstream-offline"):
        fields["Server"] = "nbstream-offline (recorded answers)"
    return Response(
        status=recorded.status or 0,
        fields=fields,
        frames=() if recorded.status in {204, 304} else frames_of(recorded, speed),
        end="fin" if recorded.ended == "cut" else "whole",
        head_delay_s=recorded.response_s / speed if speed else 0.0,
    )


def failed(api: str, error: RequestError) -> Response:
    """Write an error in the form of the API."""
    body = WRITERS[api].error(error.status, error.message, error.parameter)
    return _at_once(error.status, body)


def _at_once(status: int, body: Json, delay_s: float = 0.0) -> Response:
    response = Response(
        status=status,
        fields={"Content-Type": "application/json"},
        frames=[Frame(b"", delay_s=delay_s)],
        body=dumps(body).encode("utf-8", "replace"),
    )
    return _with_length(response)


def _with_length(response: Response) -> Response:
    length = {"Content-Length": str(len(response.body or b""))}
    return replace(response, fields={**response.fields, **length})
