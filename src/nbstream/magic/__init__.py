"""The ``%%stream`` cell magic: ask a model, and see its answer as it is written."""

from __future__ import annotations

from contextlib import nullcontext
from keyword import iskeyword
from pathlib import Path
from typing import Any

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
from nbstream.ended import last
from nbstream.errors import ProviderFailure, Stopped, UsageError
from nbstream.literal import warn_of_text
from nbstream.magic.preview import preview
from nbstream.magic.prompt import fill
from nbstream.magic.values import values
from nbstream.models import Request, missing, opened, providers
from nbstream.record import record
from nbstream.showing import show

__all__ = ["StreamMagics", "fill", "load_ipython_extension"]

_OPTIONS = (
    "--system TEXT, --max-tokens N, --effort LEVEL, --option KEY=VALUE, "
    "--base-url URL, --image PATH, --file PATH, --dry-run, --to NAME, --view VIEW, "
    "--record FILE"
)


@magics_class
class StreamMagics(Magics):
    """The magics of nbstream."""

    @magic_arguments()
    @argument("model", help="provider:model, such as anthropic:<model>")
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

        Example::

            %%stream anthropic:<model> --max-tokens 500 --to answer
            Explain server-sent events to {{audience}}.
        """
        warn_of_text(f"{line}\n{cell}")
        options = self._options(line)
        request = self._request(options, cell)
        if options.dry_run:
            print(preview(request))  # noqa: T201 - it is what was asked for
            return
        call = opened(request, base_url=options.base_url)
        try:
            with record(options.record) if options.record else nullcontext():
                reply = show(call, view=options.view)
        except (ProviderFailure, Stopped) as ended:
            self._keep(options.to, ended.reply)
            raise
        self._keep(options.to, reply)

    @line_magic("stream")  # type: ignore[arg-type]  # IPython has no type for it
    def status(self, line: str) -> None:
        """Show which providers can be asked, what the others lack, and the last reply.

        Example::

            %stream
        """
        if line.strip():
            msg = (
                f"%stream takes nothing, got {line!r}; to ask: %%stream provider:model"
            )
            raise UsageError(msg)
        for name in providers():
            print(f"{name}: {missing(name) or 'ready'}")  # noqa: T201
        print(f"last reply: {last()!r}")  # noqa: T201

    def _request(self, options: Any, cell: str) -> Request:
        prompt = fill(cell.strip(), self._variables())
        if not prompt:
            msg = "the cell is empty: write the question under %%stream"
            raise UsageError(msg)
        model = fill(options.model, self._variables())
        system = options.system and fill(options.system, self._variables())
        return request_of(
            prompt,
            model,
            system=system,
            max_tokens=options.max_tokens,
            reasoning_effort=options.effort,
            images=[Path(path).expanduser() for path in options.image],
            files=[Path(path).expanduser() for path in options.file],
            options=values(options.option),
        )

    def _options(self, line: str) -> Any:
        try:
            options = parse_argstring(self.stream, line)
        except (IPythonUsageError, ValueError) as error:  # an option, a quote
            names = ", ".join(providers())
            said = str(error).rstrip(".")
            msg = f"{said}; known: provider:model ({names}) and {_OPTIONS}"
            raise UsageError(msg) from None
        names_of_texts = ("model", "system", "to", "view", "record", "effort")
        for name in (*names_of_texts, "base_url"):
            setattr(options, name, _unquoted(getattr(options, name)))
        for name in ("option", "image", "file"):
            setattr(options, name, [_unquoted(text) for text in getattr(options, name)])
        to, limit = options.to, options.max_tokens
        if to is not None and (not to.isidentifier() or iskeyword(to)):
            msg = f"--to needs a name for a variable, got {to!r}"
            raise UsageError(msg)
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


def _unquoted(text: str | None) -> str | None:
    """Take off the quotes, which IPython's splitting of a line leaves on."""
    if text and len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics: ``%load_ext nbstream``."""
    shell.register_magics(StreamMagics)
