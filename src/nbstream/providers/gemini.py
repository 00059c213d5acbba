"""Gemini's generate_content: the chunks of a stream, and the content that goes back.

The wire says ``finishReason``, the SDK's object ``finish_reason`` (and a dict dumped
from it either); bytes are base64 on the wire and ``bytes`` in the object.
"""

import base64
from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import takewhile
from typing import Any

from nbstream import types
from nbstream.providers.payloads import (
    Fields,
    failure,
    finish,
    get,
    items,
    number,
    plain,
    reason_of,
    text,
    total,
)
from nbstream.reply import Part, Reply, ToolCall
from nbstream.reply.reply import parts_and_calls

API = "google.generate_content"

_SOURCES = frozenset({"citationMetadata", "groundingMetadata", "urlContextMetadata"})
#: Where Google's SDK says which functions it has run itself.
_CALLED = "automaticFunctionCallingHistory"
_NONE: Fields = {}
_SCALARS = frozenset({str, int, float, bool, type(None)})

_FILTERED = ("language", "escalation", "pup_limited_disabled", "model_armor")
#: Google's reasons in our words. ``CONTINUATION`` is none: the answer goes on.
_REASONS: Mapping[str, types.FinishReason] = {
    **dict.fromkeys(_FILTERED, "content_filter"),
    "unexpected_tool_call": "error",  # as what is malformed
    "missing_thought_signature": "error",
    "too_many_tool_calls": "other",
    "no_image": "other",
    "image_other": "other",
    "other": "other",
}
_UNKNOWN = frozenset({"", "FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED"})
#: Fields of a part that say something about it, and are not what it holds.
ABOUT_A_PART = {
    *("thought", "thoughtSignature", "mediaResolution", "mediaProcessing"),
    *("partMetadata", "videoMetadata", "audioMetadata", "speechMetadata"),
    *("documentMetadata", "spreadsheetMetadata"),
}


def matches(payload: object) -> bool:
    """Tell whether this is a chunk of generate_content, or its error."""
    found = wire_fields(payload)
    known = getattr(payload, "__dict__", found)  # an object names what is not set too
    if "candidates" in known or "promptFeedback" in found:
        return True
    error = found.get("error")
    if get(error, "status") is not None and get(error, "code") is not None:
        return True
    named = {"usageMetadata", "modelVersion", "responseId"} & found.keys()
    return len(named) > 1 or "promptTokenCount" in wire_fields(
        found.get("usageMetadata")
    )


def normalize(payload: object) -> Sequence[types.Event]:
    """Turn one chunk into events; usage first, as a hop may end it."""
    chunk = wire_fields(payload)
    if "error" in chunk:
        return (failure(chunk["error"]),)
    events: list[types.Event] = []
    if _CALLED in chunk:
        _hop(chunk[_CALLED], events)
    id_, model = text(chunk.get("responseId")), text(chunk.get("modelVersion"))
    if id_ or model:
        events.append(types.Start(id=id_, model=model))
    if "usageMetadata" in chunk:
        events.append(_usage(chunk["usageMetadata"]))
    for one in items(chunk.get("candidates")):
        _candidate(wire_fields(one), events)
    if "promptFeedback" in chunk:
        _blocked(wire_fields(chunk["promptFeedback"]), events)
    return events or (types.Ignored(type="chunk"),)


def _hop(history: object, events: list[types.Event]) -> None:
    """Say in which exchange it is: the SDK has run functions and asked again."""
    between = [*takewhile(_is_between, reversed(items(history)))][::-1]
    if number := sum(map(_is_result, between)):
        events.append(types.Hop(number=number))
    # To write it in the form of the wire is left to who sends it back.
    events.append(types.Extra(data={_CALLED: between}))


def _is_result(content: object) -> bool:
    parts = items(wire_fields(content).get("parts"))
    return any("functionResponse" in wire_fields(part) for part in parts)


def _is_between(content: object) -> bool:
    return get(content, "role") == "model" or _is_result(content)


def _candidate(candidate: Fields, events: list[types.Event]) -> None:
    choice = number(candidate.get("index")) or 0
    if "content" in candidate:
        for part in items(wire_fields(candidate["content"]).get("parts")):
            _part(part, choice, events)
    if not _SOURCES.isdisjoint(candidate):
        sources = (wire_record(source) for source in _sources(candidate))
        events += [types.Citation(data=source, choice=choice) for source in sources]
    if "finishReason" in candidate:
        _finish(candidate, choice, events)


def _sources(candidate: Fields) -> Sequence[object]:
    cited = wire_fields(candidate.get("citationMetadata"))
    fetched = wire_fields(candidate.get("urlContextMetadata"))
    grounding = candidate.get("groundingMetadata")
    return [
        # The Gemini API and Vertex name this list differently.
        *items(cited.get("citations") or cited.get("citationSources")),
        *items(fetched.get("urlMetadata")),
        *([grounding] if wire_fields(grounding) else []),
    ]


def _part(part: object, choice: int, events: list[types.Event]) -> None:
    found = wire_fields(part)
    signature = found.get("thoughtSignature")
    held = next((name for name in found if name not in ABOUT_A_PART), None)
    if held == "functionCall":
        _call(wire_fields(found[held]), signature, choice, events)
    elif held == "text" or (held is None and signature):
        if signature:
            # A signed part must not be merged with the one before it.
            events.append(types.PartDone(index=None, data={}, choice=choice))
        words = text(found.get("text"))
        if words or signature:
            kind: types.TextKind = "reasoning" if found.get("thought") else "text"
            events.append(types.TextDelta(text=words, kind=kind, choice=choice))
            _sign(signature, choice, events)
    elif held is None:
        events.append(types.Ignored(type="part"))
    else:
        events.append(types.OtherPart(type=held, data=wire_record(part), choice=choice))


