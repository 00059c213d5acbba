"""What a growing answer costs a real browser: our live view against three other ways.

Targets: bytes at most 1.5 times those of plain text at the same frame rate (1.1 times
at a human pace); growth with the size at most linear + 10 %; the page's work at most
1.5 times; no long task over 50 ms of ours; a first delta painted within 50 ms (p95).

The ways (``view_ways``) are ours; the floor, which is plain text appended to a
``<pre>``; the whole text again as Markdown 20 times a second; and naively at each
delta. "nothing" is what page and kernel do anyway. Rivals take turns, several times;
told are medians. Work is CPU time of the page's main thread, so that other programs
hardly count. Delta to paint is from the moment the cell gives a delta to the first
painted frame that holds its mark (``view_page``). Bytes are those of the page's kernel
websocket. ``stream`` is without what is sent once: the widget's own code, and the
output that stays in the notebook (HTML, Markdown and plain text for us, plain text
alone for the floor). Work and long tasks of that output are told apart, too: the host
makes them of any output of that size. ``words`` is ``prose`` without its formulas,
which the host typesets. ``following`` is the floor with its end kept in view,
as ours does; ``alike`` leaves the very output that ours leaves. ``--quick`` takes three
minutes, all about eight. ``--long`` adds 256 kB and 1 MB, and the rivals that take
minutes to catch up.
"""

import statistics
import sys
from typing import Any

from view_page import Bench, opened
from view_rows import percentile, ratios, rows
from view_texts import DELTA, marks, text_of

__all__ = ["main", "rows"]

FAST, HUMAN = 2_500, 100
#: Way, kind of text, size, deltas a second.
Case = tuple[str, str, int, int]
RIVALS = ("floor", "ours")
#: Cases that take turns, and how often.
Round = tuple[int, tuple[Case, ...]]


def _against(kind: str, size: int, per_s: int, *ways: str) -> tuple[Case, ...]:
    return tuple((way, kind, size, per_s) for way in ways)


QUICK: tuple[Round, ...] = (
    (2, _against("prose", 2_000, HUMAN, *RIVALS)),
    (3, _against("prose", 16_000, FAST, *RIVALS)),
    (1, _against("prose", 16_000, FAST, "following", "nothing")),
    (3, _against("words", 16_000, FAST, *RIVALS)),
    (2, _against("prose", 64_000, FAST, *RIVALS)),
    (1, _against("prose", 64_000, FAST, "alike")),
)
ROUNDS: tuple[Round, ...] = (
    *QUICK,
    *((3, _against(kind, 64_000, FAST, *RIVALS)) for kind in ("list", "table", "code")),
    (1, _against("prose", 16_000, FAST, "again")),
)
#: The slow ones last, since the page may be busy for minutes after them.
LONG: tuple[Round, ...] = (
    (1, _against("prose", 256_000, FAST, *RIVALS)),
    (1, _against("prose", 1_000_000, FAST, "ours", "floor")),
    (1, _against("prose", 64_000, FAST, "again")),
    (1, _against("prose", 2_000, FAST, *RIVALS, "again", "naive")),
    (1, _against("prose", 16_000, FAST, "naive")),
)
#: How often a first delta is timed, and after what silence.
FIRSTS, SILENCE_S = 10, 0.5
#: How much longer than its stream a case may take.
LATE_S = 25


def main() -> dict[str, Any]:
    """Print and return what each case costs, and the ratios."""
    rounds = QUICK if "--quick" in sys.argv else ROUNDS
    rounds += LONG if "--long" in sys.argv else ()
    result: dict[Case, dict[str, Any]] = {}
    print(HEADER)
    with opened("import view_ways") as bench:
        for way in ("ours", "floor", "again"):  # loads what they need
            measure(bench, (way, "prose", 4_000, FAST))
        firsts = {way: first_ms(bench, way) for way in ("ours", "floor")}
        for count, cases in rounds:
            found: dict[Case, list[dict[str, Any]]] = {case: [] for case in cases}
            for case in cases * count:
                limit_s = LATE_S + case[2] / DELTA / case[3]
                found[case].append(measure(bench, case, limit_s=limit_s))
            for case, each in found.items():
                result[case] = medians(each)
                print(line(case, result[case]), flush=True)
    told = {"cases": result, "first_ms": firsts, "ratios": ratios(result)}
    for name, value in told["ratios"].items():
        print(f"{name}: {value:.2f}")
    return told


