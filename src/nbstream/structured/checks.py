"""Check a JSON text against a type, by pydantic, or against a JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from nbstream._keys import redact
from nbstream.errors import UsageError
from nbstream.structured.schemas import FOR, adapter_of
from nbstream.tools.extra import needed

__all__ = ["Check", "by_schema", "by_type", "inside", "parsed"]

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
