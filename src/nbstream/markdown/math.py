"""Find TeX formulas in Markdown, and those that do more than show a formula.

The rule for a single dollar is pandoc's, a little stricter: no space after the
opening one, no space before the closing one, no digit after it, and no other
dollar, no backtick and no ``&#`` (which is no TeX) between. So ``$5 and $6`` stays
prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

#: Longer than any formula to read; what is longer is text, and is not searched.
_LONGEST = 10_000
#: Deeper groups than these overflow the stack of a typesetter.
_DEEPEST = 60

_DOLLAR = re.compile(
    r"\$(?![\s$])(?:[^$\\`&]|&(?!\#)|\\.){1,10000}+(?<!\s)\$(?!\d)", re.DOTALL
)
_DOLLARS = re.compile(r"\$\$(?:[^$\\]|\\.|\$(?!\$)){1,10000}+\$\$", re.S)
_BEGIN = re.compile(r"\\begin\{([a-zA-Z]+\*?)\}")
#: Commands that load, run, link, style or redefine, in MathJax and in KaTeX.
COMMAND = re.compile(
    r"""\\(?:
        require|href|url|path|includegraphics|unicode|char|class|cssId|style|data
      | html[a-zA-Z]*|js[a-zA-Z]*|action|special|input|include|write|open(?:in|out)
      | [gex]?def|(?:future)?let|global|long|catcode|csname|expandafter
      | (?:re)?newcommand[a-z]*|(?:re)?newenvironment|provide[a-zA-Z]*|Declare[a-zA-Z]*
      | Newextarrow|mmlToken|texttip|mathtip|toggle|endtoggle|bbox|enclose
      | setOptions|texhtml|begingroup[a-zA-Z]*|loop|repeat
    )(?![a-zA-Z])""",
    re.VERBOSE,
)


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
    if src.startswith("$$", pos):
        found = _DOLLARS.match(src, pos, end)
        return found.end() if found and found[0][2:-2].strip() else -1
    if src[pos] == "$":
        found = _DOLLAR.match(src, pos, end)
        return found.end() if found else -1
    closer = {"\\(": "\\)", "\\[": "\\]"}.get(src[pos : pos + 2], "")
    if not closer:
        return -1
    stop = src.find(closer, pos + 2, min(end, pos + _LONGEST))
    return stop + 2 if stop > pos + 2 and src[pos + 2 : stop].strip() else -1


def is_harmless(tex: str) -> bool:
    """Say whether a typesetter may have ``tex``: it is only a formula."""
    depth = deepest = 0
    for brace in re.findall(r"\\[{}]|[{}]", tex):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        deepest = max(deepest, depth)
    return deepest <= _DEEPEST and not COMMAND.search(tex)


def add_math(md: MarkdownIt) -> None:
    """Teach ``md`` formulas, before anything could read Markdown inside them."""
    md.inline.ruler.before("escape", "math", _inline)
    interrupts = ["paragraph", "reference", "blockquote", "list"]
    md.block.ruler.before("fence", "math_block", _block, {"alt": interrupts})


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    stop = find_math(state.src, state.pos, state.posMax)
    if stop < 0:
        return False
    if not silent:
        state.push("math", "", 0).content = state.src[state.pos : stop]
    state.pos = stop
    return True


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    begin = state.bMarks[start_line] + state.tShift[start_line]
    if not state.src.startswith(("$", "\\"), begin):
        return False  # before anything slow: it is asked at each line
    if state.is_code_block(start_line) or not _may_close(state, start_line, end_line):
        return False

    lines = (
        _line(state, line) if state.sCount[line] >= state.blkIndent else ""
        for line in range(start_line, end_line)
    )
    count = block_lines(lines)
    if not count or silent:
        return bool(count)
    stop_line = start_line + count
    text = state.getLines(start_line, stop_line, state.blkIndent, False).strip()
    if text in ("$$$$", "\\[\\]"):
        return False
    state.line = stop_line
    token = state.push("math_block", "", 0)
    token.content = text
    token.map = [start_line, stop_line]
    return True


def _may_close(state: StateBlock, start_line: int, end_line: int) -> bool:
    """Tell, without a look at each line, whether there is an end for what begins.

    What was looked for from a line before is not looked for again.
    """
    closer = _closer(_line(state, start_line))
    if not closer:
        return False
    begin = state.bMarks[start_line] + state.tShift[start_line] + 2
    ends = state.env.setdefault("formulas", {})
    since, at = ends.get(closer, (begin + 1, 0))
    if begin < since or 0 <= at < begin:
        at = state.src.find(closer, begin)
        ends[closer] = begin, at
    last = min(start_line + _LONGEST, end_line - 1)  # a line has a character at least
    line = state.src[at : state.src.find("\n", at) + 1 or None] if at >= 0 else ""
    return at < state.eMarks[last] and line.rstrip().endswith(closer)


def block_lines(lines: Iterable[str]) -> int | None:
    """Return how many of the stripped ``lines`` are a formula set apart; 0 if none.

    ``None`` says that it depends on lines to come.
    """
    closer, size = "", 0
    for at, text in enumerate(lines):
        size += len(text)
        if not text or size > _LONGEST:
            return 0
        closer = closer or _closer(text)
        if not closer:
            return 0
        body = text[2:] if at == 0 else text
        if body.endswith(closer):
            return at + 1
        if closer in body:
            return 0
    return None


def _line(state: StateBlock, line: int) -> str:
    begin = state.bMarks[line] + state.tShift[line]
    return state.src[begin : state.eMarks[line]].rstrip()


def _closer(text: str) -> str:
    if text.startswith("$$"):
        return "$$"
    if text.startswith("\\["):
        return "\\]"
    found = _BEGIN.match(text)
    return f"\\end{{{found[1]}}}" if found else ""


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
