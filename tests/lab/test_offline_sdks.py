"""The real SDKs, sync and async, get from the offline server what it has to say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from nbstream.offline import Server, scenarios
from nbstream.offline.manners import MANNERS, cut

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")
genai = pytest.importorskip("google.genai")

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
WHAT = "Tell the weather of a city."
KEY = "not-a-key"


@dataclass(kw_only=True)
class Seen:
    """What a client has of an answer, in one form for all."""

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    finish: str | None = None
    tokens: int = 0


def plain(value: Any) -> Any:
    """Turn an SDK object into plain JSON."""
    if isinstance(value, str):  # what the SDK could not parse
        raise TypeError(value)
    return json.loads(value.model_dump_json(by_alias=True, exclude_none=True))


# --- one API after the other: what is sent, and what is read out of the answer


def chat_args(prompt: str, *, tools: bool, most: int | None) -> dict[str, Any]:
    function = {"name": "get_weather", "description": WHAT, "parameters": SCHEMA}
    return {
        "model": "m",
        "messages": [{"role": "user", "content": prompt}],
        **({"tools": [{"type": "function", "function": function}]} if tools else {}),
        **({"max_completion_tokens": most} if most else {}),
    }


def chat_stream(chunks: list[Any]) -> Seen:
    seen = Seen()
    for chunk in chunks:
        seen.tokens = chunk.get("usage", {}).get("completion_tokens", seen.tokens)
        for choice in chunk["choices"]:
            delta = choice["delta"]
            seen.text += (delta.get("content") or "") + (delta.get("refusal") or "")
            seen.reasoning += delta.get("reasoning_content", "")
            for call in delta.get("tool_calls", []):
                function = call["function"]
                if "id" in call:
                    seen.calls.append((function["name"], ""))
                name, arguments = seen.calls[call["index"]]
                seen.calls[call["index"]] = name, arguments + function["arguments"]
            seen.finish = choice.get("finish_reason") or seen.finish
    return seen


def chat_body(body: Any) -> Seen:
    choice = body["choices"][0]
    message = choice["message"]
    calls = [call["function"] for call in message.get("tool_calls", [])]
    return Seen(
        text=message.get("content", "") + message.get("refusal", ""),
        reasoning=message.get("reasoning_content", ""),
        calls=[(call["name"], call["arguments"]) for call in calls],
        finish=choice["finish_reason"],
        tokens=body["usage"]["completion_tokens"],
    )


def responses_args(prompt: str, *, tools: bool, most: int | None) -> dict[str, Any]:
    function = {"type": "function", "name": "get_weather", "parameters": SCHEMA}
    return {
        "model": "m",
        "input": prompt,
        **({"tools": [function | {"strict": False}]} if tools else {}),
        **({"max_output_tokens": most} if most else {}),
    }


def responses_stream(events: list[Any]) -> Seen:
    seen = Seen()
    calls: dict[int, tuple[str, str]] = {}
    for number, event in enumerate(events):
        assert event["sequence_number"] == number
        at = event.get("output_index", -1)
        match event["type"]:
            case "response.output_text.delta" | "response.refusal.delta":
                seen.text += event["delta"]
            case "response.reasoning_summary_text.delta":
                seen.reasoning += event["delta"]
            case "response.output_item.added":
                if event["item"]["type"] == "function_call":
                    calls[at] = event["item"]["name"], ""
            case "response.function_call_arguments.delta":
                calls[at] = calls[at][0], calls[at][1] + event["delta"]
            case "response.completed" | "response.incomplete":
                ended = responses_body(event["response"])
                seen.finish, seen.tokens = ended.finish, ended.tokens
    seen.calls = list(calls.values())
    return seen


def responses_body(body: Any) -> Seen:
    reason = body.get("incomplete_details", {}).get("reason")
    seen = Seen(finish=reason or body["status"], tokens=body["usage"]["output_tokens"])
    for item in body["output"]:
        match item["type"]:
            case "message":
                parts = item["content"]
                seen.text += "".join(p.get("text", p.get("refusal")) for p in parts)
            case "reasoning":
                seen.reasoning += "".join(part["text"] for part in item["summary"])
            case "function_call":
                seen.calls.append((item["name"], item["arguments"]))
    return seen


def messages_args(prompt: str, *, tools: bool, most: int | None) -> dict[str, Any]:
    tool = {"name": "get_weather", "description": WHAT, "input_schema": SCHEMA}
    return {
        "model": "m",
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": most or 10_000,
        **({"tools": [tool]} if tools else {}),
    }


def messages_stream(events: list[Any]) -> Seen:
    seen = Seen()
    calls: dict[int, tuple[str, str]] = {}
    for event in events:
        at, delta = event.get("index", -1), event.get("delta", {})
        seen.text += delta.get("text", "")
        seen.reasoning += delta.get("thinking", "")
        if event["type"] == "content_block_start":
            if event["content_block"]["type"] == "tool_use":
                calls[at] = event["content_block"]["name"], ""
        elif "partial_json" in delta:
            calls[at] = calls[at][0], calls[at][1] + delta["partial_json"]
        elif event["type"] == "message_delta":
            seen.finish = delta["stop_reason"]
            seen.tokens = event["usage"]["output_tokens"]
    assert events[-1]["type"] == "message_stop"
    seen.calls = list(calls.values())
    return seen


def messages_body(body: Any) -> Seen:
    seen = Seen(finish=body["stop_reason"], tokens=body["usage"]["output_tokens"])
    for block in body["content"]:
        seen.text += block.get("text", "")
        seen.reasoning += block.get("thinking", "")
        if block["type"] == "tool_use":
            seen.calls.append((block["name"], json.dumps(block["input"])))
    return seen


def gemini_args(prompt: str, *, tools: bool, most: int | None) -> dict[str, Any]:
    function = {"name": "get_weather", "description": WHAT}
    function["parameters_json_schema"] = SCHEMA
    config: dict[str, Any] = {"max_output_tokens": most} if most else {}
    config |= {"tools": [{"function_declarations": [function]}]} if tools else {}
    return {"model": "m", "contents": prompt, "config": config}


def gemini_stream(chunks: list[Any]) -> Seen:
    seen = Seen()
    for chunk in chunks:
        part = gemini_body(chunk)
        seen.text += part.text
        seen.reasoning += part.reasoning
        seen.calls += part.calls
        seen.finish, seen.tokens = part.finish, part.tokens
    return seen


def gemini_body(body: Any) -> Seen:
    candidate, usage = body["candidates"][0], body["usageMetadata"]
    seen = Seen(finish=candidate.get("finishReason"))
    answered = usage.get("candidatesTokenCount", 0)
    seen.tokens = answered + usage.get("thoughtsTokenCount", 0)
    for part in candidate.get("content", {}).get("parts", []):
        if "functionCall" in part:
            call = part["functionCall"]
            seen.calls.append((call["name"], json.dumps(call["args"])))
        elif part.get("thought"):
            seen.reasoning += part["text"]
        else:
            seen.text += part["text"]
    return seen


def interactions_args(prompt: str, *, tools: bool, most: int | None) -> dict[str, Any]:
    function = {"type": "function", "name": "get_weather", "parameters": SCHEMA}
    return {
        "model": "m",
        "input": prompt,
        **({"tools": [function]} if tools else {}),
        **({"generation_config": {"max_output_tokens": most}} if most else {}),
    }


def interactions_stream(events: list[Any]) -> Seen:
    seen = Seen()
    calls: dict[int, tuple[str, str]] = {}
    for event in events:
        at, delta = event.get("index", -1), event.get("delta", {})
        match event["event_type"], delta.get("type"):
            case "step.start", _ if event["step"]["type"] == "function_call":
                calls[at] = event["step"]["name"], ""
            case _, "text":
                seen.text += delta["text"]
            case _, "thought_summary":
                seen.reasoning += delta["content"]["text"]
            case _, "arguments_delta":
                calls[at] = calls[at][0], calls[at][1] + delta["arguments"]
            case "interaction.completed", _:
                ended = interactions_body(event["interaction"])
                seen.finish, seen.tokens = ended.finish, ended.tokens
    seen.calls = list(calls.values())
    return seen


def interactions_body(body: Any) -> Seen:
    usage = body["usage"]
    seen = Seen(finish=body["status"])
    seen.tokens = usage["total_output_tokens"] + usage["total_thought_tokens"]
    for step in body.get("steps", []):
        match step["type"]:
            case "model_output":
                seen.text += "".join(part["text"] for part in step["content"])
            case "thought":
                seen.reasoning += "".join(part["text"] for part in step["summary"])
            case "function_call":
                seen.calls.append((step["name"], json.dumps(step["arguments"])))
    return seen


# --- how each is called


@dataclass(frozen=True, kw_only=True)
class Api:
    """How to call one API and how to read what comes."""

    args: Callable[..., dict[str, Any]]
    client: Callable[[str], Any]
    async_client: Callable[[str], Any]
    call: Callable[[Any], Any]
    stream_call: Callable[[Any], Any] | None = None
    stream_args: dict[str, Any]
    see_stream: Callable[[list[Any]], Seen]
    see_body: Callable[[Any], Seen]
    finish: dict[str, str]


def google(url: str) -> Any:
    return genai.Client(api_key=KEY, http_options={"base_url": url})


def sync_anthropic(url: str) -> Any:
    return anthropic.Anthropic(base_url=url, api_key=KEY)


def sync_openai(url: str) -> Any:
    return openai.OpenAI(base_url=url, api_key=KEY)


def async_openai(url: str) -> Any:
    return openai.AsyncOpenAI(base_url=url, api_key=KEY)


def words(stop: str, length: str, tools: str, refusal: str) -> dict[str, str]:
    return {"stop": stop, "length": length, "tool_calls": tools, "refusal": refusal}


USAGE = {"stream_options": {"include_usage": True}}
APIS = {
    "openai.chat": Api(
        args=chat_args,
        client=sync_openai,
        async_client=async_openai,
        call=lambda client: client.chat.completions.create,
        stream_args={"stream": True} | USAGE,
        see_stream=chat_stream,
        see_body=chat_body,
        finish=words("stop", "length", "tool_calls", "stop"),
    ),
    "openai.responses": Api(
        args=responses_args,
        client=sync_openai,
        async_client=async_openai,
        call=lambda client: client.responses.create,
        stream_args={"stream": True},
        see_stream=responses_stream,
        see_body=responses_body,
        finish=words("completed", "max_output_tokens", "completed", "completed"),
    ),
    "anthropic.messages": Api(
        args=messages_args,
        client=sync_anthropic,
        async_client=lambda url: anthropic.AsyncAnthropic(base_url=url, api_key=KEY),
        call=lambda client: client.messages.create,
        stream_args={"stream": True},
        see_stream=messages_stream,
        see_body=messages_body,
        finish=words("end_turn", "max_tokens", "tool_use", "refusal"),
    ),
    "google.generate_content": Api(
        args=gemini_args,
        client=google,
        async_client=lambda url: google(url).aio,
        call=lambda client: client.models.generate_content,
        stream_call=lambda client: client.models.generate_content_stream,
        stream_args={},
        see_stream=gemini_stream,
        see_body=gemini_body,
        finish=words("STOP", "MAX_TOKENS", "STOP", "SAFETY"),
    ),
    "google.interactions": Api(
        args=interactions_args,
        client=google,
        async_client=lambda url: google(url).aio,
        call=lambda client: client.interactions.create,
        stream_args={"stream": True},
        see_stream=interactions_stream,
        see_body=interactions_body,
        finish=words("completed", "incomplete", "requires_action", "failed"),
    ),
}


def called(api: Api, server: Server, name: str, how: str, **wanted: Any) -> Seen:
    """Call an API sync or async, streaming or not, and say what came."""
    prompt = wanted.pop("prompt")
    args = api.args(prompt, tools=wanted.get("tools", False), most=wanted.get("most"))
    streams = "stream" in how
    pick = (api.stream_call or api.call) if streams else api.call
    args |= api.stream_args if streams else {}
    url = server.base_url(name)
    if how.startswith("async"):
        payloads = asyncio.run(async_payloads(api, pick, args, url, streams=streams))
    else:
        with api.client(url) as client:
            got = pick(client)(**args)
            payloads = [plain(p) for p in got] if streams else [plain(got)]
    return api.see_stream(payloads) if streams else api.see_body(payloads[0])


async def async_payloads(
    api: Api, pick: Any, args: dict[str, Any], url: str, *, streams: bool
) -> list[Any]:
    async with api.async_client(url) as client:
        got = await pick(client)(**args)
        return [plain(p) async for p in got] if streams else [plain(got)]


HOWS = ["sync", "sync stream", "async", "async stream"]
FULL = pytest.mark.parametrize("name", APIS)
EVERY_WAY = pytest.mark.parametrize("how", HOWS)

SCENARIOS = {
    "default": "stop",
    "prose": "stop",
    "reasoning": "stop",
    "length": "length",
    "hostile": "stop",
}


@FULL
@EVERY_WAY
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_text(server: Server, name: str, how: str, scenario: str) -> None:
    """Every API gives the same text, in tokens and words for its end of its own."""
    prompt = f"[scenario: {scenario}] Why is the sea salt?"
    expected = called(APIS["openai.chat"], server, "openai.chat", "sync", prompt=prompt)
    seen = called(APIS[name], server, name, how, prompt=prompt)

    manner = MANNERS[name.partition(".")[0]]
    tokens = cut(expected.text, manner) + cut(expected.reasoning, manner)

    assert "Why is the sea salt?" in seen.text
    assert seen == Seen(
        text=expected.text,
        reasoning=expected.reasoning,
        calls=[],
        finish=APIS[name].finish[SCENARIOS[scenario]],
        tokens=len(tokens),
    )


def test_long_text(server: Server) -> None:
    """Sixteen kilobytes come whole, in a thousand deltas."""
    with sync_anthropic(server.url) as client:
        args = messages_args("A long answer, please.", tools=False, most=None)
        stream = [plain(event) for event in client.messages.create(stream=True, **args)]
    seen = messages_stream(stream)

    assert 15_000 < len(seen.text) < 17_000
    assert seen.text.endswith("and it will say them again.\n")
    assert len(stream) > 1000


CALLS = {
    "one call": (
        "What is the weather in Oslo?",
        [("get_weather", '{"city": "Oslo"}')],
    ),
    "two calls at once": (
        "Compare the weather in Oslo and in Rome.",
        [("get_weather", '{"city": "Oslo"}'), ("get_weather", '{"city": "Rome"}')],
    ),
}


@FULL
@EVERY_WAY
@pytest.mark.parametrize("case", CALLS)
def test_tool_calls(server: Server, name: str, how: str, case: str) -> None:
    """A request with a tool gets a call of it, with words of the prompt in it."""
    prompt, expected = CALLS[case]

    seen = called(APIS[name], server, name, how, prompt=prompt, tools=True)

    assert seen == Seen(
        calls=expected, finish=APIS[name].finish["tool_calls"], tokens=seen.tokens
    )
    assert seen.tokens > 4


@FULL
@EVERY_WAY
def test_refusal(server: Server, name: str, how: str) -> None:
    """A refusal comes in each API's own form; Interactions says only that it failed."""
    seen = called(APIS[name], server, name, how, prompt="[scenario: refusal] Do it!")

    said = 'I can\'t help with "Do it!". This refusal is scripted.'
    assert seen.text == ("" if name == "google.interactions" else said)
    assert seen.finish == APIS[name].finish["refusal"]


