"""Faults on request: which answers of a server go wrong, and how."""

from __future__ import annotations

import inspect
import json
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http import HTTPStatus
from itertools import chain
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

from nbstream.errors import UnknownNameError, UsageError
from nbstream.offline.wire import WRITERS
from nbstream.offline.wire.base import Frame, Json, dumps, event

__all__ = [
    "AFTER",
    "CUTS",
    "DONE",
    "KINDS",
    "MESSAGES",
    "STATUSES",
    "UNUSUAL",
    "Damage",
    "End",
    "Fault",
    "Faults",
    "Frames",
    "edited",
    "error_body",
    "error_event",
    "http_error",
    "known_faults",
    "said",
    "struck",
    "with_text",
]


# -- What a fault changes in a response, and how the bytes of its events are edited.

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


# -- Faults of the connection: cut, ended too early, silent, late.

#: After how many tokens a fault strikes, if nothing else is said.
AFTER = 8
Cut = Literal["fin", "rst"]


def cut_before_headers(api: str, frames: Frames, *, how: Cut = "fin") -> Damage:
    """The connection is cut and nothing was sent."""
    return Damage(silent=True, end=how)


def cut_before_first(api: str, frames: Frames, *, how: Cut = "fin") -> Damage:
    """The connection is cut before the first token."""
    return Damage(frames=struck(frames, 0)[0], end=how)


def cut(api: str, frames: Frames, *, after: int = AFTER, how: Cut = "fin") -> Damage:
    """The connection is cut after so many tokens, between two events."""
    return Damage(frames=struck(frames, after)[0], end=how)


