"""Errors say who has to do what, and are short in a notebook."""

import pytest

from nbstream.errors import (
    NbstreamError,
    ProviderFailure,
    Stopped,
    UnknownNameError,
    UsageError,
)
from nbstream.reply import Reply

SHOWN = {
    "an error": (NbstreamError("broken"), ["NbstreamError: broken"]),
    "the caller's": (UsageError("do this"), ["UsageError: do this"]),
    "a failure": (ProviderFailure("late", Reply()), ["ProviderFailure: late"]),
    "a stop": (Stopped("kept", Reply()), ["KeyboardInterrupt: kept"]),
}


@pytest.mark.parametrize(("error", "lines"), SHOWN.values(), ids=SHOWN)
def test_a_notebook_shows_one_line(error, lines):
    """IPython asks an exception for its traceback, and gets one line."""
    assert error._render_traceback_() == lines


def test_an_unknown_name_lists_the_known_ones():
    """The message has the name and every name that would do, in order."""
    error = UnknownNameError("API", "x", ["b", "a"])

    assert (str(error), error.name, error.known) == (
        "no API 'x'; known: a, b",
        "x",
        ["a", "b"],
    )
    assert str(UnknownNameError("scenario", "x", [])) == "no scenario 'x'; known: none"


def test_a_failure_keeps_the_reply():
    """What had arrived goes with the exception."""
    reply = Reply()

    assert ProviderFailure("late", reply).reply is reply
    assert Stopped("kept", reply).reply is reply
