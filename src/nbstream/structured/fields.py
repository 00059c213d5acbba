"""Find the list in a type, and what its elements are."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections import abc
from collections.abc import Iterator
from typing import Annotated, Any, Union

__all__ = ["element_type", "list_field"]

_LISTS = (
    list,
    set,
    frozenset,
    tuple,
    abc.Sequence,
    abc.MutableSequence,
    abc.Collection,
    abc.Iterable,
    abc.Set,
)


def element_type(given: Any) -> Any:
    """Return the type of a list's elements; None: it is no list, or says nothing."""
    origin, arguments = typing.get_origin(given), typing.get_args(given)
    if origin is Annotated:
        return element_type(arguments[0])
    if origin in {Union, types.UnionType}:  # Optional
        found = [element_type(each) for each in arguments]
        return next((each for each in found if each is not None), None)
    arguments = tuple(each for each in arguments if each is not Ellipsis)
    return arguments[0] if origin in _LISTS and len(arguments) == 1 else None


def list_field(given: Any) -> tuple[str, Any] | None:
    """Return the first field that is a list, as JSON names it, and its elements' type.

    For pydantic models, dataclasses and typed dictionaries.
    """
    found = ((name, element_type(each)) for name, each in _fields(given))
    return next(((name, each) for name, each in found if each is not None), None)


def _fields(given: Any) -> Iterator[tuple[str, Any]]:
    if hasattr(given, "model_fields"):
        for name, field in given.model_fields.items():
            alias = field.validation_alias or field.alias
            yield alias if isinstance(alias, str) else name, field.annotation
    elif dataclasses.is_dataclass(given) or hasattr(given, "__required_keys__"):
        yield from typing.get_type_hints(given, include_extras=True).items()
