"""The oldest and the newest of all that pyproject allows: both run the quick tests.

uv takes the oldest release of each package that pyproject names, and the newest of
what these need.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.place

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = ("openai", "anthropic", "google", "plot", "tools", "web")
#: What the quick tests need besides; not bound, so that it goes with the oldest.
TOOLS = (
    *("pytest>=9", "pytest-xdist>=3.8", "hypothesis>=6.170", "nbclient", "ipykernel"),
    *("pyyaml", "httpx", "httpx-sse", "fastapi", "httptools", "hatchling", "wrapt"),
    *("coverage", "playwright"),
)
QUICK = ("-m", "not kernel and not browser and not place", "-q", "-n", "2")


def uv(*arguments: str) -> None:
    """Run uv, which `make places` installs."""
    command = [sys.executable, "-m", "uv", "--quiet", *arguments]
    subprocess.run(command, cwd=ROOT, check=True)


@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
def test_the_quick_tests_pass(resolution, tmp_path):
    """With the core's own dependencies and those of each extra that is for use."""
    chosen, home = str(tmp_path / "chosen.txt"), str(tmp_path / "venv")
    version = "{}.{}".format(*sys.version_info)
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    how = ["--resolution", resolution, "--python-version", version, "-o", chosen]
    uv("pip", "compile", "pyproject.toml", *extras, *how)
    uv("venv", "--python", sys.executable, home)
    uv(
        "pip",
        "install",
        "--compile-bytecode",
        "--python",
        home,
        "-r",
        chosen,
        "-c",
        chosen,
        *TOOLS,
    )
    python = Path(home) / "bin" / "python"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [python, "-m", "pytest", *QUICK]
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout[-4000:]
