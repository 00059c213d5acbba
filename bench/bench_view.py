"""What a growing answer costs a real browser: our live view against three other ways.

Targets: bytes at most 1.5 times those of plain text at the same frame rate (1.1 times
at a human pace); growth with the size at most linear + 10 %; the page's work at most
1.5 times; no long task over 50 ms of ours; a first delta painted within 50 ms (p95).

The ways (``view_ways``) are ours; the floor, which is plain text appended to a
``<pre>``; the whole text again as Markdown 20 times a second; and naively at each
delta. "nothing" is what page and kernel do anyway. Delta to paint is from the moment
the cell gives a delta to the first painted frame that holds its mark (``view_page``).
Bytes are those of the page's kernel websocket. ``stream`` is without what is sent
once: the widget's own code, and the output that stays in the notebook (HTML, Markdown
and plain text for us, plain text alone for the floor). ``following`` is the floor with
its end kept in view, as ours does. ``--quick`` takes a minute or two, all about ten;
``--long`` adds the naive way at 16 kB and re-sends of 256 kB, which take minutes each.
"""

import statistics
import sys
from typing import Any

from view_page import Bench, opened
from view_texts import DELTA, marks, text_of

__all__ = ["main", "rows"]

FAST, HUMAN = 2_500, 100
#: Way, kind of text, size, deltas a second.
Case = tuple[str, str, int, int]
Result = dict[Case, dict[str, Any]]
QUICK: tuple[Case, ...] = (
    *((way, "prose", 2_000, HUMAN) for way in ("ours", "floor", "nothing")),
    *(
        (way, "prose", size, FAST)
        for size in (16_000, 64_000)
        for way in ("floor", "ours", "following", "nothing")
    ),
)
CASES: tuple[Case, ...] = (
    *QUICK,
    ("again", "prose", 2_000, HUMAN),
    *((way, "prose", 2_000, FAST) for way in ("ours", "floor", "again")),
    *(("again", "prose", size, FAST) for size in (16_000, 64_000)),
    *(
        (way, kind, 64_000, FAST)
        for kind in ("list", "table", "code")
        for way in ("floor", "ours")
    ),
    *((way, "prose", 256_000, FAST) for way in ("floor", "ours", "nothing")),
    *((way, "prose", 1_000_000, FAST) for way in ("ours", "floor")),
    ("naive", "prose", 2_000, FAST),
)
#: Last, since the page may be busy for minutes after them.
LONG: tuple[Case, ...] = (
    ("again", "prose", 256_000, FAST),
    ("naive", "prose", 16_000, FAST),
)
#: How often a first delta is timed, and after what silence.
FIRSTS, SILENCE_S = 10, 0.5
#: How much longer than its stream a case may take.
LATE_S = 25
#: What ratios are made of, and the name of its figure.
WHAT = {"stream bytes": "stream", "bytes": "bytes", "work": "task_s"}


def main() -> dict[str, Any]:
    """Print and return what each case costs, and the ratios."""
    quick, long = ("--quick" in sys.argv), ("--long" in sys.argv)
    cases = QUICK if quick else CASES + (LONG if long else ())
    result: Result = {}
    print(HEADER)
    with opened("import view_ways") as bench:
        for way in ("ours", "floor", "again"):  # loads what they need
            measure(bench, (way, "prose", 4_000, FAST))
        firsts = {way: first_ms(bench, way) for way in ("ours", "floor")}
        for case in cases:
            limit_s = LATE_S + case[2] / DELTA / case[3]
            result[case] = measure(bench, case, limit_s=limit_s)
            print(line(case, result[case]), flush=True)
    found = {"cases": result, "first_ms": firsts, "ratios": ratios(result)}
    for name, value in found["ratios"].items():
        print(f"{name}: {value:.2f}")
    return found


def measure(
    bench: Bench, case: Case, wait_s: float = 0.0, limit_s: float = 60
) -> dict[str, Any]:
    """Measure one case."""
    way, kind, size, per_s = case
    ends = marks(text_of(kind, size))
    call = f"view_ways.run({way!r}, {kind!r}, {size}, {per_s}, {wait_s})"
    last = -1 if way == "nothing" else max(ends)
    found = bench.measure(call, last, limit_s)
    once = found["updates"] if way in ("ours", "floor", "following") else 0
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


def percentile(values: list[float], percent: int) -> float:
    """Return a percentile; infinity where there is nothing."""
    if len(values) < 2:
        return values[0] if values else float("inf")
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def longest_ms(found: dict[str, Any]) -> float:
    return max((duration for _, duration in found["long"]), default=0)


HEADER = (
    "way       text      size  per s frames   kB all  stream task s "
    "long tasks (longest)  p50 ms p95 ms CPU s"
)


