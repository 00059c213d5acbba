"""What is saved: one reply as safe HTML, safe Markdown and plain text.

What a reply holds besides its text (reasoning, tool calls, how it ended if not well)
is shown in words, never only in colour. The plain text of a complete answer is that
answer and nothing else.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from html import escape

from nbstream._failures import failure_line
from nbstream._keys import redact
from nbstream.markdown import to_html, to_safe_markdown
from nbstream.markdown.bounds import bounded
from nbstream.markdown.code import code_block
from nbstream.markdown.html import text_html
from nbstream.markdown.parser import parse
from nbstream.markdown.rendering import cut_html
from nbstream.reply import Choice, Part, Reply, ToolCall
from nbstream.screens.base import cell, exact, in_kernel, place, visible
from nbstream.screens.caption import caption, caption_html, metadata
from nbstream.screens.json_layout import laid_out, plain_of
from nbstream.screens.other_parts import Stage, pieces, stage_of, told
from nbstream.types import ToolResult

#: A result as short as this stands in the line that names it, in characters.
SHORT_RESULT = 80
#: How many stand side by side at most; more of them begin a new row.
COLUMNS = 3
_FONT = "font-size: inherit; line-height: inherit"
_LOOK = f"text-align: left; vertical-align: top; overflow-wrap: anywhere; {_FONT}"
#: How all that we show begins: words that are longer than a line break.
OURS = '<div style="overflow-wrap: break-word'
#: What holds an answer: a rule tells it from the notebook around it, but in a column.
PLACE = f'{OURS}; padding-left: 12px; border-left: 2px solid rgba(128, 128, 128, 0.4)">'
COLUMN = f'{OURS}">'
#: Half a character: JSON may hold one (``"\\ud83d"``), the bytes of a message not.
_SURROGATE = re.compile(r"[\ud800-\udfff]")
#: Longer than any fence that a text is likely to hold: it is never closed.
_LONG = "`" * 24


class Replies(dict[str, Reply]):
    """Several replies by their names, which are shown side by side.

    Attributes:
        _shown_in: The cell whose output already shows them, as of a reply.
    """

    def __init__(self, replies: Mapping[str, Reply]) -> None:
        super().__init__(replies)
        self._shown_in: object = None


def bundle(reply: Reply | Replies, *, images: bool = False) -> dict[str, str]:
    """Return the MIME bundle of a reply, or of several, as they stand, ended or not.

    Nothing in it depends on the clock: the same answers give the same bytes.
    """
    if isinstance(reply, Replies):
        return _side_by_side(reply, images)
    return _bundle(reply, images, PLACE)


def _bundle(reply: Reply, images: bool, holder: str) -> dict[str, str]:
    html = bounded("\n".join(_html(reply, images)))
    made = {"text/html": f"{holder}{html}</div>", "text/plain": _plain(reply)}
    if reply._form != "text":
        made["text/markdown"] = markdown_of(reply, images=images)
    return {mime: _SURROGATE.sub("\ufffd", said) for mime, said in made.items()}


def waiting() -> dict[str, str]:
    """Return the bundle of a request that has not been answered yet."""
    return {
        "text/html": "<p><em>Waiting for the first token …</em></p>",
        "text/plain": "",
    }


def retrying(seconds_left: int, why: str) -> dict[str, str]:
    """Return the bundle of a request that is sent again soon."""
    line = f"{why} Trying again in {seconds_left} s …"
    return {"text/html": f"<p><em>{escape(line)}</em></p>", "text/plain": line}


def display_reply(reply: Reply | Replies) -> None:
    """Show the reply, unless this very cell has shown it as it streamed.

    So ``nbstream.show(stream)`` may be the last line of a cell.
    """
    from IPython.display import display  # a plain script has none

    is_text, here = place() == "terminal", cell()
    if is_text and not in_kernel():  # it has written `Out[1]: ` already
        sys.stdout.write(f"{reply!r}\n")
    elif is_text and reply._shown_in != here:  # a console
        sys.stdout.write(visible(bundle(reply)["text/plain"]) + "\n")
    elif here is None or reply._shown_in != here:
        display(bundle(reply), raw=True, metadata=metadata(reply))


# -- plain text


def afterword(reply: Reply) -> str:
    """Return, as plain text, all that follows the first answer."""
    said = list(_after_plain(reply.choices[0], reply)) if reply.choices else []
    for choice in reply.choices[1:]:
        title = f"Answer {choice.index + 1}:"
        answer = "".join(plain_pieces(choice, reply))
        said += [title, *filter(None, [answer, *_after_plain(choice, reply)])]
    if line := status(reply):
        said.append(f"[{line}]")
    return "\n\n".join(said)


def _plain(reply: Reply) -> str:
    said: list[str] = []
    for each in reply.rounds:
        said += ["".join(plain_pieces(one, each)) for one in each.choices[:1]]
        said.append(afterword(each))
    return "\n\n".join(filter(None, said))


def plain_pieces(choice: Choice, reply: Reply) -> Iterator[str]:
    """Return an answer's text as it came, and in brackets what is no text.

    Where both are, a blank line is between them: it belongs to the later one.
    """
    tail = ""
    for at, each in enumerate(pieces(choice, reply)):
        if isinstance(each, Part):
            said = other_plain(each, stage_of(each, choice, reply))
        else:
            said = plain_of(each, reply).lstrip("\n" if at else "")
        if said:
            yield gap(tail) + said
            tail = (tail + said)[-2:]


def gap(tail: str) -> str:
    """Return what makes a blank line behind a text that ends so."""
    return "\n" * (2 - len(tail) + len(tail.rstrip("\n"))) if tail else ""


def other_plain(part: Part, stage: Stage) -> str:
    """Return what is said of a part that is no text."""
    said = told(part, stage)
    shown = [f"[{said.line}]", said.code, in_short(said.output)]
    return "\n".join(filter(None, shown))


def _after_plain(choice: Choice, reply: Reply) -> Iterator[str]:
    if choice.refusal:
        yield f"Refused: {choice.refusal}"
    for call in calls(choice, reply):
        yield f"{exact(call.name)}({exact(call.arguments)}){state(call)}"
        if call.run is not None:
            yield f"{_RUN[call.run.state]}: {result(call.run)}".rstrip(": ")


# -- HTML


def _html(reply: Reply, images: bool) -> Iterator[str]:
    for one in reply.rounds:
        for choice in one.choices:
            if len(one.choices) > 1:
                yield title_html(choice, one)
            yield from _choice_html(choice, one, images)
        if line := status_html(one):
            yield line
    if line := caption_html(reply):
        yield line


def _choice_html(choice: Choice, reply: Reply, images: bool) -> Iterator[str]:
    every, cut = pieces(choice, reply), is_cut(choice, reply)
    if choice.reasoning:
        inner = (cut_html if cut and not any(every) else to_html)(choice.reasoning)
        yield f"<details><summary>Reasoning</summary>\n{inner}\n</details>"
    for at, each in enumerate(every, 1):
        if isinstance(each, Part):
            yield other_html(each, stage_of(each, choice, reply))
        elif each:
            goes_on = cut and at == len(every)
            yield html_of(each, reply, images=images, cut=goes_on)
    if choice.refusal:
        yield refusal_html(choice)
    for call in calls(choice, reply):
        yield call_html(call)


# The pieces, which the live view shows too: what is seen live is what stays.


def _side_by_side(replies: Replies, images: bool) -> dict[str, str]:
    each = {name: _bundle(reply, images, COLUMN) for name, reply in replies.items()}
    html = {name: made["text/html"] for name, made in each.items()}
    plain = [f"== {name} ==\n{made['text/plain']}" for name, made in each.items()]
    return {
        "text/html": bounded("\n".join(_table(html))),
        "text/markdown": _markdown_of_several(replies, images),
        "text/plain": "\n\n".join(plain),
    }


def _table(html: Mapping[str, str]) -> Iterator[str]:
    names = list(html)
    for at in range(0, len(names), COLUMNS):
        row = names[at : at + COLUMNS]
        head = (f'<th style="{_LOOK}">{escape(name)}</th>' for name in row)
        cells = (f'<td style="{_LOOK}">\n{html[name]}\n</td>' for name in row)
        yield f'<table style="width: 100%; table-layout: fixed; {_FONT}">'
        yield f"<thead><tr>{''.join(head)}</tr></thead>"
        yield f"<tbody><tr>{''.join(cells)}</tr></tbody>"
        yield "</table>"


def title_html(choice: Choice, reply: Reply) -> str:
    """Return the line above one of several answers."""
    title = f"Answer {choice.index + 1} of {len(reply.choices)}"
    return f"<p><strong>{title}</strong></p>"


def refusal_html(choice: Choice) -> str:
    """Return what the model said instead of an answer."""
    return f"<p><strong>Refused.</strong> {text_html(choice.refusal, quote=True)}</p>"


def other_html(part: Part, stage: Stage) -> str:
    """Return what is shown of a part that is no text: words, code, images."""
    said = told(part, stage)
    made = [] if said.images and said.is_media else [_line_html(said.line)]
    if said.code:
        made.append(code_block(said.code, said.language).rstrip())
    if said.output:
        made.append(f"<pre><code>{escape(in_short(said.output))}</code></pre>")
    alt = escape(said.alt)
    made += (f'<p><img src="{image}" alt="{alt}"></p>' for image in said.images)
    return "\n".join(made)


def _line_html(line: str) -> str:
    return f"<p><em>{text_html(line, quote=True)}</em></p>" if line else ""


def call_html(call: ToolCall) -> str:
    """Return a call: its name, how it stands, its arguments, and what came of it."""
    name, code = escape(exact(call.name)), escape(exact(_pretty(call)))
    line = f"<p>Tool call <code>{name}</code>{escape(state(call))}</p>"
    made = f"{line}\n<pre><code>{code}</code></pre>"
    return made if call.run is None else f"{made}\n{run_html(call.run)}"


def run_html(run: ToolResult, more: str = "") -> str:
    """Return what came of a call, in one line if short; ``more`` is HTML behind it."""
    words, said = escape(_RUN[run.state]), escape(result(run))
    if not said:
        return f"<p>{words}{more}</p>"
    if len(said) <= SHORT_RESULT and "\n" not in said:
        return f"<p>{words}: <code>{said}</code>{more}</p>"
    return f"<p>{words}{more}</p>\n<pre><code>{said}</code></pre>"


def status_html(reply: Reply) -> str:
    """Return the line that says how it ended; "" if it is simply complete."""
    return _line_html(status(reply))


def _pretty(call: ToolCall) -> str:
    """Return the call's arguments laid out, or as they came where they are no JSON."""
    if call.state == "unfinished":
        return laid_out(call.arguments)
    if call.parsed is None:
        return call.arguments
    return json.dumps(call.parsed, indent=2, ensure_ascii=False)


