"""JupyterLite in full: every lesson, a real network, and a browser without JSPI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.ci import script
from harness.lite import (
    WITHOUT_JSPI,
    LitePage,
    build,
    opened,
    served,
)

from nbstream.offline import Server

pytestmark = [pytest.mark.place, pytest.mark.browser]

#: The first two run in `tests/house`; the page behind a server needs sockets.
OTHERS = [
    lesson
    for lesson in script("course").lessons()[2:]
    if "behind_a_page" not in lesson.name
]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site as it is built."""
    return build(tmp_path_factory.mktemp("built") / "lite")


@pytest.fixture(scope="module")
def upstream() -> Iterator[Server]:
    """A server that a page reaches by ``fetch``."""
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def lite(site, upstream, browser) -> Iterator[LitePage]:
    """A page with the first lesson."""
    with (
        served(site, upstream=upstream.url) as address,
        opened(browser, address) as page,
    ):
        page.open()
        yield page


@pytest.mark.parametrize("lesson", OTHERS, ids=lambda path: path.stem)
def test_every_lesson_runs(site, browser, lesson):
    """Each output is the committed one, for a visitor who comes anew."""
    with served(site) as address, opened(browser, address) as lite:
        lite.open(lesson.name)
        outputs, committed = lite.ran(lesson)
        lite.page.screenshot(path=f"screenshots/lite-{lesson.stem}.png")

        assert outputs == committed
        assert (lite.outside, lite.errors) == ([], [])


def test_a_page_says_that_it_cannot_serve(lite):
    """The last lesson needs sockets."""
    lite.open_cells("import nbstream\nnbstream.web.open")
    lite.run(0)

    assert lite.said(0) == (
        "a page has no sockets, so nothing can be served from it: run this where "
        "Python is installed"
    )


FETCH = """\
import nbstream
from js import location
from openai import OpenAI, AsyncOpenAI
base = location.href.partition("/lite/")[0] + "/v1"
def ask(client, text="long answer"):
    made = client(base_url=base, api_key="none", max_retries=2)
    return lambda: made.responses.create(model="gpt-5", input=text, stream=True)"""
FETCHED = {
    "to its end": ('nbstream.show(ask({}, "hi")).outcome', "'complete'"),
    "stopped by the button": ("nbstream.show(ask({})).outcome", "'stopped'"),
    "left by break": (
        "for event in nbstream.events(ask({})):\n    if event.__class__.__name__ == "
        "'TextDelta': break\n'left'",
        "'left'",
    ),
}


@pytest.mark.parametrize("client", ["OpenAI", "AsyncOpenAI"])
def test_what_is_fetched_ends_where_it_is_stopped(lite, upstream, client):
    """The server sees the page go; nothing of it is printed in a cell."""
    lite.open_cells(FETCH, *(code.format(client) for code, _ in FETCHED.values()))
    lite.run(0)
    gone = []
    for index, how in enumerate(FETCHED, 1):
        asked = len(upstream.log)
        lite.begin(index)
        if "button" in how:
            lite.cell(index).locator(".nbstream-stop").click(timeout=60_000)
        lite.wait_idle()
        if how != "to its end":
            upstream.wait_for(
                lambda each, n=asked: each in upstream.log[n:] and each.disconnected_at
            )
        gone.append((how, len(upstream.log) - asked))
    said = {how: lite.said(index) for index, how in enumerate(FETCHED, 1)}

    assert gone == [(how, 1) for how in FETCHED]
    assert {
        how: text for how, text in said.items() if FETCHED[how][1] not in text
    } == {}
    errors = [
        output
        for cell in lite.saved()["cells"]
        for output in cell["outputs"]  # httpx2 warns of what it ignores
        if output["output_type"] == "error"
        or (output.get("name") == "stderr" and "UserWarning" not in output["text"])
    ]
    assert errors == []


SETUP = """\
import nbstream
from openai import OpenAI, AsyncOpenAI
server = nbstream.offline.use(speed=1)
def ask(client, text="hi"):
    return lambda: client().responses.create(model="gpt-5", input=text, stream=True)
def weather(city: str) -> str:
    "Say the weather."
    return f"sunny in {city}" """
WAITS = "this browser cannot let Python wait for an async stream"
#: What a browser without JSPI can and cannot -> how it ends, in words.
ALONE = {
    "a sync stream": ("nbstream.show(ask(OpenAI)()).outcome", "'complete'"),
    "an async stream": ("nbstream.show(ask(AsyncOpenAI)())", WAITS),
    "a function of one": ("nbstream.show(ask(AsyncOpenAI))", WAITS),
    "await start": ("(await nbstream.start(ask(AsyncOpenAI))).outcome", "'complete'"),
    "await start, sync": ("(await nbstream.start(ask(OpenAI))).outcome", "'complete'"),
    "async for": (
        "found = [each async for each in nbstream.events(ask(AsyncOpenAI))]\n"
        "len(found) > 9",
        "True",
    ),
    "for": ("len(list(nbstream.events(ask(OpenAI)))) > 9", "True"),
    "for, async": ("list(nbstream.events(ask(AsyncOpenAI)()))", "use `async for`"),
    "ask": ("nbstream.ask('hi', model='openai:gpt-5')", WAITS),
    "race": (
        "[each.outcome for each in nbstream.race({'a': ask(OpenAI)}).values()]",
        "['complete']",
    ),
    "race, async": (
        "[each.error.message for each in nbstream.race({'a': ask(AsyncOpenAI)})"
        ".values()]",
        WAITS,
    ),
    "stop": (
        "import asyncio\nlive = nbstream.start(ask(AsyncOpenAI, 'long answer'))\n"
        "await asyncio.sleep(2)\nlive.stop()\n(await live).outcome, "
        "server.log[-1].disconnected_at is not None",
        "('stopped', True)",
    ),
}


def test_a_browser_without_jspi_says_what_it_cannot(site, browser):
    """As Firefox and Safari are: what awaits is live, what would block is told."""
    with served(site, WITHOUT_JSPI) as address, opened(browser, address) as page:
        page.open()
        page.open_cells(SETUP, *(code for code, _ in ALONE.values()))
        page.run_all()
        said = {how: page.said(index) for index, how in enumerate(ALONE, 1)}

    assert {how: text for how, text in said.items() if ALONE[how][1] not in text} == {}


WHOLE = {
    "tools": (
        "nbstream.ask('What is the weather in Paris?', model='openai:gpt-5', "
        "tools=[weather]).outcome",
        "'complete'",
    ),
    "a schema": (
        "nbstream.ask('hi', model='google:gemini-3', schema={'type': 'object', "
        "'properties': {'a': {'type': 'integer'}}, 'required': ['a']}).parsed",
        "{'a': 1}",
    ),
    "a conversation": (
        "chat = nbstream.Chat('anthropic:claude')\nchat('hi').outcome",
        "'complete'",
    ),
    "the magic": ("%load_ext nbstream\n%stream --model openai:gpt-5", ""),
    "a recording": (
        "with nbstream.record('said.rec'):\n    nbstream.show(ask(OpenAI))\n"
        "nbstream.offline.play('said.rec', speed=0)\n"
        "nbstream.show(ask(OpenAI)).outcome",
        "'complete'",
    ),
}


def test_all_else_is_there_too(lite):
    """Packages that no cell names are loaded when they are needed."""
    lite.open_cells(SETUP, *(code for code, _ in WHOLE.values()))
    lite.run_all()
    said = {how: lite.said(index) for index, how in enumerate(WHOLE, 1)}

    assert {how: text for how, text in said.items() if WHOLE[how][1] not in text} == {}
