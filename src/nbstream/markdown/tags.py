"""Read the HTML that models write: tags that show, tags that fold, and what vanishes.

Nothing of a tag is handed on but its name, which is one of ours; a link and an image
written as HTML are those of Markdown, with an address and words. A tag shows only where
its other half stands in the same text and the same emphasis; else it is text, so that
it does nothing to what follows. ``<details>`` reads as Markdown's own blocks do: to its
end, or to that of what it stands in, and what it holds is Markdown. Comments, and the
tags that only group, vanish. All other HTML is text.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from copy import copy
from functools import lru_cache, partial
from html import unescape
from typing import TYPE_CHECKING

from nbstream.markdown.bounds import COMMAND

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

#: What shows as meant, without any attribute.
SHOWN = frozenset(("sub", "sup", "kbd", "u", "mark", "b", "i", "em", "strong"))
SHOWN |= frozenset(("s", "del", "ins", "small", "abbr"))
#: What is longer than this is no comment and no title: it is text.
LONGEST = 4_000
#: Tags open at once in one text.
_DEEPEST = 20

BREAK = re.compile("<br(?: ?/)?>", re.IGNORECASE)
TAG = re.compile(
    rf"<(/?)(?:({'|'.join(SHOWN)})\s?|(p|div|span|center)(?:\s[^<>]{{0,1000}})?)>",
    re.IGNORECASE,
)
_VALUE = r"""\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>=`]++))"""
LINK_OR_IMAGE = re.compile(
    rf"<(?:(?P<end>/)a\s*|(?:a|(?P<image>img))(?:\s++[\w:-]++(?:{_VALUE})?+)*+\s*+/?)>",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(rf"\s([\w:-]+){_VALUE}")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|\w{1,32});")
IN_LINK = "[^\\x00-\\x20\\x7f<>\"'`\\\\]"
_LINK = re.compile(rf"(?:https?://{IN_LINK}+|mailto:{IN_LINK}+)", re.IGNORECASE)
_IMAGE = re.compile(
    rf"https?://{IN_LINK}+|data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+",
    re.IGNORECASE,
)
_FRAGMENT = re.compile(r"#[\w%.~-]*")
#: What stands for itself and holds data; nobody reads it.
DATA = re.compile(
    r"(?<!\w)data:[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/=]{40,}+", re.IGNORECASE
)
_HOLDS_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[^,]*?(;base64)?,", re.IGNORECASE)
#: What is longer is no address to read.
_LONGEST_ADDRESS = 500
_SPECIAL = re.compile(r"[!-~](?<![\w.,:;/?=%+-])", re.ASCII)
_GROUPS = re.compile(
    r"(?:</?(?:p|div|span|center)(?:\s[^<>]{0,1000})?>\s*)+", re.IGNORECASE
)
_FOLD = re.compile(
    r"\s*<(?:(/)details\s?|details(\s+open(?:=(?:\"[^\"<>]*\"|'[^'<>]*'|\w+))?)?\s?)>",
    re.IGNORECASE,
)
_SUMMARY = re.compile(r"\s*<summary>", re.IGNORECASE)
_SUMMARY_END = re.compile(r"</summary\s?>", re.IGNORECASE)
#: What stands before the text of a line: quotes, items.
CONTAINERS = re.compile(r"(?:[ \t>]|[*+-][ \t]|\d{1,9}[.)][ \t])*")
_BEGINS_BLOCK = re.compile(r"[#>+=~|-]|\d+[.)]|\*\s|```")
_HEADING = re.compile(r"</?h[1-6]>", re.IGNORECASE)


def add_tags(md: MarkdownIt) -> None:
    """Teach ``md`` the tags, in a text and as blocks."""
    from markdown_it.rules_block import paragraph

    md.inline.ruler.before("autolink", "tags", _inline)
    md.inline.ruler2.before("fragments_join", "tags", pair)
    interrupts = ["paragraph", "reference", "blockquote", "list"]
    md.block.ruler.before("fence", "tags", _block, {"alt": interrupts})
    md.block.ruler.at("paragraph", partial(_paragraph, paragraph))
    md.block.tokenize = partial(_tokenize, md.block.tokenize)  # type: ignore[method-assign]


@lru_cache(maxsize=4)
def _last_end(src: str) -> int:
    return src.rfind("-->")


def comment_end(src: str, pos: int, end: int) -> int:
    """Return where the comment at ``pos`` ends; 0 if none begins there, or ends."""
    if not src.startswith("<!--", pos) or _last_end(src) < pos:
        return 0
    found = src.find("-->", pos + 2, min(end, pos + LONGEST))
    return found + 3 if found > 0 else 0


# -- in a text -------------------------------------------------------------------------


