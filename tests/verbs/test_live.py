"""``show``, ``start`` and ``Reply.from_stream`` with the real SDKs."""

import asyncio
import contextlib
import gc
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import aclosing

import pytest
from harness.sdks import APIS, KEY, SHAPES, Clients, cases, only
from harness.wire import TOKENS_BEFORE, said, wait_until

import nbstream
from nbstream import ProviderFailure, Reply, UsageError
from nbstream.offline import Server
from nbstream.streams.loop_reader import background_loop

PROMPT = "What is new?"
TEXT = said(PROMPT)
TOUR = "markdown tour"
LONG = "long answer, please"
LONG_TEXT = said(LONG)


def start(stream):
    return nbstream.start(stream, view="none")


# --- whatever a call gives ----------------------------------------------------------

LEVELS = {
    "show": lambda stream: nbstream.show(stream, view="none"),
    "start": lambda stream: start(stream).result(10),
    "from_stream": Reply.from_stream,
}


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize("shape", **cases(SHAPES))
def test_whatever_a_call_gives_is_read(shape, level, clients):
    """Every shape of every SDK gives the same whole reply, at every level."""
    reply = level(shape.make(clients, "m", PROMPT))

    assert (reply.text, reply.outcome, reply.api, reply.finish_reason) == (
        TEXT,
        "complete",
        shape.api,
        "stop",
    )


@pytest.mark.parametrize("shape", **cases(only(is_async=True)))
def test_await_a_call_that_was_not_awaited(shape, clients):
    """``await nbstream.start(call)`` in a script's own loop."""

    async def main():
        return await start(shape.make(clients, "m", PROMPT))

    assert asyncio.run(main()).text == TEXT


AWAITED = {
    name: shape
    for name, shape in only(is_async=True).items()
    if shape.name == "async stream"
}


@pytest.mark.parametrize("shape", **cases(AWAITED))
def test_await_a_stream_that_was_awaited(shape, server):
    """An open async stream is read on the loop that opened it, and only there."""

    async def main():
        async with aclosing(Clients(server.url)) as clients:
            return await start(await shape.make(clients, "m", PROMPT))

    reply = asyncio.run(main())

    assert (reply.text, reply.outcome) == (TEXT, "complete")


#: What has to do with a loop of its own but cannot be waited for in it.
BLOCKING = {
    "show": lambda stream: nbstream.show(stream, view="none"),
    "result": lambda stream: start(stream).result(5),
    "from_stream": Reply.from_stream,
}


@pytest.mark.parametrize("blocking", BLOCKING.values(), ids=BLOCKING)
def test_a_stream_of_this_loop_must_be_awaited(blocking, server):
    """What would wait for ever says what to do instead."""

    async def main():
        async with aclosing(Clients(server.url)) as clients:
            shape = SHAPES["openai.chat, async stream"]
            async with await shape.make(clients, "m", PROMPT) as stream:
                with pytest.raises(UsageError) as caught:
                    blocking(stream)
        return str(caught.value)

    assert "loop" in asyncio.run(main())


def test_two_at_once(clients):
    """A second stream may run, and be shown, while another does."""
    first = start(SHAPES["openai.chat, async stream"].make(clients, "m", TOUR))
    second = nbstream.show(
        SHAPES["anthropic.messages, sync stream"].make(clients, "m", PROMPT),
        view="none",
    )
    third = start(SHAPES["google.interactions, sync stream"].make(clients, "m", TOUR))

    assert second.text == TEXT
    assert [live.result(10).text for live in (first, third)] == [said(TOUR)] * 2


def test_many_lives_can_be_gathered(clients):
    """A ``Live`` is awaitable like anything else."""

    async def main():
        make = SHAPES["openai.responses, async stream"].make
        lives = [start(make(clients, "m", f"{PROMPT} {n}")) for n in range(3)]
        return await asyncio.gather(*lives)

    replies = asyncio.run(main())

    assert [reply.text for reply in replies] == [
        said(f"{PROMPT} {n}") for n in range(3)
    ]


