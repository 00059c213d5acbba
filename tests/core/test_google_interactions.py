"""Gemini Interactions: events off the wire, the SDK's objects, and back again."""

import json
from collections.abc import Sequence
from functools import partial

import httpx2
import pytest
from google import genai
from google.genai import types
from google.genai._gaos.types.interactions import (
    interactionsseevent,
    step,
    stepdeltadata,
)
from harness.payloads import by_name, replied
from harness.sdks import since

from nbstream.providers.interactions import API, matches, normalize, to_message
from nbstream.types import (
    Arguments,
    Citation,
    End,
    Event,
    Failure,
    Finish,
    Hop,
    Ignored,
    OtherPart,
    Output,
    PartDone,
    Signature,
    Start,
    TextDelta,
    TextDone,
    ToolCallDelta,
    Usage,
)

Payload = dict[str, object]
reply_of = partial(replied, API, normalize)


def started(index: int, **step: object) -> Payload:
    return {"event_type": "step.start", "index": index, "step": step}


def delta(index: int, **delta: object) -> Payload:
    return {"event_type": "step.delta", "index": index, "delta": delta}


def stopped(index: int) -> Payload:
    return {"event_type": "step.stop", "index": index}


def completed(status: str, **more: object) -> Payload:
    interaction = {"id": "int_1", "status": status, **more}
    return {"event_type": "interaction.completed", "interaction": interaction}


CREATED: Payload = {
    "event_type": "interaction.created",
    "interaction": {"id": "int_1", "status": "in_progress", "model": "gemini-x"},
}
COUNTS = {
    "total_input_tokens": 5,
    "total_output_tokens": 4,
    "total_thought_tokens": 3,
    "total_tokens": 12,
    "total_cached_tokens": 2,
    "total_tool_use_tokens": 0,
}
USAGE = Usage(
    input_tokens=5,
    output_tokens=7,
    total_tokens=12,
    reasoning_tokens=3,
    cached_tokens=2,
    data=COUNTS,
)
NOTE = {"type": "url_citation", "url": "https://e.example", "start_index": 0}
TEXT = {"type": "text", "text": "sky"}
IMAGE = {"type": "image", "data": "aGk=", "mime_type": "image/png"}
SEARCH = {
    "type": "google_search_call",
    "id": "s1",
    "arguments": {"queries": ["sky"]},
}
FOUND = {
    "type": "google_search_result",
    "call_id": "s1",
    "result": [{"search_suggestions": "<b>"}],
    "signature": "sig",
}
MCP = {
    "type": "mcp_server_tool_call",
    "id": "m1",
    "name": "look",
    "server_name": "s",
    "arguments": {},
}

