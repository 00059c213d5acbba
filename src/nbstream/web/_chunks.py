"""A growing reply as chunks of the UI message stream protocol (AI SDK 5 to 7).

The protocol: https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol. What is sent is the
difference between what the reply holds and what was sent before. So a reader may come
at any time and gets all of it; what comes quickly is joined; and whatever mends a reply
(a text that comes once more, a part closed late) needs no rule of its own here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias

from nbstream._failures import is_told
from nbstream.chat import Chat
from nbstream.errors import (
    AuthenticationFailure,
    ConnectionFailure,
    ContentFilterFailure,
    OverloadedFailure,
    ProtocolFailure,
    ProviderFailure,
    RateLimitFailure,
    RequestFailure,
    SchemaFailure,
    ServiceFailure,
    TimeoutFailure,
    UsageError,
    failure_of,
)
from nbstream.markdown.rendering import Rendering, changes
from nbstream.reply import Part, Reply, ToolCall
from nbstream.reply.reply import parts_and_calls
from nbstream.screens.other_parts import is_aside, stage_of, told
from nbstream.types import ToolState
from nbstream.web._messages import BadRequest, sound

Chunk: TypeAlias = dict[str, Any]
#: Names the request for consent to a call, which has this id for the reader.
Approval: TypeAlias = Callable[[str, ToolCall], str]

#: What the page is told of a failure: never the service's own words, which may quote
#: the request, the account or the machine. The most special kinds come first.
WORDS: Mapping[type[Exception], str] = {
    AuthenticationFailure: "The service did not accept this server's key.",
    ContentFilterFailure: "A content filter refused this.",
    RateLimitFailure: "The service is asked too often just now. Try again later.",
    OverloadedFailure: "The service is overloaded. Try again later.",
    TimeoutFailure: "The service took too long. Try again.",
    ConnectionFailure: "The connection to the service was lost. Try again.",
    ProtocolFailure: "What came from the service is no answer.",
    SchemaFailure: "The answer does not have the form that was asked for.",
    ServiceFailure: "The service had an error. Try again.",
    RequestFailure: "The service cannot answer this request.",
    ProviderFailure: "The service failed.",
    UsageError: "This server is not set up to answer.",
}
TRUNCATED = "The answer broke off before it was complete."
_INTERNAL = "The server had an error."
#: A list or a table of any length is one block: the page needs no joints.
_UNDIVIDED = 1 << 30
#: Our word for why a model stopped -> the protocol's; another would end the client.
_REASONS: Mapping[str, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool-calls",
    "content_filter": "content-filter",
    "error": "error",
}


def words_of(error: BaseException) -> str:
    """Return what may be said of an exception to whoever is at the other end."""
    if isinstance(error, BadRequest):
        return error.sentence
    return next(
        (say for kind, say in WORDS.items() if isinstance(error, kind)), _INTERNAL
    )


def ended_badly(reply: Reply) -> str | None:
    """Return what is said of a reply that failed or was truncated; else None."""
    if reply.outcome == "truncated":
        return TRUNCATED
    if reply.outcome != "failed":
        return None
    if isinstance(reply.exception, UsageError):
        return words_of(reply.exception)
    return _INTERNAL if is_ours(reply) else words_of(failure_of(reply))


def is_ours(reply: Reply) -> bool:
    """Tell whether it failed by an exception that is no provider's: by a bug."""
    error = reply.exception
    bare = type(failure_of(reply)) is ProviderFailure
    return bare and error is not None and not is_told(error)


class _Page:
    """The blocks of safe HTML that a reader's page has of one text."""

    def __init__(self) -> None:
        self._rendering = Rendering(least=_UNDIVIDED)
        self._blocks: list[str] = []

    def more(self, text: str, *, done: bool) -> Chunk | None:
        """Take more of the text; return from which block on the page is new."""
        self._rendering.feed(text)
        _ = self._rendering.finish() if done else self._rendering.frame()
        after = self._rendering.blocks
        if after and (line := self._rendering.line):
            head, end, rest = after[-1].rpartition("</code>")
            after[-1] = f"{head}{line}{end}{rest}"
        at, keep, html = changes(self._blocks, after, whole=False)
        changed = html or len(after) < len(self._blocks)
        self._blocks = after
        return {"at": at, "keep": keep, "blocks": html} if changed else None


@dataclass(slots=True)
class _Run:
    """A text as the reader has it: one or more parts, with nothing shown between."""

    id: str
    kind: str
    begun: bool = False
    closed: bool = False
    page: _Page | None = None


