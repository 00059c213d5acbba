"""A provider that quotes a key in its error does not get it shown, kept or logged."""

from __future__ import annotations

import logging
import traceback

import pytest
from harness.sdks import APIS, only
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbstream
from nbstream.screens.bundle import bundle, metadata

FAULTS = {"in place of an answer": 401, "in mid-stream": "error_in_band"}
CALLED = {shape.api: shape for shape in only(name="sync stream of a function").values()}
letters = st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789_-", min_size=12)
keys = st.tuples(
    st.sampled_from(["sk-", "sk-ant-", "AIza", "xai-", "gsk_", "hf_", "AQ."]), letters
).map("".join)


def shown(failure: nbstream.ProviderFailure) -> list[str]:
    """Everything that a person, a file or a program gets of a failure."""
    reply = failure.reply
    traced = traceback.format_exception(failure, chain=False)
    told = [str(failure), repr(failure), *failure._render_traceback_(), *traced]
    kept = [repr(reply.error), repr(reply), str(reply.resume_hint)]
    saved = [*bundle(reply).values(), repr(metadata(reply, timed=True))]
    return [*told, *kept, *saved]


@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(key=keys)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("api", APIS)
def test_a_key_in_an_error_is_taken_out(
    key, fault, api, server, clients, caplog, capsys
):
    """In the message, the reply, the saved output, the terminal and the log."""
    caplog.set_level(logging.DEBUG, "nbstream")
    with (
        server.fault(fault, message=f"Incorrect API key provided: {key}. Find yours."),
        pytest.raises(nbstream.ProviderFailure) as caught,
    ):
        nbstream.show(CALLED[api].make(clients, "m", "Hello?"), view="terminal")
    printed = capsys.readouterr()

    assert "Incorrect API key" in caught.value.reply.error.message
    for text in (*shown(caught.value), printed.out, printed.err, caplog.text):
        assert key not in text
