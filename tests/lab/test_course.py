"""What lessons are made of: predictions, a quiz, exercises; and their silence."""

import asyncio
import json
import sys

import pytest
from ipywidgets.widgets.widget import _instances

from nbstream import course
from nbstream.course import Exercise, Prediction, Question, case, check, predict, quiz
from nbstream.course._card import CardModel
from nbstream.errors import UsageError

MANY = {"one": 1, "a word each": range(50, 100), "more": range(100, 999)}
QUIZ = (
    Question(
        "Who ends it?", right=("the marker", "It says so."), wrong={"a pause": "No."}
    ),
    Question("Who pays?", right=("you", "By token."), wrong={"nobody": "Look again."}),
)


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    """No answers of another test, and none of the environment's settings."""
    monkeypatch.setattr("nbstream.course._questions._log", [])
    for name in ("NBSTREAM_VIEW", "NBSTREAM_QUESTIONS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def live(monkeypatch, outputs):
    """Where a person has widgets: what is displayed."""
    monkeypatch.setenv("NBSTREAM_VIEW", "live")
    return outputs


OUTCOMES = {
    "a value among ranges": (MANY, 128, "more"),
    "a value alone": (MANY, 1, "one"),
    "a plain list": (["complete", "truncated"], "truncated", "truncated"),
    "yes and no": ([True, False], False, "no"),
    "numbers": ([1, 85, 128], 85.0, "85"),
    "a type": ({"a text": str, "an error": Exception}, IndexError("x"), "an error"),
    "a test": ({"even": lambda n: n % 2 == 0, "odd": lambda n: n % 2}, 7, "odd"),
    "a tuple of values": ({"none": (), "two": ("a", "b")}, ("a", "b"), "two"),
    "nothing": ({"nothing": None, "a text": str}, None, "nothing"),
}


@pytest.mark.parametrize(
    ("options", "came", "label"), OUTCOMES.values(), ids=OUTCOMES.keys()
)
def test_an_option_stands_for_what_comes(options, came, label, live):
    """A value, some values, a type or a test: the label it has is what came out."""
    guess = predict("Which?", options, guess=label)
    guess.saw(came)

    [said] = course.answers()
    assert said == {
        "question": "Which?",
        "guess": label,
        "outcome": label,
        "right": True,
    }


WRONG = {
    "no option stands for it": (MANY, 20, "no option stands for 20"),
    "two stand for it": ({"a": str, "b": "b"}, "b", "more than one option stands"),
    "True is no 1": ([1, 2], True, "no option stands for True"),
    "no number": ((), "85", "wants a number, not '85'"),
    "a bool is no number": ((), True, "wants a number, not True"),
}


@pytest.mark.parametrize(("options", "came", "message"), WRONG.values(), ids=WRONG)
def test_a_claim_that_is_not_true_is_an_error_also_where_nobody_looks(
    options, came, message
):
    """So a lesson whose options do not fit what its cell gives does not pass."""
    with pytest.raises(UsageError, match=message):
        Prediction("How many?", options).saw(came)


GUESSES = {
    "none of the options": (MANY, "some", "'some' is none of the options"),
    "no number": ((), "many", "a number is asked for"),
    "one option": ({"only": 1}, "only", "one option is no choice"),
    "two of one label": (["1", 1], "1", "two options have the same label"),
}


@pytest.mark.parametrize(("options", "given", "message"), GUESSES.values(), ids=GUESSES)
def test_a_guess_or_a_question_that_cannot_be_is_refused(options, given, message):
    """The message says what is wrong, and what there is."""
    with pytest.raises(UsageError, match=message):
        predict("How many?", options, guess=given)


VERDICTS = {
    "right": (MANY, "more", 128, "You said: more; so it was (128). Because."),
    "wrong": (MANY, "one", 128, "You said: one; it was: more (128). Because."),
    "a word": (["on", "off"], "on", "off", "You said: on; it was: off. Because."),
    "a number": (
        (),
        85,
        128,
        "You said 85 events; it was 128: 43 off, 34%. Because.",
    ),
    "the number": ((), 128, 128, "You said 128 events; it was 128. Because."),
    "nought": ((), 2, 0, "You said 2 events; it was 0: 2 off. Because."),
}


@pytest.mark.parametrize(
    ("options", "given", "came", "said"), VERDICTS.values(), ids=VERDICTS
)
def test_who_has_guessed_is_told_how_far_off_and_why(options, given, came, said, live):
    """Below the cell that showed it, as text in a frame."""
    guess = predict("How many?", options, unit="events", why="Because.", guess=given)
    live.clear()
    guess.saw(came)

    [shown] = live
    assert shown["data"]["text/plain"] == said
    assert said in shown["data"]["text/html"]


def test_what_a_cell_raised_can_be_what_came(live, monkeypatch):
    """A cell that fails cannot go on; the next one looks at its exception."""
    guess = predict("What?", {"it runs": None, "it fails": Exception}, guess="it fails")
    monkeypatch.setattr(sys, "last_value", IndexError("no choice"), raising=False)
    guess.saw()

    assert course.answers()[0]["right"]


SILENT = {
    "a runner": {"NBSTREAM_VIEW": "static"},
    "a teacher has turned them off": {
        "NBSTREAM_VIEW": "live",
        "NBSTREAM_QUESTIONS": "off",
    },
}


@pytest.mark.parametrize("env", SILENT.values(), ids=SILENT)
def test_where_nobody_answers_nothing_is_shown(env, outputs, monkeypatch, capsys):
    """Neither question nor verdict, whatever was guessed: all see the same."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    predict("How many?", MANY, guess="one").saw(128)
    quiz(QUIZ)

    assert (outputs, capsys.readouterr().out) == ([], "")


def test_without_a_guess_nothing_is_told(live):
    """Who did not answer is not lectured."""
    guess = predict("How many?", MANY)
    live.clear()
    guess.saw(128)

    assert live == []


def test_a_guess_is_asked_anew_when_its_cell_runs_again(live):
    """A prediction of a module is the same object in each run."""
    made = Prediction("How many?", MANY)
    predict(made, guess="one")
    predict(made)

    assert made.guess is None


def test_in_a_terminal_questions_are_words(monkeypatch, capsys):
    """They say how to answer."""
    monkeypatch.setenv("NBSTREAM_VIEW", "terminal")
    predict("How many?", MANY)
    predict("How many?", unit="events")
    quiz(QUIZ, "b")

    assert capsys.readouterr().out == (
        "Predict: How many? one / a word each / more\n"
        'Answer with predict(..., guess="..."), then run on.\n'
        "Predict: How many? a number events\n"
        "Answer with predict(..., guess=...), then run on.\n"
        "1. Who ends it?\n   the marker. Right: It says so.\n"
        "2. Who pays?\n   a) nobody\n   b) you\n"
        'Answer with quiz(..., "ab...").\n'
    )


BAD_LETTERS = {"abc": "3 answers to 2 questions", "az": "answers a to b, not 'z'"}


@pytest.mark.parametrize(("letters", "message"), BAD_LETTERS.items(), ids=BAD_LETTERS)
def test_letters_without_an_answer_are_refused(letters, message):
    """The message says which there are."""
    with pytest.raises(UsageError, match=message):
        quiz(QUIZ, letters)


def model_of(outputs):
    """Return the model of the card that was displayed last."""
    view = "application/vnd.jupyter.widget-view+json"
    found = [each["data"][view]["model_id"] for each in outputs if view in each["data"]]
    return _instances[found[-1]]


def test_a_page_says_what_is_chosen(live):
    """The card then shows it, and so does what is saved in its place."""
    guess = predict("How <many>?", MANY)
    model = model_of(live)
    before = model.saved["data"]
    model._receive(model, {"at": 0, "chosen": "one"}, [])

    assert (guess.guess, model.card["chosen"]) == ("one", ["one"])
    assert before["text/plain"] == "How <many>? one / a word each / more"
    assert model.saved["data"] == {
        "text/html": "<p>How &lt;many&gt;?<br><em>one.</em></p>",
        "text/plain": "How <many>? one.",
    }


NOT_FORMED = (
    None,
    {},
    {"at": 9, "chosen": "one"},
    {"at": True, "chosen": "one"},
    {"at": 0},
)


@pytest.mark.parametrize("content", NOT_FORMED, ids=repr)
def test_a_message_that_is_not_formed_changes_nothing(content, live):
    """Nor does it print anything."""
    guess = predict("How many?", MANY)
    model = model_of(live)
    model._receive(model, content, [])

    assert guess.guess is None


def test_a_quiz_takes_one_choice_after_another(live):
    """Each is noted; what is no answer is not."""
    quiz(QUIZ)
    model = model_of(live)
    for chosen in ("a pause", "the marker", "rubbish", 3):
        model._receive(model, {"at": 0, "chosen": chosen}, [])

    assert model.card["chosen"] == ["the marker", None]
    assert [each["right"] for each in course.answers()] == [False, True]
    assert "Right: It says so." in model.saved["data"]["text/html"]


def test_answers_are_collected_in_a_file(live, tmp_path):
    """Only if they are asked for."""
    predict("How many?", unit="events", guess=85).saw(128)
    course.save(tmp_path / "ada.json", name="Ada")

    assert json.loads((tmp_path / "ada.json").read_text()) == {
        "name": "Ada",
        "answers": [
            {"question": "How many?", "guess": 85, "outcome": 128, "right": False}
        ],
    }


def test_without_anywidget_a_card_is_words(live, monkeypatch, capsys):
    """As where there is no page."""
    monkeypatch.setitem(sys.modules, "nbstream.course._card", None)
    predict("How many?", MANY)

    assert capsys.readouterr().out == "How many? one / a word each / more\n"


def test_the_model_has_what_the_page_needs():
    """The reasons of a quiz are there, so that it answers while a cell runs."""
    card = {"kind": "quiz", "unit": "", "questions": [], "chosen": []}
    model = CardModel(lambda: card, lambda at, chosen: None, lambda card: {})
    state = model.get_state(["card", "saved"])

    assert state["card"] == card
    model.close()


# -- exercises -------------------------------------------------------------------------

SAME = {
    "an int for a float": (lambda: 8, 8.0, "ok\n"),
    "a generator for a list": (lambda: (n for n in "ab"), ["a", "b"], "ok\n"),
    "a tuple for a list": (lambda: ("a", "b"), ["a", "b"], "ok\n"),
    "True for 1": (lambda: True, 1, "not yet: expected 1, got True\n"),
    "another value": (lambda: None, 1, "not yet: expected 1, got None\n"),
    "an exception": (
        lambda: 1 / 0,
        1,
        "not yet: it raised ZeroDivisionError: division by zero\n",
    ),
}


@pytest.mark.parametrize(("tried", "expected", "said"), SAME.values(), ids=SAME)
def test_values_are_equal_as_python_has_it(tried, expected, said, capsys):
    """But a bool is no number."""
    check(tried, case(gives=expected))

    assert capsys.readouterr().out == said


def test_the_first_case_that_is_not_right_is_told(capsys):
    """With its number, and what it is about."""
    check(abs, case(1, gives=1), case(-2, gives=-2, shows="a negative number"))

    said = "not yet: case 2 of 2 (a negative number): expected -2, got 2\n"
    assert capsys.readouterr().out == said


def right(number):
    """Return it doubled."""
    return 2 * number


def test_a_solution_is_shown_after_three_tries(capsys):
    """Not before; a right one begins the count anew."""
    exercise = Exercise(case(2, gives=4), solution=right)
    exercise.solution()
    for tried in (abs, abs, abs):
        exercise.check(tried)
    exercise.solution()
    exercise.check(right)
    exercise.solution()
    out = capsys.readouterr().out

    wrong = "not yet: expected 4, got 2\n"
    hint = "Stuck? The method solution() of this exercise shows one.\n"
    source = (
        'def right(number):\n    """Return it doubled."""\n    return 2 * number\n\n'
    )
    first = "First try it: 3 more tries.\n"
    assert out == f"{first}{wrong * 3}{hint}{source}ok\n{first}"


def test_a_figure_is_drawn_for_a_person_only(live, monkeypatch):
    """Its times are others in each run."""
    from nbstream._show import show

    reply = show(["a", "b"], view="none")
    course.draw(reply)
    monkeypatch.setenv("NBSTREAM_VIEW", "static")
    course.draw(reply)

    assert len(live) == 1


def test_a_lesson_goes_on_where_no_figure_can_be_drawn(live, monkeypatch):
    """A page has no matplotlib."""
    from nbstream._show import show

    monkeypatch.setattr(course, "find_spec", lambda _: None)
    course.draw(show(["a", "b"], view="none"))

    assert live == []


def test_a_cell_that_ends_with_a_prediction_shows_its_card_only(live):
    """No name of an object below it, which would be another in each run."""
    from IPython.core.formatters import DisplayFormatter

    guess = predict("How many?", MANY)
    told = DisplayFormatter().format(guess)

    assert (len(live), told) == (1, ({}, {}))


def test_checks_run_where_a_loop_runs():
    """A notebook's cells run in one."""

    async def cell():
        return check(right, case(2, gives=4))

    assert asyncio.run(cell())
