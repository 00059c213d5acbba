"""Plain strings as a provider."""

import pytest

from nbstream.providers import frameworks
from nbstream.reply import Reply
from nbstream.types import Ignored, TextDelta

TABLE = {
    "a string": ("Hi", [TextDelta(text="Hi")]),
    "an empty string says nothing": ("", []),
    "anything else is not ours": (3, [Ignored(type="int")]),
}


@pytest.mark.parametrize(("payload", "expected"), TABLE.values(), ids=TABLE)
def test_a_string_is_text(payload, expected):
    """Each string is more text, as it is."""
    assert list(frameworks.TEXT.normalize(payload)) == expected


MATCHES = {"a string": ("Hi", True), "bytes": (b"Hi", False), "a dict": ({}, False)}


@pytest.mark.parametrize(("payload", "expected"), MATCHES.values(), ids=MATCHES)
def test_it_knows_strings(payload, expected):
    """Only strings are its own."""
    assert frameworks.TEXT.matches(payload) is expected


def test_the_text_goes_back_as_a_message():
    """The message is the form that most APIs read."""
    reply = Reply("text")
    for each in ("Hel", "lo"):
        reply._extend(frameworks.TEXT.normalize(each))

    assert frameworks.TEXT.to_message(reply) == {
        "role": "assistant",
        "content": "Hello",
    }
