"""What a tracer has put around the SDKs' streams is shown and stopped as the bare ones.

Each tracer that is installed here runs in a process of its own, see `harness.tracers`:
those of the test group, and in the environments of ``make tracers`` all others.
"""

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from harness import tracers

TESTS = Path(__file__).parents[1]
#: Those of the test group.
GROUP = {"bare", "OpenInference", "Traceloop", "Sentry"}
HERE = tracers.installed()
#: What cannot be as without the tracer: run -> the error that says what to do.
#: OpenInference's sync generator can only be read where the call was made.
UNLIKE = {
    "OpenInference": {
        f"{run}: google.generate_content, sync stream": ["UsageError"]
        for run in ("show", "start", "keep_wire", "stop")
    }
}
#: google-genai prefers it, where a tracer has brought it.
AIOHTTP = importlib.util.find_spec("aiohttp")
ENDS = {"native": ("show",), "native_stop": ("stop",)}


@cache
def ran(name):
    """Return what came of each run, and what was traced by its end."""
    command = [sys.executable, "-m", "harness.tracers", name]
    entries = [str(TESTS), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    path = {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, entries))}
    done = subprocess.run(
        command, env=os.environ | path, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = map(json.loads, done.stdout.splitlines())
    return {run: (came, traced) for run, came, traced in lines}


def test_the_tracers_of_the_test_group_are_here():
    """Or the table below would be shorter than it seems."""
    assert set(HERE) >= GROUP or os.environ.get("NBSTREAM_TRACERS")


def test_the_bare_streams_are_complete_or_stopped():
    """What all others are compared with."""
    for run, (came, _) in ran("bare").items():
        if "stop" in run:
            assert came == ([True] if "native" in run else ["stopped", True, True]), run
        elif "keep_wire: google.generate_content, async" in run and AIOHTTP:
            assert "aiohttp, which keep_wire cannot hear" in came[1]
        else:
            assert came[0] in ("complete", True), run


@pytest.mark.parametrize("name", HERE)
def test_a_traced_stream_is_read_as_the_bare_one(name):
    """Shown, started, its bytes kept, stopped within a second; and asked for."""
    unlike = UNLIKE.get(name, {})
    came = {
        run: found[: len(unlike.get(run, found))]
        for run, (found, _) in ran(name).items()
        if not run.startswith("native")
    }
    bare = {run: found for run, (found, _) in ran("bare").items()}
    expected = bare | {run: unlike[run] for run in came.keys() & unlike.keys()}

    assert len(came) > 40
    assert {run: each for run, each in came.items() if each != expected[run]} == {}


@pytest.mark.parametrize("name", HERE)
def test_its_trace_is_whole(name):
    """What is traced of a plain loop, or of one left early, is traced of ours."""
    found, lost = ran(name), []
    for native, ours in ENDS.items():
        mark = tracers.MARKED["silence" if "stop" in native else "whole"]
        for run, (_, traced) in found.items():
            title = run.removeprefix(f"{native}: ")
            if title != run and any(mark in each for each in traced):
                lost += [
                    f"{each}: {title}"
                    for each in ours
                    if found[f"{each}: {title}"][0][0] in ("complete", "stopped")
                    and not any(mark in span for span in found[f"{each}: {title}"][1])
                ]

    assert lost == []
