"""A Python function as a model sees it: a name, a description, a schema."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import overload

from nbstream.errors import UsageError
from nbstream.tools.described import described
from nbstream.tools.signature import Arguments

__all__ = ["Tool", "tool", "tools_of"]

#: What OpenAI and Anthropic take as a name; Gemini takes all of it, too.
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Tool:
    """A function that a model may call; calling it calls the function.

    Attributes:
        function: The function itself.
        name: Its name; ASCII letters, digits, ``_`` and ``-``, at most 64.
        description: What its docstring says of it.
        parameters: The JSON Schema of its arguments.
        confirm: Whether each call waits for a person's consent.
    """

    def __init__(
        self,
        function: Callable[..., object],
        *,
        name: str | None = None,
        description: str | None = None,
        confirm: bool = False,
    ) -> None:
        self.function = _callable(function)
        self.name = name or _name_of(function)
        if not _NAME.fullmatch(self.name):
            msg = (
                f"{self.name!r} is no name for a tool: 1 to 64 of a-z, A-Z, 0-9, _ "
                'and -; give it one, nbstream.tool(function, name="...")'
            )
            raise UsageError(msg)
        said, of_arguments = described(function)
        self.description = said if description is None else description
        self.arguments = Arguments(function, of_arguments)
        self.parameters = self.arguments.schema
        self.confirm = confirm
        if hasattr(function, "__name__"):
            functools.update_wrapper(self, function)

    @property
    def is_async(self) -> bool:
        """Whether it is an ``async def``, which runs on the event loop."""
        function = self.function
        while isinstance(function, functools.partial):
            function = function.func
        call = getattr(function, "__call__", None)  # noqa: B004 - its kind is asked
        return any(inspect.iscoroutinefunction(each) for each in (function, call))

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Call the function as Python does: nothing is checked."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Tool({self.name!r}{', confirm=True' if self.confirm else ''})"


@overload
def tool(
    function: Callable[..., object],
    *,
    name: str | None = None,
    description: str | None = None,
    confirm: bool = False,
) -> Tool: ...
@overload
def tool(
    *, name: str | None = None, description: str | None = None, confirm: bool = False
) -> Callable[[Callable[..., object]], Tool]: ...
def tool(
    function: Callable[..., object] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    confirm: bool = False,
) -> Tool | Callable[[Callable[..., object]], Tool]:
    """Make a function a tool where the function alone does not say enough.

    ``tools=[f]`` takes a plain function too. This is also a decorator, with and
    without arguments: ``@nbstream.tool(confirm=True)``.

    Args:
        function: A function, sync or async; each argument has a type.
        name: What the model calls it, if not by the function's own name.
        description: What the model is told of it, if not the docstring.
        confirm: Whether a person is asked before each call; where there is nobody to
            ask, the call is refused.

    Raises:
        UsageError: it cannot be a tool; the message says why.
    """
    if function is not None:
        return Tool(function, name=name, description=description, confirm=confirm)
    return functools.partial(Tool, name=name, description=description, confirm=confirm)


def tools_of(given: Iterable[Tool | Callable[..., object]]) -> Mapping[str, Tool]:
    """Return the tools by their names.

    Raises:
        UsageError: one of them cannot be a tool, or two have the same name.
    """
    found: dict[str, Tool] = {}
    for each in _listed(given):
        made = each if isinstance(each, Tool) else Tool(each)
        if made.name in found:
            msg = f"two tools are called {made.name!r}; name one anew: nbstream.tool"
            raise UsageError(msg)
        found[made.name] = made
    return found


def _callable(function: object) -> Callable[..., object]:
    if not callable(function):
        msg = f"a tool is a function, got {function!r}"
        raise UsageError(msg)
    return function


def _listed(given: object) -> Iterable[Tool | Callable[..., object]]:
    if not isinstance(given, Iterable):
        msg = f"tools are a list of functions, got {given!r}; write tools=[...]"
        raise UsageError(msg)
    return given


def _name_of(function: Callable[..., object]) -> str:
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    return str(getattr(inner, "__name__", type(inner).__name__))
