"""From ``provider:model`` to a call that streams."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from nbstream.errors import UnknownNameError, UsageError

__all__ = ["PROVIDERS", "Request", "call", "split_model"]

#: Anthropic's API wants a limit: the one we send if none is asked for, in tokens.
ANTHROPIC_MAX_TOKENS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question, in no provider's words. ``max_tokens`` is in tokens."""

    model: str
    prompt: str
    system: str | None = None
    max_tokens: int | None = None


def split_model(name: str) -> tuple[str, str]:
    """Split ``provider:model``, or ``provider/model``, at a provider that is known.

    Only there: ``llama3:8b`` and ``accounts/x/models/y`` are names of models.

    Raises:
        UnknownNameError: it begins with no known provider.
        UsageError: the model is missing.
    """
    for separator in ":/":
        provider, found, model = name.partition(separator)
        if found and provider in PROVIDERS:
            if not model:
                msg = f"{name!r} names no model; expected {provider}:<model>"
                raise UsageError(msg)
            return provider, model
    raise UnknownNameError("provider at the start of", name, PROVIDERS)


def call(name: str, **request: Any) -> Callable[[], AsyncIterator[object]]:
    """Return a function that sends the request and yields what the SDK yields.

    It uses the provider's async client, made for this call and closed after it: an
    async call can be stopped in every phase, also before the headers are there.

    Raises:
        UnknownNameError: there is no such provider.
        UsageError: its package or its key is missing; the message says how to get it.
    """
    provider, model = split_model(name)
    package, variables, stream = PROVIDERS[provider]
    try:
        import_module(package)
    except ImportError as error:
        pip = package.replace(".", "-")
        msg = f"{provider} needs a package that is not installed: %pip install {pip}"
        raise UsageError(msg) from error
    if not any(os.environ.get(variable) for variable in variables):
        msg = (
            f"{provider} needs a key in {' or '.join(variables)}; for scripted answers "
            "without one: nbstream.offline.use()"
        )
        raise UsageError(msg)
    return partial(stream, Request(model=model, **request))


async def _responses(request: Request) -> AsyncIterator[object]:
    from openai import AsyncOpenAI

    options = _given(instructions=request.system, max_output_tokens=request.max_tokens)
    async with AsyncOpenAI() as client:
        stream = await client.responses.create(
            model=request.model, input=request.prompt, stream=True, **options
        )
        async with stream:
            async for event in stream:
                yield event


async def _chat(request: Request) -> AsyncIterator[object]:
    from openai import AsyncOpenAI

    system = [{"role": "system", "content": request.system}] if request.system else []
    messages: Any = [*system, {"role": "user", "content": request.prompt}]
    options = _given(max_completion_tokens=request.max_tokens)
    async with AsyncOpenAI() as client:
        stream = await client.chat.completions.create(
            model=request.model,
            messages=messages,
            stream=True,
            stream_options={"include_usage": True},
            **options,
        )
        async with stream:
            async for chunk in stream:
                yield chunk


async def _anthropic(request: Request) -> AsyncIterator[object]:
    from anthropic import AsyncAnthropic

    options = _given(system=request.system)
    async with AsyncAnthropic() as client:
        stream = await client.messages.create(
            model=request.model,
            messages=[{"role": "user", "content": request.prompt}],
            max_tokens=request.max_tokens or ANTHROPIC_MAX_TOKENS,
            stream=True,
            **options,
        )
        async with stream:
            async for event in stream:
                yield event


async def _google(request: Request) -> AsyncIterator[object]:
    from google.genai import Client, types

    config = types.GenerateContentConfig(
        system_instruction=request.system, max_output_tokens=request.max_tokens
    )
    async with Client().aio as client:
        stream = await client.models.generate_content_stream(
            model=request.model, contents=request.prompt, config=config
        )
        async for chunk in stream:
            yield chunk


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


#: Each provider: its package, where its key may be, and how it is asked.
PROVIDERS = {
    "openai": ("openai", ("OPENAI_API_KEY",), _responses),
    "openai-chat": ("openai", ("OPENAI_API_KEY",), _chat),
    "anthropic": ("anthropic", ("ANTHROPIC_API_KEY",), _anthropic),
    "google": ("google.genai", ("GEMINI_API_KEY", "GOOGLE_API_KEY"), _google),
}
