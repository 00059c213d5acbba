"""``nbstream.web``: what is sent to a page, what it may ask, and what it is told."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from contextlib import aclosing, asynccontextmanager

import pytest
from google.genai._gaos.types.interactions import Step
from harness.sdks import KEY, SHAPES, Clients
from harness.web import Client, asked, chunks_of, question, served
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from starlette.background import BackgroundTask

import nbstream
from nbstream import types, web
from nbstream.markdown import to_html
from nbstream.reply import Reply
from nbstream.web._chunks import Chunks
from nbstream.web._transmission import encoded


def collected(stream, **options):
    async def collect():
        return [each async for each in web.chunks(stream, **options)]

    return asyncio.run(collect())


# -- Chunks ---------------------------------------------------------------------------

END = [types.Finish(reason="stop", raw_reason="stop"), types.End()]
CALL = [
    types.ToolCallDelta(index=0, id="t1", name="now"),
    types.ToolCallDelta(index=0, arguments='{"zone": '),
    types.ToolCallDelta(index=0, arguments='"CET"}'),
]
CALLED = [types.Finish(reason="tool_calls", raw_reason="tool_calls"), types.End()]
DONE = [types.ToolResult(call=0, state="done", result='{"at": 12}'), types.Round()]
TEXT = {"type": "text-start", "id": "p1"}
STEP = [{"type": "start"}, {"type": "start-step"}]


def finish(reason="stop", outcome="complete"):
    return [
        {"type": "finish-step"},
        {
            "type": "finish",
            "finishReason": reason,
            "messageMetadata": {"outcome": outcome},
        },
    ]


def text(words, id_="p1", kind="text"):
    return [
        {"type": f"{kind}-start", "id": id_},
        {"type": f"{kind}-delta", "id": id_, "delta": words},
        {"type": f"{kind}-end", "id": id_},
    ]


CALL_CHUNKS = [
    {"type": "tool-input-start", "toolCallId": "t1", "toolName": "now"},
    {
        "type": "tool-input-delta",
        "toolCallId": "t1",
        "inputTextDelta": '{"zone": "CET"}',
    },
]
AVAILABLE = {
    "type": "tool-input-available",
    "toolCallId": "t1",
    "toolName": "now",
    "input": {"zone": "CET"},
}
WHOLE = {
    "a text": (
        [types.TextDelta(text="Hel"), types.TextDelta(text="lo"), *END],
        [*STEP, *text("Hello"), *finish()],
    ),
    "reasoning, then a text": (
        [
            types.TextDelta(text="Hm", kind="reasoning"),
            types.TextDelta(text="Hello"),
            *END,
        ],
        [
            *STEP,
            *text("Hm", kind="reasoning"),
            *text("Hello", "p2"),
            *finish(),
        ],
    ),
    "a refusal is a text": (
        [types.TextDelta(text="No.", kind="refusal"), *END],
        [*STEP, *text("No."), *finish()],
    ),
    "a call for the client": (
        [*CALL, *CALLED],
        [*STEP, *CALL_CHUNKS, AVAILABLE, *finish("tool-calls")],
    ),
    "a call, its result, and the next round": (
        [*CALL, *CALLED, *DONE, types.TextDelta(text="Noon."), *END],
        [
            *STEP,
            *CALL_CHUNKS,
            AVAILABLE,
            {"type": "tool-output-available", "toolCallId": "t1", "output": {"at": 12}},
            {"type": "finish-step"},
            {"type": "start-step"},
            *text("Noon.", "p2"),
            *finish(),
        ],
    ),
    "a call that was cut": (
        [*CALL[:2], types.Finish(reason="length", raw_reason="length"), types.End()],
        [
            *STEP,
            CALL_CHUNKS[0],
            {
                "type": "tool-input-delta",
                "toolCallId": "t1",
                "inputTextDelta": '{"zone": ',
            },
            {
                "type": "tool-input-error",
                "toolCallId": "t1",
                "toolName": "now",
                "input": '{"zone": ',
                "errorText": "The arguments are unfinished JSON.",
            },
            *finish("length"),
        ],
    ),
    "a source": (
        [
            types.TextDelta(text="It is so."),
            types.Citation(data={"url": "https://a.example/b", "title": "B"}),
            types.Citation(data={"url": "javascript:alert(1)"}),
            *END,
        ],
        [
            *STEP,
            *text("It is so.")[:2],
            {
                "type": "source-url",
                "sourceId": "p1-1",
                "url": "https://a.example/b",
                "title": "B",
            },
            *text("It is so.")[2:],
            *finish(),
        ],
    ),
    "a text in several parts is one": (
        [
            types.TextDelta(text="It is ", index=0),
            types.TextDelta(text="so", index=1),
            types.TextDelta(text=".", index=2),
            *END,
        ],
        [
            *STEP,
            *text("It is ")[:2],
            {"type": "text-delta", "id": "p1", "delta": "so"},
            {"type": "text-delta", "id": "p1", "delta": "."},
            *text(".")[2:],
            *finish(),
        ],
    ),
    "a tool of the provider's parts two texts": (
        [
            types.TextDelta(text="I look.", index=0),
            types.OtherPart(type="web_search_call", data={}, index=1),
            types.PartDone(index=1, data={"action": {"query": "a"}}),
            types.TextDelta(text="So it is.", index=2),
            *END,
        ],
        [
            *STEP,
            *text("I look.")[:2],
            {
                "type": "data-note",
                "id": "p2",
                "data": {"line": "Searched the web: a"},
            },
            *text("So it is.", "p3")[:2],
            *text("I look.")[2:],
            *text("So it is.", "p3")[2:],
            *finish(),
        ],
    ),
    "two calls of one id": (
        [*CALL[:1], *CALLED, *DONE, *CALL[:1], *CALLED],
        [
            *STEP,
            CALL_CHUNKS[0],
            {**CALL_CHUNKS[1], "inputTextDelta": "{}"},
            {**AVAILABLE, "input": {}},
            {"type": "tool-output-available", "toolCallId": "t1", "output": {"at": 12}},
            {"type": "finish-step"},
            {"type": "start-step"},
            {**CALL_CHUNKS[0], "toolCallId": "p2"},
            {**CALL_CHUNKS[1], "inputTextDelta": "{}", "toolCallId": "p2"},
            {**AVAILABLE, "input": {}, "toolCallId": "p2"},
            *finish("tool-calls"),
        ],
    ),
    "nothing at all": (END, [*STEP, *finish()]),
}
ENDS = {
    "truncated": (
        {},
        {
            "type": "error",
            "errorText": "The answer broke off before it was complete.",
        },
    ),
    "stopped": ({"stopped": True}, {"type": "abort", "reason": "stopped"}),
    "failed": (
        {"exception": ConnectionError(f"http://10.0.0.7/?key={KEY} reset by peer")},
        {
            "type": "error",
            "errorText": "The connection to the service was lost. Try again.",
        },
    ),
}


@pytest.mark.parametrize(("events", "expected"), WHOLE.values(), ids=WHOLE)
def test_chunks_of_a_whole_answer(events, expected):
    """What the protocol says, in its order; everything open is closed."""
    reply = Reply()
    reply._extend(events)
    reply._end()

    assert Chunks(reply).due() == expected


@pytest.mark.parametrize(("end", "last"), ENDS.values(), ids=ENDS)
def test_chunks_of_an_answer_that_is_not_whole(end, last):
    """The text is closed, and the last chunk says how it ended; never ``finish``."""
    reply = Reply()
    reply._extend([types.TextDelta(text="Hel")])
    reply._end(**end)
    metadata = {"outcome": reply.outcome}

    assert Chunks(reply).due() == [
        *STEP,
        *text("Hel"),
        {"type": "message-metadata", "messageMetadata": metadata},
        last,
    ]


@given(st.data())
def test_how_often_one_looks_changes_nothing(data):
    """A reader who comes late, or looks at each event, makes the same message."""
    events, _ = data.draw(st.sampled_from(list(WHOLE.values())))
    looks = data.draw(st.sets(st.integers(0, len(events))))
    reply = Reply()
    sent = Chunks(reply)
    found = sent.due() if 0 in looks else []
    for at, event in enumerate(events, 1):
        reply._apply(event)
        found += sent.due() if at in looks else []
    reply._end()
    found += sent.due()

    assert sent.closed
    assert sent.due() == []
    assert message_of(found) == message_of(Chunks(reply).due())


def message_of(chunks):
    from nbstream.web._chunks import _grow

    parts, open_ = [], {}
    for chunk in chunks:
        _grow(parts, open_, chunk)
    return parts


def test_half_a_character_can_be_sent():
    """What no UTF-8 can carry does not end the stream."""
    reply = Reply()
    reply._extend([types.TextDelta(text="a\ud83d"), *END])
    reply._end()

    assert b'"delta": "a?"' in encoded(Chunks(reply).due())


def test_any_stream_is_taken():
    """Strings, as ``show`` takes them; the end of the iterator is their end."""
    found = collected(["Hel", "lo"])

    assert message_of(found) == message_of([*STEP, *text("Hello")])
    assert found[-2:] == finish()


def test_what_runs_already_is_taken():
    """A turn of a chat, tools included, or whatever runs in the background."""
    nbstream.offline.use(speed=0)

    def weather(city: str) -> str:
        """Say how the weather is."""
        return "sunny"

    chat = nbstream.Chat("openai:m", tools=[weather])
    asked = [{"role": "user", "content": "How is it?"}]

    async def collect(make):
        return [each async for each in web.chunks(make())]

    makes = {
        "turn": lambda: chat.turn(asked),
        "chat": lambda: chat.start("How is it?", view="none"),
        "ask": lambda: nbstream.ask(
            "How is it?", "openai:m", tools=[weather], view="none", wait=False
        ),
    }
    found = {name: asyncio.run(collect(make)) for name, make in makes.items()}
    nbstream.offline.stop()

    assert message_of(found["turn"])[-1]["state"] == "done"
    assert message_of(found["turn"]) == message_of(found["chat"])
    assert message_of(found["turn"]) == message_of(found["ask"])


def test_what_runs_already_is_stopped():
    """Leaving stops it, as if it had been begun here."""

    def endless():
        while True:
            yield "a"
            time.sleep(0.005)

    async def leave():
        live = nbstream.start(endless(), view="none")
        async with aclosing(web.chunks(live)) as found:
            async for chunk in found:
                if chunk["type"] == "text-delta":
                    break
        return live

    assert asyncio.run(leave()).reply.outcome == "stopped"


def test_a_failure_is_the_last_chunk():
    """Nothing is raised: whoever reads is told."""

    def broken():
        yield "Hel"
        raise ConnectionError("reset")

    assert collected(broken())[-1] == ENDS["failed"][1]


def test_a_reply_as_a_message():
    """It is what ``useChat`` makes of the chunks."""
    reply = Reply()
    reply._extend([*CALL, *CALLED, *DONE, types.TextDelta(text="Noon."), *END])
    reply._end()

    assert reply.to_ui_message("m1") == {
        "id": "m1",
        "role": "assistant",
        "metadata": {"outcome": "complete"},
        "parts": [
            {"type": "step-start"},
            {
                "type": "tool-now",
                "toolCallId": "t1",
                "state": "output-available",
                "input": {"zone": "CET"},
                "output": {"at": 12},
            },
            {"type": "step-start"},
            {"type": "text", "text": "Noon.", "state": "done"},
        ],
    }


def test_a_chat_as_messages_and_back():
    """What a client has of a conversation is the conversation."""
    nbstream.offline.use(speed=0)

    def weather(city: str) -> dict[str, object]:
        """Say how the weather is."""
        return {"city": city}

    chat = nbstream.Chat("openai:m", tools=[weather])
    chat("How is it?", view="none")
    chat("Thank you", view="none")
    messages = web.ui_messages(chat)
    nbstream.offline.stop()
    again = web.read({"id": "c", "messages": messages}).to("openai")

    assert [each["role"] for each in messages] == ["user", "assistant"] * 2
    back = nbstream.Chat("openai:m", messages=again)
    both = [each.to_markdown().replace('": "', '":"') for each in (back, chat)]
    assert both[0] == both[1]  # JavaScript writes JSON without spaces


# -- What a client sends --------------------------------------------------------------

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def body(*messages, **more):
    return {"id": "c1", "messages": list(messages), **more}


def user(*parts):
    return {"id": "u", "role": "user", "parts": list(parts)}


def model(*parts):
    return {"id": "m", "role": "assistant", "parts": list(parts)}


HI = {"type": "text", "text": "Hi"}
RAN = {
    "type": "tool-now",
    "toolCallId": "t1",
    "state": "output-available",
    "input": {},
    "output": {"at": 12},
}
READ = {
    "a question": (body(user(HI)), [{"role": "user", "content": "Hi"}]),
    "plain content": (
        body({"role": "user", "content": "Hi"}),
        [{"role": "user", "content": "Hi"}],
    ),
    "a conversation with a call": (
        body(
            user(HI),
            model({"type": "step-start"}, RAN, {"type": "step-start"}, HI),
            user(HI),
        ),
        [
            {"role": "user", "content": "Hi"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "t1",
                        "type": "function",
                        "function": {"name": "now", "arguments": "{}"},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "t1", "content": '{"at": 12}'},
            {"role": "assistant", "content": "Hi"},
            {"role": "user", "content": "Hi"},
        ],
    ),
    "a system message is the server's": (
        body({"role": "system", "parts": [HI]}, user(HI)),
        [{"role": "user", "content": "Hi"}],
    ),
    "a call that was cut is left out": (
        body(user(HI), model(HI, {**RAN, "state": "input-streaming"}), user(HI)),
        [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hi"},
            {"role": "user", "content": "Hi"},
        ],
    ),
    "half a character": (
        body(user({"type": "text", "text": "a\ud83d"})),
        [{"role": "user", "content": "a?"}],
    ),
    "an image": (
        body(
            user(
                HI,
                {
                    "type": "file",
                    "mediaType": "image/png",
                    "url": f"data:image/png;base64,{PNG}",
                },
            )
        ),
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Hi"},
                    {
                        "type": "image_url",
                        "image_url": {"url": f"data:image/png;base64,{PNG}"},
                    },
                ],
            }
        ],
    ),
    "a message that says nothing": (
        body(
            user({"type": "data-x", "data": 1}),
            model({"type": "text", "text": " "}),
            user(HI),
        ),
        [
            {"role": "assistant", "content": "[There was no answer.]"},
            {"role": "user", "content": "Hi"},
        ],
    ),
    "an image and no word": (
        body(
            user(
                {
                    "type": "file",
                    "mediaType": "image/png",
                    "url": f"data:image/png;base64,{PNG}",
                }
            )
        ),
        [
            {
                "role": "user",
                "content": [
                    {
                        "type": "image_url",
                        "image_url": {"url": f"data:image/png;base64,{PNG}"},
                    },
                ],
            }
        ],
    ),
}
FILE = {"type": "file", "mediaType": "image/png"}
WRONG = {
    "no JSON": (b"{", "the request is no JSON"),
    "no object": (b"[]", "the request is no JSON object"),
    "too deep": (b"[" * 100_000, "the request is no JSON"),
    "no messages": ({}, "messages is no list"),
    "no question": (body(model(HI)), "there is no question"),
    "a message that is none": (body("Hi"), "messages[0] is no JSON object"),
    "a role of another kind": (
        body({"role": "tool", "parts": []}),
        "messages[0].role is 'tool'",
    ),
    "no parts": (body({"role": "user"}), "parts is no list"),
    "a part that is none": (body(user("Hi")), "a part of messages[0]"),
    "a text that is none": (
        body(user({"type": "text", "text": 5})),
        "text is no text",
    ),
    "a file at an address": (
        body(user({**FILE, "url": "http://169.254.169.254/"})),
        "a file has to be sent along",
    ),
    "a file on the disk": (
        body(user({**FILE, "url": "file:///etc/passwd"})),
        "a file has to be sent along",
    ),
    "a damaged file": (
        body(user({**FILE, "url": "data:image/png;base64,!"})),
        "base64 is damaged",
    ),
    "a file of no type": (
        body(user(HI, {"type": "file", "url": f"data:;base64,{PNG}"})),
        "of no known type ('')",
    ),
    "a file of an unheard type": (
        body(user({**FILE, "mediaType": "a/b", "url": f"data:c/d;base64,{PNG}"})),
        "of no known type ('c/d')",
    ),
    "an empty file": (
        body(user(HI, {**FILE, "url": "data:image/png;base64,"})),
        "a file is empty",
    ),
    "a question of blanks": (
        body(user({"type": "text", "text": " \n"})),
        "the last question is empty",
    ),
    "a trigger of another kind": (body(user(HI), trigger="x"), "trigger is 'x'"),
    "an id that is none": (body(user(HI)) | {"id": 5}, "id is no text"),
    "too many messages": (body(*[user(HI)] * 1001), "over 1,000"),
    "too long a text": (
        body(user({"type": "text", "text": "x" * 200_001})),
        "200,000",
    ),
    "a number that JSON has not": (
        body(user(HI), model({**RAN, "input": {"x": float("inf")}})),
        "a tool's input is no JSON",
    ),
    "a result that JSON has not": (
        body(user(HI), model({**RAN, "output": float("nan")})),
        "a tool's output is no JSON",
    ),
    "a tool of no name": (body(user(HI), model({**RAN, "type": "tool-"})), "a name"),
    "a call of no id": (body(user(HI), model({**RAN, "toolCallId": ""})), "toolCallId"),
    "an empty question": (body(user(HI), user()), "the last question is empty"),
    "a question of other parts": (
        body(user({"type": "data-x", "data": 1})),
        "the last question is empty",
    ),
    "too many levels": (
        body(user(HI), model({**RAN, "input": {"x": json.loads("[" * 80 + "]" * 80)}})),
        "more than 64 levels",
    ),
    "a list of other things": (body(None, 5), "messages[0] is no JSON object"),
    "parts that are an object": (
        body({"role": "user", "parts": {}}),
        "parts is no list",
    ),
    "too many bytes": (b" " * 8_000_001, "8,000,000 bytes"),
}


@pytest.mark.parametrize(("sent", "expected"), READ.values(), ids=READ)
def test_what_a_client_sends(sent, expected):
    """It is read from bytes, text and JSON alike, in the form of an API."""
    for form in (sent, json.dumps(sent), json.dumps(sent).encode()):
        assert web.read(form).to("openai.chat") == expected


#: What a browser calls a file, the type it says, and the type that is sent on.
NAMED = {
    "no ending": ("photo", "image/png", "image/png"),
    "another ending": ("photo.txt", "image/png", "image/png"),
    "an ending in capitals": ("A.PNG", "image/png", "image/png"),
    "a type in capitals": ("", "IMAGE/PNG", "image/png"),
    "a type with more": ("", "image/png; charset=utf-8", "image/png"),
    "a type that is a pattern": ("", "image/*", "image/png"),
    "no type": ("a", None, "image/png"),
    "a usual wrong type": ("a", "image/jpg", "image/jpeg"),
    "a type that says nothing": ("a.png", "application/octet-stream", "image/png"),
}
APIS = ["openai", "openai-chat", "anthropic", "google"]


@pytest.mark.parametrize("api", [*APIS, "google.interactions"])
@pytest.mark.parametrize(("name", "kind", "sent"), NAMED.values(), ids=NAMED)
def test_a_file_has_its_type(name, kind, sent, api):
    """Its type is what the client says, and else what its address or name says."""
    own = {"type": "file", "url": f"data:image/png;base64,{PNG}", "filename": name}
    found = web.read(body(user({**own, "mediaType": kind}))).to(api)
    kinds = re.findall(r"image/\w+", json.dumps(found))

    assert set(kinds) == {sent}
    assert '"text": ""' not in json.dumps(found)


def test_so_many_bytes_as_are_allowed():
    sent = json.dumps(body(user(HI))).encode()

    with pytest.raises(web.BadRequest, match="over 10 bytes"):
        web.read(sent, max_bytes=10)
    assert web.read(sent + b" " * 8_000_001, max_bytes=9_000_000).text == "Hi"


@pytest.mark.parametrize("api", APIS)
def test_every_api_takes_it(api):
    """A conversation with a call goes to each provider, by its name and by its API."""
    asked = web.read(READ["a conversation with a call"][0])
    own = nbstream.Chat(f"{api}:m").api

    assert len(asked.to(api)) >= 5
    assert asked.to(api) == asked.to(own)


def test_the_steps_of_interactions():
    """Each has the type and the fields that the SDK knows, and says all of it."""
    document = {"type": "file", "url": f"data:application/pdf;base64,{PNG}"}
    image = {**FILE, "url": f"data:image/png;base64,{PNG}"}
    failed = {"toolCallId": "t9", "state": "output-error", "errorText": "No."}
    asked = web.read(
        body(
            user(HI, image, {**document, "mediaType": "application/pdf"}),
            model({"type": "text", "text": "Look:"}, RAN, {**RAN, **failed}),
            user(HI),
        )
    )
    steps = asked.to("google.interactions")
    known = TypeAdapter(list[Step]).validate_python(steps)

    assert [type(each).__name__ for each in known] == [
        "UserInputStep",
        "ModelOutputStep",
        "FunctionCallStep",
        "FunctionCallStep",
        "FunctionResultStep",
        "FunctionResultStep",
        "UserInputStep",
    ]
    assert [each["type"] for each in steps[0]["content"]] == [
        "image",
        "document",
        "text",
    ]
    assert [each["call_id"] for each in steps[4:6]] == [
        each["id"] for each in steps[2:4]
    ]
    assert ["is_error" in each for each in steps[4:6]] == [False, True]
    dumped = [each.model_dump(exclude_none=True, by_alias=True) for each in known]
    assert json.loads(json.dumps(dumped)) == steps


@pytest.mark.parametrize(("sent", "why"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(sent, why):
    """One line says what it is; nothing of it is fetched or opened."""
    with pytest.raises(web.BadRequest) as found:
        web.read(sent)

    assert why in str(found.value)
    assert "\n" not in str(found.value)
    assert found.value.status in {400, 413}


ODD = [None, True, 1.5, 10**400, "x", "", "input-streaming", [], [1], {}]
ODD += [{"id": 5}, {"approved": True}, "approval-responded", "data:,", "\ud83d"]
odd = st.sampled_from(ODD)
FIELDS = ("text", "url", "state", "input", "output", "toolName", "toolCallId")
FIELDS += ("approval", "errorText", "mediaType")
parts = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "file", "tool-x", "dynamic-tool"]) | odd},
    optional=dict.fromkeys(FIELDS, odd),
)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant"]) | odd},
    optional={"parts": st.lists(parts, max_size=3) | odd, "content": odd},
)


@given(st.lists(messages, max_size=4))
def test_whatever_a_client_sends_is_read_or_refused(sent):
    """There is no other exception, and what is read can be sent on."""
    try:
        asked = web.read(body(*sent))
    except web.BadRequest:
        return

    assert isinstance(asked.to("openai.responses"), list)


#: What models write long: all of it is one block of the page.
LONG = {
    "code": "```python\n" + "x = [1, 2, 3]  # a < b\n" * 400 + "```\n",
    "a table": "| a | b |\n|---|---|\n" + "| one | **two** |\n" * 400,
    "a list": "- one *word* and more\n" * 400,
    "prose": "Some **words** and `code`, and an 🙂. " * 300,
    "all": "# Title\n\nText\n\n```\ncode\n```\n\n- a\n- b\n\n| a |\n|---|\n" * 20,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_of_a_block_that_grows_only_what_is_new_is_sent(text):
    """The page puts together what the final answer has, from little more than that."""
    reply, page, size = Reply(), [], 0
    sent = Chunks(reply, html=True)
    pieces = [text[at : at + 80] for at in range(0, len(text), 80)]
    for events in [*([types.TextDelta(text=each, index=0)] for each in pieces), END]:
        reply._extend(events)
        if events is END:
            reply._end()
        for data in [c["data"] for c in sent.due() if c["type"] == "data-html"]:
            size += len(json.dumps(data))
            page[data["at"] :] = put_together(page, **data)

    assert "".join(page) == to_html(text)
    assert size < 4 * len(to_html(text))


def put_together(page, part, at, keep, blocks):
    """Return the page's blocks from `at`, as its script makes them."""
    if not keep:
        return blocks
    kept = page[at].encode("utf-16-le")[: 2 * keep].decode("utf-16-le")
    return [kept + blocks[0], *blocks[1:]]


