"""The scripts answer what is asked, each provider in its own words and manner."""

from __future__ import annotations

import io
import json
import re
import urllib.request
from contextlib import redirect_stdout
from functools import cache
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream.offline import Server, scenarios
from nbstream.offline.answer import answer
from nbstream.offline.arguments import value_for
from nbstream.offline.exchange import paced
from nbstream.offline.manners import MANNERS, cut, pieces
from nbstream.offline.memory import Handler
from nbstream.offline.script import load
from nbstream.offline.wire import WRITERS
from nbstream.offline.wire.base import Ask, Frame, Tool

PROVIDERS = tuple(MANNERS)
#: Where each API takes a prompt.
REQUESTS = {
    "openai.chat": lambda said: (
        "/v1/chat/completions",
        {"model": "m", "stream": True, "messages": [{"role": "user", "content": said}]},
    ),
    "openai.responses": lambda said: (
        "/v1/responses",
        {"model": "m", "stream": True, "input": said},
    ),
    "anthropic.messages": lambda said: (
        "/v1/messages",
        {
            "model": "m",
            "stream": True,
            "max_tokens": 5000,
            "messages": [{"role": "user", "content": said}],
        },
    ),
    "google.generate_content": lambda said: (
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": said}]}]},
    ),
    "google.interactions": lambda said: (
        "/v1beta/interactions",
        {"model": "m", "stream": True, "input": said},
    ),
}


def asked(api: str, prompt: str) -> Ask:
    _, body = REQUESTS[api](prompt)
    return WRITERS[api].read(body, "m", stream=True)


def said(prompt: str, provider: str = "openai", **more: object) -> str:
    ask = Ask(model="m", provider=provider, prompt=prompt, **more)
    return answer(ask, {}).parts[-1].text


#: Prompt -> (scenario, what each of PROVIDERS says in it, words at least and at most).
TOPICS: dict[str, tuple[str, tuple[str, str, str], tuple[int, int]]] = {
    "What is a token?": (
        "token",
        ("the unit of text", "a small piece of text", "## Token"),
        (40, 120),
    ),
    "Explain to a child of ten what a token is.": (
        "token_child",
        ("building bricks", "wagons", "puzzle pieces"),
        (40, 120),
    ),
    "What is a delta?": (
        "delta",
        ("`choices[0].delta.content`", "`content_block_delta`", "`step.delta`"),
        (40, 120),
    ),
    "Why does a language model stream its answer?": (
        "why_stream",
        ("Less waiting", "an empty page", "| total time | the same |"),
        (40, 120),
    ),
    "Explain server-sent events in three sentences.": (
        "sse",
        ("stays open", "a blank line", "`text/event-stream`"),
        (40, 120),
    ),
    "Plan a weekend in Lisbon: a list and a table.": (
        "lisbon",
        ("Praça do Comércio", "the castle of **São Jorge**", "Elevador"),
        (120, 180),
    ),
    "Write a haiku about the sea.": (
        "haiku",
        ("Grey waves", "Salt wind", "Deep blue"),
        (14, 17),
    ),
    "How does a rainbow form? With the formula.": (
        "rainbow",
        (r"n_1 \sin\theta_1", r"\frac{\sin\theta_1}", r"\arcsin"),
        (100, 170),
    ),
    "Write a Python function for Fibonacci numbers.": (
        "fibonacci",
        ("list[int]", "Iterator[int]", "@cache"),
        (70, 120),
    ),
    "Tell me the history of the printing press.": (
        "printing",
        ("in seven steps", "like to tell you this story", "## Overview"),
        (600, 900),
    ),
    "Think step by step: how many times is the letter r in strawberry?": (
        "strawberry",
        ("**3**", "**three**", "Answer: 3"),
        (20, 120),
    ),
    "What is the capital of Norway?": (
        "capitals",
        ("**Oslo** is the capital", "capital of Norway is Oslo", "**Capital:** Oslo"),
        (4, 20),
    ),
    "Is this review good or bad? We loved it.": (
        "review",
        ("says *loved*", "the word *loved*", "**Key word:** loved"),
        (4, 30),
    ),
    "Give me three recipes for pancakes.": (
        "pancakes",
        ("**1. Classic pancakes**", "With pleasure!", "| **Minutes** | 20 | 15 |"),
        (60, 120),
    ),
    "Give me a soup.": (
        "soups",
        ("(25 minutes)", "cold outside", "## Soups"),
        (40, 120),
    ),
}


