"""Measure the rooms of a package: ``python tests/harness/house.py src/nbstream``.

It prints one line of JSON, then each limit that is passed, and fails if one is. ``-v``
names the knots. Imports count wherever they stand, at the top or in a function; those
for types (under TYPE_CHECKING) count apart.
"""

from __future__ import annotations

import ast
import json
import statistics
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["LIMITS", "House", "Room"]

#: What is measured -> the most that it may be.
LIMITS: Mapping[str, int] = {
    "modules": 134,
    "code": 24_000,
    "largest": 500,
    "one_importer_under_100": 12,
    "knots": 0,
    "knots_with_types": 0,
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
Graph = Mapping[str, set[str]]


@dataclass
class Room:
    """One module: its size, and what it imports, for running and for types."""

    path: Path
    lines: int
    code: int
    imports: set[str] = field(default_factory=set)
    typing: set[str] = field(default_factory=set)

    @property
    def plain(self) -> bool:
        """Tell a module from a package's face."""
        return self.path.stem != "__init__"


class House:
    """All modules below a package's folder."""

    def __init__(self, root: Path) -> None:
        self.name = root.name
        paths = {self._name(path, root): path for path in sorted(root.rglob("*.py"))}
        trees = {name: ast.parse(path.read_text()) for name, path in paths.items()}
        self.rooms = {
            name: Room(path, *sizes(path.read_text(), trees[name]))
            for name, path in paths.items()
        }
        for name, room in self.rooms.items():
            for target, typing in self._imports(name, trees[name]):
                (room.typing if typing else room.imports).add(target)
        if self.name in self.rooms:  # the face loads lazily; it is nobody's knot
            self.rooms[self.name].imports.clear()

    def graph(self, *, types: bool = False) -> dict[str, set[str]]:
        """Give what each module imports, with or without the imports for types."""
        return {
            name: room.imports | room.typing if types else room.imports
            for name, room in self.rooms.items()
        }

    def measures(self) -> dict[str, float | list[int]]:
        """Measure everything."""
        plain = {name: room for name, room in self.rooms.items() if room.plain}
        lines = [room.lines for room in plain.values()]
        single = [room for name, room in plain.items() if self._importers(name) == 1]
        return {
            "modules": len(self.rooms),
            "lines": sum(room.lines for room in self.rooms.values()),
            "code": sum(room.code for room in self.rooms.values()),
            "median": statistics.median(lines),
            "largest": max(room.lines for room in self.rooms.values()),
            "under_60": sum(count < 60 for count in lines),
            "one_importer": len(single),
            "one_importer_under_100": sum(room.lines < 100 for room in single),
            "knots": [len(knot) for knot in knots(self.graph())],
            "knots_with_types": [len(knot) for knot in knots(self.graph(types=True))],
        }

    def _importers(self, name: str) -> int:
        rooms = self.rooms.items()
        return sum(name in room.imports for other, room in rooms if other != self.name)

    def _name(self, path: Path, root: Path) -> str:
        parts = (root.name, *path.relative_to(root).with_suffix("").parts)
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _imports(self, name: str, tree: ast.AST) -> Iterator[tuple[str, bool]]:
        for node, typing in walk(tree):
            for found in self._named(name, node):
                target = self._known(found)
                if target and target != name:
                    yield target, typing

    def _named(self, name: str, node: ast.AST) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        if not isinstance(node, ast.ImportFrom):
            return []
        base = node.module or ""
        if node.level:
            parts = name.split(".")
            up = node.level - (not self.rooms[name].plain)
            base = ".".join([*parts[: len(parts) - up], *filter(None, [node.module])])
        inner = [f"{base}.{alias.name}" for alias in node.names]
        return [each if each in self.rooms else base for each in inner]

    def _known(self, name: str) -> str:
        while name and name not in self.rooms:
            name = name.rpartition(".")[0]
        return name


def walk(node: ast.AST, typing: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Give every node, and whether it is there for type checkers only."""
    for child in ast.iter_child_nodes(node):
        guarded = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(
            child.test
        )
        yield child, typing or guarded
        yield from walk(child, typing or guarded)


def sizes(text: str, tree: ast.AST) -> tuple[int, int]:
    """Count the lines, and those of code: no blank, comment or docstring."""
    documents: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False):
            first = node.body[0]
            documents.update(range(first.lineno, (first.end_lineno or 0) + 1))
    lines = [line.strip() for line in text.splitlines()]
    code = [
        line
        for number, line in enumerate(lines, start=1)
        if line and not line.startswith("#") and number not in documents
    ]
    return len(lines), len(code)


def knots(graph: Graph) -> list[list[str]]:
    """Find the modules that import each other, in a circle of any length."""
    reached = {name: reachable(graph, name) for name in graph}
    found = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in graph
        if name in reached[name]
    }
    return sorted(map(list, found), key=lambda knot: (-len(knot), knot))


def reachable(graph: Graph, start: str) -> set[str]:
    """Give all that a module imports, directly or through others."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = graph[ahead.pop()] - found
        found |= new
        ahead += new
    return found


def passed(measures: Mapping[str, float | list[int]]) -> list[str]:
    """Say which limits are passed."""
    counts = {
        name: len(value) if isinstance(value, list) else value
        for name, value in measures.items()
    }
    return [
        f"{name}: {counts[name]}, and at most {limit} may be"
        for name, limit in LIMITS.items()
        if counts[name] > limit
    ]


def main(arguments: list[str]) -> int:
    """Measure one package; return how many limits it passes."""
    house = House(Path(arguments[0]))
    measures = house.measures()
    print(json.dumps(measures))
    if "-v" in arguments:
        for knot in knots(house.graph(types=True)):
            print("knot:", *knot)
    complaints = passed(measures)
    print(*complaints, sep="\n", file=sys.stderr, end="\n" if complaints else "")
    return len(complaints)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
