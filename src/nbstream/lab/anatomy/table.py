"""Write a stream's anatomy as a table in Markdown, safe to show anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields
from itertools import chain, pairwise

from nbstream.errors import UsageError
from nbstream.lab.anatomy.steps import Step, Walk
from nbstream.markdown import to_safe_markdown
from nbstream.types import Event

# -- bytes and texts made visible: line ends, control characters, cut characters ---

#: Stands where a read from the network ended.
CUT = "┃"
#: What is invisible, or turns the reading direction; not the two joiners, U+200C and
#: U+200D, without which some scripts and emoji fall apart.
_ODD = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]"
)
#: JupyterLab takes this for a place of a formula, in code too.
_SPLICED = re.compile(r"@@(?=\d+@@)")
_PICTURES = {**{chr(n): chr(0x2400 + n) for n in range(32)}, "\x7f": "␡", "\n": "↵"}


def visible(text: str) -> str:
    """Return the text with a sign for whatever cannot be seen."""
    return _ODD.sub(_sign, text)


def _sign(odd: re.Match[str]) -> str:
    char = odd[0]
    if "\udc80" <= char <= "\udcff":  # a byte that is no UTF-8
        return f"⟨{ord(char) - 0xDC00:02X}⟩"
    return _PICTURES.get(char) or f"⟨U+{ord(char):04X}⟩"


def raw_text(data: bytes, places: Sequence[int] = ()) -> str:
    """Return bytes as text, with a mark at each place; a cut character shows its bytes.

    The places are counted from the beginning of ``data``.
    """
    edges = [0, *places, len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    return CUT.join(visible(each.decode("utf-8", "surrogateescape")) for each in pieces)


def excerpt(text: str, length: int) -> str:
    """Return a text of at most that length: its beginning, its end, and its cuts."""
    if len(text) <= length:
        return text
    at = text.find(CUT)
    if at < 0:
        head = length * 3 // 5
        return f"{text[:head]} … {text[head - length :]}"
    half = length // 2
    begin = max(0, min(at - half, len(text) - length))
    end = begin + length
    before, after = "… " if begin else "", " …" if end < len(text) else ""
    return f"{before}{text[begin:end]}{after}"


def code(text: str) -> str:
    """Return one line as Markdown's code, for the cell of a table too.

    Nothing in it is read as markup, by any tool: no link, no HTML, no formula.
    """
    text = _SPLICED.sub("@ @", visible(text)).replace("|", "\\|")
    if not text.strip():
        return "" if not text else f"`{'·' * len(text)}`"
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{fence}{pad}{text}{pad}{fence}"


# -- events, sizes and times in words, in one line each ---------------------------

#: A field longer than that (a provider's own JSON) is cut.
LONGEST = 2_000


def event_fields(event: Event) -> Iterator[tuple[str, str]]:
    """Give the name and the value, as JSON, of each field that says something."""
    for field in fields(event):
        value = getattr(event, field.name)
        default = None if field.default is MISSING else field.default
        if value == default and (value is None or field.default is not MISSING):
            continue
        text = json.dumps(value, ensure_ascii=False, default=str)
        if len(text) > LONGEST:
            left_out = len(text) - LONGEST
            text = f"{text[:LONGEST]} … ({left_out:,} characters more)"
        yield field.name, text


def event_line(event: Event, length: int = 60) -> str:
    """Return an event as one line, such as ``TextDelta(text="Hel", index=0)``."""
    said = []
    for name, text in event_fields(event):
        short = text if len(text) <= length else f"{text[: length - 1]}…"
        if short != text and text[0] == "{":
            short = "{…}"
        said.append(f"{name}={short}")
    return f"{type(event).__name__}({', '.join(said)})"


def size(count: int, one: str) -> str:
    """Return a count with its noun: ``1 event``, ``2,000 events``."""
    return f"{count:,} {one if count == 1 else one + 's'}"


#: How much of each is shown, in characters.
WIRE, EVENT, GROWN, TOTAL = 52, 32, 56, 240
#: How many events of one step, and how many cuts and breaks, are told one by one.
SOME = 3
GROWING = ("reasoning", "text", "refusal", "arguments")
_HEAD = ("#", "byte", "read", "on the wire", "events", "what it changed")
_RULE = ("--:", "--:", "--:", "---", "---", "---")
#: Keeps together what is short, so that the columns are narrow and rows low.
_TIGHT = "\N{NO-BREAK SPACE}"
_LINES = re.compile("[^↵]*(?:↵┃?)+|[^↵]+")
_BREAK = "<br>"


def markdown(body: Walk, rows: int | None) -> str:
    """Return the whole; of the steps at most ``rows``, ``None`` is all.

    Raises:
        UsageError: ``rows`` is less than 1.
    """
    if rows is not None and rows < 1:
        raise UsageError(f"rows is 1 or more, or None for all, not {rows!r}")
    parts = [_title(body), "\n".join(_table(body, rows)), *_troubles(body)]
    parts.append("\n".join(_totals(body)))
    return to_safe_markdown("\n\n".join(filter(None, parts)) + "\n")


def _title(body: Walk) -> str:
    events = sum(step.event is not None for step in body)
    said = [
        f"**{body.api or 'A stream'}**",
        f"{size(len(body.data), 'byte')} in {size(len(body.reads), 'read')}",
        size(events, "event"),
        body.reply.outcome,
    ]
    return " · ".join(said)


# -- the steps ---------------------------------------------------------------------


def _table(body: Walk, rows: int | None) -> Iterator[str]:
    timed = body.steady and any(read.time_s is not None for read in body.reads)
    yield _line(_HEAD, "time" if timed else "")
    yield _line(_RULE, "--:" if timed else "")
    shown = rows_of(body, rows)
    for before, number in pairwise([0, *shown, len(body) + 1]):
        if number > before + 1:
            gap = f"*… {size(number - before - 1, 'step')} not shown*"
            yield _line(("", "", "", gap, "", ""), " " if timed else "")
        if number <= len(body):
            yield _row(body, body[number - 1], timed)


def _line(cells: Sequence[str], time: str) -> str:
    """Return a row; ``time`` is one more cell, if it says anything."""
    whole = [*cells[:3], *([time] if time else []), *cells[3:]]
    return f"| {' | '.join(whole)} |".replace("|  ", "| ")


def rows_of(body: Walk, rows: int | None) -> list[int]:
    """Return the numbers of the steps to show: the ends, landmarks, what went wrong."""
    if rows is None or len(body) <= rows:
        return list(range(1, len(body) + 1))
    marks = body.landmarks.values()
    cut = [step.number for step in body if step.cuts]
    torn = [step.number for step in body if any(c.character for c in step.cuts)]
    around = [number + 1 for number in marks if number < len(body)]
    wanted = chain([1], marks, [len(body)], torn[:2], cut[:2], around)
    fill = chain(wanted, range(1, len(body) + 1))
    return sorted(list(dict.fromkeys(fill))[:rows])


def _row(body: Walk, step: Step, timed: bool) -> str:
    places = [cut.offset - step.start for cut in step.cuts]
    time_s = body.reads[step.reads[-1] - 1].time_s
    cells = [
        str(step.number),
        f"{step.start:,}",
        _span(step.reads),
        _wire(raw_text(body.raw(step), places)),
        _events(step),
        _changes(body, step),
    ]
    time = "?" if time_s is None else f"{time_s:.3f}{_TIGHT}s"
    return _line(cells, time if timed else "")


def _wire(text: str) -> str:
    """Return the lines of an event, each for itself; the mark of a cut is kept."""
    lines = _LINES.findall(text)
    shown = [code(excerpt(line, WIRE)) for line in lines[:SOME]]
    if len(lines) > SOME:
        shown.append(f"*and {size(len(lines) - SOME, 'line')} more*")
    return _BREAK.join(shown)


def _span(numbers: range) -> str:
    first, last = numbers[0], numbers[-1]
    return str(first) if first == last else f"{first}{_TIGHT}to{_TIGHT}{last}"


def _events(step: Step) -> str:
    if step.ready is None:
        return "*unfinished: no empty line*"
    if step.event is None:
        return "*no data: no event*"
    said = [code(event_line(each, EVENT)) for each in step.events[:SOME]]
    if len(step.events) > SOME:
        said.append(f"*and {len(step.events) - SOME} more*")
    return _BREAK.join(said)


def _changes(body: Walk, step: Step) -> str:
    sections = {section.key: section for section in body.sections}
    texts = body.at(step.number) if step.changes else {}
    said = []
    told = [each for each in step.changes if each.key != "ignored"]
    for change in told[:SOME]:
        section = sections[change.key]
        # What is added to a text is enough; a line is told whole.
        grows = section.kind in GROWING and not change.dropped
        now = code(excerpt(change.added if grows else texts[change.key], GROWN))
        said.append(f"{section.title} {'+' if grows else ''}{now}".strip())
    if len(told) > SOME:
        said.append(f"*and {len(told) - SOME} more*")
    return _BREAK.join(said)


# -- what was cut, what breaks, what it comes to ------------------------------------


def _troubles(body: Walk) -> Iterator[str]:
    cuts = [(step, cut) for step in body for cut in step.cuts]
    characters = [(step, cut) for step, cut in cuts if cut.character]
    if cuts:
        events = len({step.number for step, _ in cuts})
        said = f"**The network cut {size(events, 'event')}**"
        if characters:
            said += f" and {size(len(characters), 'character')}"
        lines = [f"event {s.number}: {code(str(cut))}" for s, cut in characters or cuts]
        yield "\n".join([f"{said}:", "", *_listed(lines)])
    broken = [step for step in body if step.breaks]
    if broken:
        said = f"**Splitting lines read by read breaks {size(len(broken), 'event')}**"
        lines = [f"event {s.number}: {code(s.breaks[0])}" for s in broken]
        yield "\n".join([f"{said}:", "", *_listed(lines)])


def _listed(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:SOME]:
        yield f"- {line}"
    if len(lines) > SOME:
        yield f"- *and {len(lines) - SOME:,} more*"


def _totals(body: Walk) -> Iterator[str]:
    texts = body.at(len(body) + 1)
    yield "| accumulated at the end | |"
    yield "|---|---|"
    for section in body.sections:
        text = texts[section.key]
        if not text or section.kind == "parsed":
            continue
        short = excerpt(text, TOTAL)
        more = "" if short == text else f" *({len(text):,} characters)*"
        yield f"| {section.title} | {code(short)}{more} |"
