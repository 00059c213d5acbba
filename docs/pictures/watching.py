"""Pictures of who waits, who reads along, and what showing it costs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise

from drawing import (
    CODE,
    arrow,
    box,
    code,
    dot,
    line,
    lines,
    recorded,
    seconds,
    svg,
    text,
    ticks,
)

# -- 00: a call and a stream -----------------------------------------------------------

WORDS = ("A", "token", "is", "a", "word,", "or", "a", "piece", "of", "one.")
#: Where the question goes out, where the first word comes, and where the last one.
ASKED, FIRST, LAST = 130, 224, 740


def watch_one() -> str:
    """Draw a call and a stream on one axis of time."""
    return svg(
        318,
        "The last word comes at the same time. A stream begins long before it",
        "Two lanes on one axis of time. A plain call is one wait with the whole answer "
        "at its end. A stream waits a little; then come the words, one by one.",
        line(ASKED, 78, ASKED, 268, "grey dashed"),
        line(LAST, 78, LAST, 268, "grey dashed"),
        text(ASKED, 70, "you ask", "small grey mid"),
        text(LAST, 70, "the last word", "small grey end"),
        text(20, 115, "plain call", "name"),
        box(ASKED, 96, LAST - ASKED - 40, 30, "pale"),
        text(415, 116, "you wait, and there is nothing to read", "grey mid"),
        box(LAST - 40, 96, 40, 30, "pale line blue"),
        code(LAST - 32, 116, "all"),
        text(20, 195, "stream", "name"),
        box(ASKED, 176, FIRST - ASKED, 30, "pale"),
        text((ASKED + FIRST) / 2, 196, "you wait", "grey mid"),
        pieces(176),
        arrow(FIRST + 8, 236, FIRST + 8, 212, "blue"),
        text(FIRST, 254, "you read from here on, and you may stop it", "blue"),
        arrow(ASKED, 276, LAST, 276, "grey"),
        text(LAST, 300, "time", "small grey end"),
    )


def pieces(y: float) -> Iterator[str]:
    """Give the words of a stream, evenly over its time."""
    widths = [CODE * len(word) + 8 for word in WORDS]
    gap = (LAST - FIRST - sum(widths)) / (len(WORDS) - 1)
    x = float(FIRST)
    for word, width in zip(WORDS, widths, strict=True):
        yield box(x, y, width, 30, "pale line blue")
        yield code(x + 4, y + 20, word)
        x += width + gap


# -- 00: the same, measured ------------------------------------------------------------


def first_words() -> str:
    """Draw first and last words of three answers, as a stream and as a call."""
    found = recorded("first_words")
    longest = max(max(each["deltas"][-1], each["call"]) for each in found)
    scale = 560 / longest
    first = max(each["deltas"][0] for each in found)
    return svg(
        372,
        f"First words within {up(first)} s, however long the answer is",
        "For answers of "
        + ", ".join(str(each["tokens"]) for each in found)
        + " tokens, two bars on one axis of time: a stream, with a line for each "
        "delta, and a plain call, which is one wait.",
        (
            each
            for row, answer in enumerate(found)
            for each in pair(60 + 88 * row, answer, scale)
        ),
        seconds(140, 328, scale, longest),
        text(740, 82, [("blue", "each line: a delta")], "small end"),
    )


def up(time_s: float) -> str:
    """Return a time, rounded up to a tenth of a second."""
    return f"{int(time_s * 10) / 10 + 0.1:.1f}"


def pair(y: float, found: dict[str, object], scale: float) -> Iterator[str]:
    """Give one answer: as a stream, and as a call."""
    deltas, call = found["deltas"], found["call"]
    assert isinstance(deltas, list)
    assert isinstance(call, float)
    yield text(20, y + 16, f"{found['tokens']} tokens", "name")
    yield text(130, y + 38, "stream", "small grey end")
    yield box(140, y + 24, deltas[0] * scale, 20, "pale")
    yield ticks([140 + at * scale for at in deltas], y + 24, 20, "blue")
    yield text(130, y + 64, "call", "small grey end")
    yield box(140, y + 50, call * scale, 20, "pale")
    if call * scale > 200:
        words = f"{call:.1f} s without a word"
        yield text(140 + call * scale / 2, y + 65, words, "small grey mid")
    yield box(140 + call * scale - 4, y + 48, 6, 24, "blue")


# -- 07: what is sent at each delta ----------------------------------------------------

DELTAS = (
    "Shown",
    " again",
    " and",
    " again",
    ",",
    " a",
    " text",
    " costs",
    " more",
    ".",
)
#: How high a row is, and where the right half begins.
ROW, RIGHT = 26, 414


def show_it() -> str:
    """Draw what crosses to the page at each delta: all of it, or what is new."""
    sums = list(accumulate(map(len, DELTAS)))
    bottom = 100 + ROW * len(DELTAS)
    return svg(
        bottom + 94,
        "All of it again at each delta is a triangle; only what is new is a line",
        "Two lists, with a row for each of ten deltas. On the left a row is the whole "
        "text so far, so that the rows fill a triangle. On the right a row is the new "
        "piece alone.",
        text(60, 82, "naive: the whole text, each time", "name"),
        text(RIGHT, 82, "in blocks: what is new", "name"),
        (each for row in range(len(DELTAS)) for each in sent(row)),
        text(60, bottom + 24, [("orange", f"{sum(sums)} characters sent")]),
        text(RIGHT, bottom + 24, [("blue", f"{sums[-1]} characters sent")]),
        text(
            60, bottom + 48, "twice the deltas: about four times as much", "small grey"
        ),
        text(RIGHT, bottom + 48, "twice the deltas: twice as much", "small grey"),
        text(
            60,
            bottom + 76,
            "A closed block is never sent again; of the open one, what has changed.",
            "small grey",
        ),
    )


def sent(row: int) -> Iterator[str]:
    """Give what is sent at one delta, in both ways."""
    y = 94 + ROW * row
    before, new = "".join(DELTAS[:row]), DELTAS[row]
    yield text(50, y + 17, f"{row + 1}", "small grey end")
    yield box(56, y, CODE * len(before + new) + 8, ROW - 3, "pale line orange")
    yield code(60, y + 17, before, ("orange", new))
    x = RIGHT + CODE * len(before)
    yield box(x - 4, y, CODE * len(new) + 8, ROW - 3, "pale line blue")
    yield code(x, y + 17, ("blue", new))


# -- 07: the same, measured ------------------------------------------------------------


def sent_bytes() -> str:
    """Draw what a page gets for answers of several sizes."""
    found = recorded("bytes")
    naive, ours = found["naive"], found["ours"]
    wide, high = 330 / found["sizes"][-1], 230 / naive[-1]
    ways = {"orange": naive, "blue": ours}
    return svg(
        400,
        f"An answer of 8 kB: {mb(naive[-1])} sent naively, {mb(ours[-1])} by nbstream",
        "A curve that rises ever more steeply, and below it a straight line: the bytes "
        "that reach the page, against the size of the answer. A table has the numbers.",
        line(60, 310, 400, 310),
        text(400, 352, "size of the answer, in kB", "small grey end"),
        text(380, 84, "naive", "orange end"),
        text(380, 292, "nbstream", "blue end"),
        (
            each
            for size in found["sizes"][1:]
            for each in (
                line(60 + size * wide, 310, 60 + size * wide, 315),
                text(60 + size * wide, 331, f"{size // 1000}", "small grey mid"),
            )
        ),
        (
            each
            for kind, sizes in ways.items()
            for each in curve(kind, found["sizes"], sizes, wide, high)
        ),
        table(found["sizes"], naive, ours),
        lines(
            440,
            318,
            [
                f"twice the text (4 to 8 kB): {naive[-1] / naive[-2]:.1f} times",
                f"as much naively, {ours[-1] / ours[-2]:.1f} times by nbstream",
            ],
            "small grey",
            step=18,
        ),
        text(
            20,
            382,
            "All messages that reach JupyterLab, with the output that stays; without "
            f"the view's script ({found['script'] // 1000} kB).",
            "small grey",
        ),
    )


def mb(size: int) -> str:
    """Return so many bytes in MB or kB."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def curve(
    kind: str, sizes: list[int], found: list[int], wide: float, high: float
) -> Iterator[str]:
    """Give one way: its points, and the lines between them."""
    points = [
        (60 + a * wide, 310 - b * high)
        for a, b in zip([0, *sizes], [0, *found], strict=True)
    ]
    for (x1, y1), (x2, y2) in pairwise(points):
        yield line(round(x1, 1), round(y1, 1), round(x2, 1), round(y2, 1), kind)
    for x, y in points[1:]:
        yield dot(x, round(y, 1), kind, 4)


