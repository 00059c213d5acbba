"""JSON that is still arriving: what of it is sure, closed so that it parses."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbstream.reply.partial_json import PartialJson

PARTIAL = {
    "": "",
    "  ": "",
    "{": "{}",
    '{"ci': "{}",
    '{"city"': "{}",
    '{"city":': "{}",
    '{"city": "': '{"city": ""}',
    '{"city": "Zü': '{"city": "Zü"}',
    '{"city": "a\\': '{"city": "a"}',
    '{"city": "a\\u00e': '{"city": "a"}',
    '{"city": "\\ud83d': '{"city": ""}',
    '{"city": "\\ud83d\\ude00': '{"city": "\\ud83d\\ude00"}',
    '{"n": 1': "{}",
    '{"n": 12,': '{"n": 12}',
    '{"n": 12, "m"': '{"n": 12}',
    '{"n": [1, {"a": tru': '{"n": [1, {}]}',
    '{"n": [1, {"a": true': '{"n": [1, {"a": true}]}',
    '{"n": 1}': '{"n": 1}',
    "[1, 2": "[1]",
    '"a': '"a"',
}


@pytest.mark.parametrize(("text", "closed"), PARTIAL.items(), ids=PARTIAL.keys())
def test_partial_json_is_closed(text, closed):
    """What is not sure yet is left out: half an escape, half a number, a lone name."""
    partial = PartialJson()
    partial.feed(text)

    assert partial.closed == closed
    assert partial.broken_at is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON, st.booleans(), st.integers(1, 9))
def test_partial_json_is_always_json(value, ascii_only, size):
    """However it is cut; and a whole container or string comes out as it is."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    partial = PartialJson()
    for at in range(0, len(text), size):
        partial.feed(text[at : at + size])
        assert partial.closed == "" or json.loads(partial.closed) is not ...
    assert partial.broken_at is None
    if isinstance(value, dict | list | str):
        assert json.loads(partial.closed) == value


BROKEN = {
    "{a": ("{}", 1),
    '{"a" 1}': ("{}", 5),
    '{"a": }': ("{}", 6),
    '{"a": 1]': ('{"a": 1}', 7),
    '{"a": 01,': ("{}", 6),
    "[1 2]": ("[1]", 3),
    '{"a": "\n"}': ('{"a": ""}', 7),
    "{} {}": ("{}", 3),
    '{"a": "x" "y"': ('{"a": "x"}', 10),
    "[1}": ("[1]", 2),
    ",": ("", 0),
}


@pytest.mark.parametrize(("text", "expected"), BROKEN.items(), ids=BROKEN.keys())
def test_broken_json_keeps_what_was_good(text, expected):
    """What follows the place is not read."""
    partial = PartialJson()
    for char in text:
        partial.feed(char)

    assert (partial.closed, partial.broken_at) == expected
