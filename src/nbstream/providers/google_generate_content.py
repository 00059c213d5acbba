"""Read Gemini's generate_content: the chunks of a stream."""

from collections.abc import Sequence

from nbstream._failures import said
from nbstream.providers._gemini import (
    ABOUT_A_PART,
    NOT_SAID,
    REASONS,
    Fields,
    fields,
    record,
    wire,
)
from nbstream.providers._gemini_content import to_message
from nbstream.providers._read import get
from nbstream.providers._values import items, number, text
from nbstream.types import (
    ArgumentDelta,
    Arguments,
    Citation,
    End,
    Event,
    Failure,
    Finish,
    FinishReason,
    Hop,
    Ignored,
    OtherPart,
    PartDone,
    Signature,
    Start,
    TextDelta,
    TextKind,
    ToolCallDelta,
    Usage,
)

__all__ = ["API", "matches", "normalize", "to_message"]

API = "google.generate_content"

_SOURCES = frozenset({"citationMetadata", "groundingMetadata", "urlContextMetadata"})


def matches(payload: object) -> bool:
    """Tell whether this is a chunk of generate_content, or its error."""
    found = fields(payload)
    if "candidates" in found or "promptFeedback" in found:
        return True
    error = found.get("error")
    if get(error, "status") is not None and get(error, "code") is not None:
        return True
    return "usageMetadata" in found and "modelVersion" in found


def normalize(payload: object) -> Sequence[Event]:
    """Turn one chunk into events; usage first, as a hop may end it."""
    chunk = fields(payload)
    if "error" in chunk:
        return (_failure(fields(chunk["error"])),)
    events: list[Event] = []
    id_, model = text(chunk.get("responseId")), text(chunk.get("modelVersion"))
    if id_ or model:
        events.append(Start(id=id_, model=model))
    if "usageMetadata" in chunk:
        events.append(_usage(chunk["usageMetadata"]))
    for one in items(chunk.get("candidates")):
        _candidate(fields(one), events)
    if "promptFeedback" in chunk:
        _blocked(fields(chunk["promptFeedback"]), events)
    return events or (Ignored(type="chunk"),)


def _candidate(candidate: Fields, events: list[Event]) -> None:
    choice = number(candidate.get("index")) or 0
    if "content" in candidate:
        for part in items(fields(candidate["content"]).get("parts")):
            _part(part, choice, events)
    if not _SOURCES.isdisjoint(candidate):
        sources = (record(source) for source in _sources(candidate))
        events += [Citation(data=source, choice=choice) for source in sources]
    if "finishReason" in candidate:
        _finish(candidate, choice, events)


def _sources(candidate: Fields) -> Sequence[object]:
    cited = fields(candidate.get("citationMetadata"))
    fetched = fields(candidate.get("urlContextMetadata"))
    grounding = candidate.get("groundingMetadata")
    return [
        # The Gemini API and Vertex name this list differently.
        *items(cited.get("citations") or cited.get("citationSources")),
        *items(fetched.get("urlMetadata")),
        *([grounding] if fields(grounding) else []),
    ]


def _part(part: object, choice: int, events: list[Event]) -> None:
    found = fields(part)
    signature = found.get("thoughtSignature")
    held = next((name for name in found if name not in ABOUT_A_PART), None)
    if held == "functionCall":
        _call(fields(found[held]), signature, choice, events)
    elif held == "text" or (held is None and signature):
        if signature:
            # A signed part must not be merged with the one before it.
            events.append(PartDone(index=None, data={}, choice=choice))
        said = text(found.get("text"))
        if said or signature:
            kind: TextKind = "reasoning" if found.get("thought") else "text"
            events.append(TextDelta(text=said, kind=kind, choice=choice))
            _sign(signature, choice, events)
    elif held is None:
        events.append(Ignored(type="part"))
    else:
        events.append(OtherPart(type=held, data=record(part), choice=choice))


def _call(call: Fields, signature: object, choice: int, events: list[Event]) -> None:
    """Add a call, whole or in fragments: only the first of these has a name."""
    id_, name, args = text(call.get("id")), text(call.get("name")), call.get("args")
    if id_ or name or args:
        events.append(ToolCallDelta(index=None, id=id_, name=name, choice=choice))
        events.append(Arguments(index=None, data=record(args or {}), choice=choice))
    leaves = items(call.get("partialArgs"))
    events += [_argument(fields(leaf), choice) for leaf in leaves]
    _sign(signature, choice, events)
    if not call.get("willContinue"):
        events.append(PartDone(index=None, data={}, choice=choice))


def _argument(leaf: Fields, choice: int) -> ArgumentDelta:
    """A leaf that carries no value is null: JSON says it so."""
    value = leaf.get("stringValue", leaf.get("boolValue", leaf.get("numberValue")))
    if not isinstance(value, str | int | float):
        value = None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)  # the SDK makes a float of every number
    return ArgumentDelta(
        json_path=text(leaf.get("jsonPath")),
        value=value,
        will_continue=bool(leaf.get("willContinue")),
        choice=choice,
    )


def _sign(signature: object, choice: int, events: list[Event]) -> None:
    if proof := text(wire(signature)):
        events.append(Signature(signature=proof, choice=choice))


def _finish(candidate: Fields, choice: int, events: list[Event]) -> None:
    raw = str(wire(candidate["finishReason"]))
    if raw == "CONTINUATION":
        events.append(Hop())
    elif raw not in NOT_SAID:
        why = text(candidate.get("finishMessage"))
        _end(raw, REASONS.get(raw.upper(), "other"), why, choice, events)


def _blocked(feedback: Fields, events: list[Event]) -> None:
    raw = str(wire(feedback.get("blockReason", "")))
    if raw not in NOT_SAID:
        _end(raw, "content_filter", text(feedback.get("blockReasonMessage")), 0, events)


def _end(
    raw: str, reason: FinishReason, why: str, choice: int, events: list[Event]
) -> None:
    if why and reason == "content_filter":
        events.append(TextDelta(text=why, kind="refusal", choice=choice))
    events.append(Finish(reason=reason, raw_reason=raw, choice=choice))
    events.append(End(choice=choice))


def _failure(error: Fields) -> Failure:
    kind = error.get("status") or error.get("code") or "error"
    return said(str(kind), str(error.get("message", "")))


def _usage(usage: object) -> Usage:
    data = {name: wire(value) for name, value in fields(usage).items()}
    counts = {name: number(value) for name, value in data.items()}
    answer = counts.get("candidatesTokenCount")
    thoughts = counts.get("thoughtsTokenCount")
    said = answer is not None or thoughts is not None
    return Usage(
        input_tokens=counts.get("promptTokenCount"),
        output_tokens=(answer or 0) + (thoughts or 0) if said else None,
        total_tokens=counts.get("totalTokenCount"),
        reasoning_tokens=thoughts,
        cached_tokens=counts.get("cachedContentTokenCount"),
        data=data,
    )
