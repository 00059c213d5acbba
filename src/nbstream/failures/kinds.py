"""Tell what kind of failure it was, whether to try again, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from nbstream.errors import (
    AuthenticationFailure,
    ConnectionFailure,
    ContentFilterFailure,
    OverloadedFailure,
    ProtocolFailure,
    ProviderFailure,
    RateLimitFailure,
    RequestFailure,
    ServiceFailure,
    TimeoutFailure,
)
from nbstream._failures import Facts

__all__ = ["ADVICE", "Kind", "is_retryable", "kind_of"]

Kind = type[ProviderFailure]

#: Parts of the providers' own words, the most telling first.
_WORDS: Mapping[str, Kind] = {
    "content_filter": ContentFilterFailure,
    "content_policy": ContentFilterFailure,
    "safety": ContentFilterFailure,
    "refused": ContentFilterFailure,
    "protocol_error": ProtocolFailure,
    "overloaded": OverloadedFailure,
    "unavailable": OverloadedFailure,
    "slow_down": OverloadedFailure,
    "rate_limit": RateLimitFailure,
    "ratelimit": RateLimitFailure,
    "resource_exhausted": RateLimitFailure,
    "too_many_requests": RateLimitFailure,
    "quota": RateLimitFailure,
    "billing": RateLimitFailure,
    "authentication": AuthenticationFailure,
    "permission": AuthenticationFailure,
    "api_key": AuthenticationFailure,
    "timeout": TimeoutFailure,
    "deadline_exceeded": TimeoutFailure,
    "server_error": ServiceFailure,
    "api_error": ServiceFailure,
    "internal": ServiceFailure,
    "invalid": RequestFailure,
    "not_found": RequestFailure,
    "too_large": RequestFailure,
    "context_length": RequestFailure,
    "failed_precondition": RequestFailure,
}
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
_NAMES: tuple[tuple[Kind, frozenset[str]], ...] = (
    (
        TimeoutFailure,
        frozenset({"TimeoutError", "TimeoutException", "APITimeoutError"}),
    ),
    (
        ConnectionFailure,
        frozenset(
            {
                "APIConnectionError",
                "ClientConnectionError",  # aiohttp
                "ClientPayloadError",  # aiohttp: the body was cut
                "NetworkError",
                "NoResponseError",
                "OSError",
                "ProxyError",
                "RemoteProtocolError",  # httpx: the body was cut
            }
        ),
    ),
    (
        ProtocolFailure,
        frozenset(
            {
                "APIResponseValidationError",
                "DecodingError",
                "GeminiNextGenAPIClientError",  # with no status of an error
                "JSONDecodeError",
                "ProtocolError",
                "ResponseValidationError",
                "UnicodeDecodeError",
                "UnknownApiResponseError",
            }
        ),
    ),
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
_RETRYABLE = (
    ConnectionFailure,
    RateLimitFailure,
    ServiceFailure,
    TimeoutFailure,
)
#: Nothing left to spend comes as 429 too, and waiting does not mend it.
_SPENT = ("insufficient_quota", "billing")


def kind_of(facts: Facts) -> Kind:
    """Return the class of the failure."""
    words = " ".join(facts.words).lower()
    said = next((kind for word, kind in _WORDS.items() if word in words), None)
    if said is ContentFilterFailure:
        return said  # Azure says it with a 400
    if facts.status is not None:
        return _by_status(facts.status)
    for kind, names in _NAMES:
        if facts.names & names and (said is None or kind is not ProtocolFailure):
            return kind
    return said or ProviderFailure


def _by_status(status: int) -> Kind:
    ours = RequestFailure if status < 500 else ServiceFailure
    return _STATUSES.get(status, ours)


def is_retryable(kind: Kind, facts: Facts) -> bool:
    """Tell whether the same request may succeed when it is sent again."""
    if facts.should_retry is not None:
        return facts.should_retry
    if any(spent in word for word in facts.words for spent in _SPENT):
        return False
    return issubclass(kind, _RETRYABLE) or facts.status == 409
