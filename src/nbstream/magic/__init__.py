"""The ``%%stream`` cell magic: ask a model, and see its answer as it is written."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable
from contextlib import nullcontext
from keyword import iskeyword
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from IPython.core.error import UsageError as IPythonUsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import (
    Magics,
    cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
)
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from nbstream.asking import request_of
from nbstream.errors import ProviderFailure, Stopped, UsageError
from nbstream.literal import secrets_in, warn, warn_of_text
from nbstream.magic.completion import complete
from nbstream.magic.formats import FORMATS, hand_over_code, reply_of
from nbstream.magic.preview import preview
from nbstream.magic.prompt import fill
from nbstream.magic.settings import Settings
from nbstream.magic.values import values
from nbstream.models import Request, opened, providers
from nbstream.record import record
from nbstream.showing import shown

__all__ = ["StreamMagics", "fill", "load_ipython_extension"]

_OPTIONS = (
    "--system TEXT, --max-tokens N, --effort LEVEL, --option KEY=VALUE, "
    "--base-url URL, --image PATH, --file PATH, --dry-run, --to NAME, "
    "--format FORMAT, --view VIEW, --record FILE, --help"
)
_LINE_OPTIONS = (
    "--model provider:model, --system TEXT, --max-tokens N, --help; "
    "to ask: %%stream provider:model"
)


@magics_class
class StreamMagics(Magics):
    """The magics of nbstream."""

    def __init__(self, shell: InteractiveShell | None = None) -> None:
        super().__init__(shell)
        self.settings = Settings()

    @magic_arguments("%stream")
    @argument("model", nargs="?", help="provider:model. None: that of the line magic.")
    @argument("--system", metavar="TEXT", help="Instructions for the model.")
    @argument(
        "--max-tokens", type=int, metavar="N", help="Limit of the answer, in tokens."
    )
    @argument("--effort", metavar="LEVEL", help="How much to think, such as low.")
    @argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="More for the SDK's call.",
    )
    @argument("--base-url", metavar="URL", help="Another server with the same API.")
    @argument(
        "--image", action="append", default=[], metavar="PATH", help="An image to send."
    )
    @argument(
        "--file", action="append", default=[], metavar="PATH", help="A file to send."
    )
    @argument("--dry-run", action="store_true", help="Show the request; send nothing.")
    @argument("--to", metavar="NAME", help="Put the Reply into this variable.")
    @argument("--format", metavar="FORMAT", help=f"{', '.join(FORMATS)}.")
    @argument("--view", metavar="VIEW", help="live, updates, static, terminal or none.")
    @argument("--record", metavar="FILE", help="Record what the provider sends.")
    @no_var_expand
    @cell_magic
    def stream(self, line: str, cell: str) -> None:
        """Ask a model the text of this cell and show its answer as it is written.

        {{name}} is replaced by the notebook's variable of that name, in the model and
        in --system too; nothing else is touched. The answer is in nbstream.last(), and
        in NAME with --to NAME. FILE, which --record makes anew, can be played again by
        nbstream.offline.play("FILE"). With --dry-run the request is shown, with
        keys removed, and nothing is sent.

        FORMAT is how the answer is read: markdown, as by itself; text, as it came;
        code, whose first block goes into the next cell; json, which is laid out, and
        an error if it is none.

        Examples::

            %%stream anthropic:<model> --max-tokens 500 --to answer
            Explain server-sent events to {{audience}}.

            %stream --model openai:<model>
            %%stream --format code
            Sort a list of names by their last letter, in Python.
        """
        warn_of_text(f"{line}\n{cell}")
        if _wants_help(line):
            _print(_help(self.stream))
            return
        options = self._options(line)
        request, reply = self._request(options, cell), reply_of(options.format)
        if options.dry_run:
            _print(preview(request))
            return
        call = opened(request, base_url=options.base_url)
        try:
            with record(options.record) if options.record else nullcontext():
                shown(call, reply, view=options.view)
        except (ProviderFailure, Stopped):
            self._keep(options.to, reply)
            raise
        self._keep(options.to, reply)
        if options.format == "code":
            hand_over_code(reply, self.shell)

    @magic_arguments("stream")
    @argument("--model", metavar="MODEL", help="Ask this one where none is given.")
    @argument("--system", metavar="TEXT", help="Instructions, where none are given.")
    @argument("--max-tokens", type=int, metavar="N", help="Limit, where none is given.")
    @no_var_expand
    @line_magic("stream")  # type: ignore[arg-type]  # IPython has no type for it
    def status(self, line: str) -> None:
        """Set the defaults of %%stream, or show them and who can be asked.

        Without options: the defaults, the models used, the providers and what each
        lacks before it can be asked, and the last reply. "" takes a default away.

        Examples::

            %stream
            %stream --model anthropic:<model> --max-tokens 500
        """
        warn_of_text(line)
        if _wants_help(line):
            _print(_help(self.status))
            return
        given = self._parsed(self.status, line, _LINE_OPTIONS)
        self.settings.set(given.model, given.system, given.max_tokens)
        _print("\n".join(self.settings.lines()))

    def _request(self, options: Any, cell: str) -> Request:
        prompt = fill(cell.strip(), self._variables())
        if not prompt:
            msg = "the cell is empty: write the question under %%stream"
            raise UsageError(msg)
        given, defaults = options.model or self.settings.model, self.settings
        if not given:
            msg = (
                "no model: write %%stream provider:model, or set one for all cells: "
                "%stream --model provider:model"
            )
            raise UsageError(msg)
        model = fill(given, self._variables())
        system = defaults.system if options.system is None else options.system
        made = values(options.option)
        if any(secrets_in(made)) or urlsplit(options.base_url or "").password:
            warn()
        request = request_of(
            prompt,
            model,
            system=system and fill(system, self._variables()),
            max_tokens=options.max_tokens or defaults.max_tokens,
            reasoning_effort=options.effort,
            images=[Path(path).expanduser() for path in options.image],
            files=[Path(path).expanduser() for path in options.file],
            options=made,
        )
        self.settings.note(model)
        return request

    def _options(self, line: str) -> Any:
        names = ", ".join(providers())
        known = f"provider:model ({names}) and {_OPTIONS}"
        options = self._parsed(self.stream, line, known)
        to = options.to
        if to is not None and (not to.isidentifier() or iskeyword(to)):
            msg = f"--to needs a name for a variable, got {to!r}"
            raise UsageError(msg)
        return options

    def _parsed(self, magic: Callable[..., None], line: str, known: str) -> Any:
        """Return the options of a magic's line, without the quotes around them."""
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

    def _variables(self) -> dict[str, Any]:
        assert self.shell is not None
        found: dict[str, Any] = self.shell.user_ns
        return found

    def _keep(self, name: str | None, value: object) -> None:
        if name:
            self._variables()[name] = value


