"""Gemini's generate_content: chunks off the wire, the SDK's chunks, and back again."""

import base64
import itertools
import json
import warnings
from collections.abc import Sequence
from functools import partial

import httpx2
import pytest
from google import genai
from google.genai import types
from harness.payloads import by_name, replied
from harness.sdks import since
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream.providers.gemini import API, matches, normalize, to_message
from nbstream.types import (
    ArgumentDelta,
    Arguments,
    Citation,
    End,
    Event,
    Failure,
    Finish,
    Hop,
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

SIGNATURE = "c2lnL+8="  # the two characters in which base64 and its URL form differ
CLOSE = PartDone(index=None, data={})


def chunk(*parts: object, **more: object) -> Payload:
    return {
        "candidates": [{"content": {"role": "model", "parts": list(parts)}, **more}]
    }


def call(**function_call: object) -> Payload:
    return chunk({"functionCall": function_call})


def leaf(path: str, will_continue: bool = False, **value: object) -> Payload:
    more = {"willContinue": True} if will_continue else {}
    arg = {"jsonPath": path, **value, **more}
    return call(partialArgs=[arg], willContinue=True)


GROUNDING = {
    "webSearchQueries": ["sky"],
    "searchEntryPoint": {"renderedContent": "<b>", "sdkBlob": SIGNATURE},
    "groundingChunks": [{"web": {"uri": "https://e.example", "title": "E"}}],
}
SOURCE = {"startIndex": 0, "endIndex": 3, "uri": "https://e.example"}
FETCHED = {
    "retrievedUrl": "https://e.example",
    "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS",
}
CODE = {"executableCode": {"language": "PYTHON", "code": "1+1"}}
RAN = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}
IMAGE = {"inlineData": {"mimeType": "image/png", "data": SIGNATURE}}
FILE = {"fileData": {"mimeType": "image/png", "fileUri": "gs://a/b"}}
SEARCHED = {
    "toolCall": {"id": "t1", "toolType": "GOOGLE_SEARCH_WEB", "args": {"a_b": None}},
    "thoughtSignature": SIGNATURE,
}
COUNTS = {
    "promptTokenCount": 5,
    "candidatesTokenCount": 4,
    "thoughtsTokenCount": 3,
    "totalTokenCount": 14,
    "cachedContentTokenCount": 2,
    "toolUsePromptTokenCount": 2,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
}


def usage(**counts: object) -> Usage:
    told = {
        "input_tokens": None,
        "output_tokens": None,
        "total_tokens": None,
        "reasoning_tokens": None,
        "cached_tokens": None,
    }
    return Usage(**{**told, **counts})  # type: ignore[arg-type]


