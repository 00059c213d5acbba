"""Make Markdown that any other tool may render, with as few changes as can be.

The fuse is taken out of what is alive, and the rest is left as it is. What is written
for it works by being put in the way of every reading, not by being right about one: a
``<`` that could open a tag, a ``](`` before an address that is not allowed, a ``![``, a
TeX command that does more than show. Then a second opinion (``inert``) reads the result
as other tools do.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from html import unescape
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

from nbstream.markdown.bounds import BACKSLASH, MOST, Allowance, defused, is_command
from nbstream.markdown.inert import is_inert, is_inert_info
from nbstream.markdown.math import between_dollars, find_math, parts_of
from nbstream.markdown.parser import LONGEST, checked, clean, parse_blocks, split_lines
from nbstream.markdown.tags import (
    BREAK,
    CONTAINERS,
    DATA,
    LINK_OR_IMAGE,
    TAG,
    address_words,
    attributes,
    comment_end,
    destination,
    flat,
    is_address,
    is_image,
    is_link,
    plain,
    settle,
    unlinked,
)

if TYPE_CHECKING:
    from markdown_it.token import Token

_References: TypeAlias = Mapping[str, Mapping[str, str]]

_FENCE = re.compile(rf"{CONTAINERS.pattern}(`{{3,}}(?![^`\r\n]*`)|~{{3,}})([^\r\n]*)")
_OPENING = re.compile(r"(`{3,}|~{3,})[^\r\n]*")
_MARK = re.compile(
    r"\\+|&(?=#|bsol)|`+|\$|<|!+\[|\]\(|\]:|[\[\]]|(?i:ftp(?=://)|(?<!\w)data(?=:))"
)
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
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
#: The word before a code span; not an address, nor the tildes that marked joins.
_BEFORE_CODE = re.compile(r"(?<!\S)[\w(\[{*_\"'|:,;!?=+>\u2013\u2014-]*\Z")
_ALIVE = re.compile(r"<[A-Za-z/!?]|\][(:]|!\[")
#: What may stand before the first block of a line: quotes, items, notes, terms.
_MARKERS = re.compile(
    r"""(?:\A|[\r\n])
    (?:[^\S\r\n]|[>*+#:~=(\d.)-]|[A-Za-z]{1,4}[.)]\s|\[[^\[\]\r\n]*\])*\Z""",
    re.VERBOSE,
)
#: More markers than this before a line's text are not looked at.
_MOST_MARKERS = 300
_ESCAPED_BAR = "\\|"
_ENDS_PARAGRAPH = re.compile(r"[ \t>]*(?:\r?\Z|[*+#=|~-]|\d+[.)])")
_EMPTY_LINE = re.compile(r"\n[ \t>]*\r?\n")
_WHOLE_LINK = re.compile(
    r"""\(\s*(<[^<>\n`]{1,4000}+>|(?!<)[^\s()<>]++(?:\([^\s()<>]*+\)[^\s()<>]*+)*+)
    (?:\s+(?:"[^"<>\n]{0,1000}+"|'[^'<>\n]{0,1000}+'))?\s*(\))""",
    re.VERBOSE,
)
_WHOLE_DEFINITION = re.compile(
    r"""(?<=\]):[ \t]*([^\s<>]++)
    (?:[ \t]+(?:"[^"<>\n]{0,1000}+"|'[^'<>\n]{0,1000}+'))?()[ \t]*(?=\r|\n|\Z)""",
    re.VERBOSE,
)
_NOTE = re.compile(r"(?:^|\n)[\s>]*\[\^[^\s\[\]]{1,100}\Z")
_REST = re.compile(r"[^\S\r\n]*(?:[\r\n]|\Z)")


def to_safe_markdown(text: str, *, images: bool = False, answers: int = 1) -> str:
    """Return ``text`` as Markdown in which nothing runs, loads or leads astray.

    Raw HTML shows as text, an image becomes a link (unless ``images``), links go
    to ``http``, ``https`` and ``mailto`` only, diagrams show their source, TeX
    commands that load or run something are broken. Innocent text stays as it is.
    What cannot be mended so that every reading agrees becomes one block of code.
    Of a conversation each of its ``answers`` may have its formulas.
    """
    most = MOST * answers
    text = clean(text)
    if len(text) > LONGEST:
        return _as_code(text)
    try:
        references, beside = dict[str, dict[str, str]](), dict[str, Any]()
        tokens = checked(parse_blocks(text, references, beside))
        if beside.get("tags"):
            text = flat(re.sub(r"\r\n?", "\n", text), beside["tags"])
            references.clear()
            tokens = checked(parse_blocks(text, references))
        if [(token.type, token.info) for token in tokens] == [("fence", "text")]:
            return text
        if not _fences_agree(text, tokens):
            return _as_code(text)
        safe = _mended(text, tokens, references, Allowance(most), images=images)
        # Also what was mended must read alike everywhere, or a second pass differs.
        agree = safe == text or _fences_agree(safe, checked(parse_blocks(safe, {})))
        inert = agree and is_inert(safe, most, images=images)
    except RecursionError:
        inert = False
    return safe if inert else _as_code(text)


def _as_code(text: str) -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}{'' if text.endswith(chr(10)) else chr(10)}{fence}\n"


