"""The page of ``nbstream.web.app`` as a person meets it, in Chromium."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from display.test_widget_browser import listener  # noqa: F401
from harness.browser_hostile import HARM
from harness.sdks import KEY, SHAPES
from harness.web import Script, served
from harness.wire import wait_until
from playwright.sync_api import expect

import nbstream
from nbstream import web

pytestmark = pytest.mark.browser

HARNESS = Path(__file__).parents[1] / "harness"
SHOTS = Path(__file__).parents[2] / "screenshots"
CHAT = "openai.chat, sync stream"


class Page:
    """The page, and the hands of the one who uses it."""

    def __init__(self, page, url):
        self.page = page
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)
        page.goto(url)
        self.keys = page.keyboard
        self.log = page.get_by_role("log", name="Conversation")
        self.input = page.get_by_role("textbox", name="Your question")
        self.answers = page.get_by_role("article", name="assistant")
        self.questions = page.get_by_role("article", name="user")
        self.note = page.locator("footer .note, footer .bad").last
        self.cards = page.locator("details")
        self.status = page.get_by_role("status")

    def _note(self, message):
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def ask(self, text):
        self.input.click()
        self.keys.type(text)
        self.keys.press("Enter")

    def says(self, text):
        """Wait until this is to be read."""
        self.log.get_by_text(text).first.wait_for()

    def ended(self):
        """Wait until nothing streams any more."""
        self.button("Send").wait_for()
        return self

    def js(self, code, value=None):
        return self.page.evaluate(code, value)

    def until(self, code, value=None):
        return self.page.wait_for_function(code, arg=value).json_value()

    def shot(self, name):
        self.page.screenshot(path=SHOTS / f"web-page-{name}.png")


@pytest.fixture
def visit(browser):
    """Open an app's page: `visit(app)`; a second time for another page of it."""
    served_, contexts, pages = {}, [], []

    def start(app, **options):
        if id(app) not in served_:
            server = served(app)
            served_[id(app)] = (server, server.__enter__())
        options = {"viewport": {"width": 900, "height": 700}, **options}
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(30_000)
        pages.append(Page(contexts[-1].new_page(), served_[id(app)][1]))
        return pages[-1]

    yield start
    for context in contexts:
        context.close()
    for server, _ in served_.values():
        server.__exit__(None, None, None)
    assert [error for each in pages for error in each.errors] == []


@pytest.fixture
def script():
    made = Script()
    yield made
    for _ in range(10):  # whatever still waits
        made.end()


# -- Asking and reading ---------------------------------------------------------------


def test_enter_sends_and_shift_enter_breaks_the_line(visit, script):
    """What is written is text, whatever it looks like; what was said goes along."""
    page = visit(web.app(script))
    page.keys.type("a <b>bold</b>")  # the page has the focus
    page.keys.press("Shift+Enter")
    page.keys.type("question")
    page.keys.press("Enter")
    page.button("Stop").wait_for()
    waiting = page.js(
        "() => [...document.querySelectorAll('.end')].map(e => e.tagName)"
    )
    empty = page.input.input_value()
    script.say("# Title\n\nAn *answ")
    page.until("() => document.querySelector('.end')?.textContent.includes('answ')")
    page.keys.type("next")
    page.keys.press("Enter")  # while it is answered: it waits
    script.say("er* of `code`.")
    script.end()
    page.ended()
    script.say("Again.")
    script.end()
    page.keys.press("Enter")
    page.says("Again.")
    page.ended()

    assert waiting == ["ARTICLE"]
    assert empty == ""
    assert page.questions.all_inner_texts() == ["a <b>bold</b>\nquestion", "next"]
    assert page.answers.first.locator("h1, em, code").all_inner_texts() == [
        "Title",
        "answer",
        "code",
    ]
    assert page.page.locator(".end").count() == 0
    first, second = script.asked
    assert first.text == "a <b>bold</b>\nquestion"
    assert [each.text for each in second.messages] == [
        first.text,
        "# Title\n\nAn *answer* of `code`.",
        "next",
    ]


