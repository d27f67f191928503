"""Whose fault: the same problems with each role played by the student, by the gold rationale, or by a stronger model.

What is solved with gold subquestions and not with the student's is lost by its decomposer; what a stronger solver
solves with the student's subquestions is lost by its solver.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from socratic_cli.analysis.groups import DECOMPOSER, PLANNER, SOLVER, Group, Share, accuracy, is_correct, share
from socratic_cli.records import Solution


@dataclass(frozen=True, slots=True)
class Pairing:
    """Who played which role, and how many problems they solved. `planner` is None where nobody plans."""

    scheme: str
    planner: str | None
    decomposer: str
    solver: str
    accuracy: Share


@dataclass(frozen=True, slots=True)
class Culprit:
    """What another player in one role makes of the problems that a student alone leaves unsolved.

    `mended` are those that are solved then, `spoilt` those of the solved ones that are not solved any more; only
    problems that both have are counted.
    """

    scheme: str
    author: str
    role: str
    player: str
    mended: Share
    spoilt: Share


def pairings(found: Iterable[Group]) -> tuple[Pairing, ...]:
    """Return the accuracy of every pair of a decomposer and a solver."""
    return tuple(
        Pairing(
            group.scheme,
            _told(group, PLANNER) if PLANNER in group.players else None,
            _told(group, DECOMPOSER),
            _told(group, SOLVER),
            accuracy(group.solutions, group.runs),
        )
        for group in found
        if DECOMPOSER in group.players
    )


def _told(group: Group, role: str) -> str:
    # A gold decomposer and a gold solver leave the student no part, and a group no trace of a role it never came to.
    return group.players.get(role, group.author)


def culprits(found: Iterable[Group]) -> tuple[Culprit, ...]:
    """Compare a student alone with the same student where one role is played by another."""
    found = [group for group in found if DECOMPOSER in group.players]
    alone = [one for one in found if not one.others]
    told: list[Culprit] = []
    for group in found:
        if len(group.others) == 1:
            ((role, player),) = group.others.items()
            told += [_compared(base, group, role, player) for base in _same_student(group, alone)]
    return tuple(told)


def _same_student(group: Group, alone: Iterable[Group]) -> list[Group]:
    """Return the groups in which a group's student is alone: of its name, or else of the same weights."""
    of_scheme = [one for one in alone if one.scheme == group.scheme]
    named = [one for one in of_scheme if one.author == group.author]
    return named or [one for one in of_scheme if one.students == group.students]


def _compared(base: Group, group: Group, role: str, player: str) -> Culprit:
    several = any(len({one.seed for one in ones.solutions}) > 1 for ones in (base, group))
    before = {_key(one, several): is_correct(one) for one in base.solutions}
    after = {_key(one, several): is_correct(one) for one in group.solutions if _key(one, several) in before}
    unsolved = [key for key in after if not before[key]]
    solved = [key for key in after if before[key]]
    return Culprit(
        base.scheme,
        base.author,
        role,
        player,
        share(sum(after[key] for key in unsolved), len(unsolved), base.runs),
        share(sum(not after[key] for key in solved), len(solved), base.runs),
    )


def _key(solution: Solution, several: bool) -> tuple[str, int | None, int]:
    """Return what pairs two solutions: the problem, the number, and the seed where there are several.

    A single seed need not be told: a recipe's solutions tell it, those of a command do not.
    """
    return solution.problem.id, solution.seed if several else None, solution.sample
