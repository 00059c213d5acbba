"""The file of a recording: how its lines are written, and read again.

FORMAT.md beside this module says what stands in it. One block is one write, so none is
ever torn; what is damaged is told with its line.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import cast, get_args
from urllib.parse import urlsplit

from nbstream._failures import one_line
from nbstream._keys import redact
from nbstream.errors import UsageError
from nbstream.lab.recording.exchange import Exchange, Read
from nbstream.streams.transports import Ending, api_of

FORMAT = "nbstream-recording"
VERSION = 1
Headers = Iterable[tuple[str, str]]

# -- bytes as lines -----------------------------------------------------------------

#: How a line of bytes ends; what is no plain text is written as ``b64``.
KINDS = ("lf", "crlf", "cut", "b64")
_ENDS = {"crlf": b"\r\n", "lf": b"\n", "cut": b""}
#: What an editor would show wrongly, split at or strip.
_ODD = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]|\s\Z")
_PIECE = re.compile(rb"[^\n]*\n|[^\n]+")
#: The end of a character, what lies between, the beginning of another one.
_EDGES = re.compile(
    rb"(?s)([\x80-\xbf]{0,3}(?![\x80-\xbf])|)(.*?)([\xc0-\xff][^\xc0-\xff]{0,3}|)"
)


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
        if _ODD.search(text) is None:
            yield end, text
        else:
            yield "b64", base64.b64encode(piece).decode()


def _torn(piece: bytes) -> Iterator[tuple[str, str]]:
    """Write a piece that begins or ends inside a character: only that as base64."""
    edges = _EDGES.fullmatch(piece)
    before, middle, after = edges.groups() if edges else (piece, b"", b"")
    try:
        middle.decode()
    except UnicodeDecodeError:
        before, middle, after = piece, b"", b""
    if before:
        yield "b64", base64.b64encode(before).decode()
    yield from encode(middle)
    if after:
        yield "b64", base64.b64encode(after).decode()


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


# -- writing ------------------------------------------------------------------------

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")


def dumps(exchanges: Iterable[Exchange], said: str = "Written by nbstream.") -> bytes:
    """Write exchanges as the bytes of a recording; ``loads`` reads them again."""
    blocks = [block for each in exchanges for block in _blocks_of(each)]
    return "".join([head_block(said), *blocks]).encode()


def _blocks_of(each: Exchange) -> Iterator[str]:
    number, sent_s, last_s = each.number, each.started_s, each.response_s
    headers = each.request_headers.items()
    yield request_block(number, sent_s, each.method, each.url, headers, each.request)
    if each.status is not None:
        headers = each.response_headers.items()
        yield response_block(number, each.response_s, each.status, headers, ())
    for got in each.reads:
        yield read_block(number, got)
        last_s = got.time_s
    if each.ended != "interrupted":
        yield end_block(number, last_s, each.ended, each.notes)


def head_block(said: str) -> str:
    """Write the first line, and a comment."""
    return f"{FORMAT} {VERSION}\n# {_line(said)}\n"


def request_block(
    number: int, at_s: float, method: str, url: str, headers: Headers, body: object
) -> str:
    """Write what was asked; ``None`` is no JSON body."""
    details = [("header", f"{name}: {value}") for name, value in headers]
    if body is not None:
        details += [("json", line) for line in _pretty(body)]
    return "\n" + _block(f"request {number} {at_s:.3f} {method} {url}", details)


def response_block(
    number: int, at_s: float, status: int, headers: Headers, notes: Iterable[str]
) -> str:
    """Write the head of a response."""
    details = [("header", f"{name}: {value}") for name, value in headers]
    details += [("note", note) for note in notes]
    return _block(f"response {number} {at_s:.3f} {status}", details)


def read_block(number: int, got: Read) -> str:
    """Write one read from the network."""
    title = f"read {number} {got.time_s:.3f} {len(got.data)} bytes"
    return _block(title, encode(got.data))


def end_block(number: int, at_s: float, how: Ending, notes: Iterable[str]) -> str:
    """Write how an exchange ended."""
    return _block(f"end {number} {at_s:.3f} {how}", [("note", n) for n in notes])


def _block(title: str, details: Iterable[tuple[str, str]]) -> str:
    lines = [_line(title)]
    for kind, text in details:
        safe = text if kind in (*KINDS, "json") else _line(text)
        lines.append(f"  {kind} {safe}".rstrip(" "))
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    """Keep a text on one line."""
    return " ".join(_UNSAFE.sub(" ", text).split())


def _pretty(body: object) -> list[str]:
    """Write JSON in lines; what an editor may not keep is escaped."""
    lines = json.dumps(body, ensure_ascii=False, indent=2).split("\n")
    return [_UNSAFE.sub(lambda odd: f"\\u{ord(odd[0]):04x}", line) for line in lines]


# -- reading: one exchange of a file ------------------------------------------------


class _Damage(Exception):  # noqa: N818 - it is turned into a `RecordingError`
    """What is wrong; ``line`` is 0 where it is the block's first."""

    def __init__(self, what: str, line: int = 0) -> None:
        self.line = line
        super().__init__(what)