# --- what is not a stream -----------------------------------------------------------


def used_up(clients):
    stream = SHAPES["openai.chat, sync stream"].make(clients, "m", PROMPT)
    list(stream)
    return stream


def of_a_closed_client(clients):
    with Clients(str(clients.anthropic.base_url).rstrip("/")).anthropic as client:
        message = {"role": "user", "content": PROMPT}
        return client.messages.create(
            model="m", max_tokens=9, messages=[message], stream=True
        )


def finished(clients):
    return clients.openai.responses.create(model="m", input=PROMPT)


def one_chunk(clients):
    return next(iter(SHAPES["openai.chat, sync stream"].make(clients, "m", PROMPT)))


#: What it is -> (how to make it, words of the message).
WRONG = {
    "a string": (lambda _: "text", "a string is not a stream; to show it"),
    "a dict": (lambda _: {"type": "x"}, "one dict is one payload"),
    "a number": (lambda _: 5, "expected what an SDK's streaming call gives"),
    "None": (lambda _: None, "expected what an SDK's streaming call gives"),
    "a class": (lambda _: dict, "a class; expected"),
    "a client": (lambda clients: clients.openai, "a client; pass a call"),
    "a method": (
        lambda clients: clients.openai.responses.create,
        "a method that was not called",
    ),
    "a function with arguments": (lambda _: lambda x: x, "it needs arguments (x)"),
    "a response": (finished, "a finished response, not a stream; add stream=True"),
    "one chunk": (one_chunk, "one payload of a stream; pass the stream"),
    "a stream used up": (used_up, "this stream is used up or closed"),
    "a stream of a closed client": (of_a_closed_client, "its client is closed"),
    "a list of numbers": (lambda _: [1, 2], "no provider knows this item"),
    "items without a text": (lambda _: [{"a": 1}] * 2, "no provider knows this item"),
    "a function that gives none": (lambda _: lambda: 5, "the call gave int 5"),
}


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
@pytest.mark.parametrize(("make", "words"), WRONG.values(), ids=WRONG)
def test_what_is_no_stream_is_told_so(make, words, level, clients):
    """A ``UsageError`` says what it is and what to pass instead."""
    with pytest.raises(UsageError) as caught:
        level(make(clients))

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("api", APIS)
def test_an_empty_stream_is_truncated(api, broken):
    """Headers and nothing else: no text, no error, and not complete."""
    reply = nbstream.show(
        SHAPES[f"{api}, sync stream"].make(broken, "empty", PROMPT), view="none"
    )

    assert (reply.text, reply.outcome, reply.error) == ("", "truncated", None)


NOTHING = {"a list": [], "an iterator": iter(()), "a function": lambda: []}


@pytest.mark.parametrize("nothing", NOTHING.values(), ids=NOTHING.keys())
def test_nothing_at_all_is_truncated(nothing):
    """No item, no answer."""
    assert nbstream.show(nothing, view="none").outcome == "truncated"


# --- failures -----------------------------------------------------------------------

#: (kind of call, plan) -> characters that must have arrived before.
FAILURES = ("e401", "e500", "cut", "inband")
FAIL_SHAPES = {
    f"{api}, {name}": SHAPES[f"{api}, {name}"]
    for api in APIS
    for name in ("sync stream of a function", "async stream")
}


@pytest.mark.parametrize("plan", FAILURES)
@pytest.mark.parametrize("shape", **cases(FAIL_SHAPES))
def test_a_failure_is_raised_with_all_that_arrived(shape, plan, broken):
    """``ProviderFailure`` has the reply and the SDK's exception, and no key."""
    with pytest.raises(ProviderFailure) as caught:
        nbstream.show(shape.make(broken, plan, PROMPT), view="none")
    reply = caught.value.reply
    got = TEXT.startswith(reply.text) and (len(reply.text) > 0)

    assert (reply.outcome, got) == ("failed", plan in ("cut", "inband"))
    assert caught.value.__cause__ is reply.exception
    # Some SDKs hand an in-band error over as an event, and raise nothing.
    assert reply.exception is not None or plan == "inband"
    assert nbstream.last() is reply
    assert KEY not in str(caught.value)
    assert KEY not in "".join(nbstream_bundle(reply).values())
    if plan == "inband":
        assert "Overloaded" in str(caught.value)
    if plan == "e401":
        assert "[key removed]" in str(caught.value)


