"""One question to five APIs, each by its own SDK, with a client that a lesson made."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from nbstream.offline import Server

#: Makes a stream.
Call = Callable[[], Iterable[object]]

GPT, CLAUDE, GEMINI = "gpt-5.6-luna", "claude-haiku-5-5", "gemini-3.8-flash"


def _said(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def responses(openai: Any, prompt: str, **options: Any) -> Iterable[Any]:
    """Ask OpenAI's newer API."""
    create = openai.responses.create
    return create(model=GPT, input=prompt, stream=True, **options)


def chat(openai: Any, prompt: str, **options: Any) -> Iterable[Any]:
    """Ask OpenAI's older API, which many others speak."""
    create = openai.chat.completions.create
    return create(model=GPT, messages=_said(prompt), stream=True, **options)


def messages(anthropic: Any, prompt: str, **options: Any) -> Iterable[Any]:
    """Ask Anthropic's API."""
    asked = {"model": CLAUDE, "messages": _said(prompt), "max_tokens": 2000}
    return anthropic.messages.create(**asked, stream=True, **options)


def generate(google: Any, prompt: str) -> Iterable[Any]:
    """Ask Google's older API."""
    return google.models.generate_content_stream(model=GEMINI, contents=prompt)


def interactions(google: Any, prompt: str) -> Iterable[Any]:
    """Ask Google's newer API."""
    return google.interactions.create(model=GEMINI, input=prompt, stream=True)


def calls(prompt: str, openai: Any, anthropic: Any, google: Any) -> dict[str, Call]:
    """Return for each API a function that asks it, and gives the SDK's stream.

    Args:
        prompt: What is asked.
        openai: A client of OpenAI.
        anthropic: A client of Anthropic.
        google: A client of Google's genai.
    """
    return {
        "openai.responses": partial(responses, openai, prompt),
        "openai.chat": partial(chat, openai, prompt),
        "anthropic.messages": partial(messages, anthropic, prompt),
        "google.generate_content": partial(generate, google, prompt),
        "google.interactions": partial(interactions, google, prompt),
    }


def warm_up(server: Server, some: Mapping[str, Call]) -> None:
    """Ask each API once, at no pace: an SDK loads much when it is first used."""
    speed, server.speed = server.speed, 0
    for call in some.values():
        list(call())
    server.speed = speed


def read(call: Call) -> tuple[list[object], str]:
    """Read a stream in a plain loop; return its events, and what ended the loop."""
    events: list[object] = []
    try:
        for event in call():
            events.append(event)  # noqa: PERF402 - what came before an exception
    except Exception as error:  # noqa: BLE001 - which one it is differs by SDK
        return events, type(error).__name__
    return events, "no exception"
