"""What the model is told of a call: its result as text, or what is wrong with it."""

from __future__ import annotations

from nbstream.tools.extra import needed

__all__ = ["as_text", "misfits"]


def as_text(value: object) -> str:
    """Return a result as the model reads it: text as it is, all else as JSON.

    pydantic writes the JSON, so that dataclasses, models, dates and sets are known;
    what has no JSON is given as ``str`` writes it.
    """
    if isinstance(value, str):
        return value
    made: bytes = needed("pydantic_core").to_json(
        value, fallback=str, inf_nan_mode="constants", bytes_mode="base64"
    )
    return made.decode()


def misfits(error: ValueError) -> str:
    """Say which arguments do not fit, and why: one line for each.

    Only pydantic's own words and the arguments' names are told, no link.
    """
    details = getattr(error, "errors", None)
    if not callable(details):
        return f"The arguments do not fit: {error}"
    lines = [
        f"- {'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}"
        for each in details(include_url=False, include_context=False)
    ]
    return "\n".join(["The arguments do not fit the schema:", *lines])
