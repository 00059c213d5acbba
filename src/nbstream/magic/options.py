"""Read the line behind a magic: its options, or the wish for help."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable
from keyword import iskeyword
from typing import Any

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.magic_arguments import parse_argstring

from nbstream.errors import UsageError

__all__ = ["ASK", "SET", "check_name", "help_of", "parsed", "wants_help"]

#: The options of ``%%stream``, and those of ``%stream``.
ASK = (
    "--system TEXT, --max-tokens N, --effort LEVEL, --option KEY=VALUE, "
    "--base-url URL, --image PATH, --file PATH, --tools NAME,NAME, --chat NAME, "
    "--dry-run, --to NAME, --format FORMAT, --view VIEW, --record FILE, --help"
)
SET = (
    "--model provider:model, --system TEXT, --max-tokens N, --reset NAME, --help; "
    "to ask: %%stream provider:model"
)


def parsed(magic: Callable[..., None], line: str, known: str) -> Any:
    """Return the options of a magic's line, without the quotes around them.

    Raises:
        UsageError: one is not known, or has no such value; ``known`` is said.
    """
    try:
        options = parse_argstring(magic, line)
    except (IPythonUsageError, ValueError) as error:  # an option, a quote
        msg = f"{str(error).rstrip('.')}; known: {known}"
        raise UsageError(msg) from None
    for name, value in vars(options).items():
        each = [_unquoted(v) for v in value] if isinstance(value, list) else value
        setattr(options, name, _unquoted(each) if isinstance(each, str) else each)
    limit = options.max_tokens
    if limit is not None and limit < 1:
        msg = f"--max-tokens needs a number of tokens from 1, got {limit}"
        raise UsageError(msg)
    return options


def check_name(option: str, name: str | None) -> None:
    """See that an option names a variable.

    Raises:
        UsageError: that can be no variable's name.
    """
    if name is not None and (not name.isidentifier() or iskeyword(name)):
        msg = f"{option} needs a name for a variable, got {name!r}"
        raise UsageError(msg)


def wants_help(line: str) -> bool:
    """Tell whether a line asks for help."""
    try:
        return not {"--help", "-h"}.isdisjoint(shlex.split(line))
    except ValueError:  # a quote is left open, which is said elsewhere
        return False


def help_of(magic: Callable[..., None]) -> str:
    """Return the help of a magic: its docstring, with its options."""
    return (inspect.getdoc(magic) or "").removeprefix("::").strip()


def _unquoted(text: str) -> str:
    """Take off the quotes, which IPython's splitting of a line leaves on."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text
