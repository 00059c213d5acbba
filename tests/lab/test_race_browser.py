"""A race as a person sees it: columns that grow, marks, one Stop, a static output."""

import json

import pytest
from harness.live import END, MIMES, PROSE, outputs, picture, quiet, release

pytestmark = pytest.mark.browser

RACE = f"""\
def broken():
    yield "It begins well, "
    time.sleep(0.3)
    raise OSError("connection reset")
def later(text, wait_s):
    time.sleep(wait_s)
    return text
replies = nbstream.race({{
    "gpt-5, streamed": lambda: flow(TOUR, {END!r}, step=5, delay_s=0.05),
    "the same, whole": lambda: later(TOUR[:170], 1.2),
    "broken": broken,
}})"""
STUCK = """\
def stuck(word):
    yield f"{word} **begun**\\n\\n"
    time.sleep(60)
replies = nbstream.race({"a": lambda: stuck("one"), "b": lambda: stuck("two")})"""
OUTCOMES = "print([reply.outcome for reply in replies.values()])"
#: What stands on the page, all at one moment.
SEEN = """() => {
  const all = (name) => [...document.querySelectorAll(name)];
  return {
    texts: all('.nbstream-lane .nbstream-text').map((each) => each.textContent.length),
    words: all('.nbstream-words').map((each) => each.textContent),
    firsts: all('.nbstream-first').filter((each) => !each.hidden).length,
    tops: all('.nbstream-lane').map((each) => each.getBoundingClientRect().top),
    stops: all('.nbstream-stop').filter((each) => each.offsetWidth).length,
    voices: all('.nbstream-said').filter((each) => each.ariaLive === 'polite').length,
  };
}"""
GROWN = """() => {
  const texts = [...document.querySelectorAll('.nbstream-lane .nbstream-text')];
  return texts.length === 3 && texts[0].textContent.length > 60
    && texts[1].textContent.includes('formula')
    && texts[2].textContent.includes('Failed');
}"""


#: What a screen reader hears comes in its turn.
SAID = """words => document.querySelector('.nbstream-race > .nbstream-said')
  .textContent.includes(words)"""


def race(page, index):
    """Find the live race in one cell's output."""
    return page.output(index).locator(".nbstream-race")


def table(page, index):
    """Wait until one cell's output is static; find its columns."""
    found = page.output(index).locator(".jp-RenderedHTML td")
    found.first.wait_for()
    return page.output(index).locator(".jp-RenderedHTML tr > td:has(> *)")


@pytest.mark.alone
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_columns_grow_and_a_table_stays(open_cells, theme):
    """Side by side, with marks of the first tokens; the file holds no widget."""
    front = {"light": "lab", "dark": "notebook"}[theme]
    page = open_cells("import anywidget", RACE, front=front, theme=theme)
    page.run_cell(1)
    page.run_cell(2, wait=False)
    page.js(GROWN, wait=True)
    seen = page.js(SEEN)
    picture(page, 2, f"race-{theme}")
    page.js(SAID, "broken: first token 0.0", wait=True)
    release(page, END)
    page.wait_idle()
    cells = table(page, 2)
    picture(page, 2, f"race-final-{theme}")
    page.page.wait_for_timeout(1200)  # the page has let go of the widget, or never does
    (output,) = page.save()["cells"][2]["outputs"]
    beside = output["metadata"]["nbstream"]["race"]

    assert seen["firsts"] == 3
    assert len(set(seen["tops"])) == 1
    assert seen["stops"] == 1
    assert seen["voices"] == 0
    assert seen["words"][1].startswith("first token 1.2")
    assert "failed 0.3" in seen["words"][2]
    assert cells.count() >= 3
    assert set(output["data"]) == MIMES
    assert beside["broken"]["outcome"] == "failed"
    assert "timing" not in beside["gpt-5, streamed"]
    assert "widgets" not in page.saved()["metadata"]
    assert quiet(page)


@pytest.mark.parametrize("hand", ["button", "Escape in a column"])
def test_one_stop_ends_all(open_cells, hand):
    """The cell ends normally, all that came is kept, the next cell runs."""
    page = open_cells(STUCK, OUTCOMES)
    page.run_cell(1, wait=False)
    page.run_cell(2, wait=False)
    lanes = race(page, 1).locator(".nbstream-lane strong", has_text="begun")
    lanes.nth(1).wait_for()
    if hand == "button":
        race(page, 1).get_by_role("button", name="Stop all").click()
    else:
        race(page, 1).locator(".nbstream-lane .nbstream").nth(1).focus()
        page.page.keyboard.press("Escape")
    page.wait_idle(timeout_s=10)
    table(page, 1)

    assert page.output_text(2).strip() == "['stopped', 'stopped']"
    assert outputs(page, 1) == [MIMES]
    assert quiet(page)


def test_reloaded_in_mid_race(open_cells):
    """The notebook was saved: the page comes back to all of it, and it stays."""
    page = open_cells(RACE.replace(repr(END), repr(PROSE)))
    page.run_cell(1, wait=False)
    race(page, 1).locator(".nbstream-lane h1").first.wait_for()
    page.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.page.goto(page.server.page_url("lab", page.path))
    page.cell(1).wait_for()
    release(page, PROSE)
    table(page, 1)
    page.wait_text(1, "The end, with")

    assert outputs(page, 1) == [MIMES]


def test_what_models_say_does_nothing(open_notebook):
    """No script of an answer runs, and none of a name; live, saved, or shown again."""
    evil = "<img src=x onerror='window.evil=1'><script>window.evil=1</script>"
    code = (
        f"import nbstream\nbad = {json.dumps(evil)}\n"
        "replies = nbstream.race({bad: lambda: [bad], 'b': lambda: [bad]})"
    )
    page = open_notebook([code, "replies"])
    page.run_all()
    table(page, 0)
    table(page, 1)

    assert page.js("() => window.evil") is None
    assert page.page.locator(".jp-OutputArea img").count() == 0
    assert page.output_text(0).count("onerror") == 1  # an image is its words
    assert quiet(page)