def is_cut(choice: Choice, reply: Reply) -> bool:
    """Tell whether more was to come: then its end is shown as an open one is."""
    return reply.outcome != "complete" or choice.finish_reason in _FINISHED


def html_of(text: str, reply: Reply, *, images: bool = False, cut: bool = False) -> str:
    """Return a text of the answer as safe HTML; ``cut``: it was to go on."""
    match reply._form:
        case "text":
            # Inline, for the saved output: nothing else is there to break long lines.
            return f'<pre style="white-space: pre-wrap">{escape(text)}</pre>'
        case "json":
            return to_html(fenced(plain_of(text, reply)))
        case "markdown":
            return (cut_html if cut else to_html)(text, images=images)


def fenced(code: str, *, open_end: bool = False) -> str:
    """Return JSON as a block of code in Markdown, which may go on."""
    return f"{_LONG}json\n{code}" + ("" if open_end else f"\n{_LONG}")


# -- Markdown. All of it is made safe in one pass, and not piece by piece: a piece that
# is safe by itself may not be so behind another (a code fence that the text leaves open
# turns what is code, and so left alone, into what is not).


def markdown_of(reply: Reply, *, images: bool = False) -> str:
    """Return the reply as Markdown: its text, and what else there is, in words."""
    return _safe(list(_captioned(reply)), images)


