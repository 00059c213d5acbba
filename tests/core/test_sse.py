"""The decoder does what the standard says, wherever the stream is cut."""

import doctest
import itertools
import sys
import time
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbstream.sse
from nbstream.errors import UsageError
from nbstream.sse import Decoder, ServerSentEvent, decode, encode

NEWLINES = ["\n", "\r\n", "\r"]
BOM = b"\xef\xbb\xbf"


def message(data: str, id: str = "", retry: int | None = None) -> ServerSentEvent:  # noqa: A002
    return ServerSentEvent(data=data, id=id, retry=retry)


def named(event: str, data: str) -> ServerSentEvent:
    return ServerSentEvent(event=event, data=data)


# --- the standard, word for word and slow ------------------------------------------


def utf8_decode(stream: bytes) -> Iterator[str]:
    """The UTF-8 decoder of https://encoding.spec.whatwg.org/#utf-8-decoder."""
    code_point = needed = seen = 0
    lower, upper = 0x80, 0xBF
    for byte in stream:
        if needed and not lower <= byte <= upper:
            code_point = needed = seen = 0
            lower, upper = 0x80, 0xBF
            yield "\ufffd"  # and the byte is read again, as a first one
        if needed:
            lower, upper = 0x80, 0xBF
            code_point = (code_point << 6) | (byte & 0x3F)
            seen += 1
            if seen == needed:
                yield chr(code_point)
                code_point = needed = seen = 0
        elif byte <= 0x7F:
            yield chr(byte)
        elif 0xC2 <= byte <= 0xDF:
            needed, code_point = 1, byte & 0x1F
        elif 0xE0 <= byte <= 0xEF:
            lower = 0xA0 if byte == 0xE0 else lower
            upper = 0x9F if byte == 0xED else upper
            needed, code_point = 2, byte & 0xF
        elif 0xF0 <= byte <= 0xF4:
            lower = 0x90 if byte == 0xF0 else lower
            upper = 0x8F if byte == 0xF4 else upper
            needed, code_point = 3, byte & 0x7
        else:
            yield "\ufffd"
    if needed:
        yield "\ufffd"


def ended_lines(text: str) -> Iterator[str]:
    """9.2.5: a line ends with CRLF, LF or CR; what no end follows is no line."""
    line, position = "", 0
    while position < len(text):
        if text[position] not in "\r\n":
            line += text[position]
            position += 1
            continue
        yield line
        line = ""
        position += 2 if text[position : position + 2] == "\r\n" else 1


class Reference:
    """9.2.6, sentence by sentence: the buffers are strings, as they are there."""

    def __init__(self, stream: bytes) -> None:
        self.events: list[ServerSentEvent] = []
        self.data = self.event_type = self.id = ""
        self.retry: int | None = None
        self.last_event_id = ""
        self.reconnection_time_ms: int | None = None
        for line in ended_lines("".join(utf8_decode(stream.removeprefix(BOM)))):
            self.process(line)

    def process(self, line: str) -> None:
        if line == "":
            self.dispatch()
        elif line[0] == ":":
            pass
        elif ":" in line:
            colon = line.index(":")
            field, value = line[:colon], line[colon + 1 :]
            if value != "" and value[0] == " ":
                value = value[1:]
            self.process_field(field, value)
        else:
            self.process_field(line, "")

    def process_field(self, field: str, value: str) -> None:
        if field == "event":
            self.event_type = value
        if field == "data":
            self.data += value
            self.data += "\n"
        if field == "id" and "\x00" not in value:
            self.id = value
        # 640 digits: our own limit, which the HTML standard leaves to us (2.1.8).
        digits = value != "" and set(value) <= set("0123456789")
        if field == "retry" and digits and len(value) <= 640:
            self.reconnection_time_ms = self.retry = int(value)

    def dispatch(self) -> None:
        self.last_event_id = self.id
        if self.data != "":
            event = ServerSentEvent(
                data=self.data[:-1],  # the last character is LF
                event=self.event_type if self.event_type != "" else "message",
                id=self.last_event_id,
                retry=self.retry,
            )
            self.events.append(event)
        self.data = self.event_type = ""
        self.retry = None  # ours: the standard has it for the stream only


