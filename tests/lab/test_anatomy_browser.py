"""The walk through a stream as a person meets it, alone and in a notebook."""

import base64
import json

import pytest
from harness.live import settle

from nbstream.lab.anatomy import Anatomy, Read
from nbstream.lab.anatomy.widget import AnatomyModel, message
from nbstream.offline.wire import WRITERS
from nbstream.offline.wire.base import Answer, AnswerPart, Ask, Choice, Counts

pytestmark = pytest.mark.browser

#: A page with nothing in it but the view, given what a model would give it.
PAGE = """async ([script, style, told, data]) => {
  const sheet = Object.assign(document.createElement('style'), {textContent: style});
  document.head.append(sheet);
  const url = URL.createObjectURL(new Blob([script], {type: 'text/javascript'}));
  const module = await import(url);
  const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
  const state = {told: JSON.parse(told), data: new DataView(bytes.buffer), place: ''};
  const el = document.body.appendChild(document.createElement('div'));
  window.model = {get: (name) => state[name]};
  window.close = module.default().render({model: window.model, el});
}"""
CALL = AnswerPart(
    kind="tool_call",
    tokens=('{"ci', 'ty": "Zü', 'rich"', "}"),
    id="c1",
    name="get_weather",
    arguments={"city": "Zürich"},
)
PARTS = (
    AnswerPart(kind="reasoning", tokens=("Let me ", "think")),
    AnswerPart(kind="text", tokens=("Hel", "lo ", "from ", "a ", "café.")),
    CALL,
)


def body(api, parts=PARTS):
    """Write what a provider would send."""
    choices = (Choice(parts=parts, finish="tool_calls"),)
    usage = Counts(input=5, output=7, reasoning=3, cached=2)
    answer = Answer(id="1", model="m", scenario="s", choices=choices, usage=usage)
    ask = Ask(model="m", prompt="", stream=True, reasoning=True)
    return b"".join(frame.data for frame in WRITERS[api].frames(ask, answer))


def timed(data, api="", size=150):
    """Cut it into reads of one size, 50 ms apart."""
    places = range(0, len(data), size)
    reads = [
        Read(offset=at, length=min(size, len(data) - at), time_s=0.3 + 0.05 * n)
        for n, at in enumerate(places)
    ]
    return Anatomy(data, reads, api=api)


class Walk:
    """The view alone in a page, used by its keys."""

    def __init__(self, page, found):
        self.page = page
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        told = json.dumps({**message(found), "opened": found.opened})
        data = base64.b64encode(found.data).decode()
        parts = [AnatomyModel._esm, AnatomyModel._css]
        script, style = (str(each) for each in parts)
        page.evaluate(PAGE, [script, style, told, data])
        self.slider.focus()

    @property
    def slider(self):
        return self.page.locator(".nbstream-slider")

    def press(self, *keys):
        """Press keys; wait until what they ask for is drawn."""
        for key in keys:
            self.page.keyboard.press(key)
        settle(self)

    def text(self, name):
        """Read what stands in the elements of a class, in view or not."""
        return self.page.locator(f".nbstream-{name}").all_text_contents()

    def grown(self):
        """Read what has been accumulated: title -> text."""
        rows = self.page.locator(".nbstream-grown-row:not([hidden])").all()
        return {
            row.locator(".nbstream-grown-title").text_content(): row.locator(
                ".nbstream-grown-value"
            ).text_content()
            for row in rows
        }


@pytest.fixture
def walk(browser):
    """Open a stream's walk in an empty page."""
    pages = []

    def start(found, **options):
        viewport = {"width": 1124, "height": 760}
        pages.append(browser.new_page(viewport=viewport, **options))
        pages[-1].goto("about:blank")
        return Walk(pages[-1], found)

    yield start
    for page in pages:
        page.close()


def said(found, count):
    """What Python says has been accumulated: title -> text."""
    texts = found.at(count)
    shown = {}
    for section in found.sections:
        text = texts.get(section.key, "")
        if text and section.kind == "parsed":
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        if text:
            shown[section.title] = text
    return shown


@pytest.mark.parametrize("api", WRITERS)
def test_every_step_shows_what_python_says(walk, api):
    """For every API, forwards and backwards, the page has the snapshots of Python."""
    found = timed(body(api), api)
    seen = walk(found)
    count = len(found)
    for at in range(1, count + 1):
        seen.press("ArrowRight")
        assert seen.grown() == said(found, at)
    seen.press("ArrowRight")
    assert seen.grown() == said(found, count + 1)
    for at in range(count, 0, -1):
        seen.press("ArrowLeft")
        assert seen.grown() == said(found, at)
    seen.press("End")
    assert seen.grown()["Outcome"] == found.reply.outcome
    assert seen.errors == []


