"""Say which addresses a reader may be sent to, and which images may be loaded.

A link is ``http``, ``https`` or ``mailto``, or a place in the same page (``#…``).
Nothing else: a relative address is a file of the reader's own for JupyterLab, and
``command:``, ``data:``, ``file:``, ``javascript:`` and their like run or read.
"""

import html
import re
from urllib.parse import unquote

__all__ = ["is_fragment", "is_image", "is_link", "read_destination"]

_SAFE = "[^\\x00-\\x20\\x7f<>\"'`\\\\]"
_LINK = re.compile(rf"(?:https?://{_SAFE}+|mailto:{_SAFE}+)", re.IGNORECASE)
_IMAGE = re.compile(
    rf"https?://{_SAFE}+|data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+",
    re.IGNORECASE,
)
_FRAGMENT = re.compile(r"#[\w%.~-]*")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


def is_link(url: str) -> bool:
    """Say whether ``url`` may be the address of a link."""
    return _LINK.fullmatch(url) is not None


def is_image(url: str) -> bool:
    """Say whether ``url`` may be loaded as an image, where images are wanted."""
    return _IMAGE.fullmatch(url) is not None


def is_fragment(url: str) -> bool:
    """Say whether ``url`` is only a place in this page: harmless, leads nowhere."""
    return _FRAGMENT.fullmatch(url) is not None


def read_destination(source: str) -> str:
    """Read a destination as written in Markdown, in its most dangerous sense.

    Entities and backslashes are undone, and percent signs where a scheme might
    hide behind them: a renderer that undoes less sees something more harmless.
    """
    url = _ESCAPE.sub(r"\1", html.unescape(source)).strip()
    return url if is_link(url) or is_image(url) else unquote(url)
