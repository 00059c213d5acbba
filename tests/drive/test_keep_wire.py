"""``keep_wire=True`` keeps what an SDK reads, byte for byte and with its times."""

from __future__ import annotations

import asyncio
import gzip
import threading
import urllib.request
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from harness.sdks import KEY, SHAPES, Clients, cases, only

import nbstream
from nbstream.errors import ProviderFailure, UsageError
from nbstream.offline import Server
from nbstream.reply import Reply
from nbstream.streams import transports

httpx2 = pytest.importorskip("httpx2")
requests = pytest.importorskip("requests")
pytest.importorskip("openai")
pytest.importorskip("anthropic")
pytest.importorskip("google.genai")

PROMPT = "Say hello [scenario: prose]"


def show(stream, **options):
    return nbstream.show(stream, view="none", keep_wire=True, **options)


@pytest.mark.parametrize("shape", **cases(SHAPES))
def test_every_call_of_every_sdk_keeps_its_bytes(shape, clients, tmp_path):
    """They are what a recording of the same call has, and every read has its time."""
    with nbstream.record(tmp_path / "x.rec") as recorder:
        reply = show(shape.make(clients, "m", PROMPT))
    (exchange,) = recorder.exchanges or (None,)
    times = [read.time_s for read in reply.wire.reads]

    assert reply.outcome == "complete"
    assert reply.wire.data == exchange.body
    assert Reply.from_sse(reply.wire.data, shape.api).text == reply.text
    assert times == sorted(times)
    assert times[0] == reply.timing.first_byte_s <= reply.timing.first_event_s
    assert reply.timing.end_s >= times[-1]


@pytest.mark.parametrize("shape", **cases(only(name="sync stream")))
def test_the_reply_can_be_taken_apart(shape, clients):
    """As anyone would: show, then anatomy; the walk adds up to the same reply."""
    found = show(shape.make(clients, "m", PROMPT)).anatomy()

    assert found.api == shape.api
    assert found.reply.outcome == "complete"
    assert "first token" in found.landmarks
    assert found.reads[0].time_s is not None


@pytest.mark.parametrize("shape", **cases(only(name="sync stream")))
def test_without_it_nothing_is_kept(shape, clients):
    """Nor is anything of the SDKs changed, then or afterwards."""
    before = httpx2.HTTPTransport.handle_request
    kept = show(shape.make(clients, "m", PROMPT))
    reply = nbstream.show(shape.make(clients, "m", PROMPT), view="none")

    assert kept.wire is not None
    assert reply.wire is None
    assert httpx2.HTTPTransport.handle_request is before
    with pytest.raises(UsageError, match="keep_wire=True"):
        reply.anatomy()


def test_streams_at_the_same_time_keep_their_own(clients):
    """Each has its bytes, and none of another's."""
    shapes = [*only(name="sync stream of a function").values()]
    shapes += only(name="async stream of a function").values()
    lives = [
        nbstream.start(
            shape.make(clients, f"m{n}", PROMPT), view="none", keep_wire=True
        )
        for n, shape in enumerate(shapes)
    ]
    for n, (shape, live) in enumerate(zip(shapes, lives, strict=True)):
        reply = live.result(20)
        again = Reply.from_sse(reply.wire.data, shape.api)

        assert (again.text, again.model) == (reply.text, reply.model)
        assert f"m{n}".encode() in reply.wire.data or shape.api.startswith("google")
    assert transports._listeners == ()


CHUNK = (
    b'data: {"object":"chat.completion.chunk","choices":[{"index":0,'
    b'"delta":{"content":"Hi"},"finish_reason":%s}]}\n\n'
)
BODY = CHUNK % b"null" * 40 + CHUNK % b'"stop"' + b"data: [DONE]\n\n"
STREAM = {"content-type": "text/event-stream"}