def _inline(state: StateInline, silent: bool) -> bool:
    """Read a break, a comment, or a tag whose other half ``pair`` looks for."""
    if state.src[state.pos] != "<":
        return False
    if stop := comment_end(state.src, state.pos, state.posMax):
        state.pos = stop
        return True
    for pattern, kind in ((BREAK, "hardbreak"), (TAG, "tag")):
        if found := pattern.match(state.src, state.pos, state.posMax):
            if not silent:
                token = state.push(kind, "", 0)
                if kind == "tag":
                    token.content, token.markup = found[0], found[1]
                    token.tag = (found[2] or found[3]).lower()
            state.pos = found.end()
            return True
    return _link_or_image(state, silent)


def _link_or_image(state: StateInline, silent: bool) -> bool:
    """Read a link's tag, which has another half as any, or an image, with its words."""
    found = LINK_OR_IMAGE.match(state.src, state.pos, state.posMax)
    given = attributes(found[0]) if found else {}
    if not found or (found["image"] and not given.get("src")):
        return False
    state.pos = found.end()
    if silent:
        return True
    if found["image"]:
        words = copy(state.push("image", "img", 0))
        state.tokens[-1].attrs = {"src": state.md.normalizeLink(given["src"])}
        words.type, words.content = "text", given.get("alt", "")
        state.tokens[-1].children = [words]
        return True
    token = state.push("tag", "a", 0)
    token.content, token.markup = found[0], found["end"] or ""
    token.attrs = {"href": state.md.normalizeLink(given.get("href", ""))}
    return True


def attributes(tag: str) -> dict[str, str]:
    """Return what the attributes of a tag say; the first of a name holds."""
    given: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(tag):
        value = _ENTITY.sub(lambda entity: unescape(entity[0]), "".join(values))
        given.setdefault(name.lower(), value.strip())
    return given


def pair(state: StateInline, *, at_end: bool = False) -> None:
    """Make tags of those that have their other half, and text of the others.

    ``at_end`` says that the text goes on: what is open ends with it, for now.
    """
    tokens = state.tokens
    if all(token.type != "tag" for token in tokens):
        return
    last = len(tokens)
    while (
        at_end
        and last
        and (tokens[last - 1].nesting < 0 or _is_empty(tokens[last - 1]))
    ):
        last -= 1
    opened: deque[Token] = deque(maxlen=_DEEPEST)
    out: list[Token] = []
    for at, token in enumerate(tokens):
        if token.type == "tag":
            _match(token, opened)
        elif token.nesting > 0:
            opened.append(token)
        elif token.nesting < 0:
            out += _left(opened, closed=at_end and at >= last)
        out.append(token)
    while opened:
        out += _left(opened, closed=at_end)
    tokens[:] = _outer_links(out)


def _outer_links(tokens: Iterable[Token]) -> Iterable[Token]:
    """Make text of what has no other half; leave links out that are in a link."""
    depth = 0
    for token in tokens:
        if token.type == "tag":
            token.type, token.tag = "text", ""
        depth -= token.type == "link_close"
        if depth == 0 or not token.type.startswith("link_"):
            yield token
        depth += token.type == "link_open"


def _is_empty(token: Token) -> bool:
    return token.type == "text" and not token.content


def _match(token: Token, opened: deque[Token]) -> None:
    """Take a tag: one that opens waits for its other half, one that closes is it."""
    if not token.markup:
        opened.append(token)
        return
    inside = len(opened)
    while inside and opened[inside - 1].type == "tag":
        inside -= 1
        if opened[inside].tag == token.tag:
            _mark(opened[inside], 1)
            _mark(token, -1)
            while len(opened) > inside:
                opened.pop()
            return


def _left(opened: deque[Token], *, closed: bool) -> Iterable[Token]:
    """Take off what is open in an emphasis that ends; return what ends it, if so."""
    while opened and (token := opened.pop()).type == "tag":
        if closed:
            _mark(token, 1)
            end = copy(token)
            _mark(end, -1)
            yield end


def _mark(token: Token, nesting: int) -> None:
    kind = "link" if token.tag == "a" else "tag"
    token.type = f"{kind}_open" if nesting > 0 else f"{kind}_close"
    token.nesting = 1 if nesting > 0 else -1
    token.content = ""


# -- in Markdown that others read ----------------------------------------------------


