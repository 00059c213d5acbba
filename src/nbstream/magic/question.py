"""What one cell asks: of a model, or in a conversation."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nbstream._ask import known_tools, request_of, turn_of
from nbstream._keys import secrets_in, warn
from nbstream._retry import Retries
from nbstream._show import shown
from nbstream.chat import Chat
from nbstream.errors import UsageError
from nbstream.magic.prompt import fill
from nbstream.magic.settings import Settings
from nbstream.magic.values import values
from nbstream.reply import Reply
from nbstream.requests import parse_model
from nbstream.requests.request import Request
from nbstream.tools import Tool

__all__ = ["Question", "chat_named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, with what its options say; ``chat`` is where it is asked."""

    prompt: str
    images: list[Path]
    files: list[Path]
    chat: Chat | None
    alone: Request | None
    tools: Mapping[str, Tool]
    base_url: str | None

    @classmethod
    def of(
        cls,
        options: Any,
        cell: str,
        variables: MutableMapping[str, Any],
        settings: Settings,
    ) -> Question:
        """Read the cell and the options of its magic.

        Raises:
            UsageError: there is no question or no model, or a name is no variable.
        """
        prompt = fill(cell.strip(), variables)
        if not prompt:
            msg = "the cell is empty: write the question under %%stream"
            raise UsageError(msg)
        model = options.model and fill(options.model, variables)
        tools = known_tools(_functions(options.tools, variables))
        images, files = (
            [Path(path).expanduser() for path in each]
            for each in (options.image, options.file)
        )
        more = _more(options, variables)
        chat, alone = None, None
        if options.chat:
            chat = _chat_of(options, model, more, tools, variables, settings)
        else:
            if not (model := model or settings.model):
                raise UsageError(NO_MODEL)
            alone = request_of(
                prompt,
                model,
                images=images,
                files=files,
                tools=tuple(tools.values()),
                **_with_defaults(more, settings, variables),
            )
        settings.note(chat.model if chat else str(model))
        return cls(
            prompt=prompt,
            images=images,
            files=files,
            chat=chat,
            alone=alone,
            tools=tools,
            base_url=options.base_url,
        )

    def request(self) -> Request:
        """Return what is sent."""
        if self.alone is not None:
            return self.alone
        assert self.chat is not None
        return self.chat.request(self.prompt, images=self.images, files=self.files)

    def ask(self, reply: Reply, view: str | None) -> None:
        """Ask, and show the answer in this reply."""
        if self.chat is not None:
            self.chat(
                self.prompt,
                images=self.images,
                files=self.files,
                view=view,
                reply=reply,
            )
            return
        assert self.alone is not None
        turn = turn_of(
            self.alone,
            self.tools,
            base_url=self.base_url,
            retries=Retries(),
            reply=reply,
        )
        shown(turn, reply, view=view, consents=turn.consents)


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


def _chat_of(
    options: Any,
    model: str | None,
    more: Mapping[str, Any],
    tools: Mapping[str, Tool],
    variables: MutableMapping[str, Any],
    settings: Settings,
) -> Chat:
    """Return the conversation a cell goes on with; what it says holds from now on.

    A dry run changes nothing: it gets one of its own.
    """
    before = chat_named(options.chat, variables)
    if before is None:
        if not (model := model or settings.model):
            raise UsageError(NO_MODEL)
        own = dict(_with_defaults(more, settings, variables))
        chat = Chat(model, base_url=options.base_url, **own.pop("options"), **own)
    elif options.dry_run or (model and _prefix(model) != _prefix(before.model)):
        chat = before.to(model or before.model)
    else:
        chat = before
        chat.model = model or chat.model
    if before is not None:
        for name in ("system", "max_tokens", "reasoning_effort"):
            setattr(chat, name, more[name] or getattr(chat, name))
        chat.base_url = options.base_url or chat.base_url
        chat.options.update(more["options"])
    chat.tools = tools or chat.tools
    if not options.dry_run:
        variables[options.chat] = chat
    return chat


def _prefix(model: str) -> str:
    return parse_model(model)[0]


def _more(options: Any, variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what goes with a question; warn of a secret that stands in the cell."""
    made = values(options.option)
    if any(secrets_in(made)) or urlsplit(options.base_url or "").password:
        warn()
    return {
        "system": options.system and fill(options.system, variables),
        "max_tokens": options.max_tokens,
        "reasoning_effort": options.effort,
        "options": made,
    }


def _with_defaults(
    more: Mapping[str, Any], settings: Settings, variables: Mapping[str, Any]
) -> Mapping[str, Any]:
    said = more["system"]
    if said is None and settings.system:
        said = fill(settings.system, variables)
    limit = more["max_tokens"] or settings.max_tokens
    return {**more, "system": said, "max_tokens": limit}


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
