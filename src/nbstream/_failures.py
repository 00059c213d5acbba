"""Read what an SDK's exception tells, by public attributes and names of classes.

No SDK is imported. What is read, and where it was seen (openai 3.52, anthropic 2.11,
google-genai 3.4, httpx2 2.16): ``status_code``, ``code``, ``type``, ``status``,
``body``, ``message``, ``details``, ``response``, ``raw_response``, ``headers``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from nbstream._keys import redact
from nbstream.types import Failure

# -- What went wrong, and how to say it in one line, with no key in it.

#: A proxy may answer with a whole web page: this much says what it is.
LONGEST = 400


def redacted_failure(type_: str, message: str) -> Failure:
    """Return the failure that a provider or an exception tells, with no key in it.

    A provider may quote the key that it refuses.
    """
    return Failure(type=redact(type_), message=redact(message))


def failure_line(error: Failure | None) -> str:
    """Return the failure's type and message, on one line and not without end."""
    if error is None:
        return "unknown"
    message = " ".join(error.message.split())
    if len(message) > LONGEST:
        message = f"{message[:LONGEST]} …"
    return f"{error.type}: {message}" if message else error.type


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What decides the kind of a failure.

    ``words`` are the provider's own for it; ``names`` are those of the exception's
    class and its bases; ``should_retry`` is what the provider says of that.
    """

    status: int | None = None
    words: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    retry_after_s: float | None = None
    should_retry: bool | None = None


def word_of(fault: Mapping[str, object]) -> str:
    """Return a provider's own word for what went wrong, or ""."""
    status = fault.get("status")
    words = (fault.get("type"), isinstance(status, str) and status, fault.get("code"))
    return str(next((word for word in words if word and word != "error"), ""))


def facts_of(error: Failure | None, exception: BaseException | None) -> Facts:
    """Return what is known about a failure: from the stream, and from an exception."""
    said = [error.type] if error is not None else []
    if exception is None:
        return Facts(status=_as_status(said), words=tuple(said))
    headers = _headers(exception)
    should = {"true": True, "false": False}.get(headers.get("x-should-retry") or "")
    return Facts(
        status=_status(exception) or _as_status(said),
        words=tuple(dict.fromkeys([*said, *_words(exception)])),
        names=frozenset(each.__name__ for each in type(exception).__mro__),
        retry_after_s=_retry_after_s(headers),
        should_retry=should,
    )


def failure_event(exception: BaseException) -> Failure:
    """Return an exception as a ``Failure``: with the provider's own message.

    What a provider says in mid-stream is told as it said it, whoever reads it.
    """
    name = type(exception).__name__
    if is_told(exception):
        bare = "error" if name in _IN_STREAM else name
        return redacted_failure(word_of(_inner(exception)) or bare, _message(exception))
    return redacted_failure(name, _message(exception))


#: The classes of OpenAI's and Anthropic's SDK for an error of no HTTP status.
_IN_STREAM = ("APIError", "APIStatusError")


def is_told(exception: BaseException) -> bool:
    """Tell whether this is the provider's own error, sent in mid-stream."""
    response = getattr(exception, "response", None)
    status = getattr(response, "status_code", getattr(exception, "status_code", None))
    answered = not isinstance(status, int) or status < 400
    return answered and bool(_inner(exception))


def _as_status(words: list[str]) -> int | None:
    """Return the HTTP status that some servers send as an error's code."""
    codes = (int(word) for word in words if re.fullmatch("[45][0-9]{2}", word))
    return next(codes, None)


def _status(exception: BaseException) -> int | None:
    """Return the HTTP status of an error; one below 400 says nothing."""
    response = getattr(exception, "response", None)
    places = (
        (exception, "status_code"),
        (exception, "code"),
        (response, "status_code"),
    )
    for holder, name in places:
        value = getattr(holder, name, None)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def _words(exception: BaseException) -> Iterator[str]:
    inner = _inner(exception)
    for name in ("type", "code", "status"):
        for value in (getattr(exception, name, None), inner.get(name)):
            if isinstance(value, str):
                yield value


def _inner(exception: BaseException) -> Mapping[str, object]:
    """Return the error object of the response body, however deep it lies there."""
    for name in ("body", "details"):
        body = getattr(exception, name, None)
        if isinstance(body, str):
            try:
                body = json.loads(body)
            except (ValueError, RecursionError):
                if not body.lstrip().startswith("<"):  # it is a sentence, and no page
                    return {"message": body}
                continue
        if isinstance(body, Mapping):
            error = body.get("error")
            return error if isinstance(error, Mapping) else body
    return {}


def _message(exception: BaseException) -> str:
    message = _inner(exception).get("message")
    if isinstance(message, str) and message:
        return message
    text = str(exception)
    cause = exception.__cause__
    if cause is not None and str(cause) and "Connection" in type(exception).__name__:
        # "Connection error." says less than why there is none.
        return f"{text.rstrip('.')}: {cause}" if str(cause) not in text else text
    return text


def _headers(exception: BaseException) -> Mapping[str, str]:
    for holder in (
        exception,
        getattr(exception, "response", None),
        getattr(exception, "raw_response", None),
    ):
        headers = getattr(holder, "headers", None)
        if isinstance(headers, Mapping):
            return {str(key).lower(): str(value) for key, value in headers.items()}
    return {}


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read how long to wait: ``retry-after-ms``, or seconds, or an HTTP date."""
    after_ms = _number(headers.get("retry-after-ms", ""))
    if after_ms is not None:
        return after_ms / 1000
    text = headers.get("retry-after", "")
    after_s = _number(text)
    if after_s is not None or not text:
        return after_s
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None
