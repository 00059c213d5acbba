"""Run tests on every other Python that this machine has: ``pythons.py -m pytest ...``.

``--newest`` before it: on the newest of them alone, which `make test` does.
Each gets a small environment of its own in `.venv`, made once. A Python for which the
packages cannot be had is told and left out; in CI that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
OWN = "{}.{}".format(*sys.version_info)
CONSTRAINTS = ROOT / ".ci" / "versions.txt"
#: The SDKs and the test tools, but no JupyterLab.
WANTED = ("-e", f"{ROOT}[openai,anthropic,google,plot,tools]", "--group", "test")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", "--no-input")
ASK = "import sys; print('{}.{}'.format(*sys.version_info))"


def interpreters() -> dict[str, str]:
    """Find one interpreter for each other version: by its name, or kept by pyenv.

    Found is what runs: pyenv has a command for each version that any folder may use.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = {}
    for version in VERSIONS:
        kept = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
        named = [shutil.which(f"python{version}"), *map(str, kept)]
        running = [name for name in named if name and version_of(name) == version]
        if running and version != OWN:
            found[version] = running[0]
    return found


def version_of(python: str) -> str:
    """Ask an interpreter for its version; nothing if it does not run."""
    try:
        command = [python, "-c", ASK]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def environment(python: str, version: str) -> Path | None:
    """Make an environment unless it is there; return its interpreter."""
    folder = ROOT / ".venv" / f"python{version}"
    own, stamp = folder / "bin" / "python", folder / "made"
    sources = [CONSTRAINTS, ROOT / "pyproject.toml"]
    newest = max(path.stat().st_mtime for path in sources)
    if stamp.exists() and stamp.stat().st_mtime >= newest:
        return own
    print(f"Setting up Python {version} in {folder.relative_to(ROOT)}", flush=True)
    venv = [python, "-m", "venv", "--clear", "--without-pip", str(folder)]
    pip = [*PIP, "--python", str(own), "install", "--no-compile"]
    pip += ["--constraint", str(CONSTRAINTS), *WANTED]
    for command in (venv, pip):
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            return None
    stamp.touch()
    return own


def main(arguments: list[str]) -> int:
    """Run the tests on each; return how many Pythons failed."""
    failed = []
    found = interpreters()
    if arguments[0] == "--newest":
        found, arguments = dict([*found.items()][-1:]), arguments[1:]
    with ThreadPoolExecutor() as pool:  # packages are fetched for all of them at once
        made = list(pool.map(environment, found.values(), found))
    for version, own in zip(found, made, strict=True):
        if own is None:
            print(
                f"Python {version}: not tried, its packages cannot be had", flush=True
            )
            failed += [version] * bool(os.environ.get("CI"))
            continue
        print(f"Python {version}", flush=True)
        if subprocess.run([own, *arguments], cwd=ROOT, check=False).returncode != 0:
            failed.append(version)
    print("Failed on:" if failed else "No other Python fails", *failed)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
