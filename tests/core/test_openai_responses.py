"""OpenAI Responses: one payload to events, and the answer as input items."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import get_args, get_type_hints

import httpx2
import openai
import pytest
from harness.sdks import since
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.audio import TranscriptionStreamEvent
from openai.types.responses import (
    ResponseInputItemParam,
    ResponseOutputItem,
    ResponseStreamEvent,
)
from pydantic import TypeAdapter

from nbstream._reader import Reader
from nbstream.providers import openai_responses
from nbstream.providers.payloads import payloads as whole_payloads
from nbstream.reply import Reply
from nbstream.reply.reply import answerable
from nbstream.types import (
    Arguments,
    Citation,
    End,
    Failure,
    Finish,
    Ignored,
    OtherPart,
    Output,
    PartDone,
    Signature,
    Start,
    TextDelta,
    TextDone,
    ToolCallDelta,
    Usage,
)


def event(kind, **more):
    """An event as it comes over the wire."""
    return {"type": f"response.{kind}", "sequence_number": 1, **more}


def delta(kind, text, index=0, **more):
    return event(f"{kind}.delta", item_id="i", output_index=index, delta=text, **more)


def added(item, index=0):
    return event("output_item.added", output_index=index, item=item)


def done(item, index=0):
    return event("output_item.done", output_index=index, item=item)


def lifecycle(kind, **more):
    response = {
        "id": "r1",
        "object": "response",
        "created_at": 1,
        "model": "gpt-x",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "status": "in_progress" if kind in ("created", "in_progress") else kind,
        **more,
    }
    return event(kind, response=response)


def message(*content, status="completed", id_="m1"):
    return {
        "id": id_,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": list(content),
    }


def output_text(text):
    return {"type": "output_text", "text": text, "annotations": []}


def function_call(arguments="", status="in_progress", id_="t1", name="f"):
    return {
        "type": "function_call",
        "id": f"fc_{id_}",
        "call_id": id_,
        "name": name,
        "arguments": arguments,
        "status": status,
    }


def custom_call(given=""):
    return {
        "type": "custom_tool_call",
        "id": "ct1",
        "call_id": "t1",
        "name": "py",
        "input": given,
    }


def thought(*summary, encrypted="gAA"):
    return {
        "id": "rs1",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": each} for each in summary],
        "encrypted_content": encrypted,
    }


def search(status="in_progress"):
    action = {"type": "search", "query": "q"}
    return {"id": "ws1", "type": "web_search_call", "status": status, "action": action}


START = Start(id="r1", model="gpt-x", tools=frozenset())
COUNTS = {
    "input_tokens": 5,
    "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 12,
}
USAGE = Usage(
    input_tokens=5,
    output_tokens=7,
    total_tokens=12,
    reasoning_tokens=3,
    cached_tokens=2,
    data=COUNTS,
)
SOURCE = {
    "type": "url_citation",
    "url": "https://a.example",
    "title": "A",
    "start_index": 0,
    "end_index": 2,
}


def whole_part(data, *said):
    return PartDone(index=said[0].index, data=data, said=said)


def ignored(kind):
    return [Ignored(type=f"response.{kind}")]


DELTAS = {
    "text": (
        delta("output_text", "Hi", 1, content_index=0, logprobs=[]),
        [TextDelta(text="Hi", index=1)],
    ),
    "no text": (delta("output_text", "", content_index=0, logprobs=[]), []),
    "a refusal": (
        delta("refusal", "No", content_index=0),
        [TextDelta(text="No", index=0, kind="refusal")],
    ),
    "a summary of the reasoning": (
        delta("reasoning_summary_text", "Hm", summary_index=0),
        [TextDelta(text="Hm", index=0, kind="reasoning")],
    ),
    "the reasoning itself": (
        delta("reasoning_text", "Hm", content_index=0),
        [TextDelta(text="Hm", index=0, kind="reasoning")],
    ),
    "the first paragraph of a summary": (
        event(
            "reasoning_summary_part.added",
            item_id="rs1",
            output_index=0,
            summary_index=0,
            part={"type": "summary_text", "text": ""},
        ),
        ignored("reasoning_summary_part.added"),
    ),
    "the next paragraph of a summary": (
        event(
            "reasoning_summary_part.added",
            item_id="rs1",
            output_index=0,
            summary_index=1,
            part={"type": "summary_text", "text": ""},
        ),
        [TextDelta(text="\n\n", index=0, kind="reasoning")],
    ),
    "arguments": (
        delta("function_call_arguments", '{"a', 2),
        [ToolCallDelta(index=2, arguments='{"a')],
    ),
    "the input of a custom tool is the inside of a JSON string": (
        delta("custom_tool_call_input", 'say("é")\n'),
        [ToolCallDelta(index=0, arguments='say(\\"é\\")\\n')],
    ),
    "the end of a custom tool's input": (
        event("custom_tool_call_input.done", item_id="i", output_index=0, input="1"),
        [Arguments(index=0, data={}, text='{"input": "1"}')],
    ),
    "the end of a custom tool's input, which is not told again": (
        event("custom_tool_call_input.done", item_id="i", output_index=0),
        [ToolCallDelta(index=0, arguments='"}')],
    ),
    "the whole arguments": (
        event("function_call_arguments.done", output_index=2, arguments='{"a":1}'),
        [Arguments(index=2, data={}, text='{"a":1}')],
    ),
    "no whole arguments": (
        event("mcp_call_arguments.done", output_index=2, arguments=""),
        ignored("mcp_call_arguments.done"),
    ),
    "the whole code that the provider runs": (
        event("code_interpreter_call_code.done", output_index=2, code="1+1"),
        [Arguments(index=2, data={}, text="1+1")],
    ),
    "a whole text": (
        event("output_text.done", output_index=1, content_index=0, text="Hi"),
        [TextDone(text="Hi", index=1, section="content 0")],
    ),
    "a whole part": (
        event(
            "content_part.done",
            output_index=1,
            content_index=2,
            part={"type": "refusal", "refusal": "No"},
        ),
        [TextDone(text="No", index=1, kind="refusal", section="content 2")],
    ),
    "a whole paragraph of a summary": (
        event(
            "reasoning_summary_part.done",
            output_index=1,
            summary_index=2,
            part={"type": "summary_text", "text": "Hm"},
        ),
        [
            TextDone(text="Hm", index=1, kind="reasoning", section="2", gap="\n\n"),
        ],
    ),
    "what was said": (
        {"type": "response.audio.transcript.delta", "delta": "Hi"},
        [TextDelta(text="Hi")],
    ),
    "the input of the provider's own tool": (
        delta("mcp_call_arguments", "{}"),
        [ToolCallDelta(index=0, arguments="{}")],
    ),
    "code that the provider runs": (
        delta("code_interpreter_call_code", "1+1"),
        [ToolCallDelta(index=0, arguments="1+1")],
    ),
    "a shell command": (
        delta("shell_call_command", "ls", command_index=0),
        [ToolCallDelta(index=0, arguments="ls")],
    ),
    "the first shell command begins": (
        event("shell_call_command.added", output_index=0, command_index=0, command=""),
        ignored("shell_call_command.added"),
    ),
    "the next shell command begins": (
        event("shell_call_command.added", output_index=0, command_index=1, command=""),
        [ToolCallDelta(index=0, arguments="\n")],
    ),
    "a source": (
        event(
            "output_text.annotation.added",
            item_id="m1",
            output_index=1,
            content_index=0,
            annotation_index=0,
            annotation=SOURCE,
        ),
        [Citation(data=SOURCE, index=1)],
    ),
}

ITEMS = {
    "a message begins with its first words": (
        added(message(status="in_progress")),
        ignored("output_item.added"),
    ),
    "a thought begins, though it may never have words": (
        added(thought(encrypted=None)),
        [TextDelta(text="", index=0, kind="reasoning")],
    ),
    "a call begins": (
        added(function_call(), 1),
        [ToolCallDelta(index=1, id="t1", name="f")],
    ),
    "a call of a custom tool begins": (
        added(custom_call(), 1),
        [ToolCallDelta(index=1, id="t1", name="py", arguments='{"input": "')],
    ),
    "the provider's own tool begins": (
        added(search()),
        [OtherPart(type="web_search_call", data=search(), index=0)],
    ),
    "an item that nobody knows begins": (
        added({"type": "new_call", "id": "n1"}),
        [OtherPart(type="new_call", data={"type": "new_call", "id": "n1"}, index=0)],
    ),
    "an image so far": (
        {
            "type": "response.image_generation_call.partial_image",
            "item_id": "ig_1",
            "output_index": 1,
            "partial_image_b64": "iVBO",
            "partial_image_index": 0,
            "sequence_number": 1,
        },
        [
            OtherPart(
                type="image_generation_call",
                data={"partial_image": "iVBO"},
                index=1,
                goes_on=True,
            )
        ],
    ),
    "a message is whole": (
        done(message(output_text("Hi"))),
        [whole_part(message(output_text("Hi")), TextDone(text="Hi", index=0))],
    ),
    "a message of nothing is whole": (
        done(message()),
        [whole_part(message(), TextDone(text="", index=0))],
    ),
    "a thought is whole": (
        done(thought("Hm")),
        [
            whole_part(
                thought("Hm"),
                TextDone(text="Hm", index=0, kind="reasoning"),
                Signature(signature="gAA", index=0),
            )
        ],
    ),
    "a thought without its proof is whole": (
        done(thought("Hm", encrypted=None)),
        [
            whole_part(
                thought("Hm", encrypted=None),
                TextDone(text="Hm", index=0, kind="reasoning"),
            )
        ],
    ),
    "a call is whole": (
        done(function_call('{"a":1.50}', "completed")),
        [
            whole_part(
                function_call('{"a":1.50}', "completed"),
                ToolCallDelta(index=0, id="t1", name="f"),
                Arguments(index=0, data={}, text='{"a":1.50}'),
            )
        ],
    ),
    "a call with broken arguments is whole": (
        done(function_call('{"a', "incomplete")),
        [
            whole_part(
                function_call('{"a', "incomplete"),
                ToolCallDelta(index=0, id="t1", name="f"),
                Arguments(index=0, data={}, text='{"a'),
            )
        ],
    ),
    "a custom tool's call is whole": (
        done(custom_call("1")),
        [
            whole_part(
                custom_call("1"),
                ToolCallDelta(index=0, id="t1", name="py"),
                Arguments(index=0, data={}, text='{"input": "1"}'),
            )
        ],
    ),
    "the provider's own tool is done": (
        done(search("completed")),
        [
            whole_part(
                search("completed"),
                OtherPart(type="web_search_call", data=search("completed"), index=0),
            )
        ],
    ),
}


def ended(reason, raw, *more):
    return [START, *more, Finish(reason=reason, raw_reason=raw), End()]


def repeated(data, *said):
    return Output(parts=(whole_part(data, *said),))


def cut(reason):
    return lifecycle("incomplete", incomplete_details={"reason": reason})


LIFECYCLE = {
    "created": (lifecycle("created"), [START]),
    "queued": (lifecycle("queued"), [START]),
    "in progress": (lifecycle("in_progress"), ignored("in_progress")),
    "completed": (lifecycle("completed"), ended("stop", "completed")),
    "completed with usage": (
        lifecycle("completed", usage=COUNTS),
        ended("stop", "completed", USAGE),
    ),
    "completed with a call": (
        lifecycle("completed", output=[function_call("{}", "completed")]),
        ended(
            "tool_calls",
            "completed",
            repeated(
                function_call("{}", "completed"),
                ToolCallDelta(index=0, id="t1", name="f"),
                Arguments(index=0, data={}, text="{}"),
            ),
        ),
    ),
    "completed with a custom tool's call": (
        lifecycle("completed", output=[custom_call("1")]),
        ended(
            "tool_calls",
            "completed",
            repeated(
                custom_call("1"),
                ToolCallDelta(index=0, id="t1", name="py"),
                Arguments(index=0, data={}, text='{"input": "1"}'),
            ),
        ),
    ),
    "completed with tools that were offered": (
        lifecycle(
            "completed",
            tools=[
                {"type": "function", "name": "f"},
                {"type": "function", "function": {"name": "g"}},
                {"type": "namespace", "name": "n", "tools": [{"name": "h"}]},
                {"type": "web_search"},
            ],
        ),
        [
            Start(id="r1", model="gpt-x", tools=frozenset({"f", "g", "n", "h"})),
            *ended("stop", "completed")[1:],
        ],
    ),
    "the token limit": (cut("max_output_tokens"), ended("length", "max_output_tokens")),
    "the filter": (cut("content_filter"), ended("content_filter", "content_filter")),
    "another limit": (cut("max_tool_calls"), ended("length", "max_tool_calls")),
    "incomplete without a reason": (
        lifecycle("incomplete", incomplete_details=None),
        ended("length", "incomplete"),
    ),
    "failed": (
        lifecycle("failed", error={"code": "server_error", "message": "Boom"}),
        [START, Failure(type="server_error", message="Boom"), End()],
    ),
    "failed without a word": (
        lifecycle("failed", error=None),
        [START, Failure(type="failed", message="the response was failed"), End()],
    ),
    "cancelled": (
        lifecycle("cancelled"),
        [
            START,
            Failure(type="cancelled", message="the response was cancelled"),
            End(),
        ],
    ),
    "an end without a status": (
        lifecycle("completed", status=None),
        ended("stop", "completed"),
    ),
    "an error, flat": (
        {
            "type": "error",
            "sequence_number": 1,
            "code": "server_error",
            "message": "Boom",
            "param": None,
        },
        [Failure(type="server_error", message="Boom")],
    ),
    "an error without a code": (
        {"type": "error", "sequence_number": 1, "code": None, "message": "Boom"},
        [Failure(type="error", message="Boom")],
    ),
    "an event that nobody knows": (event("new.thing", delta="x"), ignored("new.thing")),
}
#: The SDK raises at these: they never come as objects.
ERRORS = {
    "an error, nested": (
        {"type": "error", "error": {"type": "server_error", "message": "Boom"}},
        [Failure(type="server_error", message="Boom")],
    ),
    "an error without a type": (
        {"error": {"type": "server_error", "message": "Boom"}},
        [Failure(type="server_error", message="Boom")],
    ),
}
#: Not of this API at all.
FOREIGN = {
    "something else": ({"a": 1}, [Ignored(type="unknown")]),
    "a string": ("text", [Ignored(type="unknown")]),
}

SEEN = {**DELTAS, **ITEMS, **LIFECYCLE}
TABLE = {**SEEN, **ERRORS, **FOREIGN}


@pytest.fixture
def from_sdk():
    """The SDK's own objects for the same wire bytes, or what the helper makes."""

    def read(payloads, use=list, helper=False):
        body = "".join(
            f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in payloads
        )

        def answer(_request):
            headers = {"content-type": "text/event-stream"}
            return httpx2.Response(200, headers=headers, text=body)

        http = httpx2.Client(transport=httpx2.MockTransport(answer))
        with openai.OpenAI(
            api_key="none", base_url="http://127.0.0.1/v1", http_client=http
        ) as client:
            if helper:
                with client.responses.stream(model="m", input="") as stream:
                    return use(stream)
            return use(client.responses.create(model="m", input="", stream=True))

    return read


