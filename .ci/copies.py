"""Make the students' copies of the lessons: `python .ci/copies.py [folder] [--reset]`.

A copy holds no output, and what happened is folded: a question comes before its
answer. Beside the copies lies all that they need: pictures, and what they import. A
copy that a student has changed is never written over; `--reset` puts the whole folder
aside and makes a new one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

import nbformat
from course import NOTEBOOKS, ROOT, parts

__all__ = ["FOLDER", "Copies", "made", "update"]

FOLDER = ROOT / "lessons"
#: What each file was like when it was made.
MANIFEST = ".copies.json"
#: What a student is not to read before having thought.
HIDDEN = "What happened."
FOLD = "<details><summary>What happened</summary>\n\n{}\n\n</details>\n"
#: A link or a picture: its mark, its words, its path, and a place there or a title.
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#)([^)\s#]+)([^)\n]*)\)")
SOURCE = re.compile(r'(?<=\ssrc=")(?![a-z]+:)[^"]+')
#: All else that lies beside the lessons is copied as it is: they may need it.
NOT_COPIED = re.compile(r"\..*|__pycache__|README\.md|.*\.ipynb|.*~")


class Copies(NamedTuple):
    """What was made.

    Attributes:
        folder: Where the copies are.
        first: The lesson to begin with.
        beside: What lies there that is no lesson, and need not be listed.
        left: What a student has changed, though there is a newer one.
        aside: Where the copies from before are now, if they were put aside.
    """

    folder: Path
    first: str
    beside: list[str]
    left: list[str]
    aside: Path | None

    def told(self) -> list[str]:
        """Say in lines what a student has to know."""
        lines = [f"Your copies of the lessons are in {shown(self.folder)}."]
        if self.aside:
            lines.append(f"The old ones are in {shown(self.aside)}.")
        if self.left:
            lines.append(
                f"You have changed {', '.join(self.left)}, so it stays as it is. There "
                "is a newer one: rename yours, and the next time you get it."
            )
        return lines


def update(
    folder: Path = FOLDER, source: Path = NOTEBOOKS, *, reset: bool = False
) -> Copies:
    """Make the copies, or bring them up to date."""
    aside = None
    if reset and folder.exists():
        names = (folder.with_name(f"{folder.name}-{number}") for number in count(1))
        aside = folder.rename(next(path for path in names if not path.exists()))
    wanted = made(source)
    left = write(wanted, folder)
    names = {name.partition("/")[0] for name in wanted}
    lessons = {name for name in names if name.endswith(".ipynb")}
    return Copies(folder, min(lessons), sorted(names - lessons), left, aside)


# -- what is in them ------------------------------------------------------------------


def made(source: Path = NOTEBOOKS) -> dict[str, bytes]:
    """Return what the copies of a folder of lessons are: names and contents."""
    pictures = {path.name: path for path in source.parent.glob("images/*.svg")}
    found = {path.name: copy(path, pictures) for path in source.glob("*.ipynb")}
    for path in source.rglob("*"):
        name = path.relative_to(source)
        if path.is_file() and not any(map(NOT_COPIED.fullmatch, name.parts)):
            found[name.as_posix()] = path.read_bytes()
    images = {f"images/{name}": path.read_bytes() for name, path in pictures.items()}
    return dict(sorted({**found, **images}.items()))


def copy(path: Path, pictures: dict[str, Path]) -> bytes:
    """Return a student's copy of a lesson; add the pictures that it shows."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        elif cell.cell_type == "markdown":
            cell.source = moved(folded(cell.source), path.parent, pictures)
    return (nbformat.writes(notebook) + "\n").encode()


def folded(text: str) -> str:
    """Fold what happened: up to the next heading or label, `**Predict.**` say."""
    return "\n".join(
        FOLD.format(each.strip().removeprefix(f"**{HIDDEN}**").strip())
        if label == HIDDEN
        else each
        for label, each in parts(text)
    ).rstrip("\n")


def moved(text: str, source: Path, pictures: dict[str, Path]) -> str:
    """Let links lead to what is beside the copies; others become their words."""

    def picture(path: str) -> str:
        found = (source / path).resolve()
        if not found.is_file():
            return path
        pictures[found.name] = found
        return f"images/{found.name}"

    def link(found: re.Match[str]) -> str:
        mark, words, path, rest = found.groups()
        if mark:
            return f"![{words}]({picture(path)}{rest})"
        target = (source / path).resolve()
        stays = target.parent == source.resolve() and target.suffix == ".ipynb"
        return found[0] if stays or not target.exists() else words

    return SOURCE.sub(lambda found: picture(found[0]), LINK.sub(link, text))


# -- what a student has made of them --------------------------------------------------


def write(wanted: Mapping[str, bytes], folder: Path) -> list[str]:
    """Bring a folder up to date; return what was left though there is a newer one."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / MANIFEST
    before = json.loads(manifest.read_text()) if manifest.exists() else {}
    now, left = {}, []
    for name, content in wanted.items():
        path, new, old = folder / name, mark_of(name, content), before.get(name)
        there = mark_of(name, path.read_bytes()) if path.exists() else None
        if there not in {None, old, new}:  # a student has changed it
            now |= {name: old} if old else {}
            left += [name] if old != new else []
            continue
        now[name] = new
        if there != new:
            path.parent.mkdir(exist_ok=True)
            put(path, content)
    for name in before.keys() - wanted.keys():
        path = folder / name
        if path.exists() and mark_of(name, path.read_bytes()) == before[name]:
            path.unlink()
    put(manifest, json.dumps(now, indent=1).encode())
    return left


def mark_of(name: str, content: bytes) -> str:
    """Return a hash of a file; of a notebook, of what a person sees in it.

    JupyterLab writes into a notebook's metadata as soon as it is open.
    """
    if name.endswith(".ipynb"):
        with suppress(ValueError, KeyError, TypeError):  # whatever it is, it is theirs
            cells = json.loads(content)["cells"]
            seen = [("".join(cell["source"]), cell.get("outputs")) for cell in cells]
            content = repr(seen).encode()
    return hashlib.sha256(content).hexdigest()


def put(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all."""
    beside = path.with_name(f"{path.name}~")
    beside.write_bytes(content)
    beside.replace(path)


def shown(path: Path) -> str:
    """Return a path as one would type it here."""
    return os.path.relpath(path)


def main() -> None:
    """Make the copies, and say what there is to say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--reset", action="store_true", help="make all of them anew")
    asked = parser.parse_args()
    print(*update(asked.folder, reset=asked.reset).told(), sep="\n")


if __name__ == "__main__":
    main()
