"""Write a stream's anatomy as a table in Markdown, safe to show anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

from nbstream.anatomy.body import Anatomy
from nbstream.anatomy.reads import Cut
from nbstream.anatomy.steps import Step
from nbstream.anatomy.visible import code, excerpt, raw_text
from nbstream.anatomy.words import event_line, seconds, size
from nbstream.errors import UsageError
from nbstream.markdown import to_safe_markdown

__all__ = ["markdown"]

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


def markdown(body: Anatomy, rows: int | None) -> str:
    """Return the whole; of the steps at most ``rows``, ``None`` is all.

    Raises:
        UsageError: ``rows`` is less than 1.
    """
    if rows is not None and rows < 1:
        raise UsageError(f"rows is 1 or more, or None for all, not {rows!r}")
    parts = [_title(body), "\n".join(_table(body, rows)), *_troubles(body)]
    parts.append("\n".join(_totals(body)))
    return to_safe_markdown("\n\n".join(filter(None, parts)) + "\n")


def _title(body: Anatomy) -> str:
    events = sum(step.event is not None for step in body)
    said = [
        f"**{body.api or 'A stream'}**",
        f"{size(len(body.data), 'byte')} in {size(len(body.reads), 'read')}",
        size(events, "event"),
        body.reply.outcome,
    ]
    return " · ".join(said)


# -- the steps ---------------------------------------------------------------------


def _table(body: Anatomy, rows: int | None) -> Iterator[str]:
    timed = body.steady and any(read.time_s is not None for read in body.reads)
    yield _line(_HEAD, "time" if timed else "")
    yield _line(_RULE, "--:" if timed else "")
    shown = chosen(body, rows)
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


def chosen(body: Anatomy, rows: int | None) -> list[int]:
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


def _row(body: Anatomy, step: Step, timed: bool) -> str:
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
    return _line(cells, (seconds(time_s) or "?").replace(" ", _TIGHT) if timed else "")


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


def _changes(body: Anatomy, step: Step) -> str:
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


def _troubles(body: Anatomy) -> Iterator[str]:
    cuts = [(step, cut) for step in body for cut in step.cuts]
    characters = [(step, cut) for step, cut in cuts if cut.character]
    if cuts:
        events = len({step.number for step, _ in cuts})
        said = f"**The network cut {size(events, 'event')}**"
        if characters:
            said += f" and {size(len(characters), 'character')}"
        yield "\n".join([f"{said}:", "", *_listed(_cut_lines(characters or cuts))])
    broken = [step for step in body if step.breaks]
    if broken:
        said = f"**Splitting lines read by read breaks {size(len(broken), 'event')}**"
        lines = [f"event {s.number}: {code(s.breaks[0])}" for s in broken]
        yield "\n".join([f"{said}:", "", *_listed(lines)])


def _cut_lines(cuts: Sequence[tuple[Step, Cut]]) -> list[str]:
    return [f"event {step.number}: {code(str(cut))}" for step, cut in cuts]


def _listed(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:SOME]:
        yield f"- {line}"
    if len(lines) > SOME:
        yield f"- *and {len(lines) - SOME:,} more*"


def _totals(body: Anatomy) -> Iterator[str]:
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
