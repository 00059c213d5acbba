r"""Read Markdown: CommonMark, what GitHub adds to it, formulas, and a little HTML.

GitHub's are tables, strikethrough (``~~one~~`` or ``~one~``), bare addresses, footnotes
and alerts (`its documentation <https://docs.github.com/get-started/writing-on-github>`_).
Stars and underscores next to Chinese, Japanese or Korean are read as ``markdown-cjk-
friendly`` amends CommonMark. ``tags`` has the HTML.

A link leads to ``http``, ``https`` or ``mailto``. Nothing else does: a relative address
is a file of the reader's own for JupyterLab, and ``command:``, ``data:``, ``file:``,
``javascript:`` and their like run or read. Of such a link the label shows.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping, MutableMapping
from copy import copy
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from nbstream.markdown.math import add_math
from nbstream.markdown.tags import DATA, IN_LINK, add_tags, address_words, is_link

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.ruler import Ruler
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

#: A reply is some kilobytes; what is longer than this is not read.
LONGEST = 2_000_000
#: Levels of blocks; what is deeper is lost by the parser, so see ``parse``.
MAX_NESTING = 100
#: Brackets open at once in one paragraph; prose has two or three.
_MOST_OPEN = 10

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+\Z")
_NEWLINE = re.compile(r"\r\n?")
#: What no file can hold (lone surrogates), and what no browser shows.
_UNSHOWN = re.compile("[\0\ud800-\udfff]")
_DEFINES = re.compile(
    r"\[(?:[^\[\]\\]|\\.){0,999}+\]:[\s>]*[^\s]*?[/.:#?=@]", re.DOTALL
)
_BRACKETED = re.compile(
    rf"<(?:(?:https?://|mailto:){IN_LINK}+|[^\s<>@:]+@[^\s<>]+)>", re.IGNORECASE
)


def clean(text: str) -> str:
    """Replace what no file can hold (lone surrogates) or no browser shows (NUL)."""
    return _UNSHOWN.sub("\ufffd", text)


def split_lines(text: str) -> list[str]:
    """Return the lines of ``text`` in Markdown's sense, each with its end."""
    return _LINE.findall(text)


def parse(text: str) -> list[Token]:
    """Return the blocks of ``text``.

    Raises:
        RecursionError: nested deeper than anything written to be read.
    """
    return checked(our_parser().parse(text))


def parse_blocks(
    text: str,
    references: MutableMapping[str, Any],
    beside: MutableMapping[str, Any] | None = None,
) -> list[Token]:
    """Return the blocks of ``text``, their lines unread; note its definitions.

    Noted ``beside`` is what else was found: as ``tags`` the places of the tags of
    blocks, where each line ends with one character.
    """
    md = our_parser()
    tokens: list[Token] = []
    env = {} if beside is None else beside
    env["references"] = references
    md.block.parse(_NEWLINE.sub("\n", text), md, env, tokens)
    return tokens


def checked(tokens: list[Token]) -> list[Token]:
    """Return the blocks, unless the parser has lost some because they are too deep.

    Raises:
        RecursionError: nested deeper than anything written to be read.
    """
    if any(token.level >= MAX_NESTING - 1 for token in tokens):
        raise RecursionError("blocks nested too deeply")
    return tokens


@lru_cache(maxsize=1)
def our_parser() -> MarkdownIt:
    """Return the parser of what we show."""
    return make_parser()


