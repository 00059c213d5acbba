"""Answers that are objects: asked for by a type or a JSON Schema, and checked."""

from __future__ import annotations

from nbstream.structured.elements import Elements
from nbstream.structured.items import Items
from nbstream.structured.shape import AnyJson, Shape, shape_of

__all__ = ["AnyJson", "Elements", "Items", "Shape", "shape_of"]
