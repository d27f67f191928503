"""How far solutions come, beside whether they arrive: kinds of first wrong steps, right sums, right steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from socratic_cli.analysis.faults import judge
from socratic_cli.analysis.groups import Group, Share, share
from socratic_cli.analysis.kinds import Kind
from socratic_cli.analysis.operations import Value, result, sums
from socratic_cli.records import Solution, Step

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Progress:
    """What the solutions of one author are made of.

    Attributes:
        scheme: of the author.
        author: who, and who else played.
        faults: solutions by the kind of their first wrong step; `none` are the solved ones.
        right_sums: calculations that hold, of all that are written.
        right_steps: steps that come to a gold result, in gold's order, of the steps that are written.
        gold_steps: gold results that are reached, in their order, of all gold steps that come to a number.
    """

    scheme: str
    author: str
    faults: dict[Kind, int]
    right_sums: Share
    right_steps: Share
    gold_steps: Share


def progress(found: Iterable[Group]) -> tuple[Progress, ...]:
    """Return the progress of every group that writes steps to problems whose gold steps are known."""
    return tuple(_of(group) for group in found if any(one.steps and one.problem.steps for one in group.solutions))


def _of(group: Group) -> Progress:
    kinds = Counter(judge(solution).kind for solution in group.solutions)
    written = [one for solution in group.solutions for step in solution.steps for one in sums(step)]
    steps = [(reached_in_order(one), len(one.steps), len(_results(one.problem.steps))) for one in group.solutions]
    reached = sum(found for found, _, _ in steps)
    return Progress(
        group.scheme,
        group.name,
        {kind: kinds[kind] for kind in KINDS if kinds[kind]},
        share(sum(one.holds for one in written), len(written)),
        share(reached, sum(wrote for _, wrote, _ in steps), group.runs),
        share(reached, sum(wanted for _, _, wanted in steps), group.runs),
    )


def reached_in_order(solution: Solution) -> int:
    """Return how many steps come to gold results, in gold's order (the longest common subsequence)."""
    return _common(_results(solution.steps), _results(solution.problem.steps))


def _results(steps: Iterable[Step]) -> list[Value]:
    return [found for step in steps if (found := result(step)) is not None]


def _common(mine: Sequence[Value], theirs: Sequence[Value]) -> int:
    row = [0] * (len(theirs) + 1)
    for one in mine:
        before = row[:]
        for at, other in enumerate(theirs, 1):
            row[at] = before[at - 1] + 1 if one == other else max(before[at], row[at - 1])
    return row[-1]
