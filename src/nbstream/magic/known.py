"""The names of models that the installed SDKs know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["known_models"]

#: Where the SDKs list their models, as of openai 3.57 and anthropic 2.13. They are read
#: and not imported, which would take a second; where they are not, none is known.
_LISTS = {
    "openai": ("types/shared/chat_model.py", "types/shared/responses_model.py"),
    "anthropic": ("types/model.py",),
}
_PACKAGES = {"openai-chat": "openai"}


@cache
def known_models(provider: str) -> tuple[str, ...]:
    """Return the models of a provider that its SDK lists."""
    package = _PACKAGES.get(provider, provider)
    if package not in _LISTS or (spec := find_spec(package)) is None:
        return ()
    folders = [Path(each) for each in spec.submodule_search_locations or ()]
    files = [folder / name for folder in folders for name in _LISTS[package]]
    found = [name for file in files if file.is_file() for name in _named_in(file)]
    return tuple(dict.fromkeys(found))


def _named_in(file: Path) -> Iterator[str]:
    """Yield the texts in ``Literal[...]``."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        named = isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
        if named and ast.unparse(node).startswith("Literal["):
            for each in ast.walk(node):
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield each.value
