"""What a conversation keeps: to be read, saved, or gone on with elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nbstream._ask import MAX_ROUNDS, known_tools
from nbstream._keys import warn_of_literal
from nbstream.chat.elsewhere import gone_on
from nbstream.chat.history import History
from nbstream.chat.saved import Saved
from nbstream.errors import UsageError
from nbstream.requests import parse_model, provider

if TYPE_CHECKING:
    from nbstream.tools import Tool

__all__ = ["Conversation"]


class Conversation:
    """What of a ``Chat`` is kept; its arguments are named there."""

    def __init__(
        self,
        model: str,
        *,
        system: str | None = None,
        tools: Iterable[Tool | Callable[..., object]] = (),
        max_tokens: int | None = None,
        reasoning_effort: str | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        max_rounds: int = MAX_ROUNDS,
        messages: Iterable[Any] = (),
        **options: Any,
    ) -> None:
        warn_of_literal(api_key, options)
        self._model = model
        self.system = system
        self.tools = known_tools(tools)
        self.max_tokens = max_tokens
        self.reasoning_effort = reasoning_effort
        self.base_url = base_url
        self.max_rounds = max_rounds
        self.options = options
        self.lost: tuple[str, ...] = ()
        self._api_key = api_key
        self._history = History(provider(parse_model(model)[0]), messages)

    @property
    def model(self) -> str:
        """Who is asked; it may become another model of the same provider.

        Raises:
            UsageError: that is another provider's: ``chat.to(model)`` goes on there.
        """
        return self._model

    @model.setter
    def model(self, model: str) -> None:
        if provider(parse_model(model)[0]) is not self._history.own:
            msg = (
                f"the messages are not in the form of {model!r}: use chat.to({model!r})"
            )
            raise UsageError(msg)
        self._model = model

    @property
    def messages(self) -> list[Any]:
        """What was said, in the provider's own form; change it as you like.

        The answer to a question is in it once it has ended.
        """
        return self._history.settled()

    @messages.setter
    def messages(self, messages: Iterable[Any]) -> None:
        self._history.settled()[:] = list(messages)

    def to_markdown(self) -> str:
        """Return what was said as Markdown that is safe to put into a cell.

        The questions are quotes; raw HTML, unsafe links and remote images are defused.
        """
        from nbstream.chat.shown import to_markdown

        return to_markdown(self._history.exchanges())

    # -- elsewhere ---------------------------------------------------------------

    def to(self, model: str, *, api_key: str | None = None, **changes: Any) -> Self:
        """Return a conversation that goes on from here with another model.

        What another provider cannot read, such as a model's signed reasoning, is left
        out: ``lost`` names it, and there is a warning. This conversation stays as it
        is. ``changes`` are arguments of ``Chat``; a key and a ``base_url`` are not
        taken over to another provider, and neither are ``options``.
        """
        return gone_on(self, model, (self._api_key, api_key), changes)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the conversation as JSON; no key gets into the file. Return its path.

        Raises:
            UsageError: a message is no JSON, or the file cannot be written.
        """
        return Saved.of(self).write(Path(path).expanduser())

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *,
        tools: Iterable[Tool | Callable[..., object]] = (),
        api_key: str | None = None,
    ) -> Self:
        """Return a conversation that ``save`` has written.

        Functions cannot be saved: give the tools again.

        Raises:
            UsageError: the file cannot be read, or is none of ours.
        """
        saved = Saved.read(Path(path).expanduser())
        return cls(tools=tools, api_key=api_key, **saved.arguments)