class Answers:
    """A server in memory, by way of a transport of the client's own."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def __call__(self, _request):
        return self.answers.pop(0)

    def ask(self, **options):
        from openai import OpenAI

        http = httpx2.Client(transport=httpx2.MockTransport(self))
        client = OpenAI(api_key=KEY, http_client=http, max_retries=0)
        messages = [{"role": "user", "content": "Hi"}]
        create = client.chat.completions.create
        return create(model="m", messages=messages, stream=True, **options)


def packed():
    headers = {**STREAM, "content-encoding": "gzip"}
    return httpx2.Response(200, headers=headers, content=iter([gzip.compress(BODY)]))


def plain(body=BODY):
    return httpx2.Response(200, headers=STREAM, content=iter([body[:99], body[99:]]))


def test_a_client_with_its_own_transport_is_heard_from_its_stream():
    """It shows its response; a coroutine or a generator would not."""
    for stream in (Answers(plain()).ask(), Answers(plain()).ask):
        reply = show(stream)
        assert reply.wire.data == BODY
        assert [read.length for read in reply.wire.reads] == [99, len(BODY) - 99]


def test_compressed_bytes_are_kept_unpacked():
    """Of a stream that was opened before we could ask for plain ones."""
    reply = show(Answers(packed()).ask())

    assert reply.text == "Hi" * 41
    assert reply.wire.data == BODY


def test_a_coding_nobody_can_undo_is_said_so():
    """Before anything is read."""
    stream = Answers(plain()).ask()
    stream.response.headers["content-encoding"] = "br"
    with pytest.raises(UsageError, match="come compressed as 'br'"):
        show(stream)
    stream.close()


def begun_stream():
    stream = Answers(plain()).ask()
    next(stream)
    return stream


def begun_generator():
    generator = (chunk for chunk in ["a", "b"])
    next(generator)
    return generator


@pytest.mark.parametrize("make", [begun_stream, begun_generator])
def test_a_stream_that_has_begun_is_refused(make):
    """Its first bytes are gone, and an anatomy of the rest would be a lie."""
    with pytest.raises(UsageError, match=r"read already; give the call, .*keep_wire"):
        show(make())


@pytest.mark.parametrize("stream", [["Hel", "lo"], lambda: iter(["Hel", "lo"])])
def test_what_has_no_bytes_has_none(stream):
    """Other libraries' chunks, and plain strings, are shown all the same."""
    reply = show(stream)

    assert (reply.text, reply.wire) == ("Hello", None)


def test_raw_bytes_are_kept_once():
    """They always are."""
    assert show([BODY[:70], BODY[70:]]).wire.data == BODY


def test_a_retry_keeps_only_what_its_own_call_brought():
    """The error before it is not a part of the answer."""
    error = b'data: {"error": {"type": "server_error", "message": "overloaded"}}\n\n'
    answers = Answers(plain(error), plain())
    reply = show(answers.ask, retries=1)

    assert reply.text == "Hi" * 41
    assert reply.wire.data == BODY


def test_what_else_is_sent_on_the_way_is_no_part_of_it():
    """Neither an error that the SDK tries again, nor a call without streaming."""
    from openai import OpenAI

    messages = [{"role": "user", "content": PROMPT}]
    with Server(speed=0) as server:
        client = OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=1)
        create = client.chat.completions.create

        def call():
            create(model="m", messages=messages)
            server.fault(500, times=1)
            return create(model="m", messages=messages, stream=True)

        reply = show(call)
        client.close()
    found = reply.anatomy()

    assert found.reply.text == reply.text != ""
    assert found[0].event is not None


def test_a_gemini_generator_tells_when_it_was_sent(clients):
    """Only its bytes do: the request goes out at the first `next`."""
    stream = clients.google.models.generate_content_stream(model="m", contents=PROMPT)
    timing = show(stream).timing
    moments = (timing.request_sent_s, timing.headers_s, timing.first_byte_s)

    assert None not in moments
    assert sorted(moments) == list(moments)


def test_an_awaited_stream_on_the_running_loop():
    """An async stream that is open already keeps its bytes, too."""

    async def main(url):
        from openai import AsyncOpenAI

        client = AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY)
        stream = await client.responses.create(model="m", input=PROMPT, stream=True)
        reply = await nbstream.start(stream, view="none", keep_wire=True)
        await client.close()
        return reply

    with Server(speed=0) as server:
        found = []
        runner = threading.Thread(
            target=lambda: found.append(asyncio.run(main(server.url)))
        )
        runner.start()
        runner.join(30)
    (reply,) = found

    assert Reply.from_sse(reply.wire.data, "openai.responses").text == reply.text != ""


