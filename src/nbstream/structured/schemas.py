"""The JSON Schema of a type, and the little that must be known of schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbstream.errors import UsageError
from nbstream.tools.extra import needed
from nbstream.tools.untitled import untitled

__all__ = ["FOR", "adapter_of", "resolved", "rooted", "schema_of_type", "wrapper"]

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
