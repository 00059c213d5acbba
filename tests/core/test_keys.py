"""Keys are taken out of what is shown."""

import pytest

from nbstream._keys import redact

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
