"""Solutions of lesson 00: right ones in several ways, and the traps."""

_FIRST = """
def progress(chunks):
    text = ""
    for chunk in chunks:
"""
_SHOW = """
        print(f"\\r{len(text.split())} words", end="")
    return text
"""

RIGHT = {
    "progress": {
        "with if": """
def progress(chunks):
    text = ""
    for chunk in chunks:
        if not chunk.choices:
            continue
        piece = chunk.choices[0].delta.content
        if piece:
            text = text + piece
            print("\\r" + str(len(text.split())) + " words", end="", flush=True)
    print()
    return text
""",
        "joined, and back to the left after each": """
def progress(chunks):
    pieces = []
    for chunk in chunks:
        pieces += [each.delta.content or "" for each in chunk.choices]
        print(len("".join(pieces).split()), "words", end="\\r")
    return "".join(pieces)
""",
        "to the screen itself": """
import sys

def progress(chunks):
    text = ""
    for chunk in chunks:
        for choice in chunk.choices:
            if choice.delta.content is not None:
                text += choice.delta.content
                sys.stdout.write(f"\\rwords: {len(text.split())}")
                sys.stdout.flush()
    return text
""",
    },
    "ending": {
        "one by one": """
def ending(reply):
    if reply.outcome == "stopped":
        return "stopped"
    if reply.outcome == "truncated":
        return "truncated"
    if reply.outcome == "failed":
        return "failed"
    if reply.finish_reason == "length":
        return "cut"
    return "whole"
""",
        "with match": """
def ending(reply):
    match reply.outcome, reply.finish_reason:
        case "complete", "length":
            return "cut"
        case "complete", _:
            return "whole"
        case outcome, _:
            return outcome
""",
        "a table": """
def ending(reply):
    complete = {"length": "cut"}.get(reply.finish_reason, "whole")
    return {"complete": complete}.get(reply.outcome, reply.outcome)
""",
    },
}

TRAPS = {
    "progress": {
        "nothing returned": (
            _FIRST
            + """
        for choice in chunk.choices:
            text += choice.delta.content or ""
        print(f"\\r{len(text.split())} words", end="")
""",
            "returns the text",
        ),
        "the text is always there": (
            _FIRST
            + """
        for choice in chunk.choices:
            text += choice.delta.content
"""
            + _SHOW,
            "a chunk without text",
        ),
        "str of None": (
            _FIRST
            + """
        for choice in chunk.choices:
            text += str(choice.delta.content)
"""
            + _SHOW,
            "a chunk without text",
        ),
        "the first choice": (
            _FIRST
            + """
        text += chunk.choices[0].delta.content or ""
"""
            + _SHOW,
            "a chunk without choices",
        ),
        "the words of each piece": (
            """
def progress(chunks):
    text, count = "", 0
    for chunk in chunks:
        for choice in chunk.choices:
            piece = choice.delta.content or ""
            text += piece
            count += len(piece.split())
            print(f"\\r{count} words", end="")
    return text
""",
            "one of which came in three pieces",
        ),
        "a chunk is a word": (
            """
def progress(chunks):
    text = ""
    for number, chunk in enumerate(chunks, 1):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            print(f"\\r{number} words", end="")
    return text
""",
            "one of which came in three pieces",
        ),
        "collected first": (
            _FIRST.replace("in chunks", "in list(chunks)")
            + """
        for choice in chunk.choices:
            text += choice.delta.content or ""
"""
            + _SHOW,
            "before each next chunk",
        ),
        "shown at the end": (
            _FIRST
            + """
        for choice in chunk.choices:
            text += choice.delta.content or ""
    print(f"\\r{len(text.split())} words", end="")
    return text
""",
            "before each next chunk",
        ),
        "a line for each": (
            _FIRST
            + """
        for choice in chunk.choices:
            text += choice.delta.content or ""
        print(len(text.split()), "words")
    return text
""",
            "how many lines",
        ),
    },
    "ending": {
        "all but two are whole": (
            """
def ending(reply):
    if reply.outcome == "stopped":
        return "stopped"
    return "cut" if reply.finish_reason == "length" else "whole"
""",
            "it ended without an end",
        ),
        "the outcome is the ending": (
            "def ending(reply):\n    return reply.outcome.replace('complete', 'whole')",
            "the token limit",
        ),
        "no reason, so stopped": (
            """
def ending(reply):
    if reply.finish_reason is None:
        return "stopped"
    return "cut" if reply.finish_reason == "length" else "whole"
""",
            "it ended without an end",
        ),
        "failed if there is no text": (
            """
def ending(reply):
    if not reply.text:
        return "failed"
    if reply.outcome != "complete":
        return reply.outcome
    return "cut" if reply.finish_reason == "length" else "whole"
""",
            "a tool call",
        ),
        "only stop is whole": (
            """
def ending(reply):
    if reply.outcome != "complete":
        return reply.outcome
    return "whole" if reply.finish_reason == "stop" else "cut"
""",
            "a tool call",
        ),
        "the finish reason first": (
            """
def ending(reply):
    if reply.finish_reason == "length":
        return "cut"
    return "whole" if reply.outcome == "complete" else reply.outcome
""",
            "a finish reason, and then no end",
        ),
    },
}
