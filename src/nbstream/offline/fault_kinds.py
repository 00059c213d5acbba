"""The faults by name: each turns the events of an answer into a response gone wrong.

Every function takes the API and the events, and keywords that are the fault's options;
the first line of its docstring is what ``offline.faults()`` says of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import chain
from typing import Any, Literal

from nbstream.offline.damage import (
    DONE,
    Damage,
    Frames,
    edited,
    said,
    struck,
    with_text,
)
from nbstream.offline.errors_of import error_body, error_event
from nbstream.offline.fault_cuts import AFTER, CUTS
from nbstream.offline.fault_unusual import UNUSUAL
from nbstream.offline.talk import Frame
from nbstream.offline.wire._frames import dumps, event

__all__ = ["KINDS", "STATUSES", "http_error"]

STATUSES = (400, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504, 529)
_HTML = (
    "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    "<body><h1>Bad Gateway</h1><p>The server is on its coffee break.</p></body></html>"
)


def http_error(
    api: str,
    frames: Frames,
    *,
    status: int,
    message: str = "",
    retry_after_s: float | None = None,
    retry_after_as: Literal["seconds", "date", "ms"] = "seconds",
) -> Damage:
    """HTTP error, in the API's own form; `retry_after_s`, as seconds, date or ms."""
    del frames
    named: dict[str, str] = {}
    if retry_after_s is not None:
        match retry_after_as:
            case "seconds":
                named["Retry-After"] = f"{retry_after_s:g}"
            case "ms":
                named["Retry-After-Ms"] = f"{retry_after_s * 1000:g}"
            case "date":
                at = datetime.now(UTC) + timedelta(seconds=retry_after_s)
                named["Retry-After"] = format_datetime(at, usegmt=True)
    body = dumps(error_body(api, status, message)).encode()
    named["Content-Type"] = "application/json"
    return Damage(status=status, fields=named, body=body)


def error_in_band(
    api: str, frames: Frames, *, after: int = AFTER, message: str = "Overloaded"
) -> Damage:
    """An error event of the API's own form after so many tokens, and the end."""
    before, _ = struck(frames, after)
    return Damage(frames=[*before, error_event(api, message, len(before))])


def bad_json(api: str, frames: Frames, *, after: int = AFTER) -> Damage:
    """An event whose JSON is broken; the rest follows."""
    before, rest = struck(frames, after)
    spoilt = next(rest, DONE)
    at = spoilt.data.rindex(b"}")
    broken = Frame(spoilt.data[:at] + spoilt.data[at + 1 :])
    return Damage(frames=chain(before, [broken], rest))


def unknown_events(api: str, frames: Frames, *, after: int = AFTER) -> Damage:
    """An event of an unknown type, and fields nobody knows in all others."""
    before, rest = struck(frames, after)
    strange = {"x_unheard_of": {"deep": [1, None, "x"]}}
    more = (edited(each, lambda data: data.update(strange)) for each in rest)
    return Damage(frames=chain(before, [_unknown(api)], more))


def _unknown(api: str) -> Frame:
    name = "unheard_of.delta"
    match api:
        case "openai.chat":
            data: dict[str, Any] = {"object": "chat.unheard_of", "choices": []}
            return Frame(event(data))
        case "openai.responses":
            name = f"response.{name}"
            return Frame(event({"type": name, "sequence_number": 0}, name))
        case "google.interactions":
            return Frame(event({"event_type": name, "index": 0}, name))
        case "anthropic.messages":
            return Frame(event({"type": name, "index": 0}, name))
        case _:
            return Frame(event({"unheardOf": {"text": "x"}}, newline="\r\n"))


def no_done(api: str, frames: Frames) -> Damage:
    """The last `[DONE]` is missing, where the API has one."""
    del api
    return Damage(frames=(each for each in frames if b"[DONE]" not in each.data))


def done_early(api: str, frames: Frames, *, after: int = AFTER) -> Damage:
    """A `[DONE]` where it does not belong; the rest follows."""
    before, rest = struck(frames, after)
    return Damage(frames=chain(before, [DONE], rest))


def html(api: str, frames: Frames, *, status: int = 200) -> Damage:
    """An HTML page of some proxy in place of the answer."""
    fields = {"Content-Type": "text/html; charset=utf-8"}
    return Damage(status=status, fields=fields, body=_HTML.encode())


def json_error(api: str, frames: Frames, *, status: int = 503) -> Damage:
    """HTTP 200, and a JSON error as the body in place of events."""
    body = dumps(error_body(api, status)).encode()
    return Damage(fields={"Content-Type": "application/json"}, body=body)


def ended_twice(api: str, frames: Frames) -> Damage:
    """The terminal marker comes twice."""

    def twice() -> Iterator[Frame]:
        for each in frames:
            yield each
            if _ends(api, each):
                yield with_text(api, each, "")

    return Damage(frames=twice())


def after_end(api: str, frames: Frames) -> Damage:
    """More text comes after the terminal marker."""

    def more() -> Iterator[Frame]:
        last = DONE
        for each in frames:
            yield each
            if _ends(api, each):
                yield with_text(api, last if api != _GEMINI else each, " And more.")
            elif each.tokens:
                last = each

    return Damage(frames=more())


_GEMINI = "google.generate_content"


def _ends(api: str, frame: Frame) -> bool:
    data = said(frame)
    if data is None:
        return False
    match api:
        case "openai.chat":
            return any(each["finish_reason"] for each in data["choices"])
        case "google.generate_content":
            return any(each.get("finishReason") for each in data["candidates"])
        case "google.interactions":
            return bool(data["event_type"] == "interaction.completed")
        case _:
            ends = {"message_stop", "response.completed", "response.incomplete"}
            return data["type"] in ends


KINDS: Mapping[str, Any] = {
    each.__name__: each
    for each in (
        *CUTS,
        error_in_band,
        bad_json,
        unknown_events,
        no_done,
        done_early,
        html,
        json_error,
        ended_twice,
        after_end,
        *UNUSUAL,
    )
}