def _markdown_of_several(replies: Replies, images: bool) -> str:
    """Return several replies as Markdown, each under its name."""
    said: list[str] = []
    for name, reply in replies.items():
        title = _escaped(" ".join(name.split()))
        said += [f"### {title}", *_captioned(reply)]
    return _safe(said, images)


def markdown_pieces(reply: Reply) -> list[str]:
    """Return the pieces of that Markdown before it is made safe, for more to follow.

    None of them leaves a code fence open for the next one, and none is a caption.
    """
    return list(map(_closed, _markdown(reply)))


def _safe(said: list[str], images: bool) -> str:
    said[:-1] = map(_closed, said[:-1])
    return to_safe_markdown("\n\n".join(said), images=images)


#: What means something in Markdown; a bracket behind a backslash begins a formula.
_MARKS = re.compile(r"[`*_{}#+!|<>$~&]|([\\()\[\]])")


def _escaped(name: str) -> str:
    return _MARKS.sub(lambda at: f"&#{ord(at[0])};" if at[1] else rf"\{at[0]}", name)


def _captioned(reply: Reply) -> Iterator[str]:
    yield from _markdown(reply)
    if line := caption(reply):
        yield f"*{_escaped(line)}*"


def _markdown(reply: Reply) -> Iterator[str]:
    for one in reply.rounds:
        for choice in one.choices:
            if len(one.choices) > 1:
                yield f"**Answer {choice.index + 1} of {len(one.choices)}**"
            yield from _choice_markdown(choice, one)
        if line := status(one):
            yield f"*{line}*"


