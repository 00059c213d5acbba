"""One question to five APIs, each by its own SDK."""

from collections.abc import Callable, Iterable
from functools import cache

#: Makes a stream.
Call = Callable[[], Iterable[object]]

GPT, CLAUDE, GEMINI = "gpt-5.6-luna", "claude-haiku-5-5", "gemini-3.8-flash"


def calls(prompt: str, **options: object) -> dict[str, Call]:
    """Return for each API a function that asks it, and gives the SDK's stream.

    Args:
        prompt: What is asked.
        options: Of the clients of OpenAI and Anthropic, such as ``max_retries``.
    """
    said = [{"role": "user", "content": prompt}]

    # An SDK is imported, and its client made, when it is used: that takes a second.
    @cache
    def openai():
        from openai import OpenAI

        return OpenAI(**options)

    @cache
    def anthropic():
        from anthropic import Anthropic

        return Anthropic(**options)

    @cache
    def google():
        from google import genai

        return genai.Client()

    return {
        "openai.responses": lambda: openai().responses.create(
            model=GPT, input=prompt, stream=True
        ),
        "openai.chat": lambda: openai().chat.completions.create(
            model=GPT, messages=said, stream=True
        ),
        "anthropic.messages": lambda: anthropic().messages.create(
            model=CLAUDE, messages=said, max_tokens=2000, stream=True
        ),
        "google.generate_content": lambda: google().models.generate_content_stream(
            model=GEMINI, contents=prompt
        ),
        "google.interactions": lambda: google().interactions.create(
            model=GEMINI, input=prompt, stream=True
        ),
    }


def loop(call: Call) -> str:
    """Read a stream in a plain loop; return the exception's name, if one ended it."""
    try:
        for _event in call():
            pass
    except Exception as error:  # noqa: BLE001 - which one it is differs by SDK
        return type(error).__name__
    return "no exception"
