"""``nbstream.web.app``: its routes, who may ask, consent, and the client's socket."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import signal
import socket
import subprocess
import sys
import threading
from contextvars import ContextVar
from importlib.resources import files
from inspect import signature
from urllib.parse import urlsplit

import pytest
import websockets
from harness.sdks import KEY, SHAPES
from harness.web import Client, Script, chunks_of, question, served
from harness.web import asked as sent_to
from harness.wire import wait_until
from websockets.asyncio import client

import nbstream
from nbstream import web

MODEL = "openai:m"
JSON = {"content_type": "application/json"}


def fetch(url, path="/", method="GET", body=None, **headers):
    """Return status, headers and body."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=20)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, sent)
    response = connection.getresponse()
    found = response.status, response.headers, response.read().decode()
    connection.close()
    return found


def no_stream_runs():
    """Tell whether no thread reads a stream."""
    return "nbstream-source" not in [each.name for each in threading.enumerate()]


# -- The routes -----------------------------------------------------------------------


def test_a_chat_answers(offline):
    """Only its settings count: the conversation is the client's."""
    chat = nbstream.Chat(MODEL, system="Short.")
    with served(web.app(chat)) as url:
        chunks = chunks_of(Client(url, question("Hello")).read())

    assert [each["type"] for each in chunks[:3]] == [
        "start",
        "start-step",
        "text-start",
    ]
    assert chunks[-1]["type"] == "finish"
    assert chunks[-1]["messageMetadata"]["model"] == "m"
    assert chat.messages == []


def test_a_chat_runs_its_tools(offline):
    """A call, its result and the next answer are one message."""

    def weather(city: str) -> str:
        """Say how the weather is."""
        return f"sunny in {city}"

    chat = nbstream.Chat(MODEL, tools=[weather])
    with served(web.app(chat)) as url:
        types = [each["type"] for each in chunks_of(Client(url, question()).read())]

    assert types.count("start-step") == 2
    assert types.index("tool-input-available") < types.index("tool-output-available")


def test_the_page(offline):
    """One file with a policy that lets its own script run and nothing else."""
    with served(web.app(nbstream.Chat(MODEL), title="<b>Ask</b>")) as url:
        status, headers, page = fetch(url)

    assert status == 200
    assert "<title>&lt;b&gt;Ask&lt;/b&gt;</title>" in page
    assert "script-src 'sha256-" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "http" not in page.replace("http-equiv", "").partition("<script")[2]


def test_the_page_can_be_read():
    """It is an example, too: of reading a stream with ``fetch``."""
    lines = (files("nbstream.static") / "chat_page.html").read_text().splitlines()

    assert len(lines) < 300
    assert max(map(len, lines)) <= 110
    assert 2 <= sum(line.startswith("// -- ") for line in lines) <= 5


def test_health(offline):
    with served(web.app(nbstream.Chat(MODEL))) as url:
        assert fetch(url, "/health")[::2] == (200, "ok")


def test_safe_html_beside_the_text(offline):
    """Who asks for it gets blocks, made as safe as in a notebook."""
    with served(web.app(nbstream.Chat(MODEL))) as url:
        plain = Client(url, question("<img src=x onerror=alert(1)>")).read()
        both = Client(url, question("<img src=x onerror=alert(1)>", html=True)).read()
    blocks = [
        block
        for each in chunks_of(both)
        if each["type"] == "data-html"
        for block in each["data"]["blocks"]
    ]

    assert b"data-html" not in plain
    assert blocks
    assert not any("<img" in block for block in blocks)


def test_an_async_function(offline):
    """It may await before it gives a stream."""

    async def answer(asked):
        await asyncio.sleep(0)
        return ["You said ", asked.text]

    with served(web.app(answer)) as url:
        deltas = [e.get("delta", "") for e in chunks_of(Client(url, question()).read())]

    assert "".join(deltas) == "You said Hi"


def test_a_function_may_give_a_turn(offline):
    """A conversation with its tools, as the question wants them."""

    def weather(city: str) -> str:
        """Say how the weather is."""
        return f"sunny in {city}"

    def answer(asked):
        chat = nbstream.Chat(MODEL, tools=[weather])
        return chat.turn(asked.to(chat.api))

    async def answer_async(asked):
        return answer(asked)

    async def asked_plainly(scope, receive, send):
        made = web.Response(lambda: answer(web.read(question())))
        await made(scope, receive, send)

    for app in (web.app(answer), web.app(answer_async), asked_plainly):
        chunks = chunks_of(asyncio.run(sent_to(app, question())).body)
        types = [each["type"] for each in chunks]

        assert types.count("start-step") == 2
        assert "tool-output-available" in types
        assert chunks[-1]["finishReason"] == "stop"


