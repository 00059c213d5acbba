"""Solutions of lesson 06: right ones in several ways, and one for each trap."""

RIGHT = {
    "wait_before": {
        "floats": """
def wait_before(attempt, retry_after):
    if retry_after is None:
        return min(8.0, 0.5 * 2.0 ** (attempt - 1))
    return float(retry_after)
""",
        "whole numbers where they are": """
def wait_before(attempt, retry_after):
    return min(2 ** (attempt - 2), 8) if retry_after is None else retry_after
""",
        "a loop": """
def wait_before(attempt, retry_after):
    if retry_after is not None:
        return retry_after
    wait = 0.5
    for _ in range(attempt - 1):
        wait = min(wait * 2, 8)
    return wait
""",
    },
    "first_block": {
        "finally": """
def first_block(stream):
    text = ""
    try:
        for event in stream:
            if event.type != "response.output_text.delta":
                continue
            print(event.delta, end="")
            text = text + event.delta
            if text.count("```") >= 2:
                break
    finally:
        stream.close()
    return text
""",
        "a list and closing": """
from contextlib import closing


def first_block(stream):
    pieces = []
    with closing(stream):
        for event in stream:
            if event.type == "response.output_text.delta":
                pieces.append(event.delta)
                print(event.delta, end="", flush=True)
                if "".join(pieces).count("```") == 2:
                    break
    print()
    return "".join(pieces)
""",
        "find": """
import sys


def first_block(stream):
    text = ""
    with stream as events:
        for event in events:
            if event.type == "response.output_text.delta":
                sys.stdout.write(event.delta)
                text += event.delta
                start = text.find("```")
                if start >= 0 and text.find("```", start + 3) >= 0:
                    return text
    return text
""",
    },
}

TRAPS = {
    "wait_before": {
        "or": (
            """
def wait_before(attempt, retry_after):
    return retry_after or min(0.5 * 2 ** (attempt - 1), 8)
""",
            "the server says 0",
        ),
        "no limit": (
            """
def wait_before(attempt, retry_after):
    if retry_after is not None:
        return retry_after
    return 0.5 * 2 ** (attempt - 1)
""",
            "never more than 8",
        ),
        "the limit for the server, too": (
            """
def wait_before(attempt, retry_after):
    wait = 0.5 * 2 ** (attempt - 1) if retry_after is None else retry_after
    return min(wait, 8)
""",
            "the server wants more than 8",
        ),
        "deaf": (
            """
def wait_before(attempt, retry_after):
    return min(0.5 * 2 ** (attempt - 1), 8)
""",
            "the server names a time",
        ),
        "the longer of the two": (
            """
def wait_before(attempt, retry_after):
    return max(retry_after or 0, min(0.5 * 2 ** (attempt - 1), 8))
""",
            "a part of a second",
        ),
        "attempts from 0": (
            """
def wait_before(attempt, retry_after):
    if retry_after is not None:
        return retry_after
    return min(0.5 * 2 ** attempt, 8)
""",
            "the first retry",
        ),
        "it grows evenly": (
            """
def wait_before(attempt, retry_after):
    if retry_after is not None:
        return retry_after
    return min(0.5 * attempt, 8)
""",
            "the fourth",
        ),
    },
    "first_block": {
        "break closes": (
            """
def first_block(stream):
    text = ""
    for event in stream:
        if event.type == "response.output_text.delta":
            text += event.delta
            print(event.delta, end="")
            if text.count("```") == 2:
                break
    return text
""",
            "the connection",
        ),
        "closed, but not by ■": (
            """
def first_block(stream):
    text = ""
    for event in stream:
        if event.type == "response.output_text.delta":
            text += event.delta
            print(event.delta, end="")
            if text.count("```") == 2:
                break
    stream.close()
    return text
""",
            "■ is pressed",
        ),
        "it swallows ■": (
            """
def first_block(stream):
    text = ""
    try:
        for event in stream:
            if event.type == "response.output_text.delta":
                text += event.delta
                print(event.delta, end="")
                if text.count("```") == 2:
                    break
    except BaseException:
        pass
    stream.close()
    return text
""",
            "■ is pressed",
        ),
        "the block begins": (
            """
def first_block(stream):
    text = ""
    with stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                text += event.delta
                print(event.delta, end="")
                if "```" in text:
                    break
    return text
""",
            "up to the end of the block",
        ),
        "the signs in one delta": (
            """
def first_block(stream):
    text, fences = "", 0
    with stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                text += event.delta
                print(event.delta, end="")
                fences += event.delta.count("```")
                if fences == 2:
                    break
    return text
""",
            "in two deltas",
        ),
        "it prints at the end": (
            """
def first_block(stream):
    text = ""
    with stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                text += event.delta
                if text.count("```") == 2:
                    break
    print(text, end="")
    return text
""",
            "before the next one is taken",
        ),
        "it prints lines": (
            """
def first_block(stream):
    text = ""
    with stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                text += event.delta
                print(event.delta)
                if text.count("```") == 2:
                    break
    return text
""",
            "what stands on the screen",
        ),
        "every delta is text": (
            """
def first_block(stream):
    text = ""
    with stream:
        for event in stream:
            if event.type.endswith(".delta"):
                text += event.delta
                print(event.delta, end="")
                if text.count("```") == 2:
                    break
    return text
""",
            "up to the end of the block",
        ),
        "it reads to the end": (
            """
def first_block(stream):
    text = ""
    with stream:
        for event in stream:
            is_text = event.type == "response.output_text.delta"
            if is_text and text.count("```") < 2:
                text += event.delta
                print(event.delta, end="")
    return text
""",
            "deltas that it takes",
        ),
        "it keeps nothing": (
            """
def first_block(stream):
    text = ""
    with stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                text += event.delta
                print(event.delta, end="")
                if text.count("```") == 2:
                    break
""",
            "up to the end of the block",
        ),
    },
}
