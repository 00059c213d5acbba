"""What an answer has to be: the schema that is sent, and the check at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nbstream.models import Schema
from nbstream.structured.checks import Check, by_schema, by_type, inside, parsed
from nbstream.structured.fields import element_type, list_field
from nbstream.structured.schemas import resolved, rooted, schema_of_type, wrapper

__all__ = ["AnyJson", "Shape", "shape_of"]

_FENCED = re.compile(r"\s*(`{3,}|~{3,})\w*[ \t]*\n(.*?)\n?[ \t]*\1\s*", re.DOTALL)


class AnyJson:
    """Whatever it is, as long as it is JSON. One code fence around it is taken off."""

    key: str | None = None
    list_key: str | None = None

    def read(self, text: str) -> object:
        """Return what the answer says.

        Raises:
            ValueError: it is no JSON.
        """
        fenced = _FENCED.fullmatch(text)
        return parsed(fenced[2] if fenced else text)

    def read_element(self, text: str) -> object:
        """Return one element of the list.

        Raises:
            ValueError: it is no JSON.
        """
        return parsed(text)


class Shape:
    """The schema of an answer, and what checks it.

    APIs want an object at the root, so any other type is asked for as the one
    property ``key`` of an object, and taken out of it again.

    Attributes:
        schema: What is sent, before a provider's own changes.
        key: The property that holds the value; None: the root is the value.
        list_key: The property of the root that is the list of ``items``, or None.
    """

    def __init__(
        self,
        schema: Schema,
        key: str | None,
        list_key: str | None,
        check: Check,
        elements: Check,
    ) -> None:
        self.schema = schema
        self.key = key
        self.list_key = list_key
        self._check = check
        self._elements = elements

    def read(self, text: str) -> object:
        """Return the object that the whole text says, checked.

        Raises:
            ValueError: it does not fit; the message says which fields.
        """
        return self._check(text)

    def read_element(self, text: str) -> object:
        """Return one element of the list, checked where its type is known.

        Raises:
            ValueError: it does not fit.
        """
        return self._elements(text)


def shape_of(given: Any) -> Shape:
    """Return the shape of a type, or of a JSON Schema.

    Args:
        given: A pydantic model, a dataclass, a ``TypedDict``, any type that pydantic
            knows, such as ``list[Model]``; or a mapping that is a JSON Schema.

    Raises:
        UsageError: it is none of these; the message says why.
    """
    return _of_schema(given) if isinstance(given, Mapping) else _of_type(given)


def _of_type(given: Any) -> Shape:
    own = rooted(schema_of_type(given))
    key = _key(own)
    asked, check = own, by_type(given)
    listed = list_field(given)
    if key is not None:
        holder = wrapper(given, key)
        whole = by_type(holder, within=key)
        asked = rooted(schema_of_type(holder))
        check = lambda text: getattr(whole(text), key)  # noqa: E731
        each = element_type(given)
        listed = (key, each) if each is not None else None
    name, element = listed or (_first_list(asked), None)
    elements = parsed if element is None else by_type(element)
    title = getattr(given, "__name__", "") or str(given)
    return Shape(_named(title, asked), key, name, check, elements)


def _of_schema(given: Mapping[str, Any]) -> Shape:
    of = by_schema(given)
    own, check = rooted(given), of(given)
    key = _key(own)
    asked = own
    if key is not None:
        asked, check = _wrapped(own, key), inside(key, check)
    name = _first_list(asked)
    part = resolved(asked["properties"][name], asked) if name is not None else {}
    items = part.get("items")
    elements = of(items) if isinstance(items, Mapping) else parsed
    title = given.get("title")
    return Shape(_named(str(title or "answer"), asked), key, name, check, elements)


def _named(name: str, schema: Mapping[str, Any]) -> Schema:
    """Give it a name as OpenAI takes it."""
    fit = re.sub(r"[^a-zA-Z0-9_-]+", "_", name)[:64].strip("_")
    return Schema(name=fit or "answer", schema=schema)


def _key(schema: Mapping[str, Any]) -> str | None:
    """Return under which name it is asked for; None: it is an object itself."""
    if schema.get("type") == "object" and not {"anyOf", "oneOf"} & set(schema):
        return None
    return "items" if schema.get("type") == "array" else "value"


def _wrapped(schema: Mapping[str, Any], key: str) -> dict[str, Any]:
    inner = {name: schema[name] for name in schema if name != "$defs"}
    defs = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    whole = {"type": "object", "properties": {key: inner}, "required": [key]}
    return {**whole, "additionalProperties": False, **defs}


def _first_list(schema: Mapping[str, Any]) -> str | None:
    properties = schema.get("properties", {})
    return next(
        (
            name
            for name, each in properties.items()
            if resolved(each, schema).get("type") == "array"
        ),
        None,
    )