@FULL
@EVERY_WAY
def test_length_limit(server: Server, name: str, how: str) -> None:
    """The request's own limit cuts the answer after so many tokens."""
    seen = called(APIS[name], server, name, how, prompt="Hello", most=4)

    assert (seen.text, seen.tokens) == ('You asked: "', 4)
    assert seen.finish == APIS[name].finish["length"]


def results(name: str) -> dict[str, Any]:
    """A second request that carries a tool's result, in each API's own form."""
    prompt, result = "How is it in Oslo today?", "12 degrees, rain"
    user = {"role": "user", "content": prompt}
    arguments = {"city": "Oslo"}
    written = json.dumps(arguments)
    function = {"name": "get_weather", "arguments": written}
    match name:
        case "openai.chat":
            call = {"id": "call_1", "type": "function", "function": function}
            answered = {"role": "assistant", "content": None, "tool_calls": [call]}
            told = {"role": "tool", "tool_call_id": "call_1", "content": result}
            return {"messages": [user, answered, told]}
        case "openai.responses":
            call = {"type": "function_call", "call_id": "call_1", **function}
            told = {"type": "function_call_output", "call_id": "call_1"}
            return {"input": [user, call, told | {"output": result}]}
        case "anthropic.messages":
            call = {"type": "tool_use", "id": "toolu_1", "name": "get_weather"}
            answered = {"role": "assistant", "content": [call | {"input": arguments}]}
            told = {"type": "tool_result", "tool_use_id": "toolu_1", "content": result}
            return {"messages": [user, answered, {"role": "user", "content": [told]}]}
        case "google.generate_content":
            call = {"name": "get_weather", "args": arguments}
            told = {"name": "get_weather", "response": {"result": result}}
            return {
                "contents": [
                    {"role": "user", "parts": [{"text": prompt}]},
                    {"role": "model", "parts": [{"functionCall": call}]},
                    {"role": "user", "parts": [{"functionResponse": told}]},
                ]
            }
        case _:
            told = {"type": "function_result", "call_id": "call_1", "result": result}
            call = {"type": "function_call", "id": "call_1", "name": "get_weather"}
            asked = {
                "type": "user_input",
                "content": [{"type": "text", "text": prompt}],
            }
            return {"input": [asked, call | {"arguments": arguments}, told]}


