"""The live view as a person meets it, in JupyterLab and Notebook 7."""

import json
import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from harness.browser_hostile import HARM
from harness.jupyter import FRONTS, LOOKS
from harness.live import (
    END,
    MIMES,
    NESTED,
    PROSE,
    SETUP,
    SHOW,
    final,
    live,
    outputs,
    picture,
    quiet,
    release,
    settle,
    show,
    text_of,
)

pytestmark = pytest.mark.browser

#: Samples one cell's output at every frame, and notes what the browser calls a shift.
WATCH = """index => {
  const area = document.querySelectorAll('.jp-Notebook .jp-Cell')[index]
    .querySelector('.jp-OutputArea');
  window.seen = {frames: [], shifts: []};
  const notebook = document.querySelector('.jp-Notebook');
  new PerformanceObserver((list) => {
    for (const {startTime, sources} of list.getEntries())
      for (const {node} of sources)
        if (notebook.contains(node)) seen.shifts.push([startTime, node.textContent]);
  }).observe({type: 'layout-shift'});
  const sample = () => {
    const live = Boolean(area.querySelector('.nbstream'));
    const {height} = area.getBoundingClientRect();
    seen.frames.push({at: performance.now(), live, height});
    requestAnimationFrame(sample);
  };
  sample();
}"""


def test_the_text_grows_and_a_static_output_stays(open_cells, front):
    """What is written is read at once; the file holds three texts and no widget."""
    page = open_cells(show(PROSE), "print(reply.outcome)", front=front)
    page.run_cell(1, wait=False)
    live(page, 1).locator("p", has_text="Some prose").wait_for()
    early = len(text_of(page, 1))
    release(page, PROSE)
    page.wait_idle()
    late = len(final(page, 1))
    page.run_cell(2)
    (output,) = page.save()["cells"][1]["outputs"]

    assert 0 < early < late
    assert page.output_text(2).strip() == "complete"
    assert set(output["data"]) == MIMES
    assert output["metadata"]["nbstream"]["outcome"] == "complete"
    assert "widgets" not in page.saved()["metadata"]
    assert quiet(page)


#: What it shows -> (the cell, what it pauses at, the last words before that).
STILL = {
    "an answer that names no model": (show(END), END, "The end, with"),
    "one with a caption": (
        "reply = nbstream.show(held(ask('A tour of Markdown'), 'ends the tour'))",
        "ends the tour",
        "A quotation ends the tour",
    ),
}


@pytest.mark.parametrize(("cell", "pause", "words"), STILL.values(), ids=STILL)
def test_nothing_moves_when_the_final_output_comes(
    open_cells, front, cell, pause, words
):
    """The first output of a fresh page: same height, no collapse, no shift."""
    page = open_cells(cell, "1", "2", front=front, fresh=True)
    page.js(WATCH, 1)
    page.run_cell(1, wait=False)
    live(page, 1).locator("mjx-container").nth(1).wait_for()
    live(page, 1).get_by_text(words).wait_for()
    settle(page)
    release(page, pause)
    final(page, 1)
    page.page.wait_for_timeout(1500)  # in which nothing moves
    seen = page.js("() => window.seen")
    frames = seen["frames"]
    pairs = enumerate(pairwise(frames))
    swap = next(at for at, (a, b) in pairs if a["live"] and not b["live"])
    before = frames[swap]["height"]
    after = [frame["height"] for frame in frames[swap + 1 :]]
    moved = [what for at, what in seen["shifts"] if at > frames[swap]["at"]]

    assert len(after) > 10
    assert max(abs(height - before) for height in after) <= 2
    assert moved == []


def test_a_formula_that_comes_again_looks_the_same(open_cells):
    """It is typeset once, live and in the output, in a list as in a paragraph."""
    blocks = ("With $x_1$:", "$$x_1$$", "- of $x_1$", "- and $y$", "is $x_1$.")
    text = r"\n\n".join([*blocks, "The", "end"])
    page = open_cells(f'reply = nbstream.show(flow("{text}", "end"), view="live")')
    page.run_cell(1, wait=False)
    typeset = live(page, 1).locator("mjx-container")
    typeset.nth(4).wait_for()
    settle(page)
    widths = [each.bounding_box()["width"] for each in typeset.all()]
    release(page, "end")
    page.wait_idle()
    after = final(page, 1) and page.output(1).locator("mjx-container").all()

    assert len({widths[at] for at in (0, 2, 4)}) == 1
    assert [each.bounding_box()["width"] for each in after] == widths
    assert quiet(page)


