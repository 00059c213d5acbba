"""What is saved: one reply as safe HTML, safe Markdown and plain text.

What a reply holds besides its text (reasoning, tool calls, how it ended if not well)
is shown in words, never only in colour. The plain text of a complete answer is that
answer and nothing else.
"""

import json
import re
from collections.abc import Iterator
from html import escape

from nbstream.markdown import to_html
from nbstream.reply import Choice, Reply, ToolCall
from nbstream.screens.forms import html_of, plain_of
from nbstream.screens.live_json import laid_out
from nbstream.screens.markdown import markdown_of
from nbstream.screens.words import calls, ran, result, state, status
from nbstream.types import ToolResult

__all__ = [
    "afterword",
    "bundle",
    "call_html",
    "markdown_of",
    "metadata",
    "pretty",
    "refusal_html",
    "retrying",
    "run_html",
    "status_html",
    "title_html",
    "waiting",
]

#: A result as short as this stands in the line that names it, in characters.
SHORT_RESULT = 80
#: Half a character: JSON may hold one (``"\\ud83d"``), the bytes of a message not.
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def bundle(reply: Reply, *, images: bool = False) -> dict[str, str]:
    """Return the MIME bundle of a reply as it stands, finished or not."""
    made = {"text/html": _html(reply, images), "text/plain": _plain(reply)}
    if reply.form != "text":
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


def metadata(reply: Reply, *, timed: bool) -> dict[str, object]:
    """Return what goes beside the output: model, usage, outcome; timing if ``timed``.

    It is under ``nbstream`` in the output's metadata, which nbval does not compare.
    """
    found: dict[str, object] = {
        "api": reply.api,
        "model": reply.model,
        "outcome": reply.outcome,
        "finish_reason": reply.finish_reason,
    }
    if usage := reply.usage:
        found["usage"] = {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": usage.total_tokens,
        }
    if timed and reply.timing and reply.timing.end_s is not None:
        first = reply.timing.first_text_s
        found["timing"] = {
            "first_text_s": None if first is None else round(first, 3),
            "end_s": round(reply.timing.end_s, 3),
        }
    return {"nbstream": found}


def afterword(reply: Reply) -> str:
    """Return, as plain text, all that follows the first answer's text."""
    said = list(_after_plain(reply.choices[0], reply)) if reply.choices else []
    for choice in reply.choices[1:]:
        title = f"Answer {choice.index + 1}:"
        text = plain_of(choice, reply)
        said += [title, *filter(None, [text, *_after_plain(choice, reply)])]
    return "\n\n".join([*said, *filter(None, [_bracketed(reply)])])


def _bracketed(reply: Reply) -> str:
    line = status(reply)
    return f"[{line}]" if line else ""


def _plain(reply: Reply) -> str:
    said: list[str] = []
    for each in reply.rounds:
        said += [plain_of(one, each) for one in each.choices[:1]]
        said.append(afterword(each))
    return "\n\n".join(filter(None, said))


def _after_plain(choice: Choice, reply: Reply) -> Iterator[str]:
    if choice.refusal:
        yield f"Refused: {choice.refusal}"
    for call in calls(choice, reply):
        yield f"{call.name}({call.arguments}){state(call)}"
        if call.run is not None:
            yield f"{ran(call.run)}: {result(call.run)}".rstrip(": ")


def _html(reply: Reply, images: bool) -> str:
    return "\n".join(each for one in reply.rounds for each in _round_html(one, images))


def _round_html(reply: Reply, images: bool) -> Iterator[str]:
    for choice in reply.choices:
        if len(reply.choices) > 1:
            yield title_html(choice, reply)
        yield from _choice_html(choice, reply, images)
    if line := status_html(reply):
        yield line


def _choice_html(choice: Choice, reply: Reply, images: bool) -> Iterator[str]:
    if choice.reasoning:
        inner = to_html(choice.reasoning)
        yield f"<details><summary>Reasoning</summary>\n{inner}\n</details>"
    if choice.text:
        yield html_of(choice, reply, images=images)
    if choice.refusal:
        yield refusal_html(choice)
    for call in calls(choice, reply):
        yield call_html(call)


# -- the pieces, which the live view shows too: what is seen live is what stays -------


def title_html(choice: Choice, reply: Reply) -> str:
    """Return the line above one of several answers."""
    title = f"Answer {choice.index + 1} of {len(reply.choices)}"
    return f"<p><strong>{title}</strong></p>"


def refusal_html(choice: Choice) -> str:
    """Return what the model said instead of an answer."""
    return f"<p><strong>Refused.</strong> {escape(choice.refusal)}</p>"


def call_html(call: ToolCall) -> str:
    """Return a call: its name, how it stands, its arguments, and what came of it."""
    line = f"<p>Tool call <code>{escape(call.name)}</code>{escape(state(call))}</p>"
    made = f"{line}\n<pre><code>{escape(pretty(call))}</code></pre>"
    return made if call.run is None else f"{made}\n{run_html(call.run)}"


def run_html(run: ToolResult, more: str = "") -> str:
    """Return what came of a call, in one line if short; ``more`` is HTML behind it."""
    words, said = escape(ran(run)), escape(result(run))
    if not said:
        return f"<p>{words}{more}</p>"
    if len(said) <= SHORT_RESULT and "\n" not in said:
        return f"<p>{words}: <code>{said}</code>{more}</p>"
    return f"<p>{words}{more}</p>\n<pre><code>{said}</code></pre>"


def status_html(reply: Reply) -> str:
    """Return the line that says how it ended; "" if it is simply complete."""
    line = status(reply)
    return f"<p><em>{escape(line)}</em></p>" if line else ""


def pretty(call: ToolCall) -> str:
    """Return the call's arguments laid out, or as they came where they are no JSON."""
    if call.state == "unfinished":
        return laid_out(call.arguments)
    if call.parsed is None:
        return call.arguments
    return json.dumps(call.parsed, indent=2, ensure_ascii=False)
