"""A recording is played to the real SDKs: byte for byte and at its own pace."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from harness.sdks import APIS, SHAPES, Clients, cases
from hypothesis import given, settings
from hypothesis import strategies as st

import nbstream
from nbstream import offline
from nbstream._reader import Reader
from nbstream.errors import UsageError
from nbstream.lab.recording import Exchange, Read, dumps, load, loads
from nbstream.offline import Server
from nbstream.offline.replay import Question
from nbstream.streams.loop_reader import background_loop

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")
pytest.importorskip("google.genai")

STREAMS = {
    name: shape
    for name, shape in SHAPES.items()
    if name.endswith((" sync stream", " async stream"))
}
SYNC = {shape.api: shape for shape in STREAMS.values() if not shape.is_async}
PROMPTS = {api: f"é 你好 🎉 {api} [scenario: two_tool_calls]" for api in APIS}


def read(url: str, shapes: dict[str, object], prompts: dict[str, str]) -> dict:
    """Read a stream of each shape to its end."""
    clients = Clients(url)
    found = {}
    for name, shape in shapes.items():
        stream = shape.make(clients, "m", prompts[shape.api])
        found[name] = facts(nbstream.Reply.from_stream(stream))
    closing = asyncio.run_coroutine_threadsafe(clients.aclose(), background_loop())
    closing.result(10)
    return found


def facts(reply: nbstream.Reply) -> dict:
    """Return everything that a reply says."""
    return {
        "text": reply.text,
        "reasoning": reply.reasoning,
        "calls": [(c.id, c.name, c.arguments, c.state) for c in reply.tool_calls],
        "usage": reply.usage,
        "finish": reply.raw_finish_reason,
        "outcome": reply.outcome,
        "id": reply.id,
        "error": reply.error,
    }


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of one stream of each API."""
    path = tmp_path_factory.mktemp("recordings") / "lesson.rec"
    with Server(speed=0) as server, nbstream.record(path):
        read(server.url, SYNC, PROMPTS)
    return path


def test_every_sdk_gets_the_same_again(recorded, tmp_path):
    """What is recorded while it is played is, read for read, what was recorded."""
    again = tmp_path / "again.rec"
    with Server(speed=0, recordings=[recorded]) as server, nbstream.record(again):
        played = read(server.url, STREAMS, PROMPTS)

    first = {each.api: each for each in load(recorded)}
    for name, found in zip(STREAMS, load(again), strict=True):
        whole = first[found.api]
        assert (found.body, found.status) == (whole.body, 200), name
        assert found.request == whole.request
        assert found.response_headers == whole.response_headers
        assert played[name] == facts(whole.reply())


def test_the_server_says_what_it_played(recorded):
    """The log names the recording; the answer says that it is one."""
    with Server(speed=0, recordings=[recorded]) as server:
        read(server.url, {"a": SYNC["openai.responses"]}, PROMPTS)
        (log,) = server.log
    assert (log.scenario, log.api) == (
        "exchange 2 of lesson.rec",
        "openai.responses",
    )
    assert log.prompt == PROMPTS["openai.responses"]


# -- cut into other reads ----------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_the_sdks_do_not_mind_the_cuts(recorded, tmp_path, size):
    """In reads of 1 byte, of 7, or all at once: every SDK gives the same reply."""
    cut = tmp_path / "cut.rec"
    cut.write_bytes(dumps([each.cut(size) for each in load(recorded)]))
    with Server(speed=0, recordings=[cut]) as server:
        played = read(server.url, STREAMS, PROMPTS)
    whole = {each.api: facts(each.reply()) for each in load(recorded)}
    assert played == {name: whole[shape.api] for name, shape in STREAMS.items()}


def pushed(api: str, pieces: list[bytes]) -> tuple[list[object], dict]:
    """Read these pieces one after the other."""
    reply = nbstream.Reply(api)
    reader = Reader(reply)
    events = [event for piece in pieces for event in reader.push(piece)]
    reply._end()
    return events, facts(reply)