def test_an_answer_that_comes_all_at_once_leaves_no_gap(open_cells, front):
    """The line that waits for it takes no room from then on."""
    at_once = "reply = nbstream.show(['All of it, and then'], view='live')"
    page = open_cells(at_once, "1", front=front)
    page.run_cell(1)
    page.js(WATCH, 1)
    page.run_cell(1)
    final(page, 1)
    page.page.wait_for_timeout(1500)  # in which nothing moves
    frames = page.js("() => window.seen.frames")
    after = [each["height"] for each in frames if not each["live"] and each["height"]]

    assert len(after) > 10
    assert max(after) - after[-1] <= 2


def test_a_selection_survives(open_cells, front):
    """What the reader has selected stays selected: while it grows, and in the end."""
    page = open_cells(show(PROSE, "- two"), front=front)
    page.run_cell(1, wait=False)
    live(page, 1).locator("p", has_text="Some prose").wait_for()
    page.js("""() => {
      const {firstChild, children} = document.querySelector('.nbstream-text p');
      getSelection().setBaseAndExtent(firstChild, 2, children[0].firstChild, 3);
    }""")
    begun = page.js("() => String(getSelection())")
    release(page, PROSE)
    live(page, 1).get_by_text("two").wait_for()
    midway = page.js("() => String(getSelection())")
    release(page, "- two")
    page.wait_idle()
    final(page, 1)
    ended = page.js("""() => [String(getSelection()),
      Boolean(getSelection().anchorNode.parentElement.closest('.jp-RenderedHTML'))]""")

    assert (begun, midway, ended) == ("me pro", "me pro", ["me pro", True])


SCROLLER = """() => {
  let node = document.querySelector('.nbstream')?.parentElement;
  while (node && !(['auto', 'scroll'].includes(getComputedStyle(node).overflowY)
    && node.scrollHeight > node.clientHeight + 1)) node = node.parentElement;
  const port = node?.getBoundingClientRect();
  const text = document.querySelector('.nbstream-text').getBoundingClientRect();
  return node && {top: node.scrollTop, below: text.bottom - port.bottom};
}"""
LONG = """\
pauses = "word500 ", "word800 "
reply = nbstream.show(flow(words(1100), *pauses, step=40, delay_s=0.01))"""
#: It has come to rest: what was asked of it and what it does itself are over.
AT_REST = (
    SCROLLER.replace("return node &&", "const now = node &&").removesuffix("}")
    + """
  const same = window.rested && JSON.stringify(rested.now) === JSON.stringify(now);
  if (!same) window.rested = {now, since: performance.now()};
  return performance.now() - rested.since > 300 ? now : null;
}""".replace("SCROLLER", SCROLLER)
)


def test_the_end_is_followed_until_the_reader_scrolls_up(open_cells, front):
    """The end stays in view by itself; a reader who goes up is left in peace."""
    page = open_cells(LONG, front=front)
    page.cell(1).evaluate("(cell) => cell.scrollIntoView()")
    page.run_cell(1, wait=False)
    page.wait_text(1, "word500 ")
    following = page.js(AT_REST, wait=True)
    live(page, 1).hover(position={"x": 200, "y": 40}, force=True)
    page.page.mouse.wheel(0, -400)
    begun = page.js(AT_REST, wait=True)
    release(page, "word500 ")
    page.wait_text(1, "word800 ")
    ended = page.js(AT_REST, wait=True)
    release(page, "word800 ")
    page.wait_idle()

    assert following["top"] > 0
    assert following["below"] <= 0
    assert begun["top"] < following["top"] + 400
    assert abs(ended["top"] - begun["top"]) <= 1
    assert ended["below"] > begun["below"]


def test_reloaded_in_mid_stream_while_the_cell_blocks(open_cells, front):
    """The notebook was saved: the page comes back to the whole answer, and it stays."""
    cell = "reply = nbstream.show(flow(words(400), 'word30 '))"
    page = open_cells(cell, front=front)
    page.run_cell(1, wait=False)
    page.wait_text(1, "word30 ")
    page.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.page.goto(page.server.page_url(front, page.path))
    page.cell(1).wait_for()
    release(page, "word30 ")
    page.wait_text(1, "word399")
    final(page, 1)

    assert outputs(page, 1) == [MIMES]


#: It goes on while a page is loaded, however long that takes.
ENDLESS = """\
def endless():
    n = 0
    while not released("enough"):
        yield f"word{n} " + "\\n\\n" * (n % 20 == 19)
        n += 1
        time.sleep(0.02)
    yield "The end."
live = nbstream.start(endless())"""


