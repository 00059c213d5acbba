"""Make one table of a class's answers: `python .ci/answers.py folder > class.csv`.

The folder holds the files that students wrote with `nbstream.course.save`.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

COLUMNS = ("name", "question", "guess", "outcome", "right")


def rows(folder: Path) -> Iterator[list[object]]:
    """Give each answer, and whose it is: without a name, what the file is called."""
    for path in sorted(folder.glob("*.json")):
        try:
            saved = json.loads(path.read_text("utf-8"))
            name, answers = saved["name"] or path.stem, saved["answers"]
            yield from [[name, *map(each.get, COLUMNS[1:])] for each in answers]
        except (AttributeError, KeyError, TypeError, ValueError):
            print(f"{path.name} holds no answers: left out", file=sys.stderr)


def safe(value: object) -> object:
    """Keep a text from being a formula where the table is opened."""
    is_one = isinstance(value, str) and value.startswith(("=", "+", "-", "@"))
    return f"'{value}" if is_one else value


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("one folder is asked for: python .ci/answers.py folder > class.csv")
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerows([COLUMNS, *([*map(safe, row)] for row in rows(Path(sys.argv[1])))])
