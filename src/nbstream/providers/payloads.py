"""Payloads: read alike, be they parsed JSON or an SDK's objects, a stream's or whole.

Whatever a field holds, what is read of it is of the type that is wanted, or empty:
a payload comes off the wire, and servers differ.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias

from nbstream import types
from nbstream._failures import CODES, inner, redacted_failure, word_of, words_in

Fields: TypeAlias = Mapping[str, Any]
_ABSENT = object()
_NONE: Fields = {}


def get(obj: object, name: str) -> Any:
    """Return one field, or None where it is missing or null."""
    if type(obj) is dict or isinstance(obj, Mapping):
        return obj.get(name)
    return getattr(obj, name, None)


def fields(obj: object) -> Fields:
    """Return a payload, or an object inside it, as a mapping from wire names.

    An SDK's object is looked at once instead of asked for each field: a field that
    pydantic does not know costs a microsecond and more.
    """
    if type(obj) is dict:
        return obj
    more: Any = getattr(obj, "model_extra", _ABSENT)
    if more is _ABSENT:
        return _foreign(obj)
    return {**vars(obj), **more} if more else vars(obj)


def _foreign(obj: object) -> Fields:
    if obj is None or isinstance(obj, Mapping):
        return obj or _NONE
    known = getattr(obj, "__dict__", None)
    return _attributes(obj) if known is None else known


def _attributes(obj: object) -> Fields:
    names = [name for name in dir(obj) if not name.startswith("_")]
    found = {name: getattr(obj, name, None) for name in names}
    return {name: value for name, value in found.items() if not callable(value)}


def items(value: object) -> Sequence[Any]:
    """Return a list as it is, and an empty one for anything else."""
    return value if isinstance(value, list | tuple) else ()


def contents(value: object, kind: str = "text") -> Sequence[Any]:
    """Return a list of contents; a string is one."""
    return [{"type": kind, "text": value}] if text(value) else items(value)


def text(value: object) -> str:
    """Return a string as it is, and "" for anything else."""
    return value if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """Return a whole number, also one written as 5.0 or "5"; else None."""
    if type(value) is int or value is None:
        return value
    digits = str(value).removesuffix(".0") if type(value) in (float, str) else ""
    return int(digits) if digits.isdecimal() and len(digits) < _DIGITS else None


#: So many digits are no count.
_DIGITS = 20


def json_text(value: object) -> str:
    """Return the JSON of a call's arguments, which some servers have parsed already."""
    if value in ("", None, []):  # that is how PHP writes an empty object
        return ""
    given = plain(value)
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def total(*counts: int | None) -> int | None:
    """Return the sum of the counts that are known; None: none is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def record(obj: object) -> dict[str, Any]:
    """Return a JSON-like copy of an object, and an empty one of anything else."""
    found = plain(obj)
    return found if isinstance(found, dict) else {}


def plain(obj: object) -> Any:
    """Return a JSON-like copy with the names of the wire, for keeping."""
    if isinstance(obj, Mapping):
        return {str(key): plain(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [plain(item) for item in obj]
    dump = getattr(obj, "model_dump", None)
    if callable(dump):
        return dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)
    if isinstance(obj, Enum):
        return obj.value
    if obj is None or isinstance(obj, str | int | float | bool):
        return obj
    known = getattr(obj, "__dict__", None)
    return plain(known) if known is not None else repr(obj)


# Why a model stopped, and what went wrong, in the words of a provider.

#: What a word says by itself, whoever it is of; the first that fits holds.
_SAID: Sequence[tuple[types.FinishReason, str]] = (
    ("content_filter", "content_?filter|safety|sensitive|refus|recitation|prohibited"),
    ("content_filter", "blocklist|spii|guardrail|toxic"),
    ("error", "error|fail|abort|cancel|malformed|time_?out|rate_?limit|overload"),
    ("error", "unavailable"),
    ("length", "max|length|limit|budget|exceed|truncat|incomplete|context_?window"),
    ("tool_calls", "tool_?(call|use)|function_?call"),
    ("stop", "stop|eos|complete|finish(?!_?reason)|done|normal|^end_?"),
)


def reason_of(word: str, known: Mapping[str, types.FinishReason]) -> types.FinishReason:
    """Return our word for a reason: by the API's own words, in small letters."""
    small = word.lower()
    if small in known:
        return known[small]
    found = (reason for reason, said in _SAID if re.search(said, small))
    return next(found, "other")


def finish(
    word: str, reason: types.FinishReason, why: str = "", choice: int = 0
) -> Iterator[types.Event]:
    """Say why the model stopped; a failure is told as one, with the words for it."""
    if why and reason == "content_filter":
        yield types.TextDelta(text=why, kind="refusal", choice=choice)
    if reason == "error":
        yield redacted_failure(word, why)
    yield types.Finish(reason=reason, raw_reason=word, choice=choice)


