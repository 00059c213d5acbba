"""Anthropic Messages: dicts off the wire, the SDK's objects, and back again."""

import itertools
import json
from collections.abc import Sequence
from functools import partial

import httpx2
import pytest
from anthropic import Anthropic
from anthropic.lib.streaming import MessageStream
from anthropic.types import MessageParam
from anthropic.types.beta import BetaMessageParam
from harness.payloads import by_name, replied
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from nbstream.providers.anthropic import (
    API,
    matches,
    normalize,
    settled,
    to_message,
)
from nbstream.providers.payloads import payloads as payloads_of
from nbstream.types import (
    Arguments,
    Citation,
    End,
    Event,
    Extra,
    Failure,
    Finish,
    Ignored,
    OtherPart,
    PartDone,
    Signature,
    Start,
    TextDelta,
    ToolCallDelta,
    Usage,
)

Payload = dict[str, object]
reply_of = partial(replied, API, normalize)


def usage(inputs: int | None, outputs: int, **data: object) -> Usage:
    told = {} if inputs is None else {"input_tokens": inputs}
    return Usage(
        input_tokens=inputs,
        output_tokens=outputs,
        total_tokens=None,
        reasoning_tokens=None,
        cached_tokens=None,
        data={**told, "output_tokens": outputs, **data},
    )


def start(index: int, **block: object) -> Payload:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **delta: object) -> Payload:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def stop(index: int) -> Payload:
    return {"type": "content_block_stop", "index": index}


def ended(reason: str | None, **more: object) -> Payload:
    change = {"stop_reason": reason, "stop_sequence": None, **more}
    return {"type": "message_delta", "delta": change, "usage": {"output_tokens": 7}}


BEGUN: Payload = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 1},
    },
}
DONE: Payload = {"type": "message_stop"}
SEARCH = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}}
HIT = {
    "type": "web_search_result",
    "url": "https://e.example",
    "title": "E",
    "encrypted_content": "abc",
    "page_age": None,
}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [HIT]}
CITED = {
    "type": "char_location",
    "cited_text": "sky",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 3,
}
CODE_CALL = {
    "type": "tool_use",
    "id": "toolu_9",
    "name": "row",
    "input": {"n": 1, "é": None},
    "caller": {"type": "code_execution_20250825", "tool_id": "srv_2"},
}
RUN = {
    "type": "server_tool_use",
    "id": "srv_2",
    "name": "code_execution",
    "input": {"code": "row(1)"},
    "caller": {"type": "direct"},
}
RAN = {
    "type": "code_execution_tool_result",
    "tool_use_id": "srv_2",
    "content": {
        "type": "code_execution_result",
        "stdout": "1",
        "stderr": "",
        "return_code": 0,
        "content": [],
    },
}
CONTAINER = {"id": "container_1", "expires_at": "2099-01-01T00:00:00Z"}
CLICK = {
    "type": "tool_use",
    "id": "t",
    "name": "left_click",
    "input": {},
    "toolset_name": "computer",
    "beam": [1],
}
REMOTE = {
    "type": "mcp_tool_use",
    "id": "mcp_1",
    "name": "echo",
    "server_name": "s",
    "input": {},
}
ECHOED = {
    "type": "mcp_tool_result",
    "tool_use_id": "mcp_1",
    "is_error": False,
    "content": [{"type": "text", "text": "hi", "citations": None}],
}
FALLBACK = {
    "type": "fallback",
    "from": {"model": "claude-x"},
    "to": {"model": "claude-y"},
    "trigger": {"type": "refusal", "category": None},
}
COMPACTION = {"type": "compaction", "content": "so far", "encrypted_content": "xyz"}

