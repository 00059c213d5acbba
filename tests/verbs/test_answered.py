"""What answers with status 200 and is no stream is told, whoever asks and how."""

from __future__ import annotations

from functools import partial

import pytest
from harness.loopback import Fixed
from harness.sdks import SHAPES, Clients, cases

import nbstream

MODELS = ("openai:m", "openai-chat:m", "anthropic:m", "google:m")
AND = "a page or an error in place of a stream"
SECRET = "sk-ant-0123456789abcdefghij"


@pytest.fixture(scope="module")
def fixed():
    server = Fixed()
    yield server
    server.close()


#: content type, body -> what is quoted
ANSWERS = {
    "a page": (
        "text/html",
        b"<html><h1>Sign in to the WiFi</h1>",
        "Sign in to the WiFi",
    ),
    "LM Studio without /v1": (
        "application/json",
        b'{"error":"Unexpected endpoint or method. (POST /chat/completions)"}',
        "Unexpected endpoint or method. (POST /chat/completions)",
    ),
    "an error": ("application/json", b'{"error":{"message":"No model"}}', "No model"),
    "FastAPI": ("application/json", b'{"detail":"Not Found"}', "Not Found"),
    "a list": ("application/json", b'[{"error":{"message":"No model"}}]', "No model"),
    "JSON of its own": ("application/json", b'{"status":"ok"}', '{"status":"ok"}'),
    "Ollama": ("text/plain; charset=utf-8", b"Ollama is running", "Ollama is running"),
    "a page of no type": ("", b"<p>It works!</p>", "It works!"),
    "a page that says it is a stream": ("text/event-stream", b"<p>Hello", "Hello"),
    "an error that says so": (
        "text/event-stream",
        b'{"error":{"message":"No model"}}\n\n',
        "No model",
    ),
    "a key": ("text/plain", f"Bad key {SECRET}".encode(), "Bad key [key removed]"),
}


@pytest.mark.parametrize("case", ANSWERS, ids=ANSWERS)
@pytest.mark.parametrize("model", MODELS)
def test_what_answers_a_question(model, case, fixed):
    """It is quoted, base_url is named, and nothing is asked again."""
    kind, body, quote = ANSWERS[case]
    fixed.says(kind, body)
    with pytest.raises(nbstream.errors.ProtocolFailure) as caught:
        nbstream.ask(
            "Hi", model, base_url=fixed.url, api_key="none", view="none", retries=2
        )
    failure = caught.value

    assert str(failure) == (
        f"ProtocolError: the server answered with {kind!r} and no events: {AND}: "
        f'"{quote}". Check base_url, or try again.'
    )
    assert (failure.retryable, failure.status, fixed.asked) == (False, None, 1)
    assert (failure.reply.outcome, failure.reply.text) == ("failed", "")


@pytest.mark.parametrize("model", MODELS)
def test_what_answers_in_a_chat(model, fixed):
    """The question that nothing came of is taken back, so that it can be asked anew."""
    chat = nbstream.Chat(model, base_url=fixed.url, api_key="none")
    fixed.says("text/html", b"<h1>Sign in</h1>")
    with pytest.raises(nbstream.errors.ProtocolFailure, match='stream: "Sign in"'):
        chat("Hi", view="none")

    assert chat.messages == []


@pytest.mark.parametrize("model", MODELS)
def test_an_empty_stream_is_no_page(model, fixed):
    """Nothing came, and the reply says so."""
    fixed.says("text/event-stream", b"")
    reply = nbstream.ask("Hi", model, base_url=fixed.url, api_key="none", view="none")

    assert (reply.outcome, reply.text, reply.error) == ("truncated", "", None)


def test_an_error_in_which_google_says_its_own_code_is_that_error(fixed):
    """Its SDK reads it, and its words are better than a guess."""
    error = b'{"error":{"code":503,"message":"Overloaded","status":"UNAVAILABLE"}}'
    fixed.says("application/json", error)
    options = {"http_options": {"retry_options": {"attempts": 1}}}
    with pytest.raises(nbstream.errors.OverloadedFailure, match="Overloaded"):
        nbstream.ask(
            "Hi", "google:m", base_url=fixed.url, api_key="none", view="none", **options
        )


@pytest.fixture(scope="module")
def clients(fixed):
    made = Clients(fixed.url)
    yield made
    made.close_all()


@pytest.mark.parametrize("shape", **cases(SHAPES))
@pytest.mark.parametrize("kind", ["text/html", "text/event-stream"])
def test_what_answers_a_stream_that_is_shown(shape, kind, fixed, clients):
    """Of every SDK, sync and async: it is quoted, by us or by the SDK."""
    fixed.says(kind, b"<html><h1>Sign in")
    make = partial(shape.make, clients, "m", "Hi")
    # The SDK of Interactions raises in the call itself: so it is we who call.
    raises = kind == "text/html" and "interactions" in shape.api and not shape.lazy
    with pytest.raises(nbstream.errors.ProtocolFailure) as caught:
        nbstream.show(make if raises else make(), view="none")

    assert "Sign in" in str(caught.value)
    assert str(caught.value).endswith("Check base_url, or try again.")
