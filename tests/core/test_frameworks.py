"""What libraries yield that hide the wire, and payloads that lie in others' objects."""

from types import SimpleNamespace as Object

import pytest

from nbstream import providers
from nbstream._reader import Reader
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
