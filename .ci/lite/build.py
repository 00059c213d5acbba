"""Build the course as a JupyterLite site: ``build.py FOLDER``.

Python (Pyodide, from npm) and every package that a lesson imports (wheels, from PyPI)
lie in the site itself, named in one lock file: the page asks nobody else for anything.
It runs in the site's own environment, in which JupyterLite is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(HERE.parent))

from copies import update  # noqa: E402
from npm import taken  # noqa: E402

#: What is fetched is kept here from one build to the next.
CACHE = ROOT / ".kernels" / "lite"
#: The one that jupyterlite-pyodide-kernel 0.8.6 was made for: see its ``constants``.
PYODIDE = "314.0.6"
#: Pyodide's own files that a page loads; the rest is for consoles and compilers.
RUNTIME = re.compile(r"pyodide(\.asm)?\.(mjs|wasm)|python_stdlib\.zip")
#: The wheels that fit it (PEP 783), and what Python's markers say there.
PLATFORM = ("--platform", "pyemscripten_2026_0_wasm32", "--python-version", "3.14")
MARKERS = {
    "platform_machine": "wasm32",
    "platform_system": "Emscripten",
    "sys_platform": "emscripten",
    "python_version": "3.14",
    "python_full_version": "3.14.2",
}
#: What is loaded before the first cell runs, with the kernel's own wheels, ...
FIRST = (
    *("nbstream", "httpx2", "docstring-parser"),
    *("ipython", "jedi", "comm", "micropip"),
)
KERNEL = ("ipykernel", "piplite", "pyodide-kernel")
#: ... and with the first import of it.
LATER = ("openai", "anthropic", "google-genai", "pydantic", "jsonschema", "tzdata")
#: No wheel of them fits, and nothing in a page needs them: a terminal's keys, Google's
#: service accounts, what a notebook's server has.
WITHOUT = {"cryptography", "pexpect", "psutil", "widgetsnbextension"}
#: What is made here: our own, and what stands in for one that is written in Rust.
OURS = {"nbstream", "rpds-py"}
#: Releases that only the page has.
ONLY_HERE = {"httpx2-jsfetch": "1.0", "micropip": "0.11.1"}
#: Where one comes in: the first lesson.
FRONT = "location.replace('./lab/index.html?path={}')"
LAB = "share/jupyter/labextensions/@jupyterlite/pyodide-kernel-extension"


def main(folder: Path) -> None:
    """Build the site in this folder, anew."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        lite = Path(scratch)
        python = lite / "static" / "pyodide"
        python.mkdir(parents=True)
        info = unpack_python(python)
        kernel = Path(sys.prefix, LAB, "static", "pypi")
        own = [next(kernel.glob(f"{name.replace('-', '_')}-*.whl")) for name in KERNEL]
        for wheel in [*fetched(), *own]:
            shutil.copy(wheel, python)
        build_wheels(python)
        entries = [described(wheel) for wheel in sorted(python.glob("*.whl"))]
        lock = {"info": info, "packages": {each["name"]: each for each in entries}}
        (python / "pyodide-lock.json").write_text(json.dumps(lock, indent=1))
        (lite / "jupyter-lite.json").write_text(json.dumps(settings(), indent=1))
        build(lite, folder)


def unpack_python(folder: Path) -> object:
    """Put Pyodide's runtime into a folder; return what its lock says of itself."""
    info: object = None
    for path, content in taken("pyodide", PYODIDE, CACHE):
        name = Path(path).name
        if RUNTIME.fullmatch(name):
            (folder / name).write_bytes(content)
        if name == "pyodide-lock.json":
            info = json.loads(content)["info"]
    return info


# -- the wheels -----------------------------------------------------------------------


def fetched() -> list[Path]:
    """Fetch the wheels of everything that is wanted, and of what that needs in turn."""
    pins = dict(pinned()) | ONLY_HERE
    found: dict[str, Path] = {}
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {*FIRST, *LATER, *names_in(lines["dependencies"])}
    while missing := wanted - {*found} - OURS:
        found |= download({name: pins.get(name, "") for name in missing})
        wanted |= {need for name in missing for need in needs(found[name])}
    return [found[name] for name in sorted(found)]


def download(wanted: dict[str, str]) -> dict[str, Path]:
    """Fetch these releases, if they are not here; return the wheel of each."""
    folders = {name: CACHE / f"{name}-{wanted[name]}" for name in wanted}
    lacking = [
        f"{name}=={wanted[name]}" if wanted[name] else name
        for name, folder in folders.items()
        if not folder.exists()
    ]
    if lacking:
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            pip = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps"]
            pip += ["--disable-pip-version-check", "--only-binary", ":all:", *PLATFORM]
            subprocess.run([*pip, "-d", scratch, *lacking], check=True)
            for wheel in Path(scratch).glob("*.whl"):
                folder = folders[parse_wheel_filename(wheel.name)[0]]
                folder.mkdir()
                wheel.rename(folder / wheel.name)
    return {name: next(folder.glob("*.whl")) for name, folder in folders.items()}