@dataclass(slots=True)
class _Sent:
    """How far one part has been sent: a text in its run, a call, or another part."""

    id: str
    text: str = ""
    begun: bool = False
    closed: bool = False
    state: str = ""
    citations: int = 0
    run: _Run | None = None


class Chunks:
    """What one reader of a reply has been sent.

    Args:
        reply: The reply, which may still be growing.
        message_id: The id of the message that the chunks make; None: the client's own.
        html: Whether the answer's text is sent as blocks of safe HTML too, in
            transient ``data-html`` chunks.
        approval: Names the approval of a call that waits for it; None: none is asked.
            With it the chunks end where only approvals are waited for: they come with
            the next request.

    Attributes:
        closed: Whether the end has been sent.
    """

    def __init__(
        self,
        reply: Reply,
        *,
        message_id: str | None = None,
        html: bool = False,
        approval: Approval | None = None,
    ) -> None:
        self._reply = reply
        self._message_id = message_id
        self._html = html
        self._approval = approval
        self._round = -1
        self._sent: dict[int, _Sent] = {}
        self._numbers = count(1)
        self._calls: set[str] = set()
        self.closed = False
        self._begun = False

    def begin(self) -> list[Chunk]:
        """Return what comes before all else, once."""
        if self._begun:
            return []
        self._begun = True
        named = {"messageId": self._message_id} if self._message_id else {}
        return [{"type": "start", **named}]

    def due(self) -> list[Chunk]:
        """Return what has come since the last time; the end too, once there is one."""
        if self.closed:
            return []
        reply = self._reply
        ended = reply.outcome != "running"
        found = [*self._rounds()]
        waits = self._approval is not None and reply._asking and not _busy(reply)
        if ended or waits:
            self.closed = True
            found += self._close(reply, whole=waits or reply.outcome == "complete")
            found += [_pause(reply)] if waits else self._end()
        return found

    def _rounds(self) -> Iterator[Chunk]:
        rounds = self._reply.rounds
        yield from self.begin()
        for number in range(max(self._round, 0), len(rounds)):
            if number > self._round:
                if self._round >= 0:
                    yield from self._close(rounds[self._round], whole=True)
                    yield {"type": "finish-step"}
                self._round, self._sent = number, {}
                yield {"type": "start-step"}
            yield from self._parts(rounds[number])

    def _parts(self, reply: Reply) -> Iterator[Chunk]:
        parts = list(parts_and_calls(reply))
        run: _Run | None = None
        for at, (part, call) in enumerate(parts):
            sent = self._sent.get(at)
            if sent is None:
                sent = self._sent[at] = _Sent(f"p{next(self._numbers)}")
            if call is not None:
                run = None
                yield from self._call(sent, call)
            elif part.kind == "other":
                run = run if is_aside(part) else None
                yield from _other(sent, part, reply)
            else:
                kind = "reasoning" if part.kind == "reasoning" else "text"
                if run is None or run.kind != kind or run.closed:
                    run = _Run(sent.id, kind)
                run = sent.run = sent.run or run
                yield from self._text(sent, run, part.text)
                following = parts[at + 1][0] if at + 1 < len(parts) else part
                if following.kind != part.kind and (part.done or part.index is None):
                    yield from self._close_text(run)
            yield from _citations(sent, part)

    def _close(self, reply: Reply, *, whole: bool) -> Iterator[Chunk]:
        """Close what is open: the protocol wants it before a step or a stream ends."""
        for at, (_, call) in enumerate(parts_and_calls(reply)):
            sent = self._sent.get(at)
            if sent is None:
                continue
            if call is not None:
                yield from self._close_call(sent, call)
            elif sent.run is not None:
                yield from self._close_text(sent.run)
        if self._round >= 0 and whole and reply is self._reply:
            yield {"type": "finish-step"}

    # -- text ----------------------------------------------------------------------

    def _text(self, sent: _Sent, run: _Run, text: str) -> Iterator[Chunk]:
        if text == sent.text:
            return
        if run.closed or not text.startswith(sent.text):  # it was begun anew
            yield from self._close_text(run)
            run = sent.run = _Run(f"p{next(self._numbers)}", run.kind)
            sent.text = ""
        delta, sent.text = text[len(sent.text) :], text
        if not run.begun:
            run.begun = True
            yield {"type": f"{run.kind}-start", "id": run.id}
        yield {"type": f"{run.kind}-delta", "id": run.id, "delta": sound(delta)}
        yield from self._rendered(run, delta, done=False)

    def _close_text(self, run: _Run) -> Iterator[Chunk]:
        if run.begun and not run.closed:
            run.closed = True
            yield from self._rendered(run, "", done=True)
            yield {"type": f"{run.kind}-end", "id": run.id}

    def _rendered(self, run: _Run, text: str, *, done: bool) -> Iterator[Chunk]:
        if not self._html or run.kind == "reasoning":
            return
        run.page = run.page or _Page()
        if (change := run.page.more(text, done=done)) is not None:
            data = {"part": run.id, **change}
            yield {"type": "data-html", "data": data, "transient": True}

    # -- calls ---------------------------------------------------------------------

    def _call(self, sent: _Sent, call: ToolCall) -> Iterator[Chunk]:
        """Send more of a call: its arguments as they come, then how it stands."""
        if not sent.begun and call.name:
            yield self._begin_call(sent, call)
        key, given = {"toolCallId": sent.id}, call.arguments
        if (
            sent.begun
            and not sent.closed
            and given.startswith(sent.text)
            and (delta := given[len(sent.text) :])
        ):
            sent.text = given
            yield {"type": "tool-input-delta", **key, "inputTextDelta": sound(delta)}
        if call.state != "open":
            yield from self._close_call(sent, call)
        run = call.run
        if run is None or run.state == sent.state:
            return
        sent.state = run.state
        if run.state == "asking" and self._approval is not None:
            approval = {"approvalId": self._approval(sent.id, call), **key}
            yield {"type": "tool-approval-request", **approval}
        elif run.ended:
            yield result_chunk(sent.id, run.state, run.result)

    def _begin_call(self, sent: _Sent, call: ToolCall) -> Chunk:
        """Begin a call, under its id; some providers give none, or one twice."""
        sent.begun = True
        if call.id and call.id not in self._calls:
            sent.id = call.id
        self._calls.add(sent.id)
        key = {"toolCallId": sent.id, "toolName": call.name}
        return {"type": "tool-input-start", **key}

    def _close_call(self, sent: _Sent, call: ToolCall) -> Iterator[Chunk]:
        if sent.closed or not sent.begun:
            return
        sent.closed = True
        call_ = {"toolCallId": sent.id, "toolName": call.name}
        if call.state == "valid":
            yield {"type": "tool-input-available", **call_, "input": call.parsed}
        else:
            why = f"The arguments are {call.state} JSON."
            given = {"input": sound(call.arguments), "errorText": why}
            yield {"type": "tool-input-error", **call_, **given}

    # -- the end -------------------------------------------------------------------

    def _end(self) -> Iterator[Chunk]:
        reply = self._reply
        metadata = metadata_of(reply)
        if reply.outcome == "complete":
            reason = _REASONS.get(reply.finish_reason or "stop", "other")
            finish = {"type": "finish", "finishReason": reason}
            yield {**finish, "messageMetadata": metadata}
            return
        yield {"type": "message-metadata", "messageMetadata": metadata}
        if reply.outcome == "stopped":
            yield {"type": "abort", "reason": "stopped"}
        else:
            yield {"type": "error", "errorText": ended_badly(reply) or _INTERNAL}


