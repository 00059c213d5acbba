"""``Response``: an answer of FastAPI, Starlette and anything else that speaks ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse
from starlette.responses import Response as Base

from nbstream._live import Live
from nbstream._timeout import Timeout
from nbstream.errors import (
    ConnectionFailure,
    ProviderFailure,
    RateLimitFailure,
    TimeoutFailure,
    UsageError,
    failure_of,
)
from nbstream.types import Stream
from nbstream.web._chunks import Chunks, ended_badly, is_ours, words_of
from nbstream.web._messages import BadRequest
from nbstream.web._transmission import (
    DONE,
    HEADERS,
    HOLD_S,
    KEEP_ALIVE,
    STALL_S,
    Transmission,
    encoded,
    pieces,
)

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

#: The status of a failure for which the service gave none.
_STATUSES: tuple[tuple[type[ProviderFailure], int], ...] = (
    (TimeoutFailure, 504),
    (RateLimitFailure, 429),
    (ConnectionFailure, 502),
)


class Response(Base):
    """A stream as a response: ``return nbstream.web.Response(client...create(...))``.

    It speaks the UI message stream protocol (AI SDK 5 to 7). The headers are held back
    until the first event, so a request that fails at once keeps its status, 401 or 429.
    When the client leaves, the provider's connection is closed.

    Args:
        stream: What ``nbstream.show`` takes, ``chat.turn(messages)``, or what
            ``nbstream.start``, ``chat.start`` and ``ask(wait=False)`` give. A function
            that calls a synchronous client is better than the call: it does not hold
            up the server.
        heartbeat_s: After so many seconds of silence a comment is sent.
        hold_s: After so many seconds the headers are sent, whatever comes.
        stall_s: A reader who takes nothing for so many seconds has left.
        timeout: The longest silence of the provider, in seconds, or a ``Timeout``.
        message_id: The id of the message; None: the client's own.
        headers: More headers.
        html: Whether blocks of safe HTML are sent beside the text.

    Raises:
        UsageError: that is no stream.
    """

    def __init__(
        self,
        stream: Stream | Live | Transmission,
        *,
        heartbeat_s: float = 15,
        hold_s: float = HOLD_S,
        stall_s: float = STALL_S,
        timeout: float | Timeout | None = None,
        message_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        html: bool = False,
    ) -> None:
        super().__init__(None, 200, {**HEADERS, **(headers or {})})
        del self.headers["content-length"]
        if not isinstance(stream, Transmission):
            stream = Transmission(stream, timeout=timeout)
        self.transmission = stream
        reply = self.transmission.reply
        self.chunks = partial(Chunks, reply, message_id=message_id, html=html)
        self._heartbeat_s = heartbeat_s
        self._hold_s = hold_s
        self._stall_s = stall_s
        self._interval_s = 0.03 if html else 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; close the provider's connection when the client leaves."""
        async with self.transmission.reading():
            sending = asyncio.create_task(self._answer(scope, receive, send))
            leaving = asyncio.create_task(_left(receive))
            both = [sending, leaving]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in both:
                    task.cancel()
                await asyncio.wait(both)
        if not sending.cancelled():
            sending.result()
        if self.background is not None:
            await self.background()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        run = self.transmission
        await run.begun(self._hold_s)
        failed = self._failed_at_once(run)
        if failed is not None:
            own = ((k, v) for k, v in self.raw_headers if k.decode() not in HEADERS)
            failed.raw_headers.extend(own)  # CORS, cookies and what else was given
            await failed(scope, receive, send)
            return
        with suppress(TimeoutError):  # the server hangs up, as there is no end
            await self._send(run, send)

    def _failed_at_once(self, run: Transmission) -> PlainTextResponse | None:
        """Return the answer in words for what failed before anything had come."""
        if not run.failed_at_once:
            return None
        if isinstance(error := run.reply.exception, UsageError):
            status = error.status if isinstance(error, BadRequest) else 500
            return PlainTextResponse(words_of(error), status)
        reply = run.reply
        failure = failure_of(reply)
        given = (status for kind, status in _STATUSES if isinstance(failure, kind))
        headers = {}
        if failure.retry_after_s is not None:
            headers["retry-after"] = str(max(1, round(failure.retry_after_s)))
        status = failure.status or next(given, 500 if is_ours(reply) else 502)
        return PlainTextResponse(ended_badly(reply), status, headers)

    async def _send(self, run: Transmission, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})

        async def body(data: bytes, *, more: bool = True) -> None:
            part = {"type": "http.response.body", "body": data, "more_body": more}
            async with asyncio.timeout(self._stall_s):
                await send(part)

        found = pieces(run, self.chunks(), self._heartbeat_s, self._interval_s)
        async with aclosing(found):
            async for piece in found:
                await body(encoded(piece) or KEEP_ALIVE)
        await body(DONE, more=False)


async def _left(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
