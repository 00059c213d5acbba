"""What the live view promises its reader: to wait, watch, stop, copy, hear and scroll.

In JupyterLab, or Notebook 7 where it might differ; ``test_widget_browser.py`` has the
life of a view: from the first frame to the final output, reloaded, cleared, run again.
"""

import re
from itertools import pairwise

import pytest
from harness.jupyter import FRONTS
from harness.live import (
    END,
    PROSE,
    SETUP,
    final,
    live,
    picture,
    quiet,
    release,
    show,
    text_of,
)

pytestmark = pytest.mark.browser

BUSY = """\
class Busy(Exception):
    status_code = 503
    headers = {"retry-after": "60"}
count = 0
def ask_again():
    global count
    count += 1
    if count == 1:
        raise Busy("overloaded")
    yield from ()"""
#: Notes each text of the line that says what is waited for.
LINES = """() => {
  const line = document.querySelector('.nbstream-waiting');
  window.lines = [line.textContent];
  new MutationObserver(() => lines.push(line.textContent))
    .observe(line, {childList: true, characterData: true, subtree: true});
}"""
RETRY = "reply = nbstream.show(ask_again, retries=2, max_wait_s=99)"


def waiting(page, index):
    """Find the line that says what is waited for."""
    return live(page, index).locator(".nbstream-waiting")


def stop_button(view):
    """Find the Stop button of a view."""
    return view.get_by_role("button", name="Stop")


@pytest.mark.parametrize("front", FRONTS)
def test_a_retry_is_waited_for_in_sight_and_can_be_stopped(open_cells, front):
    """Why, and how long still, second by second; Stop ends the wait."""
    page = open_cells(BUSY, RETRY, "print(reply.outcome, count)", front=front)
    page.run_cell(1)
    page.run_cell(2, wait=False)
    page.run_cell(3, wait=False)
    waiting(page, 2).get_by_text("Trying again in").wait_for()
    page.js(LINES)
    seen = page.js("() => new Set(lines).size > 3 && lines", wait=True)
    left = [int(re.search(r"again in (\d+) s …", line)[1]) for line in seen]
    seconds = list(dict.fromkeys(left))
    picture(page, 2, f"live-{front}-light-retry")
    stop_button(live(page, 2)).click()
    said = final(page, 2)
    page.wait_idle()

    assert seconds == list(range(seconds[0], seconds[-1] - 1, -1))
    assert len({re.sub(r"in \d+ s …", "", line) for line in seen}) == 1
    assert "overloaded" in seen[0]
    assert said.strip() == "Stopped. Nothing came."
    assert page.output_text(3).strip() == "stopped 1"
    assert quiet(page)


def test_a_retry_that_is_answered_goes_on(open_cells):
    """After the wait the view waits for the first token, and then shows the answer."""
    slow = BUSY.replace('"60"', '"4"').replace(
        "yield from ()", "pause('again'); yield from flow('Here it is.')"
    )
    page = open_cells(slow, RETRY)
    page.run_cell(1)
    page.run_cell(2, wait=False)
    waiting(page, 2).get_by_text(re.compile("Trying again in [1-4] s")).wait_for()
    again = re.compile(r"Tried again\. Waiting .* ([2-9]|\d\d) s")
    waiting(page, 2).get_by_text(again).wait_for()
    release(page, "again")
    page.wait_idle()

    assert final(page, 2).strip() == "Here it is."
    assert quiet(page)