def make_parser() -> MarkdownIt:
    """Make a parser of what we show, to add rules to."""
    from markdown_it.rules_block import blockquote, reference
    from markdown_it.rules_inline import autolink

    md = plain_parser(html=False)
    # The documented hook: what may not lead anywhere still has a label.
    md.validateLink = lambda url: True  # type: ignore[method-assign]
    add_math(md)
    md.inline.ruler.at("text", read_text)
    md.inline.ruler.at("emphasis", _marks)
    md.inline.ruler.at("strikethrough", _tildes)
    md.inline.ruler2.at("strikethrough", _strikes)
    md.inline.ruler.before("link", "footnote", _footnote)
    md.inline.ruler.at("autolink", partial(_autolink, autolink))
    interrupts = ["paragraph", "reference", "blockquote", "list"]
    md.block.ruler.at("blockquote", partial(_quote, blockquote), {"alt": interrupts})
    md.block.ruler.at("reference", partial(_reference, reference))
    md.block.ruler.before("reference", "note", _note, {"alt": interrupts})
    add_tags(md)
    return md


def plain_parser(*, html: bool) -> MarkdownIt:
    """Make a parser without formulas: Markdown as any other tool may read it."""
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import image, link

    options = {"html": html, "maxNesting": MAX_NESTING}
    md = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    for name, rule in (("link", link), ("image", image)):
        md.inline.ruler.at(name, partial(_untangled, rule))
    _ask_few(md.inline.ruler, lambda state, *_: state.src[state.pos])
    _ask_few(md.block.ruler, _first)
    return md


#: What a rule's text begins with. Of the others any text may be.
_BEGINS = {
    "newline": "\n", "math": "$\\", "escape": "\\", "backticks": "`", "emphasis": "*_",
    "strikethrough": "~", "footnote": "[", "link": "[", "image": "!", "tags": "<",
    "autolink": "<", "html_inline": "<", "entity": "&", "html_block": "<",
    "fence": "`~", "blockquote": ">", "hr": "*-_", "heading": "#",
    "list": "*+-0123456789", "note": "[", "reference": "[",
}  # fmt: skip


def _first(state: StateBlock, line: int, *_: object) -> str:
    at = state.bMarks[line] + state.tShift[line]
    return state.src[at : at + 1]


def _ask_few(ruler: Ruler[Any], first: Callable[..., str]) -> None:
    """Have only those rules asked whose text may begin with the next character.

    Asking all of them, at each mark and twice at each line, is half of all time.
    """
    rules_of, made = ruler.getRules, dict[str, list[Any]]()

    def few(chainName: str = "") -> list[Any]:  # noqa: N803 - its name there
        if chainName not in made:
            names = dict(zip(rules_of(), ruler.get_active_rules(), strict=True))
            begins = [(_BEGINS.get(names[rule]), rule) for rule in rules_of(chainName)]
            by_mark = {
                mark: [rule for marks, rule in begins if marks is None or mark in marks]
                for mark in "".join(_BEGINS.values())
            }
            others = [rule for marks, rule in begins if marks is None]
            made[chainName] = [partial(_ask, by_mark, others, first)]
        return made[chainName]

    ruler.getRules = few  # type: ignore[method-assign]


def _ask(
    by_mark: Mapping[str, list[Callable[..., bool]]],
    others: list[Callable[..., bool]],
    first: Callable[..., str],
    *where: Any,
) -> bool:
    for rule in by_mark.get(first(*where), others):  # noqa: SIM110 - twice as fast
        if rule(*where):
            return True
    return False


def _untangled(
    rule: Callable[[StateInline, bool], bool], state: StateInline, silent: bool
) -> bool:
    """Read a link or an image, but where brackets are a tangle.

    The parser tries each open bracket at each level: a second for some kilobytes.
    """
    return not _is_tangled(state.src) and rule(state, silent)


@lru_cache(maxsize=4)
def _is_tangled(text: str) -> bool:
    if text.count("[") <= _MOST_OPEN:
        return False
    opened = 0
    for bracket in re.findall(r"[\[\]]", text):
        opened = opened + 1 if bracket == "[" else max(0, opened - 1)
        if opened > _MOST_OPEN:
            return True
    return False


# -- emphasis --------------------------------------------------------------------------

