"""What ``bench_view`` tells of what it found: ratios, and rows for the README."""

import statistics
from typing import Any

__all__ = ["percentile", "ratios", "rows"]

FAST, HUMAN = 2_500, 100
#: See ``bench_view``.
Case = tuple[str, str, int, int]
Result = dict[Case, dict[str, Any]]
#: What may have been measured, in kB.
SIZES = (1000, 256, 64)
#: What ratios are made of, and the name of its figure.
WHAT = {
    "stream bytes": "stream",
    "bytes": "bytes",
    "stream work": "streamed_s",
    "work": "task_s",
}


def percentile(values: list[float], percent: int) -> float:
    """Return a percentile; infinity where there is nothing."""
    if len(values) < 2:
        return values[0] if values else float("inf")
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


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
            more = mine["streamed_s"] - idle["streamed_s"]
            found[f"stream work over an idle page, {name}"] = more / (
                theirs["streamed_s"] - idle["streamed_s"]
            )
    return found | growth(result)


def growth(result: Result) -> dict[str, float]:
    """Return how bytes and work grow with the size, over linear."""
    small = {way: result[way, "prose", 16_000, FAST] for way in ("ours", "floor")}
    found = {}
    for (way, kind, size, _), large in result.items():
        if way in small and kind == "prose" and size > 16_000:
            by = size / 16_000
            name = f"{way}, 16 kB to {size // 1000} kB, over linear"
            for what, key in WHAT.items():
                found[f"growth of {what}, {name}"] = large[key] / small[way][key] / by
    return found


def rows(found: dict[str, Any]) -> list[str]:
    """Return the table's rows; each says what was wanted, met or not."""
    of, cases = found["ratios"], found["cases"]
    floors = ["floor, prose 16 kB at 2500/s", "floor, prose 64 kB at 2500/s"]
    human, again = "floor, prose 2 kB at 100/s", "again, prose 16 kB at 2500/s"
    words = "floor, words 16 kB at 2500/s"
    told = [
        _row(
            "the live view in Chromium against plain text appended to a `<pre>`, 20 "
            "frames a second, 16 and 64 kB",
            f"bytes while it streams {_times(of, 'stream bytes', *floors)} (wanted: at "
            f"most 1.5 x), work of the page {_times(of, 'stream work', *floors)} "
            f"(wanted: at most 1.5 x; 16 kB without formulas, which JupyterLab "
            f"typesets, {_times(of, 'stream work', words)}); with the final output "
            f"bytes {_times(of, 'bytes', *floors)}, work {_times(of, 'work', *floors)}",
        ),
        _row(
            "the same at a human pace, 2 kB at 100 deltas a second",
            f"bytes while it streams {_times(of, 'stream bytes', human)} (wanted: at "
            f"most 1.1 x), work of the page {_times(of, 'stream work', human)}",
        ),
    ]
    if f"bytes, ours / {again}" in of:
        told.append(
            _row(
                "the live view against all the Markdown again, 20 times a second, "
                "16 kB",
                f"bytes {_times(of, 'bytes', again)}, "
                f"work of the page {_times(of, 'work', again)}",
            )
        )
    return [*told, *_grown(of), *_all_shown(cases), _first(found)]


def _row(what: str, measured: str) -> str:
    return f"| {what} | {measured} |"


def _times(of: dict[str, float], what: str, *rivals: str) -> str:
    return " and ".join(f"{of[f'{what}, ours / {rival}']:.2f}" for rival in rivals) + (
        " x"
    )


def _grown(of: dict[str, float]) -> list[str]:
    names = {size: f"16 kB to {size} kB, over linear" for size in SIZES}
    largest = next(n for n in SIZES if f"growth of work, ours, {names[n]}" in of)
    work, sent = "growth of stream work", "growth of stream bytes, ours"
    grown = names[largest]
    return [
        _row(
            f"the live view from 16 kB to {largest} kB, against linear growth",
            f"bytes {of[f'{sent}, {grown}']:.2f} x (wanted: at most 1.1 x), work of "
            f"the page {of[f'{work}, ours, {grown}']:.2f} x (that of plain text "
            f"{of[f'{work}, floor, {grown}']:.2f} x)",
        )
    ]


def _all_shown(cases: Result) -> list[str]:
    return [
        _shown(case, mine, *(cases.get((way, *case[1:])) for way in ("floor", "alike")))
        for case, mine in cases.items()
        if case[0] == "ours" and case[2] >= 64_000
    ]


def _shown(
    case: Case,
    mine: dict[str, Any],
    floor: dict[str, Any] | None,
    alike: dict[str, Any] | None,
) -> str:
    _, kind, size, per_s = case
    p50, p95 = (percentile(mine["paint_ms"], each) for each in (50, 95))
    what = {"prose": "prose", "code": "one code fence"}.get(kind, f"one {kind}")
    theirs = f"; plain text {_longest(floor)}" if floor else ""
    if alike:
        theirs += f" ({alike['longest_at_end_ms']:.0f} ms for the output that ours is)"
    return _row(
        f"{what} of {size // 1000} kB, {per_s:,} deltas a second",
        f"from delta to paint p50 {p50:.0f} ms, p95 {p95:.0f} ms; the page's longest "
        f"task {_longest(mine)}{theirs}; the kernel's CPU {mine['cpu_s']:.1f} s",
    )


def _longest(found: dict[str, Any]) -> str:
    streaming, at_end = found["longest_ms"], found["longest_at_end_ms"]
    told = [f"{ms:.0f} ms" if ms else "under 50 ms" for ms in (streaming, at_end)]
    return f"{told[0]} while it streams, {told[1]} for the final output"


def _first(found: dict[str, Any]) -> str:
    ours, floor = (found["first_ms"][way] for way in ("ours", "floor"))
    return _row(
        "from a first delta to its paint",
        f"p95 {ours:.0f} ms (wanted: at most 50 ms); plain text {floor:.0f} ms",
    )
