"""Drive any kind of stream so that it can be stopped."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from functools import wraps
from typing import Literal, Protocol, TypeAlias

from nbstream._workers import THREADS, sleeps
from nbstream.errors import UsageError
from nbstream.reply import Timing
from nbstream.streams import shapes
from nbstream.streams.referents import home_loop, is_users, running_loop
from nbstream.streams.session import Session
from nbstream.streams.thread_reader import ThreadDriver


class Source(Protocol):
    """A stream that reads itself in the background and can be stopped."""

    @property
    def needs_await(self) -> bool:
        """Whether it runs on the caller's own loop, so that only awaiting helps."""

    @property
    def alive(self) -> bool:
        """Whether it was started and ``on_end`` has still to return."""

    def start(
        self,
        on_payload: Callable[[object], None],
        on_end: Callable[[BaseException | None], None],
    ) -> None:
        """Read: every item to ``on_payload``, then ``on_end`` exactly once.

        Both are called from another thread, or from the loop if `needs_await`.
        ``on_end`` gets None if the iterator ended, else the exception. Everything
        is closed by then, except after `Abandoned`.
        """

    def interrupt(self) -> None:
        """Try once to stop it. Any thread; never blocks; repeat while `alive`."""

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; tell whether it came."""


#: Who may run on the running loop, as the caller awaits it: code of the user's, all.
Awaited: TypeAlias = Literal["none", "users", "all"]


def open_source(stream: object, awaited: Awaited = "none") -> Pull:
    """Make a source of anything that an SDK's streaming call gives.

    Code of the user's own may use anything of the loop that runs now. So it is run
    there, if the loop is free for it: if the caller awaits the end.

    Raises:
        UsageError: ``stream`` is not a stream, or one that cannot be read any more.
    """
    if isinstance(stream, (bytes, bytearray)):
        stream = [bytes(stream)]
    shapes.check(stream)
    return Pull(stream, running_loop(), awaited)


class _Driver(Protocol):
    def start(self) -> None: ...
    def interrupt(self) -> None: ...
    def join(self, timeout_s: float) -> bool: ...


class Pull:
    """The one source: a driver, or two in turn (a function that gives a coroutine)."""

    def __init__(
        self,
        stream: object,
        here: asyncio.AbstractEventLoop | None,
        awaited: Awaited,
    ) -> None:
        self._stream: object = stream
        self._here = here
        self.awaited = awaited
        self._home = self._home_of(stream)
        if self._home is not None and not self._home.is_running():
            raise UsageError(NOT_RUNNING)
        self._session: Session | None = None
        self._driver: _Driver | None = None
        self._stopping = False

    def again(self, stream: object) -> Pull:
        """Return a source of another stream, for the same loop; any thread."""
        return Pull(stream, self._here, self.awaited)

    @property
    def needs_await(self) -> bool:
        """Whether it runs on the caller's own loop, so that only awaiting helps."""
        home = self._home_of(self._stream) if self._session is None else self._home
        return home is not None and home is self._here and _keeps_others_waiting()

    def _home_of(self, stream: object) -> asyncio.AbstractEventLoop | None:
        if not THREADS:
            return running_loop() if shapes.is_async(stream) else None
        users = self.awaited == "users" and is_users(stream)
        everything = self.awaited == "all" and shapes.is_async(stream)
        return self._here if users or everything else home_loop(stream)

    @property
    def alive(self) -> bool:
        """Whether it was started and its end has still to be told."""
        return self._session is not None and self._session.alive

    def start(
        self,
        on_payload: Callable[[object], None],
        on_end: Callable[[BaseException | None], None],
    ) -> None:
        """Read it with the driver that fits."""
        if self._session is not None:
            raise UsageError("a source can be started once; open the stream again")
        self._session = Session(on_payload, lambda error: on_end(shapes.explain(error)))
        self._session.stopping = self._stopping
        stream, self._stream = self._stream, None
        self._home = self._home_of(stream)
        self._drive(stream, self._session, self._home)

    def interrupt(self) -> None:
        """Try once to stop the driver."""
        self._stopping = True
        session, driver = self._session, self._driver
        if session is not None and driver is not None and not session.over:
            session.stopping = True
            driver.interrupt()

    def join(self, timeout_s: float) -> bool:
        """Wait for the driver, unless that would keep it from ending."""
        session, driver = self._session, self._driver
        if session is None or driver is None:
            return True
        if self.needs_await and running_loop() is self._home:
            return not session.alive  # waiting here would keep it from ending
        return session.wait(timeout_s) and driver.join(timeout_s)

    def _drive(
        self, stream: object, session: Session, home: asyncio.AbstractEventLoop | None
    ) -> None:
        def hand_over(rest: object) -> None:
            loop = self._home_of(rest)
            blocked = loop is self._here and self.awaited == "none"
            blocked = blocked and _keeps_others_waiting()
            if loop is not None and (blocked or not loop.is_running()):
                if inspect.iscoroutine(rest):
                    rest.close()
                session.finish(UsageError(NOT_RUNNING if THREADS else BLOCKED))
            else:
                self._home = loop
                self._drive(rest, session, loop)

        try:
            self._driver = self._driver_of(stream, session, home, hand_over)
            self._driver.start()
        except (OSError, RuntimeError) as error:  # no thread, or no file, is to be had
            session.finish(error)

    def _driver_of(
        self,
        stream: object,
        session: Session,
        home: asyncio.AbstractEventLoop | None,
        hand_over: Callable[[object], None],
    ) -> _Driver:
        if home is None and not shapes.is_async(stream):
            return ThreadDriver(session, stream, hand_over)
        from nbstream.streams import loop_reader  # a thread's stream needs none

        loop = loop_reader.background_loop() if home is None else home
        bound = home is not None
        return loop_reader.LoopDriver(session, stream, hand_over, loop, bound=bound)


def _keeps_others_waiting() -> bool:
    """Tell whether who waits here blocks the loop that runs."""
    return THREADS or not sleeps()


#: What `needs_await` means for who wants to block; in a page the browser is to blame.
BLOCKED = (
    "this async stream is bound to the event loop that show() would block: "
    "pass the call without its await, show(client...create(..., stream=True)), "
    "or use `await nbstream.start(stream)`"
    if THREADS
    else "this browser cannot let Python wait for an async stream (it has no JSPI, "
    "which Chrome and Edge have): use `await nbstream.start(...)`"
)
NOT_RUNNING = (
    "the stream was opened in another event loop, which cannot run now; pass the call "
    "without await, as in show(client.responses.create(..., stream=True)), or use "
    "`await nbstream.start(...)`"
)


# -- Note when a request is sent and when it is answered, where that can be seen.


def noting(stream: object, timing: Timing) -> object:
    """Return a stream that tells the timing when it is called; others as they are.

    A manager is entered, and a coroutine run, as soon as we begin: that is zero.
    """
    unsent = hasattr(stream, "cr_frame") and not shapes.begun(stream)
    if unsent or shapes.is_manager(stream) or shapes.is_async_manager(stream):
        timing.request_sent_s = 0.0
    elif shapes.is_callable(stream):
        # It tells a class, or an SDK's own method, from a function.
        shapes.check(stream)
        make = stream

        @wraps(make)
        def call() -> object:
            if timing.request_sent_s is None:  # a retry begins no second clock
                timing.request_sent_s = timing.elapsed_s(time.monotonic())
            made = make()
            if shapes.response_of(made) is not None:
                timing.headers_s = timing.elapsed_s(time.monotonic())
            return made

        return call
    return stream
