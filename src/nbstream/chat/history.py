"""The messages of a conversation, and the exchanges that a person reads in them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from nbstream.chat.forms import read_messages
from nbstream.chat.messages import Message, to_reply
from nbstream.errors import UsageError
from nbstream.providers.anthropic import settled
from nbstream.reply import Reply
from nbstream.requests.request import CUT, Provider, as_messages

if TYPE_CHECKING:
    from nbstream._live import Live
    from nbstream._stop import Stop
    from nbstream.tool_runs import Consents


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exchange:
    """One question and its answer.

    Attributes:
        key: Its name in the panel, ``t0`` and so on; it never changes.
        question: What was asked.
        files: The names of what was sent along.
        reply: The answer, which may still be growing.
    """

    key: str
    question: str
    files: tuple[str, ...]
    reply: Reply


@dataclass(frozen=True, slots=True)
class Playback:
    """An exchange that is being played, or was; what it takes to stop or to consent."""

    exchange: Exchange
    stop: Stop
    consents: Consents


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What a panel is given of a chat: to show it, and to go on with it.

    Attributes:
        model: Return who is asked.
        exchanges: Return what was said.
        playback: Return what was asked last, None if nothing was.
        ask: Ask something in the background.
        again: Ask the last question again, or in other words.
    """

    model: Callable[[], str]
    exchanges: Callable[[], list[Exchange]]
    playback: Callable[[], Playback | None]
    ask: Callable[[str], Live]
    again: Callable[[str | None], Live]


class History:
    """What was said. The last answer is added when somebody looks and it has ended.

    The messages decide: what somebody takes out of them is out of the exchanges too,
    and what was there before is read from them. Of what was asked here the reply itself
    is known. A panel asks in threads of its own, so each look is one step.

    Attributes:
        own: The provider in whose form the messages are.
        extra: What was said of the answers besides, see ``Reply.extra``.
    """

    def __init__(self, own: Provider, messages: Iterable[Any] = ()) -> None:
        self.own = own
        self._messages = list(messages)
        self.extra: dict[str, object] = {}
        self._question: Any = None
        self._out: Any = None  # a question that is to be asked again, out of messages
        self._reply: Reply | None = None
        self._known: list[tuple[Any, Exchange]] = []  # each with its first message
        self._count = 0
        self._lock = threading.RLock()

    def ask(self, question: Any, reply: Reply) -> Exchange:
        """Add a question, whose answer is going to be in the reply.

        Raises:
            UsageError: the last one is still being answered.
        """
        with self._lock:
            self.settled(ended=True).append(question)
            self._question, self._reply, self._out = question, reply, None
            exchange = self._exchange(self._read(question), reply)
            others = [known for known in self._known if known[0] is not question]
            self._known = [*others, (question, exchange)]
            return exchange

    def settled(self, *, ended: bool = False) -> list[Any]:
        """Return the messages, with the last answer if it has ended.

        A question of which nothing came is taken out again.

        Raises:
            UsageError: it runs still, and ``ended`` is asked for.
        """
        with self._lock:
            reply = self._reply
            if reply is not None and reply.outcome != "running":
                self._reply = None
                self._settle(reply)
            elif reply is not None and ended:
                msg = "the last question is still being answered: stop it, or wait"
                raise UsageError(msg)
            return self._messages

    def _settle(self, reply: Reply) -> None:
        answers = (as_messages(each, self.own) for each in reply.rounds)
        more = list(chain.from_iterable(answers))
        if self.own.api == "anthropic.messages":
            more = settled(more, CUT)
        for each in reply.rounds:
            self.extra |= each.extra
        self._messages += more
        if not more:
            self._out = self._question
            at = _place(self._messages, self._question)
            if at is not None:
                del self._messages[at]

    def take_back(self) -> Any:
        """Take out the last question and all that was said since; return it.

        Raises:
            UsageError: there is none, or it is still being answered.
        """
        with self._lock:
            messages = self.settled(ended=True)
            if self._out is not None:
                return self._out
            found = read_messages(self.own.api, messages)
            asked = [each.at for each in found if each.who == "user"]
            if not asked:
                raise UsageError("there is no question yet that could be asked again")
            self._out = messages[asked[-1]]
            del messages[asked[-1] :]
            return self._out

    def clear(self) -> None:
        """Take out all that was said.

        Raises:
            UsageError: the last question is still being answered.
        """
        with self._lock:
            self.settled(ended=True).clear()
            self.extra.clear()
            self._out, self._known = None, []  # what is next has a key of its own

    # -- as a person reads it ------------------------------------------------------

    def exchanges(self) -> list[Exchange]:
        """Return what was said as a person reads it; the last one may be growing.

        The last question is among them also if nothing came of it, and it is out of
        the messages therefore.
        """
        with self._lock:
            messages = self.settled()
            try:
                groups = list(_groups(read_messages(self.own.api, messages)))
            except UsageError:  # another's API, or a message of another's making
                known = self._known
                listed = [e for e in known if _place(messages, e[0]) is not None]
            else:
                listed = [self._found(messages, group) for group in groups]
            for question, exchange in self._known[-1:]:
                is_void = not any(each.parts for each in exchange.reply.rounds)
                if is_void and _place(messages, question) is None:
                    listed.append((question, exchange))
            self._known = listed
            return [exchange for _, exchange in listed]

    def _found(
        self, messages: Sequence[Any], group: list[Message]
    ) -> tuple[Any, Exchange]:
        message = messages[group[0].at]
        for known in self._known:
            if known[0] is message:
                return known
        asked = group[0] if group[0].who == "user" else None
        reply = to_reply(self.own.api, group[1:] if asked else group)
        return message, self._exchange(asked, reply)

    def _exchange(self, asked: Message | None, reply: Reply) -> Exchange:
        self._count += 1
        sent = (*asked.images, *asked.files) if asked else ()
        return Exchange(
            key=f"t{self._count}",
            question=asked.text if asked else "",
            files=tuple(each.name for each in sent),
            reply=reply,
        )

    def _read(self, question: Any) -> Message:
        """Read a question; of another's API, whatever it is."""
        try:
            return read_messages(self.own.api, [question])[0]
        except (UsageError, IndexError):
            is_dict = isinstance(question, dict)
            text = question.get("content") if is_dict else question
            if not isinstance(text, str):
                text = json.dumps(question, default=str)
            return Message(who="user", at=0, text=text)


def _groups(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Cut before each question; what the system says is no part of it."""
    group: list[Message] = []
    for each in messages:
        if each.who == "user" and group:
            yield group
            group = []
        if each.who != "system":
            group.append(each)
    if group:
        yield group


def _place(messages: Sequence[Any], message: Any) -> int | None:
    """Return where a message is: itself, not one that is equal."""
    return next((at for at, each in enumerate(messages) if each is message), None)
