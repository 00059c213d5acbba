"""Run the quick tests with the oldest packages that pyproject allows, and the newest.

The oldest of what pyproject names, for users and for tests; what these need in turn is
the newest that goes with them, as pip would take it. Each end gets an environment of
its own in ``.venv``, with this Python: ``bounds.py [--only END] -m pytest ...``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESOLUTIONS = ("lowest-direct", "highest")
#: What people use beside a notebook; the extra `course` bounds JupyterLab as well.
EXTRAS = ("openai", "anthropic", "google", "plot", "tools", "web")
#: What tests use and people need not have: the newest that goes with the rest.
BESIDE = ("--group", "test", "ipykernel", "ipywidgets", "nbconvert")
#: What an old uvicorn is told by websockets is not ours to mend.
THEIRS = ("remove second argument of ws_handler", "websockets.")
TOLD = [word for said in THEIRS for word in ("-W", f"ignore:{said}:DeprecationWarning")]
UV = (sys.executable, "-m", "uv", "--quiet", "pip")


def environment(resolution: str) -> Path:
    """Make an environment; return its interpreter."""
    home = ROOT / ".venv" / resolution
    chosen, own = home / "chosen.txt", home / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    bound = ["--resolution", resolution, "--python", str(own), "-o", str(chosen)]
    uv("compile", "pyproject.toml", *extras, *bound)
    # Compiled at once: old SDKs have escapes of which Python warns when it compiles.
    into = ("install", "--python", str(own), "--compile-bytecode")
    uv(*into, "-r", str(chosen), "-c", str(chosen), *BESIDE)
    uv(*into, "--no-deps", "--editable", ".")
    return own


def uv(*arguments: str) -> None:
    """Run uv, which can resolve to the oldest: ``pip`` cannot."""
    subprocess.run([*UV, *arguments], cwd=ROOT, check=True)


def main() -> int:
    """Run the quick tests at each end; return how many ends failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=RESOLUTIONS, help="one end, default: both")
    asked, tests = parser.parse_known_args()
    failed = []
    # In CI no test may be skipped; here some are: what they compare with is not there.
    env = {name: value for name, value in os.environ.items() if name != "CI"}
    for resolution in [asked.only] if asked.only else RESOLUTIONS:
        print(f"The quick tests, packages: {resolution}", flush=True)
        command = [environment(resolution), *tests, *TOLD]
        if subprocess.run(command, cwd=ROOT, env=env, check=False).returncode != 0:
            failed.append(resolution)
    print(f"Failed: {', '.join(failed)}" if failed else "Neither fails", flush=True)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
