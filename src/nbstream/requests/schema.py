"""The dialects of JSON Schema that the APIs take."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from nbstream.requests.request import Schema

Node: TypeAlias = dict[str, Any]

#: What is only for people, or said by other means.
_DROPPED = {"default", "examples", "$schema", "$id", "$comment", "discriminator"}
#: What neither OpenAI's strict mode nor Anthropic take: limits that can be described.
_LIMITS = {
    *("minLength", "maxLength", "uniqueItems", "contains", "minContains"),
    *("maxContains", "minProperties", "maxProperties", "unevaluatedItems"),
    *("contentEncoding", "contentMediaType"),
}
#: Structure: a schema with one of these cannot be strict
#: (https://developers.openai.com/api/docs/guides/structured-outputs).
_NOT_STRICT = {
    *("allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas"),
    *("patternProperties", "unevaluatedProperties", "propertyNames", "prefixItems"),
}
#: What Anthropic's SDK moves into the description (its ``transform_schema``).
_NOT_ANTHROPIC = {
    *(_LIMITS | _NOT_STRICT - {"allOf"}),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("pattern", "maxItems"),
}
#: The formats of strings that Anthropic takes.
_FORMATS = {
    *("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4"),
    *("ipv6", "uuid"),
}
#: Where schemas are inside of a schema: by name, in a list, or one.
_MAPS = {"properties", "$defs", "definitions", "patternProperties"}
_LISTS = {"anyOf", "allOf", "prefixItems"}
_ONES = {"items", "additionalProperties", "not"}


def openai_format(schema: Schema) -> dict[str, Any]:
    """Return name and schema for OpenAI; strict where that is possible.

    Strict: every object is closed and requires all of its properties; what the API
    does not know is said in the description. Where that cannot be, as for an object
    with any properties, the schema goes as it is and the model is only asked to fit.
    """
    whole: Node = dict(schema.schema)
    strict = all(map(_may_be_strict, _nodes(whole)))
    if strict:
        whole = _changed(whole, lambda node: _required(_noted(node, _LIMITS)))
    return {"name": schema.name, "schema": whole, "strict": strict}


def anthropic_schema(schema: Mapping[str, Any]) -> Node:
    """Return the schema for Anthropic: closed objects, and few limits."""

    def change(node: Node) -> Node:
        refused = set(_NOT_ANTHROPIC)
        if node.get("format") not in _FORMATS:
            refused.add("format")
        if node.get("minItems") not in {0, 1}:
            refused.add("minItems")
        return _noted(node, refused)

    return _changed(schema, change)


def gemini_schema(schema: Mapping[str, Any]) -> Node:
    """Return the schema for Gemini, which knows no ``const``."""

    def change(node: Node) -> Node:
        if "const" in node:
            node["enum"] = [node.pop("const")]
        return node

    return _changed(schema, change, closed=False)


def _changed(
    schema: Mapping[str, Any], change: Callable[[Node], Node], *, closed: bool = True
) -> Node:
    """Return a copy, with each schema in it changed, from the leaves to the root."""
    node = {name: value for name, value in schema.items() if name not in _DROPPED}
    if "oneOf" in node and "anyOf" not in node:
        node["anyOf"] = node.pop("oneOf")
    if closed and "properties" in node:
        node.setdefault("additionalProperties", False)
    for name, value in node.items():
        if name in _MAPS and isinstance(value, Mapping):
            node[name] = {
                key: _any_changed(each, change, closed) for key, each in value.items()
            }
        elif name in _LISTS and isinstance(value, list):
            node[name] = [_any_changed(each, change, closed) for each in value]
        elif name in _ONES:
            node[name] = _any_changed(value, change, closed)
    return change(node)


def _any_changed(value: Any, change: Callable[[Node], Node], closed: bool) -> Any:
    if not isinstance(value, Mapping):
        return value
    return _changed(value, change, closed=closed)


def _nodes(schema: Mapping[str, Any]) -> list[Node]:
    found: list[Node] = []

    def note(node: Node) -> Node:
        found.append(node)
        return node

    _changed(schema, note, closed=False)
    return found


def _may_be_strict(node: Node) -> bool:
    any_object = node.get("type") == "object" and "properties" not in node
    is_open = node.get("additionalProperties", any_object) is not False
    untyped = not node.keys() & {"type", "$ref", "anyOf", "enum", "const"}
    return not (is_open or untyped or node.keys() & _NOT_STRICT)


def _required(node: Node) -> Node:
    """Require every property; beside a reference nothing else may stand."""
    if "properties" in node:
        node["required"] = list(node["properties"])
    if "$ref" in node and len(node) > 1:
        return {"anyOf": [{"$ref": node.pop("$ref")}], **node}
    return node


def _noted(node: Node, refused: set[str]) -> Node:
    """Say in the description what the API refuses, so that the model knows of it."""
    limits = {name: node.pop(name) for name in list(node) if name in refused}
    if limits:
        note = json.dumps(limits, ensure_ascii=False)
        node["description"] = "\n\n".join(filter(None, [node.get("description"), note]))
    return node
