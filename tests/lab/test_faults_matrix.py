"""Every fault, on every API, by every way to call it: how the reply ends, and is shown.

Real SDKs against the offline server. Each test has a time limit of its own: whatever
the fault, nothing may hang.
"""

from __future__ import annotations

import asyncio
import json
import threading

import nbformat
import pytest
from harness.fault_table import (
    CASES,
    CHAT,
    FAULTS,
    INTERACTIONS,
    PROMPT,
    SOME,
    TIMEOUTS,
    ends_of,
    kept,
)
from harness.sdks import APIS, KEY, SHAPES
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import nbstream
from nbstream.errors import failure_of
from nbstream.offline import faults
from nbstream.reply import Reply

pytest.importorskip("openai")
pytest.importorskip("anthropic")
pytest.importorskip("google.genai")

LIMIT_S = 20
WAYS = {
    "sync": "sync stream",
    "async": "async stream",
    "callable": "sync stream of a function",
}


def test_the_table_has_every_fault():
    """A new fault must come with what it does to each API."""
    assert set(FAULTS) == set(faults())


@pytest.fixture(scope="module")
def clients(clients):
    # What is imported at the first use takes longer than any timeout here.
    assert clients.google.interactions is not None
    assert clients.agoogle.interactions is not None
    return clients


@pytest.fixture(scope="module")
def full(server, clients):
    """What each API answers when nothing goes wrong."""
    told = {}
    for api in APIS:
        stream = SHAPES[f"{api}, sync stream"].make(clients, "m", PROMPT)
        told[api] = nbstream.show(stream, view="none").text
    assert len(set(told.values())) == 1
    return told[CHAT]


@pytest.fixture(scope="module")
def shell():
    settings = Config()
    settings.HistoryManager.enabled = False
    running = InteractiveShell.instance(config=settings)
    before, running.display_pub = running.display_pub, CapturingDisplayPublisher()
    yield running
    running.display_pub = before
    InteractiveShell.clear_instance()


def within_the_limit(work):
    """Run it in a thread that must end in time; return what it gives or raises."""
    done = []

    def run():
        try:
            done.append((work(), None))
        except BaseException as error:  # noqa: BLE001 - it is what is looked at
            done.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    assert done, f"it hangs: no end within {LIMIT_S} s"
    return done[0]


def check_reply(reply, ends, api, full):
    assert (reply.outcome, reply.tool_calls) == (ends.outcome, ())
    expected = kept(ends, api, full)
    if isinstance(expected, tuple):  # one event was replaced, whatever its length
        assert reply.text.startswith("".join(expected))
        assert full.endswith(reply.text.removeprefix("".join(expected)))
    elif ends.kept == "all but one":
        assert reply.text.startswith(full[: SOME[api]])
        assert full.endswith(reply.text[SOME[api] :])
        assert len(reply.text) < len(full)
    else:
        assert reply.text == expected


def check_display(shell, reply, error):
    """One display, valid in a notebook, with the text and one line on how it ended."""
    outputs = shell.display_pub.outputs
    if reply is None:
        assert outputs == []
        return
    [output] = outputs
    made = {"data": output["data"], "metadata": output["metadata"]}
    node = nbformat.v4.new_output("display_data", **made)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[node])])
    nbformat.validate(book)
    json.dumps(book).encode()
    said = output["data"]["text/plain"]
    line = {"failed": "[Failed. ", "truncated": "[Truncated: ", "complete": ""}
    assert said.startswith(reply.text)
    assert said.removeprefix(reply.text).lstrip().startswith(line[reply.outcome])
    assert "\n" not in said.removeprefix(reply.text).strip()
    assert output["metadata"]["nbstream"]["outcome"] == reply.outcome
    assert KEY not in json.dumps(output)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("fault", "api"), CASES, ids=[f"{f}-{a}" for f, a in CASES])
def test_fault(fault, api, way, server, clients, full, shell):
    """It ends in time, keeps the text, raises the right kind, and shows one line."""
    options, ends = FAULTS[fault][0], ends_of(fault, api)
    shape = SHAPES[f"{api}, {WAYS[way]}"]
    shell.display_pub.outputs.clear()

    def run():
        try:
            stream = shape.make(clients, "m", PROMPT)
        except Exception as error:  # the user's own call: the SDK's own exception
            assert not shape.lazy
            reply = Reply(api)
            reply._end(exception=error)
            raise failure_of(reply) from error
        return nbstream.show(stream, view="static", timeout=TIMEOUTS.get(fault))

    if fault == "no_answer" and way == "sync" and not shape.lazy:
        return  # that call is the user's: it hangs as long as the SDK lets it
    with server.fault(fault, api=api, **options) as struck:
        reply, error = within_the_limit(run)

    assert struck.struck == 1
    if (fault, api, way) == ("json_error", INTERACTIONS, "sync"):
        # The SDK's call gave the caller an object with an error, and no stream.
        assert type(error) is nbstream.UsageError
        assert "an error in place of a stream: unavailable" in str(error)
        return
    if ends.kind:
        assert type(error).__name__ == ends.kind, repr(error)
        assert ends.says in str(error)
        assert "\n" not in str(error)
        assert KEY not in str(error)
        reply = error.reply
    else:
        assert error is None
    check_reply(reply, ends, api, full)
    check_display(shell, reply if shell.display_pub.outputs else None, error)


