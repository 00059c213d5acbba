"""Try everything once, and say as JSON what works and what is missing.

It runs where only nbstream and one extra are installed. A failure counts as said if it
is a ``UsageError`` of one line that brings no other traceback with it.
"""

import contextlib
import io
import json
import traceback
from dataclasses import dataclass

import nbstream
from nbstream.structured import shape_of  # `ask(schema=...)` would need an SDK


@dataclass
class Named:
    """What an answer may have to be."""

    name: str


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def hidden(reply):
    """Leave nothing to be shown."""
    return nbstream.show(reply, view="none")


def recorded():
    """Record nothing, which needs the HTTP library all the same."""
    with nbstream.record("nothing.rec"):
        hidden(["a"])


def events():
    """Read a stream without a display."""
    return list(nbstream.events(["a", "b"]))


def magic():
    """Load the magic into a shell."""
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.instance().run_line_magic("load_ext", "nbstream")


def asked(model, **options):
    """Ask, and show."""
    assert nbstream.ask("Hi", model, **options).outcome == "complete"


BODY = b'data: {"object": "chat.completion.chunk", "choices": []}\n\n'
QUESTION = b'{"id": "1", "messages": [{"role": "user", "content": "Hi"}]}'
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
TRIED = {
    "show": lambda: nbstream.show(["a", "*b*"]),
    "start": lambda: nbstream.start(["a"]).result(),
    "events": events,
    "markdown": lambda: nbstream.markdown.to_html("*a*"),
    "sse": lambda: nbstream.sse.decode(BODY),
    "anatomy": lambda: nbstream.anatomy(BODY).markdown(),
    "race": lambda: print(nbstream.race({"a": lambda: ["a"]})),
    "panel": lambda: nbstream.Chat("openai:m").panel(),
    "read": lambda: nbstream.web.read(QUESTION),
    "magic": magic,
    "offline": lambda: nbstream.offline.use(live=False, speed=0),
    "openai": lambda: asked("openai:m"),
    "anthropic": lambda: asked("anthropic:m"),
    "google": lambda: asked("google:m"),
    "chat": lambda: nbstream.Chat("openai:m")("Hi"),
    "plot": lambda: nbstream.plot(hidden(["a"])),
    "record": recorded,
    "tool": lambda: nbstream.tool(add),
    "schema": lambda: shape_of(Named),
    "json schema": lambda: shape_of(SCHEMA),
    "app": lambda: nbstream.web.app(nbstream.Chat("openai:m")),
    "response": lambda: nbstream.web.Response(["a"]),
    "open": lambda: nbstream.web.open(nbstream.web.app(lambda _: ["a"])).stop(),
}


def said(error):
    """Return the line that a person gets, or all that went wrong."""
    chained = error.__cause__ or (not error.__suppress_context__ and error.__context__)
    line = str(error)
    if isinstance(error, nbstream.UsageError) and not chained and "\n" not in line:
        return line
    return "".join(traceback.format_exception(error))


def outcome(trial):
    """Try one thing."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            trial()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the result
        return said(error)
    return "works"


if __name__ == "__main__":
    results = {name: outcome(trial) for name, trial in TRIED.items()}
    print(json.dumps(results))