#: Letters and punctuation of Chinese, Japanese and Korean; no emoji.
_CJK = (
    "\u1100-\u11ff\u2e80-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\ufe10-\ufe1f\ufe30-\ufe6f\uff01-\uffee\U00020000-\U0003fffd"
)
_IS_CJK = re.compile(f"[{_CJK}]")
#: What marks a pair of single tildes; a pair of two has the tilde.
ONE_TILDE = 0x223C
_TILDES = {1: ONE_TILDE, 2: 0x7E}


def _marks(state: StateInline, silent: bool) -> bool:
    """Note the stars or underscores that begin or end an emphasis."""
    mark = state.src[state.pos]
    if silent or mark not in "*_":
        return False
    length, opens, closes = _flanks(state, splits=mark == "*")
    for _ in range(length):
        _delimit(state, mark, ord(mark), length, opens=opens, closes=closes)
    return True


def _tildes(state: StateInline, silent: bool) -> bool:
    """Note one tilde, or two; one is no mark inside a word, nor are more than two."""
    if silent or state.src[state.pos] != "~":
        return False
    length, opens, closes = _flanks(state, splits=state.src.startswith("~~", state.pos))
    mark = _TILDES.get(length, 0)
    opens, closes = opens and mark > 0, closes and mark > 0
    _delimit(state, "~" * length, mark, 0, opens=opens, closes=closes)
    return True


def _delimit(
    state: StateInline, text: str, mark: int, length: int, *, opens: bool, closes: bool
) -> None:
    from markdown_it.rules_inline.state_inline import Delimiter

    state.push("text", "", 0).content = text
    state.pos += len(text)
    at = len(state.tokens) - 1
    state.delimiters.append(Delimiter(mark, length, at, -1, opens, closes))


def _flanks(state: StateInline, *, splits: bool) -> tuple[int, bool, bool]:
    """Return how many marks stand here, and whether they may open, and close.

    Next to a character of Chinese, Japanese or Korean only a space keeps them from it:
    https://github.com/tats-u/markdown-cjk-friendly/blob/main/specification.md.
    """
    found = state.scanDelims(state.pos, splits)
    stop = state.pos + found.length
    before = state.src[state.pos - 1 : state.pos] or " "
    after = state.src[stop : min(stop + 1, state.posMax)] or " "
    if not _IS_CJK.match(before) and not _IS_CJK.match(after):
        return found.length, found.can_open, found.can_close
    left, right = not after.isspace(), not before.isspace()
    opens = left and (splits or not right or _is_punctuation(before))
    closes = right and (splits or not left or _is_punctuation(after))
    return found.length, opens, closes


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _strikes(state: StateInline) -> None:
    """Make tags of the pairs of tildes."""
    inner = (meta["delimiters"] for meta in state.tokens_meta if meta)
    for delimiters in (state.delimiters, *inner):
        for each in delimiters:
            if each.marker not in _TILDES.values() or each.end < 0:
                continue
            for at, nesting in ((each.token, 1), (delimiters[each.end].token, -1)):
                token = state.tokens[at]
                token.type = "s_open" if nesting > 0 else "s_close"
                token.tag, token.content = "s", ""
                token.nesting = 1 if nesting > 0 else -1


# -- addresses -------------------------------------------------------------------------

