"""Draw the pictures of lesson 07: who reads whom, and what was measured.

``python docs/draw_behind_a_page.py`` writes images/behind_a_page.svg, and
images/leaving.svg from a run of the lesson's two endpoints on this machine.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from urllib.request import urlopen

from openai import OpenAI
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from nbstream import offline, web

IMAGES = Path(__file__).resolve().parents[1] / "images"
STYLE = """
  text { font: 15px system-ui, sans-serif; fill: #1f2328 }
  .name { font-weight: 600; font-size: 18px; text-anchor: middle }
  .what { fill: #59636e; text-anchor: middle }
  .side { fill: #59636e } .box { fill: #f6f8fa; stroke: #8c959f }
  .ground { fill: #fff; stroke: #d1d9e0 } .axis { stroke: #8c959f; fill: #8c959f }
  .ours { fill: #0b5cad; stroke: #0b5cad } .paid { fill: #b35900; stroke: #b35900 }
  .leaves { stroke: #a31515; stroke-dasharray: 4 3 } .red { fill: #a31515 }
"""
#: How long the reader stays, in seconds.
STAYS_S = 0.6
#: So long after that an event may be on its way already, in seconds.
ON_ITS_WAY_S = 0.02


def svg(width: int, height: int, *inside: str) -> str:
    """Return a picture on a ground of its own: pages are light and dark."""
    ground = f'<rect class="ground" x=".5" y=".5" width="{width - 1}" '
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}">',
            f"<style>{STYLE}</style>",
            f'{ground}height="{height - 1}" rx="8"/>',
            *inside,
            "</svg>\n",
        ]
    )


def text(x: float, y: float, words: str, kind: str = "what") -> str:
    """Return words at a place."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words)}</text>'


def box(x: int, name: str, *words: str) -> Iterator[str]:
    """Give one of the three programs."""
    yield f'<rect class="box" x="{x}" y="34" width="150" height="116" rx="8"/>'
    yield text(x + 75, 62, name, "name")
    for row, each in enumerate(words):
        yield text(x + 75, 88 + 20 * row, each)


def arrow(start: int, end: int, y: int, words: str, kind: str) -> Iterator[str]:
    """Give an arrow with words above it."""
    tip = 8 if end > start else -8
    yield (
        f'<line class="{kind}" x1="{start}" y1="{y}" x2="{end - tip}" y2="{y}" '
        'stroke-width="2"/>'
    )
    yield (f'<path class="{kind}" d="M{end} {y}l{-tip * 1.3:g} -5v10z" stroke="none"/>')
    yield text((start + end) / 2, y - 8, words)


def programs() -> str:
    """Return the picture of who reads whom."""
    return svg(
        760,
        200,
        *box(15, "browser", "shows chunks,", "reads bytes,", "cut anywhere"),
        *box(305, "your server", "two connections:", "reads one,", "writes one"),
        *box(595, "provider", "writes tokens", "as long as", "somebody listens"),
        *arrow(165, 305, 72, "a question", "axis"),
        *arrow(305, 165, 126, "a stream", "ours"),
        *arrow(455, 595, 72, "with your key", "axis"),
        *arrow(595, 455, 126, "a stream", "paid"),
        text(235, 180, "ends with the tab"),
        text(525, 180, "ends if you close it", "what red"),
    )


# -- what was measured ---------------------------------------------------------------


def measured(respond: Callable[[], Response], server: offline.Server) -> list[float]:
    """Return when the provider wrote, for a reader who leaves, in seconds."""

    async def endpoint(_: object) -> Response:
        return respond()

    here = web.open(Starlette(routes=[Route("/", endpoint)]))
    response = urlopen(here.url)
    response.readline()
    asked, began_s = server.log[-1], time.monotonic()
    times: list[float] = []
    while not (asked.finished or asked.disconnected_at):
        now_s = time.monotonic() - began_s
        times += [now_s] * (asked.events_sent - len(times))
        if now_s >= STAYS_S:
            response.close()
        time.sleep(0.002)
    here.stop()
    return times


def lane(y: int, name: str, times: list[float], scale: float) -> Iterator[str]:
    """Give one endpoint's dots, and how many were written for nobody."""
    for at_s in times:
        kind = "ours" if at_s <= STAYS_S + ON_ITS_WAY_S else "paid"
        x = f"{150 + at_s * scale:.1f}"
        yield f'<circle class="{kind}" cx="{x}" cy="{y}" r="2.4" stroke="none"/>'
    late = sum(at_s > STAYS_S + ON_ITS_WAY_S for at_s in times)
    yield text(15, y + 5, name, "side")
    yield text(150 + STAYS_S * scale + 10, y - 14, f"{late} events for nobody", "side")


def leaving() -> str:
    """Return the picture of what the provider wrote, from a run."""
    server = offline.use(live=False, speed=1)
    client = OpenAI()

    def ask() -> object:
        return client.responses.create(
            model="gpt-5.6-luna",
            input="Give me a long answer.",
            max_output_tokens=200,
            stream=True,
        )

    def tutorial() -> Iterator[str]:
        for event in ask():
            if event.type == "response.output_text.delta":
                yield f"data: {json.dumps({'text': event.delta})}\n\n"

    kind = "text/event-stream"
    gc.disable()
    naive = measured(lambda: StreamingResponse(tutorial(), media_type=kind), server)
    ours = measured(lambda: web.Response(ask), server)
    scale = 590 / max(naive)
    at = 150 + STAYS_S * scale
    seconds = [text(150 + s * scale, 166, f"{s} s") for s in range(int(max(naive)) + 1)]
    return svg(
        760,
        200,
        f'<line class="leaves" x1="{at:.0f}" y1="30" x2="{at:.0f}" y2="148"/>',
        text(at, 24, "the reader leaves", "what red"),
        *lane(70, "the tutorial's", naive, scale),
        *lane(122, "web.Response", ours, scale),
        '<line class="axis" x1="150" y1="148" x2="745" y2="148"/>',
        *seconds,
        text(447, 188, "each dot: one event that the provider wrote"),
    )


if __name__ == "__main__":
    (IMAGES / "behind_a_page.svg").write_text(programs(), encoding="utf-8")
    (IMAGES / "leaving.svg").write_text(leaving(), encoding="utf-8")