EVENTS: dict[str, tuple[Payload, Sequence[Event]]] = {
    "text": (chunk({"text": "Hel"}), [TextDelta(text="Hel")]),
    "each chunk names the response": (
        {**chunk({"text": "a"}), "responseId": "r1", "modelVersion": "gemini-x"},
        [Start(id="r1", model="gemini-x"), TextDelta(text="a")],
    ),
    "a name alone": (
        {**chunk(), "modelVersion": "gemini-x"},
        [Start(id="", model="gemini-x")],
    ),
    "a thought": (
        chunk({"text": "hm", "thought": True}),
        [TextDelta(text="hm", kind="reasoning")],
    ),
    "a signed text is a part of its own": (
        chunk({"text": "42", "thoughtSignature": SIGNATURE}),
        [CLOSE, TextDelta(text="42"), Signature(signature=SIGNATURE)],
    ),
    "a signed thought": (
        chunk({"text": "hm", "thought": True, "thoughtSignature": SIGNATURE}),
        [
            CLOSE,
            TextDelta(text="hm", kind="reasoning"),
            Signature(signature=SIGNATURE),
        ],
    ),
    "a signature on an empty text": (
        chunk({"text": "", "thoughtSignature": SIGNATURE}),
        [CLOSE, TextDelta(text=""), Signature(signature=SIGNATURE)],
    ),
    "a signature on nothing": (
        chunk({"thoughtSignature": SIGNATURE}),
        [CLOSE, TextDelta(text=""), Signature(signature=SIGNATURE)],
    ),
    "an empty text says nothing": (chunk({"text": ""}), [Ignored(type="chunk")]),
    "an empty part is counted": (chunk({}), [Ignored(type="part")]),
    "a call comes whole": (
        call(name="weather", args={"city": "Paris", "a_b": [1, None]}),
        [
            ToolCallDelta(index=None, name="weather"),
            Arguments(index=None, data={"city": "Paris", "a_b": [1, None]}),
            CLOSE,
        ],
    ),
    "a call without arguments": (
        call(id="c1", name="now"),
        [
            ToolCallDelta(index=None, id="c1", name="now"),
            Arguments(index=None, data={}),
            CLOSE,
        ],
    ),
    "a signed call, and another": (
        chunk(
            {
                "functionCall": {"name": "a", "args": {"x": 1}, "id": "c1"},
                "thoughtSignature": SIGNATURE,
            },
            {"functionCall": {"name": "b", "args": {"y": 2}, "id": "c2"}},
        ),
        [
            ToolCallDelta(index=None, id="c1", name="a"),
            Arguments(index=None, data={"x": 1}),
            Signature(signature=SIGNATURE),
            CLOSE,
            ToolCallDelta(index=None, id="c2", name="b"),
            Arguments(index=None, data={"y": 2}),
            CLOSE,
        ],
    ),
    "a call that streams begins with its name": (
        call(name="weather", willContinue=True),
        [ToolCallDelta(index=None, name="weather"), Arguments(index=None, data={})],
    ),
    "a string that goes on": (
        leaf("$.city", stringValue="Par", will_continue=True),
        [ArgumentDelta(json_path="$.city", value="Par", will_continue=True)],
    ),
    "a string that ends": (
        leaf("$.city", stringValue=""),
        [ArgumentDelta(json_path="$.city", value="", will_continue=False)],
    ),
    "a whole number": (
        leaf("$.days", numberValue=3),
        [ArgumentDelta(json_path="$.days", value=3, will_continue=False)],
    ),
    "a fraction": (
        leaf("$.x", numberValue=0.5),
        [ArgumentDelta(json_path="$.x", value=0.5, will_continue=False)],
    ),
    "false": (
        leaf("$.x", boolValue=False),
        [ArgumentDelta(json_path="$.x", value=False, will_continue=False)],
    ),
    "null": (
        leaf("$.x", nullValue="NULL_VALUE"),
        [ArgumentDelta(json_path="$.x", value=None, will_continue=False)],
    ),
    "the last leaf may close the call": (
        call(partialArgs=[{"jsonPath": "$.x", "stringValue": "y"}]),
        [ArgumentDelta(json_path="$.x", value="y", will_continue=False), CLOSE],
    ),
    "an empty call closes the call": (call(), [CLOSE]),
    "code that Google runs": (
        chunk(CODE),
        [OtherPart(type="executableCode", data=CODE)],
    ),
    "what it gave": (chunk(RAN), [OtherPart(type="codeExecutionResult", data=RAN)]),
    "an image": (chunk(IMAGE), [OtherPart(type="inlineData", data=IMAGE)]),
    "a file": (chunk(FILE), [OtherPart(type="fileData", data=FILE)]),
    "a tool that Google runs, with its signature": (
        chunk(SEARCHED),
        [OtherPart(type="toolCall", data=SEARCHED)],
    ),
    "grounding": (
        chunk({"text": "a"}, groundingMetadata=GROUNDING),
        [TextDelta(text="a"), Citation(data=GROUNDING)],
    ),
    "empty grounding is none": (
        chunk({"text": "a"}, groundingMetadata={}),
        [TextDelta(text="a")],
    ),
    "sources of a quotation": (
        chunk({"text": "a"}, citationMetadata={"citationSources": [SOURCE]}),
        [TextDelta(text="a"), Citation(data=SOURCE)],
    ),
    "pages that were read": (
        chunk({"text": "a"}, urlContextMetadata={"urlMetadata": [FETCHED]}),
        [TextDelta(text="a"), Citation(data=FETCHED)],
    ),
    "several answers": (
        {
            "candidates": [
                {"index": 1, "content": {"parts": [{"text": "b"}]}},
                {"index": 0, "finishReason": "STOP"},
                {
                    "index": 2,
                    "content": {"parts": [{"functionCall": {"name": "f"}}]},
                    "groundingMetadata": GROUNDING,
                },
            ]
        },
        [
            TextDelta(text="b", choice=1),
            Finish(reason="stop", raw_reason="STOP"),
            End(),
            ToolCallDelta(index=None, name="f", choice=2),
            Arguments(index=None, data={}, choice=2),
            PartDone(index=None, data={}, choice=2),
            Citation(data=GROUNDING, choice=2),
        ],
    ),
    "usage: thoughts are output, tools are told apart": (
        {**chunk(), "usageMetadata": COUNTS},
        [
            usage(
                input_tokens=5,
                output_tokens=7,
                total_tokens=14,
                reasoning_tokens=3,
                cached_tokens=2,
                data=COUNTS,
            )
        ],
    ),
    "usage before any output": (
        {
            "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5},
            "modelVersion": "gemini-x",
        },
        [
            Start(id="", model="gemini-x"),
            usage(
                input_tokens=5,
                total_tokens=5,
                data={"promptTokenCount": 5, "totalTokenCount": 5},
            ),
        ],
    ),
    "the end": (
        chunk({"text": "lo"}, finishReason="STOP"),
        [TextDelta(text="lo"), Finish(reason="stop", raw_reason="STOP"), End()],
    ),
    "what is said of another end is not a refusal": (
        {"candidates": [{"finishReason": "OTHER", "finishMessage": "Hm."}]},
        [Finish(reason="other", raw_reason="OTHER"), End()],
    ),
    "a blocked prompt has no answer": (
        {"promptFeedback": {"blockReason": "SAFETY"}},
        [Finish(reason="content_filter", raw_reason="SAFETY"), End()],
    ),
    "a blocked prompt may say why": (
        {"promptFeedback": {"blockReason": "OTHER", "blockReasonMessage": "No."}},
        [
            TextDelta(text="No.", kind="refusal"),
            Finish(reason="content_filter", raw_reason="OTHER"),
            End(),
        ],
    ),
    "a prompt that is not blocked": (
        {**chunk({"text": "a"}), "promptFeedback": {"safetyRatings": []}},
        [TextDelta(text="a")],
    ),
    "the answer goes on in another exchange": (
        chunk({"text": "a"}, finishReason="CONTINUATION"),
        [TextDelta(text="a"), Hop()],
    ),
    "nothing at all is counted": (chunk(), [Ignored(type="chunk")]),
}
#: What the SDK raises, or drops before we see it.
WIRE_ONLY: dict[str, tuple[Payload, Sequence[Event]]] = {
    "a filter may say why": (
        {"candidates": [{"finishReason": "SAFETY", "finishMessage": "Not this."}]},
        [
            TextDelta(text="Not this.", kind="refusal"),
            Finish(reason="content_filter", raw_reason="SAFETY"),
            End(),
        ],
    ),
    "an error": (
        {"error": {"code": 503, "message": "Busy.", "status": "UNAVAILABLE"}},
        [Failure(type="UNAVAILABLE", message="Busy.")],
    ),
    "an error that only has a number": (
        {"error": {"code": 503}},
        [Failure(type="503", message="")],
    ),
    "an error that says nothing": ({"error": {}}, [Failure(type="error", message="")]),
    "a part of a kind we have never heard of is kept": (
        chunk({"hologramData": {"a_b": 1}}),
        [OtherPart(type="hologramData", data={"hologramData": {"a_b": 1}})],
    ),
    "sources under Vertex's name": (
        chunk({"text": "a"}, citationMetadata={"citations": [SOURCE]}),
        [TextDelta(text="a"), Citation(data=SOURCE)],
    ),
    "names in the SDK's spelling": (
        {
            "candidates": [
                {
                    "content": {
                        "parts": [{"thought_signature": SIGNATURE, "text": "a"}]
                    },
                    "finish_reason": "STOP",
                }
            ],
            "response_id": "r1",
        },
        [
            Start(id="r1", model=""),
            CLOSE,
            TextDelta(text="a"),
            Signature(signature=SIGNATURE),
            Finish(reason="stop", raw_reason="STOP"),
            End(),
        ],
    ),
    "a number too large to be a whole one": (
        leaf("$.x", numberValue=1e300),
        [ArgumentDelta(json_path="$.x", value=1e300, will_continue=False)],
    ),
    "lists that are none": (
        {"candidates": [{"content": {"parts": 3}}, "x"]},
        [Ignored(type="chunk")],
    ),
}


