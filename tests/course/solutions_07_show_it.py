"""Solutions of lesson 07: right ones in several ways, and one for each trap."""

RIGHT = {
    "whole_blocks": {
        "by flags": """
def whole_blocks(text):
    blocks, block, fence = [], "", False
    lines = text.splitlines(keepends=True)
    for line in lines:
        if not line.endswith("\\n"):
            break
        if line[:3] == "```":
            fence = not fence
        if line == "\\n" and not fence:
            if block:
                blocks.append(block[:-1])
            block = ""
        else:
            block += line
    return blocks
""",
        "by pieces that are joined while a fence is open": """
def whole_blocks(text):
    def fences(piece):
        return sum(line.startswith("```") for line in piece.split("\\n"))

    blocks, piece = [], ""
    for part in text.split("\\n\\n")[:-1]:
        piece = f"{piece}\\n\\n{part}" if piece else part
        if fences(piece) % 2 == 0:
            if piece.strip("\\n"):
                blocks.append(piece.strip("\\n"))
            piece = ""
    return blocks
""",
        "as a generator": """
def whole_blocks(text):
    lines, fence = [], False
    for line in text.split("\\n")[:-1]:
        fence ^= line.startswith("```")
        if line == "" and not fence:
            if lines:
                yield "\\n".join(lines)
            lines = []
        else:
            lines.append(line)
""",
    },
    "by_sentence": {
        "with a regular expression": """
import re

def by_sentence(deltas):
    waiting = ""
    for delta in deltas:
        waiting += delta
        while found := re.search(r"(?<!Dr)(?<!e\\.g)(?<!i\\.e)[.!?]\\s", waiting):
            yield waiting[: found.end()]
            waiting = waiting[found.end() :]
    if waiting:
        yield waiting
""",
        "by the last word": """
def by_sentence(deltas):
    signs = []
    for sign in (sign for delta in deltas for sign in delta):
        signs.append(sign)
        word = "".join(signs).split()[-1:] or ["-"]
        short = word[0] in ("Dr.", "e.g.", "i.e.")
        if sign.isspace() and word[0][-1] in ".!?" and not short:
            yield "".join(signs)
            signs.clear()
    if signs:
        yield "".join(signs)
""",
    },
}

TRAPS = {
    "whole_blocks": {
        "split": ('def whole_blocks(text):\n    return text.split("\\n\\n")', "last"),
        "all but the last, as split": (
            'def whole_blocks(text):\n    return text.split("\\n\\n")[:-1]',
            "more empty lines",
        ),
        "blind to fences": (
            "def whole_blocks(text):\n"
            '    return [b.strip("\\n") for b in text.split("\\n\\n")[:-1] if b]',
            "a fence that holds",
        ),
        "a fence that is not closed ends with the text": (
            """
import re

def whole_blocks(text):
    found = re.findall(r"```.*?(?:\\n```|\\Z)|[^\\n].*?(?=\\n\\n|\\Z)", text, re.S)
    ends = text.endswith("\\n\\n")
    fence = text.count("```") % 2 and found[-1].startswith("```")
    return found if ends or fence else found[:-1]
""",
            "not closed",
        ),
        "backticks anywhere": (
            """
def whole_blocks(text):
    blocks, lines, fence = [], [], False
    for line in text.split("\\n")[:-1]:
        if "```" in line:
            fence = not fence
        if line or fence:
            lines.append(line)
        elif lines:
            blocks.append("\\n".join(lines))
            lines = []
    return blocks
""",
            "inside a line",
        ),
        "each line is a block": (
            "def whole_blocks(text):\n"
            '    return [line for line in text.split("\\n")[:-1] if line]',
            "one line break",
        ),
    },
    "by_sentence": {
        "each delta": (
            "def by_sentence(deltas):\n    yield from deltas",
            "two",
        ),
        "one sentence for each delta": (
            """
def by_sentence(deltas):
    waiting = ""
    for delta in deltas:
        waiting += delta
        at = waiting.rfind(" ")
        if at > 0 and waiting[at - 1] in ".!?" and waiting[:at] not in ("Ask Dr.",):
            yield waiting[: at + 1]
            waiting = waiting[at + 1 :]
        elif ". " in waiting:
            first, waiting = waiting.split(". ", 1)
            yield first + ". "
    if waiting:
        yield waiting
""",
            "three in a delta",
        ),
        "at each dot": (
            """
def by_sentence(deltas):
    waiting = ""
    for sign in "".join(deltas):
        waiting += sign
        if sign in ".!?":
            yield waiting
            waiting = ""
    if waiting.strip():
        yield waiting
""",
            "decimal",
        ),
        "blind to short forms": (
            """
def by_sentence(deltas):
    waiting = ""
    for delta in deltas:
        for sign in delta:
            waiting += sign
            if sign.isspace() and waiting.rstrip()[-1:] in tuple(".!?"):
                yield waiting
                waiting = ""
    if waiting:
        yield waiting
""",
            "Dr.",
        ),
        "the rest is lost": (
            """
def by_sentence(deltas):
    waiting = ""
    for delta in deltas:
        for sign in delta:
            waiting += sign
            words = waiting.rstrip()
            short = words.endswith(("Dr.", "e.g.", "i.e."))
            if sign.isspace() and words[-1:] in tuple(".!?") and not short:
                yield waiting
                waiting = ""
""",
            "no stop",
        ),
        "an empty one at the end": (
            """
def by_sentence(deltas):
    waiting = ""
    for delta in deltas:
        for sign in delta:
            waiting += sign
            words = waiting.rstrip()
            short = words.endswith(("Dr.", "e.g.", "i.e."))
            if sign.isspace() and words[-1:] in tuple(".!?") and not short:
                yield waiting
                waiting = ""
    yield waiting
""",
            "two",
        ),
        "stripped": (
            """
def by_sentence(deltas):
    waiting = ""
    for delta in deltas:
        for sign in delta:
            waiting += sign
            words = waiting.rstrip()
            short = words.endswith(("Dr.", "e.g.", "i.e."))
            if sign.isspace() and words[-1:] in tuple(".!?") and not short:
                yield words
                waiting = ""
    if waiting:
        yield waiting
""",
            "joined",
        ),
        "all of it first": (
            """
import re

def by_sentence(deltas):
    text = "".join(deltas)
    yield from re.findall(r".+?(?:(?<!Dr)(?<!e\\.g)[.!?]\\s+|$)", text, re.S)
""",
            "at once",
        ),
    },
}