@dataclass(slots=True)
class _Block:
    """A title, its line number, and the numbered lines under it."""

    title: str
    line: int
    details: list[tuple[int, str]]


_REQUEST = ("header", "note", "json")


class _Draft:
    """An exchange while its blocks are read."""

    def __init__(self, number: int, block: _Block, time_s: float, rest: str) -> None:
        method, _, url = rest.partition(" ")
        if not urlsplit(url).scheme:
            raise _Damage(f"{rest!r} is no method and URL, such as POST https://...")
        self._notes: list[str] = []
        self._reads: list[Read] = []
        self._found = Exchange(
            number=number,
            line=block.line,
            api=api_of(urlsplit(url).path),
            method=method,
            url=url,
            started_s=time_s,
            request_headers=self._headers(block),
            request=_json(block),
            status=None,
            response_s=0.0,
            response_headers={},
            reads=(),
            ended="interrupted",
            notes=(),
        )

    def exchange(self) -> Exchange:
        """Return what has been read."""
        reads, notes = tuple(self._reads), tuple(self._notes)
        return replace(self._found, reads=reads, notes=notes)

    def add(self, word: str, block: _Block, time_s: float, rest: str) -> None:
        """Add what follows the request."""
        which = f"exchange {self._found.number}"
        if self._found.ended != "interrupted":
            raise _Damage(f"{which} has ended above this line")
        if word == "end":
            self._end(block, rest)
        elif word == "response":
            self._respond(block, time_s, rest)
        elif self._found.status is None:
            raise _Damage(f"{which} has no response above this line")
        else:
            self._reads.append(Read(time_s, _bytes(block, rest)))

    def _respond(self, block: _Block, time_s: float, rest: str) -> None:
        if not (len(rest) == 3 and rest.isascii() and rest.isdigit() and rest >= "100"):
            raise _Damage(f"{rest!r} is no HTTP status, such as 200")
        if self._found.status is not None:
            msg = f"exchange {self._found.number} has a response above this line"
            raise _Damage(msg)
        headers, status = self._headers(block), int(rest)
        self._found = replace(
            self._found, status=status, response_s=time_s, response_headers=headers
        )

    def _end(self, block: _Block, rest: str) -> None:
        if rest not in get_args(Ending):
            known = ", ".join(get_args(Ending))
            raise _Damage(f"{rest!r} is no way to end; known: {known}")
        self._headers(block)  # for its notes
        self._found = replace(self._found, ended=cast("Ending", rest))

    def _headers(self, block: _Block) -> dict[str, str]:
        """Return the headers of a block, and keep its notes."""
        found = {}
        for line, kind, text in _details(block, _REQUEST):
            if kind == "note":
                self._notes.append(text)
            if kind == "header":
                name, colon, value = text.partition(":")
                if not (colon and name.strip()):
                    raise _Damage(f"{text!r} is no header, such as accept: */*", line)
                found[name.strip().lower()] = value.strip()
        return found


def _details(block: _Block, known: tuple[str, ...]) -> Iterator[tuple[int, str, str]]:
    for line, detail in block.details:
        kind, _, text = detail.partition(" ")
        if kind not in known:
            msg = f"{kind!r} cannot stand here; known here: {', '.join(known)}"
            raise _Damage(msg, line)
        yield line, kind, text


def _json(block: _Block) -> object:
    found = [(n, t) for n, kind, t in _details(block, _REQUEST) if kind == "json"]
    if not found:
        return None
    try:
        return json.loads("\n".join(text for _, text in found))
    except RecursionError:
        raise _Damage("the JSON is nested too deep", found[0][0]) from None
    except json.JSONDecodeError as error:
        line = found[min(error.lineno, len(found)) - 1][0]
        msg = f"the JSON is damaged: {error.msg} (column {error.colno})"
        raise _Damage(msg, line) from None


def _bytes(block: _Block, rest: str) -> bytes:
    parts = []
    for line, kind, text in _details(block, KINDS):
        try:
            parts.append(decode(kind, text))
        except ValueError as error:
            raise _Damage(f"{error}; restore the line", line) from None
    data = b"".join(parts)
    size = rest.removesuffix(" bytes")
    if not (size.isascii() and size.isdigit()):
        raise _Damage(f"{rest!r} is no size, such as 57 bytes")
    if int(size) != len(data):
        msg = (
            f"this read holds {len(data)} bytes and not {size}; if you changed it, "
            f"write {len(data)} bytes here, else restore it"
        )
        raise _Damage(msg)
    return data


