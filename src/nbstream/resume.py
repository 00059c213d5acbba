"""Where a stream that broke off can be taken up again, where the API can do that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from nbstream.providers.payloads import get

if TYPE_CHECKING:
    from nbstream.reply import Reply

__all__ = ["NOTES", "hint"]


def _note_responses(reply: Reply, payload: object) -> None:
    number = get(payload, "sequence_number")
    if type(number) is int:
        reply.position = number
    if number == 0:
        # Only a response in the background goes on without us and can be retrieved.
        reply.resumable = get(get(payload, "response"), "background") is True


def _note_interactions(reply: Reply, payload: object) -> None:
    token = get(payload, "event_id")
    if type(token) is str and token:
        reply.position = token
        reply.resumable = True


#: What keeps the place in the streams of an API.
NOTES: Mapping[str, Callable[[Reply, object], None]] = {
    "openai.responses": _note_responses,
    "google.interactions": _note_interactions,
}
_CALLS: Mapping[str, str] = {
    "openai.responses": "client.responses.retrieve({id!r}, stream=True, "
    "starting_after={position!r})",
    "google.interactions": "client.interactions.get({id!r}, stream=True, "
    "last_event_id={position!r})",
}


def hint(reply: Reply) -> str | None:
    """Return the call that goes on where the reply broke off, or None."""
    unfinished = reply.outcome in ("stopped", "truncated", "failed")
    call = _CALLS.get(reply.api)
    known = reply.id and reply.position is not None and reply.resumable
    if call is None or not unfinished or not known:
        return None
    return call.format(id=reply.id, position=reply.position)