@pytest.mark.parametrize("how", ["the button", "Escape", "New chat"])
def test_stop_closes_the_providers_connection(visit, held, wire, how):
    """What had come stays, and says that it is not all."""
    page = visit(web.app(held))
    page.ask("silence / please")
    page.until("() => document.querySelector('.assistant .text')?.textContent")
    if how == "Escape":
        page.keys.press("Escape")
    else:
        page.button("Stop" if how == "the button" else how).click()
    gone = wire.wait_for(lambda each: each.gone_at_s)
    page.ended()

    assert gone.plan == "silence"
    if how == "New chat":
        assert page.answers.count() == page.questions.count() == 0
    else:
        assert page.note.inner_text() == "Stopped. This is what had arrived."
        assert page.answers.locator(".text").inner_text()


FAILURES = {
    "e401": "The service did not accept this server's key.",
    "e500": "The service had an error. Try again.",
    "cut": "The connection to the service was lost. Try again.",
    "closed": "The answer broke off before it was complete.",
    "inband": "The service had an error. Try again.",
    "empty": "The answer broke off before it was complete.",
}


@pytest.mark.parametrize(("plan", "words"), FAILURES.items(), ids=FAILURES)
def test_a_failure_is_told_in_words(visit, held, plan, words):
    """Below what had come, and with a way on; never the service's own words."""
    page = visit(web.app(held))
    page.ask(f"{plan} / please")
    page.button("Try again").wait_for()

    assert page.note.inner_text() == words
    assert page.status.inner_text().endswith(words)
    assert KEY not in page.page.content()
    assert page.answers.locator(".text").count() == (
        plan in {"cut", "closed", "inband"}
    )


def test_too_many_requests_and_another_try(visit, broken):
    """A 429 says so; the same question is asked again, once, and is answered."""
    plans = ["e429", "whole"]

    def answer(asked):
        return SHAPES[CHAT].make(broken, plans.pop(0), asked.text)

    page = visit(web.app(answer))
    page.ask("Hello")
    page.button("Try again").wait_for()
    said = page.note.inner_text()
    page.button("Try again").focus()
    page.keys.press("Enter")
    page.says("tokens")

    assert said == "The service is asked too often just now. Try again later."
    assert page.questions.count() == page.answers.count() == 1
    assert page.button("Try again").count() == 0


def test_what_is_no_stream_is_told(visit, script):
    """A proxy's page of HTML is not shown as an answer, and not passed over."""
    page = visit(web.app(script))
    answer = {
        "status": 502,
        "content_type": "text/html",
        "body": "<h1>Bad gateway</h1>",
    }
    page.page.route("**/api/chat", lambda route: route.fulfill(**answer))
    page.ask("Hello")
    page.button("Try again").wait_for()
    first = page.note.inner_text()
    answer["status"] = 200
    page.button("Try again").click()
    page.until("() => document.querySelector('.bad')?.textContent.includes('200')")

    assert first == "The server answered with status 502 and no stream."
    assert "Bad gateway" not in page.log.inner_text()


def test_the_network_is_cut_in_mid_stream(visit, script):
    """It ends in words; what had come is kept, also when the page is loaded again."""
    app = web.app(script)

    async def torn(scope, receive, send):
        async def sent(message):
            if b"Half" in message.get("body", b""):
                await send(message)
                raise ConnectionError("the cable is out")
            await send(message)

        with contextlib.suppress(ConnectionError):
            await app(scope, receive, sent)  # the server closes what has no end

    page = visit(torn)
    script.say("Half an answer")
    page.ask("Hello")
    page.button("Try again").wait_for()
    seen = page.log.inner_text()
    page.page.reload()
    page.button("Try again").wait_for()

    assert page.note.inner_text() == "The connection was lost."
    assert page.answers.locator(".text").inner_text() == "Half an answer"
    assert page.log.inner_text() == seen


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_any_cut_of_the_stream_is_survived(visit, offline, end):
    """One byte at a time, with any end of line, comments and other fields between."""
    app = web.app(nbstream.Chat("anthropic:m"))

    async def cut(scope, receive, send):
        async def sent(message):
            body = message.get("body", b"")
            if not body.startswith(b"data:"):
                await send(message)
                return
            body = body.replace(b"data:", b"event: x\n: comment\nid: 1\ndata:")
            for byte in body.replace(b"\n", end.encode()):
                await send({**message, "body": bytes([byte]), "more_body": True})
            if not message.get("more_body"):
                await send({**message, "body": b""})

        await app(scope, receive, sent)

    page = visit(cut)
    page.ask("Žluťoučký kůň 🐎 日本")
    page.says("tokens")

    assert "Žluťoučký kůň 🐎 日本" in page.answers.inner_text()


