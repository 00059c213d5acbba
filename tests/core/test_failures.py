"""From what SDKs raise and providers say to one family of failures."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from nbstream import errors
from nbstream.errors import failure_of
from nbstream.reply import Reply
from nbstream.types import Failure, TextDelta

KEY = "sk-test-0123456789abcdefghijklmnopqrstuvwxyz"


class Response:
    def __init__(self, status_code=200, **headers):
        self.status_code = status_code
        self.headers = {name.replace("_", "-"): each for name, each in headers.items()}


def made(name, *bases, text="", **attributes):
    """An exception of a class of this name, as an SDK would raise it."""
    kind = type(name, bases or (Exception,), {})
    error = kind(text)
    for each, value in attributes.items():
        setattr(error, each, value)
    return error


def failed(exception=None, *, error=None, text=""):
    reply = Reply("openai.chat")
    if text:
        reply._apply(TextDelta(text=text))
    if error is not None:
        reply._apply(error)
    reply._end(exception=exception)
    return failure_of(reply)


#: what is raised -> (kind, status, retryable)
RAISED = {
    "a status of OpenAI and Anthropic": (
        made("AnyError", status_code=401),
        ("AuthenticationFailure", 401, False),
    ),
    "a status of google-genai": (
        made("ClientError", code=429, status="RESOURCE_EXHAUSTED"),
        ("RateLimitFailure", 429, True),
    ),
    "a status of the response": (
        made("AnyError", response=Response(503)),
        ("OverloadedFailure", 503, True),
    ),
    "a status nobody has a class for": (
        made("AnyError", status_code=418),
        ("RequestFailure", 418, False),
    ),
    "a server's status nobody has a class for": (
        made("AnyError", status_code=599),
        ("ServiceFailure", 599, True),
    ),
    "a code that is no status": (
        made("AnyError", code=7),
        ("ProviderFailure", None, False),
    ),
    "Anthropic in mid-stream: status 200, and a type": (
        made("APIStatusError", status_code=200, type="overloaded_error"),
        ("OverloadedFailure", None, True),
    ),
    "OpenAI in mid-stream: no status, a code": (
        made("APIError", code="rate_limit_exceeded", type="tokens"),
        ("RateLimitFailure", None, True),
    ),
    "Azure's filter, which is a 400": (
        made("BadRequestError", status_code=400, code="content_filter"),
        ("ContentFilterFailure", 400, False),
    ),
    "nothing left to spend": (
        made("RateLimitError", status_code=429, code="insufficient_quota"),
        ("RateLimitFailure", 429, False),
    ),
    "a conflict": (
        made("ConflictError", status_code=409),
        ("RequestFailure", 409, True),
    ),
    "the provider says not to retry": (
        made("E", status_code=500, response=Response(500, x_should_retry="false")),
        ("ServiceFailure", 500, False),
    ),
    "the provider says to retry": (
        made("E", status_code=400, response=Response(400, x_should_retry="true")),
        ("RequestFailure", 400, True),
    ),
    "httpx: cut": (
        made("RemoteProtocolError", type("ProtocolError", (Exception,), {})),
        ("ConnectionFailure", None, True),
    ),
    "httpx: a read timeout": (
        made("ReadTimeout", type("TimeoutException", (Exception,), {})),
        ("TimeoutFailure", None, True),
    ),
    "an SDK's timeout, which is a lost connection by class": (
        made("APITimeoutError", type("APIConnectionError", (Exception,), {})),
        ("TimeoutFailure", None, True),
    ),
    "the system's": (
        ConnectionResetError(104, "reset"),
        ("ConnectionFailure", None, True),
    ),
    "broken JSON": (
        json.JSONDecodeError("no", "doc", 0),
        ("ProtocolFailure", None, False),
    ),
    "google-genai: broken JSON": (
        made("UnknownApiResponseError", ValueError),
        ("ProtocolFailure", None, False),
    ),
    "an error of the user's own generator": (
        ZeroDivisionError("division by zero"),
        ("ProviderFailure", None, False),
    ),
}


@pytest.mark.parametrize(("raised", "expected"), RAISED.values(), ids=RAISED)
def test_what_is_raised(raised, expected):
    """The kind, the status and whether to retry follow from public attributes."""
    failure = failed(raised)

    assert (type(failure).__name__, failure.status, failure.retryable) == expected


#: the provider's word in mid-stream -> kind
SAID = {
    "server_error": "ServiceFailure",
    "api_error": "ServiceFailure",
    "INTERNAL": "ServiceFailure",
    "overloaded_error": "OverloadedFailure",
    "UNAVAILABLE": "OverloadedFailure",
    "rate_limit_exceeded": "RateLimitFailure",
    "RESOURCE_EXHAUSTED": "RateLimitFailure",
    "authentication_error": "AuthenticationFailure",
    "permission_error": "AuthenticationFailure",
    "invalid_prompt": "RequestFailure",
    "not_found_error": "RequestFailure",
    "DEADLINE_EXCEEDED": "TimeoutFailure",
    "image_content_policy_violation": "ContentFilterFailure",
    "protocol_error": "ProtocolFailure",
    "a word nobody knows": "ProviderFailure",
}


@pytest.mark.parametrize(("word", "kind"), SAID.items(), ids=SAID)
def test_what_is_said_in_mid_stream(word, kind):
    """A failure that comes as an event has no exception, and a kind all the same."""
    failure = failed(error=Failure(type=word, message="why"), text="Hello")

    assert type(failure).__name__ == kind
    assert str(failure).startswith(f"{word}: why (5 characters of the answer are kept)")


AFTER = {
    "seconds": ({"retry_after": "20"}, 20),
    "seconds with a fraction": ({"retry_after": "1.5"}, 1.5),
    "milliseconds": ({"retry_after_ms": "1500"}, 1.5),
    "milliseconds before seconds": ({"retry_after_ms": "0", "retry_after": "9"}, 0),
    "a date that is past": ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
    "a date with no zone": ({"retry_after": "Wed, 21 Oct 2015 07:28:00 -0000"}, 0),
    "a name in capitals": ({"Retry_After": "3"}, 3),
    "nonsense": ({"retry_after": "soon"}, None),
    "less than nothing": ({"retry_after": "-5"}, None),
    "without end": ({"retry_after": "inf"}, None),
    "nothing": ({}, None),
}


@pytest.mark.parametrize(("headers", "expected"), AFTER.values(), ids=AFTER)
def test_retry_after(headers, expected):
    """Seconds, milliseconds and HTTP dates are read; nothing else is believed."""
    raised = made("RateLimitError", response=Response(429, **headers))

    assert failed(raised).retry_after_s == expected


def test_retry_after_a_date():
    """It is counted from now on."""
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    raised = made("RateLimitError", response=Response(429, retry_after=date))

    assert failed(raised).retry_after_s == pytest.approx(3600, abs=60)


LINES = {
    "the provider's own message": (
        made("E", text="Error code: 401 - {...}", body={"message": "Bad key"}),
        "E: Bad key",
    ),
    "deep in the body": (
        made("E", body={"error": {"message": "Deep"}}),
        "E: Deep",
    ),
    "in a body that is text": (made("E", body='{"error":{"message":"T"}}'), "E: T"),
    "a body that is no JSON": (made("E", text="raw", body="<html>"), "E: raw"),
    "a body of another form": (made("E", text="raw", body={"error": "x"}), "E: raw"),
    "many lines are one": (made("E", text="a\n  b\nc"), "E: a b c"),
    "a page is cut": (made("E", text="x" * 9000), f"E: {'x' * 400} …"),
    "no words at all": (made("E"), "E"),
    "a key is taken out": (made("E", text=f"bad {KEY}"), "E: bad [key removed]"),
}


@pytest.mark.parametrize(("raised", "line"), LINES.values(), ids=LINES)
def test_the_line(raised, line):
    """One line, in the provider's words, with no key in it."""
    assert str(failed(raised)) == line


