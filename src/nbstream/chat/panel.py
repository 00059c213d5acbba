"""``Panel``: a conversation as one widget, and where there are none as an output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextvars import copy_context
from html import escape
from typing import TYPE_CHECKING
from uuid import uuid4

from nbstream.chat.history import Conversation, Exchange, Playback
from nbstream.markdown import to_safe_markdown
from nbstream.markdown.html import text_html
from nbstream.screens import place
from nbstream.screens.base import visible
from nbstream.screens.bundle import bundle, markdown_pieces

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

    from nbstream._player import Screen
    from nbstream.chat.panel_widget import Page

NEEDS_WIDGETS = (
    "The chat panel needs a notebook that shows widgets (install anywidget where "
    'Jupyter itself runs); ask in a cell: chat("…")'
)
NOTHING = "A chat with {}: nothing has been said yet."


class Panel:
    """One conversation to read and to go on with: history, input, Stop, Retry, Edit.

    It answers in the background, so cells go on running beside it; what a cell asks
    appears in it, too. It comes back when the page is loaded again, as long as the
    kernel lives. The saved notebook holds the conversation as a static output.

    Made by ``Chat.panel``; a cell that ends with it shows it.
    """

    def __init__(self, chat: Conversation) -> None:
        self._id = uuid4().hex
        self._chat = chat
        self._page: Page | None = None
        self._handles: list[DisplayHandle] = []
        #: What stands beside each output: by it a page finds the panel's place again.
        self._metadata = {"nbstream": {"panel": self._id}}

    def to_markdown(self) -> str:
        """Return what was said as Markdown that is safe to put into a cell."""
        return to_markdown(self._chat.exchanges())

    def follow(self, playback: Playback) -> Screen | None:
        """Return a screen that shows an answer here; None: there is no panel yet."""
        if self._page is None:
            return None
        playback.consents.attached = True
        return self._page.begin(playback)

    def refresh(self) -> None:
        """Show what the conversation is now: its messages were changed."""
        if self._page is not None:
            self._page.ended()

    def _ipython_display_(self) -> None:
        view = os.environ.get("NBSTREAM_VIEW") or place()
        if view in {"auto", "live"} and (page := self._opened()) is not None:
            self._display(page)
        elif view == "terminal":
            sys.stdout.write(visible(self._explained()["text/plain"]) + "\n")
        else:
            from IPython.display import display

            display(self._static() if view == "static" else self._explained(), raw=True)

    def _display_(self) -> object:
        """Give marimo what it shows in its own way: the widget, or HTML."""
        from nbstream.screens.marimo import element

        page = self._opened()
        return element(self._explained()) if page is None else page.model

    def _opened(self) -> Page | None:
        """Make the widget, once; None: there is no anywidget, or it cannot be used."""
        if self._page is None:
            try:
                from nbstream.chat.panel_widget import Page
            except ImportError:
                return None
            self._page = Page(
                self._id, self._chat, saved=self._saved, on_end=self._update
            )
            playback = self._chat.playback()
            if playback is not None and playback.exchange.reply.outcome == "running":
                self._page.catch_up(playback)
        return self._page

    def _display(self, page: Page) -> None:
        from IPython.display import display

        page.context = copy_context()  # a tool that prints, prints in this cell
        handle = display(
            self._made(), raw=True, metadata=self._metadata, display_id=True
        )
        if handle is not None:
            self._handles.append(handle)

    def _update(self) -> None:
        """Keep what is saved up to date, where no page does that by itself."""
        for handle in self._handles:
            handle.update(self._made(), raw=True, metadata=self._metadata)

    # -- what of it stands in a notebook, beside its widget or in its place ----------

    def _static(self) -> dict[str, str]:
        exchanges = self._chat.exchanges()
        return to_bundle(
            exchanges, "" if exchanges else NOTHING.format(self._chat.model())
        )

    def _explained(self) -> dict[str, str]:
        return to_bundle(self._chat.exchanges(), NEEDS_WIDGETS)

    def _made(self) -> Mapping[str, object]:
        """Return the widget; where no page has it, an error would stand there."""
        from nbstream.screens.widget import view_mime

        if self._page is not None and self._page.presence.is_late:
            return self._explained()
        return {**view_mime(self._id), **self._explained()}

    def _saved(self) -> Mapping[str, object]:
        """Return what a page writes into the file in place of the widget."""
        return {"data": self._static(), "metadata": self._metadata}

    def __repr__(self) -> str:
        return f"Panel({self._chat.model()!r}, {len(self._chat.exchanges())} questions)"


def to_bundle(exchanges: Sequence[Exchange], note: str = "") -> dict[str, str]:
    """Return the MIME bundle of a conversation, below a line that says something.

    What a person asked stands there as text: nothing in it is markup.
    """
    html, plain = [], []
    if note:
        html.append(f"<p><em>{escape(note)}</em></p>")
        plain.append(note)
    for each in exchanges:
        answer, question = bundle(each.reply), _question(each)
        lines = text_html(question).replace("\n", "<br>\n")
        html += [
            "<blockquote><p><strong>You</strong></p>"
            f'\n<p dir="auto">{lines}</p></blockquote>',
            answer["text/html"],
        ]
        plain += [f"You: {question}", answer["text/plain"]]
    return {
        "text/html": "\n".join(filter(None, html)),
        "text/markdown": to_markdown(exchanges) or f"*{note}*",
        "text/plain": "\n\n".join(filter(None, plain)),
    }


def to_markdown(exchanges: Iterable[Exchange]) -> str:
    """Return a conversation as Markdown that any tool may render.

    The questions are quotes: Markdown in them is Markdown, and a fence that one leaves
    open ends with it. All of it is made safe in one pass, as an answer is.
    """
    parts: list[str] = []
    answers = 0
    for each in exchanges:
        answers += 1
        lines = ["**You**", "", *_question(each).splitlines()]
        parts.append("\n".join(f"> {line}".rstrip() for line in lines))
        parts += markdown_pieces(each.reply)
    return to_safe_markdown("\n\n".join(parts), answers=max(1, answers))


def _question(exchange: Exchange) -> str:
    files = f"[{', '.join(exchange.files)}]" if exchange.files else ""
    return "\n".join(filter(None, [exchange.question, files]))