EVENTS: dict[str, tuple[Payload, Sequence[Event]]] = {
    "the start names the interaction": (
        CREATED,
        [Start(id="int_1", model="gemini-x")],
    ),
    "an agent stands for the model": (
        {
            "event_type": "interaction.created",
            "interaction": {"id": "i", "status": "queued", "agent": "deep-research"},
        },
        [Start(id="i", model="deep-research")],
    ),
    "a status is counted": (
        {
            "event_type": "interaction.status_update",
            "interaction_id": "int_1",
            "status": "in_progress",
        },
        [Ignored(type="interaction.status_update")],
    ),
    "a status may say what was used": (
        {
            "event_type": "interaction.status_update",
            "interaction_id": "int_1",
            "status": "in_progress",
            "usage": COUNTS,
        },
        [Ignored(type="interaction.status_update"), USAGE],
    ),
    "an output begins with nothing": (started(0, type="model_output", content=[]), []),
    "an output may begin with content": (
        started(
            0, type="model_output", content=[{**TEXT, "annotations": [NOTE]}, IMAGE]
        ),
        [
            TextDelta(text="sky", index=0),
            Citation(data=NOTE, index=0),
            OtherPart(type="image", data=IMAGE, index=0),
        ],
    ),
    "an output may say that it failed": (
        started(0, type="model_output", error={"code": 13, "message": "Broken."}),
        [Failure(type="13", message="Broken.")],
    ),
    "text": (delta(0, type="text", text="Hel"), [TextDelta(text="Hel", index=0)]),
    "a delta may say what was used": (
        {**delta(0, type="text", text="a"), "metadata": {"total_usage": COUNTS}},
        [TextDelta(text="a", index=0), USAGE],
    ),
    "a thought opens empty, as only its signature may come": (
        started(1, type="thought", summary=[]),
        [TextDelta(text="", index=1, kind="reasoning")],
    ),
    "a thought may come whole": (
        started(1, type="thought", summary=[TEXT, IMAGE], signature="c2ln"),
        [
            TextDelta(text="", index=1, kind="reasoning"),
            TextDelta(text="sky", index=1, kind="reasoning"),
            OtherPart(type="thought_summary", data=IMAGE, index=1),
            Signature(signature="c2ln", index=1),
        ],
    ),
    "a thought": (
        delta(1, type="thought_summary", content=TEXT),
        [TextDelta(text="sky", index=1, kind="reasoning")],
    ),
    "a thought may be an image": (
        delta(1, type="thought_summary", content=IMAGE),
        [OtherPart(type="thought_summary", data=IMAGE, index=1)],
    ),
    "the signature of a thought": (
        delta(1, type="thought_signature", signature="c2ln"),
        [Signature(signature="c2ln", index=1)],
    ),
    "an empty signature is none": (delta(1, type="thought_signature"), []),
    "a call opens with arguments of {}": (
        started(2, type="function_call", id="c1", name="weather", arguments={}),
        [
            ToolCallDelta(index=2, id="c1", name="weather"),
            Arguments(index=2, data={}),
        ],
    ),
    "a call may come whole": (
        started(2, type="function_call", id="c1", name="f", arguments={"a": [None]}),
        [
            ToolCallDelta(index=2, id="c1", name="f"),
            Arguments(index=2, data={"a": [None]}),
        ],
    ),
    "a fragment of a call's arguments": (
        delta(2, type="arguments_delta", arguments='{"ci'),
        [ToolCallDelta(index=2, arguments='{"ci')],
    ),
    "an empty fragment says nothing": (delta(2, type="arguments_delta"), []),
    "a step ends": (stopped(2), [PartDone(index=2, data={})]),
    "a step's end may say what was used": (
        {**stopped(2), "usage": COUNTS},
        [PartDone(index=2, data={}), USAGE],
    ),
    "sources": (
        delta(0, type="text_annotation_delta", annotations=[NOTE]),
        [Citation(data=NOTE, index=0)],
    ),
    "an image": (
        delta(0, **IMAGE),
        [OtherPart(type="image", data=IMAGE, index=0)],
    ),
    "a tool that Google runs": (
        started(3, **SEARCH),
        [OtherPart(type="google_search_call", data=SEARCH, index=3)],
    ),
    "what it found": (
        delta(4, **{**FOUND, "call_id": "s1"}),
        [OtherPart(type="google_search_result", data=FOUND, index=4, goes_on=True)],
    ),
    "a step of the user is counted": (
        started(0, type="user_input", content=[TEXT]),
        [Ignored(type="step.start.user_input")],
    ),
    "a step of a kind we have never heard of is kept": (
        started(5, type="hologram", beam={"a": None}),
        [
            OtherPart(
                type="hologram",
                data={"type": "hologram", "beam": {"a": None}},
                index=5,
            )
        ],
    ),
    "the call of a new tool is kept": (
        delta(5, type="hologram_call", beam=1),
        [
            OtherPart(
                type="hologram_call",
                data={"type": "hologram_call", "beam": 1},
                index=5,
                goes_on=True,
            )
        ],
    ),
    "a delta of a kind we have never heard of is counted": (
        delta(5, type="beam", beam=1),
        [Ignored(type="step.delta.beam")],
    ),
    "an event of a kind we have never heard of is counted": (
        {"event_type": "interaction.sang", "song": 1},
        [Ignored(type="interaction.sang")],
    ),
    "the end says what was used": (
        completed("completed", usage=COUNTS),
        [USAGE, Finish(reason="stop", raw_reason="completed"), End()],
    ),
    "the end may repeat what was said": (
        completed(
            "completed",
            steps=[
                {"type": "user_input", "content": [TEXT]},
                {"type": "model_output", "content": [TEXT, IMAGE, TEXT]},
            ],
        ),
        [
            Output(
                parts=(
                    PartDone(
                        index=1,
                        data={},
                        said=(
                            TextDone(text="skysky", index=1),
                            OtherPart(type="image", data=IMAGE, index=1),
                        ),
                    ),
                )
            ),
            Finish(reason="stop", raw_reason="completed"),
            End(),
        ],
    ),
    "a failure may say nothing": (
        completed("failed"),
        [Failure(type="failed", message="the provider gave no reason"), End()],
    ),
    "a failure may say why": (
        completed("failed", error={"code": "internal", "message": "Broken."}),
        [Failure(type="internal", message="Broken."), End()],
    ),
    "an error": (
        {"event_type": "error", "error": {"code": "internal", "message": "Broken."}},
        [Failure(type="internal", message="Broken.")],
    ),
    "an error that says nothing": (
        {"event_type": "error"},
        [Failure(type="error", message="the provider gave no reason")],
    ),
}
#: What the SDK fills up with things of its own, or gives up on.
WIRE_ONLY: dict[str, tuple[object, Sequence[Event]]] = {
    "a delta that is missing": (
        {"event_type": "step.delta", "index": 0},
        [Ignored(type="step.delta.None")],
    ),
    "a step that is missing": (
        {"event_type": "step.start", "index": 0},
        [Ignored(type="step.start.None")],
    ),
    "unknown is a word of the SDK's": (
        {"event_type": "UNKNOWN", "raw": {"event_type": "UNKNOWN"}},
        [Ignored(type="UNKNOWN")],
    ),
    "and of its deltas": (
        delta(0, type="UNKNOWN"),
        [Ignored(type="step.delta.UNKNOWN")],
    ),
    "and of its steps": (
        started(0, type="UNKNOWN"),
        [Ignored(type="step.start.UNKNOWN")],
    ),
    "usage before any output": (
        {**stopped(0), "usage": {"total_input_tokens": 5}},
        [
            PartDone(index=0, data={}),
            Usage(
                input_tokens=5,
                output_tokens=None,
                total_tokens=None,
                reasoning_tokens=None,
                cached_tokens=None,
                data={"total_input_tokens": 5},
            ),
        ],
    ),
    "a string is JSON that the SDK could not read": (
        '{"event_type": "step.del',
        [
            Failure(
                type="protocol_error",
                message='an event is not JSON: \'{"event_type": "step.del\'',
            )
        ],
    ),
}


