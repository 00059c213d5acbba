"""The browser's side: script files that become one module each, and style sheets.

``README.md`` beside this file says what each of them is for.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files

#: The view of one answer, which a panel and a race are made of, too.
ANSWER = (
    *("frames.js", "blocks.js", "formulas.js", "scrolling.js"),
    *("final_output.js", "copy_button.js", "screen_reader.js"),
    *("stop_button.js", "consent.js", "answer.js", "widget.js"),
)
#: Comments and indentation are for readers of the source; they need not travel.
_FOR_READERS = re.compile(
    r"^[ \t]*//.*\n|[ \t]+// .*$|^[ \t]*/\*(?:[^*]|\*(?!/))*\*/\n|^[ \t]+|^\n",
    re.MULTILINE,
)


def module(export: str, *names: str) -> str:
    """Return these files as one module, whose default export is ``export``."""
    return f"{_joined(names)}\nexport default {export};\n"


def style(*names: str) -> str:
    """Return these style sheets as one."""
    return _joined(names)


def _joined(names: tuple[str, ...]) -> str:
    folder = files(__name__)
    text = "\n".join((folder / name).read_text("utf-8") for name in names)
    return _FOR_READERS.sub("", text)


def chat_page(
    title: str, *, lingers: bool, frames: Sequence[str] = ()
) -> tuple[str, str]:
    """Return the page of a chat, and its content security policy.

    The policy lets the page's own script run and nothing else, whatever an answer
    holds; it may be in a frame of this machine's, as below a notebook's cell, and of
    the sites in ``frames``.
    """
    html = _text("chat_page.html").replace("{{style}}", style("chat_page.css"))
    html = html.replace("{{consent}}", style("exact.js", "consent.js"))
    html = html.replace("{{lingers}}", str(int(lingers)))
    html = html.replace("{{title}}", escape(title))
    script = html.partition('<script type="module">')[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; "
        "style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'self' http://localhost:* http://127.0.0.1:* "
    )
    return html, policy + " ".join(frames)


@cache
def _text(name: str) -> str:
    return (files(__name__) / name).read_text("utf-8")
