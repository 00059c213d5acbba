"""Scenarios are read, chosen and filled in as their files say."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream.errors import UsageError
from nbstream.offline import scenarios
from nbstream.offline.answer import answer
from nbstream.offline.arguments import best_tools, make_arguments
from nbstream.offline.exchange import paced
from nbstream.offline.manners import cut
from nbstream.offline.script import Scenario, choose, load, parse
from nbstream.offline.wire.base import Ask, Frame, RequestError, Tool

WEATHER = Tool(name="get_weather", description="Tell the weather of a city.")


def test_every_scenario_says_what_it_is() -> None:
    """Ours are listed with a line each; what is about no topic says it is scripted."""
    known = load()
    general = {
        "agent",
        "default",
        "hostile",
        "length",
        "long",
        "memory",
        "prose",
        "reasoning",
        "refusal",
        "tool_call",
        "tool_result",
        "two_tool_calls",
    }

    assert scenarios() == {name: entry.description for name, entry in known.items()}
    assert set(known) > general | {"json", "weather_result", "token", "lisbon"}
    for name in general:
        said = " ".join(part.text for part in known[name].parts)
        assert "script" in said + known[name].otherwise, name


CHOICES: dict[str, tuple[Ask, str]] = {
    "any prompt": (Ask(model="m", prompt="Why is the sea salt?"), "default"),
    "no prompt at all": (Ask(model="m", prompt=""), "default"),
    "a phrase, whatever the case and the spaces": (
        Ask(model="m", prompt="Give me a LONG\n  answer."),
        "long",
    ),
    "whole words only": (Ask(model="m", prompt="Is a tablespoon big?"), "default"),
    "a tag": (Ask(model="m", prompt="[scenario: prose] Hello"), "prose"),
    "a tag, spelled freely": (Ask(model="m", prompt="Hello [Scenario:PROSE]"), "prose"),
    "a tag in the system text": (
        Ask(model="m", prompt="Hello", system="Be kind. [scenario: refusal]"),
        "refusal",
    ),
    "the prompt's tag before the system's": (
        Ask(model="m", prompt="[scenario: prose]", system="[scenario: refusal]"),
        "prose",
    ),
    "tools": (Ask(model="m", prompt="Hello", tools=(WEATHER,)), "tool_call"),
    "tools, and a word for two": (
        Ask(model="m", prompt="Compare them", tools=(WEATHER,)),
        "two_tool_calls",
    ),
    "a tool's result": (
        Ask(model="m", prompt="Compare", tools=(WEATHER,), tool_results=("12",)),
        "tool_result",
    ),
    "a result, though the tag is still there": (
        Ask(model="m", prompt="[scenario: tool_call]", tool_results=("12",), rounds=1),
        "tool_result",
    ),
    "reasoning asked for": (
        Ask(model="m", prompt="Hello", reasoning=True),
        "reasoning",
    ),
    "a schema": (Ask(model="m", prompt="Hello", schema={}), "json"),
    "a schema and a topic": (
        Ask(model="m", prompt="Two soups", schema={}),
        "soups",
    ),
    "a topic and tools": (
        Ask(model="m", prompt="What is a token?", tools=(WEATHER,)),
        "tool_call",
    ),
    "a topic and reasoning": (
        Ask(model="m", prompt="What is a token?", reasoning=True),
        "token",
    ),
    "a tool's result, and its topic": (
        Ask(model="m", prompt="The weather?", tools=(WEATHER,), tool_results=("12",)),
        "weather_result",
    ),
}


@pytest.mark.parametrize("case", CHOICES)
def test_choose(case: str) -> None:
    """A request is answered by the first scenario that fits it."""
    ask, expected = CHOICES[case]

    assert choose(ask, load()).name == expected


def test_unknown_tag() -> None:
    """A tag that names no scenario is an error that lists the known ones."""
    with pytest.raises(
        RequestError,
        match=r"no scenario 'x'; it has: agent, .*capitals, .*default, .*why_stream",
    ):
        choose(Ask(model="m", prompt="[scenario: x]"), load())


QUOTES = {
    "plain words": ("Why? Because.", '"Why? Because."'),
    "several lines": ("Why?\n\n  Because.", '"Why? Because."'),
    "Markdown": ("Is *this* _so_?", "`Is *this* _so_?`"),
    "HTML": ("<img src=x onerror=alert(1)>", "`<img src=x onerror=alert(1)>`"),
    "backticks": ("What is `x`?", "`` What is `x`? ``"),
    "a link": ("Read https://example.org", "`Read https://example.org`"),
    "very long": ("word " * 200, '"' + "word " * 79 + 'word …"'),
    "a tag": ("[scenario: default] Why?", '"Why?"'),
}


@pytest.mark.parametrize("case", QUOTES)
def test_quote(case: str) -> None:
    """The prompt's own words come back, and are nothing but words."""
    prompt, expected = QUOTES[case]

    text = answer(Ask(model="m", prompt=prompt), {}).parts[0].text

    assert text.split("\n")[0] == f"You asked: {expected}"