@pytest.mark.parametrize(("payload", "expected"), TABLE.values(), ids=TABLE)
def test_an_event_gives_its_events(payload, expected):
    """Each payload as the wire has it gives these events."""
    assert list(openai_responses.normalize(payload)) == expected


def test_the_sdk_s_objects_give_the_same_events(from_sdk):
    """What the SDK makes of the same bytes says the same, row for row."""
    objects = from_sdk([payload for payload, _ in SEEN.values()])

    found = [list(openai_responses.normalize(each)) for each in objects]
    assert found == [expected for _, expected in SEEN.values()]


def test_other_libraries_objects_are_read_alike():
    """The class does not matter, only the names."""
    payload = SimpleNamespace(
        type="response.output_text.delta", output_index=0, delta="a"
    )

    assert openai_responses.matches(payload)
    assert list(openai_responses.normalize(payload)) == [TextDelta(text="a", index=0)]


def members(union):
    """The classes of one of the SDK's annotated unions."""
    return get_args(get_args(union)[0])


def type_of(model):
    return get_args(model.model_fields["type"].annotation)[0]


#: What says nothing to show. They are counted in ``reply.ignored``, as events that
#: nobody knows are; that a name is here says that it was looked at.
IGNORED = frozenset(
    f"response.{what}{state}"
    for what, states in {
        # Sound: there is no player for it; its transcript has the words.
        "audio": (".delta", ".done"),
        "audio.transcript": (".done",),
        # A beginning of nothing, and what its item says again.
        "content_part": (".added",),
        "shell_call_command": (".done",),
        # How far the provider's own tools are; their items say what came of it.
        "code_interpreter_call": (".completed", ".in_progress", ".interpreting"),
        "compaction": (".compacting",),
        "file_search_call": (".completed", ".in_progress", ".searching"),
        "image_generation_call": (
            ".completed",
            ".generating",
            ".in_progress",
        ),
        "mcp_call": (".completed", ".failed", ".in_progress"),
        "mcp_list_tools": (".completed", ".failed", ".in_progress"),
        "shell_call_output_content": (".delta", ".done"),
        "web_search_call": (".completed", ".in_progress", ".searching"),
        # That it is still at work.
        "in_progress": ("",),
    }.items()
    for state in states
)