class Wire:
    """The SDK's client over payloads; it keeps what the SDK asks."""

    def __init__(self, *bodies: Sequence[Payload]) -> None:
        self.asked: list[dict[str, object]] = []
        self._bodies = iter(bodies)
        transport = httpx2.MockTransport(self._answer)
        options = types.HttpOptions(httpx_client=httpx2.Client(transport=transport))
        self.client = genai.Client(api_key="none", http_options=options)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(json.loads(request.content))
        payloads = next(self._bodies)
        body = "".join(f"data: {json.dumps(each)}\r\n\r\n" for each in payloads)
        kind = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=kind, content=body.encode())

    def chunks(self, contents: object = "hi") -> list[types.GenerateContentResponse]:
        models = self.client.models
        return list(models.generate_content_stream(model="m", contents=contents))


@by_name({**EVENTS, **WIRE_ONLY})
def test_a_payload_off_the_wire_gives_its_events(payload, expected):
    """Each kind of chunk on the wire gives what the table says."""
    assert list(normalize(payload)) == expected


@by_name(EVENTS)
def test_the_sdks_object_gives_the_same_events(payload, expected):
    """Other names, enums and bytes: the SDK's chunk says what the wire said."""
    [found] = Wire([payload]).chunks()

    assert list(normalize(found)) == expected


