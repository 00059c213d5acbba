"""No key gets into a recording, an output, a log or an error; all else stays."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from harness.sdks import SHAPES, cases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbstream
from nbstream._keys import find_keys
from nbstream.errors import NbstreamError
from nbstream.lab.recording import Exchange, Read, load, loads
from nbstream.lab.recording.redaction import (
    Cleaner,
    Secrets,
    allowed_headers,
    request_secrets,
)
from nbstream.offline import Server

httpx2 = pytest.importorskip("httpx2")

OPENAI = "sk-proj-Ab3dEf6hIj9lMn0pQr5tUv8xYz"
GOOGLE = "AIzaSyA0123456789abcdefghijklmnopqrstu"
GATEWAY = "0f8fad5bd9cb469fa165708867a1c2d3"  # of no known shape
SURE = {
    "openai": OPENAI,
    "anthropic": "sk-ant-api03-Ab3dEf6hIj9lMn0pQr5tUv8xYz-_AA",
    "google": GOOGLE,
    "google's newer": "AQ.Ab8RN6Ld0pQr5tUv8xYz1234567",
    "xai": "xai-Ab3dEf6hIj9lMn0pQr5t",
    "hugging face": "hf_Ab3dEf6hIj9lMn0pQr5t",
    "a bearer token": "Bearer ab12cd34ef56gh78ij90",
    "a JWT": "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeKKF2QT4",
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "an organisation": "org-Ab3dEf6hIj9lMn0pQr5t",
}
BEFORE = {
    "a space": " ",
    "a quote": '"',
    "an equals sign": "key=",
    "a line end in JSON": "\\n",
    "a tab in JSON": "\\t",
    "an escape in JSON": "\\u003d",
    "an escape in a URL": "key%3D",
    "a bracket": "(",
    "a letter of another alphabet": "é",
    "nothing": "",
}


@pytest.mark.parametrize("key", SURE.values(), ids=SURE)
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_keys_are_found(before, key):
    """A key is found whatever stands before it."""
    data = f"{before}{key} and more".encode()
    start = len(before.encode())
    assert find_keys(data) == [(start, start + len(key))]


NO_KEYS = {
    "prose": b"task-list risk-averse sk-learn hf_hub org-wide",
    "CSS": b"sk-folding-cube sk-chasing-dots-animation",
    "a name in code": b"hf_hub_download_with_progress",
    "inside an encrypted thought": b"E" * 40 + b"-sk-proj-Ab3dEf6hIj9lMn0pQr5tUv8xYz",
    "inside an image": b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAAA/AIzaSyA0123456789abcdef",
}


@pytest.mark.parametrize("data", NO_KEYS.values(), ids=NO_KEYS)
def test_other_bytes_are_left_alone(data):
    """What only looks a little like a key is not changed."""
    assert find_keys(data) == []


HEADERS = {
    "authorization": False,
    "Authorization": False,
    "x-api-key": False,
    "x-goog-api-key": False,
    "api-key": False,
    "proxy-authorization": False,
    "cookie": False,
    "set-cookie": False,
    "openai-organization": False,
    "openai-project": False,
    "x-goog-user-project": False,
    "anthropic-workspace-id": False,
    "anthropic-organization-id": False,
    "user-agent": False,
    "x-something-new": False,
    "date": False,
    "Content-Type": True,
    "retry-after-ms": True,
    "x-request-id": True,
    "anthropic-ratelimit-requests-remaining": True,
    "x-ratelimit-reset-tokens": True,
    "server": True,
}


@pytest.mark.parametrize(("name", "kept"), HEADERS.items(), ids=HEADERS)
def test_headers_are_an_allow_list(name, kept):
    """Only what is on the list is written; a header nobody knows is not."""
    expected = [(name.lower(), "v")] if kept else []
    assert list(allowed_headers([(name, "v")])) == expected


URLS = {
    "a query key": (
        "https://a.com/v1?alt=sse&key=1",
        "https://a.com/v1?alt=sse&key=[removed]",
    ),
    "a login": ("https://me:pw@a.com:81/v1", "https://a.com:81/v1"),
    "a key in the path": (
        f"https://a.com/{OPENAI}/v1",
        "https://a.com/[key removed]/v1",
    ),
    "a key in an allowed value": (
        f"https://a.com/v1?alt={OPENAI}",
        "https://a.com/v1?alt=[key removed]",
    ),
    "Azure": (
        "https://x.a.com/openai/deployments/d/chat/completions?api-version=2026-01-01",
        "https://x.a.com/openai/deployments/d/chat/completions?api-version=2026-01-01",
    ),
}


@pytest.mark.parametrize(("url", "expected"), URLS.values(), ids=URLS)
def test_urls(url, expected):
    """A URL keeps its path and what is known to be harmless."""
    assert Secrets(()).url(url) == expected


BODIES = {
    "a text": ({"input": f"my key: {OPENAI}"}, {"input": "my key: [key removed]"}),
    "a name": ({OPENAI: 1}, {"[key removed]": 1}),
    "a named secret": (
        {"tools": [{"authorization": "abc"}]},
        {"tools": [{"authorization": "[key removed]"}]},
    ),
    "headers of a tool": (
        {"tools": [{"headers": {"X-Mine": "abc"}}]},
        {"tools": [{"headers": {"X-Mine": "[key removed]"}}]},
    ),
    "headers that are no headers": ({"headers": ["a"]}, {"headers": ["a"]}),
    "a lone surrogate": ({"input": "\ud800"}, {"input": "\ud800"}),
    "numbers": ([1, 2.5, None, True], [1, 2.5, None, True]),
}


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_request_bodies(body, expected):
    """A request's JSON keeps everything but its secrets."""
    assert Secrets(()).json(body) == expected