def _choice_markdown(choice: Choice, reply: Reply) -> Iterator[str]:
    for each in pieces(choice, reply):
        if isinstance(each, Part):
            yield from _other_markdown(each, stage_of(each, choice, reply))
        elif each and reply._form == "json":
            yield _fenced(plain_of(each, reply), "json")
        elif each:
            yield each
    if choice.refusal:
        yield f"Refused: {choice.refusal}"
    for call in calls(choice, reply):
        code = _fenced(exact(call.arguments), "json")
        yield f"Tool call {exact(call.name)}{state(call)}\n\n{code}"
        if call.run is not None:
            yield _RUN[call.run.state]
            if call.run.result:
                yield _fenced(result(call.run), "text")


def _other_markdown(part: Part, stage: Stage) -> Iterator[str]:
    """Say what a part is; of images there are words, as the HTML holds them."""
    said = told(part, stage)
    yield f"*{_escaped(said.line)}*"
    if said.code:
        yield _fenced(said.code, said.language)
    if said.output:
        yield _fenced(in_short(said.output), "text")


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _closed(text: str) -> str:
    """Close a code fence left open, so that what follows is not part of the code."""
    try:
        tokens = parse(text)
    except RecursionError:
        return text
    last = tokens[-1] if tokens else None
    if last is None or last.type != "fence" or last.map is None:
        return text
    lines = text.rstrip().splitlines()
    end = lines[-1].strip()
    closed = last.map[0] < len(lines) - 1 and end == last.markup[0] * len(end)
    if closed and len(end) >= len(last.markup):
        return text
    return f"{text.rstrip()}\n{last.markup}"


# -- the words


def status(reply: Reply) -> str:
    """Return the one line that says how it ended; "" if it is simply complete."""
    match reply.outcome:
        case "stopped":
            came = any(each.parts for each in reply.rounds)
            arrived = "This is what had arrived." if came else "Nothing came."
            return f"Stopped. {arrived}"
        case "truncated":
            return "Truncated: the stream ended before the answer was complete."
        case "failed":
            return f"Failed. {failure_line(reply.error)}"
        case "running":
            return ""
        case "complete" if reply._misfit is not None:
            said = str(reply._misfit)
            return f"{said[:1].upper()}{said[1:]}."
        case "complete":
            return _FINISHED.get(reply.finish_reason or "", "")


_FINISHED = {
    "length": "Cut: the token limit was reached.",
    "content_filter": "Cut: the provider's content filter stopped the answer.",
    "pause": "Paused: the provider wants to be asked to go on.",
    "error": "The model reported an error.",
}


def calls(choice: Choice, reply: Reply) -> tuple[ToolCall, ...]:
    """Return the choice's tool calls as they stand."""
    return choice.tool_calls(running=reply.outcome == "running")


def state(call: ToolCall) -> str:
    """Return what is to be said after a call; "" if it is whole and valid."""
    match call.state:
        case "valid":
            return ""
        case "open":
            return " …"
        case "invalid":
            return f" (invalid arguments: {call.error})"
        case "unfinished":
            return " (unfinished: do not run it)"


def result(run: ToolResult) -> str:
    """Return what came of it, shortened: the model is told all of it."""
    return visible(in_short(redact(run.result)))


def in_short(text: str) -> str:
    """Return what a tool gave, or not all of it."""
    if len(text) <= SHOWN_OF_RESULT:
        return text
    return f"{text[:SHOWN_OF_RESULT]} … ({len(text):,} characters)"


#: How much of a tool's result is shown and saved, in characters.
SHOWN_OF_RESULT = 1_000
#: The line above what came of a call that was run, or is to be.
_RUN = {
    "waiting": "Not run yet",
    "asking": "Waits for your consent",
    "running": "Running …",
    "done": "Result",
    "failed": "Failed",
    "invalid": "Not run: it cannot be called like this",
    "refused": "Not run",
    "stopped": "Stopped before it ended",
}
