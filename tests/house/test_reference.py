"""The reference has every public name, and none that is not there."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import isclass, isroutine
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
#: What people may import from (docs/architecture.md); ``nbstream`` names them, too.
PUBLIC = (
    "nbstream",
    "nbstream.course",
    "nbstream.errors",
    "nbstream.markdown",
    "nbstream.offline",
    "nbstream.providers",
    "nbstream.sse",
    "nbstream.types",
    "nbstream.web",
)
DIRECTIVE = re.compile(r"^\.\. (?:auto|py:)\w+:: (nbstream[\w.]*)", re.M)


def documented() -> list[str]:
    """Name what the reference describes, in the order of its pages."""
    pages = sorted(REFERENCE.glob("*.md"))
    return [name for page in pages for name in DIRECTIVE.findall(page.read_text())]


def found(name: str) -> object:
    """Return what a dotted name means."""
    module, _, last = name.rpartition(".")
    try:
        return getattr(import_module(module), last)
    except ModuleNotFoundError:
        return getattr(found(module), last)


def test_no_public_name_is_missing():
    """Errors, say, have two names, and are described under one of them."""
    names = documented()
    described = {id(found(name)) for name in names}
    public = {f"{module}.{name}" for module in PUBLIC for name in names_of(module)}

    missing = {name for name in public - set(names) if id(found(name)) not in described}
    assert missing == set()


def names_of(module: str) -> list[str]:
    """List what a module says is public."""
    return import_module(module).__all__


def test_each_name_is_described_once():
    """Two places would disagree one day."""
    names = documented()

    assert sorted(names) == sorted(set(names))


def test_what_is_described_says_something():
    """Each class and function has a docstring of its own."""
    named = {name: found(name) for name in documented()}
    made = {n: what for n, what in named.items() if isclass(what) or isroutine(what)}

    assert [name for name, what in made.items() if not what.__doc__] == []
