"""Read a payload alike, be it parsed JSON or an SDK's object."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

__all__ = ["count", "get", "listed", "plain", "record", "text"]


def get(obj: object, name: str) -> Any:
    """Return the field, or None where it is missing or null."""
    if type(obj) is dict:
        return obj.get(name)
    if isinstance(obj, Mapping):
        return obj.get(name)
    return getattr(obj, name, None)


def text(obj: object, name: str) -> str:
    """Return the field if it is a string, else ""."""
    found = get(obj, name)
    return found if isinstance(found, str) else ""


def count(obj: object, name: str) -> int | None:
    """Return the field if it is a whole number, else None."""
    found = get(obj, name)
    return found if type(found) is int else None


def listed(obj: object, name: str) -> Sequence[Any]:
    """Return the field if it is a list, else an empty one."""
    found = get(obj, name)
    return found if isinstance(found, list | tuple) else ()


def record(obj: object) -> dict[str, Any]:
    """Return a JSON-like copy of an object, and an empty one of anything else."""
    found = plain(obj)
    return found if isinstance(found, dict) else {}


def plain(obj: object) -> Any:
    """Return a JSON-like copy with the names of the wire, for keeping."""
    if isinstance(obj, Mapping):
        return {str(key): plain(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [plain(item) for item in obj]
    dump = getattr(obj, "model_dump", None)
    if callable(dump):
        return dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)
    if isinstance(obj, Enum):
        return obj.value
    if obj is None or isinstance(obj, str | int | float | bool):
        return obj
    fields = getattr(obj, "__dict__", None)
    return plain(fields) if fields is not None else repr(obj)
