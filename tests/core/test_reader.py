"""From payloads of any kind to a reply."""

import itertools
import json
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream._reader import Joining, Reader
from nbstream._resumption import resumed
from nbstream.errors import UnknownNameError, UsageError
from nbstream.reply import Reply
from nbstream.types import End, Failure, Hop, Start, TextDelta, TextDone, ToolCallDelta

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


LINES = [*WIRE.split(b"\n"), b"data: [DONE]", b""]
TEXT = WIRE.decode()
#: One response as each library gives it -> its items.
IDIOMS = {
    "iter_lines": LINES,
    "iter_lines, without the empty ones": [line for line in LINES if line],
    "iter_lines, with ends put back": [line + b"\n" for line in LINES if line],
    "iter_lines of text": [line.decode() for line in LINES],
    "iter_lines of text, a comment first": [": ping", "", *map(bytes.decode, LINES)],
    "iter_lines of text, an empty one first": ["", *map(bytes.decode, LINES)],
    "iter_text": [TEXT],
    "iter_text, in pieces": [TEXT[:17], TEXT[17:18], TEXT[18:300], TEXT[300:]],
    "named events": [b"event: message", LINES[0], b"", *LINES[1:]],
}


@pytest.mark.parametrize("items", IDIOMS.values(), ids=IDIOMS)
def test_lines_without_ends_are_lines(items):
    """However a library hands over a response, it is the same answer."""
    reply = read(items)

    assert (reply.text, reply.outcome) == ("Grüß dich 🙂", "complete")
    assert reply.api == "openai.chat"
    assert reply.ignored in ({}, {"[DONE]": 1})


@pytest.mark.parametrize("count", range(len(LINES)))
@pytest.mark.parametrize("kind", [bytes, bytes.decode])
def test_lines_that_end_early(kind, count):
    """What has come is kept, and no answer is whole without its end."""
    reply = read(map(kind, LINES[:count]))

    assert "Grüß dich 🙂".startswith(reply.text)
    assert reply.outcome == ("complete" if count > 4 else "truncated")


PROSE = {
    "a smile": [":)", " hello"],
    "a word": ["data: 5", " points"],
    "an empty string": [""],
    "JSON": ['{"a": 1}'],
    "an event later on": ["Hi\n", "data: {}\n\n"],
}


@pytest.mark.parametrize("items", PROSE.values(), ids=PROSE)
def test_other_strings_stay_text(items):
    """The first one that is not empty decides."""
    reply = read(items)

    assert (reply.text, reply.api) == ("".join(items), "text")
    assert (reply.outcome, reply.wire) == ("complete", None)


SPOKEN = {
    "chat": {
        "object": "chat.completion",
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
    },
    "anthropic": {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
    },
    "gemini": {
        "candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]
    },
    "responses": {
        "object": "response",
        "status": "completed",
        "output": [
            {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}
        ],
    },
    "gemini's list": [
        {"candidates": [{"content": {"parts": [{"text": "H"}]}}]},
        {
            "candidates": [
                {"content": {"parts": [{"text": "i"}]}, "finishReason": "STOP"}
            ]
        },
    ],
}
OLLAMA = "".join(
    json.dumps({"model": "m", "message": {"content": text}, "done": done}) + "\n"
    for text, done in [("H", False), ("i", False), ("", True)]
)
#: A body without one event that is an answer all the same.
ANSWERS = {
    **{name: json.dumps(answer).encode() for name, answer in SPOKEN.items()},
    "pretty": json.dumps(SPOKEN["chat"], indent=2).encode(),
    "with a mark": b"\xef\xbb\xbf" + json.dumps(SPOKEN["chat"]).encode(),
    "an array of chunks, one on each line": b"[%s\n,\n%s]"
    % tuple(
        json.dumps(
            {"candidates": [{"content": {"parts": [{"text": each}]}, **end}]}
        ).encode()
        for each, end in [("H", {}), ("i", {"finishReason": "STOP"})]
    ),
    "ollama": OLLAMA.encode(),
    "ollama, the last line without its end": OLLAMA.rstrip().encode(),
}
#: A body that is none -> type and end of the message.
NO_ANSWERS = {
    "a page": (b"<html><p>Sign in</p></html>\n", "protocol_error", "'Sign in'"),
    "a sentence": (b"Ollama is running", "protocol_error", "'Ollama is running'"),
    "JSON": (b'{"a": 1}', "protocol_error", "'{\"a\": 1}'"),
    "an empty list": (b"[]", "protocol_error", "'[]'"),
    "FastAPI's error": (b'{"detail": "Not Found"}', "protocol_error", "'Not Found'"),
    "an error": (b'{"error": {"message": "no m", "type": "x"}}', "x", "no m"),
    "Ollama's error": (b'{"error": "no m"}\n', "error", "no m"),
    "long": (b"x" * 9000, "protocol_error", f"'{'x' * 80} …'"),
}
CUTS = st.sets(st.integers(1, 300))


