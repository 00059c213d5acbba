"""A whole answer says the same as its stream: for the five APIs, objects and dicts."""

import pytest

from nbstream._reader import Reader
from nbstream.providers.payloads import payloads, plain
from nbstream.reply import Reply

ChatCompletion = pytest.importorskip("openai.types.chat").ChatCompletion
pytest.importorskip("anthropic")
pytest.importorskip("google.genai")

SCENARIOS = ("prose", "reasoning", "two_tool_calls", "length", "refusal")
FUNCTIONS = ("get_weather", "get_time")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def _functions(**more):
    return [{"name": name, "description": name, **more} for name in FUNCTIONS]


def _chat(clients, prompt, **more):
    tools = [
        {"type": "function", "function": each} for each in _functions(parameters=SCHEMA)
    ]
    messages = [{"role": "user", "content": prompt}]
    if more:
        more["stream_options"] = {"include_usage": True}
    create = clients.openai.chat.completions.create
    return create(model="m", messages=messages, tools=tools, **more)


def _responses(clients, prompt, **more):
    tools = [{"type": "function", **each} for each in _functions(parameters=SCHEMA)]
    create = clients.openai.responses.create
    reasoning = {"effort": "low", "summary": "auto"}
    return create(model="m", input=prompt, tools=tools, reasoning=reasoning, **more)


def _anthropic(clients, prompt, **more):
    messages = [{"role": "user", "content": prompt}]
    return clients.anthropic.messages.create(
        model="m",
        max_tokens=4000,
        messages=messages,
        tools=_functions(input_schema=SCHEMA),
        thinking={"type": "enabled", "budget_tokens": 1024},
        **more,
    )


def _gemini(clients, prompt, **more):
    config = {
        "tools": [{"function_declarations": _functions(parameters=SCHEMA)}],
        "thinking_config": {"include_thoughts": True},
        "automatic_function_calling": {"disable": True},
    }
    models = clients.google.models
    ask = models.generate_content_stream if more else models.generate_content
    return ask(model="m", contents=prompt, config=config)


def _interactions(clients, prompt, **more):
    tools = [{"type": "function", **each} for each in _functions(parameters=SCHEMA)]
    create = clients.google.interactions.create
    return create(model="m", input=prompt, tools=tools, **more)


CALLS = (_chat, _responses, _anthropic, _gemini, _interactions)


def read(items):
    reply = Reply()
    reader = Reader(reply)
    for item in items:
        reader.push(item)
    reply._end()
    return reply


def said(reply):
    calls = [(call.name, call.state, call.parsed) for call in reply.tool_calls]
    usage = reply.usage
    counts = usage and (
        usage.input_tokens,
        usage.output_tokens,
        usage.reasoning_tokens or 0,
    )
    words = (reply.api, reply.text, reply.reasoning, reply.refusal)
    return (*words, calls, counts, reply.finish_reason, reply.outcome)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_whole_answer_reads_like_its_stream(call, scenario, clients):
    """Text, reasoning, calls, usage, finish and outcome; as an object, and as JSON."""
    prompt = f"[scenario: {scenario}]"
    whole = call(clients, prompt)
    streamed = read(call(clients, prompt, stream=True))

    assert said(read(payloads(whole))) == said(streamed)
    assert said(read(payloads(plain(whole)))) == said(streamed)
    assert streamed.outcome != "truncated"


RESPONSE = {"object": "response", "id": "r", "model": "m"}
MESSAGE = {"type": "message", "role": "assistant", "usage": {"input_tokens": 1}}
ITEMS = {
    "a summary of two paragraphs": (
        {"type": "reasoning", "summary": [{"text": "One"}, {"text": "Two"}]},
        ("", "One\n\nTwo", []),
    ),
    "reasoning in full": (
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm"}]},
        ("", "Hm", []),
    ),
    "a text with a source": (
        {
            "type": "message",
            "content": [
                {"type": "output_text", "text": "Hi", "annotations": [{"url": "u"}]}
            ],
        },
        ("Hi", "", []),
    ),
    "content of an unknown kind": (
        {"type": "message", "content": [{"type": "hologram"}]},
        ("", "", []),
    ),
    "a call of a custom tool": (
        {"type": "custom_tool_call", "name": "f", "call_id": "c", "input": 'say "a"'},
        ("", "", [{"input": 'say "a"'}]),
    ),
}


@pytest.mark.parametrize(("item", "expected"), ITEMS.values(), ids=ITEMS)
def test_the_items_of_a_response(item, expected):
    """Each kind says what its events would."""
    reply = read(payloads({**RESPONSE, "status": "completed", "output": [item]}))

    parsed = [call.parsed for call in reply.tool_calls]
    assert (reply.text, reply.reasoning, parsed) == expected
    assert reply.outcome == "complete"


