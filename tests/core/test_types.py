"""The classes of events: which of them show something."""

import pytest

from nbstream.types import (
    End,
    OtherPart,
    TextDelta,
    TextDone,
    ToolCallDelta,
    is_visible,
)

VISIBLE = {
    "text": (TextDelta(text="a"), True),
    "reasoning": (TextDelta(text="a", kind="reasoning"), True),
    "no text, with which a part opens": (TextDelta(text=""), False),
    "a whole text": (TextDone(text="a"), True),
    "a whole text of nothing": (TextDone(text=""), False),
    "a tool call, from its first piece": (ToolCallDelta(index=0), True),
    "a part that is neither": (OtherPart(type="image", data={}), True),
    "an end": (End(), False),
}


@pytest.mark.parametrize(("event", "expected"), VISIBLE.values(), ids=VISIBLE.keys())
def test_what_there_is_to_see_of(event, expected):
    """Text that is not empty, tool calls and what is neither."""
    assert is_visible(event) is expected
