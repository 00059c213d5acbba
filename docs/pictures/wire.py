"""Pictures of what comes over the wire: bytes, lines, events, deltas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import NamedTuple
from urllib.request import Request, urlopen

from drawing import (
    CODE,
    Words,
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
)

from nbstream.offline import Server
from nbstream.sse import Decoder

# -- 01: from bytes to a reply -------------------------------------------------------

#: The piece of text that has its colour in all stages.
TRACED = "You"


def few_words() -> bytes:
    """Return what the offline server sends for a few tokens, from the first on."""
    body = streamed("Hi", max_tokens=12)
    return body[body.index(b"event: content_block_delta") :]


def streamed(prompt: str, max_tokens: int) -> bytes:
    """Return what the offline server sends for Claude."""
    said = [{"role": "user", "content": prompt}]
    asked = {"model": "claude-haiku-5-5", "max_tokens": max_tokens, "messages": said}
    kind = {"Content-Type": "application/json"}
    with Server(speed=0) as server:
        there = server.url + "/v1/messages"
        body = json.dumps({**asked, "stream": True}).encode()
        with urlopen(Request(there, body, kind)) as response:
            found: bytes = response.read()
    return found


def wire() -> str:
    """Draw five stages of the same few words."""
    body = few_words()
    events = Decoder().feed(body)[:3]
    deltas = [json.loads(event.data)["delta"]["text"] for event in events]
    whole = body.decode()
    first = whole[: whole.index("\n\n") + 2]
    cuts = [0, first.index('"type":"con') + 11, len(first) + 11]
    event, data = first.splitlines()[:2]
    return svg(
        498,
        "Bytes become lines, events, deltas, and at last a reply",
        "Five stages of the same few words, one under the other: what two reads bring, "
        "the lines in it, the first event, three deltas, and the reply.",
        stage(60, "bytes", "cut anywhere", 78, "split at line ends"),
        *(piece(90 + 30 * n, whole[a:b]) for n, (a, b) in enumerate(pairwise(cuts))),
        stage(170, "lines", "field: value", 74, "an empty line ends an event"),
        code(150, 194, ("orange", "event"), event.removeprefix("event")),
        code(150, 214, ("orange", "data"), *traced(data.removeprefix("data"))),
        code(150, 234, ("grey", "(an empty line)")),
        stage(276, "events", "a name, JSON", 54, "read the JSON"),
        code(150, 299, events[0].event),
        code(150, 319, *traced(events[0].data)),
        stage(362, "deltas", "what is new", 40, "add them up"),
        chips(150, 370, deltas),
        stage(434, "reply", "what you use", 48, ""),
        code(150, 463, *traced(f"reply.text == {''.join(deltas)!r}")),
    )


def traced(words: str) -> list[Words]:
    """Return a piece of the wire as it is shown: line ends seen, JSON made short."""
    left_out = '"index":0,"delta":{"type":"text_delta",'
    short = words.replace("\n", "↵").replace(left_out, "… ")
    before, found, after = short.partition(TRACED)
    return [before, ("blue", found), after] if found else [short]


def stage(y: int, name: str, what: str, height: int, then: str) -> Iterator[str]:
    """Give a stage's name, a box for its example, and the way to the next one."""
    yield text(20, y + 22, name, "name")
    yield text(20, y + 41, what, "grey small")
    yield box(138, y, 602, height)
    if then:
        yield from arrow(150, y + height + 7, 150, y + height + 27, "grey")
        yield text(164, y + height + 22, then, "grey small")


def piece(baseline: int, words: str) -> Iterator[str]:
    """Give what one read brought."""
    said = traced(words)
    length = sum(len(each if isinstance(each, str) else each[1]) for each in said)
    yield box(146, baseline - 18, CODE * length + 10, 25, "pale orange line")
    yield code(151, baseline, *said)
    yield text(730, baseline, "one read", "end orange small")


def chips(x: float, y: float, words: list[str]) -> Iterator[str]:
    """Give pieces of text, each in a box of its own."""
    for each in words:
        said = json.dumps(each)
        width = CODE * len(said) + 12
        yield box(x, y, width, 24, "pale blue line")
        yield code(x + 6, y + 17, said)
        x += width + 8


# -- 01: how much of it is the answer ----------------------------------------------