def test_why_there_is_no_connection():
    """An SDK says "Connection error."; its cause says why."""
    error = made("APIConnectionError", text="Connection error.")
    error.__cause__ = OSError("name or service not known")

    assert str(failed(error)) == (
        "APIConnectionError: Connection error: name or service not known. "
        "Check the network, or try again."
    )


ADVICE = {
    "when to come back": (
        made("E", response=Response(429, retry_after="20")),
        "E. Try again in 20 s.",
    ),
    "a conflict passes": (made("E", status_code=409), "E. Try again."),
    "a message that ends": (
        made("E", text="No!", status_code=400),
        "E: No! Change the request.",
    ),
}


@pytest.mark.parametrize(("raised", "line"), ADVICE.values(), ids=ADVICE)
def test_advice(raised, line):
    """The line ends with what to do."""
    assert str(failed(raised)) == line


def test_the_family():
    """All are `ProviderFailure`; who catches the base needs no list."""
    kinds = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.ProviderFailure)
    ]

    assert len(kinds) == 11
    assert issubclass(errors.OverloadedFailure, errors.ServiceFailure)
    assert issubclass(errors.ContentFilterFailure, errors.RequestFailure)


#: api -> (what came, the hint)
BACKGROUND = {"id": "resp_1", "model": "m", "background": True}
RESUMES = {
    "a response in the background": (
        "openai.responses",
        [
            {"type": "response.created", "sequence_number": 0, "response": BACKGROUND},
            {
                "type": "response.output_text.delta",
                "sequence_number": 7,
                "output_index": 0,
                "delta": "Hi",
            },
        ],
        "client.responses.retrieve('resp_1', stream=True, starting_after=7)",
    ),
    "a response that is not kept": (
        "openai.responses",
        [
            {
                "type": "response.created",
                "sequence_number": 0,
                "response": {"id": "resp_1", "model": "m"},
            }
        ],
        None,
    ),
    "an interaction with ids": (
        "google.interactions",
        [
            {
                "event_type": "interaction.created",
                "interaction": {"id": "int_1", "model": "m"},
                "event_id": "e1",
            },
            {"event_type": "step.stop", "index": 0, "event_id": "e2"},
        ],
        "client.interactions.get('int_1', stream=True, last_event_id='e2')",
    ),
    "an interaction without": (
        "google.interactions",
        [
            {
                "event_type": "interaction.created",
                "interaction": {"id": "int_1", "model": "m"},
            }
        ],
        None,
    ),
    "an API that cannot": (
        "anthropic.messages",
        [{"type": "message_start", "message": {"id": "msg_1", "model": "m"}}],
        None,
    ),
}


@pytest.mark.parametrize(("api", "events", "hint"), RESUMES.values(), ids=RESUMES)
def test_where_to_go_on(api, events, hint):
    """A reply that broke off tells the call that goes on, where there is one."""
    reply = Reply.from_sse(
        b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in events), api
    )

    assert (reply.outcome, reply.resume_hint) == ("truncated", hint)


def test_a_whole_answer_needs_no_hint():
    """There is nothing to go on with."""
    api, events, _ = RESUMES["a response in the background"]
    ended = {"type": "response.completed", "sequence_number": 9, "response": BACKGROUND}
    events = [*events, ended]
    reply = Reply.from_sse(
        b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in events), api
    )

    assert (reply.outcome, reply.resume_hint) == ("complete", None)
