"""The repository: what is true of its files, whatever the code does."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import yaml
from harness.ci import script
from harness.house import House
from house.floors import FLOORS
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import nbstream

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]


def files() -> list[Path]:
    """Every file that is, or is about to be, committed; works without git, too.

    Of the notebooks these are the course's own: others there are the teacher's.
    """
    ours = {*script("course").lessons(), ROOT / "notebooks" / "live.ipynb"}
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split()]
    found = []
    for folder, inner, names in os.walk(ROOT):
        inner[:] = without(inner, [".git", *ignored])
        found += [Path(folder, name) for name in without(names, [".git", *ignored])]
    return [path for path in found if path.suffix != ".ipynb" or path in ours]


def without(names: list[str], patterns: list[str]) -> list[str]:
    """Leave out the names that match a pattern."""
    return [name for name in names if not any(fnmatch(name, p) for p in patterns)]


def wanted(extra: str) -> dict[str, str]:
    """Give an extra's requirements as name -> bounds, other extras filled in."""
    found: dict[str, str] = {}
    for requirement in map(Requirement, PROJECT["optional-dependencies"][extra]):
        if requirement.name == PROJECT["name"]:
            for inner in requirement.extras:
                found |= wanted(inner)
        else:
            found[requirement.name] = str(requirement.specifier)
    return found


def test_environment_yml_is_in_step_with_pyproject():
    """Conda users get the same packages, with the same bounds, as `make lab`."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(item["pip"] for item in listed if isinstance(item, dict))
    names = [item for item in listed if isinstance(item, str) and item != "pip"]
    requirements = map(Requirement, [*names, *(p for p in pip if p != "-e .")])
    actual = {canonicalize_name(r.name): str(r.specifier) for r in requirements}

    core = map(Requirement, PROJECT["dependencies"])
    expected = {each.name: str(each.specifier) for each in core} | wanted("course")

    assert actual == {"python": PROJECT["requires-python"]} | expected
    assert "-e ." in pip
    assert "docstring_parser>=0.16" in names  # conda-forge has no docstring-parser


def test_each_release_runs_on_the_oldest_python():
    """Also on a first release of it: Debian's 3.11 is 3.11.2."""
    oldest = PROJECT["requires-python"].removeprefix(">=") + ".0"
    lines = (ROOT / ".ci" / "versions.txt").read_text().split()
    pinned = dict(line.split("==") for line in lines)
    refused = [
        (name, version, needs)
        for name, version in pinned.items()
        if (needs := needed_by(name, version)) and oldest not in SpecifierSet(needs)
    ]

    assert refused == []


