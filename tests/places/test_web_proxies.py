"""What lies between a page and ``nbstream.web``: real proxies, and other servers.

Each has to let the first words through at once, the end in time, and tell the server
that the reader has left; where it does not, the page's stop route does.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest
from harness.node import folder
from harness.sdks import APIS, KEY, SHAPES
from harness.web import Client, chunks_of, question, served

from nbstream import web

pytestmark = pytest.mark.place

ROOT = Path(__file__).resolve().parents[2]
CONFIGURED = ROOT / "docs" / "serve"
ASKED = "openai.chat, sync stream"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def listens(port: int) -> bool:
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(command: list[object], port: int, **options: object) -> Iterator[None]:
    """Run a program until it is no longer needed; it listens on a port."""
    process = subprocess.Popen(list(map(str, command)), **options)
    deadline = time.monotonic() + 60
    try:
        while not listens(port):
            assert process.poll() is None, f"{command[0]} has ended"
            assert time.monotonic() < deadline, f"{command[0]} does not listen"
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(20)


def configured(name: str, to: int, port: int, folder: Path) -> Path:
    """Write one of the documented configurations with other ports."""
    text = (CONFIGURED / name).read_text()
    text = text.replace(":8080", f":{port}").replace(":8000", f":{to}")
    path = folder / name
    path.write_text(text)
    return path


@contextmanager
def nginx(to: int, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    path = configured("nginx.conf", to, port, tmp_path)
    command = ["nginx", "-p", tmp_path, "-c", path, "-g", "daemon off;"]
    with running(command, port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def haproxy(to: int, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    path = configured("haproxy.cfg", to, port, tmp_path)
    with running(["haproxy", "-db", "-f", path], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def caddy(to: int, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    path = configured("Caddyfile", to, port, tmp_path)
    home = {**os.environ, "HOME": str(tmp_path)}
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", path]
    with running(command, port, env=home):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def hub_proxy(to: int, tmp_path: Path) -> Iterator[str]:
    """JupyterHub's configurable-http-proxy."""
    port, api = free_port(), free_port()
    program = folder() / "node_modules" / ".bin" / "configurable-http-proxy"
    node = folder() / "node_modules" / ".bin" / "node"
    options = ["--ip", "127.0.0.1", "--port", port, "--api-port", api]
    target = ["--default-target", f"http://127.0.0.1:{to}", "--log-level", "error"]
    with running([node, program, *options, *target], port):
        yield f"http://127.0.0.1:{port}"


PROXIES = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy, "hub": hub_proxy}


def answer(broken):
    def asked(question):
        return SHAPES[ASKED].make(broken, question.text, "A long answer, please")

    return asked


@pytest.mark.parametrize("http", ["h11", "httptools"])
@pytest.mark.parametrize("proxy", PROXIES.values(), ids=PROXIES)
def test_through_a_proxy(proxy, http, wire, broken, tmp_path):
    """The first words come while the answer is silent; leaving reaches the provider."""
    wire.exchanges.clear()
    app = web.app(answer(broken))
    with served(app, http=http) as url, proxy(port_of(url), tmp_path) as outside:
        whole = chunks_of(Client(outside, question("whole")).read())
        client = Client(outside, question("silence", id_="c2"))
        client.read_until("text-delta")
        client.leave()
        seen = wire.wait_for(lambda each: each.plan == "silence" and each.gone_at_s)

    assert whole[-1]["type"] == "finish"
    assert seen


def python_with(home: Path, *packages: str) -> Path:
    """Make an environment with these packages; return its interpreter."""
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return python


@pytest.fixture(scope="module")
def server_proxy(tmp_path_factory) -> Path:
    """A Python with jupyter-server-proxy, whose aiohttp our own does without."""
    home = tmp_path_factory.mktemp("proxy")
    return python_with(home, "jupyter-server-proxy==4.6.0", "jupyter-server")


