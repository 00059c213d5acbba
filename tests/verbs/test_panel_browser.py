"""The chat panel as a person meets it, in JupyterLab and Notebook 7."""

from pathlib import Path

import pytest
from display.test_widget_browser import GUARD, listener  # noqa: F401
from harness.live import MIMES, PAUSE, outputs, release
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SETUP = """\
import nbstream
from nbstream import offline
offline.use(speed={speed})
def get_weather(city: str) -> str:
    \"\"\"Tell the weather of a city.\"\"\"
    return f"It rains in {{city}}."
"""
CHAT = 'chat = nbstream.Chat("openai:gpt-5"{more})'
VIEW = "application/vnd.jupyter.widget-view+json"


#: Notes that an answer is under way, if only for an instant.
STARTS = """() => {
  window.started = false;
  const panel = document.querySelector('.nbstream-panel');
  new MutationObserver(() => { started ||= !!panel.querySelector('.nbstream-stops'); })
    .observe(panel, {subtree: true, childList: true, attributes: true});
}"""


class Talk:
    """A panel in a page, and the hands of the one who uses it."""

    def __init__(self, page, index):
        self.page = page
        self.node = page.output(index).locator(".nbstream-panel")
        self.input = self.node.get_by_label("Your question")
        self.retry = self.node.get_by_role("button", name="Retry")
        self.edit = self.node.get_by_role("button", name="Edit")
        self.stop = self.node.get_by_role("button", name="Stop")
        self.turns = self.node.locator(".nbstream-turn:not(.nbstream-pending)")
        self.node.wait_for()

    def type(self, text):
        self.input.click()
        self.page.page.keyboard.type(text)

    def ask(self, text):
        self.type(text)
        self.page.page.keyboard.press("Enter")

    def wait_answer(self, count):
        """Wait until so many questions are answered."""
        self.turns.nth(count - 1).wait_for()
        self.retry.wait_for()
        return self.turns.nth(count - 1).locator(".nbstream-rule > div").text_content()

    def questions(self):
        return self.node.locator(".nbstream-question").all_text_contents()


@pytest.fixture
def talk(open_notebook):
    """Open a notebook with a panel: its page, and the panel in it."""

    def start(*cells, speed=0, more="", **options):
        setup = SETUP.format(speed=speed) + CHAT.format(more=more)
        page = open_notebook([setup, "chat.panel()", *cells], **options)
        page.run_cell(0)
        page.run_cell(1)
        return page, Talk(page, 1)

    return start


def test_a_conversation(talk, front):
    """Ask, read, ask again, in other words; the file has all of it and no widget."""
    page, panel = talk("chat('from a cell')", front=front)
    panel.type("hello")
    page.page.keyboard.press("Shift+Enter")
    panel.page.page.keyboard.type("<b>you</b>")
    page.page.keyboard.press("Enter")
    panel.wait_answer(1)
    page.run_cell(2)
    panel.turns.nth(1).wait_for()
    panel.edit.click()
    page.page.keyboard.type(", edited")
    page.page.keyboard.press("Enter")
    panel.node.get_by_text("from a cell, edited", exact=True).wait_for()
    panel.wait_answer(2)
    page.js(STARTS)
    panel.retry.click()
    page.js("() => window.started", wait=True)
    said = panel.wait_answer(2)
    cell = page.save()["cells"][1]
    (saved,) = cell["outputs"]

    assert panel.questions() == ["hello\n<b>you</b>", "from a cell, edited"]
    assert "scripted answer" in said
    assert set(saved["data"]) == MIMES
    assert "from a cell, edited" in "".join(saved["data"]["text/markdown"])
    assert cell["execution_count"] == 2  # Shift+Enter was the panel's
    assert "widgets" not in page.saved()["metadata"]
    assert (page.errors, page.said) == ([], [])


def test_reloaded_in_mid_stream_it_goes_on_and_can_be_stopped(talk):
    """The saved output is static; the page makes it a panel again, with all of it."""
    page, panel = talk(speed=1)
    panel.ask("first")
    panel.wait_answer(1)
    page.insert_and_run("offline.use(speed=0.2)")  # a page takes a while
    panel.ask("a long answer, please")
    panel.node.get_by_text("How a streamed answer travels").wait_for()
    kinds = outputs(page, 1)
    page.page.goto(page.server.page_url("lab", page.path))
    panel.stop.wait_for()
    panel.input.click()
    page.page.keyboard.press("Escape")
    said = panel.wait_answer(2)
    page.screenshot("panel-lab-reloaded")

    assert kinds == [MIMES]
    assert panel.questions() == ["first", "a long answer, please"]
    assert "How a streamed answer travels" in said
    assert said.strip().endswith("Stopped. This is what had arrived.")
    assert outputs(page, 1) == [MIMES]
    assert page.errors == []


RESTART = """() => jupyterapp.shell.currentWidget.sessionContext.restartKernel()
  .then(() => null)"""