def test_a_part_the_sdk_does_not_know_is_counted():
    """The SDK drops what it does not know: all that is left is an empty part."""
    [found] = Wire([chunk({"hologramData": {}})]).chunks()

    assert list(normalize(found)) == [Ignored(type="part")]


def test_a_new_finish_reason_is_other():
    """The SDK makes a new enum value of it, with a warning; it ends the answer."""
    payload = chunk(finishReason="BORED")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        [found] = Wire([payload]).chunks()
    expected = [Finish(reason="other", raw_reason="BORED"), End()]

    assert list(normalize(payload)) == list(normalize(found)) == expected


REASONS = {
    "FINISH_REASON_UNSPECIFIED": None,
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "OTHER": "other",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MALFORMED_FUNCTION_CALL": "error",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_OTHER": "other",
    "NO_IMAGE": "other",
    "IMAGE_RECITATION": "content_filter",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "other",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "MALFORMED_RESPONSE": "error",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "CONTINUATION": "hop",
    "MODEL_ARMOR": "content_filter",
}


@since("google-genai", "3.6")
def test_every_finish_reason_of_the_sdk_is_decided():
    """No reason of the installed SDK is left to chance."""
    assert {reason.value for reason in types.FinishReason} == set(REASONS)


@pytest.mark.parametrize(("raw", "ours"), REASONS.items(), ids=REASONS)
@pytest.mark.parametrize(
    "of",
    [str, pytest.param(types.FinishReason, marks=since("google-genai", "3.6"))],
    ids=["str", "enum"],
)
def test_a_finish_reason_has_our_word_and_keeps_its_own(raw, ours, of):
    """The reason ends the answer, but for the one that says it goes on."""
    found = list(normalize({"candidates": [{"finishReason": of(raw)}]}))
    expected: list[Event] = [Finish(reason=ours, raw_reason=raw), End()]
    if ours == "error":
        expected.insert(0, Failure(type=raw, message=""))
    if ours in {None, "hop"}:
        expected = [Hop()] if ours else [Ignored(type="chunk")]

    assert found == expected


