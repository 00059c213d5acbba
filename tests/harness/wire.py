"""A loopback server whose answers stop, hang or break where a test wants them to.

The bytes are those of `nbstream.offline`; what is done with them is the *plan*, which
a request names as its model: see `PLANS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from dataclasses import dataclass

from harness.loopback import Loopback
from nbstream.offline.answer import answer
from nbstream.offline.server import Http
from nbstream.offline.wire import WRITERS, route

__all__ = ["FAILED_IN_BAND", "PLANS", "Exchange", "Wire", "said", "wait_until"]

#: What a request may name as its model -> what its answer does.
PLANS = {
    "headers": "nothing is sent",
    "first": "headers and opening events, no token",
    "flow": "tokens, a few milliseconds apart",
    "silence": "some tokens, then nothing",
    "whole": "everything, at once",
    "empty": "an event stream with no events",
    "cut": "some tokens, then the connection is reset",
    "closed": "some tokens, then a proper end of the body",
    "inband": "some tokens, then an error event",
    "e401": "HTTP 401, and the message quotes the key",
    "e429": "HTTP 429",
    "e500": "HTTP 500",
}
TOKENS_BEFORE = 5
FLOW_S = 0.003


def _event(data: object, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


#: How each API says, inside a stream, that it failed.
FAILED_IN_BAND = {
    "openai.chat": _event(
        {"error": {"message": "Overloaded", "type": "server_error", "code": "busy"}}
    ),
    "openai.responses": _event(
        {
            "type": "error",
            "code": "server_error",
            "message": "Overloaded",
            "param": None,
            "sequence_number": 99,
        },
        "error",
    ),
    "anthropic.messages": _event(
        {
            "type": "error",
            "error": {"type": "overloaded_error", "message": "Overloaded"},
        },
        "error",
    ),
    "google.generate_content": _event(
        {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}
    ),
    "google.interactions": _event(
        {"event_type": "error", "error": {"code": "busy", "message": "Overloaded"}},
        "error",
    ),
}


@dataclass
class Exchange:
    """One request, how far its answer came, and when the client went away."""

    api: str
    plan: str
    sent: int = 0
    gone_at_s: float | None = None
    over: bool = False


def said(prompt: str) -> str:
    """Return the text that the offline server answers to a prompt."""
    body = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
    ask = WRITERS["openai.chat"].read(body, "m", stream=True)
    return "".join(part.text for part in answer(ask, body).parts)


def wait_until(condition, timeout_s: float = 10.0) -> None:
    """Return when the condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


class Wire(Loopback):
    """The server."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self._changed = threading.Condition()
        super().__init__()

    def wait_for(self, condition, timeout_s: float = 10.0) -> Exchange:
        """Return the first exchange for which the condition holds, when one does."""

        def found() -> Exchange | None:
            return next((each for each in self.exchanges if condition(each)), None)

        with self._changed:
            exchange = self._changed.wait_for(found, timeout_s)
        if exchange is None:
            raise TimeoutError(f"no such exchange: {self.exchanges}")
        return exchange

    def _note(self) -> None:
        with self._changed:
            self._changed.notify_all()

    async def _exchange(self, reader, writer) -> bool:
        http = Http(reader, writer)
        request = await http.read()
        if request is None:
            return False
        found = route(request.method, request.target)
        body = request.json()
        exchange = Exchange(found.api, found.model or body["model"])
        self.exchanges.append(exchange)
        self._note()
        watch = asyncio.ensure_future(self._watch(reader, exchange))
        work = asyncio.ensure_future(
            self._answer(request, exchange, http, writer, watch)
        )
        try:
            await asyncio.wait([watch, work], return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and watch.done():
                return False
            return await work
        finally:
            for task in (watch, work):
                task.cancel()
            await asyncio.wait([watch, work])
            exchange.over = True
            self._note()

    async def _watch(self, reader, exchange: Exchange) -> None:
        with contextlib.suppress(OSError):
            if await reader.read(1):
                raise AssertionError("a request while the answer still runs")
        if not exchange.over:
            exchange.gone_at_s = time.monotonic()
            self._note()

    async def _answer(self, request, exchange: Exchange, http, writer, watch) -> bool:
        plan = exchange.plan
        if plan == "headers":
            await watch
            return False
        if plan in ("e401", "e429", "e500"):
            key = request.headers.get("authorization") or request.headers.get(
                "x-goog-api-key", ""
            )
            error = WRITERS[exchange.api].error(int(plan[1:]), f"Bad key: {key}")
            data = json.dumps(error).encode()
            fields = {
                "Content-Type": "application/json",
                "Content-Length": str(len(data)),
                "Retry-After-Ms": "1",
            }
            writer.write(http.head(int(plan[1:]), fields) + http.data(data))
            await writer.drain()
            return True
        writer.write(http.head(200, {"Content-Type": "text/event-stream"}))
        return await self._stream(request, exchange, http, writer, watch)

    async def _stream(self, request, exchange: Exchange, http, writer, watch) -> bool:
        plan, tokens = exchange.plan, 0
        limit = {"first": 0, "flow": -1, "whole": -1}.get(plan, TOKENS_BEFORE)
        for data, count, _ in _frames(exchange.api, request, plan):
            if count and tokens == limit:
                break
            tokens += bool(count)
            writer.write(http.data(data))
            await writer.drain()
            exchange.sent += bool(count)
            self._note()
            if plan == "flow" and count:
                await asyncio.sleep(FLOW_S)
        return await self._close(exchange, http, writer, watch)

    async def _close(self, exchange: Exchange, http, writer, watch) -> bool:
        if exchange.plan in ("first", "silence"):
            await watch
            return False
        if exchange.plan == "cut":
            writer.write(b"40\r\nhalf a chunk")
            await writer.drain()
            return False
        if exchange.plan == "inband":
            writer.write(http.data(FAILED_IN_BAND[exchange.api]))
        writer.write(http.end())
        await writer.drain()
        return True


def _frames(api: str, request, plan: str):
    if plan == "empty":
        return []
    body = request.json()
    ask = WRITERS[api].read(body, plan, stream=True)
    return WRITERS[api].frames(ask, answer(ask, body))
