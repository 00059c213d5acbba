"""Tools as a person meets them: cards that fill in, a question, Stop while one runs."""

import re

import pytest
from harness.live import MIMES, live, picture, quiet, release
from harness.matrix import VERSIONS
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

TOOLS = '''\
def weather(city: str) -> dict:
    """Tell the weather of a city."""
    if RUNS:
        pause(city)
    return {"city": city, "degrees": 18, "sky": "clear"}
def delete(city: str) -> str:
    """Take a city's weather off the map."""
    return f"{city} is gone"
careful = nbstream.tool(delete, confirm=True)
AGENT = "[scenario: agent] the weather in Paris, Tokyo and Oslo"
'''
LOOP = 'reply = nbstream.ask(AGENT, "anthropic:m", tools=[weather])'
CONSENT = 'reply = nbstream.ask("take Paris off", "openai:m", tools=[careful])'
NEXT = "print(reply.outcome, [c.run.state for r in reply.rounds for c in r.tool_calls])"


def opened(open_cells, *cells, runs=False, **options):
    """Open a notebook with tools, of which one runs until the test releases it."""
    page = open_cells(f"RUNS = {runs}\n{TOOLS}", *cells, **options)
    page.run_cell(1)
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_rounds_of_an_agent(open_cells, theme):
    """One output: each card fills in, runs, has its result; in the end it is static."""
    page = opened(open_cells, LOOP, NEXT, theme=theme, runs=True)
    page.run_cell(2, wait=False)
    view = live(page, 2)
    view.get_by_text("Running …").wait_for()
    picture(page, 2, f"tools-running-{theme}")
    release(page, "Paris", "Tokyo")
    view.get_by_text("Round 3").wait_for()
    picture(page, 2, f"tools-rounds-{theme}")
    release(page, "Oslo")
    page.wait_idle()
    page.run_cell(3)
    picture(page, 2, f"tools-final-{theme}")
    (output,) = page.save()["cells"][2]["outputs"]

    assert page.output_text(3).strip() == "complete ['done', 'done', 'done']"
    assert set(output["data"]) == MIMES
    assert "".join(output["data"]["text/plain"]).count('"degrees":18') == 6
    assert quiet(page)


ANSWERS = {"Allow": "['done']", "Refuse": "['refused']"}
CASES = [(version, "Allow") for version in VERSIONS] + [(VERSIONS[-1], "Refuse")]


@pytest.mark.parametrize(("kernel", "answer"), CASES)
def test_a_question_is_answered_while_the_cell_blocks(open_cells, kernel, answer):
    """By a click, on every kernel; the buttons go with the answer."""
    page = opened(open_cells, CONSENT, NEXT, kernel=kernel)
    page.run_cell(2, wait=False)
    view = live(page, 2)
    button = view.get_by_role("button", name=answer)
    button.wait_for()
    page.cell(2).evaluate("(cell) => cell.scrollIntoView({ block: 'center' })")
    if kernel == VERSIONS[-1]:
        picture(page, 2, f"tools-consent-{answer}")
    expect(button).to_be_enabled(timeout=60_000)  # it has been there, unmoved
    button.click()
    page.wait_idle()
    page.run_cell(3)

    assert page.output_text(3).strip() == f"complete {ANSWERS[answer]}"
    assert page.output(2).locator("button.nbstream-consent").count() == 0
    assert quiet(page)


def test_a_question_is_answered_from_the_keyboard_in_notebook_7(open_cells):
    """Tab reaches the buttons, and Enter presses."""
    page = opened(open_cells, CONSENT, NEXT, front="notebook")
    page.run_cell(2, wait=False)
    button = live(page, 2).get_by_role("button", name="Allow")
    button.wait_for()
    page.screenshot("tools-consent-notebook")
    button.focus()  # which brings all of its card into sight
    expect(button).to_be_enabled(timeout=60_000)
    page.page.keyboard.press("Enter")
    page.wait_idle()
    page.run_cell(3)

    assert page.output_text(3).strip() == "complete ['done']"


@pytest.mark.parametrize("call", [LOOP, CONSENT], ids=["a tool runs", "a question"])
def test_stop_between_two_answers(open_cells, call):
    """The turn ends at once, the cell normally, and what was there stays."""
    page = opened(open_cells, call, NEXT, runs=True)
    page.run_cell(2, wait=False)
    view = live(page, 2)
    view.get_by_text(re.compile("Running …|Waits for your consent")).wait_for()
    view.locator("button.nbstream-stop").click()
    page.wait_idle()
    page.run_cell(3)
    picture(page, 2, "tools-stopped")

    assert page.output_text(3).strip() == "stopped ['stopped']"
    assert "Stopped before it ended" in page.output_text(2)
