"""Pictures of tool calls, and of the assistant that the last lesson builds."""

from __future__ import annotations

from collections.abc import Iterator

from drawing import CODE, arrow, box, code, line, svg, text

# -- 05: the tool loop -----------------------------------------------------------------

#: Where the lines of life stand.
YOU, PROGRAM, MODEL = 90, 370, 660
FRAGMENTS = ("get_weather", '{"', "city", '":', ' "', "Lisbon", '"}')
ANSWER = ("18", " degrees", " in", " Lisbon", ".")


def tool_loop() -> str:
    """Draw one question that needs a tool, from above to below."""
    heads = ((YOU, "you"), (PROGRAM, "your program"), (MODEL, "the model"))
    return svg(
        560,
        "The model only asks. Your program runs the tool, and asks once more",
        "Three lines of life: you, your program, the model. A question goes to the "
        "model; a call comes back in fragments; your program checks and runs it and "
        "sends all with the result; the answer comes in deltas.",
        (
            each
            for x, name in heads
            for each in (
                line(x, 92, x, 540, "grey dashed"),
                box(x - 70, 58, 140, 34),
                text(x, 80, name, "name mid"),
            )
        ),
        arrow(YOU, 128, PROGRAM, 128, "grey", "The weather in Lisbon?"),
        arrow(PROGRAM, 160, MODEL, 160, "grey", "question, and the tools there are"),
        arrow(MODEL, 240, PROGRAM, 240, "orange"),
        chips(PROGRAM + 14, 184, FRAGMENTS, "orange"),
        text(515, 260, "a call in fragments: no JSON until the last", "small grey mid"),
        box(PROGRAM - 140, 276, 280, 88, "pale line orange"),
        text(PROGRAM, 298, "whole? strict JSON? may it run?", "mid"),
        code(PROGRAM - 15.5 * CODE, 322, 'get_weather(city="Lisbon")'),
        code(PROGRAM - 15.5 * CODE, 344, ("blue", '"18 degrees in Lisbon"')),
        arrow(PROGRAM, 400, MODEL, 400, "grey", "all of it again, call and result too"),
        arrow(MODEL, 460, YOU, 460, "blue"),
        chips(YOU + 40, 430, ANSWER, "blue"),
        text(YOU + 40, 482, "the answer, in deltas", "small grey"),
        text(20, 520, "", "small"),
    )


def chips(x: float, y: float, words: tuple[str, ...], kind: str) -> Iterator[str]:
    """Give pieces of a stream, each in a box of its own."""
    left = x
    for each in words:
        width = CODE * len(each) + 8
        if x + width > 656:
            x, y = left, y + 28
        yield box(x, y, width, 24, f"pale line {kind}")
        yield code(x + 4, y + 17, each)
        x += width + 5
