"""What the pictures of the course have in common: one look, and a few shapes.

A picture is a function that returns ``svg(...)``: a ground of its own, because pages
are light and dark, and its takeaway as the heading. Shapes are pieces of SVG. Their
class names are the words of ``STYLE``: how big, what colour, from which side.

Text of code is given its width, so that it fits whatever monospaced font a reader has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from html import escape
from math import atan2, degrees
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "images"
#: What was measured for the pictures of times; drawing alone never changes it.
RECORDED = ROOT / "docs" / "recorded.json"
STYLE = """
  text { font: 15px system-ui, sans-serif; fill: #1f2328 }
  .head { font-weight: 600; font-size: 18px } .name { font-weight: 600 }
  .small { font-size: 13px }
  .code { font: 13px ui-monospace, Menlo, Consolas, monospace; white-space: pre }
  .mid { text-anchor: middle } .end { text-anchor: end }
  .ground { fill: #fff; stroke: #d1d9e0 } .box { fill: #f6f8fa; stroke: #8c959f }
  .grey { fill: #59636e } .blue { fill: #0b5cad } .orange { fill: #b35900 }
  .red { fill: #a31515 }
  line.grey { stroke: #8c959f } line.blue { stroke: #0b5cad }
  line.orange { stroke: #b35900 } line.red { stroke: #a31515 }
  .pale { fill: #eaeef2 } .pale.line { stroke: #8c959f }
  .pale.blue { fill: #ddebfa } .pale.blue.line { stroke: #0b5cad }
  .pale.orange { fill: #fff0dc } .pale.orange.line { stroke: #b35900 }
  .pale.red { fill: #ffe8e6 } .pale.red.line { stroke: #a31515 }
  .tick { fill: none } .tick.blue { stroke: #0b5cad } .tick.orange { stroke: #b35900 }
  .dashed { stroke-dasharray: 4 3 }
"""
#: How wide a character of code is.
CODE = 7.8
#: Pieces of SVG, one by one or several at once.
Parts: TypeAlias = str | Iterable[str]
#: Some words, or a class and some words.
Words: TypeAlias = str | tuple[str, str]


def svg(height: int, title: str, about: str, *parts: Parts, width: int = 760) -> str:
    """Return a picture: its heading may have two lines, ``about`` is for the ear."""
    size = f'width="{width}" height="{height}"'
    heading = lines(20, 34, title.split("\n"), "head", step=24)
    found = [
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {width} {height}" {size}>',
        f"<title>{escape(' '.join(title.split()))}</title>",
        f"<desc>{escape(about)}</desc>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" x=".5" y=".5" width="{width - 1}" '
        f'height="{height - 1}" rx="8"/>',
        *heading,
    ]
    for part in parts:
        found += [part] if isinstance(part, str) else part
    drawn = "\n".join([*found, "</svg>\n"])
    # JupyterLite shows no picture that has a sign beyond Latin-1: it calls `btoa`.
    return drawn.encode("ascii", "xmlcharrefreplace").decode()


def text(x: float, y: float, words: str | list[Words], kind: str = "") -> str:
    """Return words at a place; some of them may have a colour."""
    named = f' class="{kind}"' if kind else ""
    said = spans([words] if isinstance(words, str) else words)
    return f'<text{named} x="{x:g}" y="{y:g}">{said}</text>'


def spans(words: Iterable[Words]) -> str:
    """Return what is inside a text."""
    pairs = [("", each) if isinstance(each, str) else each for each in words]
    quoted = [(kind, escape(said, quote=False)) for kind, said in pairs]
    return "".join(
        f'<tspan class="{kind}">{said}</tspan>' if kind else said
        for kind, said in quoted
    )


def lines(
    x: float, y: float, words: Iterable[str], kind: str = "", step: int = 20
) -> Iterator[str]:
    """Give words, one line under the other."""
    for row, each in enumerate(words):
        yield text(x, y + row * step, each, kind)


def code(x: float, y: float, *words: Words, kind: str = "") -> str:
    """Return a line of code; some of its words may have a colour."""
    width = CODE * sum(
        len(each if isinstance(each, str) else each[1]) for each in words
    )
    return (
        f'<text class="{f"code {kind}".strip()}" x="{x:g}" y="{y:g}" '
        f'textLength="{width:g}" lengthAdjust="spacingAndGlyphs" '
        f'xml:space="preserve">{spans(words)}</text>'
    )


def box(x: float, y: float, width: float, height: float, kind: str = "box") -> str:
    """Return a rectangle with round corners, or a bar if it is small."""
    round_by = min(6, height / 4)
    return (
        f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" '
        f'height="{height:g}" rx="{round_by:g}"/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "grey") -> str:
    """Return a line."""
    return f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>'


def arrow(
    x1: float, y1: float, x2: float, y2: float, kind: str = "grey", words: str = ""
) -> Iterator[str]:
    """Give an arrow, with words above its middle."""
    turned = degrees(atan2(y2 - y1, x2 - x1))
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    back = 8 / length
    end = (x2 - back * (x2 - x1), y2 - back * (y2 - y1))
    yield line(x1, y1, *end, kind).replace("/>", ' stroke-width="2"/>')
    yield (
        f'<path class="{kind}" d="M0 0l-10 -5v10z" '
        f'transform="translate({x2:g} {y2:g}) rotate({turned:.4g})"/>'
    )
    if words:
        yield text((x1 + x2) / 2, (y1 + y2) / 2 - 8, words, "mid grey")


def ticks(places: Iterable[float], y: float, height: float, kind: str) -> str:
    """Return short lines from above to below, in one piece."""
    drawn = "".join(f"M{x:.1f} {y:g}v{height:g}" for x in places)
    return f'<path class="{kind} tick" d="{drawn}"/>'


def dot(x: float, y: float, kind: str, radius: float = 2.4) -> str:
    """Return a dot."""
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:g}" r="{radius:g}"/>'


def seconds(left: float, y: float, scale: float, until_s: float) -> Iterator[str]:
    """Give an axis of time: ``scale`` is how long a second is."""
    yield line(left, y, left + until_s * scale, y)
    step = 1 if scale >= 40 else 5
    for second in range(0, int(until_s) + 1, step):
        x = left + second * scale
        yield line(x, y, x, y + 5)
        yield text(x, y + 20, f"{second} s", "small grey mid")


# -- what was measured ---------------------------------------------------------------


def recorded(name: str) -> Any:
    """Return what was measured for a picture.

    Raises:
        SystemExit: it never was.
    """
    found = json.loads(RECORDED.read_text("utf-8")) if RECORDED.exists() else {}
    if name not in found:
        raise SystemExit(f"{name}: measure it first, with --measure")
    return found[name]


def record(name: str, value: object) -> None:
    """Keep what was measured for a picture; the others stay as they are."""
    found = json.loads(RECORDED.read_text("utf-8")) if RECORDED.exists() else {}
    found[name] = value
    rows = (f" {json.dumps(key)}: {json.dumps(found[key])}" for key in sorted(found))
    RECORDED.write_text("{\n" + ",\n".join(rows) + "\n}\n", "utf-8")


def save(pictures: dict[str, str]) -> None:
    """Write pictures, by their names, into the folder of images."""
    for name, picture in pictures.items():
        (IMAGES / name).write_text(picture, "utf-8")
