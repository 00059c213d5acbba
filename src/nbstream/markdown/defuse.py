"""Take the fuse out of one run of Markdown lines, and leave the rest as it is.

What is written here works by being put in the way of every reading, not by being
right about one: a ``<`` that could open a tag, a ``](`` before an address that is
not allowed, a ``![``, a TeX command that does more than show.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from html import unescape

from nbstream.markdown.breaks import BREAK, begins_line
from nbstream.markdown.links import is_fragment, is_image, is_link, read_destination
from nbstream.markdown.math import COMMAND, find_math

__all__ = ["defuse", "defuse_formula", "is_alive"]

_MARK = re.compile(r"\\+|&(?=#|bsol)|`+|\$|<|!+\[|\]\(|\]:|[\[\]]|(?i:ftp)(?=://)")
_AUTOLINK = re.compile(
    r"<(?:(?:https?://|mailto:)[^\s<>\"'`\\$]*|[\w.+-]+@[\w-]+(?:\.[\w-]+)+)>",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_DESTINATION = re.compile(r"[\s>]*+(<[^<>\n`]{0,4000}+>|(?!<)[^\s()\[\]]{0,4000}+|)")
_IMAGE = re.compile(
    r"!\[((?:[^\[\]\\`]|\\.){0,4000}+)\](\(\s*)(<[^<>\n`]*+>|[^\s()<>`]++)"
    r"([^()\n`]{0,1000}+\))",
    re.DOTALL,
)
_BY_REFERENCE = re.compile(
    r"!\[((?:[^\[\]\\`]|\\.){1,1000}+)\](?:\[((?:[^\[\]\\`]|\\.){0,1000}+)\])?",
    re.DOTALL,
)
_DEFINITION = re.compile(r"(?:^|\n)[\s>*+\-0-9.)]*\[(?!\^)[^\[\]]{1,1000}+\Z")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(?!//)|(?:file|vbscript|data):", re.IGNORECASE)
_BACKSLASH = re.compile(r"\\+|&(?:#x0*5c|#0*92|bsol);?", re.IGNORECASE)
#: The word before a code span; not an address, nor the tildes that marked joins.
_BEFORE_CODE = re.compile(r"(?<!\S)[\w(\[{*_\"'|:,;!?=+>\u2013\u2014-]*\Z")
_ALIVE = re.compile(r"<[A-Za-z/!?]|\][(:]|!\[")
_SPECIAL = re.compile(r"[!-~](?<![\w.,:;/?=%+-])", re.ASCII)


def defuse(
    lines: str,
    *,
    references: Mapping[str, Mapping[str, str]],
    images: bool,
    code: bool,
) -> str:
    """Return ``lines`` with nothing alive in it.

    ``code`` says that code spans are looked for: they are not in what is no
    paragraph.
    """
    return _Defuser(references, images=images).run(lines, code)


def is_alive(code: str) -> bool:
    """Say whether ``code`` would be more than text if it were no code."""
    return _ALIVE.search(code) is not None


class _Defuser:
    """Walks over one run of lines from mark to mark."""

    def __init__(
        self, references: Mapping[str, Mapping[str, str]], *, images: bool
    ) -> None:
        self._references = references
        self._images = images
        self._depth = 0

    def run(self, src: str, code: bool) -> str:
        runs = _backticks(src) if code else {}
        out: list[str] = []
        pos = 0
        while found := _MARK.search(src, pos):
            out.append(src[pos : found.start()])
            written, pos = self._mark(src, found, runs)
            out.append(written)
        return "".join(out) + src[pos:]

    def _mark(
        self, src: str, found: re.Match[str], runs: dict[int, list[int]]
    ) -> tuple[str, int]:
        mark, pos, end = found[0], found.start(), found.end()
        match mark[0]:
            case "\\":
                return _backslashes(src, pos, end)
            case "&":
                return _entity(src, pos, end)
            case "`":
                return self._code(src, pos, end, runs)
            case "$":
                stop = find_math(src, pos, len(src))
                return (defuse_formula(src[pos:stop]), stop) if stop > 0 else ("$", end)
            case "<":
                return _tag(src, pos, end)
            case "f" | "F":
                return f"{mark}&#58;", end + 1  # GitHub's Markdown links it unasked
            case "!":
                return self._image(src, pos, end)
            case "[":
                self._depth += 1
                return mark, end
            case _:  # "]", "](" or "]:"
                pass
        opened, self._depth = self._depth > 0, max(0, self._depth - 1)
        if mark == "]":
            return mark, end
        return _address(src, pos, end, opened=opened)

    def _code(
        self, src: str, pos: int, end: int, runs: dict[int, list[int]]
    ) -> tuple[str, int]:
        starts = runs.get(end - pos, [])
        after = bisect_left(starts, end)
        if after == len(starts):
            return src[pos:end], end
        close = starts[after]
        stop = close + end - pos
        inner = src[end:close]
        split = "\n" in inner or "|" in inner
        before = src.rfind("\n", 0, pos) + 1
        if is_alive(inner) and (split or not _BEFORE_CODE.search(src, before, pos)):
            # A tool that ends the paragraph or the cell here, or takes the backtick
            # for the end of an address, sees no code at all.
            return _plain(inner), stop
        raw = src.startswith("{", stop)  # Pandoc's `<b>`{=html} is alive
        return src[pos:stop] + "&#123;" * raw, stop + raw

    def _image(self, src: str, pos: int, end: int) -> tuple[str, int]:
        if end - pos > 2:
            return src[pos : end - 2], end - 2
        found = _IMAGE.match(src, pos)
        if found:
            url = read_destination(found[3].strip("<>"))
            if self._images and is_image(url) and "<" not in found[4]:
                return found[0], found.end()
            if is_link(url):
                return self._linked(
                    found[1], url, f"{found[2]}{found[3]})"
                ), found.end()
        elif named := _BY_REFERENCE.match(src, pos):
            label = named[2] or named[1]
            href = self._references.get(_label(label), {}).get("href", "")
            if self._images and is_image(href):
                return src[pos:end], end
            if is_link(href):
                return self._linked(named[1], href, f"[{label}]"), named.end()
        self._depth += 1
        return "&#33;[", end

    def _linked(self, alt: str, url: str, address: str) -> str:
        alt = self.run(alt, code=False).strip()
        words = f"{alt} ({_plain(url)})" if alt else _plain(url)
        return words if self._depth else f"[{words}]{address.replace('$', '%24')}"


def _address(src: str, pos: int, end: int, *, opened: bool) -> tuple[str, int]:
    """Close the way to an address that is not allowed; ``pos`` is at its ``]``."""
    found = _DESTINATION.match(src, end)
    written = found[1] if found else ""
    after = found.end() if found else end
    url = read_destination(written.strip("<>"))
    if src[pos:end] == "]:":
        defines = _DEFINITION.search(src, max(0, pos - 1100), pos)
        present = written or src.startswith("<", after)
        if not (present and (defines or _SCHEME.match(url))):
            return "]:", end
    known = is_link(url) or is_fragment(url) or not url
    if not known or src.startswith("<", after):
        return ("]&#40;" if src[end - 1] == "(" else "]&#58;"), end
    if written.startswith("<") or (opened and "$" in written):
        # JupyterLab would take the dollar for the begin or end of a formula.
        return src[pos : after - len(written)] + written.replace("$", "%24"), after
    return src[pos:end], end


def _tag(src: str, pos: int, end: int) -> tuple[str, int]:
    if link := _AUTOLINK.match(src, pos):
        return link[0], link.end()
    if found := BREAK.match(src, pos):
        return "&nbsp;" * begins_line(src, pos) + found[0], found.end()
    return ("&lt;" if _TAG.match(src, pos) else "<"), end


def _backslashes(src: str, pos: int, end: int) -> tuple[str, int]:
    if _commands(src, end - 1):
        return src[pos:end] + " ", end
    if (end - pos) % 2:
        stop = find_math(src, end - 1, len(src))
        if stop > 0:
            return src[pos : end - 1] + defuse_formula(src[end - 1 : stop]), stop
        if _TAG.match(src, end):
            return src[pos : end - 1] + "&lt;", end + 1
        return src[pos : end + 1], end + 1
    return src[pos:end], end


def _entity(src: str, pos: int, end: int) -> tuple[str, int]:
    found = _BACKSLASH.match(src, pos)
    if found and _commands(src, found.end(), "\\"):
        return found[0] + " ", found.end()
    return "&", end


def _commands(src: str, pos: int, before: str = "") -> bool:
    """Say whether a dangerous command stands here once entities are read."""
    return COMMAND.match(before + unescape(src[pos : pos + 300])) is not None


def defuse_formula(tex: str) -> str:
    """Put spaces, which TeX does not see, where Markdown would see something."""
    tex = _BACKSLASH.sub(
        lambda found: found[0] + " " * _commands(tex, found.end(), "\\"), tex
    )
    return re.sub(r"<(?=[A-Za-z/!?])|!(?=\[)|\](?=\()", r"\g<0> ", tex)


def _plain(text: str) -> str:
    """Write ``text`` so that no character of it can mean anything."""
    text = re.sub(r"\s*\n[\s>]*", " ", text)
    text = COMMAND.sub(lambda found: f"\\ {found[0][1:]}", text)
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text)


def _label(text: str) -> str:
    from markdown_it.common.utils import normalizeReference

    return normalizeReference(text)


def _backticks(src: str) -> dict[int, list[int]]:
    runs: dict[int, list[int]] = {}
    for found in re.finditer("`+", src):
        runs.setdefault(len(found[0]), []).append(found.start())
    return runs
