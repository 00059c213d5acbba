"""The browser's side: script files that become one module each, and style sheets.

``README.md`` beside this file says what each of them is for.
"""

from __future__ import annotations

import re
from importlib.resources import files

#: The view of one answer, which a panel and a race are made of, too.
ANSWER = (
    *("frames.js", "blocks.js", "formulas.js", "scrolling.js"),
    *("final_output.js", "copy_button.js", "screen_reader.js"),
    *("stop_button.js", "answer.js", "widget.js"),
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