def nbstream_bundle(reply):
    from nbstream.screens.bundle import bundle

    return bundle(reply)


@pytest.mark.parametrize("api", APIS)
def test_from_stream_raises_no_failure(api, broken):
    """It is in the reply's outcome and error."""
    reply = Reply.from_stream(
        SHAPES[f"{api}, async stream"].make(broken, "cut", PROMPT)
    )

    assert (reply.outcome, reply.error is None) == ("failed", False)


@pytest.mark.parametrize("api", APIS)
def test_a_connection_that_ends_too_soon_is_no_failure(api, broken):
    """A clean end without the API's own marker: truncated, and not complete."""
    reply = nbstream.show(
        SHAPES[f"{api}, sync stream"].make(broken, "closed", PROMPT), view="none"
    )

    assert (reply.outcome, bool(reply.text)) == ("truncated", True)
    assert TEXT.startswith(reply.text)


def test_a_failure_can_be_awaited(broken):
    """``await`` raises what ``show`` raises."""
    make = SHAPES["anthropic.messages, async stream"].make

    async def main():
        await start(make(broken, "inband", PROMPT))

    with pytest.raises(ProviderFailure, match="Overloaded"):
        asyncio.run(main())


# --- stopping -----------------------------------------------------------------------

#: Phase of an answer -> plan of the server.
PHASES = {
    "before the headers": "headers",
    "before the first token": "first",
    "in mid-stream": "flow",
    "in silence": "silence",
}
STOP_SHAPES = {
    f"{api}, {'async' if later else 'sync'}": SHAPES[
        f"{api}, {'async stream' if later else 'sync stream of a function'}"
    ]
    for api in APIS
    for later in (False, True)
}
took_s: list[float] = []


def reached(exchange, plan):
    return exchange.sent >= {"headers": 0, "first": 0}.get(plan, TOKENS_BEFORE)


@pytest.mark.parametrize("plan", PHASES.values(), ids=PHASES)
@pytest.mark.parametrize("shape", **cases(STOP_SHAPES))
def test_stop_closes_the_connection(shape, plan, wire, broken):
    """From another thread, in every phase: the server sees it, the text is kept."""
    count = len(wire.exchanges)
    live = start(shape.make(broken, plan, LONG))
    wait_until(lambda: len(wire.exchanges) > count)
    exchange = wire.exchanges[count]
    wait_until(lambda: reached(exchange, plan))
    wait_until(lambda: live.reply.text or plan in ("headers", "first"))
    time.sleep(0.02)
    began_s = time.monotonic()
    thread = threading.Thread(target=live.stop)
    thread.start()
    wait_until(lambda: exchange.gone_at_s is not None)
    took_s.append(exchange.gone_at_s - began_s)
    thread.join()
    reply = live.result(5)

    assert (reply.outcome, reply.error) == ("stopped", None)
    assert LONG_TEXT.startswith(reply.text)
    assert bool(reply.text) == (plan in ("flow", "silence"))
    assert took_s[-1] < 0.5
    assert len(wire.exchanges) == count + 1  # nothing was sent again


def test_stopping_is_quick(record_testsuite_property):
    """All stops above: the 95th percentile is reported, and far below a second."""
    if len(took_s) < 2:
        pytest.skip("needs the test above")
    p95_s = sorted(took_s)[int(0.95 * (len(took_s) - 1))]
    record_testsuite_property("stop_p95_ms", round(p95_s * 1000, 1))
    print(f"stop: {len(took_s)} stops, p95 {p95_s * 1000:.1f} ms")

    assert p95_s < 0.5


