"""One module for each wire API, found by name or by the look of a payload.

A provider is a module (or any object) with four names:

* ``API``: its name, such as ``"openai.chat"``;
* ``matches(payload) -> bool``: is this payload one of its own?
* ``normalize(payload) -> Sequence[Event]``: pure, one payload in, its events out;
* ``to_message(reply)``: the answer in the form in which this API takes it back.

Others register theirs under the entry point group ``nbstream.providers``.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Protocol, cast

from nbstream.errors import UnknownNameError, UsageError
from nbstream.reply import Reply
from nbstream.reply.reply import with_note
from nbstream.types import Event, Ignored, TextDelta

__all__ = ["APIS", "Provider", "detect", "message_of", "provider"]

_MODULES = {
    "openai.chat": "openai_chat",
    "openai.responses": "openai_responses",
    "anthropic.messages": "anthropic",
    "google.interactions": "interactions",
    "google.generate_content": "gemini",
}
#: The wire APIs that nbstream itself reads, and ``text`` for plain strings.
APIS = ("text", *_MODULES)


class Provider(Protocol):
    """What a provider module offers."""

    API: str

    def matches(self, payload: object) -> bool:
        """Tell whether the payload is of this API."""

    def normalize(self, payload: object) -> Sequence[Event]:
        """Turn one payload into its events."""

    def to_message(self, reply: Reply) -> object:
        """Return the answer as this API takes it back in the next request."""


class _Text:
    """Plain strings: each one is more text of the answer."""

    API = "text"

    def matches(self, payload: object) -> bool:
        """Tell whether the payload is a string."""
        return isinstance(payload, str)

    def normalize(self, payload: object) -> Sequence[Event]:
        """Turn one string into its event; an empty one says nothing.

        Strings have no terminal marker: who hands them over knows when they are all.
        """
        if not isinstance(payload, str):
            return (Ignored(type=type(payload).__name__),)
        return (TextDelta(text=payload),) if payload else ()

    def to_message(self, reply: Reply) -> dict[str, object]:
        """Return the answer in the form most APIs read."""
        return {"role": "assistant", "content": reply.text}


text: Provider = _Text()


@cache
def _own(api: str) -> Provider:
    if api == text.API:
        return text
    return cast("Provider", import_module(f"{__name__}.{_MODULES[api]}"))


@cache
def _registered() -> dict[str, Provider]:
    found = entry_points(group="nbstream.providers")
    return {entry.name: cast("Provider", entry.load()) for entry in found}


def provider(api: str) -> Provider:
    """Return the provider of that name.

    Raises:
        UnknownNameError: no such API; the message lists those there are.
    """
    if api in APIS:
        return _own(api)
    if api in _registered():
        return _registered()[api]
    raise UnknownNameError("API", api, [*APIS, *_registered()])


def _all() -> Iterator[Provider]:
    yield from map(_own, APIS)
    yield from _registered().values()


def detect(payload: object) -> Provider | None:
    """Return the provider whose payload this is, or None."""
    return next((each for each in _all() if each.matches(payload)), None)


def message_of(reply: Reply, note: str = "") -> object:
    """Return an answer as its API takes it back; ``note`` is said behind its text.

    Raises:
        UsageError: nothing came, so that the API is not known.
    """
    if not reply.api:
        msg = "this reply has no API: nothing arrived, so there is no message"
        raise UsageError(msg)
    return provider(reply.api).to_message(with_note(reply, note) if note else reply)