def needed_by(name: str, version: str) -> str:
    """Say what Pythons a release needs, if it is the one that is installed."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return ""
    return found.metadata["Requires-Python"] or "" if found.version == version else ""


def test_the_version_is_said_once_more_only():
    """`nbstream.__version__` is the version of the distribution."""
    assert nbstream.__version__ == PROJECT["version"]


def test_the_copy_under_test_is_the_one_that_was_asked_for():
    """`make test` asks for the built wheel by name; otherwise it is the source."""
    asked = ROOT / os.environ.get("NBSTREAM_UNDER_TEST", "src")
    assert Path(nbstream.__file__).resolve().parent == asked / "nbstream"


HEAVY = {
    "AI SDKs": ["openai", "anthropic", "google.genai"],
    "HTTP": ["httpx", "httpx2", "httpcore", "requests", "aiohttp"],
    "widgets": ["ipywidgets", "anywidget", "ipykernel", "jupyter_client"],
    "rendering": ["markdown_it"],
    "tools": ["pydantic", "docstring_parser"],
}


def test_import_stays_light():
    """Importing nbstream imports no SDK, HTTP library, widget or Markdown parser."""
    code = "import sys, nbstream; print(*sorted(sys.modules))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())

    found = {what: sorted(imported & set(names)) for what, names in HEAVY.items()}
    assert found == {what: [] for what in HEAVY}


SHOWN = {
    "without a view": ('nbstream.show(["a", "b"], view="none")', 33),
    "live": ('nbstream.show(["a", "b"], view="live")', 57),
}


@pytest.mark.parametrize(("code", "most"), SHOWN.values(), ids=SHOWN.keys())
def test_what_is_shown_loads_few_modules(code, most):
    """Nobody pays for what they do not use; the live view is one of a real shell."""
    setup = "import sys, nbstream; from IPython import InteractiveShell as Shell"
    count = "print(*(name for name in sys.modules if name.split('.')[0] == 'nbstream'))"
    lines = [setup, "Shell.instance()", code, "print()", count]
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()

    assert len(loaded) <= most, sorted(loaded)


PLACE = {name: floor for floor, (names, _) in FLOORS.items() for name in names.split()}
#: What the Markdown renderer may know of the rest: it serves others, too.
RENDERER = {"markdown", "errors", "_text"}


def top(module: str) -> str:
    """Give the folder or module right below the package; its own face is a dot."""
    _, *below = module.split(".")
    return below[0] if below else "."


def test_each_floor_imports_only_from_below():
    """Wherever an import stands: in a function and for types, too."""
    house = House(Path(nbstream.__file__).parent)
    found = set()
    for module, imported in house.graph(types=True).items():
        own = PLACE.get(top(module))
        allowed = {own, *FLOORS[own][1].split()} if own else set()
        found |= {
            f"{module} imports {other}"
            for other in imported
            if PLACE.get(top(other)) not in allowed
        }
    unplaced = {top(module) for module in house.rooms} - set(PLACE)

    assert sorted(unplaced) == []
    assert sorted(found) == []


def test_the_renderer_stands_alone():
    """`nbstream.markdown` imports nothing of ours but errors and texts."""
    graph = House(Path(nbstream.__file__).parent).graph(types=True)
    own = {name: each for name, each in graph.items() if top(name) == "markdown"}

    assert {top(other) for each in own.values() for other in each} <= RENDERER


def test_no_file_names_a_machine():
    """No committed text holds a path of somebody's machine."""
    homes = re.compile(r"(?<![\w.:/-])/(?:home|Users|root|work|mnt)/\w+")
    found = {}
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if hits := homes.findall(text):
            found[str(path.relative_to(ROOT))] = hits
    assert found == {}


@pytest.mark.parametrize("script", [".ci/run"])
def test_scripts_run(script):
    """Shell scripts are executable and bash can parse them."""
    path = ROOT / script
    assert path.stat().st_mode & stat.S_IXUSR
    assert subprocess.run(["bash", "-n", path], check=False).returncode == 0


def test_the_readme_begins_with_the_two_commands():
    """A reader's first two command lines are `make lab` and `make test`."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```", readme, re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    commands = [line.removeprefix("$ ").split("#")[0].strip() for line in lines]
    made = [command for command in commands if command.startswith("make ")]
    assert made[:2] == ["make lab", "make test"]


# -- notebooks ---------------------------------------------------------------------

MAX_BYTES = 100_000
MAX_CELL_LINES = 12
HOST_PATH = re.compile(
    r"(?<![\w.:/<-])(?:/(?:home|Users|root|tmp|usr|opt|var|work)/)\w"
)
METADATA = {"kernelspec", "language_info"}


def complaints(text: str) -> list[str]:
    """Say what is wrong with a notebook's file, as a reviewer would."""
    notebook = json.loads(text)
    found = []
    if len(text.encode()) >= MAX_BYTES:
        found.append(f"{len(text.encode())} bytes")
    if extra := set(notebook["metadata"]) - METADATA:
        found.append(f"metadata {sorted(extra)}")
    if hits := HOST_PATH.findall(text):
        found.append(f"absolute paths {hits}")
    for index, cell in enumerate(notebook["cells"]):
        found += [f"cell {index}: {what}" for what in cell_complaints(cell)]
    return found