def cut_mid_event(
    api: str, frames: Frames, *, after: int = AFTER, how: Cut = "fin"
) -> Damage:
    """The connection is cut inside an event."""
    before, rest = struck(frames, after)
    half = next(rest, DONE).data
    return Damage(frames=[*before, Frame(half[: len(half) // 2])], end=how)


def cut_mid_character(
    api: str, frames: Frames, *, after: int = AFTER, how: Cut = "fin"
) -> Damage:
    """The connection is cut inside a character of two bytes."""
    before, rest = struck(frames, after)
    data = with_text(api, next(rest, DONE), "caf\u00e9").data
    at = data.find("\u00e9".encode()) + 1
    return Damage(frames=[*before, Frame(data[: at or len(data) // 2])], end=how)


def end_early(api: str, frames: Frames, *, after: int = AFTER) -> Damage:
    """The response ends cleanly after so many tokens, with no terminal marker."""
    return Damage(frames=struck(frames, after)[0])


def end_mid_event(api: str, frames: Frames, *, after: int = AFTER) -> Damage:
    """The response ends cleanly inside an event."""
    damage = cut_mid_event(api, frames, after=after)
    return Damage(frames=damage.frames)


def stall(api: str, frames: Frames, *, after: int = AFTER) -> Damage:
    """Silence for ever after so many tokens; the connection stays open."""
    return Damage(frames=struck(frames, after)[0], end="stall")


def no_answer(api: str, frames: Frames) -> Damage:
    """Silence for ever: not even the headers come."""
    return Damage(silent=True, end="stall")


def slow_headers(api: str, frames: Frames, *, delay_s: float = 2.0) -> Damage:
    """The headers come late; then all is well."""
    return Damage(frames=frames, head_delay_s=delay_s)


CUTS = (
    cut_before_headers,
    cut_before_first,
    cut,
    cut_mid_event,
    cut_mid_character,
    end_early,
    end_mid_event,
    stall,
    no_answer,
    slow_headers,
)


# -- Streams that are right but unusual: a client must take them as they are.

_BATCH = 500


def comments(api: str, frames: Frames) -> Damage:
    """Keep-alive comments between the events, as proxies send them."""
    del api

    def with_comments() -> Iterator[Frame]:
        for each in frames:
            yield Frame(b": keep-alive\n\n" + each.data, each.tokens)

    return Damage(frames=with_comments())


def gzip(api: str, frames: Frames) -> Damage:
    """The events are compressed; nothing is wrong."""
    del api

    def pressed() -> Iterator[Frame]:
        writer = zlib.compressobj(wbits=31)
        for each in frames:
            data = writer.compress(each.data) + writer.flush(zlib.Z_SYNC_FLUSH)
            yield Frame(data, each.tokens)
        yield Frame(writer.flush())

    return Damage(frames=pressed(), fields={"Content-Encoding": "gzip"})


def crlf(api: str, frames: Frames) -> Damage:
    """Lines end in CR LF; nothing is wrong."""
    del api

    def ended() -> Iterator[Frame]:
        for each in frames:
            lines = each.data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            yield Frame(lines, each.tokens)

    return Damage(frames=ended())


def split(api: str, frames: Frames, *, size: int = 1) -> Damage:
    """The body comes in pieces of so many bytes; nothing is wrong."""
    del api
    return Damage(
        frames=(
            Frame(each.data[at : at + size])
            for each in frames
            for at in range(0, len(each.data), size)
        )
    )


def giant_event(
    api: str, frames: Frames, *, after: int = AFTER, size: int = 16 * 2**20
) -> Damage:
    """One event whose text has 16 MB, among the others."""
    before, rest = struck(frames, after)
    giant = with_text(api, next(rest, DONE), "x" * size)
    return Damage(frames=chain(before, [giant], rest))


def tiny_events(
    api: str, frames: Frames, *, after: int = AFTER, count: int = 1_000_000
) -> Damage:
    """A million events of one character, at once, among the others."""
    before, rest = struck(frames, after)
    first = next(rest, DONE)
    tiny = with_text(api, first, "x").data
    batches, over = divmod(count, _BATCH)
    many = (Frame(tiny * _BATCH) for _ in range(batches))
    return Damage(frames=chain(before, many, [Frame(tiny * over), first], rest))


UNUSUAL = (
    comments,
    gzip,
    crlf,
    split,
    giant_event,
    tiny_events,
)


# -- How each API says that it failed: by an HTTP status, and inside a stream.

MESSAGES: Mapping[int, str] = {
    400: "The request cannot be answered.",
    401: "Incorrect API key provided.",
    403: "Your key has no access to this model.",
    404: "The model does not exist or you have no access to it.",
    408: "The request took too long to arrive.",
    409: "The request conflicts with another one.",
    429: "Too many requests.",
    500: "The server had an error while processing your request.",
    502: "Bad gateway.",
    503: "The service is overloaded; try again later.",
    504: "The gateway waited too long.",
    529: "Overloaded",
}
#: (type, code) of OpenAI's errors.
_OPENAI: Mapping[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "model_not_available"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}
_ANTHROPIC: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_GOOGLE: Mapping[int, str] = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}


def error_body(api: str, status: int, message: str = "") -> Json:
    """Return the body of an HTTP error, in the API's own form."""
    message = message or MESSAGES.get(status, "The request failed.")
    ours = status < 500  # whose fault it is
    if api.startswith("openai."):
        kind = "invalid_request_error" if ours else "server_error"
        type_, code = _OPENAI.get(status, (kind, None))
        told = {"message": message, "type": type_, "param": None, "code": code}
        return {"error": told}
    if api == "anthropic.messages":
        kind = _ANTHROPIC.get(status, "invalid_request_error" if ours else "api_error")
        told = {"type": kind, "message": message}
        return {"type": "error", "error": told, "request_id": "req_scripted"}
    word = _GOOGLE.get(status, "INVALID_ARGUMENT" if ours else "INTERNAL")
    if api == "google.interactions":
        return {"error": {"code": word.lower(), "message": message}}
    return {"error": {"code": status, "message": message, "status": word}}


def error_event(api: str, message: str = "Overloaded", number: int = 99) -> Frame:
    """Return the event by which the API says in mid-stream that it is overloaded."""
    match api:
        case "openai.chat":
            told = {"message": message, "type": "server_error", "code": "overloaded"}
            return Frame(event({"error": told}))
        case "openai.responses":
            flat = {"type": "error", "code": "server_error", "message": message}
            numbered = flat | {"param": None, "sequence_number": number}
            return Frame(event(numbered, "error"))
        case "google.interactions":
            told = {"code": "unavailable", "message": message}
            return Frame(event({"event_type": "error", "error": told}, "error"))
        case "anthropic.messages":
            return Frame(event(error_body(api, 529, message), "error"))
        case _:
            return Frame(event(error_body(api, 503, message), newline="\r\n"))


# Every function below takes the API and the events, and keywords that are the
# fault's options; the first line of its docstring is what `faults()` says of it.

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

_PLACES = ("api", "frames")
#: What strikes plain requests too; all others are about the events of a stream.
_ANY_REQUEST = {"cut_before_headers", "no_answer", "slow_headers", "html"}


class Fault:
    """A fault that is in force until it is used up, cleared, or its ``with`` ends.

    ``struck`` counts the requests that it has hit.
    """

    def __init__(
        self,
        plans: Faults,
        kind: str,
        make: Callable[[str, Iterable[Frame]], Damage],
        *,
        times: int | None,
        api: str | None,
    ) -> None:
        self.kind = kind
        self.api = api
        self.left = times
        self.struck = 0
        self._plans = plans
        self._make = make

    def damage(self, api: str, frames: Iterable[Frame]) -> Damage:
        """Return the response gone wrong."""
        return self._make(api, frames)

    def fits(self, api: str, *, stream: bool) -> bool:
        """Tell whether it strikes such a request."""
        strikes = stream or self.kind in _ANY_REQUEST or self.kind.isdigit()
        return strikes and self.api in (None, api) and self.left != 0

    def clear(self) -> None:
        """End it; a second time does nothing."""
        self._plans.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def __repr__(self) -> str:
        left = "" if self.left is None else f", {self.left} left"
        return f"<fault {self.kind!r}, struck {self.struck} times{left}>"


class Faults:
    """The faults in force on one server; the newest that fits a request strikes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plans: list[Fault] = []

    def add(
        self,
        kind: str | int,
        *,
        times: int | None = None,
        api: str | None = None,
        **options: object,
    ) -> Fault:
        """Put a fault in force."""
        name = str(kind)
        if api is not None and api not in WRITERS:
            raise UnknownNameError("API", api, WRITERS)
        if times is not None and times < 1:
            raise UsageError(f"times={times!r}: expected 1 or more, or None for all")
        fault = Fault(self, name, _made(name, options), times=times, api=api)
        with self._lock:
            self._plans.append(fault)
        return fault

    def take(self, api: str, *, stream: bool) -> Fault | None:
        """Return the fault that strikes this request, and count it."""
        with self._lock:
            fitting = (f for f in reversed(self._plans) if f.fits(api, stream=stream))
            found = next(fitting, None)
            if found is not None:
                found.struck += 1
                found.left = None if found.left is None else found.left - 1
            return found

    def remove(self, fault: Fault) -> None:
        """Take one fault back, if it is in force."""
        with self._lock:
            self._plans = [each for each in self._plans if each is not fault]

    def clear(self) -> None:
        """Take all faults back."""
        with self._lock:
            self._plans.clear()


def known_faults() -> dict[str, str]:
    """Return every fault's name with one line on what it does."""
    found = {name: (make.__doc__ or "").splitlines()[0] for name, make in KINDS.items()}
    return found | {
        str(status): f"HTTP {status} {_phrase_of(status)}, in the API's own form."
        for status in STATUSES
    }


def _phrase_of(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Overloaded"


def _made(
    name: str, options: dict[str, object]
) -> Callable[[str, Iterable[Frame]], Damage]:
    if name not in KINDS and name not in map(str, STATUSES):
        raise UnknownNameError("fault", name, known_faults())
    make = KINDS.get(name)
    if make is None:
        make = partial(http_error, status=int(name))
    parameters = inspect.signature(make).parameters
    given = {"status"} if name.isdigit() else set[str]()
    known = [each for each in parameters if each not in {*_PLACES, *given}]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of the fault {name!r}:", option, known)
    bound: Callable[[str, Iterable[Frame]], Damage] = partial(make, **options)
    return bound
