"""The server speaks HTTP/1.1, sees at once that a client goes, and leaves nothing."""

from __future__ import annotations

import gc
import http.client
import json
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from nbstream.errors import UnknownNameError, UsageError
from nbstream.offline import Exchange, Server

CHAT = "/v1/chat/completions"
ASKED = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
LONG = {"messages": [{"role": "user", "content": "[scenario: long] Hi"}]}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(speed=0) as running:
        yield running


@pytest.fixture
def slow_server() -> Iterator[Server]:
    with Server(speed=0.1) as running:
        yield running


def connect(server: Server) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def request(body: Any, *, path: str = CHAT, headers: str = "") -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}"
    head += f"Content-Length: {len(data)}"
    return head.encode() + b"\r\n\r\n" + data


def answered(client: socket.socket) -> tuple[http.client.HTTPResponse, bytes]:
    response = http.client.HTTPResponse(client)
    response.begin()
    return response, response.read()


def chunks(client: socket.socket) -> list[bytes]:
    """Read a chunked body and return its chunks, as they were cut by the server."""
    with client.makefile("rb") as file:
        while file.readline() != b"\r\n":
            pass
        found = []
        while size := int(file.readline(), 16):
            found.append(file.read(size))
            file.readline()
        return found


def test_one_chunk_per_event(server: Server) -> None:
    """Every event is an HTTP chunk of its own, and never put together with another."""
    with connect(server) as client:
        client.sendall(request(ASKED | LONG | {"stream": True}))
        found = chunks(client)

    assert all(chunk.endswith(b"\n\n") and chunk.count(b"\n\n") == 1 for chunk in found)
    exchange = server.log[0]
    assert (exchange.events_sent, exchange.finished) == (len(found), True)
    assert exchange.scenario == "long"
    assert len(found) > 3000


def test_keep_alive(server: Server) -> None:
    """Many requests come over one connection, streamed or not, good or bad."""
    with connect(server) as client:
        for body in [
            ASKED,
            ASKED | {"stream": True},
            b"{",
            ASKED,
            ASKED | {"stream": 1},
        ]:
            client.sendall(request(body))
            response, data = answered(client)

            assert response.status == (400 if body == b"{" else 200)
            assert data

    assert [exchange.status for exchange in server.log] == [200, 200, 400, 200, 200]


def test_requests_one_behind_the_other(server: Server) -> None:
    """A request that is sent before the last answer came is answered in its turn."""
    with connect(server) as client:
        client.sendall(request(ASKED | {"stream": True}) + request(b"{"))
        first, _ = answered_one(client)
        second, _ = answered_one(client)

    assert (first, second) == (200, 400)


def answered_one(client: socket.socket) -> tuple[int, bytes]:
    """Read one response byte by byte, so that the next one stays in the socket."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.recv(1)
    head, _, body = data.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    while not (
        body.endswith(b"\r\n0\r\n\r\n") if not length else len(body) == int(length)
    ):
        body += client.recv(1)
    return int(head.split()[1]), body


def test_connection_close(server: Server) -> None:
    """A client that asks for it gets its connection closed after the answer."""
    with connect(server) as client:
        client.sendall(request(ASKED, headers="Connection: close\r\n"))
        while client.recv(65536):
            pass

    assert server.log[0].finished


def test_expect_continue(server: Server) -> None:
    """A client that asks before it sends the body is told to go on."""
    data = request(ASKED, headers="Expect: 100-continue\r\n")
    head, _, body = data.partition(b"\r\n\r\n")
    with connect(server) as client:
        client.sendall(head + b"\r\n\r\n")
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"

        client.sendall(body)
        assert answered(client)[0].status == 200


def test_a_head_without_a_body(server: Server) -> None:
    """What is asked with HEAD is refused with a head alone; the connection stays."""
    with connect(server) as client:
        client.sendall(f"HEAD {CHAT} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        response = http.client.HTTPResponse(client, method="HEAD")
        response.begin()
        assert (response.status, response.read()) == (405, b"")

        client.sendall(request(ASKED))
        assert answered(client)[0].status == 200


def test_without_h11(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no SDK is installed the server says at once what it needs."""
    monkeypatch.setattr("nbstream.offline.server.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="%pip install h11"):
        Server().start()


def test_large_body(server: Server) -> None:
    """A body of several megabytes is read, and its last words are the prompt."""
    old = {"role": "user", "content": "x " * 2_000_000}
    new = {"role": "user", "content": "The end?"}
    with connect(server) as client:
        client.sendall(request({"model": "m", "messages": [old, new]}))
        _, data = answered(client)

    assert (
        'You asked: "The end?"' in json.loads(data)["choices"][0]["message"]["content"]
    )


BAD_HTTP = {
    "not HTTP": (b"HELLO\r\n\r\n", 400),
    "a length that is no number": (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        400,
    ),
    "a body too large": (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n",
        413,
    ),
    "a chunked request": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        411,
    ),
    "a head too long": (b"POST / HTTP/1.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", 431),
}


