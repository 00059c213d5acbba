"""What a class has answered, as one table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nbstream.course import Prediction, Question, predict, quiz, save

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "answers.py"


def table(folder: Path) -> tuple[list[str], str]:
    """Run the script; return the lines of its table, and what it complains of."""
    command = [sys.executable, SCRIPT, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines(), done.stderr


def test_what_students_save_becomes_rows(tmp_path, monkeypatch, capsys):
    """A guess and an answer of a quiz, by who gave them."""
    monkeypatch.setenv("NBSTREAM_VIEW", "terminal")
    monkeypatch.setattr("nbstream.course._questions._log", [])
    predict(Prediction("How many?", unit="events"), guess=7).saw(128)
    quiz([Question("Why?", ("so", "It is."), {"no": "It is not."})], "b")
    save(tmp_path / "ada_00.json", name="Ada")
    capsys.readouterr()

    assert table(tmp_path) == (
        [
            "name,question,guess,outcome,right",
            "Ada,How many?,7,128,False",
            "Ada,Why?,so,so,True",
        ],
        "",
    )


def saved(name: object, **answer: object) -> str:
    """Write a file of answers, as `save` does."""
    return json.dumps({"name": name, "answers": [answer]}, ensure_ascii=False)


OTHERS = {
    "no name": (saved("", question="Q", guess="g"), ["ada,Q,g,,"], ""),
    "any letters": (saved("Łukasz", question="¿Q?"), ["Łukasz,¿Q?,,,"], ""),
    "a formula": (saved("=1+1", question="Q", guess=-2), ["'=1+1,Q,-2,,"], ""),
    "no answers": ('{"name": "Ada"}', [], "ada.json holds no answers: left out\n"),
    "a list": ("[1]", [], "ada.json holds no answers: left out\n"),
    "no JSON": ("{", [], "ada.json holds no answers: left out\n"),
}


@pytest.mark.parametrize(
    ("text", "expected", "complaint"), OTHERS.values(), ids=OTHERS.keys()
)
def test_a_file_is_taken_or_left_out(tmp_path, text, expected, complaint):
    """Another file in the folder stops nothing, and is named."""
    (tmp_path / "ada.json").write_text(text, "utf-8")

    lines, said = table(tmp_path)
    assert (lines[1:], said) == (expected, complaint)


def test_without_a_folder_it_says_how():
    """In one line."""
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("one folder is asked for: ")