def test_the_kernel_goes_in_mid_answer(talk):
    """What was said and what had arrived stay, on the page and in the file."""
    page, panel = talk(speed=0, fresh=True)
    panel.ask("first")
    panel.wait_answer(1)
    page.insert_and_run("offline.use(speed=0.2)")
    panel.ask("a long answer, <b>please</b>")
    panel.node.get_by_text("How a streamed answer travels").wait_for()
    page.js(RESTART)
    panel.node.get_by_text("The kernel is gone.").wait_for()
    page.wait_idle()
    shown = panel.turns.nth(1).locator(".nbstream-rule > div").inner_text()
    (saved,) = page.save()["cells"][1]["outputs"]
    html, plain = ("".join(saved["data"][f"text/{kind}"]) for kind in ("html", "plain"))
    page.screenshot("panel-lab-kernel-gone")

    assert set(saved["data"]) == {"text/html", "text/plain"}
    assert "<blockquote>a long answer, &lt;b&gt;please&lt;/b&gt;</blockquote>" in html
    assert "scripted answer" in html
    head, _, rest = plain.partition("\n\nYou: a long answer, <b>please</b>\n\n")
    assert head.startswith("You: first\n\n")
    assert rest.startswith(shown.split("\n")[0])
    assert rest.endswith(
        "[Interrupted: the kernel has gone. This is what had arrived.]"
    )
    assert panel.input.is_disabled()
    assert page.errors == []


def test_consent_and_copy_by_keyboard(talk, browser):
    """Tab reaches what can be pressed: history, Allow, input, Copy as Markdown."""
    page, panel = talk(more=", tools=[nbstream.tool(get_weather, confirm=True)]")
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.ask("What is the weather in Paris?")
    expect(panel.node.get_by_role("button", name="Allow")).to_be_enabled(timeout=60_000)
    page.screenshot("panel-lab-consent")
    panel.node.get_by_role("log").focus()
    while page.js("() => document.activeElement.textContent") != "Allow":
        page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    said = panel.wait_answer(1)
    panel.input.focus()
    while page.js("() => document.activeElement.textContent") != "Copy as Markdown":
        page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    panel.node.get_by_text("Copied").wait_for()
    copied = page.js("() => navigator.clipboard.readText()")

    assert "It rains in Paris." in said
    assert copied.startswith("> **You**\n>\n> What is the weather in Paris?")
    assert "It rains in Paris." in copied


@pytest.mark.parametrize("kernel", ["7.4.0", "6.31.0"])
def test_a_question_while_a_cell_runs(talk, kernel):
    """It is answered at once where the kernel can hear; else the panel says so."""
    page, panel = talk(f"{PAUSE}\nprint('on')\npause('free')", kernel=kernel)
    page.run_cell(2, wait=False)
    page.wait_text(2, "on")
    panel.ask("hello")
    if kernel == "7.4.0":
        panel.wait_answer(1)
    else:
        panel.node.get_by_text("The kernel is busy.").wait_for()
        page.screenshot("panel-lab-busy")
    still = page.prompt(2)
    release(page, "free")
    page.wait_idle()
    said = panel.wait_answer(1)

    assert still == "*"
    assert "scripted answer" in said
    assert page.errors == []


#: What came onto the page in one piece, the guard has not looked into.
LOOK_AGAIN = """() => {
  const all = '.nbstream-panel .nbstream-text > div > *';
  for (const each of document.querySelectorAll(all))
    for (const _ of 'ab') each.toggleAttribute('hidden');
}"""


def test_hostile_replies_and_questions_do_nothing(talk, listener):  # noqa: F811
    """What the model writes and what is asked: text, and no request is made."""
    page, panel = talk()
    url = f"http://127.0.0.1:{listener.server_port}"
    corpus = (Path(__file__).parents[1] / "harness" / "browser_hostile.md").read_text(
        "utf-8"
    )
    (page.server.root / page.path).with_name("hostile.md").write_text(
        corpus.replace("@HOST@", url), "utf-8"
    )
    page.js(GUARD)
    page.insert_and_run("from pathlib import Path")
    page.insert_and_run("""\
text = Path("hostile.md").read_text()
from nbstream.requests import provider
chat.messages += [provider("openai").user_message(text),
    {"role": "assistant", "content": text}]
""")
    panel.ask(f"[scenario: hostile] <img src={url}/x> ![]({url}/y)")
    panel.wait_answer(2)
    page.page.wait_for_timeout(500)  # in which nothing is asked for
    page.js(LOOK_AGAIN)
    looked, bad, pwned = page.js("() => [looked, bad, window.__pwned ?? null]")

    assert looked > 100
    assert (bad, pwned, listener.asked) == ([], None, [])
    assert page.errors == []


BELOW = """more => {
  const log = document.querySelector('.nbstream-log');
  const below = log.scrollHeight - log.clientHeight - log.scrollTop;
  return below > more && [log.scrollTop, below];
}"""
FOLLOWED = """() => {
  const log = document.querySelector('.nbstream-log');
  const below = log.scrollHeight - log.clientHeight - log.scrollTop;
  return log.scrollTop > 0 && below < 40 && [log.scrollTop, below];
}"""


def test_the_end_is_followed_until_the_reader_scrolls_up(talk):
    """Who reads further up is left alone while the answer grows."""
    page, panel = talk(speed=3)
    panel.ask("a long answer, please")
    panel.node.get_by_text("1. Why stream at all").wait_for()
    panel.node.get_by_text("begins after").first.wait_for()
    following = page.js(FOLLOWED, wait=True)
    panel.node.get_by_role("log").hover()
    page.page.mouse.wheel(0, -250)
    page.page.wait_for_timeout(300)  # the wheel scrolls smoothly
    begun = page.js(BELOW, 100, wait=True)
    ended = page.js(BELOW, begun[1] + 100, wait=True)
    panel.stop.click()
    panel.wait_answer(1)

    assert following[0] > 0
    assert following[1] < 40
    assert abs(ended[0] - begun[0]) <= 1
    assert ended[1] > begun[1]