def pinned() -> Iterator[tuple[str, str]]:
    """Yield the releases that everything was last proved with."""
    for line in (ROOT / ".ci" / "versions.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        yield canonicalize_name(name), version


def needs(wheel: Path) -> list[str]:
    """Return the names of what a wheel needs in a page."""
    with zipfile.ZipFile(wheel) as archive:
        path = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        said: Message = BytesParser().parsebytes(archive.read(path), headersonly=True)
    return names_in(said.get_all("Requires-Dist") or [])


def names_in(requirements: list[str]) -> list[str]:
    """Return the names in these that apply in a page."""
    found = map(Requirement, requirements)
    here = [each for each in found if not each.marker or each.marker.evaluate(MARKERS)]
    return sorted({canonicalize_name(each.name) for each in here} - WITHOUT)


def build_wheels(folder: Path) -> None:
    """Build our own wheel, and the one that stands in for another."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    name, info = "rpds_py-0.0.0-py3-none-any.whl", "rpds_py-0.0.0.dist-info"
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.write(HERE / "rpds.py", "rpds.py")
        head = "Metadata-Version: 2.1\nName: rpds-py\nVersion: 0.0.0\n"
        archive.writestr(f"{info}/METADATA", head)
        tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tag)
        archive.writestr(f"{info}/RECORD", "")


def described(wheel: Path) -> dict[str, object]:
    """Describe a wheel as Pyodide's lock file does."""
    name, version, _, _ = parse_wheel_filename(wheel.name)
    return {
        "name": name,
        "version": str(version),
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": sorted(imports(wheel)),
        "depends": needs(wheel),
        "unvendored_tests": False,
    }


def imports(wheel: Path) -> set[str]:
    """Return what can be imported from a wheel: what is loaded at an ``import`` of it.

    ``google`` is shared; whoever says ``from google import genai`` means the SDK.
    """
    with zipfile.ZipFile(wheel) as archive:
        paths = [n.split("/") for n in archive.namelist() if ".dist-info/" not in n]
    roots = {path[0].partition(".")[0] for path in paths if ".data" not in path[0]}
    if "google" in roots and ["google", "genai", "__init__.py"] not in paths:
        roots.remove("google")
    return roots


# -- the site -------------------------------------------------------------------------


def settings() -> dict[str, object]:
    """Return JupyterLite's settings: all is here, and nothing comes from elsewhere."""
    kernel = {
        "pyodideUrl": "./static/pyodide/pyodide.mjs",
        "disablePyPIFallback": True,
        "loadPyodideOptions": {
            "lockFileURL": "./static/pyodide/pyodide-lock.json",
            "packages": [*FIRST, *KERNEL],
        },
    }
    plugins = {"@jupyterlite/pyodide-kernel-extension:kernel": kernel}
    page = {
        "appName": "nbstream",
        "exposeAppInBrowser": True,
        "litePluginSettings": plugins,
    }
    return {"jupyter-lite-schema-version": 0, "jupyter-config-data": page}


def build(lite: Path, folder: Path) -> None:
    """Let JupyterLite make the site of our settings and the students' copies."""
    contents = lite / "contents"
    copies = update(contents)
    command = [sys.executable, "-m", "jupyterlite_core", "build", "--apps", "lab"]
    command += ["--lite-dir", lite, "--output-dir", folder, "--contents", contents]
    command += ["--no-sourcemaps"]
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with open(os.devnull, "w") as null:
        subprocess.run(command, cwd=lite, check=True, stdout=null, env=quiet)
    shutil.copy(HERE / "loading.js", folder / "lab")
    tag = '<script type="module" src="./loading.js"></script>'
    head = f"{tag}<style>{unlisted(copies.beside)}</style></head>"
    change(folder / "lab" / "index.html", "</head>", head)
    # The other pages read their settings from this one.
    front = FRONT.format(copies.first)
    change(folder / "index.html", "await import('./config-utils.js')", front)


def unlisted(names: list[str]) -> str:
    """Return the style by which the list of files does not show some.

    They are in it all the same: a page imports and shows what its list has.
    """
    items = [f'.jp-DirListing-item[title^="Name: {name}\\A "]' for name in names]
    return f"{','.join(items)}{{display:none}}"


def change(page: Path, old: str, new: str) -> None:
    """Change the one place of a page of JupyterLite's that is ours to change."""
    text = page.read_text("utf-8")
    if text.count(old) != 1:
        raise SystemExit(f"{page.name}: expected {old!r} once, found {text.count(old)}")
    page.write_text(text.replace(old, new), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