EVENTS: dict[str, tuple[Payload, Sequence[Event]]] = {
    "the start names the message and counts the input": (
        BEGUN,
        (Start(id="msg_1", model="claude-x"), usage(5, 1)),
    ),
    "a text block opens empty, as a citation may come before its text": (
        start(0, type="text", text=""),
        (TextDelta(text="", index=0),),
    ),
    "a text block may open with its text and its sources": (
        start(0, type="text", text="sky", citations=[CITED]),
        (TextDelta(text="sky", index=0), Citation(data=CITED, index=0)),
    ),
    "a text block without sources says null": (
        start(0, type="text", text="sky", citations=None),
        (TextDelta(text="sky", index=0),),
    ),
    "text": (
        delta(0, type="text_delta", text="Hel"),
        (TextDelta(text="Hel", index=0),),
    ),
    "a thinking block opens empty, as only its signature may come": (
        start(3, type="thinking", thinking="", signature=""),
        (TextDelta(text="", index=3, kind="reasoning"),),
    ),
    "a thinking block may come whole": (
        start(3, type="thinking", thinking="hm", signature="sig"),
        (
            TextDelta(text="hm", index=3, kind="reasoning"),
            Signature(signature="sig", index=3),
        ),
    ),
    "thinking": (
        delta(3, type="thinking_delta", thinking="hm"),
        (TextDelta(text="hm", index=3, kind="reasoning"),),
    ),
    "the signature of the thinking": (
        delta(3, type="signature_delta", signature="EqQB"),
        (Signature(signature="EqQB", index=3),),
    ),
    "thinking that we may not read is kept": (
        start(0, type="redacted_thinking", data="blob"),
        (
            OtherPart(
                type="redacted_thinking",
                data={"type": "redacted_thinking", "data": "blob"},
                index=0,
            ),
        ),
    ),
    "a call opens with an input of {}": (
        start(1, type="tool_use", id="toolu_1", name="weather", input={}),
        (
            ToolCallDelta(index=1, id="toolu_1", name="weather"),
            Arguments(index=1, data={}),
        ),
    ),
    "a call that comes whole is done, and keeps who called": (
        start(1, **CODE_CALL),
        (
            ToolCallDelta(index=1, id="toolu_9", name="row"),
            Arguments(index=1, data={"n": 1, "é": None}),
            PartDone(index=1, data=CODE_CALL),
        ),
    ),
    "a fragment of a call's input": (
        delta(1, type="input_json_delta", partial_json='{"ci'),
        (ToolCallDelta(index=1, arguments='{"ci'),),
    ),
    "an empty fragment says nothing": (
        delta(1, type="input_json_delta", partial_json=""),
        (),
    ),
    "a server tool's call is not ours": (
        start(2, **SEARCH),
        (OtherPart(type="server_tool_use", data=SEARCH, index=2),),
    ),
    "a server tool's result": (
        start(3, **FOUND),
        (OtherPart(type="web_search_tool_result", data=FOUND, index=3),),
    ),
    "a file for the container": (
        start(4, type="container_upload", file_id="file_1"),
        (
            OtherPart(
                type="container_upload",
                data={"type": "container_upload", "file_id": "file_1"},
                index=4,
            ),
        ),
    ),
    "a block of a kind we have never heard of is kept": (
        start(5, type="hologram", beam={"a": [1]}),
        (
            OtherPart(
                type="hologram", data={"type": "hologram", "beam": {"a": [1]}}, index=5
            ),
        ),
    ),
    "a source": (
        delta(0, type="citations_delta", citation=CITED),
        (Citation(data=CITED, index=0),),
    ),
    "a compaction's summary comes as one delta": (
        delta(0, type="compaction_delta", content="so far", encrypted_content="xyz"),
        (OtherPart(type="compaction", data=COMPACTION, index=0, goes_on=True),),
    ),
    "a call without arguments keeps who called": (
        start(1, **{**CODE_CALL, "input": {}}, toolset_name=None),
        (
            ToolCallDelta(index=1, id="toolu_9", name="row"),
            Arguments(index=1, data={}),
            Extra(data={"caller": CODE_CALL["caller"]}, index=1),
        ),
    ),
    "a call keeps which toolset it is of, and what we have never heard of": (
        start(1, **CLICK),
        (
            ToolCallDelta(index=1, id="t", name="left_click"),
            Arguments(index=1, data={}),
            Extra(data={"toolset_name": "computer", "beam": [1]}, index=1),
        ),
    ),
    "text keeps what we have never heard of": (
        start(0, type="text", text="a", beam={"b": 1}),
        (TextDelta(text="a", index=0), Extra(data={"beam": {"b": 1}}, index=0)),
    ),
    "thinking keeps what we have never heard of": (
        start(0, type="thinking", thinking="", signature="", beam=1),
        (
            TextDelta(text="", index=0, kind="reasoning"),
            Extra(data={"beam": 1}, index=0),
        ),
    ),
    "the container in which code was run": (
        ended("tool_use", container=CONTAINER),
        (
            usage(None, 7),
            Extra(data={"container": CONTAINER}),
            Finish(reason="tool_calls", raw_reason="tool_use"),
        ),
    ),
    "what was taken out of the context": (
        {**ended(None), "context_management": {"applied_edits": []}},
        (usage(None, 7), Extra(data={"context_management": {"applied_edits": []}})),
    ),
    "the sequence that stopped it": (
        {
            "type": "message_delta",
            "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"},
            "usage": {"output_tokens": 7},
        },
        (
            usage(None, 7),
            Extra(data={"stop_sequence": "END"}),
            Finish(reason="stop", raw_reason="stop_sequence"),
        ),
    ),
    "another model goes on for one that declined": (
        start(2, **FALLBACK),
        (
            OtherPart(type="fallback", data=FALLBACK, index=2),
            Start(id="", model="claude-y"),
        ),
    ),
    "a delta of a kind we have never heard of is counted": (
        delta(0, type="beam_delta", beam="x"),
        (Ignored(type="content_block_delta.beam_delta"),),
    ),
    "a block ends": (stop(1), (PartDone(index=1, data={}),)),
    "usage so far, and no reason yet": (
        ended(None),
        (usage(None, 7),),
    ),
    "what the server tools cost is kept with the counts": (
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {
                "input_tokens": 50,
                "cache_read_input_tokens": 2,
                "output_tokens": 9,
                "output_tokens_details": {"thinking_tokens": 4},
                "server_tool_use": {"web_search_requests": 1},
            },
        },
        (
            Usage(
                input_tokens=50,
                output_tokens=9,
                total_tokens=None,
                reasoning_tokens=4,
                cached_tokens=2,
                data={
                    "input_tokens": 50,
                    "cache_read_input_tokens": 2,
                    "output_tokens": 9,
                    "output_tokens_details": {"thinking_tokens": 4},
                    "server_tool_use": {"web_search_requests": 1},
                },
            ),
            Finish(reason="stop", raw_reason="end_turn"),
        ),
    ),
    "a refusal may say why": (
        ended(
            "refusal",
            stop_details={"type": "refusal", "category": "bio", "explanation": "No."},
        ),
        (
            usage(None, 7),
            TextDelta(text="No.", kind="refusal"),
            Finish(reason="content_filter", raw_reason="refusal"),
        ),
    ),
    "a refusal may say nothing": (
        ended("refusal", stop_details={"type": "refusal", "explanation": None}),
        (usage(None, 7), Finish(reason="content_filter", raw_reason="refusal")),
    ),
    "the end": (DONE, (End(),)),
    "an event of a kind we have never heard of is counted": (
        {"type": "message_hologram", "x": 1},
        (Ignored(type="message_hologram"),),
    ),
}
#: What the SDK does not hand over: it skips pings and raises errors.
WIRE_ONLY: dict[str, tuple[Payload, Sequence[Event]]] = {
    "a ping": ({"type": "ping"}, (Ignored(type="ping"),)),
    "an error": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}},
        (Failure(type="overloaded_error", message="Busy"),),
    ),
    "an error that is flat": (
        {"type": "error", "message": "Busy"},
        (Failure(type="error", message="Busy"),),
    ),
    "a start without usage": (
        {"type": "message_start", "message": {"id": "m"}},
        (Start(id="m", model=""),),
    ),
    "something with no type": ({"a": 1}, (Ignored(type="None"),)),
}


