"""Questions to a reader: a guess before a cell runs, and a quiz at the end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

from nbstream.errors import UsageError
from nbstream.screens import view_of

#: Turns the questions off, where it is ``off``.
SWITCH = "NBSTREAM_QUESTIONS"
#: What an option stands for: a value, some values, a type, or a test.
Meaning: TypeAlias = object
_log: list[dict[str, object]] = []


def asks() -> str:
    """Return the view in which a question is asked here; "" if it is not."""
    view = view_of(None)
    is_off = os.environ.get(SWITCH) == "off"
    return "" if is_off or view in ("static", "none") else view


class Prediction:
    """A question whose answer is what a cell shows.

    Args:
        question: What is asked, as plain text.
        options: What can be chosen: labels, or each label with what it stands for (a
            value, a range or tuple of values, a type, a function that tells). Without
            options the answer is a number.
        unit: What the number counts, in the plural.
        why: Why it comes out as it does; it is told with the outcome.

    Raises:
        UsageError: there is one option only, or two have the same label.
    """

    def __init__(
        self,
        question: str,
        options: Mapping[str, Meaning] | Sequence[object] = (),
        *,
        unit: str = "",
        why: str = "",
    ) -> None:
        if not isinstance(options, Mapping):
            labels = [_label(each) for each in options]
            options = dict(zip(labels, options, strict=True))
            if len(options) != len(labels):
                msg = f"two options have the same label: {labels}; give each its own"
                raise UsageError(msg)
        if len(options) == 1:
            msg = f"one option is no choice: {list(options)}; give two, or none"
            raise UsageError(msg)
        self.question, self.unit, self.why = question, unit, why
        self.options: Mapping[str, Meaning] = options
        #: What was guessed: a label, or a number; None if nothing was.
        self.guess: str | float | None = None
        self._show: Callable[[], None] | None = None

    def take(self, guess: object) -> None:
        """Take a guess: one of the labels, or a number.

        Raises:
            UsageError: it is neither.
        """
        if self.options:
            label = guess if isinstance(guess, str) else _label(guess)
            if label not in self.options:
                msg = f"{guess!r} is none of the options: {', '.join(self.options)}"
                raise UsageError(msg)
            self.guess = label
        elif _is_number(guess):
            self.guess = guess
        else:
            msg = f"a number is asked for, and {guess!r} is none"
            raise UsageError(msg)
        if self._show is not None:
            self._show()

    def saw(self, *value: object) -> None:
        """Say what came out, and to who had guessed, how far off it was.

        Without a value: what the last cell that failed raised.

        Raises:
            UsageError: no option stands for it, or more than one; or it is no number.
        """
        came = value[0] if value else getattr(sys, "last_value", None)
        outcome = self._outcome(came)
        if self.guess is None or not (view := asks()):
            return
        is_right = outcome == self.guess
        _note(self.question, guess=self.guess, outcome=outcome, right=is_right)
        show_words(self._verdict(outcome, came, is_right=is_right), view, is_right)

    def _ipython_display_(self) -> None:
        """Show nothing: a cell that ends with `predict` has its card already."""

    def _outcome(self, came: object) -> str | float:
        if not self.options:
            if not _is_number(came):
                msg = f"the question {self.question!r} wants a number, not {came!r}"
                raise UsageError(msg)
            return came
        fitting = [
            label for label, meaning in self.options.items() if _stands(meaning, came)
        ]
        if len(fitting) != 1:
            found = "more than one option stands" if fitting else "no option stands"
            msg = f"{found} for {came!r}: {', '.join(fitting or self.options)}"
            raise UsageError(msg)
        return fitting[0]

    def _verdict(self, outcome: str | float, came: object, *, is_right: bool) -> str:
        if self.options:
            shown = f" ({came})" if _is_number(came) and str(came) != outcome else ""
            it = "so it was" if is_right else f"it was: {outcome}"
            said = f"You said: {self.guess}; {it}{shown}."
        else:
            said = f"You said {_with(self.guess, self.unit)}; it was {outcome:,}"
            off = abs(float(outcome) - float(self.guess or 0))
            share = f", {off / abs(float(outcome)):.0%}" if outcome else ""
            said += "." if is_right else f": {off:,.10g} off{share}."
        return f"{said} {self.why}".strip()

    def _words(self) -> str:
        """Return the question for where there is no widget."""
        how = "predict(..., guess=" + ("...)" if not self.options else '"...")')
        what = " / ".join(self.options) or _with("a number", self.unit)
        return f"Predict: {self.question} {what}\nAnswer with {how}, then run on."

    def _card(self) -> dict[str, Any]:
        return {
            "kind": "prediction",
            "unit": self.unit,
            "questions": [[self.question, [[each, ""] for each in self.options]]],
            "chosen": [self.guess],
        }


def _label(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _with(number: object, unit: str) -> str:
    shown = f"{number:,.10g}" if isinstance(number, int | float) else str(number)
    return f"{shown} {unit}".strip()


def _stands(meaning: Meaning, came: object) -> bool:
    if isinstance(meaning, type):
        return isinstance(came, meaning)
    if callable(meaning):
        return bool(meaning(came))
    if isinstance(meaning, Container) and not isinstance(meaning, str | bytes):
        return came == meaning or came in meaning
    both_numbers = _is_number(came) and _is_number(meaning)
    return came == meaning and (both_numbers or type(came) is type(meaning))


def predict(
    question: str | Prediction,
    options: Mapping[str, Meaning] | Sequence[object] = (),
    *,
    unit: str = "",
    why: str = "",
    guess: object = None,
) -> Prediction:
    """Ask for a guess, before the cell below is run.

    Args:
        question: What is asked, or a `Prediction` that was made elsewhere, so that a
            reader of the cell does not see the answer in it.
        options: See `Prediction`; as ``unit`` and ``why``.
        unit: What a number counts.
        why: Why it comes out so.
        guess: An answer, where there is no widget to give it with.

    Returns:
        The prediction: tell it with ``saw`` what came out.

    Raises:
        UsageError: the guess is no option, or no number.
    """
    made = question
    if isinstance(made, str):
        made = Prediction(made, options, unit=unit, why=why)
    made.guess, made._show = None, None
    if guess is not None:
        made.take(guess)
    view, asked = asks(), made
    if view == "live":

        def take(_at: int, chosen: object) -> None:
            asked.take(chosen)

        made._show = show_card(made._card, take)
    elif view and made.guess is None:
        show_words(made._words(), view, None)
    return made


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a quiz.

    Attributes:
        question: What is asked.
        right: The right answer, and why it is right.
        wrong: Each wrong answer, and why it is wrong.
    """

    question: str
    right: tuple[str, str]
    wrong: Mapping[str, str] = field(default_factory=dict)

    def choices(self) -> list[tuple[str, str]]:
        """List the answers with their reasons, in the order of the alphabet."""
        answers = [self.right, *self.wrong.items()]
        return sorted(answers, key=lambda each: each[0].lower())

    def verdict(self, answer: str) -> str:
        """Say whether that is right, and why."""
        why = dict(self.choices())[answer]
        return f"{'Right' if answer == self.right[0] else 'No'}: {why}"