ENDS = {
    "a response in the background": (
        {**RESPONSE, "status": "in_progress", "output": []},
        "truncated",
    ),
    "a response that failed": (
        {**RESPONSE, "status": "failed", "error": {"code": "x", "message": "no"}},
        "failed",
    ),
    "a message that was not ended": ({**MESSAGE, "content": []}, "truncated"),
    "an interaction in the background": (
        {"object": "interaction", "status": "in_progress", "steps": []},
        "truncated",
    ),
    "an interaction whose question is in it": (
        {
            "object": "interaction",
            "status": "completed",
            "steps": [
                {"type": "user_input", "content": [{"type": "text", "text": "?"}]},
                {"type": "model_output", "content": [{"type": "text", "text": "!"}]},
            ],
        },
        "complete",
    ),
    "a response that is not called one": (
        {"status": "completed", "output": [{"type": "message", "content": "Hi"}]},
        "complete",
    ),
    "an interaction that is not called one": (
        {"status": "completed", "steps": [{"type": "model_output", "content": []}]},
        "complete",
    ),
    "a prompt that was blocked": (
        {"promptFeedback": {"blockReason": "SAFETY"}},
        "complete",
    ),
}


@pytest.mark.parametrize(("answer", "outcome"), ENDS.values(), ids=ENDS)
def test_how_it_ended_is_told_as_in_a_stream(answer, outcome):
    """An answer that came in one piece is not by that complete."""
    assert read(payloads(answer)).outcome == outcome


def chat(message, finish="stop", **more):
    choice = {"index": 0, "finish_reason": finish, "message": message}
    return {"id": "c1", "model": "m", "choices": [{**choice, **more}]}


PARIS = {"role": "assistant", "content": "Paris."}
CALL = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
EMPTY = {"name": "", "arguments": ""}
SOUND = {"id": "a1", "data": "AAAA", "expires_at": 9, "transcript": "Paris."}
CHATS = {
    "Perplexity: an empty delta beside the message": (
        {
            "object": "chat.completion",
            **chat(PARIS, delta={"role": "assistant", "content": ""}),
        },
        ("Paris.", [], "stop"),
    ),
    "no object (Copilot)": (chat(PARIS), ("Paris.", [], "stop")),
    "an empty object": ({"object": "", **chat(PARIS)}, ("Paris.", [], "stop")),
    "a chunk's object": (
        {"object": "chat.completion.chunk", **chat(PARIS, None)},
        ("Paris.", [], None),
    ),
    "no object, and calls": (
        chat({"content": None, "tool_calls": [CALL]}, "tool_calls"),
        ("", [("f", {})], "tool_calls"),
    ),
    "every field is there, and empty (Snowflake)": (
        {
            "object": "chat.completion",
            **chat(
                {
                    "content": "4",
                    "function_call": EMPTY,
                    "tool_calls": [{**CALL, "custom": {"name": "", "input": ""}}],
                },
                "",
            ),
        },
        ("4", [("f", {})], None),
    ),
    "an empty call among the calls": (
        chat({"content": "4", "tool_calls": [{"id": "", "function": EMPTY}]}, ""),
        ("4", [], None),
    ),
    "a call without arguments": (
        chat({"tool_calls": [{"id": "t1", "function": {"name": "f"}}]}, "tool_calls"),
        ("", [("f", {})], "tool_calls"),
    ),
    "a call whose arguments are null": (
        chat(
            {
                "tool_calls": [
                    {"id": "t1", "function": {"name": "f", "arguments": "null"}}
                ]
            }
        ),
        ("", [("f", {})], "tool_calls"),
    ),
    "what was said aloud": (
        chat({"content": None, "audio": SOUND}),
        ("Paris.", [], "stop"),
    ),
    "a thought in the text": (
        chat({"content": "<think>hm</think>Paris."}),
        ("Paris.", [], "stop"),
    ),
}


@pytest.mark.parametrize(("answer", "expected"), CHATS.values(), ids=CHATS)
def test_whole_chat_answers_of_many_servers(answer, expected):
    """The text is the message's; an empty field says nothing; it is whole."""
    reply = read(payloads(answer))
    found = read(payloads(ChatCompletion.model_construct(**answer)))

    calls = [(call.name, call.parsed) for call in reply.tool_calls]
    assert (reply.text, calls, reply.finish_reason) == expected
    assert (reply.outcome, reply.model) == ("complete", "m")
    assert said(found) == said(reply)


@pytest.mark.parametrize("value", [None, 7, ["a"], {"a": 1}, iter("ab")])
def test_anything_else_is_no_whole_answer(value):
    """It is for those who read streams to say what it is."""
    assert payloads(value) is None


def test_a_string_is_a_whole_answer():
    """Of an API that is none."""
    assert payloads("Hi") == ["Hi"]
