"""Consent is nobody's by accident: fast, double, late and blind clicks and keys."""

import pytest
from harness.live import live, picture, quiet
from verbs.test_web_page_browser import visit  # noqa: F401

import nbstream
from nbstream import web
from nbstream.static import style

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
  const asked = [...document.querySelectorAll('.nbstream-call')];
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


def test_impatient_clicks_allow_one_call(open_cells):
    """The next question comes after it; who goes on clicking has not read that."""
    page = asked(open_cells)
    hurry(page.page, place(page.page), 150)
    said = ended(page)

    assert said == "['Paris'] ['done', 'stopped']"
    assert quiet(page)


def test_a_key_twice_allows_one_call(open_cells):
    """So does one that is held down; the focus is not on the next Allow."""
    page = asked(open_cells)
    place(page.page)
    live(page, 2).get_by_role("button", name="Allow").focus()
    page.page.keyboard.press("Enter")
    page.page.keyboard.press("Enter")
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


def test_an_answer_of_a_second_page_comes_too_late(open_cells):
    """The first word counts, whatever another view says a moment later."""
    page = asked(open_cells)
    place(page.page)
    for theme in ("dark", "light"):
        page.set_theme(theme)
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


#: Cards as the live view has them; what was answered goes, and the next one stands in
#: its place: the worst that a view can do.
BARE = """<!doctype html><style>body { margin: 8px } %s</style>
<div id="above"></div>
<div class="nbstream"><div class="nbstream-text" id="text"></div></div>
<button id="other">Other</button><script>%s
const [text, said] = [document.getElementById("text"), []];
let [given, at] = ["{}", 0];
const button = (word) =>
  `<button class="nbstream-consent" value="${word} ${at}">${word}</button>`;
function ask() {
  text.innerHTML = `<p>Tool call <code>look</code></p><pre><code></code></pre>
    <p>Waits for your consent ${button("Allow")} ${button("Refuse")}</p>`;
  text.querySelector("pre code").textContent = given;
  at++;
  consent.look();
}
const consent = makeConsent(
  () => [...text.querySelectorAll("button[value^=Allow]:enabled")].map(
    ({ parentNode, value }) => cardOf(parentNode, value.split(" ")[1])),
  ({ key }, isAllowed) => { said.push(`${key} ${isAllowed}`); setTimeout(ask, 5); },
);
</script>"""


class Bare:
    """A page with questions and nothing else, and the hands before it."""

    def __init__(self, page, given):
        self.page, self.mouse, self.keys = page, page.mouse, page.keyboard
        page.goto("about:blank")
        page.set_content(BARE % (style("answer.css"), style("consent.js")))
        self.js("one => { given = one; ask(); }", given)

    def js(self, code, arg=None):
        return self.page.evaluate(code, arg)

    def button(self, name="Allow"):
        return self.page.get_by_role("button", name=name)

    def spot(self):
        """Say where Allow is, whether or not it can be pressed."""
        box = self.button().bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def open(self):
        """Wait until it can be pressed; say where it is."""
        return place(self.page)

    def wait(self, ms):
        self.page.wait_for_timeout(ms)

    def said(self):
        self.wait(100)
        return self.js("() => said")


@pytest.fixture(scope="module")
def bare(browser):
    """Open a page that asks: `bare(arguments)`."""
    context = browser.new_context(viewport={"width": 700, "height": 500})
    page = context.new_page()

    def start(given="{}", width=700, height=500):
        page.set_viewport_size({"width": width, "height": height})
        return Bare(page, given)

    yield start
    context.close()


def after(pause_ms):
    """Click once more, so long after the first click."""

    def attack(one):
        spot = one.open()
        one.mouse.click(*spot)
        one.wait(pause_ms)
        one.mouse.click(*spot)

    return attack


def rhythm(one):
    spot = one.open()
    for _ in range(5):
        one.mouse.click(*spot)
        one.wait(600)


def double(one):
    one.mouse.dblclick(*one.open())


def release_elsewhere(one):
    one.mouse.move(*one.open())
    one.mouse.down()
    box = one.button("Refuse").bounding_box()
    one.mouse.move(box["x"] + 5, box["y"] + 5)
    one.mouse.up()


def press_too_early(one):
    one.mouse.move(*one.spot())
    one.mouse.down()
    one.open()
    one.mouse.up()


def press_the_one_before(one):
    """Another page answers it meanwhile."""
    one.mouse.move(*one.open())
    one.mouse.down()
    one.js("() => ask()")
    one.wait(100)
    one.open()
    one.mouse.up()


def hold(key):
    """Hold a key down on one Allow after the other, as keyboards repeat it."""

    def attack(one):
        one.open()
        one.button().focus()
        for _ in range(45):
            one.keys.down(key)
            one.wait(30)
            one.button().focus()
        one.keys.up(key)

    return attack


def keys(*pressed):
    def attack(one):
        one.open()
        one.button().focus()
        for key in pressed:
            one.keys.press(key)

    return attack


def move(one):
    """What is above grows all the time."""
    one.open()
    grow = "px => { document.getElementById('above').style.height = `${px}px`; }"
    for step in range(12):
        one.js(grow, 4 + 4 * step)
        one.mouse.click(*one.spot())
        one.wait(100)


def creep(one):
    """A little at a time, and never so much that it is a move."""
    grow = "px => { document.getElementById('above').style.height = `${px}px`; }"
    for step in range(30):
        one.js(grow, 1.5 * step)
        one.wait(50)
    one.mouse.click(*one.spot())