@pytest.mark.parametrize("reason", types.BlockedReason, ids=lambda each: each.value)
def test_every_block_reason_is_a_filter(reason):
    """Whatever blocked the prompt, no answer comes; unspecified blocks nothing."""
    blocked = [Finish(reason="content_filter", raw_reason=reason.value), End()]
    nothing = [Ignored(type="chunk")]
    unsaid = reason.value == "BLOCKED_REASON_UNSPECIFIED"

    found = list(normalize({"promptFeedback": {"blockReason": reason}}))

    assert found == (nothing if unsaid else blocked)


@since("google-genai", "3.6")
def test_every_field_of_a_part_is_known():
    """A field that the SDK adds must be sorted: what a part holds, or about it."""
    from nbstream.providers.gemini import ABOUT_A_PART

    names = {field.alias for field in types.Part.model_fields.values()}

    assert names - ABOUT_A_PART == {
        "text",
        "functionCall",
        "functionResponse",
        "codeExecutionResult",
        "executableCode",
        "fileData",
        "inlineData",
        "toolCall",
        "toolResponse",
        "audioTranscription",
    }
    assert names >= ABOUT_A_PART


MATCHES = {
    "a chunk": (chunk(), True),
    "an SDK's chunk": (Wire([chunk()]).chunks()[0], True),
    "an SDK's chunk with usage only": (
        types.GenerateContentResponse(usage_metadata={}, model_version="m"),
        True,
    ),
    "an SDK's chunk with usage and nothing else": (
        types.GenerateContentResponse(usage_metadata={}),
        True,
    ),
    "an SDK's chunk with nothing set": (types.GenerateContentResponse(), True),
    "usage and nothing else": ({"usageMetadata": {"promptTokenCount": 5}}, True),
    "the same, dumped by the SDK": (
        {"usage_metadata": {"prompt_token_count": 5}},
        True,
    ),
    "names only": ({"responseId": "r1", "modelVersion": "m"}, True),
    "another library's usage": ({"usage_metadata": {"input_tokens": 5}}, False),
    "a blocked prompt": ({"promptFeedback": {}}, True),
    "usage only": ({"usageMetadata": {}, "modelVersion": "m"}, True),
    "usage of something else": ({"usageMetadata": {}}, False),
    "an error": ({"error": {"code": 503, "status": "UNAVAILABLE"}}, True),
    "OpenAI's error": ({"error": {"code": "x", "message": "y"}}, False),
    "Anthropic's error": ({"type": "error", "error": {"type": "api_error"}}, False),
    "an event of Interactions": ({"event_type": "error", "error": {}}, False),
    "a chunk of OpenAI Chat": ({"object": "chat.completion.chunk"}, False),
    "a dict of something else": ({1: "a"}, False),
    "a text": ("candidates", False),
}


@by_name(MATCHES)
def test_a_payload_is_known_by_its_names(payload, expected):
    """A chunk has no type: the names of its fields tell."""
    assert matches(payload) is expected


