"""Show an anatomy: a table that stays, and in its place, if it can be, the walk.

The output is the table, and nothing else is ever in the file. Where there are widgets
and a person, a model without a view of its own goes with it: the page puts the walk in
the table's place (static/anatomy.js) for as long as the kernel lives.
"""

from __future__ import annotations

import hashlib
import os

from nbstream.anatomy.body import Anatomy
from nbstream.markdown import to_html
from nbstream.screens import place

__all__ = ["bundle", "place_of"]


def bundle(body: Anatomy) -> dict[str, str]:
    """Return the MIME bundle of the table, and offer the walk if there is a page.

    With and without a page it is the same, and so it is from run to run.
    """
    table, own = body.markdown(), place_of(body)
    # Without it a long run of signs makes the table wider than the page.
    inner = to_html(table).replace("<code>", '<code style="overflow-wrap: anywhere">')
    _offer(body, own)
    return {
        "text/html": f'<div class="nbstream-anatomy {own}">\n{inner}</div>\n',
        "text/markdown": table,
        "text/plain": table,
    }


def place_of(body: Anatomy) -> str:
    """Return a class for an anatomy's output: the same for the same bytes and cuts."""
    cuts = [read.offset for read in body.reads]
    said = repr((body.api, cuts, body.reply.outcome)).encode()
    return f"nbstream-anatomy-{hashlib.sha256(said + body.data).hexdigest()[:12]}"


def _offer(body: Anatomy, own: str) -> None:
    view = os.environ.get("NBSTREAM_VIEW") or "auto"
    if view != "live" and (view != "auto" or place() != "live"):
        return
    try:
        from nbstream.anatomy.widget import keep
    except ImportError:  # no anywidget, or one that its surroundings cannot load
        return
    keep(body, own)