def result_chunk(id_: str, state: ToolState, result: str) -> Chunk:
    """Return what came of a call that was run, or was not allowed."""
    key = {"toolCallId": id_}
    if state == "done":
        output = _json_of(result)
        return {"type": "tool-output-available", **key, "output": output}
    if state == "refused":
        return {"type": "tool-output-denied", **key}
    text = sound(result) or "The call was stopped."
    return {"type": "tool-output-error", **key, "errorText": text}


def _busy(reply: Reply) -> bool:
    """Tell whether a call is being run, or will be without anybody's word."""
    runs = [call.run for call in reply.tool_calls]
    return any(run is None or run.state in {"waiting", "running"} for run in runs)


def _pause(reply: Reply) -> Chunk:
    """End where somebody has to allow calls, which the next request will say."""
    metadata = {**metadata_of(reply), "outcome": "complete"}
    return {
        "type": "finish",
        "finishReason": "tool-calls",
        "messageMetadata": metadata,
    }


def _other(sent: _Sent, part: Part, reply: Reply) -> Iterator[Chunk]:
    """Send what is said of a part that is neither text nor call, when it is whole."""
    choice = reply.choices[0]
    stage = stage_of(part, choice, reply)
    if sent.closed or stage == "open" or is_aside(part):
        return
    sent.closed = True
    said = told(part, stage)
    if not (said.images and said.is_media):
        data = {"line": said.line, "code": said.code, "output": said.output}
        known = {name: sound(text) for name, text in data.items() if text}
        yield {"type": "data-note", "id": sent.id, "data": known}
    for image in said.images:
        kind = image[len("data:") : image.index(";")]
        yield {"type": "file", "url": image, "mediaType": kind}


