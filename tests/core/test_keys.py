"""Keys are taken out of what is shown."""

import subprocess
import sys
import time
import warnings
from collections import deque
from types import SimpleNamespace
from typing import ClassVar

import pytest

from nbstream._keys import (
    MOST_SAID,
    find_keys,
    redact,
    remember,
    remember_sent,
    scrub,
    secrets_in,
    warn_of_literal,
    warn_of_text,
)

CASES = {
    "no key": ("Overloaded, try again in 5 s", "Overloaded, try again in 5 s"),
    "openai": ("bad key sk-proj-abcDEF0123456789 !", "bad key [key removed] !"),
    "masked by the SDK": ("key: sk-abc***wxyz", "key: [key removed]"),
    "anthropic": ("sk-ant-api03-AbC_dEf-0123456789", "[key removed]"),
    "google": ("key=AIzaSyA0123456789abcdefghijklmnopqrstu", "key=[key removed]"),
    "a bearer token": (
        "Authorization: Bearer abcdef012345",
        "Authorization: [key removed]",
    ),
    "a password in an address": (
        "GET https://me:p4ss@host:8/v1?x=1 failed",
        "GET https://me:[key removed]@host:8/v1?x=1 failed",
    ),
    "a query": (
        "https://host/v1?alt=sse&key=abc-123&x-goog-token=q9#top",
        "https://host/v1?alt=sse&key=[key removed]&x-goog-token=[key removed]#top",
    ),
    "a header in a dict": (
        "{'api-key': '0123456789abcdef', 'accept': 'text'}",
        "{'api-key': '[key removed]', 'accept': 'text'}",
    ),
    "a user and a password": (
        "authorization: Basic dXNlcjpwYXNz",
        "authorization: Basic [key removed]",
    ),
    "a signed request": (
        "Authorization: AWS4-HMAC-SHA256 Credential=AKID/us, Signature=00ff00ff00",
        "Authorization: AWS4-HMAC-SHA256 [key removed], Signature=[key removed]",
    ),
    "a cookie": ("Cookie: session=abc12345; a", "Cookie: [key removed]; a"),
    "no address with a user": ("http://host:80/a@b", "http://host:80/a@b"),
    "JSON in JSON": (
        r'{"text": "{\"api_key\": \"abcd1234efgh\"}"}',
        r'{"text": "{\"api_key\": \"[key removed]\"}"}',
    ),
    "a signature of a thought, which is sent back": (
        '{"signature": "EqQBCkYIBBgCKkA1abc+/=="}',
        '{"signature": "EqQBCkYIBBgCKkA1abc+/=="}',
    ),
    "a signature in a query": (
        "https://host/?X-Amz-Credential=AK/2026/s3&X-Amz-Signature=00ff&sig=1",
        "https://host/?X-Amz-Credential=[key removed]&X-Amz-Signature=[key removed]"
        "&sig=[key removed]",
    ),
    "a name alone": (
        "api_key: expected a string; the api_key option must be set",
        "api_key: expected a string; the api_key option must be set",
    ),
    "words that begin alike": (
        "risk-averse AIzA task-list",
        "risk-averse AIzA task-list",
    ),
}


@pytest.mark.parametrize(("given", "expected"), CASES.values(), ids=CASES)
def test_redact(given, expected):
    """What looks like a key is replaced, and only that; once."""
    assert redact(given) == expected
    assert redact(expected) == expected


def test_a_key_without_a_shape(monkeypatch):
    """The environment's, and one that was given, are known by their values."""
    monkeypatch.setenv("HOUSE_API_KEY", "open sesame")
    monkeypatch.setenv("SHORT_TOKEN", "abc")
    monkeypatch.setenv("HOUSE_COLOUR", "dark green")
    monkeypatch.setattr("nbstream._keys._given", set())
    remember("swordfish!")
    remember(None)
    remember(5)

    said = redact(
        "open sesame, abc, dark green, swordfish!, mine-and-yours", ["mine-and"]
    )
    assert said == "[key removed], abc, dark green, [key removed], [key removed]-yours"


#: the headers of a request; what of them is taken out from then on, quoted or as it is
SENT = {
    "a key": (
        {"X-Api-Key": "canary/0123+45"},
        ["canary/0123+45", "canary%2F0123%2B45"],
    ),
    "a scheme": ({"Authorization": "Bearer canary012345"}, ["canary012345"]),
    "another's": ({"Helicone-Auth": "Bearer canary012345"}, ["canary012345"]),
    "signed": (
        {
            "Authorization": "AWS4-HMAC-SHA256 Credential=AKID/2026/us, "
            "Signature=f00f00f00f00"
        },
        ["AKID/2026/us", "f00f00f00f00"],
    ),
    "cookies": ({"Cookie": "a=canary012345; b=canary678901"}, ["canary012345"]),
}


@pytest.mark.parametrize(("headers", "gone"), SENT.values(), ids=SENT)
def test_what_was_sent_is_known(headers, gone, monkeypatch):
    """A key of no known shape, of a client that the user made; a dummy is none."""
    monkeypatch.setattr("nbstream._keys._sent_lately", deque(maxlen=2))
    request = SimpleNamespace(headers={**headers, "Accept": "all-of-them-01"}, url="")
    remember_sent(SimpleNamespace(request=request))
    remember_sent(SimpleNamespace(request=None))

    for each in gone:
        assert redact(f"({each}) all-of-them-01") == "([key removed]) all-of-them-01"
    dummy = SimpleNamespace(headers={"x-api-key": "lm-studio"}, url="")
    remember_sent(SimpleNamespace(request=dummy))
    assert redact("ask lm-studio") == "ask lm-studio"


