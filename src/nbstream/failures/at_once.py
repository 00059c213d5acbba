"""Tell whether a stream failed before anything had come."""

from __future__ import annotations

from nbstream.errors import ProviderFailure, UsageError
from nbstream.failures import failure_of
from nbstream.reader import Reader
from nbstream.reply import Reply

__all__ = ["FailedAtOnce", "failure_from", "failure_in"]


class FailedAtOnce(Exception):  # noqa: N818 - it never gets to the caller
    """The first event of a stream was the provider's error."""

    def __init__(self, failure: ProviderFailure) -> None:
        super().__init__(str(failure))
        self.failure = failure


def failure_in(payload: object) -> ProviderFailure | None:
    """Return the failure that a payload is, if it is one and nothing else.

    An overloaded service may answer 200 and then send an error as its first event.
    Some SDKs raise for it, others hand it over like any other event.
    """
    reply = Reply()
    try:
        Reader(reply).push(payload)
    except UsageError:  # it is no event at all; whoever reads it in earnest says so
        return None
    if reply.error is None or reply.parts:
        return None
    reply.end()
    return failure_of(reply)


def failure_from(error: BaseException) -> ProviderFailure:
    """Return the failure of a stream of which nothing came but this exception."""
    if isinstance(error, FailedAtOnce):
        return error.failure
    reply = Reply()
    reply.end(exception=error)
    return failure_of(reply)
