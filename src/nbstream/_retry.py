"""Call again what failed before anything of it was seen, after a wait that is seen.

Only a function can be called again; after the first words nothing is: the text would
come twice, and be paid twice. (If what came is itself the error, nothing has come.)
The SDKs but one have retries of their own (two for OpenAI and Anthropic, four for
Interactions), which cannot be seen or stopped; with ours, set theirs to 0
(``max_retries=0``), or the numbers multiply.
"""

from __future__ import annotations

import contextvars
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nbstream._failures import failure_line
from nbstream._reader import Held, Reader
from nbstream._workers import wait_for, worker
from nbstream.errors import ProviderFailure, UsageError, failure_of
from nbstream.reply import Reply, Waiting
from nbstream.streams import Source, open_source
from nbstream.streams.source import Awaited, Pull

# -- Tell whether a stream failed before anything had come.


class FailedAtOnce(Exception):  # noqa: N818 - it never gets to the caller
    """A stream brought the provider's error, and nothing to be seen before it."""

    def __init__(self, failure: ProviderFailure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class Opening:
    """What comes of a stream before anything of it can be seen, held back until then.

    An overloaded service may answer 200 and then send an error as its first event, or
    name the response, and say with its finish that it failed. Some SDKs raise for it,
    others hand it over like any other event.

    Attributes:
        heard: Whether there is something to see; from then on nothing is held back.
    """

    def __init__(self, retries: Retries, attempt: int) -> None:
        self.heard = attempt > retries.retries  # the last try: nothing is called again
        self._retries, self._attempt = retries, attempt
        self._reader = Reader(Reply())
        self._held: list[object] = []

    def push(self, payload: object) -> Sequence[object]:
        """Take a payload; return what is to be handed on now.

        Raises:
            FailedAtOnce: it is a failure after which the call is worth another try.
        """
        if self.heard:
            return (payload,)
        self._held.append(payload)
        reply = self._reader.reply
        try:
            self._reader.push(payload)
        except UsageError:  # it is no event at all; whoever reads it in earnest says so
            return self.rest()
        seen = any(choice._sizes() for choice in reply.choices)
        if reply.error is not None and not seen:
            reply._end()
            failure = failure_of(reply)
            if self._retries.wait_s(failure, self._attempt) is not None:
                raise FailedAtOnce(failure)
        return self.rest() if seen or reply.error or reply.whole else (Held(),)

    def rest(self) -> Sequence[object]:
        """Return what is held back still: the stream has ended, or something came."""
        held, self._held, self.heard = self._held, [], True
        return held


def failure_from(error: BaseException) -> ProviderFailure:
    """Return the failure of a stream of which nothing came but this exception."""
    if isinstance(error, FailedAtOnce):
        return error.failure
    reply = Reply()
    reply._end(exception=error)
    return failure_of(reply)


#: The longest wait that ``Retry-After`` may ask for by default, in seconds.
MAX_WAIT_S = 30.0
FIRST_WAIT_S = 0.5
LONGEST_BACKOFF_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often and how long to wait.

    ``retries`` counts the calls after the first one. If the provider asks for a
    longer wait than ``max_wait_s``, the failure is raised at once, with
    ``retry_after_s``. Otherwise the wait is what it asks for, or doubles from 0.5 s to
    8 s, less up to a quarter, so that many clients do not come back at once.
    """

    retries: int = 0
    max_wait_s: float = MAX_WAIT_S
    chance: Callable[[], float] = random.random

    def wait_s(self, failure: ProviderFailure, attempt: int) -> float | None:
        """Return how long to wait before the next call; None: there is none."""
        if attempt > self.retries or not failure.retryable:
            return None
        if failure.retry_after_s is not None:
            asked = failure.retry_after_s
            return asked if asked <= self.max_wait_s else None
        backoff = min(FIRST_WAIT_S * 2.0 ** (attempt - 1), LONGEST_BACKOFF_S)
        return min(backoff * (1 - 0.25 * self.chance()), self.max_wait_s)

    def waiting(self, error: BaseException, attempt: int) -> Waiting | None:
        """Return the wait after this error, which begins now; None: there is none."""
        if isinstance(error, UsageError) or not isinstance(error, Exception):
            return None
        failure = failure_from(error)
        wait_s = self.wait_s(failure, attempt)
        if wait_s is None:
            return None
        return Waiting(
            until_s=time.monotonic() + wait_s,
            why=f"{failure_line(failure.reply.error)}.",
            attempt=attempt,
            attempts=self.retries,
        )


def retrying(
    stream: object,
    reply: Reply,
    retries: int,
    max_wait_s: float = MAX_WAIT_S,
    awaited: Awaited = "none",
) -> Source:
    """Open a source of a stream; with retries it must be a function that makes one.

    Raises:
        UsageError: that is no stream, or one that cannot be made again.
    """
    source = open_source(stream, awaited)
    wanted = retries_of(retries, max_wait_s)
    if not retries:
        return source
    if not callable(stream) or source.needs_await:
        msg = (
            "retries= needs a function, because a stream cannot be made again: "
            "show(lambda: client.responses.create(..., stream=True), retries=2)"
        )
        raise UsageError(msg)
    return _Again(stream, source, reply, wanted)


def retries_of(retries: object, max_wait_s: float = MAX_WAIT_S) -> Retries:
    """Return how often to call again, checked.

    Raises:
        UsageError: it is no number from 0 upwards.
    """
    if type(retries) is not int or retries < 0:
        raise UsageError(f"retries={retries!r}: expected a number from 0 upwards")
    return Retries(retries=retries, max_wait_s=max_wait_s)


class _Again:
    """A source that opens another one when the first fails before anything was seen.

    The wait is on a thread of its own; ``reply.waiting`` says that it is under way.
    """

    def __init__(
        self,
        make: Callable[[], object],
        source: Pull,
        reply: Reply,
        retries: Retries,
    ) -> None:
        self._make = make
        self._source = source
        self._reply = reply
        self._retries = retries
        self._context = contextvars.copy_context()
        self._attempt = 1
        self._stopping = threading.Event()
        self._opening = Opening(retries, self._attempt)
        self._over = False

    @property
    def needs_await(self) -> bool:
        """Whether the call that is under way runs on the caller's own loop."""
        return self._source.needs_await

    @property
    def alive(self) -> bool:
        """Whether there is more to come."""
        return not self._over

    def start(
        self,
        on_payload: Callable[[object], None],
        on_end: Callable[[BaseException | None], None],
    ) -> None:
        """Make the first call."""
        self._on_payload, self._on_end = on_payload, on_end
        self._source.start(self._pass_on, self._ended)

    def interrupt(self) -> None:
        """End the wait, or the call."""
        self._stopping.set()
        self._source.interrupt()

    def join(self, timeout_s: float) -> bool:
        """Wait for the call that is under way."""
        return self._source.join(timeout_s) and self._over

    def _pass_on(self, payload: object) -> None:
        for each in self._opening.push(payload):  # if it fails, the source closes
            self._on_payload(each)

    def _ended(self, error: BaseException | None) -> None:
        waiting = None
        if error is not None and not self._opening.heard:
            waiting = self._retries.waiting(error, self._attempt)
        if waiting is None or self._stopping.is_set():
            for each in self._opening.rest():
                self._on_payload(each)
            self._end(error)
            return
        self._reply.waiting = waiting
        worker(
            lambda: self._call_again(error, waiting.until_s),
            "nbstream-retry",
            self._context.copy(),  # a context is entered once
        ).start()

    def _call_again(self, error: BaseException | None, until_s: float) -> None:
        wait_for(self._stopping, until_s - time.monotonic())
        self._reply.waiting = None
        if self._stopping.is_set():
            self._end(error)
            return
        self._attempt += 1
        self._opening = Opening(self._retries, self._attempt)
        try:
            self._source = self._source.again(self._make)
            self._source.start(self._pass_on, self._ended)
        except UsageError as problem:  # pragma: no cover - it was a stream before
            self._end(problem)
            return
        if self._stopping.is_set():  # it may have come while the source was changed
            self._source.interrupt()

    def _end(self, error: BaseException | None) -> None:
        self._over = True
        self._on_end(error)
