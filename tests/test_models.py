"""From ``provider:model`` to a request, as the server sees it."""

import pytest

import nbstream
from nbstream import UsageError
from nbstream.errors import UnknownNameError
from nbstream.models import ANTHROPIC_MAX_TOKENS, PROVIDERS, call, split_model
from nbstream.offline import Server

KEYS = {
    "openai": {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "openai.responses"},
    "openai-chat": {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "openai.chat"},
    "anthropic": {
        "ANTHROPIC_API_KEY": "k",
        "ANTHROPIC_BASE_URL": "anthropic.messages",
    },
    "google": {
        "GEMINI_API_KEY": "k",
        "GOOGLE_GEMINI_BASE_URL": "google.generate_content",
    },
}

SPLITS = {
    "openai:gpt-x": ("openai", "gpt-x"),
    "anthropic/claude-x": ("anthropic", "claude-x"),
    "openai-chat:llama3:8b": ("openai-chat", "llama3:8b"),
    "openai-chat:meta/llama": ("openai-chat", "meta/llama"),
    "google/models/gemini-x": ("google", "models/gemini-x"),
    "openai/ft:gpt-x:me": ("openai", "ft:gpt-x:me"),
}


@pytest.mark.parametrize(("name", "parts"), SPLITS.items(), ids=SPLITS)
def test_a_name_is_split_at_a_known_provider(name, parts):
    """A colon or a slash; what follows is the model's own name, whatever is in it."""
    assert split_model(name) == parts


@pytest.mark.parametrize("name", ["llama3:8b", "gpt-x", "accounts/x/models/y", "", ":"])
def test_an_unknown_provider_lists_the_known_ones(name):
    """Nothing is guessed."""
    with pytest.raises(UnknownNameError) as caught:
        split_model(name)

    assert str(caught.value) == (
        f"no provider at the start of {name!r}; "
        "known: anthropic, google, openai, openai-chat"
    )


@pytest.mark.parametrize("name", ["openai:", "google/"])
def test_a_name_without_a_model(name):
    """The message says what is missing."""
    with pytest.raises(UsageError, match="names no model; expected"):
        split_model(name)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    """Keep the keys and addresses of whoever runs the tests out."""
    for provider in (*KEYS.values(), {"GOOGLE_API_KEY": ""}):
        for name in provider:
            monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_without_a_key(provider):
    """It says which variable, and how to go on without a key."""
    with pytest.raises(UsageError) as caught:
        call(f"{provider}:m", prompt="Hi")
    _, variables, _ = PROVIDERS[provider]

    assert str(caught.value) == (
        f"{provider} needs a key in {' or '.join(variables)}; "
        "for scripted answers without one: nbstream.offline.use()"
    )


def test_without_the_package(monkeypatch):
    """It says what to install, in the words of a notebook."""
    monkeypatch.setitem(
        PROVIDERS, "google", ("google.nowhere", ("GEMINI_API_KEY",), None)
    )
    with pytest.raises(UsageError) as caught:
        call("google:m", prompt="Hi")

    assert str(caught.value) == (
        "google needs a package that is not installed: %pip install google-nowhere"
    )


@pytest.fixture(scope="module")
def server():
    """The offline server, as fast as it can."""
    with Server(speed=0) as running:
        yield running


@pytest.fixture
def to_server(server, monkeypatch):
    """Point one provider's variables at the server."""

    def point(provider):
        for name, value in KEYS[provider].items():
            url = name.endswith("URL")
            monkeypatch.setenv(name, server.base_url(value) if url else value)

    return point


USER = {"role": "user", "content": "Hi"}
#: provider -> (what is sent for a prompt alone, what more with system and limit).
REQUESTS = {
    "openai": (
        {"model": "m", "input": "Hi", "stream": True},
        {"instructions": "Be kind", "max_output_tokens": 5},
    ),
    "openai-chat": (
        {
            "model": "m",
            "messages": [USER],
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        {
            "messages": [{"role": "system", "content": "Be kind"}, USER],
            "max_completion_tokens": 5,
        },
    ),
    "anthropic": (
        {
            "model": "m",
            "messages": [USER],
            "max_tokens": ANTHROPIC_MAX_TOKENS,
            "stream": True,
        },
        {"system": "Be kind", "max_tokens": 5},
    ),
    "google": (
        {"contents": [{"parts": [{"text": "Hi"}], "role": "user"}]},
        {
            "systemInstruction": {"parts": [{"text": "Be kind"}], "role": "user"},
            "generationConfig": {"maxOutputTokens": 5},
        },
    ),
}


def test_every_provider_is_tried():
    """The table leaves none out."""
    assert set(REQUESTS) == set(KEYS) == set(PROVIDERS)


def sent(server, provider, **more):
    opened = call(f"{provider}:m", prompt="Hi", **more)
    reply = nbstream.show(opened, view="none")
    request = dict(server.log[-1].request)
    if provider == "google":
        request = {k: v for k, v in request.items() if v != {}}
    return request, reply


@pytest.mark.parametrize(("provider", "bodies"), REQUESTS.items(), ids=REQUESTS)
def test_what_is_sent(provider, bodies, server, to_server):
    """A prompt alone sends nothing else; no temperature, no limit of ours."""
    to_server(provider)
    alone, _ = bodies
    request, reply = sent(server, provider)

    assert request == alone
    assert (reply.outcome, reply.model, reply.usage is None) == ("complete", "m", False)


@pytest.mark.parametrize(("provider", "bodies"), REQUESTS.items(), ids=REQUESTS)
def test_what_is_sent_with_options(provider, bodies, server, to_server):
    """System text and limit go where each API has them; the limit is honoured."""
    to_server(provider)
    alone, more = bodies
    request, reply = sent(server, provider, system="Be kind", max_tokens=5)

    assert request == alone | more
    assert (reply.finish_reason, reply.usage.output_tokens) == ("length", 5)
