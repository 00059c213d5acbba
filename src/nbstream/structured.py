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

#: Takes a JSON text; returns the object or raises a ``ValueError`` that says why not.
Check: TypeAlias = Callable[[str], object]

#: What the packages are needed for.
_FOR = "answers by a schema"
#: So many fields are named; a list of a thousand wrong ones helps nobody.
_MOST = 5
#: The code fence round an answer: its first line, and its last, or what came of it.
_FENCE = re.compile(r"\s*(`{3,}|~{3,})\w*[ \t]*\r?\n")
_FENCED = re.compile(rf"{_FENCE.pattern}(.*?)(?:[ \t]*\1\s*)?", re.DOTALL)
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


def unfenced(text: str, *, whole: bool = True) -> str:
    """Return an answer without the one code fence that stands around all of it.

    Models that are not held to a schema put JSON into one. Of a text that is not
    ``whole`` the first line is taken off, also while it is being written.
    """
    if whole:
        found = _FENCED.fullmatch(text)
        return found[2] if found else text
    if begun := _FENCE.match(text):
        return text[begun.end() :]
    is_begun = text.lstrip()[:1] in ("`", "~") and "\n" not in text.lstrip()
    return "" if is_begun else text


class AnyJson:
    """Whatever it is, as long as it is JSON. One code fence around it is taken off."""

    key: str | None = None
    list_key: str | None = None

    def read(self, text: str) -> object:
        """Return what the answer says.

        Raises:
            ValueError: it is no JSON.
        """
        return _parsed(unfenced(text))

    def read_element(self, text: str) -> object:
        """Return one element of the list.

        Raises:
            ValueError: it is no JSON.
        """
        return _parsed(text)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The schema of an answer, and what checks it.

    APIs want an object at the root, so any other type is asked for as the one
    property ``key`` of an object, and taken out of it again.

    Attributes:
        schema: What is sent, before a provider's own changes.
        key: The property that holds the value; None: the root is the value.
        list_key: The property of the root that is the list of ``items``, or None.
        check: Returns the object that the whole JSON says, checked, or raises a
            ``ValueError`` that says which fields do not fit.
        read_element: The same for one element of the list, where its type is known.
    """

    schema: Schema
    key: str | None
    list_key: str | None
    check: Check
    read_element: Check

    def read(self, text: str) -> object:
        """Return the object that the whole text says; it may stand in a code fence.

        Raises:
            ValueError: it does not fit; the message says which fields.
        """
        return self.check(unfenced(text))


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
    own = _rooted(_schema_of_type(given))
    key = _key(own)
    asked, check = own, _by_type(given)
    listed = _list_field(given)
    if key is not None:
        holder = _wrapper(given, key)
        whole = _by_type(holder, within=key)
        asked = _rooted(_schema_of_type(holder))
        check = lambda text: getattr(whole(text), key)  # noqa: E731
        each = _element_type(given)
        listed = (key, each) if each is not None else None
    name, element = listed or (_first_list(asked), None)
    title = getattr(given, "__name__", "") or str(given)
    return Shape(
        schema=_named(title, asked),
        key=key,
        list_key=name,
        check=check,
        read_element=_parsed if element is None else _by_type(element),
    )


def _of_schema(given: Mapping[str, Any]) -> Shape:
    of = _by_schema(given)
    own, check = _rooted(given), of(given)
    key = _key(own)
    asked = own
    if key is not None:
        asked, check = _wrapped(own, key), _inside(key, check)
    name = _first_list(asked)
    part = _resolved(asked["properties"][name], asked) if name is not None else {}
    items = part.get("items")
    return Shape(
        schema=_named(str(given.get("title") or "answer"), asked),
        key=key,
        list_key=name,
        check=check,
        read_element=of(items) if isinstance(items, Mapping) else _parsed,
    )


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
    for name, each in schema.get("properties", {}).items():
        if _resolved(each, schema).get("type") == "array":
            return str(name)
    return None


def _adapter_of(given: Any) -> Any:
    """Return pydantic's adapter of a type.

    Raises:
        UsageError: pydantic does not know the type, or is not installed.
    """
    pydantic = needed("pydantic", _FOR)
    try:
        return pydantic.TypeAdapter(given)
    except (pydantic.errors.PydanticUserError, NameError, TypeError) as error:
        raise UsageError(_unknown(given, error)) from error


def _schema_of_type(given: Any) -> dict[str, Any]:
    """Return the JSON Schema of a type.

    Raises:
        UsageError: there is none.
    """
    adapter = _adapter_of(given)
    errors = needed("pydantic", _FOR).errors
    try:
        made: dict[str, Any] = adapter.json_schema(schema_generator=untitled())
    except errors.PydanticUserError as error:
        raise UsageError(_unknown(given, error)) from error
    return made


def _wrapper(given: Any, key: str) -> Any:
    """Return a model with one field, which is of that type."""
    pydantic = needed("pydantic", _FOR)
    config = pydantic.ConfigDict(extra="forbid")
    return pydantic.create_model("Answer", __config__=config, **{key: (given, ...)})


def _rooted(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with what its root refers to in the place of the reference."""
    found = _resolved(schema, schema)
    defs = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    return {**found, **defs}


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
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