# -- Reasoning, tools, consent --------------------------------------------------------


def test_reasoning_is_folded(visit, script):
    """It is there for who opens it, by key, also while it grows."""
    page = visit(web.app(script))
    page.ask("Hello")
    script.delta(reasoning_content="First I think")
    page.says("Reasoning")
    folded = page.log.get_by_text("First I think").is_visible()
    page.cards.locator("summary").focus()
    page.keys.press("Enter")
    script.delta(reasoning_content=" <b>hard</b>.")
    page.says("First I think <b>hard</b>.")
    script.delta(content="Done.")
    script.end()
    page.says("Done.")

    assert folded is False


def test_a_tool_card_fills_in(visit, script):
    """Its name, its arguments as they come, what is going on."""
    page = visit(web.app(script))
    page.ask("Hello")
    card = page.cards
    script.call('{"city": "Pa')
    page.says("weather · arguments are arriving …")
    card.locator("summary").click()
    page.says('{"city": "Pa')
    script.call('ris", "days"')
    page.says('{"city": "Paris", "days"')
    page.shot("card")
    script.call(": 2}")
    script.say(
        {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}],
        }
    )
    script.end()
    page.ended()

    assert card.count() == 1
    assert card.locator("pre").first.inner_text().split() == [
        *("{", '"city":', '"Paris",', '"days":', "2", "}")
    ]


def test_a_tool_of_the_servers_and_its_result(visit, offline):
    def weather(city: str) -> dict[str, object]:
        """Say how the weather is."""
        return {"city": city, "celsius": 21}

    page = visit(web.app(nbstream.Chat("openai:m", tools=[weather])))
    page.ask("What is the weather in Paris?")
    page.says("tokens")
    page.cards.locator("summary").click()

    assert page.cards.locator("summary").inner_text() == "weather · done"
    given, came = page.cards.locator("pre").all_inner_texts()
    assert given == '{\n  "city": "Paris"\n}'
    assert '"celsius": 21' in came


@pytest.mark.parametrize("allowed", [True, False], ids=["allowed", "refused"])
def test_consent_by_keyboard(visit, offline, allowed):
    """Shift+Tab from the input reaches the buttons; who presses them decides."""
    ran = []

    @nbstream.tool(confirm=True)
    def delete(path: str) -> str:
        """Delete a file."""
        ran.append(path)
        return f"deleted {path}"

    page = visit(web.app(nbstream.Chat("openai:m", tools=[delete])))
    page.ask("Delete it")
    expect(page.button("Allow")).to_be_enabled(timeout=60_000)
    page.until("() => document.querySelector('#status').textContent.includes('asks')")
    before, wanted = list(ran), "Allow" if allowed else "Refuse"
    while page.js("() => document.activeElement.textContent") != wanted:
        page.keys.press("Shift+Tab")
    page.keys.press("Enter")
    page.page.locator("article .text").nth(1).wait_for()
    page.ended()

    assert before == []
    assert len(ran) == allowed
    state = "done" if allowed else "not allowed"
    assert page.cards.locator("summary").inner_text() == f"delete · {state}"
    assert page.button("Allow").count() == 0
    assert page.answers.count() == 1


# -- Staying and leaving --------------------------------------------------------------


def test_the_end_is_followed_until_the_reader_scrolls_up(visit, script):
    """Who reads further up is left alone, and taken along again at the end."""
    page = visit(web.app(script))
    page.ask("Hello")
    where = "() => { const e = document.querySelector('#log');"
    below = f"{where} return e.scrollHeight - e.clientHeight - e.scrollTop; }}"
    top = f"{where} return e.scrollTop; }}"
    script.say(*(f"Paragraph {at}.\n\n" for at in range(60)))
    page.until("() => document.querySelector('#log').textContent.includes('59.')")
    followed = page.js(below)
    page.log.hover()
    page.page.mouse.wheel(0, -60)  # a little is enough
    page.until(f"() => ({below})() > 30")
    page.page.wait_for_timeout(200)  # the wheel scrolls smoothly
    begun = page.js(top)
    script.say(*(f"Paragraph {at}.\n\n" for at in range(60, 90)))
    page.until("() => document.querySelector('#log').textContent.includes('89.')")
    left = page.js(top)
    page.page.mouse.wheel(0, 5000)
    page.until(f"() => ({below})() < 2")
    script.say("The last.")
    script.end()
    page.ended()

    assert followed < 2
    assert left == begun
    assert page.js(below) < 2


