"""Conversations of several turns: the offline server plays them, and checks them."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from nbstream.offline import Server
from nbstream.reply import Reply
from nbstream.tool_runs import ToolRun, run_calls
from nbstream.tools import tools_of

PATHS = {
    "openai.chat": "/chat/completions",
    "openai.responses": "/responses",
    "anthropic.messages": "/v1/messages",
    "google.generate_content": "/v1/models/m:streamGenerateContent?alt=sse",
    "google.interactions": "/v1/interactions",
}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
WHAT = "Tell the weather of a city."


def user(api: str, text: str) -> dict[str, Any]:
    """What a user says, in each API's own form."""
    match api:
        case "google.generate_content":
            return {"role": "user", "parts": [{"text": text}]}
        case "google.interactions":
            return {"type": "user_input", "content": [{"type": "text", "text": text}]}
        case _:
            return {"role": "user", "content": text}


def told(api: str, runs: list[ToolRun]) -> list[dict[str, Any]]:
    """The results of one round of calls, in each API's own form."""
    match api:
        case "openai.chat":
            return [
                {"role": "tool", "tool_call_id": ran.id, "content": ran.result}
                for ran in runs
            ]
        case "openai.responses":
            kind = {"type": "function_call_output"}
            return [{**kind, "call_id": ran.id, "output": ran.result} for ran in runs]
        case "anthropic.messages":
            blocks = [
                {"type": "tool_result", "tool_use_id": ran.id, "content": ran.result}
                for ran in runs
            ]
            return [{"role": "user", "content": blocks}]
        case "google.generate_content":
            given = [
                {"name": ran.name, "response": {"result": ran.result}} for ran in runs
            ]
            parts = [{"functionResponse": each} for each in given]
            return [{"role": "user", "parts": parts}]
        case _:
            kind = {"type": "function_result"}
            return [{**kind, "call_id": ran.id, "result": ran.result} for ran in runs]


def request(api: str, messages: list[dict[str, Any]], *, tools: bool) -> dict[str, Any]:
    """A whole request, in each API's own form."""
    function = {"name": "get_weather", "description": WHAT}
    given: dict[str, Any] = {"model": "m", "stream": True}
    match api:
        case "openai.chat":
            offered = {"function": {**function, "parameters": SCHEMA}}
            given |= {"messages": messages}
            listed: list[Any] = [{"type": "function", **offered}]
        case "anthropic.messages":
            given |= {"messages": messages, "max_tokens": 999}
            listed = [{**function, "input_schema": SCHEMA}]
        case "google.generate_content":
            given = {"contents": messages}
            offered = {"functionDeclarations": [{**function, "parameters": SCHEMA}]}
            listed = [offered]
        case _:
            given |= {"input": messages}
            listed = [{"type": "function", **function, "parameters": SCHEMA}]
    return {**given, "tools": listed} if tools else given


def sent(server: Server, api: str, body: dict[str, Any]) -> Reply:
    asked = urllib.request.Request(
        server.url + PATHS[api],
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=10) as answered:
        return Reply.from_sse(answered.read(), api)


def added(messages: list[dict[str, Any]], reply: Reply) -> list[dict[str, Any]]:
    made = reply.to_message()
    return [*messages, *(made if isinstance(made, list) else [made])]


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"It rains in {city}."


def looped(server: Server, api: str, prompt: str) -> list[Reply]:
    """The loop of an agent: ask, run what is called, say so, until nothing is."""
    messages = [user(api, prompt)]
    replies = [sent(server, api, request(api, messages, tools=True))]
    while replies[-1].tool_calls and len(replies) < 9:
        messages = added(messages, replies[-1])
        calls = replies[-1].tool_calls
        runs = asyncio.run(run_calls(calls, tools_of([get_weather])))
        messages += told(api, runs)
        replies.append(sent(server, api, request(api, messages, tools=True)))
    return replies


LOOPS = {
    "one call": ("What is the weather in Oslo?", [["Oslo"]]),
    "two calls at once": (
        "Compare the weather in Oslo, in Rome.",
        [["Oslo", "Rome"]],
    ),
    "three rounds": (
        "Be an agent: the weather in Oslo, in Rome, in Bern.",
        [["Oslo"], ["Rome"], ["Bern"]],
    ),
    "three rounds, by name": (
        "[scenario: agent] The weather in Oslo, in Rome, in Bern.",
        [["Oslo"], ["Rome"], ["Bern"]],
    ),
}


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize(("prompt", "rounds"), LOOPS.values(), ids=LOOPS.keys())
def test_the_loop_of_an_agent(server, api, prompt, rounds):
    """Calls, results, more calls: the last answer uses what every tool has said."""
    *calling, last = looped(server, api, prompt)
    asked = [[call.parsed["city"] for call in each.tool_calls] for each in calling]
    assert asked == rounds
    assert all(reply.outcome == "complete" for reply in [*calling, last])
    for city in (city for each in rounds for city in each):
        assert f"It rains in {city}." in last.text