def settle(out: list[str], *, row: bool) -> None:
    """Leave the tags that have their other half; make text of the others."""
    opened: list[tuple[str, int]] = []
    tags: dict[int, str] = {}
    bracket = -1
    for at, written in enumerate(out):
        tag = written.removeprefix("&nbsp;")
        found = TAG.fullmatch(tag) or LINK_OR_IMAGE.fullmatch(tag)
        if not found or found.groupdict().get("image"):
            if row and "|" in written:
                opened.clear()
            bracket = at if re.search(r"[\[\]]", written) else bracket
            continue
        name = (found[2] or found[3]).lower() if found.re is TAG else "a"
        tags[at] = written
        out[at] = unlinked(tag) if " " in tag else f"&lt;{tag[1:]}"
        if not found[1]:
            opened.append((name, at))
            continue
        names = [each for each, _ in reversed(opened[-_DEEPEST:])]
        inner = names.index(name) if name in names else -1
        if inner >= 0:
            begin = opened[-1 - inner][1]
            del opened[-1 - inner :]
            for place in (begin, at):
                out[place] = tags[place] if name in SHOWN else ""
            href = attributes(tags[begin]).get("href", "") if name == "a" else ""
            if href and bracket < begin:
                if out[begin - 1].endswith("!"):
                    out[begin - 1] = f"{out[begin - 1][:-1]}&#33;"
                out[begin], out[at], bracket = "[", _link_end(href), at


def destination(url: str) -> str:
    """Write an address as Markdown's."""
    written = url.replace("&", "&amp;").replace("$", "%24")
    return f"<{written}>" if "(" in url or ")" in url else written


def _link_end(url: str) -> str:
    """Return what stands behind the words of a link: to an address, or telling it."""
    if is_link(url):
        return f"]({destination(url)})"
    told = unlinked(address_words(url))
    return f']({url if is_address(url) else "#"} "{told}")'


def plain(text: str) -> str:
    """Write ``text`` so that no character of it can mean anything."""
    text = re.sub(r"\s*\n[\s>]*", " ", text)
    text = COMMAND.sub(lambda found: f"\\ {found[0][1:]}", text)
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text)


def unlinked(text: str) -> str:
    """Write it so, and that no host makes a link of it unasked."""
    return plain(text).replace("://", "&#58;//")


def address_words(url: str) -> str:
    """Return an address to be read: of one that holds data, what and how much."""
    found = _HOLDS_DATA.match(url)
    if not found:
        return url if len(url) <= _LONGEST_ADDRESS else f"{url[:_LONGEST_ADDRESS]}…"
    size = len(url) - found.end()
    size = size * 3 // 4 if found[2] else size
    words = f"{size} B" if size < 1000 else f"{-(-size // 1000)} kB"
    return f"{found[1] or 'text/plain'}, {words}"


def is_balanced(tokens: list[Token]) -> bool:
    """Say whether each tag has its other half, in its place."""
    opened: list[str] = []
    for token in tokens:
        if token.type == "html_inline" and (found := TAG.fullmatch(token.content)):
            name = str(found[2]).lower()
            if found[1] and (not opened or opened.pop() != name):
                return False
            opened += [] if found[1] else [name]
    return not opened


# -- as blocks -------------------------------------------------------------------------


def _tokenize(
    tokenize: Callable[[StateBlock, int, int], None],
    state: StateBlock,
    start: int,
    end: int,
) -> None:
    """Read the blocks of a container; what folds in it ends with it."""
    outer = state.env.get("folds", [])
    folds: list[Token] = []
    state.env["folds"] = folds
    tokenize(state, start, end)
    while folds:
        # What is not known to end hides nothing.
        folds[-1].meta |= {"open": True, "unended": True}
        _close(state, state.line)
    state.env["folds"] = outer


def _note(state: StateBlock, begin: int, end: int) -> None:
    """Remember where the tags of blocks stand, for ``flat``."""
    state.env.setdefault("tags", []).append((begin, end))


def _close(state: StateBlock, line: int) -> None:
    fold = state.env["folds"].pop()
    fold.map = [fold.map[0], line] if fold.map else None
    state.push("details_close", "details", -1)


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a line that begins with a block's tag, or is nothing but what vanishes."""
    begin = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith("<", begin) or state.is_code_block(start):
        return False
    gone = _GROUPS.fullmatch(state.src, begin, state.eMarks[start])
    if stop := start + 1 if gone else _comment_lines(state, start, end):
        if not silent:
            state.line = stop
            _note(state, begin, state.eMarks[stop - 1])
        return True
    in_fold = bool(state.tokens) and state.tokens[-1].type == "details_open"
    tag = _FOLD.match(state.src, begin, state.eMarks[start])
    if not tag and not (in_fold and _SUMMARY.match(state.src, begin)):
        return False
    return silent or _read_on(state, start, end, begin)


