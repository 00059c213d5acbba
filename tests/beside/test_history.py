"""What of an answer goes back to the model: partial text, calls, results."""

from __future__ import annotations

import json

import pytest
from harness.answers import DONE, called, chunk

from nbstream._reader import Reader
from nbstream.reply import Reply
from nbstream.reply.reply import INVALID, answerable
from nbstream.requests.request import as_messages
from nbstream.types import ToolResult


class Own:
    """A provider's way to write a result."""

    @staticmethod
    def tool_result_message(id_, name, said, is_error):
        return {"role": "tool", "id": id_, "is_error": is_error, "content": said}


def reply_of(payloads, *events, stopped=False, exception=None):
    reply = Reply("openai.chat")
    reader = Reader(reply)
    for payload in [*payloads, *events]:
        reader.push(payload)
    reply._end(stopped=stopped, exception=exception)
    return reply


HALF = [chunk({"content": "Half"})]
CALL = called(("get_weather", '{"city": "A"}'))
TOLD = {
    "whole": (DONE, {}, [("assistant", "Done.")]),
    "stopped": (
        HALF,
        {"stopped": True},
        [("assistant", "Half\n\n[The answer was stopped here.]")],
    ),
    "truncated": (HALF, {}, [("assistant", "Half\n\n[The answer broke off here.]")]),
    "failed": (
        HALF,
        {"exception": ConnectionError("lost")},
        [("assistant", "Half\n\n[The answer broke off here.]")],
    ),
    "nothing came": ([], {"stopped": True}, []),
    "only half a call": (
        called(("get_weather", '{"ci'), finish="length"),
        {},
        [("assistant", "[A tool call was cut off here and left out.]")],
    ),
    "empty": ([chunk({"content": ""}), chunk(finish="stop")], {}, []),
    "a call never run": (
        CALL,
        {},
        [("assistant", None), ("tool", "This call was not run.")],
    ),
}


@pytest.mark.parametrize("case", TOLD, ids=TOLD)
def test_an_answer_goes_back_as_the_apis_take_it(case):
    """Partial text says that it is partial; no call is left open; nothing is empty."""
    payloads, how, expected = TOLD[case]
    found = as_messages(reply_of(payloads, **how), Own)

    assert [(each["role"], each["content"]) for each in found] == expected


RUNS = {
    "done": (ToolResult(call=0, state="done", result="18"), "18", False),
    "failed": (ToolResult(call=0, state="failed", result="No!"), "No!", True),
    "running still": (
        ToolResult(call=0, state="running"),
        "The call was stopped before it ended; there is no result.",
        True,
    ),
}


@pytest.mark.parametrize("case", RUNS, ids=RUNS)
def test_a_call_goes_back_with_what_came_of_it(case):
    """One that was stopped says so."""
    run, said, is_error = RUNS[case]
    *_, result = as_messages(reply_of(CALL, run, stopped=True), Own)

    assert (result["content"], result["is_error"]) == (said, is_error)


def test_invalid_arguments_go_back_in_an_object():
    """The model reads what it wrote; the reply itself stays as it came."""
    reply = reply_of(called(("f", "{no"), ("f", '{"a": 1}')))
    sent = [call.parsed for call in answerable(reply).tool_calls]

    assert sent == [{INVALID: "{no"}, {"a": 1}]
    assert [call.state for call in reply.tool_calls] == ["invalid", "valid"]
    assert json.loads(
        answerable(reply).to_message()["tool_calls"][1]["function"]["arguments"]
    )


def test_what_is_no_message():
    """A provider of somebody's that gives none is told so."""

    class Odd(Reply):
        def to_message(self, note=""):
            return "text"

    reply = Odd("openai.chat")
    Reader(reply).push(DONE[0])
    reply._end()
    with pytest.raises(Exception, match="'text' is no message: expected a dict"):
        as_messages(reply, Own)