def test_before_the_first_token_it_says_since_when(open_cells, front):
    """The request is under way, and how long it has been; then the facts take over."""
    page = open_cells(
        "def late():\n    pause('late')\n    yield from flow(words(2999), delay_s=.01)",
        "live = nbstream.start(late())",
        front=front,
    )
    page.run_cell(1)
    page.run_cell(2, wait=False)
    waiting(page, 2).get_by_text("Waiting for the first token").wait_for()
    page.js(LINES)
    seen = page.js("() => new Set(lines).size > 2 && lines", wait=True)
    line = re.compile(r"Waiting for the first token … (\d+) s")
    seconds = [int(line.match(each)[1]) for each in seen if line.match(each)]
    release(page, "late")
    page.wait_text(2, "word300 ")
    facts = live(page, 2).locator(".nbstream-facts span").all_text_contents()
    stop_button(live(page, 2)).click()
    final(page, 2)

    assert waiting(page, 2).count() == 0
    assert facts[0] == "writing"
    assert re.fullmatch(r"\d+ s", facts[1])
    assert seconds == sorted(seconds)
    assert float(re.fullmatch(r"first (\d+\.\d) s", facts[2])[1]) >= seconds[-1]
    assert 100 < int(facts[3].removesuffix(" ch/s")) < 2000
    assert quiet(page)


# -- what tells it from the notebook around it ----------------------------------------

OURS = "from IPython.display import HTML; HTML('<h2>Of the notebook</h2>')"
ASKED = "reply = nbstream.show(held(ask('A tour of Markdown'), 'A table'))"
#: The entries of the table of contents; the headings of the answer; its rule.
CONTENTS = """() => ({
  listed: [...document.querySelectorAll('.jp-tocItem-content')].map(e => e.textContent),
  rule: getComputedStyle([...document.querySelectorAll('.jp-OutputArea-output div')]
    .find(each => each.style.borderLeft)).borderLeft,
})"""
RULE = "2px solid rgba(128, 128, 128, 0.4)"


def looked_at(page, index):
    """Say what the page tells of an answer in its output, and around it."""
    caption = page.output(index).locator("small", has_text="gpt-5")
    caption.wait_for()
    headings = page.output(index).get_by_role("heading", level=2)
    found = [each.text_content() for each in headings.all()]
    return {
        **page.js(CONTENTS),
        "headings": found[:3],
        "caption": caption.text_content(),
    }


@pytest.mark.parametrize("front", FRONTS)
def test_an_answer_is_told_from_the_notebook(open_cells, open_notebook, front):
    """A rule, a caption; its headings are some, but not the notebook's.

    So it is live, in the end, and where the file is opened and not trusted.
    """
    page = open_cells(OURS, ASKED, front=front, fresh=True)
    page.command("toc:show-panel")
    page.run_cell(1)
    page.run_cell(2, wait=False)
    live(page, 2).get_by_text("A table").wait_for()
    page.page.locator(".jp-tocItem-content").first.wait_for()
    running = looked_at(page, 2)
    release(page, "A table")
    page.wait_idle()
    final(page, 2)
    page.page.wait_for_timeout(1500)  # the table of contents waits for a quiet second
    done = looked_at(page, 2)
    picture(page, 1, f"caption-{front}-contents")
    (output,) = page.save()["cells"][2]["outputs"]
    tokens = output["metadata"]["nbstream"]["usage"]["output_tokens"]
    again = open_notebook(page.folder / "notebook.ipynb", front=front)
    again.command("toc:show-panel")
    again.page.locator(".jp-tocItem-content").first.wait_for()
    opened = looked_at(again, 2)

    told = {"listed": ["Of the notebook"], "rule": RULE}
    headings = ["Lists", "A table", "Code"]
    assert running == told | {"headings": headings[:2], "caption": "gpt-5"}
    assert done == told | {"headings": headings, "caption": f"gpt-5 · {tokens} tokens"}
    assert opened == done
    assert quiet(page)


THINK = """\
import itertools, threading
enough = threading.Event()
def think():
    def chunk(**delta):
        return {"object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": delta}]}
    for n in itertools.count():
        yield chunk(reasoning_content=f"thought{n} ")
        if enough.wait(0.03):
            break
    for n in range(200):
        yield chunk(content=f"word{n} ")
        if n == 5:
            pause("answered")"""


