"""``show`` as a person sees it, in JupyterLab and Notebook 7."""

import json
from pathlib import Path

import pytest
from harness.ci import script
from harness.jupyter import FRONTS, LOOKS
from harness.live import PAUSE, release

pytestmark = pytest.mark.browser

SETUP = f"""\
{PAUSE}
import nbstream
from nbstream.offline import use
use()
from openai import OpenAI
def ask(prompt):
    return OpenAI().responses.create(model="gpt-5", input=prompt, stream=True)"""
ASK = 'reply = nbstream.show(held(ask("markdown tour, please"), "short tour"))'
MIMES = {"text/html", "text/markdown", "text/plain"}


def text_of(page, index):
    """Read the length of what a cell's output shows."""
    return page.output_text(index).strip()


@pytest.fixture
def page(open_notebook, front):
    found = open_notebook([SETUP, ASK, "print('after:', reply.outcome)"], front=front)
    found.run_cell(0)
    return found


def test_the_text_grows_and_is_saved(page, front):
    """It is read while it is written; the file holds what was seen, and no widget."""
    page.run_cell(1, wait=False)
    page.wait_text(1, "A short tour")
    early = text_of(page, 1)
    page.screenshot(f"show-{front}-light-growing")
    running = page.prompt(1)
    release(page, "short tour")
    page.wait_idle()
    late = text_of(page, 1)
    page.run_cell(2)
    page.screenshot(f"show-{front}-light-final")
    page.set_theme("dark")
    page.screenshot(f"show-{front}-dark-final")
    saved = page.save()
    (output,) = saved["cells"][1]["outputs"]

    assert running == "*"
    assert 0 < len(early) < len(late)
    assert text_of(page, 2) == "after: complete"
    assert (output["output_type"], set(output["data"])) == ("display_data", MIMES)
    assert output["metadata"]["nbstream"]["outcome"] == "complete"
    assert output["metadata"]["nbstream"]["model"] == "gpt-5"
    assert "timing" not in output["metadata"]["nbstream"]
    assert "widgets" not in saved["metadata"]


def test_the_stop_button_of_the_toolbar(page, front):
    """■ keeps the text, says so in one line, and the next cell does not run."""
    page.run_all(wait=False)
    page.wait_text(1, "A short tour")
    page.interrupt()
    page.wait_idle()
    page.screenshot(f"show-{front}-light-stopped")
    saved = page.save()
    shown, error = saved["cells"][1]["outputs"]

    assert "Stopped. This is what had arrived." in text_of(page, 1)
    assert "".join(shown["data"]["text/plain"]).startswith("# A short tour")
    assert shown["metadata"]["nbstream"]["outcome"] == "stopped"
    assert (error["ename"], len(error["traceback"])) == ("Stopped", 1)
    assert saved["cells"][2]["outputs"] == []


FIRST, *REST = script("course").lessons()


@pytest.fixture(scope="module")
def copies(tmp_path_factory) -> Path:
    """What students have: the lessons without outputs, and all that they need."""
    return script("copies").update(tmp_path_factory.mktemp("lessons")).folder