def _comment_lines(state: StateBlock, start: int, end: int) -> int:
    """Return the line after a comment that is alone in its lines; 0 if none is."""
    begin = state.bMarks[start] + state.tShift[start]
    stop = comment_end(state.src, begin, state.eMarks[end - 1])
    line = start
    while state.eMarks[line] < stop:
        line += 1
        if state.sCount[line] < state.blkIndent and not state.isEmpty(line):
            return 0
    alone = stop and not state.src[stop : state.eMarks[line]].strip()
    return line + 1 if alone else 0


def _read_on(state: StateBlock, line: int, end: int, at: int) -> bool:
    """Read the tags at the begin of what is left of a line, then the rest as blocks."""
    while True:
        if found := _FOLD.match(state.src, at, state.eMarks[line]):
            _note(state, at, found.end())
            at = found.end()
            if not found[1]:
                token = state.push("details_open", "details", 1)
                asked = bool(found[2])
                token.map, token.meta = (
                    [line, line + 1],
                    {"open": asked, "asked": asked},
                )
                state.env["folds"].append(token)
            elif state.env["folds"]:
                _close(state, line + 1)
        elif (
            found := _SUMMARY.match(state.src, at, state.eMarks[line])
        ) and state.tokens[-1].type == "details_open":
            _note(state, at, found.end())
            line, at = _summary(state, line, end, found.end())
        else:
            break
    state.line = line + 1
    if not state.src[at : state.eMarks[line]].strip():
        return True
    state.bMarks[line], state.tShift[line] = at, 0
    state.sCount[line] = state.blkIndent
    rules = state.md.block.ruler.getRules("")
    return any(rule(state, line, end, False) for rule in rules)


def flat(text: str, tags: Iterable[tuple[int, int]]) -> str:
    """Return ``text`` without these tags of blocks; what they part stays apart."""
    out: list[str] = []
    at = 0
    for begin, end in tags:
        line = text.rfind("\n", 0, begin) + 1
        markers = CONTAINERS.match(text, line, begin)
        front = markers.end() if markers else line
        out.append(text[at:begin])
        if text[max(at, front) : begin].strip():
            prefix = re.sub(r"[^\s>]", " ", text[line:front])
            out.append(f"\n{prefix}\n{prefix}")
        at = end + len(text[end:]) - len(text[end:].lstrip(" \t"))
        title = _SUMMARY.fullmatch(text, begin, end)
        out.append("&nbsp;" * bool(title and _BEGINS_BLOCK.match(text, at)))
    return "".join(out) + text[at:]


def _summary(state: StateBlock, line: int, end: int, at: int) -> tuple[int, int]:
    """Read the title of what folds; return where it ends: its line, and the place."""
    last = line
    while last + 1 < end and not state.isEmpty(last + 1):
        if state.sCount[last + 1] < state.blkIndent:
            break
        last += 1
    limit = min(at + LONGEST, state.eMarks[last])
    found = _SUMMARY_END.search(state.src, at, limit)
    stop = found.start() if found else limit
    text = _HEADING.sub("", state.src[at:stop])
    lines = [line, next(n for n in range(line, last + 1) if state.eMarks[n] >= stop)]
    state.push("summary_open", "summary", 1)
    token = state.push("inline", "", 0)
    token.content = " ".join(text.split())
    token.map, token.children = [line, lines[1] + 1], []
    state.push("summary_close", "summary", -1)
    if found:
        _note(state, found.start(), found.end())
    return lines[1], found.end() if found else stop


def _paragraph(
    paragraph: Callable[[StateBlock, int, int, bool], bool],
    state: StateBlock,
    start: int,
    end: int,
    silent: bool,
) -> bool:
    """Read a paragraph, which ends where what it folds with ends, in its line, too."""
    done = paragraph(state, start, end, silent)
    text = state.tokens[-2]
    found = re.search("</details", text.content, re.IGNORECASE)
    before = text.content[: found.start()] if found else ""
    if not found or not state.env["folds"] or before.count("`") % 2:
        return done
    line = start + before.count("\n")
    at = re.compile("</details", re.IGNORECASE).search(state.src, state.bMarks[line])
    if at is None or not _FOLD.match(state.src, at.start()):
        return done
    text.content = before.rstrip()
    text.map = state.tokens[-3].map = [start, line + 1]
    return _read_on(state, line, end, at.start())


# -- what may be an address ------------------------------------------------------------


def is_link(url: str) -> bool:
    """Say whether ``url`` may be the address of a link that leads somewhere."""
    return _LINK.fullmatch(url) is not None


def is_address(url: str) -> bool:
    """Say whether ``url`` is a link's, or only a place in this page: harmless."""
    return is_link(url) or _FRAGMENT.fullmatch(url) is not None


def is_image(url: str) -> bool:
    """Say whether ``url`` may be loaded as an image, where images are wanted."""
    return _IMAGE.fullmatch(url) is not None
