"""The messages that carry frames, as short as can be: most say that a text goes on."""

from __future__ import annotations

from collections.abc import Mapping

from nbstream.markdown.short import shortened

__all__ = ["FrameMessages"]

_GOES_ON = {"keep", "html"}


class FrameMessages:
    """Numbers the frames and words them; remembers whose text was sent last."""

    def __init__(self) -> None:
        self.seq = 0
        #: The last section of the last frame.
        self.last = ""

    def next(
        self, sections: Mapping[str, Mapping[str, object]], facts: Mapping[str, object]
    ) -> object:
        """Return the message of the next frame.

        It is ``[seq, keep, html]`` where nothing but the last block of the section
        that was sent last has changed; else it says each thing by its name.
        """
        self.seq += 1
        before = self.last
        self.last = [before, *sections][-1]
        if not facts and list(sections) == [before]:
            frame = sections[before]
            match frame.get("html"):
                case [html] if set(frame) <= _GOES_ON:
                    return [self.seq, frame.get("keep", 0), shortened(html)]
        changed = shortened(sections)
        return {"kind": "frame", "seq": self.seq, "sections": changed, **facts}
