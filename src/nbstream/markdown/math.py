r"""Find TeX formulas in Markdown: where they begin and end, for us and for JupyterLab.

A single dollar follows pandoc's rule (no space inside the two, no digit behind) and
GitHub's (no letter or digit before), and is stricter where prices, shells and regular
expressions have dollars: see ``_is_formula``. ``$ a_b $`` is one only if it holds
what only TeX has. What is set apart, ``$$`` or ``\[`` at the begin of a line or at the
end of its words, may hold empty lines, for models write them; prose, or Markdown,
behind one ends the hope.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

#: Longer than any formula to read; what is longer is text, and is not searched.
_LONGEST = 10_000
#: The same for one with empty lines: the rest of the text waits for its end.
_LONGEST_BROKEN = 3_000

_DOLLAR = re.compile(r"\$(?!\$)(?:[^$\\`&]|&(?!\#)|\\.){1,10000}+\$", re.DOTALL)
_DOLLARS = re.compile(r"\$\$(?!\$)(?:[^$\\]|\\.|\$(?!\$)){1,10000}+\$\$(?!\$)", re.S)
_BEGIN = re.compile(r"\\begin\{([a-zA-Z]+\*?)\}")
#: Those that may begin in a line's middle: MathJax's, and no list or document.
_IN_LINE = re.compile(
    r"""\\begin\{(?=((?:(?:x?x?fl|)align(?:at)?|gather|multline|equation|eqnarray|math
    |displaymath|[a-zA-Z]*matrix|(?:sub)?array|d?r?cases|split|[a-z]+ed)\*?))\1\}""",
    re.VERBOSE,
)
_CLOSERS = {"$$": "$$", "\\(": "\\)", "\\[": "\\]", "\\\\(": "\\\\)", "\\\\[": "\\\\]"}
#: Scripts alone, as in ``H$_2$O`` and ``10$^{th}$``: they may stand in a word.
_SCRIPTS = re.compile(r"(?:[_^](?:\{[^{}]*\}|\\[a-zA-Z]+|\w))+")
#: What makes a number of a formula: ``$n$th``, ``$n$te``, ``$n$ème``.
_ORDINAL = re.compile(r"(?:th|st|nd|rd|s|d|e|er|te[mnrs]?|i?[eè]me)\b", re.IGNORECASE)
#: No formula begins so: units, lists and ends of sentences do, and patterns.
_NO_BEGIN = re.compile(r"""\s*(?:[),.;!?/"'%@\#]|:(?!=)|\|\^|</)""")
_TEX_ONLY = re.compile(r"[\\^_=]")
_WORD = re.compile(r"[^\W\d_]{3}")
_WORDS = re.compile(r"\s+(?:-?[^\W\d_]{2,}[,;.!?]?\s+)+")
#: Markdown or prose, which is not looked for before the first empty line.
_NO_TEX = re.compile(
    r"""\#{1,6}\s | [-*+]\s+[^\W\d_]{2} | \d+[.)]\s | [>`~|]{1,3}(?:\s|$) | ```
      | [^\\]*(?:[^\W\d_]{2,}[,;:]?\s+){2}[^\W\d_]{2}
      | [^\\]*[\u3040-\u9fff\uac00-\ud7af]{4}""",
    re.VERBOSE,
)
#: What would end a paragraph, or make it another block.
_MARKER = re.compile(r"[-*+>|]|\#{1,6}\s|\d{1,9}[.)]\s|=+$|~~~|```")
#: What a model writes twice and once, by a backslash each.
_TWICE = re.compile(r"\\\\[a-zA-Z]+\{")
_ONCE = re.compile(r"(?<!\\)\\(?:\\\\)*[a-zA-Z]")
_LABEL = re.compile(r"\\label\s*\{[^{}]*\}[ \t]*")
#: A bracket of TeX's that no formula has: the source, and not Markdown's escape.
_LONE_BRACKET = re.compile(r"\\[(\[](?=\s|\Z)(?! \])|(?<!\S)\\[)\]]")
#: Environments that LaTeX has outside of dollars only, and what they are inside.
_INSIDE = {
    "align": "aligned", "alignat": "alignedat", "flalign": "aligned",
    "gather": "gathered", "multline": "gathered", "equation": "", "displaymath": "",
}  # fmt: skip
_NUMBERED = re.compile(rf"\\(begin|end)\{{({'|'.join(_INSIDE)})\*?\}}")
_NO_NUMBER = re.compile(r"\\(?:nonumber|notag)(?![a-zA-Z])")
#: A formula within a text of a formula; and what would end a cell.
_INNER = re.compile(r"(?<!\\)\$([^$]+)(?<!\\)\$")
_A_BAR = re.compile(r"\\?\|")
_BARS = {"|": "\\vert{}", "\\|": "\\Vert{}"}
#: Where a formula may begin in a row.
_MAYBE = re.compile(r"\\.|\$")
#: A character that no text holds any more (``parser.clean``), for a ``|`` in a formula.
_BAR = "\0"


