"""Faults of the offline server: asked for by name, counted, and taken back."""

import json
import urllib.error
import urllib.request

import pytest

from nbstream import offline
from nbstream.errors import UnknownNameError, UsageError
from nbstream.offline import Server, faults

BODY = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}


@pytest.fixture
def server():
    with Server(speed=0) as running:
        yield running


def ask(server, **more):
    """Ask the Chat API; return the status and the body."""
    request = urllib.request.Request(
        f"{server.url}/v1/chat/completions",
        json.dumps(BODY | more).encode(),
        {"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_every_fault_has_a_line():
    """One sentence each; a status says its phrase."""
    lines = faults()

    assert all(line.endswith(".") and "\n" not in line for line in lines.values())
    assert lines["529"] == "HTTP 529 Overloaded, in the API's own form."


WRONG = {
    "a name nobody knows": (("explode",), {}, "no fault 'explode'; known: 400, 401"),
    "a status that is not there": ((418,), {}, "no fault '418'"),
    "an option of another": (("stall",), {"size": 3}, "'size'; known: after"),
    "an API nobody knows": (("cut",), {"api": "x"}, "no API 'x'"),
    "no times at all": (("cut",), {"times": 0}, "times=0: expected 1 or more"),
}


@pytest.mark.parametrize(("names", "options", "says"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_asked(names, options, says, server):
    """An error that lists what there is."""
    with pytest.raises((UnknownNameError, UsageError), match=says):
        server.fault(*names, **options)


def test_a_fault_is_over_with_its_block(server):
    """Inside it strikes every request, and outside none."""
    with server.fault(500) as fault:
        inside = [ask(server)[0] for _ in range(2)]

    assert (inside, fault.struck, ask(server)[0]) == ([500, 500], 2, 200)


def test_a_fault_for_the_next_requests(server):
    """A plain call stays in force until it is used up."""
    fault = server.fault(503, times=2)

    assert [ask(server)[0] for _ in range(3)] == [503, 503, 200]
    assert repr(fault) == "<fault '503', struck 2 times, 0 left>"


def test_the_newest_fault_strikes(server):
    """And then the one before it again."""
    server.fault(500)
    server.fault(429, times=1)

    assert [ask(server)[0] for _ in range(2)] == [429, 500]
    server.clear_faults()
    assert ask(server)[0] == 200


def test_a_fault_of_one_api(server):
    """The others answer."""
    server.fault(500, api="anthropic.messages")

    assert ask(server)[0] == 200


def test_a_plain_request_has_no_events_to_spoil(server):
    """What is about events leaves it alone; a status does not."""
    server.fault("cut")
    whole = ask(server, stream=False)
    server.fault(500)

    assert (whole[0], ask(server, stream=False)[0]) == (200, 500)


def test_the_log_tells_of_the_fault(server):
    """A test can see which exchange was struck."""
    with server.fault(401):
        ask(server)
    ask(server)

    assert [exchange.fault for exchange in server.log] == ["401", ""]


def test_faults_are_the_same_each_time(server):
    """Nothing in them depends on a clock or on chance."""
    for name in faults():
        if name not in ("stall", "no_answer") and "cut" not in name:
            small = {"giant_event": {"size": 99}, "tiny_events": {"count": 99}}
            late = {"slow_headers": {"delay_s": 0.01}}
            with server.fault(name, **small.get(name, late.get(name, {}))):
                assert ask(server) == ask(server)


def test_the_embedded_server(monkeypatch):
    """`offline.fault` is for the server of `offline.use`, and ends with it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = offline.use(speed=0)
    fault = offline.fault("end_early", after=3)
    status, body = ask(server)
    offline.clear_faults()
    again = ask(server)
    offline.fault(500)
    offline.stop()
    server = offline.use(speed=0)
    try:
        assert ask(server) == again
    finally:
        offline.stop()
    assert (status, fault.struck) == (200, 1)
    assert "[DONE]" not in body
    assert len(body) < len(again[1])
