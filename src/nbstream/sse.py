r"""Turn the bytes of a server-sent event stream into events, and events into bytes.

Every provider streams its answer in this format: lines of ``field: value``, and an
empty line that says *now*. We follow the standard to the letter, in its own words:
https://html.spec.whatwg.org/multipage/server-sent-events.html (9.2.5 and 9.2.6).

Nothing here reads a socket. Bytes go in as they come, wherever they were cut; the
events that these bytes complete come out:

>>> decoder = Decoder()
>>> decoder.feed(b"event: greeting\ndata: Hel")
[]
>>> decoder.feed(b"lo\n\n")
[ServerSentEvent(data='Hello', event='greeting', id='', retry=None)]
"""

import re
import reprlib
from dataclasses import dataclass

from nbstream.errors import UsageError

__all__ = ["Decoder", "ServerSentEvent", "decode", "encode"]

# Python reads 640 digits whatever `sys.set_int_max_str_digits` says. A longer `retry`
# is ignored, as one that is no number is: nobody waits 10**640 ms.
_DIGITS = re.compile(r"[0-9]{1,640}")
#: Fields that are ignored if their value is wrong; a comment has no name.
_QUIET = frozenset({"", "id", "retry"})
_MOST_STRAYS = 500
_CR = re.compile(r"\r\n?")
_UNWRITABLE = {
    "data": (
        re.compile("[\r\ud800-\udfff]"),
        "use '\\n' and whole characters, or JSON",
    ),
    "event": (re.compile("[\r\n\ud800-\udfff]|^$"), "name it in one line of text"),
    "id": (re.compile("[\0\r\n\ud800-\udfff]"), "keep it to one line of text"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One event of the stream.

    Attributes:
        data: What its ``data`` lines said, joined by line ends.
        event: Its type.
        id: The stream's *last event ID* at that moment: an event without an ``id`` of
            its own has the one before it.
        retry: What its own lines said, in milliseconds; None: nothing.
    """

    data: str
    event: str = "message"
    id: str = ""
    retry: int | None = None


# A frozen dataclass's own `__init__` takes longer than all the rest of the decoding.
# The slots' setters do the same in less than half the time (bench/bench_sse.py).
_set_data, _set_event, _set_id, _set_retry = (
    vars(ServerSentEvent)[name].__set__ for name in ("data", "event", "id", "retry")
)


class Decoder:
    """Decode one stream, chunk by chunk, wherever the chunks were cut.

    There is nothing to call at the end: an event that no empty line has finished is
    discarded.

    What a client needs to connect again outlives the events. Lines without data make
    no event, but set these too.

    Attributes:
        last_event_id (str): The last ``id`` that came, or "".
        reconnection_time_ms (int | None): What ``retry`` said last, in milliseconds.
    """

    def __init__(self) -> None:
        self.last_event_id = ""
        self.reconnection_time_ms: int | None = None
        self._at_start = True
        self._after_cr = False
        self._unfinished_line: list[bytes] = []
        # The standard's three buffers, and the `retry` of this event.
        self._data: list[str] = []
        self._event = ""
        self._id = ""
        self._retry: int | None = None
        #: Lines that are no field of the standard: none of them makes an event, but
        #: some servers say so that they failed.
        self.strays: list[str] = []

    @property
    def rest(self) -> bytes:
        """What has come of a line that has not ended."""
        return b"".join(self._unfinished_line)

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Return the events that ``chunk`` completes: none, one or many.

        No bytes are wrong: invalid UTF-8 becomes U+FFFD, an unknown field is ignored.
        """
        if not isinstance(chunk, bytes):
            raise UsageError(
                f"an event stream is bytes, not {reprlib.repr(chunk)}: pass the "
                "response's bytes, text.encode(), or bytes(buffer)"
            )
        events = []
        for line in self._lines(chunk):
            if line:
                self._process(line)
                continue
            self.last_event_id = self._id
            if self._data:
                events.append(self._dispatch())
            self._event, self._retry = "", None
        return events

    def _lines(self, chunk: bytes) -> list[str]:
        """Return the lines that ``chunk`` ends, and keep the rest for later.

        Only whole lines become text, so a character cut in two is whole again. The
        pieces of a line are joined once, so a long line takes linear time.
        """
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")  # the second half of a CRLF
            self._after_cr = False
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        if not end:
            self._unfinished_line.append(chunk)
            return []
        whole_lines = b"".join([*self._unfinished_line, chunk[:end]])
        text = whole_lines.decode("utf-8", "replace")
        self._unfinished_line = [chunk[end:]]
        self._after_cr = chunk.endswith(b"\r")
        if self._at_start:
            text = text.removeprefix("\ufeff")  # the byte order mark
            self._at_start = False
        if "\r" in text:
            text = _CR.sub("\n", text)
        # Not `splitlines`: it also cuts at \v, \f, NEL, U+2028 and more.
        return text.split("\n")[:-1]

    def _process(self, line: str) -> None:
        """Do what the field says; a comment is a field without a name."""
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and _DIGITS.fullmatch(value):
            self._retry = self.reconnection_time_ms = int(value)
        elif name not in _QUIET and len(self.strays) < _MOST_STRAYS:
            self.strays.append(line)

    def _dispatch(self) -> ServerSentEvent:
        """Return the event that the buffers hold, and empty its data."""
        event = object.__new__(ServerSentEvent)
        _set_data(event, "\n".join(self._data))
        _set_event(event, self._event or "message")
        _set_id(event, self._id)
        _set_retry(event, self._retry)
        self._data = []
        return event


def decode(data: bytes) -> list[ServerSentEvent]:
    """Return the events of a whole stream; an unfinished last one is discarded."""
    return Decoder().feed(data)


def encode(event: ServerSentEvent, newline: str = "\n") -> bytes:
    r"""Return the bytes of one event: ``decode(encode(event)) == [event]``.

    Each line of the data becomes one ``data`` field. What the format cannot say is
    refused, not changed: above all ``\r`` in data, a line end to every decoder. (JSON
    never holds one: it writes a backslash and an ``r``.)

    An empty ``id`` is not written: in a longer stream the last one stays in force.
    """
    _check(event, newline)
    fields = [] if event.event == "message" else [("event", event.event)]
    if event.id:
        fields.append(("id", event.id))
    if event.retry is not None:
        fields.append(("retry", str(event.retry)))
    fields += [("data", line) for line in event.data.split("\n")]
    # The space after the colon is always there, so a value's own space survives.
    lines = [f"{name}: {value}{newline}" for name, value in fields]
    return ("".join(lines) + newline).encode()


def _check(event: ServerSentEvent, newline: str) -> None:
    """Raise ``UsageError`` for what ``encode`` has no bytes for."""
    if not isinstance(event, ServerSentEvent):
        raise UsageError(
            f"not an event: {reprlib.repr(event)}; make one: ServerSentEvent(data=...)"
        )
    if newline not in ("\n", "\r\n", "\r"):
        raise UsageError(f"newline is '\\n', '\\r\\n' or '\\r', not {newline!r}")
    for name, (unwritable, advice) in _UNWRITABLE.items():
        value = getattr(event, name)
        if not isinstance(value, str):
            raise UsageError(f"{name} is text, not {reprlib.repr(value)}")
        if found := unwritable.search(value):
            raise UsageError(
                f"no bytes for {found[0]!r} in {name} {reprlib.repr(value)}: {advice}"
            )
    retry = event.retry
    if retry is not None and (type(retry) is not int or not 0 <= retry < 10**640):
        raise UsageError("retry is a whole number of milliseconds below 10**640")