def _fences_agree(text: str, tokens: list[Token]) -> bool:
    """Say whether a reader without CommonMark's rules finds the same fences.

    Only then is it sure that what lies between them is code to every tool.
    """
    fences = [token for token in tokens if token.type == "fence" and token.map]
    if not any(_ALIVE.search(token.content) for token in fences):
        return True
    lines = split_lines(text)
    indented = any(t.level == 0 and lines[(t.map or [0])[0]][0] == " " for t in fences)
    return not indented and _simple_fences(lines) == [token.map for token in fences]


def _simple_fences(lines: list[str]) -> list[list[int]]:
    found: list[list[int]] = []
    opening = ""
    for at, line in enumerate(lines):
        mark = _FENCE.match(line)
        if opening and mark and not mark[2].strip() and mark[1].startswith(opening):
            found[-1][1] = at + 1
            opening = ""
        elif mark and not opening:
            opening = mark[1]
            found.append([at, len(lines)])
    return found


def _mended(
    text: str,
    tokens: list[Token],
    references: _References,
    allowance: Allowance,
    *,
    images: bool,
) -> str:
    lines = split_lines(text)
    out: list[str] = []
    at = 0

    def defuse(to: int, *, code: bool, row: bool = False) -> None:
        nonlocal at
        if at < to:
            run = "".join(lines[at:to])
            defuser = _Defuser(references, allowance, images=images, row=row)
            out.append(defuser.run(run, code=code))
            at = to

    for token in tokens:
        if token.map is None or token.map[0] < at:
            continue
        begin, end = token.map
        if token.type in ("fence", "code_block", "math_block"):
            defuse(begin, code=False)
            out.append(_literal(token, lines[begin:end], allowance))
            at = end
        elif token.type in ("inline", "tr_open"):
            defuse(begin, code=False)
            defuse(end, code=True, row=token.type == "tr_open")
    defuse(len(lines), code=False)
    return "".join(out)


def _literal(token: Token, lines: list[str], allowance: Allowance) -> str:
    """Return the lines of a block of code or of a formula, with nothing alive."""
    if token.type == "math_block":
        return _set_apart(token.content, lines, allowance)
    if token.type == "fence" and not is_inert_info(token.info):
        lines = [_OPENING.sub(r"\1text", lines[0], count=1), *lines[1:]]
    if token.type == "code_block" and _ALIVE.search(token.content):
        # Whether lines are far enough in to be code is what tools disagree on most.
        return _as_code(token.content)
    return "".join(lines)