#: The marks of JupyterLab's own search, its fences and its code spans.
_JUPYTER_MARK = re.compile(
    r"(\$\$?|\\(?:begin|end)\{[a-z]*\*?\}|\\[{}$]|[{}]|(?:\n\s*)+|@@\d+@@|\\\\[()\[\]])",
    re.IGNORECASE,
)
_JUPYTER_FENCE = re.compile(
    r"^(?P<fence>`{3,60}|(?:~T){3,60})[^`\n]*\n[\s\S]*?^(?P=fence)`*$", re.MULTILINE
)
_JUPYTER_CODE = re.compile(r"(^|[^\\])(`+)([^\n]*?[^`\n])\2(?!`)", re.MULTILINE)


def find_math(src: str, pos: int, end: int) -> int:
    """Return where the formula that opens at ``pos`` ends, or ``-1``."""
    if src[pos] == "$":
        pattern = _DOLLARS if src.startswith("$$", pos) else _DOLLAR
        found = pattern.match(src, pos, end)
        return found.end() if found and _is_formula(src, found, end) else -1
    opener = src[pos : pos + 3] if src.startswith("\\\\", pos) else src[pos : pos + 2]
    if begun := _IN_LINE.match(src, pos, end):
        opener = begun[0]
    closer = f"\\end{{{begun[1]}}}" if begun else _CLOSERS.get(opener, "")
    if not closer or (len(opener) > 2 and _is_in_word(src[:pos][-1:], ":\\")):
        return -1  # what is written twice may be a path
    begin = pos + len(opener)
    stop = src.find(closer, begin, min(end, pos + _LONGEST))
    return stop + len(closer) if stop > 0 and src[begin:stop].strip() else -1


def may_open(src: str, pos: int, end: int) -> bool:
    """Say whether the marks up to ``end`` may open a formula that is not closed."""
    if src[pos] != "$":
        return src[pos:end] != "\\\\" or not _is_in_word(src[:pos][-1:], ":\\")
    in_word = _is_in_word(src[:pos][-1:]) and src[end : end + 1] not in ("", "_", "^")
    return end - pos < 3 and not in_word and not _NO_BEGIN.match(src, end)


def is_begun(src: str, pos: int) -> bool:
    """Say whether an environment begins at ``pos``, or may where the text ends."""
    rest = src[pos : pos + 30]
    return "\\begin{".startswith(rest) or (
        rest.startswith("\\begin{") and ("}" not in rest or bool(_IN_LINE.match(rest)))
    )


def _is_formula(src: str, found: re.Match[str], end: int) -> bool:
    """Say whether what stands between dollars is a formula, as far as one can tell."""
    pos, stop, dollars = found.start(), found.end(), found[0].startswith("$$")
    before, after = src[max(0, pos - 2) : pos], src[stop : min(end, stop + 5)]
    body = found[0][2:-2] if dollars else found[0][1:-1]
    if not body.strip() or _NO_BEGIN.match(body) or body[-1] == "(":
        return False
    if after[:1].isdigit() or (dollars and _WORDS.fullmatch(body)):
        return False
    if dollars or _SCRIPTS.fullmatch(body):
        return True
    if _is_in_word(before[-1:]) or not _balanced(body):
        return False
    if _is_in_word(after[:1]):  # the last sign of a formula is no operator
        ordinal = _ORDINAL.match(after) and (body[-1].isalnum() or body[-1] in ")]}'")
        return bool(ordinal)
    if body[0] in "({" and body[0] == after[:1]:
        return False  # $(a)$(b) and ${a}${b} are a shell's
    if not body[0].isspace() and not body[-1].isspace():
        return True
    price = before.strip()[-1:].isdigit() or after.lstrip()[:1].isdigit()
    apart = body[0].isspace() and body[-1].isspace() and "\n" not in body
    return apart and not price and _TEX_ONLY.search(body) is not None