@pytest.mark.parametrize("case", BAD_HTTP)
def test_bad_http(server: Server, case: str) -> None:
    """What we do not understand is refused with the status that says why."""
    data, expected = BAD_HTTP[case]
    with connect(server) as client:
        client.sendall(data)
        response = http.client.HTTPResponse(client)
        response.begin()

        assert response.status == expected


STRANGERS = {
    "its own name": ("Host: 127.0.0.1:1", 200),
    "localhost, and a page of its own": (
        "Host: LocalHost:8\r\nOrigin: http://localhost:8",
        200,
    ),
    "IPv6": ("Host: [::1]:8", 200),
    "no page": ("Host: localhost\r\nSec-Fetch-Site: none", 200),
    "a name that leads here": ("Host: evil.example:8", 421),
    "a name that begins like it": ("Host: localhost.evil.example", 421),
    "an address that is no loopback": ("Host: 127.0.0.1.nip.io", 421),
    "another site's page": ("Host: 127.0.0.1:8\r\nOrigin: https://evil.example", 403),
    "another port's page": ("Host: 127.0.0.1:8\r\nOrigin: http://127.0.0.1:9", 403),
    "a page in a sandbox": ("Host: 127.0.0.1:8\r\nOrigin: null", 403),
    "no origin, another site": ("Host: localhost\r\nSec-Fetch-Site: cross-site", 403),
}


@pytest.mark.parametrize("case", STRANGERS)
def test_only_its_own_name_is_answered(server: Server, case: str) -> None:
    """Nor is a page of another site: its reader's browser is not its own."""
    head, expected = STRANGERS[case]
    body = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}'
    lines = f"POST {CHAT} HTTP/1.1\r\n{head}\r\nContent-Length: {len(body)}\r\n\r\n"
    with connect(server) as client:
        client.sendall(lines.encode() + body)
        response = http.client.HTTPResponse(client)
        response.begin()

        assert response.status == expected