def test_the_offline_server_sees_the_stop():
    """What a lesson shows: the server's own log has the moment of the disconnect."""
    with Server(speed=1) as server, contextlib.closing(Clients(server.url)) as clients:
        live = start(SHAPES["openai.responses, sync stream"].make(clients, "m", LONG))
        wait_until(lambda: live.reply.text)
        began_s = time.monotonic()
        live.stop()
        exchange = server.wait_for(lambda each: each.disconnected_at)

        assert exchange.disconnected_at - began_s < 0.5
        assert (exchange.finished, live.result(5).outcome) == (False, "stopped")


def ours():
    """Return the threads of nbstream but its one event loop."""
    names = [thread.name for thread in threading.enumerate()]
    return [n for n in names if n.startswith("nbstream-") and n != "nbstream-loop"]


# A stop may fall into the connecting: that socket is closed by its last reference.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
)
def test_random_stops_lose_nothing_and_leak_nothing(wire):
    """200 stops at any moment, every API, sync and async: no thread, socket or task."""
    rng = random.Random(1)
    shapes = list(STOP_SHAPES.values())
    clients = Clients(wire.url)
    start(shapes[0].make(clients, "whole", PROMPT)).result(5)  # everything is imported
    before = len(sockets_of(clients))
    first = len(wire.exchanges)
    replies = []
    for n in range(200):
        live = start(shapes[n % len(shapes)].make(clients, "flow", LONG))
        time.sleep(rng.uniform(0, 0.03))
        live.stop()
        replies.append(live.result(5))
    clients.close()

    assert {reply.outcome for reply in replies} == {"stopped"}
    assert all(LONG_TEXT.startswith(reply.text) for reply in replies)
    assert sum(bool(reply.text) for reply in replies) > 20
    wait_until(lambda: all(each.over for each in wire.exchanges[first:]))
    wait_until(lambda: not [n for n in ours() if n != "nbstream-offline"])
    wait_until(lambda: not asyncio.all_tasks(background_loop()))
    gc.collect()
    wait_until(lambda: len(sockets_of(clients)) <= before)


def sockets_of(clients):
    """Return the connections this process has to the clients' server."""
    port = clients.openai.base_url.port
    wanted = f":{port:04X}"
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows if row[2].endswith(wanted)}
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/self/fd/{name}"))
    return found & inodes


def test_stop_after_the_end_changes_nothing(clients):
    """A late press is harmless, and so is a second one."""
    live = start(SHAPES["openai.chat, async stream"].make(clients, "m", PROMPT))
    reply = live.result(10)
    live.stop()
    live.stop()

    assert (live.result(0), reply.outcome) == (reply, "complete")


def test_result_can_be_waited_for_in_vain(broken):
    """A time-out is an error of its own, and the stream goes on."""
    live = start(SHAPES["openai.chat, async stream"].make(broken, "silence", PROMPT))
    with pytest.raises(TimeoutError, match=r"not ended after 0\.1 s; it goes on"):
        live.result(0.1)
    running = live.reply.outcome
    live.stop()

    assert (running, live.result(5).outcome) == ("running", "stopped")


def test_cancelling_the_task_that_waits_stops_the_stream(wire, broken):
    """``asyncio.timeout`` works: the connection is closed, the text is kept."""
    make = SHAPES["openai.chat, async stream"].make
    count = len(wire.exchanges)

    async def main():
        live = start(make(broken, "silence", PROMPT))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await live
        return live.reply

    reply = asyncio.run(main())

    assert (reply.outcome, nbstream.last()) == ("stopped", reply)
    assert wire.wait_for(lambda e: e is wire.exchanges[count] and e.gone_at_s)


def test_a_cancelled_wait_is_one_line_in_a_notebook(broken):
    """IPython asks the exception for its form; the exception itself is untouched."""
    make = SHAPES["openai.chat, async stream"].make

    async def main():
        task = asyncio.ensure_future(wait(start(make(broken, "silence", PROMPT))))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        return caught.value

    async def wait(live):
        await live

    error = asyncio.run(main())

    assert type(error) is asyncio.CancelledError
    assert error._render_traceback_() == [
        "CancelledError: stopped; what had arrived is in nbstream.last()"
    ]


