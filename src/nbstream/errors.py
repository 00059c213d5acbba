"""Every error nbstream raises, by who has to do something about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from nbstream._failures import UNTRUSTED, Facts, facts_of, failure_line

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


def _made(kind: type[BaseException], args: tuple[object, ...]) -> BaseException:
    return kind.__new__(kind, *args)


def _reduced(error: BaseException) -> tuple[object, ...]:
    """Pickle and copy an exception whose class wants more than its message."""
    return _made, (type(error), error.args), vars(error)


class NbstreamError(Exception):
    """Any error of nbstream. In a notebook it shows as its message, in one line."""

    __reduce__ = _reduced

    def _render_traceback_(self) -> list[str]:
        """Give IPython the short form (its documented hook for own tracebacks)."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(NbstreamError):
    """What was asked cannot be done as asked: the caller can mend it."""


class UnknownNameError(UsageError):
    """A name that is not known; the message lists those that are.

    Attributes:
        name (str): The name that was given.
        known (list[str]): Those that there are.
    """

    def __init__(
        self, what: str, name: str, known: Iterable[str], hint: str = ""
    ) -> None:
        self.name = name
        self.known = sorted(known)
        super().__init__(
            f"no {what} {name!r}; known: {', '.join(self.known) or 'none'}{hint}"
        )


class ProtocolError(NbstreamError):
    """The bytes are not what the wire format says."""


