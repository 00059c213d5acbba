"""``Chat``: ask, and ask again, with all that was said before."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypedDict, TypeVar, Unpack

from nbstream._ask import (
    MAX_ROUNDS,
    Turn,
    known_tools,
    list_of,
    request_of,
    started_turn,
    turn_of,
)
from nbstream._keys import is_secret, redact, warn_of_literal
from nbstream._live import Live
from nbstream._retry import MAX_WAIT_S, Retries, retries_of
from nbstream._show import expand_options, shown
from nbstream._timeout import Timeout
from nbstream.chat.forms import convert, read_messages
from nbstream.chat.history import Conversation, Exchange, History, Playback
from nbstream.errors import UsageError
from nbstream.reply import Reply
from nbstream.requests import parse_model, provider
from nbstream.requests.request import Request

if TYPE_CHECKING:
    from nbstream._player import Screen
    from nbstream._stop import Stop
    from nbstream.chat.panel import Panel
    from nbstream.tools import Offered

_Played = TypeVar("_Played")

#: The number of a file's form: what an older nbstream cannot read has a higher one.
FORM = 1
#: The arguments that make a conversation again; its key and its tools stay out.
_SAVED = (
    *("model", "system", "max_tokens", "reasoning_effort"),
    *("base_url", "max_rounds", "messages"),
)


class AskOptions(TypedDict, total=False):
    """How one question is asked; ``Chat.__call__`` says what each is."""

    images: Sequence[str | PathLike[str]] | PathLike[str]
    files: Sequence[str | PathLike[str]] | PathLike[str]
    view: str | None
    timeout: float | Timeout | None
    retries: int
    max_wait_s: float


_asks = expand_options(
    AskOptions, images=(), files=(), retries=0, max_wait_s=MAX_WAIT_S
)


class Chat:
    """A conversation: each call asks one question, with all that was said before.

    A turn that was stopped or has failed leaves a history that the provider takes: text
    that had come is kept and says that it broke off, a call without a result gets one
    that says so, and a question that nothing came of is taken back.

    Args:
        model: ``"provider:model"``, such as ``"anthropic:claude-haiku-5-5"``.
        system: Instructions for the model.
        tools: Functions that the model may call, each with types for its arguments;
            and tools of the service's own, as dicts, which are sent as they are.
        max_tokens: The limit of each answer, in tokens. None: the provider's.
        reasoning_effort: How much to think, in the provider's words: ``"low"``.
        base_url: Another server that speaks the same API.
        api_key: A key, from ``getpass`` and never written out. None: the environment's.
        max_rounds: How often in one turn calls are run and their results sent back.
        messages: What was said before, in the provider's own form.
        options: More arguments of the SDK's call, sent as they are.

    Attributes:
        lost: What could not be taken over from another provider's conversation.
        reply: The reply to the last question, or None.

    Raises:
        UsageError: no such provider, or a tool is none.
    """

    reply: Reply | None = None
    _playback: Playback | None = None
    _panel: Panel | None = None

    def __init__(
        self,
        model: str,
        *,
        system: str | None = None,
        tools: Iterable[Offered] = (),
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
        said = list_of(messages, "messages: expected a list of them")
        self._history = History(provider(parse_model(model)[0]), said)

    @_asks
    def __call__(
        self, prompt: str, *, reply: Reply | None = None, **options: Unpack[AskOptions]
    ) -> Reply:
        """Ask, show the answer as it is written, and return the reply.

        Args:
            prompt: The question.
            images: Paths of images to send with it, or one.
            files: Paths of files to send with it, or one.
            view: As of ``nbstream.show``; so are ``timeout``, ``retries``,
                ``max_wait_s``.
            timeout: The longest silence, in seconds, or a ``Timeout``.
            retries: How often to send again what failed before anything was shown.
            max_wait_s: The longest wait before such a retry, in seconds.
            reply: An empty reply to fill in, such as one with a ``form``.

        Raises:
            ProviderFailure: the service failed; ``.reply`` holds what had arrived.
            Stopped: interrupt was pressed (a ``KeyboardInterrupt``); so is ``.reply``.
            UsageError: there is no question, the last one is still being answered, or
                a key or a package is missing.
        """
        return self._ask(shown, prompt, options, reply)

    @_asks
    def start(self, prompt: str, **options: Unpack[AskOptions]) -> Live:
        """Ask in the background and return at once; see ``nbstream.start``."""
        return self._ask(started_turn, prompt, options)

    def retry(self, prompt: str | None = None, *, view: str | None = None) -> Reply:
        """Ask the last question again, or with other words in its place.

        What was said since is taken out of the history first. Images and files that
        were sent with the question are sent again.

        Raises:
            UsageError: there is no question yet, or it is still being answered.
        """
        return self._ask_again(partial(shown, view=view), prompt)

    def request(
        self,
        prompt: str,
        *,
        images: Sequence[str | PathLike[str]] | PathLike[str] = (),
        files: Sequence[str | PathLike[str]] | PathLike[str] = (),
    ) -> Request:
        """Return what a question would send, with all that was said; send nothing."""
        question = self._question(prompt, images, files)
        return self._request([*self._history.settled(), question])

    def turn(
        self,
        messages: Sequence[Any],
        reply: Reply | None = None,
        *,
        retries: Retries | None = None,
    ) -> Turn:
        """Return what answers these messages in place of the conversation's own.

        It is for whoever keeps the conversation elsewhere: only the settings count.

        Args:
            messages: A conversation, in the provider's own form.
            reply: Where the answer is added up; None: a new one.
            retries: Whether to send again what failed before its first event.

        Raises:
            UsageError: a key or a package is missing, or there is no message.
        """
        return turn_of(
            self._request(messages),
            self.tools,
            base_url=self.base_url,
            api_key=self._api_key,
            max_rounds=self.max_rounds,
            retries=retries or Retries(),
            reply=reply,
        )

    @property
    def api(self) -> str:
        """The API in whose form the messages are, such as ``"openai.responses"``."""
        return self._history.own.api

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
        said = list_of(messages, "messages: expected a list of them")
        self._history.settled()[:] = said

    def clear(self) -> None:
        """Take out all that was said; the model, the system and the tools stay.

        Raises:
            UsageError: the last question is still being answered.
        """
        self._history.clear()
        if self._panel is not None:
            self._panel.refresh()

    def panel(self) -> Panel:
        """Return the chat panel of this conversation, which a cell may end with.

        There is one: shown in two cells, it is the same in both.
        """
        if self._panel is None:
            from nbstream.chat.panel import Panel

            chat = Conversation(
                model=lambda: self.model,
                exchanges=self.exchanges,
                playback=lambda: self._playback,
                ask=partial(self.start, view="none"),
                again=partial(self._ask_again, partial(started_turn, view="none")),
            )
            self._panel = Panel(chat)
        return self._panel

    def exchanges(self) -> list[Exchange]:
        """Return what was said as a person reads it: questions and their replies."""
        return self._history.exchanges()

    def to_markdown(self) -> str:
        """Return what was said as Markdown that is safe to put into a cell.

        The questions are quotes; raw HTML, unsafe links and remote images are defused.
        """
        from nbstream.chat.panel import to_markdown

        return to_markdown(self.exchanges())

    def __repr__(self) -> str:
        count = len(self._history.settled())
        return f"Chat({self.model!r}, {count} message{'' if count == 1 else 's'})"

    # -- how it is asked -----------------------------------------------------------

    def _question(
        self,
        prompt: str,
        images: Sequence[str | PathLike[str]] | PathLike[str] = (),
        files: Sequence[str | PathLike[str]] | PathLike[str] = (),
    ) -> Any:
        """Return the message that asks something, in the provider's own form.

        Raises:
            UsageError: there is no question, or a file cannot be sent.
        """
        request = request_of(
            prompt,
            self.model,
            images=_paths("images", images),
            files=_paths("files", files),
        )
        return request.messages[0]

    def _request(self, messages: Sequence[Any]) -> Request:
        return request_of(
            messages,
            self.model,
            system=self.system,
            tools=tuple(self.tools.values()),
            max_tokens=self.max_tokens,
            reasoning_effort=self.reasoning_effort,
            options=self.options,
            extra=self._history.extra,
        )

    def _ask(
        self,
        play: Callable[..., _Played],
        prompt: str,
        options: AskOptions,
        reply: Reply | None = None,
    ) -> _Played:
        question = self._question(prompt, options["images"], options["files"])
        play = partial(play, view=options["view"], timeout=options["timeout"])
        retries = retries_of(options["retries"], options["max_wait_s"])
        return self._play(play, question, retries, reply)

    def _ask_again(self, play: Callable[..., _Played], prompt: str | None) -> _Played:
        if prompt is not None:
            self._question(prompt)  # what cannot be asked takes nothing back
        question = self._history.take_back()
        if prompt is not None:
            own = self._history.own
            (before,) = read_messages(own.api, [question])
            question = own.user_message(prompt, before.images, before.files)
        return self._play(play, question, Retries())

    def _play(
        self,
        play: Callable[..., _Played],
        question: Any,
        retries: Retries,
        reply: Reply | None = None,
    ) -> _Played:
        messages = [*self._history.settled(), question]
        turn = self.turn(messages, reply, retries=retries)
        exchange = self._history.ask(question, turn.reply)
        self.reply = turn.reply

        def beside(stop: Stop) -> Screen | None:
            self._playback = Playback(exchange, stop, turn.consents)
            return self._panel.follow(self._playback) if self._panel else None

        try:
            return play(turn, turn.reply, consents=turn.consents, beside=beside)
        except BaseException:
            turn.reply._end(stopped=True)  # it has ended, or has never begun
            raise

    # -- elsewhere -----------------------------------------------------------------

    def to(self, model: str, *, api_key: str | None = None, **changes: Any) -> Self:
        """Return a conversation that goes on from here with another model.

        What another provider cannot read, such as a model's signed reasoning, is left
        out: ``lost`` names it, and there is a warning. This conversation stays as it
        is. ``changes`` are arguments of ``Chat``; a key and a ``base_url`` are not
        taken over to another provider, and neither are ``options``.
        """
        own, before = provider(parse_model(model)[0]), self._history.own
        tools = tuple(self.tools.values())
        ours = tuple(each for each in tools if not isinstance(each, Mapping))
        kept: dict[str, Any] = {
            "system": self.system,
            "tools": tools if own is before else ours,
            "max_tokens": self.max_tokens,
            "max_rounds": self.max_rounds,
        }
        if own is before:
            kept |= {
                "reasoning_effort": self.reasoning_effort,
                "base_url": self.base_url,
                "messages": self.messages,
                "api_key": api_key or self._api_key,
                **self.options,
            }
            return type(self)(model, **{**kept, **changes})
        converted = convert(self.messages, before.api, own)
        systems = filter(None, [self.system, *converted.system])
        kept["system"] = "\n\n".join(systems) or None
        kept |= {"messages": converted.messages, "api_key": api_key}
        made = type(self)(model, **{**kept, **changes})
        theirs = ("tools of the service's own",) if ours != tools else ()
        made.lost = (*converted.lost, *theirs)
        if made.lost:
            lost = ", ".join(made.lost)
            msg = f"{model} cannot be told all of it; left out: {lost}"
            warnings.warn(msg, UserWarning, stacklevel=2)
        return made

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the conversation as JSON; no key gets into the file. Return its path.

        A file that was there is replaced in one step.

        Raises:
            UsageError: a message is no JSON, or the file cannot be written.
        """
        path = Path(path).expanduser()
        arguments = {name: getattr(self, name) for name in _SAVED}
        arguments |= _without_secrets(self.options)
        try:
            text = json.dumps({"nbstream.chat": FORM, **arguments}, indent=1)
        except (TypeError, ValueError) as error:
            msg = f"the conversation holds what JSON cannot say: {error}"
            raise UsageError(msg) from error
        if redact(text) != text:
            msg = "a message holds what looks like a key: take it out, then save"
            raise UsageError(msg)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(text + "\n", encoding="utf-8")
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise UsageError(f"{str(path)!r} cannot be written: {error}") from error
        return path

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *,
        tools: Iterable[Offered] = (),
        api_key: str | None = None,
    ) -> Self:
        """Return a conversation that ``save`` has written.

        Functions cannot be saved: give the tools again.

        Raises:
            UsageError: the file cannot be read, or is none of ours.
        """
        arguments = _read(Path(path).expanduser())
        return cls(tools=tools, api_key=api_key, **arguments)


