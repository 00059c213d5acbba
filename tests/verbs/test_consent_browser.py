"""Consent is nobody's by accident: fast, double, late and blind clicks and keys."""

import pytest
from harness.live import live, picture, quiet, settle
from verbs.test_web_page_browser import visit  # noqa: F401

import nbstream
from nbstream import web

pytestmark = pytest.mark.browser

SETUP = '''\
def weather(city: str) -> str:
    """Tell the weather of a city."""
    RAN.append(city)
    return f"{city}: clear"
RAN = []
careful = nbstream.tool(weather, confirm=True)
TWO = "[scenario: two_tool_calls] the weather in Paris and Tokyo"
'''
ASK = 'reply = nbstream.ask(TWO, "anthropic:m", tools=[careful])'
STATES = (
    "print(RAN, [c.run and c.run.state for r in reply.rounds for c in r.tool_calls])"
)
#: Where the button is that can be pressed; null while there is none.
MIDDLE = """name => {
  const all = [...document.querySelectorAll('button')];
  const isOpen = (e) => e.getAttribute('aria-disabled') === 'false';
  const found = all.find((e) => e.textContent === name && isOpen(e));
  if (!found || found.disabled || !found.checkVisibility()) return null;
  const { x, y, width, height } = found.getBoundingClientRect();
  return [x + width / 2, y + height / 2];
}"""
#: Says when a second question has come, and still cannot be answered.
NEXT = """code => {
  const asked = [...document.querySelectorAll('.nbstream-asked')];
  return asked.some((each) => each.textContent.includes(code));
}"""


def place(page, name="Allow"):
    """Wait until a button can be pressed, and say where it is."""
    return page.wait_for_function(MIDDLE, arg=name).json_value()


def hurry(page, spot, pause_ms, times=10):
    """Click there again and again, as who has no patience does."""
    for _ in range(times):
        page.mouse.click(*spot)
        page.wait_for_timeout(pause_ms)


def asked(open_cells, *more, **options):
    page = open_cells(SETUP, ASK, STATES, *more, **options)
    page.run_cell(1)
    page.run_cell(2, wait=False)
    live(page, 2).get_by_role("button", name="Allow").wait_for()
    page.cell(2).evaluate("(cell) => cell.scrollIntoView({ block: 'center' })")
    return page


def ended(page):
    """Stop the turn; say what ran, and how each call ended."""
    live(page, 2).locator("button.nbstream-stop").click()
    page.wait_idle()
    page.run_cell(3)
    return page.output_text(3).strip()


@pytest.mark.parametrize("pause_ms", [20, 150, 500, 900])
def test_impatient_clicks_allow_one_call(open_cells, pause_ms):
    """The next question comes after it; who goes on clicking has not read that."""
    page = asked(open_cells)
    hurry(page.page, place(page.page), pause_ms)
    said = ended(page)

    assert said == "['Paris'] ['done', 'stopped']"
    assert quiet(page)


def test_a_click_at_once_is_not_heard(open_cells):
    """Nor a press that began before it could be pressed; and one sees that."""
    page = asked(open_cells)
    button = live(page, 2).get_by_role("button", name="Allow")
    live(page, 2).get_by_text("Read what is to run").wait_for()
    first = button.get_attribute("aria-disabled")
    box = button.bounding_box()
    spot = box["x"] + 5, box["y"] + 5
    page.page.mouse.click(*spot)
    page.page.mouse.move(*spot)
    page.page.mouse.down()
    place(page.page)
    page.page.mouse.up()
    settle(page)
    picture(page, 2, "consent-open")

    assert first == "true"
    assert ended(page) == "[] ['stopped', 'stopped']"


def test_a_click_while_the_page_moves_is_not_heard(open_cells):
    """What is under the pointer now was not there a moment ago."""
    page = asked(open_cells)
    x, y = place(page.page)
    grow = """px => { const cell = document.querySelector('.jp-Notebook .jp-Cell');
      cell.style.paddingTop = `${px}px`; }"""
    page.js(grow, 40)
    page.page.mouse.click(x, y + 40)
    for step in range(12):
        page.js(grow, 40 + 3 * step)
        page.page.mouse.click(*[x, y + 40 + 3 * step])
        page.page.wait_for_timeout(100)

    assert ended(page) == "[] ['stopped', 'stopped']"