# --- interrupts ---------------------------------------------------------------------


def press_when(condition):
    """Press the interrupt key as soon as the condition holds."""

    def run():
        wait_until(condition)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("wait", ["show", "result"])
def test_the_interrupt_key(wait, wire, broken):
    """The connection closes, the text is kept, ``Stopped`` is a KeyboardInterrupt."""
    count = len(wire.exchanges)
    before = signal.getsignal(signal.SIGINT)
    # Between `start` and `result` nobody waits: there it is Python's own interrupt.
    thread = press_when(
        lambda: (
            len(wire.exchanges) > count
            and reached(wire.exchanges[count], "flow")
            and signal.getsignal(signal.SIGINT) is not before
        )
    )
    make = SHAPES["anthropic.messages, sync stream of a function"].make
    with pytest.raises(KeyboardInterrupt) as caught:
        LEVELS[{"result": "start"}.get(wait, wait)](make(broken, "silence", PROMPT))
    thread.join()

    assert isinstance(caught.value, nbstream.Stopped)
    assert TEXT.startswith(caught.value.reply.text)
    assert caught.value.reply.outcome == "stopped"
    assert nbstream.last() is caught.value.reply
    assert signal.getsignal(signal.SIGINT) is before
    wait_until(lambda: wire.exchanges[count].gone_at_s is not None)


SCRIPT = """
    import asyncio, os, signal, sys, threading, time
    import nbstream
    def words():
        yield "Hel"
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
        time.sleep(30)
"""


def script(code, **env):
    """Run a script to its end; return its status and what it wrote."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            textwrap.dedent(SCRIPT) + textwrap.dedent(code),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, **env},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


STOPPED = "Hel\n\n[Stopped. This is what had arrived.]\n"
#: What it shows -> (the script, its status, stdout, stderr).
SCRIPTS = {
    "Ctrl-C ends a script in one line": (
        "nbstream.show(words())",
        130,
        STOPPED,
        "KeyboardInterrupt\n",
    ),
    "also one that waits for a background stream": (
        "nbstream.start(words()).result()",
        130,
        STOPPED,
        "KeyboardInterrupt\n",
    ),
    "a script may catch it and go on": (
        """
    try:
        nbstream.show(words())
    except KeyboardInterrupt as stopped:
        print(stopped.reply.outcome, nbstream.last().text)
    """,
        0,
        f"{STOPPED}stopped Hel\n",
        "",
    ),
    "other errors are told as ever": (
        """
    try:
        nbstream.show(words())
    except KeyboardInterrupt:
        pass
    sys.exit("bye")
    """,
        1,
        STOPPED,
        "bye\n",
    ),
    "what was to be ignored still is": (
        """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    def short():
        yield "Hel"
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        yield "lo"
    nbstream.show(short())
    """,
        0,
        "Hello\n",
        "",
    ),
}


@pytest.mark.parametrize(
    ("code", "status", "out", "err"), SCRIPTS.values(), ids=SCRIPTS
)
def test_a_script(code, status, out, err):
    """What the shell and the person see."""
    assert script(code) == (status, out, err)


def test_ctrl_c_in_asyncio_run():
    """The loop's own interrupt does what it always does; the text is kept."""
    status, out, err = script(
        """
    async def main():
        await nbstream.start(words())
    asyncio.run(main())
    """
    )

    assert (status, out) == (-signal.SIGINT, STOPPED)
    assert err.endswith("\nKeyboardInterrupt\n")


def test_an_uncaught_error_after_a_stop_has_its_traceback():
    """Only ``Stopped`` is told in one line."""
    status, out, err = script(
        """
    try:
        nbstream.show(words())
    except KeyboardInterrupt:
        1 / 0
    """
    )

    assert (status, out) == (1, STOPPED)
    assert err.endswith("ZeroDivisionError: division by zero\n")


