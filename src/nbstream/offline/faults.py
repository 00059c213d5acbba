"""Faults on request: which answers of a server go wrong, and how.

A fault turns the events of an answer into a `Response` gone wrong. Each is
a function of the API and the events; its keywords are the fault's options, and the
first line of its docstring is what ``offline.faults()`` says of it. They stand in
this order: the connection is cut or silent; what is said is wrong; streams that are
right but unusual, which a client must take as they are.
"""

from __future__ import annotations

import inspect
import json
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from itertools import chain, takewhile
from typing import Any, Literal, Self, TypeAlias

from nbstream.errors import UnknownNameError, UsageError
from nbstream.offline.wire import WRITERS
from nbstream.offline.wire.base import DONE, Api, End, Frame, Response, dumps, phrase

Cut: TypeAlias = Literal["fin", "rst"]
Frames: TypeAlias = Iterable[Frame]

#: After how many tokens a fault strikes, if nothing else is said.
_AFTER = 8
_MESSAGES: Mapping[int, str] = {
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
_HTML = (
    "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    "<body><h1>Bad Gateway</h1><p>The server is on its coffee break.</p></body></html>"
)
_BATCH = 500


class Fault:
    """A fault that is in force until it is used up, cleared, or its ``with`` ends.

    ``struck`` counts the requests that it has hit.
    """

    def __init__(
        self,
        faults: Faults,
        kind: str,
        make: Callable[[Api, Frames], Response],
        *,
        times: int | None,
        api: str | None,
    ) -> None:
        self.kind = kind
        self.api = api
        self.left = times
        self.struck = 0
        self._faults = faults
        self._make = make

    def damage(self, api: Api, frames: Frames) -> Response:
        """Return the response gone wrong."""
        return self._make(api, frames)

    def fits(self, api: str, *, stream: bool) -> bool:
        """Tell whether it strikes such a request."""
        strikes = stream or self.kind in _ANY_REQUEST or self.kind.isdigit()
        return strikes and self.api in (None, api) and self.left != 0

    def clear(self) -> None:
        """End it; a second time does nothing."""
        self._faults.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.clear()

    def __repr__(self) -> str:
        left = "" if self.left is None else f", {self.left} left"
        return f"<fault {self.kind!r}, struck {self.struck} times{left}>"


class Faults:
    """The faults in force on one server; the newest that fits a request strikes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_force: list[Fault] = []

    def add(
        self, kind: str | int, *, times: int | None, api: str | None, **options: object
    ) -> Fault:
        """Put a fault in force."""
        name = str(kind)
        if api is not None and api not in WRITERS:
            raise UnknownNameError("API", api, WRITERS)
        if times is not None and times < 1:
            raise UsageError(f"times={times!r}: expected 1 or more, or None for all")
        fault = Fault(self, name, _made(name, options), times=times, api=api)
        with self._lock:
            self._in_force.append(fault)
        return fault

    def take(self, api: str, *, stream: bool) -> Fault | None:
        """Return the fault that strikes this request, and count it."""
        with self._lock:
            newest = reversed(self._in_force)
            found = next((f for f in newest if f.fits(api, stream=stream)), None)
            if found is not None:
                found.struck += 1
                found.left = None if found.left is None else found.left - 1
            return found

    def remove(self, fault: Fault) -> None:
        """Take one fault back, if it is in force."""
        with self._lock:
            self._in_force = [each for each in self._in_force if each is not fault]

    def clear(self) -> None:
        """Take all faults back."""
        with self._lock:
            self._in_force.clear()


def _made(name: str, options: dict[str, object]) -> Callable[[Api, Frames], Response]:
    if name not in _KINDS:
        raise UnknownNameError("fault", name, known_faults())
    fixed = {"api", "frames", "status"} if name.isdigit() else {"api", "frames"}
    known = [
        each for each in inspect.signature(_KINDS[name]).parameters if each not in fixed
    ]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of the fault {name!r}:", option, known)
    return partial(_KINDS[name], **options)


def known_faults() -> dict[str, str]:
    """Return every fault's name with one line on what it does."""
    return {
        name: f"HTTP {name} {phrase(int(name))}, in the API's own form."
        if name.isdigit()
        else (make.__doc__ or "").splitlines()[0]
        for name, make in _KINDS.items()
    }


def _struck(frames: Frames, after: int) -> tuple[list[Frame], Iterator[Frame]]:
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


def _json(frame: Frame) -> dict[str, Any] | None:
    """Return the JSON of an event; None where its data is none, as in ``[DONE]``."""
    for line in frame.data.decode("utf-8", "replace").splitlines():
        if line.startswith("data: {"):
            found = json.loads(line.removeprefix("data: "))
            return found if isinstance(found, dict) else None
    return None


def _edited(frame: Frame, change: Callable[[dict[str, Any]], object]) -> Frame:
    """Return an event whose JSON was changed in place."""
    data = _json(frame)
    if data is None:
        return frame
    change(data)
    head, _, tail = frame.data.partition(b"data: ")
    end = tail[-4:] if tail.endswith(b"\r\n\r\n") else b"\n\n"
    return Frame(head + b"data: " + dumps(data).encode() + end, frame.tokens)


def _with_text(api: Api, frame: Frame, text: str) -> Frame:
    """Return a text event of this API with another text; others stay as they are."""

    def change(data: dict[str, Any]) -> None:
        holder, name = api.text_place(data)
        if isinstance(holder.get(name), str):
            holder[name] = text

    try:
        return _edited(frame, change)
    except LookupError:  # an event of another kind
        return frame


def _text(api: Api, frame: Frame) -> str:
    with suppress(LookupError):  # an event of another kind
        holder, name = api.text_place(_json(frame) or {})
        return str(holder.get(name, ""))
    return ""


def _repeated(api: Api, sent: list[Frame], rest: Frames, words: str) -> Iterator[Frame]:
    """Let what tells a whole text again tell the words sent for the last event."""
    run = takewhile(lambda each: each.tokens, reversed(sent))
    *said, struck = [_text(api, each) for each in run][::-1] or [""]
    old, new = (dumps("".join([*said, last]))[:-1].encode() for last in (struck, words))
    for frame in rest:
        again = frame.tokens == 0 and len(old) > 1
        yield frame._replace(data=frame.data.replace(old, new)) if again else frame


def cut_before_headers(api: Api, frames: Frames, *, how: Cut = "fin") -> Response:
    """The connection is cut and nothing was sent."""
    return Response(silent=True, end=how)


def cut_before_first(api: Api, frames: Frames, *, how: Cut = "fin") -> Response:
    """The connection is cut before the first token."""
    return Response(frames=_struck(frames, 0)[0], end=how)


def cut(api: Api, frames: Frames, *, after: int = _AFTER, how: Cut = "fin") -> Response:
    """The connection is cut after so many tokens, between two events."""
    return Response(frames=_struck(frames, after)[0], end=how)


def cut_mid_event(
    api: Api, frames: Frames, *, after: int = _AFTER, how: End = "fin"
) -> Response:
    """The connection is cut inside an event."""
    before, rest = _struck(frames, after)
    half = next(rest, DONE).data
    return Response(frames=[*before, Frame(half[: len(half) // 2])], end=how)


def cut_mid_character(
    api: Api, frames: Frames, *, after: int = _AFTER, how: Cut = "fin"
) -> Response:
    """The connection is cut inside a character of two bytes."""
    before, rest = _struck(frames, after)
    data = _with_text(api, next(rest, DONE), "caf\u00e9").data
    at = data.find("\u00e9".encode()) + 1
    return Response(frames=[*before, Frame(data[: at or len(data) // 2])], end=how)


def end_early(api: Api, frames: Frames, *, after: int = _AFTER) -> Response:
    """The response ends cleanly after so many tokens, with no terminal marker."""
    return Response(frames=_struck(frames, after)[0])


def end_mid_event(api: Api, frames: Frames, *, after: int = _AFTER) -> Response:
    """The response ends cleanly inside an event."""
    return cut_mid_event(api, frames, after=after, how="whole")


def stall(api: Api, frames: Frames, *, after: int = _AFTER) -> Response:
    """Silence for ever after so many tokens; the connection stays open."""
    return Response(frames=_struck(frames, after)[0], end="stall")


def no_answer(api: Api, frames: Frames) -> Response:
    """Silence for ever: not even the headers come."""
    return Response(silent=True, end="stall")


def slow_headers(api: Api, frames: Frames, *, delay_s: float = 2.0) -> Response:
    """The headers come late; then all is well."""
    return Response(frames=frames, head_delay_s=delay_s)


def http_error(
    api: Api,
    frames: Frames,
    *,
    status: int,
    message: str = "",
    retry_after_s: float | None = None,
    retry_after_as: Literal["seconds", "date", "ms"] = "seconds",
) -> Response:
    """HTTP error, in the API's own form; `retry_after_s`, as seconds, date or ms."""
    fields: dict[str, str] = {}
    if retry_after_s is not None:
        match retry_after_as:
            case "seconds":
                fields["Retry-After"] = f"{retry_after_s:g}"
            case "ms":
                fields["Retry-After-Ms"] = f"{retry_after_s * 1000:g}"
            case "date":
                at = datetime.now(UTC) + timedelta(seconds=retry_after_s)
                fields["Retry-After"] = format_datetime(at, usegmt=True)
    return _failure(api, status, message, status, fields)


def _failure(
    api: Api, status: int, message: str, sent_as: int, fields: Mapping[str, str]
) -> Response:
    message = message or _MESSAGES.get(status, "The request failed.")
    return Response(
        status=sent_as,
        fields={**fields, "Content-Type": "application/json"},
        body=dumps(api.failure(status, message)).encode(),
    )


def error_in_band(
    api: Api, frames: Frames, *, after: int = _AFTER, message: str = "Overloaded"
) -> Response:
    """An error event of the API's own form after so many tokens, and the end."""
    before, _ = _struck(frames, after)
    return Response(frames=[*before, api.failed(message, len(before))])


def bad_json(api: Api, frames: Frames, *, after: int = _AFTER) -> Response:
    """An event whose JSON is broken; the rest follows."""
    before, rest = _struck(frames, after)
    whole = next(rest, DONE).data
    at = whole.rindex(b"}")
    return Response(frames=chain(before, [Frame(whole[:at] + whole[at + 1 :])], rest))


def unknown_events(api: Api, frames: Frames, *, after: int = _AFTER) -> Response:
    """An event of an unknown type, and fields nobody knows in all others."""
    before, rest = _struck(frames, after)
    strange = {"x_unheard_of": {"deep": [1, None, "x"]}}
    more = (_edited(each, lambda data: data.update(strange)) for each in rest)
    return Response(frames=chain(before, [api.unknown()], more))


def no_done(api: Api, frames: Frames) -> Response:
    """The last `[DONE]` is missing, where the API has one."""
    return Response(frames=(each for each in frames if b"[DONE]" not in each.data))


def done_early(api: Api, frames: Frames, *, after: int = _AFTER) -> Response:
    """A `[DONE]` where it does not belong; the rest follows."""
    before, rest = _struck(frames, after)
    return Response(frames=chain(before, [DONE], rest))


def html(api: Api, frames: Frames, *, status: int = 200) -> Response:
    """An HTML page of some proxy in place of the answer."""
    fields = {"Content-Type": "text/html; charset=utf-8"}
    return Response(status=status, fields=fields, body=_HTML.encode())


def json_error(api: Api, frames: Frames, *, status: int = 503) -> Response:
    """HTTP 200, and a JSON error as the body in place of events."""
    return _failure(api, status, "", 200, {})


def ended_twice(api: Api, frames: Frames) -> Response:
    """The terminal marker comes twice."""

    def twice() -> Iterator[Frame]:
        for each in frames:
            yield each
            if api.ends(_json(each) or {}):
                yield _with_text(api, each, "")

    return Response(frames=twice())


def after_end(api: Api, frames: Frames) -> Response:
    """More text comes after the terminal marker."""

    def more() -> Iterator[Frame]:
        last = DONE
        for each in frames:
            yield each
            ends = api.ends(_json(each) or {})
            if (each.tokens and not ends) or api.name == "google.generate_content":
                last = each
            if ends:
                yield _with_text(api, last, " And more.")

    return Response(frames=more())


def comments(api: Api, frames: Frames) -> Response:
    """Keep-alive comments between the events, as proxies send them."""
    ping = b": keep-alive\n\n"
    return Response(frames=(Frame(ping + each.data, each.tokens) for each in frames))


def gzip(api: Api, frames: Frames) -> Response:
    """The events are compressed; nothing is wrong."""

    def pressed() -> Iterator[Frame]:
        writer = zlib.compressobj(wbits=31)
        for each in frames:
            data = writer.compress(each.data) + writer.flush(zlib.Z_SYNC_FLUSH)
            yield Frame(data, each.tokens)
        yield Frame(writer.flush())

    return Response(frames=pressed(), fields={"Content-Encoding": "gzip"})


def crlf(api: Api, frames: Frames) -> Response:
    """Lines end in CR LF; nothing is wrong."""

    def ended() -> Iterator[Frame]:
        for each in frames:
            lines = each.data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            yield Frame(lines, each.tokens)

    return Response(frames=ended())


def split(api: Api, frames: Frames, *, size: int = 1) -> Response:
    """The body comes in pieces of so many bytes; nothing is wrong."""
    pieces = (
        Frame(each.data[at : at + size])
        for each in frames
        for at in range(0, len(each.data), size)
    )
    return Response(frames=pieces)


def giant_event(
    api: Api, frames: Frames, *, after: int = _AFTER, size: int = 16 * 2**20
) -> Response:
    """One event whose text has 16 MB, among the others."""
    before, rest = _struck(frames, after)
    struck, words = next(rest, DONE), "x" * size
    giant = _with_text(api, struck, words)
    rest = _repeated(api, [*before, struck], rest, words)
    return Response(frames=chain(before, [giant], rest))


def tiny_events(
    api: Api, frames: Frames, *, after: int = _AFTER, count: int = 1_000_000
) -> Response:
    """A million events of one character, at once, among the others."""
    before, rest = _struck(frames, after)
    first = next(rest, DONE)
    tiny = _with_text(api, first, "x").data
    batches, over = divmod(count, _BATCH)
    many = (Frame(tiny * _BATCH) for _ in range(batches))
    rest = _repeated(api, [*before, first], rest, "x" * count + _text(api, first))
    return Response(frames=chain(before, many, [Frame(tiny * over), first], rest))


#: What strikes plain requests too; all others are about the events of a stream.
_ANY_REQUEST = {"cut_before_headers", "no_answer", "slow_headers", "html"}
_KINDS: Mapping[str, Callable[..., Response]] = {
    **{
        make.__name__: make
        for make in (
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
            error_in_band,
            bad_json,
            unknown_events,
            no_done,
            done_early,
            html,
            json_error,
            ended_twice,
            after_end,
            comments,
            gzip,
            crlf,
            split,
            giant_event,
            tiny_events,
        )
    },
    **{str(status): partial(http_error, status=status) for status in _MESSAGES},
}