# -- The response ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def answered(broken: Clients):
    """Serve a function that asks as the question says: ``shape / plan``."""

    def answer(asked):
        shape, plan = asked.text.split(" / ")
        return SHAPES[shape].make(broken, plan, "Hi")

    with served(web.app(answer)) as url:
        yield url


FIRSTS = {
    "openai.chat": ("openai.chat, sync stream", "openai.chat, async stream"),
    "openai.responses": ("openai.responses, sync stream",),
    "anthropic.messages": ("anthropic.messages, async stream",),
    "google.generate_content": ("google.generate_content, sync stream",),
    "google.interactions": ("google.interactions, async stream",),
}
NAMES = [name for names in FIRSTS.values() for name in names]
LASTS = {
    "whole": ("finish", None),
    "cut": ("error", "The connection to the service was lost. Try again."),
    "closed": ("error", "The answer broke off before it was complete."),
}


@pytest.mark.parametrize("plan", LASTS)
@pytest.mark.parametrize("name", NAMES)
def test_an_answer_ends_as_it_did(answered, name, plan):
    """Whatever happens behind the server, the page is told, in one line of ours."""
    kind, words = LASTS[plan]
    last = chunks_of(Client(answered, question(f"{name} / {plan}")).read())[-1]

    assert (last["type"], last.get("errorText")) == (kind, words)


