"""Say where the usual few lines of code would have gone wrong.

They are what one writes first, and what many a tutorial shows::

    for chunk in reads:
        for line in chunk.decode().splitlines():
            if line.startswith("data: "):
                payload = json.loads(line[6:])

They are run here, on the very bytes of each event, cut as the network cut them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise

from nbstream.anatomy.blocks import Block
from nbstream.anatomy.reads import Cut

__all__ = ["breaks"]

#: Where ``str.splitlines`` ends a line, and the format of event streams does not.
_SPLITTERS = re.compile("[\v\f\x1c\x1d\x1e\x85\u2028\u2029]")


def breaks(data: bytes, block: Block, cuts: Sequence[Cut]) -> tuple[str, ...]:
    """Return what goes wrong at this event, in words; nothing if it goes well."""
    if block.event is None and not cuts:
        return ()
    places = [block.start, *(cut.offset for cut in cuts), block.end]
    pieces = [data[a:b] for a, b in pairwise(places)]
    found: list[str] = []
    texts: list[str] = []
    for piece, cut in zip(pieces, [*cuts, None], strict=True):
        try:
            texts.append(piece.decode())
        except UnicodeDecodeError as error:
            if not cut or not cut.character:
                if not found:
                    found.append(f".decode() raises UnicodeDecodeError: {error.reason}")
                continue
            said = f".decode() of read {cut.read - 1} raises UnicodeDecodeError: "
            found.append(f"{said}it ends inside {cut.character}")
    if found or block.event is None:
        return tuple(found)
    return tuple(_misread(texts, block.event.data))


def _misread(texts: list[str], data: str) -> list[str]:
    lines = [line for text in texts for line in text.splitlines()]
    payloads = [line[6:] for line in lines if line.startswith("data: ")]
    if payloads == [data]:
        return _not_json(data)
    found = [each for payload in payloads for each in _not_json(payload)]
    splitters = sorted({f"U+{ord(each):04X}" for each in _SPLITTERS.findall(data)})
    if splitters:
        found.insert(0, f"splitlines() ends a line at {', '.join(splitters)}")
    if len(texts) > 1:
        rest = "the rest, in another read, does not begin with 'data: ' and is lost"
        found.append(rest)
    elif not payloads:
        found.append("no line begins with 'data: ', so the event is not seen")
    elif not found:
        found.append(f"{len(payloads)} lines of data are taken for as many events")
    return found


def _not_json(payload: str) -> list[str]:
    try:
        json.loads(payload)
    except ValueError as error:
        short = payload if len(payload) <= 24 else f"{payload[:12]}…{payload[-10:]}"
        return [f"json.loads({short!r}) fails: {error}"]
    except RecursionError:
        return ["json.loads fails: the data is nested too deeply"]
    return []
