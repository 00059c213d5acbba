"""The messages of a conversation, which stay such that the provider takes them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from itertools import chain
from typing import Any

from nbstream.chat.reading import read
from nbstream.chat.transcript import Exchange, Transcript
from nbstream.errors import UsageError
from nbstream.reply import Reply
from nbstream.requests.request import Provider
from nbstream.told import told

__all__ = ["History"]


class History:
    """What was said. The last answer is added when somebody looks and it has ended.

    A panel asks in threads of its own, so each look is one step.

    Attributes:
        own: The provider in whose form the messages are.
    """

    def __init__(self, own: Provider, messages: Iterable[Any] = ()) -> None:
        self.own = own
        self._messages = list(messages)
        self._question: Any = None
        self._out: Any = None  # a question that is to be asked again, out of messages
        self._reply: Reply | None = None
        self._transcript = Transcript(own.api)
        self._lock = threading.RLock()

    def ask(self, question: Any, reply: Reply) -> Exchange:
        """Add a question, whose answer is going to be in the reply.

        Raises:
            UsageError: the last one is still being answered.
        """
        with self._lock:
            self.settled(ended=True).append(question)
            self._question, self._reply, self._out = question, reply, None
            return self._transcript.asked(question, reply)

    def exchanges(self) -> list[Exchange]:
        """Return what was said as a person reads it; the last one may be growing."""
        with self._lock:
            return self._transcript.of(self.settled())

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
        more = list(chain.from_iterable(told(each, self.own) for each in reply.rounds))
        if more:
            self._messages += more
        else:
            self._drop_question()

    def take_back(self) -> Any:
        """Take out the last question and all that was said since; return it.

        Raises:
            UsageError: there is none, or it is still being answered.
        """
        with self._lock:
            messages = self.settled(ended=True)
            if self._out is not None:
                return self._out
            said = read(self.own.api, messages)
            asked = [each.at for each in said if each.who == "user"]
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
            self._out = None
            self._transcript = Transcript(self.own.api)

    def _drop_question(self) -> None:
        self._out = self._question
        for at, each in enumerate(self._messages):
            if each is self._question:
                del self._messages[at]
                return
