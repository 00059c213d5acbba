"""Limits of time, with a clock that does as it is told."""

import math

import pytest

from nbstream._player import Player
from nbstream._timeout import Timeout, Watchdog, timeout_of
from nbstream.errors import TimeoutFailure, UsageError, failure_of
from nbstream.reply import Reply
from nbstream.screens.base import NoScreen

GIVEN = {
    "nothing is no limit": (None, Timeout()),
    "a number is the longest silence": (5, Timeout(first=5, between=5)),
    "limits are taken as they are": (Timeout(total=9), Timeout(total=9)),
}


@pytest.mark.parametrize(("given", "expected"), GIVEN.values(), ids=GIVEN)
def test_what_a_timeout_may_be(given, expected):
    """A number, a `Timeout`, or None."""
    assert timeout_of(given) == expected


@pytest.mark.parametrize("given", [0, -1, math.inf, math.nan, True, "5", (5, 5)])
def test_what_it_may_not_be(given):
    """Anything else is an error that quotes it."""
    with pytest.raises(UsageError, match="expected seconds above 0"):
        timeout_of(given)


def test_a_limit_that_is_none():
    """The limits of a `Timeout` are checked too, by name."""
    with pytest.raises(UsageError, match=r"Timeout\(total=0\)"):
        Timeout(total=0)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


LIMITS = {
    "before any event only `first` and `total` count": (
        Timeout(between=1),
        [],
        50,
        None,
    ),
    "no token in time": (Timeout(first=2), [], 2, "no token within 2 s"),
    "an event is no token": (Timeout(first=2), ["heard"], 2, "no token within 2 s"),
    "after the token `first` is done": (Timeout(first=2), ["token"], 50, None),
    "silence after an event": (
        Timeout(between=2.5),
        ["heard"],
        2.5,
        "silent for 2.5 s",
    ),
    "each event counts anew": (
        Timeout(between=2),
        ["heard", 1.5, "heard"],
        1.5,
        None,
    ),
    "the whole takes too long": (
        Timeout(total=3),
        ["heard", "token", 2, "heard"],
        1,
        "not complete within 3 s",
    ),
    "a wait for a retry is not the provider's": (
        Timeout(first=2),
        [5, "waited"],
        1,
        None,
    ),
    "but counts in all": (
        Timeout(total=2),
        [5, "waited"],
        0,
        "not complete within 2 s",
    ),
}


@pytest.mark.parametrize(
    ("limits", "story", "then", "why"), LIMITS.values(), ids=LIMITS
)
def test_limits(limits, story, then, why):
    """Each limit counts from its own beginning."""
    clock = Clock()
    watch = Watchdog(limits, clock)
    for step in story:
        if isinstance(step, str):
            getattr(watch, step)()
        else:
            clock.now += step
    clock.now += then
    late = watch.overdue()

    assert (late and str(late)) == why


def test_what_is_left():
    """The nearest limit says how long one may still wait."""
    clock = Clock()
    watch = Watchdog(Timeout(first=5, total=3), clock)
    clock.now += 1

    assert (watch.left_s(), Watchdog(Timeout(), clock).left_s()) == (2, math.inf)


class SilentSource:
    """Gives some items and then nothing, until it is interrupted."""

    needs_await = False
    alive = True

    def __init__(self, items):
        self.items = items
        self.interrupts = 0

    def start(self, on_payload, on_end):
        self._on_end = on_end
        for item in self.items:
            on_payload(item)

    def interrupt(self):
        self.interrupts += 1
        if self.alive:
            self.alive = False
            self._on_end(OSError("the socket was closed"))


def test_the_player_closes_what_is_overdue():
    """The source is interrupted, the text kept; the failure tells of the limit."""
    source = SilentSource(["Hel", "lo"])
    player = Player(source, NoScreen(), Reply(), timeout=Timeout(between=0.02))
    player.start()
    player.loop()
    reply = player.reply

    assert (source.interrupts, reply.text, reply.outcome) == (1, "Hello", "failed")
    with pytest.raises(TimeoutFailure, match=r"silent for 0\.02 s") as caught:
        player.raise_for_outcome()
    assert caught.value.__cause__ is reply.exception


SAYING_NOTHING = {
    "comments": b": ping\n\n",
    "comments of lines": ": ping",
    "empty lines": b"\n\n\n",
    "a part of an event": b'data: {"choices": ',
    "a time to wait": b"retry: 5\n\n",
}


class Heartbeats(SilentSource):
    """Gives an event, and then what is none, for as long as it is asked."""

    def start(self, on_payload, on_end):
        super().start(on_payload, on_end)
        self.on_payload = on_payload


@pytest.mark.parametrize("beat", SAYING_NOTHING.values(), ids=SAYING_NOTHING)
def test_what_is_no_event_is_silence(beat):
    """As where the SDK reads the bytes, and shows no comment."""
    said = b'data: {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n\n'
    source = Heartbeats([said if isinstance(beat, bytes) else said.decode()])
    limits, clock = Timeout(between=3), Clock()
    player = Player(source, NoScreen(), Reply(), timeout=limits, clock=clock)
    player.start()
    found = []
    for _ in range(3):
        clock.now += 1
        source.on_payload(beat)
        found.append(player._is_overdue())

    assert (player.reply.text, found) == ("Hi", [False, False, True])


def test_a_whole_answer_is_never_too_late():
    """A terminal marker counts, even where the connection stays open after it."""
    ended = {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    player = Player(
        SilentSource([ended]), NoScreen(), Reply(), timeout=Timeout(between=0.02)
    )
    player.start()
    player.loop()

    assert (player.reply.outcome, player.reply.error) == ("complete", None)


def test_a_timeout_is_retryable():
    """The same request may be answered in time when it is sent again."""
    reply = Reply()
    reply._end(exception=TimeoutError("no token within 1 s"))

    assert failure_of(reply).retryable
