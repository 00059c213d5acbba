"""Draw the pictures of the lesson behind a page: who reads whom, and who is left.

``python docs/draw_behind_a_page.py`` writes images/behind_a_page.svg and
images/leaving.svg. What the second one tells is measured by
``python docs/draw_lessons.py --measure leaving``.
"""

from __future__ import annotations

from collections.abc import Iterator

from drawing import arrow, box, dot, line, lines, recorded, save, seconds, svg, text

#: When the reader leaves, in seconds, and so long after that an event may be on its
#: way already.
LEAVES_S, ON_ITS_WAY_S = 0.6, 0.02


def programs() -> str:
    """Return the picture of who reads whom."""
    return svg(
        256,
        "Two connections: closing the tab ends one of them, and you the other",
        "Three programs: the browser, your server, the provider. A question goes from "
        "the first to the last, and a stream back, over two connections.",
        program(15, "browser", "shows chunks,", "reads bytes,", "cut anywhere"),
        program(305, "your server", "two connections:", "reads one,", "writes one"),
        program(595, "provider", "writes tokens", "as long as", "somebody listens"),
        arrow(165, 112, 305, 112, "grey", "a question"),
        arrow(305, 166, 165, 166, "blue", "a stream"),
        arrow(455, 112, 595, 112, "grey", "with your key"),
        arrow(595, 166, 455, 166, "orange", "a stream"),
        text(235, 224, "ends with the tab", "mid grey"),
        text(525, 224, "ends if you close it", "mid red"),
    )


def program(x: float, name: str, *words: str) -> Iterator[str]:
    """Give one of the three programs."""
    yield box(x, 74, 150, 116)
    yield text(x + 75, 102, name, "name mid")
    yield from lines(x + 75, 128, words, "mid grey")


def leaving() -> str:
    """Return the picture of what the provider wrote, from a run."""
    found = recorded("leaving")
    scale = 580 / max(found["tutorial"])
    at = round(150 + LEAVES_S * scale)
    return svg(
        246,
        "The reader leaves. Behind one endpoint the provider writes to the end",
        "Two lanes of dots on one axis of time, a dot for each event that the provider "
        "wrote. In the first they go on after the reader has left, in the second they "
        "end there.",
        line(at, 74, at, 186, "red dashed"),
        text(at, 68, "the reader leaves", "mid red"),
        lane(108, "the tutorial's", found["tutorial"], scale),
        lane(160, "web.Response", found["web.Response"], scale),
        seconds(150, 186, scale, max(found["tutorial"])),
        text(447, 230, "each dot: one event that the provider wrote", "mid grey"),
    )


def lane(y: int, name: str, times: list[float], scale: float) -> Iterator[str]:
    """Give one endpoint's dots, and how many were written for nobody."""
    late = [each > LEAVES_S + ON_ITS_WAY_S for each in times]
    for at_s, is_late in zip(times, late, strict=True):
        yield dot(150 + at_s * scale, y, "orange" if is_late else "blue")
    yield text(15, y + 5, name)
    beside = 150 + LEAVES_S * scale + 10
    yield text(round(beside), y - 12, f"{sum(late)} events for nobody", "grey")


def pictures() -> dict[str, str]:
    """Return both pictures, by the names of their files."""
    return {"behind_a_page.svg": programs(), "leaving.svg": leaving()}


if __name__ == "__main__":
    save(pictures())