def _by_type(given: Any, *, within: str | None = None) -> Check:
    """Return the check of a type that pydantic knows.

    ``within`` is a name that goes without saying when a field is named.

    Raises:
        UsageError: pydantic does not know it.
    """
    adapter = _adapter_of(given)

    def check(text: str) -> object:
        try:
            return adapter.validate_json(text, strict=True)
        except Exception as error:  # a validator of the type's own may raise anything
            raise ValueError(_refusal(error, within)) from error

    return check


def _inside(key: str, check: Check) -> Check:
    """Return the check of a text that has the value as its only property."""

    def checked(text: str) -> object:
        value = _parsed(text)
        if not isinstance(value, dict) or set(value) != {key}:
            msg = f"the answer does not fit the schema: it has to be {{{key!r}: ...}}"
            raise ValueError(msg)
        return check(json.dumps(value[key]))

    return checked


def _by_schema(schema: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Check]:
    """Return what makes the check of a schema, or of a part of it.

    Raises:
        UsageError: it is no JSON Schema.
    """
    jsonschema = needed("jsonschema", _FOR)
    kind = jsonschema.validators.validator_for(
        schema, default=jsonschema.Draft202012Validator
    )
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        msg = f"that is no JSON Schema: {error.message}"
        raise UsageError(msg) from error
    # An empty registry: nothing is fetched, whatever a reference says.
    referencing = needed("referencing", _FOR)
    whole = kind(schema, registry=referencing.Registry())
    unresolvable = needed("referencing.exceptions", _FOR).Unresolvable

    def of(part: Mapping[str, Any]) -> Check:
        validator = whole.evolve(schema=part)

        def check(text: str) -> object:
            value = _parsed(text)
            try:
                errors = list(validator.iter_errors(value))
            except unresolvable as error:
                msg = f"the answer cannot be checked: the schema has {error}"
                raise ValueError(msg) from error
            if found := [(each.absolute_path, each.message) for each in errors]:
                raise ValueError(_misfit(found))
            return value

        return check

    return of


def _parsed(text: str) -> object:
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


def _refusal(error: Exception, within: str | None) -> str:
    details = getattr(error, "errors", None)
    if not callable(details):
        return redact(f"the answer was not accepted: {type(error).__name__}: {error}")
    found = details(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        why = found[0]["msg"].removeprefix("Invalid JSON: ")
        return f"the answer is no JSON: {why}"
    paths = [(list(each["loc"]), each["msg"]) for each in found]
    return _misfit([(path[path[:1] == [within] :], why) for path, why in paths])


def _misfit(found: list[tuple[Iterable[str | int], str]]) -> str:
    lines = [f"{'.'.join(map(str, path)) or 'it'}: {why}" for path, why in found]
    more = f"; and {len(lines) - _MOST} more" if len(lines) > _MOST else ""
    text = " ".join(f"{'; '.join(lines[:_MOST])}{more}".split())
    return redact(f"the answer does not fit the schema: {text}")


def _element_type(given: Any) -> Any:
    """Return the type of a list's elements; None: it is no list, or says nothing."""
    origin, arguments = typing.get_origin(given), typing.get_args(given)
    if origin is Annotated:
        return _element_type(arguments[0])
    if origin in {Union, types.UnionType}:  # Optional
        found = [_element_type(each) for each in arguments]
        return next((each for each in found if each is not None), None)
    arguments = tuple(each for each in arguments if each is not Ellipsis)
    return arguments[0] if origin in _LISTS and len(arguments) == 1 else None


def _list_field(given: Any) -> tuple[str, Any] | None:
    """Return the first field that is a list, as JSON names it, and its elements' type.

    For pydantic models, dataclasses and typed dictionaries.
    """
    found = ((name, _element_type(each)) for name, each in _fields(given))
    return next(((name, each) for name, each in found if each is not None), None)


def _fields(given: Any) -> Iterator[tuple[str, Any]]:
    if hasattr(given, "model_fields"):
        for name, field in given.model_fields.items():
            alias = field.validation_alias or field.alias
            yield alias if isinstance(alias, str) else name, field.annotation
    elif dataclasses.is_dataclass(given) or hasattr(given, "__required_keys__"):
        yield from typing.get_type_hints(given, include_extras=True).items()
