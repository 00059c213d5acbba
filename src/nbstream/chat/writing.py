"""Write a conversation in a provider's own form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from nbstream.chat.said import Call, Said, Who
from nbstream.reply import Reply
from nbstream.requests.request import Provider
from nbstream.told import NO_ANSWER
from nbstream.types import End, Finish, TextDelta, ToolCallDelta

__all__ = ["written"]


def written(said: Sequence[Said], own: Provider) -> list[Any]:
    """Return the messages; what the system says is not among them.

    What a model said in several messages in a row becomes one: Responses gives each
    call a message of its own, and other APIs want them together.
    """
    found: list[Any] = []
    calls: list[Call] = []
    count = 0
    for who, group in groupby(said, _who):
        match who:
            case "model":
                message, calls = _answer(list(group), own, count)
                count += len(calls)
                found += message
            case "tool":
                found += _results(group, calls, own)
            case "user":
                found += [own.user_message(s.text, s.images, s.files) for s in group]
            case "system":
                pass
    return found


def _who(each: Said) -> Who:
    return each.who


def _answer(
    said: list[Said], own: Provider, count: int
) -> tuple[list[Any], list[Call]]:
    reply = Reply(own.api)
    calls = [
        Call(call.id or f"call_{count + at}", call.name, call.arguments)
        for at, call in enumerate(call for each in said for call in each.calls)
    ]
    text = "".join(each.text for each in said)
    if text or not calls:
        reply.apply(TextDelta(text=text or NO_ANSWER, index=0))
    for at, call in enumerate(calls, 1):
        reply.apply(
            ToolCallDelta(
                index=at, id=call.id, name=call.name, arguments=call.arguments or "{}"
            )
        )
    reply.apply(Finish(reason="tool_calls" if calls else "stop", raw_reason=""))
    reply.apply(End())
    reply.end()
    message = reply.to_message()
    return message if isinstance(message, list) else [message], calls


def _results(
    said: Iterable[Said], calls: Sequence[Call], own: Provider
) -> Iterator[Any]:
    """Pair each result with its call: by its id, by its name, or by its turn."""
    left = list(calls)
    for each in said:
        id_, name = each.call
        fits = [call for call in left if id_ and call.id == id_]
        fits += [call for call in left if name and call.name == name]
        fits += left
        if fits:
            left.remove(fits[0])
            call = fits[0]
            yield own.tool_result_message(call.id, call.name, each.text, each.is_error)
