"""Show an anatomy: as a table that stays in the notebook."""

from __future__ import annotations

from nbstream.anatomy.body import Anatomy
from nbstream.markdown import to_html

__all__ = ["bundle"]


def bundle(body: Anatomy) -> dict[str, str]:
    """Return the MIME bundle of the table."""
    table = body.markdown()
    return {"text/html": to_html(table), "text/markdown": table, "text/plain": table}