def _citations(sent: _Sent, part: Part) -> Iterator[Chunk]:
    for data in part.citations[sent.citations :]:
        sent.citations += 1
        found = _source(data)
        if found is not None:
            url, title = found
            named = {"title": title} if title else {}
            id_ = f"{sent.id}-{sent.citations}"
            yield {"type": "source-url", "sourceId": id_, "url": url, **named}


def _source(data: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the address and the title of a source, wherever a provider has them."""
    places = (data, *(each for each in data.values() if isinstance(each, Mapping)))
    for place in places:
        url = place.get("url") or place.get("uri")
        if isinstance(url, str) and url.startswith(("https://", "http://")):
            title = place.get("title")
            return url, title if isinstance(title, str) else ""
    return None


def metadata_of(reply: Reply) -> dict[str, Any]:
    """Return what the protocol has no field for: the model, the tokens, the outcome."""
    usage = reply.usage
    counts = {
        "inputTokens": usage and usage.input_tokens,
        "outputTokens": usage and usage.output_tokens,
        "totalTokens": usage and usage.total_tokens,
    }
    known = {name: number for name, number in counts.items() if number is not None}
    return {
        **({"model": reply.model} if reply.model else {}),
        **({"usage": known} if known else {}),
        "outcome": reply.outcome,
    }


def to_ui_message(reply: Reply, id_: str | None = None) -> dict[str, Any]:
    """Return a reply as a message of the protocol, as ``useChat`` makes it."""
    parts: list[dict[str, Any]] = []
    open_: dict[str, dict[str, Any]] = {}
    for chunk in Chunks(reply).due():
        _grow(parts, open_, chunk)
    metadata = metadata_of(reply)
    named = {"id": id_ or reply.id or "reply"}
    return {**named, "role": "assistant", "metadata": metadata, "parts": parts}


def ui_messages(chat: Chat) -> list[dict[str, Any]]:
    """Return a conversation as the messages that a client of the protocol holds.

    The way back is ``Chat(model, messages=web.read(body).to(model's provider))``.
    Images and files that were sent along are not among them.
    """
    found: list[dict[str, Any]] = []
    for each in chat.exchanges():
        said = [{"type": "text", "text": each.question}]
        found.append({"id": f"{each.key}-user", "role": "user", "parts": said})
        if any(one.parts for one in each.reply.rounds):
            found.append(to_ui_message(each.reply, f"{each.key}-assistant"))
    return found


def _grow(
    parts: list[dict[str, Any]], open_: dict[str, dict[str, Any]], chunk: Chunk
) -> None:
    """Add one chunk to the parts of a message, as the protocol's clients do."""
    key = chunk.get("id") or chunk.get("toolCallId") or ""
    match chunk["type"]:
        case "start-step":
            parts.append({"type": "step-start"})
        case "text-start" | "reasoning-start":
            kind = chunk["type"].partition("-")[0]
            open_[key] = {"type": kind, "text": "", "state": "streaming"}
            parts.append(open_[key])
        case "text-delta" | "reasoning-delta":
            open_[key]["text"] += chunk["delta"]
        case "text-end" | "reasoning-end":
            open_[key]["state"] = "done"
        case "tool-input-start":
            name = f"tool-{chunk['toolName']}"
            open_[key] = {"type": name, "toolCallId": key, "state": "input-streaming"}
            parts.append(open_[key])
        case "tool-input-available":
            open_[key] |= {"state": "input-available", "input": chunk["input"]}
        case "tool-input-error" | "tool-output-error":
            given = {"input": chunk["input"]} if "input" in chunk else {}
            error = {"state": "output-error", "errorText": chunk["errorText"]}
            open_[key] |= given | error
        case "tool-output-available":
            open_[key] |= {"state": "output-available", "output": chunk["output"]}
        case "tool-output-denied":
            open_[key] |= {"state": "output-denied"}
        case "source-url" | "file" | "data-note":
            parts.append(chunk)
        case _:
            pass


def _json_of(text: str) -> Any:
    """Return what a tool gave: as JSON where it is some, else the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return sound(text)