def test_a_stopped_stream_keeps_what_had_come(clients):
    """And takes nothing more afterwards."""
    with Server(speed=1) as server:
        made = Clients(server.url)
        live = nbstream.start(
            lambda: made.anthropic.messages.create(
                model="m",
                max_tokens=4000,
                messages=[{"role": "user", "content": "[scenario: long]"}],
                stream=True,
            ),
            view="none",
            keep_wire=True,
        )
        while not live.reply.text:
            threading.Event().wait(0.01)
        live.stop()
        reply = live.result(10)
        made.anthropic.close()
    found = reply.anatomy()

    assert reply.outcome == found.reply.outcome == "stopped"
    assert found.reply.text.startswith(reply.text)


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"18 degrees in {city}"


@pytest.mark.parametrize("model", ["openai:m", "openai-chat:m", "anthropic:m"])
def test_each_round_of_a_turn_has_its_own_bytes(model, nbstream_offline):
    """The calls of one, the answer of the other: each can be taken apart."""
    del nbstream_offline
    asked = "compare two cities"
    tools = [get_weather]
    reply = nbstream.ask(asked, model, tools=tools, view="none", keep_wire=True)
    first, last = (each.anatomy() for each in reply.rounds)

    assert len(first.reply.tool_calls) == 2
    assert first.reply.text != last.reply.text == reply.text
    assert last.reply.outcome == "complete"


AWS = {"content-type": "application/vnd.amazon.eventstream"}


@pytest.fixture
def loopback():
    """A server of one answer, which each path has in its own way."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(401 if "401" in self.path else 200)
            is_aws = "stream" in self.path
            self.send_header(
                "content-type", (AWS if is_aws else STREAM)["content-type"]
            )
            self.end_headers()
            self.wfile.write(b'{"detail":"no"}' if "401" in self.path else BODY)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_wire_of_another_form_is_refused(loopback):
    """Bedrock's has no server-sent events: nothing could be taken apart."""

    async def post():
        async with httpx2.AsyncClient() as client:
            await client.post(f"{loopback}/model/m/invoke-with-response-stream", json=1)
        yield "Hi"

    answer = Answers(
        *[httpx2.Response(200, headers=AWS, content=iter([b""])) for _ in "12"]
    )
    for stream in (answer.ask, answer.ask(), post()):
        with pytest.raises(
            UsageError, match=r"amazon.eventstream.*leave keep_wire out"
        ):
            show(stream)


def raw(library, url):
    return library.post(f"{url}/chat", json={}, stream=True)


async def async_lines(url, how):
    async with (
        httpx.AsyncClient() as client,
        client.stream("POST", f"{url}/chat", json={}) as response,
    ):
        async for line in getattr(response, how)():
            yield line


def sync_lines(url, how):
    with httpx.stream("POST", f"{url}/chat", json={}) as response:
        yield from getattr(response, how)()


HOWS = ("lines", "text", "bytes", "raw")
#: How one has a response in Python -> what to show of it, by its address.
IDIOMS = {
    "requests": lambda url: raw(requests, url),
    "requests, iter_content": lambda url: raw(requests, url).iter_content(7),
    "requests, iter_lines": lambda url: raw(requests, url).iter_lines(),
    "requests, iter_lines of text": (
        lambda url: raw(requests, url).iter_lines(decode_unicode=True)
    ),
    "urllib": lambda url: urllib.request.urlopen(f"{url}/chat", b"{}"),
    **{
        f"httpx, {kind}_{how}": partial(read, how=f"{kind}_{how}")
        for kind, read in (("iter", sync_lines), ("aiter", async_lines))
        for how in HOWS
    },
}


@pytest.mark.parametrize("stream", IDIOMS.values(), ids=IDIOMS)
def test_a_response_without_an_sdk(stream, loopback):
    """However it is read, it is the same answer."""
    reply = nbstream.show(stream(loopback), view="none")

    assert (reply.text, reply.outcome) == ("Hi" * 41, "complete")
    assert reply.api == "openai.chat"


def test_an_error_of_a_response_without_an_sdk(loopback):
    """It has its status, or at least its words."""
    url = f"{loopback}/401"
    with pytest.raises(ProviderFailure, match="no") as caught:
        nbstream.show(raw(requests, url), view="none")
    with pytest.raises(ProviderFailure, match="'no'"):
        nbstream.show(raw(requests, url).iter_lines(), view="none")

    assert caught.value.status == 401
