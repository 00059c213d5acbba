"""From payloads to a reply, whatever they are: objects, dicts, strings or bytes."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

from nbstream._failures import (
    is_of_a_stream,
    one_line,
    parsed,
    redacted_failure,
    short_repr,
    words_in,
)
from nbstream._keys import redact
from nbstream.errors import UsageError
from nbstream.providers import Provider, detect, provider
from nbstream.providers.payloads import failure, fault, get, payloads
from nbstream.reply import Reply, Timing
from nbstream.reply.timing import Wire
from nbstream.sse import Decoder, ServerSentEvent, decode
from nbstream.types import (
    End,
    Event,
    Failure,
    Hop,
    Ignored,
    Round,
    Start,
    ToolResult,
    Usage,
)

# -- Where a stream is, for whoever has to take it up again (``_resumption``).


def _note_responses(reply: Reply, payload: object) -> None:
    number = get(payload, "sequence_number")
    if type(number) is int:
        reply._position = number
    if number == 0:
        # Only a response in the background goes on without us and can be retrieved.
        reply._resumable = get(get(payload, "response"), "background") is True


def _note_interactions(reply: Reply, payload: object) -> None:
    token = get(payload, "event_id")
    if type(token) is str and token:
        reply._position = token
        reply._resumable = True


#: What keeps the place in the streams of an API.
NOTES: Mapping[str, Callable[[Reply, object], None]] = {
    "openai.responses": _note_responses,
    "google.interactions": _note_interactions,
}


_CHAT = "openai.chat"
#: What reading JSON of an unexpected shape raises: the provider's fault, not ours.
_MISSHAPEN = (AttributeError, LookupError, TypeError, ValueError, RecursionError)


#: What a line begins with, of an event stream or of JSON line by line.
_LINE = (b"data:", b"event:", b"id:", b"retry:", b":", b"{")
#: What strings begin with that are of a response, and no prose; the last is Ollama's.
_RESPONSE = re.compile(
    r"data: ?(\{|\[DONE|$)|event: ?[\w.]+\s*$|(id|retry): ?\S+\s*$|:|"
    r'\{(?=.*"done": ?(true|false))',
    re.MULTILINE,
)
#: What only a response has, so that strings that have it are one that was cut early.
_CUT = re.compile(r"\A(data|event):|\n\r?(\n|\Z)")


class Lines:
    """Gives the items of a response their line ends, if they are lines without one.

    ``iter_lines()`` of requests, httpx and the SDKs takes the ends off, so that each
    item is a whole line. Items are held until that is seen, or an end.
    """

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._whole: bool | None = None

    def ended(self, item: bytes) -> Sequence[bytes]:
        """Return what there is to decode now."""
        if self._whole is False:
            return (item,)
        if b"\n" in item or b"\r" in item:
            self._whole = False
        elif self._whole is None and item:
            self._whole = _is_whole(item) if item.startswith(_LINE) else False
        self._held.append(item)
        return () if self._whole is None else self.rest()

    def rest(self) -> Sequence[bytes]:
        """Return what is held, whatever it is."""
        held, self._held = self._held, []
        return [_with_end(item) for item in held] if self._whole else held


def _is_whole(line: bytes) -> bool | None:
    """Tell whether this is all of a line; None: that cannot be told."""
    data = line.removeprefix(b"data:").decode("utf-8", "replace").strip()
    return data == "[DONE]" or isinstance(parsed(data), dict) or None


def _with_end(line: bytes) -> bytes:
    """Return a line with its end; data ends its event, as some skip empty lines."""
    return line + (b"\n\n" if line.startswith(b"data:") else b"\n")


class Held:
    """Say that something came, and what it is will follow: the stream is not silent."""


class Joining:
    """Say what reply a stream of ours is read into, for whoever makes it to look at."""

    def __init__(self, join: Callable[[Reply], None]) -> None:
        self.join = join


#: What comes of ourselves: between two requests, and before a retry.
_OURS = frozenset((Hop, Round, ToolResult, Held, Joining))


class Reader:
    """Reads one stream: finds out what it is by its first payload, then adds up.

    Strategy: bytes are decoded as server-sent events and each event parsed as JSON;
    everything else is one payload. Who normalises them is settled by the first one
    and never again, so that a payload costs one call.
    """

    def __init__(
        self, reply: Reply, elapsed_s: Callable[[], float] | None = None
    ) -> None:
        self.reply = reply
        self._elapsed_s = elapsed_s
        self._decoder = Decoder()
        self._last: Sequence[Event] = ()  # of the last event off the wire
        self._lines = Lines()
        self._form = ""  # of bytes that came: "raw" until "sse", or "json" of lines
        self._strings: list[str] = []  # of a response, until it has a form
        self._grown: list[str] = []  # the first strings, while each begins as the last
        self._strange: list[object] = []  # of no provider, before the first that is
        self._aside = _OURS | {bytes, str}  # the kinds that are no payloads
        self._normalize: Callable[[object], Sequence[Event]] = self._begin
        self._note: Callable[[Reply, object], None] | None = None
        if reply.api:
            self._use(provider(reply.api))

    def push(self, payload: object) -> Sequence[Event]:
        """Add one payload to the reply, and return its events.

        Raises:
            UsageError: the first payloads are of no known kind.
        """
        if type(payload) in self._aside:
            return self._push_aside(payload)
        reply = self.reply
        try:
            events = self._normalize(payload)
        except _MISSHAPEN as error:
            why = f"{type(error).__name__}: {error}"
            what = f"not of the shape of {reply.api} ({why})"
            events = (_protocol_error(what, payload),)
        events = reply._thoughts.read(events)
        for each in events:
            reply._apply(each)
        if self._note is not None:
            self._note(reply, payload)
        if reply._late:  # applied already; who counts deltas has to see them
            events, reply._late = [*reply._late, *events], []
        return events

    def _push_aside(self, item: object) -> Sequence[Event]:
        if isinstance(item, bytes | str):
            return self._push_raw(item)
        if isinstance(item, Joining):
            item.join(self.reply)
            return ()
        return () if isinstance(item, Held) else self._say(cast("Event", item))

    def _push_raw(self, item: bytes | str) -> Sequence[Event]:
        if isinstance(item, bytes):
            return self._decode(self._lines.ended(item))
        if self._form in ("", "raw"):
            if item and not any(self._strings) and not _RESPONSE.match(item):
                self._aside = _OURS | {bytes}  # the first one decides: it is prose
                return self.push(item)
            self._strings.append(item)
        return self._decode(self._lines.ended(item.encode("utf-8", "replace")))

    def _decode(self, pieces: Sequence[bytes]) -> list[Event]:
        found: list[Event] = []
        for piece in pieces:
            self._form = self._form or "raw"
            self._keep(piece)
            for event in self._decoder.feed(piece):
                self._form = "sse"
                found += self._push_sse(event)
            if self._decoder.strays:
                found += self._push_strays()
        return found

    def _keep(self, data: bytes) -> None:
        if self.reply.wire is None:
            self.reply.wire = Wire()
        self.reply.wire.add(data, self._elapsed_s() if self._elapsed_s else None)

    def finish(self) -> Sequence[Event]:
        """Say that the stream ended by itself: for plain strings that is the end.

        Raises:
            UsageError: no payload was of a known kind.
        """
        found = self._decode(self._lines.rest())
        if self._decoder.rest:  # no event without an empty line, but maybe an error
            self._decoder.feed(b"\n")
        found += self._push_strays()
        found += self._push_body() if self._form == "raw" else []
        if self._strange and not self.reply.api:
            raise self._no_provider()
        ends = [End()] if self.reply.api == "text" else []
        return [*found, *self._say(*self.reply._thoughts.rest(), *ends)]

    def _push_body(self) -> list[Event]:
        """Read what made no event, or say that it is no stream."""
        self._aside, wire = _OURS, self.reply.wire
        prose = self._strings
        if wire is None or (prose and not _CUT.search("\n".join(prose))):
            self.reply.wire = None
            return [event for each in prose for event in self.push(each)]
        text = wire.data.decode("utf-8", "replace").removeprefix("\ufeff")
        lines = re.split(r"[\r\n]+", text)
        if all(map(is_of_a_stream, lines)):  # cut early, or without its empty lines
            data = [f"{line}\n\n" for line in lines if line.startswith("data:")]
            whole = decode("".join(data).encode()) if len(data) > 1 else []
            return [event for each in whole for event in self._push_sse(each)]
        body = parsed(text)
        answers = [_known(each) for each in (body if type(body) is list else [body])]
        if answers and all(answers):
            payloads = [payload for answer in answers for payload in answer]
            return [event for each in payloads for event in self.push(each)]
        said = one_line(redact(words_in(body) or text), QUOTED)
        return list(self._misread(_NO_STREAM, said))

    def _say(self, *events: Event) -> Sequence[Event]:
        said = self.reply._thoughts.read(events)
        self.reply._extend(said)
        return said

    def _push_strays(self) -> Sequence[Event]:
        """Read an error that is no event: an object, line by line, or ``error: {}``.

        Gemini sends the one ("When API returns an error message, it comes line by
        line", google.genai._api_client), llama-box the other.
        """
        strays = self._decoder.strays
        found: list[Event] = []
        error = _stray_error(strays)
        if error is not None:
            strays.clear()
            self._form = "json" if self._form == "raw" else self._form
            return self._say(failure(error))
        lined = strays and not strays[0].startswith("[")  # no part of one array
        if self._form != "sse" and lined and strays[-1].rstrip().endswith("}"):
            lines, strays[:] = list(strays), []
            for line in lines:
                found += self._push_line(line)
        return found

    def _push_line(self, line: str) -> Sequence[Event]:
        """Read one line of JSON: Ollama's own API has lines, and no events."""
        error, known = _stray_error([line]), _known(parsed(line))
        if error is None and not known:
            self._decoder.strays.append(line)
            return ()
        self._form = "json"
        if error is not None:
            return self._say(failure(error))
        return [event for each in known for event in self.push(each)]

    def _push_sse(self, event: ServerSentEvent) -> Sequence[Event]:
        # `[DONE]` is how some servers say that no event follows. It is no payload and
        # no proof that the answer is whole: the SDKs do not even show it.
        # With the counts right before it, it is the end of those that say no other.
        if event.data.lstrip().startswith("[DONE]"):
            counted = any(type(each) is Usage for each in self._last)
            ends = [End(choice=None)] if counted and self.reply.api == _CHAT else []
            return self._say(Ignored(type="[DONE]"), *ends)
        try:
            payload = json.loads(event.data)
        except (ValueError, RecursionError) as error:
            if not event.data.strip():  # only a sign of life
                return self._say(Ignored(type=event.event))
            if event.event == "error":
                return self._say(failure(event.data))
            return self._misread(
                f"the data of an event is not JSON ({error})", event.data
            )
        if not isinstance(payload, dict):
            return self._misread("the data of an event is no JSON object", event.data)
        self._last = self.push(payload)
        if event.event == "error" and self.reply.error is None:
            return [*self._last, *self._say(failure(payload))]
        return self._last

    def _begin(self, payload: object) -> Sequence[Event]:
        found = detect(payload)
        if found is None and isinstance(payload, dict) and fault(payload):
            found = provider(_CHAT)  # who reads most servers reads their errors
        if found is None:
            return self._pass_over(payload)
        self._use(found)
        return self._normalize(payload)

    def _misread(self, what: str, data: str) -> Sequence[Event]:
        return self._say(_protocol_error(what, data))

    def _use(self, found: Provider) -> None:
        self.reply.api = found.API
        if found.API == "text":
            self._aside, self._grown = _OURS | {bytes}, [""]
        self._normalize = found.normalize
        self._note = self._note_growth if self._grown else NOTES.get(found.API)
        if self.reply._position is not None:
            from nbstream._resumption import Tail  # only who goes on with one pays

            tail = Tail(self.reply, found, self._note)
            self._normalize, self._note = tail.normalize, tail.note
        elif start := getattr(found, "start", None):
            self._normalize = partial(self._named, found, start)

    def _note_growth(self, _: Reply, payload: object) -> None:
        """Warn if strings seem to be sums, as pydantic-ai's are: no tokens grow so."""
        said, before = str(payload), self._grown[-1]
        is_sum = said != before and said.startswith(before)
        self._grown += [said] * is_sum
        if is_sum and len(self._grown) > GROWN and len(set(said)) > LETTERS:
            warnings.warn_explicit(_SUMS, UserWarning, "<the stream>", 1)
            self._note = None
        elif said and not is_sum:
            self._note = None

    def _named(
        self, found: Provider, start: Callable[[object], Start], payload: object
    ) -> Sequence[Event]:
        """Read the first payloads: the response is named once, whatever they say."""
        events, begun = found.normalize(payload), start(payload)
        if not any(isinstance(event, Start) for event in events):
            if not (begun.id or begun.model):
                return events
            events = [begun, *events]
        self._normalize = found.normalize
        return events

    def _pass_over(self, payload: object) -> Sequence[Event]:
        """Pass over what nobody knows, until it is seen where such items' text is."""
        from nbstream.providers.frameworks import find_text  # only errors need it

        self._strange.append(payload)
        found = find_text(payload)
        may_begin = isinstance(payload, Mapping) or hasattr(payload, "__dict__")
        is_seen = found is not None and not found.begins
        if is_seen or not may_begin or len(self._strange) == STRANGE:
            raise self._no_provider()
        return (Ignored(type=type(payload).__name__),)

    def _no_provider(self) -> UsageError:
        from nbstream.providers.frameworks import find_text

        root, stream = _EVENTS if self._form == "sse" else ("c", "stream")
        known = [find_text(each, root) for each in reversed(self._strange)]
        likely = sorted(filter(None, known), key=lambda f: (f.begins, f.unsure))
        found = likely[0] if likely else None
        path, test = (found.path, found.test) if found else (f"{root}.text", "")
        said = f"({path} for c in {stream}{test and f' if {test}'})"
        item = short_repr(self._strange[0])
        return UsageError(f"{_STRANGER}: {item}; {_READ}; for its text pass {said}")


def _stray_error(lines: Sequence[str]) -> object:
    """Return the error that lines hold which are no event, or None."""
    begins = ("{", "[", "error:")
    at = next((at for at, line in enumerate(lines) if line.startswith(begins)), None)
    line = "" if at is None else lines[at].removeprefix("error:").strip()
    if at is not None and not line.startswith(("{", "[")):
        return line  # only a sentence
    if at is None or not lines[-1].rstrip().endswith(("}", "]")):
        return None
    told = "\n".join(lines[at:]).rstrip()
    try:
        found = json.loads(told.removeprefix("error:"))
    except (ValueError, RecursionError):
        return None
    found = found[0] if isinstance(found, list) and found else found
    return found if told.startswith("error:") else get(found, "error")


def _known(answer: object) -> Sequence[object]:
    """Return what to read of JSON: a payload, or a whole answer; else nothing."""
    found = isinstance(answer, dict) and (payloads(answer) or detect(answer))
    return () if not found else found if isinstance(found, list) else [answer]


#: So many strings that grow, with more letters than these, are taken for sums.
GROWN, LETTERS = 3, 5
_SUMS = (
    "each string of this stream begins with all of the one before: pass only what is "
    "new, as pydantic-ai's stream_text(delta=True) gives it"
)
#: After as many items that nobody knows no other is waited for.
STRANGE = 10
_EVENTS = ("json.loads(c.data)", "nbstream.sse.decode(data)")
_STRANGER = "no provider knows this item of the stream"
_READ = (
    "expected what OpenAI's chat.completions, completions, responses, transcriptions, "
    "Anthropic's messages, Google's generate_content_stream or interactions yield, its "
    "JSON as a dict, plain strings, or the raw bytes of server-sent events"
)
#: So much of what is no stream is quoted, in characters.
QUOTED = 80
_NO_STREAM = (
    'the bytes are no stream of events (make the request with "stream": true, and '
    "pass the response, its bytes or its lines); they begin with"
)


def _protocol_error(what: str, payload: object) -> Failure:
    return redacted_failure("protocol_error", f"{what}: {short_repr(payload)}")


def read_sse(reply: Reply, data: object) -> Reply:
    """Add a whole response body to the reply of a named API, and end it."""
    if not isinstance(data, bytes | bytearray | memoryview):
        msg = (
            f"from_sse takes the bytes of a response body, got {type(data).__name__}; "
            "encode a text with .encode()"
        )
        raise UsageError(msg)
    provider(reply.api)  # also "" is a name that is not known
    reader = Reader(reply)
    reader.push(bytes(data))
    reader.finish()
    reply._end()
    return reply


def read_timed(
    reads: Sequence[tuple[float, bytes]], api: str, headers_s: float
) -> Reply:
    """Return the reply of a body whose reads have times: seconds since the request."""
    reply = Reply(api)
    timing = reply.timing = Timing(request_sent_s=0.0, headers_s=headers_s)
    reader, at_s = Reader(reply), headers_s
    for at_s, data in reads:
        if timing.first_byte_s is None:
            timing.first_byte_s = at_s
        timing.note(reader.push(data), at_s)
    reader.finish()
    timing.end_s = at_s
    reply.wire = Wire(reads, recorded=True)
    reply._end()
    return reply
