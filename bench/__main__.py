"""Run the measurements and print them: ``make bench``, or ``python bench NAME ...``.

``python bench bench_view`` is apart: it drives a browser and takes five minutes,
three with ``--quick``, and a quarter of an hour with ``--long``, which has 1 MB.

``python bench --readme`` runs them all, that one too, and writes the table in
README.md, so that no figure there is anybody's word; with ``--long`` for 1 MB, too.
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
)
IN_A_BROWSER = "bench_view"
README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- bench -->\n", "<!-- end of bench -->\n"


def run(names: list[str]) -> dict[str, object]:
    """Run the named measurements and return what each one returned."""
    sys.path.insert(0, str(Path(__file__).parent))
    results = {}
    for name in names:
        print(f"\n## {name}", flush=True)
        results[name] = importlib.import_module(name).main()
    return results


def table(results: dict[str, object]) -> str:
    """Return the README's table: each module tells its own rows."""
    rows = ["| what | measured |", "|---|---|"]
    for name, result in results.items():
        told = getattr(importlib.import_module(name), "rows", None)
        rows += told(result) if told else []
    where = f"Python {platform.python_version()}, {platform.system()}"
    return "\n".join(
        [*rows, "", f"*{where}, a small shared machine: read the ratios.*"]
    )


def write(text: str) -> None:
    """Put the table between its marks in README.md."""
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    wanted = [name for name in sys.argv[1:] if not name.startswith("-")]
    is_told = "--readme" in sys.argv
    found = run(wanted or [*NAMES, *([IN_A_BROWSER] * is_told)])
    if is_told:
        write(table(found))