@since("openai", "3.57")
def test_every_event_of_the_sdk_was_looked_at():
    """Each is mapped, or in the list of those that say nothing to show."""
    unions = (ResponseStreamEvent, TranscriptionStreamEvent)
    known = {type_of(model) for union in unions for model in members(union)}

    mapped = set(openai_responses.HANDLERS)
    assert known - mapped == IGNORED | {"transcript.text.segment"}
    # The one is only a status of the API's, the other is of its socket.
    assert mapped - known == {"response.cancelled", "response.done"}


@pytest.mark.parametrize("kind", sorted(IGNORED))
def test_what_says_nothing_is_counted(kind):
    """An event of the list is counted under its type."""
    assert list(openai_responses.normalize({"type": kind})) == [Ignored(type=kind)]


MATCHES = {
    "an event": (event("created"), True),
    "an event nobody knows": (event("new.thing"), True),
    "an error": ({"type": "error", "sequence_number": 3}, True),
    "Anthropic's error": ({"type": "error", "error": {}}, False),
    "a chunk": ({"object": "chat.completion.chunk"}, False),
    "an Anthropic event": ({"type": "message_start"}, False),
    "a string": ("response.", False),
}


@pytest.mark.parametrize(("payload", "expected"), MATCHES.values(), ids=MATCHES)
def test_it_knows_its_own_payloads(payload, expected):
    """It tells them by the ``type`` string."""
    assert openai_responses.matches(payload) is expected


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
NAMES = [
    "delta",
    "output_index",
    "item",
    "response",
    "error",
    "annotation",
    "arguments",
    "summary_index",
    "command_index",
    "type",
    "usage",
    "output",
]
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=6,
)
TYPES = st.sampled_from(sorted(openai_responses.HANDLERS))
FIELDS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6)


@settings(max_examples=100)
@given(st.lists(st.tuples(TYPES, FIELDS), max_size=5))
def test_no_json_breaks_it(payloads):
    """Whatever an event holds, it gives events, and these a message."""
    reply = replied([{**body, "type": kind} for kind, body in payloads])

    assert isinstance(reply.to_message(), list)


# -- whole streams ---------------------------------------------------------------


def replied(payloads):
    reply = Reply("openai.responses")
    for payload in payloads:
        reply._extend(openai_responses.normalize(payload))
    reply._end()
    return reply


def part(kind, index, body, content=0):
    return event(
        f"content_part.{kind}",
        item_id="m1",
        output_index=index,
        content_index=content,
        part=body,
    )


def say(text, index=0):
    return [
        added(message(status="in_progress"), index),
        part("added", index, output_text("")),
        delta("output_text", text[:2], index, content_index=0, logprobs=[]),
        delta("output_text", text[2:], index, content_index=0, logprobs=[]),
        done(message(output_text(text)), index),
    ]


def think(index=0):
    return [
        added(thought(), index),
        delta("reasoning_summary_text", "Hm", index, summary_index=0),
        done(thought("Hm"), index),
    ]


def ask(arguments, index=0, id_="t1", name="f"):
    return [
        added(function_call(id_=id_, name=name), index),
        delta("function_call_arguments", arguments[:3], index),
        delta("function_call_arguments", arguments[3:], index),
        done(function_call(arguments, "completed", id_, name), index),
    ]


def compute(index=0):
    return [
        added(custom_call(), index),
        delta("custom_tool_call_input", 'say("é', index),
        delta("custom_tool_call_input", '")', index),
        event(
            "custom_tool_call_input.done",
            item_id="ct1",
            output_index=index,
            input='say("é")',
        ),
        done(custom_call('say("é")'), index),
    ]


def look(index=0):
    return [
        added(search(), index),
        event("web_search_call.searching", item_id="ws1", output_index=index),
        done(search("completed"), index),
    ]


def refuse(index=0):
    refusal = {"type": "refusal", "refusal": "I won't"}
    return [
        added(message(status="in_progress"), index),
        part("added", index, {"type": "refusal", "refusal": ""}),
        delta("refusal", "I won't", index, content_index=0),
        done(message(refusal), index),
    ]