def _unquoted(text: str) -> str:
    """Take off the quotes, which IPython's splitting of a line leaves on."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


def _wants_help(line: str) -> bool:
    try:
        return not {"--help", "-h"}.isdisjoint(shlex.split(line))
    except ValueError:  # a quote is left open, which is said elsewhere
        return False


def _help(magic: Callable[..., None]) -> str:
    return (inspect.getdoc(magic) or "").removeprefix("::").strip()


def _print(text: str) -> None:
    print(text)  # noqa: T201 - it is what was asked for


def _with_body(lines: list[str]) -> list[str]:
    """Give a cell that has only its magic an empty body, which IPython refuses.

    So ``%%stream --help`` is help, and an empty cell is told what to write.
    """
    alone = len(lines) == 1 and lines[0].split()[:1] == ["%%stream"]
    return [*lines, "\n"] if alone else lines


# Where Enter only asks whether a cell is complete, the line is left as it is.
_with_body.has_side_effects = True  # type: ignore[attr-defined]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics, and their completion: ``%load_ext nbstream``."""
    magics = StreamMagics(shell)
    shell.register_magics(magics)
    if _with_body not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_with_body)
    lines = {"%%stream": _OPTIONS, "%stream": _LINE_OPTIONS}
    options = {name: re.findall(r"--[\w-]+", line) for name, line in lines.items()}
    complete(shell, magics.settings, options)
