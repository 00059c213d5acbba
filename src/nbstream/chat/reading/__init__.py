"""Read a conversation in any provider's own form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from nbstream.chat.reading import anthropic, google, openai_chat, openai_responses
from nbstream.chat.said import Said
from nbstream.errors import UsageError

__all__ = ["read"]

_Read: TypeAlias = Callable[[int, Mapping[str, Any]], Iterator[Said]]
_READERS: Mapping[str, _Read] = {
    "openai.chat": openai_chat.read,
    "openai.responses": openai_responses.read,
    "anthropic.messages": anthropic.read,
    "google.generate_content": google.read,
}


def read(api: str, messages: Sequence[Any]) -> list[Said]:
    """Return what was said, in order; a message may hold more than one thing.

    Raises:
        UsageError: no conversation of this API can be read, or a message is no dict.
    """
    if api not in _READERS:
        msg = f"conversations of {api!r} cannot be read; known: {', '.join(_READERS)}"
        raise UsageError(msg)
    found: list[Said] = []
    for at, message in enumerate(messages):
        if not isinstance(message, Mapping):
            msg = f"message {at} is {message!r}: expected a dict, as the API takes it"
            raise UsageError(msg)
        found += _READERS[api](at, message)
    return found