class Sent:
    """What an SDK's exception knows of its request."""

    url = "https://me:passw0rd@host/v1?key=query-key&alt=sse"
    headers: ClassVar = {
        "x-api-key": "header-key",
        "authorization": "Bearer bearer-key",
    }


def test_exceptions_are_cleaned_with_all_they_came_from():
    """Their words and what they hold; those without a key stay what they are."""
    words = "passw0rd query-key header-key bearer-key sk-abcdefgh12345"
    body = {"error": [{"message": words, "code": 7}], "kept": ["a"]}
    error, cause, other = ValueError(words, 5), KeyError(words), OSError(5, words)
    error.body, error.request, error.plain = body, Sent(), "plain"
    error.__cause__, cause.__context__, other.__context__ = cause, other, error
    secrets = scrub(error)

    clean = " ".join(["[key removed]"] * 5)
    assert secrets >= {"passw0rd", "query-key", "header-key", "bearer-key"}
    assert error.args == (clean, 5)
    assert error.body == {"error": [{"message": clean, "code": 7}], "kept": ["a"]}
    assert (error.plain, cause.args, other.args) == ("plain", (clean,), (5, clean))
    assert "sk-abc" in body["error"][0]["message"]  # the caller's own is not touched


LONG = [
    "a",
    "api_key=",
    "://a:",
    "?key",
    "authorization: ",
    "-key",
    "secret",
    "sk-",
    " ",
]


@pytest.mark.parametrize("piece", LONG)
def test_redacting_is_linear(piece):
    """Twice as much takes about twice as long, whatever it is made of."""
    took = []
    for size in (50_000, 100_000):
        text = piece * (size // len(piece))
        began = time.process_time()
        redact(text)
        took.append(time.process_time() - began)

    assert took[1] < max(3.5 * took[0], 0.2)


LONG_WORDS = {
    "in its words": lambda text: ValueError(text),
    "in its body": lambda text: bodied({"error": {"message": text}}),
    "in a list of its body": lambda text: bodied([text]),
}


def bodied(body):
    error = ValueError("E")
    error.body = body
    return error


@pytest.mark.parametrize("make", LONG_WORDS.values(), ids=LONG_WORDS)
def test_megabytes_of_a_failure_are_cut(make):
    """Nobody reads them; a key across the cut is gone as any other."""
    key = "sk-" + "k3y" * 20
    error = make("x " * (MOST_SAID // 2 - 10) + key + " y" * 3_000_000)
    scrub(error)
    said = repr([error.args, vars(error)])

    assert MOST_SAID - 100 < len(said) < MOST_SAID + 100
    assert "sk-k3y" not in said


SECRETS = {
    "a header": ({"extra_headers": {"Authorization": "Bearer x"}}, ["Bearer x"]),
    "a cookie": ({"headers": {"Cookie": "a=b", "Accept": "c"}}, ["a=b"]),
    "an empty one": ({"api_key": ""}, []),
    "a folder of secrets": ({"secrets": {"first": "x", "second": {"deep": "y"}}}, "xy"),
    "no text": ({"api_key": 5, "max_tokens": 3}, []),
    "a query": (
        {"extra_query": {"sig": "a", "key": "b", "X-Amz-Signature": "c"}},
        "abc",
    ),
    "no secret": ({"prompt_cache_key": "a", "max_tokens": "b", "author": "c"}, []),
}


@pytest.mark.parametrize(("options", "expected"), SECRETS.values(), ids=SECRETS)
def test_secrets_in(options, expected):
    """The name tells, however deep."""
    assert list(secrets_in(options)) == list(expected)


FOUND = {
    "in a header": (b"x-api-key: sk-0123456789abcdef012", [(11, 33)]),
    "in base64": (b"A" * 40 + b"/sk-0123456789abcdef012", []),
    "no digit": (b"sk-abcdefghijklmnopqrst", []),
}


@pytest.mark.parametrize(("data", "expected"), FOUND.values(), ids=FOUND)
def test_find_keys(data, expected):
    """Only what is surely one: a match changes bytes."""
    assert find_keys(data) == expected


CELLS = {
    "the key": ("OpenAI(api_key='abc123')", "abc123", {}, True),
    "a header": ("h = {'Cookie': 'q9'}", None, {"headers": {"Cookie": "q9"}}, True),
    "from elsewhere": ("OpenAI(api_key=key)", "abc123", {}, False),
    "no key": ("ask('hi')", None, {}, False),
}


@pytest.mark.parametrize(("cell", "key", "more", "warns"), CELLS.values(), ids=CELLS)
def test_a_key_in_the_cell_that_runs(cell, key, more, warns, ipython):
    """It would be saved with the notebook: a person is told, without the key."""
    ipython.user_ns["In"].append(cell)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_literal(key, more)

    said = [str(each.message) for each in caught]
    assert ["a key stands in this cell" in each for each in said] == [True] * warns


def test_no_cell_no_warning():
    """A script has no cells."""
    code = "from nbstream._keys import warn_of_literal as w; w('sk-0123456789', {})"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_what_looks_like_a_key_in_a_text():
    """The text of a cell, before it is run."""
    warn_of_text("print('hello')")
    with pytest.warns(UserWarning, match="a key stands in this cell"):
        warn_of_text("key = 'sk-0123456789abcdef'")
