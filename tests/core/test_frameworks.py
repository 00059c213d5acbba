"""What libraries yield that hide the wire, and payloads that lie in others' objects."""

import json
import warnings
from itertools import accumulate
from types import SimpleNamespace as Object

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbstream import providers
from nbstream._reader import STRANGE, Reader
from nbstream.errors import UsageError
from nbstream.providers.payloads import payloads as whole
from nbstream.reply import Reply
from nbstream.types import Ignored


def chunk(content="", **more):
    base = {"type": "AIMessageChunk", "id": "run-1", "response_metadata": {}}
    return Object(content=content, **{**base, **more})


def call(args, **more):
    return {"name": None, "id": None, "index": 0, "args": args, **more}


COUNTS = {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}
LANGCHAIN = [
    chunk("Hel"),
    chunk("lo", response_metadata={"finish_reason": "stop", "model_name": "m"}),
    chunk(usage_metadata=COUNTS, chunk_position="last"),
]
BLOCKS = [
    chunk([{"type": "thinking", "thinking": "hm"}]),
    chunk([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "!"}]}]),
    chunk(["Hel", {"type": "text", "text": "lo"}, {"type": "image"}]),
    chunk(response_metadata={"stop_reason": "max_tokens"}),
]
CALLS = [
    chunk(tool_call_chunks=[call('{"a"', id="t1", name="f")]),
    chunk(tool_call_chunks=[call(": 1}")]),
    chunk(response_metadata={"stop_reason": "tool_use"}),
]


def ollama(done=False, **more):
    return {"model": "m", "done": done, **more}


FUNCTION = {"name": "f", "arguments": {"a": 1}}
OLLAMA = [
    ollama(message=Object(role="assistant", content="", thinking="hm")),
    ollama(message={"content": "Hel"}),
    ollama(message={"content": "lo"}),
    ollama(True, message={}, done_reason="stop", prompt_eval_count=2, eval_count=3),
]
#: What it shows -> (payloads, API, text, reasoning, calls, counts, finish, outcome).
TABLE = {
    "LangChain": (LANGCHAIN, "langchain", "Hello", "", [], (2, 3), "stop", "complete"),
    "LangGraph's pairs": (
        [(each, {"langgraph_node": "agent"}) for each in LANGCHAIN],
        *("langchain", "Hello", "", [], (2, 3), "stop", "complete"),
    ),
    "LangChain's events": (
        [
            {"event": "on_chain_start", "run_id": "r", "data": {"input": "x"}},
            *(
                {"event": "on_chat_model_stream", "run_id": "r", "data": {"chunk": c}}
                for c in LANGCHAIN
            ),
        ],
        *("langchain", "Hello", "", [], (2, 3), "stop", "complete"),
    ),
    "LangChain's blocks, cut at the limit": (
        BLOCKS,
        *("langchain", "Hello", "hm!", [], None, "length", "complete"),
    ),
    "LangChain's calls": (
        CALLS,
        *("langchain", "", "", [("f", '{"a": 1}', "valid")]),
        *(None, "tool_calls", "complete"),
    ),
    "a LangChain model that says only that it was the last": (
        [chunk("Hello"), chunk(chunk_position="last")],
        *("langchain", "Hello", "", [], None, None, "complete"),
    ),
    "a LangChain stream that breaks off": (
        [chunk("Hel")],
        *("langchain", "Hel", "", [], None, None, "truncated"),
    ),
    "Ollama": (OLLAMA, "ollama", "Hello", "hm", [], (2, 3), "stop", "complete"),
    "Ollama's generate, cut at the limit": (
        [ollama(response="Hel"), ollama(True, response="lo", done_reason="length")],
        *("ollama", "Hello", "", [], None, "length", "complete"),
    ),
    "Ollama's calls": (
        [ollama(message={"tool_calls": [{"function": FUNCTION}]}), OLLAMA[-1]],
        *("ollama", "", "", [("f", '{"a": 1}', "valid")]),
        *((2, 3), "tool_calls", "complete"),
    ),
}


def read(payloads):
    reply = Reply()
    reader = Reader(reply)
    for payload in payloads:
        reader.push(payload)
    reader.finish()
    reply._end()
    return reply


