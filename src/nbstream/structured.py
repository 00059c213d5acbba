"""What an answer has to be: the schema that is sent, and the check at the end."""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from collections import abc
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, TypeAlias, Union

from nbstream._keys import redact
from nbstream.errors import UsageError
from nbstream.requests.request import Schema
from nbstream.tools import needed, untitled

__all__ = [
    "FOR",
    "AnyJson",
    "Check",
    "Shape",
    "adapter_of",
    "by_schema",
    "by_type",
    "element_type",
    "inside",
    "list_field",
    "parsed",
    "resolved",
    "rooted",
    "schema_of_type",
    "shape_of",
    "wrapper",
]


# -- The JSON Schema of a type, and the little that must be known of schemas.

#: What the packages are needed for.
FOR = "answers by a schema"


def adapter_of(given: Any) -> Any:
    """Return pydantic's adapter of a type.

    Raises:
        UsageError: pydantic does not know the type, or is not installed.
    """
    pydantic = needed("pydantic", FOR)
    try:
        return pydantic.TypeAdapter(given)
    except (pydantic.errors.PydanticUserError, NameError, TypeError) as error:
        raise UsageError(_unknown(given, error)) from error


def schema_of_type(given: Any) -> dict[str, Any]:
    """Return the JSON Schema of a type.

    Raises:
        UsageError: there is none.
    """
    adapter = adapter_of(given)
    errors = needed("pydantic", FOR).errors
    try:
        made: dict[str, Any] = adapter.json_schema(schema_generator=untitled())
    except errors.PydanticUserError as error:
        raise UsageError(_unknown(given, error)) from error
    return made


def wrapper(given: Any, key: str) -> Any:
    """Return a model with one field, which is of that type."""
    pydantic = needed("pydantic", FOR)
    config = pydantic.ConfigDict(extra="forbid")
    return pydantic.create_model("Answer", __config__=config, **{key: (given, ...)})


def rooted(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with what its root refers to in the place of the reference."""
    found = resolved(schema, schema)
    defs = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    return {**found, **defs}


def resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a local reference; a remote one, or a circle, is left as it is."""
    seen: set[str] = set()
    while (reference := part.get("$ref", "")).startswith("#/"):
        if reference in seen:
            return part
        seen.add(reference)
        found: Any = schema
        for step in reference[2:].split("/"):
            found = found.get(step, {}) if isinstance(found, Mapping) else {}
        part = {**found, **{name: part[name] for name in part if name != "$ref"}}
    return part


def _unknown(given: Any, error: Exception) -> str:
    first = str(error).splitlines()[0]
    return (
        f"{given!r} cannot be a schema: {first}; give a pydantic model, a dataclass, "
        "a TypedDict, a type such as list[str], or a JSON Schema"
    )


# -- Check a JSON text against a type, by pydantic, or against a JSON Schema.

#: Takes a JSON text; returns the object or raises a ``ValueError`` that says why not.
Check: TypeAlias = Callable[[str], object]

#: So many fields are named; a list of a thousand wrong ones helps nobody.
_MOST = 5


def by_type(given: Any, *, within: str | None = None) -> Check:
    """Return the check of a type that pydantic knows.

    ``within`` is a name that goes without saying when a field is named.

    Raises:
        UsageError: pydantic does not know it.
    """
    adapter = adapter_of(given)

    def check(text: str) -> object:
        try:
            return adapter.validate_json(text, strict=True)
        except Exception as error:  # a validator of the type's own may raise anything
            raise ValueError(_told(error, within)) from error

    return check


def inside(key: str, check: Check) -> Check:
    """Return the check of a text that has the value as its only property."""

    def checked(text: str) -> object:
        value = parsed(text)
        if not isinstance(value, dict) or set(value) != {key}:
            msg = f"the answer does not fit the schema: it has to be {{{key!r}: ...}}"
            raise ValueError(msg)
        return check(json.dumps(value[key]))

    return checked


def by_schema(schema: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Check]:
    """Return what makes the check of a schema, or of a part of it.

    Raises:
        UsageError: it is no JSON Schema.
    """
    jsonschema = needed("jsonschema", FOR)
    kind = jsonschema.validators.validator_for(
        schema, default=jsonschema.Draft202012Validator
    )
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        msg = f"that is no JSON Schema: {error.message}"
        raise UsageError(msg) from error
    # An empty registry: nothing is fetched, whatever a reference says.
    referencing = needed("referencing", FOR)
    whole = kind(schema, registry=referencing.Registry())
    unresolvable = needed("referencing.exceptions", FOR).Unresolvable

    def of(part: Mapping[str, Any]) -> Check:
        validator = whole.evolve(schema=part)

        def check(text: str) -> object:
            value = parsed(text)
            try:
                errors = list(validator.iter_errors(value))
            except unresolvable as error:
                msg = f"the answer cannot be checked: the schema has {error}"
                raise ValueError(msg) from error
            if found := [(each.absolute_path, each.message) for each in errors]:
                raise ValueError(_listed(found))
            return value

        return check

    return of


def parsed(text: str) -> object:
    """Return what a JSON text says, strictly.

    Raises:
        ValueError: it is no JSON; the message says where.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("the answer is no JSON: it is nested too deeply") from error
    except ValueError as error:
        msg = f"the answer is no JSON: {error}" if text else "the answer is empty"
        raise ValueError(msg) from error


def _refuse(name: str) -> object:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _told(error: Exception, within: str | None) -> str:
    details = getattr(error, "errors", None)
    if not callable(details):
        return redact(f"the answer was not accepted: {type(error).__name__}: {error}")
    found = details(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        why = found[0]["msg"].removeprefix("Invalid JSON: ")
        return f"the answer is no JSON: {why}"
    paths = [(list(each["loc"]), each["msg"]) for each in found]
    return _listed([(path[path[:1] == [within] :], why) for path, why in paths])


def _listed(found: list[tuple[Iterable[str | int], str]]) -> str:
    said = [f"{'.'.join(map(str, path)) or 'it'}: {why}" for path, why in found]
    more = f"; and {len(said) - _MOST} more" if len(said) > _MOST else ""
    listed = " ".join(f"{'; '.join(said[:_MOST])}{more}".split())
    return redact(f"the answer does not fit the schema: {listed}")


# -- Find the list in a type, and what its elements are.

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
