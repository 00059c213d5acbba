"""Pictures of how a stream ends, and of who closes what."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from drawing import arrow, box, code, line, lines, recorded, seconds, svg, text, ticks

# -- 04: did it end? -------------------------------------------------------------------

#: Each question, what a yes makes of the outcome, and its colour.
ASKED = (
    ("Did the service report an error?", "failed", "red"),
    ("Was the terminal marker seen?", "complete", "blue"),
    ("Did you press Stop?", "stopped", "orange"),
    ("Did the connection break?", "failed", "red"),
)
REASONS = (
    ("'stop'", "it was done"),
    ("'length'", "its limit of tokens was reached"),
    ("'tool_calls'", "it wants a tool"),
    ("'content_filter'", "a filter cut it off"),
    ("None", "the end that says so never came"),
)


def did_it_end() -> str:
    """Draw how the outcome is found, and another question beside it."""
    return svg(
        470,
        "Is the stream whole? Why did the model stop? Two questions",
        "On the left a chain of questions leads to the outcome: failed, complete, "
        "stopped or truncated. On the right the values of finish_reason, which says "
        "why the model stopped writing.",
        text(20, 72, "How did the stream end?"),
        code(224, 72, ("blue", "reply.outcome")),
        (each for row in range(len(ASKED)) for each in asked(row)),
        box(20, 416, 252, 36, "pale line orange"),
        text(36, 439, "It just ended: "),
        code(140, 439, "truncated"),
        line(440, 60, 440, 452, "grey dashed"),
        text(460, 72, "Why did the model stop?"),
        code(460, 96, ("blue", "reply.finish_reason")),
        (
            each
            for row, (value, why) in enumerate(REASONS)
            for each in (
                code(460, 136 + 52 * row, value),
                text(476, 156 + 52 * row, why, "small grey"),
            )
        ),
        lines(
            460,
            412,
            ["complete and 'length': the stream is", "whole, and the text is not."],
            "red small",
        ),
    )


def asked(row: int) -> Iterator[str]:
    """Give one question, with its ways out."""
    words, outcome, kind = ASKED[row]
    y = 90 + 82 * row
    yield box(20, y, 252, 40)
    yield text(32, y + 26, words)
    yield from arrow(272, y + 20, 326, y + 20, "grey")
    yield text(296, y + 12, "yes", "small grey mid")
    yield box(328, y + 2, 96, 36, f"pale line {kind}")
    yield code(376 - 3.9 * len(outcome), y + 25, outcome)
    yield from arrow(120, y + 40, 120, y + 80, "grey")
    yield text(130, y + 64, "no", "small grey")


# -- 06: who closes what ---------------------------------------------------------------

PARTIES = ("your cell", "nbstream", "the SDK", "socket", "server")
#: A way to end, and what each of them does then: whether it is closed, and the words.
ENDS: tuple[tuple[str, tuple[tuple[str, ...] | None, ...]], ...] = (
    (
        "■ or Stop, while nbstream.show runs",
        (
            ("blue", "■"),
            ("blue", "shuts the", "socket down"),
            ("blue", "its read ends;", "it is closed"),
            ("blue", "closed"),
            ("blue", "sees you go", "at once"),
        ),
    ),
    (
        "break inside with client...create(..., stream=True) as stream",
        (
            ("blue", "leaves with"),
            None,
            ("blue", "with closes it"),
            ("blue", "closed"),
            ("blue", "sees you go"),
        ),
    ),
    (
        "break alone",
        (
            ("blue", "the loop", "is over"),
            None,
            ("orange", "the stream", "is open still"),
            ("orange", "open"),
            ("orange", "goes on, writes", "to nobody"),
        ),
    ),
    (
        "■ in a loop of your own: it depends on where Python is just then",
        (
            ("blue", "interrupted"),
            None,
            ("orange", "reading: closed", "else: open still"),
            ("orange", "closed, or open"),
            ("orange", "sees you go,", "or writes on"),
        ),
    ),
)


def who_closes() -> str:
    """Draw what each party does, for four ways to end."""
    return svg(
        116 + 92 * len(ENDS),
        "break ends your loop. The connection is another thing, and stays open",
        "A table: for four ways to end, what your cell, nbstream, the SDK, the socket "
        "and the server do. With break alone SDK and socket stay open.",
        (text(79 + 150 * n, 74, each, "name mid") for n, each in enumerate(PARTIES)),
        (each for row in range(len(ENDS)) for each in party_row(row)),
        box(20, 90 + 92 * len(ENDS), 14, 14, "pale line blue"),
        text(40, 102 + 92 * len(ENDS), "over", "small"),
        box(90, 90 + 92 * len(ENDS), 14, 14, "pale line orange"),
        text(110, 102 + 92 * len(ENDS), "open, or perhaps open", "small"),
    )


def party_row(row: int) -> Iterator[str]:
    """Give one way to end."""
    name, cells = ENDS[row]
    y = 84 + 92 * row
    yield text(20, y + 20, name, "small grey")
    before = 0
    for column, each in enumerate(cells):
        if each is None:
            continue
        x = 20 + 150 * column
        kind, *words = each
        if column:
            yield from arrow(20 + 150 * before + 120, y + 52, x - 2, y + 52, "grey")
        yield box(x, y + 30, 120, 46, f"pale line {kind}")
        top = y + 57 if len(words) == 1 else y + 49
        yield from lines(x + 60, top, words, "small mid", step=18)
        before = column


# -- 06: a stall and Stop, measured ----------------------------------------------------


def stall_and_stop() -> str:
    """Draw one stream that falls silent, and is stopped."""
    found = recorded("stall_and_stop")
    deltas, stop, seen = found["deltas"], found["stop"], found["seen"]
    late = (seen - stop) * 1000
    scale = 560 / stop
    left, last = 150, deltas[-1]

    def at(time_s: float) -> float:
        return round(left + time_s * scale, 1)

    return svg(
        292,
        f"A silent stream, stopped: within {ceil(late)} ms the server saw it",
        f"One axis of time. {len(deltas)} deltas come; then there is silence, until "
        "Stop is pressed; the connection is closed at that moment.",
        text(20, 109, "what came", "name"),
        box(left, 92, at(deltas[0]) - left, 26, "pale"),
        ticks(map(at, deltas), 90, 30, "blue"),
        box(at(last) + 3, 92, at(stop) - at(last) - 3, 26, "pale line orange dashed"),
        text(at((last + stop) / 2), 110, f"silent for {stop - last:.1f} s", "mid"),
        text(at(deltas[0]), 80, f"{len(deltas)} deltas", "small blue"),
        lines(20, 160, ["connection,", "at the server"], "name"),
        box(left, 152, at(seen) - left, 26, "pale line blue"),
        text(at(stop / 2), 170, "open", "mid"),
        line(at(stop), 84, at(stop), 218, "red").replace("/>", ' stroke-width="2"/>'),
        text(at(stop), 76, "Stop", "red mid"),
        text(at(stop) - 8, 204, f"closed {late:.1f} ms later", "small red end"),
        seconds(left, 222, scale, stop),
        text(
            20,
            272,
            f"{found['characters']} characters are kept; the outcome is "
            f"{found['outcome']}. Without Stop or a timeout it would be open still.",
            "small grey",
        ),
    )
