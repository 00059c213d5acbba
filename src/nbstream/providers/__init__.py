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
from nbstream.providers.payloads import get
from nbstream.reply import Reply
from nbstream.reply.reply import with_note
from nbstream.types import Event, Hop, Ignored

__all__ = ["APIS", "Provider", "detect", "message_of", "provider"]

_MODULES = {
    "text": "frameworks.TEXT",
    "openai.chat": "openai_chat",
    "openai.responses": "openai_responses",
    "anthropic.messages": "anthropic",
    "google.interactions": "interactions",
    "google.generate_content": "gemini",
    "langchain": "frameworks.LANGCHAIN",
    "ollama": "frameworks.OLLAMA",
}
#: The wire APIs that nbstream itself reads, ``text`` for plain strings, and libraries.
APIS = tuple(_MODULES)


class Provider(Protocol):
    """What a provider module offers."""

    API: str

    def matches(self, payload: object) -> bool:
        """Tell whether the payload is of this API."""

    def normalize(self, payload: object) -> Sequence[Event]:
        """Turn one payload into its events."""

    def to_message(self, reply: Reply) -> object:
        """Return the answer as this API takes it back in the next request."""


@cache
def _own(api: str) -> Provider:
    module, _, name = _MODULES[api].partition(".")
    found = import_module(f"{__name__}.{module}")
    return cast("Provider", getattr(found, name) if name else found)


@cache
def _registered() -> dict[str, Provider]:
    found = entry_points(group="nbstream.providers")
    return {entry.name: cast("Provider", entry.load()) for entry in found}


def provider(api: str) -> Provider:
    """Return the provider of that name.

    Raises:
        UnknownNameError: no such API; the message lists those there are.
    """
    if api in _MODULES:
        return _own(api)
    if api in _registered():
        return _registered()[api]
    raise UnknownNameError("API", api, [*APIS, *_registered()])


def _all() -> Iterator[Provider]:
    yield from map(_own, APIS)
    yield from _registered().values()


def detect(payload: object) -> Provider | None:
    """Return the provider whose payload this is, or None.

    The payload may also lie in another object, under ``data``.
    """
    found = next((each for each in _all() if each.matches(payload)), None)
    if found is None and get(payload, "type") in AGENTS:
        return Inside(_own("openai.responses"))
    inner = get(payload, "data") if found is None else None
    return found if inner is None or not (held := detect(inner)) else Inside(held)


#: The events of openai-agents 0.1; the first kind holds the model's own.
AGENTS = ("raw_response_event", "run_item_stream_event", "agent_updated_stream_event")


class Inside:
    """Reads payloads that others hand on as the ``data`` of an object of theirs."""

    def __init__(self, inner: Provider) -> None:
        self.API = inner.API
        self.matches, self.to_message = inner.matches, inner.to_message
        self._inner = inner
        self._begun = False

    def normalize(self, payload: object) -> Sequence[Event]:
        """Read what is inside; an agent's next answer begins anew."""
        inner = get(payload, "data")
        if inner is None:
            return (Ignored(type=str(get(payload, "type"))),)
        events = self._inner.normalize(inner)
        if get(inner, "type") != "response.created":
            return events
        again, self._begun = self._begun, True
        return (Hop(), *events) if again else events


def message_of(reply: Reply, note: str = "") -> object:
    """Return an answer as its API takes it back; ``note`` is said behind its text.

    Raises:
        UsageError: nothing came, so that the API is not known.
    """
    if not reply.api:
        msg = "this reply has no API: nothing arrived, so there is no message"
        raise UsageError(msg)
    return provider(reply.api).to_message(with_note(reply, note) if note else reply)