def whole(*items):
    """A stream of those items, each a list of events, as the API frames it."""
    output = [each[-1]["item"] for each in items]
    body = [one for each in items for one in each]
    return [
        lifecycle("created"),
        *body,
        lifecycle("completed", output=output, usage=COUNTS),
    ]


CALL = function_call('{"a": 1}', "completed")
SECOND = function_call("{}", "completed", "t2", "g")
BAD = "{'a': 1}"

RIGHT = {
    "text": (whole(say("Hello")), [message(output_text("Hello"))]),
    "reasoning": (
        whole(think(), say("42", 1)),
        [thought("Hm"), message(output_text("42"))],
    ),
    "a call": (whole(think(), ask('{"a": 1}', 1)), [thought("Hm"), CALL]),
    "two calls": (
        whole(say("Both"), ask('{"a": 1}', 1), ask("{}", 2, "t2", "g")),
        [message(output_text("Both")), CALL, SECOND],
    ),
    "a custom tool": (whole(compute()), [custom_call('say("é")')]),
    "a search": (
        whole(look(), say("Hello", 1)),
        [search("completed"), message(output_text("Hello"))],
    ),
    "a refusal": (
        whole(refuse()),
        [message({"type": "refusal", "refusal": "I won't"})],
    ),
}


def plain_message(text):
    return {"type": "message", "role": "assistant", "content": text}


NULLS = {"status": None, "content": None, "created_by": "us"}
OTHERS = {
    "nothing": ([], []),
    "text cut short goes back as a plain message": (
        [lifecycle("created"), *say("Hello")[:-1]],
        [plain_message("Hello")],
    ),
    "a refusal cut short goes back as a plain message": (
        refuse()[:-1],
        [plain_message("I won't")],
    ),
    "text and refusal of one message are one item": (
        [
            *say("Hello")[:-1],
            delta("refusal", "No", content_index=1),
            done(message(output_text("Hello"), {"type": "refusal", "refusal": "No"})),
        ],
        [message(output_text("Hello"), {"type": "refusal", "refusal": "No"})],
    ),
    "a call cut short is left out": (
        [*say("Hello"), *ask('{"a": 1}', 1)[:2]],
        [message(output_text("Hello"))],
    ),
    "a call that the token limit cut is left out": (
        [
            *say("Hello"),
            *ask('{"a": 1}', 1)[:2],
            done(function_call('{"a', "incomplete"), 1),
            cut("max_output_tokens"),
        ],
        [message(output_text("Hello"))],
    ),
    "an invalid call is left out, the valid one stays": (
        whole(ask(BAD), ask("{}", 1, "t2", "g")),
        [SECOND],
    ),
    "a valid call that the server did not close": (
        ask('{"a": 1}')[:-1],
        [
            {
                "type": "function_call",
                "call_id": "t1",
                "name": "f",
                "arguments": '{"a": 1}',
            }
        ],
    ),
    "a server tool that did not end is left out": (look()[:-1], []),
    "reasoning that nothing follows is left out": (think(), []),
    "reasoning before an invalid call is left out": (whole(think(), ask(BAD, 1)), []),
    "reasoning before a text cut short is left out": (
        [*think(), *say("Hello", 1)[:-1]],
        [plain_message("Hello")],
    ),
    "reasoning cut short is left out": (
        [*think()[:-1], *say("42", 1)],
        [message(output_text("42"))],
    ),
    "what only the output has is dropped, and nulls": (
        [
            added(thought()),
            done({**thought("Hm"), **NULLS}),
            *say("42", 1),
        ],
        [thought("Hm"), message(output_text("42"))],
    ),
}
MESSAGES = {**RIGHT, **OTHERS}


