"""OpenAI Chat Completions: one payload to events, and the answer as a message."""

import json
from collections import UserDict
from dataclasses import replace
from types import SimpleNamespace

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionAssistantMessageParam,
    ChatCompletionMessageToolCallUnionParam,
)
from pydantic import TypeAdapter

from nbstream._reader import Reader
from nbstream.providers import openai_chat
from nbstream.reply import Reply
from nbstream.types import (
    Citation,
    End,
    Failure,
    Finish,
    Ignored,
    OtherPart,
    PartDone,
    Signature,
    Start,
    TextDelta,
    TextDone,
    ToolCallDelta,
    Usage,
)


def chunk(*choices, **more):
    """A chunk as it comes over the wire."""
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-x",
        "choices": list(choices),
        **more,
    }


def says(finish_reason=None, index=0, **delta):
    """One choice of a chunk."""
    return {"index": index, "delta": delta, "finish_reason": finish_reason}


def fragment(index=0, **more):
    """One entry of ``delta.tool_calls``; ``name`` and ``arguments`` go inside."""
    inside = {k: more.pop(k) for k in ("name", "arguments") if k in more}
    number = {} if index is None else {"index": index}
    return {**number, **more, "function": inside}


START = Start(id="c1", model="gpt-x")
COUNTS = {
    "prompt_tokens": 5,
    "completion_tokens": 7,
    "total_tokens": 12,
    "completion_tokens_details": {"reasoning_tokens": 3},
    "prompt_tokens_details": {"cached_tokens": 2},
}
USAGE = Usage(
    input_tokens=5,
    output_tokens=7,
    total_tokens=12,
    reasoning_tokens=3,
    cached_tokens=2,
    data=COUNTS,
)


def reasoning(text):
    return TextDelta(text=text, kind="reasoning")


def counted(data, **known):
    """A ``Usage`` of which only some counts are known."""
    names = ("input", "output", "total", "reasoning", "cached")
    counts = {f"{name}_tokens": known.get(name) for name in names}
    return Usage(**counts, data=data)


