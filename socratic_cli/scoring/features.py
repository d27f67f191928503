"""What problems are sliced by: features of the gold solution, of the numbers, and of whatever a data set tells.

steps            number of gold steps
operations       number of arithmetic operations in the gold steps: 3*2+1 has two
operators        which of + - * / occur in them
largest-number   the largest number, without its sign, in question, gold steps and gold answer
...              any metadata of a few values, such as SVAMP's type
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from socratic_cli.calculations import calculations
from socratic_cli.notation import EQUATION
from socratic_cli.records import Problem, Step

_MANY_VALUES = 20
_OPERATOR = re.compile(r"(?<=[\d)%.])\s*([-+*/x×÷−])")  # noqa: RUF001
_SPELLED = str.maketrans("x×÷−", "**/-")  # noqa: RUF001
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+")
_SIZES = ((10, "under 10"), (100, "10-99"), (1_000, "100-999"), (10_000, "1,000-9,999"))
_LARGEST = "10,000 or more"


def features(problem: Problem) -> dict[str, str]:
    """Return the features of a problem, as far as they are known."""
    operators = [operator for step in problem.steps for operator in _operators(step)]
    known = {
        "steps": str(len(problem.steps)) if problem.steps else None,
        "operations": str(len(operators)) if operators else None,
        "operators": " ".join(sign for sign in "+-*/" if sign in operators) or None,
        "largest-number": _size(problem),
    }
    own = {key: str(value) for key, value in problem.metadata.items() if isinstance(value, str | int)}
    return {key: value for key, value in {**own, **known}.items() if value is not None}


def values(problems: Iterable[Problem]) -> dict[str, dict[str, list[str]]]:
    """Return the ids of the problems by feature and value, in an order for reading.

    Metadata that tells nothing apart, or all from all, is left out.
    """
    found: dict[str, dict[str, list[str]]] = {name: {} for name in BUILT_IN}
    for problem in problems:
        for feature, value in features(problem).items():
            found.setdefault(feature, {}).setdefault(value, []).append(problem.id)
    return {
        feature: {value: by_value[value] for value in sorted(by_value, key=_order(list(by_value)))}
        for feature, by_value in found.items()
        if (by_value if feature in BUILT_IN else 1 < len(by_value) <= _MANY_VALUES)
    }


BUILT_IN = ("steps", "operations", "operators", "largest-number")


def _operators(step: Step) -> list[str]:
    """Return the operators of a gold step: of its marked calculations where it has some, else of written ones."""
    lefts = [mark[1] for mark in EQUATION.finditer(step.solution)]
    if not lefts:
        lefts = [calculation.left for calculation in calculations(step.solution)]
    return [operator.translate(_SPELLED) for left in lefts for operator in _OPERATOR.findall(left)]


def _size(problem: Problem) -> str | None:
    texts = [problem.question, problem.answer or "", *(step.solution for step in problem.steps)]
    numbers = [float(number.replace(",", "")) for text in texts for number in _NUMBER.findall(text)]
    if not numbers:
        return None
    return next((label for bound, label in _SIZES if max(numbers) < bound), _LARGEST)


def _order(labels: Sequence[str]) -> Callable[[str], tuple[int, str]]:
    """Sort sizes by size, whole numbers by value and the rest by name."""
    sizes = [*(label for _, label in _SIZES), _LARGEST]
    if set(labels) <= set(sizes):
        return lambda label: (sizes.index(label), "")
    if all(label.isdecimal() for label in labels):
        return lambda label: (int(label), "")
    return lambda label: (len(label.split()) if set(label) <= set("+-*/ ") else 0, label)
