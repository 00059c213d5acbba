"""Token counts, added up as each provider means them."""

from nbstream.types import Usage

__all__ = ["add_hop", "merge"]


def merge(old: Usage | None, new: Usage) -> Usage:
    """Take the later counts, and keep the earlier ones where it says nothing.

    Anthropic tells the input once and the output as a running total; Gemini tells
    both again and again; OpenAI once. So the last word on each count holds.
    """
    if old is None:
        old = new
    input_tokens = _later(old.input_tokens, new.input_tokens)
    output_tokens = _later(old.output_tokens, new.output_tokens)
    total_tokens = new.total_tokens
    if total_tokens is None and input_tokens is not None and output_tokens is not None:
        total_tokens = input_tokens + output_tokens
    told = {key: value for key, value in new.data.items() if value is not None}
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=total_tokens,
        reasoning_tokens=_later(old.reasoning_tokens, new.reasoning_tokens),
        cached_tokens=_later(old.cached_tokens, new.cached_tokens),
        data={**old.data, **told},
    )


def add_hop(before: Usage | None, now: Usage | None) -> Usage | None:
    """Add the counts of one exchange to those of the exchanges before it."""
    if before is None or now is None:
        return now or before
    return Usage(
        input_tokens=_sum(before.input_tokens, now.input_tokens),
        output_tokens=_sum(before.output_tokens, now.output_tokens),
        total_tokens=_sum(before.total_tokens, now.total_tokens),
        reasoning_tokens=_sum(before.reasoning_tokens, now.reasoning_tokens),
        cached_tokens=_sum(before.cached_tokens, now.cached_tokens),
        data=now.data,
    )


def _later(old: int | None, new: int | None) -> int | None:
    return old if new is None else new


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