SIGNED = {
    "type": "reasoning.text",
    "text": "ok",
    "signature": "sig",
    "format": "anthropic-claude-v1",
    "index": 0,
}
ENCRYPTED = {"type": "reasoning.encrypted", "data": "gAA", "id": "rs_1", "index": 0}
SOURCE = {"type": "url_citation", "url_citation": {"url": "https://a.example"}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
SEARCHED = {
    "type": "search",
    "arguments": '{"query":"a"}',
    "search_results": {"results": [{"url": "https://a.example"}]},
}
FILTERED = {"hate": {"filtered": False, "severity": "safe"}}

TEXT = {
    "text": (chunk(says(content="Hi")), [TextDelta(text="Hi")]),
    "the first chunk names the response": (
        chunk(says(role="assistant", content="")),
        [START],
    ),
    "a chunk that says nothing": (chunk(says(content=None)), []),
    "a choice without a delta": (chunk({"index": 0, "finish_reason": None}), []),
    "several choices": (
        chunk(says(content="a", index=1), says(content="b", index=0)),
        [TextDelta(text="a", choice=1), TextDelta(text="b")],
    ),
    "a choice without a number is the first": (
        chunk({"delta": {"content": "a"}, "finish_reason": None}),
        [TextDelta(text="a")],
    ),
    "a refusal": (
        chunk(says(refusal="No.")),
        [TextDelta(text="No.", kind="refusal")],
    ),
    "logprobs are not looked at": (
        chunk({**says(content="a"), "logprobs": {"content": [], "refusal": None}}),
        [TextDelta(text="a")],
    ),
    "Azure's content filter results are not looked at": (
        chunk({**says(content="a"), "content_filter_results": FILTERED}),
        [TextDelta(text="a")],
    ),
    "Mistral's list of parts": (
        chunk(
            says(
                content=[
                    {
                        "type": "thinking",
                        "thinking": [
                            {"type": "text", "text": "Let me "},
                            {"type": "text", "text": "see"},
                        ],
                    },
                    {"type": "thinking", "thinking": "!"},
                    {"type": "text", "text": "42"},
                    {"type": "reference", "reference_ids": [1]},
                    {"type": "image_url", "image_url": "https://a.example/i.png"},
                ]
            )
        ),
        [
            reasoning("Let me see"),
            reasoning("!"),
            TextDelta(text="42"),
            Citation(data={"type": "reference", "reference_ids": [1]}),
            OtherPart(
                type="image_url",
                data={"type": "image_url", "image_url": "https://a.example/i.png"},
            ),
        ],
    ),
    "sources in annotations": (
        chunk(says(content="", annotations=[SOURCE])),
        [Citation(data=SOURCE)],
    ),
    "images (OpenRouter)": (
        chunk(says(content="", images=[IMAGE])),
        [OtherPart(type="image_url", data=IMAGE)],
    ),
    "what was said aloud is text": (
        chunk(says(content=None, audio={"id": "a1", "transcript": "Hi"})),
        [
            OtherPart(type="audio", data={"id": "a1"}, index=-1),
            TextDelta(text="Hi"),
        ],
    ),
    "the sound itself": (
        chunk(says(audio={"data": "AAAA"})),
        [Ignored(type="delta.audio")],
    ),
    "until when the sound can be referred to": (
        chunk(says(audio={"expires_at": 9})),
        [OtherPart(type="audio", data={"expires_at": 9}, index=-1), End()],
    ),
    "a transcript of what is there as text": (
        chunk(says(content="Hi", audio={"transcript": "Hi"})),
        [TextDelta(text="Hi")],
    ),
    "an audio field with nothing in it": (
        chunk(says(audio={"id": "", "data": "", "transcript": ""})),
        [],
    ),
    "a tool that Groq ran": (
        chunk(says(executed_tools=[{"index": 1, **SEARCHED}])),
        [
            OtherPart(type="search", data={"index": 1, **SEARCHED}, index=-2),
            Citation(data={"url": "https://a.example"}),
        ],
    ),
    "tools without a number, and sources in a plain list": (
        chunk(
            says(
                executed_tools=[
                    {"type": "python"},
                    {"search_results": [{"url": "https://a.example"}]},
                ]
            )
        ),
        [
            OtherPart(type="python", data={"type": "python"}, index=-1),
            OtherPart(
                type="executed_tool",
                data={"search_results": [{"url": "https://a.example"}]},
                index=-2,
            ),
            Citation(data={"url": "https://a.example"}),
        ],
    ),
    "a field nobody knows": (
        chunk(says(content="a", hologram=[{}], nothing=None)),
        [TextDelta(text="a"), Ignored(type="delta.hologram")],
    ),
}

REASONING = {
    "reasoning_content (DeepSeek, Qwen, Kimi)": (
        chunk(says(content=None, reasoning_content="ok")),
        [reasoning("ok")],
    ),
    "reasoning (Groq, Ollama, Cerebras)": (
        chunk(says(reasoning="ok", content="")),
        [reasoning("ok")],
    ),
    "reasoning comes before the text of the same chunk": (
        chunk(says(content="42", reasoning="ok")),
        [reasoning("ok"), TextDelta(text="42")],
    ),
    "two spellings of the same words": (
        chunk(says(reasoning_content="ok", reasoning="ok")),
        [reasoning("ok")],
    ),
    "a null or empty spelling": (
        chunk(says(content="a", reasoning=None, reasoning_content="")),
        [TextDelta(text="a")],
    ),
    "the string and the details with the same words": (
        chunk(
            says(
                reasoning="ok",
                reasoning_details=[{"type": "reasoning.text", "text": "ok"}],
            )
        ),
        [reasoning("ok")],
    ),
    "only details": (
        chunk(
            says(
                reasoning_details=[
                    {"type": "reasoning.text", "text": "a"},
                    {"type": "reasoning.summary", "summary": "b"},
                ]
            )
        ),
        [reasoning("ab")],
    ),
    "a signature (OpenRouter)": (
        chunk(says(reasoning="ok", reasoning_details=[SIGNED])),
        [
            reasoning("ok"),
            reasoning(""),
            Signature(signature="sig"),
            PartDone(index=None, data={k: v for k, v in SIGNED.items() if k != "text"}),
        ],
    ),
    "an encrypted thought (OpenRouter)": (
        chunk(says(content="", reasoning_details=[ENCRYPTED])),
        [OtherPart(type="reasoning.encrypted", data=ENCRYPTED)],
    ),
    "an encrypted thought without a type": (
        chunk(says(reasoning_details=[{"data": "gAA"}])),
        [OtherPart(type="reasoning", data={"data": "gAA"})],
    ),
    "an empty detail": (
        chunk(says(reasoning_details=[{"type": "reasoning.text", "text": ""}])),
        [],
    ),
}

TOOLS = {
    "the first fragment of a call": (
        chunk(
            says(
                tool_calls=[fragment(id="t1", type="function", name="f", arguments="")]
            )
        ),
        [ToolCallDelta(index=0, id="t1", name="f")],
    ),
    "a later fragment": (
        chunk(says(tool_calls=[fragment(arguments='{"a":')])),
        [ToolCallDelta(index=0, arguments='{"a":')],
    ),
    "two calls in one chunk": (
        chunk(
            says(
                tool_calls=[
                    fragment(0, id="t1", name="f", arguments="{}"),
                    fragment(1, id="t2", name="g", arguments="{}"),
                ]
            )
        ),
        [
            ToolCallDelta(index=0, id="t1", name="f", arguments="{}"),
            ToolCallDelta(index=1, id="t2", name="g", arguments="{}"),
        ],
    ),
    "a whole call without a number (Mistral)": (
        chunk(
            says(tool_calls=[fragment(None, id="t1", name="f", arguments='{"a":1}')])
        ),
        [ToolCallDelta(index=None, id="t1", name="f", arguments='{"a":1}')],
    ),
    "null arguments, id and name": (
        chunk(says(tool_calls=[fragment(id=None, name=None, arguments=None)])),
        [],
    ),
    "the API before tools, in a server that writes every field": (
        chunk(says(content="4", function_call={"name": "", "arguments": ""})),
        [TextDelta(text="4")],
    ),
    "an empty custom call beside a function": (
        chunk(
            says(
                tool_calls=[
                    fragment(
                        id="t1",
                        name="f",
                        arguments="{}",
                        custom={"name": "", "input": ""},
                    )
                ]
            )
        ),
        [ToolCallDelta(index=0, id="t1", name="f", arguments="{}")],
    ),
    "an empty function beside a custom call": (
        chunk(
            says(
                tool_calls=[
                    fragment(
                        id="t1",
                        name="",
                        arguments="",
                        custom={"name": "py", "input": "1"},
                    )
                ]
            )
        ),
        [
            ToolCallDelta(index=0, id="t1", name="py", arguments="1"),
            PartDone(index=0, data={"type": "custom"}),
        ],
    ),
    "a fragment without its function": (
        chunk(says(tool_calls=[{"index": 0, "id": "t1"}])),
        [ToolCallDelta(index=0, id="t1")],
    ),
    "arguments that the server has parsed": (
        chunk(says(tool_calls=[fragment(id="t1", name="f", arguments={"a": "é"})])),
        [ToolCallDelta(index=0, id="t1", name="f", arguments='{"a": "é"}')],
    ),
    "the API before tools": (
        chunk(says(function_call={"name": "f", "arguments": "{}"})),
        [ToolCallDelta(index=None, name="f", arguments="{}")],
    ),
    "a custom tool": (
        chunk(
            says(
                tool_calls=[
                    {
                        "index": 0,
                        "id": "t1",
                        "type": "custom",
                        "custom": {"name": "py", "input": "1+"},
                    }
                ]
            )
        ),
        [
            ToolCallDelta(index=0, id="t1", name="py", arguments="1+"),
            PartDone(index=0, data={"type": "custom"}),
        ],
    ),
    "a later fragment for a custom tool": (
        chunk(says(tool_calls=[{"index": 0, "custom": {"input": "1"}}])),
        [ToolCallDelta(index=0, arguments="1")],
    ),
    "a signed call (Gemini's endpoint for OpenAI's SDK)": (
        chunk(
            says(
                tool_calls=[
                    fragment(
                        id="t1",
                        name="f",
                        arguments="{}",
                        extra_content={"google": {"thought_signature": "sig"}},
                    )
                ]
            )
        ),
        [
            ToolCallDelta(index=0, id="t1", name="f", arguments="{}"),
            Signature(signature="sig", index=0),
        ],
    ),
}


def finished(reason, raw, *others):
    return [START, *others, Finish(reason=reason, raw_reason=raw), End()]


A = TextDelta(text="a")
COPILOT = {
    "prompt_tokens": 5,
    "completion_tokens": 9,
    "total_tokens": 14,
    "reasoning_tokens": 7,
    "completion_tokens_details": {"accepted_prediction_tokens": 0},
}
TIMINGS = {"prompt_n": 3, "cache_n": 4, "predicted_n": 9, "predicted_ms": 1.5}
CONCISE = {"reasoning_steps": [{"thought": "a"}]}
ENDS = {
    "stop": (chunk(says("stop")), finished("stop", "stop")),
    "length": (chunk(says("length")), finished("length", "length")),
    "tools": (chunk(says("tool_calls")), finished("tool_calls", "tool_calls")),
    "function": (chunk(says("function_call")), finished("tool_calls", "function_call")),
    "filter": (
        chunk(says("content_filter")),
        finished("content_filter", "content_filter"),
    ),
    "a word nobody knows": (chunk(says("elephant")), finished("other", "elephant")),
    "a word that says: not yet (DashScope)": (chunk(says("null", content="a")), [A]),
    "a word that says: failed": (
        chunk(says("error")),
        finished("error", "error", Failure(type="error", message="")),
    ),
    "the model's own word (OpenRouter)": (
        chunk({**says("tool_calls"), "native_finish_reason": "max_output_tokens"}),
        finished("length", "max_output_tokens"),
    ),
    "the model's own word says the same": (
        chunk({**says("length"), "native_finish_reason": "MAX_TOKENS"}),
        finished("length", "length"),
    ),
    "the model's own word for its error": (
        chunk({**says("error"), "native_finish_reason": "MALFORMED_FUNCTION_CALL"}),
        finished(
            "error",
            "MALFORMED_FUNCTION_CALL",
            Failure(type="MALFORMED_FUNCTION_CALL", message=""),
        ),
    ),
    "an empty reason is none": (chunk(says("", content="a")), [TextDelta(text="a")]),
    "the last words come with the reason": (
        chunk(says("stop", content="a")),
        finished("stop", "stop", TextDelta(text="a")),
    ),
    "each choice ends for itself": (
        chunk(says("length", index=1)),
        [
            START,
            Finish(reason="length", raw_reason="length", choice=1),
            End(choice=1),
        ],
    ),
    "usage last, by itself, is the end": (
        chunk(usage=COUNTS),
        [START, USAGE, End(choice=None)],
    ),
    "usage with an error is none": (
        chunk(usage=COUNTS, error={"message": "Boom", "code": "server_error"}),
        [START, USAGE, Failure(type="server_error", message="Boom")],
    ),
    "usage with a choice is none": (chunk(says(content="a"), usage=COUNTS), [A, USAGE]),
    "usage with the finish": (
        chunk(says("stop"), usage=COUNTS),
        [*finished("stop", "stop"), USAGE],
    ),
    "usage null": (chunk(says(content="a"), usage=None), [TextDelta(text="a")]),
    "usage of Groq": (
        chunk(says("stop"), x_groq={"id": "r", "usage": COUNTS}),
        [*finished("stop", "stop"), USAGE],
    ),
    "usage of Kimi": (
        chunk({**says("stop"), "usage": COUNTS}),
        [*finished("stop", "stop"), USAGE],
    ),
    "usage without details": (
        chunk(usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
        [
            START,
            counted(
                {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
                input=1,
                output=2,
                total=3,
            ),
            End(choice=None),
        ],
    ),
    "cached tokens as DeepSeek names them": (
        chunk(usage={"prompt_cache_hit_tokens": 4, "prompt_tokens": None}),
        [
            START,
            counted({"prompt_cache_hit_tokens": 4, "prompt_tokens": None}, cached=4),
            End(choice=None),
        ],
    ),
    "cached tokens as Mistral names them": (
        chunk(usage={"prompt_tokens": 5, "num_cached_tokens": 4}),
        [
            START,
            counted({"prompt_tokens": 5, "num_cached_tokens": 4}, input=5, cached=4),
            End(choice=None),
        ],
    ),
    "reasoning tokens beside the details (Copilot)": (
        chunk(usage=COPILOT),
        [
            START,
            counted(COPILOT, input=5, output=9, total=14, reasoning=7),
            End(choice=None),
        ],
    ),
    "llama.cpp's timings, where nobody asked for usage": (
        chunk(says("stop"), timings=TIMINGS),
        [*finished("stop", "stop"), counted(TIMINGS, input=7, output=9, cached=4)],
    ),
    "llama.cpp's timings beside the usage": (
        chunk(usage=COUNTS, timings=TIMINGS),
        [START, USAGE, End(choice=None)],
    ),
    "llama.cpp's timings of a server without a cache": (
        chunk(says("stop"), timings={"prompt_n": 3, "predicted_n": 9}),
        [
            *finished("stop", "stop"),
            counted({"prompt_n": 3, "predicted_n": 9}, input=3, output=9),
        ],
    ),
    "an error in the stream": (
        {"error": {"message": "Boom", "type": "server_error", "code": None}},
        [Failure(type="server_error", message="Boom")],
    ),
    "an error with only a code": (
        {"error": {"message": "Boom", "code": 502}},
        [Failure(type="502", message="Boom")],
    ),
    "an error that is a string": (
        {"error": "Boom"},
        [Failure(type="error", message="Boom")],
    ),
    "an error beside a choice (OpenRouter)": (
        chunk(
            says("error", content=""), error={"code": "server_error", "message": "x"}
        ),
        [*finished("error", "error"), Failure(type="server_error", message="x")],
    ),
    "an error in a choice (OpenRouter)": (
        chunk({**says("error"), "error": {"code": 429, "message": "x"}}),
        finished("error", "error", Failure(type="429", message="x")),
    ),
    "an error of Groq": (
        chunk(x_groq={"error": "over capacity"}),
        [START, Failure(type="error", message="over capacity")],
    ),
    "Azure's first chunk": (
        {
            "id": "",
            "object": "",
            "model": "",
            "created": 0,
            "choices": [],
            "prompt_filter_results": [{"prompt_index": 0}],
        },
        [Ignored(type="prompt_filter_results")],
    ),
    "a chunk of nothing": ({"choices": []}, [Ignored(type="unknown")]),
    "Perplexity's last chunk: the whole message is not said again": (
        {
            **chunk(
                {
                    **says("stop", role="assistant", content=""),
                    "message": {"role": "assistant", "content": "all of it"},
                },
                citations=["https://a.example"],
                usage=COUNTS,
            ),
            "object": "chat.completion.done",
        },
        [
            START,
            TextDone(text="all of it"),
            Citation(data={"url": "https://a.example"}),
            Finish(reason="stop", raw_reason="stop"),
            End(),
            USAGE,
        ],
    ),
    "Perplexity's other chunks: what has come of the message says nothing new": (
        {
            **chunk({**says(content="lo"), "message": {"content": "Hello"}}),
            "object": "chat.completion",
        },
        [TextDelta(text="lo")],
    ),
    "a message in the place of each delta": (
        chunk({"index": 0, "message": {"content": "lo"}, "finish_reason": None}),
        [TextDelta(text="lo")],
    ),
    "a whole message in the last chunk": (
        chunk(
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {
                    "content": "Hello",
                    "reasoning_content": "hm",
                    "refusal": "",
                    "tool_calls": [fragment(None, id="t1", name="f", arguments="{}")],
                },
            }
        ),
        finished(
            "stop",
            "stop",
            TextDone(text="hm", kind="reasoning"),
            TextDone(text="Hello"),
            ToolCallDelta(index=0, id="t1", name="f", arguments="{}", whole=True),
        ),
    ),
    "a whole message with an empty finish_reason": (
        {"choices": [{"finish_reason": "", "message": {"content": "4"}}]},
        [TextDone(text="4"), End()],
    ),
    "Perplexity's last chunk without a delta": (
        {
            **chunk(
                {"index": 0, "finish_reason": "stop", "message": {"content": "all"}}
            ),
            "object": "chat.completion.done",
        },
        finished("stop", "stop", TextDone(text="all")),
    ),
    "Perplexity's sources wait for the finish": (
        chunk(says(content="a"), search_results=[{"url": "https://a.example"}]),
        [TextDelta(text="a")],
    ),
    "Perplexity's sources with titles are told once": (
        chunk(
            says("stop"),
            citations=["https://a.example"],
            search_results=[{"title": "A", "url": "https://a.example"}],
        ),
        finished(
            "stop",
            "stop",
            Citation(data={"title": "A", "url": "https://a.example"}),
        ),
    ),
    "Perplexity's other objects": (
        {**chunk(says(**CONCISE)), "object": "chat.reasoning"},
        [Ignored(type="delta.reasoning_steps")],
    ),
    "something else": ({"object": "list"}, [Ignored(type="list")]),
    "something else with a type": ({"type": "ping"}, [Ignored(type="ping")]),
}

TABLE = {**TEXT, **REASONING, **TOOLS, **ENDS}


@pytest.fixture
def from_sdk():
    """The SDK's own objects for the same wire bytes, or its stream helper's."""

    def read(payloads, helper=False):
        body = "".join(f"data: {json.dumps(each)}\n\n" for each in payloads)

        def answer(_request):
            headers = {"content-type": "text/event-stream"}
            return httpx2.Response(200, headers=headers, text=body + "data: [DONE]\n\n")

        http = httpx2.Client(transport=httpx2.MockTransport(answer))
        with openai.OpenAI(
            api_key="none", base_url="http://127.0.0.1/v1", http_client=http
        ) as client:
            if helper:
                with client.chat.completions.stream(model="m", messages=[]) as stream:
                    return list(stream)
            return list(
                client.chat.completions.create(model="m", messages=[], stream=True)
            )

    return read


@pytest.mark.parametrize(("payload", "expected"), TABLE.values(), ids=TABLE)
def test_a_chunk_gives_its_events(payload, expected):
    """Each payload as the wire has it gives these events."""
    assert list(openai_chat.normalize(payload)) == expected


def test_the_sdk_s_objects_give_the_same_events(from_sdk):
    """What the SDK makes of the same bytes says the same, row for row."""
    rows = [row for row in TABLE.values() if not row[0].get("error")]

    objects = from_sdk([payload for payload, _ in rows])

    found = [list(openai_chat.normalize(each)) for each in objects]
    assert found == [expected for _, expected in rows]


class Slotted:
    """An object of another library, without a ``__dict__``."""

    __slots__ = ("choices", "object")

    def __init__(self, choices):
        self.object = "chat.completion.chunk"
        self.choices = choices

    def method(self):
        """Nothing that is on the wire."""


ALIKE = {
    "attributes": SimpleNamespace(
        object="chat.completion.chunk",
        choices=[SimpleNamespace(index=0, delta=SimpleNamespace(content="a"))],
    ),
    "slots": Slotted([{"index": 0, "delta": {"content": "a"}}]),
    "another mapping": UserDict(
        object="chat.completion.chunk",
        choices=({"index": 0, "delta": UserDict(content="a")},),
    ),
}


@pytest.mark.parametrize("payload", ALIKE.values(), ids=ALIKE)
def test_other_libraries_objects_are_read_alike(payload):
    """The class does not matter, only the names."""
    assert openai_chat.matches(payload)
    assert list(openai_chat.normalize(payload)) == [TextDelta(text="a")]


MATCHES = {
    "a chunk": (chunk(), True),
    "Perplexity's last": ({"object": "chat.completion.done"}, True),
    "Perplexity's reasoning": ({"object": "chat.reasoning"}, True),
    "Azure's first": ({"object": "", "choices": []}, True),
    "the helper's chunk": ({"type": "chunk"}, True),
    "the helper's own": ({"type": "content.delta"}, True),
    "a Responses event": ({"type": "response.created"}, False),
    "an Anthropic event": ({"type": "message_start"}, False),
    "an error as the first event": ({"error": {"message": "Overloaded"}}, True),
    "Google's error": ({"error": {"message": "No", "status": "INTERNAL"}}, False),
    "another object": ({"object": "list", "choices": []}, False),
    "Gemini": ({"candidates": []}, False),
    "a string": ("text", False),
    "nothing": (None, False),
}


@pytest.mark.parametrize(("payload", "expected"), MATCHES.values(), ids=MATCHES)
def test_it_knows_its_own_payloads(payload, expected):
    """It tells them by the ``object`` or ``type`` string."""
    assert openai_chat.matches(payload) is expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "content",
                    "tool_calls",
                    "function",
                    "arguments",
                    "usage",
                    "error",
                    "reasoning_details",
                    "message",
                    "finish_reason",
                    "index",
                    "x_groq",
                    "citations",
                    "type",
                    "object",
                    "annotations",
                    "custom",
                    "extra_content",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(deadline=None, max_examples=150)
@given(JSON)
def test_no_json_breaks_it(payload):
    """Whatever JSON comes, it gives events."""
    reply = Reply("openai.chat")

    reply._extend(openai_chat.normalize(payload))
    reply._end()

    assert isinstance(reply.to_message(), dict)


# -- whole streams ---------------------------------------------------------------


def replied(payloads):
    reply = Reply("openai.chat")
    for payload in payloads:
        reply._extend(openai_chat.normalize(payload))
    reply._end()
    return reply


def call(id_="t1", name="f", arguments="{}", **more):
    function = {"name": name, "arguments": arguments}
    return {"id": id_, "type": "function", "function": function, **more}


def assistant(content, **more):
    return {"role": "assistant", "content": content, **more}


ROLE = chunk(says(role="assistant", content=""))
SILENT = chunk(says(role="assistant", content=None))
PLAIN = [
    ROLE,
    chunk(says(content="Hel")),
    chunk(says(content="lo")),
    chunk(says("stop")),
]
ONE_TOOL = [
    SILENT,
    chunk(
        says(tool_calls=[fragment(id="t1", type="function", name="f", arguments="")])
    ),
    chunk(says(tool_calls=[fragment(arguments='{"a":')])),
    chunk(says(tool_calls=[fragment(arguments=" 1}")])),
    chunk(says("tool_calls")),
]
NULL_ARGUMENTS = [
    *ONE_TOOL[:2],
    chunk(says(tool_calls=[fragment(arguments=None)])),
    *ONE_TOOL[2:],
]
TWO_TOOLS = [
    ROLE,
    chunk(says(content="Both.")),
    chunk(says(tool_calls=[fragment(0, id="t1", type="function", name="f")])),
    chunk(says(tool_calls=[fragment(1, id="t2", type="function", name="g")])),
    chunk(says(tool_calls=[fragment(1, arguments="{}")])),
    chunk(says(tool_calls=[fragment(0, arguments="{}")])),
    chunk(says("tool_calls")),
]
REFUSED = [SILENT, chunk(says(refusal="I ")), chunk(says(refusal="won't")), PLAIN[-1]]

RIGHT = {
    "text": (PLAIN, assistant("Hello")),
    "one tool": (ONE_TOOL, assistant(None, tool_calls=[call(arguments='{"a": 1}')])),
    "null arguments between": (
        NULL_ARGUMENTS,
        assistant(None, tool_calls=[call(arguments='{"a": 1}')]),
    ),
    "two tools": (
        TWO_TOOLS,
        assistant("Both.", tool_calls=[call("t1", "f"), call("t2", "g")]),
    ),
    "a refusal": (REFUSED, assistant(None, refusal="I won't")),
}

OTHERS = {
    "nothing at all": ([], assistant("")),
    "only a refusal, cut": ([chunk(says(refusal="No"))], assistant(None, refusal="No")),
    "a call cut short is left out, the text stays": (
        [chunk(says(content="Wait.")), *ONE_TOOL[1:3]],
        assistant("Wait."),
    ),
    "a call that the token limit cut is left out": (
        [chunk(says(content="Wait.")), *ONE_TOOL[1:3], chunk(says("length"))],
        assistant("Wait."),
    ),
    "an invalid call is left out, the valid one stays": (
        [
            chunk(says(tool_calls=[fragment(0, id="t1", name="f", arguments="{'a'}")])),
            chunk(says(tool_calls=[fragment(1, id="t2", name="g", arguments="{}")])),
            chunk(says("tool_calls")),
        ],
        assistant(None, tool_calls=[call("t2", "g")]),
    ),
    "the API before tools": (
        [
            chunk(says(function_call={"name": "f", "arguments": ""})),
            chunk(says(function_call={"arguments": "{}"})),
            chunk(says("function_call")),
        ],
        assistant(None, function_call={"name": "f", "arguments": "{}"}),
    ),
    "a custom tool": (
        [
            TOOLS["a custom tool"][0],
            TOOLS["a later fragment for a custom tool"][0],
            chunk(says("tool_calls")),
        ],
        assistant(
            None,
            tool_calls=[
                {"id": "t1", "type": "custom", "custom": {"name": "py", "input": "1+1"}}
            ],
        ),
    ),
    "a custom tool cut short": ([TOOLS["a custom tool"][0]], assistant("")),
    "Gemini's signature goes back with its call": (
        [TOOLS["a signed call (Gemini's endpoint for OpenAI's SDK)"][0]],
        assistant(
            None,
            tool_calls=[
                call(extra_content={"google": {"thought_signature": "sig"}}),
            ],
        ),
    ),
    "OpenRouter's details go back whole, each signature with its own words": (
        [
            chunk(
                says(
                    reasoning="a",
                    reasoning_details=[{"type": "reasoning.text", "text": "a"}],
                )
            ),
            chunk(says(reasoning_details=[{**SIGNED, "text": ""}])),
            chunk(says(reasoning="ok", reasoning_details=[{**SIGNED, "index": 1}])),
            chunk(says(reasoning_details=[ENCRYPTED])),
            *PLAIN,
        ],
        assistant(
            "Hello",
            reasoning_details=[
                {**SIGNED, "text": "a"},
                {**SIGNED, "index": 1},
                ENCRYPTED,
            ],
        ),
    ),
    "what was said aloud is referred to": (
        [
            chunk(says(role="assistant", content=None, audio={"id": "a1"})),
            chunk(says(content=None, audio={"transcript": "Par"})),
            chunk(says(content=None, audio={"id": "a1", "transcript": "is."})),
            chunk(says(content=None, audio={"data": "AAAA"})),
            chunk(says(content=None, audio={"expires_at": 9})),
            chunk(says("stop")),
        ],
        assistant(None, audio={"id": "a1"}),
    ),
    "what was said aloud, and cut, goes back as text": (
        [
            chunk(says(content=None, audio={"id": "a1"})),
            chunk(says(content=None, audio={"transcript": "Par"})),
        ],
        assistant("Par"),
    ),
    "a call without arguments goes back with an empty object": (
        [
            chunk(says(tool_calls=[fragment(id="t1", name="f", arguments="")])),
            chunk(says("tool_calls")),
        ],
        assistant(None, tool_calls=[call()]),
    ),
    "a call without arguments that the limit cut is left out": (
        [
            chunk(says(content="Wait.")),
            chunk(says(tool_calls=[fragment(id="t1", name="f", arguments="")])),
            chunk(says("length")),
        ],
        assistant("Wait."),
    ),
    "a thought without proof need not go back": (
        [chunk(says(reasoning="hm")), *PLAIN],
        assistant("Hello"),
    ),
    "DeepSeek wants the reasoning_content of a turn with calls back": (
        [
            {**ROLE, "model": "deepseek-v4-pro"},
            chunk(says(reasoning_content="hm")),
            chunk(says(tool_calls=[fragment(id="t1", name="f", arguments="{}")])),
            chunk(says("tool_calls")),
        ],
        assistant(None, tool_calls=[call()], reasoning_content="hm"),
    ),
    "and of no other turn": (
        [
            {**ROLE, "model": "deepseek-v4-pro"},
            chunk(says(reasoning_content="hm")),
            *PLAIN,
        ],
        assistant("Hello"),
    ),
}

MESSAGES = {**RIGHT, **OTHERS}
MESSAGE_TYPE = TypeAdapter(ChatCompletionAssistantMessageParam)
CALL_TYPE = TypeAdapter(ChatCompletionMessageToolCallUnionParam)
#: Fields of other providers, that OpenAI's request type does not have.
FOREIGN = {"reasoning_details", "reasoning_content"}


@pytest.mark.parametrize(("payloads", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_a_stream_gives_its_message(payloads, expected):
    """The answer goes back in this form."""
    assert replied(payloads).to_message() == expected


@pytest.mark.parametrize(("payloads", "_expected"), MESSAGES.values(), ids=MESSAGES)
def test_the_sdk_takes_the_message_back(payloads, _expected):
    """It is what the SDK's request type wants, with nothing that it does not know."""
    message = replied(payloads).to_message()

    MESSAGE_TYPE.validate_python(message, strict=True)
    calls = [CALL_TYPE.validate_python(each) for each in message.get("tool_calls", [])]
    known = ChatCompletionAssistantMessageParam.__annotations__.keys() | FOREIGN
    assert message.keys() <= known
    assert len(calls) == len(message.get("tool_calls", []))


@pytest.mark.parametrize(("payloads", "_expected"), RIGHT.values(), ids=RIGHT)
def test_we_agree_with_the_sdk_where_it_is_right(from_sdk, payloads, _expected):
    """The message is the SDK's own to the letter."""
    state = ChatCompletionStreamState()
    for each in from_sdk(payloads):
        state.handle_chunk(each)
    theirs = state.get_final_completion().choices[0].message.to_dict(mode="json")
    for each in theirs.get("tool_calls") or []:
        each.pop("index", None)
        each["function"].pop("parsed_arguments", None)
    theirs = {k: v for k, v in theirs.items() if v is not None and k != "parsed"}

    ours = replied(payloads).to_message()

    assert {k: v for k, v in ours.items() if v is not None} == theirs


@pytest.mark.parametrize(("payloads", "_expected"), RIGHT.values(), ids=RIGHT)
def test_the_helper_s_events_give_the_same_reply(from_sdk, payloads, _expected):
    """``chat.completions.stream()`` tells everything twice; we hear it once."""
    events = from_sdk(payloads, helper=True)

    reply = replied(events)

    assert len(events) > len(payloads)
    assert reply.to_message() == replied(payloads).to_message()
    assert reply.ignored == {}


def test_an_answer_that_is_not_streamed_is_read_too():
    """A whole ``chat.completion``, SDK object or dict, gives the same message."""
    whole = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-x",
        "usage": COUNTS,
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": assistant("Both.", tool_calls=[call(), call("t2", "g")]),
            }
        ],
    }

    replies = [replied([whole]), replied([ChatCompletion.model_validate(whole)])]

    expected = RIGHT["two tools"][1]
    assert [each.to_message() for each in replies] == [expected, expected]
    assert [each.usage for each in replies] == [USAGE, USAGE]


# -- the message as a whole, alone or behind its stream -------------------------------


CALLING = assistant(
    "Both.",
    reasoning_content="hm",
    tool_calls=[call("t1", "f", '{"a": 1}'), call("t2", "g", "{}")],
)
BEHIND = {
    "nothing before": [],
    "all of it before": [
        chunk(says(reasoning_content="hm")),
        chunk(says(content="Bo")),
        chunk(says(content="th.")),
        chunk(says(tool_calls=[fragment(0, id="t1", name="f", arguments='{"a":')])),
        chunk(says(tool_calls=[fragment(0, arguments=" 1}")])),
        chunk(says(tool_calls=[fragment(1, id="t2", name="g", arguments="{}")])),
    ],
    "a part of it before": [
        chunk(says(reasoning_content="h")),
        chunk(says(content="Bo")),
        chunk(says(tool_calls=[fragment(0, id="t1", name="f", arguments='{"a":')])),
    ],
    "calls without ids before": [
        chunk(says(content="Both.")),
        chunk(says(tool_calls=[fragment(0, name="f", arguments='{"a": 1}')])),
        chunk(says(tool_calls=[fragment(1, name="g", arguments="")])),
    ],
    "calls without numbers before": [
        chunk(says(content="Both.", reasoning_content="hm")),
        chunk(
            says(
                tool_calls=[
                    fragment(None, id="t1", name="f", arguments='{"a": 1}'),
                    fragment(None, id="t2", name="g", arguments="{}"),
                ]
            )
        ),
    ],
    "and it ended before": [
        chunk(says(content="Both.")),
        chunk(says("tool_calls")),
    ],
}
LAST_FORMS = {
    "as a whole answer": {"object": "chat.completion"},
    "as a chunk": {"object": "chat.completion.chunk"},
    "as nothing": {"object": ""},
}


@pytest.mark.parametrize("before", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("form", LAST_FORMS.values(), ids=LAST_FORMS)
@pytest.mark.parametrize("delta", [{}, {"delta": {"role": "assistant", "content": ""}}])
def test_the_whole_message_says_only_what_is_missing(before, form, delta):
    """However much of it was streamed, nothing is there twice and nothing is lost."""
    last = {"index": 0, "finish_reason": "tool_calls", "message": CALLING, **delta}

    reply = replied([*before, {**chunk(last), **form}])

    calls = [(c.id, c.name, c.parsed, c.state) for c in reply.tool_calls]
    assert (reply.text, reply.reasoning, reply.outcome) == ("Both.", "hm", "complete")
    assert calls == [("t1", "f", {"a": 1}, "valid"), ("t2", "g", {}, "valid")]


def test_other_calls_than_those_that_came_are_added():
    """Under another id, or another name in the same place."""
    came = chunk(
        says(
            tool_calls=[
                fragment(0, id="t8", name="f", arguments="{}"),
                fragment(1, name="h", arguments="{}"),
            ]
        )
    )
    last = {"index": 0, "finish_reason": "tool_calls", "message": CALLING}

    reply = replied([came, chunk(last)])

    assert [each.name for each in reply.tool_calls] == ["f", "h", "f", "g"]


# -- where the SDK's accumulator is wrong ------------------------------------------


def accumulated(chunks):
    state = ChatCompletionStreamState()
    for each in chunks:
        state.handle_chunk(each)
    return state.get_final_completion()


def test_a_length_cut_is_an_answer_not_an_error(from_sdk):
    """The SDK raises at ``finish_reason: length`` and the text is gone."""
    cut = [*PLAIN[:3], chunk(says("length"))]

    with pytest.raises(openai.LengthFinishReasonError):
        accumulated(from_sdk(cut))
    reply = replied(cut)

    assert (reply.text, reply.finish_reason, reply.outcome) == (
        "Hello",
        "length",
        "complete",
    )


def test_calls_without_a_number_are_kept_apart(from_sdk):
    """The SDK fails at a tool call without ``index`` (Mistral)."""
    mistral = [
        chunk(
            says(
                "tool_calls",
                tool_calls=[
                    fragment(None, id="t1", name="f", arguments="{}"),
                    fragment(None, id="t2", name="g", arguments="{}"),
                ],
            )
        )
    ]

    with pytest.raises(TypeError, match="NoneType"):
        accumulated(from_sdk([SILENT, *mistral]))
    reply = replied(mistral)

    assert [(each.id, each.name) for each in reply.tool_calls] == [
        ("t1", "f"),
        ("t2", "g"),
    ]


SUMMARY = {"type": "summary_text", "text": "hm", "signature": ""}
OUTPUT = {"type": "output_text", "text": "c"}
OF_ONE_ID = [call("c", "f", '{"a": 1}'), call("c", "f", '{"a": 2}')]
OF_ONE_NUMBER = [{**each, "id": "", "index": 0} for each in OF_ONE_ID]
#: what it shows: (choices, text, reasoning, calls)
FORMS = {
    "Copilot's name of the thought": (
        [says(reasoning_text="hm"), says("stop", content="Hi")],
        ("Hi", "hm", []),
    ),
    "a thought in parts": (
        [says(reasoning_content=[{"text": "h"}, {"text": "m"}]), says("stop")],
        ("", "hm", []),
    ),
    "Databricks": (
        [says(content=[{"type": "reasoning", "summary": [SUMMARY]}]), says("stop")],
        ("", "hm", []),
    ),
    "Gemini's tag": (
        [
            says(content="<tho"),
            says(content="ught>h"),
            says("stop", content="m</thought>Hi"),
        ],
        ("Hi", "hm", []),
    ),
    "parts without a type, and of another API's": (
        [says("stop", content=["a", {"text": "b"}, OUTPUT])],
        ("abc", "", []),
    ),
    "a part alone": (
        [says("stop", content={"type": "text", "text": "Hi"})],
        ("Hi", "", []),
    ),
    "a call alone": (
        [says("stop", tool_calls=fragment(0, name="f", arguments="{}"))],
        ("", "", [("f", "{}")]),
    ),
    "a call in the old form, with its name each time": (
        [
            says(function_call={"name": "f", "arguments": '{"a"'}),
            says("function_call", function_call={"name": "f", "arguments": ":1}"}),
        ],
        ("", "", [("f", '{"a":1}')]),
    ),
    "a call in both forms": (
        [
            says(
                "tool_calls",
                function_call={"name": "f", "arguments": "{}"},
                tool_calls=[fragment(0, id="t1", name="f", arguments="{}")],
            )
        ],
        ("", "", [("f", "{}")]),
    ),
    "empty arguments before the arguments": (
        [
            says(tool_calls=[fragment(0, id="t1", name="f", arguments="{}")]),
            says(tool_calls=[fragment(0, arguments='{"a"')]),
            says("tool_calls", tool_calls=[fragment(0, arguments=":1}")]),
        ],
        ("", "", [("f", '{"a":1}')]),
    ),
    "arguments said from the beginning each time": (
        [
            says(tool_calls=[fragment(0, id="t1", name="f", arguments='{"a"')]),
            says("tool_calls", tool_calls=[fragment(0, arguments='{"a":1}')]),
        ],
        ("", "", [("f", '{"a":1}')]),
    ),
    "calls without a number, told apart by their ids": (
        [
            says(tool_calls=[fragment(None, id="t1", name="f", arguments='{"a"')]),
            says(tool_calls=[fragment(None, id="t2", name="g", arguments="")]),
            says(tool_calls=[fragment(None, id="t1", arguments=":1}")]),
            says("tool_calls", tool_calls=[fragment(None, id="t2", arguments="{}")]),
        ],
        ("", "", [("f", '{"a":1}'), ("g", "{}")]),
    ),
    "so they are with their names, where all have one number": (
        [
            says(tool_calls=[fragment(0, id="t1", name="f", arguments='{"a"')]),
            says(tool_calls=[fragment(0, id="t2", name="g", arguments='{"b"')]),
            says(tool_calls=[fragment(0, id="t1", name="f", arguments=":1}")]),
            says("stop", tool_calls=[fragment(0, id="t2", name="g", arguments=":2}")]),
        ],
        ("", "", [("f", '{"a":1}'), ("g", '{"b":2}')]),
    ),
    "a call goes on behind a text": (
        [
            says(tool_calls=[fragment(None, id="t1", name="f", arguments='{"a"')]),
            says(content="Hi"),
            says("tool_calls", tool_calls=[fragment(None, id="t1", arguments=":1}")]),
        ],
        ("Hi", "", [("f", '{"a":1}')]),
    ),
    "a message in parts": (
        [
            {
                "finish_reason": "stop",
                "message": {
                    "reasoning_content": [{"text": "h"}, {"text": "m"}],
                    "content": ["H", {"type": "image_url"}, {"text": "i"}],
                },
            }
        ],
        ("Hi", "hm", []),
    ),
    "a message in parts, behind what was streamed": (
        [
            says(content="H"),
            {"finish_reason": "stop", "message": {"content": ["H", "i"]}},
        ],
        ("Hi", "", []),
    ),
    "only the end of a thought": (
        [says(content="I think.\n</thi"), says("stop", content="nk>\n\nHi")],
        ("Hi", "I think.", []),
    ),
    "only the end of a thought, on its last line": (
        [
            says(content="Code:\n```\n1\n```\n"),
            says("stop", content="So.</think>\n\nHi"),
        ],
        ("Hi", "Code:\n```\n1\n```\nSo.", []),
    ),
    "only the end of a thought, in a message": (
        [{"finish_reason": "stop", "message": {"content": "hm\n</think>\nHi"}}],
        ("Hi", "hm", []),
    ),
    "the end of a thought, then a call": (
        [
            says(content="hm\n</think>\n\n"),
            says("stop", tool_calls=[fragment(0, id="t1", name="f", arguments="{}")]),
        ],
        ("", "hm", [("f", "{}")]),
    ),
    "the end of a thought that has a field": (
        [says(reasoning="hm"), says("stop", content="</think>\n\nHi")],
        ("Hi", "hm", []),
    ),
    "the end of a thought, told in the answer": (
        [says(reasoning="hm"), says("stop", content="Say\n</think>\nHi")],
        ("Say\n</think>\nHi", "hm", []),
    ),
    "the end of a thought, told in a line": (
        [says("stop", content="Close it with `</think>`\n\nHi")],
        ("Close it with `</think>`\n\nHi", "", []),
    ),
    "the end of a thought, told in code": (
        [says("stop", content="```\nhm\n</think>\n```\n")],
        ("```\nhm\n</think>\n```\n", "", []),
    ),
    "two calls of one id in a message": (
        [{"finish_reason": "stop", "message": {"tool_calls": OF_ONE_ID}}],
        ("", "", [("f", '{"a": 1}'), ("f", '{"a": 2}')]),
    ),
    "calls of a message that are all number 0": (
        [
            {
                "finish_reason": "stop",
                "message": {"tool_calls": OF_ONE_NUMBER},
            }
        ],
        ("", "", [("f", '{"a": 1}'), ("f", '{"a": 2}')]),
    ),
}


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize(("choices", "expected"), FORMS.values(), ids=FORMS)
def test_other_forms_say_the_same(choices, expected, size):
    """Nothing of them is lost, and nothing is there twice; cut anywhere, as bytes."""
    data = b"".join(
        b"data: " + json.dumps(chunk(each)).encode() + b"\n\n" for each in choices
    )
    reply = Reply("openai.chat")
    reader = Reader(reply)
    for at in range(0, len(data), size):
        reader.push(data[at : at + size])
    reader.finish()
    reply._end()

    calls = [(each.name, each.arguments) for each in reply.tool_calls]
    assert (reply.text, reply.reasoning, calls) == expected
    assert all(each.state == "valid" for each in reply.tool_calls)
    assert reply.outcome == "complete"


@pytest.mark.parametrize("as_object", [False, True])
def test_counts_that_count_nothing_are_no_end(from_sdk, as_object):
    """An empty ``usage`` proves nothing, from bytes and from the SDK alike."""
    payloads = [chunk(says(content="Hi")), chunk(usage={})]
    reply = Reply()
    reader = Reader(reply)
    for each in from_sdk(payloads) if as_object else payloads:
        reader.push(each)
    reply._end()

    assert (reply.outcome, reply.usage) == ("truncated", None)


def test_the_counts_are_those_under_the_name_that_counts():
    """new-api sends the other API's names beside its own, with zeros."""
    counts = {**COUNTS, "input_tokens": 0, "output_tokens": 0}

    assert openai_chat.usage(counts) == replace(USAGE, data=counts)


def test_a_thought_that_was_cut_behind_its_end_is_one():
    """Whatever the end of the answer is."""
    reply = replied([chunk(says(content="hm\n</think>\n\nHel"))])

    assert (reply.outcome, reply.text, reply.reasoning) == ("truncated", "Hel", "hm")


def test_sources_may_come_behind_the_end():
    """xAI names them beside the counts."""
    reply = replied([*PLAIN, chunk(usage=COUNTS, citations=["https://a.example"])])

    assert reply.citations == ({"url": "https://a.example"},)
    assert reply.outcome == "complete"


@pytest.mark.filterwarnings("ignore:Pydantic serializer:UserWarning")
def test_a_list_of_parts_is_read(from_sdk):
    """The SDK fails at the second one (Mistral)."""
    parts = [chunk(says(content=[{"type": "text", "text": each}])) for each in "ab"]
    mistral = [*parts, PLAIN[-1]]

    with pytest.raises(RuntimeError, match="index"):
        accumulated(from_sdk(mistral))
    reply = replied(mistral)

    assert reply.to_message() == assistant("ab")


def test_a_repeated_id_and_name_are_said_once(from_sdk):
    """The SDK joins them: ``ff``."""
    repeated = [
        chunk(says(tool_calls=[fragment(id="t1", name="f", arguments='{"a"')])),
        chunk(says(tool_calls=[fragment(id="t1", name="f", arguments=":1}")])),
        chunk(says("tool_calls")),
    ]

    theirs = accumulated(from_sdk(repeated)).choices[0].message.tool_calls[0]
    ours = replied(repeated).tool_calls[0]

    assert (theirs.id, theirs.function.name) == ("t1t1", "ff")
    assert (ours.id, ours.name, ours.parsed) == ("t1", "f", {"a": 1})


def test_usage_is_kept_when_a_chunk_follows_it(from_sdk):
    """The SDK takes the last chunk's, which has none."""
    early = [*PLAIN[:3], chunk(says("stop"), usage=COUNTS), chunk(usage=None)]

    theirs = accumulated(from_sdk(early)).usage
    ours = replied(early).usage

    assert theirs is None
    assert ours == USAGE


LAST = ENDS["Perplexity's last chunk: the whole message is not said again"][0]
WHOLE = {**LAST["choices"][0], "message": {"role": "assistant", "content": "Hello"}}
PERPLEXITY_S_LAST = {**LAST, "choices": [WHOLE]}


def test_perplexity_s_last_chunk_counts(from_sdk):
    """The SDK's helper drops it, and with it the finish and the usage."""
    perplexity = [
        ROLE,
        chunk(says(content="Hello")),
        PERPLEXITY_S_LAST,
    ]

    reply = replied(perplexity)

    last = from_sdk(perplexity, helper=True)[-1]
    assert last.type != "chunk" or last.chunk.object == "chat.completion.chunk"
    assert (reply.text, reply.outcome, reply.usage) == ("Hello", "complete", USAGE)
    assert reply.citations == ({"url": "https://a.example"},)


def test_reasoning_tokens_are_output_tokens():
    """XAI leaves them out of ``completion_tokens``; here they are always in."""
    counts = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 115,
        "completion_tokens_details": {"reasoning_tokens": 100},
    }

    reply = replied([*PLAIN, chunk(usage=counts)])

    assert reply.usage == counted(
        counts, input=10, output=105, total=115, reasoning=100
    )


def test_choices_are_kept_apart():
    """With ``n`` > 1 the first is the reply's own; the others are in ``choices``."""
    reply = replied(
        [
            chunk(says(content="a", index=0), says(content="b", index=1)),
            chunk(says("stop", index=1)),
        ]
    )

    assert [one.text for one in reply.choices] == ["a", "b"]
    assert (reply.text, reply.outcome) == ("a", "truncated")