# --- a table of streams ------------------------------------------------------------

CASES: dict[str, tuple[bytes, list[ServerSentEvent]]] = {
    # The standard's own examples.
    "introduction: three messages": (
        b"data: This is the first message.\n\n"
        b"data: This is the second message, it\ndata: has two lines.\n\n"
        b"data: This is the third message.\n\n",
        [
            message("This is the first message."),
            message("This is the second message, it\nhas two lines."),
            message("This is the third message."),
        ],
    ),
    "introduction: two types of event": (
        b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n"
        b"event: add\ndata: 113411\n\n",
        [named("add", "73857293"), named("remove", "2153"), named("add", "113411")],
    ),
    "example: one event of three lines": (
        b"data: YHOO\ndata: +2\ndata: 10\n\n",
        [message("YHOO\n+2\n10")],
    ),
    "example: four blocks, an id set and taken back": (
        b": test stream\n\ndata: first event\nid: 1\n\n"
        b"data:second event\nid\n\ndata:  third event\n\n",
        [
            message("first event", id="1"),
            message("second event"),
            message(" third event"),
        ],
    ),
    "example: empty data, and a last block without its empty line": (
        b"data\n\ndata\ndata\n\ndata:",
        [message(""), message("\n")],
    ),
    "example: the space after the colon is not data": (
        b"data:test\n\ndata: test\n\n",
        [message("test"), message("test")],
    ),
    "example: comments keep the connection alive": (
        b": keep-alive\n\n:\n\n:::\n\n",
        [],
    ),
    # The stream and its lines.
    "no bytes": (b"", []),
    "only empty lines": (b"\n\r\n\r\n\n", []),
    "CR ends lines": (b"data: a\rdata: b\r\r", [message("a\nb")]),
    "CRLF ends lines": (b"data: a\r\ndata: b\r\n\r\n", [message("a\nb")]),
    "line ends may be mixed": (
        b"data: a\r\ndata: b\rdata: c\n\r\ndata: d\r\n\rdata: e\n\r",
        [message("a\nb\nc"), message("d"), message("e")],
    ),
    "LF CR are two line ends": (
        b"data: a\n\rdata: b\n\r",
        [message("a"), message("b")],
    ),
    "CR CR LF are two line ends": (
        b"data: a\r\r\ndata: b\n\n",
        [message("a"), message("b")],
    ),
    "CR LF LF are two line ends": (
        b"data: a\r\n\ndata: b\n\n",
        [message("a"), message("b")],
    ),
    "no other character ends a line": (
        "data: a\v\f\x1c\x1d\x1e\x85\u2028\u2029b\n\n".encode(),
        [message("a\v\f\x1c\x1d\x1e\x85\u2028\u2029b")],
    ),
    "one byte order mark is stripped": (BOM + b"data: a\n\n", [message("a")]),
    "a second byte order mark belongs to the field's name": (
        BOM + BOM + b"data: a\n\ndata: b\n\n",
        [message("b")],
    ),
    "a byte order mark later on is text": (
        b"data: \xef\xbb\xbfa\n\n\xef\xbb\xbfdata: b\n\n",
        [message("\ufeffa")],
    ),
    "half a byte order mark is an unknown field": (b"\xef\xbbdata: a\n\n", []),
    "an unfinished line is discarded": (b"data: a\n\ndata: b", [message("a")]),
    "an unfinished event is discarded": (b"data: a\n\ndata: b\n", [message("a")]),
    # Text.
    "characters of one to four bytes": (
        "data: zß水🦜\nevent: é\n\n".encode(),
        [named("é", "zß水🦜")],
    ),
    "a character that a line end cuts off": (
        b"data: \xf0\x9f\xa6\ndata: b\n\n",
        [message("\ufffd\nb")],
    ),
    "a surrogate is three wrong bytes": (
        b"data: \xed\xa0\x80\n\n",
        [message("\ufffd" * 3)],
    ),
    "an overlong slash is two wrong bytes": (
        b"data: \xc0\xaf\n\n",
        [message("\ufffd" * 2)],
    ),
    "U+0000 in data is data": (b"data: \0\n\n", [message("\0")]),
    # Fields.
    "one space is removed, no more and no other": (
        b"data:a\ndata: a\ndata:  a\ndata:\ta\ndata: a \ndata:\xc2\xa0a\n\n",
        [message("a\na\n a\n\ta\na \n\xa0a")],
    ),
    "only the first colon divides": (b"data: a:b: c\n\n", [message("a:b: c")]),
    "a field without colon has an empty value": (
        b"data: a\ndata\nevent\n\n",
        [message("a\n")],
    ),
    "unknown fields are ignored": (
        b"Data: a\nDATA: a\n data: a\ndata : a\ndata\0: a\ndat: a\nda-ta: a\n"
        b"data: b\n\n",
        [message("b")],
    ),
    "a comment that looks like a field": (b":data: a\ndata: b\n:\n\n", [message("b")]),
    "an event without data is not dispatched": (b"event: a\nid: 1\nretry: 1\n\n", []),
    "its type does not stay for the next": (b"event: a\n\ndata: b\n\n", [message("b")]),
    "its retry does not either": (b"retry: 1\n\ndata: b\n\n", [message("b")]),
    "but its id does": (b"id: 1\n\ndata: b\n\n", [message("b", id="1")]),
    "the last type counts": (b"event: a\nevent: b\ndata\n\n", [named("b", "")]),
    "an empty type is message": (b"event: a\nevent:\ndata: b\n\n", [message("b")]),
    "the last id counts, wherever it stands": (
        b"id: 1\ndata: a\nid: 2\n\n",
        [message("a", id="2")],
    ),
    "an id stays until another comes": (
        b"id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\nid:\ndata: d\n\n",
        [
            message("a", id="1"),
            message("b", id="1"),
            message("c", id="2"),
            message("d"),
        ],
    ),
    "an id with U+0000 is ignored": (
        b"id: 1\n\nid: 2\x003\ndata: a\n\n",
        [message("a", id="1")],
    ),
    "retry is the event's own": (
        b"retry: 1500\ndata: a\n\ndata: b\n\nretry: 007\nretry: x\ndata: c\n\n",
        [message("a", retry=1500), message("b"), message("c", retry=7)],
    ),
    "retry is ASCII digits only": (
        "retry\nretry:\nretry:  1\nretry: 1 \nretry: +1\nretry: -1\nretry: 1_0\n"
        "retry: 1.0\nretry: 1e3\nretry: 0x1\nretry: ²\nretry: ٣\ndata: a\n\n".encode(),
        [message("a")],
    ),
    "retry may have 640 digits": (
        b"retry: " + b"9" * 640 + b"\ndata: a\n\n",
        [message("a", retry=10**640 - 1)],
    ),
    "more digits than Python may read are ignored": (
        b"retry: 5\nretry: " + b"9" * 5000 + b"\ndata: a\n\n",
        [message("a", retry=5)],
    ),
}
each_case = pytest.mark.parametrize(
    ("stream", "expected"), CASES.values(), ids=CASES.keys()
)


