"""Pictures of tool calls, and of the assistant that the last lesson builds."""

from __future__ import annotations

from collections.abc import Iterator

from drawing import CODE, arrow, box, code, line, lines, svg, text

# -- 05: the tool loop -----------------------------------------------------------------

#: Where the lines of life stand.
YOU, PROGRAM, MODEL = 90, 370, 660
FRAGMENTS = ("get_weather", '{"', "city", '":', ' "', "Lisbon", '"}')
ANSWER = ("18", " degrees", " in", " Lisbon", ".")


def tool_loop() -> str:
    """Draw one question that needs a tool, from above to below."""
    heads = ((YOU, "you"), (PROGRAM, "your program"), (MODEL, "the model"))
    return svg(
        512,
        "The model only asks. Your program runs the tool, and asks once more",
        "Three lines of life: you, your program, the model. A question goes to the "
        "model; a call comes back in fragments; your program checks and runs it and "
        "sends all with the result; the answer comes in deltas.",
        (
            each
            for x, name in heads
            for each in (
                line(x, 92, x, 492, "grey dashed"),
                box(x - 70, 58, 140, 34),
                text(x, 80, name, "name mid"),
            )
        ),
        arrow(YOU, 124, PROGRAM, 124, "grey", "The weather in Lisbon?"),
        arrow(PROGRAM, 156, MODEL, 156, "grey", "question, and the tools there are"),
        chips(PROGRAM + 8, 172, FRAGMENTS, "orange"),
        arrow(MODEL, 206, PROGRAM, 206, "orange"),
        text(515, 226, "a call in fragments: no JSON until the last", "small grey mid"),
        box(PROGRAM - 150, 240, 300, 92, "pale line orange"),
        text(PROGRAM, 264, "Whole? Strict JSON? May it run?", "mid"),
        code(PROGRAM - 15.5 * CODE, 290, 'get_weather(city="Lisbon")'),
        code(PROGRAM - 15.5 * CODE, 314, ("blue", "'18 degrees in Lisbon'")),
        arrow(PROGRAM, 372, MODEL, 372, "grey", "all of it again, with the result"),
        text(515, 392, "more calls? round again, up to a limit", "small grey mid"),
        chips(YOU + 40, 424, ANSWER, "blue"),
        arrow(MODEL, 460, YOU, 460, "blue"),
        text(YOU + 40, 482, "the answer, in deltas", "small grey"),
    )


def chips(x: float, y: float, words: tuple[str, ...], kind: str) -> Iterator[str]:
    """Give pieces of a stream, each in a box of its own."""
    for each in words:
        width = CODE * len(each) + 6
        yield box(x, y, width, 24, f"pale line {kind}")
        yield code(x + 3, y + 17, each)
        x += width + 2


# -- 10: an assistant ------------------------------------------------------------------


def assistant() -> str:
    """Draw a conversation, and all that it is used with."""
    return svg(
        452,
        "One conversation: a cell asks, a tool helps, a panel goes on with it",
        "A cell asks a Chat, which holds all that was said, asks the model and runs a "
        "tool of yours. Three things come of it: the answer below the cell with Stop, "
        "an object that fits a schema, and a panel to go on in.",
        part(20, "your cell", 'chat("...")', 190),
        part(290, "Chat", "chat.messages", 200),
        part(570, "the model", "chat.model", 170),
        arrow(210, 98, 288, 98, "grey", "asks"),
        arrow(490, 84, 568, 84, "grey"),
        text(529, 76, "all said", "grey mid small"),
        arrow(570, 114, 492, 114, "blue"),
        text(529, 134, "deltas", "blue mid small"),
        arrow(350, 130, 350, 188, "orange"),
        text(342, 163, "call", "orange end"),
        arrow(430, 188, 430, 132, "orange"),
        text(438, 163, "result", "orange"),
        part(
            290,
            "your function",
            "describe(name)",
            200,
            y=190,
            kind="pale line orange",
        ),
        line(115, 130, 115, 288, "grey").replace("/>", ' stroke-width="2"/>'),
        line(115, 288, 625, 288, "grey").replace("/>", ' stroke-width="2"/>'),
        (each for x in (115, 380, 625) for each in arrow(x, 288, x, 312, "grey")),
        result(
            20,
            190,
            "below the cell",
            "■ Stop",
            "the answer grows; Stop",
            "closes the connection,",
            "and what came is kept",
        ),
        result(
            250,
            260,
            "an object",
            "ask(..., schema=Plan).parsed",
            "from chat.messages and one",
            "wish more: whole, checked,",
            "or a SchemaFailure",
        ),
        result(
            550,
            190,
            "a panel",
            "chat.panel()",
            "all that was said; go on",
            "by typing, with Stop,",
            "Retry and Edit",
        ),
    )


def part(
    x: float, name: str, said: str, width: float, y: float = 66, kind: str = "box"
) -> Iterator[str]:
    """Give one of those who take part."""
    yield box(x, y, width, 64, kind)
    yield text(x + width / 2, y + 26, name, "name mid")
    yield code(x + width / 2 - CODE * len(said) / 2, y + 48, said)


def result(x: float, width: float, name: str, said: str, *words: str) -> Iterator[str]:
    """Give what comes of it."""
    yield box(x, 314, width, 120, "pale line blue")
    yield text(x + width / 2, 338, name, "name mid")
    yield code(x + width / 2 - CODE * len(said) / 2, 360, said)
    yield from lines(x + width / 2, 382, words, "small mid", step=18)