def test_reloaded_in_mid_stream_of_a_background_stream(open_cells, front):
    """The view comes back with everything so far, goes on, and ends complete."""
    page = open_cells(ENDLESS, front=front)
    page.run_cell(1)
    page.wait_text(1, "word30 ")
    page.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.page.goto(page.server.page_url(front, page.path))
    live(page, 1).locator("p").first.wait_for()
    begun = text_of(page, 1)
    release(page, "enough")
    page.wait_text(1, "The end.")
    whole = final(page, 1)

    assert begun.startswith("word0 word1 ")
    assert "The end." not in begun
    assert whole.startswith("word0 word1 ")
    assert whole.split()[:-2] == [f"word{n}" for n in range(len(whole.split()) - 2)]
    assert outputs(page, 1) == [MIMES]


SILENT = """\
def silent(*texts):
    yield from texts
    pause("enough")
    yield " The end."
lives = [nbstream.start(silent("Some *text", "*")), nbstream.start(silent())]"""


@pytest.mark.parametrize("front", FRONTS)
def test_reloaded_while_background_streams_are_silent(open_cells, front):
    """What has come is there at once, and so is the wait for a first token."""
    page = open_cells(SILENT, front=front)
    page.run_cell(1)
    said, waits = live(page, 1).nth(0), live(page, 1).nth(1)
    said.locator("em").wait_for()
    waits.get_by_text("Waiting for the first token").wait_for()  # what is saved, too
    page.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    for _ in range(2):
        page.page.goto(page.server.page_url(front, page.path))
        said.locator("em").wait_for()
        waits.get_by_text("Waiting for the first token").wait_for()
    shown = said.locator(".nbstream-text").text_content()
    release(page, "enough")
    page.wait_text(1, "text The end.")
    page.output(1).locator(".jp-RenderedHTML.jp-OutputArea-output").nth(1).wait_for()

    assert shown.strip() == "Some text"
    assert outputs(page, 1) == [MIMES] * 2


def test_run_again_in_mid_stream(open_cells):
    """The second run shows its own answer in full, and nothing of the first."""
    code = "n = globals().get('n', 0) + 1\n"
    code += "reply = nbstream.show(flow(f'run{n} ' + TOUR, *['run1'][n - 1 :]))"
    page = open_cells(code)
    page.run_cell(1, wait=False)
    live(page, 1).get_by_text("run1").wait_for()
    page.run_cell(1, wait=False)
    release(page, "run1")
    page.wait_text(1, "run2")
    page.wait_idle()

    assert final(page, 1).startswith("run2 # A tour")
    assert outputs(page, 1) == [MIMES]
    assert quiet(page)


def test_cleared_in_mid_stream(open_cells):
    """A cleared output stays clear; the reply is whole."""
    check = "print(reply.outcome, len(reply.text) == len(TOUR))"
    page = open_cells(show(PROSE), check)
    page.run_cell(1, wait=False)
    live(page, 1).locator("p", has_text="Some prose").wait_for()
    page.command("notebook:clear-cell-output")
    live(page, 1).wait_for(state="detached")
    release(page, PROSE)
    page.wait_idle()
    page.run_cell(2)

    assert page.output_text(2).strip() == "complete True"
    assert page.output_text(1) == ""
    assert outputs(page, 1) == []
    assert quiet(page)


def test_a_second_view(open_cells):
    """A new view of the output follows too, and ends in the same text."""
    page = open_cells(show(PROSE))
    page.run_cell(1, wait=False)
    live(page, 1).locator("p", has_text="Some prose").wait_for()
    page.command("notebook:create-output-view")
    second = page.page.locator(".jp-LinkedOutputView")
    second.locator(".nbstream p", has_text="Some prose").wait_for()
    page.screenshot("live-second-view")
    release(page, PROSE)
    second.locator(".jp-RenderedHTML.jp-OutputArea-output").wait_for()
    texts = page.page.locator(
        ".jp-RenderedHTML.jp-OutputArea-output"
    ).all_text_contents()

    assert len(texts) == 2
    assert texts[0].strip() == texts[1].strip()
    assert "The end, with" in texts[0]
    assert quiet(page)


def test_collapsed_in_mid_stream(open_cells):
    """An output that is folded away while it grows is whole when it is opened."""
    page = open_cells(show(PROSE))
    page.run_cell(1, wait=False)
    live(page, 1).locator("p", has_text="Some prose").wait_for()
    page.command("notebook:hide-cell-outputs")
    live(page, 1).wait_for(state="hidden")
    release(page, PROSE)
    page.wait_idle()
    page.command("notebook:show-cell-outputs")

    assert "The end, with" in final(page, 1)
    assert quiet(page)


