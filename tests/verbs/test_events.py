"""``nbstream.types``: the events of a stream, and how leaving the loop closes it."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import aclosing

import pytest
from harness.sdks import APIS, KEY, SHAPES, Clients, cases, only
from harness.wire import said, wait_until

import nbstream
from nbstream import ProviderFailure, UsageError
from nbstream.types import End, Event, Failure, TextDelta

PROMPT = "What is new?"
TEXT = said(PROMPT)


def text_of(events):
    return "".join(e.text for e in events if isinstance(e, TextDelta))


async def listed(events):
    return [event async for event in events]


@pytest.mark.parametrize("shape", **cases(SHAPES))
def test_for(shape, clients):
    """Whatever a call gives is a loop of typed events, and adds up to the reply."""
    events = nbstream.events(shape.make(clients, "m", PROMPT))
    found = list(events)

    assert [event for event in found if not isinstance(event, Event)] == []
    assert text_of(found) == events.reply.text == TEXT
    assert (found.count(End()), events.reply.outcome) == (1, "complete")


@pytest.mark.parametrize("shape", **cases(SHAPES))
def test_async_for(shape, clients):
    """Sync streams too may be read with ``async for``: the loop is never blocked."""

    async def main():
        events = nbstream.events(shape.make(clients, "m", PROMPT))
        return await listed(events), events.reply

    found, reply = asyncio.run(main())

    assert text_of(found) == reply.text == TEXT
    assert reply.outcome == "complete"


@pytest.mark.parametrize("api", APIS)
def test_async_for_over_a_stream_that_was_awaited(api, server):
    """An open async stream is read on its own loop."""

    async def main():
        async with aclosing(Clients(server.url)) as clients:
            stream = await SHAPES[f"{api}, async stream"].make(clients, "m", PROMPT)
            return await listed(nbstream.events(stream))

    assert text_of(asyncio.run(main())) == TEXT


def test_for_over_a_stream_of_this_loop(server):
    """It would wait for ever: it says what to do instead."""

    async def main():
        async with aclosing(Clients(server.url)) as clients:
            shape = SHAPES["openai.chat, async stream"]
            async with await shape.make(clients, "m", PROMPT) as stream:
                with pytest.raises(UsageError, match="use `async for`"):
                    list(nbstream.events(stream))

    asyncio.run(main())


def test_strings_and_dicts_are_streams_too():
    """What other libraries give is read by iteration; the end of it is the end."""
    strings = list(nbstream.events(["Hel", "lo"]))

    assert strings == [TextDelta(text="Hel"), TextDelta(text="lo"), End()]


def test_events_can_be_had_once():
    """A stream has one life; the message says what to do."""
    events = nbstream.events(["a"])
    first = list(events)

    with pytest.raises(UsageError, match="open the stream again"):
        list(events)
    assert len(first) == 2


# --- leaving the loop ---------------------------------------------------------------

LEFT = {
    f"{api}, {name}": SHAPES[f"{api}, {name}"]
    for api in APIS
    for name in ("sync stream", "async stream")
}


class BodyError(Exception):
    """What the body of a loop raises."""


def leave_by_break(events):
    for event in events:
        if text_of([event]):
            break


def leave_by_raising(events):
    with pytest.raises(BodyError):  # noqa: PT012 - the loop is what raises
        for event in events:
            if text_of([event]):
                raise BodyError


async def leave_async_by_break(events):
    async with aclosing(aiter(events)) as each:
        async for event in each:
            if text_of([event]):
                break


async def leave_async_by_raising(events):
    with pytest.raises(BodyError):  # noqa: PT012 - the loop is what raises
        async for event in events:
            if text_of([event]):
                raise BodyError


async def leave_async_by_plain_break(events):
    async for event in events:
        if text_of([event]):
            break


async def leave_by_cancelling(events):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await listed(events)


WAYS = {
    "break": leave_by_break,
    "an error": leave_by_raising,
    "async, break": lambda events: asyncio.run(leave_async_by_break(events)),
    "async, plain break": lambda events: asyncio.run(
        leave_async_by_plain_break(events)
    ),
    "async, an error": lambda events: asyncio.run(leave_async_by_raising(events)),
    "async, cancelled": lambda events: asyncio.run(leave_by_cancelling(events)),
}


@pytest.mark.parametrize("leave", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("shape", **cases(LEFT))
def test_leaving_the_loop_closes_the_connection(shape, leave, wire, broken):
    """However it is left, also in silence: the server sees it, the text is kept."""
    count = len(wire.exchanges)
    events = nbstream.events(shape.make(broken, "silence", PROMPT))
    leave(events)
    wait_until(lambda: wire.exchanges[count].gone_at_s is not None)

    assert events.reply.outcome == "stopped"
    assert events.reply.text
    assert TEXT.startswith(events.reply.text)


def test_next_without_a_loop(wire, broken):
    """An iterator that is dropped closes too."""
    count = len(wire.exchanges)
    shape = SHAPES["openai.responses, async stream"]
    events = iter(nbstream.events(shape.make(broken, "silence", PROMPT)))
    first = next(events)
    del events

    assert isinstance(first, Event)
    wait_until(lambda: wire.exchanges[count].gone_at_s is not None)


def test_events_that_nobody_reads_send_nothing(wire, broken):
    """The request goes out with the first step of the loop."""
    count = len(wire.exchanges)
    shape = SHAPES["openai.chat, sync stream of a function"]
    nbstream.events(shape.make(broken, "silence", PROMPT))
    time.sleep(0.05)

    assert len(wire.exchanges) == count


# --- failures -----------------------------------------------------------------------


@pytest.mark.parametrize("plan", ["e401", "e500", "cut", "inband"])
@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("way", ["for", "async for"])
def test_a_failure_is_the_last_event_and_then_raised(api, plan, way, broken):
    """First a ``Failure``, so that a loop sees it; then the error, with the reply."""
    found = []

    def loop(events):
        for event in events:
            found.append(event)  # noqa: PERF402 - it raises

    async def main(events):
        async for event in events:
            found.append(event)  # noqa: PERF401 - it raises

    shape = SHAPES[f"{api}, {'sync stream of a function'}"]
    events = nbstream.events(shape.make(broken, plan, PROMPT))
    with pytest.raises(ProviderFailure) as caught:
        loop(events) if way == "for" else asyncio.run(main(events))
    reply = caught.value.reply

    assert reply is events.reply
    assert (reply.outcome, text_of(found)) == ("failed", reply.text)
    assert [e for e in found if isinstance(e, Failure)] == [reply.error]
    assert isinstance(found[-1], Failure) or plan == "inband"
    assert caught.value.__cause__ is reply.exception
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("items", [[object()], [{"a": 1}, {"b": 2}]])
def test_nonsense_is_the_callers_error(items):
    """A payload of no known kind is told as such, at the end at the latest."""
    events = nbstream.events(items)

    with pytest.raises(UsageError, match="no provider knows this item"):
        list(events)
    assert events.reply.outcome == "failed"


# --- interrupts, names, imports -----------------------------------------------------


def test_the_interrupt_key_is_python_s_own(wire, broken):
    """In a loop of one's own an interrupt is a plain ``KeyboardInterrupt``."""
    count = len(wire.exchanges)
    shape = SHAPES["anthropic.messages, async stream"]
    events = nbstream.events(shape.make(broken, "silence", PROMPT))

    def press():
        wait_until(lambda: events.reply.text)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        list(events)
    thread.join()
    wait_until(lambda: wire.exchanges[count].gone_at_s is not None)

    assert type(caught.value) is KeyboardInterrupt
    assert events.reply.outcome == "stopped"