class _Defuser:
    """Walks over one run of lines from mark to mark."""

    def __init__(
        self,
        references: _References,
        allowance: Allowance,
        *,
        images: bool,
        row: bool,
    ) -> None:
        self._references = references
        self._allowance = allowance
        self._images = images
        self._row = row
        self._depth = 0
        self._in_tag = self._in_brackets = False

    def run(self, src: str, *, code: bool) -> str:
        """Return ``src`` with nothing alive in it.

        ``code`` says that code spans are looked for: they are not in what is no
        paragraph. ``row`` says that it is a table's, in which no tag leaves its cell.
        """
        runs: dict[int, list[int]] = {}
        for ticks in re.finditer("`+", src if code else ""):
            runs.setdefault(len(ticks[0]), []).append(ticks.start())
        out: list[str] = []
        pos = 0
        while found := _MARK.search(src, pos):
            out.append(src[pos : found.start()])
            written, pos = self._mark(src, found, runs)
            out.append(written)
        settle(out, row=self._row)
        return "".join(out) + src[pos:]

    def _mark(
        self, src: str, found: re.Match[str], runs: dict[int, list[int]]
    ) -> tuple[str, int]:
        """Return what to write for a mark, and where to go on."""
        mark, pos, end = found[0], found.start(), found.end()
        match mark[0]:
            case "\\":
                return self._backslashes(src, pos, end)
            case "&":
                return _entity(src, pos, end)
            case "`":
                return _code(src, pos, end, runs.get(end - pos, []))
            case "$":
                stop = find_math(src, pos, len(src))
                if stop < 0:
                    return mark, end
                return self._formula(src, pos, stop)
            case "<":
                return self._link_or_image(src, pos) or _tag(src, pos, end)
            case "d" | "D":
                data = DATA.match(src, pos)
                words = f":{plain(address_words(data[0]))}" if data else ""
                return mark + words, data.end() if data else end
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
        told = self._told(src, pos, end) if opened else None
        return told or _address(src, pos, end, opened=opened)

    def _told(self, src: str, pos: int, end: int) -> tuple[str, int] | None:
        """Of a link that may lead nowhere: write its address as its title."""
        found = _WHOLE_LINK.match(src, end - 1) or _WHOLE_DEFINITION.match(src, end - 1)
        url = _read_destination(found[1]) if found else ""
        if not found or not url or is_address(url):
            return None
        if src[end - 1] == ":":
            label = src[src.rfind("[", 0, pos) + 1 : pos]
            if not self._defined(label):
                return None
        told = unlinked(address_words(url))
        opening = "]: " if src[end - 1] == ":" else "]("
        return f'{opening}# "{told}"{found[2]}', found.end()

    def _backslashes(self, src: str, pos: int, end: int) -> tuple[str, int]:
        if is_command(src, end - 1):
            return src[pos:end] + " ", end
        odd = (end - pos) % 2
        begin = end - 1 if odd else pos
        stop = find_math(src, begin, len(src)) if odd or end - pos == 2 else -1
        if stop > 0:
            written, stop = self._formula(src, begin, stop)
            return src[pos:begin] + written, stop
        if odd and _TAG.match(src, end):
            return src[pos : end - 1] + "&lt;", end + 1
        if odd and src[end : end + 1].isalpha():
            return src[pos:end] + "\\", end  # Pandoc gives a command on to LaTeX
        return src[pos : end + odd], end + odd

    def _formula(self, src: str, pos: int, stop: int) -> tuple[str, int]:
        """Write a formula between dollars, which all tools read, with nothing alive."""
        opener, tex, _ = parts_of(src[pos:stop])
        dollars = "$" if opener in ("$", "\\(") else "$$"
        tex = _in_paragraph(tex if opener == "$$" else tex.strip())
        tex = defused(between_dollars(tex, row=self._row))
        if not self._allowance.has(tex):
            return _code_span(src[pos:stop], row=self._row), stop
        following = src[stop : stop + 2]
        if following[:1] == "$" or following in ("\\(", "\\["):
            return f"{dollars}{tex}{dollars} ", stop
        # No tool takes a dollar before a digit for an end.
        entity = f"&#{ord(following[0])};" if following[:1].isdigit() else ""
        return f"{dollars}{tex}{dollars}{entity}", stop + (entity != "")

    def _image(self, src: str, pos: int, end: int) -> tuple[str, int]:
        if end - pos > 2:
            return src[pos : end - 2], end - 2
        if found := _IMAGE.match(src, pos):
            alt, begin, written, rest = found.groups()
            url, stop = _read_destination(written), found.end()
            address = f"{begin}{written})"
            if self._images and is_image(url) and "<" not in rest:
                return found[0], stop
        elif found := _BY_REFERENCE.match(src, pos):
            alt, label = found[1], found[2] or found[1]
            url, stop, address = self._defined(label), found.end(), f"[{label}]"
            if self._images and is_image(url):
                return src[pos:end], end
        if found and is_link(url):
            return self._linked(alt, url, address), stop
        if found and url:
            words = plain(address_words(url))
            alt = self.run(alt, code=False).strip()
            return f"{alt} ({words})" if alt else words, stop
        self._depth += 1
        return "&#33;[", end

    def _link_or_image(self, src: str, pos: int) -> tuple[str, int] | None:
        """Write an image's tag as Markdown; leave that of a link to ``settle``."""
        found = LINK_OR_IMAGE.match(src, pos)
        if not found or (self._row and "|" in found[0]):
            return None
        if not found["image"]:
            return self._half_of_link(found)
        given = attributes(found[0])
        url = given.get("src", "")
        alt, address = plain(given.get("alt", "")), f"({destination(url)})"
        if not url:
            return None
        if self._images and is_image(url):
            return f"![{alt}]{address}", found.end()
        if is_link(url):
            return self._linked(alt, url, address), found.end()
        words = plain(address_words(url))
        return f"{alt} ({words})" if alt else words, found.end()

    def _half_of_link(self, found: re.Match[str]) -> tuple[str, int]:
        """Leave what begins or ends a link; in brackets, maybe another's, nothing."""
        written, step = found[0], -1 if found["end"] else 1
        if self._in_tag == (step < 0):
            self._in_tag = step > 0
            self._in_brackets = self._depth > 0 if step > 0 else self._in_brackets
            written = "" if self._in_brackets else written
            self._depth = max(0, self._depth + step)
        return written, found.end()

    def _defined(self, label: str) -> str:
        from markdown_it.common.utils import normalizeReference

        return self._references.get(normalizeReference(label), {}).get("href", "")

    def _linked(self, alt: str, url: str, address: str) -> str:
        alt = self.run(alt, code=False).strip()
        words = f"{alt} ({plain(url)})" if alt else plain(url)
        return words if self._depth else f"[{words}]{address.replace('$', '%24')}"