def poem() -> str:
    """Draw the events of the haiku of the lesson, each as long as its bytes."""
    body = streamed("Write a haiku about the sea.", max_tokens=500)
    events = [
        (event.event, json.loads(event.data).get("delta", {}).get("text", ""), size)
        for event, size in zip(
            Decoder().feed(body),
            [len(each) + 2 for each in body.split(b"\n\n")[:-1]],
            strict=True,
        )
    ]
    written = sum(len(said.encode()) for _, said, _ in events)
    foot = 70 + ROW * len(events)
    return svg(
        foot + 28,
        f"{len(body):,} bytes came, and {written} of them are the poem",
        "A row for each event of an answer: its name, and a bar as long as its bytes. "
        "In the rows in the middle a short end of the bar is coloured, the text.",
        *(sized(62 + ROW * row, *each) for row, each in enumerate(events)),
        text(20, foot + 10, "a row: an event, as long as its bytes", "small grey"),
        text(740, foot + 10, "blue: bytes of the poem", "small blue end"),
    )


ROW = 24


def sized(y: float, name: str, said: str, size: int) -> Iterator[str]:
    """Give an event: its name, its bytes, and how many of them are text."""
    wide, own = size * 1.2, len(said.encode()) * 1.2
    yield code(20, y + 14, name)
    yield box(190, y, wide - own, 18, "pale")
    if said:
        yield box(190 + wide - own, y, own, 18, "blue")
        yield code(198 + wide, y + 14, ("blue", json.dumps(said)))
    else:
        yield text(198 + wide, y + 14, f"{size} bytes", "small grey")


# -- 02: one event, cut anywhere -----------------------------------------------------

EVENT = 'data: {"text":"Bravo 🎉!"}\n\n'.encode()
#: Where its reads end: in a field's name, in a character, between two line ends.
CUTS = (2, 23, 29)
#: How wide a byte is drawn.
CELL = 24


def cut_anywhere() -> str:
    """Draw the bytes of one event, and what a decoder keeps after each read."""
    why = "Whoever decodes each read by itself fails at the second one: "
    return svg(
        408,
        "The network cuts anywhere: keep what is not whole yet",
        "The 30 bytes of one event in four reads. The cuts fall inside the word data, "
        "inside the four bytes of an emoji, and between two line ends. A table says "
        "what is kept after each read; the event comes with the last one.",
        (each for number in range(len(EVENT)) for each in cell(number)),
        cuts(),
        text(20, 196, "a read brings", "grey small"),
        text(262, 196, "kept until the event is whole", "grey small"),
        text(540, 196, "handed over", "grey small"),
        rows(),
        text(20, 388, [why, ("red", "half a character is no text.")]),
    )


def cell(number: int) -> Iterator[str]:
    """Give one byte: as a letter, or as its number."""
    byte, x = EVENT[number], 20 + number * CELL
    yield box(x, 92, CELL, 30, colour(sum(number >= at for at in CUTS)))
    said = "↵" if byte == 10 else chr(byte) if byte < 127 else f"{byte:02X}"
    yield code(x + (CELL - CODE * len(said)) / 2, 112, said)


def colour(read: int) -> str:
    """Return the look of a read: they take turns."""
    return "pale line orange" if read % 2 == 0 else "pale line blue"


def cuts() -> Iterator[str]:
    """Give where the reads end, and what that is inside of."""
    for at in CUTS:
        x = 20 + at * CELL
        yield line(x, 80, x, 134, "red").replace("/>", ' stroke-width="3"/>')
    yield text(20, 72, "inside the name of a field", "red small")
    yield text(572, 72, "inside a character", "red small end")
    yield text(740, 72, "between line ends", "red small end")
    yield line(524, 142, 620, 142, "grey")
    yield from popper(522, 148)
    yield text(544, 161, "is four bytes", "small")


def rows() -> Iterator[str]:
    """Give each read, what is kept after it, and the event that comes of it."""
    decoder, kept = Decoder(), b""
    for number, (start, end) in enumerate(pairwise((0, *CUTS, len(EVENT)))):
        y = 208 + 38 * number
        data = EVENT[start:end]
        found = decoder.feed(data)
        kept = b"" if found else kept + data
        yield box(20, y, 226, 30, colour(number))
        yield from piece_of(28, y + 20, data)
        yield from piece_of(262, y + 20, kept)
        if not kept:
            yield text(262, y + 20, "nothing", "grey small")
        for each in found:
            yield box(532, y, 208, 30, "pale blue line")
            yield from piece_of(540, y + 20, each.data.encode())


