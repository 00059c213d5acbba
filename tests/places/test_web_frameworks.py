"""``nbstream.web.encode`` and ``chunks`` in frameworks with responses of their own.

Each is served as its file in the documentation says; when a reader leaves, the
provider's connection is closed, here that of a synchronous client.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from harness.sdks import KEY
from harness.web import Client
from places.test_web_proxies import CONFIGURED, free_port, python_with, running

pytestmark = pytest.mark.place

SOURCE = Path(__file__).resolve().parents[2] / "src"
PACKAGES = ["openai", "markdown-it-py", "pygments", "uvicorn"]
#: The file -> the package that our own environment is without, and how it is run.
FRAMEWORKS = {
    "fastapi_events": ("", ["-m", "uvicorn", "fastapi_events:app", "--port"]),
    "django_view": ("django==5.2.19", ["-m", "uvicorn", "django_view:app", "--port"]),
    "aiohttp_server": ("aiohttp==3.14.5", ["aiohttp_server.py"]),
}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_in_a_framework(name, wire, tmp_path):
    """The whole answer comes, and a reader who leaves is noticed."""
    wire.exchanges.clear()
    package, command = FRAMEWORKS[name]
    python = Path(sys.executable)
    if package:
        python = python_with(tmp_path / "venv", package, *PACKAGES)
    text = (CONFIGURED / f"{name}.py").read_text()
    (tmp_path / f"{name}.py").write_text(text.replace('"gpt-5.6-luna"', "question"))
    more = {"PYTHONPATH": str(SOURCE), "OPENAI_API_KEY": KEY}
    more["OPENAI_BASE_URL"] = f"{wire.url}/v1"
    port = free_port()
    options = {"cwd": tmp_path, "env": {**os.environ, **more}}
    with running([python, *command, port], port, **options):
        url = f"http://127.0.0.1:{port}"
        whole = Client(url, None, "/whole", method="GET").read()
        client = Client(url, None, "/silence", method="GET")
        client.read_until("text-delta")
        left_at_s = client.leave()
        gone = wire.wait_for(lambda each: each.plan == "silence" and each.gone_at_s)

    assert b'"finish"' in whole
    assert gone.gone_at_s - left_at_s < 1


def test_the_programs_are_the_documented_ones():
    """What is tested here is what the documentation shows."""
    assert {path.stem for path in CONFIGURED.glob("*.py")} == FRAMEWORKS.keys()
