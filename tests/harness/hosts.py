"""Environments for places where notebooks run, each with what is needed there alone."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

__all__ = ["KERNEL", "environment", "isolated", "on_path"]

ROOT = Path(__file__).resolve().parents[2]
#: What a kernel needs to show an answer.
KERNEL = ("anywidget", "ipykernel", "ipython", "markdown-it-py", "pygments")


def environment(name: str, *packages: str, wheel: bool = False) -> Path:
    """Return the interpreter of an environment, which is made once and kept.

    With ``wheel`` nbstream is installed in it, as from an index.
    """
    home = ROOT / ".kernels" / name
    python, stamp = home / "bin" / "python", home / "packages.txt"
    wanted = "\n".join(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        venv.create(home, with_pip=True, clear=True)
        _pip(python, *packages)
        stamp.write_text(wanted)
    if wheel:
        built = home / "wheel"
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
        subprocess.run([*command, "-d", built], cwd=ROOT, check=True)
        _pip(python, "--no-deps", "--force-reinstall", *map(str, built.glob("*.whl")))
    return python


def _pip(python: Path, *arguments: str) -> None:
    quiet = ("install", "-q", "--disable-pip-version-check")
    subprocess.run([python, "-m", "pip", *quiet, *arguments], check=True)


def isolated(python: Path, home: Path, **more: str) -> dict[str, str]:
    """Return the variables of a process there, which reads no settings of ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "IPYTHON", "NBSTREAM", "PYTHON"))
    }
    path = f"{python.parent}:{kept['PATH']}"
    return {**kept, "PATH": path, "HOME": str(home), **more}


def on_path() -> dict[str, str]:
    """Return the variable by which a process finds nbstream as it is here."""
    return {"PYTHONPATH": str(ROOT / "src")}
