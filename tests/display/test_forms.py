"""Answers that are JSON or plain text: laid out, safe, the same each time."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbstream.reply import Reply
from nbstream.screens.bundle import PLACE, bundle
from nbstream.screens.json_layout import Json
from nbstream.screens.output import TerminalScreen
from nbstream.structured import AnyJson, shape_of
from nbstream.types import End, Finish, TextDelta

texts = st.text(max_size=6) | st.text(alphabet='{}[],:\\"/ué€😀\n `', max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=8,
)
roots = st.lists(values, max_size=4) | st.dictionaries(texts, values, max_size=4)


@given(
    roots,
    st.sampled_from([None, "items"]),
    st.booleans(),
    st.sampled_from([None, 1]),
    st.lists(st.floats(0, 1), max_size=6),
)
def test_json_is_laid_out_as_it_arrives(value, key, as_ascii, indent, places):
    """Cut anywhere: it only grows, and at the end it is as the library writes it."""
    whole = {key: value} if key else value
    text = json.dumps(whole, ensure_ascii=as_ascii, indent=indent)
    layout, shown = Json(key), ""
    for size in sorted(int(place * len(text)) for place in places):
        now = layout.grow(text[:size])
        assert now.startswith(shown)
        shown = now
    last = layout.end(text)

    assert last.startswith(shown)
    assert last == json.dumps(value, ensure_ascii=False, indent=2)


#: text, key -> as it is shown.
SHOWN = {
    ("Here you are: {}", None): "Here you are: {}",
    ("Here you are: {}", "items"): "Here you are: {}",
    ('```json\n{"a": 1}\n``` ', None): '{\n  "a": 1\n}',
    ("```json\n[1", None): "[\n  1",
    ("```", None): "```",
    ('{"other": 1}', "items"): '{\n  "other": 1\n}',
    ('{"ite', "items"): '{"ite',
    ('{"value": 3}', "value"): "3",
    ('{"value": "x', "value"): '"x',
    ('["\\ud83d', None): '[\n  "\\ud83d',
    ('["\\ud83d\\ude00', None): '[\n  "😀',
    ('["\\ud83dx"]', None): '[\n  "\\ud83dx"\n]',
    ('["\\q', None): '[\n  "\\q',
    ("", None): "",
}


@pytest.mark.parametrize(("given", "shown"), SHOWN.items(), ids=repr)
def test_edges(given, shown):
    """What is no JSON is shown as it came; what is left out is not."""
    text, key = given

    assert Json(key).end(text) == shown
    by_character = Json(key)
    for size in range(len(text)):
        by_character.grow(text[:size])
    assert by_character.end(text) == by_character.end(text) == shown


def reply_of(text, expected, **how):
    reply = Reply("text")
    reply._form, reply._expected = "json", expected
    reply._extend([TextDelta(text=text), Finish(reason="stop", raw_reason="stop")])
    if not how:
        reply._apply(End())
    reply._end(**how)
    return reply


def test_what_is_saved_of_an_object():
    """Laid out, in all three forms, without the object that an API wants around it."""
    data = bundle(reply_of('{"items": [1, "<b>```"]}', shape_of(list[int | str])))
    laid_out = '[\n  1,\n  "<b>```"\n]'

    assert data["text/plain"] == laid_out
    assert data["text/markdown"] == f"````json\n{laid_out}\n````"
    assert data["text/html"].startswith(f'{PLACE}<pre><code class="')
    assert "&lt;b&gt;" in data["text/html"]
    assert "items" not in "".join(data.values())


def test_the_same_object_is_saved_the_same():
    """However the provider wrote it."""
    made = [
        bundle(reply_of(json.dumps({"é": [1]}, **how), AnyJson()))
        for how in ({}, {"indent": 4}, {"ensure_ascii": False})
    ]

    assert made[0] == made[1] == made[2]


def test_an_answer_that_does_not_fit_says_so():
    """In one line behind the text as it came."""
    reply = reply_of('{"items": [1,\n "x"]}', shape_of(list[int]))
    data = bundle(reply)

    assert data["text/plain"].startswith(
        '{"items": [1,\n "x"]}\n\n[The answer does not'
    )
    assert "<em>The answer does not fit the schema: 1: Input" in data["text/html"]


def test_an_answer_that_was_stopped_is_laid_out_as_far_as_it_came():
    """And the line says what happened; no object is made of it."""
    reply = reply_of('{"items": [1, 2', shape_of(list[int]), stopped=True)

    assert bundle(reply)["text/plain"] == (
        "[\n  1,\n  2\n\n[Stopped. This is what had arrived.]"
    )
    assert reply.parsed is None


def test_plain_text_is_saved_as_it_is():
    """With nothing for others to read as Markdown."""
    reply = Reply("text")
    reply._form = "text"
    reply._extend([TextDelta(text="# <b>x</b>\n*y*"), End()])
    reply._end()

    assert bundle(reply) == {
        "text/html": (
            f'{PLACE}<pre style="white-space: pre-wrap">'
            "# &lt;b&gt;x&lt;/b&gt;\n*y*</pre></div>"
        ),
        "text/plain": "# <b>x</b>\n*y*",
    }


def test_a_terminal_shows_json_laid_out():
    """Line by line, as it arrives."""
    out = io.StringIO()
    screen, reply = TerminalScreen(out), Reply("text")
    reply._form, reply._expected = "json", shape_of(list[int])
    seen = []
    for piece in ('{"items"', ": [1, ", "2]", "}"):
        reply._apply(TextDelta(text=piece))
        screen.update(reply)
        seen.append(out.getvalue())
    reply._apply(End())
    reply._end()
    screen.close(reply)

    assert seen == ["", "[\n  1,", "[\n  1,\n  2\n]", "[\n  1,\n  2\n]"]
    assert out.getvalue() == "[\n  1,\n  2\n]\n"
