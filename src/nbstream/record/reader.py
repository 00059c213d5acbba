"""Read a recording, and say on which line it is damaged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from nbstream._keys import redact
from nbstream.errors import UsageError
from nbstream.record.draft import Block, Damage, Draft
from nbstream.record.exchange import Exchange
from nbstream.record.writer import FORMAT, VERSION

__all__ = ["RecordingError", "load", "loads"]

_TITLE = re.compile(r"(request|response|read|end) ([1-9]\d{0,8}) (\d{1,9}\.\d+) (.+)")


class RecordingError(UsageError):
    """A recording cannot be read. ``line`` is where, from 1."""

    def __init__(self, name: str, line: int, what: str) -> None:
        self.line = line
        super().__init__(f"{name}, line {line}: {redact(what)}")


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
    drafts: dict[int, Draft] = {}
    line = 1
    try:
        blocks = list(_blocks(_lines(data)))
        for block in blocks:
            line = block.line
            try:
                _apply(block, drafts)
            except Damage:
                if block is not blocks[-1] or block.whole:
                    raise
                # the writer was ended within its last block
    except Damage as damage:
        raise RecordingError(name, damage.line or line, str(damage)) from None
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
            raise Damage(what, number) from None
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
        raise Damage(msg, 1)
    if int(number) > VERSION:
        msg = (
            f"the file has format {int(number)}, this nbstream reads {VERSION}; "
            "update it: pip install -U nbstream"
        )
        raise Damage(msg, 1)


def _blocks(lines: list[str]) -> Iterator[Block]:
    """Put each title together with its indented lines."""
    block: Block | None = None
    last = len(lines)
    for number, text in enumerate(lines[1:], 2):
        if text.startswith("  "):
            if block is None:
                raise Damage("an indented line belongs under a title", number)
            block.details.append((number, text[2:]))
        elif text.strip() and not text.startswith("#"):
            if block is not None:
                yield block
            block = Block(text, number, [])
    if block is not None:
        block.whole = _is_whole(block, lines, last)
        yield block


def _is_whole(block: Block, lines: list[str], last: int) -> bool:
    """Tell whether a file's last block may be taken for finished.

    The writer ends each line; one without an end was torn off. A ``read`` says its
    size, so that one that was torn between two lines is found out as well.
    """
    torn = bool(lines[-1]) or block.line == last
    return not (torn or block.title.startswith(("read ", "request ")))


def _apply(block: Block, drafts: dict[int, Draft]) -> None:
    found = _TITLE.fullmatch(block.title.rstrip())
    if not found:
        msg = (
            f"{block.title[:60]!r} is no title; expected 'request', 'response', 'read' "
            "or 'end', an exchange's number, a time in seconds such as 0.250, and "
            "more; mend the line or take it out (a comment begins with #)"
        )
        raise Damage(msg, block.line)
    word, number, time_s, rest = found.groups()
    at = int(number)
    if word == "request":
        if at in drafts:
            raise Damage(f"exchange {at} began before; give it a new number")
        draft = Draft(at, block, float(time_s), rest)
        drafts[at] = draft
    elif at not in drafts:
        raise Damage(f"exchange {at} has no request above this line; restore it")
    else:
        drafts[at].add(word, block, float(time_s), rest)