# -- reading: the file --------------------------------------------------------------

_TITLE = re.compile(r"(request|response|read|end) ([1-9]\d{0,8}) (\d{1,9}\.\d+) (.+)")


class RecordingError(UsageError):
    """A recording cannot be read. ``line`` is where, from 1."""

    def __init__(self, name: str, line: int, what: str) -> None:
        self.line = line
        super().__init__(one_line(f"{name}, line {line}: {redact(what[:1000])}"))


def load(path: str | PathLike[str]) -> tuple[Exchange, ...]:
    """Read a recording, in the order in which the requests were sent.

    An interrupted one is read up to its last whole block.

    Raises:
        RecordingError: it is damaged, newer than this nbstream, or no recording.
        OSError: the file cannot be opened.
    """
    return loads(Path(path).read_bytes(), Path(path).name)


def loads(data: bytes, name: str = "recording") -> tuple[Exchange, ...]:
    """Read a recording from the bytes of its file; ``name`` is for errors.

    Raises:
        RecordingError: as `load`.
    """
    drafts: dict[int, _Draft] = {}
    line = 1
    try:
        lines = _lines(data)
        blocks = _blocks(lines)
        for block in blocks:
            line = block.line
            try:
                _apply(block, drafts)
            except (_Damage, ValueError):
                if block is not blocks[-1] or not _is_torn(block, lines):
                    raise
    except _Damage as damage:
        raise RecordingError(name, damage.line or line, str(damage)) from None
    except ValueError as error:  # a number of 5,000 digits, an address that is none
        raise RecordingError(name, line, f"this cannot be read: {error}") from None
    return tuple(draft.exchange() for draft in drafts.values())


def _lines(data: bytes) -> list[str]:
    """Split the file, and check its first line.

    Only at line feeds: other line ends of Unicode may be in the text.
    """
    found: list[str] = []
    raws = data.split(b"\n")
    for number, raw in enumerate(raws, 1):
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            if 1 < number == len(raws):  # torn inside a character
                found.append(raw.decode("utf-8", "ignore"))
                break
            what = "this is not UTF-8 text; save the file as UTF-8, or restore it"
            raise _Damage(what, number) from None
        found.append(text.removesuffix("\r"))  # of an editor: ours are never plain
    _check_version(found[0])
    return found


def _check_version(first: str) -> None:
    word, _, number = first.partition(" ")
    if word != FORMAT or not (number.isascii() and number.isdigit()):
        msg = (
            f"this is no recording: it begins with {first[:40]!r}, expected "
            f"'{FORMAT} {VERSION}'; make one with nbstream.record(...)"
        )
        raise _Damage(msg, 1)
    if int(number) > VERSION:
        msg = (
            f"the file has format {int(number)}, this nbstream reads {VERSION}; "
            "update it: pip install -U nbstream"
        )
        raise _Damage(msg, 1)


def _blocks(lines: list[str]) -> list[_Block]:
    """Put each title together with its indented lines."""
    blocks: list[_Block] = []
    for number, text in enumerate(lines[1:], 2):
        if text.startswith("  "):
            if not blocks:
                raise _Damage("an indented line belongs under a title", number)
            blocks[-1].details.append((number, text[2:]))
        elif text.strip() and not text.startswith("#"):
            blocks.append(_Block(text, number, []))
    return blocks


def _is_torn(block: _Block, lines: list[str]) -> bool:
    """Tell whether a file's last block may have been torn off.

    The writer ends each line; one without an end was torn off. A ``read`` says its
    size, so that one that was torn between two lines is found out as well.
    """
    torn = bool(lines[-1]) or block.line == len(lines)
    return torn or block.title.startswith(("read ", "request "))


def _apply(block: _Block, drafts: dict[int, _Draft]) -> None:
    found = _TITLE.fullmatch(block.title.rstrip())
    if not found:
        msg = (
            f"{block.title[:60]!r} is no title; expected 'request', 'response', 'read' "
            "or 'end', an exchange's number, a time in seconds such as 0.250, and "
            "more; mend the line or take it out (a comment begins with #)"
        )
        raise _Damage(msg, block.line)
    word, number, time_s, rest = found.groups()
    at = int(number)
    if word == "request":
        if at in drafts:
            raise _Damage(f"exchange {at} began before; give it a new number")
        drafts[at] = _Draft(at, block, float(time_s), rest)
    elif at not in drafts:
        raise _Damage(f"exchange {at} has no request above this line; restore it")
    else:
        drafts[at].add(word, block, float(time_s), rest)
