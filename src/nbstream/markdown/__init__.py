"""Make a model's Markdown safe to show: as HTML of our own, or as Markdown."""

from nbstream.markdown.html import to_html
from nbstream.markdown.safe import to_safe_markdown

__all__ = ["to_html", "to_safe_markdown"]