def test_it_opens_at_the_step_that_was_asked_for(walk):
    """What has been accumulated until then is there, and the keys go on from it."""
    found = timed(body("openai.chat"), "openai.chat")
    found.opened = 4
    seen = walk(found)
    settle(seen)
    assert seen.grown() == said(found, 4)
    seen.press("ArrowRight")
    assert seen.grown() == said(found, 5)


def test_the_keys_lead_everywhere(walk):
    """First token, tool call, finish, the ends, ten on, and a byte at a time."""
    found = timed(body("anthropic.messages"))
    seen = walk(found)
    places = {}
    for keys in ("t", "f", "Home", "End", "Shift+ArrowLeft", "r", "b", "c"):
        seen.press(keys)
        places[keys] = seen.text("place")[0].partition(" · ")[0]
    token, finish = found.landmarks["first token"], found.landmarks["finish"]
    steps, reads = len(found), len(found.reads)

    assert places["t"] == f"Event {token} of {steps}"
    assert places["f"] == f"Event {finish} of {steps}"
    assert places["Home"] == "Before the first byte"
    assert places["End"] == "The end of the stream"
    assert places["Shift+ArrowLeft"] == f"Event {steps - 9} of {steps}"
    end = found[steps - 10].ready
    read = next(n for n, each in enumerate(found.reads, 1) if each.end >= end)
    assert places["r"] == f"Network read {read} of {reads}"
    assert places["b"].startswith("Byte ")
    assert seen.slider.get_attribute("aria-valuetext").startswith("byte ")


def test_where_the_network_cut_is_seen(walk):
    """A cut character shows its bytes, with the mark between them, and the reason."""
    data = body("openai.chat", (AnswerPart(kind="text", tokens=("é",)),))
    at = data.index("é".encode()) + 1
    reads = [Read(offset=0, length=at), Read(offset=at, length=len(data) - at)]
    seen = walk(Anatomy(data, reads))
    seen.press("c")

    assert seen.text("byte")[:2] == ["C3", "A9"]
    assert "nbstream-cut" in seen.page.locator(".nbstream-byte").nth(1).get_attribute(
        "class"
    )
    assert seen.text("note") == [
        f"cut read 2 begins at byte {at:,}, inside the character é (C3 | A9)",
        "line splitting .decode() of read 1 raises UnicodeDecodeError: it ends "
        "inside é",
    ]
    assert seen.text("current") != []


LOOKED = "typed => !!document.querySelector('.nbstream-hits').textContent === typed"


def test_search_finds_what_is_on_the_wire_and_what_is_only_in_the_text(walk):
    """`Hello` came in two events: it is nowhere on the wire."""
    found = timed(body("openai.chat"))
    assert b"Hello" not in found.data
    seen = walk(found)
    hits = {}
    for query in ("hello", "café", "no such thing", "hello"):
        for typed in ("", query):
            seen.page.locator(".nbstream-query").fill(typed)
            seen.page.wait_for_function(LOOKED, arg=bool(typed))
        settle(seen)
        hits[query] = seen.text("hits")[0]

    assert hits == {"hello": "1 of 1", "café": "1 of 1", "no such thing": "none"}
    assert seen.grown()["Text"].rstrip() == "Hello"


def test_it_plays_as_it_came_and_pauses(walk):
    """The times of the reads are kept, and Space stops it."""
    found = timed(body("openai.chat"))
    seen = walk(found)
    seen.press("r", "Space")
    moved = "() => document.querySelector('.nbstream-slider').value > 3"
    seen.page.wait_for_function(moved)
    seen.press("Space")
    before = seen.slider.input_value()
    seen.page.wait_for_timeout(200)  # in which nothing moves

    assert seen.slider.input_value() == before
    assert found.reads[int(before) - 1].time_s < 3


def test_what_the_model_says_is_never_html(walk):
    """Neither in the bytes, nor in the event, nor in what has been accumulated."""
    evil = "<img src=x onerror='window.evil=1'><script>window.evil=1</script>"
    data = body("openai.chat", (AnswerPart(kind="text", tokens=(evil,)),))
    found = timed(data.replace(b"\\u003c", b"<"))
    seen = walk(found)
    seen.press("t")

    assert seen.grown()["Text"] == evil
    assert seen.page.locator(".nbstream-walk :is(img, script)").count() == 0
    assert seen.page.evaluate("() => window.evil") is None


