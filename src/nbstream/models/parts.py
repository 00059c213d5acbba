"""Small things that every provider's request needs."""

from __future__ import annotations

import base64
import inspect
import mimetypes
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from nbstream.errors import UsageError

__all__ = [
    "File",
    "data_url",
    "encoded",
    "given",
    "joined",
    "known",
    "merged",
    "messages_of",
]


class File(Protocol):
    """What is sent along: a ``Path``, or anything that can be read like one."""

    @property
    def name(self) -> str:
        """Its name, whose ending tells the type."""
        ...

    def read_bytes(self) -> bytes:
        """Return its content."""
        ...

    def read_text(self, encoding: str, errors: str) -> str:
        """Return its content as text."""
        ...


def given(**options: Any) -> dict[str, Any]:
    """Return the options that have a value."""
    return {name: value for name, value in options.items() if value is not None}


def merged(ours: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Add the caller's options: theirs win, and two mappings become one."""
    made = dict(ours)
    for name, value in more.items():
        was = made.get(name)
        both = isinstance(was, Mapping) and isinstance(value, Mapping)
        made[name] = merged(was, value) if both and was is not None else value
    return made


def encoded(path: File) -> tuple[str, str]:
    """Return a file's media type and its content in base64.

    Raises:
        UsageError: it cannot be read, or its name does not tell its type.
    """
    kind, _ = mimetypes.guess_type(path.name)
    if kind is None:
        msg = f"{path.name!r} has no known file ending; expected one such as .png, .pdf"
        raise UsageError(msg)
    try:
        return kind, base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        msg = f"{str(path)!r} cannot be read ({error.strerror}); give a file's path"
        raise UsageError(msg) from None


def data_url(path: File) -> str:
    """Return a file as a ``data:`` address."""
    kind, data = encoded(path)
    return f"data:{kind};base64,{data}"


def known(call: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Move what an SDK's call does not know into ``extra_body``.

    So the service sees it and says what is wrong with it, and an option newer than
    the SDK works.
    """
    names = inspect.signature(call).parameters
    fits = {name: value for name, value in arguments.items() if name in names}
    extra = {name: value for name, value in arguments.items() if name not in names}
    return merged(fits, {"extra_body": extra}) if extra else fits


def messages_of(messages: tuple[Any, ...]) -> list[Any]:
    """Flatten: a reply may be sent back as a list of items."""
    found: list[Any] = []
    for message in messages:
        found.extend(message if isinstance(message, list) else [message])
    return found


def joined(
    messages: list[Any], key: str, is_result: Callable[[Any], bool]
) -> list[Any]:
    """Put the results of parallel calls into one message, as some APIs want them."""

    def answers(message: Any) -> bool:
        held = message.get(key) if isinstance(message, dict) else None
        return isinstance(held, list) and len(held) > 0 and all(map(is_result, held))

    found: list[Any] = []
    for message in messages:
        if found and answers(message) and answers(found[-1]):
            found[-1] = {**message, key: [*found[-1][key], *message[key]]}
        else:
            found.append(message)
    return found
