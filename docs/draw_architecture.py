"""Draw docs/architecture.svg: the floors of the house, and how high each room stands.

``python docs/draw_architecture.py`` writes it. The floors are those that a test holds
the imports to (tests/house/test_repo.py); the lines of each room are counted.
"""

from __future__ import annotations

import runpy

from drawing import ROOT, box, svg, text

SOURCE = ROOT / "src" / "nbstream"
TITLES = {
    "face": "what is typed",
    "lab": "a second building: scripts, recordings, pictures",
    "verbs": "what people call",
    "display": "what is seen",
    "drive": "what reads, stops and tries again",
    "beside": "what is asked, and what answers have to be",
    "core": "pure: no clock, no socket, no thread",
}
#: How high a row of rooms is, where its rooms begin and end, how far they are apart.
ROW, LEFT, RIGHT, GAP = 56, 100, 744, 8
#: How wide a letter is at most.
LETTER = 9


def lines(name: str) -> int:
    """Return how many lines of Python a room or a folder of rooms has."""
    if name == ".":
        return len((SOURCE / "__init__.py").read_text("utf-8").splitlines())
    alone = (SOURCE / name).with_suffix(".py")
    paths = [alone] if alone.exists() else sorted((SOURCE / name).rglob("*.py"))
    return sum(len(path.read_text("utf-8").splitlines()) for path in paths)


def room(name: str) -> tuple[str, int]:
    """Return what is written on a room, and how wide its box is."""
    word = "nbstream" if name == "." else name
    return word, max(88, len(word) * LETTER + 20)


def floor(name: str, rooms: list[str], top: int) -> tuple[int, list[str]]:
    """Return where the next floor begins, and this one: a box for each room."""
    found = [text(20, top + 44, name, "name")]
    found.append(text(LEFT, top + 14, TITLES[name], "small grey"))
    left, y = LEFT, top + 22
    for each in rooms:
        if not (count := lines(each)):
            continue  # a room that is only planned
        word, width = room(each)
        if left + width > RIGHT:
            left, y = LEFT, y + ROW
        found += [
            box(left, y, width, 48),
            text(left + width / 2, y + 20, word, "room mid"),
            text(left + width / 2, y + 39, f"{count:,} lines", "small grey mid"),
        ]
        left += width + GAP
    return y + 64, found


def picture() -> str:
    """Return the whole picture as SVG."""
    floors = runpy.run_path(str(ROOT / "tests" / "house" / "floors.py"))["FLOORS"]
    y, found = 52, []
    for name, (rooms, _) in floors.items():
        y, drawn = floor(name, rooms.split(), y)
        found += drawn
    return svg(
        y,
        "Each floor imports only from below",
        "The floors of the house, from the face to the core, with a box for each room.",
        found,
    )


if __name__ == "__main__":
    (ROOT / "docs" / "architecture.svg").write_text(picture(), "utf-8")
