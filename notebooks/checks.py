"""Check an exercise: print `ok` or what is not yet right, and never raise."""

from collections.abc import Callable
from dataclasses import dataclass
from reprlib import Repr

__all__ = ["Case", "case", "check"]

SHORT = Repr()
SHORT.maxstring = SHORT.maxother = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What goes into a function, and what has to come out."""

    arguments: tuple[object, ...]
    expected: object


def case(*arguments: object, gives: object) -> Case:
    """Say what a call with these arguments has to return."""
    return Case(arguments=arguments, expected=gives)


def check(function: Callable[..., object], *cases: Case) -> None:
    """Call the function with each case; print `ok`, or the first that is not right."""
    for number, each in enumerate(cases, start=1):
        if problem := _problem(function, each):
            where = f"case {number} of {len(cases)}: " if len(cases) > 1 else ""
            print(f"not yet: {where}{problem}")
            return
    print("ok")


def _problem(function: Callable[..., object], each: Case) -> str:
    expected = SHORT.repr(each.expected)
    try:
        actual = function(*each.arguments)
    except Exception as error:  # noqa: BLE001 - a learner's code may raise anything
        return f"it raised {type(error).__name__}: {error}"
    if type(actual) is type(each.expected) and actual == each.expected:
        return ""
    return f"expected {expected}, got {SHORT.repr(actual)}"