WEATHER = [
    call(name="weather", willContinue=True),
    leaf("$.city", stringValue="Par", will_continue=True),
    leaf("$.city", stringValue="is"),
    leaf("$.days", numberValue=3),
    call(),
]
STOP = chunk({"text": ""}, finishReason="STOP")
BACK: dict[str, tuple[list[Payload], list[Payload]]] = {
    "signatures stay in the part they came in": (
        [
            chunk({"text": "hm", "thought": True}),
            chunk({"text": "4"}),
            chunk({"text": "2"}),
            chunk({"text": "", "thoughtSignature": SIGNATURE}),
        ],
        [
            {"text": "hm", "thought": True},
            {"text": "42"},
            {"text": "", "thoughtSignature": SIGNATURE},
        ],
    ),
    "a signed text is not merged with the one before or after": (
        [
            chunk({"text": "a"}),
            chunk({"text": "b", "thoughtSignature": SIGNATURE}),
            chunk({"text": "c"}),
        ],
        [
            {"text": "a"},
            {"text": "b", "thoughtSignature": SIGNATURE},
            {"text": "c"},
        ],
    ),
    "two calls, one with an id, one signed": (
        [
            chunk(
                {"functionCall": {"name": "a", "args": {"x": 1}, "id": "c1"}},
                {"functionCall": {"name": "a"}, "thoughtSignature": SIGNATURE},
            )
        ],
        [
            {"functionCall": {"name": "a", "args": {"x": 1}, "id": "c1"}},
            {"functionCall": {"name": "a", "args": {}}, "thoughtSignature": SIGNATURE},
        ],
    ),
    "a call that streamed": (
        WEATHER,
        [{"functionCall": {"name": "weather", "args": {"city": "Paris", "days": 3}}}],
    ),
    "a call that streamed nothing": (
        [call(name="now", willContinue=True), call()],
        [{"functionCall": {"name": "now", "args": {}}}],
    ),
    "code and what it gave, between texts": (
        [chunk({"text": "a"}, CODE, RAN), chunk(IMAGE), chunk({"text": "b"})],
        [{"text": "a"}, CODE, RAN, IMAGE, {"text": "b"}],
    ),
    "a tool that Google ran": ([chunk(SEARCHED)], [SEARCHED]),
    "an exchange more": (
        [chunk({"text": "a"}, finishReason="CONTINUATION"), chunk({"text": "b"})],
        [{"text": "a"}, {"text": "b"}],
    ),
}


@by_name(BACK)
def test_what_came_goes_back(payload, expected):
    """The content has every part in its order, and the SDK sends it as it is."""
    message = to_message(reply_of([*payload, STOP]))

    assert message == {"role": "model", "parts": expected}
    types.Content.model_validate(message)
    wire = Wire([chunk()])
    wire.chunks([message, {"role": "user", "parts": [{"text": "go on"}]}])
    [back, _] = wire.asked[0]["contents"]
    assert decoded(back["parts"]) == decoded(expected)


def decoded(value: object) -> object:
    """Compare content sent by what it means: two alphabets, two spellings."""
    if isinstance(value, list):
        return [decoded(each) for each in value]
    if isinstance(value, dict):
        spelt = {name.replace("_", "").lower(): it for name, it in value.items()}
        return {name: decoded(it) for name, it in spelt.items()}
    if value in {SIGNATURE, SIGNATURE.replace("/", "_").replace("+", "-")}:
        return base64.b64decode(SIGNATURE)
    return value


def test_a_refusal_is_not_sent_back():
    """The explanation is the service's, not the model's."""
    end = {"candidates": [{"finishReason": "SAFETY", "finishMessage": "Not this."}]}
    reply = reply_of([chunk({"text": "par"}), end])

    assert (reply.text, reply.refusal, reply.outcome) == (
        "par",
        "Not this.",
        "complete",
    )
    assert to_message(reply)["parts"] == [{"text": "par"}]


def test_a_call_that_was_wanted_is_the_finish_reason():
    """Gemini says STOP when it wants a tool called."""
    reply = reply_of([*WEATHER, STOP])
    [made] = reply.tool_calls

    assert (reply.finish_reason, reply.raw_finish_reason) == ("tool_calls", "STOP")
    assert (made.name, made.state, made.arguments) == (
        "weather",
        "valid",
        '{"city": "Paris", "days": 3}',
    )


def test_the_sdks_own_hop_is_one_answer():
    """The SDK follows the token, hides the hop and adds up the usage."""
    token = {"finishReason": "CONTINUATION", "continuationToken": SIGNATURE}
    counts = {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}
    first = {**chunk({"text": "a"}, **token), "usageMetadata": counts}
    second = {**chunk({"text": "b"}, finishReason="STOP"), "usageMetadata": counts}
    wire = Wire([first], [second])

    of_sdk, of_wire = reply_of(wire.chunks()), reply_of([first, second])

    assert len(wire.asked) == 2
    for reply in (of_sdk, of_wire):
        assert (reply.text, reply.outcome) == ("ab", "complete")
        assert reply.usage is not None
        assert reply.usage.total_tokens == 14