@pytest.mark.parametrize("prompt", TOPICS)
def test_each_provider_answers_in_its_own_words(prompt: str) -> None:
    """On the topic, at the length that was asked for, and no two alike."""
    scenario, phrases, (least, most) = TOPICS[prompt]
    told = {}
    for provider, phrase in zip(PROVIDERS, phrases, strict=True):
        for api in (name for name in REQUESTS if name.startswith(provider)):
            given = answer(asked(api, prompt), {})
            text = given.parts[-1].text
            told.setdefault(provider, text)

            assert given.scenario == scenario
            assert phrase in text
            assert text == told[provider]
            assert least <= len(re.findall(r"\w+", text)) <= most
            assert "scripted" not in text
            assert "{{" not in text

    assert len(set(told.values())) == 3


REWORDED = {
    "so, what's a TOKEN": "token",
    "In one line: what is a\ntoken": "token",
    "Tell a kid what tokens are": "token_child",
    "Please explain what a delta is": "delta",
    "Why do models stream their answers?": "why_stream",
    "A plan for two days in Lisbon, please": "lisbon",
    "A haiku on the sea": "haiku",
    "What makes rainbows?": "rainbow",
    "fibonacci in python": "fibonacci",
    "Who invented the printing press?": "printing",
    "Count the letter r in strawberry": "strawberry",
    "Which city is the capital of France": "capitals",
    "Good or bad review? Slow and cold.": "review",
    "A recipe for pancakes": "pancakes",
    "[scenario: prose] What is a token?": "prose",
    "What is the token budget of this repository?": "default",
    "Write it in capital letters": "default",
    "The letter of a friend": "default",
    "Is it good or bad?": "default",
    "Stream the answer": "default",
    "A poem with a rainbow in it": "default",
}


@pytest.mark.parametrize("prompt", REWORDED)
def test_other_words_for_the_same(prompt: str) -> None:
    """Small rewordings match, other questions do not, and a tag still picks."""
    given = answer(Ask(model="m", prompt=prompt), {})

    assert given.scenario == REWORDED[prompt]


def test_what_the_default_says_it_knows_is_known() -> None:
    """One line says that it is scripted, and each prompt it lists has a script."""
    text = said("How high is the moon?")
    lines = text.split("\n")
    listed = re.findall(r"\*([^*]+)\*", text.replace("**", ""))
    chosen = {answer(Ask(model="m", prompt=each), {}).scenario for each in listed}

    assert "scripted answer" in lines[2]
    assert "script" not in "".join(lines[3:])
    assert len(listed) == len(chosen) == 13
    assert "default" not in chosen


def test_scenarios_are_listed() -> None:
    """``nbstream.offline.scenarios()`` has the new ones, a line each."""
    listed = scenarios()

    assert {name for name, _, _ in TOPICS.values()} <= set(listed)
    assert listed["capitals"] == "The capitals of twenty countries."
    assert all("\n" not in line for line in listed.values())


