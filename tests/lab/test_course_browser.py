"""Questions as a person meets them: a guess, what came out, a quiz, and the file."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

CELLS = [
    "from nbstream.course import Question, answers, predict, quiz, save",
    """guess = predict("How many events will the loop see?",
    {"one": 1, "as many as words": range(50, 100), "more": range(100, 999)},
    why="A token can be a comma, or half a word.")""",
    "guess.saw(128)",
    'number = predict("How many tokens?", unit="tokens", why="They are counted.")',
    "number.saw(120)",
    """quiz([
    Question("Who says that it is complete?", right=("the marker", "It comes last."),
             wrong={"a pause": "A server may wait.", "[DONE]": "Two of five send it."}),
    Question("Who pays for <b>tokens</b>?", right=("you", "By token."),
             wrong={"nobody": "Look at the bill."})])""",
    "answers()",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_guess_and_a_quiz_by_hand(theme, front, open_notebook):
    """Options and a number are given in the page; the file holds words, no widget."""
    page = open_notebook(CELLS, front=front, theme=theme)
    for index in (0, 1, 3):
        page.run_cell(index)
    page.output(1).get_by_label("as many as words").click()
    expect(page.output(1)).to_contain_text("Your guess: as many as words.")
    page.output(3).get_by_label("Your guess").fill("85")
    page.output(3).get_by_role("button", name="This is my guess").click()
    expect(page.output(3)).to_contain_text("Your guess: 85 tokens.")
    for index in (2, 4, 5):
        page.run_cell(index)
    was = "You said: as many as words; it was: more (128). A token can be a comma"
    expect(page.output(2)).to_contain_text(was)
    said = "You said 85 tokens; it was 120: 35 off, 29%. They are counted."
    expect(page.output(4)).to_contain_text(said)
    page.output(5).get_by_label("[DONE]").click()
    expect(page.output(5)).to_contain_text("No: Two of five send it.")
    page.output(5).get_by_label("the marker").click()
    expect(page.output(5)).to_contain_text("Right: It comes last.")
    expect(page.output(5)).to_contain_text("Who pays for <b>tokens</b>?")
    page.run_cell(6)
    page.screenshot(f"course-{front}-{theme}")

    saved = page.save()
    outputs = [json.dumps(cell["outputs"]) for cell in saved["cells"]]
    assert "widget-view" not in "".join(outputs)
    assert "Your guess" not in outputs[1]
    assert "as many as words." in outputs[1]
    assert "Right: It comes last." in outputs[5]
    assert saved["metadata"].get("widgets") is None


def test_a_page_that_is_loaded_again_has_its_cards(open_notebook):
    """As long as the kernel lives; what was chosen is still chosen."""
    page = open_notebook(CELLS, fresh=True)
    page.run_cell(0)
    page.run_cell(5)
    page.output(5).get_by_label("the marker").click()
    expect(page.output(5)).to_contain_text("Right: It comes last.")
    page.save()
    page.load()
    expect(page.output(5).get_by_label("the marker")).to_be_checked()
    page.output(5).get_by_label("nobody").click()
    expect(page.output(5)).to_contain_text("No: Look at the bill.")


def test_a_guess_is_seen_on_a_page_with_answers(open_notebook):
    """What an answer tells screen readers alone has a style, which is not its own."""
    page = open_notebook(["import nbstream\nreply = nbstream.show(['a'])", *CELLS[:2]])
    for index in range(3):
        page.run_cell(index)
    page.output(2).get_by_label("as many as words").click()
    told = page.output(2).get_by_text("Your guess: as many as words.")
    expect(told).to_be_visible()

    assert told.bounding_box()["height"] > 10
    assert told.evaluate("each => getComputedStyle(each).position") == "static"


def test_it_is_used_by_the_keyboard_alone(open_notebook):
    """The focus stays with what was chosen when the card is painted again."""
    page = open_notebook(CELLS)
    page.run_cell(0)
    page.run_cell(5)
    page.output(5).get_by_label("a pause").focus()
    page.page.keyboard.press("Space")
    expect(page.output(5)).to_contain_text("No: A server may wait.")
    page.page.keyboard.press("ArrowDown")
    expect(page.output(5)).to_contain_text("Right: It comes last.")
    expect(page.output(5).get_by_label("the marker")).to_be_focused()
