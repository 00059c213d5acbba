"""Keys are taken out of what is shown."""

import subprocess
import sys
import warnings

import pytest

from nbstream._keys import (
    find_keys,
    redact,
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
    "words that begin alike": (
        "risk-averse AIzA task-list",
        "risk-averse AIzA task-list",
    ),
}


@pytest.mark.parametrize(("given", "expected"), CASES.values(), ids=CASES)
def test_redact(given, expected):
    """What looks like a key is replaced, and only that."""
    assert redact(given) == expected


SECRETS = {
    "a header": ({"extra_headers": {"Authorization": "Bearer x"}}, ["Bearer x"]),
    "a cookie": ({"headers": {"Cookie": "a=b", "Accept": "c"}}, ["a=b"]),
    "an empty one": ({"api_key": ""}, []),
    "a folder of secrets": ({"secrets": {"first": "x", "second": {"deep": "y"}}}, "xy"),
    "no text": ({"api_key": 5, "max_tokens": 3}, []),
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