def cut(body, cuts):
    places = [0, *sorted(place for place in cuts if place < len(body)), len(body)]
    return [body[a:b] for a, b in itertools.pairwise(places)]


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(sorted(ANSWERS)), CUTS)
def test_a_whole_answer_in_place_of_a_stream(row, cuts):
    """It is read as that, wherever it was cut."""
    reply = read(cut(ANSWERS[row], cuts))

    assert (reply.text, reply.outcome) == ("Hi", "complete")


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(sorted(NO_ANSWERS)), CUTS)
def test_bytes_that_make_no_event_are_quoted(row, cuts):
    """Or are told as the error that they are; the bytes are kept."""
    body, kind, words = NO_ANSWERS[row]
    reply = read(cut(body, cuts))

    assert (reply.text, reply.outcome) == ("", "failed")
    assert reply.error.type == kind
    assert reply.error.message.endswith(words)
    assert reply.wire.data.startswith(body[:60])


@settings(deadline=None, max_examples=20)
@given(CUTS)
def test_an_error_among_lines_of_json(cuts):
    """What came before it is kept."""
    reply = read(cut(OLLAMA.splitlines()[0].encode() + b'\n{"error": "x"}\n', cuts))

    assert (reply.text, reply.outcome, reply.error.message) == ("H", "failed", "x")


def test_what_is_quoted_holds_no_key():
    """A page may repeat the request."""
    key = "sk-proj-" + "a1B2" * 10

    assert key not in read([f"Bad key {key}".encode()]).error.message


@pytest.mark.parametrize("body", [b"", b": ping\n\n", WIRE[:40], LINES[0] + b"\n"])
def test_a_stream_cut_before_its_first_event(body):
    """That is no other body: it was to be a stream."""
    reply = read([body])

    assert (reply.outcome, reply.error) == ("truncated", None)


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


# -- the name of the response ----------------------------------------------------------


def named(id_, model, *, role=False, finish=None):
    delta = {"role": "assistant", "content": "a"} if role else {"content": "a"}
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": id_, "model": model, "choices": choices}


NAMES = {
    "in the first chunk, by its role": ([named("c1", "m", role=True)], ("c1", "m", 1)),
    "in any chunk, if none has a role": ([named("c1", "m")] * 3, ("c1", "m", 1)),
    "the first, not the last": (
        [named("c1", "m"), named("stub", "m", finish="stop")],
        ("c1", "m", 2),
    ),
    "behind Azure's first chunk, which has none": (
        [{"id": "", "model": "", "choices": []}, named("c1", "m")],
        ("c1", "m", 1),
    ),
    "in no chunk": ([named("", "")] * 2, ("", "", 0)),
}