@FULL
@pytest.mark.parametrize("how", ["sync", "sync stream"])
def test_tool_result(server: Server, name: str, how: str) -> None:
    """After a tool's result comes a text that uses it, though tools are offered."""
    api = APIS[name]
    given = Api(
        **{
            **{key: getattr(api, key) for key in Api.__dataclass_fields__},
            "args": lambda *a, **k: api.args(*a, **k) | results(name),
        }
    )

    seen = called(given, server, name, how, prompt="", tools=True)

    assert "12 degrees, rain" in seen.text
    assert "How is it in Oslo today?" in seen.text
    assert (seen.calls, seen.finish) == ([], api.finish["stop"])


def test_reasoning_where_it_is_asked_for(server: Server) -> None:
    """Asking for reasoning brings reasoning, in the words each API has for that."""
    asked = {
        "openai.chat": {"reasoning_effort": "low"},
        "openai.responses": {"reasoning": {"effort": "low", "summary": "auto"}},
        "anthropic.messages": {"thinking": {"type": "adaptive"}},
        "google.generate_content": {
            "config": {"thinking_config": {"include_thoughts": True}}
        },
        "google.interactions": {"generation_config": {"thinking_summaries": "auto"}},
    }
    for name, more in asked.items():
        api = APIS[name]
        with api.client(server.base_url(name)) as client:
            args = api.args("Why?", tools=False, most=None) | more
            seen = api.see_body(plain(api.call(client)(**args)))

        assert 'The question is "Why?"' in seen.reasoning, name
        assert 'You asked: "Why?"' in seen.text, name


