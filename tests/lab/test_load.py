"""Many streams at once and one that is fast: a short run of what the bench does."""

import runpy
from pathlib import Path

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "bench_load.py"))


def test_many_streams_at_once():
    """Nothing is lost, and no stream gets what belongs to another."""
    found = BENCH["many"](streams=8)

    assert found["right"] == 8


def test_a_fast_stream():
    """2,000 deltas a second come in order, and little is kept but the text."""
    found = BENCH["fast"](rate_per_s=2_000, long_s=1.0)

    assert found["in_order"]
    assert found["held_bytes_per_delta"] < 200