def feed_all(chunks: Iterable[bytes]) -> list[ServerSentEvent]:
    decoder = Decoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def cut(stream: bytes, at: Iterable[int]) -> list[bytes]:
    """Cut at these places; a place named twice makes an empty chunk."""
    places = [0, *sorted(min(place, len(stream)) for place in at), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(places)]


places = st.lists(st.integers(0, 200), max_size=12)


@each_case
def test_whole(stream: bytes, expected: list[ServerSentEvent]) -> None:
    """A whole stream gives its events."""
    assert decode(stream) == expected


@each_case
def test_byte_by_byte(stream: bytes, expected: list[ServerSentEvent]) -> None:
    """The same stream gives the same events when every byte comes alone."""
    assert feed_all(bytes([byte]) for byte in stream) == expected


@each_case
@given(at=places)
@settings(deadline=None, max_examples=25)
def test_cut(stream: bytes, expected: list[ServerSentEvent], at: list[int]) -> None:
    """The same stream gives the same events wherever it is cut."""
    assert feed_all(cut(stream, at)) == expected


LF_CASES = {name: case for name, case in CASES.items() if b"\r" not in case[0]}


@pytest.mark.parametrize(("stream", "expected"), LF_CASES.values(), ids=LF_CASES.keys())
def test_line_ends(stream: bytes, expected: list[ServerSentEvent]) -> None:
    """A stream of LF lines means the same with CR and with CRLF."""
    assert decode(stream.replace(b"\n", b"\r")) == expected
    assert decode(stream.replace(b"\n", b"\r\n")) == expected