def outputs_of(notebook):
    """Return all outputs of a notebook's file, without what differs by the clock.

    A figure of measured times is drawn for a person only (``nbstream.course.draw``).
    """
    kept = ("output_type", "data", "text", "name", "ename")
    return [
        [
            {key: output[key] for key in kept if key in output}
            for output in cell["outputs"]
            if "image/png" not in output.get("data", {})
        ]
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


HAS_RUN = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .filter(({ model }) => model.type === 'code').at(-1).prompt.trim() > '0'"""


def learn(open_notebook, copy, front, **options):
    """Run a whole lesson in a front end; return the page."""
    page = open_notebook(copy, front=front, beside=copy.parent, **options)
    page.run_all(wait=False)
    # A cell that fails ends the queue for a moment: the last one has to have run.
    page.page.wait_for_function(HAS_RUN, timeout=180_000)
    page.wait_idle(timeout_s=180)
    return page


def look(page, name):
    """Take pictures of a notebook from its top to its end, light and dark."""
    page.page.set_viewport_size({"width": 1000, "height": 7000})
    for theme in ("light", "dark"):
        page.set_theme(theme)
        page.cell(0).scroll_into_view_if_needed()
        page.screenshot(f"{name}-{theme}")


@pytest.fixture(scope="module")
def unasked(start_jupyter):
    """A server whose kernels ask no questions: a card is an output of its own."""
    return start_jupyter(env={"NBSTREAM_QUESTIONS": "off"})


@pytest.mark.parametrize("front", FRONTS)
def test_the_first_lesson_runs_as_a_learner_runs_it(
    open_notebook, copies, front, unasked
):
    """Run All at a model's pace gives what the committed file holds."""
    page = learn(open_notebook, copies / FIRST.name, front, server=unasked)
    page.screenshot(f"lesson-00-{front}-light")
    saved = page.save()

    assert outputs_of(saved) == outputs_of(json.loads(FIRST.read_text()))
    assert "widgets" not in saved["metadata"]


@pytest.fixture(scope="module")
def quick(start_jupyter):
    """A server whose kernels answer at four times a model's pace, and ask nothing."""
    return start_jupyter(env={"NBSTREAM_SPEED": "4", "NBSTREAM_QUESTIONS": "off"})


#: The others show nothing in a front end that one of these does not.
SOONER = ("01", "05", "07")
OTHERS = [
    pytest.param(
        path,
        id=path.stem,
        marks=[] if path.stem[:2] in SOONER else pytest.mark.place,
    )
    for path in REST
]


@pytest.mark.parametrize("lesson", OTHERS)
def test_every_lesson_runs_as_a_learner_runs_it(open_notebook, copies, quick, lesson):
    """Where live views come and go, the saved file is the committed one too."""
    page = learn(open_notebook, copies / lesson.name, "lab", server=quick)
    saved = page.save()
    look(page, f"lesson-{lesson.stem}")

    assert outputs_of(saved) == outputs_of(json.loads(lesson.read_text()))
    assert "widgets" not in saved["metadata"]


STATES = {
    "reasoning": 'reply = nbstream.show(ask("think step by step"))',
    "cut": 'reply = nbstream.show(ask("[scenario: length]"))',
    "refusal": 'reply = nbstream.show(ask("[scenario: refusal]"))',
    "hostile": 'reply = nbstream.show(ask("[scenario: hostile]"))',
    "choices": """\
reply = nbstream.show(OpenAI().chat.completions.create(
    model="gpt-5", n=2, stream=True,
    messages=[{"role": "user", "content": "hello"}]))""",
    "tools": """\
tool = {"type": "function", "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
reply = nbstream.show(OpenAI().responses.create(model="gpt-5", tools=[tool],
    input="the weather in two cities, Paris and Rome", stream=True))""",
    "failed": """\
def broken():
    yield "The first words, "
    raise OSError("the line was cut")
nbstream.show(broken())""",
}


@pytest.mark.parametrize(("front", "theme"), LOOKS)
def test_every_state_can_be_looked_at(open_notebook, front, theme):
    """Each kind of answer is shown; the pictures are for a person to judge."""
    quick = SETUP + '\nimport os; os.environ["NBSTREAM_SPEED"] = "0"'
    page = open_notebook([quick], front=front)
    page.run_cell(0)
    page.set_theme(theme)
    for code in STATES.values():
        index = page.insert_and_run(code)
        page.output(index).scroll_into_view_if_needed()
        assert text_of(page, index)
    tall = {"width": 1280, "height": 3600}
    page.page.set_viewport_size(tall)
    page.cell(0).scroll_into_view_if_needed()
    page.screenshot(f"states-{front}-{theme}")

    assert page.errors == []
