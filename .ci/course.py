"""The course as its tools see it: which notebooks it is, and the parts of a text."""

from __future__ import annotations

import re
from pathlib import Path

from markdown_it import MarkdownIt

__all__ = ["LESSONS", "NOTEBOOKS", "ROOT", "lessons", "parts"]

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
#: The course's own lessons, which are tested. What else lies there is the teacher's;
#: `live.ipynb` talks to real services.
LESSONS = ("[0-9][0-9]_*.ipynb", "deeper_*.ipynb")
#: A paragraph that says what it is: **Predict.**, **What happened.**, **Drawn.**
LABEL = re.compile(r"\*\*([^*\n]+[.?!:])\*\*")
MARKDOWN = MarkdownIt("commonmark").enable("table")


def lessons(folder: Path = NOTEBOOKS) -> list[Path]:
    """List the course's own lessons in their order."""
    return [path for pattern in LESSONS for path in sorted(folder.glob(pattern))]


def parts(source: str) -> list[tuple[str, str]]:
    """Split a Markdown text before each heading and each paragraph with a label.

    Gives pairs: ``h1`` to ``h6``, a label or "", and the text; these texts joined by
    line breaks are the source. What stands in a list, a quotation, a fence or a
    ``<details>`` is not split.
    """
    lines = source.split("\n")
    starts, depth = {0: ""}, 0
    for token in MARKDOWN.parse(source):
        if token.type == "html_block":
            html = token.content.lower()
            depth += html.count("<details") - html.count("</details")
        if token.level or depth or not token.map:
            continue
        line = token.map[0]
        label = LABEL.match(lines[line].lstrip())
        if token.type == "heading_open":
            starts[line] = token.tag
        elif token.type == "paragraph_open" and label:
            starts[line] = label[1]
    ends = [*list(starts)[1:], len(lines)]
    return [
        (label, "\n".join(lines[start:end]))
        for (start, label), end in zip(starts.items(), ends, strict=True)
    ]