_SPECIAL = re.compile(r"[\n!#$%&*+\-:<=>@\[\\\]^_`{}~]")
#: One character of an address: one of CJK stands behind a letter only in such a word.
_IN_ADDRESS = (
    rf"(?:[!#-&(-;=?-Z\[\]_a-{{}}~]|(?![{_CJK}])[^\W\x00-\x7f]"
    rf"|(?<![A-Za-z0-9])[{_CJK}](?<=\w))"
)
_IN_HOST = rf"(?:(?![{_CJK}])[\w.:@%\[\]-])"
_ADDRESS = re.compile(
    rf"""(?<![A-Za-z0-9])(?:https?://|www\.(?=[^\W_]))
        (?:{_IN_HOST}+|(?=[{_CJK}]\w)[\w.-]+)(?:[/?\#]{_IN_ADDRESS}*)?
      | (?<![\w.%+@/-])(?:mailto:)?(?P<mail>
        [A-Z0-9](?:[A-Z0-9._%+-]{{0,62}}[A-Z0-9_+-])?
        @(?:[A-Z0-9][A-Z0-9-]{{0,62}}\.){{1,8}}[A-Z]{{2,24}})(?![\w@/-]|:[\w/~])""",
    re.IGNORECASE | re.VERBOSE,
)
_BRACKET = re.compile(r"[()\[\]{}]|\*\*|~~")
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_TRAILING = re.compile(r"(?:[?!.,:;*_~'\"(\[{$-]|&[a-zA-Z0-9]{1,31};)+\Z")


@lru_cache(maxsize=4)
def _addresses(text: str) -> tuple[list[int], dict[int, tuple[int, int, str]]]:
    """Return where bare addresses begin; for each its end, where one looked, its link.

    As https://github.github.com/gfm/#autolinks-extension- says: without punctuation at
    its end, and with a closing bracket only if it has the opening one, too.
    """
    found: dict[int, tuple[int, int, str]] = {}
    for data in DATA.finditer(text) if "base64," in text else ():
        found[data.start()] = (data.end(), data.end(), "")
    if "://" in text or "@" in text or "www." in text.lower():
        for each in _ADDRESS.finditer(text):
            written = _without_end(each[0])
            link = f"mailto:{each['mail']}" if each["mail"] else written
            link = f"http://{link}" if link[:4].lower() == "www." else link
            if "." in written or len(written) > len("https://"):
                found[each.start()] = (each.start() + len(written), each.end(), link)
    return sorted(found), found


def _without_end(written: str) -> str:
    """Return an address without what stands behind it."""
    opened: list[str] = []
    for each in _BRACKET.finditer(written):
        if each[0] in _CLOSERS:
            opened.append(_CLOSERS[each[0]])
        elif not opened or opened.pop() != each[0]:
            written = written[: each.start()]
            break
    return _TRAILING.sub("", written)


def read_text(state: StateInline, silent: bool, *, growing: bool = False) -> bool:
    """Read text to the next mark, or an address that is a link by itself.

    One that ``growing`` text ends with is not known yet: its words show.
    """
    starts, found = _addresses(state.src)
    pos, following = state.pos, bisect_right(starts, state.pos)
    stop = starts[following] if following < len(starts) else state.posMax
    if pos in found and found[pos][0] <= state.posMax:
        end, looked, link = found[pos]
        url = state.md.normalizeLink(link)
        half = growing and looked == len(state.src)
        if silent or half or state.linkLevel or not is_link(url):
            url = ""
    else:
        mark = _SPECIAL.search(state.src, pos, min(stop, state.posMax))
        end, url = mark.start() if mark else min(stop, state.posMax), ""
    if end > pos and not silent:
        if url:
            state.push("link_open", "a", 1).attrs = {"href": url}
        words = state.src[pos:end]
        words = f"data:{address_words(words)}" if DATA.match(words) else words
        state.pending += words  # where the line's end looks for two spaces
        if url:
            state.push("link_close", "a", -1)
    state.pos = end
    return end > pos


def _reference(
    reference: Callable[[StateBlock, int, int, bool], bool],
    state: StateBlock,
    start: int,
    end: int,
    silent: bool,
) -> bool:
    """Read the definition of a link, if what it defines looks like an address."""
    begin = state.bMarks[start] + state.tShift[start]
    looks = _DEFINES.match(state.src, begin) is not None
    return looks and reference(state, start, end, silent)


def _autolink(
    autolink: Callable[[StateInline, bool], bool], state: StateInline, silent: bool
) -> bool:
    """Read ``<https://…>``; other words in angle brackets are no links."""
    return _BRACKETED.match(state.src, state.pos) is not None and autolink(
        state, silent
    )