def table(sizes: list[int], naive: list[int], ours: list[int]) -> Iterator[str]:
    """Give the numbers."""
    yield text(500, 100, "answer", "small grey end")
    yield text(610, 100, "naive", "orange end")
    yield text(730, 100, "nbstream", "blue end")
    yield line(440, 110, 740, 110)
    for row, (size, theirs, mine) in enumerate(zip(sizes, naive, ours, strict=True)):
        y = 138 + 34 * row
        yield text(500, y, f"{size / 1000:g} kB", "end")
        yield text(610, y, mb(theirs), "end")
        yield text(730, y, mb(mine), "end")


# -- 08: stream, call, many at once, batch ---------------------------------------------


def stream_or_not() -> str:
    """Draw four questions and where they lead."""
    return svg(
        420,
        "Stream for a person who reads along. All else has a simpler way",
        "A decision. One answer: if it must be checked first, or nobody reads along, "
        "call; else stream. Many answers: today many calls at once, tomorrow a batch.",
        question(250, 60, "One answer, or many?"),
        arrow(330, 104, 190, 140, "grey"),
        text(216, 118, "one", "small grey end"),
        arrow(430, 104, 570, 140, "grey"),
        text(544, 118, "many", "small grey"),
        question(60, 142, "Does a person read along?"),
        question(440, 142, "Today, or by tomorrow?"),
        arrow(130, 186, 110, 222, "grey"),
        text(108, 206, "yes", "small grey end"),
        arrow(280, 186, 290, 304, "grey"),
        text(294, 232, "no", "small grey"),
        question(20, 224, "Checked before it is seen?", 250),
        arrow(90, 268, 90, 304, "grey"),
        text(82, 290, "no", "small grey end"),
        arrow(215, 268, 245, 304, "grey"),
        text(222, 290, "yes", "small grey end"),
        arrow(510, 186, 480, 304, "grey"),
        text(484, 232, "today", "small grey end"),
        arrow(630, 186, 660, 304, "grey"),
        text(656, 232, "tomorrow", "small grey"),
        way(20, "stream", "blue", "first words at once;", "it can be stopped"),
        way(205, "call", "orange", "simple: all of it,", "and checked"),
        way(390, "many at once", "orange", "plain calls, with", "a limit, all async"),
        way(575, "batch", "orange", "within a day, often", "for half the price"),
        text(
            20,
            408,
            "A call that takes minutes may be cut by a proxy: then stream, even if "
            "nobody reads along.",
            "small grey",
        ),
    )


