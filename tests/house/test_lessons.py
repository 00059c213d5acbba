"""The lessons' exercises: a check never raises, and each solution passes its own."""

from __future__ import annotations

import ast
import asyncio
import codecs
import contextlib
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from nbstream import sse

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
LESSONS = sorted(FOLDER.glob("0*.ipynb"))


def load(name: str) -> ModuleType:
    """Import a module that lies beside the lessons."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


checks = load("checks")
SOLUTIONS = (FOLDER / "solutions.py").read_text(encoding="utf-8")


def source_of_solutions() -> dict[str, str]:
    """Give each solution's source by its name."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in ast.parse(SOLUTIONS).body if isinstance(node, kinds)]
    return {each.name: ast.get_source_segment(SOLUTIONS, each) for each in functions}


def code_of(lesson: Path) -> list[str]:
    """Give the sources of a lesson's code cells."""
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def stub_of(source: str) -> str | None:
    """Name the function that a cell leaves to the reader, if it does."""
    found = re.fullmatch(r"(?:async )?def (\w+)\(.*\): \.\.\.", source)
    return found[1] if found else None


def raising(_value: object) -> None:
    """Fail as a learner's function may."""
    raise ValueError("no")


ANSWERS: dict[str, tuple[Callable, tuple, str]] = {
    "right": (abs, ((-1, 1), (2, 2)), "ok\n"),
    "wrong in one of two cases": (
        abs,
        ((-1, 1), (-2, 3)),
        "not yet: case 2 of 2: expected 3, got 2\n",
    ),
    "a stub": (lambda _value: ..., ((1, 1),), "not yet: expected 1, got Ellipsis\n"),
    "no return": (lambda _value: None, ((1, ""),), "not yet: expected '', got None\n"),
    "True for 1": (bool, ((1, 1),), "not yet: expected 1, got True\n"),
    "another kind of number": (float, ((1, 1),), "ok\n"),
    "another kind of mapping": (Counter, (("a", {"a": 1}),), "ok\n"),
    "a generator for a list": (reversed, (([1, 2], [2, 1]),), "ok\n"),
    "an exception": (raising, ((1, 1),), "not yet: it raised ValueError: no\n"),
}


@pytest.mark.parametrize(
    ("function", "cases", "expected"), ANSWERS.values(), ids=ANSWERS.keys()
)
def test_a_check_says_ok_or_what_is_not_yet_right(function, cases, expected, capsys):
    """It prints one line, and whatever the function does, it does not raise."""
    checks.check(function, *(checks.case(given, gives=gives) for given, gives in cases))

    assert capsys.readouterr().out == expected


def test_every_exercise_has_a_solution():
    """The stubs in the lessons and the functions in solutions.py are the same."""
    stubs = [stub_of(source) for lesson in LESSONS for source in code_of(lesson)]
    assert sorted(filter(None, stubs)) == sorted(source_of_solutions())


@pytest.mark.kernel
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_solutions_pass_their_checks(lesson, start_kernel):
    """A lesson runs to its end with the solutions in it, and each check says ok."""
    solutions = source_of_solutions()
    kernel = start_kernel(env={"NBSTREAM_SPEED": "0"})
    kernel.execute(f"import sys; sys.path.insert(0, {str(FOLDER)!r})")
    told = []
    for source in code_of(lesson):
        run = kernel.execute(solutions.get(stub_of(source), source), allow_stdin=False)
        assert run.status == "ok", (source, run.outputs)
        if "check(" in source:
            told.append(run.text)
    assert told == ["ok\n"] * len(told)
    assert told


def test_a_solution_in_a_lesson_is_the_one_that_runs():
    """What unfolds under an exercise is what solutions.py holds."""
    cells = json.loads(LESSONS[-1].read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells)
    stubs = filter(None, map(stub_of, code_of(LESSONS[-1])))
    sources = source_of_solutions()

    assert [
        name for name in stubs if f"```python\n{sources[name]}\n```" not in text
    ] == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_links_of_the_lessons_lead_somewhere(lesson):
    """Other lessons, pages and pictures are where a lesson says."""
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    text = "\n".join(
        "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"
    )
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)

    assert [link for link in links if not (FOLDER / link).exists()] == []


# -- 07: right solutions in several ways, and each trap of the lesson -----------------

