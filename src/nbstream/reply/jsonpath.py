"""Arguments that come leaf by leaf, each addressed by a JSONPath.

Gemini's ``partialArgs`` name each leaf: ``$.city``, ``$.stops[0].name``,
``$['a b']`` (https://ai.google.dev/gemini-api/docs/function-calling). A path that
cannot be followed is not dropped: it is kept under its own text, which no schema
knows, so that the call is seen to be wrong and nothing that arrived is lost.
"""

import json
import re
from typing import Any, TypeAlias

__all__ = ["Leaves"]

Value: TypeAlias = str | float | bool | None
_STEP = re.compile(
    r"\.([^.\[\]]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]"
)


class Leaves:
    """The leaves so far. Each string grows until it says that it is whole."""

    def __init__(self) -> None:
        self._leaves: dict[str, list[Value]] = {}
        self._open: set[str] = set()

    def push(self, path: str, value: Value, will_continue: bool) -> None:
        """Append to a string that goes on, else set."""
        if path in self._open and isinstance(value, str):
            self._leaves[path].append(value)
        else:
            self._leaves[path] = [value]
        if will_continue:
            self._open.add(path)
        else:
            self._open.discard(path)

    def to_json(self) -> str:
        """Return the object built so far, as JSON text."""
        root: dict[str, Any] = {}
        for path, values in self._leaves.items():
            value = "".join(map(str, values)) if len(values) > 1 else values[0]
            steps = _steps(path)
            if steps is None or not _put(root, steps, value):
                root[path] = value
        return json.dumps(root, ensure_ascii=False)


def _steps(path: str) -> list[str | int] | None:
    if not path.startswith("$"):
        return None
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return None
        name, number, single, double = found.groups()
        quoted = single if single is not None else double
        if number is not None:
            steps.append(int(number))
        else:
            steps.append(name if name is not None else re.sub(r"\\(.)", r"\1", quoted))
        at = found.end()
    return steps if steps and isinstance(steps[0], str) else None


def _put(root: dict[str, Any], steps: list[str | int], value: Value) -> bool:
    """Set the leaf, making the objects and lists on the way; False if it cannot be."""
    here: Any = root
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        fresh: Any = value if following is None else [] if following == 0 else {}
        if isinstance(here, dict) and isinstance(step, str):
            here[step] = fresh if following is None else here.get(step, fresh)
        elif isinstance(here, list) and isinstance(step, int) and step <= len(here):
            if step == len(here):
                here.append(fresh)
            elif following is None:
                here[step] = fresh
        else:
            return False
        here = here[step]
    return True