HANDS = {
    "a click": lambda page: live(page, 1).get_by_role("button", name="Stop").click(),
    "the Escape key": lambda page: (
        live(page, 1).get_by_role("button", name="Stop").focus(),
        page.page.keyboard.press("Escape"),
    ),
}


@pytest.mark.parametrize("press", HANDS.values(), ids=HANDS)
def test_stop(open_cells, press):
    """The answer ends where it is, and says so."""
    page = open_cells(
        "live = nbstream.start(flow(words(4000)))", "print(live.reply.outcome)"
    )
    page.run_cell(1)
    page.wait_text(1, "word30 ")
    press(page)
    said = final(page, 1)
    page.run_cell(2)

    assert said.strip().endswith("Stopped. This is what had arrived.")
    assert page.output_text(2).strip() == "stopped"
    assert quiet(page)


def test_the_keyboard_reaches_what_can_be_pressed(open_cells):
    """Tab goes to Stop, then to the buttons that copy."""
    page = open_cells("live = nbstream.start(flow(words(4000)))")
    page.run_cell(1)
    page.wait_text(1, "word30 ")
    live(page, 1).focus()
    names = []
    for _ in range(2):
        page.page.keyboard.press("Tab")
        names.append(page.js("() => document.activeElement.ariaLabel"
                             " ?? document.activeElement.textContent"))  # fmt: skip
    live(page, 1).get_by_role("button", name="Stop").click()
    final(page, 1)

    assert names == ["Stop", "Copy the answer so far"]


def test_code_is_copied(open_cells, browser):
    """A block of code has a button, and it copies the code and nothing else."""
    page = open_cells(show(END))
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.js("() => navigator.clipboard.writeText('')")
    page.run_cell(1, wait=False)
    live(page, 1).get_by_text("The end").wait_for()
    code = live(page, 1).locator("pre")
    code.hover()
    live(page, 1).get_by_role("button", name="Copy this code").click()
    copied = page.js("() => navigator.clipboard.readText()", wait=True)
    release(page, END)
    page.wait_idle()

    assert copied == "for n in range(3):\n    print(n)  # a comment"


@pytest.fixture
def states_are_saved(jupyter):
    """The setting "Save Widget State Automatically" is on."""
    plugin = "jupyterlab-manager/plugin"
    jupyter.set(plugin, {"saveState": True}, owner="@jupyter-widgets")
    yield
    jupyter.set(plugin, {}, owner="@jupyter-widgets")


def test_no_widget_is_saved_where_their_state_is(open_cells, states_are_saved):
    """Model, layout and style are gone a moment after the answer's end."""
    page = open_cells(SHOW)
    page.run_cell(1)
    final(page, 1)
    end_s = time.monotonic() + 20
    while True:  # the page tells the kernel that it has seen it, which takes a second
        saved = page.save()
        (kept,) = saved["metadata"]["widgets"].values()
        if kept["state"] == {} or time.monotonic() > end_s:
            break
        page.page.wait_for_timeout(100)

    assert outputs(page, 1) == [MIMES]
    assert kept["state"] == {}


LOST = """\
import ipywidgets, os
out = ipywidgets.Output()
display(out)
with out:
    live = nbstream.start(held(flow("Some **text** <b>\\n\\n```python\\nx = 1"), "= 1"))
def two():
    delta = {"index": 0, "delta": {"content": "of two"}}
    yield {"object": "chat.completion.chunk", "model": "a<b", "choices": [delta]}
    pause("two")
reply = nbstream.race({"one": lambda: flow("of *one*"), "&": two})"""
RESTART = """() => jupyterapp.shell.currentWidget.sessionContext.restartKernel()
  .then(() => null)"""


@pytest.mark.parametrize("how", ["restarted", "killed"])
def test_the_kernel_goes_in_mid_stream(open_cells, how):
    """What had arrived stays, on the page and in the file, and a line says so."""
    page = open_cells("print(__import__('os').getpid())", LOST, "1", fresh=True)
    page.run_cell(1)
    page.run_cell(2, wait=False)
    page.wait_text(2, "x = 1")
    page.wait_text(2, "of two")
    if how == "killed":
        os.kill(int(page.output_text(1)), signal.SIGKILL)
    else:
        page.js(RESTART)
    lines = page.output(2).get_by_text("Interrupted: the kernel has gone.")
    lines.nth(1).wait_for()
    live(page, 2).first.wait_for(state="detached")
    picture(page, 2, f"interrupted-lab-{how}")
    saved = page.save()["cells"][2]["outputs"][1]["data"]
    html, plain = ("".join(saved[f"text/{kind}"]) for kind in ("html", "plain"))

    assert page.output(2).locator("pre").text_content().strip() == "x = 1"
    assert set(saved) == {"text/html", "text/plain"}
    assert "<p><strong>&amp;</strong></p>" in html
    assert html.count("<small>") == html.count("<small>a&lt;b</small>") == 1
    assert "<button" not in html
    assert plain == (
        "one\n\nof one\n\n&\n\nof two\n\n"
        "[Interrupted: the kernel has gone. This is what had arrived.]"
    )
    assert page.errors == []