class ProviderFailure(NbstreamError):  # noqa: N818 - the design's public name
    """The service failed, in a way that none of the kinds below is.

    Attributes:
        reply (Reply): Everything that had arrived until then.
        status (int | None): The HTTP status of the error. None: it came in mid-stream,
            or there was no answer at all.
        retryable (bool): Whether the same request may succeed when it is sent again.
        retry_after_s (float | None): How long the provider asks to wait before, in
            seconds.

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
    """The reader pressed interrupt: queued cells must not run.

    A ``KeyboardInterrupt``, so that everything treats it as one.

    Attributes:
        reply (Reply): Everything that had arrived until then.
    """

    __reduce__ = _reduced

    def __init__(self, message: str, reply: Reply) -> None:
        self.reply = reply
        super().__init__(message)

    def _render_traceback_(self) -> list[str]:
        return [f"KeyboardInterrupt: {self}"]


# -- Tell what kind of failure it was, whether to try again, and what to do about it.

Kind = type[ProviderFailure]

#: Parts of the providers' own words, the most telling first.
_WORDS: tuple[tuple[Kind, str], ...] = (
    (ContentFilterFailure, "content_filter content_policy safety"),
    (ProtocolFailure, "protocol_error"),
    (OverloadedFailure, "overloaded unavailable slow_down"),
    (RateLimitFailure, "rate_limit ratelimit resource_exhausted too_many_requests"),
    (RateLimitFailure, "quota billing"),
    (AuthenticationFailure, "authentication permission api_key"),
    (TimeoutFailure, "timeout deadline_exceeded"),
    (ServiceFailure, "server_error api_error internal"),
    # Node's, of a gateway that does not reach the service behind it.
    (ServiceFailure, "econnrefused econnreset econnaborted enotfound etimedout"),
    (RequestFailure, "invalid not_found too_large context_length"),
    (RequestFailure, "failed_precondition missing_thought_signature"),
)
_STATUSES: Mapping[int, Kind] = {
    401: AuthenticationFailure,
    403: AuthenticationFailure,
    408: TimeoutFailure,
    429: RateLimitFailure,
    503: OverloadedFailure,
    504: TimeoutFailure,
    529: OverloadedFailure,
}
#: Names of exception classes, bases included: the first row that has one decides.
_NAMES: tuple[tuple[Kind, str], ...] = (
    (RequestFailure, "LocalProtocolError"),  # httpx: a header that cannot be sent
    (TimeoutFailure, "TimeoutError TimeoutException APITimeoutError Timeout"),
    (ConnectionFailure, "APIConnectionError NetworkError NoResponseError"),
    # Of the system's errors only these are the network; `facts_of` adds some by number.
    (ConnectionFailure, "ConnectionError gaierror herror SSLError URLError"),
    (ConnectionFailure, "IncompleteRead ChunkedEncodingError"),  # urllib, requests: cut
    (ConnectionFailure, "ProxyError RemoteProtocolError"),  # httpx: the body was cut
    (ConnectionFailure, "ClientConnectionError ClientPayloadError"),  # aiohttp: cut
    (ProtocolFailure, "APIResponseValidationError DecodingError JSONDecodeError"),
    (ProtocolFailure, "ProtocolError ResponseValidationError UnicodeDecodeError"),
    (ProtocolFailure, "UnknownApiResponseError"),
    (ProtocolFailure, "GeminiNextGenAPIClientError"),  # with no status of an error
)
#: What a reader can do, one sentence each.
ADVICE: Mapping[Kind, str] = {
    AuthenticationFailure: "Check the API key and what it is allowed to do.",
    ConnectionFailure: "Check the network, or try again.",
    ContentFilterFailure: "Change the prompt.",
    OverloadedFailure: "Try again later.",
    ProtocolFailure: "Check base_url, or try again.",
    ProviderFailure: "",
    RateLimitFailure: "Try again later, or ask for less.",
    RequestFailure: "Change the request.",
    ServiceFailure: "Try again.",
    TimeoutFailure: "Try again, or allow more time.",
}
_RETRYABLE = (ConnectionFailure, RateLimitFailure, ServiceFailure, TimeoutFailure)
#: Nothing left to spend comes as 429 too, and waiting does not mend it; nor a wrong
#: certificate.
_LASTING = ("insufficient_quota", "billing", UNTRUSTED)


def kind_of(facts: Facts) -> Kind:
    """Return the class of the failure."""
    words = " ".join(facts.words).lower()
    said = next(
        (kind for kind, parts in _WORDS if any(p in words for p in parts.split())), None
    )
    if said is ContentFilterFailure and (facts.status or 0) < 500:
        return said  # Azure says it with a 400
    if facts.status is not None:
        return _by_status(facts.status)
    for kind, names in _NAMES:
        if not facts.names.isdisjoint(names.split()) and (
            said is None or kind is not ProtocolFailure
        ):
            return kind
    return said or ProviderFailure


def _by_status(status: int) -> Kind:
    if status < 400:
        return ProtocolFailure  # a redirect: the address is another one
    ours = RequestFailure if status < 500 else ServiceFailure
    return _STATUSES.get(status, ours)


def is_retryable(kind: Kind, facts: Facts) -> bool:
    """Tell whether the same request may succeed when it is sent again."""
    if facts.should_retry is not None:
        return facts.should_retry
    if any(lasting in word for word in facts.words for lasting in _LASTING):
        return False
    return issubclass(kind, _RETRYABLE) or facts.status == 409


# -- One family of failures for all providers, made of what a reply and its SDK tell.

CONFLICT = 409
#: Nobody waits longer (a month), whatever a server asks for: it means "later".
LONGEST_S = 2_678_400


def failure_of(reply: Reply) -> ProviderFailure:
    """Return the failure of a reply that failed, to be raised from its exception.

    Its message is one line: what went wrong, how much is kept, what to do.
    """
    facts = facts_of(reply.error, reply.exception)
    kind = kind_of(facts)
    if kind is ProviderFailure and reply.finish_reason == "error":
        kind = ServiceFailure  # the answer failed, and nobody says by whose fault
    retryable = is_retryable(kind, facts)
    advice = ADVICE[kind]
    after_s = facts.retry_after_s
    if retryable and after_s and after_s < LONGEST_S:
        advice = f"Try again in {after_s:{',.0f' if after_s >= 100 else '.3g'}} s."
    elif facts.status == CONFLICT:
        advice = "Try again."
    elif UNTRUSTED in facts.words:
        advice = "Check the address, or name the file of its authority: SSL_CERT_FILE."
    return kind(
        _line(reply, advice),
        reply,
        status=facts.status,
        retryable=retryable,
        retry_after_s=facts.retry_after_s,
    )


def _line(reply: Reply, advice: str) -> str:
    line = failure_line(reply.error)
    if reply.text:
        line += f" ({len(reply.text):,} characters of the answer are kept)"
    if not advice:
        return line
    return f"{line}{'' if line.endswith(('.', '!', '?', '…')) else '.'} {advice}"
