"""Run the lessons from top to bottom and compare, or write, what comes out.

Without options: each of the course's own notebooks must come out byte for byte as it
is committed. With ``--write``: put what comes out into the files. Both clean in the
same way. A notebook of the teacher's is run when it is named.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from course import lessons
from nbclient import NotebookClient

#: What opens a notebook in any place with a Python kernel, and no version of anything.
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
#: Of a cell's metadata only this says something to a reader or a tool.
CELL_METADATA = {"tags"}
CELL_TIMEOUT_S = 300
#: A kernel each.
AT_ONCE = 2


def executed(source: str, folder: Path) -> str:
    """Run a notebook in a fresh kernel; return its cleaned text."""
    notebook = nbformat.reads(source, as_version=4)
    NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # how print's text is cut into messages is chance
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return cleaned(notebook)


def cleaned(notebook: nbformat.NotebookNode) -> str:
    """Drop what differs from machine to machine; cell ids stay."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        kept = {key: cell.metadata[key] for key in CELL_METADATA & set(cell.metadata)}
        cell.metadata = nbformat.from_dict(kept)
    return nbformat.writes(notebook, version=4) + "\n"


def isolate(home: str) -> None:
    """Keep the user's IPython and Jupyter settings out; pace nothing."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        os.environ[name] = str(Path(home) / name.lower())
    os.environ["JUPYTER_RUNTIME_DIR"] = str(Path(home) / "runtime")
    os.environ.setdefault("NBSTREAM_SPEED", "0")


def main() -> int:
    """Run the named notebooks, or all; return how many differ from their files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write, do not compare")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all lessons")
    options = parser.parse_args()
    different = 0
    with tempfile.TemporaryDirectory() as home:
        isolate(home)
        paths = options.notebooks or lessons()
        sources = [path.read_text(encoding="utf-8") for path in paths]
        folders = [path.resolve().parent for path in paths]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = pool.map(executed, sources, folders)
            for path, before, after in zip(paths, sources, results, strict=True):
                if options.write:
                    path.write_text(after, encoding="utf-8")
                same = before == after
                different += not same
                print(f"{path.name}: {'same' if same else 'different'}", flush=True)
                if not same and not options.write:
                    sys.stdout.writelines(difference(before, after, path.name))
    return 0 if options.write else min(different, 1)


def difference(before: str, after: str, name: str) -> list[str]:
    """Give a diff of two notebooks' texts."""
    old, new = before.splitlines(True), after.splitlines(True)
    return list(difflib.unified_diff(old, new, name, f"{name}, run again"))


if __name__ == "__main__":
    sys.exit(main())
