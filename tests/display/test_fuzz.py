"""Whatever bytes come: no crash but our own errors, no hang, and a reply that holds.

Set ``NBSTREAM_FUZZ`` to a number of examples for a long run.
"""

from __future__ import annotations

import functools
import json
import os
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbstream._reader import Reader
from nbstream.errors import NbstreamError, failure_of
from nbstream.offline.answer import answer
from nbstream.offline.wire import WRITERS
from nbstream.reply import Reply
from nbstream.screens.bundle import bundle
from nbstream.screens.caption import caption_html, metadata

APIS = tuple(WRITERS)
EXAMPLES = int(os.environ.get("NBSTREAM_FUZZ", "60"))
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TOOLS = {"type": "object", "properties": {"city": {"type": "string"}}}
PROMPTS = (
    "Hello \u00e9\U0001f600",
    "[scenario: reasoning]",
    "[scenario: two_tool_calls]",
    "[scenario: refusal]",
    "[scenario: length]",
)


def request(api: str, prompt: str) -> dict[str, object]:
    tool = {"name": "get_weather", "description": "Weather", "parameters": TOOLS}
    body: dict[str, object] = {"model": "m", "stream": True, "max_tokens": 4000}
    match api:
        case "openai.chat":
            wrapped = {"type": "function", "function": tool}
            said = [{"role": "user", "content": prompt}]
            del body["max_tokens"]
            return {**body, "messages": said, "tools": [wrapped]}
        case "anthropic.messages":
            shaped = {"name": "get_weather", "input_schema": TOOLS}
            said = [{"role": "user", "content": prompt}]
            return {**body, "messages": said, "tools": [shaped]}
        case "google.generate_content":
            said = [{"role": "user", "parts": [{"text": prompt}]}]
            return {"contents": said, "tools": [{"functionDeclarations": [tool]}]}
        case _:
            del body["max_tokens"]
            return {**body, "input": prompt, "tools": [{"type": "function", **tool}]}


@functools.cache
def frames(api: str, prompt: str) -> tuple[bytes, ...]:
    body = request(api, prompt)
    ask = WRITERS[api].read(body, "m", stream=True)
    return tuple(each.data for each in WRITERS[api].frames(ask, answer(ask, body)))


def check(reply: Reply) -> None:
    """Everything a person may ask of a reply works, and fits together."""
    assert reply.outcome in ("complete", "truncated", "failed", "stopped")
    assert (reply.outcome == "failed") == (reply.error is not None)
    for text in (reply.text, reply.reasoning, reply.refusal, str(reply), repr(reply)):
        assert type(text) is str
    assert type(reply.id) is type(reply.model) is str
    for call in reply.tool_calls:
        assert type(call.id) is type(call.name) is type(call.arguments) is str
        assert call.index is None or type(call.index) is int
        assert call.state in ("valid", "invalid", "unfinished")
        assert (call.state == "valid") == isinstance(call.parsed, dict)
    assert all(type(n) is str and c > 0 for n, c in reply.ignored.items())
    assert reply.finish_reason is None or type(reply.finish_reason) is str
    assert reply.raw_finish_reason is None or type(reply.raw_finish_reason) is str
    assert reply.resume_hint is None or type(reply.resume_hint) is str
    check_usage(reply)
    json.dumps(metadata(reply))
    for shown in (*bundle(reply).values(), caption_html(reply)):
        shown.encode()
    assert type(reply._repr_markdown_()) is str
    if reply.outcome == "failed":
        assert type(reply.error.type) is type(reply.error.message) is str
        assert "\n" not in str(failure_of(reply))
    json.dumps(reply.to_message())
    assert len(reply.parts) == len(tuple(reply.choices[0])) if reply.choices else True


def check_usage(reply: Reply) -> None:
    usage = reply.usage
    if usage is not None:
        counts = (
            usage.input_tokens,
            usage.output_tokens,
            usage.total_tokens,
            usage.reasoning_tokens,
            usage.cached_tokens,
        )
        assert all(count is None or type(count) is int for count in counts)


def read(data: bytes, api: str) -> Reply:
    reply = Reply.from_sse(data, api)
    check(reply)
    return reply


# --- mutated streams ---------------------------------------------------------------

ODD_TEXT = st.sampled_from(["", "x", "\x00", "\ud800", "[DONE]", "a\nb", "</script>"])
ODD_NUMBERS = st.sampled_from(
    [0, -1, 5, 10**30, 1.5, float("inf"), float("nan"), 2**63]
)
SCALARS = st.one_of(st.none(), st.booleans(), ODD_NUMBERS, ODD_TEXT)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["type", "text", "id", "name", "index", "x"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)


def places(value, at=()):
    """Every place inside a JSON value, as a path."""
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*at, key))
    elif isinstance(value, list):
        for key, inner in enumerate(value):
            yield from places(inner, (*at, key))


def put(value, at, new):
    """A copy with another value at that place."""
    if not at:
        return new
    if isinstance(value, dict):
        return {**value, at[0]: put(value[at[0]], at[1:], new)}
    return [put(v, at[1:], new) if k == at[0] else v for k, v in enumerate(value)]


@st.composite
def spoilt(draw, api):
    """The frames of a valid stream, some of whose values are others."""
    found = list(frames(api, draw(st.sampled_from(PROMPTS))))
    for _ in range(draw(st.integers(1, 4))):
        number = draw(st.integers(0, len(found) - 1))
        head, mark, tail = found[number].partition(b"data: ")
        try:
            data = json.loads(tail)
        except ValueError:
            continue
        at = draw(st.sampled_from(list(places(data))))
        text = json.dumps(put(data, at, draw(VALUES)))
        found[number] = head + mark + text.encode() + b"\n\n"
    if draw(st.booleans()):
        found = draw(st.permutations(found)) if len(found) < 60 else found[::-1]
    return b"".join(found)


