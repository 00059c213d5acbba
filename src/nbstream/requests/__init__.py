"""Who can be asked, by a name such as ``provider:model``, and how a request is sent."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from nbstream._keys import redact, remember
from nbstream._workers import imported
from nbstream.errors import UnknownNameError, UsageError
from nbstream.requests.anthropic import Anthropic
from nbstream.requests.google import Google, Interactions
from nbstream.requests.openai import OpenAIChat, OpenAIResponses
from nbstream.requests.request import Form, Provider, Request

#: The entry point group under which others register a `Provider`, or its class.
GROUP = "nbstream.requests"


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


#: Each API, and who knows the form of its messages.
FORMS: dict[str, Form] = {each.api: each for each in reversed(PROVIDERS.values())}
FORMS[Interactions.api] = Interactions()


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


def parse_model(name: object) -> tuple[str, str]:
    """Split ``provider:model``, or ``provider/model``, at a provider that is known.

    Only there: ``llama3:8b`` and ``accounts/x/models/y`` are names of models.

    Raises:
        UnknownNameError: it begins with no known provider; what may be meant is said.
        UsageError: the model is missing, or that is no name.
    """
    if not isinstance(name, str):
        msg = f"a model is a name such as 'openai:<model>', got {name!r}"
        raise UsageError(msg)
    for separator in ":/":
        prefix, found, model = name.partition(separator)
        if found and prefix in providers():
            if not model:
                msg = f"{name!r} names no model; expected {prefix}:<model>"
                raise UsageError(msg)
            return prefix, model
    raise UnknownNameError("provider at the start of", name, providers(), _hint(name))


def is_model(name: object) -> bool:
    """Tell whether a text names a model of a known provider."""
    found = re.match(r"([^:/\s]+)[:/]\S+\Z", name) if isinstance(name, str) else None
    return found is not None and found[1] in providers()


#: How names of models begin, or what providers are called elsewhere -> ours.
_FAMILIES = {
    "gpt": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "chatgpt": "openai",
    "claude": "anthropic",
    "gemini": "google",
    "gemma": "google",
    "models/gem": "google",
}


def _hint(name: str) -> str:
    """Say what may be meant by the name of a model without a provider of ours."""
    prefix, *rest = re.split("[:/]", name, maxsplit=1)
    model = rest[0] if rest else ""
    low = name.lower()
    near = get_close_matches(prefix.lower(), providers(), 1, 0.85)
    family = next(
        (own for start, own in _FAMILIES.items() if low.startswith(start)), ""
    )
    if re.fullmatch(r"[\w.-]+:(latest|e?\d[\d.]*[bm]\b.*)", low):  # Ollama's own tags
        return f"; did you mean {f'ollama:{name}'!r}?"
    if model and near:
        return f"; did you mean {f'{near[0]}:{model}'!r}?"
    if family:
        bare = model if model and prefix.lower() in _FAMILIES else name
        return f"; did you mean {f'{family}:{bare}'!r}?"
    other = f"openai-chat:{model or prefix or '<model>'}"
    return f"; another server that speaks Chat Completions: {other!r} with base_url="


@cache
def _registered() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def opened(
    request: Request, *, base_url: str | None = None, api_key: str | None = None
) -> Callable[[], AsyncIterator[object]]:
    """Return a function that sends the request and yields what the SDK yields.

    It uses the provider's async client, made for each call and closed after it: an
    async call can be stopped in every phase, also before the headers are there.

    Raises:
        UsageError: the package or the key is missing; the message says how to get it.
    """
    asked = provider(request.provider)
    open_to_all = base_url is not None or not asked.keys
    if not (api_key or open_to_all) and (lack := missing(request.provider)):
        raise UsageError(lack)
    if lack := _no_package(request.provider, asked):
        raise UsageError(lack)
    remember(api_key)
    key = api_key or next(filter(None, map(os.environ.get, asked.keys)), None)
    # A server of one's own wants no key, but the SDK does; never another server's.
    key = key or ("none" if open_to_all else None)
    _check(key, base_url)

    def answers() -> AsyncIterator[object]:
        try:
            client = asked.client(base_url or asked.base_url, key)
        except Exception as error:
            why = redact(f"{type(error).__name__}: {error}")
            msg = (
                f"no client of {request.provider} can be made ({why}){_surroundings()}"
            )
            raise UsageError(msg) from error
        return asked.open(request, client)

    return answers


def _check(key: object, base_url: object) -> None:
    """See that a key and an address can be sent; the key itself is never told."""
    if key is not None and not isinstance(key, str):
        raise UsageError(f"a key is a text, got {type(key).__name__}")
    odd = re.search(r"[^!#-&(-~]", key or "")
    if odd:
        msg = (
            f"the key holds {odd[0]!r}, a character that no key has: "
            "copy it again, without quotes, spaces and line breaks"
        )
        raise UsageError(msg)
    if base_url is not None and "://" not in str(base_url):
        told = redact(repr(base_url))
        msg = f"base_url={told} is no address: expected https://... or http://..."
        raise UsageError(msg)


#: Variables that the HTTP library below every SDK reads when a client is made.
_READ = [
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("NO_PROXY", "ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"),
]


def _surroundings() -> str:
    """Name the variables of the environment that may be why no client can be made."""
    names = (each for name in _READ for each in (name, name.lower()))
    if not (found := [name for name in names if os.environ.get(name)]):
        return ""
    return f": look at what the environment says in {', '.join(found)}"


def missing(name: str) -> str | None:
    """Return what a provider lacks before it can be asked, or None."""
    asked = provider(name)
    if (lack := _no_package(name, asked)) is not None:
        return lack
    if not asked.keys or any(os.environ.get(key) for key in asked.keys):
        return None
    return (
        f"{name} needs a key in {' or '.join(asked.keys)}: "
        f'import os, getpass; os.environ["{asked.keys[0]}"] = getpass.getpass(); '
        "for scripted answers without one: nbstream.offline.use()"
    )


def _no_package(name: str, asked: Provider) -> str | None:
    try:
        imported(asked.package)
    except ImportError:
        pip = asked.package.replace(".", "-")
        return f"{name} needs a package that is not installed: %pip install {pip}"
    return None