@pytest.mark.parametrize("api", APIS)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_no_cut_changes_what_is_said(recorded, api, data):
    """However the bytes are cut, the events and the reply are the same."""
    (each,) = (found for found in load(recorded) if found.api == api)
    size = data.draw(st.integers(1, len(each.body)))
    again = loads(dumps([each.cut(size)]))[0]
    assert pushed(api, [read.data for read in again.reads]) == pushed(api, [each.body])


# -- which recording answers -------------------------------------------------------


def made(number: int, body: object, said: str, **changes: object) -> Exchange:
    """Make a recorded chat answer that says one word."""
    chunk = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": said}, "finish_reason": "stop"}],
    }
    plain = Exchange(
        number=number,
        line=1,
        api="openai.chat",
        method="POST",
        url="https://api.example.com/v1/chat/completions",
        started_s=0.0,
        request_headers={},
        request=body,
        status=200,
        response_headers={"content-type": "text/event-stream"},
        response_s=0.1,
        reads=(Read(0.2, f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()),),
        ended="complete",
        notes=(),
    )
    return replace(plain, **changes)


def asked(prompt: str, **options: object) -> dict[str, object]:
    """Make a chat request."""
    messages = [{"role": "user", "content": prompt}]
    return {"model": "m", "messages": messages, "stream": True, **options}


RESULT = [
    {"role": "user", "content": "weather?"},
    {"role": "assistant", "tool_calls": []},
    {"role": "tool", "tool_call_id": "1", "content": "rain"},
]
HELD = [
    made(1, asked("hi"), "first"),
    made(2, asked("hi"), "second"),
    made(3, asked("hi", temperature=0), "cold"),
    made(4, asked("weather?"), "call"),
    made(5, asked("weather?", messages=RESULT), "umbrella"),
    made(6, asked("key: [key removed]"), "keyed"),
    made(7, asked("nothing came"), "no", status=None, reads=(), ended="cut"),
]
MATCHES = {
    "the same": ([asked("hi", temperature=0)], ["cold"]),
    "again": ([asked("hi", temperature=0)] * 2, ["cold", "cold"]),
    "several of the same, in order": (
        [asked("hi")] * 3,
        ["first", "second", "first"],
    ),
    "no order of names, no nulls": (
        [dict(reversed(asked("hi", temperature=0, user=None).items()))],
        ["cold"],
    ),
    "other options: the same text": (
        [asked("hi", temperature=1)] * 4,
        ["first", "second", "cold", "first"],
    ),
    "spaces around the text": ([asked(" weather?\n")], ["call"]),
    "a round of tools": ([asked("weather?", messages=RESULT)], ["umbrella"]),
    "other calls in it": (
        [asked("", messages=[*RESULT[:2], {**RESULT[2], "tool_call_id": "2"}])],
        ["umbrella"],
    ),
    "a key that was removed": (
        [asked("key: sk-proj-Ab3dEf6hIj9lMn0pQr5tUv8xYz")],
        ["keyed"],
    ),
}


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[openai.OpenAI]:
    """A client of a server that plays `HELD`."""
    path = tmp_path / "held.rec"
    path.write_bytes(dumps(HELD))
    with Server(speed=0, recordings=[path]) as server:
        url = server.base_url("openai.chat")
        with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
            yield client


def say(client: openai.OpenAI, body: dict[str, object]) -> str:
    """Send exactly this body, and return the text of the answer."""
    stream = client.chat.completions.create(
        model="m", messages=[], stream=True, extra_body=body
    )
    return nbstream.Reply.from_stream(stream).text


@pytest.mark.parametrize(("bodies", "expected"), MATCHES.values(), ids=MATCHES)
def test_a_request_finds_its_recording(bodies, expected, chat):
    """The same body first; else the same model and last text; each in its turn."""
    assert [say(chat, body) for body in bodies] == expected