def test_a_chats_chunks_are_chunks():
    """A chat yields the same objects, with its history where it calls functions."""

    def now() -> str:
        """Tell the time."""
        return "noon"

    wire = Wire(
        [chunk({"functionCall": {"name": "now", "args": {}}}, finishReason="STOP")],
        [chunk({"text": "b"}, finishReason="STOP")],
    )
    config = types.GenerateContentConfig(tools=[now])
    chat = wire.client.chats.create(model="m", config=config)

    reply = reply_of(list(chat.send_message_stream("what time is it")))

    assert (reply.text, reply.outcome) == ("b", "complete")
    assert reply.tool_calls == ()


NOON = {"functionCall": {"name": "now", "args": {}}}
TOLD = {"functionResponse": {"name": "now", "response": {"result": "noon"}}}
TEXT = {"text": "It is noon."}
RESULTS = {"role": "user", "parts": [TOLD]}


def model(*parts: object) -> Payload:
    return {"role": "model", "parts": list(parts)}


def named(id_: str, payload: Payload) -> Payload:
    counts = {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}
    return {**payload, "responseId": id_, "usageMetadata": counts}


def ran(*answers: list[Payload], **config: object) -> list[object]:
    """Return what the SDK yields where it may run a function itself."""

    def now() -> str:
        """Tell the time."""
        return "noon"

    made = types.GenerateContentConfig(tools=[now], **config)
    asked = ["Hi.", "Hello.", "What time is it?"]
    contents = [
        types.Content(role=role, parts=[types.Part(text=text)])
        for role, text in zip(["user", "model", "user"], asked, strict=True)
    ]
    stream = Wire(*answers).client.models.generate_content_stream
    return list(stream(model="m", contents=contents, config=made))


#: What the SDK reads -> the text, its tokens, what goes back.
RUN: dict[str, tuple[list[list[Payload]], Sequence[object]]] = {
    "a call that was run": (
        [
            [named("a", chunk(NOON, finishReason="STOP"))],
            [named("b", chunk(TEXT, finishReason="STOP"))],
        ],
        ("It is noon.", 14, [model(NOON), RESULTS, model(TEXT)]),
    ),
    "two exchanges, the answers in pieces": (
        [
            [named("a", chunk({"text": "Hm."})), named("a", chunk(NOON))],
            [named("b", chunk(NOON, finishReason="STOP"))],
            [
                chunk({"text": "It is "}),
                named("c", chunk({"text": "noon."}, finishReason="STOP")),
            ],
        ],
        (
            "Hm.It is noon.",
            21,
            [
                *(model({"text": "Hm."}), model(NOON), RESULTS),
                *(model(NOON), RESULTS, model(TEXT)),
            ],
        ),
    ),
    "no name on the wire": (
        [[chunk(NOON)], [chunk(TEXT, finishReason="STOP")]],
        ("It is noon.", None, [model(NOON), RESULTS, model(TEXT)]),
    ),
}


@by_name(RUN)
def test_a_function_that_the_sdk_has_run_is_no_call_of_ours(payload, expected):
    """It goes back with its result, as the SDK itself has sent it."""
    reply = reply_of(ran(*payload))

    assert (reply.outcome, reply.finish_reason, reply.tool_calls) == (
        "complete",
        "stop",
        (),
    )
    tokens = reply.usage and reply.usage.total_tokens
    assert (reply.text, tokens, to_message(reply)) == expected


def test_the_last_call_that_the_sdk_has_not_run_is_ours():
    """It stops at a number of requests, and leaves the call to the caller."""
    limit = types.AutomaticFunctionCallingConfig(maximum_remote_calls=2)
    calls = [[named(id_, chunk(NOON, finishReason="STOP"))] for id_ in "ab"]
    reply = reply_of(ran(*calls, automatic_function_calling=limit))

    assert [made.name for made in reply.tool_calls] == ["now"]
    assert reply.finish_reason == "tool_calls"
    assert to_message(reply) == [model(NOON), RESULTS, model(NOON)]


