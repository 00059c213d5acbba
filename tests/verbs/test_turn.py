"""One turn: the model calls, calls are run, their results go back, until the end."""

from __future__ import annotations

import asyncio
import threading

import pytest
from harness.answers import DONE, called, chunk

import nbstream
from nbstream import UsageError
from nbstream._ask import LIMIT, Turn, known_tools, request_of, turn_of
from nbstream._live import started
from nbstream._reader import Reader
from nbstream._retry import Retries
from nbstream.reply import Reply
from nbstream.tool_runs import Consents
from nbstream.types import Round, ToolResult

MODELS = ("openai:m", "openai-chat:m", "anthropic:m", "google:m")


def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"18 degrees in {city}"


# -- with answers of our own -----------------------------------------------------------


class Script:
    """Answers one after the other; an exception in one is raised there."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    async def __call__(self, request):
        self.requests.append(request)
        for payload in self.answers.pop(0):
            if isinstance(payload, Exception):
                raise payload
            yield payload


def turn_with(script, *tools, **more):
    known = known_tools(tools)
    request = request_of("Go.", "openai-chat:m", tools=tools)
    return Turn(request=request, reply=Reply(), send=script, tools=known, **more)


def play(turn):
    """Read the turn as a player does; return what it yielded that is ours."""
    reader, own = Reader(turn.reply), []

    async def read():
        async for payload in turn():
            reader.push(payload)
            if isinstance(payload, Round | ToolResult):
                own.append(payload)

    asyncio.run(read())
    turn.reply._end()
    return own


def test_calls_are_run_and_their_results_sent_back():
    """The second request has the question, the call and its result."""
    script = Script(called(("get_weather", '{"city": "Oslo"}'), text="Hm."), DONE)
    turn = turn_with(script, get_weather)
    own = play(turn)
    first, last = turn.reply.rounds

    assert [*map(type, own)] == [ToolResult, ToolResult, Round]
    assert [own[0].state, own[1].state] == ["running", "done"]
    assert (first.text, last.text, last.outcome) == ("Hm.", "Done.", "complete")
    assert first.tool_calls[0].run.result == "18 degrees in Oslo"
    assert script.requests[1].messages == (
        {"role": "user", "content": "Go."},
        {
            "role": "assistant",
            "content": "Hm.",
            "tool_calls": [
                {
                    "id": "c0",
                    "type": "function",
                    "function": {
                        "name": "get_weather",
                        "arguments": '{"city": "Oslo"}',
                    },
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c0", "content": "18 degrees in Oslo"},
    )


@pytest.mark.parametrize("arguments", ["", " ", "null", None, "{}"])
def test_a_tool_without_arguments_is_run_once(arguments):
    """However the server writes that there are none; and an object goes back."""
    ran = []

    def now() -> str:
        ran.append("now")
        return "12:00"

    script = Script(called(("now", arguments)), DONE)
    turn = turn_with(script, now)
    play(turn)

    sent = script.requests[1].messages[1]["tool_calls"][0]["function"]
    assert (ran, len(script.requests)) == (["now"], 2)
    assert sent == {"name": "now", "arguments": "{}"}
    assert turn.reply.text == "Done."


def test_parallel_calls_run_together():
    """Each waits for the other: one after the other they would never end."""
    both = threading.Barrier(2, timeout=20)

    def meet(city: str) -> str:
        both.wait()
        return city

    calls = called(("meet", '{"city": "A"}'), ("meet", '{"city": "B"}'))
    turn = turn_with(Script(calls, DONE), meet)
    play(turn)

    runs = [call.run.result for call in turn.reply.rounds[0].tool_calls]
    assert runs == ["A", "B"]


def broken(city: str) -> str:
    """Never works."""
    raise LookupError(city)


WRONG = {
    "no JSON": ("get_weather", '{"city": ', "invalid", "The arguments are invalid"),
    "not the schema": ("get_weather", '{"town": "A"}', "invalid", "do not fit"),
    "no such tool": ("get_wether", "{}", "invalid", "There is no tool 'get_wether'"),
    "it raises": ("broken", '{"city": "A"}', "failed", "LookupError: A"),
}


@pytest.mark.parametrize("case", WRONG, ids=WRONG)
def test_what_goes_wrong_goes_back_to_the_model(case):
    """As an error with its call, whose arguments are always an object."""
    name, arguments, state, said = WRONG[case]
    script = Script(called((name, arguments)), DONE)
    turn = turn_with(script, get_weather, broken)
    play(turn)
    run = turn.reply.rounds[0].tool_calls[0].run
    _, assistant, result = script.requests[1].messages

    assert (run.state, said in run.result) == (state, True)
    assert turn.reply.outcome == "complete"
    assert result["content"] == f"Error: {run.result}"
    sent = assistant["tool_calls"][0]["function"]["arguments"]
    assert sent == (
        '{"INVALID_JSON": "{\\"city\\": "}' if case == "no JSON" else arguments
    )


def test_there_is_a_limit_of_rounds():
    """Then the calls are not run, and say so; the history stays valid."""
    again = called(("get_weather", '{"city": "Oslo"}'))
    script = Script(again, again, again)
    turn = turn_with(script, get_weather, max_rounds=2)
    own = play(turn)

    assert len(script.requests) == 3
    assert own[-1] == ToolResult(call=0, state="refused", result=LIMIT.format(2))
    assert turn.reply.outcome == "complete"


CUT = {
    "by the limit of tokens": called(("get_weather", '{"ci'), finish="length"),
    "by the connection": called(("get_weather", '{"city": "Oslo"}'))[:-1],
}


@pytest.mark.parametrize("case", CUT, ids=CUT)
def test_calls_of_an_answer_that_was_cut_are_not_run(case):
    """Half a call cannot be trusted, and neither can a whole one in half an answer."""
    script = Script(CUT[case])
    turn = turn_with(script, get_weather)

    assert play(turn) == []
    assert len(script.requests) == 1


SEARCH = {"type": "web_search"}
#: what the model calls, with a function and a tool of the service's own on offer
OFFERED = {"ours": ("get_weather", 2), "another's": ("bash", 1)}


@pytest.mark.parametrize("case", OFFERED, ids=OFFERED)
def test_calls_of_a_tool_that_is_not_ours(case):
    """They are the service's, or the caller's, who finds them in the reply."""
    name, requests = OFFERED[case]
    script = Script(called((name, '{"city": "Oslo"}')), DONE)
    request = request_of("Go.", "openai-chat:m", tools=[get_weather, SEARCH])
    tools = known_tools([get_weather, SEARCH])
    turn = turn_of(request, tools, retries=Retries(), base_url="http://x", api_key="k")
    turn.send = script
    play(turn)

    assert len(script.requests) == requests
    assert script.requests[0].tools[1] == SEARCH
    assert turn.reply.rounds[0].tool_calls[0].name == name
    assert turn.tools.keys() == {"get_weather"}


def test_without_tools_nothing_is_run():
    """The calls are in the reply, for the caller."""
    turn = turn_with(Script(called(("get_weather", "{}"))))

    assert play(turn) == []
    assert turn.reply.tool_calls[0].run is None


def test_token_counts_are_those_of_all_rounds():
    """Each answer has its own; the reply has their sum."""
    used = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    usage = {"object": "chat.completion.chunk", "choices": [], "usage": used}
    calls = called(("get_weather", '{"city": "Oslo"}'))
    turn = turn_with(Script([*calls, usage], [*DONE, usage]), get_weather)
    play(turn)

    assert [each.usage.total_tokens for each in turn.reply.rounds] == [15, 30]


def test_a_later_request_is_sent_again_too():
    """If it fails before its first event; what came before is not asked anew."""
    calls = called(("get_weather", '{"city": "Oslo"}'))
    lost = ConnectionError("lost")
    script = Script(calls, [lost], DONE)
    retries = Retries(retries=1, chance=lambda: 1.0, max_wait_s=0.01)
    turn = turn_with(script, get_weather, retries=retries)
    play(turn)

    assert turn.reply.text == "Done."
    assert script.requests[1] == script.requests[2]


def test_a_request_that_fails_after_its_first_event_is_not_sent_again():
    """Its text would come twice."""
    script = Script([chunk({"content": "Half"}), ConnectionError("lost")])
    turn = turn_with(script, retries=Retries(retries=3))

    with pytest.raises(ConnectionError):
        play(turn)
    assert len(script.requests) == 1


CONSENT = {"yes": (True, "done"), "no": (False, "refused"), "nobody": (None, "refused")}


@pytest.mark.parametrize("case", CONSENT, ids=CONSENT)
def test_a_tool_may_ask_first(case):
    """It runs if a person says so, and else the model is told that it did not."""
    allowed, state = CONSENT[case]
    careful = nbstream.tool(get_weather, confirm=True)
    consents = Consents()
    consents.attached = True
    script = Script(called(("get_weather", '{"city": "Oslo"}')), DONE)
    turn = turn_with(script, careful, consents=consents)
    seen = []

    async def read():
        reader = Reader(turn.reply)
        async for payload in turn():
            reader.push(payload)
            if turn.reply._asking:
                while not consents.open:  # the question is asked a step later
                    await asyncio.sleep(0)
                seen.extend(consents.open)
                consents.answer("0.7", True)  # another call's
                consents.answer(["no", "key"], True)
                consents.answer("0.0", allowed)

    asyncio.run(read())

    assert seen == ["0.0"]
    assert turn.reply.rounds[0].tool_calls[0].run.state == state


def test_headless_it_is_refused():
    """There is no screen with a person before it."""
    careful = nbstream.tool(get_weather, confirm=True)
    turn = turn_with(Script(called(("get_weather", '{"city": "A"}')), DONE), careful)
    play(turn)

    run = turn.reply.rounds[0].tool_calls[0].run
    assert (run.state, "nobody is there" in run.result) == ("refused", True)


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "3"])
def test_the_limit_is_a_number(wrong):
    """The message says which."""
    request = request_of("Go.", "ollama:m")
    with pytest.raises(UsageError, match=r"max_rounds=.*from 0 upwards"):
        turn_of(request, {}, max_rounds=wrong, retries=Retries())


# -- with the real SDKs ----------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_the_loop_of_an_agent(model, nbstream_offline):
    """Three rounds, by the SDK's own client; the server refuses invalid histories."""
    asked = "[scenario: agent] the weather in Paris, Tokyo and Oslo"
    reply = nbstream.ask(asked, model, tools=[get_weather], view="none")

    assert (reply.outcome, len(reply.rounds)) == ("complete", 4)
    assert "18 degrees in Oslo" in reply.text
    assert [each.rounds for each in nbstream_offline.log[-4:]] == [0, 1, 2, 3]


