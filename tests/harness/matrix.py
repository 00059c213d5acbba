"""The kernel versions that the tests run on, each in a folder of its own.

One environment serves all: a kernel is the same Python with another ``ipykernel``
first on its path. ``python tests/harness/matrix.py`` fills `.kernels/` ahead of time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = [
    "NEWEST",
    "OTHER_VERSIONS",
    "VERSIONS",
    "ensure",
    "ensure_folder",
    "ensure_lab",
    "spec_name",
    "write_specs",
]

ROOT = Path(__file__).resolve().parents[2]
#: What each version needs beyond the newest one's own dependencies.
PINS: Mapping[str, tuple[str, ...]] = {
    "6.31.0": ("ipykernel==6.31.0", "nest-asyncio==1.6.0", "psutil>=5.7"),
    "7.3.0": ("ipykernel==7.3.0", "psutil>=5.7"),
    "7.4.0": ("ipykernel==7.4.0",),
}
VERSIONS = tuple(PINS)
NEWEST = VERSIONS[-1]
#: The same of those that only `make places` proves. IPython 7.34 is the oldest allowed.
OTHER_PINS: Mapping[str, tuple[str, ...]] = {
    "6.17.1": (
        *("ipykernel==6.17.1", "ipython==7.34.0", "jedi==0.18.2", "parso==0.8.4"),
        *("nest-asyncio==1.6.0", "psutil>=5.7", "backcall", "pickleshare", "decorator"),
        "jupyter_client==7.4.9",
    ),
    "6.29.5": ("ipykernel==6.29.5", "nest-asyncio==1.6.0", "psutil>=5.7"),
    "7.0.1": ("ipykernel==7.0.1", "nest-asyncio==1.6.0", "psutil>=5.7"),
    "7.1.0": ("ipykernel==7.1.0", "nest-asyncio==1.6.0", "psutil>=5.7"),
}
OTHER_VERSIONS = tuple(OTHER_PINS)
LAUNCH = ("-m", "ipykernel_launcher", "-f", "{connection_file}")


def ensure(version: str) -> Path:
    """Install one version into `.kernels/<version>` unless it is there; return it.

    The stamp names the interpreter, because psutil is compiled for one of them.
    """
    folder = ROOT / ".kernels" / version
    stamp = folder / "made"
    pins = {**OTHER_PINS, **PINS}[version]
    wanted = f"{sys.implementation.cache_tag} {' '.join(pins)}\n"
    if stamp.exists() and stamp.read_text() == wanted:
        return folder
    print(f"Setting up ipykernel {version} in .kernels/{version}", flush=True)
    _install(folder, *pins)
    stamp.write_text(wanted)
    return folder


def ensure_lab(version: str) -> Path:
    """Install one JupyterLab into `.kernels/lab-<version>`; return that folder."""
    return ensure_folder(f"lab-{version}", f"jupyterlab=={version}")


def ensure_folder(name: str, *wanted: str) -> Path:
    """Install packages into `.kernels/<name>`, without what they need; return it."""
    folder = ROOT / ".kernels" / name
    stamp = folder / "made"
    if not stamp.exists() or stamp.read_text() != " ".join(wanted):
        _install(folder, *wanted)
        stamp.write_text(" ".join(wanted))
    return folder


def _install(folder: Path, *wanted: str) -> None:
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps"]
    pip += ["--disable-pip-version-check", "--upgrade", "--target", str(folder)]
    subprocess.run([*pip, *wanted], check=True)


def spec_name(version: str) -> str:
    """Name the kernelspec of one version, as notebooks and servers know it."""
    return f"ipykernel-{version}"


def write_specs(folder: Path, versions: Iterable[str] = VERSIONS) -> Path:
    """Write a kernelspec per version below ``folder``; return the folder of specs.

    Written at test time, not kept: they name this interpreter and hand on the
    ``PYTHONPATH`` of this run, so that the built wheel is what its kernels import.
    """
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    above = [os.path.abspath(entry) for entry in inherited if entry]
    for version in versions:
        spec = folder / "kernels" / spec_name(version)
        spec.mkdir(parents=True)
        path = os.pathsep.join([str(ensure(version)), *above])
        content = {
            "argv": [sys.executable, *LAUNCH],
            "display_name": f"ipykernel {version}",
            "language": "python",
            "env": {"PYTHONPATH": path},
            "metadata": {"debugger": True},
        }
        (spec / "kernel.json").write_text(json.dumps(content, indent=1))
    return folder / "kernels"


if __name__ == "__main__":
    for each in VERSIONS:
        ensure(each)
