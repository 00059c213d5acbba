"""Streams hostile replies in a cell, in pieces that leave halves to be shown.

A cell of ``test_hostile_browser.py`` imports it; the replies are in
``browser_hostile.md``, and ``HARM`` says what of them is alive in a page.
"""

import itertools
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import nbstream

#: Half a tag, an attribute, a link, an image, code, a formula, an escape.
HALF = re.compile(r'<\w+ ?|="|\]\(|!\[|`|\$|\\|&#?\w*')
#: Longer than a screen waits between two updates.
PAUSE_S = 0.2
#: A function that tells what of an element of an answer is on no list, as the browser
#: itself sees it: tags, attributes with what they say, and each property of a style.
HARM = r"""(() => {
  const tags = new Set(('A ABBR B BLOCKQUOTE BR CODE DEL DETAILS DIV EM H1 H2 H3 H4 H5 '
    + 'H6 HR I INPUT INS KBD LI MARK OL P PRE S SMALL SPAN STRONG SUB SUMMARY SUP '
    + 'TABLE TBODY TD TH THEAD TR U UL').split(' '));
  const says = {
    'A href': /^(https?:|mailto:|#|$)/i, 'A rel': /^no/,
    'A target': /^_(blank|self)$/,
    'A title': /^/, 'ABBR title': /^/, 'DETAILS open': /^$/, 'OL start': /^\d+$/,
    // What the host makes of Markdown by itself.
    'CODE class': /^(highlight|language-[\w-]*)?$/,
    'SPAN class': /^(\u037c\w+|numbering-entry)$/,
    'A class': /^(jp-InternalAnchorLink)?$/, 'TH align': /^\w+$/, 'TD align': /^\w+$/,
    'INPUT type': /^checkbox$/, 'INPUT disabled': /^$/, 'INPUT checked': /^$/,
  };
  const everywhere = {
    class: RegExp('^(|end|highlight|tocSkip|tex2jax_ignore|[skompc]'
      + '|nbstream-(lines|note|rule|waiting))$'),
    dir: /^(auto|ltr)$/, 'data-jupyter-id': /^/,
  };
  const styles = new Set(['text-align: left', 'text-align: right',
    'text-align: center', 'display: block', 'display: inline-block',
    'overflow-x: auto', 'overflow-y: hidden', 'overflow-y: auto', 'max-width: 100%',
    'vertical-align: middle', 'overflow-wrap: break-word', 'overflow-wrap: anywhere',
    // The rule beside an answer, and the caption below it.
    'padding-left: 12px', 'border-left-width: 2px', 'border-left-style: solid',
    'border-left-color: rgba(128, 128, 128, 0.4)', 'opacity: 0.75',
    'margin-top: 0.25em', 'margin-right: 0px', 'margin-bottom: 0px',
    'margin-left: 0px']);
  const isOurs = (e, {name, value}) => name === 'style'
    ? [...e.style].every((p) => styles.has(`${p}: ${e.style.getPropertyValue(p)}`))
    : [says[`${e.tagName} ${name}`], everywhere[name]].some((all) => all?.test(value));
  return (e) => [
    ...(tags.has(e.tagName) ? [] : [e.outerHTML.slice(0, 200)]),
    ...[...e.attributes].filter((each) => !isOurs(e, each))
      .map(({name, value}) => `${e.tagName} ${name}=${value.slice(0, 200)}`),
  ];
})()"""


def show_all(path: str, view: str) -> None:
    """Show each reply, all at once; then all as one, as text and as all else."""
    replies = json.loads(Path(path).read_text("utf-8"))
    whole = "\n\n".join(replies)
    lives = [nbstream.start(_strings(reply, 6), view=view) for reply in replies]
    shown = [live.result().text for live in lives]
    assert shown == replies
    assert nbstream.show(_strings(whole, 12), view=view).text == whole
    try:
        nbstream.show(_chunks(whole), view=view)
    except nbstream.ProviderFailure as failure:
        reply = failure.reply
    assert reply.reasoning == reply.refusal == reply.tool_calls[0].arguments == whole


def _strings(text: str, most: int) -> Iterator[str]:
    for piece in _pieces(text, most):
        yield piece
        time.sleep(PAUSE_S)


def _chunks(text: str) -> Iterator[dict[str, object]]:
    """Say it in every other field: name, arguments, reasoning, refusal, failure."""
    for piece in _pieces(text, 6):
        yield _chunk(reasoning_content=piece)
        yield _chunk(refusal=piece)
        function = {"name": text, "arguments": piece}
        yield _chunk(tool_calls=[{"index": 0, "id": text, "function": function}])
        time.sleep(PAUSE_S)
    yield {"error": {"message": text, "type": text, "code": text}}


def _chunk(**delta: object) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return {"object": "chat.completion.chunk", "choices": [choice]}


def _pieces(text: str, most: int) -> list[str]:
    """Cut the text into at most so many pieces and the rest, each but that a half."""
    ends = [found.end() for found in HALF.finditer(text)]
    cuts = sorted({0, *ends[:: len(ends) // most + 1], len(text)})
    return [text[begin:end] for begin, end in itertools.pairwise(cuts)]
