"""Arguments that come leaf by leaf."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbstream.reply.partial_json import Leaves

CASES = {
    "nothing": ([], {}),
    "a name": ([("$.city", "Paris", False)], {"city": "Paris"}),
    "a string that goes on": (
        [("$.a", "x", True), ("$.a", "y", True), ("$.a", "z", False)],
        {"a": "xyz"},
    ),
    "two that grow side by side": (
        [
            ("$.a", "1", True),
            ("$.b", "2", True),
            ("$.a", "3", False),
            ("$.b", "4", False),
        ],
        {"a": "13", "b": "24"},
    ),
    "set again after its end": ([("$.a", "x", False), ("$.a", "y", False)], {"a": "y"}),
    "a number ends a string": ([("$.a", "x", True), ("$.a", 2, False)], {"a": 2}),
    "numbers, booleans and null": (
        [("$.a", 1.5, False), ("$.b", True, False), ("$.c", None, False)],
        {"a": 1.5, "b": True, "c": None},
    ),
    "objects in objects": ([("$.a.b.c", 1, False)], {"a": {"b": {"c": 1}}}),
    "lists": ([("$.a[0]", 1, False), ("$.a[1]", 2, False)], {"a": [1, 2]}),
    "objects in lists": (
        [("$.a[0].b", 1, False), ("$.a[0].c", 2, False), ("$.a[1].b", 3, False)],
        {"a": [{"b": 1, "c": 2}, {"b": 3}]},
    ),
    "quoted names": (
        [("$['a b']", 1, False), ('$["c.d"]', 2, False), (r"$['it\'s']", 3, False)],
        {"a b": 1, "c.d": 2, "it's": 3},
    ),
    "an element under two spellings of its path": (
        [("$.a[0]", 1, False), ("$['a'][0]", 2, False)],
        {"a": [2]},
    ),
    "an element set twice": ([("$.a[0]", 1, False), ("$.a[0]", 2, False)], {"a": [2]}),
    "a path that is none is kept as it is": ([("city", 1, False)], {"city": 1}),
    "a path that breaks off is kept": ([("$.a[", 1, False)], {"$.a[": 1}),
    "the root itself is kept": ([("$", 1, False)], {"$": 1}),
    "a list at the root is kept": ([("$[0]", 1, False)], {"$[0]": 1}),
    "a gap in a list is kept": ([("$.a[5]", 1, False)], {"a": {}, "$.a[5]": 1}),
    "a leaf with a child is kept": (
        [("$.a", 1, False), ("$.a.b", 2, False)],
        {"a": 1, "$.a.b": 2},
    ),
}


@pytest.mark.parametrize(("leaves", "expected"), CASES.values(), ids=CASES)
def test_leaves(leaves, expected):
    """The leaves make the object that their paths say."""
    built = Leaves()
    for path, value, will_continue in leaves:
        built.push(path, value, will_continue)

    assert json.loads(built.to_json()) == expected


@given(
    st.lists(st.tuples(st.text(), st.text() | st.booleans() | st.none(), st.booleans()))
)
def test_any_path_keeps_its_last_value(leaves):
    """Whatever the paths are, building does not fail."""
    built = Leaves()
    for path, value, will_continue in leaves:
        built.push(path, value, will_continue)

    assert isinstance(json.loads(built.to_json()), dict)