def client(payloads: Sequence[Payload]) -> Anthropic:
    blocks = [f"event: {p['type']}\ndata: {json.dumps(p)}\n\n" for p in payloads]
    body = "".join(blocks).encode()

    def answer(_: httpx2.Request) -> httpx2.Response:
        kind = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=kind, content=body)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return Anthropic(api_key="none", http_client=transport)


def raw(payloads: Sequence[Payload]) -> list[object]:
    """Return what the SDK makes of the payloads."""
    asked = client(payloads).messages
    return list(asked.create(model="m", max_tokens=9, messages=[], stream=True))


def helper(payloads: Sequence[Payload]) -> MessageStream[None]:
    """Return the SDK's helper, entered, over the payloads."""
    asked = client(payloads).messages
    return asked.stream(model="m", max_tokens=9, messages=[]).__enter__()


@by_name({**EVENTS, **WIRE_ONLY})
def test_a_payload_off_the_wire_gives_its_events(payload, expected):
    """Each kind of event on the wire gives what the table says."""
    assert tuple(normalize(payload)) == tuple(expected)


@by_name(EVENTS)
def test_the_sdks_object_gives_the_same_events(payload, expected):
    """The raw stream's object says what the dict says, unknown types included."""
    [event] = raw([payload])

    assert tuple(normalize(event)) == tuple(expected)


@by_name(EVENTS)
def test_the_beta_sdks_object_gives_the_same_events(payload, expected):
    """So does the beta client's object, which is of other classes."""
    asked = client([payload]).beta.messages
    [event] = asked.create(model="m", max_tokens=9, messages=[], stream=True)

    assert tuple(normalize(event)) == tuple(expected)


REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause_turn": "pause",
    "compaction": "pause",
    "bored": "other",
}


@pytest.mark.parametrize(("raw_reason", "ours"), REASONS.items(), ids=REASONS)
def test_a_stop_reason_has_our_word_and_keeps_its_own(raw_reason, ours):
    """Every stop reason is mapped; one that is new is ``other``."""
    found = normalize(ended(raw_reason))

    assert found[-1] == Finish(reason=ours, raw_reason=raw_reason)


