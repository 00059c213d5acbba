"""Build one exchange from the blocks of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast, get_args
from urllib.parse import urlsplit

from nbstream.record.apis import api_of
from nbstream.record.exchange import Ended, Exchange, Read
from nbstream.record.lines import KINDS, decode

__all__ = ["Block", "Damage", "Draft"]


class Damage(Exception):  # noqa: N818 - it is turned into a `RecordingError`
    """What is wrong; ``line`` is 0 where it is the block's first."""

    def __init__(self, what: str, line: int = 0) -> None:
        self.line = line
        super().__init__(what)


@dataclass(slots=True)
class Block:
    """A title, its line number, and the numbered lines under it."""

    title: str
    line: int
    details: list[tuple[int, str]]
    whole: bool = True


class Draft:
    """An exchange while its blocks are read."""

    def __init__(self, number: int, block: Block, time_s: float, rest: str) -> None:
        self._method, _, self._url = rest.partition(" ")
        if not urlsplit(self._url).scheme:
            raise Damage(f"{rest!r} is no method and URL, such as POST https://...")
        self._number, self._line, self._started_s = number, block.line, time_s
        self._notes: list[str] = []
        self._request_headers = self._headers(block)
        self._request = _json(block)
        self._response: tuple[int, float, dict[str, str]] | None = None
        self._reads: list[Read] = []
        self._ended: Ended = "interrupted"

    def add(self, word: str, block: Block, time_s: float, rest: str) -> None:
        """Add what follows the request."""
        if self._ended != "interrupted":
            raise Damage(f"exchange {self._number} has ended above this line")
        if word == "end":
            self._end(block, rest)
        elif word == "response":
            self._respond(block, time_s, rest)
        elif self._response is None:
            msg = f"exchange {self._number} has no response above this line"
            raise Damage(msg)
        else:
            self._reads.append(Read(time_s, _bytes(block, rest)))

    def exchange(self) -> Exchange:
        """Return what has been read."""
        status, response_s, headers = self._response or (None, 0.0, {})
        return Exchange(
            number=self._number,
            line=self._line,
            api=api_of(urlsplit(self._url).path),
            method=self._method,
            url=self._url,
            started_s=self._started_s,
            request_headers=self._request_headers,
            request=self._request,
            status=status,
            response_s=response_s,
            response_headers=headers,
            reads=tuple(self._reads),
            ended=self._ended,
            notes=tuple(self._notes),
        )

    def _respond(self, block: Block, time_s: float, rest: str) -> None:
        if not (len(rest) == 3 and rest.isascii() and rest.isdigit() and rest >= "100"):
            raise Damage(f"{rest!r} is no HTTP status, such as 200")
        if self._response is not None:
            raise Damage(f"exchange {self._number} has a response above this line")
        self._response = int(rest), time_s, self._headers(block)

    def _end(self, block: Block, rest: str) -> None:
        if rest not in get_args(Ended):
            known = ", ".join(get_args(Ended))
            raise Damage(f"{rest!r} is no way to end; known: {known}")
        self._headers(block)
        self._ended = cast("Ended", rest)

    def _headers(self, block: Block) -> dict[str, str]:
        """Return the headers of a block, and keep its notes."""
        found = {}
        for line, kind, text in _details(block, ("header", "note", "json")):
            if kind == "note":
                self._notes.append(text)
            if kind == "header":
                name, colon, value = text.partition(":")
                if not (colon and name.strip()):
                    raise Damage(f"{text!r} is no header, such as accept: */*", line)
                found[name.strip().lower()] = value.strip()
        return found


def _details(block: Block, known: tuple[str, ...]) -> Iterator[tuple[int, str, str]]:
    for line, detail in block.details:
        kind, _, text = detail.partition(" ")
        if kind not in known:
            msg = f"{kind!r} cannot stand here; known here: {', '.join(known)}"
            raise Damage(msg, line)
        yield line, kind, text


def _json(block: Block) -> object:
    found = [(n, t) for n, kind, t in _details(block, _REQUEST) if kind == "json"]
    if not found:
        return None
    try:
        return json.loads("\n".join(text for _, text in found))
    except RecursionError:
        raise Damage("the JSON is nested too deep", found[0][0]) from None
    except json.JSONDecodeError as error:
        line = found[min(error.lineno, len(found)) - 1][0]
        msg = f"the JSON is damaged: {error.msg} (column {error.colno})"
        raise Damage(msg, line) from None


def _bytes(block: Block, rest: str) -> bytes:
    parts = []
    for line, kind, text in _details(block, KINDS):
        try:
            parts.append(decode(kind, text))
        except ValueError as error:
            raise Damage(f"{error}; restore the line", line) from None
    data = b"".join(parts)
    size = rest.removesuffix(" bytes")
    if not (size.isascii() and size.isdigit()):
        raise Damage(f"{rest!r} is no size, such as 57 bytes")
    if int(size) != len(data):
        msg = (
            f"this read holds {len(data)} bytes and not {size}; if you changed it, "
            f"write {len(data)} bytes here, else restore it"
        )
        raise Damage(msg)
    return data


_REQUEST = ("header", "note", "json")
