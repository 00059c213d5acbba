"""Exercises: what a learner's function has to do, checked by what it does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from reprlib import Repr
from textwrap import dedent
from typing import TypeAlias

#: A learner's function.
Solution: TypeAlias = Callable[..., object]
#: After so many tries that were not right, a solution is offered.
TRIES = 3
_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is done with a function, and what has to come of it.

    Attributes:
        run: Tries the function that is checked, and returns what came of it.
        expected: What that is for a right one.
        shows: What the case is about, or "".
    """

    run: Callable[[Solution], object]
    expected: object
    shows: str = ""


def case(*arguments: object, gives: object, shows: str = "") -> Case:
    """Say what a call with these arguments has to return."""
    return Case(run=lambda tried: tried(*arguments), expected=gives, shows=shows)


def check(tried: Solution, *cases: Case) -> bool:
    """Try the function in each case; print `ok`, or the first that is not right.

    It never raises: what a learner's code raises is told. Numbers are equal whatever
    their type, and an iterator stands for the list that it gives; True is no 1.

    Returns:
        Whether all of it is right.
    """
    for number, each in enumerate(cases, start=1):
        if problem := _problem(tried, each):
            shows = f" ({each.shows})" if each.shows else ""
            where = f"case {number} of {len(cases)}{shows}: "
            print(f"not yet: {where if len(cases) > 1 else ''}{problem}")  # noqa: T201
            return False
    print("ok")  # noqa: T201
    return True


def _problem(tried: Solution, each: Case) -> str:
    expected = _SHORT.repr(each.expected)
    try:
        actual = _listed(each.run(tried), each.expected)
    except Exception as error:  # noqa: BLE001 - a learner's code may raise anything
        return f"it raised {type(error).__name__}: {error}"
    if _same(actual, each.expected):
        return ""
    return f"expected {expected}, got {_SHORT.repr(actual)}"


def _listed(actual: object, expected: object) -> object:
    """Return a list where one is expected and a tuple or an iterator came."""
    is_one = isinstance(expected, list) and isinstance(actual, tuple | Iterator)
    return list(actual) if is_one else actual  # type: ignore[call-overload]


def _same(actual: object, expected: object) -> bool:
    is_bool = isinstance(actual, bool), isinstance(expected, bool)
    return is_bool[0] == is_bool[1] and bool(actual == expected)


class Exercise:
    """A function that a learner writes: its cases, and a solution for who is stuck.

    Args:
        cases: All that a right one does, with one case for each trap.
        solution: A right one; its source is shown.
    """

    def __init__(self, *cases: Case, solution: Solution) -> None:
        self.cases = cases
        self.right = solution
        self._tries = 0

    def check(self, tried: Solution) -> None:
        """Print `ok` or what is not yet right; after three tries, where to look."""
        if check(tried, *self.cases):
            self._tries = 0
            return
        self._tries += 1
        if self._tries >= TRIES:
            print("Stuck? The method solution() of this exercise shows one.")  # noqa: T201

    def solution(self) -> None:
        """Print a right solution, once three have been tried that were not."""
        if self._tries < TRIES:
            left = TRIES - self._tries
            print(f"First try it: {left} more {'try' if left == 1 else 'tries'}.")  # noqa: T201
        else:
            print(dedent(inspect.getsource(self.right)))  # noqa: T201
