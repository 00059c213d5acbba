"""A real page over ``nbstream.web``: ``useChat`` of the AI SDK, 7 and 5, in Chromium.

What the hook renders is looked at, with what it rendered on the way there.
"""

from __future__ import annotations

import json

import pytest
from harness.node import hook
from harness.sdks import KEY
from harness.web import Script, served

import nbstream
from nbstream import web

pytestmark = pytest.mark.browser

CLIENTS = {
    "7, HTTP": {"major": 7},
    "7, WebSocket": {"major": 7, "transport": "websocket"},
    "5, HTTP": {"major": 5},
}
client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
newest = pytest.mark.parametrize("client", list(CLIENTS.values())[:2], ids=["S", "W"])


def hooked(app, major):
    """Return an app that has the hook's page, too."""
    page = hook(major).encode()

    async def both(scope, receive, send):
        if scope.get("path") != "/hook":
            await app(scope, receive, send)
            return
        head = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": page})

    return both


class Hook:
    """What the hook has, and what is done with it."""

    def __init__(self, page):
        self.page = page
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def js(self, code, value=None):
        return self.page.evaluate(code, value)

    def send(self, text):
        self.js("(text) => { chat.sendMessage({ text }); }", text)
        return self

    def until(self, condition):
        self.page.wait_for_function(f"() => {condition}")
        return self

    def idle(self):
        """Wait until it is answered; return the last message."""
        self.until("['ready', 'error'].includes(chat.status)")
        return self.messages[-1] if self.messages else None

    def ask(self, text):
        self.send(text).until("chat.status !== 'ready'")
        return self.idle()

    @property
    def messages(self):
        return self.js("() => chat.messages")

    @property
    def state(self):
        return self.js("() => [chat.status, chat.error?.message ?? null]")

    @property
    def seen(self):
        return [json.loads(each) for each in self.js("() => seen")]


@pytest.fixture
def visit(browser):
    """Open an app's page with the hook: `visit(app, client)`."""
    entered, pages = [], []

    def start(app, client, **plan):
        server = served(hooked(app, client["major"]))
        context = browser.new_context()
        context.set_default_timeout(30_000)
        entered.append((server, context))
        url = server.__enter__()
        pages.append(Hook(context.new_page()))
        plan = {"transport": client.get("transport", "http"), **plan}
        query = "&".join(f"{name}={value}" for name, value in plan.items())
        pages[-1].page.goto(f"{url}/hook?{query}")
        return pages[-1].until("window.chat")

    yield start
    for server, context in entered:
        context.close()
        server.__exit__(None, None, None)
    assert [error for each in pages for error in each.errors] == []


@pytest.fixture
def script():
    made = Script()
    yield made
    for _ in range(5):
        made.end()


def kinds(message):
    return [each["type"] for each in message["parts"]]


def weather(city: str) -> dict[str, object]:
    """Say how the weather is."""
    return {"city": city, "celsius": 21}


@client
def test_text_reasoning_and_usage(visit, offline, client):
    page = visit(web.app(nbstream.Chat("anthropic:m")), client)
    message = page.ask("Think step by step")

    assert page.state == ["ready", None]
    assert kinds(message) == ["step-start", "reasoning", "text"]
    assert {each.get("state") for each in message["parts"][1:]} == {"done"}
    assert message["metadata"]["outcome"] == "complete"
    assert message["metadata"]["model"] == "m"
    assert message["metadata"]["usage"]["outputTokens"] > 0
    assert page.page.get_by_label("assistant").locator("p").count() == 3


