"""What is saved of a race: its replies side by side, and nothing of how fast they were.

So that two runs that get the same answers give the same bytes; the times go into the
output's metadata, where there is a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING

from IPython.display import display

from nbstream.reply import Reply
from nbstream.screens.bundle import bundle, markdown_of_several, metadata

if TYPE_CHECKING:
    from nbstream.racing import Race

#: How many stand side by side at most; more of them begin a new row.
COLUMNS = 3
_FONT = "font-size: inherit; line-height: inherit"
_LOOK = f"text-align: left; vertical-align: top; overflow-wrap: anywhere; {_FONT}"


def race_bundle(
    replies: Mapping[str, Reply], *, images: bool = False
) -> dict[str, str]:
    """Return the MIME bundle of replies side by side, finished or not."""
    each = {name: bundle(reply, images=images) for name, reply in replies.items()}
    html = {name: made["text/html"] for name, made in each.items()}
    plain = [f"== {name} ==\n{made['text/plain']}" for name, made in each.items()]
    return {
        "text/html": "\n".join(_table(html)),
        "text/markdown": markdown_of_several(replies, images=images),
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


def race_metadata(replies: Mapping[str, Reply], *, timed: bool) -> dict[str, object]:
    """Return what goes beside the output: of each reply what ``metadata`` says."""
    each = {name: metadata(reply, timed=timed) for name, reply in replies.items()}
    return {"nbstream": {"race": {name: one["nbstream"] for name, one in each.items()}}}


def show_again(race: Race, *, images: bool = False) -> None:
    """Show a race that has ended, in the cell that runs now."""
    beside = race_metadata(race, timed=False)
    display(race_bundle(race, images=images), raw=True, metadata=beside)
