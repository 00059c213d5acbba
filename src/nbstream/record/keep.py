"""Keep in a reply the bytes that an SDK reads of its stream, and their times."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import wraps
from types import GeneratorType
from typing import Any, TypeVar

from nbstream.errors import UsageError
from nbstream.record.body import Unpacked
from nbstream.record.exchange import Ended
from nbstream.record.tee import async_tee, sync_tee
from nbstream.reply import Reply
from nbstream.reply.wire import Wire
from nbstream.streams.shapes import begun, is_callable, response_of

__all__ = ["Exchange", "Keeper", "reading"]

T = TypeVar("T")
#: Whose stream is read here. Whoever reads one (a thread, a task) has a context of its
#: own, so that streams that run at the same time do not get each other's bytes.
reading: ContextVar[Keeper | None] = ContextVar("nbstream_keeper", default=None)


class Keeper:
    """Keeps what one stream's responses bring; several, if it has hops, as one body."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def within(self, work: Callable[[], T]) -> T:
        """Do something of which the requests are this stream's."""
        token = reading.set(self)
        try:
            return work()
        finally:
            reading.reset(token)

    def hearing(self, stream: object) -> object:
        """Return a stream that is heard; a function, when it has made one.

        Raises:
            UsageError: its first bytes have been read, so that they are lost.
        """
        if not is_callable(stream):
            self._attach(stream)
            return stream
        make = stream

        @wraps(make)
        def call() -> object:
            self._begin()
            made = make()
            self._attach(made)  # if a transport of its client's own sent it
            return made

        return call

    def _begin(self) -> None:
        """Forget what a call before this one has brought: it is made again."""
        self._reply.wire, timing = None, self._reply.timing
        if timing is not None:
            timing.headers_s = timing.first_byte_s = None

    def note_sent(self) -> None:
        """Note when the request was sent, unless that is known."""
        timing = self._reply.timing
        if timing is not None and timing.request_sent_s is None:
            timing.request_sent_s = self._elapsed_s()

    def note_headers(self) -> None:
        """Note when the response's headers were there."""
        timing = self._reply.timing
        if timing is not None and timing.headers_s is None:
            timing.headers_s = self._elapsed_s()
        # What brought nothing was an attempt before this one (or another round).
        if self._reply.wire is None or not self._reply.parts:
            self._reply.wire = Wire()

    def add(self, data: bytes) -> None:
        """Keep what one read gave, unless the reply has ended without it."""
        wire, timing = self._reply.wire, self._reply.timing
        if wire is None or not data or self._reply.outcome != "running":
            return
        at_s = self._elapsed_s()
        if timing is not None and timing.first_byte_s is None:
            timing.first_byte_s = at_s
        wire.add(data, at_s)

    def _attach(self, stream: object) -> None:
        """Hear a stream that has connected already, where it shows its response."""
        if _has_begun(stream):
            raise UsageError(_LOST)
        response: Any = response_of(stream)
        if response is None or self._reply.wire is not None:
            return
        if getattr(response, "is_stream_consumed", False):
            raise UsageError(_LOST)
        tee = _tee_of(response)
        headers = getattr(response, "headers", None)
        if tee is None or headers is None:
            return
        exchange = Exchange(self)
        coding = headers.get("content-encoding", "")
        if not Unpacked(coding).known:
            raise UsageError(_CODED.format(coding))
        exchange.hear(coding)
        response.stream = tee(response.stream, exchange)
        self._reply.wire = Wire()

    def _elapsed_s(self) -> float:
        timing = self._reply.timing
        zero_s = timing.zero_s if timing is not None else None
        return 0.0 if zero_s is None else max(0.0, time.monotonic() - zero_s)


class Exchange:
    """One response, as far as it is a stream of events."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._unpacked: Unpacked | None = None

    def hear(self, coding: str) -> None:
        """Keep what comes from now on, of this content coding."""
        self._unpacked = Unpacked(coding)

    def respond(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Take a streamed answer; an error that the SDK tries again is none."""
        fields = {name.lower(): value for name, value in headers}
        is_json = fields.get("content-type", "").startswith("application/json")
        if 200 <= status < 300 and not is_json:
            self.hear(fields.get("content-encoding", ""))
            self._keeper.note_headers()

    def read(self, data: bytes) -> None:
        """Keep what one read gave, unpacked."""
        if self._unpacked is not None and self._unpacked.known:
            self._keeper.add(self._unpacked.feed(data))

    def end(self, how: Ended) -> None:
        """Keep what there is, whatever the end was."""

    def broke(self, error: BaseException) -> None:
        """Keep what there is."""


def _has_begun(stream: object) -> bool:
    if isinstance(stream, GeneratorType):
        return inspect.getgeneratorstate(stream) != inspect.GEN_CREATED
    return hasattr(stream, "ag_frame") and begun(stream)


def _tee_of(response: Any) -> Callable[[Any, Exchange], object] | None:
    """Return what hears the body of this response, by its library and its kind."""
    http = sys.modules.get(type(response).__module__.partition(".")[0])
    stream = getattr(response, "stream", None)
    for name, tee in (("SyncByteStream", sync_tee), ("AsyncByteStream", async_tee)):
        kind = getattr(http, name, None)
        if http is not None and kind is not None and isinstance(stream, kind):
            return tee(http)
    return None


_HOW = (
    "give the call, so that it is heard from the beginning: "
    "show(lambda: client...create(..., stream=True), keep_wire=True)"
)
_LOST = f"keep_wire: this stream's first bytes have been read already; {_HOW}"
_CODED = f"keep_wire: its bytes come compressed as {{!r}}, which is not known; {_HOW}"
