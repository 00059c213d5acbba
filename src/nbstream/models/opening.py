"""From a request to a call that can be made, or the line that says what is missing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from importlib import import_module

from nbstream.errors import UsageError
from nbstream.models.names import provider
from nbstream.models.provider import Provider
from nbstream.models.request import Request

__all__ = ["missing", "opened"]


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
    key = api_key or next(filter(None, map(os.environ.get, asked.keys)), None)
    # A server of one's own wants no key, but the SDK does; never another server's.
    key = key or ("none" if open_to_all else None)
    return lambda: asked.open(request, asked.client(base_url or asked.base_url, key))


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
        import_module(asked.package)
    except ImportError:
        pip = asked.package.replace(".", "-")
        return f"{name} needs a package that is not installed: %pip install {pip}"
    return None