@pytest.mark.parametrize(("chunks", "expected"), NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("api", ["", "openai.chat"])
def test_a_response_cut_early_has_its_name(chunks, expected, api):
    """Each chunk has it, so the first one to come is enough."""
    reply = Reply(api)
    reader = Reader(reply)
    events = [event for chunk in chunks for event in reader.push(chunk)]

    starts = sum(isinstance(event, Start) for event in events)
    assert (reply.id, reply.model, starts) == expected


# -- a thought that the server leaves in the text -------------------------------------

THOUGHTS = {
    "a thought": ("<think>hm</think>42", ("hm", "42")),
    "white space": (" \n<think>\nhm\n</think>\n\n42\n", ("hm\n", "42\n")),
    "an empty thought": ("<think>\n\n</think>\n\n42", ("", "42")),
    "only a thought": ("<think>hm</think>", ("hm", "")),
    "only a thought, and white space": ("<think>hm</think>\n\n", ("hm", "")),
    "a thought that does not end": ("<think>\nhm, 4", ("hm, 4", "")),
    "a thought that has just begun": ("<think>", ("", "")),
    "a thought that does not end, and half of the tag": (
        "<think>hm</thi",
        ("hm</thi", ""),
    ),
    "what is nearly its end is a part of it": (
        "<think>a </ think> <</think>b",
        ("a </ think> <", "b"),
    ),
    "a second one is text": (
        "<think>a</think>b<think>c</think>",
        ("a", "b<think>c</think>"),
    ),
    "one inside of it is a part of it": (
        "<think>a<think>b</think>c",
        ("a<think>b", "c"),
    ),
    "later it is text": ("42 <think>hm</think>", ("", "42 <think>hm</think>")),
    "in a block of code it is text": ("`<think>`", ("", "`<think>`")),
    "half of its beginning is text": (" <thi", ("", " <thi")),
    "another tag is text": ("<thinking>hm</thinking>", ("", "<thinking>hm</thinking>")),
    "only its end is text": ("hm</think>42", ("", "hm</think>42")),
    "white space alone is text": (" \n", ("", " \n")),
    "an ordinary answer": ("\nHello <b>", ("", "\nHello <b>")),
}


def chat(text, finish=None, **more):
    choice = {"index": 0, "delta": {"content": text, **more}, "finish_reason": finish}
    return {"object": "chat.completion.chunk", "choices": [choice]}


def anthropic(text):
    delta = {"type": "text_delta", "text": text}
    return {"type": "content_block_delta", "index": 1, "delta": delta}


def responses(text):
    return {"type": "response.output_text.delta", "output_index": 0, "delta": text}


def gemini(text):
    content = {"role": "model", "parts": [{"text": text}]}
    return {"candidates": [{"index": 0, "content": content}]}


def interactions(text):
    delta = {"type": "text", "text": text}
    return {"event_type": "step.delta", "index": 0, "delta": delta}


SAYING = (chat, anthropic, responses, gemini, interactions, str)


def told(payloads):
    """What comes of it, read to its end; and what the events alone add up to."""
    reply = Reply()
    reader = Reader(reply)
    events = [event for payload in payloads for event in reader.push(payload)]
    events += reader.finish()
    reply._end()
    again = Reply()
    again._extend(events)
    assert (again.reasoning, again.text) == (reply.reasoning, reply.text)
    return reply.reasoning, reply.text


@pytest.mark.parametrize(("said", "expected"), THOUGHTS.values(), ids=THOUGHTS)
@pytest.mark.parametrize("saying", SAYING)
def test_a_thought_at_the_beginning_is_reasoning(saying, said, expected):
    """Whole, and character by character, over every API."""
    assert told([saying(said)]) == expected
    assert told([saying(each) for each in said]) == expected


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(THOUGHTS)), st.sets(st.integers(1, 30)))
def test_a_thought_may_be_cut_anywhere(row, places):
    """However it is cut, and with bytes as with dicts."""
    said, expected = THOUGHTS[row]
    cuts = sorted(place for place in places if place < len(said))
    pieces = [said[a:b] for a, b in itertools.pairwise([0, *cuts, len(said)])]
    chunks = [chat(piece) for piece in pieces]
    wire = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks)

    assert told(chunks) == expected
    assert told([wire]) == expected


@pytest.mark.parametrize("how", [{}, {"stopped": True}, {"exception": OSError("cut")}])
@pytest.mark.parametrize(
    ("said", "expected"),
    [(["\n<thi"], ("", "\n<thi")), (["<think>a", "</thi"], ("a</thi", ""))],
)
def test_what_was_held_is_kept_however_it_ends(said, expected, how):
    """A stop, or a lost connection, in the middle of a tag loses nothing."""
    reply = Reply()
    reader = Reader(reply)
    for each in said:
        reader.push(chat(each))
    reply._end(**how)

    assert (reply.reasoning, reply.text) == expected


