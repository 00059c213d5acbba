"""One turn: the model calls, calls are run, their results go back, until the end."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from harness.answers import DONE, called, chunk

import nbstream
from nbstream import UsageError
from nbstream._ask import LIMIT, MAX_PAUSES, Turn, known_tools, request_of, turn_of
from nbstream._live import started
from nbstream._reader import Reader
from nbstream._retry import Retries
from nbstream.lab.recording import Exchange, Read, dumps
from nbstream.reply import Reply
from nbstream.requests.anthropic import Anthropic
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
        async for payload in turn:
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
        async for payload in turn:
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
def test_a_tool_may_reach_all_of_a_notebook(model, nbstream_offline):
    """Its loop, too, by the variables that are handed to it: it runs in a thread."""

    async def cell():
        variables = {"city": "Oslo", "loop": asyncio.get_running_loop()}

        def look(name: str) -> str:
            """Look at a variable."""
            return variables[name]

        chat = nbstream.Chat(model, tools=[look])
        return chat("What is in city?", view="none").rounds[0].tool_calls[0].run.result

    assert asyncio.run(cell()) == "Oslo"


IN_BACKGROUND = {
    "ask": lambda tool: nbstream.ask(
        "Weather in Oslo?", "openai:m", tools=[tool], view="none", wait=False
    ),
    "Chat": lambda tool: nbstream.Chat("openai:m", tools=[tool]).start(
        "Weather in Oslo?", view="none"
    ),
}


@pytest.mark.parametrize("begin", IN_BACKGROUND.values(), ids=IN_BACKGROUND)
def test_what_runs_in_the_background_needs_no_loop(begin, nbstream_offline):
    """A cell that waits for it, or that is busy, does not hold it up."""

    async def cell():
        live = begin(get_weather)
        live.wait_until(lambda: live.reply.text != "")
        return live.result(20).outcome

    assert asyncio.run(cell()) == "complete"


@pytest.mark.parametrize("begin", IN_BACKGROUND.values(), ids=IN_BACKGROUND)
def test_an_async_tool_in_the_background_runs_on_the_loop_that_runs(
    begin, nbstream_offline
):
    """It may use anything of it."""
    loops = []

    async def weather(city: str) -> str:
        """Tell the weather of a city."""
        loops.append(asyncio.get_running_loop())
        return city

    async def cell():
        await begin(weather)
        return asyncio.get_running_loop()

    assert [asyncio.run(cell())] == loops


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


# -- turns that the provider pauses, and the container of its code --------------------

SEARCH = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []}
RUN = {
    "type": "server_tool_use",
    "id": "srv_2",
    "name": "code_execution",
    "input": {"code": "get_weather('Oslo')"},
}
BY_CODE = {
    "type": "tool_use",
    "id": "toolu_1",
    "name": "get_weather",
    "input": {"city": "Oslo"},
    "caller": {"type": "code_execution_20260120", "tool_id": "srv_2"},
}
RAN = {"type": "code_execution_tool_result", "tool_use_id": "srv_2", "content": []}
CONTAINER = {"id": "container_1", "expires_at": "2099-01-01T00:00:00Z"}


def said(text):
    return {"type": "text", "text": text}


def message(*blocks, reason="end_turn", **more):
    """An answer of Anthropic's, event by event; ``reason`` None: it is cut."""
    usage = {"input_tokens": 3, "output_tokens": 2}
    about = {"id": "msg", "role": "assistant", "model": "m", "usage": usage}
    opened = {"stop_reason": None, "stop_sequence": None, "content": []}
    begun = {**about, **opened, "type": "message"}
    found = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(blocks):
        at = {"index": index}
        found.append({"type": "content_block_start", **at, "content_block": block})
        found.append({"type": "content_block_stop", **at})
    if reason is not None:
        end = {"stop_reason": reason, "stop_sequence": None, **more}
        found.append({"type": "message_delta", "delta": end, "usage": usage})
        found.append({"type": "message_stop"})
    return found


PAUSED = message(said("I look."), SEARCH, reason="pause_turn")


