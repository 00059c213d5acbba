"""Draw the pictures of the lessons into images/.

``python docs/draw_lessons.py`` draws, always the same. With ``--measure`` it first
runs what the pictures of times tell, on this machine, into docs/recorded.json.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from drawing import record, save
from pictures import ending, tools, watching, wire

PICTURES: dict[str, Callable[[], str]] = {
    "00_watch_one.svg": watching.watch_one,
    "00_first_words.svg": watching.first_words,
    "01_wire.svg": wire.wire,
    "01_poem.svg": wire.poem,
    "02_cut_anywhere.svg": wire.cut_anywhere,
    "02_reads.svg": wire.reads,
    "03_five_dialects.svg": wire.five_dialects,
    "04_did_it_end.svg": ending.did_it_end,
    "05_tool_loop.svg": tools.tool_loop,
    "06_who_closes.svg": ending.who_closes,
    "06_stall_and_stop.svg": ending.stall_and_stop,
    "07_show_it.svg": watching.show_it,
    "07_bytes.svg": watching.sent_bytes,
    "08_stream_or_not.svg": watching.stream_or_not,
    "08_twenty.svg": watching.twenty,
    "10_assistant.svg": tools.assistant,
}


def pictures() -> dict[str, str]:
    """Return all pictures, by the names of their files."""
    return {name: draw() for name, draw in PICTURES.items()}


def main() -> None:
    """Measure if that is asked for, all of it or what is named, and draw."""
    if "--measure" in sys.argv:
        from pictures.measured import MEASURES  # it needs the SDKs, and Chromium

        for name in sys.argv[2:] or MEASURES:
            record(name, MEASURES[name]())
    save(pictures())


if __name__ == "__main__":
    main()