def test_tool_calls_need_tools() -> None:
    """A request without tools never gets a call, whatever it asks for."""
    got = answer(Ask(model="m", prompt="[scenario: two_tool_calls] Go"), {}).choices[0]

    assert [part.kind for part in got.parts] == ["text"]
    assert 'You asked: "Go"' in got.parts[0].text
    assert got.finish == "stop"


def test_the_limit_may_cut_a_tool_call() -> None:
    """The limit of tokens falls where it falls, even inside a call's arguments."""
    tool = Tool(name="f", parameters={"properties": {"text": {"type": "string"}}})
    ask = Ask(model="m", prompt="Oslo", tools=(tool,))
    whole = answer(ask, {}).parts[0]
    short = Ask(model="m", prompt="Oslo", tools=(tool,), max_tokens=3)
    got = answer(short, {}).choices[0]

    assert json.loads(whole.text) == whole.arguments == {"text": "Oslo"}
    assert got.finish == "length"
    assert (got.parts[0].tokens, got.parts[0].whole) == (whole.tokens[:3], False)


def test_the_id_is_made_from_the_request() -> None:
    """The same request has the same id, streamed or not; another has another."""
    ask = Ask(model="m", prompt="Hi")
    ids = [answer(ask, body).id for body in ({"a": 1}, {"a": 1, "stream": True}, {})]

    assert ids[0] == ids[1] != ids[2]


# --- arguments

