"""The ``%%stream`` cell magic: ask a model, and see its answer as it is written."""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
from collections.abc import Callable
from contextlib import nullcontext, suppress
from itertools import dropwhile
from keyword import iskeyword
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
from IPython.core.magic_arguments import argument, magic_arguments

from nbstream._keys import warn_of_text
from nbstream.errors import ProviderFailure, Stopped, UsageError
from nbstream.lab.recording import record
from nbstream.magic import question
from nbstream.magic.completion import complete, is_comment
from nbstream.requests import providers

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


_JSON = json.JSONDecoder()


def parsed(magic: Callable[..., None], line: str, known: str) -> Any:
    """Return the options of a magic's line, without the quotes around them.

    Raises:
        UsageError: one is not known, or has no such value; ``known`` is said.
    """
    try:
        options = magic.parser.parse_args(words(line))  # type: ignore[attr-defined]
    except (IPythonUsageError, ValueError) as error:  # an option, a quote
        msg = f"{str(error).rstrip('.')}; known: {known}"
        raise UsageError(msg) from None
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
        return not {"--help", "-h"}.isdisjoint(words(line))
    except ValueError:  # a quote is left open, which is said elsewhere
        return False


def help_of(magic: Callable[..., None]) -> str:
    """Return the help of a magic: its docstring, with its options."""
    return (inspect.getdoc(magic) or "").removeprefix("::").strip()


#: What is in quotes, a backslash, a comment; a value that begins as JSON does.
_SPECIAL = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'[^']*')|(\\)|(?<!\S)(\#.*)|(?<![^\s=])\w+=(?=[\[{])"""
)


def words(line: str, *, windows: bool = os.name == "nt") -> list[str]:
    """Split a line as a shell does: quotes, backslashes, and ``# a comment``.

    JSON after ``KEY=`` needs no quotes around it. On Windows a backslash outside
    quotes is one: of a path.
    """
    out, at = list[str](), 0
    while found := _SPECIAL.search(line, at):
        out.append(line[at : found.end()])
        at = found.end()
        quoted, slash, comment = found.groups()
        if slash:
            more = "\\" if windows else line[at : at + 1]
            at += 0 if windows else 1
            out.append(more)
        elif comment:
            out[-1] = out[-1].removesuffix(comment)
        elif not quoted:
            with suppress(ValueError):
                _, end = _JSON.raw_decode(line, at)
                out.append(shlex.quote(line[at:end]))
                at = end
    return shlex.split("".join(out) + line[at:])


@magics_class
class StreamMagics(Magics):
    """The magics of nbstream."""

    def __init__(self, shell: InteractiveShell | None = None) -> None:
        super().__init__(shell)
        self.settings = question.Settings()

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
    @argument("--tools", metavar="NAME,NAME", help="Functions that it may call.")
    @argument("--chat", metavar="NAME", help="Go on with this conversation, or begin.")
    @argument("--dry-run", action="store_true", help="Show the request; send nothing.")
    @argument("--to", metavar="NAME", help="Put the Reply into this variable.")
    @argument("--format", metavar="FORMAT", help=f"{', '.join(question.FORMATS)}.")
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

        --tools names functions of the notebook, whose results are sent back. --chat
        NAME goes on with the nbstream.Chat of that name, or begins one: NAME.messages.

        FORMAT is how the answer is read: markdown, as by itself; text, as it came;
        code, whose first block goes into the next cell; json, which is laid out, and
        an error if it is none.

        Examples::

            %%stream anthropic:<model> --max-tokens 500 --to answer
            Explain server-sent events to {{audience}}.

            %%stream --chat talk --tools get_weather
            And in Paris?

            %stream --model openai:<model>
            %%stream --format code
            Sort a list of names by their last letter, in Python.
        """
        warn_of_text(f"{line}\n{cell}")
        if wants_help(line):
            _print(help_of(self.stream))
            return
        options = self._options(line)
        variables = self._variables()
        prompt = question.prompt_of(cell, variables)
        chat = question.chat_of(options, variables, self.settings)
        request = chat.request(prompt, images=options.image, files=options.file)
        self.settings.note(chat.model)
        reply = question.reply_of(options.format)
        if options.dry_run:
            _print(question.preview(request))
            return
        try:
            with record(options.record) if options.record else nullcontext():
                chat(
                    prompt,
                    images=options.image,
                    files=options.file,
                    view=options.view,
                    reply=reply,
                )
        except (ProviderFailure, Stopped):
            self._keep(options.to, reply)
            raise
        self._keep(options.to, reply)
        if options.format == "code":
            question.hand_over_code(reply, self.shell)

    @magic_arguments("stream")
    @argument("--model", metavar="MODEL", help="Ask this one where none is given.")
    @argument("--system", metavar="TEXT", help="Instructions, where none are given.")
    @argument("--max-tokens", type=int, metavar="N", help="Limit, where none is given.")
    @argument("--reset", metavar="NAME", help="Begin the conversation NAME anew.")
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
        if wants_help(line):
            _print(help_of(self.status))
            return
        given = parsed(self.status, line, SET)
        self.settings.set(given.model, given.system, given.max_tokens)
        if given.reset:
            self._reset(given.reset)
            return
        _print("\n".join(self.settings.lines()))

    def _reset(self, name: str) -> None:
        """Take out all that was said; model, system and tools stay."""
        chat = question.chat_named(name, self._variables())
        if chat is None:
            msg = f"there is no conversation {name!r}; %%stream --chat {name} begins it"
            raise UsageError(msg)
        chat.clear()

    def _options(self, line: str) -> Any:
        known = f"provider:model ({', '.join(providers())}) and {ASK}"
        options = parsed(self.stream, line, known)
        check_name("--to", options.to)
        check_name("--chat", options.chat)
        return options

    def _variables(self) -> dict[str, Any]:
        assert self.shell is not None
        found: dict[str, Any] = self.shell.user_ns
        return found

    def _keep(self, name: str | None, value: object) -> None:
        if name:
            self._variables()[name] = value


def _print(text: str) -> None:
    print(text)  # noqa: T201 - it is what was asked for


def _with_body(lines: list[str]) -> list[str]:
    """Make a cell of ``%%stream`` one that IPython takes.

    One that has only its magic gets an empty body, so that ``%%stream --help`` is help,
    and an empty cell is told what to write. Comments above the magic are left out.
    """
    rest = list(dropwhile(is_comment, lines))
    if not rest or rest[0].split()[:1] != ["%%stream"]:
        return lines
    return rest if len(rest) > 1 else [*rest, "\n"]


# Where Enter only asks whether a cell is complete, the line is left as it is.
_with_body.has_side_effects = True  # type: ignore[attr-defined]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics, and their completion: ``%load_ext nbstream``."""
    magics = StreamMagics(shell)
    shell.register_magics(magics)
    if _with_body not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_with_body)
    lines = {"%%stream": ASK, "%stream": SET}
    options = {name: re.findall(r"--[\w-]+", line) for name, line in lines.items()}
    complete(shell, magics.settings, options)
