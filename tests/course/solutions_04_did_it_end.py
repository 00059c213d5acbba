"""Solutions of lesson 04: right ones in several ways, and one for each trap."""

RIGHT = {
    "is_complete": {
        "a loop": """
def is_complete(api, events):
    for event in events:
        if api == "openai.chat":
            for choice in event.choices:
                if choice.finish_reason is not None:
                    return True
        elif api == "openai.responses":
            if event.type in ("response.completed", "response.incomplete"):
                return True
        elif event.type == "message_stop":
            return True
    return False
""",
        "sets": """
def is_complete(api, events):
    if api == "openai.chat":
        reasons = [c.finish_reason for e in events for c in e.choices]
        return any(reasons)
    seen = {event.type for event in events}
    return bool(
        seen & {"response.completed", "response.incomplete", "message_stop"}
    )
""",
        "match": """
def is_complete(api, events):
    def ends(event):
        match api:
            case "openai.chat":
                return any(choice.finish_reason for choice in event.choices)
            case "openai.responses":
                return event.type in {"response.completed", "response.incomplete"}
            case _:
                return event.type == "message_stop"

    return any(map(ends, events))
""",
    },
    "honest": {
        "no finally": """
def honest(stream):
    ending = "[truncated]"
    try:
        for event in stream:
            yield event
            if event.type == "response.completed":
                ending = "[complete]"
            if event.type == "response.incomplete":
                ending = "[cut by a limit]"
            if event.type == "error" or event.type == "response.failed":
                ending = "[failed]"
    except Exception:
        print("[failed]")
        raise
    print(ending)
""",
        "a table": """
ENDINGS = {
    "response.completed": "complete",
    "response.incomplete": "cut by a limit",
    "response.failed": "failed",
    "error": "failed",
}


def honest(stream):
    ending = "failed"
    try:
        found = "truncated"
        for event in stream:
            found = ENDINGS.get(event.type, found)
            yield event
        ending = found
    finally:
        print(f"[{ending}]")
""",
        "a class": """
class honest:
    def __init__(self, stream):
        self.stream = iter(stream)
        self.ending = "truncated"

    def __iter__(self):
        return self

    def __next__(self):
        try:
            event = next(self.stream)
        except StopIteration:
            print(f"[{self.ending}]")
            raise
        except Exception:
            print("[failed]")
            raise
        if event.type == "response.completed":
            self.ending = "complete"
        elif event.type == "response.incomplete":
            self.ending = "cut by a limit"
        elif event.type in ("response.failed", "error"):
            self.ending = "failed"
        return event
""",
    },
}

#: One of Responses and one of the others each, where only one API has the trap.
_OTHERS = """
    if api == "openai.chat":
        return any(c.finish_reason for e in events for c in e.choices)
    if api == "anthropic.messages":
        return any(e.type == "message_stop" for e in events)
"""
_RESPONSES = """
    if api == "openai.responses":
        ends = ("response.completed", "response.incomplete")
        return any(e.type in ends for e in events)
"""