# --- screens that break -------------------------------------------------------------


class BrokenScreen:
    """Breaks when it is told to."""

    in_the_cell = False

    def __init__(self, where):
        self.where = where

    def _do(self, what):
        if what == self.where:
            raise RuntimeError(f"the screen broke at {what}")

    def open(self, _reply):
        self._do("open")

    def interval_s(self):
        return 0.0

    def update(self, _reply):
        self._do("update")

    def close(self, _reply):
        self._do("close")


@pytest.mark.parametrize("level", ["show", "start", "await", "until", "wait_until"])
@pytest.mark.parametrize("where", ["open", "update", "close"])
def test_a_screen_that_breaks(where, level, wire, broken, monkeypatch):
    """Its error is raised where one waits, and the connection is closed."""
    monkeypatch.setattr("nbstream._show.choose", lambda *_, **__: BrokenScreen(where))
    plan = "whole" if where == "close" else "silence"
    stream = SHAPES["openai.chat, async stream of a function"].make(
        broken, plan, PROMPT
    )

    async def main():
        return await nbstream.start(stream)

    async def until():
        await nbstream.start(stream).until(lambda: False)

    play = {
        "show": lambda: nbstream.show(stream),
        "start": lambda: nbstream.start(stream).result(5),
        "await": lambda: asyncio.run(main()),
        "until": lambda: asyncio.run(until()),
        "wait_until": lambda: nbstream.start(stream).wait_until(lambda: False),
    }[level]
    with pytest.raises(RuntimeError, match=f"the screen broke at {where}"):
        play()
    wait_until(lambda: all(each.over for each in wire.exchanges))
    wait_until(lambda: not asyncio.all_tasks(background_loop()))


# --- small things -------------------------------------------------------------------


def test_a_live_is_one_line_in_a_terminal(capsys):
    """Its value says how far it is."""
    live = start(["a", "b"])
    live.result(5)
    live._ipython_display_()

    assert capsys.readouterr().out == "Live('complete')\n"


def test_a_live_shows_nothing_in_a_notebook(capsys, monkeypatch):
    """The stream has its display; the ``Live`` on a cell's last line adds none."""
    monkeypatch.setattr("nbstream._live.place", lambda: "live")
    live = start(["a", "b"])
    live.result(5)
    live._ipython_display_()

    assert capsys.readouterr().out == ""


def test_timing_is_of_this_stream(clients):
    """A function lets us see the whole of it: connection, first token, end."""
    shape = SHAPES["openai.chat, sync stream of a function"]
    timing = nbstream.show(shape.make(clients, "m", PROMPT), view="none").timing

    assert 0 < timing.first_event_s <= timing.first_text_s <= timing.end_s


def test_last_is_the_one_that_ended_last(clients):
    """Also one that only ``start`` knew."""
    first = start(["a"]).result(5)
    before = nbstream.last()
    second = nbstream.show(["b"], view="none")

    assert (before is first, nbstream.last() is second) == (True, True)


def test_what_follows_is_shown_with_what_came():
    """`resume` joins the rest of a response to the reply that broke off."""

    def event(kind, number, **more):
        return {"type": f"response.{kind}", "sequence_number": number, **more}

    made = {"id": "r", "model": "m", "background": True, "status": "completed"}
    stream = [
        event("created", 0, response=made),
        event("output_text.delta", 1, output_index=0, delta="Hel"),
        event("output_text.delta", 2, output_index=0, delta="lo"),
        event("completed", 3, response=made),
    ]
    first = nbstream.show(stream[:2], view="none")

    shown = nbstream.show(stream[2:], view="none", resume=first)
    live = nbstream.start(stream[1:], view="none", resume=first).result()

    for reply in (shown, live):
        assert (reply.text, reply.outcome) == ("Hello", "complete")
    assert (first.text, first.outcome) == ("Hel", "truncated")
    with pytest.raises(nbstream.UsageError, match="starting_after=1"):
        nbstream.show(stream[3:], view="none", resume=first)
