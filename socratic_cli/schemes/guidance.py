"""The plan a planner writes for the decomposer: how many steps, which operators, which equations.

After Shridhar et al. (2022) and the automatic-generation work before it (arXiv 2211.12835): a plan of the solution
conditions the subquestions. An equation's right side is left out: to calculate is the solver's work.
"""

from __future__ import annotations

import re
from typing import Literal

from socratic_cli.notation import equations
from socratic_cli.records import Rationale, Step

Guidance = Literal["none", "count", "operators", "equations"]
NOTHING = "none"
"""Stands for a step without a marked calculation."""


def plan(rationale: Rationale, guidance: Guidance) -> str:
    """Return the gold plan of a rationale, one line, a part a step.

    >>> plan(Rationale(steps=(Step(solution="<<48/2=24>>24"), Step(solution="<<48+24=72>>72"))), "equations")
    '48/2; 48+24'
    """
    if guidance == "count":
        return str(len(rationale.steps))
    parts = [_left_sides(step) for step in rationale.steps]
    if guidance == "operators":
        # Blanks keep two products from being the mark **.
        parts = [" ".join(re.findall(r"[-+*/]", part)) for part in parts]
    return "; ".join(part or NOTHING for part in parts) or NOTHING


def _left_sides(step: Step) -> str:
    return ", ".join(equation.left for equation in equations(step))
