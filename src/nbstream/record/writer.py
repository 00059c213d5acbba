"""Write the blocks of a recording; one block is one write, so none is ever torn."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from nbstream.record.exchange import Ended, Exchange, Read
from nbstream.record.lines import encode

__all__ = ["FORMAT", "VERSION", "dumps", "end", "head", "read", "request", "response"]

FORMAT = "nbstream-recording"
VERSION = 1
Headers = Iterable[tuple[str, str]]
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")


def dumps(exchanges: Iterable[Exchange], said: str = "Written by nbstream.") -> bytes:
    """Write exchanges as the bytes of a recording; ``loads`` reads them again."""
    blocks = [head(said), *(block for each in exchanges for block in _blocks(each))]
    return "".join(blocks).encode()


def _blocks(each: Exchange) -> Iterator[str]:
    number, last_s = each.number, each.response_s
    asked = each.request_headers.items()
    yield request(number, each.started_s, each.method, each.url, asked, each.request)
    if each.status is not None:
        answered = each.response_headers.items()
        yield response(number, each.response_s, each.status, answered, ())
    for got in each.reads:
        yield read(number, got)
        last_s = got.time_s
    if each.ended != "interrupted":
        yield end(number, last_s, each.ended, each.notes)


def head(said: str) -> str:
    """Write the first line, and a comment."""
    return f"{FORMAT} {VERSION}\n# {_line(said)}\n"


def request(
    number: int, at_s: float, method: str, url: str, headers: Headers, body: object
) -> str:
    """Write what was asked; ``None`` is no JSON body."""
    details = [("header", f"{name}: {value}") for name, value in headers]
    if body is not None:
        details += [("json", line) for line in _pretty(body).split("\n")]
    return "\n" + _block(f"request {number} {at_s:.3f} {method} {url}", details)


def response(
    number: int, at_s: float, status: int, headers: Headers, notes: Iterable[str]
) -> str:
    """Write the head of a response."""
    details = [("header", f"{name}: {value}") for name, value in headers]
    details += [("note", note) for note in notes]
    return _block(f"response {number} {at_s:.3f} {status}", details)


def read(number: int, got: Read) -> str:
    """Write one read from the network."""
    title = f"read {number} {got.time_s:.3f} {len(got.data)} bytes"
    return _block(title, encode(got.data))


def end(number: int, at_s: float, how: Ended, notes: Iterable[str]) -> str:
    """Write how an exchange ended."""
    return _block(f"end {number} {at_s:.3f} {how}", [("note", n) for n in notes])


def _block(title: str, details: Iterable[tuple[str, str]]) -> str:
    return "\n".join([_line(title), *_indented(details)]) + "\n"


def _indented(details: Iterable[tuple[str, str]]) -> Iterator[str]:
    for kind, text in details:
        safe = text if kind in {"lf", "crlf", "cut", "b64", "json"} else _line(text)
        yield f"  {kind} {safe}".rstrip(" ")


def _line(text: str) -> str:
    """Keep a text on one line."""
    return " ".join(_ODD.sub(" ", text).split())


def _pretty(body: object) -> str:
    """Write JSON in lines; what an editor may not keep is escaped."""
    written = json.dumps(body, ensure_ascii=False, indent=2)
    lines = written.split("\n")
    return "\n".join(_ODD.sub(_escaped, line) for line in lines)


def _escaped(odd: re.Match[str]) -> str:
    return f"\\u{ord(odd[0]):04x}"