def piece_of(x: float, y: float, data: bytes) -> Iterator[str]:
    """Give bytes as text; of half a character the numbers."""
    said = data.decode(errors="surrogateescape").replace("\n", "↵")
    before, emoji, after = said.partition("🎉")
    words: list[Words] = []
    for half, run in groupby(before, lambda letter: letter > "\ud800"):
        letters = list(run)
        numbers = " ".join(f"{ord(each) & 0xFF:02X}" for each in letters)
        words.append(("red", numbers) if half else "".join(letters))
    if emoji:
        yield from popper(x + CODE * len(before) + 1, y - 12)
        words.append(f"  {after}")
    if words:
        yield code(x, y, *words)


def popper(x: float, y: float) -> Iterator[str]:
    """Give a party popper: not every machine has a font with one."""
    yield (
        f'<path class="orange" d="M{x:g} {y + 14:g}l4 -10l5 6z"/>'
        f'<path d="M{x + 6:g} {y + 5:g}q1 -3 3 -4M{x + 8:g} {y + 9:g}q2 -2 4 -1" '
        'fill="none" stroke="#0b5cad" stroke-width="1.5"/>'
    )
    for right, down, kind in ((4, 2, "red"), (11, 5, "orange"), (11, 12, "blue")):
        yield dot(x + right, y + down, kind, 1.1)


# -- 03: five APIs -------------------------------------------------------------------


#: How a step of a stream looks, and what that look says.
LOOKS = {
    "begins": ("pale line", "begins"),
    "text": ("pale line blue", "holds the text"),
    "counts": ("pale line orange", "counts the tokens"),
    "end": ("pale line red", "is the terminal marker"),
}


class Step(NamedTuple):
    """What an event is, how often it comes, and what stands where in it.

    ``event`` is its type; "" for a chunk, which has none. ``paths`` lead to what
    counts in it, and each has the colour of what it is.
    """

    look: str
    event: str
    paths: tuple[tuple[str, str], ...] = ()
    many: bool = False


class Dialect(NamedTuple):
    """An API, the steps of its stream in order, and a word on them."""

    api: str
    steps: tuple[Step, ...]
    note: str


DIALECTS = (
    Dialect(
        "openai.responses",
        (
            Step("begins", "response.created"),
            Step("text", "response.output_text.delta", (("text", "delta"),), many=True),
            Step("end", "response.completed", (("counts", "response.usage"),)),
        ),
        "or response.incomplete, response.failed",
    ),
    Dialect(
        "openai.chat",
        (
            Step("begins", "", (("begins", "choices[0].delta.role"),)),
            Step("text", "", (("text", "choices[0].delta.content"),), many=True),
            Step("end", "", (("end", "choices[0].finish_reason"),)),
            Step("counts", "", (("counts", "usage"),)),
        ),
        "usage: if you ask for it, in a chunk without choices; then [DONE]",
    ),
    Dialect(
        "anthropic.messages",
        (
            Step("counts", "message_start", (("counts", "message.usage"),)),
            Step("text", "content_block_delta", (("text", "delta.text"),), many=True),
            Step(
                "counts",
                "message_delta",
                (("counts", "usage"), ("why", "delta.stop_reason")),
            ),
            Step("end", "message_stop"),
        ),
        "a block begins and ends around each part of the answer",
    ),
    Dialect(
        "google.generate_content",
        (
            Step(
                "text",
                "",
                (
                    ("text", "candidates[0].content.parts[0].text"),
                    ("counts", "usageMetadata"),
                ),
                many=True,
            ),
            Step("end", "", (("end", "candidates[0].finishReason"),)),
        ),
        "no types: chunks that look alike, with text in the last one, too",
    ),
    Dialect(
        "google.interactions",
        (
            Step("begins", "interaction.created"),
            Step("text", "step.delta", (("text", "delta.text"),), many=True),
            Step(
                "end",
                "interaction.completed",
                (
                    ("counts", "interaction.usage"),
                    ("why", "interaction.status"),
                ),
            ),
        ),
        "a step begins and ends around each part; then [DONE]",
    ),
)
#: How high a lane is.
LANE = 114