def _paths(name: str, given: object) -> list[Path]:
    """Return what is to be sent along as paths; a text is one path.

    Raises:
        UsageError: it is none, or an address.
    """
    if isinstance(given, str | PathLike):
        given = [given]
    found = list_of(given or (), f"{name}: expected the paths of files")
    for each in found:
        if not isinstance(each, str | PathLike):
            raise UsageError(f"{name}: {each!r} is no path of a file")
        if "://" in str(each) or str(each).startswith("data:"):
            msg = f"{name}: {str(each)[:80]!r} is an address: save it as a file first"
            raise UsageError(msg)
    return [Path(each).expanduser() for each in found]


def _read(path: Path) -> dict[str, Any]:
    """Return the arguments of the conversation that is saved in a file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error}") from error
    except ValueError as error:
        raise UsageError(f"{str(path)!r} is no JSON: {error}") from error
    form = found.pop("nbstream.chat", None) if isinstance(found, dict) else None
    messages = found.get("messages") if form == FORM else None
    if not isinstance(messages, list) or not isinstance(found.get("model"), str):
        msg = (
            f"{str(path)!r} holds no conversation of form {FORM}: "
            "expected a file that Chat.save has written"
        )
        raise UsageError(msg)
    arguments: dict[str, Any] = found
    return arguments


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if not is_secret(str(name))}
        return {name: _without_secrets(each) for name, each in kept.items()}
    if isinstance(value, list):
        return [_without_secrets(each) for each in value]
    return value