@pytest.mark.parametrize(("plan", "status"), [("e401", 401), ("e500", 500)])
@pytest.mark.parametrize("name", NAMES)
def test_what_fails_at_once_keeps_its_status(answered, name, plan, status):
    """The headers are held back until then; the key is in nothing that is sent."""
    client = Client(answered, question(f"{name} / {plan}"))
    text = client.read().decode()

    assert client.response.status == status
    assert client.response.headers.get_content_type() == "text/plain"
    assert text in {
        "The service did not accept this server's key.",
        "The service had an error. Try again.",
    }
    assert KEY not in text


@pytest.mark.parametrize("name", NAMES)
def test_an_error_in_mid_stream(answered, name):
    """It is the last chunk; the service's own words are not sent on."""
    chunks = chunks_of(Client(answered, question(f"{name} / inband")).read())

    assert chunks[-1]["type"] == "error"
    assert "Overloaded" not in json.dumps(chunks[-1])


def test_the_headers(answered):
    """What proxies and clients need to let it stream."""
    client = Client(answered, question("openai.chat, sync stream / whole"))
    client.read()
    headers = client.response.headers

    assert headers["content-type"].partition(";")[0] == "text/event-stream"
    assert headers["x-accel-buffering"] == "no"
    assert headers["cache-control"] == "no-cache, no-transform"
    assert headers["x-vercel-ai-ui-message-stream"] == "v1"
    assert headers["content-length"] is None