@pytest.mark.parametrize("api", APIS)
@given(data=st.data())
@FUZZ
def test_values_of_any_type_anywhere(api, data):
    """A value of a wrong type, or events in another order, never break the reply."""
    read(data.draw(spoilt(api)), api)


@pytest.mark.parametrize("api", APIS)
@given(data=st.data())
@FUZZ
def test_bytes_cut_flipped_and_doubled(api, data):
    """Neither do wrong bytes; and how the bytes come in pieces changes nothing."""
    whole = bytearray(b"".join(frames(api, data.draw(st.sampled_from(PROMPTS)))))
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(whole) - 1))
        end = at + data.draw(st.integers(0, 40))
        whole[at:end] = data.draw(
            st.binary(max_size=8) | st.just(bytes(whole[at:end]) * 2)
        )
    cut = data.draw(st.integers(0, len(whole)))
    wire = bytes(whole[:cut])
    reply = read(wire, api)

    middle = data.draw(st.integers(0, cut))
    again = Reply(api)
    reader = Reader(again)
    reader.push(wire[:middle])
    reader.push(wire[middle:])
    reader.finish()
    again._end()
    assert (again.text, again.outcome) == (reply.text, reply.outcome)
    assert again.tool_calls == reply.tool_calls


@pytest.mark.parametrize("api", APIS)
@given(events=st.lists(VALUES, max_size=6))
@FUZZ
def test_any_json(api, events):
    """Any JSON as an event is a failure or is counted, and never more than that."""
    read(b"".join(b"data: %b\n\n" % json.dumps(e).encode() for e in events), api)


@pytest.mark.parametrize("api", APIS)
@given(wire=st.binary(max_size=400))
@FUZZ
def test_any_bytes(api, wire):
    """Any bytes at all."""
    read(wire, api)


@given(payload=VALUES, more=VALUES)
@FUZZ
def test_payloads_of_no_known_api(payload, more):
    """What is handed over as objects is read, or is a `UsageError`."""
    reply = Reply()
    reader = Reader(reply)
    try:
        reader.push(payload)
        reader.push(more)
        reader.finish()
    except NbstreamError:  # it says what is wrong with it
        return
    reply._end()
    check(reply)


# --- what it found, and what it could not -------------------------------------------

#: what it was -> (api, one event a line)
FOUND: dict[str, tuple[str, str]] = {
    "a list as the number of a block": (
        "anthropic.messages",
        '{"type":"content_block_delta","index":[],'
        '"delta":{"type":"text_delta","text":"x"}}',
    ),
    "a list as the type of an event": ("anthropic.messages", '{"type":[]}'),
    "a list as the reason to stop": (
        "anthropic.messages",
        '{"type":"message_delta","delta":{"stop_reason":["end_turn"]}}',
    ),
    "a number as a text": (
        "anthropic.messages",
        '{"type":"content_block_delta","index":0,'
        '"delta":{"type":"text_delta","text":5}}',
    ),
    "a truth as the number of a call": (
        "openai.chat",
        '{"choices":[{"index":0,"delta":{"tool_calls":'
        '[{"index":false,"function":{"arguments":"{}"}}]}}]}',
    ),
    "a list as the name of the model": (
        "google.generate_content",
        '{"candidates":[],"modelVersion":[]}',
    ),
    "an object as the number of an answer": (
        "google.generate_content",
        '{"candidates":[{"index":{},"content":{"parts":[{"text":"x"}]}}]}',
    ),
    "a text as a count of tokens": (
        "google.generate_content",
        '{"usageMetadata":{"candidatesTokenCount":"x","thoughtsTokenCount":1.5}}',
    ),
    "a list as the number of a step": (
        "google.interactions",
        '{"event_type":"step.delta","index":[],"delta":{"type":"text","text":"x"}}',
    ),
    "an object as the content of a step": (
        "google.interactions",
        '{"event_type":"step.start","index":0,'
        '"step":{"type":"model_output","content":{}}}',
    ),
    "a step of a server with a list as its id": (
        "google.interactions",
        '{"event_type":"step.start","index":0,'
        '"step":{"type":"code_execution_call","id":[]}}',
    ),
}
HUGE = "9" * 5000
DEEP = "[" * 100_000
STEPS = {
    "openai.chat": '{"choices":[{"delta":{"tool_calls":%s},"finish_reason":null}]}',
    "openai.responses": '{"type":"response.output_text.delta","output_index":%s,'
    '"delta":"x"}',
    "anthropic.messages": '{"type":"content_block_delta","index":%s,'
    '"delta":{"type":"text_delta","text":"x"}}',
    "google.generate_content": '{"candidates":[{"content":{"parts":%s}}]}',
    "google.interactions": '{"event_type":"step.delta","index":%s,'
    '"delta":{"type":"text","text":"x"}}',
}
HARD = {
    "a number of 5,000 digits": HUGE,
    "nested 100,000 deep": DEEP,
    "a deep list that is closed": "[" * 900 + "]" * 900,
    "half a character": '"\\ud800"',
    "not a number": "NaN",
    "a list of wrong things": '["x", 5, null, {"index": "x", "function": 5}]',
}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("value", HARD.values(), ids=HARD)
def test_hard_values(value, api):
    """What JSON may hold and Python may not like, where a number or list belongs."""
    read(f"data: {STEPS[api] % value}\n\n".encode(), api)


@pytest.mark.parametrize(("api", "wire"), FOUND.values(), ids=FOUND)
def test_found(api, wire):
    """What a long run found once."""
    read(re.sub(r"^", "data: ", wire, flags=re.M).replace("\n", "\n\n").encode(), api)
