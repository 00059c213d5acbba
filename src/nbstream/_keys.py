"""Take keys out of what is shown: an SDK may quote one in its error message."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

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
_SECRET = re.compile(
    r"api[-_]?key|authorization|secret|passw(?:or)?d|cookie|^(?:key|token|sig|auth)$"
    r"|[-_](?:token|auth|signature|credentials?)$",
    re.I,
)


def is_secret(name: str) -> bool:
    """Tell whether what goes by this name is secret."""
    return _SECRET.search(name) is not None


#: What stands beside the name of a secret, or before a host: in an address, in a header
#: (``Basic``, Azure's ``api-key``, AWS's ``Signature=``), in JSON and in a ``repr``.
_GONE = r"(?!\[(?:key )?removed\]|aws4-hmac)"
_NAMED = re.compile(
    r"(?i)(://[^\s/:@]{0,80}:)[^\s/@]{1,200}(?=@)"
    r"|([?&;](?:[\w-]{0,30}(?:key|token|secret|password|signature|credential)"
    rf"|sig)=){_GONE}[^&#\s\"'<>]+"
    r"|(authorization[\"']?[:=]\s{0,9}b?[\"']?(?:basic|digest|bearer|token)\s)"
    rf"{_GONE}[^\s\"',;]{{4,}}"
    r"|((?:api[-_]?key|authorization|security-token|cookie|password|secret)"
    r"\\{0,3}[\"']?[:=]\s{0,9}b?\\{0,3}[\"']?(?:aws4-hmac-sha256\s)?"
    r"|(?:signature|credential)=)"
    rf"{_GONE}(?=[^\s\"',;]{{0,99}}[\d*=+/])[^\s\"',;]{{7,}}[^\s\"',;\\]"
)
#: Names of the environment whose values are secret, if they are so long.
_OF_ENVIRONMENT = re.compile(
    r"(?:key|token|secret|passw(?:or)?d|_pass|auth|credentials?|sig(?:nature)?)\Z", re.I
)
_LEAST = 8
#: Keys that were given to us as arguments.
_given: set[str] = set()
#: Those that a client of the user's sent lately. One that is shorter is a dummy.
_sent_lately: deque[str] = deque(maxlen=64)
_LEAST_SENT = 12


def remember(key: object) -> None:
    """Take this key out of all that is shown from now on, whatever it looks like.

    What is no text was given by mistake, which its client says.
    """
    if isinstance(key, str):
        _given.add(key)


def of_environment() -> Iterator[str]:
    """Yield what the environment has under a secret's name."""
    return (value for name, value in os.environ.items() if _OF_ENVIRONMENT.search(name))


def parts_of(value: str) -> Iterator[str]:
    """Yield what of a header's value is secret: without its scheme, and what it names.

    AWS sends ``AWS4-HMAC-SHA256 Credential=..., Signature=...``, a cookie is alike.
    """
    yield value.partition(" ")[2] or value
    yield from re.findall(r"=([^\s,;=]{12,}=*)", value)


def remember_sent(told: object) -> None:
    """Remember what is secret in the request of a response: a server may quote it."""
    for each in _sent(told):
        if len(each) >= _LEAST_SENT and each not in _sent_lately:
            _sent_lately.append(each)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text with these, and everything that looks like a key, replaced.

    So are those that were given, and what the environment has under a secret's name.
    """
    known = {*of_environment(), *_given, *_sent_lately, *secrets}
    for each in sorted(known, key=len, reverse=True):
        if len(each) >= _LEAST:
            text = text.replace(each, REMOVED).replace(quote(each, ""), REMOVED)
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


def _sent(told: object) -> Iterator[str]:
    """Yield the secrets in the request that an exception or a response tells of."""
    request = None
    with suppress(RuntimeError):  # httpx: it knows of none
        request = getattr(told, "request", None)
    headers, url = getattr(request, "headers", None), getattr(request, "url", "")
    if isinstance(headers, Mapping):
        for name, value in headers.items():
            if _names_secret(name):
                yield from parts_of(str(value))
    with suppress(ValueError):  # no address
        parts = urlsplit(str(url))
        yield unquote(parts.password or "")
        yield from (
            value for name, value in parse_qsl(parts.query) if _names_secret(name)
        )


def _names_secret(name: str) -> bool:
    return is_secret(name) or _OF_ENVIRONMENT.search(name) is not None


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