def test_every_stop_reason_the_sdk_knows_is_mapped():
    """No stop reason of the installed SDK falls through to ``other``."""
    from typing import get_args

    from anthropic.types import StopReason
    from anthropic.types.beta import BetaStopReason

    known = {*get_args(StopReason), *get_args(BetaStopReason)}

    assert known == set(REASONS) - {"bored"}


def test_every_block_the_sdk_knows_opens_a_part():
    """No content block of the installed SDK is dropped or only counted."""
    from typing import get_args

    from anthropic.types.beta import beta_raw_content_block_start_event as known

    union = get_args(known.ContentBlock)[0]
    types = [get_args(b.model_fields["type"].annotation)[0] for b in get_args(union)]
    opened = {t: type(normalize(start(0, type=t))[0]) for t in types}
    ours = {"text": TextDelta, "thinking": TextDelta, "tool_use": ToolCallDelta}

    assert opened == {t: ours.get(t, OtherPart) for t in types}


MATCHES = {
    "a start": (BEGUN, True),
    "a delta": (delta(0, type="text_delta", text="x"), True),
    "an SDK's object": (raw([BEGUN])[0], True),
    "a ping": ({"type": "ping"}, True),
    "a nested error": ({"type": "error", "error": {"type": "api_error"}}, True),
    "OpenAI's flat error": ({"type": "error", "code": "x", "message": "y"}, False),
    "OpenAI's nested error": (
        {"type": "error", "sequence_number": 3, "error": {"type": "server_error"}},
        False,
    ),
    "OpenAI's ping": ({"type": "ping", "sequence_number": 3}, False),
    "an event of OpenAI Responses": ({"type": "response.created"}, False),
    "a chunk of OpenAI Chat": ({"object": "chat.completion.chunk"}, False),
    "an event of Interactions": ({"event_type": "error", "error": {}}, False),
    "a text": ("message_start", False),
    "a number": (3, False),
}


@by_name(MATCHES)
def test_a_payload_is_known_by_its_type(payload, expected):
    """The ``type`` tells, and not the class; OpenAI's same words are told apart."""
    assert matches(payload) is expected


WEATHER = (
    start(1, type="tool_use", id="toolu_1", name="weather", input={}),
    delta(1, type="input_json_delta", partial_json=""),
    delta(1, type="input_json_delta", partial_json='{"ci'),
    delta(1, type="input_json_delta", partial_json='ty": "Par'),
    delta(1, type="input_json_delta", partial_json='is"}'),
    stop(1),
)
TRANSCRIPTS: dict[str, list[Payload]] = {
    "thinking and text": [
        BEGUN,
        start(0, type="thinking", thinking="", signature=""),
        {"type": "ping"},
        delta(0, type="thinking_delta", thinking="Let me "),
        delta(0, type="thinking_delta", thinking="think"),
        delta(0, type="signature_delta", signature="EqQB"),
        stop(0),
        start(1, type="text", text=""),
        delta(1, type="text_delta", text="4"),
        delta(1, type="text_delta", text="2 é"),
        stop(1),
        ended("end_turn"),
        DONE,
    ],
    "two calls, one without input": [
        BEGUN,
        start(0, type="text", text=""),
        delta(0, type="text_delta", text="ok"),
        stop(0),
        *WEATHER,
        start(2, type="tool_use", id="toolu_2", name="now", input={}),
        delta(2, type="input_json_delta", partial_json=""),
        stop(2),
        ended("tool_use"),
        DONE,
    ],
    "a call that comes whole": [
        BEGUN,
        start(0, **CODE_CALL),
        stop(0),
        ended("tool_use"),
        DONE,
    ],
    "a search with sources": [
        BEGUN,
        start(0, **SEARCH),
        delta(0, type="input_json_delta", partial_json='{"query": "sky"}'),
        stop(0),
        start(1, **FOUND),
        stop(1),
        start(2, type="text", text="", citations=[]),
        delta(2, type="citations_delta", citation=CITED),
        delta(2, type="text_delta", text="sky"),
        stop(2),
        ended("end_turn"),
        DONE,
    ],
    "redacted thinking": [
        BEGUN,
        start(0, type="redacted_thinking", data="blob"),
        stop(0),
        start(1, type="text", text=""),
        delta(1, type="text_delta", text="4"),
        stop(1),
        ended("stop_sequence"),
        DONE,
    ],
    "thinking that is not shown": [
        BEGUN,
        start(0, type="thinking", thinking="", signature=""),
        delta(0, type="signature_delta", signature="EqQB"),
        stop(0),
        start(1, type="text", text=""),
        delta(1, type="text_delta", text="4"),
        stop(1),
        ended("end_turn"),
        DONE,
    ],
    "code that calls the caller's function": [
        BEGUN,
        start(0, **{**RUN, "input": {}}),
        delta(0, type="input_json_delta", partial_json='{"code": "row(1)"}'),
        stop(0),
        start(1, **CODE_CALL),
        stop(1),
        ended("tool_use", container=CONTAINER),
        DONE,
    ],
    "a call without arguments, made by code": [
        BEGUN,
        start(0, **RUN),
        stop(0),
        start(1, **{**CODE_CALL, "input": {}}),
        stop(1),
        ended("tool_use", container=CONTAINER),
        DONE,
    ],
    "code goes on in the next answer": [
        BEGUN,
        start(0, **RAN),
        stop(0),
        start(1, type="text", text=""),
        delta(1, type="text_delta", text="One."),
        stop(1),
        ended("end_turn", container=CONTAINER),
        DONE,
    ],
    "a call of a toolset": [
        BEGUN,
        start(
            0,
            type="tool_use",
            id="t",
            name="screenshot",
            input={},
            caller={"type": "direct"},
            toolset_name="computer",
        ),
        stop(0),
        ended("tool_use"),
        DONE,
    ],
    "blocks with fields we have never heard of": [
        BEGUN,
        start(0, type="thinking", thinking="", signature="", beam=1),
        delta(0, type="signature_delta", signature="EqQB"),
        stop(0),
        start(1, type="text", text="", beam={"a": [2]}),
        delta(1, type="text_delta", text="4"),
        stop(1),
        ended("end_turn"),
        DONE,
    ],
    "a paused turn ends with a server tool's call": [
        BEGUN,
        start(0, **SEARCH),
        delta(0, type="input_json_delta", partial_json='{"query": "sky"}'),
        stop(0),
        ended("pause_turn"),
        DONE,
    ],
}
whole = pytest.mark.parametrize("payloads", TRANSCRIPTS.values(), ids=TRANSCRIPTS)