def five_dialects() -> str:
    """Draw the life of a stream in each of the five APIs."""
    return svg(
        108 + LANE * len(DIALECTS),
        "Five dialects, one life: it begins, text comes, something ends it",
        "Five lanes, one for each API, with the events of its stream in their order: "
        "which of them hold text, which count tokens, which is the terminal marker.",
        legend(60),
        (
            each
            for row, dialect in enumerate(DIALECTS)
            for each in lane(88 + LANE * row, dialect)
        ),
    )


def legend(y: float) -> Iterator[str]:
    """Give the colours and what they mean."""
    x = 20.0
    for kind, meaning in LOOKS.values():
        yield box(x, y - 11, 14, 14, kind)
        yield text(x + 20, y, meaning, "small")
        x += 48 + 7.6 * len(meaning)


def lane(y: float, dialect: Dialect) -> Iterator[str]:
    """Give one API: its name, and its steps from left to right."""
    yield text(20, y + 20, dialect.api, "name")
    yield text(740, y + 20, dialect.note, "grey small end")
    yield from arrow(20, y + 64, 740, y + 64, "grey")
    x = 28.0
    for step in dialect.steps:
        words = [*([step.event] if step.event else ["a chunk"]), *map(last, step.paths)]
        width = CODE * max(map(len, words)) + 16
        yield from drawn(x, y + 30, width, step)
        x += width + 18


def last(path: tuple[str, str]) -> str:
    """Return the words of a path."""
    return path[1]


def drawn(x: float, y: float, width: float, step: Step) -> Iterator[str]:
    """Give one step: its type, and where in it things are."""
    kind = LOOKS[step.look][0]
    if step.many:
        for behind in (8, 4):
            yield box(x + behind, y - behind + 4, width, 62, kind)
    yield box(x, y + 4, width, 62, kind)
    if step.event:
        yield code(x + 8, y + 22, step.event)
    else:
        yield text(x + 8, y + 22, "a chunk", "small grey")
    colours = {"text": "blue", "counts": "orange", "end": "red"}
    for row, (what, path) in enumerate(step.paths):
        yield code(x + 8, y + 39 + 17 * row, (colours.get(what, ""), path))


# -- 02: reads, measured ---------------------------------------------------------------


def reads() -> str:
    """Draw how one answer's bytes arrived, directly and through a proxy."""
    found = recorded("reads")
    direct, proxy = found["direct"], found["proxy"]
    events = sum(each for _, _, each, _ in direct)
    longest = max(time_s for each in found.values() for time_s, *_ in each)
    scale = 600 / longest
    return svg(
        430,
        f"A read is no event: {events} events came in {len(direct)} reads, "
        f"or in {len(proxy)}",
        "Two panels on one axis of time. Each stick is a read, as high as its bytes; "
        "the dots below it are the events that it made whole. Directly each read is "
        "one event. Through a proxy reads are larger, and end inside events.",
        panel(70, ["directly", "from the", "server"], direct, scale),
        panel(234, ["through", "a proxy that", "collects"], proxy, scale),
        seconds(124, 372, scale, longest),
        text(20, 418, "a stick: a read, as high as its bytes", "small grey"),
        text(290, 418, "orange: it ended inside an event", "small orange"),
        text(740, 418, "a dot: an event made whole", "small grey end"),
    )


def panel(
    y: float, name: list[str], found: list[list[float]], scale: float
) -> Iterator[str]:
    """Give the reads of one answer, and below them the events."""
    foot = y + 84
    yield from lines(20, y + 40, name)
    yield line(124, foot, 740, foot)
    for whole, kind in ((1, "blue"), (0, "orange")):
        for time_s, size, _, ended in found:
            if ended == whole:
                x, high = round(124 + time_s * scale, 1), round(size / 13, 1)
                yield line(x, foot - high, x, foot, kind).replace(
                    "/>", ' stroke-width="2"/>'
                )
    for time_s, _, events, _ in found:
        for row in range(int(events)):
            yield dot(124 + time_s * scale, foot + 9 + 7 * row, "grey", 2)