def medians(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one result for several of the same case."""
    told = {
        name: statistics.median(each.get(name, 0) for each in found)
        for name in ("bytes", "stream", "frames", "task_s", "streamed_s", "cpu_s")
    }
    for name, at_end in (("longest_ms", False), ("longest_at_end_ms", True)):
        told[name] = statistics.median(longest_ms(each, at_end) for each in found)
    return {
        **told,
        "paint_ms": [wait for each in found for wait in each["paint_ms"]],
        "long": statistics.median(len(each["long"]) for each in found),
        "caught_up": all(each["caught_up"] for each in found),
        "rate_exceeded": any(each["rate_exceeded"] for each in found),
    }


def measure(
    bench: Bench, case: Case, wait_s: float = 0.0, limit_s: float = 60
) -> dict[str, Any]:
    """Measure one case."""
    way, kind, size, per_s = case
    ends = marks(text_of(kind, size))
    call = f"view_ways.run({way!r}, {kind!r}, {size}, {per_s}, {wait_s})"
    last = -1 if way == "nothing" else max(ends)
    found = bench.measure(call, last, limit_s)
    once = found["updates"] if way in ("ours", "floor", "following", "alike") else 0
    found["stream"] = found["bytes"] - found["opening"] - once
    found["paint_ms"] = paint_ms(ends, found.get("given_ms", []), found["shown"])
    return found


def paint_ms(
    ends: dict[int, int], given: list[float], shown: list[list[float]]
) -> list[float]:
    """Return for each mark how long after its delta it was on the screen."""
    waits, at = [], 0
    for mark in sorted(ends):
        while at < len(shown) and shown[at][0] < mark:
            at += 1
        if at < len(shown) and ends[mark] < len(given):
            waits.append(shown[at][1] - given[ends[mark]])
    return waits


def first_ms(bench: Bench, way: str) -> float:
    """Return the 95th percentile of a first delta's way to the screen."""
    case = (way, "prose", 60, HUMAN)
    found = [measure(bench, case, SILENCE_S)["paint_ms"][0] for _ in range(FIRSTS)]
    print(
        f"{way}: first deltas painted after", *(f"{each:.0f}" for each in found), "ms"
    )
    return percentile(found, 95)


def longest_ms(found: dict[str, Any], at_end: bool) -> float:
    """Return the longest task, while it streamed or since the final output came."""
    end = found["ended"] or float("inf")
    return max((ms for at, ms in found["long"] if (at + ms > end) == at_end), default=0)


HEADER = (
    "way       text      size  per s frames   kB all  stream task s  stream "
    "long tasks (longest, at end)  p50 ms p95 ms CPU s"
)


def line(case: Case, found: dict[str, Any]) -> str:
    """Return one line of the table."""
    way, kind, size, per_s = case
    p50, p95 = (percentile(found["paint_ms"], each) for each in (50, 95))
    notes = "" if found["caught_up"] else "  NOT CAUGHT UP"
    notes += "  RATE EXCEEDED" if found["rate_exceeded"] else ""
    return (
        f"{way:9} {kind:5} {size:8} {per_s:6} {found['frames']:6.0f} "
        f"{found['bytes'] / 1e3:8.0f} {found['stream'] / 1e3:7.0f} "
        f"{found['task_s']:6.2f} {found['streamed_s']:7.2f} {found['long']:6.0f} "
        f"({found['longest_ms']:5.0f},{found['longest_at_end_ms']:5.0f} ms) "
        f"{p50:8.0f} {p95:6.0f} {found['cpu_s']:5.2f}{notes}"
    )


if __name__ == "__main__":
    main()
