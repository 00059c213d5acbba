"""One call points the SDKs of a process at the offline server, and back again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from nbstream import offline
from nbstream.errors import UsageError

FAKE = "nbstream-offline-not-a-key"
VARIABLES = [
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_CUSTOM_HEADERS",
    "ANTHROPIC_PROFILE",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GOOGLE_CLOUD_LOCATION",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_GEMINI_BASE_URL",
    "GOOGLE_GENAI_USE_ENTERPRISE",
    "GOOGLE_GENAI_USE_VERTEXAI",
    "NBSTREAM_LIVE",
    "NBSTREAM_SPEED",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "https_proxy",
]
OFFLINE = "nbstream: offline. Answers are scripted: no key, no network.\n"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield
    offline.stop()


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def test_offline_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Every SDK's variables lead to the one server, with a key that plainly is none."""
    server = offline.use()

    assert server is not None
    assert environment() == {
        "OPENAI_API_KEY": FAKE,
        "OPENAI_BASE_URL": f"{server.url}/v1",
        "ANTHROPIC_API_KEY": FAKE,
        "ANTHROPIC_BASE_URL": server.url,
        "GEMINI_API_KEY": FAKE,
        "GOOGLE_GEMINI_BASE_URL": server.url,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
    assert capsys.readouterr().out == OFFLINE


REAL = {
    "OPENAI_API_KEY": "real-1",
    "OPENAI_BASE_URL": "https://gateway.invalid",
    "ANTHROPIC_AUTH_TOKEN": "real-2",
    "GOOGLE_API_KEY": "real-3",
    "GOOGLE_GENAI_USE_VERTEXAI": "true",
    "NO_PROXY": "intranet.invalid,[::1]",
    "ALL_PROXY": "socks5://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
}


def test_keys_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real keys are out of reach while offline, and are back after ``stop``."""
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)

    offline.use()
    during = environment()
    offline.use(speed=0)
    offline.stop()

    assert not {value for value in during.values() if value.startswith("real")}
    assert "GOOGLE_API_KEY" not in during
    assert "ANTHROPIC_AUTH_TOKEN" not in during
    assert "GOOGLE_GENAI_USE_VERTEXAI" not in during
    assert not {"ALL_PROXY", "https_proxy"} & during.keys()
    assert during["no_proxy"] == "intranet.invalid,127.0.0.1,localhost"
    assert environment() == REAL


def test_key_set_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was set after ``use`` is the user's: it counts, and it stays."""
    offline.use()
    monkeypatch.setenv("OPENAI_API_KEY", "real")
    offline.use(live=True)

    assert os.environ["OPENAI_API_KEY"] == "real"
    assert "OPENAI_BASE_URL" not in os.environ
    offline.stop()
    assert environment() == {"OPENAI_API_KEY": "real"}


NO_KEY = (
    "nbstream: offline. Live was asked for, but no key is set: "
    "answers are scripted, no network.\n"
)
ALL = {"OPENAI_API_KEY": "a", "ANTHROPIC_API_KEY": "b", "GEMINI_API_KEY": "c"}
LIVE = {
    "keys alone are not asking": ({}, ALL, None, OFFLINE),
    "asked, and no key": ({"NBSTREAM_LIVE": "1"}, {}, None, NO_KEY),
    "asked by argument, and no key": ({}, {}, True, NO_KEY),
    "an empty key is none": ({}, {"OPENAI_API_KEY": ""}, True, NO_KEY),
    "our own fake key is none": ({}, {"OPENAI_API_KEY": FAKE}, True, NO_KEY),
    "asked, and one key": (
        {"NBSTREAM_LIVE": "1"},
        {"ANTHROPIC_AUTH_TOKEN": "b"},
        None,
        "nbstream: live for Anthropic, with your keys and at your cost; "
        "offline for OpenAI, Google: answers are scripted.\n",
    ),
    "asked, and every key": (
        {"NBSTREAM_LIVE": "true"},
        ALL,
        None,
        "nbstream: live. OpenAI, Anthropic, Google answer, "
        "with your keys and at your cost.\n",
    ),
    "the argument wins": ({"NBSTREAM_LIVE": "1"}, ALL, False, OFFLINE),
    "0 is not asking": ({"NBSTREAM_LIVE": "0"}, ALL, None, OFFLINE),
}


@pytest.mark.parametrize("case", LIVE)
def test_live(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Live needs both: that it is asked for, and a key; the one line says what is."""
    asked, keys, live, expected = LIVE[case]
    for name, value in (asked | keys).items():
        monkeypatch.setenv(name, value)

    server = offline.use(live=live)

    assert capsys.readouterr().out == expected
    assert (server is None) == expected.startswith("nbstream: live.")
    if "live for Anthropic" in expected:
        assert os.environ["ANTHROPIC_AUTH_TOKEN"] == "b"
        assert "ANTHROPIC_BASE_URL" not in os.environ
        assert os.environ["OPENAI_API_KEY"] == FAKE
    if server is None:
        assert environment() == asked | keys


def test_again_with_other_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be called again and again: there is one server, and what was said last."""
    for name, value in ALL.items():
        monkeypatch.setenv(name, value)

    first = offline.use()
    assert first is not None
    url = first.url
    again = offline.use(speed=2)
    assert again is first
    assert (first.url, first.speed) == (url, 2)
    assert offline.use(live=True) is None
    assert not first.running
    assert environment() == ALL
    assert offline.use() is first
    assert os.environ["OPENAI_API_KEY"] == FAKE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [
        "offline.",
        "offline.",
        "live.",
        "offline.",
    ]


def test_wrong_speed_changes_nothing() -> None:
    """A wrong speed is an error before anything is changed."""
    with pytest.raises(UsageError, match="speed -1"):
        offline.use(speed=-1)

    assert environment() == {}


SCRIPT = """
import sys
from nbstream import offline
heavy = {"openai", "anthropic", "google.genai", "httpx", "httpx2", "IPython"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
offline.use(speed=0)
import anthropic, openai
from google import genai
chat = openai.OpenAI().chat.completions
asked = [{"role": "user", "content": "Salt?"}]
print(chat.create(model="m", messages=asked).choices[0].message.content[:17])
with anthropic.Anthropic() as client:
    message = client.messages.create(model="m", messages=asked, max_tokens=99)
    print(message.content[0].text[:17])
with genai.Client() as client:
    print(client.models.generate_content(model="m", contents="Salt?").text[:17])
"""


def test_a_whole_process() -> None:
    """With nothing but ``use()``, behind a proxy and with two keys, each SDK answers.

    The process ends by itself, although the server was never stopped, and nothing
    warns.
    """
    wrong = "http://127.0.0.1:9"
    socks = "socks5://127.0.0.1:9"
    proxies = {"HTTP_PROXY": wrong, "HTTPS_PROXY": wrong, "ALL_PROXY": socks}
    proxies["NO_PROXY"] = "[::1],10.0.0.0/8"
    keys = {"GOOGLE_API_KEY": "a", "GEMINI_API_KEY": "b", "ANTHROPIC_AUTH_TOKEN": "c"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        env=os.environ | proxies | keys,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stdout == OFFLINE + 'You asked: "Salt?\n' * 3
    assert done.stderr == ""
    assert done.returncode == 0