def test_what_is_not_set_up_is_no_secret_of_the_page(offline, caplog):
    """A missing key is for the server's log; the page is told that much and no more."""

    def broken(asked):
        raise nbstream.UsageError("OPENAI_API_KEY is missing")

    with served(web.app(broken)) as url:
        status, _, text = fetch(
            url,
            "/api/chat",
            "POST",
            json.dumps(question()),
            content_type="application/json",
        )

    assert (status, text) == (500, "This server is not set up to answer.")
    assert "OPENAI_API_KEY is missing" in caplog.text


# -- Who may ask ----------------------------------------------------------------------

REFUSED = {
    "another host's name": ({"host": "evil.example", **JSON}, 421),
    "another site's page": ({"origin": "http://evil.example", **JSON}, 403),
    "no origin that can be named": ({"origin": "null", **JSON}, 403),
    "what the browser calls another site": (
        {"sec_fetch_site": "cross-site", **JSON},
        403,
    ),
    "a form": ({"content_type": "application/x-www-form-urlencoded"}, 415),
    "a form of text": ({"content_type": "text/plain"}, 415),
}


@pytest.fixture(scope="module")
def plain(offline):
    with served(web.app(lambda asked: ["ok"], max_bytes=5000)) as url:
        yield url


@pytest.mark.parametrize(("headers", "status"), REFUSED.values(), ids=REFUSED)
def test_a_stranger_may_not_ask(plain, headers, status):
    """Neither another site's page, nor one that calls this machine by its own name."""
    found = fetch(plain, "/api/chat", "POST", json.dumps(question()), **headers)

    assert found[0] == status
    assert "\n" not in found[2].strip()


def test_the_page_itself_may_ask(plain):
    found = fetch(
        plain,
        "/api/chat",
        "POST",
        json.dumps(question()),
        origin=plain,
        sec_fetch_site="same-origin",
        **JSON,
    )

    assert found[0] == 200


def test_a_named_site_may_ask(offline):
    """CORS, only where it was asked for, and only for that site."""
    app = web.app(lambda asked: ["ok"], origins=["https://a.example"])
    cross = {"sec_fetch_site": "cross-site", **JSON}
    with served(app) as url:
        asked = json.dumps(question())
        ours = fetch(
            url, "/api/chat", "POST", asked, origin="https://a.example", **cross
        )
        other = fetch(
            url, "/api/chat", "POST", asked, origin="https://b.example", **cross
        )
        before = fetch(url, "/api/chat", "OPTIONS", origin="https://a.example", **cross)

    assert ours[0] == 200
    assert ours[1]["access-control-allow-origin"] == "https://a.example"
    assert other[0] == 403
    assert (before[0], before[1]["access-control-allow-headers"]) == (
        204,
        "content-type",
    )


def test_a_named_host_answers(offline):
    with served(web.app(lambda asked: ["ok"], hosts=["chat.example"])) as url:
        assert fetch(url, "/health", host="chat.example:8000")[0] == 200


def test_too_large_a_request(plain):
    """It is refused before it is all read."""
    body = json.dumps(question("x" * 6000))

    assert fetch(plain, "/api/chat", "POST", body, **JSON)[::2] == (
        413,
        "The request has over 5,000 bytes.",
    )


HOSTS = {
    "localhost": 200,
    "LOCALHOST:8000": 200,
    "localhost.": 200,
    "localhost.:80": 200,
    "localhost..": 421,
    "127.0.0.1:8888": 200,
    "[::1]:80": 200,
    "evil.example": 421,
    "localhost.evil.example": 421,
    "127.0.0.1.evil.example": 421,
    "evil.example:localhost": 421,
    "[::2]": 421,
    "localhost@evil.example": 421,
    "0.0.0.0": 421,
    "": 421,
}


@pytest.mark.parametrize(("host", "status"), HOSTS.items(), ids=HOSTS)
def test_under_which_names_it_answers(host, status):
    """This machine's own, whatever the port; every route looks."""
    app = web.app(lambda asked: ["ok"])
    for method, path in (("POST", "/api/chat"), ("GET", "/"), ("GET", "/health")):
        answer = asyncio.run(sent_to(app, question(), path, method=method, host=host))
        assert answer.status == status


