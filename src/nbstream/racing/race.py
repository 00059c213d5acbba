"""``race``: start several streams at once, show them side by side, stop them as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from nbstream._player import STEP_S
from nbstream._stop import Stop, end_script_in_one_line, interrupts_raise
from nbstream._timeout import Timeout, timeout_of
from nbstream.errors import UsageError
from nbstream.racing.lane import Lane
from nbstream.racing.result import Race, RaceStopped, racing
from nbstream.reply import Reply
from nbstream.screens.race import choose_race
from nbstream.streams.shapes import check, is_callable

__all__ = ["race"]

_EXPECTED = (
    "race takes names and functions without arguments, which it calls all at once: "
    'race({"one": lambda: client.responses.create(..., stream=True), ...})'
)
_STOPPED = "all stopped; what had arrived is in nbstream.last_race()"


def race(
    contenders: Mapping[str, Callable[[], object]],
    *,
    view: str | None = None,
    images: bool = False,
    timeout: float | Timeout | None = None,
    keep_wire: bool = False,
) -> Race:
    """Show several streams side by side, with one Stop, and return their replies.

        replies = nbstream.race({
            "streamed": lambda: client.responses.create(..., stream=True),
            "whole": lambda: client.responses.create(...),
        })
        nbstream.plot(replies)

    Each function is called in a thread of its own, all at the same time. It makes
    whatever ``show`` takes, or an answer that is not streamed: a string, or what the
    SDKs of the five APIs return without ``stream=True``. Of such an answer the first
    token comes with the last one.

    Who fails is shown as failed, with what had come, and nothing is raised: the others
    go on, and ``outcome``, ``error`` and ``exception`` of its reply say why. The Stop
    button and ■ stop all of them; who had ended by then is complete.

    Args:
        contenders: What to call each, and a function without arguments that asks.
        view: As of ``nbstream.show``.
        images: Whether images in the answers are loaded.
        timeout: The longest silence of each, in seconds, or a ``Timeout``.
        keep_wire: Keep the bytes that come, for ``reply.anatomy()``.

    Raises:
        RaceStopped: interrupt was pressed (a ``KeyboardInterrupt``); ``.replies``, and
            ``nbstream.last_race()``, have what had arrived.
        UsageError: there is nobody to race, or not by functions.
    """
    named, stop, limits = _checked(contenders), Stop(), timeout_of(timeout)
    replies = Race({name: Reply() for name in named})
    screen = choose_race(view, list(named), images=images, stop=stop)
    lanes = [
        Lane(
            make,
            screen.lane(number),
            replies[name],
            timeout=limits,
            keep_wire=keep_wire,
            on_end=stop.ring,
        )
        for number, (name, make) in enumerate(named.items())
    ]
    with interrupts_raise(stop), racing(replies):
        screen.open(replies)
        _run(lanes, stop, lambda: screen.close(replies))
    if stop.by == "interrupt":
        end_script_in_one_line()
        raise RaceStopped(_STOPPED, replies)
    _raise_broken(lanes)
    return replies


def _run(lanes: Sequence[Lane], stop: Stop, close: Callable[[], None]) -> None:
    """Wait for all; whatever happens, nothing stays open."""
    try:
        for lane in lanes:
            lane.start()
        while not stop.is_set() and any(lane.alive for lane in lanes):
            stop.wait(STEP_S)
    finally:
        for lane in lanes:
            lane.stop()
        for lane in lanes:
            lane.join()
        stop.over()
        close()


def _raise_broken(lanes: Iterable[Lane]) -> None:
    for lane in lanes:
        if lane.broken is not None:
            raise lane.broken


def _checked(contenders: object) -> dict[str, Callable[[], object]]:
    if not isinstance(contenders, Mapping) or not contenders:
        raise UsageError(f"nobody to race in {contenders!r}: {_EXPECTED}")
    found: dict[str, Callable[[], object]] = {}
    for name, make in contenders.items():
        if not is_callable(make):
            raise UsageError(f"{name!r} is {make!r}, no function: {_EXPECTED}")
        check(make)  # it tells a class, or an SDK's own method, from a function
        found[str(name)] = make
    return found
