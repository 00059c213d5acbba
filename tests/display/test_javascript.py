"""The browser's side under Node, without a browser: ``tests/js``, and what is sent."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from display.test_tool_cards import TRUTHS

from nbstream.chat.panel_widget import PanelModel
from nbstream.course._card import CardModel
from nbstream.lab.anatomy.widget import AnatomyModel
from nbstream.lab.race_view import RaceModel
from nbstream.markdown import to_html
from nbstream.reply import Reply
from nbstream.screens.base import exact
from nbstream.screens.sections import FrameMessages, Sections
from nbstream.screens.widget import LiveModel
from nbstream.static import chat_page, style
from nbstream.types import End, TextDelta
from nbstream.web._frame import FrameModel

FOLDER = Path(__file__).parents[1] / "js"
TESTS = sorted(FOLDER.glob("*.test.mjs"))
STATIC = Path(str(files("nbstream.static")))
#: Older ones lack what browsers have had since 2022 (``findLast``), or the test runner.
OLDEST_NODE = 18
MODELS = (LiveModel, PanelModel, RaceModel, AnatomyModel, FrameModel, CardModel)
TEXT = """# A tour of 😀 and naïve 👩‍🔬

Some *prose* with `code`, $x^2$ and [a link](https://example.org).

- one
- two

  loose

| a | b |
|---|--:|
| 1 | 2 |

```python
for n in range(3):
    print(n)

print("</code>")
```

> the end
"""


@pytest.fixture(scope="module")
def node():
    """Run Node on a file of ``tests/js``, on the files of the copy under test."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed; on Debian and Ubuntu: apt install nodejs")
    version = subprocess.check_output([found, "--version"], text=True)
    if int(re.findall(r"\d+", version)[0]) < OLDEST_NODE:
        pytest.skip(f"node {version.strip()} is too old: {OLDEST_NODE} is needed")

    def run(*arguments: str | Path, given: str = "") -> str:
        done = subprocess.run(
            [found, *arguments],
            input=given,
            env={**os.environ, "NBSTREAM_STATIC": str(STATIC)},
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("*.test.mjs")), ids=lambda p: p.name
)
def test_the_tests_of_the_script_pass(node, path):
    """Each file by Node's own runner, which has to have found tests in it."""
    said = node("--test", "--test-reporter=tap", path)

    assert int(re.search(r"^# pass (\d+)$", said, re.M)[1]) > 1
    assert re.search(r"^# (?:skipped|todo) [^0]", said, re.M) is None


@pytest.mark.parametrize("model", MODELS, ids=lambda each: each.__name__)
def test_what_is_sent_is_a_module(node, model, tmp_path):
    """With all its files in it, and their comments left out, it can be imported."""
    path = tmp_path / "sent.mjs"
    path.write_text(str(model._esm), encoding="utf-8")
    (tmp_path / "import.mjs").write_text(
        "import * as sent from './sent.mjs';\n"
        "const { initialize, render } = sent.default();\n"
        "const kinds = [Object.keys(sent), typeof initialize, typeof render];\n"
        "process.stdout.write(JSON.stringify(kinds));\n"
    )

    found = json.loads(node(tmp_path / "import.mjs"))
    assert found == [["default"], "function", "function"]


@pytest.mark.parametrize("model", MODELS, ids=lambda each: each.__name__)
def test_only_script_and_style_are_sent(model):
    """No comment, and nothing of what is written for readers of the source."""
    assert "README" not in str(model._esm) + str(model._css)
    assert "\n//" not in str(model._esm)


def test_every_file_is_sent_by_some_model():
    """None is left behind; each one's first line of code is in a module or a page."""
    sent = "".join(f"{each._esm}{each._css}" for each in MODELS)
    sent += chat_page("", lingers=False)[0]
    lines = {}
    for path in [*STATIC.glob("*.js"), *STATIC.glob("*.css")]:
        code = path.read_text("utf-8").splitlines()
        lines[path.name] = next(s for s in code if re.match(r"const|function|\.\w", s))

    assert [name for name, line in lines.items() if line not in sent] == []


def test_the_page_of_a_chat_shows_exactly_what_will_run(node, tmp_path):
    """As a card in the notebook does."""
    given = [{"at": {"at": {"at": {"at": value}}}} for value, _ in TRUTHS.values()]
    (tmp_path / "exact.mjs").write_text(
        f"{style('exact.js')}\n"
        f"const shown = {json.dumps(given)}.map(\n"
        "  (each) => exact(JSON.stringify(each, null, 2)));\n"
        "process.stdout.write(JSON.stringify(shown));\n"
    )
    shown = [json.dumps(each, indent=2, ensure_ascii=False) for each in given]

    assert json.loads(node(tmp_path / "exact.mjs")) == [*map(exact, shown)]


def sent_of(text: str, sizes: list[int]) -> tuple[list[object], dict[str, object]]:
    """Return the messages that bring a text in such pieces; a new page's snapshot."""
    sections, frames, reply = Sections(), FrameMessages(), Reply("text")
    messages, at = [], 0
    for size in [*sizes, len(text)]:
        reply._apply(TextDelta(text=text[at : at + size]))
        messages.append(frames.next(sections.changes(reply), {}))
        at += size
    reply._apply(End())
    reply._end()
    messages.append(frames.next(sections.changes(reply), {}))
    return messages, {"sections": sections.snapshot()}


def test_a_page_has_the_final_html_however_it_came(node):
    """What Python sends and what the page makes of it belong together."""
    chance = random.Random(7)
    sizes = [[each] * len(TEXT) for each in (1, 2, 3, 7, 40, len(TEXT))]
    sizes += [[chance.randint(1, 40) for _ in range(60)] for _ in range(30)]
    cases: list[dict[str, object]] = []
    for each in sizes:
        messages, snapshot = sent_of(TEXT, each)
        cases += [{"messages": messages}, {"snapshot": snapshot}]
    given = {"script": str(LiveModel._esm), "cases": cases}
    found = json.loads(node(FOLDER / "replay.mjs", given=json.dumps(given)))

    assert len(found) == 72
    for (section,) in (each.values() for each in found):
        assert "".join(section["blocks"]) == to_html(TEXT)
        assert (section["closed"], section["line"]) == (len(section["blocks"]), "")