def test_choices(server: Server) -> None:
    """With ``n`` every choice says its own number, mixed with the others."""
    with sync_openai(server.base_url("openai.chat")) as client:
        args = chat_args("Hello", tools=False, most=None)
        stream = list(client.chat.completions.create(n=3, stream=True, **args))

    texts = ["", "", ""]
    for chunk in stream:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    order = [chunk.choices[0].index for chunk in stream[:6]]
    assert [text.split(".")[0] for text in texts] == [
        f"Answer {number} of 3" for number in (1, 2, 3)
    ]
    assert order == [0, 1, 2, 0, 1, 2]


def test_going_on_from_an_answer(server: Server) -> None:
    """A request that only names the answer it goes on from is about the same prompt."""
    with sync_openai(server.base_url("openai.responses")) as client:
        args = responses_args("How is Oslo?", tools=True, most=None)
        asking = client.responses.create(**args)
        told = {"type": "function_call_output", "call_id": asking.output[0].call_id}
        answer = client.responses.create(
            model="m", previous_response_id=asking.id, input=[told | {"output": "rain"}]
        )

    assert 'You asked: "How is Oslo?"' in answer.output_text
    assert 'The tool said: "rain"' in answer.output_text


def test_no_usage_unless_asked(server: Server) -> None:
    """Chat Completions streams usage only with ``stream_options``."""
    with sync_openai(server.base_url("openai.chat")) as client:
        args = chat_args("Hello", tools=False, most=None)
        stream = list(client.chat.completions.create(stream=True, **args))

    assert [chunk.usage for chunk in stream] == [None] * len(stream)
    assert all(chunk.choices for chunk in stream)