@pytest.mark.parametrize(("payloads", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_a_stream_gives_its_items(payloads, expected):
    """The answer goes back in these items."""
    assert replied(payloads).to_message() == expected


def input_types():
    return get_args(ResponseInputItemParam)


def accept(item):
    """Check an item as strictly as the API: no field missing, null or unknown."""
    kind = item["type"]
    fitting = [each for each in input_types() if kind in literal(each)]
    errors = []
    for each in fitting:
        unknown = item.keys() - get_type_hints(each).keys()
        try:
            exhaust(TypeAdapter(each).validate_python(item))
        except ValueError as error:
            errors.append(str(error))
            continue
        if not unknown:
            return
        errors.append(f"{each.__name__} does not know {unknown}")
    pytest.fail(f"no input type takes {item}: {errors}")


def literal(param):
    return get_args(get_type_hints(param).get("type"))


def exhaust(value):
    """Pydantic checks what is ``Iterable`` only when it is read."""
    if isinstance(value, Mapping):
        for each in value.values():
            exhaust(each)
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for each in value:
            exhaust(each)


@pytest.mark.parametrize(("payloads", "_expected"), MESSAGES.values(), ids=MESSAGES)
def test_the_sdk_takes_the_items_back(payloads, _expected):
    """Each is what the SDK's request types want, and nothing that they do not know."""
    for item in replied(payloads).to_message():
        accept(item)


ACTION = {"type": "search", "query": "q"}
EXEC = {"type": "exec", "command": ["ls"], "env": {}}
CREATE = {"type": "create_file", "path": "a", "diff": "+a"}
SCREEN = {"type": "computer_screenshot", "image_url": "https://a.example/i.png"}
#: One whole item of each kind that the API can put out, less ``id`` and ``type``.
OUTPUT = {
    "message": {"role": "assistant", "status": "completed", "content": []},
    "file_search_call": {"queries": ["q"], "status": "completed", "results": None},
    "function_call": {"call_id": "t1", "name": "f", "arguments": "{}"},
    "function_call_output": {"call_id": "t1", "output": "1", "status": "completed"},
    "web_search_call": {"status": "completed", "action": ACTION},
    "computer_call": {
        "call_id": "t1",
        "status": "completed",
        "pending_safety_checks": [],
        "action": {"type": "wait"},
    },
    "computer_call_output": {
        "call_id": "t1",
        "status": "completed",
        "output": SCREEN,
    },
    "reasoning": {"summary": [], "encrypted_content": "gAA"},
    "program": {"call_id": "t1", "code": "1", "fingerprint": "f"},
    "program_output": {"call_id": "t1", "result": "1", "status": "completed"},
    "tool_search_call": {
        "arguments": {},
        "execution": "server",
        "status": "completed",
    },
    "tool_search_output": {"execution": "server", "status": "completed", "tools": []},
    "additional_tools": {"role": "developer", "tools": []},
    "compaction": {"encrypted_content": "gAA"},
    "image_generation_call": {"status": "completed", "result": "AA=="},
    "code_interpreter_call": {
        "status": "completed",
        "container_id": "c1",
        "code": None,
        "outputs": None,
    },
    "local_shell_call": {"call_id": "t1", "status": "completed", "action": EXEC},
    "local_shell_call_output": {"output": "{}", "status": "completed"},
    "shell_call": {
        "call_id": "t1",
        "status": "completed",
        "action": {"commands": ["ls"]},
    },
    "shell_call_output": {"call_id": "t1", "output": [], "status": "completed"},
    "apply_patch_call": {
        "call_id": "t1",
        "status": "completed",
        "operation": CREATE,
    },
    "apply_patch_call_output": {"call_id": "t1", "status": "completed"},
    "mcp_call": {"name": "f", "arguments": "{}", "server_label": "s"},
    "mcp_list_tools": {"server_label": "s", "tools": []},
    "mcp_approval_request": {"name": "f", "arguments": "{}", "server_label": "s"},
    "mcp_approval_response": {"approval_request_id": "a1", "approve": True},
    "custom_tool_call": {"call_id": "t1", "name": "py", "input": "1"},
    "custom_tool_call_output": {
        "call_id": "t1",
        "output": "1",
        "status": "completed",
    },
}


def test_every_item_of_the_sdk_is_in_the_table():
    """So that the next test speaks of all of them."""
    assert set(OUTPUT) == {type_of(model) for model in members(ResponseOutputItem)}


@pytest.mark.parametrize("kind", OUTPUT)
def test_every_item_of_the_sdk_goes_back(kind):
    """With every field that may be null null, each item is taken back."""
    model = next(m for m in members(ResponseOutputItem) if type_of(m) == kind)
    nulls = {f.alias or n: None for n, f in model.model_fields.items()}
    item = {**nulls, "created_by": "us", "id": "i1", "type": kind, **OUTPUT[kind]}
    finish = [
        event("function_call_arguments.delta", output_index=0, delta="{}"),
        event("custom_tool_call_input.delta", output_index=0, delta="1"),
    ]
    end = event("custom_tool_call_input.done", output_index=0)
    fragments = {"function_call": finish[:1], "custom_tool_call": [finish[1], end]}

    reply = replied(
        [
            added(item),
            *fragments.get(kind, []),
            delta("output_text", "a") if kind == "message" else lifecycle("queued"),
            done(item),
            *say("Hello", 1),
        ]
    )

    first = reply.to_message()[0]
    assert first["type"] == kind
    accept(first)


# -- beside the SDK's accumulator ------------------------------------------------


def final(stream):
    return stream.get_final_response()


@pytest.mark.parametrize(("payloads", "_expected"), RIGHT.values(), ids=RIGHT)
def test_we_agree_with_the_sdk_where_it_is_right(from_sdk, payloads, _expected):
    """Text, usage and items are those of its final response, to the letter."""
    theirs = from_sdk(payloads, final, helper=True)

    ours = replied(payloads)

    assert ours.text == theirs.output_text
    assert ours.usage.data == theirs.usage.to_dict(mode="json")
    assert (ours.id, ours.model) == (theirs.id, theirs.model)
    output = theirs.to_dict(mode="json")["output"]
    for item in output:
        item.pop("parsed_arguments", None)
        for each in item.get("content") or ():
            each.pop("parsed", None)
    assert ours.to_message() == output


@pytest.mark.parametrize(("payloads", "_expected"), RIGHT.values(), ids=RIGHT)
def test_the_helper_s_events_give_the_same_reply(from_sdk, payloads, _expected):
    """``responses.stream()`` yields the same events with more in them."""
    ours = replied(from_sdk(payloads, helper=True))

    assert ours.to_message() == replied(payloads).to_message()
    assert ours.ignored == replied(payloads).ignored


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_an_incomplete_response_is_an_answer(from_sdk, reason):
    """The SDK has no final response then, and the text is gone."""
    payloads = [lifecycle("created"), *say("Hello"), cut(reason)]

    with pytest.raises(RuntimeError, match=r"response\.completed"):
        from_sdk(payloads, final, helper=True)
    reply = replied(payloads)

    assert (reply.text, reply.outcome) == ("Hello", "complete")
    assert reply.raw_finish_reason == reason


def test_a_failed_response_keeps_its_text(from_sdk):
    """The SDK has no final response then, and the text is gone."""
    error = {"code": "server_error", "message": "Boom"}
    payloads = [
        lifecycle("created"),
        *say("Hello"),
        lifecycle("failed", error=error),
    ]

    with pytest.raises(RuntimeError, match=r"response\.completed"):
        from_sdk(payloads, final, helper=True)
    reply = replied(payloads)

    assert (reply.text, reply.outcome) == ("Hello", "failed")
    assert reply.error == Failure(type="server_error", message="Boom")


def test_a_queued_response_is_read(from_sdk):
    """The SDK's helper fails at a stream that begins with ``response.queued``."""
    payloads = [lifecycle("queued"), *whole(say("Hello"))[1:]]

    with pytest.raises(RuntimeError):
        from_sdk(payloads, final, helper=True)
    reply = replied(payloads)

    assert (reply.id, reply.text, reply.outcome) == ("r1", "Hello", "complete")


def test_a_custom_tool_s_input_is_one_argument():
    """So it is a call as any other, while it streams and when it is whole."""
    calls = replied(whole(compute())).tool_calls

    assert [(each.name, each.parsed, each.state) for each in calls] == [
        ("py", {"input": 'say("é")'}, "valid")
    ]


def test_a_call_sent_in_one_piece_has_its_arguments():
    """Some servers send no fragments."""
    pieces = ask('{"a": 1}')

    calls = replied(whole([pieces[0], pieces[-1]])).tool_calls

    assert [each.parsed for each in calls] == [{"a": 1}]


def test_the_provider_s_own_tool_is_no_call():
    """Its input is kept with it, and nobody is asked to run it."""
    mcp = {"type": "mcp_call", "id": "m1", "name": "f", "server_label": "s"}
    reply = replied(
        whole(
            [
                added({**mcp, "arguments": ""}),
                delta("mcp_call_arguments", '{"a": 1}'),
                done({**mcp, "arguments": '{"a": 1}'}),
            ]
        )
    )

    assert reply.tool_calls == ()
    assert [(each.type, each.text) for each in reply.parts] == [
        ("mcp_call", '{"a": 1}')
    ]
    assert reply.finish_reason == "stop"


def test_a_summary_keeps_its_paragraphs():
    """A blank line stands between them."""
    more = DELTAS["the next paragraph of a summary"][0]
    reply = replied([*think()[:2], more, *think()[1:]])

    assert reply.reasoning == "Hm\n\nHm"
    assert reply.parts[0].signature == "gAA"


# -- what comes only when a part, an item or the answer is whole -------------------


def text_done(text, index=0, content=0):
    more = {"item_id": "m1", "output_index": index, "content_index": content}
    return event("output_text.done", text=text, logprobs=[], **more)


def summary(kind, text, at=0, index=0):
    more = {"item_id": "rs1", "output_index": index, "summary_index": at}
    name, field = ("delta", "delta") if kind == "delta" else ("done", "text")
    return event(f"reasoning_summary_text.{name}", **{field: text}, **more)


def answered(*events, output=(), **more):
    """A stream of those events, and what its end repeats."""
    end = lifecycle("completed", output=list(output), **more)
    return [lifecycle("created", **more), *events, end]


def arguments_done(text, index=0):
    more = {"item_id": "fc_t1", "output_index": index}
    return event("function_call_arguments.done", arguments=text, **more)


def input_done(text, index=0):
    more = {"item_id": "ct1", "output_index": index}
    return event("custom_tool_call_input.done", input=text, **more)


def audio(transcript):
    return {"type": "output_audio", "data": "AA==", "transcript": transcript}


def refusal(words):
    return {"type": "refusal", "refusal": words}


def told(text="", reasoning="", refusal="", calls=(), others=(), finish="stop"):
    return (text, reasoning, refusal, list(calls), list(others), finish)


def telling(reply):
    calls = [(c.id, c.name, c.arguments, c.state) for c in reply.tool_calls]
    others = [part.type for part in reply.parts if part.kind == "other"]
    words = (reply.text, reply.reasoning, reply.refusal)
    return (*words, calls, others, reply.finish_reason)


HELLO = message(output_text("Hello"))
TWO = message(output_text("One. "), output_text("Two."))
EXACT = '{"a":1.50,"b":1e300}'
AN_EXACT = function_call(EXACT, "completed")
PLAN = "**Plan**\n\nI need to add."
QUERY = {
    **custom_call("SELECT 1"),
    "id": "ct1",
    "name": "sql",
}
SEARCHED = {
    "type": "custom_tool_call",
    "id": "ctc_1",
    "call_id": "xs_call_1",
    "name": "x_keyword_search",
    "input": '{"query": "a"}',
    "status": "completed",
}
LOOKED_UP = function_call('{"q": 1}', "completed", "s1", "browse")
RESULT = {"type": "function_call_output", "id": "o1", "call_id": "s1", "output": "b"}
XAI = {"tools": [{"type": "x_search"}]}
OFFERS = {"tools": [{"type": "function", "name": "f", "parameters": {}}]}
NESTED = {"tools": [{"type": "namespace", "name": "n", "tools": [{"name": "browse"}]}]}
MCP = {"type": "mcp_call", "id": "mc1", "name": "f", "server_label": "s"}
APPROVAL = {
    "type": "mcp_approval_request",
    "id": "ma1",
    "name": "f",
    "arguments": "{}",
    "server_label": "s",
}
F = ("t1", "f", EXACT, "valid")
SQL = ("t1", "sql", '{"input": "SELECT 1"}', "valid")

LATE = {
    "a text only in its `.done`": (answered(text_done("Hello")), told("Hello")),
    "a text only in its content part's": (
        answered(part("done", 0, output_text("Hello"))),
        told("Hello"),
    ),
    "a text only in its item": (answered(done(HELLO)), told("Hello")),
    "a text only in the answer": (answered(output=[HELLO]), told("Hello")),
    "a text in all of them is there once": (
        answered(
            *say("Hello")[:-1],
            text_done("Hello"),
            part("done", 0, output_text("Hello")),
            done(HELLO),
            output=[HELLO],
        ),
        told("Hello"),
    ),
    "what of a text is missing is added at any of them": (
        answered(
            delta("output_text", "H"),
            text_done("Hel"),
            part("done", 0, output_text("Hell")),
            done(HELLO),
            output=[message(output_text("Hello!"))],
        ),
        told("Hello!"),
    ),
    "two texts of one item, each only in its `.done`": (
        answered(text_done("One. "), text_done("Two.", 0, 1)),
        told("One. Two."),
    ),
    "two texts of one item, each in every way": (
        answered(
            delta("output_text", "One. "),
            text_done("One. "),
            part("done", 0, output_text("One. ")),
            delta("output_text", "Two."),
            text_done("Two.", 0, 1),
            part("done", 0, output_text("Two."), 1),
            done(TWO),
            output=[TWO],
        ),
        told("One. Two."),
    ),
    "the second text ends before the first": (
        answered(
            delta("output_text", "One. "),
            delta("output_text", "Two."),
            text_done("One. "),
            text_done("Two.", 0, 1),
            text_done("One. "),
        ),
        told("One. Two."),
    ),
    "two texts under the same number": (
        answered(
            delta("output_text", "One. "),
            text_done("One. "),
            delta("output_text", "Two."),
            text_done("Two."),
        ),
        told("One. Two."),
    ),
    "two messages under the same number": (
        answered(
            delta("output_text", "One. "),
            done(message(output_text("One. "), id_="m1")),
            delta("output_text", "Two."),
            done(message(output_text("Two."), id_="m2")),
        ),
        told("One. Two."),
    ),
    "a text is begun anew": (
        answered(
            delta("output_text", "Let me"),
            *say("Let me think.")[2:-1],
            text_done("Let me think."),
        ),
        told("Let me think."),
    ),
    "a text is begun anew, as only its item says": (
        answered(delta("output_text", "Helper"), done(HELLO)),
        told("Hello"),
    ),
    "a whole text that is shorter takes nothing away": (
        answered(delta("output_text", "Hello\n"), text_done("Hello"), done(HELLO)),
        told("Hello\n"),
    ),
    "an empty whole text takes nothing away": (
        answered(delta("output_text", "Hello"), text_done(""), done(message())),
        told("Hello"),
    ),
    "a summary is begun anew": (
        answered(
            summary("delta", "**Plan**\n\nI see that"),
            summary("delta", " need to add."),
            summary("done", PLAN),
        ),
        told(reasoning=PLAN),
    ),
    "a summary is begun anew, as only the answer says": (
        answered(summary("delta", "I see"), output=[thought(PLAN)]),
        told(reasoning=PLAN),
    ),
    "its second paragraph is begun anew": (
        answered(
            summary("delta", "One."),
            summary("done", "One."),
            DELTAS["the next paragraph of a summary"][0],
            summary("delta", "Let", 1),
            summary("delta", "Two.", 1),
            summary("done", "Two.", 1),
        ),
        told(reasoning="One.\n\nTwo."),
    ),
    "two paragraphs, each only in its `.done`": (
        answered(summary("done", "One."), summary("done", "Two.", 1)),
        told(reasoning="One.\n\nTwo."),
    ),
    "two paragraphs that nothing announced": (
        answered(
            summary("delta", "One."),
            summary("done", "One."),
            summary("delta", "Two.", 1),
            summary("done", "Two.", 1),
            done(thought("One.", "Two.")),
            output=[thought("One.", "Two.")],
        ),
        told(reasoning="One.\n\nTwo."),
    ),
    "two paragraphs, of which only the second has an end": (
        answered(
            summary("delta", "One."),
            DELTAS["the next paragraph of a summary"][0],
            summary("delta", "Two.", 1),
            summary("done", "Two.", 1),
        ),
        told(reasoning="One.\n\nTwo."),
    ),
    "a thought only in its item": (
        answered(done(thought("One.", "Two."))),
        told(reasoning="One.\n\nTwo."),
    ),
    "a thought that is told twice is said once": (
        answered(
            done(
                {**thought("Hm"), "content": [{"type": "reasoning_text", "text": "Hm"}]}
            )
        ),
        told(reasoning="Hm"),
    ),
    "a refusal only in the answer": (
        answered(output=[message(refusal("No"))]),
        told(refusal="No"),
    ),
    "a refusal only in its part": (
        answered(part("done", 0, refusal("No"))),
        told(refusal="No"),
    ),
    "text and refusal of one message, only in the answer": (
        answered(output=[message(output_text("Hello"), refusal("No"))]),
        told("Hello", refusal="No"),
    ),
    "arguments are the text that came": (
        answered(*ask(EXACT), output=[AN_EXACT]),
        told(calls=[F], finish="tool_calls"),
    ),
    "arguments only in their `.done`": (
        answered(added(function_call()), arguments_done(EXACT)),
        told(calls=[F], finish="tool_calls"),
    ),
    "a call only in its item": (
        answered(done(AN_EXACT)),
        told(calls=[F], finish="tool_calls"),
    ),
    "a call only in the answer": (
        answered(output=[AN_EXACT]),
        told(calls=[F], finish="tool_calls"),
    ),
    "a call that began with its arguments": (
        answered(delta("function_call_arguments", EXACT), done(AN_EXACT)),
        told(calls=[F], finish="tool_calls"),
    ),
    "a call whose last fragment is lost": (
        answered(*ask(EXACT)[:2], arguments_done(EXACT), done(AN_EXACT)),
        told(calls=[F], finish="tool_calls"),
    ),
    "a call whose item has no arguments keeps those that came": (
        answered(*ask(EXACT)[:-1], arguments_done(""), done(function_call(""))),
        told(calls=[F], finish="tool_calls"),
    ),
    "two calls whose items end in another order": (
        answered(
            added(function_call(id_="t1", name="f")),
            added(function_call(id_="t2", name="f"), 1),
            done(function_call('{"b": 2}', "completed", "t2", "f"), 1),
            done(function_call('{"a": 1}', "completed", "t1", "f")),
        ),
        told(
            calls=[("t1", "f", '{"a": 1}', "valid"), ("t2", "f", '{"b": 2}', "valid")],
            finish="tool_calls",
        ),
    ),
    "a custom tool's call is closed by its item": (
        answered(
            added({**QUERY, "input": ""}),
            delta("custom_tool_call_input", "SELECT 1"),
            done(QUERY),
        ),
        told(calls=[SQL], finish="tool_calls"),
    ),
    "a custom tool's input only in its `.done`": (
        answered(added({**QUERY, "input": ""}), input_done("SELECT 1"), done(QUERY)),
        told(calls=[SQL], finish="tool_calls"),
    ),
    "a custom tool's input only in its item": (
        answered(added({**QUERY, "input": ""}), done(QUERY)),
        told(calls=[SQL], finish="tool_calls"),
    ),
    "a custom tool's call only in the answer": (
        answered(output=[QUERY]),
        told(calls=[SQL], finish="tool_calls"),
    ),
    "a message ends under the number of a call": (
        answered(*ask(EXACT), done(message(id_="m2"))),
        told(calls=[F], finish="tool_calls"),
    ),
    "the provider's own tool only in the answer": (
        answered(*say("Hello", 1), output=[search("completed"), HELLO]),
        told("Hello", others=["web_search_call"]),
    ),
    "the provider's own tool whose arguments began it": (
        answered(
            delta("mcp_call_arguments", '{"a"'),
            event("mcp_call_arguments.done", output_index=0, arguments='{"a": 1}'),
            done({**MCP, "arguments": '{"a": 1}'}),
        ),
        told(others=["mcp_call"]),
    ),
    "approvals and results keep their order with text": (
        answered(
            *say("Hello"),
            done({**MCP, "arguments": "{}", "output": "1"}, 1),
            done(APPROVAL, 2),
            output=[HELLO, {**MCP, "arguments": "{}", "output": "1"}, APPROVAL],
        ),
        told("Hello", others=["mcp_call", "mcp_approval_request"]),
    ),
    "the answer leaves out a thought, and its ids are others": (
        answered(*think(), *say("Hello", 1), output=[{**HELLO, "id": "m9"}]),
        told("Hello", "Hm"),
    ),
    "the answer has no ids, and a thought that did not come": (
        answered(
            delta("output_text", "Hello"),
            done({"type": "message", "content": [output_text("Hello")]}),
            output=[
                thought("Hm"),
                {"type": "message", "content": [output_text("Hello")]},
            ],
        ),
        told("Hello", "Hm"),
    ),
    "of two messages one did not come": (
        answered(
            *say("Hello", 1),
            output=[message(output_text("First. "), id_="m0"), HELLO],
        ),
        told("HelloFirst. "),
    ),
    "the same words twice are two messages": (
        answered(
            *say("Ha"),
            output=[
                message(output_text("Ha"), id_="m1"),
                message(output_text("Ha"), id_="m2"),
            ],
        ),
        told("HaHa"),
    ),
    "a thought in the text, only in its item": (
        answered(done(message(output_text("<think>hm</think>42")))),
        told("42", "hm"),
    ),
    "a thought in the text, in every way": (
        answered(
            *say("<think>hm</think>42")[:-1],
            text_done("<think>hm</think>42"),
            done(message(output_text("<think>hm</think>42"))),
            output=[message(output_text("<think>hm</think>42"))],
        ),
        told("42", "hm"),
    ),
    "a thought in the text, of which the end is missing": (
        answered(
            delta("output_text", "<think>h"),
            output=[message(output_text("<think>hm</think>42"))],
        ),
        told("42", "hm"),
    ),
    "a transcript is what was said": (
        answered(
            {"type": "response.audio.transcript.delta", "delta": "Par"},
            {"type": "response.audio.delta", "delta": "AA=="},
            {"type": "response.audio.transcript.delta", "delta": "is."},
            {"type": "response.audio.transcript.done"},
        ),
        told("Paris."),
    ),
    "a transcript, and the item of the sound": (
        answered(
            {"type": "response.audio.transcript.delta", "delta": "Paris."},
            done(message(audio("Paris."))),
            output=[message(audio("Paris."))],
        ),
        told("Paris.", others=["output_audio"]),
    ),
    "a custom call with no input": (
        answered(
            added({**QUERY, "input": ""}), done({**QUERY, "input": ""}), output=[]
        ),
        told(calls=[("t1", "sql", '{"input": ""}', "valid")], finish="tool_calls"),
    ),
    "a custom call with no input, only in its item": (
        answered(done({**QUERY, "input": ""})),
        told(calls=[("t1", "sql", '{"input": ""}', "valid")], finish="tool_calls"),
    ),
    "an input whose item has lost it": (
        answered(
            added({**QUERY, "input": ""}),
            delta("custom_tool_call_input", "SELECT 1"),
            input_done("SELECT 1"),
            done({**QUERY, "input": ""}),
        ),
        told(calls=[SQL], finish="tool_calls"),
    ),
    "arguments that are an object": (
        answered(done({**AN_EXACT, "arguments": {"a": 1}})),
        told(calls=[("t1", "f", '{"a": 1}', "valid")], finish="tool_calls"),
    ),
    "a message that is a string": (
        answered(done({**HELLO, "content": "Hello"})),
        told("Hello"),
    ),
    "a text by its short name": (
        answered(done(message({"type": "text", "text": "Hello"}))),
        told("Hello"),
    ),
    "an end that says less than its event": (
        [
            lifecycle("created"),
            *say("Hello"),
            {**lifecycle("completed"), "response": lifecycle("created")["response"]},
        ],
        told("Hello"),
    ),
    "the end by its old name": (
        [
            lifecycle("created"),
            *say("Hello"),
            {"type": "response.done", "response": {"output": [HELLO]}},
        ],
        told("Hello"),
    ),
    "a call that xAI ran itself": (
        answered(done(SEARCHED), *say("Hello", 1), output=[SEARCHED, HELLO], **XAI),
        told("Hello", others=["custom_tool_call"]),
    ),
    "a call that the server ran, streamed, and no end says so": (
        answered(
            added({**SEARCHED, "input": ""}),
            delta("custom_tool_call_input", '{"query": "a"}'),
            input_done('{"query": "a"}'),
            done(SEARCHED),
            *say("Hello", 1),
        ),
        told("Hello", others=["custom_tool_call"]),
    ),
    "a function that the server ran": (
        answered(done(LOOKED_UP), *say("Hello", 1), output=[LOOKED_UP, HELLO]),
        told("Hello", others=["function_call"]),
    ),
    "a function that the server ran, and its result": (
        answered(done(LOOKED_UP), done(RESULT, 1), output=[LOOKED_UP, RESULT]),
        told(others=["function_call", "function_call_output"]),
    ),
    "the server ran one call, the caller's comes after it": (
        answered(done(SEARCHED), *ask(EXACT, 1), output=[SEARCHED, AN_EXACT], **OFFERS),
        told(calls=[F], others=["custom_tool_call"], finish="tool_calls"),
    ),
    "a call that was offered is the caller's, whatever follows": (
        answered(*ask(EXACT), *say("Hello", 1), output=[AN_EXACT, HELLO], **OFFERS),
        told("Hello", calls=[F], finish="tool_calls"),
    ),
    "so is one that was offered in a namespace": (
        answered(
            done(LOOKED_UP), *say("Hello", 1), output=[LOOKED_UP, HELLO], **NESTED
        ),
        told(
            "Hello", calls=[("s1", "browse", '{"q": 1}', "valid")], finish="tool_calls"
        ),
    ),
    "so is one that may be answered later": (
        answered(done({**LOOKED_UP, "async": True}), *say("Hello", 1)),
        told(
            "Hello", calls=[("s1", "browse", '{"q": 1}', "valid")], finish="tool_calls"
        ),
    ),
    "a text before a call makes it nobody else's": (
        answered(*say("Hello"), *ask(EXACT, 1), output=[HELLO, AN_EXACT]),
        told("Hello", calls=[F], finish="tool_calls"),
    ),
    "an empty message after a call neither": (
        answered(*ask(EXACT), done(message(output_text("")), 1)),
        told(calls=[F], finish="tool_calls"),
    ),
    "the answer has a call under the number of a text": (
        answered(*say("Hello"), output=[AN_EXACT]),
        told("Hello", calls=[F], finish="tool_calls"),
    ),
    "a text that comes late, before a call": (
        answered(*ask(EXACT, 1), output=[HELLO, AN_EXACT]),
        told("Hello", calls=[F], finish="tool_calls"),
    ),
}


def wire_of(payloads):
    return "".join(
        f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in payloads
    ).encode()


def read(pieces):
    reply = Reply()
    reader = Reader(reply)
    events = [each for piece in pieces for each in reader.push(piece)]
    reply._end()
    return reply, events


@pytest.mark.parametrize(("payloads", "expected"), LATE.values(), ids=LATE)
def test_what_comes_late_is_taken_once(payloads, expected):
    """Each text, call and item is there, once, as the API said it last."""
    reply, _ = read(payloads)

    assert telling(reply) == expected
    assert reply.outcome == "complete"
    assert isinstance(reply.to_message(), list)


@pytest.mark.parametrize(("payloads", "expected"), LATE.values(), ids=LATE)
def test_bytes_say_the_same(payloads, expected):
    """So they do byte by byte."""
    reply, _ = read(bytes([each]) for each in wire_of(payloads))

    assert (telling(reply), reply.outcome) == (expected, "complete")


def test_the_sdk_s_objects_say_the_same(from_sdk):
    """And as the objects that the SDK makes of them."""
    found = {name: telling(read(from_sdk(each))[0]) for name, (each, _) in LATE.items()}

    assert found == {name: expected for name, (_, expected) in LATE.items()}


def test_the_helper_s_events_say_the_same(from_sdk):
    """And through its helper, where that does not give up on the stream."""
    found = {}
    for name, (payloads, _) in LATE.items():
        with suppress(RuntimeError, AssertionError, IndexError, UserWarning):
            found[name] = telling(read(from_sdk(payloads, helper=True))[0])

    assert found == {name: LATE[name][1] for name in found}
    assert len(found) > 15


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(LATE)), st.data())
def test_a_cut_says_no_more_than_the_whole(name, data):
    """Wherever it is cut, nothing is said twice, and it is not complete."""
    payloads, _ = LATE[name]
    wire = wire_of(payloads)
    at = data.draw(st.integers(0, len(wire) - len(wire_of(payloads[-1:]))))

    reply, _ = read([wire[:at]])

    assert reply.outcome == "truncated"
    assert len(reply.text) <= len("Let meLet me think.")


