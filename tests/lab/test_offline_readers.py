"""What is asked is found in every API's requests, whatever form they take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nbstream.offline.wire import WRITERS
from nbstream.offline.wire.base import Ask, Tool

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
F = Tool(name="f", description="Do f.", parameters=SCHEMA)
G = Tool(name="g")
OPENAI_TOOLS = [
    {"type": "web_search"},
    {"type": "function", "name": "f", "description": "Do f.", "parameters": SCHEMA},
    {"type": "function", "name": "g"},
]
CHAT_TOOLS = [
    {"type": "function", "function": {k: t[k] for k in t if k != "type"}}
    for t in OPENAI_TOOLS[1:]
]
CLAUDE_TOOLS = [
    {"type": "web_search_1", "name": "web_search"},
    {"name": "f", "description": "Do f.", "input_schema": SCHEMA},
    {"name": "g", "input_schema": {}},
]
GEMINI_TOOLS = [
    {"googleSearch": {}},
    {
        "functionDeclarations": [
            {"name": "f", "description": "Do f.", "parameters": SCHEMA},
            {"name": "g"},
        ]
    },
]


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def asked(**fields: Any) -> Ask:
    return Ask(**({"model": "m", "prompt": "Hi"} | fields))


CASES: dict[str, tuple[str, dict[str, Any], Ask]] = {
    "chat, several turns": (
        "openai.chat",
        {
            "messages": [
                {"role": "system", "content": "Be kind."},
                {
                    "role": "developer",
                    "content": [{"type": "text", "text": "Be short."}],
                },
                user("First"),
                {"role": "assistant", "content": "Yes?"},
                {"role": "tool", "tool_call_id": "1", "content": "old result"},
                user(
                    [
                        {"type": "image_url", "image_url": {"url": "x"}},
                        {"type": "text", "text": "Hi"},
                        {"type": "text", "text": "there"},
                    ]
                ),
            ]
        },
        asked(
            earlier=("First",),
            prompt="Hi\nthere",
            system="Be kind.\nBe short.",
            input_tokens=11,
        ),
    ),
    "chat, two results": (
        "openai.chat",
        {
            "messages": [
                user("Hi"),
                {"role": "assistant", "tool_calls": []},
                {"role": "tool", "content": "one"},
                {"role": "tool", "content": [{"type": "text", "text": "two"}]},
            ]
        },
        asked(rounds=1, tool_results=("one", "two"), input_tokens=2),
    ),
    "chat, nobody asks": (
        "openai.chat",
        {"messages": [{"role": "system", "content": "Be kind."}]},
        asked(prompt="", system="Be kind.", input_tokens=2),
    ),
    "chat, every option": (
        "openai.chat",
        {
            "messages": [user("Hi")],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 9,
            "n": 2,
            "tools": CHAT_TOOLS,
            "reasoning_effort": "high",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"schema": SCHEMA},
            },
        },
        asked(
            stream=True,
            include_usage=True,
            max_tokens=9,
            choices=2,
            tools=(F, G),
            reasoning=True,
            schema=SCHEMA,
            input_tokens=1,
        ),
    ),
    "chat, no tool to be called": (
        "openai.chat",
        {"messages": [user("Hi")], "tools": CHAT_TOOLS, "tool_choice": "none"},
        asked(input_tokens=1),
    ),
    "chat, one tool named": (
        "openai.chat",
        {
            "messages": [user("Hi")],
            "tools": CHAT_TOOLS,
            "tool_choice": {"type": "function", "function": {"name": "g"}},
        },
        asked(tools=(G,), input_tokens=1),
    ),
    "chat, no effort": (
        "openai.chat",
        {"messages": [user("Hi")], "reasoning_effort": "none"},
        asked(input_tokens=1),
    ),
    "responses, a text": (
        "openai.responses",
        {"input": "Hi", "instructions": "Be kind."},
        asked(system="Be kind.", input_tokens=3),
    ),
    "responses, items": (
        "openai.responses",
        {
            "input": [
                {"role": "developer", "content": "Be kind."},
                {"type": "message", **user([{"type": "input_text", "text": "Hi"}])},
                {
                    "type": "function_call",
                    "call_id": "1",
                    "name": "f",
                    "arguments": "{}",
                },
                {"type": "function_call_output", "call_id": "1", "output": "12"},
            ]
        },
        asked(rounds=1, system="Be kind.", tool_results=("12",), input_tokens=3),
    ),
    "responses, a result alone": (
        "openai.responses",
        {
            "previous_response_id": "resp_1",
            "input": [{"type": "function_call_output", "call_id": "1", "output": "12"}],
        },
        asked(
            rounds=1, prompt="", tool_results=("12",), input_tokens=1, previous="resp_1"
        ),
    ),
    "responses, every option": (
        "openai.responses",
        {
            "input": "Hi",
            "stream": True,
            "max_output_tokens": 9,
            "tools": OPENAI_TOOLS,
            "tool_choice": {"type": "function", "name": "f"},
            "reasoning": {"summary": "auto"},
            "text": {"format": {"type": "json_schema", "schema": SCHEMA}},
        },
        asked(
            stream=True,
            max_tokens=9,
            tools=(F,),
            reasoning=True,
            schema=SCHEMA,
            input_tokens=1,
        ),
    ),
    "messages, blocks": (
        "anthropic.messages",
        {
            "max_tokens": 9,
            "system": [{"type": "text", "text": "Be kind."}],
            "messages": [
                user("First"),
                {"role": "assistant", "content": [{"type": "text", "text": "Yes?"}]},
                user([{"type": "text", "text": "Hi"}, {"type": "image", "source": {}}]),
            ],
        },
        asked(earlier=("First",), system="Be kind.", max_tokens=9, input_tokens=6),
    ),
    "messages, results": (
        "anthropic.messages",
        {
            "max_tokens": 9,
            "messages": [
                user("Hi"),
                {"role": "assistant", "content": [{"type": "tool_use", "input": {}}]},
                user(
                    [
                        {"type": "tool_result", "content": "one"},
                        {
                            "type": "tool_result",
                            "content": [{"type": "text", "text": "two"}],
                        },
                    ]
                ),
            ],
        },
        asked(rounds=1, max_tokens=9, tool_results=("one", "two"), input_tokens=3),
    ),
    "messages, every option": (
        "anthropic.messages",
        {
            "max_tokens": 9,
            "messages": [user("Hi")],
            "stream": True,
            "tools": CLAUDE_TOOLS,
            "tool_choice": {"type": "any"},
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
        },
        asked(
            stream=True,
            max_tokens=9,
            tools=(F, G),
            reasoning=True,
            schema=SCHEMA,
            input_tokens=1,
        ),
    ),
    "gemini, several turns": (
        "google.generate_content",
        {
            "systemInstruction": {"parts": [{"text": "Be kind."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "First"}]},
                {"role": "model", "parts": [{"text": "Yes?"}]},
                {"parts": [{"text": "Hi"}, {"inlineData": {}}]},
            ],
        },
        asked(earlier=("First",), system="Be kind.", input_tokens=5),
    ),
    "gemini, one content alone": (
        "google.generate_content",
        {"contents": {"parts": [{"text": "Hi"}]}},
        asked(input_tokens=1),
    ),
    "gemini, results": (
        "google.generate_content",
        {
            "contents": [
                {"role": "user", "parts": [{"text": "Hi"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"response": {"result": "one"}}},
                        {"function_response": {"response": {"a": 1, "b": 2}}},
                    ],
                },
            ]
        },
        asked(rounds=1, tool_results=("one", '{"a": 1, "b": 2}'), input_tokens=1),
    ),
    "gemini, every option": (
        "google.generate_content",
        {
            "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
            "generationConfig": {
                "maxOutputTokens": 9,
                "thinkingConfig": {"includeThoughts": True},
                "responseJsonSchema": SCHEMA,
            },
            "tools": GEMINI_TOOLS,
            "toolConfig": {
                "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}
            },
        },
        asked(
            stream=True,
            max_tokens=9,
            tools=(F,),
            reasoning=True,
            schema=SCHEMA,
            input_tokens=1,
        ),
    ),
    "interactions, a text": (
        "google.interactions",
        {"input": "Hi", "system_instruction": "Be kind."},
        asked(system="Be kind.", input_tokens=3),
    ),
    "interactions, one content": (
        "google.interactions",
        {"input": {"type": "text", "text": "Hi"}},
        asked(input_tokens=1),
    ),
    "interactions, contents": (
        "google.interactions",
        {"input": [{"type": "text", "text": "Hi"}, {"type": "image", "uri": "x"}]},
        asked(input_tokens=1),
    ),
    "interactions, steps": (
        "google.interactions",
        {
            "input": [
                {"type": "user_input", "content": [{"type": "text", "text": "First"}]},
                {"type": "model_output", "content": [{"type": "text", "text": "Yes?"}]},
                {"type": "user_input", "content": "Hi"},
                {"type": "function_call", "id": "1", "name": "f", "arguments": {}},
                {"type": "function_result", "call_id": "1", "result": "12"},
            ]
        },
        asked(rounds=1, earlier=("First",), tool_results=("12",), input_tokens=4),
    ),
    "interactions, a result alone": (
        "google.interactions",
        {
            "agent": "m",
            "input": [
                {
                    "type": "function_result",
                    "result": [{"type": "text", "text": "12"}],
                }
            ],
        },
        asked(rounds=1, prompt="", tool_results=("12",), input_tokens=1),
    ),
    "interactions, every option": (
        "google.interactions",
        {
            "input": "Hi",
            "stream": True,
            "generation_config": {
                "max_output_tokens": 9,
                "thinking_summaries": "auto",
                "tool_choice": {"allowed_tools": {"mode": "any", "tools": ["f"]}},
            },
            "tools": OPENAI_TOOLS,
            "response_format": {"type": "text", "schema": SCHEMA},
        },
        asked(
            stream=True,
            max_tokens=9,
            tools=(F,),
            reasoning=True,
            schema=SCHEMA,
            input_tokens=1,
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_read(case: str) -> None:
    """The facts that decide the answer are read out of the request."""
    api, request, expected = CASES[case]

    streams = expected.stream  # Gemini says it in the path, the others in the body
    read = WRITERS[api].read({"model": "m"} | request, "m", stream=streams)

    assert read == replace(expected, provider=api.partition(".")[0])