def _is_in_word(char: str, more: str = "") -> bool:
    """Say whether a dollar beside ``char`` is in a word; there are none in Chinese."""
    return (
        char.isdigit() or char.lower() != char.upper() or (char != "" and char in more)
    )


def _balanced(tex: str) -> bool:
    depth = 0
    for brace in re.findall(r"\\.|[{}]", tex):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    return depth == 0


def parts_of(written: str) -> tuple[str, str, str]:
    r"""Return a formula as the host is to have it: what opens it, TeX, what closes it.

    ``\label`` is left out: nothing can refer to it, and MathJax refuses to read it a
    second time in one page. Where a model has escaped twice, ``\\(\\alpha\\)``, each
    pair of backslashes is one again.
    """
    mark = next(filter(written.startswith, (*_CLOSERS, "$")), "")
    tex = _LABEL.sub("", written[len(mark) : len(written) - len(mark)])
    twice = len(mark) > 2 or _TWICE.search(tex) is not None
    if twice and not _ONCE.search(tex):
        tex = tex.replace("\\\\", "\\")
    opener = mark[-2:]
    return opener, tex, _CLOSERS.get(opener, opener)


def between_dollars(tex: str, *, row: bool = False) -> str:
    """Write TeX so that it may stand between dollars, for LaTeX and KaTeX as well.

    ``row`` says that it is in a table's, which a bar would cut.
    """
    tex = _NUMBERED.sub(_unnumbered, _NO_NUMBER.sub("", tex))
    tex = _INNER.sub(r"\\(\1\\)", tex).replace("`", "\\lq ")
    return _A_BAR.sub(lambda bar: _BARS[bar[0]], tex) if row else tex


def _unnumbered(found: re.Match[str]) -> str:
    inner = _INSIDE[found[2]]
    return f"\\{found[1]}{{{inner}}}" if inner else ""


def add_math(md: MarkdownIt) -> None:
    """Teach ``md`` formulas, before anything could read Markdown inside them."""
    md.inline.ruler.before("escape", "math", _inline)
    interrupts = ["paragraph", "reference", "blockquote", "list"]
    md.block.ruler.before("fence", "math_block", _block, {"alt": interrupts})
    md.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    kind, stop = "math", find_math(state.src, state.pos, state.posMax)
    if stop < 0:
        lone = _LONE_BRACKET.match(state.src, state.pos, state.posMax)
        if lone is None:
            return False
        kind, stop = "text", lone.end()
    if not silent:
        state.push(kind, "", 0).content = state.src[state.pos : stop]
    state.pos = stop
    return True


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    begin, end = state.bMarks[start_line] + state.tShift[start_line], 0
    if not state.src.startswith(("$", "\\"), begin):
        end = state.eMarks[start_line]  # before anything slow: it is asked at each line
        if state.src.find("\\[", begin, end) < 0 > state.src.find("$$", begin, end):
            return False
    if state.is_code_block(start_line) or not _may_close(state, start_line, end_line):
        return False

    inside = takewhile(
        lambda line: state.isEmpty(line) or state.sCount[line] >= state.blkIndent,
        range(start_line, end_line),
    )
    count = block_lines(_line(state, line) for line in inside)
    if not count or silent:
        return bool(count)
    stop_line = start_line + count
    text = state.getLines(start_line, stop_line, state.blkIndent, False).strip()
    at, opener, closer = opening(text.partition("\n")[0])
    alone = at == len(opener) and text.find(closer, at) + len(closer) == len(text)
    if alone and not parts_of(text)[1].strip():
        return False
    state.line = stop_line
    if not alone:
        _push_paragraph(state, text, [start_line, stop_line])
        return True
    token = state.push("math_block", "", 0)
    token.content = text
    token.map = [start_line, stop_line]
    return True