def as_sse(body: Sequence[Payload] | str) -> str:
    if isinstance(body, str):
        return body
    blocks = [f"data: {json.dumps(payload)}\n\n" for payload in body]
    return "".join(blocks) + "event: done\ndata: [DONE]\n\n"


class Wire:
    """The SDK's client over bodies; it keeps what the SDK asks."""

    def __init__(self, *bodies: Sequence[Payload] | str) -> None:
        self.asked: list[dict[str, object]] = []
        self._bodies = map(as_sse, bodies)
        transport = httpx2.MockTransport(self._answer)
        options = types.HttpOptions(httpx_client=httpx2.Client(transport=transport))
        self.client = genai.Client(api_key="none", http_options=options)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(json.loads(request.content))
        kind = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=kind, content=next(self._bodies).encode())

    def events(self, input: object = "hi") -> list[object]:  # noqa: A002 - its name
        made = self.client.interactions.create(model="m", input=input, stream=True)
        return list(made)


@by_name({**EVENTS, **WIRE_ONLY})
def test_a_payload_off_the_wire_gives_its_events(payload, expected):
    """Each kind of event on the wire gives what the table says."""
    assert list(normalize(payload)) == expected


@by_name(EVENTS)
def test_the_sdks_object_gives_the_same_events(payload, expected):
    """The SDK's object says what the dict says, its unknown kinds included."""
    [found] = Wire([payload]).events()

    assert list(normalize(found)) == expected


def test_broken_json_fails_the_reply():
    """The SDK hands it over as a string, without an error."""
    cut = Wire('data: {"event_type": "step.del\n\n').events()

    reply = reply_of([CREATED, *cut])

    assert cut == ['{"event_type": "step.del']
    assert reply.outcome == "failed"