TRAPS = {
    "is_complete": {
        "it is complete if it ended": (
            "def is_complete(api, events):\n    return True\n",
            "cut in a word",
        ),
        "the last event is no delta": (
            f"""
def is_complete(api, events):
{_OTHERS}
    return not events[-1].type.endswith(".delta")
""",
            "an item is done",
        ),
        "any done in a type": (
            f"""
def is_complete(api, events):
{_OTHERS}
    return any("done" in e.type or "completed" in e.type for e in events)
""",
            "an item is done",
        ),
        "an error is an end, too": (
            f"""
def is_complete(api, events):
{_OTHERS}
    ends = ("response.completed", "response.incomplete", "error")
    return events[-1].type in ends
""",
            "the last event is no delta, and an error",
        ),
        "failed is an end, too": (
            f"""
def is_complete(api, events):
{_OTHERS}
    ends = ("response.completed", "response.incomplete", "response.failed")
    return any(e.type in ends for e in events)
""",
            "the service says that it failed",
        ),
        "no limit": (
            f"""
def is_complete(api, events):
{_OTHERS}
    return any(e.type == "response.completed" for e in events)
""",
            "the limit of tokens: its marker is another",
        ),
        "the first choice of the last chunk": (
            f"""
def is_complete(api, events):
{_RESPONSES}
    if api == "openai.chat":
        return events[-1].choices[0].finish_reason is not None
    return any(e.type == "message_stop" for e in events)
""",
            "Chat, with chunks that have no choice",
        ),
        "stop alone": (
            f"""
def is_complete(api, events):
{_RESPONSES}
    if api == "openai.chat":
        return any(c.finish_reason == "stop" for e in events for c in e.choices)
    return any(e.type == "message_stop" for e in events)
""",
            "Chat, the limit of tokens",
        ),
        "any stop in a type": (
            f"""
def is_complete(api, events):
{_RESPONSES}
    if api == "openai.chat":
        return any(c.finish_reason for e in events for c in e.choices)
    return any(e.type.endswith("_stop") for e in events)
""",
            "a block has stopped",
        ),
        "the last event of none": (
            f"""
def is_complete(api, events):
{_RESPONSES}
    if api == "openai.chat":
        return any(c.finish_reason for e in events for c in e.choices)
    return events[-1].type == "message_stop"
""",
            "nothing came",
        ),
    },
    "honest": {
        "it collects first": (
            """
def honest(stream):
    events = list(stream)
    yield from events
    print("[complete]")
""",
            "events taken for the first one",
        ),
        "it prints at the marker": (
            """
def honest(stream):
    for event in stream:
        if event.type == "response.completed":
            print("[complete]")
        yield event
""",
            "after all events",
        ),
        "it ended, so it is complete": (
            """
def honest(stream):
    for event in stream:
        yield event
    print("[complete]")
""",
            "it just ends",
        ),
        "the last event is no delta": (
            """
def honest(stream):
    last = None
    for event in stream:
        last = event
        yield event
    print("[truncated]" if last.type.endswith("delta") else "[complete]")
""",
            "it just ends",
        ),
        "it knows no limit": (
            """
def honest(stream):
    ending = "truncated"
    for event in stream:
        if event.type in ("response.completed", "response.incomplete"):
            ending = "complete"
        yield event
    print(f"[{ending}]")
""",
            "incomplete",
        ),
        "it knows no error event": (
            """
def honest(stream):
    ending = "truncated"
    try:
        for event in stream:
            if event.type == "response.completed":
                ending = "complete"
            if event.type == "response.incomplete":
                ending = "cut by a limit"
            yield event
    except Exception:
        ending = "failed"
        raise
    finally:
        print(f"[{ending}]")
""",
            "an error event",
        ),
        "it swallows the exception": (
            """
def honest(stream):
    ending = "truncated"
    try:
        for event in stream:
            if event.type == "response.completed":
                ending = "complete"
            if event.type == "response.incomplete":
                ending = "cut by a limit"
            if event.type in ("error", "response.failed"):
                ending = "failed"
            yield event
    except Exception:
        ending = "failed"
    print(f"[{ending}]")
""",
            "the connection breaks",
        ),
        "the exception makes it truncated": (
            """
def honest(stream):
    ending = "truncated"
    try:
        for event in stream:
            if event.type == "response.completed":
                ending = "complete"
            if event.type == "response.incomplete":
                ending = "cut by a limit"
            if event.type in ("error", "response.failed"):
                ending = "failed"
            yield event
    finally:
        print(f"[{ending}]")
""",
            "the connection breaks",
        ),
        "it passes deltas only": (
            """
def honest(stream):
    for event in stream:
        if event.type == "response.output_text.delta":
            yield event
    print("[complete]")
""",
            "complete",
        ),
    },
}