def _push_paragraph(state: StateBlock, text: str, lines: list[int]) -> None:
    state.push("paragraph_open", "p", 1).map = lines
    token = state.push("inline", "", 0)
    token.content, token.map, token.children = text, lines, []
    state.push("paragraph_close", "p", -1)


def _may_close(state: StateBlock, start_line: int, end_line: int) -> bool:
    """Tell, without a look at each line, whether there is an end for what begins.

    What was looked for from a line before is not looked for again.
    """
    at, _, closer = opening(_line(state, start_line))
    if not closer:
        return False
    begin = state.bMarks[start_line] + state.tShift[start_line] + at
    ends = state.env.setdefault("formulas", {})
    since, at = ends.get(closer, (begin + 1, 0))
    if begin < since or 0 <= at < begin:
        at = state.src.find(closer, begin)
        ends[closer] = begin, at
    last = min(start_line + _LONGEST, end_line - 1)  # a line has a character at least
    return 0 <= at < state.eMarks[last]


def block_lines(lines: Iterable[str]) -> int | None:
    """Return how many of the stripped ``lines`` are a formula set apart; 0 if none.

    Or hold one, among words in its first or last line, that no paragraph could hold:
    with an empty line, or what looks like a list. ``None`` says that it depends on
    lines to come.
    """
    opener = closer = ""
    size, alone, broken, odd = 0, False, False, False
    said: list[str] = []
    for at, text in enumerate(lines):
        size, body = size + len(text) + 1, text
        if not closer:
            begin, opener, closer = opening(text)
            alone, body = begin == len(opener), text[begin:]
        elif closer != "$$" and opener in text.partition(closer)[0]:
            return 0  # none of its kind is in it
        if not closer or size > (_LONGEST_BROKEN if broken else _LONGEST):
            return 0
        inner, found, rest = body.partition(closer)
        said.append(inner)
        broken = broken or not text
        odd = odd or broken or (at > 0 and _MARKER.match(text) is not None)
        if found:
            if alone and not rest:
                return at + 1
            tex = "\n".join(said)
            prose = not _TEX_ONLY.search(tex) and (closer == "$$" or _WORD.search(tex))
            return at + 1 if odd and not prose and not opening(rest.strip())[2] else 0
        if broken and _NO_TEX.match(text):
            return 0
    return None


def opening(text: str) -> tuple[int, str, str]:
    """Return where in a line a formula set apart begins, what opens and what ends it.

    In a line that begins with words it is one that the line does not end.
    """
    if text.startswith("$$") and not text.startswith("$$$"):
        return 2, "$$", "$$"
    if text.startswith(("\\[", "\\\\[")):
        opener = text[: text.index("[") + 1]
        return len(opener), opener, _CLOSERS[opener]
    if begun := _BEGIN.match(text):
        return begun.end(), begun[0], f"\\end{{{begun[1]}}}"
    if "`" in text or _MARKER.match(text):
        return 0, "", ""
    at = text.rfind("\\[") + 2
    if at > 1 and text[at - 3] != "\\" and "\\]" not in text[at:]:
        return at, "\\[", "\\]"
    at = text.rfind("$$") + 2
    is_one = at > 1 and text.count("$$") % 2 and "$$$" not in text
    if is_one and (at == len(text) or _TEX_ONLY.search(text, at)):
        return at, "$$", "$$"
    return 0, "", ""


def _line(state: StateBlock, line: int) -> str:
    begin = state.bMarks[line] + state.tShift[line]
    return state.src[begin : state.eMarks[line]].rstrip()


# -- tables: no row is cut in a formula, and no cell is lost ---------------------------


def _table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    if start_line + 2 > end_line:
        return False
    below = state.bMarks[start_line + 1] + state.tShift[start_line + 1]
    if not state.src.startswith(("|", "-", ":"), below):
        return False  # before anything slow: it is asked at each line
    from markdown_it.rules_block.table import table

    src, first = state.src, len(state.tokens)
    state.src = _with_bars(src)
    try:
        found = table(state, start_line, end_line, silent)
        _keep_cells(state, state.tokens[first:])
    finally:
        state.src = src
    return found