@whole
def test_the_helpers_extra_events_give_nothing(payloads):
    """``messages.stream()`` repeats each delta and adds snapshots: none counts."""
    given = [e for payload in payloads for e in normalize(payload)]
    found = [e for event in helper(payloads) for e in normalize(event)]

    assert found == [e for e in given if e != Ignored(type="ping")]


@whole
def test_the_reply_agrees_with_the_sdks_final_message(payloads):
    """Text, thinking, input, usage and stop reason are the SDK's to the letter."""
    final = helper(payloads).get_final_message()
    content = final.content
    reply = reply_of(payloads)

    assert reply.outcome == "complete"
    assert reply.text == "".join(b.text for b in content if b.type == "text")
    thought = [b for b in content if b.type == "thinking"]
    assert reply.reasoning == "".join(b.thinking for b in thought)
    signed = [p.signature for p in reply.parts if p.kind == "reasoning"]
    assert signed == [b.signature for b in thought]
    assert [(c.id, c.name, c.parsed) for c in reply.tool_calls] == [
        (b.id, b.name, b.input) for b in content if b.type == "tool_use"
    ]
    assert reply.usage is not None
    assert reply.usage.input_tokens == final.usage.input_tokens
    assert reply.usage.output_tokens == final.usage.output_tokens
    assert (reply.id, reply.model) == (final.id, final.model)
    assert reply.raw_finish_reason == final.stop_reason
    held = final.container and json.loads(final.container.to_json())
    assert reply.extra.get("container") == held


@whole
def test_the_message_is_the_sdks_final_content(payloads):
    """What we send back is what the API said, block by block."""
    final = helper(payloads).get_final_message()
    content = [b.model_dump(exclude_unset=True, mode="json") for b in final.content]
    for block in content:
        if not block.get("citations", True):
            del block["citations"]  # an empty list says nothing

    message = to_message(reply_of(payloads))

    assert message == {"role": "assistant", "content": content}
    TypeAdapter(MessageParam).validate_python(message)


BROKEN: dict[str, tuple[str, str, str, object]] = {
    "JSON without its comma": (
        '{"path": "notes.txt" "recursive": true}',
        "tool_use",
        "invalid",
        {"path": "notes.txt"},
    ),
    "JSON and something after it": (
        '{"path": "notes.txt"} x',
        "tool_use",
        "invalid",
        {"path": "notes.txt"},
    ),
    "a call that the token limit cut": (
        '{"path": "notes.txt", "recurs',
        "max_tokens",
        "unfinished",
        {"path": "notes.txt"},
    ),
}


