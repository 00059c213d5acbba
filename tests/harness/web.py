"""An ASGI app that is really served, and clients that read and leave."""

from __future__ import annotations

import asyncio
import http.client
import json
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvicorn

__all__ = [
    "HEADERS",
    "Answer",
    "Client",
    "Script",
    "answered_to",
    "asked",
    "chunks_of",
    "question",
    "served",
]

HEADERS = {"content-type": "application/json", "accept": "text/event-stream"}


@contextmanager
def served(app: object, **options: object) -> Iterator[str]:
    """Serve an app by uvicorn in a thread; give its address."""
    own = socket.socket()
    own.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", access_log=False, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [own]})
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.002)
    try:
        yield f"http://127.0.0.1:{own.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        own.close()


@dataclass(frozen=True)
class Answer:
    """What an ASGI app has sent."""

    status: int
    headers: dict[str, str]
    body: bytes


async def asked(app, body: object = None, path: str = "/api/chat", **more) -> Answer:
    """Ask an ASGI app in this process, as a client that stays to the end."""
    return await answered_to(app, asyncio.Future, body, path, **more)


async def answered_to(
    app,
    left,
    body: object = None,
    path: str = "/api/chat",
    *,
    method: str = "POST",
    **headers: str,
) -> Answer:
    """Ask an ASGI app in this process; ``left()`` is awaited, and then one leaves."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"host": "localhost", **HEADERS, **headers}
    scope = {
        **{"type": "http", "http_version": "1.1", "method": method, "scheme": "http"},
        **{"path": path, "raw_path": path.encode(), "query_string": b""},
        "headers": [
            (name.replace("_", "-").encode(), value.encode())
            for name, value in named.items()
        ],
    }
    given = [{"type": "http.request", "body": data, "more_body": False}]
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        if given:
            return given.pop()
        await left()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *parts = sent or [{"status": 0, "headers": []}]
    return Answer(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(each.get("body", b"") for each in parts),
    )


def question(text: str = "Hi", *, id_: str = "c1", **more: object) -> dict[str, object]:
    """Return the body that a chat client sends."""
    message = {"id": "u1", "role": "user", "parts": [{"type": "text", "text": text}]}
    return {"id": id_, "messages": [message], "trigger": "submit-message", **more}


def chunks_of(body: bytes) -> list[dict[str, object]]:
    """Return the chunks of a whole answer, which ends as the protocol says."""
    events = body.decode().split("\n\n")
    assert events.pop() == ""
    assert events.pop() == "data: [DONE]"
    return [
        json.loads(each.removeprefix("data: "))
        for each in events
        if not each.startswith(":")
    ]


class Client:
    """One request over a connection of its own, which can be left at any time."""

    def __init__(
        self,
        url: str,
        body: object,
        path: str = "/api/chat",
        *,
        method: str = "POST",
        **headers: str,
    ) -> None:
        at = urlsplit(url)
        self._connection = http.client.HTTPConnection(at.hostname, at.port, timeout=20)
        data = None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, data, {**HEADERS, **headers})
        self._response: http.client.HTTPResponse | None = None

    @property
    def response(self) -> http.client.HTTPResponse:
        """The head of the answer; it is waited for."""
        self._response = self._response or self._connection.getresponse()
        return self._response

    def read(self) -> bytes:
        """Read the whole body, and close the connection."""
        try:
            return self.response.read()
        finally:
            self._connection.close()

    def read_until(self, text: str) -> None:
        """Read until this is there."""
        found = b""
        while text.encode() not in found:
            piece = self.response.read1(65536)
            assert piece, f"it ended: {found[-300:]!r}"
            found += piece

    def leave(self) -> float:
        """Close the connection; return when, in seconds of `time.monotonic`."""
        own = self._connection.sock
        if own is not None:
            own.shutdown(socket.SHUT_RDWR)
        at_s = time.monotonic()
        if self._response is not None:
            self._response.close()
        self._connection.close()
        return at_s


class Script:
    """An answer that is written by the test, piece by piece."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.ended = 0
        self._pieces: queue.Queue[object] = queue.Queue()

    def __call__(self, asked):
        self.asked.append(asked)
        yield from iter(self._pieces.get, None)
        self.ended += 1

    def say(self, *pieces):
        """Let it say strings, or chunks of a provider."""
        for each in pieces:
            self._pieces.put(each)

    def delta(self, **delta):
        """Let it say a chunk of OpenAI's."""
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        self.say({"object": "chat.completion.chunk", "choices": [choice]})

    def call(self, arguments):
        """Let it say more of the arguments of one tool call."""
        function = {"name": "weather", "arguments": arguments}
        self.delta(tool_calls=[{"index": 0, "id": "c1", "function": function}])

    def end(self):
        """End the answer that is being written, or else the next."""
        self._pieces.put(None)
