"""A provider that quotes a key in its error does not get it shown, kept or logged."""

from __future__ import annotations

import logging
import traceback
from functools import partial

import pytest
from harness.loopback import Fixed
from harness.sdks import APIS, only
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbstream
from nbstream.screens.bundle import bundle, metadata

FAULTS = {"in place of an answer": 401, "in mid-stream": "error_in_band"}
CALLED = {shape.api: shape for shape in only(name="sync stream of a function").values()}
letters = st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789_-", min_size=12)
keys = st.tuples(
    st.sampled_from(["sk-", "sk-ant-", "AIza", "xai-", "gsk_", "hf_", "AQ."]), letters
).map("".join)


def shown(failure: nbstream.ProviderFailure) -> list[str]:
    """Everything that a person, a file or a program gets of a failure."""
    reply = failure.reply
    traced = traceback.format_exception(failure)
    told = [str(failure), repr(failure), *failure._render_traceback_(), *traced]
    kept = [repr(reply.error), repr(reply), str(reply.resume_hint)]
    saved = [*bundle(reply).values(), repr(metadata(reply))]
    return [*told, *kept, *saved]


@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(key=keys)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("api", APIS)
def test_a_key_in_an_error_is_taken_out(
    key, fault, api, server, clients, caplog, capsys
):
    """In the message, the reply, the saved output, the terminal and the log."""
    caplog.set_level(logging.DEBUG, "nbstream")
    with (
        server.fault(fault, message=f"Incorrect API key provided: {key}. Find yours."),
        pytest.raises(nbstream.ProviderFailure) as caught,
    ):
        nbstream.show(CALLED[api].make(clients, "m", "Hello?"), view="terminal")
    printed = capsys.readouterr()

    assert "Incorrect API key" in caught.value.reply.error.message
    for text in (*shown(caught.value), printed.out, printed.err, caplog.text):
        assert key not in text


@pytest.fixture(scope="module")
def fixed():
    server = Fixed()
    yield server
    server.close()


#: what answers, with a key in it: status, content type, body
QUOTED = {
    "a page": (200, "text/html", "<title>No</title><p>Key {}"),
    "a page with half of it in a tag": (200, "text/html", "<p title='{}'>Key {}"),
    "a sentence": (200, "text/plain", "Key {}"),
    "a long sentence": (200, "text/plain", "-" * 190 + " {} Key"),
    "an error": (200, "application/json", '{{"error": "Key {}"}}'),
    "an error of no stream": (200, "text/event-stream", '{{"error": "Key {}"}}'),
    "FastAPI": (422, "application/json", '{{"detail": [{{"msg": "Key {}"}}]}}'),
    "a list": (403, "application/json", '[{{"error": {{"message": "Key {}"}}}}]'),
    "a plain body": (404, "text/plain", "Key {}"),
    "a page of a gateway": (404, "text/html", "<p>Key {}"),
}


@settings(
    deadline=None,
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(key=keys)
@pytest.mark.parametrize("case", QUOTED, ids=QUOTED)
@pytest.mark.parametrize("model", ["openai:m", "anthropic:m", "google:m"])
def test_a_key_in_what_is_quoted_is_taken_out(key, model, case, fixed, caplog, capsys):
    """A page, an error or a sentence in place of an answer; where it is cut too."""
    caplog.set_level(logging.DEBUG, "nbstream")
    status, kind, body = QUOTED[case]
    fixed.says(kind, body.format(key, key).encode(), status)
    with pytest.raises(nbstream.ProviderFailure) as caught:
        nbstream.ask("Hi", model, base_url=fixed.url, api_key="none", view="terminal")
    printed = capsys.readouterr()

    assert "Key" in str(caught.value) or "-----" in str(caught.value)
    for text in (*shown(caught.value), printed.out, printed.err, caplog.text):
        assert key not in text
        assert key[: len(key) // 2 + 4] not in text


#: the SDK's own client in the user's hands: its class, and how it asks
CLIENTS = {
    "openai": ("OpenAI", lambda it: it.chat.completions.create),
    "anthropic": ("Anthropic", lambda it: partial(it.messages.create, max_tokens=5)),
}
ECHOES = {
    "a page": (200, "text/html", "<p>Key {}"),
    "an error": (200, "application/json", '{{"error": "Key {}"}}'),
    "events that are broken": (
        200,
        "text/event-stream",
        'event: error\ndata: {{"{}\n\n',
    ),
    "a refusal": (401, "application/json", '{{"error": {{"message": "Key {}"}}}}'),
}


@pytest.mark.parametrize("case", ECHOES, ids=ECHOES)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_key_of_the_users_own_client_is_taken_out(client, case, fixed):
    """It is known by what was sent, whatever it looks like and whoever quotes it."""
    key = "canary/XY+7f8e9d0c1b2a"
    status, kind, body = ECHOES[case]
    fixed.says(kind, body.format(key).encode(), status)
    name, asking = CLIENTS[client]
    make = getattr(pytest.importorskip(client), name)
    with make(api_key=key, base_url=fixed.url, max_retries=0) as made:
        ask = partial(asking(made), model="m", messages=[], stream=True)
        with pytest.raises(nbstream.ProviderFailure) as caught:
            nbstream.show(ask, view="none")

    for text in shown(caught.value):
        assert key not in text
