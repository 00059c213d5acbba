"""Ways to show a stream live that are right, and one for each trap of lesson 02."""

_HEAD = """
import codecs
import json


def text_of(data):
    return json.loads(data).get("delta", "")


def events_of(lines):
    data = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line[5:])
        elif line == "" and data:
            yield "\\n".join(data)
            data = []
"""


def _by_lines(lines: str) -> str:
    """Return a solution with its own way from pieces to lines."""
    return f"""{_HEAD}

{lines}


def show_live(pieces):
    for data in events_of(lines_of(pieces)):
        print(text_of(data), end="", flush=True)
"""


RIGHT = {
    "show_live": {
        "a buffer of bytes": _by_lines("""
def lines_of(pieces):
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\\n")
        for line in lines:
            yield line.decode().removesuffix("\\r")
"""),
        "a decoder of codecs that iterates": _by_lines("""
def lines_of(pieces):
    rest = ""
    for text in codecs.iterdecode(pieces, "utf-8-sig"):
        rest += text
        while "\\n" in rest:
            line, _, rest = rest.partition("\\n")
            yield line.rstrip("\\r")
"""),
        "the library's decoder": """
import json, sys
from nbstream.sse import Decoder

def show_live(pieces):
    decoder = Decoder()
    for piece in pieces:
        for event in decoder.feed(piece):
            sys.stdout.write(json.loads(event.data).get("delta") or "")
            sys.stdout.flush()
""",
        "one byte after the other": f"""{_HEAD}

def show_live(pieces):
    line, data = bytearray(), []
    for piece in pieces:
        for byte in piece:
            if byte != 10:
                line.append(byte)
                continue
            text = line.decode().removesuffix("\\r")
            line.clear()
            if text.startswith("data:"):
                data.append(text[5:])
            elif not text and data:
                print(text_of("\\n".join(data)), end="")
                data.clear()
""",
    }
}

TRAPS = {
    "show_live": {
        "it prints lines": (
            _by_lines("""
def lines_of(pieces):
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\\n")
        for line in lines:
            yield line.decode().removesuffix("\\r")
""").replace('end="", ', ""),
            "one event with text",
        ),
        "it returns the text": (
            """
from nbstream.sse import decode
import json

def show_live(pieces):
    events = decode(b"".join(pieces))
    return "".join(json.loads(event.data).get("delta", "") for event in events)
""",
            "one event with text",
        ),
        "each piece by itself": (
            _by_lines("""
def lines_of(pieces):
    for piece in pieces:
        yield from piece.decode().replace("\\r", "").split("\\n")
"""),
            "an event in pieces",
        ),
        "it waits for the end": (
            _by_lines("""
def lines_of(pieces):
    for line in b"".join(pieces).split(b"\\n"):
        yield line.decode().removesuffix("\\r")
"""),
            "before the next piece",
        ),
        "strip": (
            _by_lines("""
def lines_of(pieces):
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\\n")
        for line in lines:
            yield line.decode().removesuffix("\\r")
""").replace("print(text_of(data)", "print(text_of(data).strip()"),
            "spaces are kept",
        ),
        "a piece that is stripped": (
            _by_lines("""
def lines_of(pieces):
    decoder = codecs.getincrementaldecoder("utf-8")()
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + decoder.decode(piece).strip(" ")).split("\\n")
        for line in lines:
            yield line.removesuffix("\\r")
"""),
            "emoji",
        ),
        "each piece decoded by itself": (
            _by_lines("""
def lines_of(pieces):
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece.decode()).split("\\n")
        for line in lines:
            yield line.removesuffix("\\r")
"""),
            "emoji",
        ),
        "each piece decoded, and errors replaced": (
            _by_lines("""
def lines_of(pieces):
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece.decode(errors="replace")).split("\\n")
        for line in lines:
            yield line.removesuffix("\\r")
"""),
            "emoji",
        ),
        "splitlines": (
            _by_lines("""
def lines_of(pieces):
    decoder = codecs.getincrementaldecoder("utf-8")()
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + decoder.decode(piece) + "|").splitlines()
        rest = rest[:-1]
        yield from lines
"""),
            "U+2028",
        ),
        "LF only": (
            _by_lines("""
def lines_of(pieces):
    decoder = codecs.getincrementaldecoder("utf-8")()
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + decoder.decode(piece)).split("\\n")
        yield from lines
"""),
            "lines end in CR LF",
        ),
        "the last data line only": (
            """
import json

def show_live(pieces):
    rest, data = b"", ""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\\n")
        for line in lines:
            line = line.decode().removesuffix("\\r")
            if line.startswith("data:"):
                data = line[5:]
            elif line == "" and data:
                print(json.loads(data).get("delta", ""), end="")
                data = ""
""",
            "two data lines",
        ),
        "it does not wait for the empty line": (
            """
import json

def show_live(pieces):
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\\n")
        for line in lines:
            if line.startswith(b"data:"):
                print(json.loads(line[5:]).get("delta", ""), end="")
""",
            "two data lines",
        ),
        "CR LF replaced in each piece": (
            _by_lines("""
def lines_of(pieces):
    decoder = codecs.getincrementaldecoder("utf-8")()
    rest = ""
    for piece in pieces:
        text = decoder.decode(piece).replace("\\r\\n", "\\n")
        *lines, rest = (rest + text).split("\\n")
        yield from lines
"""),
            "between CR and LF",
        ),
        "a CR ends a line at once": (
            _by_lines("""
def lines_of(pieces):
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece + b"|").splitlines()
        rest = rest[:-1]
        for line in lines:
            yield line.decode()
"""),
            "between CR and LF",
        ),
        "what is left is shown, too": (
            _by_lines("""
def lines_of(pieces):
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\\n")
        for line in lines:
            yield line.decode().removesuffix("\\r")
    yield rest.decode()
    yield ""
"""),
            "without its empty line",
        ),
    }
}
