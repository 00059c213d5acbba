"""Read what an SDK's exception tells, by public attributes and names of classes.

No SDK is imported. What is read, and where it was seen (openai 3.52, anthropic 2.11,
google-genai 3.4, httpx2 2.16): ``status_code``, ``code``, ``type``, ``status``,
``body``, ``message``, ``details``, ``response``, ``raw_response``, ``headers``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from errno import EADDRNOTAVAIL, EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH
from functools import partial
from html import unescape
from typing import Any, Self

from nbstream._keys import redact, redact_said, remember_sent, scrub
from nbstream.types import Failure

# -- What went wrong, and how to say it in one line, with no key in it.

#: A proxy may answer with a whole web page: this much says what it is.
LONGEST = 400


def redacted_failure(
    type_: str, message: str, secrets: frozenset[str] = frozenset()
) -> Failure:
    """Return the failure that a provider or an exception tells, with no key in it.

    A provider may quote the key that it refuses.
    """
    said = redact_said(message, secrets)
    return Failure(type=redact_said(type_, secrets), message=said)


def failure_line(error: Failure | None) -> str:
    """Return the failure's type and message, on one line and not without end."""
    if error is None:
        return "unknown"
    type_, message = one_line(error.type), one_line(error.message)
    return f"{type_}: {message}" if message else type_


def one_line(text: str, at_most: int = LONGEST) -> str:
    """Return a text on one line, not without end; no control character hides in it."""
    line = " ".join(text.split())
    shown = "".join(map(_visible, line[: at_most + 1]))
    return shown if len(line) <= at_most else f"{shown[:at_most]} …"


def short_repr(value: object) -> str:
    """Return what a value looks like in code, or how that begins."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _visible(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return character.encode("unicode_escape").decode()


#: Parts of words in some scripts, and of some emoji, though they are not printable.
_JOINERS = "\u200c\u200d"


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


#: What OpenSSL says of a certificate that nobody vouches for.
UNTRUSTED = "certificate_verify_failed"


def word_of(fault: Mapping[str, object]) -> str:
    """Return a provider's own word for what went wrong, or ""."""
    status = fault.get("status")
    codes = (fault.get(name) for name in CODES)
    words = (fault.get("type"), isinstance(status, str) and status, *codes)
    return str(next((word for word in words if word and word != "error"), ""))


#: Where servers have the number or the name of what went wrong.
CODES = ("code", "error_code", "status_code", "http_status_code")


def facts_of(error: Failure | None, exception: BaseException | None) -> Facts:
    """Return what is known about a failure: from the stream, and from an exception."""
    said = [error.type] if error is not None else []
    if exception is None:
        return Facts(status=_as_status(said), words=tuple(said))
    # The name of a class is no word of the service.
    said = [word for word in said if word != type(exception).__name__]
    headers = _headers(exception)
    should = {"true": True, "false": False}.get(headers.get("x-should-retry") or "")
    return Facts(
        status=_status(exception) or _as_status(said),
        words=tuple(dict.fromkeys([*said, *_words(exception)])),
        names=frozenset(_names(exception)),
        retry_after_s=_retry_after_s(headers),
        should_retry=should,
    )


def _names(exception: BaseException) -> Iterator[str]:
    yield from (each.__name__ for each in type(exception).__mro__)
    if type(exception) is OSError and exception.errno in _OF_THE_NETWORK:
        yield "ConnectionError"
    if type(exception).__name__ == "APIConnectionError":  # an SDK's, whatever the cause
        yield type(exception.__cause__).__name__


#: None: of no file, as asyncio's for an address that has several.
_OF_THE_NETWORK = {None, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, EADDRNOTAVAIL}


def failure_event(exception: BaseException) -> Failure:
    """Return an exception as a ``Failure``: with the provider's own message.

    What a provider says in mid-stream is told as it said it, whoever reads it.
    """
    name, secrets = type(exception).__name__, scrub(exception)
    if is_told(exception):
        bare = "error" if name in _IN_STREAM else name
        said = word_of(inner(_body(exception)))
        return redacted_failure(said or bare, _message(exception), secrets)
    return redacted_failure(name, _message(exception), secrets)


#: The classes of OpenAI's and Anthropic's SDK for an error of no HTTP status.
_IN_STREAM = ("APIError", "APIStatusError")


def is_told(exception: BaseException) -> bool:
    """Tell whether this is the provider's own error, sent in mid-stream."""
    response = getattr(exception, "response", None)
    status = getattr(response, "status_code", getattr(exception, "status_code", None))
    answered = not isinstance(status, int) or status < 300
    return answered and bool(inner(_body(exception)))


def _as_status(words: list[str]) -> int | None:
    """Return the HTTP status that some servers send as an error's code."""
    codes = (int(word) for word in words if re.fullmatch("[45][0-9]{2}", word))
    return next(codes, None)


def _status(exception: BaseException) -> int | None:
    """Return the HTTP status of an error, or of a redirect; others say nothing."""
    response = getattr(exception, "response", None)
    places = (
        (exception, "status_code"),
        (exception, "code"),
        (response, "status_code"),
    )
    for holder, name in places:
        value = getattr(holder, name, None)
        if isinstance(value, int) and 300 <= value < 600:
            return value
    return None