# -- footnotes and alerts --------------------------------------------------------------

_NOTE = re.compile(r"\[\^([^\s\[\]^]{1,100})\](:[ \t]*)?")
_ALERT = re.compile(
    r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\][ \t]*(?:\n|\Z)", re.IGNORECASE
)


def _label(written: str) -> str:
    """Return what a note is known by: no label of a link has a line's end in it."""
    return "\n^" + written.casefold()


def _footnote(state: StateInline, silent: bool) -> bool:
    """Read the mark of a footnote: a number, or the name of one that there is."""
    found = _NOTE.match(state.src, state.pos, state.posMax)
    if found is None or state.src.startswith("(", found.end()):
        return False
    known = state.env.get("references", {})
    if not found[1].isdecimal() and not known.get(_label(found[1])):
        return False
    if not silent:
        state.push("tag_open", "sup", 1)
        state.push("text", "", 0).content = found[1]
        state.push("tag_close", "sup", -1)
    state.pos = found.end(1) + 1
    return True


def _note(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a footnote, which goes on as the item of a list does; its mark begins it."""
    begin = state.bMarks[start] + state.tShift[start]
    found = _NOTE.match(state.src, begin, state.eMarks[start])
    if not found or not found[2] or state.is_code_block(start):
        return False
    if silent:
        return True
    notes = state.env.setdefault("references", {})
    notes.setdefault(_label(found[1]), {"href": "^", "title": ""})
    before = state.bMarks[start], state.tShift[start], state.sCount[start]
    parent, indent = state.parentType, state.blkIndent
    state.bMarks[start], state.tShift[start] = found.end(), 0
    state.sCount[start] = state.blkIndent = indent + 4
    state.parentType = "footnote"
    token = state.push("note_open", "", 1)
    _marked(state, f"[^{found[1]}]", start, end)
    state.push("note_close", "", -1)
    token.map = [start, state.line]
    state.parentType, state.blkIndent = parent, indent
    state.bMarks[start], state.tShift[start], state.sCount[start] = before
    return True


def _marked(state: StateBlock, mark: str, start: int, end: int) -> None:
    """Read the blocks of a footnote, with its mark before the first one's text."""
    at = len(state.tokens)
    state.md.block.tokenize(state, start, end)
    if at < len(state.tokens) and state.tokens[at].type == "paragraph_open":
        state.tokens[at + 1].content = f"{mark} {state.tokens[at + 1].content}"
        return
    state.line = max(state.line, start + 1)
    state.tokens[at:at] = paragraph(mark, [start, start + 1], state.level)


def paragraph(text: str, lines: list[int], level: int) -> list[Token]:
    """Return a paragraph of our own."""
    from markdown_it.token import Token

    begin = Token("paragraph_open", "p", 1, map=lines, level=level)
    inline = Token("inline", "", 0, map=lines, level=level + 1, content=text)
    inline.children = []
    return [begin, inline, Token("paragraph_close", "p", -1, level=level)]


def _quote(
    blockquote: Callable[[StateBlock, int, int, bool], bool],
    state: StateBlock,
    start: int,
    end: int,
    silent: bool,
) -> bool:
    """Read a quote; if it is an alert, its name is a paragraph of its own."""
    at = len(state.tokens) + 1
    if not blockquote(state, start, end, silent):
        return False
    first = state.tokens[at + 1 : at + 2]
    found = _ALERT.match(first[0].content) if first else None
    if found and first[0].type == "inline" and state.tokens[at].tag == "p":
        title = [copy(each) for each in state.tokens[at : at + 3]]
        title[1].content, title[1].children = f"**{found[1].capitalize()}**", []
        first[0].content = first[0].content[found.end() :]
        state.tokens[at : at + 3 * (not first[0].content)] = title
    return True