# --- against the standard ----------------------------------------------------------

FRAGMENTS = [
    *(
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"data",
        b"data: ",
        b"data:",
        b"event: ",
        b"id: ",
    ),
    *(
        b"id",
        b"retry: ",
        b"retry:",
        b": ",
        b":",
        b" ",
        b"12",
        b"x",
        b"\0",
        b"\v",
        b"\x85",
    ),
    *(
        BOM,
        b"\xef",
        b"\xbb",
        b"\xbf",
        b"\xe2\x80\xa8",
        b"\xf0\x9f",
        b"\xa6\x9c",
        b"\xff",
    ),
]
streams = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=60).map(b"".join),
    st.binary(max_size=60),
)


@given(stream=streams, at=places)
@settings(deadline=None, max_examples=500)
def test_agrees_with_the_standard(stream: bytes, at: list[int]) -> None:
    """Any bytes, cut anywhere, give what the standard's own algorithm gives."""
    reference, decoder = Reference(stream), Decoder()
    events = [event for chunk in cut(stream, at) for event in decoder.feed(chunk)]

    assert events == reference.events
    assert decoder.last_event_id == reference.last_event_id
    assert decoder.reconnection_time_ms == reference.reconnection_time_ms


@each_case
def test_reference(stream: bytes, expected: list[ServerSentEvent]) -> None:
    """The reference that we test against agrees with the table."""
    assert Reference(stream).events == expected


def test_utf8_is_decoded_as_the_encoding_standard_says() -> None:
    """Every kind of right and wrong byte, four in a row, gives the same text."""
    kinds = bytes.fromhex("41 80 8f 90 9f a0 bf c1 c2 e0 ed ef f0 f4 f5")
    fours = [bytes(four) for four in itertools.product(kinds, repeat=4)]

    events = decode(b"".join(b"data:%b\n\n" % four for four in fours))

    assert [event.data for event in events] == ["".join(utf8_decode(f)) for f in fours]


# --- what comes when ---------------------------------------------------------------


def test_cr_does_not_wait() -> None:
    """CR dispatches at once; the LF that may follow it is swallowed later."""
    decoder = Decoder()

    assert decoder.feed(b"data: a\r") == []
    assert decoder.feed(b"") == []  # no bytes: the CR is still the last one
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"\r") == [message("a")]
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"data: b\r\r") == [message("b")]
    assert decoder.feed(b"\n\ndata: c\n\n") == [message("c")]


def test_each_event_comes_with_its_last_byte() -> None:
    """The empty line is enough: no byte of the next event is waited for."""
    decoder = Decoder()

    assert decoder.feed(b"data: a\n\ndata: b\n\ndata: c\n") == [
        message("a"),
        message("b"),
    ]
    assert decoder.feed(b"\n") == [message("c")]


