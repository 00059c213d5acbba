"""One question to five APIs, each by its own SDK."""

from collections.abc import Callable, Iterable
from typing import Any

#: Makes a stream.
Call = Callable[[], Iterable[object]]

GPT, CLAUDE, GEMINI = "gpt-5.6-luna", "claude-haiku-5-5", "gemini-3.8-flash"


def calls(prompt: str, openai: Any, anthropic: Any, google: Any) -> dict[str, Call]:
    """Return for each API a function that asks it, and gives the SDK's stream.

    Args:
        prompt: What is asked.
        openai: A client of OpenAI.
        anthropic: A client of Anthropic.
        google: A client of Google's genai.
    """
    said = [{"role": "user", "content": prompt}]
    return {
        "openai.responses": lambda: openai.responses.create(
            model=GPT, input=prompt, stream=True
        ),
        "openai.chat": lambda: openai.chat.completions.create(
            model=GPT, messages=said, stream=True
        ),
        "anthropic.messages": lambda: anthropic.messages.create(
            model=CLAUDE, messages=said, max_tokens=2000, stream=True
        ),
        "google.generate_content": lambda: google.models.generate_content_stream(
            model=GEMINI, contents=prompt
        ),
        "google.interactions": lambda: google.interactions.create(
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
