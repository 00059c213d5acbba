"""Calling again what failed before its first event, with a wait that is seen."""

import json
import threading
import time

import pytest
from harness.sdks import APIS, SHAPES

import nbstream
from nbstream._player import Player
from nbstream._reader import Reader
from nbstream._retry import Opening, Retries, retrying
from nbstream._timeout import Timeout
from nbstream.errors import (
    OverloadedFailure,
    RateLimitFailure,
    RequestFailure,
    Stopped,
    UsageError,
    failure_of,
)
from nbstream.reply import Reply, Waiting
from nbstream.screens.output import TerminalScreen


class Busy(Exception):  # noqa: N818 - its name is in the messages
    """As an SDK raises it."""

    status_code = 503

    def __init__(self, retry_after=None):
        super().__init__("busy")
        self.headers = {} if retry_after is None else {"retry-after": str(retry_after)}


def until(true, timeout_s=10):
    """Wait for what another thread does."""
    end_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end_s, "it never came true"
        time.sleep(0.001)


@pytest.fixture
def no_wait(monkeypatch):
    """Let a backoff be no time at all."""
    monkeypatch.setattr("nbstream._retry.FIRST_WAIT_S", 0.0)


class Calls:
    """A function that fails so often and then makes a stream."""

    def __init__(self, *errors, then=("Hel", "lo")):
        self.errors = list(errors)
        self.then = then
        self.count = 0

    def __call__(self):
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return iter(self.then)


def failure(error):
    reply = Reply()
    reply._end(exception=error)
    return failure_of(reply)


WAITS = {
    "the first": (Busy(), 1, 0.5),
    "it doubles": (Busy(), 2, 1.0),
    "it is capped": (Busy(), 6, 8.0),
    "what the provider asks for": (Busy(retry_after=12), 1, 12.0),
    "at once, if it says so": (Busy(retry_after=0), 1, 0.0),
    "more than one would wait": (Busy(retry_after=31), 1, None),
    "no retries are left": (Busy(), 7, None),
    "nothing that a retry mends": (ValueError("wrong"), 1, None),
}


@pytest.mark.parametrize(("error", "attempt", "expected"), WAITS.values(), ids=WAITS)
def test_waits(error, attempt, expected):
    """Capped backoff, or what the provider asks for up to a limit."""
    plan = Retries(retries=6, max_wait_s=30, chance=lambda: 0.0)

    assert plan.wait_s(failure(error), attempt) == expected


def test_a_wait_is_shortened_by_chance():
    """Many clients that fail at once do not come back at once."""
    waits = {
        Retries(retries=1, chance=lambda chance=chance: chance).wait_s(
            failure(Busy()), 1
        )
        for chance in (0.0, 0.5, 1.0)
    }

    assert waits == {0.5, 0.4375, 0.375}


def test_it_is_called_again():
    """Two failures, then the answer: one reply, no failure."""
    calls = Calls(Busy(0), Busy(0))
    reply = nbstream.show(calls, view="none", retries=2)

    assert (reply.text, reply.outcome, calls.count) == ("Hello", "complete", 3)
    assert reply.waiting is None


def test_it_is_called_no_more_than_allowed():
    """The last failure is raised."""
    calls = Calls(Busy(0), Busy(0), Busy(0))
    with pytest.raises(OverloadedFailure):
        nbstream.show(calls, view="none", retries=1)

    assert calls.count == 2


def test_by_default_it_is_not_called_again():
    """The SDKs have retries of their own: ours would multiply them."""
    calls = Calls(Busy(0))
    with pytest.raises(OverloadedFailure):
        nbstream.show(calls, view="none")

    assert calls.count == 1


ERRORS = {
    "Responses": {
        "type": "error",
        "code": "server_error",
        "message": "Overloaded",
        "sequence_number": 0,
    },
    "Chat": {"error": {"type": "server_error", "code": "overloaded", "message": "!"}},
    "Interactions": {
        "event_type": "error",
        "error": {"code": "unavailable", "message": "Overloaded"},
    },
    "Anthropic, as raw bytes": (
        b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", '
        b'"message": "Overloaded"}}\n\n'
    ),
}


class Answers:
    """A function that makes one stream after the other."""

    def __init__(self, *streams):
        self.streams = list(streams)

    def __call__(self):
        return iter(self.streams.pop(0))


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_an_error_as_the_first_event_is_a_failure_before_it(error, no_wait):
    """Nothing had come, whether the SDK raises for the error or hands it over."""
    answers = Answers([error], ["Hel", "lo"])
    reply = nbstream.show(answers, view="none", retries=1)

    assert (reply.text, reply.outcome, reply.error) == ("Hello", "complete", None)
    assert answers.streams == []


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_when_no_retry_is_left_the_error_is_the_failure(error, no_wait):
    """It is told as it would be without retries."""
    answers = Answers([error], [error], ["Hello"])
    with pytest.raises(nbstream.ProviderFailure) as caught:
        nbstream.show(answers, view="none", retries=1)
    with pytest.raises(nbstream.ProviderFailure) as plain:
        nbstream.show([error], view="none")

    assert answers.streams == [["Hello"]]
    assert (type(caught.value), str(caught.value)) == (
        type(plain.value),
        str(plain.value),
    )