# --- facts of the failures that the matrix does not look at ------------------------


FACTS = {
    "401": (401, False, None),
    "404": (404, False, None),
    "408": (408, True, None),
    "409": (409, True, None),
    "429": (429, True, None),
    "500": (500, True, None),
    "529": (529, True, None),
    "cut_before_headers": (None, True, None),
    "html": (None, False, None),
}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("fault", FACTS)
def test_facts_of_a_failure(fault, api, server, clients):
    """Status, whether to retry and when, and the SDK's own exception as the cause."""
    stream = SHAPES[f"{api}, sync stream of a function"].make(clients, "m", PROMPT)
    with server.fault(fault), pytest.raises(nbstream.ProviderFailure) as caught:
        nbstream.show(stream, view="none")
    failure = caught.value

    assert (failure.status, failure.retryable, failure.retry_after_s) == FACTS[fault]
    assert failure.__cause__ is failure.reply.exception is not None


@pytest.mark.parametrize("form", ["seconds", "ms", "date"])
@pytest.mark.parametrize("api", APIS)
def test_retry_after_in_every_form(form, api, server, clients):
    """Seconds, milliseconds and a date are read alike."""
    stream = SHAPES[f"{api}, async stream of a function"].make(clients, "m", PROMPT)
    fault = server.fault(429, retry_after_s=90, retry_after_as=form)
    with fault, pytest.raises(nbstream.RateLimitFailure) as caught:
        nbstream.show(stream, view="none")

    assert 80 < caught.value.retry_after_s <= 90


def test_resets_are_lost_connections_too(server, clients):
    """A connection that is reset is no other failure than one that is closed."""
    for api in APIS:
        for fault in ("cut_before_headers", "cut_before_first", "cut"):
            make = SHAPES[f"{api}, sync stream of a function"].make
            with (
                server.fault(fault, how="rst"),
                pytest.raises(nbstream.ConnectionFailure),
            ):
                nbstream.show(make(clients, "m", PROMPT), view="none")


def test_the_sdk_retries_by_itself_with_its_default(server):
    """Two failures, then an answer: nobody sees the retries of the OpenAI SDK."""
    import openai

    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY)
    fault = server.fault(503, times=2, retry_after_s=0.01, retry_after_as="ms")
    with fault:
        stream = client.responses.create(model="m", input=PROMPT, stream=True)
        reply = nbstream.show(stream, view="none")
    client.close()

    assert (reply.outcome, fault.struck) == ("complete", 2)


# --- events, start and from_stream with a timeout ----------------------------------


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("fault", ["stall", "no_answer"])
def test_events_time_out(fault, api, server, clients):
    """A silent stream ends `for` and `async for` with a `Failure` and a raise."""
    make, limit = SHAPES[f"{api}, async stream of a function"].make, TIMEOUTS[fault]
    seen = []

    async def loop():
        async for event in nbstream.events(make(clients, "m", PROMPT), timeout=limit):
            seen.append(event)  # noqa: PERF401 - kept when it raises

    def plain_loop():
        for event in nbstream.events(make(clients, "m", PROMPT), timeout=limit):
            seen.append(event)  # noqa: PERF402 - kept when it raises

    for run in (plain_loop, lambda: asyncio.run(loop())):
        seen.clear()
        with server.fault(fault):
            _, error = within_the_limit(run)
        assert type(error) is nbstream.TimeoutFailure
        assert type(seen[-1]).__name__ == "Failure"


@pytest.mark.parametrize("api", APIS)
def test_start_and_from_stream_time_out(api, server, clients):
    """A silent stream in the background fails, and one that is read does not raise."""
    make = SHAPES[f"{api}, sync stream of a function"].make
    with server.fault("stall"):
        stream = make(clients, "m", PROMPT)
        live = nbstream.start(stream, view="none", timeout=TIMEOUTS["stall"])
        _, error = within_the_limit(live.result)
        stream = make(clients, "m", PROMPT)
        reply = Reply.from_stream(stream, timeout=TIMEOUTS["stall"])

    assert type(error) is nbstream.TimeoutFailure
    assert (reply.outcome, reply.error.message) == ("failed", "silent for 0.3 s")
    assert reply.text == error.reply.text != ""
