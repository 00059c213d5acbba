"""The bytes have each provider's own shape, and are the same on every run."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest

from nbstream.offline import Server
from nbstream.offline.wire import WRITERS
from nbstream.offline.wire.base import Answer, AnswerPart, Ask, Choice, Counts

USAGE = Counts(input=5, output=7, reasoning=3, cached=2)
CITY = ('{"ci', 'ty": "Par', 'is"}')


def call(number: int, name: str, *tokens: str) -> AnswerPart:
    arguments = json.loads("".join(tokens))
    fields = {"id": str(number), "name": name, "arguments": arguments}
    return AnswerPart(kind="tool_call", tokens=tokens, **fields)


HELLO = AnswerPart(kind="text", tokens=("Hel", "lo"))
ANSWERS = {
    "text": ("stop", [HELLO]),
    "thinking": (
        "stop",
        [
            AnswerPart(kind="reasoning", tokens=("Let me ", "think")),
            AnswerPart(kind="text", tokens=("42",)),
        ],
    ),
    "tool": ("tool_calls", [call(1, "get_weather", *CITY)]),
    "two_tools": (
        "tool_calls",
        [call(1, "a", '{"x":', "1}"), call(2, "b", '{"y":2}')],
    ),
    "refusal": ("refusal", [AnswerPart(kind="refusal", tokens=("I can't ", "help"))]),
    "text and tool": ("tool_calls", [HELLO, call(1, "get_weather", *CITY)]),
}

OPENED = ["response.created", "response.in_progress"]
ITEM, DONE = "response.output_item.added", "response.output_item.done"
PART, PART_DONE = "response.content_part.added", "response.content_part.done"
SUMMARY = "response.reasoning_summary"
ARGUMENTS = "response.function_call_arguments"
MESSAGE = [ITEM, PART, "response.output_text.delta", "response.output_text.done"]
MESSAGE += [PART_DONE, DONE]
REFUSAL = [ITEM, PART, "response.refusal.delta", "response.refusal.done"]
REFUSAL += [PART_DONE, DONE]
REASONING = [ITEM, f"{SUMMARY}_part.added", f"{SUMMARY}_text.delta"]
REASONING += [f"{SUMMARY}_text.done", f"{SUMMARY}_part.done", DONE]
FUNCTION = [ITEM, f"{ARGUMENTS}.delta", f"{ARGUMENTS}.done", DONE]

BLOCK, STOPPED = "content_block_start", "content_block_stop"
TEXT_BLOCK = [f"{BLOCK} text", "text_delta", STOPPED]
TOOL_BLOCK = [f"{BLOCK} tool_use", "input_json_delta", STOPPED]
CREATED = ["interaction.created", "interaction.status_update"]
CALL_STEP = ["step.start function_call", "arguments_delta", "step.stop"]
OUTPUT_STEP = ["step.start model_output", "text", "step.stop"]

#: As measured in real streams: kinds of events in their order, repeats left out.
SHAPES = {
    "openai.chat": {
        "text": ["role content", "content", "stop", "[DONE]"],
        "thinking": [
            "role content reasoning_content",
            "reasoning_content",
            "content",
            "stop",
            "[DONE]",
        ],
        "tool": ["role content start", "arguments", "tool_calls", "[DONE]"],
        "two_tools": [
            "role content start",
            "arguments",
            "start",
            "arguments",
            "tool_calls",
            "[DONE]",
        ],
        "refusal": ["role content refusal", "refusal", "stop", "[DONE]"],
        "text and tool": [
            "role content",
            "content",
            "start",
            "arguments",
            "tool_calls",
            "[DONE]",
        ],
    },
    "openai.responses": {
        "text": [*OPENED, *MESSAGE, "response.completed"],
        "thinking": [*OPENED, *REASONING, *MESSAGE, "response.completed"],
        "tool": [*OPENED, *FUNCTION, "response.completed"],
        "two_tools": [*OPENED, *FUNCTION, *FUNCTION, "response.completed"],
        "refusal": [*OPENED, *REFUSAL, "response.completed"],
        "text and tool": [*OPENED, *MESSAGE, *FUNCTION, "response.completed"],
    },
    "anthropic.messages": {
        "text": [*TEXT_BLOCK, "end_turn"],
        "thinking": [
            f"{BLOCK} thinking",
            "thinking_delta",
            "signature_delta",
            STOPPED,
            *TEXT_BLOCK,
            "end_turn",
        ],
        "tool": [*TOOL_BLOCK, "tool_use"],
        "two_tools": [*TOOL_BLOCK, *TOOL_BLOCK, "tool_use"],
        "refusal": [*TEXT_BLOCK, "refusal"],
        "text and tool": [*TEXT_BLOCK, *TOOL_BLOCK, "tool_use"],
    },
    "google.generate_content": {
        "text": ["text STOP"],
        "thinking": ["thought", "text+signature", "text STOP"],
        "tool": ["functionCall+signature", "text STOP"],
        "two_tools": ["functionCall+signature functionCall", "text STOP"],
        "refusal": ["text", "SAFETY"],
        "text and tool": ["text", "functionCall+signature", "text STOP"],
    },
    "google.interactions": {
        "text": [*CREATED, *OUTPUT_STEP, "completed", "[DONE]"],
        "thinking": [
            *CREATED,
            "step.start thought",
            "thought_summary",
            "thought_signature",
            "step.stop",
            *OUTPUT_STEP,
            "completed",
            "[DONE]",
        ],
        "tool": [*CREATED, *CALL_STEP, "requires_action", "[DONE]"],
        "two_tools": [*CREATED, *CALL_STEP, *CALL_STEP, "requires_action", "[DONE]"],
        "refusal": [*CREATED, "failed", "[DONE]"],
        "text and tool": [
            *CREATED,
            *OUTPUT_STEP,
            *CALL_STEP,
            "requires_action",
            "[DONE]",
        ],
    },
}


def written(api: str, kind: str) -> list[str]:
    finish, parts = ANSWERS[kind]
    answer = Answer(
        id="1",
        model="m",
        scenario="s",
        choices=(Choice(parts=tuple(parts), finish=finish),),
        usage=USAGE,
    )
    ask = Ask(model="m", prompt="", stream=True)
    return [frame.data.decode() for frame in WRITERS[api].frames(ask, answer)]


def kind_of(api: str, block: str) -> str:
    """Say in a few words what kind of event a block of bytes is."""
    data = re.search(r"^data: (.*?)\r?$", block, re.MULTILINE)[1]
    if data == "[DONE]":
        return data
    event: dict[str, Any] = json.loads(data)
    match api:
        case "openai.chat":
            choice = event["choices"][0]
            calls = choice["delta"].pop("tool_calls", [])
            words = [*choice["delta"]]
            words += ["start" if "id" in call else "arguments" for call in calls]
            return choice["finish_reason"] or " ".join(words)
        case "openai.responses":
            return event["type"]
        case "anthropic.messages":
            delta = event.get("delta", {})
            block_type = event.get("content_block", {}).get("type", "")
            named = f"{event['type']} {block_type}".strip()
            return delta.get("type") or delta.get("stop_reason") or named
        case "google.generate_content":
            candidate = event["candidates"][0]
            parts = candidate.get("content", {}).get("parts", [])
            words = [gemini_part(part) for part in parts]
            return " ".join([*words, candidate.get("finishReason", "")]).strip()
        case _:
            if event["event_type"] == "interaction.completed":
                return event["interaction"]["status"]
            step = event.get("step", {}).get("type", "")
            delta = event.get("delta", {}).get("type")
            return delta or f"{event['event_type']} {step}".strip()


def gemini_part(part: dict[str, Any]) -> str:
    if part.get("thought"):
        return "thought"
    kind = "functionCall" if "functionCall" in part else "text"
    return kind + ("+signature" if "thoughtSignature" in part else "")


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("api", SHAPES)
def test_shape(api: str, kind: str) -> None:
    """The kinds of events come in the order in which the provider sends them."""
    kinds = [kind_of(api, block) for block in written(api, kind)]
    if api == "anthropic.messages":
        assert kinds[0] == "message_start"
        assert kinds[-1] == "message_stop"
        if "text" in ANSWERS[kind][1][0].kind:
            assert kinds[2] == "ping"
        kinds = [word for word in kinds[1:-1] if word != "ping"]

    assert [word for word, _ in groupby(kinds)] == SHAPES[api][kind]


FRAMING = {
    "openai.chat": r"data: (\{.*\}|\[DONE\])\n\n",
    "openai.responses": r"event: (response[a-z_.]+)\ndata: \{\"type\":\"\1\",.*\}\n\n",
    "anthropic.messages": r"event: ([a-z_]+)\ndata: \{\"type\": ?\"\1\".*\}\n\n",
    "google.generate_content": r"data: \{.*\}\r\n\r\n",
    "google.interactions": (
        r"event: (?:done\ndata: \[DONE\]|([a-z_.]+)\n"
        r"data: \{\"event_type\":\"\1\",.*\})\n\n"
    ),
}


@pytest.mark.parametrize("api", FRAMING)
def test_framing(api: str) -> None:
    """Each event is one block, framed as the provider frames it."""
    for kind in ANSWERS:
        for block in written(api, kind):
            assert re.fullmatch(FRAMING[api], block), block


def test_line_separators_stay_inside_a_line() -> None:
    """Characters at which some SDKs split lines are escaped; the text is the same."""
    text = "a\u2028b\u2029c\x85d"
    part = AnswerPart(kind="text", tokens=(text,))
    choice = Choice(parts=(part,), finish="stop")
    answer = Answer(id="1", model="m", scenario="s", choices=(choice,), usage=USAGE)
    ask = Ask(model="m", prompt="")
    for api, writer in WRITERS.items():
        stream = b"".join(frame.data for frame in writer.frames(ask, answer)).decode()

        assert "a\\u2028b\\u2029c\\u0085d" in stream, api
        assert stream.splitlines() == re.split(r"\r?\n", stream)[:-1], api


REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai.chat": (
        "/v1/chat/completions",
        {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
    ),
    "openai.responses": ("/v1/responses", {"model": "m", "input": "Hi"}),
    "anthropic.messages": (
        "/v1/messages",
        {
            "model": "m",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": "Hi"}],
        },
    ),
    "google.generate_content": (
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
    ),
    "google.interactions": ("/v1beta/interactions", {"model": "m", "input": "Hi"}),
}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(speed=0) as running:
        yield running


@pytest.mark.parametrize("api", REQUESTS)
def test_every_run_is_the_same(server: Server, api: str) -> None:
    """Two servers give the same bytes, head and body, at whatever speed."""

    def fetched(from_server: Server) -> tuple[list[tuple[str, str]], bytes]:
        path, body = REQUESTS[api]
        data = json.dumps(body | {"stream": True}).encode()
        with urllib.request.urlopen(from_server.url + path, data) as response:
            return response.getheaders(), response.read()

    with Server(speed=200) as other:
        assert fetched(server) == fetched(other)