def test_what_outlives_an_event() -> None:
    """The last event ID counts from the empty line on, the retry time at once."""
    decoder = Decoder()
    seen = [(decoder.last_event_id, decoder.reconnection_time_ms)]
    for chunk in (b"id: 1\nretry: 50\n", b"\n", b"id: 2\ndata: lost, no empty line\n"):
        assert decoder.feed(chunk) == []
        seen.append((decoder.last_event_id, decoder.reconnection_time_ms))

    assert seen == [("", None), ("", 50), ("1", 50), ("1", 50)]


def test_retry_under_the_lowest_limit_of_python(request: pytest.FixtureRequest) -> None:
    """The digits we read are read under every `sys.set_int_max_str_digits`."""
    limit = sys.get_int_max_str_digits()
    request.addfinalizer(lambda: sys.set_int_max_str_digits(limit))
    sys.set_int_max_str_digits(sys.int_info.str_digits_check_threshold)
    event = message("a", retry=10**640 - 1)

    assert decode(encode(event)) == [event]


def cpu_s(chunks: Iterable[bytes]) -> float:
    start = time.process_time()
    feed_all(chunks)
    return time.process_time() - start


def test_a_long_line_takes_linear_time() -> None:
    """16 times the bytes, one by one, take about 16 times as long (not 256)."""
    short = [b"data: ", *[b"x"] * 2**16, b"\n\n"]
    long = [b"data: ", *[b"x"] * 2**20, b"\n\n"]

    assert cpu_s(long) < 64 * min(cpu_s(short) for _ in range(3))


def test_a_long_event_takes_linear_time() -> None:
    """16 times the lines of one event take about 16 times as long (not 256)."""
    short = [b"data: x\r", b"\n"] * 2**13
    long = [b"data: x\r", b"\n"] * 2**17

    assert cpu_s([*long, b"\n"]) < 64 * min(cpu_s([*short, b"\n"]) for _ in range(3))


# --- the encoder -------------------------------------------------------------------

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))
line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))
events = st.builds(
    ServerSentEvent,
    data=text,
    event=line.filter(bool),
    id=line.map(lambda value: value.replace("\0", "")),
    retry=st.none() | st.integers(0, 10**640 - 1),
)

ENCODED = {
    "data alone": (message("a"), b"data: a\n\n"),
    "no data": (message(""), b"data: \n\n"),
    "data of several lines": (
        message("a\n\nb\n"),
        b"data: a\ndata: \ndata: b\ndata: \n\n",
    ),
    "a value that begins with a space": (message(" a"), b"data:  a\n\n"),
    "all fields": (
        ServerSentEvent(data="é", event="add", id="1", retry=0),
        b"event: add\nid: 1\nretry: 0\ndata: \xc3\xa9\n\n",
    ),
}


@pytest.mark.parametrize(("event", "expected"), ENCODED.values(), ids=ENCODED.keys())
def test_encode(event: ServerSentEvent, expected: bytes) -> None:
    """An event has one way to be written, whatever ends its lines."""
    for newline in NEWLINES:
        assert encode(event, newline) == expected.replace(b"\n", newline.encode())


@given(event=events, newline=st.sampled_from(NEWLINES))
@settings(deadline=None, max_examples=200)
def test_decode_undoes_encode(event: ServerSentEvent, newline: str) -> None:
    """What `encode` writes, `decode` reads."""
    assert decode(encode(event, newline)) == [event]


@given(stream=streams)
@settings(deadline=None, max_examples=200)
def test_encode_takes_what_decode_gives(stream: bytes) -> None:
    """Every event that can come out of a stream can be written into one."""
    for event in decode(stream):
        assert decode(encode(event)) == [event]


@given(
    sent=st.lists(st.tuples(events.filter(lambda e: e.id), st.sampled_from(NEWLINES))),
    at=places,
)
@settings(deadline=None, max_examples=50)
def test_a_stream_is_its_events_joined(
    sent: list[tuple[ServerSentEvent, str]], at: list[int]
) -> None:
    """Events written one after the other are read as they were (if all have an id)."""
    stream = b"".join(encode(event, newline) for event, newline in sent)

    assert feed_all(cut(stream, at)) == [event for event, _ in sent]


