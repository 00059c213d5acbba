"""Draw docs/architecture.svg: the floors of the house, and how high each room stands.

``python docs/draw_architecture.py`` writes it. The floors are those that a test holds
the imports to (tests/house/test_repo.py); the lines of each room are counted.
"""

from __future__ import annotations

import runpy
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
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
ROW, LEFT, GAP, UNIT = 74, 110, 8, 7.6
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .floor { font-weight: 600; font-size: 15px } .what { fill: #59636e; font-size: 11px }
  .lines { fill: #59636e; font-size: 10px; text-anchor: middle }
  .name { text-anchor: middle } rect { fill: #f6f8fa; stroke: #8c959f; rx: 5px }
  .ground { fill: #fff; stroke: none }
"""


def lines(name: str) -> int:
    """Return how many lines of Python a room or a folder of rooms has."""
    if name == ".":
        return len((SOURCE / "__init__.py").read_text("utf-8").splitlines())
    alone = (SOURCE / name).with_suffix(".py")
    paths = [alone] if alone.exists() else sorted((SOURCE / name).rglob("*.py"))
    return sum(len(path.read_text("utf-8").splitlines()) for path in paths)


def box(name: str) -> tuple[str, int]:
    """Return what is written on a room, and how wide its box is."""
    word = "nbstream" if name == "." else name
    return word, max(72, round(len(word) * UNIT + 20))


def row(floor: str, names: list[str], top: int) -> str:
    """Draw one floor: its name, and a box for each room that is there."""
    found = [f'<text class="floor" x="16" y="{top + 28}">{floor}</text>']
    found.append(f'<text class="what" x="{LEFT}" y="{top + 12}">{TITLES[floor]}</text>')
    left = LEFT
    for name in names:
        if not (count := lines(name)):
            continue  # a room that is only planned
        word, width = box(name)
        middle = left + width // 2
        found += [
            f'<rect x="{left}" y="{top + 18}" width="{width}" height="40"/>',
            f'<text class="name" x="{middle}" y="{top + 35}">{escape(word)}</text>',
            f'<text class="lines" x="{middle}" y="{top + 51}">{count:,} lines</text>',
        ]
        left += width + GAP
    return "\n".join(found)


def picture() -> str:
    """Return the whole picture as SVG."""
    floors = runpy.run_path(str(ROOT / "tests" / "house" / "floors.py"))["FLOORS"]
    height = ROW * len(floors) + 16
    rows = [
        row(floor, names.split(), 8 + at * ROW)
        for at, (floor, (names, _)) in enumerate(floors.items())
    ]
    width = LEFT + max(
        sum(box(name)[1] + GAP for name in names.split() if lines(name))
        for names, _ in floors.values()
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
    ground = f'<rect class="ground" width="{width}" height="{height}"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", ground, *rows, "</svg>\n"])


if __name__ == "__main__":
    (ROOT / "docs" / "architecture.svg").write_text(picture(), "utf-8")
