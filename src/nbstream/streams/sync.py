"""Read a synchronous stream in a worker thread that can be stopped."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from nbstream.streams.checks import check, check_answer
from nbstream.streams.session import Interrupted, Session
from nbstream.streams.shapes import is_async, is_callable, is_manager, is_parsable
from nbstream.streams.waking import Waker

__all__ = ["ThreadDriver"]


class ThreadDriver:
    """Opens, reads and closes one synchronous stream in one daemon thread."""

    def __init__(
        self, session: Session, stream: object, hand_over: Callable[[object], None]
    ) -> None:
        self._session = session
        self.stream: object = stream
        self._hand_over = hand_over
        self.closing = False
        # In the caller's context, what a user's generator prints stays in its cell.
        context = contextvars.copy_context()
        self.thread = threading.Thread(
            target=context.run, args=(self._work,), name="nbstream-source", daemon=True
        )
        self._waker = Waker(session, self)

    def start(self) -> None:
        """Start the worker."""
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
        stream = self.stream
        if is_callable(stream):
            stream = stream()
            check(stream, made=True)
        while True:
            if is_manager(stream):
                stream = stack.enter_context(stream)
            elif is_parsable(stream):
                stream = stream.parse()
            else:
                break
            check(stream, made=True)
        if is_async(stream):
            return stream
        self.stream = stream
        if isinstance(stream, Iterable):
            self._pass_on(stream, stack)
        return None

    def _pass_on(self, stream: Iterable[object], stack: ExitStack) -> None:
        stack.callback(_close, stream)
        iterator = iter(stream)
        if iterator is not stream:
            stack.callback(_close, iterator)
        if self._session.stopping:
            return  # a generator sends its request at the first `next`
        offer = self._session.offer
        item = _NOTHING
        for item in iterator:
            if not offer(item):
                break
        if item is _NOTHING:
            check_answer(stream)


_NOTHING: object = object()


def _called() -> None:
    pass


def _close(stream: object) -> None:
    close = getattr(stream, "close", None)
    if callable(close):
        close()