def _keep_cells(state: StateBlock, tokens: list[Token]) -> None:
    """Put what a row has more than its head into its last cell."""
    texts: list[Token] = []
    count = 0
    for token in tokens:
        if token.type == "inline":
            token.content = token.content.replace(_BAR, "|")
            texts.append(token)
        elif token.type == "thead_close":
            count = len(texts)
        elif token.type == "tr_close" and count and texts[-1].map:
            line = _line(state, texts[-1].map[0]).removeprefix("|").removesuffix("|")
            if line.count("|") >= count:
                texts[-1].content = _surplus(line, count)


def _surplus(line: str, count: int) -> str:
    """Return the last of ``count`` cells, with all that stands behind it."""
    from markdown_it.rules_block.table import escapedSplit

    cells = escapedSplit(line)
    while len(cells) > count and not cells[-1].strip():
        cells.pop()
    return "|".join(cells[count - 1 :]).strip().replace(_BAR, "|")


@lru_cache(maxsize=2)
def _with_bars(src: str) -> str:
    """Return a text of the same length, without ``|`` in the formulas of its rows."""
    if "|" not in src or ("$" not in src and "\\(" not in src):
        return src
    return "".join(map(_row, src.splitlines(keepends=True)))


def _row(line: str) -> str:
    out, pos = "", 0
    while found := _MAYBE.search(line, pos):
        start, stop = found.start(), find_math(line, found.start(), len(line))
        written = line[start : max(stop, found.end())]
        cells = written[1] == " " and " | " in written if stop > 0 else True
        is_one = not cells and "`" not in written
        out += line[pos:start] + (written.replace("|", _BAR) if is_one else written)
        pos = start + len(written)
    return out + line[pos:]


def without_math(markdown: str) -> tuple[str, list[str]]:
    """Take formulas out as JupyterLab does before it reads Markdown.

    A port of ``removeMath`` (``@jupyterlab/rendermime``, ``latex.ts``): it knows no
    blocks and little of code, so what it takes out can change what the rest means.
    """
    text = _JUPYTER_FENCE.sub(_hide_dollars, markdown.replace("~", "~T"))
    text = _JUPYTER_CODE.sub(_hide_dollars, text)
    pieces = _JUPYTER_MARK.split(re.sub(r"\r\n?", "\n", text))
    formulas: list[str] = []
    _take_out(pieces, formulas)
    return _shown("".join(pieces)), list(map(_shown, formulas))


def _hide_dollars(found: re.Match[str]) -> str:
    return found[0].replace("$", "~D")


def _shown(text: str) -> str:
    return re.sub("~([TD])", lambda found: "~" if found[1] == "T" else "$", text)


def _take_out(pieces: list[str], formulas: list[str]) -> None:
    start, end, last, depth = -1, "", -1, 0

    def take(to: int) -> None:
        formulas.append("".join(pieces[start : to + 1]))
        pieces[start : to + 1] = [f"@@{len(formulas) - 1}@@", *[""] * (to - start)]

    at = 1
    while at < len(pieces):
        piece = pieces[at]
        if piece.startswith("@"):
            pieces[at] = f"@@{len(formulas)}@@"
            formulas.append(piece)
        elif start >= 0:
            if piece == end:
                if depth:
                    last = at
                else:
                    take(at)
                    start, last = -1, -1
            elif piece.count("\n") > 1:
                if last >= 0:
                    at = last
                    take(at)
                start, last, depth = -1, -1, 0
            elif piece == "{":
                depth += 1
            elif piece == "}" and depth:
                depth -= 1
        elif opened := _opened(piece):
            start, end, last, depth = at, opened, -1, 0
        at += 2
    if start >= 0 and last >= 0:
        take(last)


def _opened(piece: str) -> str:
    """Return what closes the formula that ``piece`` opens, or nothing."""
    if piece in ("$", "$$"):
        return piece
    if piece in ("\\\\(", "\\\\["):
        return "\\\\)" if piece.endswith("(") else "\\\\]"
    return "\\end" + piece[6:] if piece[1:6] == "begin" else ""