def test_reasoning_is_folded_and_opened_on_request(open_cells, front):
    """One line with its length and time; open as it grows; folded by the answer."""
    cells = [THINK, "live = nbstream.start(think())", "enough.set()"]
    page = open_cells(*cells, front=front)
    page.run_cell(1)
    page.run_cell(2)
    summary = live(page, 2).locator("summary")
    summary.filter(has_text=re.compile(r"\b[1-9]\d* s")).wait_for()
    is_open = "() => document.querySelector('.nbstream details').open"
    folded = page.js(is_open)
    line = summary.text_content()
    summary.click()
    live(page, 2).get_by_text("thought90 ").wait_for()
    opened = page.js(is_open)
    picture(page, 2, f"live-{front}-light-reasoning-open")
    page.run_cell(3, wait=False)
    live(page, 2).get_by_text("word5 ").wait_for()
    answered = page.js(is_open)
    release(page, "answered")
    final(page, 2)

    assert re.fullmatch(r"Reasoning · [1-9]\d* s · [\d,]+ characters", line)
    assert (folded, opened, answered) == (False, True, False)
    assert quiet(page)


CALLS = """\
def call(index, **function):
    calls = [{"index": index, "id": f"c{index}", "function": function}]
    return {"object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"tool_calls": calls}}]}
def calls():
    yield call(0, name="get_weather", arguments='{"city": "Pa')
    pause("begun")
    yield call(0, arguments='ris", "days": 2}')
    yield call(1, name="look_up", arguments='{"place": }')
    yield call(2, name="book", arguments='{"from": "Rome"')
    pause("seen")"""


def test_a_call_says_how_it_stands(open_cells, front):
    """Its arguments fill in; open, valid and invalid are told apart by words."""
    page = open_cells(CALLS, "live = nbstream.start(calls())", front=front)
    page.run_cell(1)
    page.run_cell(2)
    live(page, 2).get_by_text("Pa", exact=False).first.wait_for()
    release(page, "begun")
    live(page, 2).get_by_text("Rome").wait_for()
    text = text_of(page, 2)
    picture(page, 2, f"live-{front}-light-calls")
    release(page, "seen")
    said = final(page, 2)
    picture(page, 2, f"live-{front}-light-calls-final")

    assert "get_weather arguments are arriving … valid so far" in text
    assert "look_up arguments are arriving … not valid JSON" in text
    assert re.search(r"book arguments are arriving …\n", text)
    assert "Tool call get_weather" in said
    assert "look_up (unfinished: do not run it)" in said
    assert quiet(page)


def test_stop_from_a_second_view(open_cells):
    """In a blocking cell: both views know that they are heard, and both end."""
    page = open_cells("reply = nbstream.show(flow(words(4000)))")
    page.run_cell(1, wait=False)
    page.wait_text(1, "word30 ")
    page.command("notebook:create-output-view")
    second = page.page.locator(".jp-LinkedOutputView")
    second.get_by_text("word60 ").wait_for()
    page.page.wait_for_timeout(1000)  # longer than it takes to be given up as deaf
    buttons = page.page.locator("button.nbstream-stop")
    titles = buttons.evaluate_all("all => all.map(({title}) => title)")
    stop_button(second).click()
    second.locator(".jp-RenderedHTML.jp-OutputArea-output").wait_for()
    said = final(page, 1)
    texts = page.page.locator(".jp-RenderedHTML.jp-OutputArea-output")

    assert titles == ["Stop (Esc)", "Stop (Esc)"]
    assert said.strip().endswith("Stopped. This is what had arrived.")
    assert [text.strip() for text in texts.all_text_contents()] == [said.strip()] * 2
    assert quiet(page)


FENCE = """\
code = "".join(f"line{n} = {n}  # comment\\n" for n in range(60))
TEXT = f"It is $x^2$.\\n\\n$$y_1$$\\n\\n```python\\n{code}```\\n\\nThe end, $z_3$.\\n"
live = nbstream.start(flow(TEXT, "line12 ", "line40 ", step=5, delay_s=0.02))"""