def test_headers_do_not_wait_for_ever(wire, broken):
    """After `hold_s` they are sent, and comments while nothing comes."""

    def answer(scope):
        return SHAPES["openai.chat, async stream"].make(broken, "headers", "Hi")

    async def app(scope, receive, send):
        if scope["type"] == "http":
            response = web.Response(answer(scope), hold_s=0.05, heartbeat_s=0.05)
            await response(scope, receive, send)

    with served(app, lifespan="off") as url:
        client = Client(url, {})
        client.read_until(": keep-alive\n\n: keep-alive\n\n")

        assert client.response.status == 200
        client.leave()
    wire.wait_for(lambda each: each.plan == "headers" and each.gone_at_s)


def test_fastapi_takes_it(broken: Clients):
    """The one line of the documentation, for a synchronous and an async client."""
    import openai
    from fastapi import FastAPI

    address = {"base_url": str(broken.openai.base_url), "api_key": KEY}
    asked = {"model": "whole", "messages": [{"role": "user", "content": "Hi"}]}
    call = broken.openai.chat.completions.create

    @asynccontextmanager
    async def lifespan(app):
        async with openai.AsyncOpenAI(**address) as app.state.client:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/sync")
    def ask_sync():
        return web.Response(lambda: call(**asked, stream=True))

    @app.post("/async")
    async def ask_async():
        create = app.state.client.chat.completions.create
        return web.Response(await create(**asked, stream=True))

    with served(app) as url:
        both = [chunks_of(Client(url, {}, path).read()) for path in ("/sync", "/async")]

    assert [each[-1]["type"] for each in both] == ["finish", "finish"]
    assert message_of(both[0]) == message_of(both[1])


@pytest.mark.parametrize("status", [400, 404])
def test_what_a_function_refuses(status):
    """A ``BadRequest`` of one's own keeps its status, its words and the headers."""

    def refuses():
        raise web.BadRequest("there is no such model", status)

    headers = {"access-control-allow-origin": "*", "x-own": "1"}
    answer = asyncio.run(asked(web.Response(refuses, headers=headers)))

    assert (answer.status, answer.body) == (status, b"There is no such model.")
    assert headers.items() <= answer.headers.items()
    assert answer.headers["content-type"].startswith("text/plain")


def test_the_tasks_after_it_run():
    """Those that FastAPI adds to a response, after an answer and after a failure."""
    ran = []
    for stream in (["a"], lambda: 1 / 0):
        response = web.Response(stream)
        response.background = BackgroundTask(ran.append, stream)
        asyncio.run(asked(response))

    assert len(ran) == 2


def test_a_response_that_is_sent_twice():
    """Each reader gets all of it."""

    async def twice():
        response = web.Response(["a", "b"])
        return [await asked(response) for _ in range(2)]

    for answer in asyncio.run(twice()):
        deltas = [each.get("delta", "") for each in chunks_of(answer.body)]
        assert "".join(deltas) == "ab"