def cleaned(data: bytes, sizes: list[int], secrets: Secrets) -> tuple[bytes, list[int]]:
    """Clean a body that comes in reads of these sizes."""
    cleaner, reads, at = Cleaner(secrets), [], 0
    for size in [*sizes, len(data)]:
        if piece := data[at : at + size]:
            reads += cleaner.feed(Read(0.0, piece))
            at += size
    reads += cleaner.finish()
    return b"".join(read.data for read in reads), [len(read.data) for read in reads]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
shapes = st.sampled_from(list(SURE.values()))


@settings(deadline=None, max_examples=150)
@given(
    around=st.lists(texts, min_size=2, max_size=5),
    key=shapes,
    sizes=st.lists(st.integers(1, 30), max_size=60),
)
def test_a_key_is_found_whatever_the_cuts(around, key, sizes):
    """A response's key is replaced in length, and all around it stays."""
    data = f' "{key}" '.join(json.dumps(text) for text in around).encode()
    clean, lengths = cleaned(data, sizes, Secrets(()))
    whole = data.replace(key.encode(), b"[key-removed]".ljust(len(key), b"*"))
    assert clean == whole
    assert sum(lengths) == len(data)
    assert len(lengths) <= len(sizes) + 1


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=400), st.lists(st.integers(1, 30), max_size=30))
def test_a_body_with_no_key_is_untouched(data, sizes):
    """Without a key, what is written is what came, read for read."""
    clean, lengths = cleaned(data, sizes, Secrets(()))
    assert clean == data
    assert lengths == [n for n in _lengths(len(data), sizes) if n]


def _lengths(size: int, sizes: list[int]) -> Iterator[int]:
    for each in [*sizes, size]:
        yield min(each, size)
        size -= min(each, size)


def test_reads_are_given_back_as_soon_as_their_line_is_whole():
    """A stream's reads wait for no more than the end of their line."""
    cleaner = Cleaner(Secrets(()))
    given = [
        list(cleaner.feed(Read(n, data)))
        for n, data in enumerate([b"data: 1\n\n", b"data", b": 2\n", b"\n", b"x"])
    ]
    assert [[read.data for read in reads] for reads in given] == [
        [b"data: 1\n\n"],
        [],
        [b"data", b": 2\n"],
        [b"\n"],
        [],
    ]
    assert [read.data for read in cleaner.finish()] == [b"x"]


NAMED = {
    "JSON": (
        b'{"authorization": "abcdef", "a": 1}',
        b'{"authorization": "******", "a": 1}',
    ),
    "an escaped quote": (b'"api_key":"a\\"b"', b'"api_key":"****"'),
    "no string": (b'{"password": null}', b'{"password": null}'),
    "a longer name": (b'{"password_hint": "x"}', b'{"password_hint": "x"}'),
}


@pytest.mark.parametrize(("data", "expected"), NAMED.values(), ids=NAMED)
def test_named_secrets_in_a_response(data, expected):
    """What a service echoes of a tool's login is replaced by as many characters."""
    clean, found = Secrets(()).body(data)
    assert (clean, found) == (expected, int(data != expected))
    assert Secrets(()).body(clean) == (clean, 0)


