"""Solutions of lesson 01: right ones in several ways, and the traps."""

_RIGHT = """
def live_events(lines):
    name, data = "message", []
    for line in lines:
        line = line.decode().rstrip("\\r\\n")
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                yield name, "\\n".join(data)
            name, data = "message", []
        elif field == "data":
            data.append(value)
        elif field == "event":
            name = value
"""


def _with(old: str, new: str) -> str:
    """Return a right one with something else in one place."""
    assert old in _RIGHT
    return _RIGHT.replace(old, new)


RIGHT = {
    "live_events": {
        "line by line": _RIGHT,
        "the decoder of nbstream": """
from nbstream.sse import Decoder

def live_events(lines):
    decoder = Decoder()
    for line in lines:
        for event in decoder.feed(line):
            yield event.event, event.data
""",
        "an iterator of one's own": """
class live_events:
    def __init__(self, lines):
        self.lines = iter(lines)

    def __iter__(self):
        return self

    def __next__(self):
        name, data = "message", None
        for line in self.lines:
            line = line.removesuffix(b"\\n").removesuffix(b"\\r")
            field, colon, value = line.partition(b":")
            if value[:1] == b" ":
                value = value[1:]
            if not line and data is not None:
                return name, data.decode()
            if not line:
                name = "message"
            elif field == b"data":
                data = value if data is None else data + b"\\n" + value
            elif field == b"event":
                name = value.decode()
        raise StopIteration
""",
    },
}

TRAPS = {
    "live_events": {
        "all of it first": (
            _with("for line in lines", "for line in list(lines)"),
            "how many lines were taken",
        ),
        "a list at the end": (
            "def live_events(lines):\n    found = []\n"
            + "\n".join(_RIGHT.splitlines()[2:]).replace(
                'yield name, "\\n".join(data)', 'found.append((name, "\\n".join(data)))'
            )
            + "\n    return found\n",
            "how many lines were taken",
        ),
        "at the data line": (
            """
def live_events(lines):
    name = "message"
    for line in lines:
        field, _, value = line.decode().rstrip("\\r\\n").partition(":")
        if field == "data":
            yield name, value.removeprefix(" ")
            name = "message"
        elif field == "event":
            name = value.removeprefix(" ")
""",
            "how many lines were taken",
        ),
        "one line later": (
            """
def live_events(lines):
    name, data, ready = "message", [], None
    for line in lines:
        if ready:
            yield ready
            ready = None
        field, _, value = line.decode().rstrip("\\r\\n").partition(":")
        if field == value == "":
            if data:
                ready = name, "\\n".join(data)
            name, data = "message", []
        elif field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            name = value.removeprefix(" ")
    if ready:
        yield ready
""",
            "how many lines were taken",
        ),
        "the value ends at the next colon": (
            _with(
                'field, _, value = line.partition(":")', "field, value = line, ''"
            ).replace(
                "        if line ==",
                "        if ':' in line:\n            field, "
                "value = line.split(':')[:2]\n            value = value."
                "removeprefix(' ')\n        if line ==",
            ),
            "two events",
        ),
        "the name stays": (
            _with('            name, data = "message", []', "            data = []"),
            "two events",
        ),
        "no data is an event too": (
            _with("            if data:\n    ", ""),
            "events without data",
        ),
        "empty data is none": (
            _with("if data:", "if any(data):"),
            "data that is empty",
        ),
        "the last data line counts": (
            _with("data.append(value)", "data = [value]"),
            "two lines of data",
        ),
        "LF alone": (
            _with('rstrip("\\r\\n")', 'removesuffix("\\n")'),
            "CR LF",
        ),
        "the space is a must": (
            _with('partition(":")', 'partition(": ")'),
            "spaces",
        ),
        "strip": (
            _with('rstrip("\\r\\n")', "strip()"),
            "spaces",
        ),
        "all that begins with data": (
            _with('elif field == "data"', 'elif line.startswith("data")'),
            "begins like another",
        ),
        "splitlines": (
            _with(
                'line.decode().rstrip("\\r\\n")', '"".join(line.decode().splitlines())'
            ),
            "U+2028",
        ),
        "letters of one byte": (
            _with("line.decode()", 'line.decode("latin-1")'),
            "letters of several bytes",
        ),
        "what is left is an event": (
            _RIGHT + '    if data:\n        yield name, "\\n".join(data)\n',
            "the stream ends inside an event",
        ),
    },
}