ENDPOINTS = {
    "with": """
async def frames(stream):
    async with stream:
        try:
            async for text in stream:
                yield "data: " + json.dumps({"text": text}) + "\\n\\n"
        except Exception as error:
            told = {"error": f"Sorry: {type(error).__name__}."}
            yield f"data: {json.dumps(told)}\\n\\n"
""",
    "aclosing": """
async def frames(stream):
    async with contextlib.aclosing(stream) as texts:
        try:
            while True:
                data = json.dumps({"text": await anext(texts)})
                yield sse.encode(sse.ServerSentEvent(data=data))
        except StopAsyncIteration:
            pass
        except Exception:
            yield sse.encode(sse.ServerSentEvent(data='{"error": "no"}'))
""",
}
TRAPS = {
    "unescaped": (
        """
async def frames(stream):
    async for text in stream:
        yield f"data: {text}\\n\\n"
""",
        "two events",
    ),
    "the quotes alone": (
        """
async def frames(stream):
    async for text in stream:
        yield f'data: {{"text": "{text}"}}\\n\\n'
    await stream.close()
""",
        "line breaks",
    ),
    "collected": (
        """
async def frames(stream):
    for text in [text async for text in stream]:
        yield f"data: {json.dumps({'text': text})}\\n\\n"
    await stream.close()
""",
        "texts taken",
    ),
    "never closed": (
        """
async def frames(stream):
    async for text in stream:
        yield f"data: {json.dumps({'text': text})}\\n\\n"
""",
        "closed at the end",
    ),
    "closed at the end only": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
    except Exception:
        yield 'data: {"error": "no"}\\n\\n'
    await stream.close()
""",
        "when the reader leaves",
    ),
    "closed when it is left at a yield only": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
    except (Exception, GeneratorExit) as error:
        await stream.close()
        if isinstance(error, Exception):
            yield 'data: {"error": "no"}\\n\\n'
        return
    await stream.close()
""",
        "in silence",
    ),
    "everything caught": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
    except BaseException:
        yield 'data: {"error": "no"}\\n\\n'
    finally:
        await stream.close()
""",
        "when the reader leaves",
    ),
    "not closed after a failure": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
        await stream.close()
    except (GeneratorExit, asyncio.CancelledError):
        await stream.close()
        raise
    except Exception:
        yield 'data: {"error": "no"}\\n\\n'
""",
        "the service fails",
    ),
    "a failure not told": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
    finally:
        await stream.close()
""",
        "the service fails",
    ),
    "the service quoted": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
    except Exception as error:
        yield f"data: {json.dumps({'error': str(error)})}\\n\\n"
    finally:
        await stream.close()
""",
        "the service fails",
    ),
    "the service quoted in part": (
        """
async def frames(stream):
    try:
        async for text in stream:
            yield f"data: {json.dumps({'text': text})}\\n\\n"
    except Exception as error:
        yield f"data: {json.dumps({'error': str(error)[:22]})}\\n\\n"
    finally:
        await stream.close()
""",
        "the service fails",
    ),
}
BROWSERS = {
    "the decoder of the library": """
def texts(pieces):
    decoder, kinds = sse.Decoder(), set()
    for piece in pieces:
        for event in decoder.feed(piece):
            if event.data != "[DONE]":
                chunk = json.loads(event.data)
                kinds.add(chunk["type"])
                if chunk["type"] == "text-delta":
                    yield chunk["delta"]
    if "finish" not in kinds:
        raise ConnectionResetError
""",
    "whole events, as bytes": """
def texts(pieces):
    rest, ended = b"", False
    for piece in pieces:
        *events, rest = (rest + piece).split(b"\\n\\n")
        for event in events:
            if event.startswith(b"data:{") or event.startswith(b"data: {"):
                chunk = json.loads(event[5:])
                ended = ended or chunk["type"] == "finish"
                if chunk["type"] == "text-delta":
                    yield chunk["delta"]
    if not ended:
        raise ConnectionError("broken off")
""",
}
_LOOP = """
            if line.startswith("data:") and "[DONE]" not in line[:14]:
                chunk = json.loads(line[5:])
                whole = whole or chunk["type"] == "finish"
                if chunk["type"] == "text-delta":
                    yield chunk["delta"]
    if not whole:
        raise ConnectionError
"""
_HEAD = """
def texts(pieces):
    whole, rest = False, ""
    for piece in pieces:
"""
_DECODER = '    decoder = codecs.getincrementaldecoder("utf-8")()\n'
_CAREFUL = f"""
def texts(pieces):
    whole, rest = False, ""
{_DECODER}    for piece in pieces:
        *lines, rest = (rest + decoder.decode(piece)).split("\\n")
        for line in lines:{_LOOP}"""