@pytest.mark.parametrize(("payloads", *"atrcufo"), TABLE.values(), ids=TABLE)
def test_what_a_library_yields_is_read(payloads, a, t, r, c, u, f, o):
    """It is the same reply as that of the wire below."""
    reply = read(payloads)
    calls = [(each.name, each.arguments, each.state) for each in reply.tool_calls]
    usage = reply.usage and (reply.usage.input_tokens, reply.usage.output_tokens)
    finish = (reply.finish_reason, reply.outcome)

    assert (reply.api, reply.text, reply.reasoning, calls) == (a, t, r, c)
    assert (usage, *finish) == (u, f, o)


MESSAGES = {
    "LangChain": (LANGCHAIN, {"role": "assistant", "content": "Hello"}),
    "Ollama": (OLLAMA, {"role": "assistant", "content": "Hello"}),
    "Ollama's call": (
        TABLE["Ollama's calls"][0],
        {"role": "assistant", "content": "", "tool_calls": [{"function": FUNCTION}]},
    ),
}


@pytest.mark.parametrize(("payloads", "message"), MESSAGES.values(), ids=MESSAGES)
def test_the_answer_goes_back_in_the_library_s_form(payloads, message):
    """Both take dicts as messages."""
    assert read(payloads).to_message() == message


def test_what_else_a_graph_yields_is_counted():
    """A tool's message, the end of a step."""
    found = providers.provider("langchain")

    assert found.normalize((Object(type="tool"), {})) == (
        Ignored(type="SimpleNamespace"),
    )


