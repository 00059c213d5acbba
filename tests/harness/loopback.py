"""A server on an event loop in a thread of its own; what it answers, others say."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod

from nbstream.offline.server import Http

__all__ = ["Fixed", "Loopback"]


class Loopback(ABC):
    """Listens on a free port, at ``url``, from the first moment on."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire")
        self._thread.start()
        starting = asyncio.start_server(self._connection, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(5)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @abstractmethod
    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; tell whether the connection may bring another."""

    def close(self) -> None:
        """Cut every connection and end the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        gone = (OSError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*gone):
            while await self._exchange(reader, writer):
                pass
        writer.close()
        with contextlib.suppress(*gone):
            await writer.wait_closed()


class Fixed(Loopback):
    """Gives every request the same answer, and counts them in ``asked``."""

    def __init__(self) -> None:
        self.says("", b"")
        super().__init__()

    def says(self, kind: str, body: bytes, status: int = 200) -> None:
        """Answer so from now on; ``kind`` is the content type."""
        self._kind, self._body, self._status, self.asked = kind, body, status, 0

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        http = Http(reader, writer)
        if await http.read() is None:
            return False
        self.asked += 1
        kind = {"Content-Type": self._kind} if self._kind else {}
        fields = {"Content-Length": str(len(self._body)), **kind}
        writer.write(http.head(self._status, fields) + self._body)
        await writer.drain()
        return True
