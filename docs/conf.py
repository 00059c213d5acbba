"""How Sphinx builds the site; `.ci/site.py` puts the pages together before."""

from __future__ import annotations

import json
import re
from html import unescape

from latex2mathml.converter import convert
from sphinx.domains.python import PyObject
from sphinx.ext.napoleon import GoogleDocstring

import nbstream
from nbstream.markdown import to_html

project = "nbstream"
author = "the authors of nbstream"
copyright = "the authors of nbstream, MIT licence"  # noqa: A001 - Sphinx's name
version = release = nbstream.__version__
html_title = "nbstream"

extensions = [
    "myst_nb",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_static", "serve/*.py", "draw_*.py"]

# Lessons are shown as they were committed: nothing runs while the site is built.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_type_aliases = {
    name: f"nbstream.types.{name}" for name in ("Event", "Json", "Stream")
} | {"types.Stream": "nbstream.types.Stream"}
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
add_module_names = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
default_role = "code"
smartquotes_action = "D"  # dashes; "" is an empty string

# Nothing comes from another server: fonts are the reader's own, search is a file.
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
html_theme_options = {
    "sidebar_hide_name": False,
    "light_css_variables": {
        "color-brand-primary": "#0b6e5f",
        "color-brand-content": "#0b6e5f",
        "color-brand-visited": "#0b6e5f",
        "color-api-name": "#0b6e5f",
        "color-api-pre-name": "#0b6e5f",
        "color-highlight-on-target": "#e9f5f2",
    },
    "dark_css_variables": {
        "color-brand-primary": "#5fc9b5",
        "color-brand-content": "#5fc9b5",
        "color-brand-visited": "#5fc9b5",
        "color-api-name": "#5fc9b5",
        "color-api-pre-name": "#5fc9b5",
        "color-highlight-on-target": "#15302b",
    },
}

nbstream.record.__name__ = "record"  # the name that people know it by
for field in PyObject.doc_field_types:
    if field.name == "variable":
        field.label = "Attributes"


def read(
    app: object,
    kind: str,
    name: str,
    what: object,
    options: object,
    lines: list[str],
) -> None:
    """Let what a docstring sets apart be code, and a property's first line a sentence.

    The house writes no `::` before code; and Napoleon takes what stands before a colon
    for the type of a property.
    """
    out: list[str] = []
    text = ""  # the last line that is not blank
    for line in lines:
        apart = line.startswith("    ") and out and not out[-1].strip()
        if apart and not text.startswith(" ") and not text.endswith("::"):
            out += ["::", ""]
        text = line.rstrip() or text
        out.append(line)
    if kind == "property":
        whole = GoogleDocstring(out, app.config, app, "method", name, what, options)
        out = ["", *whole.lines()]
    lines[:] = out


FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", re.S)


def typeset(_app: object, page: str, source: list[str]) -> None:
    """Make the lessons' outputs fit for a page: formulas typeset, Markdown safe.

    Any other dollar of an answer is written so that no host takes it for a formula.
    """
    if not source[0].startswith("{"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if html := "".join(data.get("text/html", ())):
                data["text/html"] = FORMULA.sub(mathml, html)
            elif text := "".join(data.get("text/markdown", ())):
                data["text/html"] = to_html(text)  # one lesson's holds a script
    source[0] = json.dumps(notebook)


def mathml(found: re.Match[str]) -> str:
    """Return a formula as MathML, which browsers lay out by themselves."""
    display = "block" if found[1] else "inline"
    return convert(unescape(found[1] or found[2]).strip(), display=display)


def setup(app: object) -> None:
    """Hear of each docstring before its sections are read, and of each page."""
    app.connect("autodoc-process-docstring", read, priority=400)
    app.connect("source-read", typeset)
