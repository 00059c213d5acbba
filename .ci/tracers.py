"""Run the tests of traced streams beneath every tracer that can be installed.

They share one environment in ``.venv/tracers``, with the releases of ``versions.txt``;
one that does not agree with those gets an environment of its own, with what it wants.
What can be installed in neither is told and left out; in CI that is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pythons import CONSTRAINTS, PIP, ROOT

sys.path.insert(0, str(ROOT / "tests"))

from harness.tracers import TRACERS

FOLDER = ROOT / ".venv" / "tracers"
WANTED = ("-e", f"{ROOT}[openai,anthropic,google,tools]", "pytest", "hypothesis")
WANTED += ("nbclient", "pyyaml")
TESTS = ("-m", "pytest", "-q", "tests/drive/test_tracers.py")
#: Tracers bring plugins for pytest, which are not what is tested.
ENVIRONMENT = {"NBSTREAM_TRACERS": "all", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def install(folder: Path, needs: tuple[str, ...], pins: tuple[str, ...]) -> bool:
    """Install into an environment, which is made if need be; tell whether it worked."""
    own = folder / "bin" / "python"
    if not own.exists():
        venv = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
        subprocess.run(venv, check=True)
    pip = [*PIP, "--python", str(own), "install", "--no-compile", *pins]
    done = subprocess.run([*pip, *WANTED, *needs], cwd=ROOT, check=False)
    return done.returncode == 0


def main(arguments: list[str]) -> int:
    """Install and test; return how many environments or tracers failed."""
    pins = ("--constraint", str(CONSTRAINTS))
    folders, missing = {FOLDER / "pinned": "the pinned releases"}, []
    for name, tracer in TRACERS.items():
        print(f"Installing {name}", flush=True)
        if install(FOLDER / "pinned", tracer.needs, pins):
            continue
        own = FOLDER / name.lower().replace(" ", "-")
        if install(own, tracer.needs, ()):
            folders[own] = f"{name}, with releases of its own"
        else:
            missing.append(name)
    failed = []
    for folder, title in folders.items():
        print(f"Testing {title}", flush=True)
        command = [str(folder / "bin" / "python"), *TESTS, *arguments]
        environment = os.environ | ENVIRONMENT
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        failed += [title] * bool(done.returncode)
    print("Cannot be installed:", *missing or ["none"])
    print("Failed:", *failed or ["none"])
    return len(failed) + len(missing) * bool(os.environ.get("CI"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