@pytest.mark.parametrize(
    ("arguments", "reason", "state", "of_the_sdk"), BROKEN.values(), ids=BROKEN
)
def test_a_broken_call_is_not_mended(arguments, reason, state, of_the_sdk):
    """The SDK makes a smaller, wrong input of it; we say so and do not send it."""
    payloads = [
        BEGUN,
        start(0, type="text", text=""),
        delta(0, type="text_delta", text="ok"),
        stop(0),
        start(1, type="tool_use", id="toolu_1", name="rm", input={}),
        delta(1, type="input_json_delta", partial_json=arguments),
        stop(1),
        ended(reason),
        DONE,
    ]
    assert helper(payloads).get_final_message().content[1].input == of_the_sdk

    reply = reply_of(payloads)
    [call] = reply.tool_calls

    assert (call.state, call.parsed, call.arguments) == (state, None, arguments)
    message = {"role": "assistant", "content": [{"type": "text", "text": "ok"}]}
    assert to_message(reply) == message


LEFT_OUT: dict[str, tuple[list[Payload], list[object]]] = {
    "blank text": (
        [start(0, type="text", text=""), delta(0, type="text_delta", text=" \n")],
        [],
    ),
    "thinking without its signature": (
        [
            start(0, type="thinking", thinking="", signature=""),
            delta(0, type="thinking_delta", thinking="Let me"),
        ],
        [],
    ),
    "a call that has only begun": (
        [start(0, type="tool_use", id="toolu_1", name="now", input={})],
        [],
    ),
    "a server tool's call that is cut": (
        [
            start(0, **SEARCH),
            delta(0, type="input_json_delta", partial_json='{"query'),
        ],
        [],
    ),
    "a server tool's call without its result": (
        [
            start(0, **SEARCH),
            delta(0, type="input_json_delta", partial_json='{"query": "sky"}'),
            stop(0),
        ],
        [],
    ),
    "what its code had called meanwhile": (
        [start(0, **RUN), stop(0), start(1, **CODE_CALL), stop(1)],
        [],
    ),
    "and nothing else": (
        [
            start(0, **SEARCH),
            delta(0, type="input_json_delta", partial_json='{"query": "sky"}'),
            stop(0),
            start(1, **FOUND),
            stop(1),
            start(2, type="text", text=""),
            delta(2, type="text_delta", text="The s"),
        ],
        [
            {**SEARCH, "input": {"query": "sky"}},
            FOUND,
            {"type": "text", "text": "The s"},
        ],
    ),
}


@by_name(LEFT_OUT)
def test_of_a_stopped_reply_only_what_is_whole_goes_back(payload, expected):
    """The API refuses blank text, unsigned thinking and calls without an end."""
    reply = reply_of([BEGUN, *payload], stopped=True)

    assert reply.outcome == "stopped"
    assert to_message(reply) == {"role": "assistant", "content": expected}


def texts(index: int, text: str) -> list[Payload]:
    opened = start(index, type="text", text="")
    return [opened, delta(index, type="text_delta", text=text), stop(index)]


def blocks(*found: Payload) -> list[Payload]:
    return [e for at, each in enumerate(found) for e in (start(at, **each), stop(at))]


SAID = {"type": "text", "text": "Hm."}
CALLED = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {"a": 1}}
ROUND_TRIPS: dict[str, tuple[list[Payload], list[Payload]]] = {
    "a remote tool": ([REMOTE, ECHOED, SAID], [REMOTE, ECHOED, SAID]),
    "what a remote server lists": (
        [{"type": "mcp_tool_listing", "mcp_server_name": "s", "tools": []}, SAID],
        [{"type": "mcp_tool_listing", "mcp_server_name": "s", "tools": []}, SAID],
    ),
    "a fallback stays where it was": (
        [SAID, FALLBACK, {**SAID, "text": "Yes."}],
        [SAID, FALLBACK, {**SAID, "text": "Yes."}],
    ),
    "the calls of who declined are void": (
        [SAID, CALLED, RUN, FALLBACK, {**SAID, "text": "Yes."}],
        [SAID, FALLBACK, {**SAID, "text": "Yes."}],
    ),
    "what has a result stays, whoever declined": (
        [SEARCH, FOUND, FALLBACK, SAID],
        [SEARCH, FOUND, FALLBACK, SAID],
    ),
    "a call without its result, whatever the end": ([SAID, SEARCH], [SAID]),
    "a result that the server has sent itself": (
        [CALLED, {"type": "tool_result", "tool_use_id": "toolu_1", "content": "12"}],
        [CALLED, {"type": "tool_result", "tool_use_id": "toolu_1", "content": "12"}],
    ),
    "a source without what only an answer may have": (
        [{**SAID, "citations": [{**CITED, "file_id": None}]}],
        [{**SAID, "citations": [CITED]}],
    ),
}