#: Looks at each element that ever stands in a live view; nothing but this is harmless.
#: The view's own buttons are known as what they are: made by its script, not parsed.
GUARD = """() => {
  const made = new WeakSet();
  const create = document.createElement;
  document.createElement = function (...how) {
    const element = create.apply(this, how);
    made.add(element);
    return element;
  };
  const isCopyButton = (e) => made.has(e) && e.localName === 'button'
    && e.nextSibling?.localName === 'pre' && e.ariaLabel === 'Copy this code';
  window.bad = [];
  window.looked = 0;
  const harm = @HARM@;
  const look = (e) => {
    looked += 1;
    if (e.closest('mjx-container') || isCopyButton(e)) {
      if (e.tagName === 'A') bad.push('a link in a formula: ' + e.outerHTML);
      return;
    }
    bad.push(...harm(e));
  };
  new MutationObserver((changes) => {
    for (const {target, addedNodes} of changes)
      for (const node of [target, ...addedNodes])
        if (node.nodeType === 1 && node.closest('.nbstream-text > div > *'))
          [node, ...node.querySelectorAll('*')].forEach(look);
  }).observe(document.body, {childList: true, subtree: true, attributes: true});
}""".replace("@HARM@", HARM)
HOSTILE = """\
from pathlib import Path
pieces = Path("hostile.md").read_text().split("=====\\n")
for text in pieces:
    nbstream.show(flow(text, step=3, delay_s=0.0005, hold_s=0.06))"""


class Listener(ThreadingHTTPServer):
    """A loopback server that writes down what it is asked for."""

    def __init__(self):
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(204)
                self.end_headers()

            do_POST = do_GET  # noqa: N815 - the name that http.server looks for

            def log_message(self, *args):
                """Stay quiet."""

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def listener():
    with Listener() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_hostile_replies_do_nothing_while_they_stream(open_cells, listener):
    """Half tags across deltas, scripts, styles, images, commands: text, all of it."""
    page = open_cells(HOSTILE)
    folder = (page.server.root / page.path).parent
    url = f"http://127.0.0.1:{listener.server_port}"
    corpus = (Path(__file__).parents[1] / "harness" / "browser_hostile.md").read_text(
        "utf-8"
    )
    (folder / "hostile.md").write_text(corpus.replace("@HOST@", url), "utf-8")
    page.js(GUARD)
    page.run_cell(1, wait=False)
    page.wait_idle(timeout_s=180)
    page.page.wait_for_timeout(1000)  # in which nothing is asked for
    looked, bad, pwned = page.js("() => [looked, bad, window.__pwned ?? null]")

    assert page.output_text(1).count("onerror") > 0
    assert looked > 300
    assert (bad, pwned, listener.asked) == ([], None, [])
    assert quiet(page)


def test_where_the_front_end_has_no_widgets(start_jupyter, tmp_path, open_notebook):
    """A sentence stands there until the answer does; no error."""
    config = tmp_path / "config"
    settings = config / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    off = {"@jupyter-widgets/jupyterlab-manager": True}
    settings.write_text(json.dumps({"disabledExtensions": off}))
    server = start_jupyter(env={"JUPYTER_CONFIG_DIR": str(config)})
    page = open_notebook([SETUP, show(PROSE)], server=server)
    page.run_cell(0)
    page.run_cell(1, wait=False)
    page.wait_text(1, "The answer was still being written.")
    release(page, PROSE)
    page.wait_idle()

    assert "The end, with" in final(page, 1)
    assert outputs(page, 1) == [MIMES]
    assert page.errors == []


CALLS = """\
def calls():
    pieces = ['{"city": "Pa', 'ris", "days"', ": [1, 2", "]", "}"]
    for at, piece in enumerate(pieces):
        call = {"index": at // 3, "id": f"c{at // 3}",
                "function": {"name": "get_weather", "arguments": piece}}
        yield {"object": "chat.completion.chunk",
               "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
        if at == 1:
            pause("calling")
live = nbstream.start(calls())"""
STEPS = 'live = nbstream.start(held(ask("think step by step"), {!r}))'
#: What is to be looked at -> (what is run, the text to wait for): there it pauses.
STATES = {
    "waiting": ("live = nbstream.start(pause('ever') for _ in '1')", "Waiting"),
    "thinking": (STEPS.format("look for what"), "Reasoning"),
    "writing": (show(NESTED, call="live = nbstream.start"), "nested"),
    "after reasoning": (STEPS.format("three steps"), "three steps"),
    "calling": (CALLS, "Paris"),
    "choices": (
        "from openai import OpenAI\n"
        "two = OpenAI().chat.completions.create(model='gpt-5', n=2, stream=True,\n"
        "    messages=[{'role': 'user', 'content': 'hello'}])\n"
        "live = nbstream.start(held(two, '1 2'))",
        "Answer 2",
    ),
}


