"""Write any bytes as lines of text that a person can read and edit, and back.

A line says how it ends: ``lf`` and ``crlf`` stand for that line end, ``cut`` for none.
Bytes that are not plain text are written as ``b64``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

__all__ = ["KINDS", "decode", "encode", "is_plain"]

KINDS = ("lf", "crlf", "cut", "b64")
_ENDS = {"crlf": b"\r\n", "lf": b"\n", "cut": b""}
#: What an editor would show wrongly, split at or strip.
_ODD = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]|\s\Z")
_PIECE = re.compile(rb"[^\n]*\n|[^\n]+")


def is_plain(text: str) -> bool:
    """Tell whether a text can stand on a line as it is."""
    return _ODD.search(text) is None


def encode(data: bytes) -> Iterator[tuple[str, str]]:
    """Give the lines for some bytes: the kind of each and its text."""
    for piece in _PIECE.findall(data):
        if piece.endswith(b"\r"):  # the network cut a CRLF
            yield from encode(piece[:-1])
            yield "b64", "DQ=="
            continue
        end = next(kind for kind, ending in _ENDS.items() if piece.endswith(ending))
        bare = piece[: len(piece) - len(_ENDS[end])]
        try:
            text = bare.decode()
        except UnicodeDecodeError:
            yield from _torn(piece)
            continue
        if is_plain(text):
            yield end, text
        else:
            yield "b64", base64.b64encode(piece).decode()


def _torn(piece: bytes) -> Iterator[tuple[str, str]]:
    """Write a piece that begins or ends inside a character: only that as base64."""
    start = next((at for at, b in enumerate(piece[:4]) if b & 0xC0 != 0x80), 0)
    stop = len(piece)
    for back in range(1, min(4, stop - start) + 1):
        if piece[-back] >= 0xC0:
            stop -= back
            break
    middle = piece[start:stop]
    try:
        middle.decode()
    except UnicodeDecodeError:
        yield "b64", base64.b64encode(piece).decode()
        return
    if start:
        yield "b64", base64.b64encode(piece[:start]).decode()
    yield from encode(middle)
    if piece[stop:]:
        yield "b64", base64.b64encode(piece[stop:]).decode()


def decode(kind: str, text: str) -> bytes:
    """Return the bytes of one line.

    Raises:
        ValueError: it is no base64.
    """
    if kind == "b64":
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError(f"not base64: {error}") from None
    return text.encode() + _ENDS[kind]
