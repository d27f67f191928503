"""What can be said of a step without a judge: whether its arithmetic holds, and whether gold has its result."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Literal, NamedTuple

from socratic_cli.answers import as_number
from socratic_cli.calculations import calculations
from socratic_cli.calculator import evaluate
from socratic_cli.notation import EQUATION
from socratic_cli.records import Problem, Step
from socratic_cli.stages.checks import miscalculations

Found = Literal["in-gold", "not-in-gold"]

_NUMBER = re.compile(r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w%]|[.,]\d)")


class Mark(NamedTuple):
    """What is known of a step: its slips, and whether its result is one of gold's (None where nothing is known)."""

    slips: tuple[str, ...]
    found: Found | None


class Gold(NamedTuple):
    """The results that gold reaches on its way; `is_complete` where its steps are known, and not the answer alone."""

    results: frozenset[Fraction]
    is_complete: bool


def result(text: str) -> Fraction | None:
    """Return the number a step comes to: the result of its last calculation, else its last number."""
    ends = [(max((span.end for span in one.results), default=0), one.right) for one in calculations(text)]
    if ends:
        return evaluate(max(ends)[1])
    numbers = _NUMBER.findall(EQUATION.sub("", text))
    return evaluate(numbers[-1]) if numbers else None


def gold_of(problem: Problem) -> Gold:
    """Return every result of the gold steps, and the gold answer."""
    answer = as_number(problem.answer or "")
    results = frozenset([*_results(problem.steps), *([answer] if answer is not None else [])])
    return Gold(results, bool(problem.steps))


def marked(gold: Gold, steps: Iterable[Step]) -> list[Mark]:
    """Return what is known of each step.

    Where gold is an answer alone, a result that is another one may be right all the same.
    """
    return [Mark(miscalculations(step.solution), _found(step, gold)) for step in steps]


def _found(step: Step, gold: Gold) -> Found | None:
    reached = result(step.solution)
    if reached is None or not gold.results:
        return None
    if reached in gold.results:
        return "in-gold"
    return "not-in-gold" if gold.is_complete else None


def _results(steps: Iterable[Step]) -> Iterable[Fraction]:
    for step in steps:
        for calculation in calculations(step.solution):
            value = evaluate(calculation.right)
            if value is not None:
                yield value
        last = result(step.solution)
        if last is not None:
            yield last