CHAT = {"object": "chat.completion.chunk", "id": "c", "model": "m"}
HELLO = {"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}


def response(kind, **more):
    return Object(type="raw_response_event", data={"type": f"response.{kind}", **more})


ANSWER = {"id": "r", "model": "m", "status": "completed", "output": []}
AGENT = [
    Object(type="agent_updated_stream_event", new_agent=1),
    response("created", response=ANSWER),
    response("output_text.delta", output_index=0, content_index=0, delta="One. "),
    response("completed", response=ANSWER),
    Object(type="run_item_stream_event", name="tool_output"),
    response("created", response=ANSWER),
    response("output_text.delta", output_index=0, content_index=0, delta="Two."),
    response("completed", response=ANSWER),
]
INSIDE = {
    "Mistral's events": (
        [Object(data=Object(**CHAT, choices=[Object(**HELLO)]))],
        *("openai.chat", "Hello", {}),
    ),
    "an agent's, with two answers": (
        AGENT,
        *("openai.responses", "One. Two."),
        {"agent_updated_stream_event": 1, "run_item_stream_event": 1},
    ),
}


@pytest.mark.parametrize(("payloads", *"ati"), INSIDE.values(), ids=INSIDE)
def test_payloads_inside_others_are_read(payloads, a, t, i):
    """They lie one attribute away."""
    reply = read(payloads)

    assert (reply.api, reply.text, reply.outcome) == (a, t, "complete")
    assert {name: reply.ignored[name] for name in i} == i


def test_what_nobody_knows_inside_another_is_unknown():
    """Looking inside ends somewhere."""
    assert providers.detect({"data": {"data": 1}}) is None


# -- What nobody reads: where its text is.


class Computed:
    @property
    def text(self):
        raise AssertionError("no code of an item is run")


class Slots:
    __slots__ = ("delta",)


def cohere(kind, **message):
    return Object(type=kind, index=0, delta=Object(message=Object(**message)))


BEDROCK = {"contentBlockDelta": {"delta": {"text": "Hel"}, "contentBlockIndex": 0}}
INVOKED = b'{"type": "content_block_delta", "delta": {"type": "text_delta"}}'
#: Whose items -> (the items, the expression that gives their text)
HANDED = {
    "an attribute": ([Object(content="Hel")], "(c.content for c in stream)"),
    "LlamaIndex's, whose text is the sum": (
        [Object(text="Hello", delta="lo", raw=None, message=Object(role="assistant"))],
        "(c.delta for c in stream)",
    ),
    "one's own": (
        [{"x": {"y": "Hel"}}],
        '(c["x"]["y"] for c in stream if "x" in c and "y" in c["x"])',
    ),
    "cohere's, after what begins": (
        [
            cohere("message-start", role="assistant"),
            cohere("content-start", content=Object(type="text", text="")),
            cohere("content-delta", content=Object(text="Hel")),
        ],
        '(c.delta.message.content.text for c in stream if c.type == "content-delta")',
    ),
    "what begins with other words": (
        [{"kind": "start", "text": "Welcome"}, {"kind": "token", "v": "Hel"}],
        '(c["v"] for c in stream if c["kind"] == "token")',
    ),
    "Bedrock's converse_stream": (
        [{"messageStart": {"role": "assistant"}}, BEDROCK],
        '(c["contentBlockDelta"]["delta"]["text"] for c in stream '
        'if "contentBlockDelta" in c and "text" in c["contentBlockDelta"]["delta"])',
    ),
    "Bedrock's invoke_model_with_response_stream": (
        [{"chunk": {"bytes": INVOKED}}],
        '(json.loads(c["chunk"]["bytes"]) for c in stream '
        'if "chunk" in c and "bytes" in c["chunk"])',
    ),
    "bytes in something": (
        [{"PayloadPart": {"Bytes": b"Hel"}, "n": 1}],
        '(c["PayloadPart"]["Bytes"] for c in stream if "Bytes" in c["PayloadPart"])',
    ),
    "a pair": ([("messages", [Object(content="Hel")])], "(c[1][0].content for c in"),
    "a property, which is not called": ([Computed()], "(c.text for c in stream)"),
    "a slot": ([Slots()], "(c.delta for c in stream)"),
    "what has too much in it": ([{"n": list(range(999)), "m": [[1]]}], "(c.text for c"),
    "an image, and words for it": (
        [{"b64_json": "aGk=", "size": "big", "quality": "low"}],
        "(c.text for c in stream)",
    ),
    "no names": ([7], "(c.text for c in stream)"),
    "no text, to the end": (
        [{"type": "beat", "id": "a", "_b": "x"}] * 3,
        "(c.text for c in stream)",
    ),
    "a text that only begins": (
        [{"type": "start", "text": "Hel"}],
        '(c["text"] for c in stream if c["type"] == "start")',
    ),
    "server-sent events": (
        [b'data: {"type": "tok", "text": "Hel"}\n\n'],
        '(json.loads(c.data)["text"] for c in nbstream.sse.decode(data) '
        'if json.loads(c.data)["type"] == "tok")',
    ),
}


@pytest.mark.parametrize(("payloads", "generator"), HANDED.values(), ids=HANDED)
def test_how_to_hand_over_a_text_that_nobody_reads(payloads, generator):
    """It is found by looking, and it is not the item that only begins."""
    with pytest.raises(UsageError, match="no provider knows this item") as caught:
        read(payloads)

    assert f"; for its text pass {generator}" in str(caught.value)
    assert "\n" not in str(caught.value)


RUN = [case for case in HANDED if HANDED[case][0][-1:] == [BEDROCK] or "own" in case]


@pytest.mark.parametrize("case", [*RUN, "cohere's, after what begins"])
def test_what_is_said_can_be_run(case):
    """With the items that have no text in between."""
    payloads, generator = HANDED[case]

    assert read(eval(generator, {"stream": payloads})).text == "Hel"


def test_no_item_is_waited_for_without_end():
    """After some without a text, the error comes."""
    reader = Reader(Reply())
    for _ in range(STRANGE - 1):
        reader.push({"type": "beat"})

    with pytest.raises(UsageError, match="no provider knows this item"):
        reader.push({"type": "beat"})


def test_what_comes_before_the_first_known_item_is_counted():
    """A frame of the user's own around a stream that is known."""
    reply = read([{"type": "begin"}, *(LANGCHAIN)])

    assert (reply.text, reply.ignored["dict"]) == ("Hello", 1)


# -- Strings that are sums.


def warned(strings):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reply = read(strings)
    assert reply.text == "".join(strings)
    return len(caught)


#: What the strings are -> (they, how often it is warned)
GROWING = {
    "sums": (["Hel", "Hello", "Hello wor", "Hello world"], 1),
    "sums after nothing": (["", "The", "The answer", "The answer is"], 1),
    "two": (["Hello", "Hello, Ann"], 0),
    "one letter more": (["a", "ab", "abc", "abcd"], 0),
    "rules and numbers": (["-", "--", "---", "--------", "----------"], 0),
    "a laugh": (["ha", "haha", "hahaha", "hahahahahaha"], 0),
    "tokens that begin alike": (["The", "There", "The", "Therefore it is"], 0),
}


@pytest.mark.parametrize(("strings", "times"), GROWING.values(), ids=GROWING)
def test_strings_that_are_sums_are_warned_of(strings, times):
    """Once, and nothing is changed: it cannot be known."""
    assert warned(strings) == times


WORDS = st.lists(st.sampled_from(["the", "answer", "a", "an", "and", "I", "It", "("]))


@given(WORDS)
def test_tokens_are_not_warned_of(words):
    """As models cut them: with the blank before the word, and each its own."""
    assert warned([f" {word}" for word in words]) == 0


@given(st.lists(st.text("abcdef ", min_size=2, max_size=9), min_size=6, max_size=9))
def test_all_sums_are_warned_of(words):
    """However they are cut."""
    sums = list(accumulate(["Hello, world. ", *words]))

    assert warned(sums) == 1


# -- OpenAI's completions without chat, and its transcriptions.


def completion(said, reason=None, **more):
    choice = {"index": 0, "text": said, "logprobs": None, "finish_reason": reason}
    base = {"id": "cmpl-1", "object": "text_completion", "model": "m"}
    return {**base, "choices": [choice], **more}


TOKENS = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
SPOKEN = {"type": "tokens", "input_tokens": 2, "output_tokens": 3, "total_tokens": 5}
LISTENED = [
    {"type": "transcript.text.delta", "delta": "Hel"},
    {"type": "transcript.text.segment", "text": "Hello", "speaker": "A"},
    {"type": "transcript.text.delta", "delta": "lo"},
    {"type": "transcript.text.done", "text": "Hello", "usage": SPOKEN},
]
COMPLETED = [
    completion("Hel"),
    completion("lo"),
    completion("", "stop"),
    completion("", choices=[], usage=TOKENS),
]
#: What it shows -> (payloads, text, counts, finish, outcome)
OTHERS = {
    "completions": (COMPLETED, "Hello", (2, 3), "stop", "complete"),
    "completions, cut at the limit": (
        [completion("Hello", "length")],
        *("Hello", None, "length", "complete"),
    ),
    "completions that break off": (
        COMPLETED[:2],
        *("Hello", None, None, "truncated"),
    ),
    "Together's": (
        [completion("Hello", "eos", object="completion.chunk")],
        *("Hello", None, "stop", "complete"),
    ),
    "a transcription": (LISTENED, "Hello", (2, 3), "stop", "complete"),
    "a transcription that breaks off": (
        LISTENED[:3],
        *("Hello", None, None, "truncated"),
    ),
    "a transcription at its end alone": (
        [{"type": "transcript.text.done", "text": "Hello"}],
        *("Hello", None, "stop", "complete"),
    ),
}


def as_objects(payload):
    if isinstance(payload, dict):
        return Object(**{key: as_objects(value) for key, value in payload.items()})
    return list(map(as_objects, payload)) if isinstance(payload, list) else payload


def as_bytes(payload):
    return f"data: {json.dumps(payload)}\n\n".encode()


@pytest.mark.parametrize("form", [dict, as_objects, as_bytes])
@pytest.mark.parametrize(("payloads", *"tcfo"), OTHERS.values(), ids=OTHERS)
def test_what_else_openai_streams_as_text_is_read(payloads, t, c, f, o, form):
    """With the right end: as dicts, as objects, as bytes."""
    reply = read(map(form, payloads))
    usage = reply.usage and (reply.usage.input_tokens, reply.usage.output_tokens)

    assert (reply.text, usage, reply.finish_reason, reply.outcome) == (t, c, f, o)


WHOLE = {
    "a completion": completion("Hello", "stop", usage=TOKENS),
    "a transcription": {"text": "Hello", "usage": SPOKEN},
}


@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE)
def test_a_whole_answer_of_these_is_read(answer):
    """Handed over as it is, and as the bytes of its body."""
    for payloads in (whole(answer), [json.dumps(answer, indent=1).encode()]):
        reply = read(payloads)
        counts = (reply.usage.input_tokens, reply.usage.output_tokens)
        assert (reply.text, reply.outcome, counts) == ("Hello", "complete", (2, 3))
