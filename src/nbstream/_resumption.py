"""A reply that broke off goes on: the call that does it, and how the rest joins it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence

from nbstream._failures import short_repr
from nbstream.errors import UsageError
from nbstream.providers import Provider
from nbstream.providers.payloads import get
from nbstream.reply import Reply
from nbstream.types import Event

_CALLS: Mapping[str, str] = {
    "openai.responses": "client.responses.retrieve({id!r}, stream=True, "
    "starting_after={position!r})",
    "google.interactions": "client.interactions.get({id!r}, stream=True, "
    "last_event_id={position!r})",
}


def resume_hint(reply: Reply) -> str | None:
    """Return the call that goes on where the reply broke off, or None."""
    unfinished = reply.outcome in ("stopped", "truncated", "failed")
    call = _CALLS.get(reply.api)
    known = reply.id and reply._position is not None and reply._resumable
    if call is None or not unfinished or not known:
        return None
    return call.format(id=reply.id, position=reply._position)


def resumed(reply: Reply) -> Reply:
    """Return a copy of a reply that broke off, which grows on from where that came to.

    Raises:
        UsageError: it is whole, or runs still, or its stream has no places.
    """
    unfinished = reply.outcome in ("stopped", "truncated", "failed")
    if not unfinished or reply._position is None:
        msg = (
            f"this reply cannot be gone on with: it is {reply.outcome!r}, and its API "
            f"is {reply.api!r}; expected one that broke off, of OpenAI Responses or "
            "Gemini Interactions"
        )
        raise UsageError(msg)
    made, blank = Reply(), vars(Reply())
    anew = (
        "_outcome",
        "error",
        "exception",
        "wire",
        "timing",
        "_live",
        "_shown_in",
        "_late",
    )
    vars(made).update(vars(reply), ignored=dict(reply.ignored))
    vars(made).update({name: blank[name] for name in anew})
    made._choices = copy.deepcopy(reply._choices)
    return made


class Tail:
    """What goes on with a reply: events that it has already say nothing new."""

    def __init__(
        self,
        reply: Reply,
        found: Provider,
        note: Callable[[Reply, object], None] | None,
    ) -> None:
        self._reply = reply
        self._found = found
        self._note = note
        self._checked = False

    def normalize(self, payload: object) -> Sequence[Event]:
        """Return the events of a payload that follows; of any other there are none."""
        if self._has(payload):
            return ()
        if not self._checked:
            self._check(payload)
            self._checked = True
        return self._found.normalize(payload)

    def note(self, reply: Reply, payload: object) -> None:
        """Keep the place, which never goes back."""
        if self._note is not None and not self._has(payload):
            self._note(reply, payload)

    def _has(self, payload: object) -> bool:
        number, at = get(payload, "sequence_number"), self._reply._position
        if type(number) is int and type(at) is int:
            return number <= at
        return at is not None and get(payload, "event_id") == at

    def _check(self, payload: object) -> None:
        at, number = self._reply._position, get(payload, "sequence_number")
        gap = type(number) is int and type(at) is int and number > at + 1
        anew = get(payload, "event_type") == "interaction.created"
        known = self._found.matches(payload)
        made = get(payload, "response") or get(payload, "interaction")
        other = get(made, "id") not in (None, "", self._reply.id)
        if gap or anew or other or not known:
            msg = (
                f"the stream does not go on where the reply broke off: its first event "
                f"is {short_repr(payload)}; expected what follows event {at!r} of "
                f"{self._reply.id!r}, which this call gives: "
                f"{_CALLS[self._found.API].format(id=self._reply.id, position=at)}"
            )
            raise UsageError(msg)