def quiz(questions: Sequence[Question], answers: str = "") -> None:
    """Ask some questions; each choice is answered with its reason.

    Args:
        questions: What is asked.
        answers: A letter for each, such as ``"bacca"``, where there is no widget.

    Raises:
        UsageError: there are more letters than questions, or a letter has no answer.
    """
    view = asks()
    chosen: list[str | None] = [None] * len(questions)
    for at, each in enumerate(_chosen(questions, answers)):
        chosen[at] = each
        _answered(questions[at], each)
    if view == "live":

        def card() -> dict[str, Any]:
            cards = [[each.question, _choices(each)] for each in questions]
            return {"kind": "quiz", "unit": "", "questions": cards, "chosen": chosen}

        def take(at: int, answer: object) -> None:
            if answer in dict(questions[at].choices()):
                chosen[at] = str(answer)
                _answered(questions[at], str(answer))
                shown()

        shown = show_card(card, take)
    elif view:
        show_words(_quiz_in_words(questions, chosen), view, None)


def _chosen(questions: Sequence[Question], letters: str) -> list[str]:
    if len(letters) > len(questions):
        msg = f"{len(letters)} answers to {len(questions)} questions: {letters!r}"
        raise UsageError(msg)
    found = []
    for letter, each in zip(letters.lower(), questions, strict=False):
        choices, at = each.choices(), ord(letter) - ord("a")
        if not 0 <= at < len(choices):
            last = chr(ord("a") + len(choices) - 1)
            msg = f"{each.question!r} has the answers a to {last}, not {letter!r}"
            raise UsageError(msg)
        found.append(choices[at][0])
    return found


