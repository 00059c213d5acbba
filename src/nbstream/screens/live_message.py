"""The messages that carry frames, as short as can be: most say that a text goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbstream.markdown.frame import changes, units
from nbstream.markdown.short import shortened

__all__ = ["FrameMessages"]

_FENCE = {"at", "code", "line"}


@dataclass(slots=True)
class _Section:
    """What a page has of a section: how many blocks, of them closed, an open line."""

    blocks: int = 0
    closed: int = 0
    line: str = ""


class FrameMessages:
    """Numbers the frames and words them; knows what a page has by now."""

    def __init__(self) -> None:
        self.seq = 0
        #: The last section of the last frame.
        self.last = ""
        self._sections: dict[str, _Section] = {}

    def next(
        self, sections: Mapping[str, Mapping[str, Any]], facts: Mapping[str, object]
    ) -> object:
        """Return the message of the next frame.

        It is ``[seq, keep, html]`` where only the last block of the section that was
        sent last has changed, and ``[seq, code, keep, line]`` where that block is a
        fence which goes on, whose open line keeps so much; else it says each thing by
        its name.
        """
        self.seq += 1
        goes_on = not facts and list(sections) == [self.last]
        said = [self._taken(key, frame) for key, frame in sections.items()]
        self.last = [self.last, *sections][-1]
        if goes_on and said[0]:
            return [self.seq, *said[0]]
        changed = shortened(sections)
        return {"kind": "frame", "seq": self.seq, "sections": changed, **facts}

    def _taken(self, key: str, frame: Mapping[str, Any]) -> list[object]:
        """Note what the page will have; return the frame in short, if it can be."""
        section = self._sections.setdefault(key, _Section())
        at, html = frame.get("at", section.closed), frame.get("html", ())
        short: list[object] = []
        names = set(frame) - {"at"}
        if names <= {"keep", "html"} and len(html) == 1 and at == section.blocks - 1:
            short = [frame.get("keep", 0), shortened(html[0])]
        elif "code" in frame and set(frame) <= _FENCE and at == section.blocks:
            keep, added = _gained(section.line, frame.get("line", ""))
            short = [shortened(frame["code"]), keep, shortened(added)]
        section.blocks = at + len(html)
        section.closed = frame.get("closed", section.closed)
        section.line = frame.get("line", "")
        return short


def _gained(before: str, line: str) -> tuple[int, str]:
    _, keep, added = changes([before], [line], whole=False)
    return (keep, added[0]) if added else (units(line), "")
