"""Export slides: `make slides`, or `python .ci/slides/build.py [notebooks] [--into F]`.

A slide begins at a heading, and below it one at each question or where the last is
full. What a cell gave, and what happened, comes when the teacher asks for it. Nothing
of that is in the notebooks: it follows from their headings and labels.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Container, Iterator
from functools import partial
from html import escape
from pathlib import Path
from shutil import rmtree

import nbformat
from nbconvert import SlidesExporter

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))

from copies import moved  # noqa: E402
from course import ROOT, lessons, parts  # noqa: E402
from npm import taken  # noqa: E402

#: The slides' script, as it was last proved; it lies beside them.
REVEAL = "6.0.2"
FILES = {"dist/reveal.js", "dist/reveal.css", "dist/theme/white.css"}
FILES |= {"dist/plugin/notes.js", "LICENSE"}
KEPT = ROOT / ".kernels" / "slides"
#: What begins a slide, what begins one below it, and what comes when it is asked for.
BEGINS = {"h1": "slide", "h2": "slide", "h3": "subslide", "What happened.": "fragment"}
#: A slide holds so many lines of so many characters; lines of code are less high, and
#: a picture is as high as some lines.
LINES, WIDTH, CODE, PICTURE = 15, 82, 0.75, 9
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
LESSON = re.compile(r"\[([^\]]*)\]\((\w+)\.ipynb(?:#[^)]*)?\)")
LIST = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Slides</title>
<link rel="stylesheet" href="slides.css">
<h1>Slides</h1>
<p>Space goes on, Escape shows all slides, S opens the speaker's view.</p>
<ul>
{}
</ul>
</html>
"""
Shown = tuple[str, nbformat.NotebookNode]


def main() -> None:
    """Write the slides of all lessons and of the notebooks that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="beside the lessons")
    parser.add_argument("--into", type=Path, default=ROOT / "site" / "slides")
    asked = parser.parse_args()
    named = [path.resolve() for path in asked.notebooks]
    build(list(dict.fromkeys([*lessons(), *named])), asked.into)
    print(f"{asked.into}/index.html")


def build(notebooks: list[Path], folder: Path) -> None:
    """Write the slides of some notebooks into a folder, which is made anew."""
    rmtree(folder, ignore_errors=True)
    for name, content in taken("reveal.js", REVEAL, KEPT):
        if name in FILES:
            put(folder / "reveal.js" / name, content)
    exporter = SlidesExporter(
        raw_template=(HERE / "slides.html.j2").read_text("utf-8"),
        reveal_url_prefix="reveal.js",
        reveal_theme="white",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    pictures: dict[str, Path] = {}
    titles = {path.stem: path.stem for path in notebooks}
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                text = moved(cell.source, path.parent, pictures)
                cell.source = LESSON.sub(partial(link, titles), text)
        notebook.cells = presented(notebook.cells)
        titles[path.stem] = notebook.metadata["title"] = title(notebook) or path.stem
        page, _ = exporter.from_notebook_node(notebook)
        put(folder / f"{path.stem}.html", page.encode())
    for name, path in pictures.items():
        put(folder / "images" / name, path.read_bytes())
    put(folder / "slides.css", (HERE / "slides.css").read_bytes())
    items = [f'<li><a href="{stem}.html">{escape(titles[stem])}</a>' for stem in titles]
    put(folder / "index.html", LIST.format("\n".join(items)).encode())


def put(path: Path, content: bytes) -> None:
    """Write a file, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def link(known: Container[str], found: re.Match[str]) -> str:
    """Let a link to another lesson lead to its slides, if it has some."""
    words, stem = found.groups()
    return f"[{words}]({stem}.html)" if stem in known else words


def title(notebook: nbformat.NotebookNode) -> str:
    """Return a notebook's first heading."""
    found = re.match(r"# (.+)", notebook.cells[0].source)
    return found[1] if found else ""


# -- where slides begin ---------------------------------------------------------------


def presented(cells: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Return the cells of a presentation: each says how it comes."""
    shown = []
    used, is_told = 0.0, False
    for begins, cell in pieces(cells):
        how, size = begins, height(cell)
        if begins == "fragment":
            how = "subslide" if used + size > LINES else "fragment"
        elif not begins and (is_told or used + size > LINES):
            how = "subslide"
        used = size if how.endswith("slide") else used + size
        is_told = begins == "fragment"
        cell.metadata["slideshow"] = {"slide_type": how or "-"}
        cell["id"] = f"part-{len(shown)}"
        shown.append(cell)
    return shown


def pieces(cells: list[nbformat.NotebookNode]) -> Iterator[Shown]:
    """Take cells apart: texts at headings and labels, code from what it gave."""
    for cell in cells:
        if cell.cell_type != "code":
            for label, text in parts(cell.source):
                if text.strip():
                    yield BEGINS.get(label, ""), nbformat.v4.new_markdown_cell(text)
            continue
        yield "", nbformat.v4.new_code_cell(cell.source)
        if cell.outputs:
            given = nbformat.v4.new_code_cell("", outputs=cell.outputs)
            given.metadata["transient"] = {"remove_source": True}
            yield "fragment", given


def height(cell: nbformat.NotebookNode) -> float:
    """Say how many lines of text a piece is high, roughly."""
    if cell.cell_type == "markdown":
        text = FOLDED.sub("-", cell.source)
        return lines(text) + PICTURE * text.count("![")
    given = sum(lines(text_of(output)) for output in cell.outputs)
    return CODE * (lines(cell.source) + given)


def lines(text: str) -> int:
    """Count the lines of a text, as they are broken on a slide."""
    return sum(1 + len(line) // WIDTH for line in text.splitlines())


def text_of(output: nbformat.NotebookNode) -> str:
    """Return an output's text."""
    if output.output_type == "error":
        return "\n".join(output.traceback)
    return str(output.get("text") or output.get("data", {}).get("text/plain", ""))


if __name__ == "__main__":
    main()