def test_through_a_notebooks_own_proxy(server_proxy, wire, broken, tmp_path):
    """It tells nobody that the reader has left: the page's stop route does."""
    wire.exchanges.clear()
    port = free_port()
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": tmp_path,
        "ServerApp.allow_root": True,
        "ServerApp.disable_check_xsrf": True,
        "IdentityProvider.token": "",
        "ServerApp.open_browser": False,
    }
    given = [f"--{name}={value}" for name, value in options.items()]
    with served(web.app(answer(broken))) as url:
        at = f"/proxy/{port_of(url)}/api/chat"
        with running([server_proxy, "-m", "jupyter_server", *given], port):
            outside = f"http://127.0.0.1:{port}"
            client = Client(outside, question("silence"), at)
            client.read_until("text-delta")
            client.leave()
            stop = Client(outside, None, f"{at}/c1/stop")
            assert stop.response.status == 204
            stop.read()
            seen = wire.wait_for(lambda each: each.plan == "silence" and each.gone_at_s)

    assert seen


# -- JupyterHub, whole ----------------------------------------------------------------

HUB = """
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "pass"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.Spawner.args = ["--allow-root"]
c.Spawner.default_url = "/api/status"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}/"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = [{node!r}, {proxy!r}]
c.JupyterHub.services = [{{"name": "tests", "api_token": {token!r}, "admin": True}}]
c.JupyterHub.load_roles = [{{
    "name": "tests",
    "services": ["tests"],
    "scopes": ["admin:users", "admin:servers", "access:servers", "tokens"],
}}]
c.JupyterHub.cleanup_servers = True
"""
TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def hub_python(tmp_path_factory) -> Path:
    """A Python with JupyterHub and jupyter-server-proxy."""
    return python_with(
        tmp_path_factory.mktemp("hub"),
        *("jupyterhub==6.1.1", "jupyter-server-proxy==4.6.0", "jupyter-server"),
    )


@contextmanager
def hub(python: Path, home: Path) -> Iterator[str]:
    """Run a Hub with one user's server; give the address of that server."""
    port = free_port()
    node = folder() / "node_modules" / ".bin"
    config = HUB.format(
        port=port,
        hub=free_port(),
        api=free_port(),
        node=str(node / "node"),
        proxy=str(node / "configurable-http-proxy"),
        token=TOKEN,
    )
    (home / "config.py").write_text(config)
    path = f"{python.parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "HOME": str(home)}
    env.pop("PYTHONPATH", None)
    command = [python, "-m", "jupyterhub", "-f", home / "config.py"]
    with running(command, port, cwd=home, env=env):
        outside = f"http://127.0.0.1:{port}"
        tried_until_s = time.monotonic() + 90
        for wanted in (201, 204):  # the user is made, then the server is there
            where = "/hub/api/users/me" + ("/server" if wanted == 204 else "")
            while (status := hub_asked(outside, where)) not in {wanted, 201, 400}:
                assert time.monotonic() < tried_until_s, status
                time.sleep(0.3)
        while hub_asked(outside, "/user/me/api/status", "GET") != 200:
            assert time.monotonic() < tried_until_s, "the user's server does not answer"
            time.sleep(0.3)
        try:
            yield f"{outside}/user/me/"
        finally:
            hub_asked(outside, "/hub/api/users/me/server", "DELETE")


def hub_asked(outside: str, path: str, method: str = "POST") -> int:
    given = {"authorization": f"token {TOKEN}"}
    client = Client(outside, None, path, method=method, **given)
    client.read()
    return client.response.status


def test_behind_a_real_hub(hub_python, wire, broken, tmp_path, monkeypatch):
    """`open` gives the address there, and the stop route reaches the provider."""
    wire.exchanges.clear()
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/me/")
    given = {"authorization": f"token {TOKEN}"}
    here = web.open(web.app(answer(broken)))
    try:
        with hub(hub_python, tmp_path) as user:
            outside = user.removesuffix("/user/me/")
            page = Client(outside, None, here.address, method="GET", **given)
            html = page.read().decode()
            ask = f"{here.address}api/chat"
            whole = chunks_of(Client(outside, question("whole"), ask, **given).read())
            client = Client(outside, question("silence"), ask, **given)
            client.read_until("text-delta")
            client.leave()
            stop = Client(outside, None, f"{ask}/c1/stop", **given)
            stop.read()
            seen = wire.wait_for(lambda each: each.plan == "silence" and each.gone_at_s)
    finally:
        here.stop()

    assert (page.response.status, stop.response.status) == (200, 204)
    assert "<textarea" in html
    assert whole[-1]["type"] == "finish"
    assert seen


