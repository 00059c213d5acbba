"""Every error nbstream raises, by who has to do something about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbstream.reply import Reply

__all__ = [
    "AuthenticationFailure",
    "ConnectionFailure",
    "ContentFilterFailure",
    "NbstreamError",
    "OverloadedFailure",
    "ProtocolError",
    "ProtocolFailure",
    "ProviderFailure",
    "RateLimitFailure",
    "RequestFailure",
    "SchemaFailure",
    "ServiceFailure",
    "Stopped",
    "TimeoutFailure",
    "UnknownNameError",
    "UsageError",
]


class NbstreamError(Exception):
    """Any error of nbstream. In a notebook it shows as its message, in one line."""

    def _render_traceback_(self) -> list[str]:
        """Give IPython the short form (its documented hook for own tracebacks)."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(NbstreamError):
    """What was asked cannot be done as asked: the caller can mend it."""


class UnknownNameError(UsageError):
    """A name that is not known; the message lists those that are."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.known = sorted(known)
        super().__init__(
            f"no {what} {name!r}; known: {', '.join(self.known) or 'none'}"
        )


class ProtocolError(NbstreamError):
    """The bytes are not what the wire format says."""


class ProviderFailure(NbstreamError):  # noqa: N818 - the design's public name
    """The service failed, in a way that none of the kinds below is.

    Attributes:
        reply: Everything that had arrived until then.
        status: The HTTP status of the error, or None: it came in mid-stream, or there
            was no answer at all.
        retryable: Whether the same request may succeed when it is sent again.
        retry_after_s: How long the provider asks to wait before, in seconds, or None.

    The SDK's own exception, where there was one, is the ``__cause__``.
    """

    def __init__(
        self,
        message: str,
        reply: Reply,
        *,
        status: int | None = None,
        retryable: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        self.reply = reply
        self.status = status
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        super().__init__(message)


class AuthenticationFailure(ProviderFailure):
    """The key is missing, wrong, or not allowed to do this (401, 403)."""


class RequestFailure(ProviderFailure):
    """The request cannot be answered as it is (400, 404, 409, 413, 422, ...)."""


class ContentFilterFailure(RequestFailure):
    """A content filter refused the request with an error.

    An answer that a filter cut off is no failure: its ``finish_reason`` is
    ``"content_filter"``.
    """


class RateLimitFailure(ProviderFailure):
    """Too many requests or tokens, or nothing left to spend (429)."""


class ServiceFailure(ProviderFailure):
    """The provider has an error of its own (500, 502, ...)."""


class OverloadedFailure(ServiceFailure):
    """The provider has more to do than it can (503, 529)."""


class ConnectionFailure(ProviderFailure):
    """The connection could not be made, or was lost."""


class ProtocolFailure(ProviderFailure):
    """What came is not what the API says: broken JSON, a web page, something else."""


class SchemaFailure(ProviderFailure):
    """The answer came whole, and is not what was asked for by ``schema=``.

    Its text is in ``.reply.text``; the message says which fields do not fit.
    """


class TimeoutFailure(ProviderFailure):
    """It took too long: for ``timeout=``, the SDK, or the provider (408, 504)."""


class Stopped(KeyboardInterrupt):
    """The reader pressed interrupt: queued cells must not run. ``reply`` is kept.

    A ``KeyboardInterrupt``, so that everything treats it as one.
    """

    def __init__(self, message: str, reply: Reply) -> None:
        self.reply = reply
        super().__init__(message)

    def _render_traceback_(self) -> list[str]:
        return [f"KeyboardInterrupt: {self}"]