WRONG = {
    "another text": (
        asked("hello"),
        "The nearest is exchange 1 of held.rec, line 4. What differs: "
        'body.messages[0].content: "hello" asked, "hi" recorded. Ask what',
    ),
    "another model": (
        {**asked("weather?"), "model": "other"},
        'body.model: "other" asked, "m" recorded',
    ),
    "not streamed": (
        {**asked("weather?"), "stream": False},
        "body.stream: false asked, true recorded",
    ),
    "much": (
        asked("hi", model="n", a=1, b=2, c=3, d="x" * 100),
        "; and more. Ask what was asked, or record this.",
    ),
    "more messages": (
        asked(
            "", messages=[*asked("hi")["messages"], {"role": "user", "content": "?"}]
        ),
        'body.messages[1]: {"role": "user", "content": "?"} asked, nothing recorded',
    ),
    "a request with no answer": (asked("nothing came"), "No recording matches"),
}


@pytest.mark.parametrize(("body", "expected"), WRONG.values(), ids=WRONG)
def test_a_request_with_no_recording_is_told_the_nearest(body, expected, chat):
    """Nothing fits: the API's own error says which is nearest, and what differs."""
    with pytest.raises(openai.NotFoundError) as told:
        say(chat, body)
    assert expected in told.value.message
    assert "No recording matches this openai.chat (/chat/completions)." in str(told)


TOKEN = "dDBrZW4="


def gemini(number: int, candidate: dict[str, object]) -> Exchange:
    """Make one hop of a Gemini stream."""
    event = {"candidates": [candidate], "modelVersion": "m"}
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    return made(
        number,
        body,
        "",
        api="google.generate_content",
        url="https://a.com/v1/models/m:streamGenerateContent?alt=sse",
        reads=(Read(0.2, f"data: {json.dumps(event)}\r\n\r\n".encode()),),
    )


def hop(text: str, reason: str) -> dict[str, object]:
    """Make a candidate."""
    return {"content": {"parts": [{"text": text}]}, "finishReason": reason}


@pytest.mark.parametrize(
    "shape", **cases({a: s for a, s in STREAMS.items() if "generate" in a})
)
def test_a_stream_of_two_exchanges_is_played_and_recorded(shape, tmp_path):
    """Gemini's SDK asks again by itself: both hops are played, and recorded again."""
    path, again = tmp_path / "hops.rec", tmp_path / "again.rec"
    first = gemini(1, {**hop("one ", "CONTINUATION"), "continuationToken": TOKEN})
    path.write_bytes(dumps([first, gemini(2, hop("two", "STOP"))]))
    with Server(speed=0, recordings=[path]) as server, nbstream.record(again):
        played = read(server.url, {"": shape}, dict.fromkeys(APIS, "hi"))[""]
    one, two = load(again)
    assert (played["text"], played["outcome"]) == ("one two", "complete")
    assert [each.body for each in (one, two)] == [e.body for e in load(path)]
    assert TOKEN in json.dumps(two.request)


def test_each_api_says_it_in_its_own_form(chat):
    """An API of which there is no recording gets the list of what there is."""
    url = str(chat.base_url).removesuffix("/v1/")
    client = anthropic.Anthropic(base_url=url, api_key="none")
    with client, pytest.raises(anthropic.NotFoundError) as told:
        client.messages.create(model="m", max_tokens=9, messages=[])
    assert told.value.body["error"]["message"] == (
        "No recording matches this anthropic.messages (/messages). "
        "There are recordings of: openai.chat (6)."
    )


TARGETS = {
    "a gateway's path": ("/openai/deployments/d/responses", "/v1/responses", True),
    "what a query removes": (
        "/v1/responses?key=a",
        "/v1/responses?key=[removed]",
        True,
    ),
    "a query that counts": (
        "/v1/responses/r?starting_after=1",
        "/v1/responses/r",
        False,
    ),
    "a model in the path": (
        "/v1beta/models/m:generateContent",
        "/v1/models/m:generateContent",
        True,
    ),
    "another model": (
        "/v1/models/m:generateContent",
        "/v1/models/n:generateContent",
        False,
    ),
    "another call": ("/v1/files/a", "/v1/files/b", False),
}


