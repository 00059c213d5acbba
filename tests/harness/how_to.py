"""Run the Python of a page in order; say or write what comes out of it.

    cd tests && python -m harness.how_to   # write the outputs into docs/how-to

A block ``python`` is run as a cell: what it prints, then its last value. A block
``text`` right behind it is what came out. The offline server answers.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import gc
import io
import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from inspect import CO_COROUTINE
from pathlib import Path
from unittest.mock import patch

from nbstream import offline

__all__ = ["PAGES", "executed"]

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "how-to"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.stem != "index")
PAGES.append(FOLDER.parent / "wire.md")
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n.*?```\n)?", re.S)
#: Of an output that is longer only its first lines are on the page.
LINES, KEPT = 12, 8


@contextlib.contextmanager
def dropped_clients() -> Iterator[None]:
    """Let code drop an SDK's client as people do, and collect it here.

    A client and its resources hold each other. The collector that finds such a ring
    may finalise a socket before the client that would close it: Python warns of it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"unclosed <socket", ResourceWarning)
        try:
            yield
        finally:
            gc.collect()


@dropped_clients()
def executed(page: str) -> str:
    """Return a page with what its code gives now; files it writes are not kept."""
    with tempfile.TemporaryDirectory() as folder, at(Path(folder)):
        names: dict[str, object] = {"__name__": "__main__"}
        with asyncio.Runner() as runner:
            return BLOCK.sub(lambda found: cell(found[1], names, runner), page)


@contextlib.contextmanager
def at(folder: Path) -> Iterator[None]:
    """Work in a folder, with the offline server in place of the services."""
    with patch.dict(os.environ, NBSTREAM_SPEED="0"), contextlib.chdir(folder):
        with contextlib.redirect_stdout(io.StringIO()):
            offline.use(live=False)
        try:
            yield
        finally:
            offline.stop()


def cell(source: str, names: dict[str, object], runner: asyncio.Runner) -> str:
    """Run one block; return it with its output behind it."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        value = run(source, names, runner)
        if value is not None:
            print(repr(value))
    text = shortened(output.getvalue().strip("\n"))
    return f"```python\n{source}```\n" + (f"\n```text\n{text}\n```\n" if text else "")


def run(source: str, names: dict[str, object], runner: asyncio.Runner) -> object:
    """Run statements, which may await; return the value of the last, if it has one."""
    tree = ast.parse(source)
    silent = source.rstrip().endswith(";")
    last = None
    if isinstance(tree.body[-1], ast.Expr) and not silent:
        last = ast.Expression(tree.body.pop().value)
    value = None
    for part, mode in ((tree, "exec"), (last, "eval")):
        if part is not None:
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(part, "<page>", mode, flags=flags)
            value = eval(code, names)
            if code.co_flags & CO_COROUTINE:
                value = runner.run(value)
    return value if last else None


def shortened(text: str) -> str:
    """Leave out the middle of what is long, and blank space at the ends of lines."""
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join([*lines[:KEPT], "…"] if len(lines) > LINES else lines)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(executed(path.read_text("utf-8")), "utf-8")
        print(path.name)
