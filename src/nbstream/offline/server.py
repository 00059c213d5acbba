"""Run the offline server on a thread and an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from os import PathLike
from types import TracebackType
from typing import Self

from nbstream.errors import UnknownNameError, UsageError
from nbstream.offline.connection import Connection
from nbstream.offline.faults import Fault, Faults
from nbstream.offline.http import HEAD_LIMIT_BYTES
from nbstream.offline.log import Exchange, Log
from nbstream.offline.pacing import check_speed, speed_from_env
from nbstream.offline.replay import Tape
from nbstream.offline.wire import WRITERS

__all__ = ["Server"]

_HOST = "127.0.0.1"


class Server:
    """A loopback server that speaks five wire APIs and answers from scenarios.

    ``speed`` 1 is a model's pace, 0 no waiting; ``None`` reads ``NBSTREAM_SPEED`` at
    each request. The system chooses the port. A daemon thread runs it: it never
    keeps the process alive, and a busy kernel never keeps it from seeing a client go.

    With ``recordings`` it plays these files and no scenarios: see `play`.
    """

    def __init__(
        self,
        speed: float | None = None,
        recordings: Iterable[str | PathLike[str]] = (),
    ) -> None:
        self.speed = None if speed is None else check_speed(speed)
        self._tape: Tape | None = None
        self.play(*recordings)
        self._log = Log()
        self._faults = Faults()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._url = ""

    def play(self, *recordings: str | PathLike[str]) -> None:
        """Answer from these recordings from now on; with none, from scenarios.

        `nbstream.offline.replay` says how a request finds its recording. None that
        fits is an error of the API, which shows the nearest one.

        Raises:
            RecordingError: a file is no recording, or damaged.
        """
        self._tape = Tape(recordings) if recordings else None

    def start(self) -> Self:
        """Start serving; on a server that runs it does nothing."""
        if self._thread is None:
            listener = socket.create_server((_HOST, 0), backlog=128)
            self._url = f"http://{_HOST}:{listener.getsockname()[1]}"
            ready = threading.Event()
            self._thread = threading.Thread(
                target=lambda: asyncio.run(self._serve(listener, ready)),
                name="nbstream-offline",
                daemon=True,
            )
            self._thread.start()
            ready.wait()
        return self

    def stop(self) -> None:
        """Cut every connection, close the port, end the thread; any number of times."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stopping is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Say whether the server serves."""
        return self._thread is not None

    @property
    def url(self) -> str:
        """The server's address, such as ``http://127.0.0.1:41234``."""
        if self._thread is None:
            raise UsageError("the offline server is not running; call start() first")
        return self._url

    def base_url(self, api: str) -> str:
        """Return the base URL as the SDK of this API wants it."""
        if api not in WRITERS:
            raise UnknownNameError("API", api, WRITERS)
        return f"{self.url}/v1" if api.startswith("openai.") else self.url

    @property
    def log(self) -> list[Exchange]:
        """The exchanges so far, oldest first; they go on changing while they run."""
        return self._log.exchanges()

    def wait_for(
        self, predicate: Callable[[Exchange], object], timeout_s: float = 5.0
    ) -> Exchange:
        """Return the first exchange for which the predicate holds, when one does.

        Raises:
            TimeoutError: None did in time.
        """
        return self._log.wait_for(predicate, timeout_s)

    def fault(
        self,
        kind: str | int,
        *,
        times: int | None = None,
        api: str | None = None,
        **options: object,
    ) -> Fault:
        """Let answers go wrong; see ``nbstream.offline.fault``."""
        return self._faults.add(kind, times=times, api=api, **options)

    def clear_faults(self) -> None:
        """Let all answers be right again."""
        self._faults.clear()

    def _speed(self) -> float:
        return speed_from_env() if self.speed is None else self.speed

    def _playing(self) -> Tape | None:
        """Return what is played now: a connection outlives a change of it."""
        return self._tape

    def _ipython_display_(self) -> None:
        """Show nothing: ``use`` has said it in one line, and an address varies."""

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        connections: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._connected(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await asyncio.start_server(
            accept, sock=listener, limit=HEAD_LIMIT_BYTES
        )
        ready.set()
        await self._stopping.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            connection = Connection(
                reader, writer, self._log, self._speed, self._faults, self._playing
            )
            await connection.serve()
            writer.close()
        except OSError:
            pass  # the client went while we read: that is its right
        finally:
            if not writer.is_closing():
                writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