INVALID = "invalid_request_error"
GEMINI = "/v1beta/models/m:generateContent"
BAD_REQUESTS: dict[str, tuple[str, str, Any, int, dict[str, Any]]] = {
    "chat, unknown path": (
        "POST",
        "/v1/chat",
        {},
        404,
        {
            "error": {
                "message": "The offline server has no POST /v1/chat.",
                "type": INVALID,
                "param": None,
                "code": "not_found",
            }
        },
    ),
    "chat, wrong method": (
        "GET",
        CHAT,
        {},
        405,
        {
            "error": {
                "message": "Method GET is not allowed here; use POST.",
                "type": INVALID,
                "param": None,
                "code": None,
            }
        },
    ),
    "chat, no messages": (
        "POST",
        CHAT,
        {"model": "m"},
        400,
        {
            "error": {
                "message": "Missing required parameter: 'messages'.",
                "type": INVALID,
                "param": "messages",
                "code": None,
            }
        },
    ),
    "chat, a number that is none": (
        "POST",
        CHAT,
        ASKED | {"n": 0},
        400,
        {
            "error": {
                "message": "'n' must be a whole number from 1, not 0.",
                "type": INVALID,
                "param": "n",
                "code": None,
            }
        },
    ),
    "responses, no input": (
        "POST",
        "/v1/responses",
        {"model": "m"},
        400,
        {
            "error": {
                "message": "Missing required parameter: 'input'.",
                "type": INVALID,
                "param": "input",
                "code": None,
            }
        },
    ),
    "messages, no limit": (
        "POST",
        "/v1/messages",
        ASKED,
        400,
        {
            "type": "error",
            "error": {"type": INVALID, "message": "max_tokens: Field required"},
        },
    ),
    "messages, no messages": (
        "POST",
        "/v1/messages",
        {"model": "m"},
        400,
        {
            "type": "error",
            "error": {"type": INVALID, "message": "messages: Field required"},
        },
    ),
    "gemini, no contents": (
        "POST",
        GEMINI,
        {},
        400,
        {
            "error": {
                "code": 400,
                "message": "contents: contents is not specified",
                "status": "INVALID_ARGUMENT",
            }
        },
    ),
    "gemini, wrong method": (
        "DELETE",
        GEMINI,
        {},
        405,
        {
            "error": {
                "code": 405,
                "message": "Method DELETE is not allowed here; use POST.",
                "status": "UNIMPLEMENTED",
            }
        },
    ),
    "gemini, streamed in another form": (
        "POST",
        "/v1/models/m:streamGenerateContent",
        {},
        400,
        {
            "error": {
                "code": 400,
                "message": "This server streams with ?alt=sse only.",
                "status": "INVALID_ARGUMENT",
            }
        },
    ),
    "interactions, no input": (
        "POST",
        "/v1/interactions",
        {"model": "m"},
        400,
        {
            "error": {
                "code": "invalid_request",
                "message": "Missing required parameter: 'input'.",
            }
        },
    ),
    "a body that is no object": (
        "POST",
        "/v1/interactions",
        [1],
        400,
        {
            "error": {
                "code": "invalid_request",
                "message": "The body must be a JSON object.",
            }
        },
    ),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_bad_requests(server: Server, case: str) -> None:
    """A wrong request gets an error in the form of the API it was meant for."""
    method, path, body, status, expected = BAD_REQUESTS[case]
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.request(method, path, json.dumps(body))
    response = connection.getresponse()

    assert (response.status, json.loads(response.read())) == (status, expected)
    connection.close()


DEEP = b"[" * 100_000
NOT_JSON = {"text": b"hello", "nothing": b"", "not UTF-8": b"\xff", "too deep": DEEP}


@pytest.mark.parametrize("case", NOT_JSON)
def test_not_json(server: Server, case: str) -> None:
    """A body that is not JSON is a 400, whatever it is."""
    with connect(server) as client:
        client.sendall(request(NOT_JSON[case]))
        response, data = answered(client)

    assert response.status == 400
    assert json.loads(data)["error"]["message"].startswith("The body is ")


ODD: dict[str, Any] = {
    "numbers for texts": {"model": "m", "messages": [{"role": "user", "content": 5}]},
    "no role": {"model": "m", "messages": [{}]},
    "tools that are none": ASKED | {"tools": [1, {}, {"function": 1}]},
    "a scenario without a name": {
        "model": "m",
        "messages": [{"role": "user", "content": "[scenario: ]"}],
    },
    "half a character": {
        "model": "m",
        "messages": [{"role": "user", "content": "\ud800 Hi"}],
    },
}


@pytest.mark.parametrize("case", ODD)
def test_odd_requests(server: Server, case: str) -> None:
    """A request that no SDK would send is answered or refused, and never dropped."""
    with connect(server) as client:
        for stream in (False, True):
            client.sendall(request(ODD[case] | {"stream": stream}))

            assert answered(client)[0].status in {200, 400}


# --- the log


def test_log_holds_no_key(server: Server) -> None:
    """Keys and headers never get into the log: not from a header, not from a query."""
    with connect(server) as client:
        headers = "Authorization: Bearer sk-SECRET\r\nx-goog-api-key: SECRET\r\n"
        body = {"contents": [{"parts": [{"text": "Hi"}]}]}
        client.sendall(request(body, path=f"{GEMINI}?key=SECRET", headers=headers))
        answered(client)

    exchange = server.wait_for(lambda e: e.finished)
    assert "SECRET" not in repr(server.log)
    assert exchange == Exchange(
        method="POST",
        path=GEMINI,
        started=exchange.started,
        api="google.generate_content",
        request=body,
        scenario="default",
        prompt="Hi",
        answer_id=exchange.answer_id,
        status=200,
        events_sent=0,
        bytes_sent=exchange.bytes_sent,
        disconnected_at=None,
        finished=True,
    )


def test_wait_for_gives_up(server: Server) -> None:
    """Waiting for what does not happen ends with an error."""
    with pytest.raises(TimeoutError, match=r"no such exchange within 0\.01 s"):
        server.wait_for(lambda e: e.finished, 0.01)


def leaves(server: Server, *, after: int) -> float:
    """Go away after so many events; return how long the server took to see it."""
    with connect(server) as client:
        client.sendall(request(ASKED | LONG | {"stream": True}))
        server.wait_for(lambda e: e.status and e.events_sent >= after, 20)
        client.recv(1)
        left = time.monotonic()
        client.shutdown(socket.SHUT_RDWR)
    exchange = server.wait_for(lambda e: e.disconnected_at is not None)
    assert exchange.disconnected_at is not None
    assert not exchange.finished
    return exchange.disconnected_at - left


def test_a_client_that_goes_in_mid_stream(slow_server: Server) -> None:
    """The server sees within moments that the client has gone, and stops sending."""
    assert leaves(slow_server, after=2) < 1
    sent = slow_server.log[0].events_sent
    time.sleep(0.1)

    assert slow_server.log[0].events_sent == sent


def test_a_client_that_goes_before_the_first_token(slow_server: Server) -> None:
    """The server sees it too while it waits for the first token (here 3 s)."""
    assert leaves(slow_server, after=1) < 1
    assert slow_server.log[0].events_sent == 1


def test_a_client_that_goes_before_an_answer_at_once(slow_server: Server) -> None:
    """The server sees it too while it works on an answer that is not streamed."""
    with connect(slow_server) as client:
        client.sendall(request(ASKED))
        slow_server.wait_for(lambda e: e.status == 200)
    left = time.monotonic()
    exchange = slow_server.wait_for(lambda e: e.disconnected_at)

    assert exchange.disconnected_at is not None
    assert exchange.disconnected_at - left < 1


def test_a_client_that_does_not_read(server: Server) -> None:
    """A client that stops reading holds up nobody else, and its going is seen."""
    many = {"messages": [{"role": "user", "content": "[scenario: long]"}], "n": 16}
    with connect(server) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(request(ASKED | many | {"stream": True}))
        server.wait_for(lambda e: e.events_sent > 100)
        with connect(server) as other:
            other.sendall(request(ASKED))

            assert answered(other)[0].status == 200
    gone = server.wait_for(lambda e: e.disconnected_at)

    assert gone.request is not None
    assert gone.request["n"] == 16


def test_reset_and_half_requests(server: Server) -> None:
    """Connections that break before a request is whole leave nothing behind."""
    for data in (b"", b"POST", request(ASKED)[:-1]):
        client = connect(server)
        client.sendall(data)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    with connect(server) as client:
        client.sendall(request(ASKED))

        assert answered(client)[0].status == 200
    assert len(server.log) == 1


# --- start and stop


def test_stop_leaves_nothing() -> None:
    """After stop, even amid streams, no thread, port or connection is left."""
    before = threading.active_count()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        server = Server(speed=0.05).start()
        url = server.url
        clients = [connect(server) for _ in range(5)]
        for client in clients:
            client.sendall(request(ASKED | {"stream": True}))
        server.wait_for(lambda e: len(server.log) == 5 and server.log[4].status)
        server.stop()
        server.stop()
        gc.collect()

        assert threading.active_count() == before
        for client in clients:
            try:
                while client.recv(65536):
                    pass
            except ConnectionResetError:
                pass
            client.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=5)