ORIGINS = {
    ("http://localhost", "localhost:80"): 200,
    ("https://localhost", "localhost:443"): 200,
    ("http://[::1]:8", "[::1]:8"): 200,
    ("http://LOCALHOST:80", "localhost"): 200,
    ("https://localhost", "localhost:80"): 403,
    ("http://localhost:3000", "localhost:8000"): 403,
    ("http://localhost:8080", "localhost:80"): 403,
    ("http://[evil", "localhost"): 403,
    ("http://localhost@evil", "localhost"): 403,
    ("localhost", "localhost"): 403,
    ("null", ""): 403,
}


@pytest.mark.parametrize(
    ("names", "status"), ORIGINS.items(), ids=map(" at ".join, ORIGINS)
)
def test_whose_page_it_is(names, status):
    """Its own, also where the usual port is written out."""
    app = web.app(lambda asked: ["ok"], hosts=["*"])
    answer = asyncio.run(sent_to(app, question(), origin=names[0], host=names[1]))

    assert answer.status == status


def test_a_named_site_reads_what_failed():
    """Else its page knows only that something did."""

    def fails(asked):
        raise web.BadRequest("there is no such model")

    site = {"origin": "https://a.example", "sec_fetch_site": "cross-site"}
    app = web.app(fails, origins=["https://a.example"])
    answer = asyncio.run(sent_to(app, question(), **site))

    assert answer.status == 400
    assert answer.headers["access-control-allow-origin"] == "https://a.example"


def test_what_a_function_refuses_over_the_socket():
    """Its words are told there too."""

    def fails(asked):
        raise web.BadRequest("there is no such model", 404)

    with served(web.app(fails)) as url:
        sent = {"type": "send", "requestId": "r1", **question()}
        *_, last = frames(url, sent)

    assert last == {
        "type": "error",
        "requestId": "r1",
        "errorText": "There is no such model.",
    }


@pytest.mark.parametrize("id_", ["a/b", "a b", "x/stream", "é", ".."])
def test_any_name_of_a_conversation(id_):
    """It is read again and stopped under the name that the client gave it."""

    async def talk():
        stopped = asyncio.Event()

        async def answer(_):
            try:
                yield "words"
                await asyncio.Event().wait()
            finally:
                stopped.set()

        app = web.app(answer)
        first = asyncio.create_task(sent_to(app, question(id_=id_)))
        while id_ not in app._running or not app._running[id_].heard:
            await asyncio.sleep(0.005)
        more = sent_to(app, None, f"/api/chat/{id_}/stream", method="GET")
        second = asyncio.create_task(more)
        while app._running[id_].readers < 2:
            await asyncio.sleep(0.005)
        await sent_to(app, None, f"/api/chat/{id_}/stop")
        return [await first, await second]

    for each in asyncio.run(asyncio.wait_for(talk(), 10)):
        assert chunks_of(each.body)[-1]["type"] == "abort"


ROUTES = {
    ("GET", "/api/chat"): 405,
    ("HEAD", "/api/chat"): 405,
    ("PUT", "/api/chat"): 405,
    ("HEAD", "/"): 200,
    ("HEAD", "/api/chat/c1/stream"): 204,
    ("GET", "/api/chat/c1/stream"): 204,
    ("POST", "/api/chat/c1/stream"): 405,
    ("OPTIONS", "/api/chat/c1/stream"): 204,
    ("POST", "/api/chat/c1/stop"): 204,
    ("GET", "/api/chat/c1/stop"): 405,
    ("GET", "/api/ws"): 404,
    ("GET", "/etc/passwd"): 404,
    ("GET", "/api/chat/../../etc/passwd"): 404,
}


@pytest.mark.parametrize(("way", "status"), ROUTES.items(), ids=map(" ".join, ROUTES))
def test_what_there_is(way, status):
    answer = asyncio.run(
        sent_to(web.app(lambda asked: ["ok"]), b"", way[1], method=way[0])
    )

    assert answer.status == status
    assert b"Traceback" not in answer.body


def test_a_look_at_a_stream_is_no_reader(held, wire):
    """HEAD answers at once, and keeps nothing alive."""
    with served(web.app(held)) as url:
        client = Client(url, question("silence"))
        client.read_until("text-delta")
        assert fetch(url, "/api/chat/c1/stream", "HEAD")[0] == 204
        client.leave()
        wire.wait_for(lambda each: each.gone_at_s)