CUT: dict[str, tuple[list[Payload], int]] = {
    "in the first exchange": ([named("a", chunk(NOON))], 1),
    "between two": ([named("a", chunk(NOON, finishReason="STOP"))], 1),
    "in the second": (
        [
            named("a", chunk(NOON, finishReason="STOP")),
            named("b", chunk({"text": "It"})),
        ],
        0,
    ),
}


@by_name(CUT)
def test_an_exchange_that_is_cut_is_not_complete(payload, expected):
    """What the one before it has ended with says nothing of it."""
    reply = reply_of(payload)
    whole = [each["candidates"][0].get("finishReason") for each in payload][-1]

    assert reply.outcome == ("complete" if whole else "truncated")
    assert len(reply.tool_calls) == expected


#: Of a chat's stream the SDK tells nothing of what it has run.
UNTOLD = {
    "another name": [
        named("a", chunk({"text": "Hm."}, NOON, finishReason="STOP")),
        named("b", chunk(TEXT, finishReason="STOP")),
    ],
    "no name": [
        chunk({"text": "Hm."}, NOON, finishReason="STOP"),
        chunk(TEXT, finishReason="STOP"),
    ],
    "two calls, no name": [
        chunk({"text": "Hm."}, NOON, NOON, finishReason="STOP"),
        chunk(NOON, finishReason="STOP"),
        chunk(TEXT, finishReason="STOP"),
    ],
}


@pytest.mark.parametrize("payloads", UNTOLD.values(), ids=UNTOLD)
def test_a_call_that_an_answer_follows_is_not_open(payloads):
    """What was called is not said again: its result is not known."""
    reply = reply_of(payloads)

    assert (reply.tool_calls, reply.finish_reason) == ((), "stop")
    assert to_message(reply) == model({"text": "Hm."}, TEXT)


def test_a_result_in_the_stream_goes_back_as_the_users():
    """A server that runs the function itself says what came of it."""
    reply = reply_of([chunk(NOON), chunk(TOLD), chunk(TEXT, finishReason="STOP")])

    assert (reply.tool_calls, reply.finish_reason) == ((), "stop")
    user = {"role": "user", "parts": [TOLD]}
    assert to_message(reply) == [model(NOON), user, model(TEXT)]


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=30), st.lists(st.integers(0, 30), max_size=5))
def test_a_string_may_be_cut_anywhere(value, cuts):
    """However a string argument is cut, it is the same string."""
    edges = sorted({0, len(value), *(cut for cut in cuts if cut < len(value))})
    pieces = [value[a:b] for a, b in itertools.pairwise(edges)]
    leaves = [leaf("$.x", stringValue=each, will_continue=True) for each in pieces]
    begun, close = call(name="f", willContinue=True), leaf("$.x", stringValue="")

    [made] = reply_of([begun, *leaves, close, call(), STOP]).tool_calls

    assert (made.state, made.parsed) == ("valid", {"x": value})


def test_a_flood_of_new_names_is_spelt_right():
    """Names come off the wire without end; only so many are remembered."""
    from nbstream.providers.gemini import wire_fields

    flood = {f"name_{number}_x": number for number in range(3000)}

    assert wire_fields(flood) == {f"name{number}X": number for number in range(3000)}


def test_a_history_in_which_nothing_was_run_says_nothing():
    """And neither does another name before the end: servers name chunks anew."""
    history = {"automaticFunctionCallingHistory": [model({"text": "a"})]}
    payloads = [
        {**named("a", chunk({"text": "It is "})), **history},
        named("b", chunk({"text": "noon."}, finishReason="STOP")),
    ]
    reply = reply_of(payloads)

    assert (reply.text, len(reply.parts), reply.id) == ("It is noon.", 1, "a")
