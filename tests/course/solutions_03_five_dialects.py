"""Right ways for both exercises of lesson 03, and one for each of its traps."""

_PRINT = """
from nbstream.types import TextDelta, TextDone

GREY, PLAIN = "\\033[38;5;245m", "\\033[0m"
"""

RIGHT = {
    "texts_of": {
        "lists that are joined at the end": """
def texts_of(chunks):
    pieces = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            content = choice["delta"].get("content")
            if content:
                pieces.setdefault(choice["index"], []).append(content)
    return {index: "".join(some) for index, some in pieces.items()}
""",
        "a defaultdict": """
from collections import defaultdict

def texts_of(chunks):
    texts = defaultdict(str)
    for chunk in chunks:
        for choice in chunk.get("choices") or []:
            texts[choice["index"]] += choice.get("delta", {}).get("content") or ""
    return texts
""",
        "the library": """
import nbstream

def texts_of(chunks):
    reply = nbstream.show(list(chunks), view="none")
    return {at: choice.text for at, choice in enumerate(reply.choices) if choice.text}
""",
    },
    "show_both": {
        "match": f"""{_PRINT}
def show_both(events):
    for event in events:
        match event:
            case TextDelta(kind="reasoning", text=text):
                print(GREY + text + PLAIN, end="", flush=True)
            case TextDelta(text=text):
                print(text, end="", flush=True)
""",
        "grey is turned on and off once, with finally": f"""{_PRINT}
import sys

def show_both(events):
    grey = False
    try:
        for event in events:
            if not isinstance(event, TextDelta):
                continue
            if (event.kind == "reasoning") != grey:
                grey = not grey
                sys.stdout.write(GREY if grey else PLAIN + "\\n")
            sys.stdout.write(event.text)
            sys.stdout.flush()
    finally:
        if grey:
            sys.stdout.write(PLAIN)
""",
        "faint, by the name of the type": """
def show_both(events):
    for event in events:
        if type(event).__name__ == "TextDelta":
            text = event.text
            if event.kind == "reasoning":
                text = f"\\033[2m{text}\\033[22m"
            print(text, end="")
""",
    },
}

_BOTH = f"""{_PRINT}
def show_both(events):
    for event in events:
        if isinstance(event, TextDelta):
            if event.kind == "reasoning":
                print(GREY + event.text + PLAIN, end="", flush=True)
            else:
                print(event.text, end="", flush=True)
"""

TRAPS = {
    "texts_of": {
        "one text for all": (
            """
def texts_of(chunks):
    text = ""
    for chunk in chunks:
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
    return {0: text}
""",
            "two answers",
        ),
        "the first choice of a chunk only": (
            """
def texts_of(chunks):
    texts = {}
    for chunk in chunks:
        if chunk["choices"]:
            choice = chunk["choices"][0]
            index, piece = choice["index"], choice["delta"].get("content") or ""
            texts[index] = texts.get(index, "") + piece
    return texts
""",
            "several choices",
        ),
        "the place in the list for the index": (
            """
def texts_of(chunks):
    texts = {}
    for chunk in chunks:
        for at, choice in enumerate(chunk["choices"]):
            texts[at] = texts.get(at, "") + (choice["delta"].get("content") or "")
    return texts
""",
            "two answers",
        ),
        "a content that has to be there": (
            """
def texts_of(chunks):
    texts = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            index, piece = choice["index"], choice["delta"]["content"] or ""
            texts[index] = texts.get(index, "") + piece
    return texts
""",
            "content is missing",
        ),
        "None is a text": (
            """
def texts_of(chunks):
    texts = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            index, piece = choice["index"], choice["delta"].get("content", "")
            texts[index] = texts.get(index, "") + str(piece)
    return texts
""",
            "content is None",
        ),
        "choices that have to be there": (
            """
def texts_of(chunks):
    texts = {}
    for chunk in chunks:
        chunk["choices"][0]
        for choice in chunk["choices"]:
            index, piece = choice["index"], choice["delta"].get("content") or ""
            texts[index] = texts.get(index, "") + piece
    return texts
""",
            "choices are empty",
        ),
        "the last piece only": (
            """
def texts_of(chunks):
    texts = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            texts[choice["index"]] = choice["delta"].get("content") or ""
    return texts
""",
            "one answer",
        ),
    },
    "show_both": {
        "each piece on a line of its own": (
            _BOTH.replace('end="", ', ""),
            "(text)",
        ),
        "all is plain": (
            _BOTH.replace("GREY + event.text + PLAIN", "event.text"),
            "thoughts are grey",
        ),
        "all is grey": (
            _BOTH.replace("print(event.text", "print(GREY + event.text + PLAIN"),
            "(text)",
        ),
        "grey is never turned off": (
            _BOTH.replace(" + PLAIN, end", ", end"),
            "thoughts are grey",
        ),
        "it waits for the end": (
            _BOTH.replace("in events:", "in list(events):"),
            "before the next event",
        ),
        "the text of every event": (
            _BOTH.replace("if isinstance(event, TextDelta):", "if True:"),
            "events without text",
        ),
        "whatever has a text": (
            _BOTH.replace("isinstance(event, TextDelta)", 'hasattr(event, "text")'),
            "TextDone",
        ),
        "a refusal is left out": (
            _BOTH.replace("    else:", '    elif event.kind == "text":'),
            "refusal",
        ),
        "the thoughts come first, the rest later": (
            f"""{_PRINT}
def show_both(events):
    answered = False
    for event in events:
        if isinstance(event, TextDelta):
            answered = answered or event.kind != "reasoning"
            text = event.text if answered else GREY + event.text + PLAIN
            print(text, end="", flush=True)
""",
            "thinks twice",
        ),
        "grey is turned off by the next text": (
            f"""{_PRINT}
def show_both(events):
    for event in events:
        if isinstance(event, TextDelta):
            style = GREY if event.kind == "reasoning" else PLAIN
            print(style + event.text, end="", flush=True)
""",
            "ends while it thinks",
        ),
        "grey is turned off at the end": (
            f"""{_PRINT}
def show_both(events):
    for event in events:
        if isinstance(event, TextDelta):
            style = GREY if event.kind == "reasoning" else PLAIN
            print(style + event.text, end="", flush=True)
    print(PLAIN, end="")
""",
            "breaks while it thinks",
        ),
    },
}
