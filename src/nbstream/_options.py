"""Keyword options that several functions take: named, typed and filled in once.

::

    class Options(TypedDict, total=False):
        view: str | None
        retries: int


    @expand_options(Options, retries=0)
    def show(stream: object, **options: Unpack[Options]) -> Reply:
        options["retries"]

A type checker knows the options by ``Unpack``; ``help``, ``?`` and Tab know them by the
signature that is made here; and the function finds all of them in ``options``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import ForwardRef, ParamSpec, TypeVar

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def expand_options(
    options: type, **defaults: object
) -> Callable[[Callable[_Given, _Result]], Callable[_Given, _Result]]:
    """Let a function that takes these options show each of them, and fill them in.

    ``options`` is the ``TypedDict`` that its ``**`` is annotated with. An option that
    ``defaults`` does not name is None by default. An unknown one is refused in
    Python's own words, as if all of them stood in the ``def``. What the function takes
    by keyword beside them stands behind them in its signature.
    """
    fields = {name: _written(each) for name, each in options.__annotations__.items()}
    filled = {name: defaults.get(name) for name in fields}
    expanded = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=filled[name], annotation=each
        )
        for name, each in fields.items()
    ]

    def decorate(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
        signature = inspect.signature(function)
        own = list(signature.parameters.values())[:-1]  # the last one is the ``**``
        first = [each for each in own if each.kind is not each.KEYWORD_ONLY]
        more = [each for each in own if each.kind is each.KEYWORD_ONLY]
        known = {*fields, *(each.name for each in own)}

        @wraps(function)
        def call(*args: _Given.args, **given: _Given.kwargs) -> _Result:
            for name in given:
                if name not in known:
                    msg = f"got an unexpected keyword argument {name!r}"
                    raise TypeError(f"{function.__qualname__}() {msg}")
            for name, default in filled.items():
                given.setdefault(name, default)
            return function(*args, **given)

        expanded_signature = signature.replace(parameters=[*first, *expanded, *more])
        vars(call)["__signature__"] = expanded_signature
        return call

    return decorate


def _written(annotation: object) -> object:
    """Return an annotation as it stands in a ``def`` of the same module: as text."""
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    return annotation