def _in_paragraph(tex: str) -> str:
    """Return a formula among words in one line, if its lines would end a paragraph."""
    first, *lines = tex.split("\n")
    if "%" in tex or not any(map(_ENDS_PARAGRAPH.match, lines)):
        return tex
    if all(line.lstrip().startswith(">") for line in lines):
        lines = [line.lstrip(" \t>") for line in lines]
    return " ".join(filter(None, map(str.strip, [first, *lines])))


def _set_apart(written: str, lines: list[str], allowance: Allowance) -> str:
    """Write a formula set apart between two lines of dollars, in its list or quote."""
    found = CONTAINERS.match(lines[0])
    first = found[0] if found else ""
    end = "\n" * lines[-1].endswith(("\n", "\r"))
    opener, tex, _ = parts_of(written)
    tex = defused(between_dollars(tex))
    if not allowance.has(tex):
        return f"{first}{_code_span(written)}{end}"
    if opener == "$$" and tex == written[2:-2] and not _EMPTY_LINE.search(tex):
        return "".join(lines)
    body = [line for line in split_lines(tex.strip()) if line.strip()]
    margin = "\n" + re.sub(r"[^\s>]", " ", first)
    return first + margin.join(["$$", *map(str.rstrip, body), "$$"]) + end


def _code_span(written: str, *, row: bool = False) -> str:
    """Write the source of a formula as code, in which no tool looks for one."""
    code = defused(" ".join(written.split()))
    code = code.replace("\\begin{", "\\ begin{")  # which the host finds in code, too
    ticks = "`" * (1 + max(map(len, re.findall("`+", code)), default=0))
    return f"{ticks} {code.replace('|', _ESCAPED_BAR) if row else code} {ticks}"


