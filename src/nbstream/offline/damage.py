"""What a fault changes in a response, and how the bytes of its events are edited."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal, TypeAlias

from nbstream.offline.talk import Frame
from nbstream.offline.wire._frames import dumps

__all__ = ["DONE", "Damage", "End", "Frames", "edited", "said", "struck", "with_text"]

#: How a response ends: as it should, cut (orderly or by a reset), or never.
End: TypeAlias = Literal["whole", "fin", "rst", "stall"]

Frames: TypeAlias = Iterable[Frame]
DONE = Frame(b"data: [DONE]\n\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A response that went wrong: of what is not said here, nothing is changed.

    ``body`` is sent whole in place of the events; ``silent`` sends not even a head.
    """

    frames: Iterable[Frame] = ()
    end: End = "whole"
    status: int = 200
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    head_delay_s: float = 0.0
    silent: bool = False


def struck(frames: Iterable[Frame], after: int) -> tuple[list[Frame], Iterator[Frame]]:
    """Part a stream after so many tokens, between two events.

    An answer that is shorter is parted before the last event with a token, so that
    a fault always strikes before the answer is whole.
    """
    rest = iter(frames)
    before: list[Frame] = []
    count, last = 0, 0
    for frame in rest:
        if frame.tokens:
            if count >= after:
                return before, chain([frame], rest)
            last = len(before)
        count += frame.tokens
        before.append(frame)
    return before[:last], iter(before[last:])


def said(frame: Frame) -> dict[str, Any] | None:
    """Return the JSON of an event; None where its data is none, as in ``[DONE]``."""
    for line in frame.data.decode("utf-8", "replace").splitlines():
        if line.startswith("data: {"):
            found = json.loads(line.removeprefix("data: "))
            return found if isinstance(found, dict) else None
    return None


def edited(frame: Frame, change: Callable[[dict[str, Any]], object]) -> Frame:
    """Return an event whose JSON was changed in place."""
    data = said(frame)
    if data is None:
        return frame
    change(data)
    head, _, tail = frame.data.partition(b"data: ")
    end = tail[-4:] if tail.endswith(b"\r\n\r\n") else b"\n\n"
    return Frame(head + b"data: " + dumps(data).encode() + end, frame.tokens)


def with_text(api: str, frame: Frame, text: str) -> Frame:
    """Return a text event of this API with another text; others stay as they are."""

    def change(data: dict[str, Any]) -> None:
        holder, name = _text_of[api](data)
        if isinstance(holder.get(name), str):
            holder[name] = text

    try:
        return edited(frame, change)
    except LookupError:  # an event of another kind
        return frame


Place: TypeAlias = tuple[dict[str, Any], str]
_text_of: Mapping[str, Callable[[dict[str, Any]], Place]] = {
    "openai.chat": lambda data: (data["choices"][0]["delta"], "content"),
    "openai.responses": lambda data: (data, "delta"),
    "anthropic.messages": lambda data: (data["delta"], "text"),
    "google.generate_content": lambda data: (
        data["candidates"][0]["content"]["parts"][0],
        "text",
    ),
    "google.interactions": lambda data: (data["delta"], "text"),
}
