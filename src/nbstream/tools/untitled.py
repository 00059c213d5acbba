"""Make JSON Schemas as a model is to read them."""

from __future__ import annotations

from typing import Any

from nbstream.tools.extra import needed

__all__ = ["untitled"]


def untitled() -> Any:
    """Return a generator of schemas without the title that pydantic makes of a name.

    A default that has no JSON is left out without a warning.
    """
    base = needed("pydantic.json_schema").GenerateJsonSchema
    quiet = {
        "field_title_should_be_set": lambda *_: False,
        "emit_warning": lambda *_: None,
    }
    return type("Untitled", (base,), quiet)
