"""From payloads of any kind to a reply."""

import itertools
import json
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream._reader import Reader
from nbstream.errors import UnknownNameError, UsageError
from nbstream.reply import Reply
from nbstream.types import End, Failure, TextDelta

CHUNKS = [
    {
        "id": "c1",
        "object": "chat.completion.chunk",
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}],
    }
    for text, finish in [("Grüß ", None), ("dich 🙂", None), (None, "stop")]
]
WIRE = b"".join(
    b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"
    for chunk in CHUNKS
)


def as_object(value):
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_object(each) for key, each in value.items()})
    if isinstance(value, list):
        return [as_object(each) for each in value]
    return value


def read(payloads, api=""):
    reply = Reply(api)
    reader = Reader(reply)
    for payload in payloads:
        reader.push(payload)
    reader.finish()
    reply._end()
    return reply


KINDS = {
    "dicts": CHUNKS,
    "objects": [as_object(chunk) for chunk in CHUNKS],
    "bytes in one piece": [WIRE],
    "bytes, one by one": [bytes([byte]) for byte in WIRE],
    "lines of bytes, as a file gives them": WIRE.splitlines(keepends=True),
}


@pytest.mark.parametrize("payloads", KINDS.values(), ids=KINDS)
def test_payloads_of_every_kind(payloads):
    """Objects, dicts and raw bytes of one stream give one reply."""
    reply = read(payloads)

    assert (reply.text, reply.outcome, reply.api) == (
        "Grüß dich 🙂",
        "complete",
        "openai.chat",
    )


def test_strings_are_complete_at_their_end():
    """Plain strings have no terminal marker: their end is the end."""
    reply = read(["Hel", "lo"])

    assert (reply.text, reply.outcome, reply.api) == ("Hello", "complete", "text")


def test_events_are_returned():
    """Each push gives the events it made, and finish gives the last."""
    reader = Reader(Reply())

    assert list(reader.push("Hel")) == [TextDelta(text="Hel")]
    assert list(reader.finish()) == [End()]


def test_bytes_give_their_events():
    """A piece of bytes gives the events of all that it completes."""
    events = Reader(Reply()).push(WIRE + b"data: [DONE]\n\n")

    assert [event.text for event in events if isinstance(event, TextDelta)] == [
        "Grüß ",
        "dich 🙂",
    ]


STRANGERS = {
    "an object": object(),
    "a number": 5,
    "None": None,
    "a dict of no API": {"hello": "world"},
    "a long one is cut": {"x": "y" * 500},
}


@pytest.mark.parametrize("payload", STRANGERS.values(), ids=STRANGERS)
def test_an_unknown_payload(payload):
    """What no provider knows is an error that shows it and says what is expected."""
    with pytest.raises(UsageError, match="no provider knows this item") as caught:
        Reader(Reply()).push(payload)
    assert repr(payload)[:60] in str(caught.value)
    assert len(str(caught.value)) < 500


MISREAD = {
    "no JSON": b"data: {oops\n\n",
    "no object": b"data: [1, 2]\n\n",
    "too deep": b"data: " + b"[" * 100_000 + b"\n\n",
}


@pytest.mark.parametrize("wire", MISREAD.values(), ids=MISREAD)
def test_bytes_that_are_no_payload(wire):
    """What cannot be read is a failure of the protocol; what came before is kept."""
    reply = Reply.from_sse(WIRE + wire, "openai.chat")

    assert (reply.text, reply.outcome) == ("Grüß dich 🙂", "failed")
    assert reply.error is not None
    assert reply.error.type == "protocol_error"


class Broken:
    """A chunk that cannot be read."""

    __slots__ = ()
    object = "chat.completion.chunk"

    @property
    def choices(self):
        raise ValueError("choices are gone")


def test_a_payload_of_the_wrong_shape_is_a_failure():
    """What cannot be read as the API says is the provider's fault, told as such."""
    (event,) = Reader(Reply("openai.chat")).push(Broken())

    assert isinstance(event, Failure)
    assert event.message.startswith(
        "not of the shape of openai.chat (ValueError: choices are gone)"
    )


def test_from_sse_takes_bytes_only():
    """A text is refused with what to do."""
    with pytest.raises(UsageError, match=r"got str; encode a text with \.encode\(\)"):
        Reply.from_sse("data: {}\n\n", "openai.chat")


@pytest.mark.parametrize("api", ["", "openai", "nope"])
def test_from_sse_needs_a_known_api(api):
    """The name of the API is checked, and the known ones are told."""
    with pytest.raises(UnknownNameError, match=r"known: .*anthropic\.messages"):
        Reply.from_sse(b"", api)


@settings(deadline=None)
@given(st.lists(st.integers(0, len(WIRE)), max_size=20))
def test_cuts_do_not_matter(cuts):
    """However the network cuts the bytes, the reply is the same."""
    edges = [0, *sorted(cuts), len(WIRE)]
    pieces = [WIRE[a:b] for a, b in itertools.pairwise(edges)]
    reply = read(pieces, "openai.chat")

    assert (reply.text, reply.outcome) == ("Grüß dich 🙂", "complete")
