"""The elements of a list, found while its JSON arrives."""

import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbstream.structured_items import Elements

texts = st.text(max_size=6) | st.text(alphabet='{}[],:\\"/ué€😀\n ', max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=8,
)
lists = st.lists(values, max_size=5)
written = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "indent": st.sampled_from([None, 0, 3, "\t"]),
        "separators": st.sampled_from([None, (",", ":"), (" , ", " : ")]),
    }
)


def fed(pieces, key=None):
    elements = Elements(key)
    return [found for piece in pieces for found in elements.feed(piece)]


def cut(text, places):
    """Cut a text at these places, taken as shares of its length."""
    edges = sorted({0, len(text), *(int(share * len(text)) for share in places)})
    return [text[a:b] for a, b in itertools.pairwise(edges)]


@given(lists, written, st.lists(st.floats(0, 1), max_size=8))
def test_a_root_list_cut_anywhere(found, how, places):
    """Each element is given once, in order, with exactly its text."""
    text = json.dumps(found, **how)
    elements = fed(cut(text, places))

    assert list(map(json.loads, elements)) == found
    assert all(element.strip() == element for element in elements)


@given(lists, written)
def test_a_root_list_character_by_character(found, how):
    """An element is given with the character that makes it whole, and never before.

    A number or a word is whole when what follows it has come.
    """
    text = json.dumps(found, **how)
    elements, count = Elements(), 0
    for at in range(len(text)):
        got = elements.feed(text[at])
        assert len(got) <= 1
        for each in got:
            is_word = each[-1] not in '"}]'
            assert text[: at + (not is_word)].endswith(each)
            assert json.loads(each) == found[count]
            count += 1

    assert count == len(found)


others = st.dictionaries(texts.filter(lambda name: name != "items"), values, max_size=3)


@given(others, lists, others, written, st.lists(st.floats(0, 1), max_size=8))
def test_the_list_under_a_key(before, found, behind, how, places):
    """Whatever stands before and behind it, deeper lists and equal names among it."""
    behind = {name: behind[name] for name in behind if name not in before}
    whole = {**before, "x": {"items": [1]}, "items": found, **behind}
    if "x" in before or "x" in behind:
        return
    text = json.dumps(whole, **how)

    assert list(map(json.loads, fed(cut(text, places), "items"))) == found


@given(others, written, st.lists(st.floats(0, 1), max_size=8))
def test_the_first_list_of_an_object(whole, how, places):
    """Without a key it is the first property that is a list."""
    first = next((each for each in whole.values() if isinstance(each, list)), [])
    text = json.dumps(whole, **how)

    assert list(map(json.loads, fed(cut(text, places)))) == first


@given(lists, st.integers(0, 200))
def test_a_list_that_breaks_off(found, size):
    """What is given is a beginning of the list: no element is given that is a part."""
    text = json.dumps(found)[:size]
    elements = [json.loads(each) for each in fed([text])]

    assert elements == found[: len(elements)]


@given(st.text(alphabet='[]{},:"\\ 1ta.', max_size=30))
def test_what_is_no_json(text):
    """Nothing breaks, and what is given stands in the text, one behind the other."""
    elements = fed(text)

    assert re.search(".*".join(map(re.escape, elements)), text, re.DOTALL)


#: JSON text -> its elements, by the key None.
CASES = {
    "": [],
    "[]": [],
    "[[]]": ["[]"],
    "[1": [],
    "[1 ": ["1"],
    "[1,2]": ["1", "2"],
    '["a]", "\\"]"]': ['"a]"', '"\\"]"'],
    '["\\\\"]': ['"\\\\"'],
    "Here: [1]": [],
    '"[1]"': [],
    "[1 2]": ["1"],
    "[1,,2]": ["1"],
    "[,1]": [],
    "[1:2]": ["1"],
    "[1]]": ["1"],
    "[1] [2]": ["1"],
    '{"a": 1}[2]': [],
    '{"a": {"b": [1]}, "c": [2]}': ["2"],
    '{"a": [1], "b": [2]}': ["1"],
}


@pytest.mark.parametrize(("text", "elements"), CASES.items(), ids=repr)
def test_edges(text, elements):
    """Nothing is guessed of what is no JSON."""
    assert fed(text) == fed([text]) == elements


#: The key and the text -> the elements.
KEYED = {
    ("b", '{"a": [1], "b": [2]}'): ["2"],
    ("b", '{"a": {"b": [1]}}'): [],
    ("b", "[1]"): [],
    ("é", '{"\\u00e9": [1]}'): ["1"],
    ("b", '{"a": "b", "c": [1]}'): [],
    ("b", '{"\\x": [1], "b": [2]}'): ["2"],
}


@pytest.mark.parametrize(("given", "elements"), KEYED.items(), ids=repr)
def test_keys(given, elements):
    """The property is found by its name, however that is written."""
    key, text = given

    assert fed(text, key) == fed([text], key) == elements


def test_the_cost_is_that_of_the_characters():
    """However long the list is, each character is looked at once."""
    elements = Elements()
    piece = '{"text": "' + "x" * 990 + '"},'
    elements.feed("[")
    kept = []
    for _ in range(2000):
        assert len(elements.feed(piece)) == 1
        kept.append(sum(map(len, elements._pieces)))

    assert max(kept) == 0