@pytest.mark.parametrize(("front", "theme"), LOOKS)
def test_every_state_can_be_looked_at(open_cells, front, theme):
    """Pictures of the live view, for a person to judge."""
    page = open_cells("use(speed=0)", front=front, theme=theme)
    page.run_cell(1)
    for name, (code, text) in STATES.items():
        index = page.insert_and_run(code)
        page.wait_text(index, text)
        assert live(page, index).count() == 1
        picture(page, index, f"live-{front}-{theme}-{name.replace(' ', '-')}")
        page.insert_and_run("live.stop()")

    assert quiet(page)


ENDINGS = """\
def chunk(reason=None, **delta):
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"object": "chat.completion.chunk", "choices": [choice]}
def refused():
    yield chunk(refusal="I cannot help with that.")
    yield chunk(reason="stop")
def truncated():
    yield chunk(content="It began well, and then")
def failed():
    yield chunk(content="It began well, and then")
    raise ConnectionResetError("the peer went away")
def cut():
    yield chunk(content="It was to be long, but")
    yield chunk(reason="length")"""
#: What ends otherwise than well -> the line that says so.
ENDS = {
    "refused": "Refused. I cannot help with that.",
    "truncated": "Truncated: the stream ended before the answer was complete.",
    "failed": "Failed.",
    "cut": "Cut: the token limit was reached.",
}


@pytest.mark.parametrize(("front", "theme"), LOOKS)
def test_every_end_can_be_looked_at(open_cells, front, theme):
    """A plain line says what went wrong; pictures, for a person to judge."""
    page = open_cells(ENDINGS, front=front, theme=theme)
    page.run_cell(1)
    for name, line in ENDS.items():
        index = page.insert_and_run(f"live = nbstream.start({name}())")
        assert line in final(page, index)
        picture(page, index, f"ended-{front}-{theme}-{name}")
    index = page.insert_and_run(show(NESTED, call="live = nbstream.start"))
    page.wait_text(index, "nested")
    live(page, index).get_by_role("button", name="Stop").click()
    assert final(page, index).strip().endswith("Stopped. This is what had arrived.")
    picture(page, index, f"ended-{front}-{theme}-stopped")

    assert quiet(page)


def test_without_a_prompt_the_tools_stand_beneath(open_cells):
    """In a view of the output alone, and in a narrow window: none is cut off."""
    page = open_cells("live = nbstream.start(flow(words(4000)))")
    page.run_cell(1)
    page.wait_text(1, "word30 ")
    page.command("notebook:create-output-view")
    second = page.page.locator(".jp-LinkedOutputView")
    second.get_by_text("word60 ").wait_for()
    beneath = second.locator(".nbstream-beneath")
    beneath.wait_for()
    page.page.set_viewport_size({"width": 700, "height": 700})
    page.js("() => innerWidth === 700", wait=True)
    settle(page)
    page.screenshot("live-lab-beneath")
    tools, text = (
        second.locator(f".nbstream-{name}").bounding_box() for name in ("tools", "text")
    )
    second.get_by_role("button", name="Stop").click()
    final(page, 1)

    assert tools["x"] >= text["x"] - 1
    assert tools["width"] <= text["width"] + 1
    assert quiet(page)


MEGABYTE = """\
PART = "".join(f"word{n} " + "\\n\\n" * (n % 40 == 39) for n in range(11_000))
LARGE = "".join(f"## Part {n}\\n\\n{PART}- one\\n- two\\n\\n" for n in range(10))
reply = nbstream.show(flow(LARGE, step=400, delay_s=0))"""
#: How long nothing else could run, at most: while it streams, in milliseconds.
FREEZE = """() => {
  let last = performance.now();
  window.frozen = 0;
  setInterval(() => {
    const now = performance.now();
    if (document.querySelector('.nbstream')) frozen = Math.max(frozen, now - last);
    last = now;
  }, 20);
}"""


