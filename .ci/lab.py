"""Open JupyterLab on the students' copies: `python .ci/lab.py [--reset] [options]`.

The options are JupyterLab's, and count more than ours.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from copies import FOLDER, Copies, update
from course import NOTEBOOKS
from jupyter_server.services.contents.manager import ContentsManager

__all__ = ["options"]


def options(copies: Copies) -> list[str]:
    """Return what JupyterLab is told: where, what first, and what it does not list.

    What is not listed can be imported, and shown in a lesson, all the same.
    """
    hidden = [*ContentsManager.hide_globs.default(), *copies.beside]
    return [
        f"--ServerApp.root_dir={copies.folder}",
        f"--LabApp.default_url=/lab/tree/{copies.first}",
        *(f"--ContentsManager.hide_globs={name}" for name in hidden),
    ]


def main() -> None:
    """Make the copies, say where they are, and become JupyterLab."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--reset", action="store_true", help="make all of them anew")
    parser.add_argument("--source", type=Path, default=NOTEBOOKS, help="other lessons")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="another place")
    asked, further = parser.parse_known_args()
    copies = update(asked.folder.resolve(), asked.source.resolve(), reset=asked.reset)
    print(*copies.told(), "Opening JupyterLab on them; Ctrl-C here ends it.", sep="\n")
    sys.stdout.flush()
    given = {option.partition("=")[0] for option in further}
    ours = [each for each in options(copies) if each.partition("=")[0] not in given]
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *ours, *further])


if __name__ == "__main__":
    main()
