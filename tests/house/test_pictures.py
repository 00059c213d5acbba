"""The pictures of the course: drawn by code, true, and readable on any page."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen
from xml.etree import ElementTree

import pytest
from harness.sdks import SHAPES, Clients

import nbstream
from nbstream.offline import Server
from nbstream.sse import Decoder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
#: The scripts that draw what is always the same; architecture.svg counts lines of code.
SCRIPTS = ("draw_lessons", "draw_behind_a_page")
MAX_BYTES, WIDTH, MIN_TEXT = 25_000, 760, 13
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def docs() -> Iterator[dict[str, ModuleType]]:
    """The modules that draw, by their names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs")
        names = (*SCRIPTS, "drawing", "pictures.wire")
        yield {name: importlib.import_module(name) for name in names}


@pytest.fixture(scope="module")
def drawn(docs: dict[str, ModuleType]) -> dict[str, str]:
    """What the scripts draw, by the names of the files."""
    return {
        name: picture
        for script in SCRIPTS
        for name, picture in docs[script].pictures().items()
    }


def test_the_committed_pictures_are_what_the_scripts_draw(drawn):
    """`python docs/draw_lessons.py` and the other were run since anything changed."""
    committed = {path.name: path for path in (ROOT / "images").glob("*.svg")}
    stale = [
        name
        for name, picture in drawn.items()
        if name not in committed or committed[name].read_text("utf-8") != picture
    ]

    assert stale == []
    assert sorted(committed) == sorted(drawn)


def test_each_picture_is_small_and_says_what_it_is(drawn):
    """Its width, a title and a description for a screen reader, at most 25 kB."""
    complaints = []
    for name, picture in drawn.items():
        root = ElementTree.fromstring(picture)
        named = [root.findtext(f"{SVG}{each}", "") for each in ("title", "desc")]
        if root.get("width") != str(WIDTH) or not all(named):
            complaints.append(f"{name}: {root.get('width')} wide, named {named}")
        if not picture.isascii():
            complaints.append(f"{name}: JupyterLite would not show it")
        if len(picture) > MAX_BYTES:
            complaints.append(f"{name}: {len(picture)} bytes")
    assert complaints == []


def test_no_text_is_small(docs):
    """The one look has no text below 13 px."""
    sizes = [int(each) for each in re.findall(r"(\d+)px", docs["drawing"].STYLE)]
    assert min(sizes) == MIN_TEXT


# -- the five dialects -------------------------------------------------------------

ASKED = "What is a token?"
SAID = [{"role": "user", "content": ASKED}]
PLAIN = {"model": "m", "stream": True}
REQUESTS = {
    "openai.responses": ("/v1/responses", {**PLAIN, "input": ASKED}),
    "openai.chat": (
        "/v1/chat/completions",
        {**PLAIN, "messages": SAID, "stream_options": {"include_usage": True}},
    ),
    "anthropic.messages": (
        "/v1/messages",
        {**PLAIN, "messages": SAID, "max_tokens": 500},
    ),
    "google.generate_content": (
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        {"contents": [{"parts": [{"text": ASKED}]}]},
    ),
    "google.interactions": ("/v1beta/interactions", {**PLAIN, "input": ASKED}),
}


def sent(server: Server, api: str) -> list[dict]:
    """The JSON of each event that the server sends."""
    path, body = REQUESTS[api]
    kind = {"Content-Type": "application/json"}
    with urlopen(Request(server.url + path, json.dumps(body).encode(), kind)) as found:
        events = Decoder().feed(found.read())
    return [json.loads(event.data) for event in events if event.data != "[DONE]"]


def given(clients: Clients, api: str) -> list[object]:
    """What the SDK gives for each event."""
    shape = next(
        each for each in SHAPES.values() if each.api == api and not each.is_async
    )
    return list(shape.make(clients, "m", ASKED))


def at(event: object, path: str) -> object:
    """What stands there: on the wire, or (in Python's spelling) in an SDK's object."""
    for name, index in re.findall(r"(\w+)(?:\[(\d+)\])?", path):
        if isinstance(event, dict):
            event = event.get(name)
        else:
            event = getattr(event, re.sub("[A-Z]", r"_\g<0>", name).lower(), None)
        if index:
            event = event[int(index)] if event else None
    return event


def fits(event: object, step) -> bool:
    """Whether an event is what a step of the picture says."""
    kind = at(event, "type") or at(event, "event_type") or ""
    there = all(at(event, path) is not None for _, path in step.paths)
    return kind == step.event and there


def steps_found(dialect, events: list[object]) -> list[int]:
    """Where each step of a lane begins, each after the one before it."""
    found = [-1]
    for step in dialect.steps:
        later = range(found[-1] + 1, len(events))
        found.append(next(n for n in later if fits(events[n], step)))
    return found[1:]


@pytest.mark.parametrize("api", REQUESTS)
def test_the_picture_of_the_dialects_says_what_is_sent(docs, server, clients, api):
    """Each step is there, in that order; the paths give the whole text and the end."""
    lanes = {each.api: each for each in docs["pictures.wire"].DIALECTS}
    lane = lanes[api]
    (words,) = [step for step in lane.steps if step.look == "text"]
    (end,) = [step for step in lane.steps if step.look == "end"]
    (path,) = [each for what, each in words.paths if what == "text"]
    wire = sent(server, api)
    place = steps_found(lane, wire)[lane.steps.index(end)]
    whole = nbstream.Reply.from_stream(iter(wire))

    assert list(lanes) == list(REQUESTS)
    for events in (wire, given(clients, api)):
        assert len(steps_found(lane, events)) == len(lane.steps)
        texts = [
            at(each, path)
            for each in events
            if (at(each, "type") or at(each, "event_type") or "") == words.event
        ]
        assert "".join(filter(None, texts)) == whole.text
    outcomes = [
        nbstream.Reply.from_stream(iter(wire[:until])).outcome
        for until in (place, place + 1)
    ]
    assert outcomes == ["truncated", "complete"]


# -- seen in a browser -------------------------------------------------------------

#: Texts that run into another, over the edge, or over the edge of a box.
CLASHES = """() => {
  const svg = document.querySelector("svg"), found = [];
  const all = (query) => [...svg.querySelectorAll(query)].map(
    (node) => [node.textContent, node.getBoundingClientRect()]);
  const page = svg.getBoundingClientRect(), slack = 3;
  const meet = (a, b) => a.left < b.right && b.left < a.right
    && a.top + slack < b.bottom - slack && b.top + slack < a.bottom - slack;
  const within = (a, b, edge) => a.left >= b.left + edge && a.right <= b.right - edge;
  const texts = all("text"), boxes = all("rect:not(.ground)");
  texts.forEach(([words, place], at) => {
    if (!within(place, page, 8) || place.bottom > page.bottom)
      found.push(`${words}: over the edge`);
    for (const [, box] of boxes)
      if (meet(place, box) && !within(place, box, 0))
        found.push(`${words}: over the edge of a box`);
    for (const [others, other] of texts.slice(at + 1))
      if (meet(place, other)) found.push(`${words}: runs into ${others}`);
  });
  return found;
}"""


@pytest.mark.browser
def test_no_words_of_a_picture_run_into_others(browser: Browser, drawn):
    """With this machine's fonts, of which DejaVu is about the widest there is."""
    page = browser.new_page()
    found = {}
    for name, picture in drawn.items():
        page.set_content(f"<body>{picture}</body>")
        found[name] = page.evaluate(CLASHES)
    page.close()

    assert found == {name: [] for name in drawn}