def test_a_limit_may_pass_at_any_moment(monkeypatch):
    """Also between the look at the clock and the wait, which is then none."""
    monkeypatch.setattr("nbstream._timeout.Watchdog.left_s", lambda _: -0.001)

    def slow():
        yield "word "
        time.sleep(0.2)
        yield "late"

    events = nbstream.events(slow(), timeout=nbstream.Timeout(total=0.1))
    with pytest.raises(nbstream.ProviderFailure, match=r"0\.1 s"):
        list(events)

    assert events.reply.text == "word "


def run(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


#: What it shows -> (script, what it prints).
NAMES = {
    "the function, before and after the module is imported": (
        """
        import nbstream
        first = nbstream.events
        from nbstream.types import TextDelta
        import nbstream._events as module
        print(first is nbstream.events, callable(first), TextDelta.__module__)
        """,
        "True True nbstream.types\n",
    ),
    "the function, if the module came first": (
        """
        from nbstream._events import Events
        import nbstream
        print(callable(nbstream.events), callable(nbstream.show))
        """,
        "True True\n",
    ),
    "from nbstream import": (
        """
        from nbstream import events, show
        print(list(events(["a"]))[0].text)
        """,
        "a\n",
    ),
    "every name is there": (
        """
        import nbstream
        print([n for n in nbstream.__all__ if not hasattr(nbstream, n)])
        """,
        "[]\n",
    ),
}


@pytest.mark.parametrize(("code", "printed"), NAMES.values(), ids=NAMES)
def test_names(code, printed):
    """``nbstream.types`` is the function, ``nbstream.types`` the module of types."""
    assert run(code) == printed


HEAVY = [
    "openai",
    "anthropic",
    "google",
    "httpx2",
    "httpx",
    "httpcore2",
    "markdown_it",
    "pygments",
    "anywidget",
    "ipywidgets",
    "IPython",
    "asyncio",
]


@pytest.mark.parametrize(
    "code",
    [
        "import nbstream",
        "import nbstream; nbstream.Reply.from_sse(b'', 'openai.chat')",
        "import nbstream.types",
    ],
)
def test_the_import_is_light(code):
    """No SDK, HTTP library, widget or IPython comes with it, nor with the core."""
    script = f"import sys\n{code}\nprint([m for m in {HEAVY} if m in sys.modules])"

    assert run(script) == "[]\n"


def test_a_script_needs_no_ipython():
    """``show`` in a plain script imports no notebook library."""
    code = "import nbstream, sys\nnbstream.show(['Hi'])\n"
    code += "print([m for m in ('IPython', 'ipywidgets') if m in sys.modules])"

    assert run(code) == "Hi\n[]\n"


def test_only_is_a_filter():
    """The table of shapes covers three SDKs, sync and async, and five APIs."""
    assert {shape.api for shape in only(is_async=True).values()} == set(APIS)
    assert {shape.api for shape in only(is_async=False).values()} == set(APIS)