def failure(error: object) -> types.Failure:
    """Return the failure that an ``error`` object, or a flat error event, tells of."""
    told = plain(error)
    return redacted_failure(word_of(inner(told)) or "error", words_in(told))


#: As a ``code``, or in place of an error: nothing is wrong.
_FINE: Sequence[object] = (None, "", 0, 200, [], {})


def fault(payload: Fields) -> Fields | None:
    """Return what tells of an error that is nobody's own form of one, or None.

    vLLM, FastAPI's ``detail``, SiliconFlow, Baidu, MiniMax's ``base_resp``,
    Cloudflare's ``errors``, a gateway's ``message`` alone, Bedrock's exceptions.
    """
    told = fields(payload.get("base_resp")) or payload
    names = (*CODES, "detail", "error", "errors")
    kind = f"{payload.get('object')} {payload.get('type')}"
    wrong = re.search(r"(?i)(error|exception)\b", kind) is not None
    wrong = wrong or any(told.get(name) not in _FINE for name in names)
    wrong = wrong or payload.keys() == {"message"}
    return told if wrong and words_in(plain(told)) else None


# A whole answer, not streamed, as the payloads that its stream would have brought.


def payloads(answer: object) -> Sequence[object] | None:
    """Return what to read of a whole answer, or None if it is something else.

    Takes a string, and what the five APIs answer without ``stream=True``: the SDK's
    object, or its JSON as a dict.
    """
    if isinstance(answer, str):
        return [answer]
    if not isinstance(answer, Mapping) and not hasattr(answer, "model_dump"):
        return None
    found = record(answer)
    read = _BY_OBJECT.get(str(found.get("object"))) or _by_its_look(found)
    return None if read is None else list(read(found))


def _by_its_look(answer: Fields) -> Callable[[Fields], Iterator[Fields]] | None:
    if answer.get("type") == "message" and answer.get("role") == "assistant":
        return _anthropic
    if any(get(choice, "message") for choice in items(answer.get("choices"))):
        return _one_chunk
    if "text" in answer and get(answer.get("usage"), "type") in ("tokens", "duration"):
        return _transcript
    if "status" in answer and (items(answer.get("output")) or answer.get("steps")):
        return _interactions if "steps" in answer else _responses
    is_chunk = {"candidates", "promptFeedback", "error"} & answer.keys()
    return _one_chunk if is_chunk else None


def _transcript(answer: Fields) -> Iterator[Fields]:
    yield {**answer, "type": "transcript.text.done"}


def _one_chunk(answer: Fields) -> Iterator[Fields]:
    """Give it nearly as it is: it reads as the only chunk of a stream.

    Perplexity's choices have an empty ``delta`` beside the message, and a gateway may
    call it a chunk: with neither it is seen to be whole.
    """
    if "choices" not in answer:
        yield answer
        return
    choices = [
        {**fields(choice), "delta": None} if get(choice, "message") else choice
        for choice in items(answer["choices"])
    ]
    yield {**answer, "object": "chat.completion", "choices": choices}


def _responses(answer: Fields) -> Iterator[Fields]:
    yield {"type": "response.created", "response": answer}
    for index, item in enumerate(items(answer.get("output"))):
        done = {"type": "response.output_item.done", "item": item}
        yield {**done, "output_index": index}
    status = str(answer.get("status") or "completed")
    if status not in ("queued", "in_progress"):
        yield {"type": f"response.{status}", "response": answer}


def _anthropic(answer: Fields) -> Iterator[Fields]:
    yield {"type": "message_start", "message": {**answer, "content": []}}
    for index, block in enumerate(contents(answer.get("content"))):
        begun = {"index": index, "content_block": block}
        yield {"type": "content_block_start", **begun}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": answer, "usage": answer.get("usage")}
    if answer.get("stop_reason"):
        yield {"type": "message_stop"}


def _interactions(answer: Fields) -> Iterator[Fields]:
    yield {"event_type": "interaction.created", "interaction": answer}
    for index, step in enumerate(items(answer.get("steps"))):
        if get(step, "type") != "user_input":
            yield {"event_type": "step.start", "index": index, "step": step}
            yield {"event_type": "step.stop", "index": index}
    if answer.get("status") not in ("in_progress", None):
        yield {"event_type": "interaction.completed", "interaction": answer}


_BY_OBJECT: Mapping[str, Callable[[Fields], Iterator[Fields]]] = {
    "chat.completion": _one_chunk,
    "text_completion": _one_chunk,
    "response": _responses,
    "interaction": _interactions,
}