STRING = {"type": "string"}
ARGUMENTS = {
    "a name in the prompt": (
        {"city": STRING},
        "Weather in New York?",
        {"city": "New York"},
    ),
    "quoted words": ({"query": STRING}, 'Look up "red tape".', {"query": "red tape"}),
    "a sum": (
        {"expression": STRING},
        "What is 17 * (4 + 2)?",
        {"expression": "17 * (4 + 2)"},
    ),
    "else what is scripted": ({"city": STRING}, "what is it like?", {"city": "Paris"}),
    "else the prompt": ({"query": STRING}, "why is it so", {"query": "why is it so"}),
    "a whole number": ({"days": {"type": "integer"}}, "For 3 days", {"days": 3}),
    "a number": ({"days": {"type": "number"}}, "no number", {"days": 1.0}),
    "the least number": (
        {"days": {"type": "integer", "minimum": 5}},
        "none",
        {"days": 5},
    ),
    "yes or no": ({"now": {"type": "boolean"}}, "go", {"now": True}),
    "one of a list, as the prompt says": (
        {"unit": {"enum": ["celsius", "kelvin"]}},
        "In Kelvin please",
        {"unit": "kelvin"},
    ),
    "a constant": ({"kind": {"const": "x"}}, "go", {"kind": "x"}),
    "nothing": ({"none": {"type": "null"}}, "go", {"none": None}),
    "a list": (
        {"tags": {"type": "array", "items": STRING}},
        "for Oslo",
        {"tags": ["Oslo"]},
    ),
    "an object": (
        {"place": {"type": "object", "properties": {"city": STRING}}},
        "in Oslo",
        {"place": {"city": "Oslo"}},
    ),
    "a choice of types": (
        {"city": {"anyOf": [{"type": "null"}, STRING]}},
        "in Oslo",
        {"city": "Oslo"},
    ),
    "a list of types": (
        {"city": {"type": ["null", "string"]}},
        "in Oslo",
        {"city": "Oslo"},
    ),
    "Gemini's capitals": ({"days": {"type": "INTEGER"}}, "2 days", {"days": 2}),
    "a date": ({"day": STRING | {"format": "date"}}, "now", {"day": "2026-01-01"}),
    "a reference": ({"place": {"$ref": "#/$defs/Place"}}, "in Oslo", {"place": "Oslo"}),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments(case: str) -> None:
    """Arguments fit the tool's schema, with the words of the prompt where it can be."""
    properties, prompt, expected = ARGUMENTS[case]
    schema = {"properties": properties, "$defs": {"Place": STRING}}
    tool = Tool(name="f", parameters=schema)

    assert make_arguments(tool, {"city": "Paris"}, prompt, 0) == expected


def test_required_arguments_only() -> None:
    """Where a schema says what is required, the rest is left out."""
    properties = {"city": STRING, "unit": STRING}
    tool = Tool(name="f", parameters={"properties": properties, "required": ["city"]})

    assert make_arguments(tool, {}, "in Oslo", 0) == {"city": "Oslo"}


def test_a_schema_that_never_ends() -> None:
    """A schema that holds itself is followed a few steps only."""
    node = {"type": "object", "properties": {"next": {"$ref": "#"}}}

    made = make_arguments(Tool(name="f", parameters=node), {}, "go", 0)

    assert json.dumps(made).count("next") == 8


TIME = Tool(name="get_time", description="Tell the time of a city.")
FITTING = {
    "by its name": ("What time is it in Oslo?", "", 1, ["get_time"]),
    "by the hint": ("How is Oslo?", "weather", 1, ["get_weather"]),
    "the first, if none fits": ("Hm?", "", 1, ["get_weather"]),
    "two tools for two calls": (
        "Weather and time?",
        "",
        2,
        ["get_weather", "get_time"],
    ),
    "one tool twice": ("Weather, twice", "", 2, ["get_weather", "get_weather"]),
}


@pytest.mark.parametrize("case", FITTING)
def test_best_tools(case: str) -> None:
    """The tools that fit the prompt are called."""
    prompt, hint, count, expected = FITTING[case]

    tools = best_tools((WEATHER, TIME), prompt, hint, count)

    assert [tool.name for tool in tools] == expected


# --- tokens and pacing


@given(st.text())
@settings(deadline=None, max_examples=200)
def test_tokens_join_to_the_text(text: str) -> None:
    """Whatever the text, its tokens put together are the text, and none is empty."""
    tokens = cut(text)

    assert "".join(tokens) == text
    assert all(tokens)


TOKENS = {
    "words keep their space": ("one two", ["one", " two"]),
    "signs are apart": ("(a+b)", ["(", "a", "+", "b", ")"]),
    "a long word is cut inside": ("streaming", ["stre", "aming"]),
    "line breaks": ("a\n\nb", ["a", "\n\n", "b"]),
    "an emoji of several characters": ("a 👩🏽‍🔬 b", ["a", " 👩🏽‍🔬", " b"]),
    "a flag": ("🇳🇴!", ["🇳🇴!"]),
    "a keycap": ("1️⃣2", ["1️⃣", "2"]),
    "an accent of its own": ("cafe\u0301 x", ["cafe\u0301", " x"]),
    "nothing": ("", []),
}


@pytest.mark.parametrize("case", TOKENS)
def test_tokens(case: str) -> None:
    """Text is cut like a model's tokens, and no character is ever cut."""
    text, expected = TOKENS[case]

    assert list(cut(text)) == expected


def test_tokens_of_a_large_text_come_quickly() -> None:
    """A megabyte is cut in a few seconds at most: the work grows with the text."""
    started = time.process_time()
    cut("word " * 200_000)
    cut("x" * 1_000_000)

    assert time.process_time() - started < 10


FRAMES = [Frame(b"open"), Frame(b"a", 1), Frame(b"b", 1), Frame(b"c", 6), Frame(b"end")]


def test_pace() -> None:
    """The first token comes after 0.3 s, later ones at about 70 a second."""
    steps = list(paced(FRAMES, 1))

    assert [step.data for step in steps] == [b"open", b"a", b"b", b"c", b"end"]
    delays = [step.delay_s for step in steps]
    assert (delays[0], delays[1], delays[4]) == (0.0, 0.3, 0.0)
    assert 0.6 / 70 <= delays[2] <= 1.4 / 70
    assert 6 * 0.6 / 70 <= delays[3] <= 6 * 1.4 / 70


def test_pace_is_the_same_every_time() -> None:
    """The jitter is seeded; speed 2 halves each wait and speed 0 takes it away."""
    normal = [step.delay_s for step in paced(FRAMES, 1)]

    assert [step.delay_s for step in paced(FRAMES, 1)] == normal
    assert [step.delay_s for step in paced(FRAMES, 2)] == [d / 2 for d in normal]
    assert [step.delay_s for step in paced(FRAMES, 0)] == [0.0] * 5


# --- files

OWN = """
origin = "scripted"
title = "Own"
description = "A teacher's own."
order = 1
[[when]]
all = ["red", "blue"]
[[part]]
kind = "text"
text = "{{model}}: violet. {{unknown}}"
repeat = 2
[usage]
input_tokens = 7
cached_tokens = 5
"""


def test_own_scenarios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of one's own adds scenarios, replaces ours, and is read anew."""
    monkeypatch.setenv("NBSTREAM_SCENARIOS", str(tmp_path))
    ask = Ask(model="m", prompt="Mix red with blue")
    before = answer(ask, {})
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    after = answer(ask, {})

    assert (before.scenario, after.scenario) == ("default", "own")
    assert after.parts[0].text == '"m": violet. {{unknown}}' * 2
    assert (after.usage.input, after.usage.cached) == (7, 5)


WRONG = {
    "no TOML": ("x = ", "scenario x.toml: Invalid value"),
    "not said to be scripted": ('title = "t"', 'must say origin = "scripted"'),
    "no part": ('origin = "scripted"', "has no [[part]]"),
    "an unknown field": (OWN + "x = 1", "scenario x.toml"),
    "an unknown field at the top": ("colour = 1\n" + OWN, "colour"),
    "an unknown kind": (OWN.replace('"text"', '"film"'), "'film' is not one of text"),
    "an unknown provider": (
        OWN.replace("repeat = 2", 'by.nobody = "x"'),
        "'nobody' is not one of openai, anthropic, google",
    ),
    "a part that says nothing": (
        OWN.replace("text = ", "by.openai = "),
        "a part says nothing by anthropic, google",
    ),
    "an unknown end": ('finish = "x"\n' + OWN, "'x' is not one of stop"),
    "an unknown condition": (OWN.replace("all", "every"), "every"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files(case: str) -> None:
    """A file that is wrong is an error that names it and says what is wrong."""
    source, expected = WRONG[case]

    if case == "an unknown field":  # it falls into [usage], where names are free
        assert isinstance(parse("x", source), Scenario)
        return
    with pytest.raises(UsageError) as caught:
        parse("x", source)
    assert expected in str(caught.value)


def test_wrong_file_name() -> None:
    """A name that a tag could not spell is refused."""
    with pytest.raises(UsageError, match="file name may hold"):
        parse("My File", OWN)