CROSS = {
    "a link to the page": ({"sec_fetch_mode": "navigate"}, "GET", "/", 200),
    "a script of its own": (
        {"sec_fetch_mode": "no-cors"},
        "GET",
        "/api/chat/c1/stream",
        403,
    ),
    "a fetch": ({"sec_fetch_mode": "cors"}, "GET", "/health", 403),
    "a form that stops": (
        {"sec_fetch_mode": "navigate"},
        "POST",
        "/api/chat/c1/stop",
        403,
    ),
    "a preflight": ({"origin": "https://b.example"}, "OPTIONS", "/api/chat", 403),
}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("headers", "method", "path", "status"), CROSS.values(), ids=CROSS
)
def test_what_another_sites_page_may(headers, method, path, status, site):
    """Link to ours; and nothing else, and read nothing."""
    app = web.app(lambda asked: ["ok"])
    headers = {**headers, "sec_fetch_site": site}
    answer = asyncio.run(sent_to(app, b"", path, method=method, **headers))

    assert answer.status == status
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_no_browser_takes_it_for_something_else():
    """An answer is no script and no page, whatever is in it."""
    answer = asyncio.run(sent_to(web.app(lambda asked: ["<script>"]), question()))

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "text/event-stream"


def body_in_pieces(app, receive):
    """Send a request whose body comes as `receive` gives it; return the status."""
    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/api/chat", "headers": headers}
    scope |= {"query_string": b"", "http_version": "1.1"}

    async def run():
        async with asyncio.timeout(10):
            await app(scope, receive, send)

    asyncio.run(run())
    return sent[0]["status"]


def test_a_body_without_an_end():
    """It is read to the limit, and no further."""
    pieces = []

    async def receive():
        pieces.append(b" " * 1000)
        return {"type": "http.request", "body": pieces[-1], "more_body": True}

    app = web.app(lambda asked: ["ok"], max_bytes=10_000)

    assert body_in_pieces(app, receive) == 413
    assert len(pieces) == 11


def test_a_body_that_does_not_come(monkeypatch):
    """Nobody holds a connection open by sending his question letter by letter."""
    monkeypatch.setattr("nbstream.web._application.BODY_S", 0.05)

    async def receive():
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    assert body_in_pieces(web.app(lambda asked: ["ok"]), receive) == 408


def test_a_body_that_breaks_off(caplog):
    """Who leaves while he asks is no error of ours."""

    async def receive():
        return {"type": "http.disconnect"}

    assert body_in_pieces(web.app(lambda asked: ["ok"]), receive) == 400
    assert caplog.text == ""


def test_headers_are_not_logged(held, wire, caplog):
    """A notebook's proxy sends its user's token along."""
    caplog.set_level(logging.DEBUG)
    secret = "t0ps3cr3t"
    headers = {"authorization": f"token {secret}", "cookie": f"a={secret}"}
    with served(web.app(held)) as url:
        for plan in ("whole", "cut", "e401", "e500"):
            Client(url, question(plan), **headers).read()
        Client(url, {"messages": 5}, **headers).read()
        Client(url, None, "/nowhere", method="GET", **headers).read()

    def bug(asked):
        raise KeyError("city")

    asyncio.run(sent_to(web.app(bug), question(), **headers))

    assert "KeyError" in caplog.text
    assert secret not in caplog.text
    assert KEY not in caplog.text


def test_a_bug_of_the_servers_own(caplog):
    """The page is told no more than that; the log has the whole of it."""

    def early(asked):
        raise KeyError("city")

    def late(asked):
        yield "Hel"
        raise KeyError("city")

    one = asyncio.run(sent_to(web.app(early), question()))
    other = chunks_of(asyncio.run(sent_to(web.app(late), question())).body)

    assert (one.status, one.body) == (500, b"The server had an error.")
    assert other[-1] == {"type": "error", "errorText": "The server had an error."}
    assert [each.message for each in caplog.records] == ["a stream broke"] * 2
    assert "in early" in caplog.text


