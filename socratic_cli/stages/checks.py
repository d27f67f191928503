"""The arithmetic of a rationale: every `a op b = c` in its steps is worked out again.

A false alarm would cost a rationale that was paid for, so what is not certain is not judged (see `calculations`).
"""

from __future__ import annotations

import re

from socratic_cli.calculations import Calculation, calculations
from socratic_cli.calculator import written
from socratic_cli.records import Rationale, Step


def miscalculations(solution: str) -> tuple[str, ...]:
    """Return the calculations of a step that do not hold, each once, with the right results.

    >>> miscalculations("She has 3*4 = <<3*4=11>>11 eggs.")
    ('3*4=11 (12)',)
    """
    return tuple(dict.fromkeys(str(wrong) for wrong in _wrong(solution)))


def tagged(rationale: Rationale) -> Rationale:
    """Return the rationale with the miscalculations of its steps noted on them."""
    return rationale.model_copy(update={"steps": tuple(map(_tagged, rationale.steps))})


def mended(rationale: Rationale) -> Rationale | None:
    """Return the rationale with right results in place of wrong ones, or None where that may change its meaning.

    A wrong result that is used afterwards, in its step, another, a subquestion or the answer, cannot be mended: what
    was built on it would be wrong in another way.
    """
    steps = list(rationale.steps)
    for at, step in enumerate(steps):
        if not miscalculations(step.solution):
            continue
        later = [text for other in steps[at + 1 :] for text in (other.subquestion or "", other.solution)]
        solution = _mended(step.solution, [*later, rationale.answer or ""])
        if solution is None:
            return None
        steps[at] = step.model_copy(update={"solution": solution})
    return rationale.model_copy(update={"steps": tuple(steps)})


def _tagged(step: Step) -> Step:
    wrong = miscalculations(step.solution)
    return step.model_copy(update={"miscalculations": wrong}) if wrong else step


def _wrong(solution: str) -> list[Calculation]:
    return [found for found in calculations(solution) if found.wanted is not None]


def _mended(solution: str, later: list[str]) -> str | None:
    """Return a step with right results, or None where a wrong one is used after its place."""
    right: dict[tuple[int, int], str] = {}
    for found in _wrong(solution):
        right |= {span: written(found.wanted) for span in found.results if found.wanted is not None}
    used_after = solution[max((end for _, end in right), default=0) :]
    if any(_uses(text, solution[start:end]) for start, end in right for text in (used_after, *later)):
        return None
    for (start, end), result in sorted(right.items(), reverse=True):
        solution = f"{solution[:start]}{result}{solution[end:]}"
    return None if miscalculations(solution) else solution


def _uses(text: str, number: str) -> bool:
    return re.search(rf"(?<![\d.,]){re.escape(number)}(?!\d|[.,]\d)", text) is not None
