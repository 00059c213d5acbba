"""``race``: several streams at once, side by side, with one Stop for all.

replies = nbstream.race({"one": lambda: ..., "other": lambda: ...})
nbstream.plot(replies)
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, TypeAlias

from nbstream._failures import one_line
from nbstream._player import STEP_S, Player, Screen
from nbstream._show import opened
from nbstream._stop import Stop, end_script_in_one_line, interrupts_raise
from nbstream._timeout import Timeout, timeout_of
from nbstream._workers import worker
from nbstream.errors import Stopped, UsageError
from nbstream.providers.payloads import payloads
from nbstream.reply import Reply
from nbstream.screens.base import NoScreen, in_kernel, place, view_of
from nbstream.screens.bundle import Replies, display_reply
from nbstream.screens.output import NotebookScreen, StaticScreen, TerminalScreen
from nbstream.streams.shapes import check, is_callable

if TYPE_CHECKING:
    from nbstream.lab.race_view import WidgetRace

_EXPECTED = (
    "race takes names and functions without arguments, which it calls all at once: "
    'race({"one": lambda: client.responses.create(..., stream=True), ...})'
)
_STOPPED = "all stopped; what had arrived is in nbstream.last_race()"


class Race(Replies):
    """The replies of a race: a dict by the names of who took part, in their order.

    ``race["name"]`` is a ``Reply``, ``str(race)`` says who was how fast, and
    ``nbstream.plot(race)`` draws it. The last line of a cell shows it, unless that
    cell has shown it as it ran.
    """

    def __str__(self) -> str:
        return "\n".join(summary(name, reply) for name, reply in self.items())

    def _ipython_display_(self) -> None:
        """Show it, unless this very cell has shown it as it ran."""
        if (
            not in_kernel() and place() == "terminal"
        ):  # it has written `Out[1]: ` already
            sys.stdout.write(f"{self}\n")
        else:
            display_reply(self)

    def _display_(self) -> object:
        """Give marimo what it shows; it would know a dict only."""
        from nbstream.screens.marimo import element

        return element(self)


class RaceStopped(Stopped):
    """The reader pressed interrupt in a race.

    Attributes:
        replies (Race): The race, as far as it had come.
    """

    def __init__(self, message: str, replies: Race) -> None:
        self.replies = replies
        super().__init__(message, next(iter(replies.values())))


def summary(name: str, reply: Reply) -> str:
    """Return one line: how fast it was, how long the answer, how it ended."""
    timing = reply.timing
    first_s = timing.time_to_first_token_s if timing is not None else None
    first = "no token" if first_s is None else f"first token after {first_s:.2f} s"
    line = f"{one_line(name)}: {first}, {len(reply.text):,} characters, {reply.outcome}"
    if timing is None or timing.end_s is None:
        return line
    return f"{line} after {timing.end_s - (timing.request_sent_s or 0.0):.2f} s"


_last: Race | None = None


def last_race() -> Race | None:
    """Return the race that ended last, also a stopped one; None at first."""
    return _last


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
    global _last
    named, stop, limits = _checked(contenders), Stop(), timeout_of(timeout)
    replies = Race({name: Reply() for name in named})
    shown, screens = _views(view, replies, images=images, stop=stop)
    lanes = [
        _Lane(make, screen, replies[name], limits, stop.ring, keep_wire=keep_wire)
        for (name, make), screen in zip(named.items(), screens, strict=True)
    ]
    try:
        with interrupts_raise(stop):
            shown.open(replies)
            _run(lanes, stop, lambda: shown.close(replies))
    finally:
        _last = replies
    if stop.by == "interrupt":
        end_script_in_one_line()
        raise RaceStopped(_STOPPED, replies)
    for lane in lanes:
        if lane.broken is not None:
            raise lane.broken
    return replies


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


def _run(lanes: Sequence[_Lane], stop: Stop, close: Callable[[], None]) -> None:
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


class _Lane:
    """Reads one stream in the background; another thread's stop is heard."""

    def __init__(
        self,
        make: Callable[[], object],
        screen: Screen,
        reply: Reply,
        timeout: Timeout,
        on_end: Callable[[], None],
        *,
        keep_wire: bool,
    ) -> None:
        self.broken: BaseException | None = None
        self._on_end = on_end
        source = opened(_streamed(make), reply, {"keep_wire": keep_wire})
        self._player = Player(source, screen, reply, stop=Stop(), timeout=timeout)
        self._thread = worker(self._run, "nbstream-race")

    @property
    def alive(self) -> bool:
        """Whether it runs still."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Send the request; call it where the display belongs."""
        self._player.start()
        self._thread.start()

    def stop(self) -> None:
        """Close the connection and keep what arrived; never blocks, may be repeated."""
        self._player.interrupt()

    def join(self) -> None:
        """Wait for the end, if it has begun."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._player.loop()
        except BaseException as error:  # noqa: BLE001 - the race raises it
            self.broken = error
        finally:
            self._on_end()


def _streamed(make: Callable[[], object]) -> Callable[[], object]:
    """Let an answer that is not streamed be a stream of one piece, at its end."""

    @wraps(make)
    def call() -> object:
        made = make()
        return _awaited(made) if inspect.iscoroutine(made) else _in_pieces(made)

    return call


async def _awaited(call: object) -> object:
    return _in_pieces(await call)  # type: ignore[misc]  # a coroutine


def _in_pieces(made: object) -> object | Sequence[object]:
    whole = payloads(made)
    return made if whole is None else whole


# -- where it is shown -----------------------------------------------------------------


def _views(
    view: str | None, replies: Race, *, images: bool, stop: Stop
) -> tuple[_Shared | WidgetRace, Sequence[Screen]]:
    """Return where a race is shown, and the screen of each who takes part.

    Raises:
        UnknownNameError: there is no such view.
    """
    view = view_of(view)
    if view == "live":
        with suppress(ImportError):  # no anywidget, or one that cannot be loaded here
            from nbstream.lab.race_view import WidgetRace

            race = WidgetRace(list(replies), images=images, stop=stop)
            return race, race.lanes
    shown: _Shared = NotebookScreen(images=images)
    if view == "none":
        shown = NoScreen()
    elif view == "static":
        shown = StaticScreen(images=images)
    elif view == "terminal":
        shown = _TerminalRace(len(replies))
    lock = threading.Lock()
    return shown, [_Part(shown, replies, lock) for _ in replies]


class _Part(NoScreen):
    """The screen of one of them, where one screen shows them all."""

    def __init__(self, shown: _Shared, replies: Race, lock: threading.Lock) -> None:
        self._shown = shown
        self._replies = replies
        self._lock = lock

    def interval_s(self) -> float:
        """Return the wait after the last update, in seconds: they take turns."""
        return self._shown.interval_s() * len(self._replies)

    def update(self, reply: object) -> None:
        """Show all of the race."""
        with self._lock:
            self._shown.update(self._replies)

    def close(self, reply: object) -> None:
        """Show all of it once more: this one has ended, others may run for long."""
        self.update(reply)


class _TerminalRace:
    """One after the other: the first is written as it comes, then the next so far.

    What stands there in the end does not depend on who was faster, but for the last
    lines, which say that.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._left: deque[tuple[str, Reply, TerminalScreen]] = deque()

    def open(self, replies: Race) -> None:
        """Begin with the first one."""
        self._left.extend(
            (name, each, TerminalScreen()) for name, each in replies.items()
        )
        for _, reply, screen in self._left:
            screen.open(reply)
        self._write_name()

    def interval_s(self) -> float:
        """Return the wait between two looks, in seconds: each looks like one alone."""
        return TerminalScreen().interval_s() / self._count

    def update(self, replies: Race) -> None:
        """Write what is new of the one whose turn it is; it ends when all is known."""
        while self._left:
            _, reply, screen = self._left[0]
            if reply.timing is None or reply.timing.end_s is None:
                screen.update(reply)
                return
            screen.close(reply)
            sys.stdout.write("\n")
            self._left.popleft()
            self._write_name()

    def close(self, replies: Race) -> None:
        """Say who was how fast."""
        sys.stdout.write(f"{replies}\n")

    def _write_name(self) -> None:
        if self._left:
            sys.stdout.write(f"== {one_line(self._left[0][0])} ==\n")


#: Those that show all of a race at each update, whoever has grown.
_Shared: TypeAlias = NotebookScreen | StaticScreen | NoScreen | _TerminalRace
