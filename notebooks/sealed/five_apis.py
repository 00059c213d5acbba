"""One question to five APIs, each by its own SDK."""

from collections.abc import Callable, Iterable

#: Makes a stream.
Call = Callable[[], Iterable[object]]


def calls(prompt: str) -> dict[str, Call]:
    """Return for each API a function that asks it, and gives the SDK's stream."""
    from anthropic import Anthropic
    from google import genai
    from openai import OpenAI

    openai, anthropic, google = OpenAI(), Anthropic(), genai.Client()
    gpt, claude, gemini = "gpt-5.6-luna", "claude-haiku-5-5", "gemini-3.8-flash"
    said = [{"role": "user", "content": prompt}]
    return {
        "openai.responses": lambda: openai.responses.create(
            model=gpt, input=prompt, stream=True
        ),
        "openai.chat": lambda: openai.chat.completions.create(
            model=gpt, messages=said, stream=True
        ),
        "anthropic.messages": lambda: anthropic.messages.create(
            model=claude, messages=said, max_tokens=2000, stream=True
        ),
        "google.generate_content": lambda: google.models.generate_content_stream(
            model=gemini, contents=prompt
        ),
        "google.interactions": lambda: google.interactions.create(
            model=gemini, input=prompt, stream=True
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