def test_reloaded_in_the_middle_of_a_fence(open_cells, front):
    """All of it comes back, the code goes on line by line; each formula is set once."""
    page = open_cells(FENCE, front=front)
    page.run_cell(1)
    page.wait_text(1, "line12 ")
    page.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.page.goto(page.server.page_url(front, page.path))
    live(page, 1).locator("pre").get_by_text("line12 ").wait_for()
    begun = text_of(page, 1)
    live(page, 1).locator("mjx-container").nth(1).wait_for()
    release(page, "line12 ")
    live(page, 1).locator("pre").get_by_text("line40 ").wait_for()
    midway = live(page, 1).locator("pre").text_content().splitlines()
    formulas = live(page, 1).locator("mjx-container").count()
    fences = live(page, 1).locator("pre").count()
    release(page, "line40 ")
    final(page, 1)
    ended = page.output(1).locator("pre").text_content().splitlines()
    page.output(1).locator("mjx-container").nth(2).wait_for()
    whole = [f"line{n} = {n}  # comment" for n in range(60)]

    assert "It is" in begun
    assert midway[:40] == whole[:40]
    assert (formulas, fences) == (2, 1)
    assert ended == whole
    assert page.output(1).locator("mjx-container").count() == 3


MANY = """\
ITEMS = "".join(f"- item {n} is *one* of many\\n" for n in range(200))
ROWS = "".join(f"| row {n} | of `many` |\\n" for n in range(200))
TABLE = f"| a | b |\\n|---|---|\\n{ROWS}"
LISTS = f"Begin.\\n\\n{ITEMS}\\n- the last\\n\\n{TABLE}\\nThe end."
live = nbstream.start(flow(LISTS, "item 40 is", "The end.", step=40))"""
COUNTS = """() => {
  const text = document.querySelector('.nbstream-rule > div')
    ?? document.querySelector('.jp-RenderedHTML.jp-OutputArea-output > div');
  const count = (query) => text.querySelectorAll(query).length;
  return [count(':scope > ul > li > p'), count(':scope > table > tbody > tr'),
    text.children.length - text.querySelectorAll('button').length,
    text.textContent.replace(/\\s+/g, ' ').trim(), text.offsetHeight];
}"""


def test_a_long_list_and_a_long_table_grow_in_place(open_cells):
    """In pieces, which nobody sees; a list that becomes loose does so as a whole."""
    page = open_cells(MANY)
    page.run_cell(1)
    live(page, 1).locator("li", has_text="item 40 ").wait_for()
    tight = page.js("() => document.querySelectorAll('.nbstream-text li > p').length")
    page.js(
        """() => getSelection().selectAllChildren(
          document.querySelector('.nbstream-text li:nth-child(3)'))"""
    )
    release(page, "item 40 is")
    live(page, 1).get_by_text("The end.").wait_for()
    selected = page.js("() => getSelection().toString().trim()")
    shown = page.js(COUNTS)
    release(page, "The end.")
    final(page, 1)
    page.page.wait_for_timeout(800)  # it stays as it is

    assert tight == 0
    assert shown[:3] == [201, 200, 4]
    assert page.js(COUNTS) == shown
    assert selected == "item 2 is one of many"
    assert quiet(page)