@by_name(ROUND_TRIPS)
def test_what_goes_back_is_what_came(payload, expected):
    """Block by block, unless the API would refuse it."""
    payloads = [BEGUN, *blocks(*payload), ended("end_turn"), DONE]
    reply = reply_of(payloads)
    message = to_message(reply)

    assert (reply.outcome, reply.tool_calls) == ("complete", ())
    assert (reply.finish_reason, message["content"]) == ("stop", expected)


def test_every_field_that_a_block_may_have_is_taken_back():
    """The installed SDK's parameters know each field of each block; a source's too."""
    from anthropic import types

    names = [name for name in dir(types) if name.endswith("BlockParam")]
    blocks = {name: getattr(types, name.removesuffix("Param"), None) for name in names}
    refused = {
        f"{name}.{field}"
        for name, block in blocks.items()
        for field in getattr(block, "model_fields", ())
        if field not in getattr(types, name).__annotations__
    }
    sources = (types.CitationCharLocation, types.CitationCharLocationParam)
    sources_refused = set(sources[0].model_fields) - set(sources[1].__annotations__)

    assert (refused, sources_refused) == (set(), {"file_id"})


def test_the_model_is_the_one_that_answered():
    """After a fallback that is not the one that declined."""
    reply = reply_of([BEGUN, *blocks(FALLBACK, SAID), ended("end_turn"), DONE])

    assert (reply.id, reply.model) == ("msg_1", "claude-y")


def begun(id_: str) -> Payload:
    return {**BEGUN, "message": {**BEGUN["message"], "id": id_}}


END = [ended("end_turn"), DONE]
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "now"}
INPUTS = {
    "as text": [start(0, **TOOL, input='{"a": 1}'), stop(0)],
    "as text, and in pieces": [
        start(0, **TOOL, input="{}"),
        delta(0, type="input_json_delta", partial_json='{"a": 1}'),
        stop(0),
    ],
    "with the message": [
        {
            **BEGUN,
            "message": {**BEGUN["message"], "content": [{**TOOL, "input": {"a": 1}}]},
        }
    ],
}


@by_name({name: (payload, {"a": 1}) for name, payload in INPUTS.items()})
def test_gateways_send_the_input_in_other_forms(payload, expected):
    """A call is never run without what it was called with."""
    reply = reply_of([BEGUN, *payload, ended("tool_use"), DONE])

    assert [(c.name, c.state, c.parsed) for c in reply.tool_calls] == [
        ("now", "valid", expected)
    ]


def test_a_message_may_be_whole_from_its_beginning():
    """Or its content a string, where it is no stream."""
    whole = {**BEGUN["message"], "content": [{"type": "text", "text": "Hm."}]}
    begun_whole = reply_of([{**BEGUN, "message": whole}, *END])
    answer = {**whole, "content": "Hm.", "stop_reason": "end_turn"}

    assert (begun_whole.text, begun_whole.outcome) == ("Hm.", "complete")
    assert reply_of(payloads_of(answer)).text == "Hm."


SIGNED = {"type": "thinking", "thinking": "Hm", "signature": "A"}
#: The payloads -> the text, the calls, the id, what goes back.
BEGUN_AGAIN = {
    "another one before the end: the first is void": (
        [BEGUN, *texts(0, "Par")[:2], begun("msg_2"), *texts(0, "Paris."), *END],
        ("Paris.", 0, "msg_2", [{"type": "text", "text": "Paris."}]),
    ),
    "with a signed thought and half a call": (
        [
            *(BEGUN, *blocks(SIGNED)),
            start(1, type="tool_use", id="toolu_1", name="now", input={}),
            delta(1, type="input_json_delta", partial_json='{"ci'),
            *(begun("msg_2"), *blocks({**SIGNED, "signature": "B"}, SAID), *END),
        ],
        ("Hm.", 0, "msg_2", [{**SIGNED, "signature": "B"}, SAID]),
    ),
    "the same one named twice": (
        [BEGUN, *texts(0, "Par"), BEGUN, *texts(1, "is."), *END],
        (
            "Paris.",
            0,
            "msg_1",
            [{"type": "text", "text": "Par"}, {"type": "text", "text": "is."}],
        ),
    ),
    "another one after the end: it goes on": (
        [
            *(BEGUN, *blocks(SAID, CALLED), ended("tool_use"), DONE),
            *(begun("msg_2"), *texts(0, "Noon."), *END),
        ],
        (
            "Hm.Noon.",
            0,
            "msg_2",
            [SAID, {"type": "text", "text": "Noon."}],
        ),
    ),
}


