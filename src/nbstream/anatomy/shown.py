"""Show an anatomy: a table that stays, and in its place, if it can be, the walk.

The output is the table, and nothing else is ever in the file. Where there are widgets
and a person, a model without a view of its own goes with it: the page puts the walk in
the table's place (static/anatomy.js) for as long as the kernel lives.
"""

from __future__ import annotations

import os

from nbstream.anatomy.body import Anatomy
from nbstream.markdown import to_html
from nbstream.screens import place

__all__ = ["bundle"]


def bundle(body: Anatomy) -> dict[str, str]:
    """Return the MIME bundle of the table, and offer the walk if there is a page."""
    table = body.markdown()
    names = " ".join(filter(None, ["nbstream-anatomy", _offered(body)]))
    # Without it a long run of signs makes the table wider than the page.
    inner = to_html(table).replace("<code>", '<code style="overflow-wrap: anywhere">')
    html = f'<div class="{names}">\n{inner}</div>\n'
    return {"text/html": html, "text/markdown": table, "text/plain": table}


def _offered(body: Anatomy) -> str:
    view = os.environ.get("NBSTREAM_VIEW") or "auto"
    if view != "live" and (view != "auto" or place() != "live"):
        return ""
    try:
        from nbstream.anatomy.widget import keep
    except ImportError:  # no anywidget, or one that its surroundings cannot load
        return ""
    return keep(body)