#: Notes where the reader is, and what the browser calls a shift, at each frame.
STILL = """() => {
  window.tops = new Set();
  window.shifts = [];
  let node = document.querySelector('.nbstream').parentElement;
  while (!(['auto', 'scroll'].includes(getComputedStyle(node).overflowY)
    && node.scrollHeight > node.clientHeight + 1)) node = node.parentElement;
  node.scrollTop = PLACE;
  new PerformanceObserver((list) => {
    for (const {sources} of list.getEntries())
      for (const {node} of sources)
        if (node?.closest?.('.nbstream-text, .jp-RenderedHTML, ABOVE'))
          shifts.push(node.textContent.slice(0, 80));
  }).observe({type: 'layout-shift'});
  const sample = () => { tops.add(node.scrollTop); requestAnimationFrame(sample); };
  setTimeout(sample, 300);
}"""
#: Where the reader is -> how far the notebook is scrolled.
PLACES = {"above it": "0", "in it": "node.scrollHeight"}


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_nothing_jumps(open_cells, front, place):
    """Above an answer that grows, or where one is in sight: no scrolling, no shift."""
    text = f"TOUR, {PROSE!r}" if place == "0" else "'Short. ' * 40, 'Short. '"
    page = open_cells(f"live = nbstream.start(flow({text}))", "1", front=front)
    page.page.set_viewport_size({"width": 1280, "height": 560})
    page.run_cell(1)
    live(page, 1).locator("h1, p").first.wait_for(state="attached")
    above = ".jp-Cell:first-child" if place == "0" else ".nbstream-text"
    page.js(STILL.replace("PLACE", place).replace("ABOVE", above))
    page.js("() => window.tops.size > 0", wait=True)
    release(page, PROSE, "Short. ")
    page.output(1).locator(".jp-RenderedHTML.jp-OutputArea-output").wait_for(
        state="attached"
    )
    page.page.wait_for_timeout(1000)  # in which nothing moves
    tops, shifts = page.js("() => [[...tops], shifts]")

    assert len(tops) == 1
    assert shifts == []
    assert quiet(page)


def test_the_answer_is_copied(open_cells):
    """All of it so far: as HTML and as text, without what is not the answer."""
    page = open_cells(show(END))
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.js("() => navigator.clipboard.writeText('')")
    page.run_cell(1, wait=False)
    live(page, 1).get_by_text("The end").wait_for()
    live(page, 1).hover()
    live(page, 1).get_by_role("button", name="Copy the answer so far").click()
    plain = page.js("() => navigator.clipboard.readText()", wait=True)
    html = page.js("""async () => {
      const [item] = await navigator.clipboard.read();
      return (await item.getType('text/html')).text();
    }""")
    release(page, END)
    page.wait_idle()

    assert plain.startswith("A tour\n\nSome prose with a formula,")
    assert "for n in range(3):\n    print(n)  # a comment" in plain
    assert not set(re.findall("Copy|Stop|ch/s|writing", plain + html))
    assert re.search("<h1[^>]*>A tour</h1>", html)
    assert re.search(r"<li>\s*one\s*</li>", html)
    assert "$x^2 + \\frac{a}{b}$" in plain
    assert "mjx-" not in html


LISTEN = """() => {
  window.heard = [];
  const said = document.querySelector('.nbstream [aria-live]');
  const hear = () => heard.push([performance.now(), said.textContent.trim()]);
  new MutationObserver(hear)
    .observe(said, {childList: true, characterData: true, subtree: true});
}"""


def test_a_screen_reader_hears_sentences(open_cells):
    """Politely, every few seconds, in whole sentences; never each token."""
    sentences = "''.join(f'This is sentence {n} of many. ' for n in range(999))"
    page = open_cells(f"live = nbstream.start(flow({sentences}, delay_s=0.02))")
    page.run_cell(1)
    live(page, 1).locator("p", has_text="sentence 3").wait_for()
    page.js(LISTEN)
    heard = page.js("() => window.heard.length > 1 && heard", wait=True)
    modes = (
        live(page, 1)
        .locator("[aria-live]")
        .evaluate_all("all => all.map(({ariaLive}) => ariaLive)")
    )
    stop_button(live(page, 1)).click()
    final(page, 1)

    assert modes == ["polite"]
    assert min(b[0] - a[0] for a, b in pairwise(heard)) > 3900
    sentences = re.compile(r"(writing )?(This is sentence \d+ of many\.\s*)+")
    assert [one for _, one in heard if not sentences.fullmatch(one)] == []