def test_start_again() -> None:
    """A server may be started again, and keeps its log; starting twice is once."""
    server = Server(speed=0)
    for _ in range(2):
        with server:
            assert server.start().url == server.url
            with connect(server) as client:
                client.sendall(request(ASKED))
                answered(client)

    assert len(server.log) == 2
    assert not server.running


def test_addresses(server: Server) -> None:
    """Every API has the base URL that its SDK wants; others are an error."""
    assert server.base_url("openai.chat") == f"{server.url}/v1"
    assert server.base_url("openai.responses") == f"{server.url}/v1"
    assert server.base_url("anthropic.messages") == server.url
    assert server.base_url("google.interactions") == server.url
    with pytest.raises(UnknownNameError, match="no API 'openai'; known: anthropic"):
        server.base_url("openai")
    with pytest.raises(UsageError, match="is not running"):
        _ = Server().url


@pytest.mark.parametrize("speed", [-1, float("nan"), float("inf")])
def test_wrong_speed(speed: float) -> None:
    """A speed is a number from 0 upwards."""
    with pytest.raises(UsageError, match=r"speed .* is not a number from 0"):
        Server(speed=speed)


def test_speed_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's speed is read at each request; a wrong one is said to be so."""
    with Server() as server, connect(server) as client:
        monkeypatch.setenv("NBSTREAM_SPEED", "0")
        client.sendall(request(ASKED))
        assert answered(client)[0].status == 200

        monkeypatch.setenv("NBSTREAM_SPEED", "fast")
        client.sendall(request(ASKED))
        response, data = answered(client)

    message = "NBSTREAM_SPEED='fast' is not a number, such as 0"
    assert (response.status, json.loads(data)["error"]["message"]) == (400, message)


def test_pacing_is_felt(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a model's pace the first token lets one wait; a whole answer takes as long."""
    monkeypatch.delenv("NBSTREAM_SPEED", raising=False)
    with Server() as server, connect(server) as client:
        for stream in (True, False):
            started = time.monotonic()
            client.sendall(request(ASKED | {"stream": stream, "max_tokens": 8}))
            answered(client)

            assert time.monotonic() - started >= 0.3 + 7 * 0.6 / 70