MARKDOWN = {
    "lisbon": ("^# ", r"^- |^\d\. ", r"^\|", r"\*\*\w"),
    "rainbow": ("^# ", r"^- |^\d\. ", r"^\$\$", r"\*\*\w"),
    "printing": ("^# ", "^## ", r"^> .*whole face", r"^\d{4}|\d{4}"),
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("scenario", MARKDOWN)
def test_markdown(scenario: str, provider: str) -> None:
    """The forms that a prompt asks for are in the answer."""
    text = said(f"[scenario: {scenario}]", provider)

    for form in MARKDOWN[scenario]:
        assert re.search(form, text, re.MULTILINE), form
    assert len(re.findall("^## ", text, re.MULTILINE)) >= 6 * (scenario == "printing")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_haiku_has_three_lines(provider: str) -> None:
    """And Markdown keeps them apart."""
    lines = said("[scenario: haiku]", provider).split("\n")

    assert len(lines) == 3
    assert [line.endswith("  ") for line in lines] == [True, True, False]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_code_runs(provider: str) -> None:
    """Words, a block of code, words and a second block, which prints what it says."""
    text = said("Fibonacci", provider)
    before, code, between, example, _ = re.split(r"```(?:python\n)?", text)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(code + example, {})

    assert before.strip()
    assert between.strip()
    assert printed.getvalue() == "[0, 1, 1, 2, 3, 5, 8, 13, 21, 34]\n"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_strawberry_is_thought_about(provider: str) -> None:
    """Reasoning comes first, with the request's wish for it or without."""
    prompt = "Think step by step: how many times is the letter r in strawberry?"
    for wish in (False, True):
        ask = Ask(model="m", provider=provider, prompt=prompt, reasoning=wish)
        thought, told = answer(ask, {}).parts

        assert (thought.kind, told.kind) == ("reasoning", "text")
        assert re.search("3|three", thought.text)
    assert "strawberry".count("r") == 3


THOUGHTS = {
    "the request asks for it": ("What is a token?", True, ["reasoning", "text"]),
    "the prompt does": ("Step by step: what is a token?", False, ["reasoning", "text"]),
    "nobody does": ("What is a token?", False, ["text"]),
}


@pytest.mark.parametrize("case", THOUGHTS)
def test_thoughts(case: str) -> None:
    """A scenario's thoughts are said where reasoning is asked for."""
    prompt, wish, kinds = THOUGHTS[case]
    given = answer(Ask(model="m", prompt=prompt, reasoning=wish), {})

    assert [part.kind for part in given.parts] == kinds
    assert given.scenario == "token"
    assert (given.usage.reasoning > 0) == (len(kinds) == 2)


CAPITALS = {
    "Australia": "Canberra",
    "Brazil": "Brasília",
    "canada": "Ottawa",
    "INDIA": "New Delhi",
    "Kenya": "Nairobi",
    "Portugal": "Lisbon",
}


def test_capitals() -> None:
    """Twenty are known, whatever the case; others are said not to be known."""
    known = load()["capitals"].facts

    assert len(known) == 20
    for country, capital in CAPITALS.items():
        assert capital in said(f"What is the capital of {country}?")
    for unknown in ("Peru", "France and Italy", "my heart"):
        assert said(f"What is the capital of {unknown}?").startswith("I cannot say")


REVIEWS = {
    "The food was good.": "good",
    "The food was not good.": "bad",
    "Great coffee, friendly staff.": "good",
    "Great coffee, but rude staff and a cold room.": "bad",
    "It broke after a day. I want my money back.": "bad",
    "Great coffee, rude staff.": "unclear",
    "It is blue.": "unclear",
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("review", REVIEWS)
def test_reviews(review: str, provider: str) -> None:
    """The first line is one word; the question's own words do not count."""
    text = said(f"Is this review good or bad? {review}", provider)
    verdict, _, reason = text.partition("\n\n")

    assert verdict == REVIEWS[review]
    assert reason.strip()


TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
LIST = {"type": "array", "items": TEXT}


def objects(**properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties}


def array(items: object) -> dict[str, object]:
    return {"type": "array", "items": items}


FILLED = {
    "by the names of fields": (
        "Give me three recipes for pancakes",
        array(objects(name=TEXT, minutes=WHOLE, servings=WHOLE)),
        [
            {"name": "Classic pancakes", "minutes": 20, "servings": 4},
            {"name": "Banana pancakes", "minutes": 15, "servings": 2},
            {"name": "Buckwheat pancakes", "minutes": 40, "servings": 3},
        ],
    ),
    "as many as were asked for, in an object": (
        "Two recipes for pancakes",
        objects(recipes=array(objects(title=TEXT))),
        {"recipes": [{"title": "Classic pancakes"}, {"title": "Banana pancakes"}]},
    ),
    "lists, and a part of a field's name": (
        "A recipe for pancakes",
        objects(recipe_title=TEXT, prepMinutes=WHOLE, steps=LIST | {"maxItems": 2}),
        {
            "recipe_title": "Classic pancakes",
            "prepMinutes": 20,
            "steps": ["Whisk everything but the butter.", "Wait 10 minutes."],
        },
    ),
    "more than there are": (
        "A banana soup",
        objects(ingredients=LIST | {"minItems": 4}),
        {
            "ingredients": [
                "800 g tomatoes",
                "1 onion",
                "300 ml stock",
                "800 g tomatoes",
            ]
        },
    ),
    "objects in a list of texts": (
        "One soup",
        objects(ingredients=array(objects(name=TEXT)) | {"maxItems": 1}),
        {"ingredients": [{"name": "800 g tomatoes"}]},
    ),
    "yes or no": (
        "One soup",
        objects(vegetarian={"type": "boolean"}),
        {"vegetarian": True},
    ),
    "a fact": (
        "What is the capital of Japan?",
        objects(country=TEXT, capital=TEXT),
        {"country": "Japan", "capital": "Tokyo"},
    ),
    "one of a list, by a fact": (
        "Is this review good or bad? Boring.",
        objects(verdict={"enum": ["good", "bad"]}, reason=TEXT),
        {"verdict": "bad", "reason": "The review says: boring."},
    ),
    "else from the prompt": ("In Oslo", objects(city=TEXT), {"city": "Oslo"}),
}


@pytest.mark.parametrize("case", FILLED)
def test_json(case: str) -> None:
    """A schema is filled with values on the topic, by the names of its fields."""
    prompt, schema, expected = FILLED[case]

    assert json.loads(said(prompt, schema=schema)) == expected


def test_values_are_of_the_field_s_kind() -> None:
    """A value of another kind is not taken, and limits hold."""
    fields = {"size": WHOLE | {"maximum": 5}, "name": TEXT | {"maxLength": 3}}
    values = {"size": "large", "name": "Oslo"}
    made = value_for(objects(**fields), "go", {}, values=values, several=3)

    assert made == {"size": 1, "name": "Osl"}


WEATHER = {
    "JSON": ('{"temperature": 21, "sky": "Sunny"}', "In Lisbon it is 21 °C and sunny."),
    "its own place": (
        '{"city": "Oslo", "temp_c": -3.5, "condition": "snow"}',
        "In Oslo it is -3.5 °C and snow.",
    ),
    "another unit": ('{"temp": 70, "unit": "F"}', "In Lisbon it is 70 °F."),
    "a unit in a name": ('{"temp_f": 70}', "In Lisbon it is 70 °F."),
    "a unit in the value": ('{"temperature": "21 °C"}', "In Lisbon it is 21 °C."),
    "the sky only": ('{"sky": "cloudy"}', "In Lisbon it is cloudy."),
    "words": ("warm", 'The tool said: "warm".'),
    "other JSON": ('{"wind": 3}', 'The tool said: `{"wind": 3}`.'),
    "no words": (
        '{"sky": "<b>x</b>"}',
        'The tool said: `{"sky": "<b>x</b>"}`.',
    ),
}


@pytest.mark.parametrize("case", WEATHER)
def test_weather(case: str) -> None:
    """After the tool its weather is said in a sentence; what is none is quoted."""
    result, sentence = WEATHER[case]
    more = {"tool_results": (result,), "rounds": 1}
    told = [said("What is the weather in Lisbon?", each, **more) for each in PROVIDERS]

    assert told == [
        sentence,
        f"I have looked it up for you. {sentence}",
        f"**Weather**\n\n{sentence}",
    ]


def test_weather_of_two_cities() -> None:
    """Each result gets the sentence of its own city; without a name there is none."""
    two = ('{"temp": 21}', '{"temp": 9}')

    assert said("The weather in Lisbon and Oslo?", tool_results=two) == (
        "In Lisbon it is 21 °C. In Oslo it is 9 °C."
    )
    assert said("how is the weather", tool_results=two[:1]) == "It is 21 °C."


DESCRIBE = Tool(
    name="describe",
    description="Describe a variable.",
    parameters=objects(name=TEXT),
)
CONTENTS = {
    "a name": ("What is in sales?", "sales"),
    "a file": ("What's in the file sales.csv?", "sales.csv"),
    "in backticks": ("What is in `sales`, please?", "sales"),
    "my own": ("Tell me what is inside my table sales.", "sales"),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_contents(case: str) -> None:
    """The tool gets the name that the prompt has, and its result is in a sentence."""
    prompt, name = CONTENTS[case]
    call = answer(Ask(model="m", prompt=prompt, tools=(DESCRIBE,)), {}).parts[0]
    found = ('{"rows": 12, "columns": ["city", "year"]}',)
    told = [said(prompt, each, tool_results=found) for each in PROVIDERS]

    assert call.arguments == {"name": name}
    assert told == [
        f'In "{name}" there is: rows 12; columns city, year',
        f'I had a look for you. In "{name}" I found this: rows 12; columns city, year',
        f'**"{name}"**\n\n- Contents: rows 12; columns city, year',
    ]
    assert said(prompt, tool_results=("12 rows",)).endswith('there is: "12 rows"')


# --- tokens, events and pace


COUNTS = {
    "words": ("one two three", (3, 3, 3)),
    "long words": ("understanding conversations", (5, 9, 4)),
    "a year": ("in 2026", (3, 3, 5)),
    "nothing": ("", (0, 0, 0)),
}


@pytest.mark.parametrize("case", COUNTS)
def test_counts_differ(case: str) -> None:
    """The same text has other counts elsewhere."""
    text, expected = COUNTS[case]

    assert tuple(len(cut(text, manner)) for manner in MANNERS.values()) == expected


@cache
def frames(api: str, prompt: str) -> list[Frame]:
    ask = asked(api, prompt)
    return list(WRITERS[api].frames(ask, answer(ask, REQUESTS[api](prompt)[1])))


PRINTING = "[scenario: printing]"
LONG = "[scenario: long]"
#: API -> tokens in an event, on average, at least and at most.
SIZES = {
    "openai.chat": (1.2, 1.5),
    "openai.responses": (1.2, 1.5),
    "anthropic.messages": (3, 5),
    "google.generate_content": (15, 25),
    "google.interactions": (15, 25),
}


@pytest.mark.parametrize("api", SIZES)
def test_sizes_of_events(api: str) -> None:
    """Events hold one token or many, by provider, and all of the answer's tokens."""
    least, most = SIZES[api]
    sizes = [frame.tokens for frame in frames(api, LONG) if frame.tokens]
    given = answer(asked(api, LONG), {})

    assert sum(sizes) == given.usage.output
    assert least <= sum(sizes) / len(sizes) <= most
    assert len(set(sizes)) >= 3
    assert frames(api, LONG)[-1].tokens == 0 or api == "google.generate_content"


def ends(texts: object) -> set[int]:
    return set(accumulate(len(text) for text in texts))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_event_is_no_token(provider: str) -> None:
    """Some of Anthropic's and Google's events end inside a token, none of OpenAI's."""
    manner = MANNERS[provider]
    tokens = cut(said(PRINTING, provider), manner)
    inside = ends(text for text, _ in pieces(tokens, manner)) - ends(tokens)

    assert (len(inside) > 10) == (provider != "openai")


@pytest.mark.parametrize("provider", PROVIDERS)
@given(text=st.text() | st.text("a👩🏽‍🔬🇳🇴e\u0301 1️⃣नमस्ते한국어"))
@settings(deadline=None, max_examples=100)
def test_pieces_join_to_the_text(provider: str, text: str) -> None:
    """Nothing is lost, no piece is empty or without a token, no character is cut."""
    manner = MANNERS[provider]
    tokens = cut(text, manner)
    written = list(pieces(tokens, manner))

    assert "".join(said for said, _ in written) == "".join(tokens) == text
    assert sum(count for _, count in written) == len(tokens)
    assert all(said and count for said, count in written)
    for at in ends(said for said, _ in written) - {len(text)}:
        assert text[at - 1] != "\u200d"
        assert at in ends(tokens) or text[at].isalnum()


PACES = {"openai": (0.3, 70), "anthropic": (0.45, 80), "google": (0.4, 130)}


@pytest.mark.parametrize("provider", PACES)
def test_paces_differ(provider: str) -> None:
    """Each has its own wait for the first token and its own rate, always the same."""
    first_s, rate = PACES[provider]
    api = next(name for name in REQUESTS if name.startswith(provider))
    manner = WRITERS[api].manner
    waits = [frame.delay_s for frame in paced(frames(api, LONG), 1, manner)]
    first = next(wait for wait in waits if wait)
    sizes = [frame.tokens for frame in frames(api, LONG) if frame.tokens]

    assert first == first_s
    assert (sum(sizes) - sizes[0]) / (sum(waits) - first) == pytest.approx(
        rate, rel=0.1
    )
    assert waits == [f.delay_s for f in paced(frames(api, LONG), 1, manner)]
    assert sum(f.delay_s for f in paced(frames(api, LONG), 0, manner)) == 0


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("most", [1, 2, 7, 30])
def test_the_limit_counts_the_provider_s_tokens(most: int, provider: str) -> None:
    """So many tokens are said and counted, and they are the beginning."""
    prompt = "Plan a weekend in Lisbon"
    whole = answer(Ask(model="m", provider=provider, prompt=prompt), {})
    short = answer(
        Ask(model="m", provider=provider, prompt=prompt, max_tokens=most), {}
    )

    assert (whole.finish, short.finish) == ("stop", "length")
    assert short.usage.output == most
    assert short.parts[0].tokens == whole.parts[0].tokens[:most]
    assert short.parts[0].tokens == cut(whole.parts[0].text, MANNERS[provider])[:most]


@pytest.mark.parametrize("api", REQUESTS)
def test_memory_and_a_port_give_the_same_bytes(api: str) -> None:
    """For every topic, twice, at whatever speed."""
    prompts = [*TOPICS, "What is the capital of Peru?", "Hello"]
    with (
        Server(speed=0) as port,
        Server(speed=5000) as other,
        Server(speed=0, transport="memory") as memory,
    ):
        openers = [
            (port, urllib.request.build_opener()),
            (other, urllib.request.build_opener()),
            (memory, urllib.request.build_opener(Handler(memory._memory))),
        ]
        for prompt in prompts:
            path, body = REQUESTS[api](prompt)
            got = set()
            for server, opener in openers:
                with opener.open(server.url + path, json.dumps(body).encode()) as reply:
                    got.add(reply.read())

            assert got == {b"".join(frame.data for frame in frames(api, prompt))}