def _choices(each: Question) -> list[list[str]]:
    return [[answer, each.verdict(answer)] for answer, _ in each.choices()]


def _answered(each: Question, answer: str) -> None:
    right = each.right[0]
    _note(each.question, guess=answer, outcome=right, right=answer == right)


def _quiz_in_words(questions: Sequence[Question], chosen: Sequence[str | None]) -> str:
    lines = []
    for number, (each, answer) in enumerate(zip(questions, chosen, strict=True), 1):
        lines.append(f"{number}. {each.question}")
        if answer is None:
            labels = [label for label, _ in each.choices()]
            lines += [f"   {chr(97 + at)}) {one}" for at, one in enumerate(labels)]
        else:
            lines.append(f"   {answer}. {each.verdict(answer)}")
    if None in chosen:
        lines.append(f'Answer with quiz(..., "{"abc"[: len(questions)]}...").')
    return "\n".join(lines)


# -- what is shown ---------------------------------------------------------------------


def show_card(
    card: Callable[[], dict[str, Any]], take: Callable[[int, object], None]
) -> Callable[[], None]:
    """Show a card of questions as a widget; return what renews it.

    Without anywidget the card is words, and renewing it does nothing.
    """
    try:
        from nbstream.course._card import CardModel
    except ImportError:  # no anywidget, or one that its surroundings cannot load
        show_words(static(card())["text/plain"], "terminal", None)
        return lambda: None
    from IPython.display import display

    model = CardModel(card, take, static)
    display(model.mime(), raw=True, metadata=model.metadata)
    return model.renew


def static(card: Mapping[str, Any]) -> dict[str, str]:
    """Return what a notebook saves of a card: the questions, and what was chosen."""
    lines, items = [], []
    for (question, options), chosen in zip(
        card["questions"], card["chosen"], strict=True
    ):
        reason = dict(map(tuple, options)).get(chosen, "")
        said = "" if chosen is None else _with(chosen, card["unit"])
        choice = " / ".join(label for label, _ in options) or "a number"
        answer = " ".join(filter(None, [said and f"{said}.", reason])) or choice
        lines.append(f"{question} {answer}")
        items.append(f"<p>{escape(question)}<br><em>{escape(answer)}</em></p>")
    return {"text/html": "\n".join(items), "text/plain": "\n".join(lines)}


def show_words(words: str, view: str, is_right: bool | None) -> None:
    """Show words below the cell that runs: as text where that is the view."""
    if view == "terminal":
        print(words)  # noqa: T201
        return
    from IPython.display import display

    colour = {True: "#1a7f37", False: "#b35900"}.get(is_right, "#8888")  # type: ignore[arg-type]
    style = f"border-left: 3px solid {colour}; padding: 2px 10px; white-space: pre-wrap"
    html = f'<div style="{style}">{escape(words)}</div>'
    display({"text/html": html, "text/plain": words}, raw=True)


# -- what was answered -----------------------------------------------------------------


def _note(question: str, **said: object) -> None:
    _log.append({"question": question, **said})


def answers() -> list[dict[str, object]]:
    """Return what was guessed and answered in this kernel, in its order.

    Each has ``question``, ``guess``, ``outcome`` and ``right``; a second answer to a
    question of a quiz is one more.
    """
    return [dict(each) for each in _log]


def save(path: str | os.PathLike[str], name: str = "") -> None:
    """Write the answers to a JSON file, for who collects them.

    Args:
        path: Where to; a file that is there is replaced.
        name: Whose answers they are.
    """
    text = json.dumps({"name": name, "answers": _log}, indent=1, ensure_ascii=False)
    Path(path).write_text(text + "\n", encoding="utf-8")
