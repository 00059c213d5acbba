"""From what SDKs raise and providers say to one family of failures."""

import asyncio
import http.client
import itertools
import json
import socket
import ssl
import urllib.error
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from errno import EHOSTUNREACH

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbstream import errors
from nbstream._failures import FirstBytes, failure_line, short_repr, words_in
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


def caused(error, cause):
    """One that another exception was the cause of."""
    error = made(error) if isinstance(error, str) else error
    error.__cause__ = cause
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
    "a redirect that is not followed": (
        made("APIStatusError", status_code=307),
        ("ProtocolFailure", 307, False),
    ),
    "a redirect of a response": (
        made("AnyError", response=Response(302)),
        ("ProtocolFailure", 302, False),
    ),
    "a certificate that stays as wrong as it is": (
        caused("ConnectError", ssl.SSLCertVerificationError("self-signed")),
        ("ProviderFailure", None, False),
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
    "refused by nobody's filter: there is no server": (
        ConnectionRefusedError(111, "Connection refused"),
        ("ConnectionFailure", None, True),
    ),
    "no way to the host": (
        OSError(EHOSTUNREACH, "No route to host"),
        ("ConnectionFailure", None, True),
    ),
    "several addresses, and none answers": (
        OSError("Multiple exceptions: ..."),
        ("ConnectionFailure", None, True),
    ),
    "no such name": (
        socket.gaierror(-2, "Name or service not known"),
        ("ConnectionFailure", None, True),
    ),
    "a certificate": (
        ssl.SSLCertVerificationError(1, "certificate verify failed"),
        ("ConnectionFailure", None, False),
    ),
    "urllib's": (
        urllib.error.URLError("unreachable"),
        ("ConnectionFailure", None, True),
    ),
    "http.client: cut": (
        http.client.IncompleteRead(b"half"),
        ("ConnectionFailure", None, True),
    ),
    "requests: cut": (
        made("ChunkedEncodingError", OSError),
        ("ConnectionFailure", None, True),
    ),
    "requests: a timeout": (
        made("ReadTimeout", type("Timeout", (OSError,), {})),
        ("TimeoutFailure", None, True),
    ),
    "requests: no address": (
        made("MissingSchema", OSError, ValueError),
        ("ProviderFailure", None, False),
    ),
    "a file that is not there is no network": (
        FileNotFoundError(2, "No such file or directory"),
        ("ProviderFailure", None, False),
    ),
    "a file that one may not read is no key": (
        PermissionError(13, "Permission denied"),
        ("ProviderFailure", None, False),
    ),
    "a full disk is no network": (
        OSError(28, "No space left on device"),
        ("ProviderFailure", None, False),
    ),
    "a header that cannot be sent": (
        caused("APIConnectionError", made("LocalProtocolError")),
        ("RequestFailure", None, False),
    ),
    "a class is no content filter by its name": (
        made("SafetyError", text="no"),
        ("ProviderFailure", None, False),
    ),
    "a gateway that does not reach its service": (
        made("InternalServerError", status_code=500, code="ECONNREFUSED"),
        ("ServiceFailure", 500, True),
    ),
    "the same, in mid-stream": (
        made("APIError", code="ECONNRESET"),
        ("ServiceFailure", None, True),
    ),
    "a gateway that refused": (
        made("AnyError", status_code=502, code="connection_refused"),
        ("ServiceFailure", 502, True),
    ),
    "a filter that broke": (
        made("AnyError", status_code=500, code="content_filter_error"),
        ("ServiceFailure", 500, True),
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
    "ECONNREFUSED": "ServiceFailure",
    "connection_refused": "ProviderFailure",
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
    "no number": ({"retry_after": "nan"}, None),
    "past what a number can be": ({"retry_after": "1e400"}, None),
    "a year past all numbers": (
        {"retry_after": "Mon, 01 Jan 99999999999 00:00:00 GMT"},
        None,
    ),
    "a year past all calendars": ({"retry_after": "1 Jan 99999 00:00:00 GMT"}, None),
    "a year that no zone has": (
        {"retry_after": "Sat, 01 Jan 0001 00:00:00 +2359"},
        0,
    ),
    "a zone past all numbers": (
        {"retry_after": "Mon, 01 Jan 2029 00:00:00 +99999999999"},
        None,
    ),
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
    "an error that is a text": (
        made("E", text="Error code: 404", body={"error": "No such endpoint"}),
        "E: No such endpoint",
    ),
    "FastAPI: a text": (
        made("E", text="Error code: 404", body={"detail": "Not Found"}),
        "E: Not Found",
    ),
    "FastAPI: what does not fit, and where": (
        made(
            "E",
            text="Error code: 422",
            status_code=422,
            body={
                "detail": [
                    {"loc": ["body", "n"], "msg": "Field required", "type": "missing"},
                    {"msg": "Extra inputs"},
                ]
            },
        ),
        "E: body.n: Field required; Extra inputs. Change the request.",
    ),
    "an error in a detail": (
        made("E", body={"detail": {"error": {"message": "No model"}}}),
        "E: No model",
    ),
    "Gemini's list": (
        made("E", text="Error code: 404", body=[{"error": {"message": "No model"}}]),
        "E: No model",
    ),
    "a body in one line": (
        made("E", text="Error code: 404", body="404 page not found"),
        "E: 404 page not found",
    ),
    "a stream that the SDK took for no stream": (
        caused(
            made("E", text="event: a\ndata: {}", status_code=200, body="event: a\n"),
            made("F", text='Unexpected: Content-Type "". Body: event: a'),
        ),
        'E: Unexpected: Content-Type "". Body: event: a',
    ),
    "a page, as its reader sees it": (
        made(
            "E",
            text="Error code: 502",
            body="<html><head><title>502 Bad Gateway</title><style>a{b}</style></head>"
            "<body><!-- no --><h1>Sorry &amp; bye</h1><script>if (a<b) {}</script>",
        ),
        "E: 502 Bad Gateway Sorry & bye",
    ),
    "XML": (
        made("E", text="raw", body="<?xml version='1.0'?><Error>No bucket</Error>"),
        "E: No bucket",
    ),
    "a body without words": (made("E", text="raw", body={"ok": False}), "E: raw"),
    "a number": (made("E", text="raw", body="404"), "E: raw"),
    "nothing in a list": (made("E", text="raw", body=[]), "E: raw"),
    "too deep": (made("E", text="raw", body=json.loads("[" * 99 + "]" * 99)), "E: raw"),
    "what no screen should get": (
        made("E", text="a\x1b[2Jb\x00c\u202ed e\u0301 \u200d"),
        "E: a\\x1b[2Jb\\x00c\\u202ed e\u0301 \u200d",
    ),
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
    "in less than a second": (
        made("E", response=Response(429, retry_after_ms="250")),
        "E. Try again in 0.25 s.",
    ),
    "in an hour": (
        made("E", response=Response(429, retry_after="3600")),
        "E. Try again in 3,600 s.",
    ),
    "never, by a nonsense": (
        made("E", response=Response(429, retry_after="1e300")),
        "E. Try again later, or ask for less.",
    ),
    "a certificate of nobody's": (
        caused(
            made("APIConnectionError", text="Connection error."),
            caused("ConnectError", ssl.SSLCertVerificationError("self-signed")),
        ),
        "APIConnectionError: Connection error. "
        "Check the address, or name the file of its authority: SSL_CERT_FILE.",
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


# -- what answered in place of a stream ------------------------------------------------

EVENTS = "text/event-stream; charset=utf-8"
AND = "a page or an error in place of a stream"


class Answer:
    """A response of httpx, as far as it is read; with the cuts that a test wants."""

    def __init__(self, kind, pieces):
        self.headers = {"content-type": kind} if kind else {}
        self.encoding = "latin-1" if "latin" in kind else None
        self.pieces = pieces

    def iter_bytes(self, size=None):
        yield from self.pieces

    async def aiter_bytes(self, size=None):
        for piece in self.pieces:
            yield piece


#: content type, body -> what is quoted; None: it may be a stream
ANSWERED = {
    "a page": ("text/html", b"<h1>Sign in</h1>", "Sign in"),
    "a page of another alphabet": (
        "text/html; latin",
        "<b>Ça</b>".encode("latin-1"),
        "Ça",
    ),
    "an error that is a text": ("application/json", b'{"error": "No"}', "No"),
    "an error": ("application/json", b'{"error": {"message": "No"}}', "No"),
    "a list of errors": ("application/json", b'[{"error": {"message": "No"}}]', "No"),
    "an answer that is whole": ("application/json", b'{"id": 1}', '{"id": 1}'),
    "a sentence": ("text/plain", b"Ollama is running", "Ollama is running"),
    "a sentence of no type": ("", b"It works!", "It works!"),
    "a page that says it is a stream": (EVENTS, b"\xef\xbb\xbf<p>Hi", "Hi"),
    "an error that says so": (EVENTS, b'\n{"error": {"message": "No"}}\n', "No"),
    "a line of an unknown field": (EVENTS, b'error: {"a": 1}\n', 'error: {"a": 1}'),
    "nothing, of a type": ("text/html", b"", ""),
    "a key": ("text/plain", f"Bad key {KEY}.".encode(), "Bad key [key removed]"),
    "a control character": ("text/plain", b"a\x1b[1m\nb", "a\\x1b[1m b"),
    "a long one": ("text/plain", b"x" * 99_999, "x" * 200 + " …"),
    "nothing": (EVENTS, b"", None),
    "nothing of no type": ("", b"", None),
    "comments": (EVENTS, b": PROCESSING\r\n\r\n: PROCESSING\n\n", None),
    "an event that is cut": (EVENTS, b'event: a\nid: 1\nretry: 5\ndata: {"', None),
    "a line that is cut": (EVENTS, b": hi\n\nda", None),
}


def heard(kind, pieces):
    """What is said of a body that came in these pieces; and what the reader got."""
    answer = Answer(kind, pieces)
    with FirstBytes() as first:
        first.hear(answer)
        got = b"".join(answer.iter_bytes(64))
        said = first.problem()
    assert set(vars(answer)) == {"headers", "encoding", "pieces"}
    return said, got


def aheard(kind, pieces):
    """The same of an async client."""

    async def read():
        answer = Answer(kind, pieces)
        with FirstBytes() as first:
            first.hear(answer)
            got = b"".join([piece async for piece in answer.aiter_bytes()])
            return first.problem(), got

    return asyncio.run(read())


@pytest.mark.parametrize("case", ANSWERED, ids=ANSWERED)
@pytest.mark.parametrize("read", [heard, aheard])
def test_what_answered(read, case):
    """It is quoted, and what is read is not changed; whole and byte by byte."""
    kind, body, quote = ANSWERED[case]
    head = f"the server answered with {kind!r} and no events: {AND}"
    expected = "" if quote is None else f'{head}: "{quote}"' if quote else head

    for pieces in ([body], [body[at : at + 1] for at in range(len(body))]):
        assert read(kind, pieces) == (expected, body)


@given(cuts=st.lists(st.integers(0, 80), max_size=6), case=st.sampled_from([*ANSWERED]))
def test_what_answered_however_it_is_cut(cuts, case):
    """The cuts of the network change nothing."""
    kind, body, _ = ANSWERED[case]
    at = [0, *sorted(cuts), len(body)]
    pieces = [body[a:b] for a, b in itertools.pairwise(at)]

    assert heard(kind, pieces)[0] == heard(kind, [body])[0]


def test_what_shows_no_response_is_not_heard():
    """Other libraries' streams have none, or one of another kind."""
    with FirstBytes() as first:
        first.hear(None)
        assert first.problem() == ""
        first.hear(object())
        assert first.problem() == ""


@pytest.mark.parametrize("body", ["<a" * 9_999, "<!--" * 9_999, "<script" * 9_999])
def test_a_page_that_never_ends_is_read_at_once(body):
    """However many tags it opens: this would take minutes otherwise."""
    assert words_in(body * 9) is not None


LINES = {
    "nothing is known": (None, "unknown"),
    "a type": (Failure(type="e", message=""), "e"),
    "several lines": (Failure(type="e", message="a\n b\x07"), "e: a b\\x07"),
    "without end": (Failure(type="e", message="a" * 900), f"e: {'a' * 400} …"),
}


@pytest.mark.parametrize(("error", "expected"), LINES.values(), ids=LINES)
def test_a_failure_is_one_line(error, expected):
    """However long, and whatever hides in it."""
    assert failure_line(error) == expected


def test_a_value_is_quoted_as_code_or_how_it_begins():
    """It stands in messages."""
    assert short_repr({"a": 1}) == "{'a': 1}"
    assert short_repr("a" * 200) == f"'{'a' * 116}..."