@pytest.mark.parametrize("model", MODELS)
def test_two_calls_at_once(model, nbstream_offline):
    """Their results go back together."""
    reply = nbstream.ask("compare two cities", model, tools=[get_weather], view="none")

    assert "18 degrees in Paris" in reply.text
    assert "18 degrees in Tokyo" in reply.text
    assert [each.rounds for each in nbstream_offline.log[-2:]] == [0, 1]


@pytest.mark.parametrize("model", ["openai:m", "google:m"])
def test_a_loop_is_recorded_and_played(model, nbstream_offline, tmp_path):
    """Each request finds its answer again."""
    asked = "[scenario: agent] the weather in Paris, Tokyo and Oslo"
    file = tmp_path / "loop.rec"
    with nbstream.record(file):
        first = nbstream.ask(asked, model, tools=[get_weather], view="none")
    nbstream.offline.play(file, speed=0)
    again = nbstream.ask(asked, model, tools=[get_weather], view="none")

    assert [each.text for each in again.rounds] == [each.text for each in first.rounds]


def test_stop_works_while_a_tool_runs(nbstream_offline):
    """The reply says stopped, and so does the call; the function is left behind."""
    runs, leave = threading.Event(), threading.Event()

    def slow(city: str) -> str:
        runs.set()
        leave.wait(20)
        return city

    tools = known_tools([slow])
    request = request_of("the weather", "anthropic:m", tools=[slow])
    turn = turn_of(request, tools, retries=Retries())
    live = started(turn, turn.reply, view="none")
    assert runs.wait(20)
    live.stop()
    reply = live.result(20)
    leave.set()

    assert reply.outcome == "stopped"
    assert reply.tool_calls[0].run.state == "stopped"


def test_a_timeout_is_for_the_service_and_not_for_tools(nbstream_offline):
    """A tool may take longer than the service may be silent."""

    async def slow(city: str) -> str:
        await asyncio.sleep(3)
        return city

    reply = nbstream.ask(
        "the weather", "openai:m", tools=[slow], view="none", timeout=2.5
    )

    assert reply.outcome == "complete"