@pytest.mark.alone
def test_a_megabyte_streams_and_the_page_stays_alive(open_cells):
    """As fast as it can be: no message is dropped, nothing stands still for long."""
    check = "print(reply.outcome, reply.text == LARGE, 0.9e6 < len(LARGE) < 1.1e6)"
    page = open_cells(MEGABYTE, check)
    page.js(FREEZE)
    page.run_cell(1, wait=False)
    page.wait_idle(timeout_s=180)
    whole = final(page, 1)
    frozen_ms = page.js("() => window.frozen")
    page.run_cell(2)

    assert page.output_text(2).strip() == "complete True True"
    assert "rate exceeded" not in page.output_text(1)
    assert whole.count("## Part") == 0
    assert whole.rstrip().endswith("two")
    assert whole.count("word10999") == 10
    assert frozen_ms < 3000
    assert quiet(page)


@pytest.mark.parametrize("colours", ["active", "none"])
def test_other_ways_to_see(open_cells, colours):
    """High contrast, and no motion: nothing is said by colour or by motion alone."""
    page = open_cells(show(NESTED, call="live = nbstream.start"))
    page.page.emulate_media(forced_colors=colours, reduced_motion="reduce")
    page.run_cell(1)
    page.wait_text(1, "nested")
    page.screenshot(f"live-lab-forced-colours-{colours}")
    moving = page.js("""() => [...document.querySelectorAll('.nbstream, .nbstream *')]
      .flatMap((each) => each.getAnimations()).length""")

    assert moving == 0
    assert live(page, 1).get_by_role("button", name="Stop").is_visible()


OUTPUTS = """\
import ipywidgets as widgets
out, tab = widgets.Output(), widgets.Tab([widgets.Output()])
def go(_):
    with out:
        nbstream.show(flow("Called back. " * 400, delay_s=0.02))
def begin(_):
    with tab.children[0]:
        globals().update(live=nbstream.start(flow("Begun. " * 400, delay_s=0.02)))
buttons = [widgets.Button(description=each) for each in ("Go", "Begin")]
for button, call in zip(buttons, (go, begin)):
    button.on_click(call)
display(*buttons, out, tab)
for n in range(6):
    with out:
        nbstream.show(flow(f"This is **answer {n}**."))"""


def test_answers_in_output_widgets(open_cells, front):
    """Live, and static in the end: six in a row, from a button, in the background."""
    page = open_cells(OUTPUTS, front=front)
    page.run_cell(1)
    area = page.output(1)
    static = area.locator(".jp-RenderedHTML.jp-OutputArea-output")
    static.nth(5).wait_for()
    area.get_by_role("button", name="Go", exact=True).click()
    live(page, 1).get_by_text("Called back. Called").wait_for()
    picture(page, 1, f"live-{front}-light-in-output")
    live(page, 1).get_by_role("button", name="Stop").click()
    static.nth(6).wait_for()
    area.get_by_role("button", name="Begin", exact=True).click()
    live(page, 1).get_by_text("Begun. Begun.").wait_for()
    live(page, 1).get_by_role("button", name="Stop").click()
    static.nth(7).wait_for()
    before = static.all_inner_texts()
    page.save()
    page.page.goto(page.server.page_url(front, page.path))
    static.nth(7).wait_for()
    after = static.all_inner_texts()

    assert [each.strip() for each in before[:6]] == [
        f"This is answer {n}." for n in range(6)
    ]
    assert all("Stopped. This is what had arrived." in each for each in before[6:])
    assert after == before
    assert live(page, 1).count() == 0


WIDE = r"""
WIDE = {
    "word": "See https://example.com/" + "path/" * 60 + " so.",
    "code": "Inline `" + "x" * 400 + "` so.",
    "heading": "# " + "W" * 300,
    "item": "- " + "w" * 500 + "\n\n> " + "q" * 500,
    "table": "|" + "column|" * 24 + "\n|" + "---|" * 24 + "\n|" + "value|" * 24,
    "formula": "$$" + "+".join(f"x_{{{n}}}" for n in range(120)) + "$$",
    "inline": "So $" + "+".join(f"x_{{{n}}}" for n in range(120)) + "$ is.",
    "fence": "```\n" + "y" * 500 + "\n```",
}
ALL = "\n\n".join([*WIDE.values(), "The end of it."])
replies = nbstream.race({"a": lambda: held(flow(ALL, step=60), "of it"),
                         "b": lambda: flow(ALL, step=60)})"""