OTHERS = """\
import base64, struct, zlib
def chunk(kind, data):
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check
def png(blue, side=160):
    row = b"".join(bytes((x, 120, blue)) for x in range(side))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress((b"\\0" + row) * side)) + chunk(b"IEND", b"")
    return base64.b64encode(b"\\x89PNG\\r\\n\\x1a\\n" + head + body).decode()
def event(kind, at, **more):
    return {"type": f"response.{kind}", "output_index": at, **more}
def whole(at, **item):
    yield event("output_item.added", at, item=item)
    yield event("output_item.done", at, item=item)
def others():
    yield event("output_text.delta", 0, delta="I look it up.")
    action = {"type": "search", "query": "the <b>moon</b> at $5 and $6"}
    yield from whole(1, type="web_search_call", id="w", action=action)
    yield event("output_text.delta", 2, delta="## Result\\n\\nHere it is.")
    ran = {"code": "print(6 * 7)  # so", "outputs": [{"type": "logs", "logs": "42"}]}
    yield from whole(3, type="code_interpreter_call", id="c", **ran)
    call = {"name": "delete_all", "arguments": "{}", "server_label": "db"}
    yield from whole(4, type="mcp_approval_request", id="a", **call)
    yield from whole(5, type="shell_call", id="s", action={"commands": ["ls -la"]})
    made = {"type": "image_generation_call", "id": "i", "revised_prompt": "A sky"}
    yield event("output_item.added", 6, item=made)
    for blue in (60, 120):
        kind = "image_generation_call.partial_image"
        yield event(kind, 6, partial_image_b64=png(blue))
    pause("making")
    done = {**made, "status": "completed", "result": png(240)}
    yield event("output_item.done", 6, item=done)
    pause("made")
    yield event("output_text.delta", 7, delta="That is all.")
    done = {"id": "r", "status": "completed", "output": []}
    yield {"type": "response.completed", "response": done}
"""
SEEN = (
    "I look it up.",
    "Searched the web: the <b>moon</b> at $5 and $6",
    "Result",
    "Here it is.",
    "Ran code",
    "print(6 * 7)  # so",
    "42",
    "Asks for approval: delete_all() (on db)",
    "Asks you to run a command",
    "ls -la",
    "Made an image",
    "That is all.",
)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_no_text_is_seen(open_cells, theme):
    """Live and in the end: the same words in the same order, and one image."""
    page = open_cells(OTHERS, "reply = nbstream.show(others)", theme=theme)
    page.run_cell(1)
    page.run_cell(2, wait=False)
    image = live(page, 2).locator("img")
    image.wait_for()
    making = text_of(page, 2)
    release(page, "making")
    live(page, 2).get_by_text("Made an image").wait_for()
    written = text_of(page, 2)
    picture(page, 2, f"live-lab-{theme}-other-parts")
    alt = image.get_attribute("alt")
    release(page, "made")
    said = final(page, 2)
    picture(page, 2, f"live-lab-{theme}-other-parts-final")
    shown = page.output(2).locator("img").evaluate("(each) => each.naturalWidth")
    (saved,) = page.save()["cells"][2]["outputs"]

    assert "Making an image …" in making
    assert [line for line in map(str.strip, said.splitlines()) if line] == [*SEEN]
    assert "".join(said.split()).startswith("".join(written.split()))
    assert (alt, shown) == ("A sky", 160)
    assert sum("base64" in str(made) for made in saved["data"].values()) == 1
    assert quiet(page)


def test_an_image_survives_without_trust(open_notebook):
    """A copy of the notebook that nobody trusts still shows it."""
    source = [SETUP, OTHERS, "reply = nbstream.show(others)"]
    page = open_notebook(source)
    release(page, "making", "made")
    page.run_all()
    final(page, 2)
    page.save()
    page.server.trust(page.path, trusted=False)
    page.load()
    image = page.output(2).locator("img")
    image.wait_for()

    assert image.evaluate("(each) => each.naturalWidth") == 160
