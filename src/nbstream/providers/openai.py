"""What OpenAI's two wire APIs have in common."""

from collections.abc import Mapping
from typing import Any

from nbstream._failures import said
from nbstream.providers.payloads import number, record, text
from nbstream.types import Failure, Usage

__all__ = ["failure", "fields", "usage"]

_ABSENT = object()


def fields(obj: object) -> Mapping[str, Any]:
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


def _foreign(obj: object) -> Mapping[str, Any]:
    if isinstance(obj, Mapping):
        return obj
    known = getattr(obj, "__dict__", None)
    return _attributes(obj) if known is None else known


def _attributes(obj: object) -> Mapping[str, Any]:
    names = [name for name in dir(obj) if not name.startswith("_")]
    found = {name: getattr(obj, name, None) for name in names}
    return {name: value for name, value in found.items() if not callable(value)}


def failure(error: object) -> Failure:
    """Return the failure that an ``error`` object, or a flat error event, tells of."""
    if isinstance(error, str):
        return said("error", error)
    told = fields(error)
    words = (told.get("type"), told.get("code"))
    kind = next((word for word in words if word and word != "error"), "error")
    return said(str(kind), text(told.get("message")))


def usage(raw: object) -> Usage:
    """Return the token counts of either API, by either API's names.

    xAI leaves the reasoning out of ``completion_tokens`` and counts it in the total:
    it is added, because ``output_tokens`` means the same for every provider.
    """
    told = fields(raw)
    before = _first(told, "input_tokens_details", "prompt_tokens_details")
    after = _first(told, "output_tokens_details", "completion_tokens_details")
    input_tokens = number(_first(told, "input_tokens", "prompt_tokens"))
    output_tokens = number(_first(told, "output_tokens", "completion_tokens"))
    total_tokens = number(told.get("total_tokens"))
    reasoning_tokens = number(_first({**told, **fields(after)}, "reasoning_tokens"))
    if input_tokens is not None and output_tokens is not None and reasoning_tokens:
        with_reasoning = output_tokens + reasoning_tokens
        if total_tokens == input_tokens + with_reasoning:
            output_tokens = with_reasoning
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=total_tokens,
        reasoning_tokens=reasoning_tokens,
        cached_tokens=_cached(told, fields(before)),
        data=record(raw),
    )


def _cached(told: Mapping[str, Any], before: Mapping[str, Any]) -> int | None:
    found = before.get("cached_tokens")
    if found is None:  # DeepSeek's name, and Kimi's place
        found = _first(told, "prompt_cache_hit_tokens", "cached_tokens")
    return number(found)


def _first(told: Mapping[str, Any], *names: str) -> Any:
    return next((told[name] for name in names if told.get(name) is not None), None)
