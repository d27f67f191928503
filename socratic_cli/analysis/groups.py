"""Solutions by who wrote them, and shares of them with their intervals."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from socratic_cli.answers import same_answer
from socratic_cli.records import GOLD, Solution
from socratic_cli.stages.bench import wilson
from socratic_cli.stages.solving import with_roles

DECOMPOSER, PLANNER, SOLVER = "decomposer", "planner", "solver"


@dataclass(frozen=True, slots=True)
class Share:
    """A count of a total, with the 95% Wilson interval of its share.

    Several runs of an arm add no problems: `runs` of them leave the interval as wide as that of one.
    """

    count: int
    total: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share; 0 of nothing."""
        return self.count / self.total if self.total else 0.0


def share(count: int, total: int, runs: int = 1) -> Share:
    """Return a share with its interval."""
    one_run = round(total / runs)
    low, high = wilson(count / total * one_run if total else 0, one_run)
    return Share(count, total, low, high)


@dataclass(frozen=True, slots=True)
class Group:
    """The solutions of one author, or of one arm with its seeds.

    `author` names the student alone, without who else played; `players` names who played each role, `others` who did
    instead of the student. An arm may have a name of its own: `students` are those that solved in it.
    """

    scheme: str
    author: str
    players: Mapping[str, str]
    others: Mapping[str, str]
    solutions: list[Solution] = field(repr=False)

    @property
    def students(self) -> frozenset[str]:
        """The names that the student's solutions carry, without who else played."""
        return frozenset(_alone(one.author, one.roles) for one in self.solutions)

    @property
    def name(self) -> str:
        """The author, and who else played."""
        return with_roles(self.author, self.others)

    @property
    def runs(self) -> int:
        """How often every problem was solved."""
        return max(1, round(len(self.solutions) / len({one.problem.id for one in self.solutions})))


def groups(solutions: Iterable[Solution]) -> list[Group]:
    """Return solutions by scheme, author and players, in the order in which they first come."""
    found: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[Solution]] = defaultdict(list)
    for solution in solutions:
        author, players = _cast(solution)
        found[solution.scheme, author, tuple(players.items())].append(solution)
    together: list[Group] = []
    for (scheme, author, players_of), ones in found.items():
        roles = {exchange.role for one in ones for exchange in one.trace if exchange.role in _ROLES}
        players = {role: author for role in _ROLES if role in roles} | dict(players_of)
        others = {role: who for role, who in players_of if who == GOLD or who != author}  # an arm may be named gold
        together.append(
            Group(scheme, author, {role: players[role] for role in _ROLES if role in players}, others, ones)
        )
    return together


_ROLES = (PLANNER, DECOMPOSER, SOLVER)


def _cast(solution: Solution) -> tuple[str, dict[str, str]]:
    """Return the author alone, and who played the roles that are named."""
    name = solution.arm or solution.author
    if solution.roles:
        return _alone(name, solution.roles), dict(solution.roles)
    try:
        words = [word.partition("=") for word in shlex.split(solution.author)]
    except ValueError:
        return name, {}
    # An author that is several is named by its roles: decomposer=s solver=litellm:openai/gpt-4.1-mini.
    if words and all(equals and role in _ROLES for role, equals, _ in words):
        players = {role: who for role, _, who in words}
        return solution.arm or players.get(DECOMPOSER, name), players
    return name, {}


def _alone(name: str, roles: Mapping[str, str]) -> str:
    """Return a name without who else played; a file may stand behind them, where two arms had one name."""
    return name.replace(with_roles("", roles), "") if roles else name


def is_correct(solution: Solution) -> bool:
    """Say whether a solution was judged right, or judge it by its problem's gold answer; without one nothing is."""
    if solution.correct is not None:
        return solution.correct
    gold = solution.problem.answer
    return gold is not None and same_answer(solution.answer, gold)


def accuracy(solutions: Iterable[Solution], runs: int = 1) -> Share:
    """Return the accuracy of solutions."""
    judged = [is_correct(solution) for solution in solutions]
    return share(sum(judged), len(judged), runs)