def test_json_by_schema(server: Server) -> None:
    """A request with a schema gets JSON that fits it."""
    pydantic = pytest.importorskip("pydantic")
    fields = {"name": (str, ...), "age": (int, ...), "tags": (list[str], ...)}
    person = pydantic.create_model("Person", **fields)
    with sync_openai(server.base_url("openai.responses")) as client:
        prompt = "Describe Ada, who is 36."
        got = client.responses.parse(model="m", input=prompt, text_format=person)

    assert got.output_parsed == person(name="Ada", age=36, tags=["Ada"] * 3)


@FULL
def test_unknown_scenario(server: Server, name: str) -> None:
    """An unknown scenario is a 400 in the API's own form, which names the known."""
    api = APIS[name]
    with (
        api.client(server.base_url(name)) as client,
        pytest.raises(Exception, match="no scenario 'nope'") as caught,
    ):
        api.call(client)(**api.args("[scenario: nope]", tools=False, most=None))

    assert ", ".join(sorted(scenarios())) in str(caught.value)
    status = getattr(caught.value, "status_code", None)
    assert (status or getattr(caught.value, "code", None)) == 400


def test_models(server: Server) -> None:
    """Each SDK lists the one model there is."""
    with sync_openai(server.base_url("openai.chat")) as client:
        assert [model.id for model in client.models.list()] == ["scripted"]
    with sync_anthropic(server.url) as client:
        assert [model.id for model in client.models.list()] == ["scripted"]
    with google(server.url) as client:
        assert [model.name for model in client.models.list()] == ["models/scripted"]


def test_the_sdk_helpers_work(server: Server) -> None:
    """The SDKs' own streaming helpers take our streams."""
    with sync_openai(server.base_url("openai.chat")) as client:
        args = chat_args("Hello", tools=False, most=None)
        with client.chat.completions.stream(**args) as stream:
            completion = stream.get_final_completion()
        with client.responses.stream(model="m", input="Hello") as events:
            response = events.get_final_response()
    with sync_anthropic(server.url) as client:
        args = messages_args("Weather in Oslo?", tools=True, most=None)
        with client.messages.stream(**args) as stream:
            message = stream.get_final_message()

    assert completion.choices[0].message.content == response.output_text
    assert message.content[0].input == {"city": "Oslo"}