#: What of a cell's output is wider than it may be, and what scrolls by itself.
WIDTHS = """index => {
  const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[index];
  const area = cell.querySelector('.jp-OutputArea');
  const room = area.getBoundingClientRect().right + 1;
  const scrolls = (e) => e.scrollWidth > e.clientWidth + 1
    && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX);
  const inScroller = (e) => e !== area && (scrolls(e) || inScroller(e.parentElement));
  const all = [...area.querySelectorAll('.jp-RenderedHTMLCommon *')];
  const isOut = (e) => e.getBoundingClientRect().right > room && !inScroller(e);
  const text = all.filter((e) => scrolls(e)).map((e) => e.localName);
  const whole = [...area.querySelectorAll('.nbstream-text, .jp-OutputArea-output')];
  const out = all.filter(isOut).map((e) => e.outerHTML.slice(0, 99));
  return [cell.scrollWidth - cell.clientWidth, out,
    whole.filter(scrolls).length, [...new Set(text)].sort(),
    area.querySelectorAll('.nbstream-area').length + area.matches('.nbstream-area')];
}"""


@pytest.mark.parametrize("width", [1280, 640])
def test_nothing_is_wider_than_its_place(open_cells, width):
    """Words break; a table or a formula scrolls by itself; live, and in the end."""
    one = "live = nbstream.start(held(flow(ALL, step=60), 'of it'))"
    page = open_cells(WIDE, one)
    page.page.set_viewport_size({"width": width, "height": 900})
    page.run_cell(1, wait=False)
    live(page, 1).get_by_text("The end of it.").nth(1).wait_for()
    page.page.wait_for_timeout(500)
    race = page.js(WIDTHS, 1)
    picture(page, 1, f"wide-lab-{width}-race")
    release(page, "of it")
    final(page, 1)
    page.page.wait_for_timeout(1500)
    raced = page.js(WIDTHS, 1)
    picture(page, 1, f"wide-lab-{width}-race-final")
    (folder := page.folder / "released.txt").unlink()
    page.run_cell(2)
    live(page, 2).get_by_text("The end of it.").wait_for()
    page.page.wait_for_timeout(500)
    begun = page.js(WIDTHS, 2)
    picture(page, 2, f"wide-lab-{width}")
    folder.write_text("of it\n")
    final(page, 2)
    page.page.wait_for_timeout(1500)
    ended = page.js(WIDTHS, 2)
    picture(page, 2, f"wide-lab-{width}-final")

    alone = [0, [], 0, ["span", "table"]]
    assert begun[:4] == alone
    assert ended == [*alone, 0]
    assert race[:3] == alone[:3]
    assert raced == [*alone, 0]


PLACED = [
    "live = nbstream.start(flow(words(1200), 'word600 ', step=40, delay_s=0.01))",
    "reply = nbstream.show(flow(words(1500), step=40, delay_s=0.005))",
    "%%capture captured\nreply = nbstream.show(flow(words(100)))",
    "captured.show()",
    "reply = nbstream.show(flow('# One\\n\\nof many\\n\\n' * 2000, step=400))",
]
SCROLLED = """index => {
  const cell = jupyterapp.shell.currentWidget.content.widgets[index];
  const area = cell.outputArea.node;
  return [cell.node.matches('.jp-mod-outputsScrolled'),
    area.scrollHeight - area.scrollTop - area.clientHeight, area.clientHeight];
}"""


def test_where_an_output_is_put(open_cells, front):
    """In a box that scrolls its end is followed; no box is put around it in the end.

    What is captured is quiet, and there; no heading is in the table of contents.
    """
    page = open_cells(*PLACED, front=front)
    page.js("""() => {
      jupyterapp.shell.currentWidget.content.widgets[1].outputsScrolled = true;
    }""")
    page.cell(1).evaluate("(cell) => cell.scrollIntoView()")
    page.run_cell(1)
    page.wait_text(1, "word600 ")
    settle(page)
    page.page.wait_for_timeout(500)
    followed = page.js(SCROLLED, 1)
    release(page, "word600 ")
    final(page, 1)
    page.cell(2).evaluate("(cell) => cell.scrollIntoView()")
    page.run_cell(2)
    final(page, 2)
    page.page.wait_for_timeout(1500)
    long = page.js(SCROLLED, 2)
    page.run_cell(3)
    page.run_cell(4)
    final(page, 4)
    page.js(FREEZE)
    page.run_cell(5, wait=False)
    page.wait_idle(timeout_s=120)
    final(page, 5)
    headings = page.js("""async () => {
      const {widgets} = jupyterapp.shell.currentWidget.content;
      const found = await Promise.all(widgets.map((each) => each.getHeadings()));
      return found.flat().filter(({skip}) => !skip).length;
    }""")

    assert followed[0]
    assert followed[1] < 30
    assert (long[0], long[2] > 2000) == (False, True)
    assert outputs(page, 3) == []
    assert "word99" in text_of(page, 4)
    assert headings == 0
    assert quiet(page)
