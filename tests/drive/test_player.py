"""The one loop, with a source, a screen and a clock that do as they are told."""

import threading

import pytest

from nbstream._player import Player
from nbstream._stop import Stop
from nbstream.errors import ProviderFailure, Stopped, UsageError
from nbstream.reply import Reply


class FakeSource:
    """Gives its items to the player from a thread, in steps a test lets through."""

    needs_await = False

    def __init__(self, items, *, error=None, hang=False, deaf=False):
        self.items = items
        self.error = error
        self.hang = hang
        self.deaf = deaf
        self.interrupts = 0
        self.alive = False
        self._wake = threading.Event()

    def start(self, on_payload, on_end):
        self.alive = True
        self._end = on_end
        threading.Thread(
            target=self._run, args=(on_payload, on_end), daemon=True
        ).start()

    def _run(self, on_payload, on_end):
        try:
            for item in self.items:
                on_payload(item)
        except Exception as error:  # noqa: BLE001 - as a source does
            self.error = self.error or error
        if self.hang:
            self._wake.wait(10)
        self.alive = False
        on_end(self.error)

    def interrupt(self):
        self.interrupts += 1
        if not self.deaf:
            self._wake.set()


class RecordingScreen:
    """Notes what it is told to show."""

    in_the_cell = False

    def __init__(self, interval_s=0.0, fail_at=None):
        self.seen = []
        self._interval_s = interval_s
        self._fail_at = fail_at

    def open(self, reply):
        self.seen.append(("open", reply.text, reply.outcome))

    def interval_s(self):
        return self._interval_s

    def update(self, reply):
        if self._fail_at == "update":
            raise RuntimeError("the screen is broken")
        self.seen.append(("update", reply.text, reply.outcome))

    def close(self, reply):
        self.seen.append(("close", reply.text, reply.outcome))


def play(source, screen=None, stop=None):
    player = Player(source, screen or RecordingScreen(), Reply(), stop=stop)
    player.start()
    player.loop()
    return player


def test_a_stream_is_shown_to_its_end():
    """The screen is opened, follows, and is closed with everything."""
    screen = RecordingScreen()
    player = play(FakeSource(["Hel", "lo"]), screen)

    assert screen.seen[0] == ("open", "", "running")
    assert screen.seen[-1] == ("close", "Hello", "complete")
    assert (player.reply.text, player.reply.outcome) == ("Hello", "complete")


def test_an_empty_stream_of_strings_is_truncated():
    """Nothing came, not even a string, so there is nothing to be complete."""
    player = play(FakeSource([]))

    assert (player.reply.text, player.reply.outcome) == ("", "truncated")


def test_the_first_text_is_shown_while_the_stream_is_silent():
    """The first delta is painted without waiting for a second one."""
    source = FakeSource(["Hel"], hang=True)
    screen = RecordingScreen(interval_s=60)
    player = Player(source, screen, Reply())
    player.start()
    thread = threading.Thread(target=player.loop)
    thread.start()
    painted = wait_for(lambda: ("update", "Hel", "running") in screen.seen)
    player.interrupt()
    thread.join(5)

    assert painted
    assert screen.seen[-1] == ("close", "Hel", "stopped")


def test_updates_keep_their_distance():
    """However many deltas come, the screen is painted no more often than it wants."""
    screen = RecordingScreen(interval_s=3600)
    play(FakeSource(["x"] * 5000), screen)
    updates = [each for each in screen.seen if each[0] == "update"]

    assert len(updates) <= 1
    assert screen.seen[-1] == ("close", "x" * 5000, "complete")


def test_stop_keeps_what_arrived():
    """A stop ends the wait, closes the source and keeps the text."""
    source = FakeSource(["Hel"], hang=True)
    stop = Stop()
    threading.Timer(0.05, stop.set, ["call"]).start()
    player = play(source, stop=stop)
    player.raise_for_outcome()

    assert (player.reply.text, player.reply.outcome) == ("Hel", "stopped")
    assert source.interrupts >= 1


def test_a_source_that_cannot_be_woken_is_left_behind():
    """The player does not hang with its source, and takes nothing from it later."""
    source = FakeSource(["Hel"], hang=True, deaf=True)
    stop = Stop()
    stop.set("call")
    player = play(source, stop=stop)
    player._on_payload("lo")
    source._wake.set()

    assert (player.reply.text, player.reply.outcome) == ("Hel", "stopped")
    assert source.interrupts > 1


def test_an_interrupt_is_raised_after_all_is_done():
    """The interrupt key stops the queue too, with the reply in its hand."""
    stop = Stop()
    stop.set("interrupt")
    player = play(FakeSource(["Hel"], hang=True), stop=stop)

    with pytest.raises(Stopped, match=r"nbstream\.last") as caught:
        player.raise_for_outcome()
    assert caught.value.reply is player.reply
    assert isinstance(caught.value, KeyboardInterrupt)


def test_a_failure_is_raised_with_its_cause():
    """The SDK's exception is the cause; the text is kept in the reply."""
    error = OSError("connection reset")
    player = play(FakeSource(["Hel"], error=error))

    with pytest.raises(ProviderFailure) as caught:
        player.raise_for_outcome()
    assert caught.value.__cause__ is error
    assert caught.value.reply.text == "Hel"
    assert str(caught.value) == (
        "OSError: connection reset (3 characters of the answer are kept). "
        "Check the network, or try again."
    )


def test_a_stream_of_nonsense_is_the_callers_error():
    """An item that no provider knows is told as such, and the source is closed."""
    source = FakeSource([object()], hang=False)
    player = play(source)

    with pytest.raises(UsageError, match="no provider knows this item"):
        player.raise_for_outcome()
    assert not source.alive


def test_nothing_stays_open_when_the_screen_breaks():
    """A screen that raises ends the stream; the error is the screen's own."""
    source = FakeSource(["Hel"], hang=True)
    player = Player(source, RecordingScreen(fail_at="update"), Reply())
    player.start()

    with pytest.raises(RuntimeError, match="the screen is broken"):
        player.loop()
    assert not source.alive
    assert player.reply.outcome in ("stopped", "failed")


def test_timing_is_told():
    """The reply knows when its first event, its first text and its end were."""
    timing = play(FakeSource(["Hel", "lo"])).reply.timing

    assert timing is not None
    assert 0 <= timing.first_event_s <= timing.first_text_s <= timing.end_s


def test_without_text_there_is_no_first_text():
    """What did not happen has no time."""
    timing = play(FakeSource([])).reply.timing

    assert (timing.first_event_s, timing.first_text_s) == (None, None)


def wait_for(condition, timeout_s=5.0):
    gate = threading.Event()
    for _ in range(int(timeout_s / 0.01)):
        if condition():
            return True
        gate.wait(0.01)
    return False
