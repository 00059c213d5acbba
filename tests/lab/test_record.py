"""What the SDKs send and get is taken down byte for byte, whatever happens to it."""

from __future__ import annotations

import asyncio
import gzip
import socket
import sys
import threading
import time
import types
import zlib
from pathlib import Path

import pytest
from harness.sdks import APIS, KEY, SHAPES, Clients, cases, only
from harness.wire import said

import nbstream
from nbstream.errors import ProviderFailure, UsageError
from nbstream.lab.recording import Recorder, load
from nbstream.offline import Server

httpx2 = pytest.importorskip("httpx2")
pytest.importorskip("openai")
pytest.importorskip("anthropic")
pytest.importorskip("google.genai")

STREAMS = {name: s for name, s in SHAPES.items() if name.endswith(" stream")}
PROMPT = "Say hello [scenario: prose]"


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    """Where a recording may be made."""
    return tmp_path / "lesson.rec"


class Raw:
    """A server that sends exactly these bytes, with a moment between them."""

    def __init__(self, *sent: bytes) -> None:
        self.sent = sent
        self.asked = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        link, _ = self._listener.accept()
        with link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head, size = b"", 0
            while not head or len(self.asked) < len(head) + 4 + size:
                self.asked += link.recv(65536)
                if b"\r\n\r\n" not in self.asked:
                    continue  # the head may come in pieces
                head = self.asked.partition(b"\r\n\r\n")[0]
                size = int(head.lower().partition(b"content-length:")[2].split()[0])
            for data in self.sent:
                link.sendall(data)
                time.sleep(0.03)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.join(10)
        self._listener.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def fetch(url: str, path: str = "/v1/chat/completions") -> bytes:
    """Ask as an SDK does, with no SDK."""
    with httpx2.Client(trust_env=False) as client:
        return client.post(f"{url}{path}", json={"model": "m"}).content


@pytest.mark.parametrize("shape", **cases(SHAPES))
def test_every_call_is_recorded(shape, clients, rec):
    """Whatever is called, sync or async: the file gives the same reply again."""
    with nbstream.record(rec):
        shown = nbstream.Reply.from_stream(shape.make(clients, "m", PROMPT))

    (found,) = load(rec)
    again = found.reply()
    assert (found.api, found.method, found.status) == (shape.api, "POST", 200)
    assert (again.text, again.outcome) == (shown.text, "complete")
    assert (again.usage, again.id) == (shown.usage, shown.id)
    assert found.response_headers["server"] == "nbstream-offline (scripted answers)"
    assert found.notes == ("scripted: no provider sent this",)


@pytest.mark.parametrize("shape", **cases(STREAMS))
def test_a_recording_can_be_taken_apart(shape, clients, rec):
    """Of every SDK: step by step it comes to the reply that was shown."""
    with nbstream.record(rec):
        shown = nbstream.Reply.from_stream(shape.make(clients, "m", PROMPT))
    found = nbstream.anatomy(load(rec)[0])
    texts = found.at(len(found) + 1)

    assert (texts["0/text"], texts["outcome"]) == (shown.text, "complete")
    assert found.api == shape.api
    assert all(read.time_s is not None for read in found.reads)
    assert {"first token", "finish"} <= found.landmarks.keys()
    with pytest.raises(UsageError, match=r"an SDK read them.*nbstream\.record"):
        shown.anatomy()


def plain(clients: Clients) -> dict[str, object]:
    """Call each API for an answer at once."""
    asked = {"model": "m", "messages": [{"role": "user", "content": PROMPT}]}
    return {
        "openai.chat": clients.openai.chat.completions.create(**asked),
        "openai.responses": clients.openai.responses.create(model="m", input=PROMPT),
        "anthropic.messages": clients.anthropic.messages.create(
            max_tokens=900, **asked
        ),
        "google.generate_content": clients.google.models.generate_content(
            model="m", contents=PROMPT
        ),
        "google.interactions": clients.google.interactions.create(
            model="m", input=PROMPT
        ),
    }


