"""Real clients of ``nbstream.web``: the AI SDK's chat, 7 and 5, over HTTP and a socket.

What each of them makes of an answer is compared whole, so that a chunk it does not like
is seen: it drops what follows, and often says nothing.
"""

from __future__ import annotations

import pytest
from harness.node import chat
from harness.sdks import KEY, SHAPES
from harness.web import Client, question, served

import nbstream
from nbstream import web

pytestmark = pytest.mark.browser

CLIENTS = {
    "7, HTTP": {"major": 7},
    "7, WebSocket": {"major": 7, "transport": "websocket"},
    "5, HTTP": {"major": 5},
}
client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
DONE = {"isAbort": False, "isDisconnect": False, "isError": False}


@pytest.fixture(scope="module")
def answered(offline):
    """A chat with a tool, and one with a tool that needs consent."""

    def weather(city: str) -> dict[str, object]:
        """Say how the weather is."""
        return {"city": city, "celsius": 21}

    with served(web.app(nbstream.Chat("openai:m", tools=[weather]))) as url:
        yield url


@pytest.fixture(scope="module")
def faulty(broken):
    """A function that asks as the question says: ``shape / plan``."""

    def answer(asked):
        shape, plan = asked.text.split(" / ")
        return SHAPES[shape].make(broken, plan, "A long answer, please")

    with served(web.app(answer)) as url:
        yield url


@client
def test_text_reasoning_and_usage(offline, client):
    """The message is as it was written, and its metadata say what it cost."""
    with served(web.app(nbstream.Chat("anthropic:m"))) as url:
        found = chat(url, ["send", "Think step by step"], **client)
    message = found["messages"][-1]
    kinds = [each["type"] for each in message["parts"]]

    assert (found["status"], found["error"]) == ("ready", None)
    assert kinds == ["step-start", "reasoning", "text"]
    assert {each.get("state") for each in message["parts"][1:]} == {"done"}
    assert message["metadata"]["model"] == "m"
    assert message["metadata"]["outcome"] == "complete"
    assert message["metadata"]["usage"]["outputTokens"] > 0


@client
def test_a_tool_of_the_servers(answered, client):
    """Its input streams, its output is there, and the next answer follows."""
    found = chat(answered, ["send", "How is the weather?"], **client)
    kinds = [each["type"] for each in found["messages"][-1]["parts"]]
    tool = found["messages"][-1]["parts"][1]

    assert (found["status"], found["error"]) == ("ready", None)
    assert kinds == ["step-start", "tool-weather", "step-start", "text"]
    assert tool["state"] == "output-available"
    assert tool["output"]["celsius"] == 21
    assert tool["input"]["city"] == tool["output"]["city"]


@client
def test_a_second_question_has_the_first(answered, client):
    """The whole history comes back, tools and all, and is read."""
    found = chat(
        answered, ["send", "How is it?"], ["idle"], ["send", "And now?"], **client
    )

    assert (found["status"], found["error"]) == ("ready", None)
    assert [each["role"] for each in found["messages"]] == ["user", "assistant"] * 2
    assert "And now?" in found["messages"][-1]["parts"][-1]["text"]


@client
def test_an_answer_is_asked_for_again(answered, client):
    found = chat(answered, ["send", "How is it?"], ["idle"], ["regenerate"], **client)

    assert (found["status"], found["error"]) == ("ready", None)
    assert len(found["messages"]) == 2


@client
def test_stop_reaches_the_provider(faulty, wire, client):
    """What had come stays, and the provider's connection is closed."""
    wire.exchanges.clear()
    asked = "openai.chat, sync stream / silence"
    found = chat(faulty, ["send", asked], ["until", " "], ["stop"], **client)

    assert wire.wait_for(lambda each: each.gone_at_s)
    assert found["status"] == "ready"
    assert found["finishes"][-1]["isAbort"] is True
    assert " " in found["messages"][-1]["parts"][-1]["text"]


PLANS = {
    "e401": "The service did not accept this server's key.",
    "e500": "The service had an error. Try again.",
    "cut": "The connection to the service was lost. Try again.",
    "closed": "The answer broke off before it was complete.",
    "empty": "The answer broke off before it was complete.",
}


@client
@pytest.mark.parametrize(("plan", "words"), PLANS.items(), ids=PLANS)
def test_a_failure_is_an_error_of_the_client(faulty, client, plan, words):
    """Never a silent success: its words are ours, true, and hold no key."""
    found = chat(faulty, ["send", f"openai.chat, sync stream / {plan}"], **client)

    assert found["status"] == "error"
    assert found["error"] == words
    assert KEY not in str(found)
    if plan.startswith(("e4", "e5")):
        assert [each["role"] for each in found["messages"]] == ["user"]


@pytest.mark.parametrize("transport", ["http", "websocket"])
def test_a_stream_is_taken_up_again(faulty, wire, transport):
    """A page that is loaded again reads it from its start, and may stop it."""
    wire.exchanges.clear()
    first = Client(faulty, question("openai.chat, sync stream / silence", id_="c7"))
    first.read_until("text-delta")
    actions = ["resume"], ["until", " "], ["stop"]
    found = chat(faulty, *actions, id="c7", transport=transport)
    first.leave()

    assert (found["status"], found["error"]) == ("ready", None)
    assert " " in found["messages"][-1]["parts"][-1]["text"]
    assert wire.wait_for(lambda each: each.gone_at_s)


@pytest.mark.parametrize("transport", ["http", "websocket"])
def test_nothing_is_there_to_be_taken_up(faulty, transport):
    found = chat(faulty, ["resume"], id="c8", transport=transport)

    assert (found["status"], found["error"]) == ("ready", None)
    assert found["messages"] == []


@pytest.mark.parametrize("transport", ["http", "websocket"])
@pytest.mark.parametrize("approved", [True, False])
def test_consent(offline, transport, approved):
    """The call is asked for, and runs when the person has said yes, and only then."""
    ran = []

    @nbstream.tool(confirm=True)
    def delete(path: str) -> str:
        """Delete a file."""
        ran.append(path)
        return f"deleted {path}"

    with served(web.app(nbstream.Chat("openai:m", tools=[delete]))) as url:
        found = chat(
            url,
            ["send", "Delete it"],
            ["idle"],
            ["look"],
            ["answer", approved],
            transport=transport,
        )
    (before,) = found["seen"]
    tool = found["messages"][-1]["parts"][1]

    assert before[-1]["state"] == "approval-requested"
    assert (found["status"], found["error"]) == ("ready", None)
    assert len(ran) == approved
    assert tool["state"] == ("output-available" if approved else "output-denied")
    assert found["messages"][-1]["parts"][-1]["type"] == "text"
