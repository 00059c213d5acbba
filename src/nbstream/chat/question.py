"""A question in the provider's own form, with its images and files."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from nbstream._ask import request_of
from nbstream.chat.reading import read
from nbstream.requests.request import Provider

__all__ = ["question_of", "reworded"]


def question_of(
    prompt: str,
    model: str,
    images: Sequence[str | PathLike[str]] = (),
    files: Sequence[str | PathLike[str]] = (),
) -> Any:
    """Return the message that asks a model something.

    Raises:
        UsageError: there is no question, or a file cannot be sent.
    """
    request = request_of(
        prompt,
        model,
        images=[Path(each).expanduser() for each in images],
        files=[Path(each).expanduser() for each in files],
    )
    return request.messages[0]


def reworded(question: Any, prompt: str, own: Provider) -> Any:
    """Return a question in other words, with the images and files it had."""
    (before,) = read(own.api, [question])
    return own.user_message(prompt, before.images, before.files)