def test_plain_calls_are_recorded(clients, rec):
    """An answer that is no stream is recorded as well."""
    with nbstream.record(rec):
        plain(clients)

    found = load(rec)
    assert [(e.api, e.status, e.is_stream, e.ended) for e in found] == [
        (api, 200, False, "complete") for api in APIS
    ]
    assert all("scripted" in e.body.decode() for e in found)


SENT = {
    "CRLF": [b"data: {}\r\n\r\n", b"data: {}\r", b"\n\r\n"],
    "cut characters": ["data: é€🎉\n\n".encode()[:n] for n in (7, 1)],
    "no text": [bytes(range(256))],
    "no end of line": [b"data: {"],
}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
def test_bytes_are_exact(sent, rec):
    """What the server sent is in the file, cut where the network cut it."""
    with Raw(HEAD, *sent) as raw, nbstream.record(rec):
        got = fetch(raw.url)

    (found,) = load(rec)
    assert found.body == got == b"".join(sent)
    assert [data for _, data in found.reads] == sent
    times = [time_s for time_s, _ in found.reads]
    assert times == sorted(times)
    assert found.ended == "complete"


def deflated(data: bytes, bits: int) -> bytes:
    """Compress."""
    packer = zlib.compressobj(wbits=bits)
    return packer.compress(data) + packer.flush()


DATA = b"data: {}\n\n" * 50
PACKED = {
    "gzip": gzip.compress(DATA),
    "deflate": deflated(DATA, zlib.MAX_WBITS),
    "deflate, raw": deflated(DATA, -zlib.MAX_WBITS),
}


@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED)
def test_compression_is_undone(packed, rec, request):
    """No compression is asked for; what comes compressed is written readable."""
    coding = request.node.callspec.id.partition(",")[0]
    head = HEAD.replace(b"\r\n\r\n", f"\r\nContent-Encoding: {coding}\r\n\r\n".encode())
    with Raw(head, packed[:20], packed[20:]) as raw, nbstream.record(rec):
        assert fetch(raw.url) == DATA

    (found,) = load(rec)
    assert b"accept-encoding: identity\r\n" in raw.asked.lower()
    assert found.body == DATA
    assert "content-encoding" not in found.response_headers
    assert f"it came compressed ({coding})" in rec.read_text("utf-8")


UNREADABLE = {"an unknown coding": "zz", "damaged": "gzip"}