@client
def test_a_tools_input_streams(visit, script, client):
    """The hook has the input while it is written, and whole at the end."""
    page = visit(web.app(script), client).send("Hello")
    script.call('{"city": "Pa')
    page.until("chat.messages.at(-1)?.parts.at(-1)?.input?.city === 'Pa'")
    script.call('ris", "days": 2}')
    page.until("chat.messages.at(-1)?.parts.at(-1)?.input?.days === 2")
    choice = {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
    script.say({"object": "chat.completion.chunk", "choices": [choice]})
    script.end()
    message = page.idle()

    assert ["tool-weather", "input-streaming", {"city": "Pa"}] in page.seen
    assert message["parts"][1]["state"] == "input-available"
    assert message["parts"][1]["input"] == {"city": "Paris", "days": 2}
    assert page.state == ["ready", None]


@client
def test_a_tool_of_the_servers_and_more_questions(visit, offline, client):
    """Output and next answer are there; the history comes back with each question."""
    page = visit(web.app(nbstream.Chat("openai:m", tools=[weather])), client)
    first = page.ask("What is the weather in Paris?")
    second = page.ask("And in Rome?")
    page.js("() => { chat.regenerate(); }")
    page.until("chat.status !== 'ready'")
    third = page.idle()

    assert page.state == ["ready", None]
    for message, city in ((first, "Paris"), (second, "Rome"), (third, "Rome")):
        assert kinds(message) == ["step-start", "tool-weather", "step-start", "text"]
        assert message["parts"][1]["state"] == "output-available"
        assert message["parts"][1]["output"] == {"city": city, "celsius": 21}
    assert [each["role"] for each in page.messages] == ["user", "assistant"] * 2


@client
def test_stop_reaches_the_provider(visit, held, wire, client):
    """What had come stays, and the provider's connection is closed."""
    page = visit(web.app(held), client).send("silence")
    page.until("chat.messages.at(-1)?.parts.at(-1)?.text?.includes(' ')")
    page.js("() => chat.stop()")
    wire.wait_for(lambda each: each.gone_at_s)
    message = page.idle()

    assert page.state == ["ready", None]
    assert page.js("() => finishes.at(-1).isAbort") is True
    assert " " in message["parts"][-1]["text"]


@client
def test_leaving_the_page_reaches_the_provider(visit, held, wire, client):
    page = visit(web.app(held), client).send("silence")
    page.until("chat.messages.at(-1)?.parts.at(-1)?.text?.includes(' ')")
    page.page.goto("about:blank")

    assert wire.wait_for(lambda each: each.gone_at_s).plan == "silence"


FAILURES = {
    "e401": "The service did not accept this server's key.",
    "e429": "The service is asked too often just now. Try again later.",
    "cut": "The connection to the service was lost. Try again.",
    "closed": "The answer broke off before it was complete.",
    "inband": "The service had an error. Try again.",
}


@client
@pytest.mark.parametrize(("plan", "words"), FAILURES.items(), ids=FAILURES)
def test_a_failure_is_an_error_of_the_hook(visit, held, client, plan, words):
    """Its words are ours; what had come is kept."""
    page = visit(web.app(held), client)
    message = page.ask(plan)

    assert page.state == ["error", words]
    assert page.page.locator("output").inner_text() == words
    assert KEY not in page.page.content()
    said = message["role"] == "assistant" and "text" in kinds(message)
    assert said == (plan in {"cut", "closed", "inband"})
    assert said == (message["role"] == "assistant")


@newest
@pytest.mark.parametrize("approved", [True, False])
def test_consent(visit, offline, client, approved):
    """The call is asked for; it runs when the person has said yes, and only then."""
    ran = []

    @nbstream.tool(confirm=True)
    def delete(path: str) -> str:
        """Delete a file."""
        ran.append(path)
        return f"deleted {path}"

    page = visit(web.app(nbstream.Chat("openai:m", tools=[delete])), client)
    asked = page.ask("Delete it")["parts"][-1]
    before = list(ran)
    answer = {"id": asked["approval"]["id"], "approved": approved}
    page.js("(answer) => { chat.addToolApprovalResponse(answer); }", answer)
    page.until("chat.messages.at(-1).parts.at(-1).type === 'text'")
    message = page.idle()

    assert (asked["state"], before) == ("approval-requested", [])
    assert page.state == ["ready", None]
    assert len(ran) == approved
    state = "output-available" if approved else "output-denied"
    assert message["parts"][1]["state"] == state
    assert len(page.messages) == 2


@client
def test_a_page_that_is_loaded_again_takes_it_up(visit, script, client):
    """The answer that still streams is there from its start, and goes on."""
    page = visit(web.app(script, linger_s=30), client, resume="1")
    script.say("Once upon ")
    page.send("Hello").until(
        "chat.messages.at(-1)?.parts.at(-1)?.text === 'Once upon '"
    )
    page.page.reload()
    page.until("window.chat?.messages.at(-1)?.parts.at(-1)?.text === 'Once upon '")
    script.say("a time.")
    script.end()
    message = page.idle()

    assert page.state == ["ready", None]
    assert message["parts"][-1]["text"] == "Once upon a time."
    assert len(script.asked) == 1
