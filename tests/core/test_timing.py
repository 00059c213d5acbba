"""When things happened in a stream: noted on a clock that does as it is told."""

import pytest

import nbstream
from nbstream.lab.recording.exchange import Exchange, Read
from nbstream.reply.timing import Delta, Spread, Stall, Timing
from nbstream.streams.source import noting
from nbstream.types import (
    ArgumentDelta,
    Arguments,
    Finish,
    Start,
    TextDelta,
    TextDone,
    ToolCallDelta,
)


def text(value, kind="text"):
    return TextDelta(text=value, kind=kind)


def noted(*steps, **more):
    timing = Timing(**more)
    for at_s, *events in steps:
        timing.note(events, at_s)
    return timing


KINDS = {
    "text, in characters and in bytes": ([text("é!")], [("text", 2, 3)]),
    "reasoning": ([text("Hm", "reasoning")], [("reasoning", 2, 2)]),
    "a refusal": ([text("No", "refusal")], [("refusal", 2, 2)]),
    "half a character": ([text("\ud83d")], [("text", 1, 1)]),
    "a call and its arguments": (
        [
            ToolCallDelta(index=0, name="f"),
            ToolCallDelta(index=0, arguments='{"a"'),
            ArgumentDelta(json_path="$.a", value="xyz", will_continue=False),
        ],
        [("tool", 0, 0), ("tool", 4, 4), ("tool", 3, 3)],
    ),
    "arguments that came whole": (
        [Arguments(index=0, data={})],
        [("tool", 2, 2)],
    ),
    "an empty text and what is no answer": (
        [text(""), Start(id="1", model="m"), Finish(reason="stop", raw_reason="stop")],
        [],
    ),
    "what a whole text repeats": (
        [text("He"), text("llo"), TextDone(text="Hello")],
        [("text", 2, 2), ("text", 3, 3)],
    ),
    "what whole arguments repeat": (
        [
            ToolCallDelta(index=0, arguments="{}"),
            Arguments(index=0, data={}, text="{}"),
        ],
        [("tool", 2, 2)],
    ),
}


@pytest.mark.parametrize(("events", "expected"), KINDS.values(), ids=KINDS)
def test_each_delta_has_its_kind_and_size(events, expected):
    """A delta is what brings something of the answer, counted once."""
    timing = noted((1.5, *events))

    assert timing.deltas == tuple(Delta(1.5, *each) for each in expected)


def test_the_moments_are_told():
    """First event, first and last text: each on its own."""
    timing = noted(
        (0.5, Start(id="1", model="m")),
        (0.7,),
        (1.0, text("Hm", "reasoning")),
        (2.0, text("a")),
        (3.0, text("b")),
        (4.0, ToolCallDelta(index=0, name="f")),
        request_sent_s=0.25,
    )

    assert (timing.first_event_s, timing.first_text_s) == (0.5, 2.0)
    assert timing.last_text_s == 3.0
    assert timing.time_to_first_token_s == 0.75


def test_only_the_payload_with_the_first_delta_is_the_first():
    """The loop is woken once, by what can be seen."""
    timing = Timing()
    payloads = [[Start(id="", model="")], [text("")], [text("a")], [text("b")]]

    assert [timing.note(each, 1.0) for each in payloads] == [False, False, True, False]


def test_pauses_rate_and_stalls():
    """The pauses between deltas, by nearest rank; the silence at the end is a stall."""
    times = [1.0, 1.5, 2.0, 4.0]
    timing = noted(*((at, text("ab")) for at in times), end_s=9.0)

    assert timing.inter_delta == Spread(0.5, 2.0, 2.0)
    assert timing.text_rate == 2.0
    assert timing.stalls() == (Stall(2.0, 2.0), Stall(4.0, 5.0))
    assert timing.stalls(3.0) == (Stall(4.0, 5.0),)


def test_a_stream_that_runs_has_no_stall_at_its_end():
    """Nobody knows yet how long it is silent."""
    assert noted((1.0, text("a"))).stalls(0.0) == ()


NOTHING = {
    "nothing came": noted(),
    "one delta": noted((1.0, text("a"))),
    "all at once": noted((1.0, text("a"), text("b"))),
}


@pytest.mark.parametrize("timing", NOTHING.values(), ids=NOTHING)
def test_what_cannot_be_told_is_none(timing):
    """A rate needs time; a pause needs two deltas; a first token needs one."""
    assert timing.text_rate is None
    assert (timing.inter_delta is None) == (len(timing.deltas) < 2)
    assert (timing.time_to_first_token_s is None) == (not timing.deltas)


CHUNK = b'data: {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n\n'


def test_a_recording_has_the_times_of_its_reads():
    """They are exact, so that whatever is drawn of them is the same every time."""
    exchange = Exchange(
        number=1,
        line=1,
        api="openai.chat",
        method="POST",
        url="https://example.org/v1/chat/completions",
        started_s=0.0,
        request_headers={},
        request={},
        status=200,
        response_headers={"content-type": "text/event-stream"},
        response_s=0.1,
        reads=(Read(0.2, CHUNK[:9]), Read(0.3, CHUNK[9:]), Read(0.5, CHUNK)),
        ended="complete",
        notes=(),
    )
    timing = exchange.reply().timing

    assert (timing.zero_s, timing.request_sent_s, timing.headers_s) == (None, 0.0, 0.1)
    assert (timing.first_byte_s, timing.first_event_s) == (0.2, 0.3)
    assert timing.deltas == (Delta(0.3, "text", 2, 2), Delta(0.5, "text", 2, 2))
    assert timing.end_s == 0.5


class Response:
    is_closed = False


class Opened(list):
    response = Response()


STREAMS = {
    "a stream object has connected before": (lambda: ["a"], False, False),
    "a function is called by us": (lambda: lambda: ["a"], True, False),
    "its stream has the headers": (lambda: lambda: Opened(["a"]), True, True),
}


@pytest.mark.parametrize(("make", "sent", "headers"), STREAMS.values(), ids=STREAMS)
def test_what_can_be_known_of_the_request(make, sent, headers):
    """What cannot be seen is None, and not a guess."""
    timing = nbstream.show(make(), view="none").timing

    assert (timing.request_sent_s is not None) == sent
    assert (timing.headers_s is not None) == headers
    assert timing.first_byte_s is None


def test_a_stream_of_bytes_tells_its_first_byte():
    """Also if no event is whole yet."""
    timing = nbstream.show([CHUNK[:5], CHUNK[5:]], view="none").timing

    assert 0 <= timing.first_byte_s <= timing.first_event_s <= timing.end_s


def test_a_coroutine_and_a_manager_send_when_we_begin():
    """That is zero on our clock."""

    async def call():
        return []

    class Manager:
        def __enter__(self):
            return []

        def __exit__(self, *_):
            return None

    coroutine = call()
    for stream in (coroutine, Manager()):
        timing = Timing()
        assert noting(stream, timing) is stream
        assert timing.request_sent_s == 0.0
    coroutine.close()


def test_a_retry_begins_no_second_clock():
    """The wait before it is a part of what the reader waited."""
    timing = Timing()
    call = noting(lambda: [], timing)
    call()
    first = timing.request_sent_s
    call()

    assert timing.request_sent_s == first