def test_a_page_that_is_loaded_again_goes_on(visit, held, wire):
    """The answer that is streaming is there, whole, and can be stopped."""
    page = visit(web.app(held, linger_s=30))
    page.ask("silence / please")
    page.until("() => document.querySelector('.assistant .text')?.textContent")
    page.page.reload()
    page.button("Stop").wait_for()
    page.until("() => document.querySelector('.assistant .text')?.textContent")
    page.button("Stop").click()
    wire.wait_for(lambda each: each.gone_at_s)
    page.ended()

    assert len(wire.exchanges) == 1
    assert page.answers.locator(".text").count() == 1
    assert page.note.inner_text() == "Stopped. This is what had arrived."


def test_an_answer_that_ended_while_the_page_was_away(visit, script):
    """It is there, whole, for who comes back in time."""
    page = visit(web.app(script, linger_s=30))
    url = page.page.url
    script.say("**One** ")
    page.ask("Hello")
    page.says("One")
    page.page.goto("about:blank")
    script.say("two.")
    script.end()
    wait_until(lambda: script.ended)
    page.page.goto(url)
    page.says("two.")
    page.ended()

    assert page.answers.locator(".text").inner_text() == "One two."
    assert page.button("Try again").count() == 0
    assert len(script.asked) == 1


def test_a_page_that_is_loaded_again_keeps_the_conversation(visit, script):
    """All of it is there, and goes along with the next question."""
    page = visit(web.app(script))
    page.ask("Hello")
    script.say("**All** of it.")
    script.end()
    page.says("All of it.")
    page.ended()
    seen = page.log.inner_text()
    page.page.reload()
    again = page.log.inner_text()
    page.button("New chat").click()
    page.page.reload()

    assert again == seen
    assert page.log.inner_text().strip() == ""


def test_leaving_the_page_stops_the_answer(visit, held, wire):
    """The provider's connection is closed; who comes back finds what had come."""
    page = visit(web.app(held))
    page.ask("silence / please")
    page.until("() => document.querySelector('.assistant .text')?.textContent")
    page.page.reload()
    wire.wait_for(lambda each: each.gone_at_s)
    page.button("Try again").wait_for()

    assert page.note.inner_text() == "Stopped. This is what had arrived."
    assert page.answers.locator(".text").inner_text()


# -- For everybody --------------------------------------------------------------------

WIDE = (
    """\
# A heading that is quite long for the width of a telephone

| a column | another column | a third | a fourth column | the last |
|---|---|---|---|---|
| words | words | words | words and words | words |

```python
def a_function_with_a_long_name(argument, another_argument, one_more_argument): pass
```

"""
    + "Donaudampfschifffahrt" * 8
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phones_width(visit, script, scheme):
    """Nothing is wider than the page, and what is wide scrolls by itself."""
    size = {"width": 390, "height": 800}
    page = visit(web.app(script), viewport=size, color_scheme=scheme)
    page.ask("W" * 120)
    script.delta(content=WIDE)
    script.call('{"city": "' + "P" * 100 + '"}')
    script.end()
    page.ended()
    page.cards.locator("summary").click()
    page.shot(f"phone-{scheme}")
    widths = page.js(
        "() => [document.documentElement, document.querySelector('#log')]"
        ".map((each) => each.scrollWidth)"
    )

    assert widths == [390, 390]
    colour = page.js("() => getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", colour))) > 400) == (scheme == "light")


def test_by_keyboard_and_screen_reader(visit, script):
    """All has a name, the focus goes in order, and whole sentences are spoken."""
    page = visit(web.app(script))
    focused = []
    page.button("New chat").focus()
    for _ in range(4):
        name = "e => e.ariaLabel || e.textContent"
        focused.append(page.js(f"() => ({name})(document.activeElement)"))
        page.keys.press("Tab")
    page.ask("Hello")
    page.until(
        "() => document.querySelector('#status').textContent.includes('Waiting')"
    )
    script.say("It is. And it g")
    page.until(
        "() => document.querySelector('#status').textContent.trim() === 'It is.'"
    )
    script.say("oes on.")
    script.end()
    page.until("() => document.querySelector('#status').textContent.includes('done')")

    assert focused == ["New chat", "Conversation", "Your question", "Send"]
    assert page.log.get_attribute("aria-live") == "off"
    assert page.status.inner_text() == "And it goes on. It is done."