@pytest.mark.parametrize("coding", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_unpacked_is_left_out(coding, rec):
    """Bytes in which a key could hide unseen are not written."""
    head = HEAD.replace(b"\r\n\r\n", f"\r\nContent-Encoding: {coding}\r\n\r\n".encode())
    with (
        Raw(head, b"not packed") as raw,
        nbstream.record(rec),
        httpx2.Client(trust_env=False) as client,
        client.stream("POST", f"{raw.url}/v1/messages", json={}) as response,
    ):
        assert b"".join(response.iter_raw()) == b"not packed"

    (found,) = load(rec)
    assert found.reads == ()
    assert found.notes[-1] == (
        f"the body, or its end, is left out: no readable {coding}"
    )


def test_other_traffic_is_not_recorded(rec):
    """A request that is no SDK's, such as a login, is none of our business."""
    with Raw(HEAD, b"secret") as raw, nbstream.record(rec) as recorder:
        assert fetch(raw.url, "/oauth2/token") == b"secret"
    assert recorder.exchanges == ()
    assert b"identity" not in raw.asked


def test_an_upload_is_left_out(rec):
    """A body that is no JSON is not written, and a note says so."""
    headers = {"x-stainless-lang": "python"}
    files = {"file": ("a.txt", b"private")}
    client = httpx2.Client(trust_env=False)
    with Raw(HEAD, b"ok") as raw, nbstream.record(rec), client:
        client.post(f"{raw.url}/v1/files", files=files, headers=headers)

    (found,) = load(rec)
    assert (found.api, found.request, found.body) == ("", None, b"ok")
    said = rec.read_text("utf-8")
    assert "the body of the request is left out: it is not JSON" in said
    assert "private" not in said


# -- how it ended ------------------------------------------------------------------

ONE_EACH = {api: STREAMS[f"{api}, sync stream"] for api in APIS}
BOTH = {**only(name="sync stream"), **only(name="async stream")}


@pytest.mark.parametrize("shape", **cases(BOTH))
def test_a_cut_connection_is_noted(shape, broken, rec):
    """A broken connection: all that came is there, and how it ended."""
    with nbstream.record(rec):
        reply = nbstream.Reply.from_stream(shape.make(broken, "cut", PROMPT))
    (found,) = load(rec)
    assert reply.outcome == "failed"
    assert found.ended == "cut"
    assert found.reply().text == reply.text
    assert "RemoteProtocolError" in found.notes[-1] or "ReadError" in found.notes[-1]


#: Where a sync call waits for the headers by itself, no stream is there to be stopped.
WAITING = {
    f"{name}, {plan}": (shape, plan)
    for name, shape in BOTH.items()
    for plan in ("headers", "first", "silence")
    if shape.lazy or plan != "headers"
}


@pytest.mark.parametrize(("shape", "plan"), WAITING.values(), ids=WAITING)
def test_stop_works_while_recording(shape, plan, wire, broken, rec):
    """A stop closes the connection wherever the stream waits, and is noted."""
    before = len(wire.exchanges)
    with nbstream.record(rec):
        live = nbstream.start(shape.make(broken, plan, PROMPT), view="none")
        wire.wait_for(lambda e: e in wire.exchanges[before:])
        if plan == "silence":
            deadline = time.monotonic() + 10
            while not live.reply.text and time.monotonic() < deadline:
                time.sleep(0.01)
        live.stop()
        reply = live.result(timeout_s=10)
        wire.wait_for(lambda e: e in wire.exchanges[before:] and e.over)
    (found,) = load(rec)
    assert reply.outcome == "stopped"
    assert found.ended in {"closed", "cut"}
    if found.status:
        assert found.reply().text.startswith(reply.text)


@pytest.mark.parametrize("shape", **cases(ONE_EACH))
def test_show_works_while_recording(shape, clients, rec, capsys):
    """The display is what it is without a recording."""
    shape_of = shape.make
    nbstream.show(shape_of(clients, "m", PROMPT), view="terminal")
    without = capsys.readouterr().out
    with nbstream.record(rec):
        nbstream.show(shape_of(clients, "m", PROMPT), view="terminal")
    assert capsys.readouterr().out.splitlines()[:3] == without.splitlines()[:3]
    assert load(rec)[0].reply().text == nbstream.last().text


def test_a_loop_that_is_left_is_noted(clients, rec):
    """Who breaks out of a loop has closed the stream."""
    with nbstream.record(rec):
        for _ in nbstream.events(ONE_EACH["openai.chat"].make(clients, "m", PROMPT)):
            break
    (found,) = load(rec)
    assert found.ended == "closed"


def test_no_connection_is_noted(rec):
    """A request that got no response is in the file."""
    with nbstream.record(rec), pytest.raises(httpx2.ConnectError):
        fetch("http://127.0.0.1:9")
    (found,) = load(rec)
    assert (found.status, found.ended, found.reads) == (None, "cut", ())
    assert found.notes[0].startswith("ConnectError: ")


def test_async_no_connection_is_noted(rec):
    """The same for an async client."""

    async def ask():
        async with httpx2.AsyncClient(trust_env=False) as client:
            await client.post("http://127.0.0.1:9/v1/messages", json={})

    with nbstream.record(rec), pytest.raises(httpx2.ConnectError):
        asyncio.run(ask())
    assert load(rec)[0].ended == "cut"


def test_errors_are_recorded(broken, rec):
    """An HTTP error is an exchange, and each retry one more."""
    with nbstream.record(rec), pytest.raises(ProviderFailure):
        nbstream.show(lambda: ONE_EACH["openai.chat"].make(broken, "e500", PROMPT))
    assert {e.status for e in load(rec)} == {500}


# -- several at once ---------------------------------------------------------------


def test_streams_at_the_same_time_are_kept_apart(server, rec):
    """Ten streams of five APIs at once: each has its own exchange, whole."""
    shapes = [s for s in STREAMS.values() if s.is_async] * 2
    prompts = [f"Question {n}" for n in range(len(shapes))]

    async def read(clients, shape, prompt):
        async for _ in await shape.make(clients, "m", prompt):
            await asyncio.sleep(0)

    async def read_all():
        clients = Clients(server.url)
        both = zip(shapes, prompts, strict=True)
        await asyncio.gather(*(read(clients, *each) for each in both))
        await clients.aclose()

    with nbstream.record(rec):
        asyncio.run(read_all())

    found = load(rec)
    assert sorted(e.reply().text for e in found) == sorted(map(said, prompts))
    titles = [t for t in rec.read_text("utf-8").split("\n") if t.startswith("read")]
    numbers = [title.split()[1] for title in titles]
    assert numbers != sorted(numbers), "they did not overlap"


def test_a_stream_may_outlive_the_recording(clients, rec):
    """A stream that was begun inside is recorded to its end; no later request is."""
    make = ONE_EACH["anthropic.messages"].make
    with nbstream.record(rec):
        stream = make(clients, "m", PROMPT)
    reply = nbstream.Reply.from_stream(stream)
    nbstream.Reply.from_stream(make(clients, "m", "another"))

    (found,) = load(rec)
    assert (found.reply().text, found.reply().outcome) == (reply.text, "complete")


def test_recordings_may_be_nested(clients, tmp_path):
    """Each of two recordings has what was sent while it ran."""
    make = ONE_EACH["openai.responses"].make
    outer, inner = tmp_path / "outer.rec", tmp_path / "inner.rec"
    with nbstream.record(outer):
        nbstream.Reply.from_stream(make(clients, "m", "one"))
        with nbstream.record(inner):
            nbstream.Reply.from_stream(make(clients, "m", "two"))
        nbstream.Reply.from_stream(make(clients, "m", "three"))
    asked = [[e.request["input"] for e in load(path)] for path in (outer, inner)]
    assert asked == [["one", "two", "three"], ["two"]]


def methods() -> list[object]:
    """Return what is patched."""
    one, other = httpx2.HTTPTransport, httpx2.AsyncHTTPTransport
    return [one.handle_request, other.handle_async_request]


def test_the_classes_are_as_before(rec, tmp_path):
    """Nothing stays patched: not after an error, and not in whatever order they end."""
    before = methods()
    first, second = Recorder(rec), Recorder(tmp_path / "b.rec")
    with pytest.raises(ZeroDivisionError), first:  # noqa: PT012 - both belong inside
        assert methods() != before
        raise ZeroDivisionError
    assert methods() == before
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert methods() != before
    second.__exit__(None, None, None)
    assert methods() == before


def test_another_patch_in_between_survives(rec, monkeypatch, server, clients):
    """Somebody else's patch over ours is left, and nothing is recorded twice."""
    make = ONE_EACH["openai.chat"].make
    with nbstream.record(rec):
        ours = httpx2.HTTPTransport.handle_request
        monkeypatch.setattr(
            httpx2.HTTPTransport, "handle_request", lambda *given: ours(*given)
        )
    with nbstream.record(rec):
        nbstream.Reply.from_stream(make(clients, "m", PROMPT))
    assert len(load(rec)) == 1
    monkeypatch.undo()
    with nbstream.record(rec):
        nbstream.Reply.from_stream(make(clients, "m", PROMPT))
    assert len(load(rec)) == 1
    assert httpx2.HTTPTransport.handle_request is not ours


# -- the file ----------------------------------------------------------------------


def test_a_recording_is_replaced_and_nothing_else(clients, rec, tmp_path):
    """Run again, a cell writes its recording anew; a file of the user's is safe."""
    for prompt in ("one", "two"):
        with nbstream.record(rec):
            stream = ONE_EACH["openai.responses"].make(clients, "m", prompt)
            nbstream.Reply.from_stream(stream)
    assert [e.request["input"] for e in load(rec)] == ["two"]

    essay = tmp_path / "essay.txt"
    essay.write_text("Dear reader")
    with pytest.raises(UsageError, match=r"'essay.txt' is there already"):
        nbstream.record(essay).__enter__()
    assert essay.read_text() == "Dear reader"


def test_one_file_is_recorded_to_once(rec):
    """The same file cannot be recorded to by two at a time."""
    with nbstream.record(rec), pytest.raises(UsageError, match="recorded already"):
        nbstream.record(rec).__enter__()
    with nbstream.record(rec):
        pass
    assert load(rec) == ()


@pytest.mark.parametrize("other", ["sub/../calls.rec", "by a link", "by another name"])
def test_nor_by_another_name(other, tmp_path):
    """Two writers would make a file that cannot be read."""
    rec = tmp_path / "calls.rec"
    (tmp_path / "sub").mkdir()
    with nbstream.record(rec):
        (tmp_path / "by a link").symlink_to(rec)
        (tmp_path / "by another name").hardlink_to(rec)
        with pytest.raises(UsageError, match="recorded already"):
            nbstream.record(tmp_path / other).__enter__()
    assert load(rec) == ()


NO_FILES = {
    "a folder": ".",
    "no folder": "none/a.rec",
    "a NUL": "a\0",
    "long": "x" * 300,
}


@pytest.mark.parametrize("name", NO_FILES.values(), ids=NO_FILES)
def test_where_nothing_can_be_written_is_told_before_it_begins(name, tmp_path):
    """In one line, as what the user can mend."""
    with pytest.raises(UsageError, match="cannot be written"):
        nbstream.record(tmp_path / name).__enter__()


def test_what_has_taken_the_place_of_the_file_is_left_alone(clients, rec, tmp_path):
    """A link to another file, or another file of that name."""
    keep = tmp_path / "keep.txt"
    keep.write_text("Dear reader")
    for put in (rec.symlink_to, lambda to: rec.write_bytes(to.read_bytes())):
        recorder = nbstream.record(rec)
        recorder.__enter__()
        rec.rename(tmp_path / "moved.rec")
        put(keep)
        stream = ONE_EACH["openai.responses"].make(clients, "m", PROMPT)
        reply = nbstream.Reply.from_stream(stream)
        with pytest.raises(UsageError, match="could not be written"):
            recorder.__exit__(None, None, None)

        assert (rec.read_text(), keep.read_text()) == ("Dear reader",) * 2
        assert reply.outcome == "complete"
        rec.unlink()


def test_an_old_stream_does_not_write_into_the_next_recording(clients, rec):
    """A stream that outlived its recording leaves the new one of that name alone."""
    with nbstream.record(rec):
        old = ONE_EACH["openai.responses"].make(clients, "m", "old")
    with nbstream.record(rec):
        nbstream.Reply.from_stream(old)
    assert load(rec) == ()


def test_each_read_is_in_the_file_at_once(wire, broken, rec):
    """Whoever kills the process loses nothing that had come."""
    with nbstream.record(rec):
        live = nbstream.start(
            ONE_EACH["openai.chat"].make(broken, "silence", PROMPT), view="none"
        )
        deadline = time.monotonic() + 10
        text, found = "", None
        while not (text and found and found.reply().text == text):
            assert time.monotonic() < deadline
            time.sleep(0.01)
            text = live.reply.text
            found = load(rec)[0] if text else None
        live.stop()
        live.result(timeout_s=10)
    assert found.ended == "interrupted"
    assert found.reply().text == text != ""


def test_a_file_that_goes_away_is_told_at_the_end(clients, rec):
    """The stream goes on; that nothing could be written is an error afterwards."""
    recorder = nbstream.record(rec)
    recorder.__enter__()
    rec.unlink()
    stream = ONE_EACH["openai.responses"].make(clients, "m", PROMPT)
    reply = nbstream.Reply.from_stream(stream)
    with pytest.raises(UsageError, match="could not be written"):
        recorder.__exit__(None, None, None)
    assert reply.outcome == "complete"
    assert not rec.exists()


# -- what is behind the name -------------------------------------------------------


def test_the_name_is_a_context_manager_and_a_module():
    """``nbstream.record(...)`` records, and ``nbstream.record`` has its functions."""
    from nbstream.lab.recording import Exchange, load, loads

    assert nbstream.record is Recorder
    assert (nbstream.record.load, nbstream.record.loads) == (load, loads)
    assert sys.modules["nbstream.lab.recording"].Exchange is Exchange
    assert repr(nbstream.record("a/b.rec")) == "<nbstream.record 'b.rec'>"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        sys.modules["nbstream.lab.recording"].nothing  # noqa: B018


class Wrapped(httpx2.SyncByteStream):
    """A stream with something of its own, as anthropic's tracing has."""

    stream_observer = "mine"

    def __iter__(self):
        yield b"data"


class Sink:
    """Notes what a tee says."""

    def __init__(self):
        self.said = []

    def read(self, data):
        self.said.append(data)

    def end(self, how, error=None):
        self.said.append(how)

    def broke(self, error):
        self.said.append(type(error).__name__)


def test_a_tee_shows_what_is_behind_it():
    """A stream's own attributes are reached through the tee; its kind is the same."""
    from nbstream.streams.transports import sync_tee

    sink = Sink()
    tee = sync_tee(httpx2)(Wrapped(), sink)
    assert tee.stream_observer == "mine"
    assert isinstance(tee, httpx2.SyncByteStream)
    assert (list(tee), sink.said) == ([b"data"], [b"data", "complete"])
    with pytest.raises(AttributeError):
        tee.nothing  # noqa: B018


def test_the_older_httpx_is_recorded_where_it_is_in_use(rec):
    """Programs that have imported httpx are recorded too."""
    httpx = pytest.importorskip("httpx")
    client = httpx.Client(trust_env=False)
    with Raw(HEAD, b"data: {}\n\n") as raw, nbstream.record(rec), client:
        client.post(f"{raw.url}/v1/responses", json={"input": "é"})
    (found,) = load(rec)
    assert (found.request, found.body) == ({"input": "é"}, b"data: {}\n\n")


# -- aiohttp, which goes past us ---------------------------------------------------


class ClientSession:
    """Stands for aiohttp's, with its public method."""

    def request(self, method, url, **options):
        return method, url


@pytest.fixture
def session(monkeypatch):
    """aiohttp, as far as it matters, where it is not installed."""
    module = types.ModuleType("aiohttp")
    module.ClientSession = ClientSession
    monkeypatch.setitem(sys.modules, "aiohttp", module)
    return ClientSession()


def test_aiohttp_is_refused_with_what_to_do(session, rec):
    """A call of an SDK through aiohttp fails with a clear message; others pass."""
    gemini = "https://example.com/v1/models/m:generateContent"
    with nbstream.record(rec):
        with pytest.raises(UsageError, match=r"'transport': httpx2\.Async"):
            session.request("POST", gemini)
        with pytest.raises(UsageError, match="goes through aiohttp"):
            session.request("POST", "/other", headers={"X-Goog-Api-Client": "g"})
        assert session.request("GET", "/other", headers=None) == ("GET", "/other")
    assert session.request("POST", gemini) == ("POST", gemini)


def test_aiohttp_is_refused_what_is_answered_in_memory(session):
    """It would ask a host that is nowhere; what is asked of others passes."""
    with Server(transport="memory") as offline:
        with pytest.raises(UsageError, match="goes through aiohttp"):
            session.request("GET", offline.url)
        assert session.request("GET", "http://a.test/") == ("GET", "http://a.test/")


# -- the magic ---------------------------------------------------------------------


@pytest.fixture
def shell(shell, monkeypatch, tmp_path):
    """The shell, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return shell


def test_the_magic_records(shell, server, monkeypatch, capsys, tmp_path):
    """``%%stream --record FILE`` records the call of this cell."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url("openai.responses"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    line = "openai:m --view none --to answer --record 'my lesson.rec'"
    shell.run_cell_magic("stream", line, PROMPT)
    (found,) = load(tmp_path / "my lesson.rec")
    assert found.reply().text == shell.user_ns["answer"].text == said(PROMPT)
