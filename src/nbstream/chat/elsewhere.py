"""Go on with a conversation elsewhere: with another model, or another provider."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from nbstream.chat.reading import read
from nbstream.chat.writing import written
from nbstream.requests import parse_model, provider

if TYPE_CHECKING:
    from nbstream.chat.conversation import Conversation

__all__ = ["gone_on"]

_Chat = TypeVar("_Chat", bound="Conversation")


def gone_on(
    chat: _Chat,
    model: str,
    keys: tuple[str | None, str | None],
    changes: Mapping[str, Any],
) -> _Chat:
    """Return a conversation that begins where this one is; see ``Chat.to``.

    ``keys``: the one it has, which is for its own provider only, and the one given.
    """
    own_key, api_key = keys
    own, before = provider(parse_model(model)[0]), provider(parse_model(chat.model)[0])
    kept: dict[str, Any] = {
        "system": chat.system,
        "tools": tuple(chat.tools.values()),
        "max_tokens": chat.max_tokens,
        "max_rounds": chat.max_rounds,
    }
    if own is before:
        kept |= {"reasoning_effort": chat.reasoning_effort, "base_url": chat.base_url}
        kept |= {"messages": chat.messages, "api_key": api_key or own_key}
        return type(chat)(model, **{**kept, **chat.options, **changes})
    said = read(before.api, chat.messages)
    systems = [chat.system, *(each.text for each in said if each.who == "system")]
    kept["system"] = "\n\n".join(filter(None, systems)) or None
    kept |= {"messages": written(said, own), "api_key": api_key}
    made = type(chat)(model, **{**kept, **changes})
    made.lost = _counted(what for each in said for what in each.lost)
    if made.lost:
        msg = f"{model} cannot be told all of it; left out: {', '.join(made.lost)}"
        warnings.warn(msg, UserWarning, stacklevel=3)
    return made


def _counted(lost: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, int] = {}
    for each in lost:
        found[each] = found.get(each, 0) + 1
    return tuple(
        each if times == 1 else f"{each} ({times} times)"
        for each, times in found.items()
    )
