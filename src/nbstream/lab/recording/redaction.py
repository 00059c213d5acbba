"""Keep secrets out of a recording: allow-lists, known values, and shapes of keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, unquote_plus, urlsplit

from nbstream._keys import REMOVED, find_keys, of_environment, parts_of, redact
from nbstream.lab.recording.exchange import Read

#: The headers that are written; of all others not even the name is.
_HEADERS = re.compile(
    r"accept|content-type|cache-control|server|retry-after(?:-ms)?|x-should-retry"
    r"|(?:x-)?request-id|openai-(?:version|processing-ms|beta)|x-stainless-retry-count"
    r"|anthropic-(?:version|beta)|(?:x|anthropic)-ratelimit-[a-z-]+"
)
_QUERY = re.compile(
    r"alt|api-version|stream|starting_after|last_event_id|beta|include(?:\[\])?|limit"
)
#: Headers of a request that hold no secret; what any other holds is one.
_PLAIN_HEADERS = re.compile(
    rf"{_HEADERS.pattern}|accept-[a-z]+|connection|content-(?:length|encoding)|host"
    r"|user-agent|(?:http-)?referer|origin|x-title|x-stainless-[a-z-]+"
    r"|x-goog-api-client|idempotency-key|traceparent|x-server-timeout"
)
#: Names in a body whose value is a secret: what tools are given to log in with.
_NAMES = (
    r"(?:proxy-)?authorization(?:_token)?|(?:x-|x-goog-)?api[-_]?key|apikey"
    r"|(?:access|refresh|auth|bearer)_token|(?:client_)?secret|password|(?:set-)?cookie"
)
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_NAMED = re.compile(
    rf'"(?:{_NAMES})"\s*:\s*"((?:[^"\\\r\n]|\\.)+)"'.encode(), re.IGNORECASE
)
#: A shorter value is a dummy such as "test": removing it would hurt other words.
_SHORTEST = 12


def allowed_headers(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Give the headers that may be written."""
    for name, value in headers:
        if _HEADERS.fullmatch(name.lower()):
            yield name.lower(), value


def request_secrets(url: str, headers: Mapping[str, str], body: object) -> Secrets:
    """Return what must not be written of one exchange, as its request shows it."""
    found = list(of_environment())
    for name, value in headers.items():
        if not _PLAIN_HEADERS.fullmatch(name.lower()):
            found += [value, *parts_of(value)]
    parts = urlsplit(url)
    found += [parts.password or "", *(v for _, v in _queries(parts.query))]
    found += _named_in(body)
    return Secrets(value for value in found if len(value) >= _SHORTEST)


def _queries(query: str) -> Iterator[tuple[str, str]]:
    """Give the parameters of a query that may not be written."""
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if value and not _QUERY.fullmatch(name):
            yield name, unquote_plus(value)


def _named_in(body: object, *, secret: bool = False) -> Iterator[str]:
    if isinstance(body, Mapping):
        for name, value in body.items():
            inside = secret or name == "headers" or _SECRET_NAME.fullmatch(name)
            yield from _named_in(value, secret=bool(inside))
    elif isinstance(body, list):
        for value in body:
            yield from _named_in(value, secret=secret)
    elif secret and isinstance(body, str):
        yield body


class Secrets:
    """The secrets of one exchange, and how to take them out."""

    def __init__(self, values: Iterable[str]) -> None:
        spelled = {form for value in values for form in _spellings(value)}
        longest_first = sorted(spelled, key=len, reverse=True)
        either = "|".join(map(re.escape, longest_first)) or r"(?!)"
        self._known = re.compile(either)
        self._known_bytes = re.compile(either.encode())

    def text(self, text: str) -> str:
        """Take keys out of a short text: a header, a path, an error."""
        return redact(self._sure(text))

    def url(self, url: str) -> str:
        """Take keys out of a URL; no login, and of its query only what is allowed."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        hidden = dict(_queries(parts.query))
        pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
        query = "&".join(
            f"{name}=[removed]" if name in hidden else f"{name}{sign}{value}"
            for name, sign, value in pairs
        )
        path = self.text(parts.path)
        whole = f"{parts.scheme}://{host}{path}"
        return f"{whole}?{self.text(query)}" if query else whole

    def json(self, value: object) -> object:
        """Take keys out of a request's JSON, and what is named as a secret."""
        if isinstance(value, str):
            return self._sure(value)
        if isinstance(value, Mapping):
            return {
                self._sure(str(name)): REMOVED
                if isinstance(inside, str) and _SECRET_NAME.fullmatch(str(name))
                else self._header_values(inside)
                if name == "headers"
                else self.json(inside)
                for name, inside in value.items()
            }
        if isinstance(value, list):
            return [self.json(inside) for inside in value]
        return value

    def body(self, data: bytes) -> tuple[bytes, int]:
        """Take keys out of whole lines of a response; their length stays the same.

        Returns:
            The bytes, and how many keys were in them.
        """
        spans = [found.span() for found in self._known_bytes.finditer(data)]
        named = _NAMED.finditer(data)
        spans += [each.span(1) for each in named if each[1] != _filler(len(each[1]))]
        spans += find_keys(data)
        if not spans:
            return data, 0
        clean = bytearray(data)
        for start, stop in spans:
            clean[start:stop] = _filler(stop - start)
        return bytes(clean), len(spans)

    def _sure(self, text: str) -> str:
        text = self._known.sub(REMOVED, text)
        data = text.encode("utf-8", "surrogatepass")
        for start, stop in reversed(find_keys(data)):
            data = data[:start] + REMOVED.encode() + data[stop:]
        return data.decode("utf-8", "surrogatepass")

    def _header_values(self, value: object) -> object:
        if isinstance(value, Mapping):
            return {str(name): REMOVED for name in value}
        return self.json(value)


class Cleaner:
    """Takes keys out of reads, whatever the cuts: a key never spans two lines.

    A read is given back when the line in which it ends is whole, so that a key whose
    beginning came in one read and whose end in the next is found.
    """

    def __init__(self, secrets: Secrets) -> None:
        self.removed = 0
        self._secrets = secrets
        self._held: list[Read] = []

    def feed(self, read: Read) -> Iterator[Read]:
        """Add a read; give those that are clean."""
        self._held.append(read)
        at = max(read.data.rfind(b"\n"), read.data.rfind(b"\r"))
        if at < 0:
            return
        sizes = [len(held.data) for held in self._held]
        yield from self._cleaned(sum(sizes[:-1]) + at + 1)

    def finish(self) -> Iterator[Read]:
        """Give what is left: the body has ended, so its last line is whole."""
        yield from self._cleaned(sum(len(held.data) for held in self._held))

    def _cleaned(self, whole: int) -> Iterator[Read]:
        joined = b"".join(held.data for held in self._held)
        clean, found = self._secrets.body(joined[:whole])
        self.removed += found
        joined = clean + joined[whole:]
        held, self._held, at = self._held, [], 0
        for time_s, data in held:
            stop = at + len(data)
            read = Read(time_s, joined[at:stop])
            if stop <= whole:
                yield read
            else:
                self._held.append(read)
            at = stop


def _spellings(value: str) -> Iterator[str]:
    """Give a secret as it may stand in a text, in JSON and in a URL."""
    yield value
    escaped = json.dumps(value)[1:-1]
    yield escaped
    yield "".join(f"\\u{ord(c):04x}" if c in "=&<>'" else c for c in escaped)
    yield quote(value, safe="")


def _filler(size: int) -> bytes:
    said = b"[key-removed]"
    return said.ljust(size, b"*") if size >= len(said) else b"*" * size
