"""What a lesson is made of: predictions, a quiz, exercises that are checked, a figure.

    from nbstream.course import predict

    guess = predict("How many events will come?", {"one": 1, "more": range(2, 999)})
    ...
    guess.saw(len(events))                # "You said one. It was more: 128."

A person answers by hand, in a widget; where there is none, in words. Where nobody looks
on (nbclient, nbval) nothing is shown, so that a lesson's outputs are the same for all.
``NBSTREAM_QUESTIONS=off`` in the environment turns the questions off for a class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec

from nbstream.course._checks import Case, Exercise, case, check
from nbstream.course._questions import (
    Prediction,
    Question,
    answers,
    predict,
    quiz,
    save,
)
from nbstream.reply.answer import Answer
from nbstream.screens import view_of

__all__ = [
    "Case",
    "Exercise",
    "Prediction",
    "Question",
    "answers",
    "case",
    "check",
    "draw",
    "predict",
    "quiz",
    "save",
]


def draw(replies: Answer | Iterable[Answer] | Mapping[str, Answer]) -> None:
    """Show ``nbstream.plot`` of them to a person, and nothing where nobody looks on.

    A figure of measured times is another in each run, and a lesson's outputs are not.
    Where there is no matplotlib, as in a page, a lesson goes on without it.

    Raises:
        UsageError: they have no times.
    """
    if view_of(None) in ("live", "updates") and find_spec("matplotlib"):
        from IPython.display import display

        from nbstream.lab.timeline import plot

        display(plot(replies))