MISREADINGS = {
    "lines of each read": (
        _HEAD + """        for line in piece.decode().split("\\n"):""" + _LOOP,
        "single bytes",
    ),
    "a decoder for each piece": (
        """
def texts(pieces):
    kinds = set()
    for piece in pieces:
        for event in sse.Decoder().feed(piece):
            if event.data != "[DONE]":
                chunk = json.loads(event.data)
                kinds.add(chunk["type"])
                if chunk["type"] == "text-delta":
                    yield chunk["delta"]
    if "finish" not in kinds:
        raise ConnectionError
""",
        "single bytes",
    ),
    "characters cut": (
        _HEAD
        + """        *lines, rest = (rest + piece.decode()).split("\\n")
        for line in lines:"""
        + _LOOP,
        "single bytes",
    ),
    "bytes left out": (
        _HEAD
        + """        *lines, rest = (rest + piece.decode(errors="ignore")).split("\\n")
        for line in lines:"""
        + _LOOP,
        "single bytes",
    ),
    "splitlines": (
        "def texts(pieces):\n    whole = False\n    for _ in '1':\n"
        "        for line in b''.join(pieces).decode().splitlines():" + _LOOP,
        "all in one piece",
    ),
    "all read first": (
        "def texts(pieces):\n    whole = False\n    for _ in '1':\n"
        "        for line in b''.join(pieces).decode().split('\\n'):" + _LOOP,
        "as soon as",
    ),
    "any delta": (
        _CAREFUL.replace('chunk["type"] == "text-delta"', '"delta" in chunk'),
        "all in one piece",
    ),
    "the space is a must": (
        _CAREFUL.replace('"data:")', '"data: ")'),
        "no space",
    ),
    "the end is the end": (
        _CAREFUL.replace("if not whole", "if False"),
        "no finish",
    ),
    "an error is an end": (
        _CAREFUL.replace('== "finish"', 'in ("finish", "error")'),
        "an error",
    ),
    "an answer that speaks of it": (
        _CAREFUL.replace('chunk["type"] == "finish"', '"finish" in line'),
        "an error",
    ),
    "told by [DONE]": (
        _CAREFUL.replace(
            "        for line in lines:",
            '        whole = whole or "[DONE]" in rest or "data: [DONE]" in lines\n'
            "        for line in lines:",
        ),
        "no finish",
    ),
}


def function_of(source: str) -> Callable:
    """Run a solution's source; return its function."""
    names = {
        **{"json": json, "codecs": codecs, "contextlib": contextlib},
        **{"sse": sse, "asyncio": asyncio},
    }
    exec(source, names)
    return names.get("frames") or names["texts"]


@pytest.mark.parametrize("source", ENDPOINTS.values(), ids=ENDPOINTS.keys())
def test_an_endpoint_may_be_written_in_several_ways(source, capsys):
    """Whatever closes, escapes and tells is right."""
    checks.check(function_of(source), *checks.ENDPOINT)

    assert capsys.readouterr().out == "ok\n"


@pytest.mark.parametrize(("source", "said"), TRAPS.values(), ids=TRAPS.keys())
def test_an_endpoint_with_a_trap_is_refused(source, said, capsys):
    """Each trap has a case of its own, which says what it is about."""
    checks.check(function_of(source), *checks.ENDPOINT)
    out = capsys.readouterr().out

    assert out.startswith("not yet: case")
    assert said in out


@pytest.mark.parametrize("source", BROWSERS.values(), ids=BROWSERS.keys())
def test_a_browser_may_be_written_in_several_ways(source, capsys):
    """Whatever reads any cuts, at once, and tells a broken answer, is right."""
    checks.check(function_of(source), *checks.BROWSER)

    assert capsys.readouterr().out == "ok\n"


def test_the_traps_are_in_what_is_right_without_them(capsys):
    """What the traps are put into passes."""
    checks.check(function_of(_CAREFUL), *checks.BROWSER)

    assert capsys.readouterr().out == "ok\n"


@pytest.mark.parametrize(
    ("source", "said"), MISREADINGS.values(), ids=MISREADINGS.keys()
)
def test_a_browser_with_a_trap_is_refused(source, said, capsys):
    """Each misreading has a case of its own, which says what it is about."""
    checks.check(function_of(source), *checks.BROWSER)
    out = capsys.readouterr().out

    assert out.startswith("not yet: case")
    assert said in out


def test_no_output_of_a_lesson_runs_a_script_where_it_is_exported():
    """A page that nbconvert makes of it trusts all HTML, also that in Markdown."""
    runs = re.compile(r"<script|\son\w+\s*=|javascript:", re.IGNORECASE)
    found = []
    for lesson in LESSONS:
        for cell in json.loads(lesson.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", ()):
                data = output.get("data", {})
                pages = [data.get(f"text/{kind}", "") for kind in ("html", "markdown")]
                found += [lesson.name for each in pages if runs.search("".join(each))]
    assert found == []
