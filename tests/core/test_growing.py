"""A text that grows by small pieces."""

from __future__ import annotations

import sys
import threading
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from nbstream.reply.parts import LOOSE, Growing


@given(st.lists(st.tuples(st.text(max_size=3), st.booleans())), st.integers(1, 3))
def test_it_is_its_pieces_whenever_one_looks(steps, times):
    """In any order of pushing and looking, also when there are many pieces."""
    text, expected = Growing(), ""
    for piece, look in steps * (LOOSE * times // max(len(steps), 1) + 1):
        text.push(piece)
        expected += piece
        if look:
            assert str(text) == expected
    assert str(text) == expected


def test_one_may_read_while_another_pushes():
    """What is read is a beginning of the whole, and never shorter than before."""
    text, pieces = Growing(), [f"{number} " for number in range(20_000)]
    pushing = threading.Thread(target=lambda: [text.push(each) for each in pieces])
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        pushing.start()
        seen = [""]
        while pushing.is_alive():
            seen.append(str(text))
        pushing.join()
    finally:
        sys.setswitchinterval(switching)
    assert str(text) == "".join(pieces)
    assert all(
        b.startswith(a) for a, b in zip(seen, [*seen[1:], str(text)], strict=True)
    )


def test_many_small_pieces_cost_little_more_than_their_characters():
    """A piece kept apart would cost about 60 bytes."""
    text, count = Growing(), 200_000
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(count):
        text.push(f"{number:06} ")
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert held < 7 * count * 1.05