STATUSES = {
    "completed": Finish(reason="stop", raw_reason="completed"),
    "requires_action": Finish(reason="tool_calls", raw_reason="requires_action"),
    "incomplete": Finish(reason="length", raw_reason="incomplete"),
    "budget_exceeded": Finish(reason="length", raw_reason="budget_exceeded"),
    "cancelled": Failure(type="cancelled", message=""),
    "in_progress": Finish(reason="other", raw_reason="in_progress"),
    "queued": Finish(reason="other", raw_reason="queued"),
    "idle": Finish(reason="other", raw_reason="idle"),
    "failed": Failure(type="failed", message="the provider gave no reason"),
    "requires_continuation": Hop(),
}


@since("google-genai", "3.6")
def test_every_status_of_the_sdk_is_decided():
    """No status of the installed SDK is left to chance."""
    from typing import get_args

    from google.genai._gaos.types.interactions import (
        interactionsseeventinteraction as known,
    )

    literal = get_args(known.InteractionSseEventInteractionStatus)[0]

    assert set(get_args(literal)) == set(STATUSES)


@pytest.mark.parametrize(("status", "first"), STATUSES.items(), ids=STATUSES)
def test_a_status_ends_the_reply_but_one(status, first):
    """Each status has our word; only the one that asks for more does not end it."""
    end = [] if status == "requires_continuation" else [End()]
    if status == "cancelled":
        end.insert(0, Finish(reason="error", raw_reason=status))

    assert list(normalize(completed(status))) == [first, *end]


def test_every_event_of_the_sdk_is_decided():
    """Each event type of the installed SDK gives something other than a count."""
    known = set(interactionsseevent._INTERACTION_SSE_EVENT_VARIANTS)
    kinds = {payload["event_type"] for payload, _ in EVENTS.values()}

    assert known == kinds - {"interaction.sang"}


SAID_OTHERWISE = {
    "text": TextDelta,
    "thought_signature": Signature,
    "arguments_delta": ToolCallDelta,
    "text_annotation_delta": Citation,
}


@pytest.mark.parametrize("kind", sorted(stepdeltadata._STEP_DELTA_DATA_VARIANTS))
def test_every_delta_of_the_sdk_is_decided(kind):
    """Each delta of the installed SDK is text, a call, a source, or kept."""
    full = {"text": "a", "signature": "s", "arguments": "{", "annotations": [NOTE]}
    [event] = normalize(delta(0, type=kind, **full))

    assert isinstance(event, SAID_OTHERWISE.get(kind, OtherPart))
    assert getattr(event, "type", kind) == kind


@pytest.mark.parametrize("kind", sorted(step._STEP_VARIANTS))
def test_every_step_of_the_sdk_is_decided(kind):
    """Each step of the installed SDK opens a part; the user's own is counted."""
    ours = {
        "thought": TextDelta(text="", index=0, kind="reasoning"),
        "function_call": ToolCallDelta(index=0),
        "user_input": Ignored(type="step.start.user_input"),
    }
    kept = OtherPart(type=kind, data={"type": kind}, index=0)
    found = normalize(started(0, type=kind))

    assert list(found[:1]) == ([] if kind == "model_output" else [ours.get(kind, kept)])


MATCHES = {
    "an event": (CREATED, True),
    "an SDK's event": (Wire([CREATED]).events()[0], True),
    "an SDK's unknown event": (Wire([{"event_type": "x"}]).events()[0], True),
    "an event of Anthropic": ({"type": "message_start"}, False),
    "an event of OpenAI Responses": ({"type": "response.created"}, False),
    "a chunk of generate_content": ({"candidates": []}, False),
    "a text": ("step.delta", False),
}


@by_name(MATCHES)
def test_a_payload_is_known_by_its_event_type(payload, expected):
    """Only Interactions has an ``event_type``."""
    assert matches(payload) is expected