def _words(exception: BaseException) -> Iterator[str]:
    error = inner(_body(exception))
    cause: BaseException | None = exception
    while cause is not None:
        if type(cause).__name__ == "SSLCertVerificationError":
            yield UNTRUSTED
        cause = cause.__cause__
    for name in ("type", "code", "status"):
        for value in (getattr(exception, name, None), error.get(name)):
            if isinstance(value, str):
                yield value


def _body(exception: BaseException) -> object:
    """Return the response body that an SDK's exception holds, parsed if it is JSON."""
    for name in ("body", "details"):
        if body := getattr(exception, name, None):
            if not isinstance(body, str):
                return body
            # A stream that an SDK did not take for one, by its type, is no error.
            return None if body.startswith(_FIELDS) else parsed(body)
    return None


def parsed(text: str) -> object:
    """Return what a text is as JSON, or the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def inner(body: object, deep: int = 0) -> Mapping[str, object]:
    """Return the error object of a response body, however deep it lies there."""
    if isinstance(body, str) and not deep and not body.lstrip().startswith("<"):
        return {"message": body}  # it is a sentence, and no page
    if isinstance(body, list) and body and deep < DEEPEST:
        return inner(body[0], deep + 1)  # Gemini's endpoint for OpenAI's SDK
    if not isinstance(body, Mapping) or deep == DEEPEST:
        return {}
    inside = (inner(body.get(name), deep + 1) for name in ("error", "detail"))
    return next(filter(None, inside), body)


#: No server's error lies deeper in its body.
DEEPEST = 8
#: Where servers have their words; FastAPI's are in ``detail``.
_SAYING = (
    *("message", "msg", "error", "detail", "errors", "error_description", "title"),
    *("error_msg", "status_msg"),  # Baidu's, MiniMax's
)
#: What of a page or XML is not for its reader.
_MARKUP = re.compile(
    r"(?is)<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|</?[a-z!?][^<>]*>"
)


def words_in(body: object, deep: int = 0) -> str:
    """Return what a body says in words, wherever it has them; "" if nowhere.

    A page's are those that a reader of it would see.
    """
    if isinstance(body, str):
        is_page = body.lstrip().startswith("<")
        return unescape(_MARKUP.sub(" ", body)).strip() if is_page else body
    if deep == DEEPEST or not isinstance(body, list | Mapping):
        return ""
    if isinstance(body, list):
        return "; ".join(filter(None, (words_in(each, deep + 1) for each in body)))
    inside = (words_in(body.get(name), deep + 1) for name in _SAYING)
    said = next(filter(None, inside), "")
    where = body.get("loc")  # pydantic's: which field it is about
    if said and isinstance(where, list):
        return f"{'.'.join(map(str, where))}: {said}"
    return said


def _message(exception: BaseException) -> str:
    if said := words_in(_body(exception)):
        return said
    text = str(exception)
    cause = exception.__cause__
    if cause is not None and text.startswith(_FIELDS):
        return str(cause)
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
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):  # no date, or none that a calendar has
        return None


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


# -- What answered, where no event came: a page, an error, a sentence.

#: So much of a body is kept until it proves to be a stream, in bytes.
KEPT = 16_384
#: So much of it is quoted, in characters.
QUOTED = 200
#: The lines of an event stream begin with one of these (whatever field else there is,
#: no server's stream begins with it); ":" is a comment.
_FIELDS = ("data:", "event:", "id:", "retry:")


class FirstBytes:
    """What responses begin with, heard while an SDK reads them.

    The SDKs skip every line that is no event, and so read a page without a word.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._headers: Mapping[str, str] = {}
        self._encoding = "utf-8"
        self._data = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def hear(self, response: Any) -> None:
        """Hear what is read of a response of httpx from now on; the last one counts."""
        remember_sent(response)
        headers = getattr(response, "headers", None)
        self._headers = headers if isinstance(headers, Mapping) else {}
        self._encoding = getattr(response, "encoding", None) or "utf-8"
        self._data = b""
        for name, hear in (("iter_bytes", self._read), ("aiter_bytes", self._aread)):
            if callable(read := getattr(response, name, None)):
                setattr(response, name, partial(hear, read))
                self._stack.callback(vars(response).pop, name, None)

    def _read(self, read: Any, *size: object) -> Iterator[bytes]:
        for data in read(*size):
            self._keep(data)
            yield data

    async def _aread(self, read: Any, *size: object) -> AsyncIterator[bytes]:
        async with aclosing(read(*size)) as chunks:
            async for data in chunks:
                self._keep(data)
                yield data

    def _keep(self, data: bytes) -> None:
        if len(self._data) < KEPT:
            self._data += data[: KEPT - len(self._data)]

    def problem(self) -> str:
        """Return what answered in place of a stream; "" if it may be one.

        It is quoted, in its own words where it has some, with no key in it.
        """
        kind = self._headers.get("content-type", "")
        text = self._data.decode(self._encoding, "replace").lstrip("\ufeff")
        streams = not kind or kind.startswith("text/event-stream")
        if streams and all(map(is_of_a_stream, re.split(r"[\r\n]+", text))):
            return ""
        what = f"the server answered with {kind!r} and no events"
        said = one_line(redact(words_in(parsed(text)) or text), QUOTED)
        quote = f': "{said}"' if said else ""
        return f"{what}: a page or an error in place of a stream{quote}"


def is_of_a_stream(line: str) -> bool:
    """Tell whether an event stream may have such a line; the last one may be cut."""
    return line.startswith((*_FIELDS, ":")) or any(
        field.startswith(line) for field in _FIELDS
    )