def asked(script, *tools, **options):
    known = known_tools(tools)
    request = request_of("Go.", "anthropic:m", tools=tools, options=options)
    return Turn(request=request, reply=Reply(), send=script, tools=known)


def content(request, at=-1):
    """What a message of the SDK's call holds."""
    return Anthropic().arguments(request)["messages"][at]["content"]


def test_a_paused_answer_is_gone_on_with():
    """What came is sent back as it is, and stays the last; it is one answer."""
    script = Script(PAUSED, message(FOUND, SEARCH | {"id": "srv_3"}, reason=PAUSE))
    script.answers.append(message(FOUND | {"tool_use_id": "srv_3"}, said(" It is.")))
    turn = asked(script)
    own = play(turn)
    reply = turn.reply

    assert own == []
    assert [content(each) for each in script.requests] == [
        "Go.",
        [said("I look."), SEARCH],
        [said("I look."), SEARCH, FOUND, SEARCH | {"id": "srv_3"}],
    ]
    assert (reply.text, reply.outcome, reply.finish_reason) == (
        "I look. It is.",
        "complete",
        "stop",
    )
    assert (len(reply.rounds), reply.usage.total_tokens) == (1, 15)
    assert len(reply.to_message()["content"]) == 6


PAUSE = "pause_turn"
#: What follows the pause -> the outcome, and what goes back then.
AFTER_A_PAUSE = {
    "it is cut": (message(FOUND, reason=None), "truncated", 3),
    "nothing comes": ([], "truncated", 1),
    "it fails": ([ConnectionError("lost")], "failed", 1),
    "it is whole": (message(FOUND, said("It is.")), "complete", 4),
}


@pytest.mark.parametrize("case", AFTER_A_PAUSE, ids=AFTER_A_PAUSE)
def test_a_pause_is_no_end(case):
    """That the first part was whole says nothing of the rest; no call is left open."""
    payloads, outcome, count = AFTER_A_PAUSE[case]
    turn, error = asked(Script(PAUSED, payloads)), None
    reader = Reader(turn.reply)

    async def read():
        async for payload in turn:
            reader.push(payload)

    try:
        asyncio.run(read())
    except ConnectionError as lost:
        error = lost
    turn.reply._end(exception=error)

    assert turn.reply.outcome == outcome
    assert len(turn.reply.to_message()["content"]) == count


def test_a_provider_that_pauses_for_ever():
    """It is asked a number of times; then the answer says that it is paused."""
    script = Script(*[PAUSED] * (MAX_PAUSES + 1))
    turn = asked(script)
    play(turn)

    assert len(script.requests) == MAX_PAUSES + 1
    assert (turn.reply.outcome, turn.reply.finish_reason) == ("complete", "pause")


def test_a_compaction_that_was_asked_for_is_all():
    """One that came by the way is gone on with."""
    compaction = message({"type": "compaction", "content": "a"}, reason="compaction")
    for options, requests in (({"compaction": {"type": "summarize"}}, 1), ({}, 2)):
        script = Script(compaction, message(said("Done.")))
        play(asked(script, **options))
        assert len(script.requests) == requests


def test_tools_are_run_after_a_pause():
    """The calls of what came then are the caller's."""
    calls = message(FOUND, BY_CODE | {"caller": {"type": "direct"}}, reason="tool_use")
    script = Script(PAUSED, calls, message(said("Done.")))
    turn = asked(script, get_weather)
    play(turn)
    first, last = turn.reply.rounds

    assert first.tool_calls[0].run.result == "18 degrees in Oslo"
    assert (last.text, last.outcome) == ("Done.", "complete")
    assert len(content(script.requests[2], 1)) == 4


CONTAINERS = {
    "as its name": ({}, CONTAINER, "container_1"),
    "beside the skills that were asked for": (
        {"container": {"skills": ["s"]}},
        CONTAINER,
        {"id": "container_1", "skills": ["s"]},
    ),
    "not in place of the caller's own": ({"container": "mine"}, CONTAINER, "mine"),
    "not after its time": (
        {},
        CONTAINER | {"expires_at": "2001-01-01T00:00:00Z"},
        None,
    ),
    "when its time is not known": ({}, {"id": "c", "expires_at": None}, "c"),
    "when its time cannot be read": ({}, {"id": "c", "expires_at": "soon"}, "c"),
    "nothing that is no container": ({}, "c", None),
}


