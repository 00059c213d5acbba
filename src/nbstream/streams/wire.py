"""Keep in a reply the bytes that an SDK reads of its stream, and their times."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import wraps
from types import GeneratorType, ModuleType
from typing import Any, TypeVar

from nbstream.errors import UsageError
from nbstream.reply import Reply
from nbstream.reply.timing import Wire
from nbstream.streams import Source, transports
from nbstream.streams.shapes import begun, is_callable, response_of

T = TypeVar("T")
#: Whose stream is read here. Whoever reads one (a thread, a task) has a context of its
#: own, so that streams that run at the same time do not get each other's bytes.
_reading: ContextVar[WireSource | None] = ContextVar("nbstream_wire", default=None)


class WireSource:
    """A source whose responses are heard as long as it is read.

    What they bring is one body; several bring it, if the stream has hops.
    """

    name = "keep_wire"

    def __init__(
        self, stream: object, reply: Reply, open_source: Callable[[object], Source]
    ) -> None:
        """Open the source of a stream; its bytes go into the reply.

        Raises:
            UsageError: its first bytes have been read, so that they are lost.
        """
        self._reply = reply
        self.problem: UsageError | None = None
        heard = self._heard(stream)
        self._source = self._within(lambda: open_source(heard))

    # -- as a source -----------------------------------------------------------

    @property
    def needs_await(self) -> bool:
        """Whether the source runs on the caller's own loop."""
        return self._source.needs_await

    @property
    def alive(self) -> bool:
        """Whether the source was started and its end has still to be told."""
        return self._source.alive

    def start(
        self,
        on_payload: Callable[[object], None],
        on_end: Callable[[BaseException | None], None],
    ) -> None:
        """Read the source, and hear what it reads."""

        def end(error: BaseException | None) -> None:
            transports.unlisten(self)
            on_end(self.problem or error)

        transports.listen(self)
        self._within(lambda: self._source.start(on_payload, end))

    def interrupt(self) -> None:
        """Interrupt the source."""
        self._source.interrupt()

    def join(self, timeout_s: float) -> bool:
        """Wait for the source."""
        return self._source.join(timeout_s)

    # -- as one who listens to requests ----------------------------------------

    def wants(self, path: str, headers: Mapping[str, str]) -> bool:
        """Tell whether a request is this stream's: it is sent in its context."""
        del headers
        is_known = transports.api_of(path) or path.endswith("-response-stream")
        return _reading.get() is self and bool(is_known)

    def open(self, http: ModuleType, request: Any) -> _Response:
        """Note when the request was sent, unless that is known."""
        del http, request
        timing = self._reply.timing
        if timing is not None and timing.request_sent_s is None:
            timing.request_sent_s = _elapsed_s(self._reply)
        return _Response(self._reply, owner=self)

    def _within(self, work: Callable[[], T]) -> T:
        """Do something of which the requests are this stream's."""
        token = _reading.set(self)
        try:
            return work()
        finally:
            _reading.reset(token)

    # -- a stream that was made before, or by a transport of its client's own ---

    def _heard(self, stream: object) -> object:
        """Return a stream that is heard; a function, when it has made one."""
        if not is_callable(stream):
            self._attach(stream)
            return stream
        make = stream

        @wraps(make)
        def call() -> object:
            # What a call before this one has brought is forgotten: it is made again.
            self._reply.wire, timing = None, self._reply.timing
            if timing is not None:
                timing.headers_s = timing.first_byte_s = None
            made = make()
            self._attach(made)
            return made

        return call

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
        if problem := _not_sse(headers):
            raise problem
        coding = headers.get("content-encoding", "")
        body = transports.Decompressor(coding)
        if not body.works:
            raise UsageError(_CODED.format(coding))
        response.stream = tee(response.stream, _Response(self._reply, body))
        self._reply.wire = Wire()


class _Response:
    """Keeps one response in the reply, as far as it is a stream of events."""

    def __init__(
        self,
        reply: Reply,
        body: transports.Decompressor | None = None,
        owner: WireSource | None = None,
    ) -> None:
        self._reply = reply
        self._owner = owner
        self._body = body

    def respond(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Take a streamed answer; an error that the SDK tries again is none."""
        fields = {name.lower(): value for name, value in headers}
        is_json = fields.get("content-type", "").startswith("application/json")
        if not 200 <= status < 300 or is_json:
            return
        if self._owner is not None and (problem := _not_sse(fields)):
            self._owner.problem = problem
            return
        self._body = transports.Decompressor(fields.get("content-encoding", ""))
        reply = self._reply
        if reply.timing is not None and reply.timing.headers_s is None:
            reply.timing.headers_s = _elapsed_s(reply)
        # What brought nothing was an attempt before this one (or another round).
        if reply.wire is None or not reply.parts:
            reply.wire = Wire()

    def read(self, data: bytes) -> None:
        """Keep what one read gave, unless the reply has ended without it."""
        reply = self._reply
        data = self._body.feed(data) if self._body is not None else b""
        if reply.wire is None or not data or reply.outcome != "running":
            return
        at_s = _elapsed_s(reply)
        if reply.timing is not None and reply.timing.first_byte_s is None:
            reply.timing.first_byte_s = at_s
        reply.wire.add(data, at_s)

    def end(self, how: transports.Ending, error: Exception | None = None) -> None:
        """Keep what there is, whatever the end was."""


def _not_sse(headers: Mapping[str, str]) -> UsageError | None:
    """Return what is wrong with a wire of another form, such as Bedrock's."""
    kind = headers.get("content-type", "")
    return UsageError(_FORM.format(kind)) if "amazon.eventstream" in kind else None


def _elapsed_s(reply: Reply) -> float:
    timing = reply.timing
    return timing.elapsed_s(time.monotonic()) if timing is not None else 0.0


def _has_begun(stream: object) -> bool:
    if isinstance(stream, GeneratorType):
        return inspect.getgeneratorstate(stream) != inspect.GEN_CREATED
    return hasattr(stream, "ag_frame") and begun(stream)


def _tee_of(response: Any) -> Callable[[Any, _Response], object] | None:
    """Return what hears the body of this response, by its library and its kind."""
    http = sys.modules.get(type(response).__module__.partition(".")[0])
    stream = getattr(response, "stream", None)
    for name, tee in (
        ("SyncByteStream", transports.sync_tee),
        ("AsyncByteStream", transports.async_tee),
    ):
        kind = getattr(http, name, None)
        if http is not None and kind is not None and isinstance(stream, kind):
            return tee(http)
    return None


_HOW = (
    "give the call, so that it is heard from the beginning: "
    "show(lambda: client...create(..., stream=True), keep_wire=True)"
)
_LOST = f"keep_wire: this stream's first bytes have been read already; {_HOW}"
_FORM = (
    "keep_wire: its bytes are {!r} and no server-sent events, so there is nothing to "
    "take apart; leave keep_wire out"
)
_CODED = f"keep_wire: its bytes come compressed as {{!r}}, which is not known; {_HOW}"
