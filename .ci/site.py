"""Build the site: `make site`, or `python .ci/site.py [--no-lite] [folder]`.

The pages are those of `docs`, the lessons as they are committed, the reference from
the docstrings. The generator lives in an environment of its own, of the versions in
`.ci/site.txt`. JupyterLite goes into `lite`: see `.ci/lite/build.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".site"
VERSIONS = ROOT / ".ci" / "site.txt"
LITE = ROOT / ".ci" / "lite" / "build.py"
#: Files of the repository that are pages -> where. Folders keep what is in them.
PLACES = {
    "docs": "",
    "images": "images",
    "notebooks/README.md": "lessons/index.md",
    "notebooks": "lessons",
    "bench/README.md": "speed.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
}
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)")
ORPHAN = "---\norphan: true\n---\n"
LESSONS = "\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n"
OPEN = (
    '<a class="open-lite" href="../lite/lab/index.html?path={}">Open in the browser</a>'
)


def main() -> None:
    """Build everything into a folder, which is made anew but for the slides."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "site")
    parser.add_argument("--no-lite", action="store_true", help="leave JupyterLite out")
    asked = parser.parse_args()
    for each in asked.folder.glob("*"):
        if each.name != "slides":  # `make slides` makes these
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    with tempfile.TemporaryDirectory() as name:
        stage, built = Stage(Path(name, "pages")), Path(name, "html")
        stage.fill()
        pages(stage.folder, built)
        shutil.copytree(built, asked.folder, dirs_exist_ok=True)
    (asked.folder / ".nojekyll").touch()  # GitHub Pages: folders may begin with _
    if LITE.exists() and not asked.no_lite:
        subprocess.run([python(), LITE, asked.folder / "lite"], check=True)
    print(f"{asked.folder}/index.html")


def pages(source: Path, target: Path) -> None:
    """Let Sphinx write the pages; a warning is an error."""
    command = [python(), "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q"]
    clean = {"PYTHONPATH": str(ROOT / "src"), "SOURCE_DATE_EPOCH": "0"}
    subprocess.run([*command, source, target], check=True, env={**os.environ, **clean})
    for left in (".doctrees", ".buildinfo", "_sources"):
        path = target / left
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def python() -> Path:
    """Return the interpreter of the generator's environment, made when it is due."""
    own, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "made"
    wanted = hashlib.sha256(VERSIONS.read_bytes() + str(ROOT).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        print("Setting up .site with the generator (once)", flush=True)
        subprocess.run(
            [sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True
        )
        quiet = ("--disable-pip-version-check", "-qq", "--no-input")
        install = [own, "-m", "pip", *quiet, "install", "-r", VERSIONS]
        subprocess.run(install, check=True)
        stamp.write_text(wanted)
    return own


class Stage:
    """The folder that the generator reads: pages in their places, links mended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written: set[str] = set()

    def fill(self) -> None:
        """Put every page there, and all that one of them leads to."""
        for source in PLACES:
            path = ROOT / source
            if path.is_dir():
                for file in sorted(path.rglob("*")):
                    if file.is_file() and "__pycache__" not in file.parts:
                        self.add(file)
            elif source != "README.md":
                self.add(path)

    def add(self, path: Path) -> None:
        """Put one file in its place."""
        place = place_of(path)
        if place in self._written:
            return
        self._written.add(place)
        target = self.folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        match path.suffix:
            case ".md":
                target.write_text(self.page(path), "utf-8")
            case ".ipynb":
                target.write_text(self.lesson(path), "utf-8")
            case ".py" if place.startswith("source/"):
                target.write_text(code_page(path), "utf-8")
            case _:
                shutil.copyfile(path, target)

    def page(self, path: Path) -> str:
        """Return a page with its links mended; the lessons' first page leads to all."""
        text = self.mended(path.read_text("utf-8"), path)
        place = place_of(path)
        if not (ROOT / "docs" / "places.md").exists():
            text = text.replace("\nplaces\n", "\n")
        if place.startswith("source/"):
            return ORPHAN + text
        return text + LESSONS if place == "lessons/index.md" else text

    def lesson(self, path: Path) -> str:
        """Return a notebook with its links mended, and one that opens it."""
        notebook = json.loads(path.read_text("utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = self.mended("".join(cell["source"]), path)
        if LITE.exists():
            first = notebook["cells"][0]
            title, _, rest = first["source"].partition("\n")
            first["source"] = f"{title}\n\n{OPEN.format(path.name)}\n\n{rest}"
        return json.dumps(notebook)

    def mended(self, text: str, path: Path) -> str:
        """Return a text whose links lead to where their targets are now."""
        return LINK.sub(partial(self._link, path), text)

    def _link(self, path: Path, found: re.Match[str]) -> str:
        target = (path.parent / found[1]).resolve()
        if target.is_dir():
            target /= "README.md"
        if not target.is_file():
            return found[0]  # the generator says which page it is on
        if target != ROOT / "README.md":
            self.add(target)
        here = (self.folder / place_of(path)).parent
        return f"]({os.path.relpath(self.folder / place_of(target), here)}"


def place_of(path: Path) -> str:
    """Say where a file of the repository stands on the site."""
    name = path.relative_to(ROOT).as_posix()
    for source, place in PLACES.items():
        if name == source:
            return place
        if name.startswith(f"{source}/"):
            return f"{place}/{name.removeprefix(f'{source}/')}".lstrip("/")
    return f"source/{name}.md" if path.suffix == ".py" else f"source/{name}"


def code_page(path: Path) -> str:
    """Return a page that shows a module."""
    name = path.relative_to(ROOT / "src").as_posix()
    text = path.read_text("utf-8")
    return f"{ORPHAN}# `{name}`\n\n`````python\n{text}`````\n"


if __name__ == "__main__":
    main()