# -- Other servers --------------------------------------------------------------------

APP = """
import openai
from nbstream import web

client = openai.OpenAI(base_url={url!r}, api_key={key!r}, max_retries=0)


def answer(asked):
    return client.chat.completions.create(
        model=asked.text,
        messages=[{{"role": "user", "content": "A long answer, please"}}],
        stream=True,
    )


app = web.app(answer)
"""
SERVERS: dict[str, Callable[[int], list[object]]] = {
    "uvicorn": lambda port: ["uvicorn", "answers:app", "--port", port],
    "hypercorn": lambda port: ["hypercorn", "answers:app", "-b", f"127.0.0.1:{port}"],
    "granian": lambda port: [
        *("granian", "answers:app", "--interface", "asgi"),
        *("--host", "127.0.0.1", "--port", port),
    ],
}


@pytest.fixture
def answers(wire, tmp_path) -> Path:
    """The module that production serves."""
    url = f"{wire.url}/v1"
    (tmp_path / "answers.py").write_text(APP.format(url=url, key=KEY))
    return tmp_path


@contextmanager
def production(name: str, answers: Path, log: Path) -> Iterator[tuple[str, list]]:
    port = free_port()
    program, *options = SERVERS[name](port)
    command = [sys.executable, "-m", program, *options]
    held: list[subprocess.Popen] = []
    with log.open("w") as out:
        path = f"{ROOT / 'tests'}:{os.environ.get('PYTHONPATH', '')}"
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=answers,
            env={**os.environ, "PYTHONPATH": path},
            stdout=out,
            stderr=out,
        )
        held.append(process)
        deadline = time.monotonic() + 60
        while not listens(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{port}", held
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.parametrize("name", SERVERS)
def test_under_a_server(name, answers, wire, tmp_path):
    """An answer, one that is left, and one that the server's end cuts short."""
    wire.exchanges.clear()
    log = tmp_path / "log"
    with production(name, answers, log) as (url, (process,)):
        whole = chunks_of(Client(url, question("whole")).read())
        client = Client(url, question("silence", id_="c2"))
        client.read_until("text-delta")
        client.leave()
        first = wire.wait_for(lambda each: each.plan == "silence" and each.gone_at_s)
        last = Client(url, question("silence", id_="c3"))
        last.read_until("text-delta")
        process.terminate()
        wire.wait_for(
            lambda each: each is not first and each.plan == "silence" and each.gone_at_s
        )
        last.leave()

    assert whole[-1]["type"] == "finish"
    assert process.returncode in {0, -15, 143}
    assert not re.search(r"nbstream/|Bearer|authorization", log.read_text())


EVERY = """
from harness.sdks import SHAPES, Clients
from nbstream import web

clients = Clients({url!r})


def answer(asked):
    shape, plan = asked.text.split(" / ")
    return SHAPES[shape].make(clients, plan, "A long answer, please")


app = web.app(answer)
"""
#: When a reader leaves, and what it has read by then.
WHEN = {"headers": None, "first": None, "flow": "text-delta", "silence": "text-delta"}


@pytest.mark.parametrize("name", SERVERS)
def test_leaving_under_a_server(name, wire, tmp_path):
    """Every API, sync and async, at each moment: the provider sees it."""
    (tmp_path / "answers.py").write_text(EVERY.format(url=wire.url))
    with production(name, tmp_path, tmp_path / "log") as (url, _):
        for api, how, plan in product(APIS, ("sync", "async"), WHEN):
            wire.exchanges.clear()
            client = Client(url, question(f"{api}, {how} stream / {plan}"))
            exchange = wire.wait_for(lambda each: True)
            if (text := WHEN[plan]) is not None:
                client.read_until(text)
            client.leave()
            wire.wait_for(lambda each, own=exchange: each is own and each.gone_at_s)


def test_the_configurations_are_the_documented_ones():
    """What is tested here is what the documentation shows."""
    found = {path.name for path in CONFIGURED.iterdir() if path.suffix != ".py"}
    assert found == {
        *("nginx.conf", "haproxy.cfg", "Caddyfile"),
    }
    assert all(map(shutil.which, ("nginx", "haproxy", "caddy")))