def question(x: float, y: float, words: str, width: float = 260) -> Iterator[str]:
    """Give a question."""
    yield box(x, y, width, 44)
    yield text(x + width / 2, y + 28, words, "mid")


def way(x: float, name: str, kind: str, *why: str) -> Iterator[str]:
    """Give what a decision leads to."""
    yield box(x, 306, 165, 78, f"pale line {kind}")
    yield text(x + 82, 330, name, "name mid")
    yield from lines(x + 82, 352, why, "small mid", step=18)


# -- 08: twenty questions, measured ----------------------------------------------------


LABELS = {"one by one": ["one by one"], "five at a time": ["five at", "a time"]}


def twenty() -> str:
    """Draw twenty short questions, one by one and five at a time."""
    found = recorded("twenty")
    ends = {name: max(end for _, end in each) for name, each in found.items()}
    scale = 590 / max(ends.values())
    one, five = ends.values()
    return svg(
        442,
        f"Twenty short questions: {one:.0f} s one by one, {five:.0f} s five at a time",
        "Two lists of twenty bars on one axis of time. One by one they form a long "
        "stair; five at a time they are done in a fraction of the time.",
        (
            each
            for row, (name, bars) in enumerate(found.items())
            for each in stair(64 + 172 * row, name, bars, scale)
        ),
        seconds(140, 402, scale, max(ends.values())),
    )


def stair(y: float, name: str, bars: list[list[float]], scale: float) -> Iterator[str]:
    """Give the bars of one way to ask."""
    kind = "orange" if name == "one by one" else "blue"
    yield from lines(20, y + 72, LABELS[name], "name")
    for row, (start, end) in enumerate(sorted(bars)):
        width = round((end - start) * scale, 1)
        yield box(round(140 + start * scale, 1), y + 8 * row, width, 6, kind)
    last = max(end for _, end in bars)
    side, x = ("end", -110) if last * scale > 400 else ("", 12)
    words = f"all after {last:.1f} s"
    yield text(round(140 + last * scale + x), y + 158, words, f"small {kind} {side}")
