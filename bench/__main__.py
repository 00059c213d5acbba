"""Run the measurements and print them: ``make bench``, or ``python bench NAME ...``.

``python bench bench_view`` is apart: it drives a browser and takes eight minutes,
three with ``--quick``, and a quarter of an hour with ``--long``, which has 1 MB.

``python bench --write`` runs them all, that one too, and writes the table in
bench/README.md, so that no figure there is anybody's word; with ``--long`` for 1 MB,
too. ``python bench NAME --write`` renews the rows of one.
"""

import importlib
import platform
import sys
from pathlib import Path

NAMES = (
    "bench_sse",
    "bench_import",
    "bench_delta",
    "bench_iopub",
    "bench_blocks",
    "bench_load",
    "bench_web",
)
IN_A_BROWSER = "bench_view"
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- bench -->\n", "<!-- end of bench -->\n"


def run(names: list[str]) -> dict[str, object]:
    """Run the named measurements and return what each one returned."""
    sys.path.insert(0, str(Path(__file__).parent))
    results = {}
    for name in names:
        print(f"\n## {name}", flush=True)
        results[name] = importlib.import_module(name).main()
    return results


def table(results: dict[str, object], old: list[str]) -> str:
    """Return the table: each module tells its own rows, others stay."""
    rows = {_what(row): row for row in ["| what | measured |", "|---|---|", *old]}
    for name, result in results.items():
        told = getattr(importlib.import_module(name), "rows", None)
        rows |= {_what(row): row for row in (told(result) if told else [])}
    where = f"Python {platform.python_version()}, {platform.system()}"
    line = f"*{where}, a small shared machine: read the ratios.*"
    return "\n".join([*rows.values(), "", line])


def _what(row: str) -> str:
    return row.split("|")[1]


def write(results: dict[str, object], *, anew: bool) -> None:
    """Put the table between its marks in bench/README.md."""
    before, _, rest = README.read_text().partition(BEGIN)
    inside, _, after = rest.partition(END)
    old = [row for row in inside.splitlines() if row.startswith("| ")]
    text = table(results, [] if anew else old)
    README.write_text(f"{before}{BEGIN}\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    wanted = [name for name in sys.argv[1:] if not name.startswith("-")]
    is_written = "--write" in sys.argv
    found = run(wanted or [*NAMES, *([IN_A_BROWSER] * is_written)])
    if is_written:
        write(found, anew=not wanted)
