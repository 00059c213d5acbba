"""The offline server in memory: no port, and everything else as it is."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
import urllib.request

import pytest
from harness.fault_table import CASES, FAULTS, INTERACTIONS, PROMPT, TIMEOUTS, ends_of
from harness.sdks import APIS, SHAPES, Clients

import nbstream
from nbstream.errors import UnknownNameError, failure_of
from nbstream.offline import Server
from nbstream.offline.memory import Handler

pytest.importorskip("openai")
pytest.importorskip("anthropic")
pytest.importorskip("google.genai")

WAYS = ("sync stream", "async stream", "sync stream of a function")
#: What an exchange says of the clock, and of the frames around the bytes.
OF_THE_WAY = ("started", "disconnected_at", "bytes_sent", "request")


@pytest.fixture(scope="module")
def memory():
    with Server(speed=0, transport="memory") as server:
        yield server


@pytest.fixture(scope="module")
def in_memory(memory):
    clients = Clients(memory.url)
    yield clients
    clients.close_all()


def shown(clients, api, way, **options):
    """Show a stream of an API; return the reply, however it ended."""
    try:
        stream = SHAPES[f"{api}, {way}"].make(clients, "m", PROMPT)
        return nbstream.show(stream, view="none", **options)
    except nbstream.ProviderFailure as failure:
        return failure.reply


def noted(server):
    exchange = dataclasses.asdict(server.log[-1])
    asked = exchange["request"] is not None
    return {name: exchange[name] for name in exchange if name not in OF_THE_WAY}, asked


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("api", APIS)
def test_answers_bytes_and_log_are_the_same(
    api, way, server, clients, memory, in_memory
):
    """By every SDK, sync and async: as it came, and what is noted of it."""
    theirs = shown(clients, api, way, keep_wire=True)
    ours = shown(in_memory, api, way, keep_wire=True)

    assert ours.wire.data == theirs.wire.data
    assert ours.text == theirs.text
    assert noted(memory) == noted(server)


@pytest.mark.parametrize(("fault", "api"), CASES, ids=[f"{f}-{a}" for f, a in CASES])
def test_faults_are_the_same(fault, api, memory, in_memory):
    """It ends as by a port, and as fast, sync and async."""
    ends, limit = ends_of(fault, api), TIMEOUTS.get(fault)
    for way in ("async stream", "sync stream of a function"):
        if (fault, api) == ("json_error", INTERACTIONS):
            continue  # the SDK's call gives an object with an error, and no stream
        with memory.fault(fault, api=api, **FAULTS[fault][0]) as struck:
            reply = shown(in_memory, api, way, timeout=limit)

        assert struck.struck == 1
        assert reply.outcome == ends.outcome
        assert type(reply.error and failure_of(reply)).__name__ == (
            ends.kind or "NoneType"
        )


STOPPED = {
    f"{api}, {way}, {when}": (api, way, when)
    for api in APIS
    for way in WAYS
    for when in ("before it answers", "in mid-stream")
}


@pytest.mark.parametrize(("api", "way", "when"), STOPPED.values(), ids=STOPPED.keys())
def test_a_stop_is_seen_by_the_server(api, way, when, memory, in_memory):
    """At once, and nothing is asked again."""
    fault = "no_answer" if when == "before it answers" else "stall"
    shape = SHAPES[f"{api}, {way}"]
    if fault == "no_answer" and not shape.lazy:
        return  # that call is the user's: it hangs as long as the SDK lets it
    with memory.fault(fault, api=api):
        before = len(memory.log)
        live = nbstream.start(shape.make(in_memory, "m", PROMPT), view="none")
        memory.wait_for(
            lambda each: each is memory.log[-1] and len(memory.log) > before
        )
        if fault == "stall":
            memory.wait_for(lambda each: each is memory.log[-1] and each.events_sent)
        began_s = time.monotonic()
        live.stop()
        reply = live.result()

    assert reply.outcome == "stopped"
    assert memory.log[-1].disconnected_at - began_s < 1
    assert len(memory.log) == before + 1


def test_what_reads_no_longer_is_let_go_by_break(memory, in_memory):
    """Leaving the loop over the events closes what was under way."""
    stream = SHAPES["openai.chat, sync stream of a function"]
    with memory.fault("stall"):
        for _ in nbstream.events(stream.make(in_memory, "m", PROMPT)):
            break

    assert memory.log[-1].disconnected_at is not None


def test_closing_the_server_breaks_off_what_is_under_way(in_memory):
    """As a port does; and there is nobody any more."""
    with Server(speed=0, transport="memory") as server:
        clients = Clients(server.url)
        server.fault("stall")
        stream = clients.openai.responses.create(model="m", input="x", stream=True)
        ended = []
        thread = threading.Thread(target=lambda: ended.append(list_of(stream)))
        thread.start()
        server.wait_for(lambda exchange: exchange.events_sent)
    thread.join(10)
    clients.close_all()

    assert ended == ["ReadError"]
    with pytest.raises(nbstream.UsageError, match="not running"):
        assert server.url


def list_of(stream):
    try:
        return list(stream)
    except Exception as error:  # noqa: BLE001 - its kind is what is asked for
        return type(error.__cause__ or error).__name__


def test_urlopen_reads_it_as_it_comes(memory):
    """Where Python has no sockets, urllib is answered too: the lessons use it."""
    opener = urllib.request.build_opener(Handler(memory._memory))
    said = [{"role": "user", "content": "x"}]
    body = json.dumps({"model": "m", "stream": True, "messages": said}).encode()
    path = f"{memory.url}/v1/chat/completions"
    headers = {"Content-Type": "application/json"}
    with opener.open(urllib.request.Request(path, body, headers)) as response:
        first, rest = response.readline(), response.read()

    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert first.startswith(b"data: {")
    assert rest.endswith(b"data: [DONE]\n\n")
    assert memory.log[-1].finished
    with pytest.raises(urllib.error.HTTPError, match="404: Not Found"):
        opener.open(f"{memory.url}/nowhere")


def test_recordings_and_use_know_it_too(tmp_path, capsys):
    """``use`` takes it; what is recorded from it is played by it."""
    from openai import OpenAI

    def ask():
        return OpenAI().responses.create(model="m", input="x", stream=True)

    server = nbstream.offline.use(speed=0, transport="memory")
    try:
        with nbstream.record(tmp_path / "said.rec"):
            said = nbstream.show(ask, view="none")
        nbstream.offline.play(tmp_path / "said.rec", speed=0)
        played = nbstream.show(ask, view="none")
        host = server.url.partition("://")[2]
    finally:
        nbstream.offline.stop()

    assert host.endswith(".nbstream.invalid")
    assert (played.text, played.outcome) == (said.text, "complete")
    assert "no key, no network" in capsys.readouterr().out


def test_there_are_two_transports():
    """Another name is told the two."""
    with pytest.raises(UnknownNameError, match="known: memory, socket"):
        Server(transport="pigeon")