def cover(css):
    """Lay something over a part of the card, and click."""

    def attack(one):
        one.js(
            "css => document.body.insertAdjacentHTML('beforeend',"
            " `<i style='position: fixed; background: red; ${css}'></i>`)",
            css,
        )
        one.wait(1300)
        one.mouse.click(*one.spot())

    return attack


def aside(one):
    """The ends of its lines are out of the window."""
    one.js("() => { document.body.style.width = '800px'; }")
    one.wait(1300)
    one.mouse.click(*one.spot())


def hidden(one):
    """Nobody saw the page; it is clicked at when it is seen again."""
    one.open()
    turn = """isHidden => { Object.defineProperty(document, "hidden",
      { value: isHidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange", { bubbles: true })); }"""
    one.js(turn, True)
    one.js(turn, False)
    one.mouse.click(*one.spot())


def stuck(one):
    """The page hangs, and hears of the click much later."""
    one.js("""() => setTimeout(() => {
      const until = performance.now() + 1500;
      while (performance.now() < until);
    })""")
    one.mouse.click(*one.spot())


def unread(one):
    """There is more of the arguments than is in sight."""
    place(one.page, "Refuse")
    one.mouse.click(*one.spot())


LONG = "x " * 9000
#: What somebody does who has not read it, and the calls that run.
ACCIDENTS = {
    "a click at once": (lambda one: one.mouse.click(*one.spot()), []),
    "a double click": (double, ["0 true"]),
    "a click after 80 ms": (after(80), ["0 true"]),
    "a click after 300 ms": (after(300), ["0 true"]),
    "a click after 500 ms": (after(500), ["0 true"]),
    "one click after the other": (rhythm, ["0 true"]),
    "released on the other": (release_elsewhere, []),
    "pressed too early": (press_too_early, []),
    "pressed on another question": (press_the_one_before, []),
    "Enter, held": (hold("Enter"), ["0 true"]),
    "Space, held": (hold(" "), []),
    "Enter twice": (keys("Enter", "Enter"), ["0 true"]),
    "Enter, Tab and Enter": (keys("Enter", "Tab", "Tab", "Enter"), ["0 true"]),
    "it moves": (move, []),
    "it creeps": (creep, []),
    "the title is covered": (
        cover("inset: 0 0 auto auto; width: 30%; height: 35px"),
        [],
    ),
    "the arguments are covered": (
        cover("left: 0; top: 50px; width: 50px; height: 30px"),
        [],
    ),
    "out of the window": (aside, []),
    "hidden meanwhile": (hidden, []),
    "the page hangs": (stuck, []),
    "not read to its end": (unread, []),
}


@pytest.mark.parametrize("case", ACCIDENTS)
def test_an_accident_allows_nothing_more(bare, case):
    """A click or a key counts for what was before the eyes, unmoved, for a second."""
    accident, expected = ACCIDENTS[case]
    one = bare(LONG if accident is unread else '{ "path": "~" }')
    accident(one)

    assert one.said() == expected


def with_mouse(one):
    one.mouse.click(*one.open())


def with_keys(key):
    """By Tab alone; where it has to be scrolled, too, first to the arguments."""

    def answer(one):
        one.keys.press("Tab")
        one.keys.press("End")
        one.keys.press("Tab")
        one.open()
        one.keys.press(key)

    return answer


def with_clicks_alone(one):
    """As a screen reader does it, which presses nothing; too early at first."""
    click = "() => document.querySelector('#text button').click()"
    one.js(click)
    one.open()
    one.mouse.click(1, 1)
    one.js(click)


def far_below(one):
    """It is brought into sight by whoever comes to its button."""
    one.js("() => { document.getElementById('above').style.height = '3000px'; }")
    one.button().focus()
    one.open()
    one.keys.press("Enter")


def zoomed(one):
    one.js("() => { document.body.style.zoom = 2; }")
    one.button().focus()
    one.mouse.click(*one.open())


def at_the_end(one):
    """In a box that shows its end, where the hint has a line of its own."""
    one.js("""() => {
      const box = document.querySelector('.nbstream');
      box.style.cssText = 'height: 180px; overflow: auto; display: block';
      box.insertAdjacentHTML('afterbegin', '<p style="height: 300px"></p>');
      const down = () => { box.scrollTop = 1000; };
      down();
      new ResizeObserver(down).observe(text);
    }""")
    one.open()
    one.wait(300)
    one.mouse.click(*one.spot())


SMALL = {"width": 400, "height": 180}
#: How somebody answers who has read it, and in what window.
PEOPLE = {
    "the mouse": (with_mouse, {}),
    "Enter": (with_keys("Enter"), {}),
    "Space, of a long call": (with_keys(" "), {"given": LONG}),
    "a long call in a small window": (with_keys("Enter"), {"given": LONG, **SMALL}),
    "a screen reader": (with_clicks_alone, {}),
    "far below": (far_below, {}),
    "at the end of a narrow box": (at_the_end, {"width": 380}),
    "200 %, and small": (zoomed, {"width": 600, "height": 400}),
}


@pytest.mark.parametrize("case", PEOPLE)
def test_who_has_read_it_answers_at_once(bare, case):
    """Once is enough, with whatever hands and in whatever window."""
    answer, options = PEOPLE[case]
    one = bare(**options)
    answer(one)

    assert one.said() == ["0 true"]


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


def test_impatient_clicks_on_the_page_allow_one_call(visit, offline, chat):  # noqa: F811
    """One card asks after the other; nothing runs before all are answered."""
    app, ran = chat
    page = visit(app)
    page.ask(WEB)
    page.shot("consent")
    hurry(page.page, place(page.page), 150)
    place(page.page, "Refuse")
    shown = page.page.locator("details button:visible").count()
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
