"""Take keys out of what is shown: an SDK may quote one in its error message."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

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


#: What stands beside the name of a secret, or before a host: in an address, in a header
#: (``Basic``, Azure's ``api-key``, AWS's ``Signature=``), in JSON and in a ``repr``.
_NAMED = re.compile(
    r"(?i)(://[^\s/:@]{0,80}:)[^\s/@]{1,200}(?=@)"
    r"|([?&;](?:[\w-]{0,30}(?:key|token|secret|password|signature)|sig)=)[^&#\s\"'<>]+"
    r"|(authorization[\"']?[:=]\s{0,9}b?[\"']?(?:basic|digest|bearer|token)\s)[^\s\"',;]{4,}"
    r"|((?:api[-_]?key|authorization|security-token|cookie|signature|credential|password"
    r"|secret)[\"']?[:=]\s{0,9}b?[\"']?(?:aws4-hmac-sha256\s)?)"
    r"(?=[^\s\"',;]{0,99}[\d*=+/])[^\s\"',;]{8,}"
)
#: Names of the environment whose values are secret, if they are so long.
_OF_ENVIRONMENT = re.compile(
    r"(?:key|token|secret|password|passwd|credentials?)\Z", re.I
)
_LEAST = 8
#: Keys that were given to us as arguments.
_given: set[str] = set()


def remember(key: object) -> None:
    """Take this key out of all that is shown from now on, whatever it looks like.

    What is no text was given by mistake, which its client says.
    """
    if isinstance(key, str):
        _given.add(key)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text with these, and everything that looks like a key, replaced.

    So are those that were given, and what the environment has under a secret's name.
    """
    own = (value for name, value in os.environ.items() if _OF_ENVIRONMENT.search(name))
    for each in sorted({*own, *_given, *secrets}, key=len, reverse=True):
        if len(each) >= _LEAST and each in text:
            text = text.replace(each, REMOVED)
    text = _KEY.sub(REMOVED, text)
    return _NAMED.sub(lambda one: f"{one[one.lastindex or 0]}{REMOVED}", text)


#: What a server says of a failure is longer only by a fault of its own: looking for
#: keys in megabytes takes seconds, and a traceback would print them.
MOST_SAID = 100_000
#: No key is longer: one that begins before the cut is found whole.
_LONGEST_KEY = 8192


def redact_said(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text of a failure without its keys, and not without end."""
    if len(text) <= MOST_SAID:
        return redact(text, secrets)
    return f"{redact(text[: MOST_SAID + _LONGEST_KEY], secrets)[:MOST_SAID]} …"


def scrub(error: BaseException) -> frozenset[str]:
    """Take keys out of the words of an exception, and of those that it came from.

    An SDK quotes what a server says in its own exceptions, whose traceback Python
    prints below ours. Returns the secrets that were sent, as their requests tell.
    """
    found: dict[int, BaseException] = {}
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is not None and id(each) not in found:
            found[id(each)] = each
            todo += [each.__cause__, each.__context__]
    secrets = frozenset(one for each in found.values() for one in _sent(each))
    for each in found.values():
        each.args = tuple(_clean(value, secrets) for value in each.args)
        for name, value in vars(each).items():
            if value is not (clean := _clean(value, secrets)):
                setattr(each, name, clean)
    return secrets


def _clean(value: Any, secrets: Iterable[str]) -> Any:
    """Return a value without its keys; itself, if it has none."""
    if isinstance(value, str):
        clean: Any = redact_said(value, secrets)
    elif type(value) is list:
        clean = [_clean(each, secrets) for each in value]
    elif type(value) is dict:
        clean = {key: _clean(each, secrets) for key, each in value.items()}
    else:
        return value
    return value if clean == value else clean


def _sent(error: BaseException) -> Iterator[str]:
    """Yield the secrets in the request that an SDK's exception tells of."""
    request = None
    with suppress(RuntimeError):  # httpx: it knows of none
        request = getattr(error, "request", None)
    headers, url = getattr(request, "headers", None), getattr(request, "url", "")
    if isinstance(headers, Mapping):
        for name, value in headers.items():
            if is_secret(name) or _OF_ENVIRONMENT.search(name):
                yield str(value).rpartition(" ")[2]
    with suppress(ValueError):  # no address
        parts = urlsplit(str(url))
        yield unquote(parts.password or "")
        yield from (value for _, value in parse_qsl(parts.query) if value != "sse")


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
