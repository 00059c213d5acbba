"""The messages of a conversation, which stay such that the provider takes them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from nbstream.chat.reading import read
from nbstream.errors import UsageError
from nbstream.models import Provider
from nbstream.reply import Reply
from nbstream.told import told

__all__ = ["History"]


class History:
    """What was said. The last answer is added when somebody looks and it has ended.

    Attributes:
        own: The provider in whose form the messages are.
    """

    def __init__(self, own: Provider, messages: Iterable[Any] = ()) -> None:
        self.own = own
        self._messages = list(messages)
        self._question: Any = None
        self._reply: Reply | None = None

    def ask(self, question: Any, reply: Reply) -> None:
        """Add a question, whose answer is going to be in the reply."""
        self.settled(ended=True).append(question)
        self._question, self._reply = question, reply

    def settled(self, *, ended: bool = False) -> list[Any]:
        """Return the messages, with the last answer if it has ended.

        A question of which nothing came is taken out again.

        Raises:
            UsageError: it runs still, and ``ended`` is asked for.
        """
        reply = self._reply
        if reply is None:
            return self._messages
        if reply.outcome == "running":
            if ended:
                msg = "the last question is still being answered: stop it, or wait"
                raise UsageError(msg)
            return self._messages
        self._reply = None
        more = list(chain.from_iterable(told(each, self.own) for each in reply.rounds))
        if more:
            self._messages += more
        else:
            self._drop_question()
        return self._messages

    def take_back(self) -> Any:
        """Take out the last question and all that was said since; return it.

        Raises:
            UsageError: there is none, or it is still being answered.
        """
        messages = self.settled(ended=True)
        asked = [each.at for each in read(self.own.api, messages) if each.who == "user"]
        if self._question is not None and not _has(messages, self._question):
            return self._question  # nothing came of it, so it is out already
        if not asked:
            raise UsageError("there is no question yet that could be asked again")
        self._question = question = messages[asked[-1]]
        del messages[asked[-1] :]
        return question

    def _drop_question(self) -> None:
        for at, each in enumerate(self._messages):
            if each is self._question:
                del self._messages[at]
                return


def _has(messages: list[Any], question: Any) -> bool:
    return any(each is question for each in messages)
