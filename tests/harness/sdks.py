"""Every way to call the three SDKs for a stream, and one client of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import pytest
from packaging.version import Version

__all__ = ["APIS", "KEY", "SHAPES", "Clients", "Shape", "cases", "only", "since"]

#: Looks like a real key, so that its appearance anywhere is noticed.
KEY = "sk-test-0123456789abcdefghijklmnopqrstuvwxyz"
APIS = (
    "openai.chat",
    "openai.responses",
    "anthropic.messages",
    "google.generate_content",
    "google.interactions",
)


class Clients:
    """A sync and an async client of each SDK; none of them retries."""

    def __init__(self, url: str) -> None:
        import anthropic
        import openai
        from google import genai

        openai_to = {"base_url": f"{url}/v1", "api_key": KEY, "max_retries": 0}
        anthropic_to = {"base_url": url, "api_key": KEY, "max_retries": 0}
        self.openai = openai.OpenAI(**openai_to)
        self.aopenai = openai.AsyncOpenAI(**openai_to)
        self.anthropic = anthropic.Anthropic(**anthropic_to)
        self.aanthropic = anthropic.AsyncAnthropic(**anthropic_to)
        google_to = {"base_url": url, "retry_options": {"attempts": 1}}
        self.google = genai.Client(api_key=KEY, http_options=google_to)
        self.agoogle = self.google.aio

    def close(self) -> None:
        """Close the sync clients; the async ones hold nothing between streams."""
        for client in (self.openai, self.anthropic, self.google):
            client.close()

    async def aclose(self) -> None:
        """Close all of them, for those who were used on a loop that ends."""
        self.close()
        await self.aopenai.close()
        await self.aanthropic.close()
        await self.agoogle.aclose()

    def close_all(self) -> None:
        """Close all of them, on the loop that reads what is shown or recorded."""
        from nbstream.streams.loop_reader import background_loop

        loop = background_loop()
        asyncio.run_coroutine_threadsafe(self.aclose(), loop).result(10)


@dataclass(frozen=True)
class Shape:
    """One thing a person may hand over: ``make(clients, model, prompt)`` makes it."""

    api: str
    name: str
    is_async: bool
    make: Callable[[Clients, str, str], object]
    #: Whether the request has not been sent yet when it is handed over.
    lazy: bool = True


def _messages(prompt: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": prompt}]}


def _chat(client, model, prompt):
    options = {"stream": True, "stream_options": {"include_usage": True}}
    return client.chat.completions.create(model=model, **_messages(prompt), **options)


def _chat_manager(client, model, prompt):
    return client.chat.completions.stream(model=model, **_messages(prompt))


def _chat_raw(client, model, prompt):
    create = client.chat.completions.with_raw_response.create
    return create(model=model, **_messages(prompt), stream=True)


def _responses(client, model, prompt):
    return client.responses.create(model=model, input=prompt, stream=True)


def _responses_manager(client, model, prompt):
    return client.responses.stream(model=model, input=prompt)


def _anthropic(client, model, prompt):
    asked = {"model": model, "max_tokens": 4000, **_messages(prompt)}
    return client.messages.create(**asked, stream=True)


def _anthropic_manager(client, model, prompt):
    asked = {"model": model, "max_tokens": 4000, **_messages(prompt)}
    return client.messages.stream(**asked)


def _gemini(client, model, prompt):
    return client.models.generate_content_stream(model=model, contents=prompt)


def _gemini_chat(client, model, prompt):
    return client.chats.create(model=model).send_message_stream(prompt)


def _interactions(client, model, prompt):
    return client.interactions.create(model=model, input=prompt, stream=True)


#: (API, attributes of `Clients`, name of the shape, call, sent at once if sync)
_CALLS = (
    ("openai.chat", "openai", "stream", _chat, True),
    ("openai.chat", "openai", "manager", _chat_manager, False),
    ("openai.chat", "openai", "raw response", _chat_raw, True),
    ("openai.responses", "openai", "stream", _responses, True),
    ("openai.responses", "openai", "manager", _responses_manager, False),
    ("anthropic.messages", "anthropic", "stream", _anthropic, True),
    ("anthropic.messages", "anthropic", "manager", _anthropic_manager, False),
    ("google.generate_content", "google", "stream", _gemini, False),
    ("google.generate_content", "google", "chat", _gemini_chat, False),
    ("google.interactions", "google", "stream", _interactions, True),
)


def _shapes():
    for api, client, name, call, sent in _CALLS:

        def sync(clients, model, prompt, *, _call=call, _client=client):
            return _call(getattr(clients, _client), model, prompt)

        def later(clients, model, prompt, *, _call=call, _client=client):
            return _call(getattr(clients, f"a{_client}"), model, prompt)

        def called(make):
            return lambda *given: lambda: make(*given)

        yield Shape(api, f"sync {name}", False, sync, lazy=not sent)
        yield Shape(api, f"sync {name} of a function", False, called(sync))
        yield Shape(api, f"async {name}", True, later)
        yield Shape(api, f"async {name} of a function", True, called(later))


SHAPES = {f"{shape.api}, {shape.name}": shape for shape in _shapes()}


def only(**wanted: object) -> dict[str, Shape]:
    """Return the shapes whose attributes are as wanted."""
    return {
        name: shape
        for name, shape in SHAPES.items()
        if all(getattr(shape, key) == value for key, value in wanted.items())
    }


def cases(shapes: dict[str, Shape]) -> dict[str, object]:
    """Return what `pytest.mark.parametrize` takes for a table of shapes."""
    return {"argvalues": list(shapes.values()), "ids": list(shapes)}


def since(package: str, release: str) -> pytest.MarkDecorator:
    """Mark what is held against all that an SDK knows: an older one knows less."""
    older = Version(version(package)) < Version(release)
    return pytest.mark.skipif(older, reason=f"{package} {release} is the first for it")
