"""Take keys out of what is shown: an SDK may quote one in its error message."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator, Mapping

#: What stands where a key was.
REMOVED = "[key removed]"

#: Where a key may begin: not inside a word, but after an escape (``\\n``, ``%3D``).
_START = (
    r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4})|(?<=%[0-9A-Fa-f]{2}))"
)
#: The shapes of the keys of OpenAI and Anthropic (``sk-``), Google (``AIza``, and the
#: newer ``AQ.``), xAI, Groq, OpenRouter and Hugging Face; and any bearer token.
_KEY = re.compile(
    _START + r"(?:(?:sk-|xai-|gsk_|hf_|AIza|AQ\.)[\w.*-]{8,}"
    r"|(?i:bearer\s+)[\w.~+/=-]{8,})"
)
#: The same and more, but surer: a match changes bytes that should be kept. A key has
#: a digit and at least 16 characters more than its prefix.
_SURE = re.compile(
    (
        _START + r"(?:(?:sk-|xai-|gsk_|hf_|AIza|AQ\.|pplx-|nvapi-|ghp_|github_pat_"
        r"|ya29\.|org-|proj_)(?=[\w.-]*\d)[\w.-]{16,}"
        r"|AKIA[0-9A-Z]{16}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"
        r"|(?i:bearer\s+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{16,})"
    ).encode()
)
#: So much base64 before it, and what looks like a key is part of a longer text: of an
#: encrypted thought or a file, which must not be damaged.
_BLOB = re.compile(rb"[A-Za-z0-9+/_-]{32}\Z")


#: Names of options and headers whose values are secret.
_SECRET = re.compile(r"api[-_]?key|authorization|secret|password|^token$|cookie", re.I)


def is_secret(name: str) -> bool:
    """Tell whether what goes by this name is secret."""
    return _SECRET.search(name) is not None


def redact(text: str) -> str:
    """Return the text with everything that looks like a key replaced."""
    return _KEY.sub(REMOVED, text)


def find_keys(data: bytes) -> list[tuple[int, int]]:
    """Return where in a body keys are: from, to."""
    return [
        found.span()
        for found in _SURE.finditer(data)
        if not _BLOB.search(data, max(0, found.start() - 32), found.start())
    ]


# -- Warn of a key that stands in a cell, where it would be saved and shared.

_WARNING = (
    "a key stands in this cell, and would be saved with the notebook and its history: "
    "take it out, and put it in the environment with getpass.getpass()"
)


def warn_of_literal(key: str | None, options: Mapping[str, object]) -> None:
    """Warn if a key is written out in the cell that runs.

    ``options`` are the call's further arguments: a key may be in a header, too.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    cells = shell.user_ns.get("In") if shell else None
    keys = filter(None, [key, *secrets_in(options)])
    if cells and any(each in cells[-1] for each in keys):
        warn()


def warn_of_text(text: str) -> None:
    """Warn if the text of a cell has what looks like a key."""
    if redact(text) != text:
        warn()


def warn() -> None:
    """Say that a key stands in the cell.

    Without the line it stands in, which Python adds to a warning of a usual place.
    """
    warnings.warn_explicit(_WARNING, UserWarning, "<the cell>", 1)


def secrets_in(value: object, name: str = "") -> Iterator[str]:
    """Yield the texts whose name says that they are secret, however deep."""
    if isinstance(value, Mapping):
        for each, inner in value.items():
            deeper = str(each) if not is_secret(name) else name
            yield from secrets_in(inner, deeper)
    elif isinstance(value, str) and value and is_secret(name):
        yield value
