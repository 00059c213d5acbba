"""``Chat``: ask, and ask again, with all that was said before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar

from nbstream._ask import Turn, request_of, turn_of
from nbstream._live import Live, started
from nbstream._retry import MAX_WAIT_S, Retries, retries_of
from nbstream._show import Beside, shown
from nbstream._timeout import Timeout
from nbstream.chat.conversation import Conversation
from nbstream.chat.playing import Playing
from nbstream.chat.question import question_of, reworded
from nbstream.reply import Reply
from nbstream.requests.request import Request

if TYPE_CHECKING:
    from nbstream._player import Screen
    from nbstream._stop import Stop
    from nbstream.chat.panel import Panel

__all__ = ["Chat"]

_Played = TypeVar("_Played")


class Chat(Conversation):
    """A conversation: each call asks one question, with all that was said before.

    A turn that was stopped or has failed leaves a history that the provider takes: text
    that had come is kept and says that it broke off, a call without a result gets one
    that says so, and a question that nothing came of is taken back.

    Args:
        model: ``"provider:model"``, such as ``"anthropic:claude-haiku-5-5"``.
        system: Instructions for the model.
        tools: Functions that the model may call, each with types for its arguments.
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
    _playing: Playing | None = None
    _panel: Panel | None = None

    def __call__(
        self,
        prompt: str,
        *,
        images: Sequence[str | PathLike[str]] = (),
        files: Sequence[str | PathLike[str]] = (),
        view: str | None = None,
        timeout: float | Timeout | None = None,
        retries: int = 0,
        max_wait_s: float = MAX_WAIT_S,
        reply: Reply | None = None,
    ) -> Reply:
        """Ask, show the answer as it is written, and return the reply.

        Args:
            prompt: The question.
            images: Paths of images to send with it.
            files: Paths of files to send with it.
            view: As of ``nbstream.show``; so are ``timeout``, ``retries``,
                ``max_wait_s``.
            timeout: The longest silence, in seconds, or a ``Timeout``.
            retries: How often to send again what failed before its first event.
            max_wait_s: The longest wait before such a retry, in seconds.
            reply: An empty reply to fill in, such as one with a ``form``.

        Raises:
            ProviderFailure: the service failed; ``.reply`` holds what had arrived.
            Stopped: interrupt was pressed (a ``KeyboardInterrupt``); so is ``.reply``.
            UsageError: there is no question, the last one is still being answered, or
                a key or a package is missing.
        """
        question = question_of(prompt, self.model, images, files)
        how = partial(shown, view=view, timeout=timeout)
        return self._asked(how, question, retries_of(retries, max_wait_s), reply)

    def start(
        self,
        prompt: str,
        *,
        images: Sequence[str | PathLike[str]] = (),
        files: Sequence[str | PathLike[str]] = (),
        view: str | None = None,
        timeout: float | Timeout | None = None,
        retries: int = 0,
        max_wait_s: float = MAX_WAIT_S,
    ) -> Live:
        """Ask in the background and return at once; see ``nbstream.start``."""
        question = question_of(prompt, self.model, images, files)
        how = partial(started, view=view, timeout=timeout)
        return self._asked(how, question, retries_of(retries, max_wait_s))

    def retry(self, prompt: str | None = None, *, view: str | None = None) -> Reply:
        """Ask the last question again, or with other words in its place.

        What was said since is taken out of the history first. Images and files that
        were sent with the question are sent again.

        Raises:
            UsageError: there is no question yet, or it is still being answered.
        """
        return self._asked_again(partial(shown, view=view), prompt)

    def request(
        self,
        prompt: str,
        *,
        images: Sequence[str | PathLike[str]] = (),
        files: Sequence[str | PathLike[str]] = (),
    ) -> Request:
        """Return what a question would send, with all that was said; send nothing."""
        return self._request(question_of(prompt, self.model, images, files))

    def panel(self) -> Panel:
        """Return the chat panel of this conversation, which a cell may end with.

        There is one: shown in two cells, it is the same in both.
        """
        if self._panel is None:
            from nbstream.chat.panel import Panel

            self._panel = Panel(
                lambda: self.model,
                self._history.exchanges,
                lambda: self._playing,
                ask=partial(self.start, view="none"),
                again=partial(self._asked_again, partial(started, view="none")),
            )
        return self._panel

    def clear(self) -> None:
        """Take out all that was said; the model, the system and the tools stay.

        Raises:
            UsageError: the last question is still being answered.
        """
        self._history.clear()
        if self._panel is not None:
            self._panel.refresh()

    def __repr__(self) -> str:
        count = len(self._history.settled())
        return f"Chat({self.model!r}, {count} message{'' if count == 1 else 's'})"

    # -- how it is asked -----------------------------------------------------------

    def _asked_again(self, how: Callable[..., _Played], prompt: str | None) -> _Played:
        if prompt is not None:
            question_of(prompt, self.model)  # what cannot be asked takes nothing back
        question = self._history.take_back()
        if prompt is not None:
            question = reworded(question, prompt, self._history.own)
        return self._asked(how, question, Retries())

    def _asked(
        self,
        how: Callable[..., _Played],
        question: Any,
        retries: Retries,
        reply: Reply | None = None,
    ) -> _Played:
        turn = turn_of(
            self._request(question),
            self.tools,
            base_url=self.base_url,
            api_key=self._api_key,
            max_rounds=self.max_rounds,
            retries=retries,
            reply=reply,
        )
        beside = self._begun(question, turn)
        try:
            return how(turn, turn.reply, consents=turn.consents, beside=beside)
        except BaseException:
            turn.reply.end(stopped=True)  # it has ended, or has never begun
            raise

    def _begun(self, question: Any, turn: Turn) -> Beside:
        exchange = self._history.ask(question, turn.reply)
        self.reply = turn.reply

        def beside(stop: Stop) -> Screen | None:
            self._playing = Playing(exchange, stop, turn.consents)
            return self._panel.follow(self._playing) if self._panel else None

        return beside

    def _request(self, question: Any) -> Request:
        return request_of(
            [*self._history.settled(), question],
            self.model,
            system=self.system,
            tools=tuple(self.tools.values()),
            max_tokens=self.max_tokens,
            reasoning_effort=self.reasoning_effort,
            options=self.options,
        )
