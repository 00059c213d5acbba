"""Answer the requests of one connection, and notice at once when the client goes."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable

from nbstream.offline.faults import Faults
from nbstream.offline.http import chunk, head, read_request
from nbstream.offline.log import Exchange, Log
from nbstream.offline.replay import Tape
from nbstream.offline.respond import Response, failed, respond
from nbstream.offline.talk import RequestError

__all__ = ["Connection"]

#: How many unpaced events may be sent before others get their turn.
_BURST = 32


class Connection:
    """One client's connection: requests one after the other until either is gone."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        log: Log,
        speed: Callable[[], float],
        faults: Faults | None = None,
        tape: Callable[[], Tape | None] = lambda: None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._log = log
        self._speed = speed
        self._faults = faults or Faults()
        self._tape = tape
        self._early = b""
        # Then ``drain`` waits until the system has all bytes, and a client that
        # does not read is not taken for one that got its answer.
        writer.transport.set_write_buffer_limits(0)

    async def serve(self) -> None:
        """Serve until the client closes; a request we cannot read ends it."""
        while True:
            try:
                early, self._early = self._early, b""
                request = await read_request(self._reader, self._writer, early)
            except RequestError as error:
                exchange = self._log.open("?", "?")
                await self._send(failed("openai.chat", error), exchange)
                return
            if request is None:
                return
            exchange = self._log.open(request.method, request.target)
            response = respond(
                request, exchange, self._log, self._speed, self._faults, self._tape()
            )
            stays = await self._watched(response, exchange)
            if stays and response.end == "rst":
                self._reset()
            if not stays or response.end != "whole" or not request.keep_alive:
                return

    async def _watched(self, response: Response, exchange: Exchange) -> bool:
        """Send a response while listening; say whether the client is still there."""
        sending = asyncio.ensure_future(self._send(response, exchange))
        hearing = asyncio.ensure_future(self._reader.read(1))
        both = {sending, hearing}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            gone = hearing.done() and not self._keep(hearing)
            if not gone:
                gone = await _has_failed(sending)
            if gone and not exchange.finished:
                exchange.disconnected_at = time.monotonic()
                self._log.changed()
            return not gone
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    def _keep(self, hearing: asyncio.Future[bytes]) -> bool:
        """Keep the first byte of a request that comes early; ``False`` at the end."""
        if hearing.exception() is None:
            self._early = hearing.result()
        return bool(self._early)

    async def _send(self, response: Response, exchange: Exchange) -> None:
        exchange.status = response.status
        await asyncio.sleep(response.head_delay_s)
        if not response.silent:
            self._write(head(response.status, response.fields), exchange)
        due = time.monotonic()
        for number, step in enumerate(response.steps, 1):
            due += step.delay_s
            if step.delay_s or number % _BURST == 0:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            if step.data:
                exchange.events_sent += 1
                self._write(chunk(step.data), exchange)
                await self._writer.drain()
        if response.end == "stall":
            await asyncio.Event().wait()
        if response.end != "whole":
            return
        exchange.finished = True  # before the client can know it
        self._write(response.tail, exchange)
        await self._writer.drain()

    def _reset(self) -> None:
        """Close so that the client gets a reset: unsent data is given up."""
        link = self._writer.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def _write(self, data: bytes, exchange: Exchange) -> None:
        """Hand bytes to the system at once, so that events are not put together."""
        self._writer.write(data)
        exchange.bytes_sent += len(data)
        self._log.changed()


async def _has_failed(sending: asyncio.Future[None]) -> bool:
    """Wait until all is sent; ``True`` if the connection broke meanwhile."""
    try:
        await sending
    except OSError:
        return True
    return False
