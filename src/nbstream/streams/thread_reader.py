"""Read a synchronous stream in a worker thread that can be stopped."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import islice

from nbstream._failures import FirstBytes
from nbstream._workers import THREADS, worker
from nbstream.streams import shapes, sockets
from nbstream.streams.session import Interrupted, Session, reading

# -- Stop a thread that reads a stream, wherever it waits.

# Closing the stream from outside does not work: see `nbstream.streams.sockets`.

#: Private ways to the socket come first, as only they also stop a retry; when they
#: have found nothing for this long, the public one is used.
PUBLIC_AFTER_S = 0.03
#: A worker that could not be woken gets an exception for when it wakes, ...
THROW_AFTER_S = 0.25
#: ... and is no longer waited for.
ABANDON_AFTER_S = 0.4
THROW_AGAIN_S = 0.1
REAP_EVERY_S = 0.02


class Waker:
    """The attempts to stop one reader."""

    def __init__(self, session: Session, reader: ThreadDriver) -> None:
        self._session = session
        self._reader = reader
        self._stop_at_s: float | None = None
        self._thrown_at_s = float("-inf")
        self._woken: list[socket.socket] = []

    def attempt(self) -> None:
        """Try once; never blocks. Later attempts are harder."""
        thread_id = self._reader.thread.ident
        if thread_id is None or self._session.over:
            return
        self._session.abort_requests()
        now_s = time.monotonic()
        if self._stop_at_s is None:
            self._stop_at_s = now_s
        waited_s = now_s - self._stop_at_s
        if THREADS:
            woken = self._wake(thread_id, now_s)
        else:
            from nbstream.streams.fetches import abort_fetches

            woken = abort_fetches(self._reader.stream)
        if not woken and waited_s > PUBLIC_AFTER_S:
            found = sockets.of_stream(self._reader.stream)
            if found is not None:
                sockets.shut_down(found)
        if waited_s > THROW_AFTER_S and THREADS:
            self._throw(thread_id, now_s)
        if waited_s > ABANDON_AFTER_S and self._session.abandon(_STUCK) and THREADS:
            worker(self._reap, "nbstream-reaper").start()

    def close_woken(self) -> None:
        """Close the sockets that were shut down.

        The exception may have come before their owner had taken them over.
        """
        for found in self._woken:
            found.close()

    def _wake(self, thread_id: int, now_s: float) -> bool:
        with self._session.not_delivering() as quiet:
            found = sockets.waited_on(thread_id) if quiet else None
            if found is None:
                return False
            self._woken.append(found)  # before: the thread may be over right after
            # First the exception, then the wake-up: it is raised where the thread
            # waits, so that an SDK that would retry or resume sends nothing more.
            if self._may_throw(thread_id, now_s):
                self._thrown_at_s = now_s
                sockets.throw_and_shut_down(thread_id, found)
            else:
                sockets.shut_down(found)
            return True

    def _throw(self, thread_id: int, now_s: float) -> None:
        with self._session.not_delivering() as quiet:
            may_throw = quiet and self._may_throw(thread_id, now_s)
            if may_throw and sockets.throw(thread_id):
                self._thrown_at_s = now_s

    def _may_throw(self, thread_id: int, now_s: float) -> bool:
        recent = now_s - self._thrown_at_s < THROW_AGAIN_S
        return not (recent or self._reader.closing or sockets.importing(thread_id))

    def _reap(self) -> None:
        """Go on after `Abandoned`: whatever the thread wakes up to, stop it."""
        thread = self._reader.thread
        while thread.is_alive() and thread.ident is not None:
            now_s = time.monotonic()
            if not self._wake(thread.ident, now_s):
                self._throw(thread.ident, now_s)
            time.sleep(REAP_EVERY_S)


_STUCK = (
    "the stream did not stop: its code waits where nothing can wake it; "
    "it ends by itself as soon as it wakes"
)


class ThreadDriver:
    """Opens, reads and closes one synchronous stream in one daemon thread."""

    def __init__(
        self, session: Session, stream: object, hand_over: Callable[[object], None]
    ) -> None:
        self._session = session
        self.stream: object = stream
        self._hand_over = hand_over
        self.closing = False  # it stops by itself then, and must not be hurt
        # In the caller's context, what a user's generator prints stays in its cell.
        self.thread = worker(self._work, "nbstream-source")
        self._waker = Waker(session, self)

    def start(self) -> None:
        """Start the worker."""
        if not THREADS:
            from nbstream.streams.fetches import hear_fetches

            hear_fetches()
        self.thread.start()

    def interrupt(self) -> None:
        """Try once to stop the worker."""
        self._waker.attempt()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread itself, unless it was abandoned."""
        if self._session.over and self.closing:
            self.thread.join(max(0.0, timeout_s))
        return not self._session.alive

    def _work(self) -> None:
        error: BaseException | None = None
        rest: object | None = None
        reading.set(self._session)
        try:
            with ExitStack() as stack:
                try:
                    rest = self._read(stack)
                finally:
                    self._settle()
        except BaseException as exc:  # noqa: BLE001 - it is reported
            error = exc
        self._settle()  # if what was thrown came before it had been done
        self.stream = None
        self._waker.close_woken()
        if rest is not None and error is None:
            self._hand_over(rest)
        else:
            self._session.finish(error)
        del error  # its traceback holds this frame

    def _settle(self) -> None:
        """Be left alone: nothing is thrown from now on, and nothing is to come."""
        while True:
            try:
                with self._session.undisturbed():
                    self.closing = True
                _called()  # what was thrown before is raised in the next call
            except Interrupted:
                continue
            return

    def _read(self, stack: ExitStack) -> object | None:
        """Read to the end; return what can only be read in an event loop."""
        if self._session.stopping:
            stack.callback(_close, self.stream)
            return None
        met = [stream := self.stream]
        while True:
            part = shapes.part_of(stream)
            if len(met) == 1 and shapes.is_callable(stream):
                stream = stream()
            elif part is not None and not part.is_async:
                stack.callback(part.end)
                stream = part.make()
            elif shapes.is_manager(stream):
                stream = shapes.below(_entered(stream, stack))
            elif shapes.is_parsable(stream):
                stream = stream.parse()
            else:
                break
            shapes.check_made(stream, met)
        if shapes.is_async(stream):
            return stream
        self.stream = stream
        if isinstance(stream, Iterable):
            refused = next(filter(shapes.status_of, met), None)
            self._pass_on(stream, stack, refused)
        return None

    def _pass_on(
        self, stream: Iterable[object], stack: ExitStack, refused: object
    ) -> None:
        stack.callback(_close, stream)
        first = stack.enter_context(FirstBytes())
        first.hear(shapes.response_of(stream))
        iterator = iter(stream)
        if iterator is not stream:
            stack.callback(_close, iterator)
        if self._session.stopping:
            return  # a generator sends its request at the first `next`
        if refused is not None:
            raise shapes.StatusError(refused, list(islice(iterator, shapes.ENOUGH)))
        offer = self._session.offer
        item = next(iterator, _NOTHING)
        if item is _NOTHING:
            shapes.check_answer(first)
            return
        goes_on = offer(item)
        stack.callback(self._close_held, _held_by(iterator))
        if goes_on:
            for item in iterator:
                if not offer(item):
                    break

    def _close_held(self, responses: Sequence[object]) -> None:
        """Close what a generator held that was stopped, and so has forgotten it."""
        if self._session.stopping:
            for response in responses:
                _close(response)


_NOTHING: object = object()


def _entered(manager: AbstractContextManager[object], stack: ExitStack) -> object:
    """Enter it, to be left at the end; not a client, which that would close."""
    made = manager.__enter__()
    if made is not manager:
        stack.push(manager)
    return made


def _called() -> None:
    pass


def _close(stream: object) -> None:
    close = getattr(stream, "close", None)
    if callable(close):
        close()


def _held_by(stream: object) -> Sequence[object]:
    if getattr(stream, "gi_frame", None) is None:
        return ()
    from nbstream.streams import referents  # lists and the like need none of it

    return referents.open_responses(stream)