KEYS = {"Enter twice": ["Enter", "Enter"], "Space twice": [" ", " "]}


@pytest.mark.parametrize("case", KEYS)
def test_a_key_twice_allows_one_call(open_cells, case):
    """So does one that is held down; the focus is not on the next Allow."""
    page = asked(open_cells)
    place(page.page)
    live(page, 2).get_by_role("button", name="Allow").focus()
    for key in KEYS[case]:
        page.page.keyboard.press(key)
    page.js(NEXT, "Tokyo", wait=True)
    focused = page.js("() => document.activeElement.textContent")
    live(page, 2).get_by_role("button", name="Allow").focus()
    page.page.keyboard.down("Enter")
    for _ in range(30):
        page.page.keyboard.down("Enter")  # again and again, as the keyboard does
        page.page.wait_for_timeout(50)
    page.page.keyboard.up("Enter")

    assert focused != "Allow"
    assert ended(page) == "['Paris'] ['done', 'stopped']"


def test_what_cannot_be_seen_cannot_be_allowed(open_cells):
    """Long arguments scroll, all of them wrap, and are read to their end first."""
    page = asked(open_cells)
    code = live(page, 2).locator(".nbstream-asked")
    page.js(
        "() => document.querySelector('.nbstream-asked code').append(' x'.repeat(9000))"
    )
    place(page.page, "Refuse")
    before = page.js(MIDDLE, "Allow")
    hint = live(page, 2).get_by_text("Scroll to the end").count()
    picture(page, 2, "consent-long")
    code.evaluate("each => each.scrollTo(0, 1e9)")
    place(page.page)

    assert (before, hint) == (None, 1)
    assert code.evaluate("each => each.scrollWidth - each.clientWidth") <= 0
    ended(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_answer_of_a_second_page_comes_too_late(open_cells, theme):
    """The first word counts, whatever another view says a moment later."""
    page = asked(open_cells, theme=theme)
    place(page.page)
    picture(page, 2, f"consent-{theme}")
    view = "'notebook:create-output-view'"
    page.js(f"() => window.jupyterapp.commands.execute({view}).then(() => null)")
    page.page.locator(".jp-LinkedOutputView button", has_text="Refuse").wait_for()
    place(page.page)
    other = page.page.locator(".jp-LinkedOutputView")
    second = other.get_by_role("button", name="Allow")
    second.click(trial=True)
    spot = second.bounding_box()
    live(page, 2).get_by_role("button", name="Refuse").click()
    page.page.mouse.click(spot["x"] + 5, spot["y"] + 5)

    assert ended(page) == "[] ['refused', 'stopped']"


WEB = "[scenario: two_tool_calls] the weather in Paris and Tokyo"


@pytest.fixture
def chat():
    """A chat whose tool asks first, and what has run."""
    ran = []

    @nbstream.tool(confirm=True)
    def weather(city: str) -> str:
        """Tell the weather of a city."""
        ran.append(city)
        return f"{city}: clear"

    return web.app(nbstream.Chat("anthropic:m", tools=[weather])), ran


@pytest.mark.parametrize("pause_ms", [20, 150, 500, 900])
def test_impatient_clicks_on_the_page_allow_one_call(visit, offline, chat, pause_ms):  # noqa: F811
    """One card asks after the other; nothing runs before all are answered."""
    app, ran = chat
    page = visit(app)
    page.ask(WEB)
    page.shot("consent")
    hurry(page.page, place(page.page), pause_ms)
    shown = page.page.locator("details button:visible").count()
    place(page.page, "Refuse")
    page.button("Refuse").click()
    page.page.locator("article .text").nth(1).wait_for()
    page.ended()

    assert shown == 2
    assert ran == ["Paris"]


def test_enter_twice_on_the_page_allows_one_call(visit, offline, chat):  # noqa: F811
    app, ran = chat
    page = visit(app)
    page.ask(WEB)
    place(page.page)
    page.button("Allow").focus()
    page.keys.press("Enter")
    page.keys.press("Enter")
    focused = page.js("() => document.activeElement.id")
    place(page.page, "Refuse")
    page.button("Refuse").click()
    page.page.locator("article .text").nth(1).wait_for()
    page.ended()

    assert (focused, ran) == ("log", ["Paris"])
