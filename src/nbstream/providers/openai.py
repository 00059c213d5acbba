"""What OpenAI's two wire APIs, and all who speak them, say alike: errors and usage."""

from typing import Any

from nbstream._failures import said
from nbstream.providers.payloads import Fields, fields, number, record, text
from nbstream.types import Failure, Usage


def failure(error: object) -> Failure:
    """Return the failure that an ``error`` object, or a flat error event, tells of."""
    if isinstance(error, str):
        return said("error", error)
    fault = fields(error)
    words = (fault.get("type"), fault.get("code"))
    kind = next((word for word in words if word and word != "error"), "error")
    return said(str(kind), text(fault.get("message")))


def usage(raw: object) -> Usage:
    """Return the token counts of either API, by either API's names.

    xAI leaves the reasoning out of ``completion_tokens`` and counts it in the total:
    it is added, because ``output_tokens`` means the same for every provider.
    """
    counts = fields(raw)
    before = _first(counts, "input_tokens_details", "prompt_tokens_details")
    after = _first(counts, "output_tokens_details", "completion_tokens_details")
    input_tokens = number(_first(counts, "input_tokens", "prompt_tokens"))
    output_tokens = number(_first(counts, "output_tokens", "completion_tokens"))
    total_tokens = number(counts.get("total_tokens"))
    reasoning_tokens = number(_first({**counts, **fields(after)}, "reasoning_tokens"))
    if input_tokens is not None and output_tokens is not None and reasoning_tokens:
        with_reasoning = output_tokens + reasoning_tokens
        if total_tokens == input_tokens + with_reasoning:
            output_tokens = with_reasoning
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=total_tokens,
        reasoning_tokens=reasoning_tokens,
        cached_tokens=_cached(counts, fields(before)),
        data=record(raw),
    )


def _cached(counts: Fields, before: Fields) -> int | None:
    found = before.get("cached_tokens")
    if found is None:  # DeepSeek's name, and Kimi's place
        found = _first(counts, "prompt_cache_hit_tokens", "cached_tokens")
    return number(found)


def _first(counts: Fields, *names: str) -> Any:
    return next((counts[name] for name in names if counts.get(name) is not None), None)
