"""Complete what is typed after ``%%stream``: options, models, variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from itertools import takewhile
from typing import Any, get_args

from nbstream.magic.question import FORMATS, Settings
from nbstream.requests import providers
from nbstream.screens import VIEWS

_MAGIC = re.compile(r"\s*(%{1,2}stream)\s")
_FIELD = re.compile(r"\{\{\s*\w*\Z")
#: By this IPython, and we, know our matcher again.
_ID = "nbstream"
#: The options that a variable's name follows.
_NAMED = ("--to", "--chat", "--tools", "--reset")
#: What follows the other options; a path is completed by IPython itself.
_VALUES: Mapping[str, tuple[str, ...] | None] = {
    **dict.fromkeys(("--image", "--file", "--record")),
    **dict.fromkeys(("--system", "--max-tokens", "--option", "--base-url"), ()),
    "--effort": ("minimal", "low", "medium", "high"),
    "--format": FORMATS,
    "--view": tuple(VIEWS),
}
#: The types by which the SDKs say in public which models they know.
_MODELS = {
    "openai": ("openai.types", "ResponsesModel"),
    "openai-chat": ("openai.types", "ResponsesModel"),
    "anthropic": ("anthropic.types", "Model"),
}


class _Only(tuple[Any, ...]):
    """All there is to offer. IPython asks others unless the length is not 0."""

    def __len__(self) -> int:
        """Return how many there are, or 1."""
        return max(1, super().__len__())


def is_comment(line: str) -> bool:
    """Say whether a line of a cell says nothing."""
    return line.strip()[:1] in ("", "#")


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

    @context_matcher(identifier=_ID)
    def match(context: Any) -> Any:
        before = context.text_until_cursor
        word = re.split(r"[\s={]", before)[-1]
        lines = context.full_text.split("\n")
        above = sum(1 for _ in takewhile(is_comment, lines))
        ours = "".join(lines[above : above + 1]).startswith("%%stream")
        magic = _MAGIC.match(before) if context.cursor_line in (0, above) else None
        found: Iterable[str] | None = None
        if _FIELD.search(before) and (magic or ours):
            found = _variables(shell)
        elif magic is not None:
            found = _after(magic[1], before, shell, settings, options)
        elif ours and context.cursor_line > above:
            found = ()
        # IPython replaces its token only, which begins anew after a colon.
        kept = len(word) - len(context.token)
        fitting = [each[kept:] for each in found or () if each.startswith(word)]
        made = _Only(SimpleCompletion(each, type="magic") for each in fitting)
        return {"completions": made, "suppress": found is not None, "ordered": True}

    matchers = shell.Completer.custom_matchers
    matchers[:] = [m for m in matchers if getattr(m, "matcher_identifier", "") != _ID]
    matchers.append(match)


def _after(
    magic: str,
    before: str,
    shell: Any,
    settings: Settings,
    options: Mapping[str, Iterable[str]],
) -> Iterable[str] | None:
    """Return what may stand at the cursor, behind a magic; None: it is not ours."""
    option = re.search(r"(--[\w-]+)[\s=]+\S*\Z", before)
    name = option[1] if option is not None else ""
    if name in _NAMED:
        return _variables(shell)
    if name == "--model":
        return _models(settings, before)
    if name in _VALUES:
        return _VALUES[name]
    earlier = before[: before.rfind(" ")].split()[1:]
    has_model = magic == "%stream" or any(map(_is_model, earlier))
    return [*([] if has_model else _models(settings, before)), *options[magic]]


def _models(settings: Settings, before: str) -> list[str]:
    """Return models used before, then a provider's models, or else the providers."""
    word = re.split(r"[\s=]", before)[-1]
    prefix, colon, _ = word.partition(":")
    known = [f"{prefix}:{each}" for each in known_models(prefix)] if colon else []
    names = [] if colon else [f"{each}:" for each in providers()]
    return list(dict.fromkeys([*settings.used, *known, *names]))


@cache
def known_models(provider: str) -> tuple[str, ...]:
    """Return the models of a provider that its SDK lists; none, if there is no list.

    The SDK is imported for it, as it is by the first question; later it is at hand.
    """
    module, name = _MODELS.get(provider, ("", ""))
    if not module:
        return ()
    try:
        listed = getattr(import_module(module), name, None)
    except ImportError:
        return ()
    return tuple(dict.fromkeys(_literals(listed)))


def _literals(type_: object) -> Iterator[str]:
    """Yield the texts in ``Literal[...]``, also within a union."""
    for each in get_args(type_):
        if isinstance(each, str):
            yield each
        else:
            yield from _literals(each)


def _is_model(word: str) -> bool:
    return re.split("[:/]", word)[0] in providers()


def _variables(shell: Any) -> list[str]:
    hidden = shell.user_ns_hidden
    names = (name for name in shell.user_ns if name[0] != "_" and name not in hidden)
    return sorted(names)