def test_known_values_are_found_in_every_spelling(monkeypatch):
    """A key of no known shape is known from the request and the environment."""
    monkeypatch.setenv("MY_GATEWAY_TOKEN", 'to"ken==of/mine')
    monkeypatch.setenv("SHORT_KEY", "test")
    secrets = request_secrets(
        f"https://a.com/v1?key={GATEWAY}x",
        {"api-key": GATEWAY, "authorization": "Basic dXNlcjpwYXNzd29yZA=="},
        {"password": "correct horse battery"},
    )
    text = (
        f"{GATEWAY} {GATEWAY}x dXNlcjpwYXNzd29yZA== dXNlcjpwYXNzd29yZA\\u003d\\u003d "
        'correct horse battery to\\"ken==of/mine to%22ken%3D%3Dof%2Fmine test'
    )
    assert set(secrets.text(text).replace("[key removed]", "").split()) == {"test"}


# -- all together ------------------------------------------------------------------


class Echo(BaseHTTPRequestHandler):
    """Says everything it was asked: headers, path and body; as an error or a stream."""

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        body = self.rfile.read(size).decode()
        said = json.dumps([self.path, list(self.headers.items()), body])
        status = int(self.headers.get("x-status", "200"))
        self.send_response(status)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("X-Request-Id", self.headers.get("authorization", ""))
        self.send_header("Set-Cookie", self.headers.get("x-api-key", ""))
        self.end_headers()
        data = f"data: {said}\n\n".encode()
        for at in range(0, len(data), 41):
            self.wfile.write(data[at : at + 41])
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    """The address of a server that echoes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


alphabet = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789_-", min_size=22, max_size=40
)
canaries = st.tuples(
    st.sampled_from(["sk-", "sk-ant-", "AIza", "xai-", "gsk_", "hf_", "AQ."]), alphabet
).map(lambda both: f"{both[0]}7{both[1]}")
PLACES = (
    "bearer",
    "x-api-key",
    "x-goog-api-key",
    "query",
    "path",
    "prompt",
    "env",
    "tool",
)


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    keys=st.fixed_dictionaries(dict.fromkeys(PLACES, canaries)),
    odd=st.text("0123456789abcdef", min_size=24, max_size=40),
    status=st.sampled_from([200, 401]),
)
def test_no_canary_is_in_the_file(keys, odd, status, echo, tmp_path, caplog, capsys):
    """Keys in every place, echoed by the service: none in the file, log or output."""
    caplog.set_level(logging.DEBUG, "nbstream")
    path = tmp_path / "canary.rec"
    headers = {
        "Authorization": f"Bearer {keys['bearer']}",
        "x-api-key": keys["x-api-key"],
        "x-goog-api-key": keys["x-goog-api-key"],
        "api-key": odd,
        "x-status": str(status),
    }
    body = {
        "input": f"a\n{keys['prompt']}\n{keys['env']} {odd}",
        "tools": [{"headers": {"X": keys["tool"]}}],
    }
    url = f"{echo}/{keys['path']}/v1/responses?key={keys['query']}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOME_API_KEY", keys["env"])
        with nbstream.record(path), httpx2.Client(trust_env=False) as client:
            got = client.post(url, json=body, headers=headers)
    written = path.read_text("utf-8")
    output = capsys.readouterr()

    (found,) = load(path)
    assert odd in got.text, "the program itself gets what was sent"
    assert len(found.body) == len(got.content)
    for canary in [*keys.values(), odd]:
        for text in (written, repr(found), caplog.text, output.out, output.err):
            assert canary not in text


def test_no_key_is_in_an_error(tmp_path):
    """Errors about a recording show no key, even if one stands in the file."""
    path = tmp_path / "a.rec"
    path.write_text(f"{OPENAI}\n")
    with pytest.raises(NbstreamError) as told:
        load(path)
    assert OPENAI not in str(told.value)
    data = f"nbstream-recording 1\n\nask 1 {OPENAI}\n"
    with pytest.raises(NbstreamError) as told:
        loads(data.encode())
    assert OPENAI not in str(told.value)


KEYED = {
    n: s for n, s in SHAPES.items() if n.endswith((" sync stream", " async stream"))
}


@pytest.mark.parametrize("shape", **cases(KEYED))
def test_the_sdks_own_keys_are_not_written(shape, tmp_path):
    """The key with which each SDK was made is not in the file."""
    from harness.sdks import KEY, Clients

    from nbstream.streams.loop_reader import background_loop

    path = tmp_path / "a.rec"
    with Server(speed=0) as server:
        clients = Clients(server.url)
        with nbstream.record(path):
            stream = shape.make(clients, "m", f"My key is {KEY}.")
            reply = nbstream.Reply.from_stream(stream)
        loop = background_loop()
        asyncio.run_coroutine_threadsafe(clients.aclose(), loop).result(10)
    assert reply.outcome == "complete"
    assert KEY not in path.read_text("utf-8")
    assert isinstance(load(path)[0], Exchange)
    assert Path(path).stat().st_size > 1000
