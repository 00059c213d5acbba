"""Every fault, on every API, behind a page: the reader is told, in words of ours."""

from __future__ import annotations

import asyncio
import json

import pytest
from harness.fault_table import CASES, FAULTS, PROMPT, TIMEOUTS, ends_of
from harness.sdks import KEY, SHAPES
from harness.web import asked, chunks_of, question

from nbstream import errors, web
from nbstream.web._chunks import TRUNCATED, WORDS

LIMIT_S = 60
#: Where the service gives no status of its own.
STATUS = {"TimeoutFailure": 504, "ConnectionFailure": 502, "ProtocolFailure": 502}


def of_a_response(clients, api, timeout):
    """A response of one's own, around an async client's call."""
    shape = SHAPES[f"{api}, async stream"]

    async def app(scope, receive, send):
        stream = shape.make(clients, "m", PROMPT)
        await web.Response(stream, timeout=timeout)(scope, receive, send)

    return app


def of_an_app(clients, api, timeout):
    """The app, around a function that calls a synchronous client."""
    shape = SHAPES[f"{api}, sync stream"]

    def answer(asked):
        return shape.make(clients, "m", asked.text)

    return web.app(answer, timeout=timeout)


WAYS = {"response": of_a_response, "app": of_an_app}


@pytest.fixture(scope="module")
def clients(clients):
    # What is imported at the first use takes longer than any timeout here.
    assert clients.google.interactions is not None
    assert clients.agoogle.interactions is not None
    return clients


def get(app, body):
    async def within_the_limit():
        async with asyncio.timeout(LIMIT_S):
            return await asked(app, body)

    return asyncio.run(within_the_limit())


#: Each fault goes both ways, and so does each API.
TURNS = [
    pytest.param(fault, api, list(WAYS)[number % 2], id=f"{fault}-{api}")
    for number, (fault, api) in enumerate(CASES)
]


@pytest.mark.parametrize(("fault", "api", "way"), TURNS)
def test_fault(fault, api, way, server, clients, caplog):
    """An error chunk at the end or a status that is none of success, and the truth."""
    ends = ends_of(fault, api)
    app = WAYS[way](clients, api, TIMEOUTS.get(fault))
    with server.fault(fault, api=api, **FAULTS[fault][0]) as struck:
        answer = get(app, question(PROMPT))
    text = answer.body.decode()

    assert struck.struck == 1
    assert KEY not in caplog.text + text
    assert "Traceback" not in caplog.text
    if ends.outcome == "complete":
        assert chunks_of(answer.body)[-1]["type"] == "finish"
        return
    words = WORDS[getattr(errors, ends.kind)] if ends.kind else TRUNCATED
    assert "\n" not in words
    if answer.status != 200:
        assert (ends.outcome, ends.kept) == ("failed", "none")
        status = int(fault) if fault.isdigit() else STATUS.get(ends.kind, 503)
        assert (answer.status, text) == (status, words)
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert set(answer.headers) <= {"content-type", "content-length", "retry-after"}
        return
    assert not fault.isdigit()
    *before, metadata, last = chunks_of(answer.body)
    assert last == {"type": "error", "errorText": words}
    assert metadata["messageMetadata"]["outcome"] == ends.outcome
    assert "finish" not in [each["type"] for each in before]
    assert ("text-delta" in json.dumps(before)) == (ends.kept != "none")