def test_the_context_of_a_request():
    """What a middleware has set is there for the function, sync or async."""
    user = ContextVar("user", default="nobody")

    def answer(asked):
        return [f"Hello {user.get()}"]

    async def answer_async(asked):
        return answer(asked)

    def generator(asked):
        yield from answer(asked)

    for function in (answer, answer_async, generator):
        inner = web.app(function)

        async def app(scope, receive, send, inner=inner):
            user.set("Ada")
            await inner(scope, receive, send)

        assert b"Hello Ada" in asyncio.run(sent_to(app, question())).body


# -- Streams that run -----------------------------------------------------------------


def test_stop_reaches_the_provider(held, wire):
    """The stop route, for whoever cannot leave; the page is told of it."""
    with served(web.app(held)) as url:
        client = Client(url, question("silence"))
        client.read_until("text-delta")
        assert fetch(url, "/api/chat/c1/stop", "POST")[0] == 204
        rest = client.read()

    assert b'"type": "abort"' in rest
    assert b"[DONE]" in rest
    assert wire.wait_for(lambda each: each.gone_at_s)


def test_a_second_page_reads_it_from_the_start(held, wire):
    """And it goes on until the last has left."""
    with served(web.app(held)) as url:
        first = Client(url, question("silence"))
        first.read_until("text-delta")
        second = Client(url, None, "/api/chat/c1/stream", method="GET")
        second.read_until("text-delta")
        first.leave()
        assert not wire.exchanges[0].gone_at_s
        second.leave()
        wire.wait_for(lambda each: each.gone_at_s)
        wait_until(lambda: fetch(url, "/api/chat/c1/stream")[0] == 204)


def test_a_page_that_is_loaded_again(held, wire):
    """With `linger_s` the answer goes on meanwhile; without a reader not for ever."""
    with served(web.app(held, linger_s=0.3)) as url:
        first = Client(url, question("silence"))
        first.read_until("text-delta")
        first.leave()
        second = Client(url, None, "/api/chat/c1/stream", method="GET")
        second.read_until("text-delta")
        assert not wire.exchanges[0].gone_at_s
        second.leave()
        wire.wait_for(lambda each: each.gone_at_s)


def test_so_many_streams_and_no_more(held, wire):
    """Who comes when all are taken is told to come again."""
    with served(web.app(held, max_streams=1)) as url:
        first = Client(url, question("silence"))
        first.read_until("text-delta")
        second = Client(url, question("silence", id_="c2"))
        text = second.read().decode()
        first.leave()

    assert second.response.status == 503
    assert second.response.headers["retry-after"] == "5"
    assert text == "There are too many readers just now. Try again."


def test_who_has_no_id_is_not_one_and_the_same(held, wire):
    """Two that ask with curl do not stop each other; a second tab of a page does."""
    nameless = {k: v for k, v in question("silence").items() if k != "id"}
    with served(web.app(held)) as url:
        first, second = Client(url, nameless), Client(url, nameless)
        first.read_until("text-delta")
        second.read_until("text-delta")
        third = Client(url, question("silence"))
        third.read_until("text-delta")
        fourth = Client(url, question("silence"))
        rest = third.read()
        fourth.read_until("text-delta")
        ended = [each for each in wire.exchanges if each.gone_at_s]
        for each in (first, second, fourth):
            each.leave()

    assert b'"type": "abort"' in rest
    assert len(ended) == 1


def listens(port):
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


SERVED = """
import fastapi
import openai
from nbstream import web

client = openai.OpenAI(base_url={url!r}, api_key="sk-none", max_retries=0)
asked = [{{"role": "user", "content": "A long answer, please"}}]


def answer(question):
    create = client.chat.completions.create
    return create(model="silence", messages=asked, stream=True)


app = web.app(answer)
mounted = fastapi.FastAPI()
mounted.mount("/", app)
responses = fastapi.FastAPI()


@responses.post("/api/chat")
def ask():
    return web.Response(lambda: answer(""))
"""


