"""Complete what is typed after ``%%stream``: options, models, variables."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

from nbstream.magic.question import FORMATS, Settings
from nbstream.requests import providers
from nbstream.screens import VIEWS

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


_MAGIC = re.compile(r"\s*(%{1,2}stream)\s")
_FIELD = re.compile(r"\{\{\s*\w*\Z")
#: What gives the values of an option; None leaves it to IPython.
Value: TypeAlias = Callable[[Settings, Iterable[str], str], list[str] | None]
#: By this IPython, and we, know our matcher again.
_ID = "nbstream"


def complete(
    shell: Any, settings: Settings, options: Mapping[str, Iterable[str]]
) -> None:
    """Add to IPython's completer what we know; an IPython below 8.6 cannot be told.

    Nothing else is offered beside it: names of Python mean nothing there. ``options``
    are those of ``%%stream`` and of ``%stream``.
    """
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:
        return
    known = {magic: list(each) for magic, each in options.items()}

    @context_matcher(identifier=_ID)
    def match(context: Any) -> Any:
        before = context.text_until_cursor
        word = re.split(r"[\s={]", before)[-1]
        found = candidates(
            context.full_text,
            before,
            context.cursor_line,
            variables=_variables(shell),
            settings=settings,
            options=known,
        )
        # IPython replaces its token only, which begins anew after a colon.
        kept = len(word) - len(context.token)
        fitting = [each[kept:] for each in found or () if each.startswith(word)]
        made = [SimpleCompletion(each, type="magic") for each in fitting]
        return {"completions": made, "suppress": bool(made), "ordered": True}

    matchers = shell.Completer.custom_matchers
    matchers[:] = [m for m in matchers if getattr(m, "matcher_identifier", "") != _ID]
    matchers.append(match)


def candidates(
    cell: str,
    before: str,
    line: int,
    *,
    variables: Iterable[str],
    settings: Settings,
    options: Mapping[str, Iterable[str]],
) -> list[str] | None:
    """Return what may stand at the cursor; None: it is not ours to say.

    Args:
        cell: The whole cell.
        before: The line up to the cursor.
        line: The number of that line, from 0.
        variables: The names of the notebook's variables.
        settings: The models that were used.
        options: The options there are, of each magic.
    """
    magic = _MAGIC.match(before) if line == 0 else None
    if _FIELD.search(before) and (magic or cell.startswith("%%stream")):
        return sorted(variables)
    if magic is None:
        return None
    option = re.search(r"(--[\w-]+)[\s=]+\S*\Z", before)
    if option is not None and option[1] in _VALUES:
        return _VALUES[option[1]](settings, variables, before)
    earlier = before[: before.rfind(" ")].split()[1:]
    has_model = magic[1] == "%stream" or any(map(_is_model, earlier))
    models = [] if has_model else _models(settings, variables, before)
    return [*models, *options[magic[1]]]


def _models(settings: Settings, _: Iterable[str], before: str) -> list[str]:
    """Return models used before, then a provider's models, or else the providers."""
    word = re.split(r"[\s=]", before)[-1]
    prefix, colon, _ = word.partition(":")
    known = [f"{prefix}:{each}" for each in known_models(prefix)] if colon else []
    names = [] if colon else [f"{each}:" for each in providers()]
    return list(dict.fromkeys([*settings.used, *known, *names]))


def _is_model(word: str) -> bool:
    return re.split("[:/]", word)[0] in providers()


def _named(_: Settings, variables: Iterable[str], before: str) -> list[str]:
    return sorted(variables)


def _one_of(*values: str) -> Value:
    return lambda *_: list(values)


#: What follows an option: a path is completed by IPython itself.
_VALUES: Mapping[str, Value] = {
    **dict.fromkeys(("--to", "--chat", "--tools", "--reset"), _named),
    **dict.fromkeys(("--image", "--file", "--record"), lambda *_: None),
    **dict.fromkeys(("--system", "--max-tokens", "--option"), _one_of()),
    "--base-url": _one_of(),
    "--effort": _one_of("minimal", "low", "medium", "high"),
    "--format": _one_of(*FORMATS),
    "--model": _models,
    "--view": _one_of(*VIEWS),
}


def _variables(shell: Any) -> list[str]:
    hidden = shell.user_ns_hidden
    return [name for name in shell.user_ns if name[0] != "_" and name not in hidden]