def _code(src: str, pos: int, end: int, starts: list[int]) -> tuple[str, int]:
    """Take a code span whole; ``starts`` are the runs of as many backticks."""
    after = bisect_left(starts, end)
    if after == len(starts):
        return src[pos:end], end
    close = starts[after]
    stop = close + end - pos
    inner = src[end:close]
    split = "\n" in inner or "|" in inner
    before = src.rfind("\n", 0, pos) + 1
    if _ALIVE.search(inner) and (split or not _BEFORE_CODE.search(src, before, pos)):
        # A tool that ends the paragraph or the cell here, or takes the backtick
        # for the end of an address, sees no code at all.
        return plain(inner), stop
    raw = src.startswith("{", stop)  # Pandoc's `<b>`{=html} is alive
    return src[pos:stop] + "&#123;" * raw, stop + raw


def _address(src: str, pos: int, end: int, *, opened: bool) -> tuple[str, int]:
    """Close the way to an address that is not allowed; ``pos`` is at its ``]``."""
    found = _DESTINATION.match(src, end)
    written = found[1] if found else ""
    after = found.end() if found else end
    url = _read_destination(written)
    if src[pos:end] == "]:":
        alone = url and not is_address(url) and _REST.match(src, after)
        if alone and "<" not in written and _NOTE.search(src, max(0, pos - 110), pos):
            return "]: &nbsp;", end  # one word behind it is an address to CommonMark
        defines = _DEFINITION.search(src, max(0, pos - 1100), pos)
        present = written or src.startswith("<", after)
        if not (present and (defines or _SCHEME.match(url))):
            return "]:", end
    if (url and not is_address(url)) or src.startswith("<", after):
        return ("]&#40;" if src[end - 1] == "(" else "]&#58;"), end
    if written.startswith("<") or (opened and "$" in written):
        # JupyterLab would take the dollar for the begin or end of a formula.
        return src[pos : after - len(written)] + written.replace("$", "%24"), after
    return src[pos:end], end


def _read_destination(written: str) -> str:
    """Read a destination as written in Markdown, in its most dangerous sense.

    Entities and backslashes are undone, and percent signs where a scheme might
    hide behind them: a renderer that undoes less sees something more harmless.
    """
    url = _ESCAPE.sub(r"\1", unescape(written.strip("<>"))).strip()
    return url if is_link(url) or is_image(url) else unquote(url)


def _tag(src: str, pos: int, end: int) -> tuple[str, int]:
    if link := _AUTOLINK.match(src, pos):
        return link[0], link.end()
    # A tag that begins a block makes, for CommonMark, all lines to the next empty one
    # raw HTML.
    begins = _MARKERS.search(src[max(0, pos - _MOST_MARKERS) : pos])
    space = "&nbsp;" if begins else ""
    if found := BREAK.match(src, pos):
        return space + found[0], found.end()
    if stop := comment_end(src, pos, len(src)):
        return space, stop
    if found := TAG.match(src, pos):
        alone = _REST.match(src, found.end())
        return space * bool(alone) + found[0], found.end()
    return ("&lt;" if _TAG.match(src, pos) else "<"), end


def _entity(src: str, pos: int, end: int) -> tuple[str, int]:
    if (found := BACKSLASH.match(src, pos)) and is_command(src, found.end(), "\\"):
        return found[0] + " ", found.end()
    return "&", end