@pytest.mark.parametrize(("one", "other", "same"), TARGETS.values(), ids=TARGETS)
def test_paths_are_compared_by_what_is_the_apis(one, other, same):
    """Where a gateway or Azure put the API does not matter."""
    a, b = (Question.of("POST", target, {"x": 1}) for target in (one, other))
    assert (a.path == b.path) is same


# -- how it is played --------------------------------------------------------------


def timed(client: openai.OpenAI) -> float:
    """Return how long the slow answer takes."""
    began = time.monotonic()
    say(client, asked("slow"))
    return time.monotonic() - began


SPEEDS = {
    "at its pace": (1.0, 0.5, 5),
    "twice as fast": (2.0, 0.25, 5),
    "at once": (0, 0, 0.4),
}


@pytest.mark.parametrize(("speed", "least", "most"), SPEEDS.values(), ids=SPEEDS)
def test_the_pace(speed, least, most, tmp_path):
    """A recording is played at its own pace, scaled, or with no waiting."""
    slow = made(1, asked("slow"), "x", response_s=0.2)
    slow = replace(slow, reads=(Read(0.5, slow.body),))
    path = tmp_path / "slow.rec"
    path.write_bytes(dumps([slow]))
    with Server(speed=speed, recordings=[path]) as server:
        url = server.base_url("openai.chat")
        with openai.OpenAI(base_url=url, api_key="none") as client:
            say(client, asked("slow"))
            assert least * 0.95 <= timed(client) <= most + 1


ENDS = {
    "complete": ("complete", "complete"),
    "closed by the reader": ("closed", "complete"),
    "interrupted": ("interrupted", "complete"),
    "cut": ("cut", "failed"),
}


@pytest.mark.parametrize(("ended", "outcome"), ENDS.values(), ids=ENDS)
def test_the_end(ended, outcome, tmp_path):
    """A connection that was cut is cut again; all else ends in order."""
    each = made(1, asked("hi"), "there", ended=ended)
    body = each.body
    if ended == "cut":
        body = body.replace(b'"stop"', b"null").partition(b"data: [DONE]")[0]
    path = tmp_path / "end.rec"
    path.write_bytes(dumps([replace(each, reads=(Read(0.2, body),))]))
    with Server(speed=0, recordings=[path]) as server:
        url = server.base_url("openai.chat")
        with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
            stream = client.chat.completions.create(**asked("hi"))
            reply = nbstream.Reply.from_stream(stream)
    assert (reply.text, reply.outcome) == ("there", outcome)


def test_errors_and_odd_statuses_are_played(tmp_path):
    """An error comes again with its headers, and a retry gets the next answer."""
    busy = made(
        1,
        asked("hi"),
        "",
        status=529,
        response_headers={"content-type": "application/json", "retry-after-ms": "1"},
        reads=(Read(0.1, b'{"error": {"message": "busy"}}'),),
    )
    path = tmp_path / "busy.rec"
    path.write_bytes(dumps([busy, made(2, asked("hi"), "at last")]))
    with Server(speed=0, recordings=[path]) as server:
        url = server.base_url("openai.chat")
        with openai.OpenAI(base_url=url, api_key="none", max_retries=1) as client:
            assert say(client, asked("hi")) == "at last"
        assert [exchange.status for exchange in server.log] == [529, 200]


def test_a_deletion_is_played(tmp_path):
    """A response with no body has none, and the connection goes on."""
    gone = made(
        1,
        None,
        "",
        method="DELETE",
        url="https://a.com/v1/files/f",
        status=204,
        reads=(),
        request=None,
    )
    path = tmp_path / "gone.rec"
    path.write_bytes(dumps([gone]))
    httpx2 = pytest.importorskip("httpx2")
    with (
        Server(speed=0, recordings=[path]) as server,
        httpx2.Client(base_url=server.url, trust_env=False) as client,
    ):
        for _ in range(2):
            assert client.delete("/v1/files/f").status_code == 204
        assert client.get("/v1/models").status_code == 200


