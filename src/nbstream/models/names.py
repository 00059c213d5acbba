"""From a name, ``provider:model``, to who is asked."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from nbstream.errors import UnknownNameError, UsageError
from nbstream.models.anthropic import Anthropic
from nbstream.models.google import Google
from nbstream.models.openai_chat import OpenAIChat
from nbstream.models.openai_responses import OpenAIResponses
from nbstream.models.provider import Provider

__all__ = ["GROUP", "PROVIDERS", "parse_model", "provider", "providers"]

#: The entry point group under which others register a `Provider`, or its class.
GROUP = "nbstream.models"


def _at(base_url: str, *keys: str) -> OpenAIChat:
    """Return a server that speaks Chat Completions; most know ``max_tokens`` only."""
    return OpenAIChat(keys, base_url, limit="max_tokens")


#: Our own: three services, and servers with a usual address (as their manuals say).
PROVIDERS: dict[str, Provider] = {
    "openai": OpenAIResponses(),
    "openai-chat": OpenAIChat(),
    "anthropic": Anthropic(),
    "google": Google(),
    "ollama": _at("http://localhost:11434/v1"),
    "vllm": _at("http://localhost:8000/v1"),
    "llamacpp": _at("http://localhost:8080/v1"),
    "lmstudio": _at("http://localhost:1234/v1"),
    "litellm": _at("http://localhost:4000/v1"),
    "openrouter": _at("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
}


def providers() -> list[str]:
    """Return the names of all providers: ours, and those that others registered."""
    return [*PROVIDERS, *(name for name in _registered() if name not in PROVIDERS)]


def provider(name: str) -> Provider:
    """Return a provider by its name.

    Raises:
        UnknownNameError: there is no such provider.
    """
    if name in PROVIDERS:
        return PROVIDERS[name]
    if name not in _registered():
        raise UnknownNameError("provider", name, providers())
    loaded = _registered()[name].load()
    found: Provider = loaded() if isinstance(loaded, type) else loaded
    return found


def parse_model(name: str) -> tuple[str, str]:
    """Split ``provider:model``, or ``provider/model``, at a provider that is known.

    Only there: ``llama3:8b`` and ``accounts/x/models/y`` are names of models.

    Raises:
        UnknownNameError: it begins with no known provider.
        UsageError: the model is missing.
    """
    for separator in ":/":
        prefix, found, model = name.partition(separator)
        if found and prefix in providers():
            if not model:
                msg = f"{name!r} names no model; expected {prefix}:<model>"
                raise UsageError(msg)
            return prefix, model
    raise UnknownNameError("provider at the start of", name, providers())


@cache
def _registered() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