CALL = [
    started(2, type="function_call", id="c1", name="weather", arguments={}),
    delta(2, type="arguments_delta", arguments='{"ci'),
    delta(2, type="arguments_delta", arguments='ty": "Paris"}'),
    stopped(2),
]
WEATHER = {
    "type": "function_call",
    "id": "c1",
    "name": "weather",
    "arguments": {"city": "Paris"},
}
END = completed("completed")
BACK: dict[str, tuple[list[Payload], list[Payload]]] = {
    "a thought, an answer and a call": (
        [
            started(0, type="thought", summary=[]),
            delta(0, type="thought_summary", content={"type": "text", "text": "hm"}),
            delta(0, type="thought_summary", content=IMAGE),
            delta(0, type="thought_signature", signature="c2ln"),
            stopped(0),
            started(1, type="model_output", content=[]),
            delta(1, type="text", text="s"),
            delta(1, type="text", text="ky"),
            delta(1, type="text_annotation_delta", annotations=[NOTE]),
            delta(1, **IMAGE),
            delta(1, **IMAGE),
            stopped(1),
            *CALL,
        ],
        [
            {
                "type": "thought",
                "summary": [{"type": "text", "text": "hm"}, IMAGE],
                "signature": "c2ln",
            },
            {
                "type": "model_output",
                "content": [{**TEXT, "annotations": [NOTE]}, IMAGE, IMAGE],
            },
            WEATHER,
        ],
    ),
    "a thought that is not shown": (
        [
            started(0, type="thought", signature="c2ln"),
            stopped(0),
        ],
        [{"type": "thought", "summary": [], "signature": "c2ln"}],
    ),
    "a call without arguments": (
        [
            started(0, type="function_call", id="c1", name="now", arguments={}),
            stopped(0),
        ],
        [{"type": "function_call", "id": "c1", "name": "now", "arguments": {}}],
    ),
    "a search is its start and its deltas": (
        [
            started(0, type="google_search_call", id="s1", arguments={}),
            delta(0, type="google_search_call", arguments={"queries": ["sky"]}),
            stopped(0),
            started(1, type="google_search_result", call_id="s1", result=[]),
            delta(
                1,
                type="google_search_result",
                result=FOUND["result"],
                signature="sig",
            ),
            stopped(1),
        ],
        [SEARCH, FOUND],
    ),
    "a server's tool whose arguments stream": (
        [started(0, **MCP), delta(0, type="arguments_delta", arguments='{"a": 1}')],
        [{**MCP, "arguments": {"a": 1}}],
    ),
    "of two exchanges, each with its own numbers": (
        [
            started(0, type="model_output", content=[TEXT]),
            completed("requires_continuation"),
            CREATED,
            started(0, type="model_output", content=[TEXT]),
        ],
        [
            {"type": "model_output", "content": [TEXT]},
            {"type": "model_output", "content": [TEXT]},
        ],
    ),
    "not what cannot be read, was not signed, or is empty": (
        [
            started(0, type="thought", summary=[TEXT]),
            started(1, type="model_output", content=[{"type": "text", "text": ""}]),
            started(2, type="function_call", id="c1", name="f", arguments={}),
            delta(2, type="arguments_delta", arguments='{"ci'),
            stopped(2),
            started(3, **MCP),
            delta(3, type="arguments_delta", arguments='{"ci'),
            stopped(3),
        ],
        [],
    ),
}


@by_name(BACK)
def test_what_came_goes_back(payload, expected):
    """The steps are what the API said, and the SDK sends them as they are."""
    steps = to_message(reply_of([CREATED, *payload, END]))

    assert steps == expected
    wire = Wire([END])
    answer = {"type": "user_input", "content": [{"type": "text", "text": "go on"}]}
    wire.events([*steps, answer])
    assert wire.asked[0]["input"] == [*expected, answer]


def test_of_a_stopped_reply_a_search_without_its_result_is_left_out():
    """A call of Google's own tool goes back only with what it found."""
    text = started(2, type="model_output", content=[TEXT])
    cut = reply_of([CREATED, started(0, **SEARCH), text], stopped=True)
    answered = [started(0, **SEARCH), started(1, **FOUND), text, *CALL]
    whole = reply_of([CREATED, *answered], stopped=True)
    output = {"type": "model_output", "content": [TEXT]}

    assert to_message(cut) == [output]
    assert to_message(whole) == [SEARCH, FOUND, output, WEATHER]