def _call(
    call: Fields, signature: object, choice: int, events: list[types.Event]
) -> None:
    """Add a call, whole or in fragments: only the first of these has a name."""
    id_, name, args = text(call.get("id")), text(call.get("name")), call.get("args")
    if id_ or name or args:
        events.append(types.ToolCallDelta(index=None, id=id_, name=name, choice=choice))
        events.append(
            types.Arguments(index=None, data=wire_record(args or {}), choice=choice)
        )
    leaves = items(call.get("partialArgs"))
    events += [_argument(wire_fields(leaf), choice) for leaf in leaves]
    _sign(signature, choice, events)
    if not call.get("willContinue"):
        events.append(types.PartDone(index=None, data={}, choice=choice))


def _argument(leaf: Fields, choice: int) -> types.ArgumentDelta:
    """A leaf that carries no value is null: JSON says it so."""
    value = leaf.get("stringValue", leaf.get("boolValue", leaf.get("numberValue")))
    if not isinstance(value, str | int | float):
        value = None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)  # the SDK makes a float of every number
    return types.ArgumentDelta(
        json_path=text(leaf.get("jsonPath")),
        value=value,
        will_continue=bool(leaf.get("willContinue")),
        choice=choice,
    )


def _sign(signature: object, choice: int, events: list[types.Event]) -> None:
    if proof := text(wire(signature)):
        events.append(types.Signature(signature=proof, choice=choice))


def _finish(candidate: Fields, choice: int, events: list[types.Event]) -> None:
    raw = str(wire(candidate["finishReason"]))
    if raw == "CONTINUATION":
        events.append(types.Hop())
    elif raw not in _UNKNOWN:
        why = text(candidate.get("finishMessage"))
        events += finish(raw, reason_of(raw, _REASONS), why, choice)
        events.append(types.End(choice=choice))


def _blocked(feedback: Fields, events: list[types.Event]) -> None:
    raw = str(wire(feedback.get("blockReason", "")))
    if raw not in _UNKNOWN:
        why = text(feedback.get("blockReasonMessage"))
        events += finish(raw, "content_filter", why)
        events.append(types.End())


def _usage(usage: object) -> types.Usage:
    data = {name: wire(value) for name, value in wire_fields(usage).items()}
    counts = {name: number(value) for name, value in data.items()}
    thoughts = counts.get("thoughtsTokenCount")
    return types.Usage(
        input_tokens=counts.get("promptTokenCount"),
        output_tokens=total(counts.get("candidatesTokenCount"), thoughts),
        total_tokens=counts.get("totalTokenCount"),
        reasoning_tokens=thoughts,
        cached_tokens=counts.get("cachedContentTokenCount"),
        data=data,
    )


class _WireNames(dict[str, str]):
    """The wire's name for each name met: itself, or camelCase for snake_case."""

    def __missing__(self, name: str) -> str:
        head, *rest = str(name).split("_")
        found = head + "".join(map(str.title, rest))
        if len(self) < 1000:  # names come off the wire, so they have no end
            self[name] = found
        return found


_NAMES = _WireNames()


def wire_fields(obj: object) -> Fields:
    """Return what is set, under the names of the wire; empty if it is no message."""
    found = obj if isinstance(obj, dict) else getattr(obj, "__dict__", _NONE)
    return {_NAMES[name]: it for name, it in found.items() if it is not None}


def wire_record(value: object) -> dict[str, Any]:
    """Return an object in the form of the wire, and an empty one for anything else."""
    found = wire(value)
    return found if isinstance(found, dict) else {}


def wire(value: object) -> Any:
    """Return a JSON-like copy with the names and the base64 of the wire.

    Not pydantic's own dump: that is slower, and writes URL-safe base64.
    """
    if type(value) in _SCALARS:  # an enum of strings is none of them
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: wire(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [wire(each) for each in value]
    found = wire_fields(value)
    return {name: wire(each) for name, each in found.items()} if found else plain(value)


def to_message(reply: Reply) -> dict[str, Any] | list[dict[str, Any]]:
    """Return the model's ``Content``, each signature in the part it came in.

    Calls that are not valid are left out. Where functions were run within the stream,
    it is a list: what was called, what came of it, and what the model said then.
    """
    last = reply._first.hop
    told = [wire_record(each) for each in items(reply.extra.get(_CALLED))]
    found = told or [{"role": "model", "parts": []}]
    for part, call in parts_and_calls(reply):
        is_told = told and part.hop < last
        if is_told or (held := _to_part(part, call)) is None:
            continue
        signed = {"thoughtSignature": part.signature} if part.signature else {}
        role = "user" if "functionResponse" in held else "model"
        if found[-1]["role"] != role:
            found.append({"role": role, "parts": []})
        found[-1]["parts"].append({**held, **signed})
    found = [content for content in found if content["parts"]] or found[:1]
    return found if len(found) > 1 else found[0]


def _to_part(part: Part, call: ToolCall | None) -> dict[str, Any] | None:
    if call is not None:
        with_id = {"id": call.id} if call.id else {}
        made = {"name": call.name, "args": call.parsed, **with_id}
        return {"functionCall": made} if call.state == "valid" else None
    match part.kind:
        case "text" if part.text or part.signature:
            return {"text": part.text}
        case "reasoning":
            return {"text": part.text, "thought": True}
        case "other":
            return dict(part.data)
        case _:
            return None