def cell_complaints(cell: dict) -> list[str]:
    """Say what is wrong with one cell."""
    source = "".join(cell["source"])
    found = []
    if set(cell["metadata"]) - {"tags"}:
        found.append(f"metadata {sorted(cell['metadata'])}")
    if set(cell["metadata"].get("tags", [])) - {"raises-exception"}:
        found.append(f"tags {cell['metadata']['tags']}")
    if cell["cell_type"] != "code":
        return found
    if len(source.splitlines()) > MAX_CELL_LINES:
        found.append(f"{len(source.splitlines())} lines")
    if cell["execution_count"] is None:
        found.append("never ran")
    if "NBVAL" in source.upper():
        found.append("exempt from comparison")
    kinds = {kind for output in cell["outputs"] for kind in output.get("data", {})}
    if bad := {kind for kind in kinds if "widget" in kind or kind.startswith("image/")}:
        found.append(f"outputs {sorted(bad)}")
    return found


def test_notebooks_are_clean():
    """Saved notebooks are small, have run, and hold no widget, path or image."""
    notebooks = [path for path in files() if path.suffix == ".ipynb"]
    found = {path.name: complaints(path.read_text("utf-8")) for path in notebooks}
    assert found == {name: [] for name in found}
    assert len(found) > 8


def code_cell(source: str = "1", **changes: object) -> dict:
    """Make a code cell that ran."""
    clean = {"cell_type": "code", "metadata": {}, "execution_count": 1, "outputs": []}
    return {**clean, "source": source.splitlines(keepends=True), **changes}


WIDGET = {"data": {"application/vnd.jupyter.widget-view+json": {}}}
BAD_CELLS = {
    "thirteen lines": (code_cell("1\n" * 13), ["cell 0: 13 lines"]),
    "not run": (code_cell(execution_count=None), ["cell 0: never ran"]),
    "skipped by nbval": (
        code_cell("# nbval-skip"),
        ["cell 0: exempt from comparison"],
    ),
    "a widget": (
        code_cell(outputs=[WIDGET]),
        ["cell 0: outputs ['application/vnd.jupyter.widget-view+json']"],
    ),
    "a tag of ours": (
        code_cell(metadata={"tags": ["live"]}),
        ["cell 0: tags ['live']"],
    ),
    "a path": (code_cell("'/tmp/x'"), ["absolute paths ['/tmp/x']"]),
    "a good one": (code_cell("1\n" * 12, metadata={"tags": ["raises-exception"]}), []),
}


@pytest.mark.parametrize(("cell", "expected"), BAD_CELLS.values(), ids=BAD_CELLS.keys())
def test_the_notebook_gate_sees(cell, expected):
    """The gate itself works: each fault gives its own complaint."""
    assert complaints(json.dumps({"metadata": {}, "cells": [cell]})) == expected


def test_the_readmes_figures_are_measured():
    """Each figure of the README's section on speed stands in the bench's table."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    measured = (ROOT / "bench" / "README.md").read_text(encoding="utf-8")
    speed = readme.split("## Speed\n")[1].split("## ")[0]
    figures = re.findall(r"\d+(?:\.\d+)? (?:x|ms)\b", speed)

    assert len(figures) >= 3
    assert [each for each in figures if each not in measured] == []


def test_the_picture_of_the_house_names_every_room():
    """`python docs/draw_architecture.py` was run since a room came or went."""
    drawn = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    there = {"nbstream" if name == "." else name for name in PLACE}

    assert set(re.findall(r'class="room mid"[^>]*>([^<]+)<', drawn)) == there


def test_links_of_the_docs_lead_somewhere():
    """Each relative link is to a file of the repository."""
    pages = [path for path in files() if path.suffix == ".md"]
    links = {
        path: re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text("utf-8"))
        for path in pages
        if "tests" not in path.parts  # some hold what a model may write
    }
    dead = {
        f"{path.relative_to(ROOT)}: {link}"
        for path, found in links.items()
        for link in found
        if not (path.parent / link).exists()
    }

    assert ROOT / "docs" / "wire.md" in pages
    assert dead == set()