def test_the_sdks_hops_are_one_answer():
    """The SDK asks again by itself; numbers begin again, and usage adds up."""
    text = started(0, type="model_output", content=[])
    more = completed(
        "requires_continuation", usage=COUNTS, continuation_token="t", model="m"
    )
    first = [CREATED, text, delta(0, type="text", text="a"), stopped(0), more]
    end = completed("completed", usage=COUNTS)
    second = [CREATED, text, delta(0, type="text", text="b"), stopped(0), end]
    wire = Wire(first, second)

    reply = reply_of(wire.events())

    assert len(wire.asked) == 2
    assert (reply.text, reply.outcome) == ("ab", "complete")
    assert reply.usage is not None
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (10, 14)


def test_the_whole_stream_of_the_sdk_is_the_reply():
    """Start to end through the real SDK: the call, its arguments, the reason."""
    payloads = [CREATED, *CALL, completed("requires_action", usage=COUNTS)]

    reply = reply_of(Wire(payloads).events())
    [call] = reply.tool_calls

    assert (call.id, call.name, call.state) == ("c1", "weather", "valid")
    assert call.parsed == {"city": "Paris"}
    assert (reply.id, reply.model, reply.outcome) == ("int_1", "gemini-x", "complete")
    assert (reply.finish_reason, reply.raw_finish_reason) == (
        "tool_calls",
        "requires_action",
    )
    assert reply.usage == USAGE


PICTURE = {**IMAGE, "data": "aGo="}
SAID = [
    {"type": "user_input", "content": [{"type": "text", "text": "?"}]},
    {"type": "thought", "summary": [{"type": "text", "text": "hm"}], "signature": "s"},
    SEARCH,
    FOUND,
    {"type": "model_output", "content": [TEXT, IMAGE, PICTURE]},
    WEATHER,
]
STREAMED = [
    started(0, type="thought", summary=[]),
    delta(0, type="thought_summary", content={"type": "text", "text": "hm"}),
    delta(0, type="thought_signature", signature="s"),
    stopped(0),
    started(1, type="google_search_call", id="s1", arguments={}),
    delta(1, type="google_search_call", arguments=SEARCH["arguments"]),
    stopped(1),
    started(2, type="google_search_result", call_id="s1", result=[]),
    delta(2, type="google_search_result", result=FOUND["result"], signature="sig"),
    stopped(2),
    started(3, type="model_output", content=[]),
    delta(3, type="text", text="s"),
    delta(3, type="text", text="ky"),
    delta(3, **IMAGE),
    delta(3, **PICTURE),
    stopped(3),
    started(4, type="function_call", id="c1", name="weather", arguments={}),
    delta(4, type="arguments_delta", arguments='{"city":"Paris"}'),
    stopped(4),
]
REPEATED = {
    "all was streamed": STREAMED,
    "nothing was": [],
    "the thought was": STREAMED[:4],
    "the search was": STREAMED[:7],
    "a part of the text was": STREAMED[:12],
    "the arguments were not": STREAMED[:17],
}


@pytest.mark.parametrize("steps", REPEATED.values(), ids=REPEATED)
def test_what_the_end_repeats_is_there_once(steps):
    """Each step is one part, however much of it was streamed, and goes back whole."""
    end = completed("requires_action", steps=SAID)
    reply = reply_of([CREATED, *steps, end])
    objects = reply_of(Wire([CREATED, *steps, end]).events())

    for each in (reply, objects):
        assert (each.text, each.reasoning, each.outcome) == ("sky", "hm", "complete")
        assert [part.type for part in each.parts if part.kind == "other"] == [
            "google_search_call",
            "google_search_result",
            "image",
            "image",
        ]
        assert [call.parsed for call in each.tool_calls] == [{"city": "Paris"}]
        assert to_message(each) == SAID[1:]


def test_the_arguments_are_the_text_that_came():
    """What the end repeats of them is an object, and no text."""
    reply = reply_of([CREATED, *STREAMED, completed("requires_action", steps=SAID)])

    assert [call.arguments for call in reply.tool_calls] == ['{"city":"Paris"}']
