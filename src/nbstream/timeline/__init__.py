"""Draw when things happened: one or several replies on one axis of time.

reply.plot()
nbstream.plot({"streaming": one, "other model": two})
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nbstream.errors import UsageError
from nbstream.reply import Reply
from nbstream.reply.answer import Answer
from nbstream.timeline.picture import Timeline

__all__ = ["Timeline", "plot"]

_EXPECTED = (
    "expected a reply, several in a list, or a dict of names and replies; their "
    "times come from show, start, ask or nbstream.record.load(...)[0].reply()"
)


def plot(
    replies: Answer | Iterable[Answer] | Mapping[str, Answer], *, stall_s: float = 1.0
) -> Timeline:
    """Draw the timeline of one or several replies; the last line of a cell shows it.

    Above, a bar for each: waiting, reasoning, text, tool arguments, gaps, and how it
    ended; below it the wait that the same reply would have been without streaming.
    Then the characters that had arrived, against time. Zero is the request, or when
    nbstream was handed the stream where the request had been sent before.

    Args:
        replies: A reply, several, or a dict that names them.
        stall_s: A pause this long is drawn as a gap, in seconds.

    Raises:
        UsageError: no reply, one without times, or matplotlib is not installed.
    """
    named = _named(replies)
    if not named:
        raise UsageError(f"there is nothing to draw in {replies!r}: {_EXPECTED}")
    for name, reply in named.items():
        if not isinstance(reply, Answer):
            raise UsageError(f"{reply!r} is no reply: {_EXPECTED}")
        if reply.timing is None or reply.timing.end_s is None:
            msg = f"{name!r} has no times, or has not ended: {_EXPECTED}"
            raise UsageError(msg)
    return Timeline(named, stall_s)


def _named(replies: object) -> dict[str, Answer]:
    if isinstance(replies, Mapping):
        return {str(name): reply for name, reply in replies.items()}
    if isinstance(replies, Answer):
        replies = [replies]
    if not isinstance(replies, Iterable):
        raise UsageError(f"{replies!r} is no reply: {_EXPECTED}")
    found = list(replies)
    if len(found) == 1:
        return {_model(found[0]): found[0]}
    return {f"{n} {_model(each)}": each for n, each in enumerate(found, 1)}


def _model(reply: object) -> str:
    return (reply.model if isinstance(reply, Reply) else "") or "reply"
