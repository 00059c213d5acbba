"""Speak as much HTTP/1.1 as the SDKs do.

Understood: keep-alive, Content-Length, ``Expect: 100-continue``, chunked answers.
Not understood, and said so: chunked request bodies (411), more than 64 MB (413).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from nbstream.offline.talk import Request, RequestError

__all__ = ["chunk", "head", "read_request", "whole"]

#: Also the buffer of the reader: one line of a head may be this long.
HEAD_LIMIT_BYTES = 64 * 1024
_BODY_LIMIT_BYTES = 64 * 1024 * 1024
_SERVER = "nbstream-offline (scripted answers)"
LAST_CHUNK = b"0\r\n\r\n"


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, early: bytes = b""
) -> Request | None:
    """Read the next request; ``None`` when the client has closed.

    ``early`` is what of it was read before.
    """
    try:
        raw = early + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise RequestError(431, "The head of the request is too long.") from None
    request = _parse_head(raw.decode("latin-1").lstrip("\r\n"))
    length = _body_length(request.headers)
    if request.headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        body = await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        return None
    return Request(
        method=request.method, target=request.target, headers=request.headers, body=body
    )


def _parse_head(text: str) -> Request:
    first, *lines = text.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise RequestError(400, f"Not an HTTP/1.1 request: {first[:80]!r}.")
    pairs = (line.partition(":") for line in lines if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if words[2] == "HTTP/1.0":
        headers["connection"] = "close"
    return Request(method=words[0], target=words[1], headers=headers)


def _body_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise RequestError(411, "Send a Content-Length: no chunked requests here.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise RequestError(400, f"Content-Length {length[:40]!r} is not a number.")
    if int(length) > _BODY_LIMIT_BYTES:
        raise RequestError(413, "The body is larger than 64 MB.")
    return int(length)


def head(status: int, fields: Mapping[str, str]) -> bytes:
    """Write a status line and headers; no date, so that the bytes never change."""
    # 529 is Anthropic's own.
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Overloaded"
    lines = [f"HTTP/1.1 {status} {phrase}"]
    named = {"Server": _SERVER, **fields}
    lines += [f"{name}: {value}" for name, value in named.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Write one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def whole(body: bytes) -> Iterator[tuple[str, str]]:
    """Give the headers of a JSON body that is sent at once."""
    yield "Content-Type", "application/json"
    yield "Content-Length", str(len(body))