# --- errors ------------------------------------------------------------------------

UNWRITABLE = {
    "CR in data": (
        {"data": "a\r\nb"},
        r"no bytes for '\r' in data 'a\r\nb': use '\n' and whole characters, or JSON",
    ),
    "LF in the type": (
        {"event": "a\nb"},
        r"no bytes for '\n' in event 'a\nb': name it in one line of text",
    ),
    "an empty type": (
        {"event": ""},
        "no bytes for '' in event '': name it in one line of text",
    ),
    "CR in the id": (
        {"id": "a\r"},
        r"no bytes for '\r' in id 'a\r': keep it to one line of text",
    ),
    "U+0000 in the id": (
        {"id": "\0"},
        r"no bytes for '\x00' in id '\x00': keep it to one line of text",
    ),
    "half a character": (
        {"data": "\ud83e"},
        r"no bytes for '\ud83e' in data '\ud83e': "
        r"use '\n' and whole characters, or JSON",
    ),
    "data that is no text": ({"data": {"a": 1}}, "data is text, not {'a': 1}"),
    "a negative retry": (
        {"retry": -1},
        "retry is a whole number of milliseconds below 10**640",
    ),
    "a retry of too many digits": (
        {"retry": 10**5000},
        "retry is a whole number of milliseconds below 10**640",
    ),
    "a retry in seconds": (
        {"retry": 1.5},
        "retry is a whole number of milliseconds below 10**640",
    ),
    "a retry of yes": (
        {"retry": True},
        "retry is a whole number of milliseconds below 10**640",
    ),
}


@pytest.mark.parametrize(("fields", "expected"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_encode_refuses(fields: dict[str, object], expected: str) -> None:
    """What the format cannot say is refused, and never changed on the way."""
    event = ServerSentEvent(**{"data": "", **fields})  # type: ignore[arg-type]

    with pytest.raises(UsageError) as error:
        encode(event)
    assert str(error.value) == expected


def test_encode_refuses_other_things() -> None:
    """Only an event can be written, and only with a line end of the format."""
    with pytest.raises(UsageError) as error:
        encode("data: a")  # type: ignore[arg-type]
    assert str(error.value) == (
        "not an event: 'data: a'; make one: ServerSentEvent(data=...)"
    )

    with pytest.raises(UsageError) as error:
        encode(message("a"), newline="\u2028")
    assert str(error.value) == r"newline is '\n', '\r\n' or '\r', not '\u2028'"


@pytest.mark.parametrize("chunk", ["data: a\n\n", None, bytearray(b"a"), 7])
def test_feed_takes_only_bytes(chunk: object) -> None:
    """Text is no stream: the error says what to pass, and nothing was fed."""
    decoder = Decoder()

    with pytest.raises(UsageError) as error:
        decoder.feed(chunk)  # type: ignore[arg-type]
    assert str(error.value) == (
        f"an event stream is bytes, not {chunk!r}: pass the response's bytes, "
        "text.encode(), or bytes(buffer)"
    )
    assert decoder.feed(b"data: b\n\n") == [message("b")]


def test_events_are_values() -> None:
    """Events compare, hash and show by their fields, and cannot be changed."""
    [event] = decode(b"id: 1\ndata: a\n\n")

    assert {event} == {message("a", id="1")}
    assert repr(event) == (
        "ServerSentEvent(data='a', event='message', id='1', retry=None)"
    )
    with pytest.raises(AttributeError):
        event.data = "b"  # type: ignore[misc]


def test_the_example_in_the_docs_is_true() -> None:
    """The module's own example gives what it says."""
    assert doctest.testmod(nbstream.sse) == doctest.TestResults(failed=0, attempted=3)