# -- Hostile answers ------------------------------------------------------------------

#: What must not be in an answer, as the browser itself sees it.
ALIVE = """() => { const harm = @HARM@;
return [...document.querySelectorAll('.assistant *')].flatMap((e) => {
  const bad = e.closest('.text > div > *') && !e.matches('button') ? harm(e) : [];
  if (/^(script|style|link|iframe|object|embed|svg|math|form|base|meta|video|audio)$/i
    .test(e.localName)) bad.push(e.outerHTML.slice(0, 200));
  for (const {name, value} of e.attributes) {
    const link = name === 'href' && !/^(https?:|mailto:|#|$)/i.test(value);
    const style = name === 'style' && !e.closest('.text > div > *');
    const image = name === 'src' && !/^data:image/.test(value);
    if (/^on|^action|^name$|^id$|^srcdoc/.test(name) || link || style || image)
      bad.push(`${name}=${value.slice(0, 200)}`);
  }
  return bad;
}); }""".replace("@HARM@", HARM)


def test_hostile_answers_do_nothing(visit, script, listener):  # noqa: F811
    """In pieces that leave halves, in each field: no script, no request elsewhere."""
    own = f"http://127.0.0.1:{listener.server_port}"
    corpus = (HARNESS / "browser_hostile.md").read_text("utf-8").replace("@HOST@", own)
    app = web.app(script)
    page = visit(app)
    url = page.page.url
    asked = []
    page.page.on("request", lambda request: asked.append(request.url))
    alive, halves = [], re.compile(r'(?<=[<"(!`$\\&])')
    page.ask(f"<img src={own}/question onerror='window.__pwned = 1'>")
    for text in corpus.split("=====\n"):
        for piece in halves.split(text + "\n\n"):
            script.delta(content=piece)
        page.page.wait_for_timeout(40)  # in which some of it is shown
        alive += page.js(ALIVE)
    function = {"name": corpus, "arguments": corpus}
    script.delta(tool_calls=[{"index": 0, "id": corpus, "function": function}])
    script.delta(refusal=corpus)
    script.delta(reasoning_content=corpus)
    page.page.wait_for_timeout(300)
    script.say({"error": {"message": corpus, "type": corpus, "code": corpus}})
    script.end()
    page.button("Try again").wait_for()
    alive += page.js(ALIVE)
    page.js("() => document.querySelectorAll('summary').forEach((e) => e.click())")
    page.page.reload()
    page.page.wait_for_timeout(500)  # in which nothing is asked for

    assert page.answers.locator(".text > div").count() > 100
    assert page.page.locator(".assistant details:not(.text *)").count() == 2
    assert alive + page.js(ALIVE) == []
    assert page.js("() => window.__pwned ?? null") is None
    assert listener.asked == []
    assert [each for each in asked if not each.startswith(url)] == []
    assert page.js("() => getComputedStyle(document.body).outlineStyle") == "none"


def test_the_policy_holds_without_the_servers_care(visit, script):
    """Were there a hole, a script in an answer would still not run or reach out."""
    page = visit(web.app(script))
    refused = page.js(
        """async () => {
          const found = [];
          addEventListener('securitypolicyviolation',
            (event) => found.push(event.effectiveDirective));
          const hole = document.createElement('div');
          hole.innerHTML = '<img src="http://127.0.0.1:9/x" onerror="window.p = 1">'
            + '<iframe srcdoc="<script>parent.p = 1</script>"></iframe>';
          const script = document.createElement('script');
          script.textContent = 'window.p = 1';
          document.body.append(hole, script);
          await fetch('http://127.0.0.1:9/y').catch(() => {});
          await new Promise((call) => setTimeout(call, 200));
          return [window.p ?? null, [...new Set(found)].sort()];
        }"""
    )
    page.errors.clear()  # the browser's own words about it

    assert refused == [
        None,
        ["connect-src", "img-src", "script-src-attr", "script-src-elem"],
    ]
