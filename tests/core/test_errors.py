"""Errors say who has to do what, and are short in a notebook."""

import copy
import pickle

import pytest

from nbstream._failures import failure_line
from nbstream.errors import (
    NbstreamError,
    ProviderFailure,
    RateLimitFailure,
    Stopped,
    UnknownNameError,
    UsageError,
)
from nbstream.reply import Reply
from nbstream.types import Failure

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


KEPT = {
    "a failure": RateLimitFailure("slow", Reply(), status=429, retry_after_s=2.0),
    "a stop": Stopped("stopped", Reply()),
    "an unknown name": UnknownNameError("view", "x", ["a"]),
}


@pytest.mark.parametrize("error", KEPT.values(), ids=KEPT)
@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_errors_are_copied_and_pickled(copied, error):
    """With all they say, to other processes and out of them."""
    found = copied(error)

    assert (type(found), str(found), found.args) == (
        type(error),
        str(error),
        error.args,
    )
    assert vars(found).keys() == vars(error).keys()
    assert getattr(found, "status", None) == getattr(error, "status", None)


class OfAnSdkError(Exception):
    """As the SDKs' own: it takes more than its message, and holds the request."""

    def __init__(self, *, request):
        self.request = request
        super().__init__("Connection error.")


def test_a_reply_leaves_an_sdks_exception_behind():
    """It holds the key of the request, and can seldom be made again."""
    reply = Reply("openai.chat")
    reply._end(exception=OfAnSdkError(request={"authorization": "Bearer canary012345"}))
    kept = pickle.dumps(reply)

    assert b"canary" not in kept
    for found in (pickle.loads(kept), copy.deepcopy(reply)):
        assert (found.outcome, found.error) == ("failed", reply.error)
        assert found.exception is None
    assert isinstance(reply.exception, OfAnSdkError)


def test_a_type_of_error_that_drives_a_terminal_does_not():
    """A server may say anything: it stands on one line, as it is written."""
    said = Failure(type="\x1b]52;c;aGk=\x07", message="a\rb\u202e")

    assert failure_line(said) == r"\x1b]52;c;aGk=\x07: a b\u202e"