def line(case: Case, found: dict[str, Any]) -> str:
    """Return one line of the table."""
    way, kind, size, per_s = case
    p50, p95 = (percentile(found["paint_ms"], each) for each in (50, 95))
    notes = "" if found["caught_up"] else "  NOT CAUGHT UP"
    notes += "  RATE EXCEEDED" if found["rate_exceeded"] else ""
    return (
        f"{way:9} {kind:5} {size:8} {per_s:6} {found['frames']:6} "
        f"{found['bytes'] / 1e3:8.0f} {found['stream'] / 1e3:7.0f} "
        f"{found['task_s']:6.2f} {len(found['long']):6} ({longest_ms(found):5.0f} ms)"
        f"   {p50:8.0f} {p95:6.0f} {found.get('cpu_s', float('nan')):5.2f}{notes}"
    )


def ratios(result: Result) -> dict[str, float]:
    """Return what the targets are about, and what of other ways is worth telling."""
    found = {}
    for (way, *rest), theirs in result.items():
        mine = result.get(("ours", *rest))
        if mine is None or way in ("ours", "nothing"):
            continue
        kind, size, per_s = rest
        name = f"ours / {way}, {kind} {size // 1000} kB at {per_s}/s"
        for what, key in WHAT.items():
            found[f"{what}, {name}"] = mine[key] / theirs[key]
        if idle := result.get(("nothing", *rest)):
            more = mine["task_s"] - idle["task_s"]
            found[f"work over an idle page, {name}"] = more / (
                theirs["task_s"] - idle["task_s"]
            )
    return found | growth(result)


def growth(result: Result) -> dict[str, float]:
    """Return how bytes and work grow with the size, over linear."""
    small = result["ours", "prose", 16_000, FAST]
    found = {}
    for (way, kind, size, _), large in result.items():
        if way == "ours" and kind == "prose" and size > 64_000:
            by = size / 16_000
            name = f"16 kB to {size // 1000} kB, over linear"
            for what, key in WHAT.items():
                found[f"growth of {what}, {name}"] = large[key] / small[key] / by
    return found


def rows(found: dict[str, Any]) -> list[str]:
    """Return the README's rows."""
    of, cases = found["ratios"], found["cases"]
    floor, again, human = (
        f"ours / {way}, prose {size} at {per_s}/s"
        for way, size, per_s in (
            ("floor", "64 kB", FAST),
            ("again", "64 kB", FAST),
            ("floor", "2 kB", HUMAN),
        )
    )
    told = [
        "| the live view in Chromium against plain text appended to a `<pre>`, 20 "
        "frames a second, 64 kB | bytes while it streams "
        f"{of[f'stream bytes, {floor}']:.2f} x, with the final output "
        f"{of[f'bytes, {floor}']:.1f} x, work of the page "
        f"{of[f'work, {floor}']:.1f} x |",
        "| the same at a human pace, 2 kB at 100 deltas a second | bytes while it "
        f"streams {of[f'stream bytes, {human}']:.2f} x |",
    ]
    if f"bytes, {again}" in of:
        told.append(
            "| the live view against all the Markdown again 20 times a second, 64 kB "
            f"| bytes {of[f'bytes, {again}']:.2f} x, work of the page "
            f"{of[f'work, {again}']:.2f} x |"
        )
    return [*told, *_grown(of), *map(_shown, _ours(cases)), _first(found)]


def _grown(of: dict[str, float]) -> list[str]:
    grown = "16 kB to 1000 kB, over linear"
    if f"growth of bytes, {grown}" not in of:
        return []
    return [
        "| the live view from 16 kB to 1 MB, over linear growth | bytes "
        f"{of[f'growth of stream bytes, {grown}']:.2f} x, work of the page "
        f"{of[f'growth of work, {grown}']:.2f} x |"
    ]


def _ours(cases: Result) -> list[tuple[Case, dict[str, Any]]]:
    large = [each for each in cases.items() if each[0][2] >= 64_000]
    return [each for each in large if each[0][0] == "ours"]


def _shown(measured: tuple[Case, dict[str, Any]]) -> str:
    (_, kind, size, per_s), mine = measured
    p50, p95 = (percentile(mine["paint_ms"], each) for each in (50, 95))
    what = "prose" if kind == "prose" else f"one {kind}"
    return (
        f"| {what} of {size // 1000} kB, {per_s:,} deltas a second | from delta to "
        f"paint p50 {p50:.0f} ms, p95 {p95:.0f} ms; longest task of the page "
        f"{longest_ms(mine):.0f} ms; the kernel's CPU {mine['cpu_s']:.1f} s |"
    )


def _first(found: dict[str, Any]) -> str:
    ours, floor = (found["first_ms"][way] for way in ("ours", "floor"))
    return (
        f"| from a first delta to its paint | p95 {ours:.0f} ms; plain text "
        f"{floor:.0f} ms |"
    )


if __name__ == "__main__":
    main()