def test_a_damaged_recording_is_refused_at_once(tmp_path):
    """A file that cannot be read is told before any request comes."""
    path = tmp_path / "bad.rec"
    path.write_text("hello")
    with pytest.raises(UsageError, match=r"bad.rec, line 1: this is no recording"):
        Server(recordings=[path])


# -- play --------------------------------------------------------------------------


@pytest.fixture
def put_back() -> Iterator[None]:
    """End the embedded server after the test."""
    yield
    offline.stop()


def ask() -> str:
    """Ask with a client that is made as in a lesson."""
    with openai.OpenAI() as client:
        return nbstream.Reply.from_stream(
            client.responses.create(
                model="m", input=PROMPTS["openai.responses"], stream=True
            )
        ).id


def test_play_points_the_sdks_at_a_recording(
    recorded, tmp_path, put_back, capsys, monkeypatch
):
    """``play`` answers from the file, ``use`` from scripts again; each says so."""
    monkeypatch.setenv("NBSTREAM_SPEED", "0")
    (each,) = (e for e in load(recorded) if e.api == "openai.responses")
    changed = each.body.replace(each.reply().id.encode(), b"resp_mine")
    mine = tmp_path / "mine.rec"
    mine.write_bytes(dumps([replace(each, reads=(Read(0.1, changed),))]))

    server = offline.play(mine)
    assert capsys.readouterr().out == (
        "nbstream: offline. Answers are played from mine.rec: no key, no network.\n"
    )
    with openai.OpenAI() as client:
        assert ask() == "resp_mine"
        assert offline.use(live=False, speed=0) is server
        client.responses.create(model="m", input="anything")
    assert ask() == each.reply().id
    assert os.environ["OPENAI_BASE_URL"].startswith(server.url)


def test_play_needs_a_file(put_back):
    """With nothing to play it says so, and changes nothing."""
    before = os.environ.get("OPENAI_BASE_URL")
    with pytest.raises(UsageError, match=r'such as play\("lesson.rec"\)'):
        offline.play()
    with pytest.raises(FileNotFoundError):
        offline.play("nowhere.rec")
    assert os.environ.get("OPENAI_BASE_URL") == before


# -- the fixtures ------------------------------------------------------------------

THEIRS = '''
"""A user's own test file."""
import os
import openai, pytest, nbstream

def ask(text):
    with openai.OpenAI() as client:
        stream = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": text}], stream=True
        )
        return nbstream.Reply.from_stream(stream).text

def test_offline(nbstream_offline):
    assert "scripted" in ask("hi") or ask("hi")
    assert len(nbstream_offline.log) in (1, 2)

def test_replay(nbstream_replay):
    server = nbstream_replay("mine.rec")
    assert ask("hi") == "from the file"
    with pytest.raises(openai.NotFoundError):
        ask("unknown")

def test_put_back():
    assert "OPENAI_BASE_URL" not in os.environ
'''


def test_the_fixtures(tmp_path):
    """A user's tests get scripted or recorded answers, and nothing is left behind."""
    (tmp_path / "test_theirs.py").write_text(THEIRS)
    held = dumps([made(1, asked("hi"), "from the file")])
    (tmp_path / "mine.rec").write_bytes(held)
    env = {
        k: v for k, v in os.environ.items() if not k.startswith(("OPENAI", "PYTEST"))
    }
    ours = str(Path(nbstream.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "nbstream.pytest_plugin"],
        cwd=tmp_path,
        env={**env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": ours},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_imports_next_to_nothing():
    """pytest loads the plugin for everyone: it brings no SDK, server or HTTP."""
    code = "import sys, nbstream.pytest_plugin; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    heavy = {"openai", "httpx2", "asyncio", "IPython", "nbstream.offline"}
    assert loaded & heavy == set()


def test_pytest_finds_the_fixtures_by_itself():
    """The entry point that pytest looks at names the module."""
    tomllib = pytest.importorskip("tomllib")
    root = Path(__file__).resolve().parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"nbstream": "nbstream.pytest_plugin"}