@pytest.mark.parametrize("case", CONTAINERS, ids=CONTAINERS)
def test_the_container_goes_back_with_the_results(case):
    """Code that waits for a result is in it, and the API refuses a request without."""
    options, told, sent = CONTAINERS[case]
    waits = message(said("Hm."), RUN, BY_CODE, reason="tool_use", container=told)
    script = Script(waits, message(RAN, said("18.")))
    turn = asked(script, get_weather, **options)
    play(turn)
    arguments = [Anthropic().arguments(each) for each in script.requests]

    assert arguments[0].get("container") == options.get("container")
    assert arguments[1].get("container") == sent
    assert content(script.requests[1], 1) == [said("Hm."), RUN, BY_CODE]


@pytest.fixture
def played(tmp_path):
    """Have the SDK answered with these answers, one after the other."""

    def play(*answers):
        file = tmp_path / "answers.rec"
        question = {"role": "user", "content": "Go."}
        body = {
            "model": "m",
            "stream": True,
            "max_tokens": 4096,
            "messages": [question],
        }
        file.write_bytes(dumps(recorded(body, answers)))
        return nbstream.offline.play(file, speed=0)

    yield play
    nbstream.offline.stop()


def recorded(body, answers):
    """Exchanges of a recording; of those with the same question each has its turn."""
    for number, answer in enumerate(answers, 1):
        sent = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in answer]
        yield Exchange(
            number=number,
            line=1,
            api="anthropic.messages",
            method="POST",
            url="https://api.anthropic.com/v1/messages",
            started_s=0.0,
            request_headers={"content-type": "application/json"},
            request=body,
            status=200,
            response_headers={"content-type": "text/event-stream"},
            response_s=0.0,
            reads=(Read(0.0, "".join(sent).encode()),),
            ended="complete",
            notes=(),
        )


def test_a_chat_goes_on_after_pauses(played):
    """By the SDK's own client; the next question stands behind a whole answer."""
    server = played(PAUSED, message(FOUND, said(" Sunny."), container=CONTAINER))
    chat = nbstream.Chat("anthropic:m")
    reply = chat("Go.", view="none")

    assert (reply.text, reply.outcome) == ("I look. Sunny.", "complete")
    whole = [said("I look."), SEARCH, FOUND, said(" Sunny.")]
    assert chat.messages[1:] == [{"role": "assistant", "content": whole}]
    sent = [each.request["messages"][1:] for each in server.log[-2:]]
    assert sent == [[], [{"role": "assistant", "content": whole[:2]}]]
    assert Anthropic().arguments(chat.request("And?"))["container"] == "container_1"
    chat.clear()
    assert "container" not in Anthropic().arguments(chat.request("And?"))


SPOILT = {
    "paused for ever": [PAUSED] * (MAX_PAUSES + 1),
    "an end with a call that waits": [message(said("I look."), SEARCH)],
    "at the token limit": [message(said("I look."), SEARCH, reason="max_tokens")],
    "refused": [message(said("I look."), SEARCH, reason="refusal")],
    "an unknown end": [message(said("I look."), SEARCH, reason="bored")],
    "a call of a function in code": [
        message(said("I look."), RUN, BY_CODE, reason="tool_use")
    ],
}


@pytest.mark.parametrize("case", SPOILT, ids=SPOILT)
def test_a_call_that_waits_never_spoils_a_chat(case, played):
    """The next question could not be asked behind it."""
    played(*SPOILT[case])
    chat = nbstream.Chat("anthropic:m")
    chat("Go.", view="none")
    kinds = {block["type"] for each in chat.messages[1:] for block in each["content"]}

    assert kinds == {"text"}
    assert chat.messages[1]["content"][0] == said("I look.")
