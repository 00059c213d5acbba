"""A conversation as a person reads it: each question, and the reply to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nbstream.chat.reading import read
from nbstream.chat.retold import retold
from nbstream.chat.said import Said
from nbstream.errors import UsageError
from nbstream.reply import Reply

__all__ = ["Exchange", "Transcript"]


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


class Transcript:
    """Finds the exchanges in a history, and knows those that were asked here.

    The messages decide: what somebody takes out of them is out of here, and what was
    there before is read from them. Of what was asked here the reply itself is known.
    """

    def __init__(self, api: str) -> None:
        self._api = api
        self._known: list[tuple[Any, Exchange]] = []
        self._count = 0

    def asked(self, question: Any, reply: Reply) -> Exchange:
        """Note what is being asked."""
        exchange = self._exchange(self._question(question), reply)
        others = [each for each in self._known if each[0] is not question]
        self._known = [*others, (question, exchange)]
        return exchange

    def of(self, messages: Sequence[Any]) -> list[Exchange]:
        """Return the exchanges of these messages, in order.

        The last question is among them also if nothing came of it, and it is out of
        the messages therefore.
        """
        try:
            groups = list(_groups(read(self._api, messages)))
        except UsageError:  # another's API, or a message of another's making
            listed = [each for each in self._known if _has(messages, each[0])]
        else:
            listed = [self._found(messages, group) for group in groups]
        last = self._known[-1:]
        if last and not _has(messages, last[0][0]) and _is_void(last[0][1].reply):
            listed += last
        self._known = listed
        return [exchange for _, exchange in listed]

    def _found(
        self, messages: Sequence[Any], group: list[Said]
    ) -> tuple[Any, Exchange]:
        message = messages[group[0].at]
        for known in self._known:
            if known[0] is message:
                return known
        asked = group[0] if group[0].who == "user" else None
        reply = retold(self._api, group[1:] if asked else group)
        return message, self._exchange(asked, reply)

    def _exchange(self, asked: Said | None, reply: Reply) -> Exchange:
        self._count += 1
        sent = (*asked.images, *asked.files) if asked else ()
        return Exchange(
            key=f"t{self._count}",
            question=asked.text if asked else "",
            files=tuple(each.name for each in sent),
            reply=reply,
        )

    def _question(self, message: Any) -> Said:
        try:
            return read(self._api, [message])[0]
        except (UsageError, IndexError):
            content = message.get("content") if isinstance(message, dict) else message
            text = content if isinstance(content, str) else json.dumps(message)
            return Said(who="user", at=0, text=text)


def _groups(said: Iterable[Said]) -> Iterator[list[Said]]:
    """Cut before each question; what the system says is no part of it."""
    group: list[Said] = []
    for each in said:
        if each.who == "user" and group:
            yield group
            group = []
        if each.who != "system":
            group.append(each)
    if group:
        yield group


def _is_void(reply: Reply) -> bool:
    return not any(each.parts for each in reply.rounds)


def _has(messages: Sequence[Any], question: Any) -> bool:
    return any(each is question for each in messages)