@pytest.mark.parametrize("api", PATHS)
def test_several_turns(server, api):
    """The server knows of a turn before only what the request sends along."""
    first = [user(api, "Why is the sea salt?")]
    messages = added(first, sent(server, api, request(api, first, tools=False)))
    messages.append(user(api, "What did I ask before?"))
    with_history = sent(server, api, request(api, messages, tools=False))
    without = sent(server, api, request(api, messages[-1:], tools=False))
    assert 'you asked: "Why is the sea salt?"' in with_history.text
    assert "you asked: nothing" in without.text


@pytest.mark.parametrize("api", PATHS)
def test_a_new_question_begins_a_new_loop(server, api):
    """Results of an earlier turn do not count for the next question."""
    messages = [user(api, "What is the weather in Oslo?")]
    calling = sent(server, api, request(api, messages, tools=True))
    messages = added(messages, calling)
    runs = asyncio.run(run_calls(calling.tool_calls, tools_of([get_weather])))
    messages += told(api, runs)
    messages = added(messages, sent(server, api, request(api, messages, tools=True)))
    messages.append(user(api, "And what is the weather in Rome?"))
    again = sent(server, api, request(api, messages, tools=True))
    assert [call.parsed["city"] for call in again.tool_calls] == ["Rome"]


UNANSWERED = {
    "openai.chat": "'tool_calls' must be followed by tool messages",
    "openai.responses": "No tool output found for function call ",
    "anthropic.messages": "`tool_use` ids were found without `tool_result` blocks",
    "google.generate_content": "the number of function response parts is equal to",
    "google.interactions": "No function_result for the function_call ",
}
UNCALLED = {
    "openai.chat": "must be a response to a preceding message with 'tool_calls'",
    "openai.responses": "No tool call found for function call output with call_id x",
    "anthropic.messages": "unexpected `tool_use_id` found in `tool_result` blocks: x",
    "google.generate_content": "the number of function response parts is equal to",
    "google.interactions": "No function_call for the function_result x",
}
NO_CALL = ToolRun(id="x", name="x", arguments="{}", result="12")


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("then", ["nothing", "a question"])
def test_a_call_without_its_result_is_refused(server, api, then):
    """As the real API does: a dangling call makes the whole history invalid."""
    messages = [user(api, "What is the weather in Oslo?")]
    messages = added(messages, sent(server, api, request(api, messages, tools=True)))
    more = [user(api, "And in Rome?")] if then == "a question" else []
    assert UNANSWERED[api] in refused(server, api, [*messages, *more])


@pytest.mark.parametrize("api", PATHS)
def test_a_result_without_its_call_is_refused(server, api):
    """A result that nobody asked for makes the history invalid, too."""
    messages = [user(api, "Hello"), *told(api, [NO_CALL])]
    assert UNCALLED[api] in refused(server, api, messages)


EMPTY = {
    "an empty message": (
        "anthropic.messages",
        [{"role": "assistant", "content": []}, {"role": "user", "content": "Hi"}],
        "all messages must have non-empty content",
    ),
    "a blank text": (
        "anthropic.messages",
        [{"role": "user", "content": [{"type": "text", "text": " "}]}],
        "text content blocks must contain non-whitespace text",
    ),
    "no parts": (
        "google.generate_content",
        [{"role": "model", "parts": []}, {"role": "user", "parts": [{"text": "Hi"}]}],
        "contents.parts must not be empty",
    ),
}


@pytest.mark.parametrize(("api", "messages", "said"), EMPTY.values(), ids=EMPTY.keys())
def test_empty_content_is_refused(server, api, messages, said):
    """What a stopped turn may leave behind, and these APIs refuse."""
    assert said in refused(server, api, messages)


def refused(server: Server, api: str, messages: list[dict[str, Any]]) -> str:
    with pytest.raises(urllib.error.HTTPError) as caught:
        sent(server, api, request(api, messages, tools=False))
    with caught.value as answered:
        assert answered.code == 400
        return answered.read().decode()