@pytest.mark.parametrize(("payloads", "expected"), LATE.values(), ids=LATE)
def test_who_counts_deltas_sees_what_came_late(payloads, expected):
    """Where nothing was begun anew, the deltas are the text and the arguments."""
    reply, events = read(payloads)
    texts = [e.text for e in events if isinstance(e, TextDelta) and e.kind == "text"]

    if reply.text not in ("Let me think.", "42") and "Helper" not in str(payloads):
        assert len("".join(texts)) == len(reply.text)


def test_what_was_offered_stays_offered():
    """Some servers repeat the request's tools at the beginning alone."""
    begun = [lifecycle("created", **OFFERS), *ask(EXACT), *say("Hello", 1)]
    reply, _ = read([*begun, lifecycle("completed", output=[AN_EXACT, HELLO])])

    assert telling(reply) == told("Hello", calls=[F], finish="tool_calls")


WHOLE = {name: row for name, row in LATE.items() if row[0][-1]["response"]["output"]}


@pytest.mark.parametrize(("payloads", "expected"), WHOLE.values(), ids=WHOLE)
def test_the_whole_answer_says_the_same_as_its_stream(payloads, expected):
    """What was not streamed has the same calls and others, in its own order."""
    answer = payloads[-1]["response"]
    reply, _ = read(whole_payloads({"object": "response", **answer}))

    assert telling(reply)[3] == expected[3]
    assert (reply.finish_reason, reply.outcome) == (expected[5], "complete")


CUT_CALLS = {
    "whole": ('{"a":1}', "valid"),
    "cut": ('{"a":48151', "unfinished"),
}


@pytest.mark.parametrize(("given", "state"), CUT_CALLS.values(), ids=CUT_CALLS)
def test_a_whole_answer_that_was_cut_keeps_its_arguments(given, state):
    """They are the text as it came, and a cut call is marked as such."""
    answer = cut("max_output_tokens")["response"]
    item = function_call(given, "incomplete")
    reply, _ = read(whole_payloads({**answer, "output": [item]}))

    (call,) = reply.tool_calls
    assert (call.arguments, call.state) == (given, state)


def test_an_invalid_call_is_answered_as_the_model_wrote_it():
    """Its item goes, because the API takes an object and no other text."""
    reply = answerable(replied(whole(ask(BAD))))

    (item,) = reply.to_message()
    assert json.loads(item["arguments"]) == {"INVALID_JSON": BAD}