def test_an_error_that_no_retry_mends_is_told_at_once():
    """A refused prompt stays refused."""
    refused = ERRORS["Responses"] | {"code": "content_filter", "message": "No."}
    answers = Answers([refused], ["Hello"])
    with pytest.raises(nbstream.ContentFilterFailure):
        nbstream.show(answers, view="none", retries=1)

    assert answers.streams == [["Hello"]]


def test_what_is_no_event_is_told_at_once():
    """A retry would not make a stream of it."""
    answers = Answers([object()], ["Hello"])
    with pytest.raises(UsageError):
        nbstream.show(answers, view="none", retries=1)

    assert answers.streams == [["Hello"]]


@pytest.mark.parametrize("stopped", [True, False])
def test_a_stop_in_the_wait_after_an_error_event_is_a_stop(stopped):
    """The error was told in the wait; the reply is stopped, and nothing is sent."""
    answers = Answers([ERRORS["Responses"]], ["Hello"])
    live = nbstream.start(answers, view="none", retries=1)
    until(lambda: live.reply.waiting is not None)
    if stopped:
        live.stop()

    assert live.result().outcome == ("stopped" if stopped else "complete")
    assert len(answers.streams) == stopped


ROLE = {
    "id": "c1",
    "object": "chat.completion.chunk",
    "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}],
}
BUSY = {**ROLE, "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}
SAYS = {**ROLE, "choices": [{"index": 0, "delta": {"content": "Hello"}}]}
ENDS = {**ROLE, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
MALFORMED = {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}
ANSWERED = {"candidates": [{"content": {"parts": [{"text": "Hello"}]}}]}
STOPPED = {"candidates": [{"finishReason": "STOP"}]}


def wire(*events):
    return b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in events)


def bytes_of(data):
    return [data[at : at + 1] for at in range(len(data))]


UNSEEN = {
    "a finish": ([BUSY], [SAYS, ENDS]),
    "after a chunk that only names it": ([ROLE, BUSY], [ROLE, SAYS, ENDS]),
    "Gemini": ([MALFORMED], [ANSWERED, STOPPED]),
    "an error in bytes": ([wire(ROLE, BUSY)], [wire(ROLE, SAYS, ENDS)]),
    "byte by byte": (bytes_of(wire(ROLE, BUSY)), bytes_of(wire(ROLE, SAYS, ENDS))),
    "what is no event": (
        bytes_of(wire(ROLE) + b'error: {"code": 503}\n'),
        bytes_of(wire(SAYS, ENDS)),
    ),
}


@pytest.mark.parametrize(("failing", "then"), UNSEEN.values(), ids=UNSEEN)
def test_a_failure_before_anything_is_seen_is_mended(failing, then, no_wait):
    """Also in a finish reason: of the try that failed nothing is in the reply."""
    answers = Answers(failing, then)
    reply = nbstream.show(answers, view="none", retries=1)

    assert (reply.text, reply.outcome, reply.error) == ("Hello", "complete", None)
    assert reply.id == ("" if then[0] is ANSWERED else "c1")
    if reply.wire is not None:
        assert reply.wire.data == b"".join(then)


UNMENDED = {
    "a word has been seen": [SAYS, BUSY],
    "no retry is left": [ROLE, BUSY],
}


@pytest.mark.parametrize("failing", UNMENDED.values(), ids=UNMENDED)
def test_a_failure_in_a_finish_reason_is_raised(failing, no_wait):
    """After the first word, or the last retry."""
    answers = Answers([ROLE, BUSY], failing, ["Hello"])
    with pytest.raises(nbstream.ServiceFailure) as caught:
        nbstream.show(answers, view="none", retries=1 + (failing[0] is SAYS))

    assert answers.streams == [["Hello"]]
    assert caught.value.reply.id == "c1"


def test_what_ends_unseen_is_all_there(no_wait):
    """An answer without a word is an answer, or none: it is not asked for again."""
    answers = Answers([ROLE], ["Hello"])
    reply = nbstream.show(answers, view="none", retries=1)

    assert (reply.id, reply.outcome) == ("c1", "truncated")
    assert answers.streams == [["Hello"]]


def test_what_is_held_back_is_not_silence():
    """Something is handed on for it, which adds nothing."""
    reply = Reply()
    opening = Opening(Retries(retries=1), 1)
    (held,) = opening.push(ROLE)

    assert Reader(reply).push(held) == ()
    assert (reply.api, reply.parts, reply.ignored) == ("", (), {})
    assert list(opening.push(SAYS)) == [ROLE, SAYS]


def test_after_the_first_event_it_is_not_called_again():
    """The text would come twice, and be paid twice."""

    def breaks():
        yield "Hel"
        raise Busy(0)

    calls = Calls(then=breaks())
    with pytest.raises(OverloadedFailure) as caught:
        nbstream.show(calls, view="none", retries=5)

    assert (calls.count, caught.value.reply.text) == (1, "Hel")


def test_a_wait_that_is_too_long_is_not_waited():
    """The failure says when to come back; the limit can be seen and set."""
    calls = Calls(Busy(retry_after=31))
    with pytest.raises(OverloadedFailure, match=r"Try again in 31 s\.") as caught:
        nbstream.show(calls, view="none", retries=2)

    assert (calls.count, caught.value.retry_after_s) == (1, 31)
    with pytest.raises(OverloadedFailure):
        nbstream.show(Calls(Busy(0.3)), view="none", retries=2, max_wait_s=0.2)


WRONG = {
    "a stream": (iter(["x"]), 1, "retries= needs a function"),
    "less than none": (lambda: iter("x"), -1, "expected a number from 0"),
    "a truth": (lambda: iter("x"), True, "expected a number from 0"),
}


@pytest.mark.parametrize(("stream", "retries", "says"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_called_again(stream, retries, says):
    """An error says what to pass instead."""
    with pytest.raises(UsageError, match=says):
        nbstream.show(stream, view="none", retries=retries)


def test_a_mistake_is_not_retried():
    """What the function gives is no stream: the caller has to mend that."""
    calls = Calls(then=None)
    calls.__class__ = type("Wrong", (Calls,), {"__call__": lambda self: 5})
    with pytest.raises(UsageError):
        nbstream.show(calls, view="none", retries=2)


class WaitingScreen:
    """Notes each wait that it is told of, and lets a test act on it."""

    in_the_cell = False

    def __init__(self, act=lambda: None):
        self.waits = []
        self.act = act

    def open(self, reply):
        pass

    def interval_s(self):
        return 0.0

    def update(self, reply):
        pass

    def close(self, reply):
        pass

    def wait(self, reply, seconds_left, why):
        self.waits.append((seconds_left, why))
        self.act()


def play(calls, screen, **options):
    reply = Reply()
    source = retrying(calls, reply, 2)
    player = Player(source, screen, reply, **options)
    player.start()
    player.loop()
    return player


def test_the_wait_counts_down():
    """A screen that can show it is told of each second once."""
    screen = WaitingScreen()
    player = play(Calls(Busy(1.2)), screen)

    why = "Busy: busy."
    assert screen.waits == [(2, why), (1, why)]
    assert (player.reply.text, player.reply.waiting) == ("Hello", None)


def test_the_wait_can_be_stopped():
    """A stop ends it at once: nothing more is sent."""
    calls = Calls(Busy(25))
    screen = WaitingScreen()
    reply = Reply()
    player = Player(retrying(calls, reply, 2), screen, reply)
    screen.act = lambda: threading.Thread(target=player.interrupt).start()
    began = time.monotonic()
    player.start()
    player.loop()

    assert (reply.outcome, calls.count) == ("stopped", 1)
    assert time.monotonic() - began < 5


def test_the_wait_can_be_interrupted():
    """The key ends it too, and queued cells do not run."""
    import signal

    live = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    live.start()
    with pytest.raises(Stopped):
        nbstream.show(Calls(Busy(25)), view="none", retries=2)
    live.join()


def test_a_timeout_in_all_holds_for_waits():
    """`total` is the reader's patience; `first` is the provider's time only."""
    player = play(Calls(Busy(0.4)), WaitingScreen(), timeout=Timeout(first=0.3))
    late = play(Calls(Busy(20)), WaitingScreen(), timeout=Timeout(total=0.2))

    assert (player.reply.outcome, player.reply.text) == ("complete", "Hello")
    assert late.reply.error.message == "not complete within 0.2 s"


def test_a_terminal_says_it_once(capsys):
    """On the error output: the standard output is the answer's."""
    screen = TerminalScreen()
    reply = Reply()
    reply.waiting = Waiting(until_s=0, why="Busy.", attempt=1, attempts=2)
    for left in (3, 2, 1):
        screen.wait(reply, left, "Busy.")
    shown = capsys.readouterr()

    assert (shown.out, shown.err) == ("", "Busy. Trying again in 3 s ...\n")


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("fault", ["429", "503", "cut_before_headers"])
def test_the_real_sdks(fault, api, way, server, clients):
    """Each is called again, sync and async, and answers at the third time."""
    make = SHAPES[f"{api}, {way} stream of a function"].make(clients, "m", "Hello")
    after = {} if fault == "cut_before_headers" else {"retry_after_s": 0}
    with server.fault(fault, times=2, **after) as struck:
        reply = nbstream.show(make, view="none", retries=2)

    assert (reply.outcome, struck.struck) == ("complete", 2)


@pytest.mark.parametrize("api", APIS)
def test_the_real_sdks_are_not_called_again_for_nothing(api, server, clients):
    """A wrong request stays wrong, and too long a wait is the caller's to decide."""
    make = SHAPES[f"{api}, sync stream of a function"].make(clients, "m", "Hello")
    with server.fault(404) as wrong, pytest.raises(RequestFailure):
        nbstream.show(make, view="none", retries=2)
    with (
        server.fault(429, retry_after_s=90, retry_after_as="date") as later,
        pytest.raises(RateLimitFailure, match=r"Try again in [89]\d"),
    ):
        nbstream.show(make, view="none", retries=2)

    assert (wrong.struck, later.struck) == (1, 1)