SMOOTH = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const slider = document.querySelector('.nbstream-slider');
  const press = (key) =>
    slider.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
  const took = [];
  for (const name of ['PageDown', 'ArrowLeft'])
    for (let n = 0; n < 50; n++) {
      press(name);
      const began = performance.now();
      await frame();
      document.body.offsetHeight;
      took.push(performance.now() - began);
    }
  took.sort((one, other) => one - other);
  const nodes = document.querySelectorAll('.nbstream-walk *').length;
  return {median: took[50], nodes};
}"""


@pytest.mark.alone
def test_ten_thousand_events_stay_smooth(walk):
    """A step takes a frame or two, and only what is in view is on the page."""
    words = AnswerPart(kind="text", tokens=tuple(f"word{n} " for n in range(14_000)))
    found = timed(body("openai.chat", (words,)), size=1400)
    seen = walk(found)
    seen.press("End", "Home", "t")
    smooth = seen.page.evaluate(SMOOTH)

    assert len(found) > 10_000
    assert smooth["nodes"] < 500
    assert smooth["median"] < 50
    assert seen.errors == []


ODD = {
    "nothing": b"",
    "no end": b"data: {",
    "comments and empty lines": b"\n\n: hello\n\n\n\n: again",
    "a byte order mark, CRLF and an id": (
        b"\xef\xbb\xbfid: 7\r\nretry: 9\r\ndata: [DONE]\r\n\r\n"
    ),
    "CR alone": b"data: [DONE]\r\rdata: [DONE]\r",
    "no UTF-8": b'data: {"error": {"message": "\xff\xc3\xe2\x82"}}\n\n\xf0\x9f',
    "no event stream": b"<html><body>502 Bad Gateway</body></html>",
    "what turns the text": (
        b'data: {"error": {"message": "\xe2\x80\xae\xe2\x81\xa6x\x1b\x00"}}\n\n'
    ),
    "wide and joined signs": 'data: {"error": {"message": "你好 👩‍🔬 ﷽"}}\n\n'.encode(),
}


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("data", ODD.values(), ids=ODD.keys())
def test_odd_streams_are_walked_to_their_end(walk, data, size):
    """Whatever the bytes are, all of them are there, and nothing breaks."""
    seen = walk(timed(data, "openai.chat", size))
    for mode in "ber":
        seen.press(mode, "Home", *["ArrowRight"] * 30, "c", "l", "n", "End")
    rows = seen.page.locator(".nbstream-row")

    assert seen.errors == []
    assert seen.text("place")[0].startswith("The end of the stream")
    assert (rows.count() > 0) == bool(data)


def test_it_goes_without_a_trace(walk):
    """A closed view leaves nothing on the page."""
    seen = walk(timed(body("openai.chat")))
    seen.page.evaluate("() => window.close()")

    assert seen.page.locator(".nbstream-walk").count() == 0


# -- in a notebook -----------------------------------------------------------------

SETUP = """\
import nbstream
def chat(text, more=""):
    return ('data: {"choices":[{"index":0,"delta":{"content":"%s"}%s}]}\\n\\n'
        % (text, more)).encode()
DATA = chat("Hello ") + chat("café.") + chat("", ',"finish_reason":"stop"')"""
SHOWN = 'nbstream.anatomy(DATA, api="openai.chat", cut=50)'


def shown(page, index):
    """Find the walk in one cell's output, once it is there."""
    found = page.output(index).locator(".nbstream-walk")
    found.wait_for()
    return found


def test_the_walk_takes_the_place_of_the_table(open_notebook, front):
    """The file holds the table in three forms, and no widget."""
    page = open_notebook([SETUP, SHOWN], front=front)
    page.run_all()
    found = shown(page, 1)
    hidden = page.output(1).locator("table").first.is_hidden()
    page.screenshot(f"anatomy-{front}")
    (output,) = page.save()["cells"][1]["outputs"]

    assert hidden
    assert found.locator(".nbstream-api").text_content() == "openai.chat"
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert "Hello café." in "".join(output["data"]["text/markdown"])
    assert "widgets" not in page.saved()["metadata"]
    assert page.errors == []


def test_the_keys_are_the_walks_and_not_the_notebooks(open_notebook):
    """B inserts no cell, and the walk is there again after a reload."""
    page = open_notebook([SETUP, SHOWN, "'the last cell'"], theme="dark")
    page.run_all()
    found = shown(page, 1)
    found.locator(".nbstream-slider").focus()
    for key in ("b", "ArrowRight", "x", "d", "d"):
        page.page.keyboard.press(key)
    page.save()
    page.screenshot("anatomy-dark")
    place = found.locator(".nbstream-place").text_content()
    page.load()
    again = shown(page, 1)

    assert place.startswith("Byte 1 of ")
    assert page.cell_count() == 3
    assert again.locator(".nbstream-place").text_content() == "Before the first byte"


def test_it_is_a_widget_too(open_notebook):
    """To put beside others, or where a host shows nothing in a table's place."""
    page = open_notebook([SETUP, f"{SHOWN}.widget()"])
    page.run_all()

    assert shown(page, 1).locator(".nbstream-api").text_content() == "openai.chat"
    assert page.errors == []


def test_without_widgets_there_is_the_table(open_notebook):
    """It is the same table."""
    static = "import os; os.environ['NBSTREAM_VIEW'] = 'static'"
    page = open_notebook([f"{SETUP}\n{static}", SHOWN])
    page.run_all()
    page.output(1).locator("table").first.wait_for()

    assert page.output(1).locator(".nbstream-walk").count() == 0
    assert page.output(1).locator("table").first.is_visible()
