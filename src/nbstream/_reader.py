"""From payloads to a reply, whatever they are: objects, dicts, strings or bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from nbstream._failures import redacted_failure
from nbstream.errors import UsageError
from nbstream.providers import Provider, detect, provider
from nbstream.providers.payloads import failure, get
from nbstream.reply import Reply, Timing
from nbstream.reply.timing import Wire
from nbstream.sse import Decoder, ServerSentEvent
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

# -- Where a stream that broke off can be taken up again, where the API can do that.


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
_CALLS: Mapping[str, str] = {
    "openai.responses": "client.responses.retrieve({id!r}, stream=True, "
    "starting_after={position!r})",
    "google.interactions": "client.interactions.get({id!r}, stream=True, "
    "last_event_id={position!r})",
}


def resume_hint(reply: Reply) -> str | None:
    """Return the call that goes on where the reply broke off, or None."""
    unfinished = reply.outcome in ("stopped", "truncated", "failed")
    call = _CALLS.get(reply.api)
    known = reply.id and reply._position is not None and reply._resumable
    if call is None or not unfinished or not known:
        return None
    return call.format(id=reply.id, position=reply._position)


def resumed(reply: Reply) -> Reply:
    """Return a copy of a reply that broke off, which grows on from where that came to.

    Raises:
        UsageError: it is whole, or runs still, or its stream has no places.
    """
    unfinished = reply.outcome in ("stopped", "truncated", "failed")
    if not unfinished or reply._position is None:
        msg = (
            f"this reply cannot be gone on with: it is {reply.outcome!r}, and its API "
            f"is {reply.api!r}; expected one that broke off, of OpenAI Responses or "
            "Gemini Interactions"
        )
        raise UsageError(msg)
    made, blank = Reply(), vars(Reply())
    anew = (
        "_outcome",
        "error",
        "exception",
        "wire",
        "timing",
        "_live",
        "_shown_in",
        "_late",
    )
    vars(made).update(vars(reply), ignored=dict(reply.ignored))
    vars(made).update({name: blank[name] for name in anew})
    made._choices = copy.deepcopy(reply._choices)
    return made


class _Tail:
    """What goes on with a reply: events that it has already say nothing new."""

    def __init__(self, reply: Reply, found: Provider) -> None:
        self._reply = reply
        self._found = found
        self._checked = False

    def normalize(self, payload: object) -> Sequence[Event]:
        """Return the events of a payload that follows; of any other there are none."""
        if self._has(payload):
            return ()
        if not self._checked:
            self._check(payload)
            self._checked = True
        return self._found.normalize(payload)

    def note(self, reply: Reply, payload: object) -> None:
        """Keep the place, which never goes back."""
        if not self._has(payload):
            NOTES[self._found.API](reply, payload)

    def _has(self, payload: object) -> bool:
        number, at = get(payload, "sequence_number"), self._reply._position
        if type(number) is int and type(at) is int:
            return number <= at
        return at is not None and get(payload, "event_id") == at

    def _check(self, payload: object) -> None:
        at, number = self._reply._position, get(payload, "sequence_number")
        gap = type(number) is int and type(at) is int and number > at + 1
        anew = get(payload, "event_type") == "interaction.created"
        known = self._found.matches(payload)
        made = get(payload, "response") or get(payload, "interaction")
        other = get(made, "id") not in (None, "", self._reply.id)
        if gap or anew or other or not known:
            msg = (
                f"the stream does not go on where the reply broke off: its first event "
                f"is {_short(payload)}; expected what follows event {at!r} of "
                f"{self._reply.id!r}, which this call gives: "
                f"{_CALLS[self._found.API].format(id=self._reply.id, position=at)}"
            )
            raise UsageError(msg)


_CHAT = "openai.chat"
#: What reading JSON of an unexpected shape raises: the provider's fault, not ours.
_MISSHAPEN = (AttributeError, LookupError, TypeError, ValueError, RecursionError)


class Held:
    """Say that something came, and what it is will follow: the stream is not silent."""


#: What comes of ourselves: between two requests, and before a retry.
_OURS = (Hop, Round, ToolResult, Held)


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
        self._normalize: Callable[[object], Sequence[Event]] | None = None
        self._note: Callable[[Reply, object], None] | None = None
        if reply.api:
            self._use(provider(reply.api))

    def push(self, payload: object) -> Sequence[Event]:
        """Add one payload to the reply, and return its events.

        Raises:
            UsageError: the first payload is of no known kind.
        """
        if type(payload) is bytes:
            self._keep(payload)
            found: list[Event] = []
            for event in self._decoder.feed(payload):
                found += self._push_sse(event)
            if self._decoder.strays:
                found += self._push_strays()
            return found
        if isinstance(payload, _OURS):
            return () if isinstance(payload, Held) else self._say(payload)
        events = self.reply._thoughts.read(self._read(payload))
        apply = self.reply._apply
        for each in events:
            apply(each)
        if self._note is not None:
            self._note(self.reply, payload)
        if self.reply._late:  # applied already; who counts deltas has to see them
            events, self.reply._late = [*self.reply._late, *events], []
        return events

    def _keep(self, data: bytes) -> None:
        if self.reply.wire is None:
            self.reply.wire = Wire()
        self.reply.wire.add(data, self._elapsed_s() if self._elapsed_s else None)

    def finish(self) -> Sequence[Event]:
        """Say that the stream ended by itself: for plain strings that is the end."""
        if self._decoder.rest:  # no event without an empty line, but maybe an error
            self._decoder.feed(b"\n")
        ends = [End()] if self.reply.api == "text" else []
        return [
            *self._say(*self.reply._thoughts.rest(), *ends),
            *self._push_strays(),
        ]

    def _say(self, *events: Event) -> Sequence[Event]:
        said = self.reply._thoughts.read(events)
        self.reply._extend(said)
        return said

    def _push_strays(self) -> Sequence[Event]:
        """Read an error that is no event: an object, line by line, or ``error: {}``.

        Gemini sends the one ("When API returns an error message, it comes line by
        line", google.genai._api_client), llama-box the other.
        """
        error = _stray_error(self._decoder.strays)
        if error is None:
            return ()
        self._decoder.strays.clear()
        return self._say(failure(error))

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

    def _read(self, payload: object) -> Sequence[Event]:
        if self._normalize is None:
            self._use(self._detect(payload))
        assert self._normalize is not None
        try:
            return self._normalize(payload)
        except _MISSHAPEN as error:
            why = f"{type(error).__name__}: {error}"
            what = f"not of the shape of {self.reply.api} ({why})"
            return (_protocol_error(what, payload),)

    def _misread(self, what: str, data: str) -> Sequence[Event]:
        return self._say(_protocol_error(what, data))

    def _use(self, found: Provider) -> None:
        self.reply.api = found.API
        self._normalize = found.normalize
        self._note = NOTES.get(found.API)
        if self.reply._position is not None:
            tail = _Tail(self.reply, found)
            self._normalize, self._note = tail.normalize, tail.note
        elif start := getattr(found, "start", None):
            self._normalize = partial(self._named, found, start)

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

    def _detect(self, payload: object) -> Provider:
        found = detect(payload)
        if found is None:
            msg = (
                f"no provider knows this item of the stream: {_short(payload)}; "
                "expected what the OpenAI, Anthropic or Google SDK yields, its JSON as "
                "a dict, plain strings, or the raw bytes of server-sent events"
            )
            raise UsageError(msg)
        return found


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


def _protocol_error(what: str, payload: object) -> Failure:
    return redacted_failure("protocol_error", f"{what}: {_short(payload)}")


def _short(payload: object) -> str:
    text = repr(payload)
    return text if len(text) <= 120 else f"{text[:117]}..."


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