CALL = {"index": 0, "id": "t1", "function": {"name": "f", "arguments": "{}"}}
AMONG = {
    "the finish comes with half a tag": (
        [chat("<thi", "stop")],
        ("", "<thi", "complete", 0),
    ),
    "the finish comes inside the thought": (
        [chat("<think>hm</th"), chat(None, "length")],
        ("hm</th", "", "complete", 0),
    ),
    "counts with each chunk are in nobody's way": (
        [{**chat(each), "usage": {"prompt_tokens": 1}} for each in ("<thi", "nk>a")],
        ("a", "", "truncated", 0),
    ),
    "a call behind white space": (
        [chat("\n"), chat(None, tool_calls=[CALL]), chat(None, "tool_calls")],
        ("", "\n", "complete", 1),
    ),
    "a call behind a thought": (
        [chat("<think>hm</think>\n", "tool_calls", tool_calls=[CALL])],
        ("hm", "", "complete", 1),
    ),
    "reasoning of its own before it": (
        [chat(None, reasoning_content="a"), chat("<think>b</think>c", "stop")],
        ("ab", "c", "complete", 0),
    ),
    "a message as a whole": (
        [
            {
                "object": "chat.completion",
                "choices": [
                    {
                        "finish_reason": "stop",
                        "message": {"content": "<think>hm</think>42"},
                    }
                ],
            }
        ],
        ("hm", "42", "complete", 0),
    ),
    "and behind a part of its stream": (
        [
            chat("<think>h"),
            {
                "object": "chat.completion",
                "choices": [
                    {
                        "finish_reason": "stop",
                        "message": {"content": "<think>hm</think>42"},
                    }
                ],
            },
        ],
        ("hm", "42", "complete", 0),
    ),
}


@pytest.mark.parametrize(("chunks", "expected"), AMONG.values(), ids=AMONG)
def test_a_thought_among_other_things(chunks, expected):
    """Nothing is told out of order, and nothing is lost."""
    reply = read(chunks)

    calls = len(reply.tool_calls)
    assert (reply.reasoning, reply.text, reply.outcome, calls) == expected


def test_the_history_is_without_the_thought():
    """What goes back is the answer; and a thought alone is no answer."""
    reply = read([chat("<think>hm</think>42", "stop")])

    assert reply.to_message() == {"role": "assistant", "content": "42"}


def test_each_choice_may_begin_with_a_thought():
    """One has ended its thought, and another is not there yet."""
    pieces = [(0, "Hi"), (1, "<th"), (0, " <think>"), (1, "ink>a</think>b")]
    reply = read(
        {"choices": [{"index": at, "delta": {"content": text}}]} for at, text in pieces
    )

    found = [(one.reasoning, one.text) for one in reply.choices]
    assert found == [("", "Hi <think>"), ("a", "b")]


WHOLES = {
    "nothing came before": ([], "<think>hm</think>42", ("hm", "42")),
    "a part of the thought": (["<think>h"], "<think>hm</think>42", ("hm", "42")),
    "half a tag": (["<thi"], "<think>hm</think>42", ("hm", "42")),
    "a part of the answer": (
        ["<think>hm</think>4"],
        "<think>hm</think>42",
        ("hm", "42"),
    ),
    "all of it": (["<think>hm</think>42"], "<think>hm</think>42", ("hm", "42")),
    "half a tag that is text": (["<thi"], "<thing>", ("", "<thing>")),
    "a text without one": (["4"], "42", ("", "42")),
    "white space, and a text": ([" "], " 42", ("", " 42")),
}


@pytest.mark.parametrize(("before", "whole", "expected"), WHOLES.values(), ids=WHOLES)
def test_a_text_that_is_said_as_a_whole(before, whole, expected):
    """Only what is missing counts, of the thought as of the answer."""
    reply = Reply()
    events = [TextDelta(text=each, index=0) for each in before]
    events.append(TextDone(text=whole, index=0))
    for each in events:
        reply._extend(reply._thoughts.read([each]))
    reply._end()

    assert (reply.reasoning, reply.text) == expected


def test_another_part_has_no_beginning():
    """Only the first text of an exchange begins with a thought."""
    reply = Reply()
    pieces = [("<thi", 0), ("nk>", 1), ("<think>", 2)]
    events = [TextDelta(text=text, index=index) for text, index in pieces]
    reply._extend(reply._thoughts.read([*events, TextDone(text="<think>x", index=3)]))
    reply._end()

    assert [part.text for part in reply.parts] == ["<thi", "nk>", "<think>", "<think>x"]


def test_each_exchange_may_begin_with_a_thought():
    """A hop begins anew."""
    reply = Reply()
    one, other = (TextDelta(text=f"<think>{each}</think>x") for each in "ab")
    call = ToolCallDelta(index=0, id="t1", name="f", arguments="{}")
    reply._extend(reply._thoughts.read([one, call, Hop()]))
    reply._extend(reply._thoughts.read([other]))

    assert (reply.reasoning, reply.text) == ("ab", "xx")


def test_a_stream_of_ours_learns_what_it_is_read_into():
    """So it can look at what has come of it; it is no event."""
    reply, found = Reply(), []
    reader = Reader(reply)

    assert reader.push(Joining(found.append)) == ()
    assert found == [reply]
    assert reply.parts == ()
