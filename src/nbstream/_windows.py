"""What opens a window on a reply: named from above, so that a reply stays data.

``reply.plot()``, ``reply.anatomy()``, ``reply.items()`` and their like are the work of
rooms above the core, which the core does not know. The face names them here, as
``"module:function"``; a room is imported when one first looks through its window. What
a window gives is said here too, as far as it can be said from below.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from importlib import import_module
from os import PathLike
from typing import Any, Literal, Protocol, TypeAlias

Name: TypeAlias = Literal[
    "anatomy",
    "display",
    "from_sse",
    "from_stream",
    "items",
    "marimo",
    "markdown",
    "partial",
    "plot",
    "resume_hint",
    "to_message",
    "to_ui_message",
]


class Picture(Protocol):
    """What ``reply.plot()`` gives: a picture that the last line of a cell shows."""

    @property
    def figure(self) -> Any:
        """The figure of matplotlib."""

    def save(self, path: str | PathLike[str], *, dpi: int = ...) -> None:
        """Write the picture into a file, of the kind that its name ends with."""


class Walk(Protocol):
    """What ``reply.anatomy()`` gives: the steps of a stream, by number."""

    api: str
    data: bytes

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...

    @property
    def reads(self) -> Sequence[Any]:
        """What each read from the network gave, one after the other."""

    def at(self, count: int) -> dict[str, str]:
        """Return what has been accumulated after so many steps."""

    def markdown(self) -> str:
        """Return the steps as a table."""


class Limits(Protocol):
    """What ``timeout=`` takes besides a number of seconds: an ``nbstream.Timeout``."""

    @property
    def first(self) -> float | None: ...
    @property
    def between(self) -> float | None: ...
    @property
    def total(self) -> float | None: ...


class Elements(Protocol):
    """What ``reply.items()`` gives: elements, for a ``for`` or an ``async for``."""

    def __iter__(self) -> Iterator[Any]: ...
    def __aiter__(self) -> AsyncIterator[Any]: ...


_HOMES: dict[Name, str] = {}


def register(homes: dict[Name, str]) -> None:
    """Say where the windows are: ``"module:function"``, which takes the reply first."""
    _HOMES.update(homes)


def window(name: Name) -> Callable[..., Any]:
    """Return the function behind a window; its module is imported now.

    Raises:
        LookupError: nobody has registered it.
    """
    module, _, function = _HOMES[name].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
