"""From payloads of any kind to a reply."""

import itertools
import json
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream._reader import Reader, resumed
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


# -- what follows a reply that broke off -------------------------------------------


def numbered(kind, number, **more):
    return {"type": f"response.{kind}", "sequence_number": number, **more}


def lifecycle(kind, number, id_="r1", **more):
    response = {"id": id_, "model": "m", "background": True, **more}
    return numbered(kind, number, response=response)


def words(text, number):
    return numbered("output_text.delta", number, output_index=0, delta=text)


MESSAGE = {
    "type": "message",
    "id": "m1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
}
COUNTS = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
BACKGROUND = [
    lifecycle("created", 0),
    words("Hel", 1),
    words("lo", 2),
    numbered("output_text.done", 3, output_index=0, content_index=0, text="Hello"),
    numbered("output_item.done", 4, output_index=0, item=MESSAGE),
    lifecycle("completed", 5, status="completed", output=[MESSAGE], usage=COUNTS),
]


def interaction(kind, token, **more):
    return {"event_type": kind, "event_id": token, **more}


def step(text, token):
    said = {"type": "text", "text": text}
    return interaction("step.delta", token, index=0, delta=said)


INTERACTION = [
    interaction("interaction.created", "a", interaction={"id": "i", "model": "m"}),
    step("Hel", "b"),
    step("lo", "c"),
    interaction("interaction.completed", "d", interaction={"status": "completed"}),
]


def broken(payloads):
    reply = read(payloads)
    assert reply.outcome == "truncated"
    return reply


def joined(reply, payloads):
    more = resumed(reply)
    reader = Reader(more)
    for payload in payloads:
        reader.push(payload)
    more._end()
    return more


STREAMS = {"a response": BACKGROUND, "an interaction": INTERACTION}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_what_follows_is_joined_to_what_came(stream):
    """Wherever it broke off, and however much comes again, the reply is the whole."""
    whole = read(stream)
    for at in range(2, len(stream)):
        first = broken(stream[:at])
        for again in range(1, at + 1) if stream is BACKGROUND else (at - 1, at):
            reply = joined(first, stream[again:])

            assert (reply.text, reply.outcome) == ("Hello", "complete")
            assert (reply.usage, reply.id) == (whole.usage, whole.id)
            assert [part.text for part in reply.parts] == ["Hello"]
            assert reply.to_message() == whole.to_message()
        assert first.outcome == "truncated"


def test_it_may_break_off_again():
    """What came again does not set the place back."""
    first = broken(BACKGROUND[:3])
    second = joined(first, BACKGROUND[:2])

    assert second._position == 2
    assert second.resume_hint == first.resume_hint
    assert joined(second, BACKGROUND[1:]).text == "Hello"


def test_bytes_are_joined_too():
    """The events of a body that was read by hand have their numbers, too."""
    wire = b"".join(b"data: %b\n\n" % json.dumps(e).encode() for e in BACKGROUND[2:])

    assert joined(broken(BACKGROUND[:2]), [wire]).text == "Hello"


FIRST = BACKGROUND[:2]
STRANGE = {
    "it goes on later": (FIRST, BACKGROUND[3:]),
    "it is another response": (FIRST, [lifecycle("completed", 2, "r2")]),
    "it is of another API": (FIRST, CHUNKS),
    "it begins anew": (INTERACTION[:2], INTERACTION),
}


@pytest.mark.parametrize(("first", "then"), STRANGE.values(), ids=STRANGE)
def test_what_does_not_follow_is_refused(first, then):
    """It would be a silent gap, or the same text twice; the message has the call."""
    with pytest.raises(UsageError, match=r"stream=True, (starting_after|last_event)"):
        joined(broken(first), then)


@pytest.mark.parametrize("payloads", [BACKGROUND, CHUNKS[:1]], ids=["whole", "other"])
def test_not_every_reply_can_be_gone_on_with(payloads):
    """One that is whole needs nothing, and of other APIs nothing follows."""
    with pytest.raises(UsageError, match="cannot be gone on with"):
        resumed(read(payloads))
