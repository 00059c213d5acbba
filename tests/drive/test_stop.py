"""The flag that ends a stream."""

import os
import signal
import threading
import time

import pytest

from nbstream._stop import Stop, interrupts_pass, interrupts_raise


def press():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0)  # let the handler run


def test_the_first_hand_counts():
    """Whoever stops first is remembered; later hands change nothing."""
    stop = Stop()
    before = (stop.is_set(), stop.by)
    stop.set("button")
    stop.set("interrupt")

    assert before == (False, None)
    assert (stop.is_set(), stop.by) == (True, "button")


def test_waiting_ends_at_the_bell():
    """A ring from any thread ends the wait; without one it times out."""
    stop = Stop()
    silent = stop.wait(0.01)
    threading.Timer(0.01, stop.ring).start()

    assert (silent, stop.wait(5)) == (False, True)


def test_the_first_press_raises_the_flag_only():
    """Inside, an interrupt is a flag; outside it is what it was before."""
    stop = Stop()
    before = signal.getsignal(signal.SIGINT)
    with interrupts_raise(stop):
        press()
        inside = stop.by

    assert inside == "interrupt"
    assert signal.getsignal(signal.SIGINT) is before


def test_a_storm_of_presses_is_one_and_a_later_one_is_an_exception():
    """What the first began is not broken off; and who waits gets out if we hang."""
    stop, now_s = Stop(), iter([0.0, *(n / 20 for n in range(1, 20)), 1.0])
    with interrupts_raise(stop, clock=lambda: next(now_s)):
        for _ in range(20):
            press()
        with pytest.raises(KeyboardInterrupt):
            press()

    assert stop.by == "interrupt"


def test_a_press_wakes_the_wait():
    """The waiter need not wait for its time-out."""
    stop = Stop()
    with interrupts_raise(stop):
        threading.Timer(0.05, press).start()
        woken = stop.wait(10)

    assert (woken, stop.by) == (True, "interrupt")


def test_other_threads_set_no_handler():
    """Signals are the main thread's; elsewhere the block simply runs."""
    found = []

    def run():
        with interrupts_raise(Stop()):
            found.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(5)

    assert found == [before]


# --- while we await -----------------------------------------------------------------


@pytest.fixture
def handler():
    """A handler of somebody else's, and how often it was called."""
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    yield pressed
    signal.signal(signal.SIGINT, before)


def test_a_press_goes_on_to_whoever_had_it(handler):
    """The flag is raised, and the loop's owner does what it always does."""
    before = signal.getsignal(signal.SIGINT)
    stop = Stop()
    with interrupts_pass(stop):
        press()

    assert (stop.by, handler) == ("interrupt", [1])
    assert signal.getsignal(signal.SIGINT) is before


def test_one_press_stops_all_that_are_awaited(handler):
    """They may end in any order; then the handler is what it was."""
    before = signal.getsignal(signal.SIGINT)
    stops = [Stop(), Stop(), Stop()]
    waits = [interrupts_pass(stop) for stop in stops]
    for wait in waits:
        wait.__enter__()
    waits[0].__exit__(None, None, None)
    press()
    waits[2].__exit__(None, None, None)
    inside = signal.getsignal(signal.SIGINT)
    waits[1].__exit__(None, None, None)

    assert [stop.by for stop in stops] == [None, "interrupt", "interrupt"]
    assert handler == [1]
    assert inside is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_handler_that_was_set_meanwhile_stays(handler):
    """A cell that ends puts back what it found: not ours to undo."""
    other = []
    with interrupts_pass(Stop()):
        signal.signal(signal.SIGINT, lambda *_: other.append(1))
    press()

    assert (handler, other) == ([], [1])


def test_an_interrupt_that_nobody_handles_is_raised():
    """Python's own handler raises, and the flag is raised too."""
    stop = Stop()
    with pytest.raises(KeyboardInterrupt), interrupts_pass(stop):
        press()

    assert stop.by == "interrupt"


@pytest.mark.parametrize("block", [interrupts_pass, interrupts_raise])
def test_a_key_that_is_ignored_stays_ignored(block):
    """A job in the background was started so; it has no one at its keys."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = Stop()
    with block(stop):
        press()
    signal.signal(signal.SIGINT, before)

    assert stop.by is None
