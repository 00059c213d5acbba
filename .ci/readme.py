"""The README as an index of packages shows it: with no address that leads nowhere.

Hatchling asks this when it builds. Files of the repository are named by their addresses
below the one that pyproject.toml gives as `Source` in `[project.urls]`. While there is
none, links become their words, and the picture one of letters: PyPI shows no image
that stands in the text itself.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

__all__ = ["Readme", "readme"]

LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#)([^)\s]+)\)")
FILMED = re.compile(r"\n\*Filmed in JupyterLab.*\n")
DRAWN = """\
```text
[2]: stream = OpenAI().responses.create(model="gpt-5.6-luna", input=..., stream=True)
     reply = nbstream.show(stream)

     How a streamed answer travels
     1. A model writes one token after the other,
     2. the server sends each as an event,
     3. and it stands here as soon as it is ther▌

     [■ Stop]
```"""


class Readme(MetadataHookInterface):
    """Says what is dynamic in pyproject.toml."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the README."""
        text = Path(self.root, "README.md").read_text("utf-8")
        source = metadata.get("urls", {}).get("Source", "").rstrip("/")
        whole = readme(text, source and f"{source}/raw/v{metadata['version']}")
        metadata["readme"] = {"content-type": "text/markdown", "text": whole}


def readme(text: str, base: str) -> str:
    """Return the README with addresses below a base, or without any."""

    def link(found: re.Match[str]) -> str:
        mark, words, path = found.groups()
        if base:
            where = base if mark else base.replace("/raw/", "/blob/")
            return f"{mark}[{words}]({where}/{path})"
        return DRAWN if mark else words

    return LINK.sub(link, text if base else FILMED.sub("", text))