@pytest.mark.parametrize("name", ["app", "mounted", "responses"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=str)
def test_a_signal_ends_all(number, name, wire, tmp_path):
    """The page is told, the provider's connection closed, and the process gone."""
    wire.exchanges.clear()
    (tmp_path / "answers.py").write_text(SERVED.format(url=f"{wire.url}/v1"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", f"answers:{name}", "--port", str(port)]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: listens(port) or process.poll() is not None, 60)
        client = Client(f"http://127.0.0.1:{port}", question())
        client.read_until("text-delta")
        process.send_signal(number)
        rest = client.read()
        wire.wait_for(lambda each: each.gone_at_s)
        process.wait(20)
    finally:
        process.kill()
        said = process.communicate()[1].decode()

    assert b'"type": "abort"' in rest
    assert "Traceback" not in said


def test_the_end_of_the_server_ends_the_streams(held, wire):
    """Nothing is left running, and the page is told."""
    with served(web.app(held), timeout_graceful_shutdown=1) as url:
        client = Client(url, question("silence"))
        client.read_until("text-delta")
    wire.wait_for(lambda each: each.gone_at_s)
    client.leave()
    wait_until(no_stream_runs)


def test_a_notebook_serves_it(offline):
    """`open`: ready at once, on this machine only, in a frame below the cell."""
    here = web.open(web.app(nbstream.Chat(MODEL)))
    shown = here._html()
    status, *_ = fetch(here.url.rstrip("/"))
    here.stop()
    here.stop()

    assert status == 200
    assert here.url.startswith("http://127.0.0.1:")
    assert f'src="{here.url}"' in shown
    assert "ended" in repr(here)


def test_in_a_terminal_it_is_an_address(offline, capsys):
    """Where nothing can be shown, it says where the page is."""
    here = web.open(web.app(nbstream.Chat(MODEL)))
    here._ipython_display_()
    here.stop()

    assert capsys.readouterr().out == f"<nbstream.web server at {here.url}>\n"


def test_behind_a_hub(offline, monkeypatch):
    """The address goes through the Hub's own proxy, which says the Hub's name."""
    app = web.app(nbstream.Chat(MODEL))
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/me/")
    here = web.open(app)
    port = urlsplit(here.url).port
    address = here.address
    named = {"host": "hub.example", "origin": "http://hub.example"}
    body = json.dumps(question())
    page, *_ = fetch(here.url.rstrip("/"), **named)
    chat = fetch(here.url.rstrip("/"), "/api/chat", "POST", body, **JSON, **named)
    named["origin"] = "http://other.example"
    other = fetch(here.url.rstrip("/"), "/api/chat", "POST", body, **JSON, **named)
    here.stop()

    assert address == f"/user/me/proxy/{port}/"
    assert (page, chat[0], other[0]) == (200, 200, 403)


def test_who_may_show_the_page_in_a_frame(offline):
    """This machine's notebooks, and the sites that may ask."""
    site = "https://example.com"
    with served(web.app(nbstream.Chat(MODEL), origins=[site])) as url:
        policy = fetch(url)[1]["content-security-policy"]

    own = "frame-ancestors 'self' http://localhost:* http://127.0.0.1:*"
    assert policy.endswith(f"{own} {site}")


def test_an_answer_that_ended_when_nobody_read():
    """It is kept for whoever comes back in time, and given once."""
    script = Script()
    script.say("One ")
    app = web.app(script, linger_s=30)
    with served(app) as url:
        client = Client(url, question(id_="c1"))
        client.read_until("One ")
        client.leave()
        wait_until(lambda: not app._running["c1"].readers)
        script.say("two.")
        script.end()
        wait_until(lambda: app._running["c1"].ended)
        resumed = Client(url, None, "/api/chat/c1/stream", method="GET")
        chunks = chunks_of(resumed.read())
        again = Client(url, None, "/api/chat/c1/stream", method="GET")
        status = again.response.status
        again.read()

    text = "".join(str(each.get("delta", "")) for each in chunks)
    assert text == "One two."
    assert chunks[-1]["type"] == "finish"
    assert status == 204


# -- Consent --------------------------------------------------------------------------


class Asked:
    """A conversation with a chat whose tool needs consent, as a client has it."""

    def __init__(self) -> None:
        self.ran: list[str] = []

        @nbstream.tool(confirm=True)
        def delete(path: str) -> str:
            """Delete a file."""
            self.ran.append(path)
            return f"deleted {path}"

        self.app = web.app(nbstream.Chat(MODEL, tools=[delete]))

    def ask(self, url: str) -> list[dict[str, object]]:
        return chunks_of(Client(url, question()).read())

    def answer(self, url, chunks, *, approved=True, **changes):
        """Say yes or no to the call that these chunks ask for."""
        given = next(c for c in chunks if c["type"] == "tool-input-available")
        asks = next(c for c in chunks if c["type"] == "tool-approval-request")
        part = {
            "type": f"tool-{given['toolName']}",
            "toolCallId": given["toolCallId"],
            "state": "approval-responded",
            "input": given["input"],
            "approval": {"id": asks["approvalId"], "approved": approved},
        }
        body = question()
        body["messages"].append(
            {
                "id": chunks[0]["messageId"],
                "role": "assistant",
                "parts": [{"type": "step-start"}, {**part, **changes}],
            }
        )
        return chunks_of(Client(url, body).read())


@pytest.fixture
def asked(offline):
    return Asked()


def test_a_call_waits_for_a_person(asked):
    """It is asked for, the stream ends, and nothing has run."""
    with served(asked.app) as url:
        chunks = asked.ask(url)

    assert [each["type"] for each in chunks[-3:]] == [
        "tool-approval-request",
        "finish-step",
        "finish",
    ]
    assert chunks[-1]["finishReason"] == "tool-calls"
    assert asked.ran == []


def test_a_call_that_is_allowed_runs_once(asked):
    """The message goes on: the result, then the next answer; a second yes is void."""
    with served(asked.app) as url:
        chunks = asked.ask(url)
        more = asked.answer(url, chunks)
        again = asked.answer(url, chunks)

    assert len(asked.ran) == 1
    assert more[0] == {"type": "start", "messageId": chunks[0]["messageId"]}
    assert more[1]["type"] == "tool-output-available"
    assert more[-1]["type"] == "finish"
    assert again[1]["type"] == "tool-output-denied"


def test_a_call_that_is_refused_does_not_run(asked):
    with served(asked.app) as url:
        more = asked.answer(url, asked.ask(url), approved=False)

    assert asked.ran == []
    assert more[1]["type"] == "tool-output-denied"
    assert more[-1]["type"] == "finish"


def test_a_copy_of_the_page_comes_too_late(asked):
    """Its yes is void: that was refused, or something else was asked since."""
    with served(asked.app) as url:
        refused, old = asked.ask(url), asked.ask(url)
        asked.answer(url, old, approved=False)
        late = [asked.answer(url, old), asked.answer(url, refused)]
        asked.answer(url, asked.ask(url))

    assert [each[1]["type"] for each in late] == ["tool-output-denied"] * 2
    assert len(asked.ran) == 1


def test_the_same_call_of_another_answer_is_asked_anew(asked):
    """With its id and its arguments, but a question of its own."""
    with served(asked.app) as url:
        first, second = asked.ask(url), asked.ask(url)
    ids = [
        [each["approvalId"] for each in found if each["type"].endswith("-request")]
        for found in (first, second)
    ]

    assert ids[0] != ids[1]


FORGED = {
    "other arguments": {"input": {"path": "/etc/passwd"}},
    "another id": {"toolCallId": "t9"},
    "a name of its own": {"approval": {"id": "x" * 64, "approved": True}},
    "a yes that is none": {"approval": {"id": "", "approved": "true"}},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=FORGED)
def test_a_forged_consent_is_none(asked, changes):
    """A client may write whatever it likes: only what was shown and signed runs."""
    with served(asked.app) as url:
        more = asked.answer(url, asked.ask(url), **changes)

    assert asked.ran == []
    assert more[1]["type"] == "tool-output-denied"


def test_a_call_of_the_clients_own_does_not_run(asked):
    """History is history: a call in it that has no result is not run."""
    with served(asked.app) as url:
        asked.answer(url, asked.ask(url), state="input-available")

    assert asked.ran == []


# -- The client's socket --------------------------------------------------------------

#: No proxy of the environment is asked; before websockets 15 there was none to ask.
NO_PROXY = {"proxy": None} if "proxy" in signature(client.connect).parameters else {}


def socket_to(url, origin=None):
    """Connect to the client's socket, as its own page or as another site's."""
    address = url.replace("http", "ws") + "/api/ws"
    return client.connect(address, origin=origin or url, **NO_PROXY)


def frames(url, *sent, until=("end", "error", "no-active")):
    """Send frames; return what comes, to the last that is awaited."""

    async def talk():
        found = []
        async with socket_to(url) as socket:
            for each in sent:
                await socket.send(json.dumps(each))
            while not found or found[-1]["type"] not in until:
                found.append(json.loads(await asyncio.wait_for(socket.recv(), 20)))
        return found

    return asyncio.run(talk())


def test_a_question_over_the_socket(plain):
    """The same chunks, numbered without a gap."""
    sent = {"type": "send", "requestId": "r1", **question()}
    start, *found, end = frames(plain, sent)

    assert start == {"type": "start", "requestId": "r1"}
    assert end == {"type": "end", "requestId": "r1"}
    assert [each["sequence"] for each in found] == list(range(len(found)))
    assert [each["chunk"]["type"] for each in found] == [
        *("start", "start-step", "text-start", "text-delta", "text-end"),
        *("finish-step", "finish"),
    ]


BAD_FRAMES = {
    "a question that is none": (
        {"type": "send", "requestId": "r1", "id": "c1"},
        {"type": "error", "requestId": "r1", "errorText": "Messages is no list."},
    ),
    "nothing to resume": (
        {"type": "resume", "requestId": "r1", "id": "c9"},
        {"type": "no-active", "requestId": "r1"},
    ),
}


@pytest.mark.parametrize(("sent", "expected"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_what_is_said_over_the_socket(plain, sent, expected):
    assert frames(plain, sent) == [expected]


def test_an_abort_over_the_socket(held, wire):
    """It closes the provider's connection; so does a socket that is closed."""

    async def talk(url, *, abort):
        async with socket_to(url) as socket:
            sent = {"type": "send", "requestId": "r1", **question("silence")}
            await socket.send(json.dumps(sent))
            while "text-delta" not in await asyncio.wait_for(socket.recv(), 20):
                pass
            if abort:
                await socket.send(json.dumps({"type": "abort", "requestId": "r1"}))
                await asyncio.to_thread(wire.wait_for, lambda each: each.gone_at_s)

    with served(web.app(held)) as url:
        for abort in (True, False):
            wire.exchanges.clear()
            asyncio.run(talk(url, abort=abort))
            wire.wait_for(lambda each: each.gone_at_s)


NO_FRAMES = {
    "no JSON": "{",
    "no object": "[]",
    "bytes": b"{}",
    "too large": " " * 6000,
    "too deep": "[" * 4900,
}


@pytest.mark.parametrize("frame", NO_FRAMES.values(), ids=NO_FRAMES)
def test_a_frame_that_is_none(plain, frame, caplog):
    """The socket is closed; the server has no error of it."""

    async def talk():
        async with socket_to(plain) as found:
            await found.send(frame)
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(found.recv(), 20)

    asyncio.run(talk())

    assert "Traceback" not in caplog.text


def test_so_many_requests_of_one_socket(held, wire):
    """One socket has no more of them than the server has streams."""

    async def talk(url):
        async with socket_to(url) as found:
            for number in range(3):
                asks = question("silence", id_="c1")
                kind = "send" if number == 0 else "resume"
                sent = {"type": kind, "requestId": f"r{number}", **asks}
                await found.send(json.dumps(sent))
                while '"start"' not in (said := await found.recv()):
                    if '"error"' in said:
                        return number, json.loads(said)["errorText"]
        return None

    with served(web.app(held, max_streams=2)) as url:
        found = asyncio.run(talk(url))
        wait_until(lambda: all(each.over for each in wire.exchanges))

    assert found == (2, "There are too many readers just now. Try again.")


@pytest.mark.parametrize("abort", [True, False], ids=["abort", "close"])
def test_a_socket_that_is_gone_at_once(broken, wire, abort):
    """No stream begins that nobody reads, and none goes on."""

    def answer(asked):
        shape = SHAPES["openai.chat, sync stream"]
        return shape.make(broken, asked.text, "A long answer, please")

    async def talk(url):
        async with socket_to(url) as found:
            sent = {"type": "send", "requestId": "r1", **question("silence")}
            await found.send(json.dumps(sent))
            if abort:
                await found.send(json.dumps({"type": "abort", "requestId": "r1"}))

    with served(web.app(answer)) as url:
        for _ in range(10):
            wire.exchanges.clear()
            asyncio.run(talk(url))
            wait_until(lambda: all(each.over for each in wire.exchanges))
        # Asked last: who asks for a stream that still runs is a reader of it.
        wait_until(no_stream_runs)
        wait_until(lambda: fetch(url, "/api/chat/c1/stream")[0] == 204)
    wait_until(no_stream_runs)


def test_another_sites_socket(plain):
    """A page of another site does not get one."""

    async def talk():
        async with socket_to(plain, "http://evil.example"):
            pass

    with pytest.raises(websockets.InvalidStatus) as found:
        asyncio.run(talk())

    assert found.value.response.status_code == 403