@by_name(BEGUN_AGAIN)
def test_a_second_message_in_one_stream(payload, expected):
    """What an intermediary begins anew takes the place of what it has lost."""
    reply = reply_of(payload)
    content = to_message(reply)["content"]

    assert reply.outcome == "complete"
    assert (reply.text, len(reply.tool_calls), reply.id, content) == expected


def test_a_message_begun_anew_is_not_whole_because_the_first_one_was():
    """What is cut then is cut."""
    again = [BEGUN, *texts(0, "a"), *END, begun("msg_2"), *texts(0, "b")]

    assert reply_of(again).outcome == "truncated"


def assistant(*content: Payload) -> Payload:
    return {"role": "assistant", "content": list(content)}


def result(id_: str) -> Payload:
    block = {"type": "tool_result", "tool_use_id": id_, "content": "1"}
    return {"role": "user", "content": [block]}


CUT = {"type": "text", "text": "[Cut.]"}
OVER: dict[str, tuple[list[Payload], list[Payload]]] = {
    "a turn with all its results stays": (
        [assistant(RUN, CODE_CALL), result("toolu_9"), assistant(RAN, SAID)],
        [assistant(RUN, CODE_CALL), result("toolu_9"), assistant(RAN, SAID)],
    ),
    "a call that waits goes": ([assistant(SAID, SEARCH)], [assistant(SAID)]),
    "where nothing is left it says so": ([assistant(SEARCH)], [assistant(CUT)]),
    "no answer ends with its thinking": (
        [assistant(SIGNED, SEARCH)],
        [assistant(SIGNED, CUT)],
    ),
    "what code called goes with it": (
        [assistant(SAID, RUN, CODE_CALL), result("toolu_9")],
        [assistant(SAID)],
    ),
    "a result whose call is gone already": (
        [assistant(SAID), result("toolu_9"), assistant(RAN, SAID)],
        [assistant(SAID), assistant(SAID)],
    ),
}


@by_name(OVER)
def test_of_a_turn_that_is_over_nothing_waits(payload, expected):
    """The API refuses a call of a server tool that is not the last thing said."""
    assert settled(payload, "[Cut.]") == expected


def test_an_unreadable_server_call_of_a_whole_reply_is_left_out():
    """A server tool's input that is not JSON cannot be sent."""
    cut = delta(0, type="input_json_delta", partial_json='{"query')
    payloads = [BEGUN, start(0, **SEARCH), cut, stop(0), ended("max_tokens"), DONE]

    assert to_message(reply_of(payloads))["content"] == []


def test_a_refusal_says_why_and_that_is_not_sent_back():
    """The explanation is the service's, not the model's."""
    why = {"type": "refusal", "category": "bio", "explanation": "No."}
    text = [start(0, type="text", text=""), delta(0, type="text_delta", text="par")]
    end = ended("refusal", stop_details=why)
    reply = reply_of([BEGUN, *text, stop(0), end, DONE])

    assert (reply.text, reply.refusal, reply.finish_reason) == (
        "par",
        "No.",
        "content_filter",
    )
    assert to_message(reply)["content"] == [{"type": "text", "text": "par"}]


def test_a_compaction_goes_back_as_one_block():
    """Its start and its delta are one block, with what both of them say."""
    opened = start(0, type="compaction", content=None, signature="sig")
    summary = delta(
        0, type="compaction_delta", content="so far", encrypted_content="xyz"
    )
    reply = reply_of([BEGUN, opened, summary, stop(0), ended("compaction"), DONE])
    message = to_message(reply)

    assert message["content"] == [{**COMPACTION, "signature": "sig"}]
    assert len(reply.parts) == 1
    assert reply.finish_reason == "pause"
    TypeAdapter(BetaMessageParam).validate_python(message)


def test_usage_of_the_start_survives_the_end():
    """The last event counts the output only; the input stays as it was said."""
    reply = reply_of([BEGUN, ended("end_turn"), DONE])

    assert reply.usage == Usage(
        input_tokens=5,
        output_tokens=7,
        total_tokens=12,
        reasoning_tokens=None,
        cached_tokens=None,
        data={"input_tokens": 5, "output_tokens": 7},
    )


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_fragments_may_be_cut_anywhere(value, cuts):
    """However a call's input is cut, it is the same input."""
    arguments = json.dumps({"value": value})
    edges = sorted({0, len(arguments), *(c for c in cuts if c < len(arguments))})
    parts = [arguments[a:b] for a, b in itertools.pairwise(edges)]
    cut = [delta(0, type="input_json_delta", partial_json=part) for part in parts]
    opened = start(0, type="tool_use", id="toolu_1", name="say", input={})

    [call] = reply_of([BEGUN, opened, *cut, stop(0), ended("tool_use")]).tool_calls

    assert (call.state, call.parsed) == ("valid", {"value": value})
