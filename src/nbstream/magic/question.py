"""What one cell says: its question, the conversation it is for, the format."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from nbstream._ask import known_tools
from nbstream._keys import REMOVED, is_secret, redact, secrets_in, warn
from nbstream._show import last
from nbstream.chat import Chat
from nbstream.errors import UnknownNameError, UsageError
from nbstream.markdown.parser import parse
from nbstream.reply import Reply
from nbstream.requests import missing, parse_model, provider, providers
from nbstream.requests.request import Request

_FIELD = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")
#: What looks like one, and is an expression.
_EXPRESSION = re.compile(r"\{\{\s*([^\W\d]\w*)[^\w{}][^{}]*\}\}")


def fill(text: str, variables: Mapping[str, object]) -> str:
    """Replace each ``{{name}}`` by the variable of that name, and nothing else.

    Single braces, dollars and LaTeX stay as they are. So does ``{{name.attribute}}``,
    of which is warned if there is such a variable.

    Raises:
        UsageError: a name is no variable; the message lists all that are missing.
    """
    names = dict.fromkeys(_FIELD.findall(text))
    if missing := [name for name in names if name not in variables]:
        listed = ", ".join("{{" + name + "}}" for name in missing)
        msg = f"no variable for {listed}: define it, or write single braces"
        raise UsageError(msg)
    for found in _EXPRESSION.finditer(_FIELD.sub("", text)):
        if found[1] in variables:
            msg = f"{found[0]} is sent as it is: only {{{{name}}}} is filled in"
            warnings.warn_explicit(msg, UserWarning, "<the cell>", 1)
    return _FIELD.sub(lambda found: str(variables[found[1]]), text)


def values(given: Iterable[str]) -> dict[str, object]:
    """Return the options; a value is JSON where it can be, else text.

    Raises:
        UsageError: one is no ``key=value``, or gives a key to the service.
    """
    found: dict[str, object] = {}
    for option in given:
        name, equals, text = option.partition("=")
        if name == "api_key":
            msg = "--option api_key would be saved with the cell: use the environment"
            raise UsageError(msg)
        if not equals or not name.isidentifier():
            msg = f"--option needs key=value, got {option!r}; such as --option seed=3"
            raise UsageError(msg)
        found[name] = _value(text)
    return found


def _value(text: str) -> object:
    bare = text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text
    try:
        return json.loads(bare)
    except ValueError:
        return bare


@dataclass(slots=True, kw_only=True)
class Settings:
    """The defaults of this session; ``used`` are the models that were asked."""

    model: str | None = None
    system: str | None = None
    max_tokens: int | None = None
    used: list[str] = field(default_factory=list)

    def set(
        self, model: str | None, system: str | None, max_tokens: int | None
    ) -> None:
        """Set what is given; an empty text takes a default away.

        Raises:
            UsageError: there is no such provider.
        """
        if model:
            parse_model(model)
        self.model = self.model if model is None else model or None
        self.system = self.system if system is None else system or None
        self.max_tokens = max_tokens or self.max_tokens

    def note(self, model: str) -> None:
        """Remember that a model was asked."""
        if model not in self.used:
            self.used.append(model)

    def lines(self) -> Iterator[str]:
        """Yield what there is to know, line by line; never a key."""
        more = {"--system": self.system, "--max-tokens": self.max_tokens}
        said = [f"{name} {value!r}" for name, value in more.items() if value]
        none = "none; to set one: %stream --model provider:model"
        yield redact(f"default model: {' '.join([self.model or none, *said])}")
        yield f"models used: {', '.join(self.used) or 'none'}"
        for name in providers():
            yield f"{name}: {missing(name) or 'ready'}"
        yield f"last reply: {last()!r}"


def prompt_of(cell: str, variables: Mapping[str, Any]) -> str:
    """Return the question that a cell asks, with its variables filled in.

    Raises:
        UsageError: there is none, or a name is no variable.
    """
    prompt = fill(cell.strip(), variables)
    if not prompt:
        msg = "the cell is empty: write the question under %%stream"
        raise UsageError(msg)
    return prompt


def chat_of(
    options: Any, variables: MutableMapping[str, Any], settings: Settings
) -> Chat:
    """Return the conversation a cell asks in; what the cell says holds from now on.

    Without ``--chat`` it is one for this question alone. A dry run changes nothing: it
    gets one of its own.

    Raises:
        UsageError: there is no model, or a name is that of no variable, tool or chat.
    """
    model = options.model and fill(options.model, variables)
    tools = known_tools(_functions(options.tools, variables))
    made = values(options.option)
    if any(secrets_in(made)) or urlsplit(options.base_url or "").password:
        warn()
    system = options.system and fill(options.system, variables)
    before = chat_named(options.chat, variables) if options.chat else None
    if before is None:
        if not (model := model or settings.model):
            raise UsageError(NO_MODEL)
        if system is None and settings.system:
            system = fill(settings.system, variables)
        chat = Chat(model, system=system, max_tokens=settings.max_tokens)
    elif options.dry_run or (model and _prefix(model) != _prefix(before.model)):
        chat = before.to(model or before.model)
    else:
        chat = before
        chat.model = model or chat.model
    chat.system = system or chat.system
    chat.max_tokens = options.max_tokens or chat.max_tokens
    chat.reasoning_effort = options.effort or chat.reasoning_effort
    chat.base_url = options.base_url or chat.base_url
    chat.options.update(made)
    chat.tools = tools or chat.tools
    if options.chat and not options.dry_run:
        variables[options.chat] = chat
    return chat


def chat_named(name: str, variables: Mapping[str, Any]) -> Chat | None:
    """Return the conversation of that name, or None.

    Raises:
        UsageError: the name is that of something else.
    """
    found = variables.get(name)
    if found is None or isinstance(found, Chat):
        return found
    msg = f"{name!r} is no conversation but {type(found).__name__}: take another name"
    raise UsageError(msg)


def _prefix(model: str) -> str:
    return parse_model(model)[0]


def _functions(names: str | None, variables: Mapping[str, Any]) -> list[Any]:
    wanted = [name.strip() for name in (names or "").split(",") if name.strip()]
    if missing := [name for name in wanted if name not in variables]:
        msg = f"--tools: no function {', '.join(missing)}; define it in a cell above"
        raise UsageError(msg)
    return [variables[name] for name in wanted]


NO_MODEL = (
    "no model: write %%stream provider:model, or set one for all cells: "
    "%stream --model provider:model"
)


#: What ``--format`` may be.
FORMATS = ("text", "markdown", "code", "json")


def reply_of(format_: str | None) -> Reply:
    """Return the empty reply that will be shown in this format.

    Raises:
        UnknownNameError: there is no such format.
    """
    if format_ is not None and format_ not in FORMATS:
        raise UnknownNameError("format", format_, FORMATS)
    reply = Reply()
    if format_ == "text":
        reply._form = "text"
    elif format_ == "json":
        from nbstream.structured import AnyJson

        reply._form, reply._expected = "json", AnyJson()
    return reply


def hand_over_code(reply: Reply, shell: Any) -> None:
    """Put the first block of code into the next cell, where it waits to be run."""
    code = first_code(reply.text)
    if code is None:
        print("No block of code in the answer: the next cell stays as it is.")  # noqa: T201
    else:
        shell.set_next_input(code, replace=False)


def first_code(text: str) -> str | None:
    """Return the first block of code between fences; None: there is none, or half."""
    lines = text.split("\n")
    for token in parse(text):
        if token.type == "fence" and token.map is not None:
            fence, end = token.markup, lines[token.map[1] - 1].strip(" >")
            closed = token.map[1] - 1 > token.map[0] and not end.strip(fence[0])
            return token.content.rstrip() if closed and len(end) >= len(fence) else None
    return None


#: A file in base64 longer than this, in characters, is shown by its length.
_LONG = 200
_BASE64 = re.compile(r"(?:data:[^,]*,)?[A-Za-z0-9+/=]+")


def preview(request: Request) -> str:
    """Return the keyword arguments of the SDK's call as JSON, keys removed."""
    arguments = provider(request.provider).arguments(request)
    return json.dumps(_clean(arguments), indent=2, ensure_ascii=False, default=str)


def _clean(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: REMOVED if is_secret(str(name)) else _clean(each)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    if not isinstance(value, str):
        return value
    if len(value) > _LONG and _BASE64.fullmatch(value):
        return f"{value[:40]}... ({len(value)} characters)"
    return redact(value)
